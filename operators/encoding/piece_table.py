"""Pieces of a Unigram or WordPiece model as kernels look them up."""

import numpy as np

from operators.arrays import F64, I32, I64
from operators.double_array import BLOCK, double_array
from operators.kernels.pieces import KEPT, UNIGRAM, UNIGRAM_32, WORDPIECE, Paths, PieceTable
from operators.tokenizer import PieceModel, UnusableIds


def method_of(model: PieceModel) -> int:
    """Return the kernels' number for a model."""
    if model.kind == "wordpiece":
        return WORDPIECE
    return UNIGRAM_32 if model.single_precision else UNIGRAM


def piece_table(model: PieceModel | None) -> PieceTable:
    """Return the table of a model; an empty one for None. Raises UnusableIds for ids or scores out of range."""
    if model is None:
        none = np.full(BLOCK, -1, np.int32)
        return PieceTable(np.full(BLOCK, -1, np.int64), none, np.zeros(1), none, -1, -1, 0, False, _paths(1))
    if not len(model.ids) or int(model.ids.min()) < 0 or (model.unknown < 0 and not model.of_bytes):
        raise UnusableIds("it needs pieces, and ids from 0 on, also for the unknown piece")
    if model.of_bytes and sum(len(text) == 1 for text in model.texts) < 256:
        raise UnusableIds("a model of bytes needs a piece for each of them")
    links, found = double_array(model.texts, model.ids)
    byte_ids = np.full(256, -1, np.int32) if model.byte_ids is None else np.ascontiguousarray(model.byte_ids, np.int32)
    numbers = (model.unknown, _slot_of(model.prefix, links), min(model.longest, 1 << 40), model.of_bytes)
    return PieceTable(links, found, _scores(model), byte_ids, *numbers, _paths(KEPT + 1))


def _slot_of(prefix: bytes, links: I64) -> int:
    """Return the slot that a text leads to from the root, -1 where it leads to none."""
    slot = 0
    for byte in prefix:
        to = (int(links[slot]) & 0xFFFFFFFF) ^ byte
        if int(links[to]) >> 32 != slot:
            return -1
        slot = to
    return slot


def _scores(model: PieceModel) -> F64:
    if model.scores is None:
        return np.zeros(1)
    if not np.isfinite(model.scores).all():
        raise UnusableIds("a score is not a finite number")
    scores = np.zeros(int(model.ids.max()) + 2)
    scores[model.ids] = model.scores
    scores[-1] = model.unknown_score
    return scores


def _paths(places: int) -> Paths:
    def empty() -> I32:
        return np.empty(places, np.int32)

    return Paths(np.empty(places), empty(), empty(), empty())
