"""The command `retokenize`: a corpus to shards of token ids, incrementally, in one of several formats."""
