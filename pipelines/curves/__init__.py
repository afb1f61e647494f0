"""Tokens of each language at every vocabulary size of one tokenizer."""
