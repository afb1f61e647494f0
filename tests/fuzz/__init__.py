"""Hostile bytes for every reader: a coverage-guided fuzzer, and what it found, replayed."""
