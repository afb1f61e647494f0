"""The command `decode`: token ids to lines of text."""
