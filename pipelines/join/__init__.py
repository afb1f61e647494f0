"""The command `join`: few large files from many shards."""
