"""Tables of any result, printed as text, CSV or Markdown."""
