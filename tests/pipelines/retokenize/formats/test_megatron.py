"""Pairs of .bin and .idx, read by a reader written from the layout that Megatron-LM publishes."""

import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from operators.tokenizer import Tokenizer
from pipelines.engines.local_engine import LocalEngine
from pipelines.retokenize.formats.megatron import BadPair, join_pairs
from pipelines.retokenize.options import Encoding
from tests.pipelines.corpora import write_corpus
from tests.pipelines.retokenize.corpora import encoded
from tests.pipelines.retokenize.test_splits import small_parts, write

TYPES = {4: np.int32, 8: np.uint16}

__all__ = ["small_parts"]


def sequences(prefix: Path) -> list[list[int]]:
    """The documents of a pair, by the header's fields one after the other and a memory map."""
    index = prefix.with_name(prefix.name + ".idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack_from("<Q", index, 9) == (1,)
    kind = TYPES[struct.unpack_from("<B", index, 17)[0]]
    count, documents = struct.unpack_from("<QQ", index, 18)
    assert documents == count + 1
    at = 34
    lengths = np.frombuffer(index, np.int32, count, at)
    pointers = np.frombuffer(index, np.int64, count, at + 4 * count)
    borders = np.frombuffer(index, np.int64, documents, at + 12 * count)
    assert len(index) == at + 12 * count + 8 * documents
    assert borders.tolist() == list(range(documents))
    ids = np.memmap(prefix.with_name(prefix.name + ".bin"), mode="r")
    assert len(ids) == int(lengths.sum()) * np.dtype(kind).itemsize
    return [
        np.frombuffer(ids, kind, int(length), int(pointer)).tolist()
        for length, pointer in zip(lengths, pointers, strict=True)
    ]


@pytest.mark.parametrize("separator", [None, 7, 65_535, 65_536])
def test_pairs_hold_what_parquet_holds(tokenizer: Tokenizer, tmp_path: Path, separator: int | None) -> None:
    write_corpus(tmp_path / "corpus", 40)
    (tmp_path / "corpus/mixed.jsonl").write_text('{"text": ""}\n{"text": "the dog"}\n{"text": ""}\n')
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "p", Encoding(separator=separator))
    manifest = encoded(tokenizer, tmp_path / "corpus", tmp_path / "m", Encoding(format="megatron", separator=separator))
    pairs = sorted((tmp_path / "m").glob("*.idx"))
    assert len(pairs) == 5
    for index in pairs:
        name = index.name.removesuffix(".idx")
        expected = pl.read_parquet(tmp_path / f"p/{name}.parquet")["tokens"].to_list()
        assert sequences(tmp_path / "m" / name) == expected
        width = 2 if separator is None or separator < 65_536 else 4
        size = (tmp_path / f"m/{name}.bin").stat().st_size
        assert size == width * sum(map(len, expected))
    tokens = sum(one["tokens"] for one in manifest.facts["languages"].values())
    assert tokens == sum(len(own) for index in pairs for own in sequences(index.with_suffix("")))


def test_a_part_without_a_token_has_no_pair(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """An empty .bin cannot be mapped into memory, which is how readers read it."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c/a.jsonl").write_text('{"text": ""}\n' * 3)
    (tmp_path / "c/b.txt").write_text("text\n")
    facts = encoded(tokenizer, tmp_path / "c", tmp_path / "m", Encoding(format="megatron")).facts
    assert facts["languages"]["a"] == {"documents": 3, "bytes": 0, "tokens": 0}
    assert sorted(path.name for path in (tmp_path / "m").glob("[ab]*")) == ["b.txt-00000.bin", "b.txt-00000.idx"]


def test_pairs_are_joined_in_the_order_of_their_names(tokenizer: Tokenizer, tmp_path: Path, small_parts: None) -> None:
    path = write(tmp_path, "txt")
    encoded(tokenizer, path, tmp_path / "m", Encoding(format="megatron", separator=1), LocalEngine(2))
    pairs = sorted((tmp_path / "m").glob("*.idx"))
    expected = [own for index in pairs for own in sequences(index.with_suffix(""))]
    assert len(pairs) > 8
    join_pairs(tmp_path / "m", tmp_path / "all")
    assert sequences(tmp_path / "all") == expected
    (tmp_path / "m/x.txt-00003.bin").write_bytes(b"cut")
    with pytest.raises(BadPair, match=r"x.txt-00003.bin: is not there, or has not the size"):
        join_pairs(tmp_path / "m", tmp_path / "again")
    assert not list(tmp_path.glob("again*"))
    (tmp_path / "m/x.txt-00003.idx").write_bytes(b"MMIDIDX\0\0 and something else")
    with pytest.raises(BadPair, match="not an index of version 1"):
        join_pairs(tmp_path / "m", tmp_path / "again")
    with pytest.raises(BadPair, match="holds no"):
        join_pairs(tmp_path / "plain", tmp_path / "again")
