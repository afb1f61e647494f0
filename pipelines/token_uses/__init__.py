"""Uses of tokens in a corpus, for what changes a vocabulary: prune, adapt, inspect and join."""
