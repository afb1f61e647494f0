"""The command `peek`: documents and tokens of a shard."""
