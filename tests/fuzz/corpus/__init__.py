"""Inputs of readers: READER-NAME."""
