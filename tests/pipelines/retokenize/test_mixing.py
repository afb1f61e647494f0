"""Epochs, weights, splits and duplicates, against a plain loop over the documents."""

import errno
import hashlib
import json
import random
from collections import Counter
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from operators.errors import UsageError
from pipelines.context import Context
from pipelines.corpus.bad_records import TooManyBadRecords
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.join.settings import Join
from pipelines.join.step import join
from pipelines.outputs import WriteFailed
from pipelines.results import Retokenized
from pipelines.retokenize import arranging, duplicates, mixing
from pipelines.retokenize.mixing import Mix, copies
from pipelines.retokenize.settings import Retokenize
from pipelines.retokenize.step import retokenize
from pipelines.settings import Execution
from pipelines.token_shards.shards import NoShards
from tests.pipelines.corpus.test_cutting import damaged
from tests.pipelines.retokenize.corpora import files_of
from tests.pipelines.retokenize.test_splits import PART, make_parts_small

WORDS = "the dog lazy brown fox sieht größer уже"


def write(folder: Path, name: str, count: int, seed: int = 1) -> list[tuple[str, str, str]]:
    """Write documents, a third of whose texts others have too; return their ids, languages and texts."""
    folder.mkdir(exist_ok=True)
    draw, words = random.Random(f"{name}{seed}"), WORDS.split()
    rows = []
    for i in range(count):
        text = " ".join(draw.choices(words, k=draw.choice([0, 1, 1, 5, 30])))
        rows.append((f"{name}:{i}", draw.choice(["en", "sw", "yo"]), text))
    lines = [json.dumps(dict(zip(("id", "language", "text"), row, strict=True))) for row in rows]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return rows


def run(folder: Path, out: str, trained: Path, engine: Engine | None = None, **named: Any) -> Retokenized:
    settings = Retokenize(corpus=[str(folder / "c")], tokenizer=str(trained), out=str(folder / out), **named)
    with Context(engine=engine or LocalEngine(2)) as context:
        return retokenize(settings, context)


def draws(name: str) -> tuple[float, float]:
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    used, placed = (int.from_bytes(digest[i : i + 8], "little") for i in (0, 8))
    return (used >> 11) / 2**53, (placed >> 11) / 2**53


def expected(
    rows: list[tuple[str, str, str]], epochs: float, weights: dict[str, float], split: dict[str, float]
) -> dict[str, Counter[str]]:
    """The number of copies of each document in each split."""
    found: dict[str, Counter[str]] = {name: Counter() for name in (*split, "train")}
    for name, language, _ in rows:
        used, placed = draws(name)
        for other, share in split.items():
            if placed < share:
                found[other][name] += 1
                break
            placed -= share
        else:
            found["train"][name] += floor(epochs * weights.get(language, 1) + used)
    return {name: +counts for name, counts in found.items()}


def held(folder: Path) -> list[str]:
    return [name for path in sorted(folder.glob("*-[0-9]*.parquet")) for name in pl.read_parquet(path)["id"]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts, runs, ranges and shards."""
    make_parts_small(monkeypatch)
    monkeypatch.setattr(duplicates, "PART_BYTES", PART)
    monkeypatch.setattr(mixing, "RUN_TOKENS", 50)
    monkeypatch.setattr(duplicates, "RANGE_DOCUMENTS", 37)
    monkeypatch.setattr(arranging, "SHARD_TOKENS", 900)
    monkeypatch.setattr("pipelines.token_shards.formats.shuffled._BATCH_TOKENS", 300)


@pytest.mark.parametrize(("shuffle", "drop"), [(None, False), (3, True)])
def test_copies_and_splits_are_those_of_a_plain_loop(
    trained: Path, tmp_path: Path, shuffle: int | None, drop: bool, small: None
) -> None:
    rows = [row for name in ("a", "b") for row in write(tmp_path / "c", name, 100)]
    mix: dict[str, Any] = {"epochs": 2.5, "weights": {"en": 0.3, "sw": 2}, "split": {"validation": 0.1, "test": 0.05}}
    made = run(tmp_path, "o", trained, LocalEngine(1), shuffle=shuffle, drop_duplicates=drop, **mix)
    if drop:
        first: dict[str, tuple[str, str, str]] = {}
        for row in rows:
            first.setdefault(row[2], row)
        manifest = json.loads((tmp_path / "o/train/manifest.json").read_text())
        assert manifest["facts"]["duplicates"] == len(rows) - len(first) > 40
        rows = list(first.values())
    wanted = expected(rows, **mix)
    assert {name: Counter(held(tmp_path / "o" / name)) for name in wanted} == wanted
    texts = {name: text for name, _, text in rows}
    sums = made.facts["splits"]["train"]
    assert sums["documents"] == wanted["train"].total()
    assert sums["bytes"] == sum(len(texts[name].encode()) * n for name, n in wanted["train"].items())
    assert len(held(tmp_path / "o/test")) > 3 and not (tmp_path / "o" / duplicates.FOLDER).exists()
    before = files_of(tmp_path / "o")
    assert run(tmp_path, "o", trained, shuffle=shuffle, drop_duplicates=drop, **mix).kept
    run(tmp_path, "p", trained, LocalEngine(4), shuffle=shuffle, drop_duplicates=drop, **mix)
    assert before == files_of(tmp_path / "o") == files_of(tmp_path / "p")


def test_epochs_of_a_shuffle_follow_each_other_in_orders_of_their_own(
    trained: Path, tmp_path: Path, small: None
) -> None:
    rows = write(tmp_path / "c", "a", 150)
    run(tmp_path, "o", trained, shuffle=1, epochs=2.5, end="1")
    names = held(tmp_path / "o")
    one, two, half = names[:150], names[150:300], names[300:]
    assert sorted(one) == sorted(two) == sorted(name for name, _, _ in rows) and one != two
    assert set(half) == {name for name, _, _ in rows if draws(name)[0] >= 0.5} and len(set(half)) == len(half)
    ends = np.cumsum([len(pl.read_parquet(path)) for path in sorted((tmp_path / "o").glob("shuffled-*"))])
    assert {150, 300} <= {*ends.tolist()} and len(ends) > 5
    packed = run(tmp_path, "packed", trained, shuffle=1, epochs=2.5, end="1", pack=32, packing="best-fit")
    assert packed.facts["documents"] == len(names)


def test_splits_stay_when_files_come_and_go_and_are_outputs_of_their_own(trained: Path, tmp_path: Path) -> None:
    rows = write(tmp_path / "c", "a", 100)
    split: dict[str, Any] = {"split": {"validation": 0.2}, "format": "mds"}
    run(tmp_path, "o", trained, **split)
    before = (tmp_path / "o/validation/a.jsonl-00000.mds").read_bytes()
    rows += write(tmp_path / "c", "b", 40)
    made = run(tmp_path, "o", trained, **split)
    assert (tmp_path / "o/validation/a.jsonl-00000.mds").read_bytes() == before and "1 input added" in made.summary
    assert [path.name for path in made.shards if path.parent.name == "train"] == [
        "a.jsonl-00000.mds",
        "b.jsonl-00000.mds",
    ]
    with Context(engine=LocalEngine(1)) as context:
        joined = join(Join(shards=[str(tmp_path / "o/validation")], out=str(tmp_path / "j")), context)
        documents = expected(rows, 1, {}, split["split"])["validation"].total()
        assert joined.facts["languages"]["en"]["documents"] > 0
        assert sum(one["documents"] for one in joined.facts["languages"].values()) == documents
        with pytest.raises(NoShards, match=r"holds splits; name one of them"):
            join(Join(shards=[str(tmp_path / "o")], out=str(tmp_path / "k")), context)
    run(tmp_path, "o", trained, split={"test": 0.2}, format="mds")
    assert sorted(path.name for path in (tmp_path / "o").iterdir() if path.is_dir()) == ["test", "train"]


def test_duplicates_make_any_change_a_new_run(trained: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / f"c/{name}.txt").write_text("the same line\n")
    run(tmp_path, "o", trained, drop_duplicates=True)
    assert [path.name for path in (tmp_path / "o").glob("*.parquet")] == ["a.txt-00000.parquet"]
    (tmp_path / "c/a.txt").write_text("another line\n")
    run(tmp_path, "o", trained, drop_duplicates=True)
    assert sorted(path.name[0] for path in (tmp_path / "o").glob("*.parquet")) == ["a", "b"]


def test_a_disk_that_is_full_while_duplicates_are_listed_is_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "c", "a", 3)
    plain = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.parent.name == duplicates.FOLDER:
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WriteFailed, match="No space left on device; make room"):
        run(tmp_path, "o", trained, drop_duplicates=True)
    assert not list((tmp_path / "o").glob("*manifest.json"))


def test_a_weight_of_zero_leaves_a_language_out_and_bad_records_are_shares_of_what_was_read(
    trained: Path, tmp_path: Path
) -> None:
    rows = write(tmp_path / "c", "a", 60)
    with (tmp_path / "c/a.jsonl").open("a") as file:
        file.write("{bad\n" * 4)
    settings = Retokenize(
        corpus=[str(tmp_path / "c")], tokenizer=str(trained), out=str(tmp_path / "o"), weights={"en": 0, "sw": 0.1}
    )
    for share, fits in ((0.07, True), (0.05, False)):
        execution = Execution(on_bad_record="skip", max_bad_share=share)
        with Context(execution, engine=LocalEngine(1)) as context:
            if fits:
                assert retokenize(settings, context).facts["languages"]["en"]["documents"] == 0
                continue
            (tmp_path / "c/a.jsonl").touch()
            (tmp_path / "o/manifest.json").unlink()
            with pytest.raises(TooManyBadRecords, match=rf"4 of {len(rows) + 4} records"):
                retokenize(settings, context)


def test_shares_are_met_and_copies_are_spread_evenly_over_epochs() -> None:
    names = [str(i) for i in range(20_000)]
    batch = pa.RecordBatch.from_pydict({"id": names, "language": ["x"] * len(names)})
    chosen = copies(Mix(first=0.3, end=0.31), batch)[0]
    assert abs(len(chosen) - 200) < 6 * 200**0.5
    part = copies(Mix(epochs=4, weights={"x": 0.5}, first=0.5), batch)
    assert abs(len(part[0]) - 20_000) < 6 * 10_000**0.5 * 2
    assert {*Counter(part[0].tolist()).values()} == {2}  # every other epoch
    assert abs(np.count_nonzero(part[1] == 2) - 5_000) < 6 * 5_000**0.5
    for factor in (0.25, 1.75):  # whether a document has one more copy says nothing of its split
        more = np.bincount(copies(Mix(weights={"x": factor}, end=0.5), batch)[0], minlength=len(names))
        assert abs(more.sum() - 10_000 * factor) < 6 * 10_000**0.5


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"split": {"train": 0.1}}, r"split: 'train' names no split"),
        ({"split": {"../x": 0.1}}, r"split: '../x' names no split"),
        ({"split": {"a": 0.5, "b": 0.5}}, r"split: the shares come to 100 % or more; leave some for train"),
        ({"weights": {"xx": 2.0}}, r"weights: no text in the language 'xx'; the corpus has"),
        ({"weights": "sw"}, r"weights: 'sw' is neither NAME=NUMBER,... nor a .yaml file"),
        ({"weights": {"sw": 900.0}, "epochs": 900.0}, r"weights: with these epochs give a document more than 10,000"),
    ],
)
def test_settings_that_cannot_be_are_one_line(trained: Path, tmp_path: Path, named: dict[str, Any], line: str) -> None:
    write(tmp_path / "c", "a", 5)
    with pytest.raises(UsageError, match=line):
        run(tmp_path, "o", trained, **named)
    assert not (tmp_path / "o/manifest.json").exists()


def test_what_follows_damage_is_no_first_of_duplicates(
    trained: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file of frames, hashed in spans at first, gives what it gives where it is read whole."""
    monkeypatch.setattr("pipelines.corpus.frames.RUN_BYTES", 1)
    (tmp_path / "c").mkdir()
    lines = [json.dumps({"text": f"the {i} dogs of {i * i}"}) for i in range(600)]
    (tmp_path / "c/x.jsonl.zst").write_bytes(damaged("x.jsonl.zst"))
    (tmp_path / "c/z.jsonl").write_text("\n".join(lines[:51] + lines[-100:]))
    made = []
    for name in ("many", "whole"):
        if name == "whole":
            monkeypatch.setattr("pipelines.retokenize.splits.cuttable", lambda file: None)
        settings = Retokenize(
            corpus=[str(tmp_path / "c")], tokenizer=str(trained), out=str(tmp_path / name), drop_duplicates=True
        )
        execution = Execution(on_bad_record="skip", max_bad_share=1.0)
        with Context(execution, engine=LocalEngine(2)) as context:
            made.append(retokenize(settings, context).facts)
    assert made[0] == made[1] and made[0]["duplicates"] == 51
    assert files_of(tmp_path / "many") == files_of(tmp_path / "whole")
