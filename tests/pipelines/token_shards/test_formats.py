"""Shards of every format, read by readers that share no code with the writers, compared with `tokenizers`' ids."""

import json
import struct
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
import tokenizers

from operators.tokenizer import Tokenizer
from pipelines.engines.local_engine import LocalEngine
from pipelines.retokenize.options import Encoding
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import (
    BadShard,
    ShardFull,
    Target,
    id_files,
    litdata,
    llmc,
    mds,
    read_shard,
    writer_of,
)
from tests.pipelines.corpora import write_corpus
from tests.pipelines.retokenize.corpora import encoded, files_of
from tests.pipelines.token_shards.formats import readers
from tests.pipelines.token_shards.formats.readers import READERS

TEXTS = ["the dog", "", "e\u0301 \U0001f600 zwölf", "x" * 300, "", "a b " * 40_000, "last"]


def shards(folder: Path, format: str) -> list[Path]:
    return sorted(folder.glob(f"*-[0-9]*{READERS[format][0]}"))


def write_texts(folder: Path) -> dict[str, list[str]]:
    """Write a corpus; return the texts of each file."""
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    written = {f"{language}.txt": list(texts) for language, texts in write_corpus(folder / "more", 30).items()}
    return {"a.jsonl": TEXTS} | written


@pytest.mark.parametrize("format", get_args(Format))
@pytest.mark.parametrize(("begin", "end"), [(None, None), (5, None), (None, 7), (5, 65_536)])
def test_each_format_holds_the_ids_of_tokenizers(
    tokenizer: Tokenizer, trained: Path, tmp_path: Path, format: Any, begin: int | None, end: int | None
) -> None:
    written = write_texts(tmp_path / "c")
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", Encoding(format=format, begin=begin, end=end), LocalEngine(2))
    peer = tokenizers.Tokenizer.from_file(str(trained / "tokenizer.json"))
    front, back = ([] if one is None else [one] for one in (begin, end))
    ending, read = READERS[format]
    names = {}
    for path in shards(tmp_path / "o", format):
        texts = written[path.name.removesuffix(f"-00000{ending}")]
        expected = [front + one.ids + back for one in peer.encode_batch(texts)]
        wide = end is not None and end >= 1 << 16
        found = readers.arrayrecord(path, "<u4") if format == "arrayrecord" and wide else read(path)
        assert found == (expected if format != "llmc" else [list(chain(*expected))])
        own = read_shard(format, path, np.dtype(np.uint32 if wide else np.uint16))
        assert found == [one.ids[a:b].tolist() for one in own for a, b in pairwise(one.offsets)]
        names[path.name] = len(found)
    assert len(names) == 5


def test_an_arrow_file_holds_nothing_that_stands_behind_the_strings_in_memory(tmp_path: Path) -> None:
    """A reader's buffers are longer than what it read: the bytes behind are those of whatever was there before."""
    ends = pa.py_buffer(np.array([0, 2, 2, 5], np.int32))
    clean = pa.array(["en", "", "deu"])
    dirty = pa.StringArray.from_buffers(3, ends, pa.py_buffer(b"endeu" + b"secret" * 30))
    longer = pa.StringArray.from_buffers(3, ends, pa.py_buffer(b"endeu" + b"others" * 30))
    found = []
    for i, column in enumerate([clean, dirty, pa.concat_arrays([clean, longer]).slice(3), longer.slice(0, 3)]):
        shard = writer_of("arrow")(Target(tmp_path, f"{i}-00000", np.dtype(np.uint16)))
        batch = pa.RecordBatch.from_arrays([column, column], ["id", "language"])
        shard.write(batch, np.array([5, 6, 7], np.int32), np.array([0, 1, 1, 3]))
        shard.seal()
        [name] = shard.finish()
        found.append((tmp_path / name).read_bytes())
        assert readers.arrow(tmp_path / name) == [[5], [], [6, 7]]
    assert len(set(found)) == 1 and b"secret" not in found[1]


@pytest.mark.parametrize("format", get_args(Format))
def test_batches_and_shards_follow_each_other(tmp_path: Path, format: str) -> None:
    """Two shards of three batches each, of both types, with documents at the sizes where a format's fields widen."""
    rng = np.random.default_rng(7)
    for kind in (np.uint16, np.uint32):
        (tmp_path / kind.__name__).mkdir()
        expected: dict[str, list[list[int]]] = {}
        for shard in range(2):
            target = Target(tmp_path / kind.__name__, f"x-{shard:05}", np.dtype(kind))
            writer, number = writer_of(format)(target), 1
            own = expected[f"x-{shard:05}"] = []
            for lengths in ([0, 1, 255, 256, 32_700, 32_740], [65_535, 0, 65_536], [5]):
                offsets = np.concatenate([[0], np.cumsum(lengths)])
                ids = rng.integers(0, np.iinfo(kind).max >> 1, offsets[-1]).astype(np.int32)
                rows = {"id": [str(number + i) for i in range(len(lengths))], "language": ["é"] * len(lengths)}
                writer.write(pa.RecordBatch.from_pydict(rows), ids, offsets)
                own += [ids[a:b].tolist() for a, b in pairwise(offsets)]
                number += len(lengths)
            writer.seal()
            made = writer.finish()
            assert {name: (target.directory / name).stat().st_size for name in made} == made
        names = sorted(path.name for path in shards(target.directory, format))
        writer_of(format).write_indices(target, names)
        for path in shards(target.directory, format):
            width = f"<u{np.dtype(kind).itemsize}"
            found = readers.arrayrecord(path, width) if format == "arrayrecord" else READERS[format][1](path)
            whole = expected[path.name.removesuffix(READERS[format][0])]
            assert found == (whole if format != "llmc" else [list(chain(*whole))])
            [names_read] = {one.names is not None for one in read_shard(format, path, np.dtype(kind))}
            assert names_read == (format in ("parquet", "arrow", "mds", "npy"))


@pytest.mark.parametrize("format", get_args(Format))
def test_a_cut_or_foreign_file_is_one_line(tmp_path: Path, format: str) -> None:
    target = Target(tmp_path, "x-00000", np.dtype(np.uint16))
    writer = writer_of(format)(target)
    rows = {"id": ["1", "2"], "language": ["a", "a"]}
    writer.write(pa.RecordBatch.from_pydict(rows), np.arange(40, dtype=np.int32), np.array([0, 15, 40]))
    writer.seal()
    writer.finish()
    writer_of(format).write_indices(target, [f"x-00000{READERS[format][0]}"])
    path = tmp_path / f"x-00000{READERS[format][0]}"
    whole = path.read_bytes()
    for content in (b"", whole[:-2], whole[: len(whole) // 2], b"\xff" * 3, b"\xff" * 200_000):
        path.write_bytes(content)
        with pytest.raises(BadShard, match="x-00000") as caught:
            list(read_shard(format, path, np.dtype(np.uint16)))
        assert "\n" not in str(caught.value)


def test_small_shards_that_are_held_keep_no_file_open(tmp_path: Path) -> None:
    """A join of 20,000 shards holds many at once."""
    (tmp_path / "x").write_bytes(b"12")
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = [id_files.mapped(tmp_path / "x") for _ in range(20)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before and held[0].tolist() == [49, 50]


@pytest.mark.parametrize("format", get_args(Format))
def test_an_abandoned_shard_leaves_nothing(tmp_path: Path, format: str) -> None:
    writer = writer_of(format)(Target(tmp_path, "x-00000", np.dtype(np.uint16)))
    rows = pa.RecordBatch.from_pydict({"id": ["1"], "language": ["a"]})
    writer.write(rows, np.arange(4, dtype=np.int32), np.array([0, 4]))
    writer.abandon(ValueError())
    assert list(tmp_path.iterdir()) == []
    assert writer_of(format)(Target(tmp_path, "y", np.dtype(np.uint16))).finish() == {}


@pytest.mark.parametrize("format", ["llmc", "mds", "litdata"])
def test_a_shard_that_its_offsets_cannot_express_is_refused(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llmc, "MOST_TOKENS", 39)
    for module in (mds, litdata):
        monkeypatch.setattr(module, "UINT32_BYTES", 79)
    writer = writer_of(format)(Target(tmp_path, "x-00000", np.dtype(np.uint16)))
    rows = pa.RecordBatch.from_pydict({"id": ["1"], "language": ["a"]})
    writer.write(rows, np.arange(40, dtype=np.int32), np.array([0, 40]))
    with pytest.raises(ShardFull, match="a shard of this format holds at most"):
        try:
            writer.finish()
        except ShardFull as error:
            writer.abandon(error)
            raise
    assert list(tmp_path.iterdir()) == [] and id_files.UINT32_BYTES == (1 << 32) - 1


@pytest.mark.parametrize("format", ["mds", "litdata", "arrow", "parquet"])
def test_the_index_names_the_shards_of_the_last_run_only(tokenizer: Tokenizer, tmp_path: Path, format: Any) -> None:
    write_corpus(tmp_path / "c", 5)
    encoding = Encoding(format=format)
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", encoding)
    first = files_of(tmp_path / "o")
    (tmp_path / "c/en.txt").rename(tmp_path / "away")
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", encoding)
    (tmp_path / "away").rename(tmp_path / "c/en.txt")
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", encoding)
    assert files_of(tmp_path / "o") == first
    indices = {"index.json", "README.md", "state.json", "dataset_info.json"}
    assert indices & {*first} == {*writer_of(format).INDICES}
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", Encoding(format="npy"))
    assert not indices & {*files_of(tmp_path / "o")}


def test_a_file_of_riegeli_begins_with_the_published_signature(tmp_path: Path) -> None:
    """The bytes are those of Riegeli's file format specification."""
    writer = writer_of("arrayrecord")(Target(tmp_path, "x", np.dtype(np.uint16)))
    rows = pa.RecordBatch.from_pydict({"id": ["1"], "language": ["a"]})
    writer.write(rows, np.arange(4, dtype=np.int32), np.array([0, 4]))
    writer.finish()
    published = """83 af 70 d1 0d 88 4a 3f 00 00 00 00 00 00 00 00 40 00 00 00 00 00 00 00 91 ba c2 3c 92 87 e1 a9
        00 00 00 00 00 00 00 00 e1 9f 13 c0 e9 b1 c3 72 73 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"""
    assert (tmp_path / "x.array_record").read_bytes()[:64] == bytes.fromhex(published)


def test_columns_may_keep_their_earlier_name(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c", 5)
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", Encoding(column="tokens"))
    encoded(tokenizer, tmp_path / "c", tmp_path / "p", Encoding())
    assert readers.parquet(tmp_path / "o/en.txt-00000.parquet", "tokens") == readers.parquet(
        tmp_path / "p/en.txt-00000.parquet"
    )


def test_datasets_loads_parquet_and_arrow(tokenizer: Tokenizer, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    write_corpus(tmp_path / "c", 5)
    for format in ("parquet", "arrow"):
        encoded(tokenizer, tmp_path / "c", tmp_path / format, Encoding(format=format))
    expected = list(chain(*map(readers.parquet, shards(tmp_path / "parquet", "parquet"))))
    hub = datasets.load_dataset(str(tmp_path / "parquet"), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(hub["input_ids"]) == expected
    assert list(datasets.load_from_disk(str(tmp_path / "arrow"))["input_ids"]) == expected


def test_array_record_reads_its_format(tokenizer: Tokenizer, tmp_path: Path) -> None:
    source = pytest.importorskip(
        "array_record.python.array_record_data_source", reason="array_record is not installed"
    ).ArrayRecordDataSource
    write_corpus(tmp_path / "c", 5)
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", Encoding(format="arrayrecord"))
    for path in shards(tmp_path / "o", "arrayrecord"):
        records = source(str(path))
        assert [np.frombuffer(records[i], np.uint16).tolist() for i in range(len(records))] == readers.arrayrecord(path)


def test_the_hash_equals_the_slow_one_at_every_length() -> None:
    from operators.kernels.highway_hash import KEY, highway_hash

    data = np.random.default_rng(3).integers(0, 256, 200).astype(np.uint8)
    for length in range(131):
        assert int(highway_hash(data, 3, 3 + length, KEY)) == readers.highway_hash(data[3 : 3 + length].tobytes())
    assert struct.unpack("<4Q", b"Riegeli/records\n" * 2) == tuple(KEY.tolist())
