"""The pruned tokenizer, and the new ids of all tokens."""

from dataclasses import dataclass, replace

import numpy as np

from operators.arrays import I64
from operators.encoding.token_texts import encode_words
from operators.renumbering import with_new_ids
from operators.tokenizer import Tokenizer


@dataclass(frozen=True)
class PrunedTokenizer:
    """A tokenizer without some of its tokens."""

    tokenizer: Tokenizer
    new_ids: I64
    """int64[old tokens]: the new id of each old token; -1 where it was removed."""
    pieces: dict[int, list[int]]
    """New ids of the text of each removed token, by its old id."""


def without_tokens(tokenizer: Tokenizer, removed: I64, *, keep_ids: bool) -> PrunedTokenizer:
    """Remove tokens, each of which no remaining token is made of.

    The remaining tokens keep their order. Their ids have no gaps, or with `keep_ids` each token keeps its id.
    """
    size = len(tokenizer.tokens)
    kept = np.ones(size, np.bool_)
    kept[removed] = False
    new_ids = np.where(kept, np.arange(size) if keep_ids else np.cumsum(kept) - 1, -1).astype(np.int64)
    made = with_new_ids(tokenizer, new_ids)
    if keep_ids:
        made = replace(
            made, published=replace(made.vocabulary, tokens=[*made.tokens, *[b""] * (size - len(made.tokens))])
        )
    return PrunedTokenizer(made, new_ids, pieces_of(tokenizer, made, removed))


def pieces_of(old: Tokenizer, new: Tokenizer, tokens: I64) -> dict[int, list[int]]:
    """Return the ids that `new` gives the text of each token of `old`, by its old id. A text is one word."""
    texts = [old.tokens[token] for token in tokens.tolist()]
    return dict(zip(tokens.tolist(), encode_words(new, texts), strict=True))
