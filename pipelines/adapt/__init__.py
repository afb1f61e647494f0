"""Other tokens for a tokenizer that exists, at the same size."""
