"""Strings found equal those that a regular expression finds, whose alternatives stand longest first."""

import re

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.added_tokens import Segments, TokenFinder
from operators.tokenizer import AddedToken

strings = st.lists(st.text("abé", min_size=1, max_size=4), min_size=1, max_size=8, unique=True)


def parts(texts: list[str], tokens: list[AddedToken], special_ids: bool) -> list[list[str | int]]:
    finder = TokenFinder(tokens, [token.content for token in tokens], special_ids=special_ids)
    cut = finder.isolate(Segments.whole(pa.array(texts, pa.large_string())))
    whole = [text if i < 0 else i for text, i in zip(cut.text.to_pylist(), cut.ids.tolist(), strict=True)]
    return [whole[a:b] for a, b in zip(cut.documents[:-1].tolist(), cut.documents[1:].tolist(), strict=True)]


@given(strings, st.lists(st.text("abé", max_size=12), max_size=6), st.sets(st.integers(0, 7)), st.booleans())
def test_parts_equal_those_of_a_regular_expression(
    contents: list[str], texts: list[str], special: set[int], special_ids: bool
) -> None:
    tokens = [AddedToken(content, 100 + i, special=i in special) for i, content in enumerate(contents)]
    pattern = re.compile("|".join(re.escape(content) for content in sorted(contents, key=len, reverse=True)))
    expected = []
    for text in texts:
        found: list[str | int] = []
        last = 0
        for match in pattern.finditer(text):
            which = contents.index(match.group())
            if which in special and not special_ids:
                continue
            found += [text[last : match.start()]] if match.start() > last else []
            found.append(100 + which)
            last = match.end()
        expected.append([*found, text[last:]] if last < len(text) or not found else found)
    assert parts(texts, tokens, special_ids) == expected


def test_more_finds_than_there_was_room_for() -> None:
    assert parts(["ab" * 1000, "", "b"], [AddedToken("ab", 7)], True) == [[7] * 1000, [""], ["b"]]


def test_what_was_cut_is_not_looked_at_again() -> None:
    whole = Segments.whole(pa.array(["xabx"], pa.large_string()))
    first = TokenFinder([AddedToken("ab", 5)], ["ab"], special_ids=True).isolate(whole)
    second = TokenFinder([AddedToken("x", 6), AddedToken("a", 7)], ["x", "a"], special_ids=True).isolate(first)
    assert second.ids.tolist() == [6, 5, 6]
    assert np.array_equal(second.documents, [0, 3])
