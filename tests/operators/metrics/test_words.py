"""Whitespace words, counted and cut, against Hugging Face's offsets and small cases by hand."""

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer as Library

from operators.encoding.encode import Encoder
from operators.metrics.words import whole_words, without_space, word_counts, word_table, writes_words
from operators.tokenizer_files.hugging_face_output import to_json
from tests.operators.curves.test_tokens_by_size import trained

TEXTS = ["the cat sat, on  the mat", "naïve café", " a\tb\nc ", "", "кошка сидела"]


def test_words_and_split_words_by_hugging_faces_offsets() -> None:
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
    assert (found.words, found.measured) == (words, words)
    assert found.split == continued


def _spans(text: str) -> list[tuple[str, tuple[int, int]]]:
    found, at = [], 0
    for word in text.split():
        first = text.index(word, at)
        at = first + len(word)
        found.append((word, (first, at)))
    return found


def _cut_in_bytes(encoder: Encoder, text: str, first: int, last: int) -> bool:
    """True if a token boundary lies inside text[first:last], by adding up the tokens' bytes."""
    ids, _ = encoder.encode(pa.array([text], pa.large_string()))
    tokens = trained(TEXTS * 5, 300).tokens
    borders = np.cumsum([len(tokens[i]) for i in ids.tolist()])
    return any(len(text[:first].encode()) < border < len(text[:last].encode()) for border in borders.tolist())


def test_words_are_measured_where_tokens_spell_the_text() -> None:
    tokens = [b"the", b" dog", b" do", b"g", b" the", b"?"]
    lengths, leading = np.array([len(t) for t in tokens], np.int32), np.array([t[:1] == b" " for t in tokens], np.uint8)
    text = pa.array(["left out", "the dog", "the dog", "the dog", ""], pa.large_string())[
        1:
    ]  # an offset, as slices have
    ids = np.array([0, 1, 4, 2, 3, 0, 5], np.int32)  # whole; a space in front and a cut word; not this text
    found = word_counts(text, ids, np.array([0, 2, 5, 7, 7], np.int64), lengths, leading)
    assert (found.words, found.measured, found.split) == (6, 4, 1)


def test_the_word_table_has_words_without_what_is_around_them() -> None:
    assert word_table("«Hello, world!» 1984 … hello world's e-mail ที่ 5th") == {
        "Hello", "world", "hello", "world's", "e-mail", "ที่", "5th",
    }  # fmt: skip
    assert word_table("क्या है?") == {"क्या", "है"}  # a vowel sign at the end belongs to the word
    stripped = without_space([b"the", b" the", b"  the", b" x", b"\xff"])
    words = pa.array([b"the"], pa.binary())
    assert whole_words(np.arange(5), stripped, words) == 2
    assert whole_words(np.arange(0), stripped, words) == 0


def test_scripts_without_blanks() -> None:
    assert [writes_words(one) for one in ("Latn", "Hang", "Deva", "Thai", "Jpan", "Hani", None)] == [True] * 3 + [
        False
    ] * 4
