"""Readers of token shards, written from the formats' public descriptions; none shares code with the writers."""

import csv
import gzip
import json
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

Documents = list[list[int]]
TYPES = {4: np.int32, 8: np.uint16}


def parquet(path: Path, column: str = "input_ids") -> Documents:
    found: Documents = pl.read_parquet(path)[column].to_list()
    return found


def arrow(path: Path) -> Documents:
    found: Documents = pl.read_ipc_stream(path)["input_ids"].to_list()
    return found


def megatron(path: Path) -> Documents:
    """By the header's fields one after the other, and a memory map."""
    index = path.with_suffix(".idx").read_bytes()
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
    ids = np.memmap(path, mode="r")
    assert len(ids) == int(lengths.sum()) * np.dtype(kind).itemsize
    return [
        np.frombuffer(ids, kind, int(length), int(pointer)).tolist()
        for length, pointer in zip(lengths, pointers, strict=True)
    ]


def rows_of(table: Path) -> list[list[str]]:
    with gzip.open(table, "rt", newline="") as opened:
        return list(csv.reader(opened))


def npy_ids(path: Path) -> Documents:
    rows = rows_of(path.with_suffix(".csv.gz"))
    ids = np.fromfile(path, f"<u{path.stat().st_size // int(rows[-1][1])}")
    return [ids[int(start) : int(end)].tolist() for start, end, *_ in rows]


def npy(path: Path) -> Documents:
    rows = rows_of(path.with_suffix(".csv.gz"))
    assert [row[2] for row in rows] == [str(i + 1) for i in range(len(rows))]  # documents without an id: their line
    assert [row[4] for row in rows] == [str(i) for i in range(len(rows))]
    return npy_ids(path)


def ds(path: Path) -> Documents:
    ends = np.fromfile(f"{path}.index", "<u8").tolist()
    named, tokens, people = Path(f"{path}.metadata").read_text().split("\n")
    assert int(tokens) == ends[-1] and people.endswith("MT")
    ids = np.fromfile(path, f"<u{named.split('|')[-1]}")
    assert len(ids) == ends[-1]
    return [ids[start:end].tolist() for start, end in zip([0, *ends], ends, strict=False)]


def llmc(path: Path) -> Documents:
    """All ids as one document: the format knows no bounds."""
    header = np.fromfile(path, "<i4", 256)
    kind = {(20240520, 1): "<u2", (20240801, 7): "<u4"}[int(header[0]), int(header[1])]
    ids = np.fromfile(path, kind, offset=1024)
    assert len(ids) == header[2] and not header[3:].any()
    return [ids.tolist()]


def mds(path: Path) -> Documents:
    listed = {
        one["raw_data"]["basename"]: one for one in json.loads((path.parent / "index.json").read_text())["shards"]
    }
    about, data = listed[path.name], path.read_bytes()
    assert about["raw_data"]["bytes"] == len(data) and about["format"] == "mds" and about["zip_data"] is None
    [count] = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
    assert count == about["samples"]
    assert json.loads(data[4 * (count + 2) : offsets[0]]).items() <= about.items()
    column = about["column_names"].index("input_ids")
    kind = about["column_encodings"][column].removeprefix("ndarray:")
    found = []
    for begin in offsets[:-1]:
        sizes = struct.unpack_from("<3I", data, begin)
        array = data[begin + 12 + sum(sizes[:column]) :][: sizes[column]]
        width = {4: 1, 5: 2, 6: 4}[array[0]]  # one dimension, and the width of its shape
        ids = np.frombuffer(array[1 + width :], kind)
        assert len(ids) == int.from_bytes(array[1 : 1 + width], "little")
        found.append(ids.tolist())
    return found


def litdata(path: Path) -> Documents:
    index, data = json.loads((path.parent / "index.json").read_text()), path.read_bytes()
    [about] = [one for one in index["chunks"] if one["filename"] == path.name]
    kind = {"no_header_numpy:5": "<u2", "no_header_numpy:6": "<u4"}[index["config"]["data_format"][0]]
    [count] = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
    assert (count, len(data) - offsets[0]) == (about["chunk_size"], about["chunk_bytes"])
    found = [np.frombuffer(data[a:b], kind).tolist() for a, b in pairwise(offsets)]
    assert sum(map(len, found)) == about["dim"]
    return found


def arrayrecord(path: Path, kind: str = "<u2") -> Documents:
    """By the footers: each names the position of a chunk, whose header and content are verified by their hashes."""
    blocks = path.read_bytes()
    data, places = bytearray(), []
    for begin in range(0, len(blocks), 1 << 16):
        places.append(len(data))
        before = _number(blocks, begin + 8), _number(blocks, begin + 16)
        assert _number(blocks, begin) == highway_hash(blocks[begin + 8 : begin + 24])
        assert before[0] <= begin and begin + before[1] <= len(blocks)
        data += blocks[begin + 24 : begin + (1 << 16)]

    def records(position: int) -> list[bytes]:
        at = position - 24 * (-(-position // (1 << 16)))
        header = data[at : at + 40]
        assert _number(header, 0) == highway_hash(bytes(header[8:]))
        content = bytes(data[at + 40 :][: _number(header, 8)])
        assert _number(header, 16) == highway_hash(content) and header[24:25] == b"r" and content[0] == 0
        used, place = _varint(content, 1)
        value, found = place + used, []
        for _ in range(int.from_bytes(header[25:32], "little")):
            size, place = _varint(content, place)
            found.append(content[value : value + size])
            value += size
        assert value == len(content) and sum(map(len, found)) == _number(header, 32)
        return found

    [script, *copies] = records(len(blocks) - (1 << 16))
    assert copies == [script] * 2
    fields = _message(script)
    assert fields[2] == 0x71930E704FDAE05E
    [about, *footers] = records(int(fields[1]))
    assert len(footers) == _message(_message(about)[1])[3]
    found = []
    for footer in map(_message, footers):
        [record] = records(footer[1])
        assert (len(record), 1) == (footer[2], footer[3])
        found.append(np.frombuffer(record, kind).tolist())
    return found


READERS: dict[str, tuple[str, Callable[[Path], Documents]]] = {
    "parquet": (".parquet", parquet),
    "arrow": (".arrow", arrow),
    "megatron": (".bin", megatron),
    "npy": (".npy", npy),
    "ds": (".ds", ds),
    "llmc": (".bin", llmc),
    "mds": (".mds", mds),
    "litdata": (".bin", litdata),
    "arrayrecord": (".array_record", arrayrecord),
}
"""Format to the ending of the file that names a shard, and the reader."""


def _number(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(10):
        number |= (data[at + place] & 127) << 7 * place
        if data[at + place] < 128:
            return number, at + place + 1
    raise AssertionError("a varint of more than ten bytes")


def _message(data: bytes) -> dict[int, Any]:
    """The fields of a protocol buffer message: numbers, and texts or messages."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == 2:
            found[key >> 3], at = data[at : at + value], at + value
        else:
            found[key >> 3] = value
    return found


_ORDER = (3, 12, 2, 5, 14, 1, 15, 0, 11, 4, 10, 13, 9, 6, 8, 7)
"""Bytes of two lanes that zipper merging takes, as the instruction that shuffles 16 bytes has them."""
_WORD = (1 << 64) - 1


def highway_hash(data: bytes, key: bytes = b"Riegeli/records\n" * 2) -> int:
    """HighwayHash of 64 bits, on Python's integers."""
    first = (0xDBE6D5D5FE4CCE2F, 0xA4093822299F31D0, 0x13198A2E03707344, 0x243F6A8885A308D3)
    second = (0x3BD39E10CB0EF593, 0xC0ACF169B5F18A8C, 0xBE5466CF34E90C6C, 0x452821E638D01377)
    keys = struct.unpack("<4Q", key)
    mul0, mul1 = list(first), list(second)
    v0 = [a ^ b for a, b in zip(first, keys, strict=True)]
    v1 = [a ^ (b >> 32 | b << 32 & _WORD) for a, b in zip(second, keys, strict=True)]

    def merged(lanes: list[int]) -> list[int]:
        packed = struct.pack("<4Q", *lanes)
        return list(struct.unpack("<4Q", bytes(packed[half + i] for half in (0, 16) for i in _ORDER)))

    def update(packet: bytes) -> None:
        for i, word in enumerate(struct.unpack("<4Q", packet)):
            v1[i] = v1[i] + mul0[i] + word & _WORD
            mul0[i] ^= (v1[i] & 0xFFFFFFFF) * (v0[i] >> 32)
            v0[i] = v0[i] + mul1[i] & _WORD
            mul1[i] ^= (v0[i] & 0xFFFFFFFF) * (v1[i] >> 32)
        v0[:] = [(a + b) & _WORD for a, b in zip(v0, merged(v1), strict=True)]
        v1[:] = [a + b & _WORD for a, b in zip(v1, merged(v0), strict=True)]

    whole = len(data) // 32 * 32
    for at in range(0, whole, 32):
        update(data[at : at + 32])
    if last := data[whole:]:
        size = len(last)
        v0[:] = [a + (size << 32) + size & _WORD for a in v0]
        halves = [(half << size | half >> 32 - size) & 0xFFFFFFFF for a in v1 for half in (a & 0xFFFFFFFF, a >> 32)]
        v1[:] = [low | high << 32 for low, high in zip(halves[::2], halves[1::2], strict=True)]
        packet = bytearray(32)
        packet[: size & ~3] = last[: size & ~3]
        if size & 16:
            packet[28:] = last[-4:]
        elif size & 3:
            rest = last[size & ~3 :]
            packet[16:19] = bytes([rest[0], rest[len(rest) >> 1], rest[-1]])
        update(bytes(packet))
    for _ in range(4):
        update(struct.pack("<4Q", *((a >> 32 | a << 32) & _WORD for a in (v0[2], v0[3], v0[0], v0[1]))))
    total: int = v0[0] + v1[0] + mul0[0] + mul1[0]
    return total & _WORD
