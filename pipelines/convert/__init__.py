"""A tokenizer in another file format."""
