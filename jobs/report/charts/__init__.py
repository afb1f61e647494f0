"""The charts: a module for each part of the page, nothing drawn for what is not known."""
