"""Pruning: fewer tokens for a tokenizer that exists, without training anew."""
