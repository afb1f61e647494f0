"""A corpus to token ids, incrementally: shards of tokens for each input file, as Parquet or for Megatron."""

from pipelines.retokenize.options import Encoding
from pipelines.retokenize.step import retokenize

__all__ = ["Encoding", "retokenize"]
