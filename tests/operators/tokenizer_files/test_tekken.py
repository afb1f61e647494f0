"""tekken files: tiktoken with the file's own expression gives the same ids, moved behind the special tokens."""

import base64
import json
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.equality import random_texts
from operators.encoding.encode import Encoder
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.tekken import from_tekken, is_tekken

TOKENS = [bytes([byte]) for byte in range(256)] + [b"ab", b"abc", b" a", b"  ", b"\r\n", "é".encode(), b"12", b"cut"]
FILE: dict[str, Any] = {
    "config": {
        "pattern": PATTERNS["tekken"], "num_vocab_tokens": 264, "default_vocab_size": 283, "version": "v3",
        "default_num_special_tokens": 20,
    },
    "vocab": [
        {"rank": i, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for i, token in enumerate(TOKENS)
    ],
}  # fmt: skip


def changed(**config: Any) -> bytes:
    return json.dumps(FILE | {"config": FILE["config"] | config}).encode()


def test_ids_equal_tiktokens() -> None:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {token: i for i, token in enumerate(TOKENS[:-1])}  # 283 tokens, of which 20 are special: one is cut off
    peer = tiktoken.Encoding("t", pat_str=PATTERNS["tekken"], mergeable_ranks=ranks, special_tokens={})
    tokenizer = from_tekken(changed(), "t.json")
    assert tokenizer.pretokenizer == "tekken"
    texts = ["ab abc 1234  x\r\n", "cut", *random_texts(1000, seed=2)]
    encoder = Encoder(tokenizer)
    ids, offsets = encoder.encode(pa.array(texts, pa.large_string()))
    expected = peer.encode_ordinary_batch(texts)
    assert ids.tolist() == [20 + i for one in expected for i in one]
    assert (offsets[1:] - offsets[:-1]).tolist() == [len(one) for one in expected]
    assert encoder.method == "kernels"


def test_special_tokens() -> None:
    text = pa.array(["[INST]a</s><SPECIAL_20>"], pa.large_string())
    tokenizer = from_tekken(changed(default_num_special_tokens=21, default_vocab_size=285), "t.json")
    assert Encoder(tokenizer, special_ids=True).encode(text)[0].tolist() == [3, 21 + 97, 2, 20]
    assert min(Encoder(tokenizer).encode(text)[0]) > 20
    named = FILE | {"special_tokens": [{"rank": i, "token_str": f"<{i}>", "is_control": True} for i in range(5)]}
    tokenizer = from_tekken(json.dumps(named).encode(), "t.json")
    assert tokenizer.special_tokens[4:7] == ("<4>", "<SPECIAL_5>", "<SPECIAL_6>")
    assert tokenizer.tokens[20:22] == [b"\0", b"\1"]


def test_tekken_is_told_from_other_json() -> None:
    assert is_tekken(changed())
    for other in (b"", b"[]", b'{"config": {}}', b'{"config": 1, "vocab": 2, "model": {}}', b"[" * 9999):
        assert not is_tekken(other)


@pytest.mark.parametrize(
    "data, kind, said",
    [
        (b"", MalformedTokenizer, "no tekken file"),
        (changed()[:-9], MalformedTokenizer, "no tekken file"),
        (changed(pattern="("), MalformedTokenizer, "unmatched parenthesis"),
        (changed(default_vocab_size=100), MalformedTokenizer, "100 tokens, 20 of them special"),
        (changed(default_vocab_size=1000), MalformedTokenizer, "a list of 264"),
        (changed(default_num_special_tokens=-1), MalformedTokenizer, "-1 of them special"),
        (changed(default_num_special_tokens=1 << 20, default_vocab_size=(1 << 20) + 256), MalformedTokenizer,
         "1,048,576 special tokens, of 65,536 at most"),
        (changed(version="v11"), UnsupportedTokenizer, "version 'v11' without a list of special tokens"),
        (json.dumps(FILE | {"vocab": FILE["vocab"][::-1]}).encode(), MalformedTokenizer, "token 0 has the rank 263"),
        (json.dumps(FILE | {"special_tokens": [{"rank": 1, "token_str": "a"}]}).encode(), MalformedTokenizer, "ids 0,"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(data: bytes, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as error:
        from_tekken(data, "some.json")
    assert said in str(error.value)
    assert str(error.value).startswith("some.json: ")
    assert "\n" not in str(error.value)
