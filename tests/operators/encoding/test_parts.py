"""Tokenizers whose merges join words, told apart from those that only join kinds of white space."""

from dataclasses import replace
from pathlib import Path

import pytest

from operators.encoding.parts import joins_words
from operators.tokenizer import Merges, Tokenizer
from pipelines.tokenizers import load_tokenizer

BYTES = Tokenizer("gpt4", (), Merges.from_rows([])).byte_ids


def merged(*pairs: tuple[str, str]) -> Tokenizer:
    """A tokenizer whose merges make each text of the pairs, one byte after the other, and then join the two."""
    ids = {bytes([byte]): int(BYTES[byte]) for byte in range(256)}
    rows = []

    def join(left: bytes, right: bytes) -> None:
        if left + right not in ids:
            ids[left + right] = len(ids)
            rows.append((ids[left], ids[right], ids[left + right], 1))

    for left, right in pairs:
        for text in (left.encode(), right.encode()):
            for end in range(1, len(text)):
                join(text[:end], text[end : end + 1])
        join(left.encode(), right.encode())
    return replace(Tokenizer("gpt4", (), Merges.from_rows([])), merges=Merges.from_rows(rows))


@pytest.mark.parametrize(
    ("pairs", "joins"),
    [
        ([("of", " the")], True),
        ([("a", "b"), (" ", " ")], False),
        ([(" \u00a0", " \u00a0")], False),
        ([("\u3000", " ")], False),
        ([(" \u00a0", " \u00a0"), ("é", " ")], True),
    ],
)
def test_words_are_joined_by_a_space_behind_what_is_no_white_space(pairs: list[tuple[str, str]], joins: bool) -> None:
    assert joins_words(merged(*pairs)) == joins


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_published_tokenizers_of_words_join_none(shared: Path, name: str) -> None:
    assert not joins_words(load_tokenizer(str(shared / "tokenizers" / f"{name}.json")))
