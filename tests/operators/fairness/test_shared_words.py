"""Word tables by language, against dictionaries."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.fairness.shared_words import SharedWords
from operators.tokenizer import Merges, Tokenizer

TEXTS = st.dictionaries(
    st.sampled_from(["en", "de", "hi"]), st.lists(st.binary(min_size=1, max_size=5), max_size=12), min_size=1
)


def joined(texts: dict[str, list[bytes]]) -> SharedWords:
    """Join the words of languages."""
    parts = {}
    for language, words in texts.items():
        counts = Counter(words)
        parts[language] = [(pa.array(list(counts), pa.large_binary()), np.array(list(counts.values()), np.int64))]
    return SharedWords.joined(parts)


@given(TEXTS, st.integers(1, 9))
def test_weighted_counts_are_sums_over_languages(texts: dict[str, list[bytes]], factor: int) -> None:
    table = joined(texts)
    multipliers = np.array([factor + i for i in range(len(table.languages))], np.int64)
    wanted: Counter[bytes] = Counter()
    for language, words in texts.items():
        for word in words:
            wanted[word] += int(multipliers[table.languages.index(language)])
    assert dict(zip(table.words.to_pylist(), table.weighted(multipliers).tolist(), strict=True)) == wanted


@settings(max_examples=20)
@given(TEXTS)
def test_bytes_and_tokens_are_those_of_each_language(texts: dict[str, list[bytes]]) -> None:
    table = joined(texts)
    sizes = [sum(map(len, texts[language])) for language in table.languages]
    assert table.bytes.tolist() == sizes
    assert table.tokens(Tokenizer("none", (), Merges.from_rows([]))).tolist() == sizes


@settings(max_examples=20)
@given(TEXTS)
def test_languages_apart_have_their_own_rows(texts: dict[str, list[bytes]]) -> None:
    table = joined(texts)
    apart = table.apart(np.arange(1, len(table.languages) + 1))
    found = Counter[tuple[str, bytes]]()
    for word, count, place in zip(apart.words.to_pylist(), apart.counts, apart.languages, strict=True):
        found[table.languages[place], word] += count // (place + 1)
    assert found == Counter((language, word) for language, words in texts.items() for word in words)


def test_the_rarest_words_are_left_out() -> None:
    table = joined({"en": [b"a"] * 3 + [b"b"], "de": [b"a", b"c", b"c"]}).most_frequent(2)
    assert table.words.to_pylist() == [b"a", b"c"]
    assert table.weighted(np.array([1, 10], np.int64)).tolist() == [31, 2]
