"""Events of a model as kernels look them up."""

import numpy as np

from operators.arrays import read_only
from operators.kernels.bpe import NO_MERGE
from operators.kernels.events import Events, link_events
from operators.tokenizer import Tokenizer


def event_table(tokenizer: Tokenizer) -> Events:
    """Return the events of a tokenizer; none for another kind."""
    model = tokenizer.events
    none, nowhere = np.empty(0, np.int32), np.empty(0, np.int64)
    if model is None:
        pairs = np.full(4, NO_MERGE, np.int64)
        pairs[::2] = -1
        fixed = read_only(none)
        return Events(fixed, fixed, fixed, read_only(nowhere), fixed, none, pairs, none, fixed)
    texts = tokenizer.text_tokens
    tokens = [texts.get(i, b"") for i in range(len(tokenizer.tokens))] + [*model.removed]
    width = np.array([len(text) for text in tokens], np.int32)
    pairs = np.full(2 << (2 * len(model) + 2).bit_length(), NO_MERGE, np.int64)
    pairs[::2] = -1
    following, removals = np.full(len(model), -1, np.int32), np.full(len(tokens), -1, np.int32)
    table = Events(
        read_only(model.left), read_only(model.right), read_only(model.made), read_only(model.part_ends),
        read_only(model.parts), following, pairs, removals, read_only(width),
    )  # fmt: skip
    link_events(table)
    return table
