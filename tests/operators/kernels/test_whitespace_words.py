"""Words and borders of tokens against Python's own splitting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.kernels.whitespace_words import blank_bytes, count_words

BLANKS = [chr(i) for i in range(0x3001) if chr(i).isspace()]
texts = st.text(
    st.sampled_from(["a", "é", "中", "😀", "\u2007", "\u200b", "\u1681", "\xa1", "\u3001", *BLANKS]), max_size=20
)


def test_every_blank_and_nothing_else_is_one() -> None:
    for point in range(0x20000):
        if 0xD800 <= point < 0xE000:
            continue
        data = np.frombuffer(chr(point).encode(), np.uint8)
        assert blank_bytes(data, 0, len(data)) == (len(data) if not chr(point).split() else 0), hex(point)


@given(st.lists(st.lists(texts, max_size=5), max_size=4), st.booleans(), st.data())
def test_words_and_cut_words_equal_slow_counting(
    documents: list[list[str]], prefixed: bool, data: st.DataObject
) -> None:
    """Each document is a list of tokens' texts; a document may carry a space in front that its text has not."""
    distinct = sorted({token.encode() for document in documents for token in document} | {b" "})
    ids, offsets, encoded, expected = [], [0], [], []
    for document in documents:
        text = "".join(document)
        tokens = [distinct.index(token.encode()) for token in document]
        if prefixed and text and not text.startswith(" "):
            tokens.insert(0, distinct.index(b" "))
        wrong = bool(document) and data.draw(st.booleans())
        ids += tokens + [distinct.index(b" ")] * 2 * wrong
        offsets.append(len(ids))
        encoded.append(text.encode())
        borders, cut, at = set(np.cumsum([len(token.encode()) for token in document]).tolist()), 0, 0
        for word in text.split():
            at = text.index(word, at)
            begin, end = len(text[:at].encode()), len(text[: at + len(word)].encode())
            cut += any(border in borders for border in range(begin + 1, end))
            at += len(word)
        expected.append((len(text.split()), -1 if wrong else cut))
    words, continued = np.zeros(len(documents), np.int64), np.zeros(len(documents), np.int64)
    count_words(
        np.frombuffer(b"".join(encoded), np.uint8),
        np.cumsum([0, *map(len, encoded)]).astype(np.int64),
        np.array(ids, np.int32),
        np.array(offsets, np.int64),
        np.array([len(token) for token in distinct], np.int32),
        np.array([token[:1] == b" " for token in distinct], np.uint8),
        words,
        continued,
    )
    assert list(zip(words.tolist(), continued.tolist(), strict=True)) == expected
