"""SentencePiece models of every kind: the ids are the library's, and what encodes is what is expected."""

import io
import math
import pickle
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.equality import random_texts
from operators.encoding.encode import Encoder
from operators.encoding.library_encoder import NoSpecialIds
from operators.tokenizer_files import protobuf
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.sentencepiece import from_model

sentencepiece: Any = pytest.importorskip("sentencepiece", reason="the peer is not installed")

TEXTS = [
    "", " ", "  ", "▁", " ▁ ▁", "a  b   c", "  leading", "trailing  ", "trailing▁▁", "▁leading", "one [DOC] two[DOC]",
    "[DOC]", "[DOC] [DOC]x", "<s>a</s>", "<unk>", "<0x0A>", "\n\t\r\n", "\x00a", "日本語 テキスト", "ﬁ①Å e\u0301",
    "\U0010ffff\ue000 😀😀x😀", " " * 40, "x" + " " * 33 + "y", "aaaaaaa", "⁇ unknown",
]  # fmt: skip


def trained(**options: Any) -> bytes:
    """A model that SentencePiece trained on random strings and runs of spaces."""
    written = io.BytesIO()
    usual: dict[str, Any] = {
        "model_type": "bpe", "vocab_size": 700, "normalization_rule_name": "identity", "byte_fallback": True,
        "remove_extra_whitespaces": False, "character_coverage": 0.98, "minloglevel": 2,
    }  # fmt: skip
    lines = [line for text in random_texts(1500, seed=3) for line in text.replace("\0", "").splitlines() if line]
    lines += ["def  f(a):    return a", "        x = a  +  b", "the cat the dog the end"] * 30
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=written, **(usual | options))
    return written.getvalue()


KERNELS: dict[str, Callable[[], bytes]] = {
    "as Llama's": trained,
    "no dummy prefix": lambda: trained(add_dummy_prefix=False),
    "extra whitespace removed": lambda: trained(remove_extra_whitespaces=True),
    "unknown characters": lambda: trained(byte_fallback=False),
    "added symbols": lambda: trained(user_defined_symbols=["[DOC]", "▁[DOC]", "aa", "the"], control_symbols=["[C]"]),
    "pieces over spaces": lambda: trained(split_by_whitespace=False),
    "spaces in pieces": lambda: trained(allow_whitespace_only_pieces=True),
    "equal scores for runs of spaces": lambda: tied(trained(allow_whitespace_only_pieces=True, vocab_size=900)),
}
LIBRARY: dict[str, Callable[[], bytes]] = {
    "rules": lambda: trained(normalization_rule_name="nmt_nfkc"),
    "spaces behind": lambda: trained(treat_whitespace_as_suffix=True),
    "equal scores": lambda: rescored(trained(), lambda text, score: -1.0 if len(text) > 1 else score),
}


def varint(value: int) -> bytes:
    small = bytearray()
    while value >= 0x80:
        small.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*small, value])


def rescored(model: bytes, score: Callable[[str, float], float]) -> bytes:
    """The model with other scores for its pieces."""
    from sentencepiece import sentencepiece_model_pb2

    read = vars(sentencepiece_model_pb2)["ModelProto"].FromString(model)
    for piece in read.pieces:
        if piece.type == 1:
            piece.score = score(piece.piece, piece.score)
    written: bytes = read.SerializeToString()
    return written


def tied(model: bytes) -> bytes:
    return rescored(model, lambda text, score: -1e9 if len(text) > 1 and not text.strip("▁") else score)


@pytest.mark.parametrize("name", [*KERNELS, *LIBRARY])
def test_ids_equal_sentencepieces(name: str) -> None:
    data = (KERNELS | LIBRARY)[name]()
    peer = sentencepiece.SentencePieceProcessor(model_proto=data)
    encoder = Encoder(from_model(data, "t.model"))
    texts = TEXTS + list(random_texts(1500, seed=4))
    flat, offsets = encoder.encode(pa.array(texts, pa.large_string()))
    found = [flat[a:b].tolist() for a, b in pairwise(offsets)]
    differing = [(text, a, b) for text, a, b in zip(texts, found, peer.encode(texts), strict=True) if a != b]
    assert differing[:3] == []
    assert encoder.method.split(" ")[0] == ("kernels" if name in KERNELS else "sentencepiece")


def small(*pieces: tuple[str, float]) -> bytes:
    """A BPE model of the unknown, the space's mark, a, b, c, and these pieces with their scores."""
    from sentencepiece import sentencepiece_model_pb2

    model = vars(sentencepiece_model_pb2)["ModelProto"]()
    model.pieces.add(piece="<unk>", score=0, type=2)
    for text, score in [("▁", -1e6), ("a", -1e6 - 1), ("b", -1e6 - 2), ("c", -1e6 - 3), *pieces]:
        model.pieces.add(piece=text, score=score)
    model.trainer_spec.model_type = 2
    model.normalizer_spec.name = "identity"
    written: bytes = model.SerializeToString()
    return written


@pytest.mark.parametrize(
    ("pieces", "method"),
    [
        ([("ab", math.nan), ("bc", -1.0), ("abc", -2.0)], "sentencepiece"),
        ([("ab", -1.0), ("bc", math.nan), ("abc", math.nan)], "sentencepiece"),
        ([("ab", -math.inf), ("bc", -1.0)], "kernels"),
        ([("ab", -1.0), ("c" * 7_999, -2.0)], "kernels"),
        ([("ab", -1.0), ("ab" * 3_999, -2.0)], "kernels"),
        ([("a" * length, -float(length)) for length in range(2, 4000)], "sentencepiece"),
        ([("a" * length, float(length)) for length in range(2, 200)], "kernels"),
    ],
)
def test_strange_pieces_take_little_and_encode_as_the_library_does(
    pieces: list[tuple[str, float]], method: str
) -> None:
    data, before = small(*pieces), time.process_time()
    tracemalloc.start()
    tokenizer = from_model(data, "t.model")
    assert tracemalloc.get_traced_memory()[1] < 500 << 20
    tracemalloc.stop()
    assert time.process_time() - before < 20
    texts = ["abc ab bc", "abcabcab", "cccc ccc", "a" * 399, "", "ab" * 40 + "c d"]
    peer, encoder = sentencepiece.SentencePieceProcessor(model_proto=data), Encoder(tokenizer)
    assert encoder.method.split(" ")[0] == method
    assert [encoder.encode(pa.array([one], pa.large_string()))[0].tolist() for one in texts] == peer.encode(texts)


def test_a_piece_that_the_library_does_not_load_is_refused() -> None:
    for text in ("c" * 8_000, "é" * 4_000, "ab" * 2_000_000):
        data = small((text, -1.0))
        with pytest.raises(RuntimeError, match="too long"):
            sentencepiece.SentencePieceProcessor(model_proto=data)
        with pytest.raises(MalformedTokenizer, match=r"^t\.model: no SentencePiece model \(a piece of [\d,]+ bytes"):
            from_model(data, "t.model")


def test_control_symbols_only_where_asked() -> None:
    tokenizer = from_model(trained(control_symbols=["[C]"]), "t.model")
    text = pa.array(["a[C] b", "[C]"], pa.large_string())
    control = tokenizer.special_tokens.index("[C]")
    i = tokenizer.vocabulary.special_ids[control]
    assert i not in Encoder(tokenizer).encode(text)[0]
    ids, offsets = Encoder(tokenizer, special_ids=True).encode(text)
    assert ids.tolist().count(i) == 2
    assert ids[offsets[1] :].tolist() == [i]
    with pytest.raises(NoSpecialIds, match="rules of normalization"):
        Encoder(from_model(trained(normalization_rule_name="nmt_nfkc"), "t"), special_ids=True)


@pytest.mark.parametrize("kind", ["word", "char"])
def test_other_models_are_refused(kind: str) -> None:
    with pytest.raises(UnsupportedTokenizer, match=rf"^t\.model: a SentencePiece model of type (?i:{kind})") as error:
        from_model(trained(model_type=kind, vocab_size=400, hard_vocab_limit=False, byte_fallback=False), "t.model")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_damaged_files_are_refused() -> None:
    data = trained()
    pieces = b"".join(b"\x0a" + varint(len(one)) + one for one in (b"\x0a\x01a", b"\x0a\x01a"))
    bpe = b"\x12\x02\x18\x02"
    for damaged, said in [
        (b"", "it holds no pieces"),
        (data[:-1], "the message ends within field"),
        (data[:100], "the message ends within field"),
        (b"\x0a\xff\xff\xff\xff\x7f", "the message ends within field 1"),
        (b"\xff" * 20, "more than 10 bytes"),
        (b"\x0b", "wire type 3"),
        (b"\x08\x01", "field 1 is a number"),
        (b"\x0a\x02\x0a\x05", "the message ends within field 1"),
        (b"\x0a\x03\x0a\x01\xff", "no SentencePiece model"),
        (pieces + bpe, "stands twice"),
        (b"\x0a\x03\x0a\x01a" + bpe, "one piece for the unknown"),
        (b"{" * 1000, "no SentencePiece model"),
    ]:
        with pytest.raises(MalformedTokenizer) as error:
            from_model(damaged, "some.model")
        assert said in str(error.value)
        assert str(error.value).startswith("some.model: ")
        assert "\n" not in str(error.value)


def test_the_fields_of_a_message() -> None:
    message = b"\x08\x96\x01" + b"\x12\x03abc" + b"\x1d\x00\x00\x80\x3f" + b"\x21" + bytes(8)
    found = [(n, kind, v if isinstance(v, int) else bytes(v)) for n, kind, v in protobuf.fields(memoryview(message))]
    assert found == [(1, 0, 150), (2, 2, b"abc"), (3, 5, b"\x00\x00\x80?"), (4, 1, bytes(8))]
