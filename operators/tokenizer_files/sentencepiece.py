"""SentencePiece's .model, of BPE or (`operators.tokenizer_files.sentencepiece_unigram`) Unigram.

It is read without the library where the kernels are exact.

SentencePiece joins any two neighbours whose concatenation is a piece, highest score first, leftmost first where scores
are equal. When two neighbours spell a piece, everything inside it was joined as when the piece is encoded alone. So
they are always the same two, and pieces with scores of their own are a merge list. Pieces of equal scores are none, but
for one kind that models have, runs of spaces: leftmost first joins them to the longest from the left, as does a merge
list that tries longer ones first.
"""

import math
import struct
from collections.abc import Iterator
from typing import Any, Final

from operators.encoding.word_encoder import final_pairs, merge_table
from operators.text.preprocessing import SPACE_MARK, Preprocessing
from operators.text.pretokenize import format_preprocessing
from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer, quoted
from operators.tokenizer_files.sentencepiece_model import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    Model,
    ids_of,
    read_model,
)
from operators.tokenizer_files.sentencepiece_unigram import from_unigram
from operators.tokenizer_files.symbols import Symbols, character_symbols, reaches_over_spaces

_KINDS: Final = {1: "Unigram", 2: "BPE", 3: "Word", 4: "Char"}
_MOST_SPLITS: Final = 1 << 23
"""Ways to take pieces apart that are tried; published models have up to 4,000,000."""
_MOST_COMPARED: Final = 1 << 29
"""Characters of all those ways together."""
_LONGEST_RUN: Final = 200
"""Spaces in a row up to which both ways to join them are compared."""


def from_model(data: bytes, path: str) -> Tokenizer:
    """The tokenizer of a .model file; `path` is for error messages.

    Raises:
        UnsupportedTokenizer: its model is neither BPE nor Unigram.
        MalformedTokenizer: it is no .model file, or contradicts itself.
    """
    try:
        model = read_model(data)
    except (ValueError, struct.error) as error:
        raise MalformedTokenizer(path, f"no SentencePiece model ({error})") from None
    if model.kind == 1:
        return from_unigram(model, data, path)
    if model.kind != 2:
        raise UnsupportedTokenizer(path, f"a SentencePiece model of type {_KINDS.get(model.kind, model.kind)}")
    ids = ids_of(model, path)
    added = tuple(
        AddedToken(piece.text, i, special=piece.kind == CONTROL, normalized=piece.kind == USER_DEFINED)
        for i, piece in enumerate(model.pieces)
        if piece.kind in (CONTROL, USER_DEFINED)
    )
    mergeable = {piece.text: i for i, piece in enumerate(model.pieces) if piece.kind == NORMAL}
    by_bytes = {piece.text: i for i, piece in enumerate(model.pieces) if piece.kind == BYTE}
    unknown = next(i for i, piece in enumerate(model.pieces) if piece.kind == UNKNOWN)
    symbols = character_symbols(
        mergeable | by_bytes, ids, unknown, fuse=True, bytes_too=model.byte_fallback, marks_spaces=True
    )
    merges, tied = Merges.from_rows([]), _unordered(model, mergeable)
    if tied is None:
        merges, tied = _merges(model, mergeable, symbols)
    lacking = symbols.lacking or _lacking(model, mergeable, added) or tied
    library = LibraryModel("sentencepiece", data, lacking, False) if lacking is not None else None
    normalizer: dict[str, Any] = {"type": "SentencePiece"}
    normalizer |= {name: getattr(model, name) for name in ("add_dummy_prefix", "remove_extra_whitespaces")}
    over = reaches_over_spaces(model.pieces[i].text for i in set(merges.token.tolist()))
    preprocessing = Preprocessing(normalizer, None, "whole" if over else "runs")
    vocabulary = symbols.vocabulary(tuple(token.id for token in added))
    return Tokenizer(
        format_preprocessing(preprocessing),
        tuple(token.content for token in added),
        merges,
        vocabulary,
        False,
        added,
        library,
    )


def _lacking(model: Model, mergeable: dict[str, int], added: tuple[AddedToken, ...]) -> str | None:
    """Return the first feature that the kernels cannot do; None: there is none."""
    if model.rules:
        return "rules of normalization"
    if model.space_behind or not model.escape_whitespaces:
        return "spaces that are not marked at the beginning of words"
    if any(piece.kind == UNUSED for piece in model.pieces):
        return "unused pieces"
    if any(" " in piece.text for piece in model.pieces):
        return "a piece with a plain space"
    if model.remove_extra_whitespaces and any(SPACE_MARK in token.content for token in added):
        return "extra spaces removed and an added token that has one"
    if not set("".join(mergeable)) <= set(mergeable):
        return "a piece with a character that is no piece"
    return None


def _unordered(model: Model, mergeable: dict[str, int]) -> str | None:
    """Return the reason why pieces cannot be ordered in bounded time and memory; None: they can."""
    if any(math.isnan(model.pieces[i].score) for i in mergeable.values()):
        return "a piece whose score is not a number"
    lengths = {len(text) for text in mergeable}
    splits = compared = 0
    for text in mergeable:
        halves = min(len(text), len(lengths))
        splits, compared = splits + halves, compared + halves * len(text)
        if splits > _MOST_SPLITS or compared > _MOST_COMPARED:
            return "pieces of very many lengths"
    return None


def _halves(text: str, lengths: list[int], mergeable: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Every way to take a piece apart into two pieces; lengths: those of all pieces, ascending."""
    for k in lengths:
        if k >= len(text):
            return
        if (left := text[:k]) in mergeable and (right := text[k:]) in mergeable:
            yield left, right


def _merges(model: Model, mergeable: dict[str, int], symbols: Symbols) -> tuple[Merges, str | None]:
    """The pairs that texts come down to, highest score first; what keeps them from being a merge list, if anything."""
    by_score = dict[float, list[str]]()
    for text, i in mergeable.items():
        if len(text) > 1:
            by_score.setdefault(model.pieces[i].score, []).append(text)
    tied = None
    rows, lengths = list[tuple[int, int, int, int]](), sorted({len(text) for text in mergeable})
    for score in sorted(by_score, reverse=True):
        texts = sorted(by_score[score], key=len, reverse=True)
        if len(texts) > 1:
            tied = tied or _tie(texts, mergeable, model)
        for text in texts:
            halves = _halves(text, lengths, mergeable)
            rows += [(mergeable[left], mergeable[right], mergeable[text], -1) for left, right in halves]
    every = Merges.from_rows(rows)
    texts_of = {i: symbols.texts[i] for text, i in mergeable.items() if len(text) > 1}
    ends = final_pairs(texts_of, symbols.byte_ids, merge_table(every), characters=symbols.characters)
    final = {(left, right, i) for i, (left, right) in zip(texts_of, ends.tolist(), strict=True)}
    return Merges.from_rows([row for row in rows if row[:3] in final]), tied


def _tie(texts: list[str], mergeable: dict[str, int], model: Model) -> str | None:
    """Return the reason why pieces with one score cannot be put in an order, longest first; None: they can."""
    runs = {len(text): model.pieces[i].score for text, i in mergeable.items() if not text.strip(SPACE_MARK)}
    if any(text.strip(SPACE_MARK) for text in texts):
        return f"the pieces {quoted(texts[0])} and {quoted(texts[1])} with the same score"
    if any(SPACE_MARK * 2 in text and text.strip(SPACE_MARK) for text in mergeable):
        return "runs of spaces with the same score, and pieces that begin with them"
    lengths = (*range(2, 40), _LONGEST_RUN)
    same = all(_joins(n, runs, longest_first=True) == _joins(n, runs, longest_first=False) for n in lengths)
    return None if same else "runs of spaces with the same score, some lengths left out"


def _joins(spaces: int, runs: dict[int, float], *, longest_first: bool) -> list[tuple[int, int]]:
    """(place, length) of each join of a run of spaces, by score, then the longest first or the leftmost."""
    parts, joins = [1] * spaces, list[tuple[int, int]]()
    while True:
        best: tuple[float, int, int] | None = None
        for i in range(len(parts) - 1):
            length = parts[i] + parts[i + 1]
            if length in runs:
                candidate = (-runs[length], -length if longest_first else 0, i)
                best = candidate if best is None or candidate < best else best
        if best is None:
            return joins
        i = best[2]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
        joins.append((i, parts[i]))
