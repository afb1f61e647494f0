"""Corpora: which files they are, and their documents as Arrow batches."""
