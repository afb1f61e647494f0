"""Corpus of the demo."""
