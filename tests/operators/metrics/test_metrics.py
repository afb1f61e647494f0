"""Metrics against slow or independent ways to the same figures."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from operators.encoding.encode import Encoder
from operators.metrics.vocabulary import BYTES, is_part_of_utf8, token_kinds
from operators.metrics.words import word_counts
from operators.tokenizer_files.hugging_face_output import to_json
from tests.operators.sizes.test_curves import trained

TEXTS = ["the cat sat, on  the mat", "naïve café", " a\tb\nc ", "", "кошка сидела"]


def test_words_and_continued_words_by_hugging_faces_offsets() -> None:
    tokenizer = trained(TEXTS * 5, 300)
    library, encoder = Library.from_str(to_json(tokenizer)), Encoder(tokenizer)
    words = continued = 0
    for text in TEXTS:
        spans = library.encode(text).offsets
        for word, (first, last) in _spans(text):
            words += 1
            inside = [one for one in spans if one[0] < last and one[1] > first and one[0] != one[1]]
            starts = {one[0] for one in inside if one[0] > first and text[first : one[0]].strip()}
            continued += bool(starts) or (len(word.encode()) > 1 and _cut_in_bytes(encoder, text, first, last))
    lengths = np.array([len(token) for token in tokenizer.tokens], np.int32)
    leading = np.array([token[:1] == b" " for token in tokenizer.tokens], np.uint8)
    ids, offsets = encoder.encode(pa.array(TEXTS, pa.large_string()))
    found = word_counts(pa.array(TEXTS, pa.large_string()), ids, offsets, lengths, leading)
    assert (found.words, found.told) == (words, words)
    assert found.continued == continued


def _spans(text: str) -> list[tuple[str, tuple[int, int]]]:
    found, at = [], 0
    for word in text.split():
        first = text.index(word, at)
        at = first + len(word)
        found.append((word, (first, at)))
    return found


def _cut_in_bytes(encoder: Encoder, text: str, first: int, last: int) -> bool:
    """Whether a border between tokens lies inside text[first:last], told by adding up the tokens' bytes."""
    ids, _ = encoder.encode(pa.array([text], pa.large_string()))
    tokens = trained(TEXTS * 5, 300).tokens
    borders = np.cumsum([len(tokens[i]) for i in ids.tolist()])
    return any(len(text[:first].encode()) < border < len(text[:last].encode()) for border in borders.tolist())


@given(st.binary(max_size=6))
def test_parts_of_utf8_are_those_that_some_text_holds(data: bytes) -> None:
    """Tried out: behind every beginning and before every end that a character may have."""
    leads = ["", "c2", "e1", "e180", "f1", "f180", "f18080", "e0a0", "ed80", "e0", "ed", "f0", "f090", "f4"]
    before = [bytes.fromhex(lead) for lead in leads]
    after = [b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\xa0", b"\x90\x80\x80", b"\x90"]

    def valid(text: bytes) -> bool:
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
        return True

    assert is_part_of_utf8(data) == any(valid(a + data + b) for a in before for b in after)


def test_every_token_of_a_trained_vocabulary_is_reached_or_a_step_on_the_way() -> None:
    tokenizer = trained(["кошка кошка кошки the theme theme"] * 3, 290)
    kinds, encoder = token_kinds(tokenizer), Encoder(tokenizer)
    for i, text in enumerate(tokenizer.tokens):
        try:
            shown = text.decode()
        except UnicodeDecodeError:
            assert kinds.undecodable[i] and kinds.script[i] == BYTES
            continue
        assert kinds.characters[i] == len(shown)
        alone = encoder.encode(pa.array([shown], pa.large_string()))[0].tolist() == [i]
        assert not (alone and kinds.unreachable[i])
