"""Required tokens for a tokenizer that exists."""
