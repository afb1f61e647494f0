"""Plain tokenizers for those of events: the exact one, where there is one, and the nearest one."""

from dataclasses import replace

from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.tiktoken import from_ranks


def exact_plain(tokenizer: Tokenizer) -> Tokenizer | None:
    """Return the tokenizer of a merge list that encodes identically; None where none is known to.

    Events without a removal, each of which makes a token of its own, are a merge list.
    """
    model = tokenizer.events
    if model is None or not model.is_plain:
        return None
    merges = Merges(model.left, model.right, model.made, model.count)
    return Tokenizer(tokenizer.pretokenizer, tokenizer.special_tokens, merges, ignore_merges=True)


def nearest_plain(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer of merges with the same vocabulary and ids, as near as a merge list comes.

    Each token has the merge that the tokens before it and it make it by; a word that is a token becomes it.
    """
    special = dict(zip(tokenizer.special_tokens, tokenizer.vocabulary.special_ids, strict=True))
    taken = set(special.values())
    texts = {i: text for i, text in tokenizer.text_tokens.items() if i not in taken}
    return replace(from_ranks(texts, "nearest", tokenizer.pretokenizer, special), ignore_merges=True)
