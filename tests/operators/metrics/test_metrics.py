"""Metrics against slow or independent ways to the same figures."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from operators.encode import Encoder
from operators.metrics.efficiency import renyi_efficiency
from operators.metrics.fairness import TooFewLanguages, gini, worst_to_best
from operators.metrics.vocabulary import BYTES, is_part_of_utf8, token_kinds
from operators.metrics.words import word_counts, word_table
from operators.tokenizer_files.hugging_face_output import to_json
from tests.operators.test_curves import trained

TEXTS = ["the cat sat, on  the mat", "naïve café", " a\tb\nc ", "", "кошка сидела"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.sampled_from([1.0, 2.0, 2.5, 3.0]))
def test_renyi_is_the_formula(counts: list[int], alpha: float) -> None:
    seen = [count for count in counts if count]
    found = renyi_efficiency(np.array(counts, np.int64), alpha=alpha)
    if len(seen) < 2:
        assert found is None
        return
    shares = [count / sum(seen) for count in seen]
    if alpha == 1:
        entropy = -sum(share * math.log2(share) for share in shares)
    else:
        entropy = math.log2(sum(share**alpha for share in shares)) / (1 - alpha)
    assert found == pytest.approx(entropy / math.log2(len(seen)))
    assert 0 < found <= 1 + 1e-12


@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=30))
def test_gini_is_the_mean_difference(costs: list[float]) -> None:
    n = len(costs)
    slow = sum(abs(a - b) for a in costs for b in costs) / (2 * n * n * (sum(costs) / n))
    assert gini(np.array(costs)) == pytest.approx(slow, abs=1e-12)
    assert worst_to_best(np.array(costs)) == pytest.approx(max(costs) / min(costs))


def test_nobody_is_unequal_alone() -> None:
    for figure in (gini, worst_to_best):
        with pytest.raises(TooFewLanguages):
            figure(np.array([1.0]))


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


def test_a_word_table_has_words_without_punctuation() -> None:
    assert word_table("“The” cat, the (cat)! 12 3rd — naïve") == ["3rd", "The", "cat", "naïve", "the"]


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

    if any(valid(a + data + b) for a in before for b in after):
        assert is_part_of_utf8(data)
    if b"\xff" in data or b"\xc0" in data:
        assert not is_part_of_utf8(data)


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
