"""The command `encode`: lines of text to token ids."""
