"""Compared tokenizers inside the page, which cuts any text with them: merges, expressions and added tokens, packed.

Only tokenizers that a few lines of JavaScript (scripts/bpe.js) encode with exactly as we do are offered: byte-level BPE
by merges, words cut by expressions that `operators.text.javascript` can write. The page says of each other one why not.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from jobs.report.packing import packed
from jobs.report.premium_runs import Reference
from jobs.units import size
from operators.encoding.word_encoder import merge_table, unreached_tokens
from operators.errors import BabelmergeError
from operators.text.javascript import Classes, NotInJavaScript, javascript_steps
from operators.tokenizer import AddedToken, Tokenizer
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint

MOST_ID: Final = 1 << 21
"""Ids must be below it: two of them fit a number of JavaScript."""


class NotOffered(ValueError):
    """A tokenizer that the page does not offer; the message says why, in a few words."""


class Cutter(NamedTuple):
    """Tokenizer of the page."""

    name: str
    content: str | None
    """Merges, expressions and added tokens, packed; None where it is not offered."""
    reason: str = ""
    """Reason for which it is not offered."""


def cutters(references: Iterable[Reference], room: int) -> list[Cutter]:
    """Return the tokenizers in their order. Those that take least are embedded while they fit into `room` bytes."""
    made = [_cutter(reference) for reference in references]
    for bytes_taken, i in sorted((len(one.content), i) for i, one in enumerate(made) if one.content is not None):
        room -= bytes_taken
        if room < 0:
            reason = f"it takes {size(bytes_taken)}, and the page is full"
            made[i] = Cutter(made[i].name, None, reason)
    return made


def _cutter(reference: Reference) -> Cutter:
    try:
        return Cutter(reference.name, packed(content(_loaded(reference))))
    except (NotOffered, NotInJavaScript) as error:
        return Cutter(reference.name, None, str(error))


def _loaded(reference: Reference) -> Tokenizer:
    if reference.path is None:
        raise NotOffered("the results do not say where it is; run premiums again")
    if not Path(reference.path.split(",pretokenizer=")[0]).exists():
        raise NotOffered("its file is no longer where it was")
    try:
        tokenizer = load_tokenizer(reference.path)
    except BabelmergeError:
        raise NotOffered("its file can no longer be read") from None
    if reference.fingerprint not in (None, tokenizer_fingerprint(tokenizer)):
        raise NotOffered("its file has changed since")
    return tokenizer


def content(tokenizer: Tokenizer) -> bytes:
    """Return a line of JSON, then the merges. Raises NotOffered, NotInJavaScript.

    The JSON has `merges` (their number), `classes` and `steps` as `operators.text.javascript` writes them, `bytes` (ids
    of the 256 byte tokens), `whole` (hexadecimal bytes and id of words that are one token), and `added`: two lists of
    [text, id]. The second list is looked for in what the first leaves; id -1: the text stays text. The merges are three
    lists of 24-bit numbers: the ids of all left tokens, of all right ones, and the steps from a made token to the next,
    less 1. All low bytes come first, then all middle bytes, then all high bytes.
    """
    for is_so, reason in _OBSTACLES:
        if is_so(tokenizer):
            raise NotOffered(reason)
    classes, merges = Classes(), tokenizer.merges
    heading = {
        "merges": len(merges),
        "steps": javascript_steps(tokenizer.pretokenizer, classes),
        "classes": classes.texts,
        "bytes": tokenizer.byte_ids.tolist(),
        "added": [_added(tokenizer, normalized) for normalized in (False, True)],
        "whole": _whole(tokenizer),
    }
    steps = np.diff(merges.token, prepend=np.int32(-1)) - 1
    numbers = np.concatenate([merges.left, merges.right, steps]).astype("<i4").view(np.uint8).reshape(-1, 4)
    return msgspec.json.encode(heading) + b"\n" + numbers[:, :3].T.tobytes()


def _added(tokenizer: Tokenizer, normalized: bool) -> list[tuple[str, int]]:
    """Added tokens of one kind, longest first; [] where text becomes none of them."""
    own = [token for token in tokenizer.added_tokens if token.normalized == normalized]
    if all(token.special for token in own):
        return []
    own.sort(key=lambda token: -len(token.content.encode()))
    return [(token.content, -1 if token.special else token.id) for token in own]


def _whole(tokenizer: Tokenizer) -> list[tuple[str, int]]:
    if not tokenizer.ignore_merges:
        return []
    return [(text.hex(), i) for i, text in unreached_tokens(tokenizer, merge_table(tokenizer.merges)).items()]


def _finds_under_conditions(tokens: Sequence[AddedToken]) -> bool:
    conditions = (one.lstrip or one.rstrip or one.single_word or not one.content for one in tokens)
    return not all(one.special for one in tokens) and any(conditions)


_OBSTACLES: Final[tuple[tuple[Callable[[Tokenizer], bool], str], ...]] = (
    (lambda one: one.pieces is not None, "it is a Unigram or WordPiece model, which has no merges"),
    (lambda one: one.events is not None, "its tokens are made and removed by events, which are no merge list"),
    (lambda one: one.library is not None, "only its own library encodes with it exactly"),
    (lambda one: one.vocabulary.characters is not None, "its words are spelled in characters, not in bytes"),
    (lambda one: int(one.byte_ids.min()) < 0, "it has no token for some byte"),
    (lambda one: len(one.tokens) > MOST_ID, f"it has more than {MOST_ID:,} tokens"),
    (lambda one: _finds_under_conditions(one.added_tokens), "it looks for added tokens under conditions"),
)
"""Test and reason."""
