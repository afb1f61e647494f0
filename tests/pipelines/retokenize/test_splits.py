"""Files in splits: the same documents as without, borders that depend on the file alone, whatever is done again."""

import io
import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.retokenize.options import Encoding
from pipelines.retokenize.tasks import name_content
from tests.pipelines.corpora import documents
from tests.pipelines.corpus.corpora import arrow_bytes, json_lines, squeezed
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.retokenize.corpora import encoded, files_of

PART = 1 << 12

LINES = ("txt", "txt.gz", "txt.zst", "jsonl", "jsonl.zst")
COLUMNS = ("parquet", "file.arrow", "stream.arrow")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 4 KiB."""
    make_parts_small(monkeypatch)


def make_parts_small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("corpus.content.CHUNK_BYTES", "retokenize.splits.CHUNK_BYTES", "retokenize.splits.SPLIT_BYTES"):
        monkeypatch.setattr(f"pipelines.{name}", PART)
    monkeypatch.setattr("pipelines.retokenize.tasks.PART_BYTES", PART)
    monkeypatch.setattr("pipelines.corpus.reading._LOCAL_READ_BYTES", 1000)


def texts_and_languages() -> list[tuple[str, str]]:
    """Some 20 parts; some documents are longer than one, some are empty, some end where a part does."""
    draw = random.Random(5)
    found = [(text, language) for language in ("en", "de", "zh") for text in documents(language, 150)]
    found[40:40] = [("", "en"), ("the dog " * 2_000, "en"), ("", "de")]
    draw.shuffle(found)
    return found


def write(folder: Path, kind: str) -> Path:
    folder.mkdir(exist_ok=True)
    rows = texts_and_languages()
    path = folder / f"x.{kind}"
    records = [{"language": language, "text": text, "other": [i]} for i, (text, language) in enumerate(rows)]
    if kind.startswith("txt"):
        path.write_bytes(squeezed(b"".join(text.encode() + b"\n" for text, _ in rows), kind))
    elif kind.startswith("jsonl"):
        path.write_bytes(squeezed(json_lines(records), kind))
    else:
        table = pa.Table.from_pylist(records)
        out = io.BytesIO()
        if kind == "parquet":
            pq.write_table(table, out, row_group_size=10, compression="none", use_dictionary=False)
        else:
            batches = pa.Table.from_batches(table.to_batches(max_chunksize=10))
            out.write(arrow_bytes(batches, stream=kind.startswith("stream")))
        path.write_bytes(out.getvalue())
    return path


def shards(out: Path) -> list[pl.DataFrame]:
    return [pl.read_parquet(path) for path in sorted(out.glob("*.parquet"))]


@pytest.mark.parametrize("kind", [*LINES, *COLUMNS])
def test_parts_hold_what_the_whole_file_holds(
    tokenizer: Tokenizer, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, kind)
    facts = encoded(tokenizer, path, tmp_path / "whole").facts
    [whole] = shards(tmp_path / "whole")
    content = name_content(find_files([Source(path=str(path))])[0])
    make_parts_small(monkeypatch)
    manifest = encoded(tokenizer, path, tmp_path / "o")
    parts = shards(tmp_path / "o")
    assert len(parts) > 8 and pl.concat(parts).equals(whole)
    assert manifest.facts == facts
    assert manifest.inputs[0]["content"] != content  # of chunks of 4 KiB
    assert manifest.inputs[0]["content"] == name_content(find_files([Source(path=str(path))])[0])
    engines: dict[str, Engine] = {"one": LocalEngine(1), "repeated": FaultyEngine(3, {})}
    for name, engine in engines.items():
        encoded(tokenizer, path, tmp_path / name, engine=engine)
        assert files_of(tmp_path / "o") == files_of(tmp_path / name)


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_part_k_holds_the_lines_that_begin_in_its_bytes_compressed_or_not(
    tokenizer: Tokenizer, tmp_path: Path, kind: str, small_parts: None
) -> None:
    write(tmp_path / "plain", kind)
    write(tmp_path / "zst", f"{kind}.zst")
    for name in ("plain", "zst"):
        encoded(tokenizer, tmp_path / name, tmp_path / f"o-{name}")
    lines = (tmp_path / f"plain/x.{kind}").read_bytes().splitlines(keepends=True)
    begin, numbers = 0, []
    for line in lines:
        numbers.append(begin // PART)
        begin += len(line)
    for name in ("plain", "zst"):
        ending = ".zst" if name == "zst" else ""
        found = {
            int(path.stem.rsplit("-", 1)[1]): pl.read_parquet(path)["id"].to_list()
            for path in (tmp_path / f"o-{name}").glob(f"x.{kind}{ending}-*.parquet")
        }
        assert sorted(found) == sorted(set(numbers)) != list(range(max(numbers) + 1))  # a long line begins in one
        assert found == {
            number: [str(i + 1) for i, own in enumerate(numbers) if own == number] for number in set(numbers)
        }


@pytest.mark.parametrize("kind", [*LINES, "parquet", "file.arrow"])
def test_parts_that_are_whole_are_not_made_again(
    tokenizer: Tokenizer, tmp_path: Path, kind: str, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends after some parts, as with a full disk; the next one goes on, and what it leaves is the same."""
    path = write(tmp_path, kind)
    encoded(tokenizer, path, tmp_path / "plain")
    made: list[int] = []
    import pipelines.retokenize.tasks as tasks

    class Watched(tasks._Part):
        def write(self, batches):  # type: ignore[no-untyped-def]
            if len(made) == stop:
                raise RuntimeError("the machine went away")
            super().write(batches)
            made.append(self.number)

    monkeypatch.setattr(tasks, "_Part", Watched)
    stop = 5
    with pytest.raises(RuntimeError):
        encoded(tokenizer, path, tmp_path / "o", engine=LocalEngine(1))
    assert not (tmp_path / "o/manifest.json").exists()
    assert not list((tmp_path / "o").glob("*.part"))
    first, stop = list(made), 1 << 30
    encoded(tokenizer, path, tmp_path / "o", engine=LocalEngine(1))
    again = set(first) & set(made[len(first) :])
    assert len(again) <= 1  # the last one may not have been known to be whole
    assert files_of(tmp_path / "o") == files_of(tmp_path / "plain")


def test_a_bad_record_and_damage_are_listed_once_with_their_numbers(
    tokenizer: Tokenizer, tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (write(tmp_path, "jsonl.zst")).read_bytes()
    lines = [b'{"text": "the lazy dog jumps", "language": "en"}\n'] * 400
    for i in (3, 150, 151, 399):
        lines[i] = b"bad\n"
    (tmp_path / "c").mkdir()
    (tmp_path / "c/a.jsonl").write_bytes(b"".join(lines))
    (tmp_path / "c/b.jsonl.gz").write_bytes(squeezed(b"".join(lines), ".gz"))
    (tmp_path / "c/cut.jsonl.zst").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "c/empty.jsonl.zst").write_bytes(b"")
    skip = Encoding(on_bad_record="skip")
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", skip)
    rows = pl.read_parquet(tmp_path / "o/bad_records.parquet")
    found = {Path(path).name: own["record"].to_list() for (path,), own in rows.group_by("path", maintain_order=True)}
    assert found["a.jsonl"] == found["b.jsonl.gz"] == [4, 151, 152, 400]
    assert len(found["cut.jsonl.zst"]) == len(found["empty.jsonl.zst"]) == 1
    whole = pl.concat(pl.read_parquet(path) for path in sorted((tmp_path / "o").glob("a.jsonl-*.parquet")))
    assert whole["id"].to_list() == [str(i + 1) for i in range(400) if i not in (3, 150, 151, 399)]
    for path in (tmp_path / "o").glob("cut*"):
        path.unlink()  # made again beside what stays
    encoded(tokenizer, tmp_path / "c", tmp_path / "again", skip)
    encoded(tokenizer, tmp_path / "c", tmp_path / "o", skip)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "again")


def test_the_first_record_of_the_file_decides_about_languages_in_every_split(
    tokenizer: Tokenizer, tmp_path: Path, small_parts: None
) -> None:
    with_it, without = b'{"text": "the dog", "language": "sv"}\n', b'{"text": "the dog"}\n'
    for name, first in (("has", with_it), ("lacks", without)):
        (tmp_path / name).mkdir()
        data = b"no record\n" + first + with_it * 200 + without * 200
        (tmp_path / f"{name}/x.jsonl").write_bytes(data)
        (tmp_path / f"{name}/y.jsonl.gz").write_bytes(squeezed(data, ".gz"))
        facts = encoded(tokenizer, tmp_path / name, tmp_path / f"o-{name}", Encoding(on_bad_record="skip")).facts
        good = {"sv": 402} if name == "has" else {"x": 201, "y": 201}
        assert {language: one["documents"] for language, one in facts["languages"].items()} == good
        assert facts["bad_records"] == 402
