"""Settings of `retokenize`."""

from jobs.settings.base import Corpus, Settings


class Retokenize(Settings, frozen=True, kw_only=True):
    """Write the token ids of a corpus, one Parquet file for each input file."""

    corpus: Corpus
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    tokenizer: str
    """A directory that train wrote, a tokenizer.json, or FILE.tiktoken[,pretokenizer=NAME]."""
    out: str
    """Directory for the token shards: id, language, tokens."""
