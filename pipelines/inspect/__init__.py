"""Facts on one tokenizer."""
