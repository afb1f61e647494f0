"""Mutations that keep what a reader checks first (compression, JSON, lengths), so that what lies behind is met.

Each takes bytes, a random generator and the fuzzer's own mutation of bytes, and gives bytes. Half of the inputs stay
with the fuzzer's own, as what is checked first must hold too.
"""

import base64
import gzip
import io
import json
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any, Final, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
import zstandard
from pyarrow import ipc

from jobs.workflow import Step, Workflow
from operators.tokenizer_files import protobuf
from pipelines.corpus.sources import Source

Mutate: TypeAlias = Callable[[bytes], bytes]
Mutator: TypeAlias = Callable[[bytes, Random, Mutate], bytes]

_ODD: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 1, 255, 256, 2**24, 2**31, 2**63, 2**64, 10**400, 1.5, 1e308, "", "a", "\u2581", "\ud800",
    "\0", " ", "a b", "(a+)+$", "\\p{L}", "[", [], {}, [[]], {"": ""},
)  # fmt: skip


def json_tree(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """One to three values of the tree replaced, doubled, moved or taken away."""
    tree = json.loads(data)
    for _ in range(random.randint(1, 3)):
        if not tree or not isinstance(tree, dict | list):
            break
        holder, key = _place(tree, random)
        other, name = _place(tree, random)
        _change(holder, key, random.choice((*_ODD, other[name], other[name])), random, mutate)
    return json.dumps(tree, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


def _place(tree: Any, random: Random) -> tuple[Any, Any]:
    """A holder and a key in it, as a walk from the root comes to it: long lists do not drown their neighbours."""
    holder = tree
    while True:
        key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
        if not isinstance(holder[key], dict | list) or not holder[key] or random.random() < 0.2:
            return holder, key
        holder = holder[key]


def _change(holder: Any, key: Any, other: Any, random: Random, mutate: Mutate) -> None:
    how, value = random.randrange(6), holder[key]
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, list):
        holder.insert(random.randint(0, len(holder)), value)
    elif how == 1:
        holder[_text(str(key), mutate)] = value
    elif how == 2 and isinstance(value, int):
        holder[key] = value + random.choice((-1, 1, 2 ** random.randrange(66)))
    elif how <= 4 and isinstance(value, str):
        holder[key] = _encoded(value, mutate) if random.random() < 0.3 else _text(value, mutate)
    else:
        holder[key] = json.loads(json.dumps(other))


def _text(value: str, mutate: Mutate) -> str:
    return mutate(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def _encoded(value: str, mutate: Mutate) -> str:
    with suppress(ValueError):
        return base64.b64encode(mutate(base64.b64decode(value))).decode()
    return value


def yaml_tree(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """A tree as above, with names that settings have; or lines, as JSON shows YAML's parser little."""
    if random.random() < 0.5:
        return lines(data, random, mutate)
    tree = yaml.safe_load(data)
    for _ in range(random.randint(0, 2)):
        holder, key = _place(tree, random)
        if isinstance(holder, dict):
            holder[random.choice(_NAMES)] = random.choice(_ODD) if random.random() < 0.5 else holder[key]
    return yaml.safe_dump(json.loads(json_tree(json.dumps(tree).encode(), random, mutate))).encode()


def _names(kind: type[msgspec.Struct]) -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        yield field.name
        for inner in typing.get_args(field.type):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                yield from _names(inner)


_NAMES: Final = sorted({*_names(Workflow), *_names(Step), *_names(Source)})


def json_lines(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """One line as a tree."""
    rows = data.split(b"\n")
    i = random.randrange(len(rows))
    rows[i] = json_tree(rows[i], random, mutate)
    return b"\n".join(rows)


def lines(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """One line changed, doubled, moved or taken away; fields of base64 inside."""
    rows = data.split(b"\n")
    i, j, how = random.randrange(len(rows)), random.randrange(len(rows)), random.randrange(5)
    if how == 0:
        rows[i] = mutate(rows[i])
    elif how == 1:
        rows.insert(j, rows[i])
    elif how == 2:
        rows[i], rows[j] = rows[j], rows[i]
    elif how == 3:
        del rows[i]
    else:
        fields = rows[i].split(b" ")
        fields[0] = base64.b64encode(mutate(base64.b64decode(fields[0])))
        rows[i] = b" ".join(fields)
    return b"\n".join(rows)


def gzipped(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """Other content, in one member or two."""
    content = mutate(gzip.decompress(data))
    cut = random.randint(0, len(content)) if random.random() < 0.3 else 0
    return (gzip.compress(content[:cut], 1, mtime=0) if cut else b"") + gzip.compress(content[cut:], 1, mtime=0)


def zstandardized(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """Other content, in one frame or two, with checksums, lengths and windows as it falls."""
    content = mutate(zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj().decompress(data))
    parameters = zstandard.ZstdCompressionParameters(
        window_log=random.randint(10, 27), write_checksum=random.randrange(2), write_content_size=random.randrange(2)
    )
    compress = zstandard.ZstdCompressor(compression_params=parameters).compress
    cut = random.randint(0, len(content)) if random.random() < 0.3 else 0
    return (compress(content[:cut]) if cut else b"") + compress(content[cut:])


def pieces(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """A message of Protocol Buffers: one field changed, doubled, moved or taken away, with lengths made right."""
    fields: list[list[Any]] = [list(field) for field in protobuf.fields(memoryview(data))]
    i, j, how = random.randrange(len(fields)), random.randrange(len(fields)), random.randrange(5)
    if how == 0:
        fields.insert(j, fields[i])
    elif how == 1:
        del fields[i]
    elif how == 2:
        fields[i], fields[j] = fields[j], fields[i]
    elif isinstance(fields[i][2], int):
        fields[i][2] = random.choice((0, 1, 2, 3, 4, 5, 6, 2**31, 2**63, fields[i][2] + 1))
    else:
        inside = bytes(fields[i][2])
        with suppress(ValueError):
            inside = pieces(inside, random, mutate) if how == 4 else mutate(inside)
        fields[i][2] = inside
    return b"".join(_field(*field) for field in fields)


def _field(number: int, kind: int, value: int | bytes) -> bytes:
    head = _varint(number << 3 | kind)
    if isinstance(value, int):
        return head + _varint(value)
    return head + (_varint(len(value)) if kind == protobuf.BYTES else b"") + bytes(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def parquet(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """Another table in another way of writing, or a few bytes of the footer changed; `data` mostly as it is."""
    if random.random() < 0.3:
        out, table = io.BytesIO(), _table(random)
        pq.write_table(
            table,
            out,
            compression=random.choice(("none", "snappy", "gzip", "zstd", "lz4", "brotli")),
            use_dictionary=random.random() < 0.5,
            row_group_size=random.choice((1, 2, 5, 100)),
            data_page_size=random.choice((1, 100, 1 << 20)),
            data_page_version=random.choice(("1.0", "2.0")),
            write_page_checksum=random.random() < 0.3,
            write_page_index=random.random() < 0.3,
            version=random.choice(("1.0", "2.4", "2.6")),
        )
        data = out.getvalue()
    size = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - size if random.random() < 0.7 else 4
    return _flipped(data, start, len(data) - 8, random)


def arrow(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """Another table as a file or a stream, or a few bytes changed."""
    if random.random() < 0.3:
        out, table = io.BytesIO(), _table(random)
        options = ipc.IpcWriteOptions(compression=random.choice((None, "lz4", "zstd")), unify_dictionaries=True)
        new: Any = ipc.new_file if random.random() < 0.5 else ipc.new_stream
        with new(out, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=random.choice((1, 3, 100)))
        data = out.getvalue()
    return _flipped(data, 0, len(data), random)


def _flipped(data: bytes, start: int, stop: int, random: Random) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        place = random.randrange(start, stop)
        out[place] = random.choice((out[place] ^ 1 << random.randrange(8), 0, 0xFF, 0x7F, 0x80, random.randrange(256)))
    return bytes(out)


def _table(random: Random) -> pa.Table:
    rows = random.choice((0, 1, 3, 20))
    words = ["", "a", "\u00e9\U0001f600", "x" * random.choice((1, 200)), None]
    columns: dict[str, pa.Array] = {}
    for name in random.sample(("text", "id", "language", "other", "text"), random.randint(1, 4)):
        values = [random.choice(words) for _ in range(rows)]
        kind = random.choice((pa.string(), pa.large_string(), pa.binary(), pa.null(), pa.int64(), pa.string_view(), 0))
        if kind == 0:
            columns[name] = pa.array(values, pa.string()).dictionary_encode()
        elif kind == pa.int64():
            columns[name] = pa.array([random.choice((0, -1, 2**62, None)) for _ in values], kind)
        elif kind == pa.null():
            columns[name] = pa.nulls(rows)
        else:
            columns[name] = pa.array(values, pa.string()).cast(kind)
    return pa.table(columns)


def two_files(data: bytes, random: Random, mutate: Mutate) -> bytes:
    """A tokenizer.json and the Parquet file behind it, one of them changed."""
    first, mark, second = data.partition(b"PAR1")
    if random.random() < 0.5:
        return json_tree(first, random, mutate) + mark + second
    return first + parquet(mark + second, random, mutate)


MUTATORS: Final[dict[str, Mutator]] = {
    "jsonl": json_lines,
    "text": lines,
    "gzip": gzipped,
    "zstd": zstandardized,
    "parquet": parquet,
    "arrow": arrow,
    "configuration": yaml_tree,
    "manifest": json_tree,
    "huggingface": json_tree,
    "tekken": json_tree,
    "tiktoken": lines,
    "sentencepiece": pieces,
    "directory": two_files,
}
"""By reader."""
