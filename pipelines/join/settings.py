"""Settings of `join`."""

from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from pipelines.results import JoinedTokenizer, Retokenized
from pipelines.settings import UNHASHED, Corpus, CorpusSettings, size_in_bytes

_TOKENIZER_FILES: Final = ("tokenizer.json", "tekken.json", "tokenizer.model", "merges.txt", "ranks.tiktoken")


class Join(CorpusSettings[Retokenized | JoinedTokenizer], frozen=True, kw_only=True):
    """Join token shards into one large file or files of a size; or the tokens of two tokenizers in one.

    What is joined tells which: directories of token shards, or two tokenizers.
    """

    shards: Annotated[list[str], UNHASHED]
    """Directories that `retokenize` wrote, with one tokenizer and format, whose shards are joined in this order; or two
    tokenizers, of which the second gives the first the tokens that it lacks."""
    out: Annotated[str, UNHASHED]
    """Directory for the joined files, or for the tokenizer, as train writes it."""
    size: str | None = None
    """Approximate size of a file, e.g. 10GB: shards are joined whole until it is reached. By default all become one."""
    to: Annotated[int, Meta(ge=257)] | None = None
    """Largest number of tokens of a joined tokenizer; by default all tokens that can be reached are taken."""
    corpus: Annotated[Corpus, UNHASHED] = []
    """Text on which a joined tokenizer is compared with the first one, extended to the same size."""
    partitions: Annotated[int, Meta(ge=1, le=10_000), UNHASHED] = 16
    """Number of partitions of that text's word tables, by hash."""

    def __post_init__(self) -> None:
        """Verify the size before any work. Raises BadSettings."""
        if self.size is not None:
            size_in_bytes("size", self.size)

    @property
    def of_tokenizers(self) -> bool:
        """True if tokenizers are named, and no directories of token shards."""
        return any(map(_is_tokenizer, self.shards))

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels: shards are copied without any."""
        return ("words", "uint32_ids", "encoding", "pruning") if self.of_tokenizers else ()


def _is_tokenizer(name: str) -> bool:
    path = Path(name.partition(",pretokenizer=")[0]).expanduser()
    return path.is_file() or any((path / file).is_file() for file in _TOKENIZER_FILES)
