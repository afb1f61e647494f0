"""A corpus to token ids, incrementally: shards of tokens for each input file, as Parquet or for Megatron."""

from pipelines.retokenizing.encoding import Encoding
from pipelines.retokenizing.run import retokenize

__all__ = ["Encoding", "retokenize"]
