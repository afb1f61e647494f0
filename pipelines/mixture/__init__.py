"""Inference of a tokenizer's training mixture: evidence from samples of the categories, and two estimators."""
