"""More tokens for a tokenizer that exists."""
