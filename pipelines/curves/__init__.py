"""Tokens at every vocabulary size: of one tokenizer in many languages, and of a tokenizer for each language."""
