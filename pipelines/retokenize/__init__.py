"""A corpus to token ids, incrementally: shards of tokens for each input file, as Parquet or for Megatron."""
