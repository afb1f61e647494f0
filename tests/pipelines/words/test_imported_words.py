"""Counts made elsewhere become the very word tables that counting writes; what cannot be counted is one line."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.shard import CountOverflow
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Manifest, read_manifest
from pipelines.progress import Silent
from pipelines.words.counting import word_files
from pipelines.words.imported_words import BadWordTable
from pipelines.words.word_tables import read_words
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import count_words, import_words


def imported(path: Path, directory: Path, engine: Any = None, **more: int) -> Manifest:
    return import_words(
        find_files([Source(path=str(path))]), "gpt4", directory, engine or LocalEngine(2), Silent(), **more
    )


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


@pytest.mark.parametrize(
    "kinds",
    [
        (pa.string(), pa.int64(), pa.string()),
        (pa.binary(), pa.uint64(), pa.dictionary(pa.int32(), pa.string())),
        (pa.dictionary(pa.int32(), pa.large_binary()), pa.int32(), pa.large_string()),
        (pa.large_string(), pa.uint16(), pa.string()),
        (pa.string_view(), pa.int16(), pa.string_view()),
    ],
)
def test_tables_of_any_kind_in_any_order_give_the_bytes_that_counting_gives(
    tmp_path: Path, kinds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows shuffled over three files, each count in up to three rows."""
    write_corpus(tmp_path / "corpus")
    counted = count_words(
        find_files([Source(path=str(tmp_path / "corpus"))]), "gpt4", tmp_path / "w", LocalEngine(2), Silent()
    )
    rows = []
    draw = random.Random(5)
    for row in pa.concat_tables([pq.read_table(path) for path in word_files(counted, tmp_path / "w")]).to_pylist():
        for part in range(3):
            take = row["count"] if part == 2 else draw.randint(0, row["count"])
            row["count"] -= take
            rows.append(row | {"count": take})
    draw.shuffle(rows)
    (tmp_path / "tables").mkdir()
    for i in range(3):
        some = rows[i::3]
        columns = [
            pa.array([row["word"] for row in some], pa.binary()).cast(pa.string()).cast(kinds[0], safe=False)
            if not pa.types.is_dictionary(kinds[0])
            else pa.array([row["word"] for row in some], pa.large_binary()).dictionary_encode(),
            pa.array([row["count"] for row in some], kinds[1]),
            pa.array([row["language"] for row in some], pa.string()).dictionary_encode()
            if pa.types.is_dictionary(kinds[2])
            else pa.array([row["language"] for row in some], kinds[2]),
        ]
        pq.write_table(pa.table(columns, ["word", "count", "language"]), tmp_path / f"tables/{i}.parquet")
    made = imported(tmp_path / "tables", tmp_path / "o")
    assert made.facts["languages"] == counted.facts["languages"]
    assert (made.facts["rows"], made.facts["zero_counts"]) == (len(rows), sum(row["count"] == 0 for row in rows))
    assert len(word_files(made, tmp_path / "o")) == 16
    for ours, theirs in zip(word_files(made, tmp_path / "o"), word_files(counted, tmp_path / "w"), strict=True):
        assert ours.read_bytes() == theirs.read_bytes()
    for name, engine, part in (("f", FaultyEngine(2, {}), 1 << 40), ("g", LocalEngine(1), 4)):
        monkeypatch.setattr("pipelines.memory.FLUSH_PART", part)
        imported(tmp_path / "tables", tmp_path / name, engine)
        assert read_manifest(tmp_path / name) == made
        assert [path.read_bytes() for path in word_files(made, tmp_path / name)] == [
            path.read_bytes() for path in word_files(made, tmp_path / "o")
        ]


def test_without_languages_words_are_undetermined_and_what_is_nothing_is_left_out(tmp_path: Path) -> None:
    word = pa.array([b"ab", b"\xff\x80", b"", b"ab", b"zz"], pa.binary())
    pq.write_table(table(word=word, count=[2, 3, 5, 4, 0], more=["x"] * 5), tmp_path / "t.parquet")
    made = imported(tmp_path / "t.parquet", tmp_path / "o", partitions=3)
    figures = {"words": 2, "word_bytes": 4, "count": 9, "bytes": 18, "characters": 15}
    figures |= {"marks": 0, "begin_with_mark": 0, "with_letters": 6}
    assert made.facts["languages"] == {"und": figures}
    assert {name: made.facts[name] for name in ("rows", "zero_counts", "empty_words", "documents")} == {
        "rows": 5, "zero_counts": 1, "empty_words": 1, "documents": None,
    }  # fmt: skip
    words, counts = read_words(word_files(made, tmp_path / "o"), None)
    assert dict(zip(words.to_pylist(), counts.tolist(), strict=True)) == {b"ab": 6, b"\xff\x80": 3}
    before = (tmp_path / "o/words-0000.parquet").stat().st_mtime_ns
    imported(tmp_path / "t.parquet", tmp_path / "o", partitions=3)
    assert (tmp_path / "o/words-0000.parquet").stat().st_mtime_ns == before


WRONG: dict[str, tuple[Any, str]] = {
    "no word": (table(words=["a"], count=[1]), 'the column "word" is missing; there are: words, count'),
    "no count": (table(word=["a"], n=[1]), 'the column "count" is missing'),
    "null word": (table(word=["a", None], count=[1, 2]), "in row 2 word is null"),
    "null count": (table(word=["a", "b"], count=[None, 2]), "in row 1 count is null"),
    "null language": (table(word=["a", "b"], count=[1, 2], language=["x", None]), "in row 2 language is null"),
    "empty language": (table(word=["a", "b"], count=[1, 2], language=["", "y"]), "in row 1 language is empty"),
    "negative": (table(word=["a", "b"], count=[1, -2]), "in row 2 count is below 0 (-2)"),
    "small negative": (table(word=["a"], count=pa.array([-1], pa.int8())), "in row 1 count is below 0 (-1)"),
    "huge": (table(word=["a"], count=pa.array([2**64 - 1], pa.uint64())), "in row 1 count is above 2^62"),
    "large": (table(word=["a"], count=[2**62 + 1]), "in row 1 count is above 2^62"),
    "float": (table(word=["a"], count=[1.0]), 'the column "count" holds double, not whole numbers'),
    "number": (table(word=[1], count=[1]), 'the column "word" holds int64, not strings or bytes'),
    "bytes": (table(word=["a"], count=[1], language=[b"x"]), 'the column "language" holds binary, not strings'),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_one_line_and_leaves_nothing_whole(tmp_path: Path, case: str) -> None:
    content, says = WRONG[case]
    pq.write_table(content, tmp_path / "t.parquet")
    with pytest.raises(BadWordTable) as error:
        imported(tmp_path / "t.parquet", tmp_path / "o")
    said = str(error.value)
    assert says in said and "\n" not in said and said.startswith(str(tmp_path / "t.parquet"))
    assert not (tmp_path / "o/manifest.json").exists() and not (tmp_path / "o/counts").exists()


def test_damaged_files_and_files_of_other_formats_are_one_line(tmp_path: Path) -> None:
    pq.write_table(table(word=[f"w{i}" for i in range(5000)], count=[1] * 5000), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for content in (b"", whole[:-100], whole[: len(whole) // 3] + bytes(200) + whole[len(whole) // 3 + 200 :]):
        (tmp_path / "t.parquet").write_bytes(content)
        with pytest.raises(BadWordTable) as error:
            imported(tmp_path / "t.parquet", tmp_path / "o")
        assert "damaged" in str(error.value) and "\n" not in str(error.value)
    (tmp_path / "t.jsonl").write_text('{"word": "a", "count": 1}')
    with pytest.raises(BadWordTable, match="no Parquet file by its name"):
        imported(tmp_path / "t.jsonl", tmp_path / "o")


def test_counts_that_add_up_past_2_to_the_62_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    for i in range(4):
        pq.write_table(table(word=["ab"], count=[2**58 - 1]), tmp_path / f"t/{i}.parquet")
    made = imported(tmp_path / "t", tmp_path / "fits", partitions=1)
    assert read_words(word_files(made, tmp_path / "fits"), None)[1].tolist() == [4 * (2**58 - 1)]
    for i in range(4, 20):
        pq.write_table(table(word=["ab"], count=[2**58 - 1]), tmp_path / f"t/{i}.parquet")
    with pytest.raises(CountOverflow, match=r"more than 2\^62"):
        imported(tmp_path / "t", tmp_path / "o")
    pq.write_table(table(word=["ab"] * 3, count=[2**60] * 3), tmp_path / "one.parquet")
    with pytest.raises(CountOverflow):
        imported(tmp_path / "one.parquet", tmp_path / "o")


def test_a_table_of_nothing_is_refused(tmp_path: Path) -> None:
    pq.write_table(table(word=["ab", ""], count=[0, 7]), tmp_path / "t.parquet")
    with pytest.raises(EmptyCorpus):
        imported(tmp_path / "t.parquet", tmp_path / "o")
