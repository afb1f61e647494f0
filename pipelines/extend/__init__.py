"""The command `extend`: more tokens for a tokenizer that exists."""
