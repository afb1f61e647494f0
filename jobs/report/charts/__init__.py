"""Charts of the report, one module for each part of the page; results that are missing are not drawn."""
