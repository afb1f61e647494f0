"""Settings of `retokenize`."""

from typing import Annotated, Literal

from msgspec import Meta

from pipelines.results import Retokenized
from pipelines.settings import UNHASHED, Corpus, CorpusSettings
from pipelines.token_shards.format_names import Format

IdType = Literal["auto", "uint16", "uint32"]
Packing = Literal["cut", "best-fit", "none"]
LongDocuments = Literal["split", "truncate"]


class Retokenize(CorpusSettings[Retokenized], frozen=True, kw_only=True):
    """Write the token ids of a corpus; run again, encode only what is new or changed since."""

    corpus: Annotated[Corpus, UNHASHED]
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    tokenizer: Annotated[str, UNHASHED]
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: Annotated[str, UNHASHED]
    """Directory for the token shards."""
    format: Format = "parquet"
    """Format of the shards: `parquet` and `arrow` have the columns id, language, input_ids (Hugging Face datasets),
    `megatron` .bin and .idx (Megatron-LM), `npy` raw arrays with .csv.gz (OLMo), `ds` with an index (datatrove), `llmc`
    .bin (llm.c), `mds` (mosaicml-streaming), `litdata`, `arrayrecord` (Grain)."""
    column: str = "input_ids"
    """Name of the column of ids in Parquet, Arrow and MDS; it was `tokens` before."""
    id_type: IdType = "auto"
    """Type of the ids: uint16 or uint32 (Megatron: int32); `auto` takes uint16 where all ids of the tokenizer fit."""
    begin: str | None = None
    """A token, by its text or its id (digits are an id), that is put in front of each document; by default none is."""
    end: str | None = None
    """A token, by its text or its id, that is put behind each document; by default none is."""
    separator: str | None = None
    """Another name of `end`."""
    shuffle: Annotated[int, Meta(ge=0)] | None = None
    """Seed of a random order of all documents over all shards. Any change of the corpus is then a new run."""
    pack: int | None = None
    """Write rows of this many tokens, 2 or more, not documents. Any change of the corpus is then a new run."""
    packing: Packing | None = None
    """`cut` (default): documents one after the other, cut at each row's end; `best-fit`: only documents longer than a
    row are cut, and rows are filled by best-fit decreasing; `none`: each document has rows of its own."""
    pack_one_more: bool = False
    """Rows have one token more than `pack`, for inputs and targets that are shifted by one."""
    long_documents: LongDocuments | None = None
    """Treatment of documents longer than a row, with `best-fit` and `none`: `split` (default), or `truncate`."""
    pad: str | None = None
    """A token, by its text or its id, that fills rows up; by default that of `end`, else id 0."""
    epochs: Annotated[float, Meta(gt=0, le=1000), UNHASHED] = 1
    """Copies of each document; 1.5 gives half of the documents, by a hash of their ids, a second copy. With `shuffle`
    each epoch has an order of its own; else copies stand near each other."""
    weights: Annotated[dict[str, Annotated[float, Meta(ge=0, le=1000)]] | str | None, UNHASHED] = None
    """Factors of the copies of languages (sw=2.5,en=0.5; others 1), or a .yaml file of them. A fraction is a share of
    the language's documents, by a hash of their ids."""
    split: Annotated[dict[str, Annotated[float, Meta(gt=0, lt=1)]] | None, UNHASHED] = None
    """Splits and their shares of the documents (validation=0.1%,test=0.1%), by a hash of their ids. Each has a folder
    of its own, and each of its documents once; the folder `train` has the rest."""
    drop_duplicates: Annotated[bool, UNHASHED] = False
    """Leave out documents whose text an earlier document of the corpus has. Any change of the corpus is then a new
    run."""
    special_tokens_in_text: Literal["text", "ids"] = "text"
    """Treatment of special tokens that a text spells: encode them as `text`, or as their `ids`."""
    inference: str = "merges"
    """Segmentation of words into tokens: merges, longest-prefix, longest-token, longest-suffix, fewest-tokens,
    dropout:P or stochastok:P."""
    seed: Annotated[int, Meta(ge=0)] = 0
    """Seed of the random segmentations; a document's tokens depend on the seed and the document's id alone."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that encoding runs; random segmentations have a group of their own."""
        mixed = self.epochs != 1 or bool(self.weights or self.split) or self.drop_duplicates
        arranged = self.shuffle is not None or self.pack is not None or mixed
        groups = {
            "stochastic": ":" in self.inference,
            "array_record": self.format == "arrayrecord",
            "arranging": arranged,
        }
        return ("encoding", *(group for group, is_run in groups.items() if is_run))
