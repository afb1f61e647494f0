"""Fewer tokens for a tokenizer that exists."""
