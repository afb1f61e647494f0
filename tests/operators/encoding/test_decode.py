"""Decoding: the bytes and the text of any ids, valid UTF-8 or not, are those of the tokenizer's own library."""

import json
import threading
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.decode import (
    BYTE,
    SYMBOL,
    TEXT,
    Decoder,
    LibraryDecoding,
    Pieces,
    TokenBytes,
    TokenOutOfRange,
    TokenWithoutText,
)
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.decoding import TokenizerFile, decoding_of
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.tiktoken import from_tiktoken, to_tiktoken
from tests.operators.tokenizer_files.test_sentencepiece import KERNELS, LIBRARY, trained

Documents = list[list[int]]


def small() -> Tokenizer:
    """Byte-level, with merges inside and across characters, and special tokens beyond ASCII."""
    bytes_only = Tokenizer("gpt4", ("<|end|>", "<é>", "<ł>"), Merges.from_rows([]))
    ids = bytes_only.byte_ids
    pairs = [(0xC3, 0xBC), (0xE4, 0xBD), (0xA0, 0xE4), (0x20, 0xF0), (0x61, 0xC3)]
    return Tokenizer(
        bytes_only.pretokenizer,
        bytes_only.special_tokens,
        Merges.from_rows([(int(ids[a]), int(ids[b]), 259 + i, -1) for i, (a, b) in enumerate(pairs)]),
    )


def flat(documents: Documents) -> tuple[Any, Any]:
    """Ids and offsets as the decoder takes them."""
    offsets = np.cumsum([0, *(len(one) for one in documents)]).astype(np.int64)
    return np.array([i for one in documents for i in one], np.int32), offsets


def decoded(decoder: Decoder, documents: Documents) -> list[str]:
    array = decoder.decode_batch(*flat(documents))
    array.validate(full=True)
    assert array.type == pa.large_string()
    texts: list[str] = array.to_pylist()
    return texts


def random_documents(tokens: int, favoured: list[int], seed: int) -> Documents:
    """Ids at random: some documents of favoured ids alone, where bytes and control tokens meet."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 9, 3000).tolist()
    rare = [random.integers(0, tokens, n).tolist() for n in lengths]
    return rare + [random.choice(favoured, n).tolist() for n in lengths] + [[], favoured]


@cache
def trained_and_peers() -> tuple[Decoder, HuggingFace, Decoder, tiktoken.Encoding]:
    """Decoders as of tokenizer.json and of ranks.tiktoken, each followed by its peer."""
    tokenizer = small()
    special = {"<|end|>": 0, "<é>": 1, "<ł>": 2}
    read = from_tiktoken(to_tiktoken(tokenizer), "t", "gpt4", special)
    ranks = {token: i for i, token in enumerate(read.tokens) if i >= len(special)}
    peer = tiktoken.Encoding("t", pat_str=".", mergeable_ranks=ranks, special_tokens=special)
    decoders = [Decoder(decoding_of(*one)) for one in ((tokenizer, None), (read, TokenizerFile("tiktoken", b"")))]
    return decoders[0], HuggingFace.from_str(to_json(tokenizer)), decoders[1], peer


@given(st.lists(st.lists(st.integers(0, 263), max_size=12), max_size=5))
def test_ids_of_a_trained_tokenizer_decode_as_in_tokenizers_and_tiktoken(documents: Documents) -> None:
    decoder, theirs, ranks, peer = trained_and_peers()
    assert decoded(decoder, documents) == [theirs.decode(one, skip_special_tokens=False) for one in documents]
    assert decoded(ranks, documents) == [peer.decode(one) for one in documents]
    for one in documents:
        assert ranks.decode_bytes(np.array(one, np.int32)) == peer.decode_bytes(one)


@given(st.binary(max_size=12))
def test_any_bytes_become_the_text_that_python_replaces_them_with(raw: bytes) -> None:
    """Python's `replace` follows Unicode's advice too, in an implementation of its own."""
    tokenizer = Tokenizer("none", (), Merges.from_rows([]))
    ids = tokenizer.byte_ids[np.frombuffer(raw, np.uint8)]
    decoder = Decoder(decoding_of(tokenizer, None))
    assert decoder.decode_bytes(ids) == raw
    assert decoded(decoder, [ids.tolist()]) == [raw.decode("utf-8", "replace")]


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
def test_published_files_decode_as_in_tokenizers(shared: Path, name: str) -> None:
    content = (shared / "tokenizers" / f"{name}.json").read_bytes()
    tokenizer, theirs = from_json(content, name), HuggingFace.from_buffer(content)
    decoder = Decoder(decoding_of(tokenizer, TokenizerFile("tokenizers", content)))
    symbols = [*tokenizer.vocabulary.special_ids, *tokenizer.byte_ids[tokenizer.byte_ids >= 0].tolist()]
    documents = random_documents(len(tokenizer.tokens), symbols, 1)
    assert decoded(decoder, documents) == theirs.decode_batch(documents, skip_special_tokens=False)


@pytest.mark.parametrize("decoder", [None, {"type": "Sequence", "decoders": []}, {"type": "BPEDecoder", "suffix": "e"}])
def test_a_file_with_another_decoder_decodes_as_in_tokenizers(decoder: dict[str, Any] | None) -> None:
    file = json.loads(to_json(small())) | {"decoder": decoder}
    content = json.dumps(file).encode()
    theirs = HuggingFace.from_buffer(content)
    decoding = decoding_of(from_json(content, "t"), TokenizerFile("tokenizers", content))
    assert isinstance(decoding, LibraryDecoding)
    documents = random_documents(264, list(range(264)), 2)[:500]
    assert decoded(Decoder(decoding), documents) == theirs.decode_batch(documents, skip_special_tokens=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KERNELS, *LIBRARY])
def test_sentencepiece_models_decode_as_in_their_library(kind: str) -> None:
    sentencepiece: Any = pytest.importorskip("sentencepiece", reason="the peer is not installed")
    content = (KERNELS | LIBRARY)[kind]()
    theirs = sentencepiece.SentencePieceProcessor(model_proto=content)
    tokens = theirs.get_piece_size()
    marks = [i for i in range(tokens) if set(theirs.id_to_piece(i)) == {"▁"}]
    symbols = [i for i in range(tokens) if theirs.is_control(i) or theirs.is_unknown(i) or theirs.is_byte(i)]
    broken = [theirs.piece_to_id(f"<0x{byte:02X}>") for byte in (0xE4, 0xBD, 0xA0, 0x61)]
    favoured = [*marks * 20, *symbols, *[i for i in broken if i != theirs.unk_id()] * 20, *range(260, 280)]
    decoding = decoding_of(from_model(content, "t"), TokenizerFile("sentencepiece", content))
    assert isinstance(decoding, Pieces if kind in KERNELS else LibraryDecoding)
    documents = random_documents(tokens, favoured, 3)
    assert decoded(Decoder(decoding), documents) == theirs.decode(documents)


def test_the_unknown_piece_has_the_surface_that_the_model_says() -> None:
    content = trained(unk_surface="<?>", byte_fallback=False)
    decoding = decoding_of(from_model(content, "t"), TokenizerFile("sentencepiece", content))
    assert decoded(Decoder(decoding), [[0, 0]]) == ["<?><?>"]


def test_a_character_that_ids_split_is_whole_again_in_bytes() -> None:
    decoder = Decoder(TokenBytes([b"\xe4\xbd", b"\xa0"]))
    halves = [decoder.decode_bytes(np.array([i], np.int32)) for i in (0, 1)]
    assert b"".join(halves).decode() == "你" == decoded(decoder, [[0, 1]])[0]
    assert decoded(decoder, [[0], [1]]) == ["\ufffd", "\ufffd"]


def test_one_broken_document_changes_no_other() -> None:
    decoder = Decoder(TokenBytes([b"a", b"\xff", "é".encode()]))
    assert decoded(decoder, [[0], [], [1, 0], [2, 2], []]) == ["a", "", "\ufffda", "éé", ""]
    assert decoded(decoder, []) == []


def test_a_slice_of_a_batch_decodes_to_that_slice() -> None:
    decoder = Decoder(Pieces([b" a", b"b", b"\xe4", b""], np.array([TEXT, TEXT, BYTE, SYMBOL], np.uint8), "once"))
    documents = [[0, 1], [1, 0], [3, 0], [2, 0], [0, 0]]
    every = decoded(decoder, documents)
    assert every == ["ab", "b a", "a", "\ufffd a", "a a"]
    assert [decoded(decoder, [one])[0] for one in documents] == every


@pytest.mark.parametrize(("ids", "wrong", "position"), [([0, -1], -1, 1), ([3, 0], 3, 0), ([2**31 - 1], 2**31 - 1, 0)])
def test_an_id_out_of_range_is_an_error_that_says_where(ids: list[int], wrong: int, position: int) -> None:
    pieces = Pieces([b"a", b"b", b"c"], np.zeros(3, np.uint8), "all")
    for decoding in (TokenBytes([b"a", b"b", b"c"]), pieces, LibraryDecoding("tokenizers", b"", 3)):
        with pytest.raises(TokenOutOfRange, match=rf"token id {wrong} at position {position} .* 0 to 2") as raised:
            Decoder(decoding).decode_batch(*flat([ids]))
        assert (raised.value.id, raised.value.position) == (wrong, position)


def test_an_id_without_a_token_is_an_error() -> None:
    with pytest.raises(TokenWithoutText, match="token id 1 at position 2"):
        Decoder(TokenBytes([b"a", b"", b"c"])).decode_bytes(np.array([0, 2, 1], np.int32))


def test_threads_share_a_decoder() -> None:
    tokenizer = small()
    decoder = Decoder(decoding_of(tokenizer, None))
    documents = random_documents(264, list(range(264)), 4)
    ids, offsets = flat(documents)
    alone = [Decoder(decoding_of(tokenizer, None)).decode_bytes(ids[a:b]) for a, b in pairwise(offsets.tolist())]
    results: list[list[str]] = [[] for _ in range(4)]

    def work(i: int) -> None:
        results[i] = decoder.decode_batch(ids, offsets).to_pylist()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[one.decode("utf-8", "replace") for one in alone]] * 4
