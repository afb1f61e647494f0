"""What a tokenizer was trained on: evidence from samples of the categories, and two ways to read it."""
