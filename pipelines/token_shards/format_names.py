"""Names of the formats of token shards."""

from typing import Literal

Format = Literal["parquet", "arrow", "megatron", "npy", "ds", "llmc", "mds", "litdata", "arrayrecord"]
"""Each is the name of a module in `pipelines.token_shards.formats`."""
