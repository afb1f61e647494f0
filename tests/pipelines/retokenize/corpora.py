"""A trained tokenizer, corpora, and runs of `retokenize` over them."""

from collections.abc import Sequence
from pathlib import Path

from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Manifest, Output
from pipelines.progress import Silent
from pipelines.retokenize.options import Encoding
from tests.pipelines.corpora import write_corpus
from tests.pipelines.steps import count_words, encode_corpus, train

ENGINE = LocalEngine(2)


class Notes(Silent):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def train_tokenizer(folder: Path) -> None:
    """A tokenizer of 400 tokens, in `folder`/tok, from text in four languages."""
    write_corpus(folder / "text", 200)
    with Output(folder / "tok", "tokenizer") as output:
        words = count_words(
            find_files([Source(path=str(folder / "text"))]), "gpt4", folder / "tok/words", ENGINE, Silent()
        )
        train(words, folder / "tok/words", output, ENGINE, Silent(), vocabulary_size=400)


def encoded(
    tokenizer: Tokenizer,
    corpus: Path | Sequence[Source],
    out: Path,
    encoding: Encoding | None = None,
    engine: Engine = ENGINE,
    notes: Notes | None = None,
) -> Manifest:
    sources = [Source(path=str(corpus))] if isinstance(corpus, Path) else corpus
    with Output(out, "tokens") as output:
        return encode_corpus(
            find_files(sources), tokenizer, output, engine, notes if notes is not None else Notes(), encoding=encoding
        ).manifest


def files_of(out: Path) -> dict[str, bytes]:
    """Every file of a directory but how the run went, which differs from run to run."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }
