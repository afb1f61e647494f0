"""Kinds of tokens, compared with slow checks of each token."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding.encode import Encoder
from operators.metrics.vocabulary import BYTES, MIXED, NONE, SPECIAL, is_part_of_utf8, token_kinds
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from pipelines.tokenizers import load_tokenizer
from tests.operators.curves.test_tokens_by_size import trained


def test_parts_of_utf8_are_what_some_text_holds() -> None:
    """Every string of up to three of some telling bytes, looked for in every text of three characters."""
    characters = ["a", "\x80", "é", "\u0800", "\ud7ff", "\ue000", "中", "\U00010000", "\U0010ffff"]
    telling = sorted({byte for one in characters for byte in one.encode()} | {0xC0, 0xED, 0xF5, 0xFF})
    held = set()
    for three in itertools.product(characters, repeat=3):
        text = "".join(three).encode()
        held |= {text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)}
    for n in (1, 2):
        for some in itertools.product(telling, repeat=n):
            if bytes(some) in held:
                assert is_part_of_utf8(bytes(some))
    nowhere = (b"\xc0", b"\xff", b"\xf5", b"a\xff", b"\xed\xa0", b"\xf4\x90", b"\x80" * 4, b"\xe4a", b"\xe0\x80")
    for other in nowhere:
        assert other not in held and not is_part_of_utf8(other)


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


def made_of(words: list[bytes], pretokenizer: str = "gpt2") -> Tokenizer:
    """A tokenizer with one merge after the other that makes each of the words from the left."""
    tokens = [bytes([byte]) for byte in range(256)]
    rows = []
    for word in words:
        left = word[0]
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                rows.append((left, word[end - 1], len(tokens) - 1, -1))
            left = tokens.index(word[:end])
    published = Vocabulary([*tokens, b"<s>"], np.arange(256, dtype=np.int32), (len(tokens),))
    return Tokenizer(pretokenizer, ("<s>",), Merges.from_rows(rows), published)


def test_kinds_of_tokens() -> None:
    words = {"the": "Latn", "aя": MIXED, "12": NONE, " мир": "Cyrl", "か": "Hira", "a b": "Latn"}
    tokenizer = made_of([word.encode() for word in words])
    kinds, tokens = token_kinds(tokenizer), tokenizer.tokens
    for word, script in words.items():
        i = tokens.index(word.encode())
        assert kinds.script[i] == script, word
        assert kinds.characters[i] == len(word)
        assert not kinds.undecodable[i] and not kinds.part[i]
    assert kinds.script[-1] == SPECIAL and kinds.special.sum() == 1 and kinds.characters[-1] == -1
    half = tokens.index(b"\xe3\x81")
    assert kinds.script[half] == BYTES and kinds.part[half] and kinds.undecodable[half]
    assert kinds.undecodable[0xFF] and not kinds.part[0xFF] and kinds.part[0xE3]
    # gpt2 parts "a b" at its space, so that no text becomes it, though its merges lead there
    unreachable = {tokens[i] for i in np.flatnonzero(kinds.unreachable).tolist()}
    assert unreachable == {b"a b", b"a "}


@pytest.mark.parametrize("words", [["the", "then", "hen"], ["あい", "いあ", "中文"]])
def test_a_token_that_no_text_becomes_is_unreachable(words: list[str]) -> None:
    """Against encoding every text of up to four of the tokens' own symbols."""
    tokenizer = made_of([word.encode() for word in words], "none")
    symbols = sorted({one for word in words for one in word})
    texts = ["".join(some) for n in (1, 2, 3, 4) for some in itertools.product(symbols, repeat=n)]
    ids, _ = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    kinds = token_kinds(tokenizer)
    for i in set(range(len(tokenizer.tokens))) & set(ids.tolist()):
        assert not kinds.unreachable[i]
    whole = [i for i, token in enumerate(tokenizer.tokens) if kinds.characters[i] > 1]
    assert [bool(kinds.unreachable[i]) for i in whole] == [i not in set(ids.tolist()) for i in whole]


def test_merges_that_never_come_to_their_token_make_it_unreachable() -> None:
    """ab is joined first, so bc never forms where a stands before; abc is only made of a and bc."""
    tokens = [*(bytes([byte]) for byte in range(256)), b"ab", b"bc", b"abc"]
    merges = Merges.from_rows([(97, 98, 256, -1), (98, 99, 257, -1), (97, 257, 258, -1)])
    tokenizer = Tokenizer("none", (), merges, Vocabulary(tokens, np.arange(256, dtype=np.int32), ()))
    assert np.flatnonzero(token_kinds(tokenizer).unreachable).tolist() == [258]


def test_published_tokens_decode_and_encode_as_tiktokens_do(shared: Path) -> None:
    """Land and Bartolo's test, on GPT-2: text that is decoded, encoded, comes back as one token."""
    tokenizer = load_tokenizer(str(shared / "tokenizers/gpt2.json"))
    kinds = token_kinds(tokenizer)
    encoder = Encoder(tokenizer)
    for i in range(0, len(tokenizer.tokens), 37):
        token = tokenizer.tokens[i]
        if "�".encode() in token:
            continue
        text = token.decode(errors="replace")
        assert bool(kinds.undecodable[i]) == ("�" in text)
        if not kinds.undecodable[i] and not kinds.special[i]:
            assert encoder.encode(pa.array([text], pa.large_string()))[0].tolist() == [i]
            assert not kinds.unreachable[i]


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
