"""Work on texts in memory, for notebooks: a tokenizer, training, premiums. The module `babelmerge` re-exports it."""
