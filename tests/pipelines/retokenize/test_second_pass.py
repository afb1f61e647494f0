"""Shuffled and packed runs: the same documents in another order, whatever the workers, and after a run was cut off."""

from collections import Counter
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.context import Context
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.memory import TooLittleMemory
from pipelines.results import Retokenized
from pipelines.retokenize import arranging
from pipelines.retokenize.options import BadToken
from pipelines.retokenize.rows import Rows
from pipelines.retokenize.settings import Retokenize
from pipelines.retokenize.step import retokenize
from pipelines.settings import BadSettings, Execution
from pipelines.token_shards.formats.shuffled import document_keys
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.retokenize.corpora import files_of
from tests.pipelines.token_shards.formats.readers import READERS


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arranging, "SHARD_TOKENS", 2_000)
    monkeypatch.setattr(arranging, "BATCH_TOKENS", 300)
    monkeypatch.setattr("pipelines.token_shards.formats.shuffled._BATCH_TOKENS", 300)


def run(folder: Path, out: str, trained: Path, engine: Engine | None = None, **named: Any) -> Retokenized:
    named = {"end": "1"} | named
    settings = Retokenize(corpus=[str(folder / "c")], tokenizer=str(trained), out=str(folder / out), **named)
    with Context(engine=engine or LocalEngine(2)) as context:
        return retokenize(settings, context)


def documents(made: Retokenized, format: str = "parquet") -> list[list[int]]:
    ending, read = READERS[format]
    return list(chain(*(read(path) for path in made.shards if path.name.endswith(ending) and "rows" not in path.name)))


def key(ids: list[int]) -> tuple[int, ...]:
    return tuple(ids)


@pytest.mark.parametrize("format", ["parquet", "megatron", "ds", "mds"])
def test_a_shuffle_keeps_every_document(trained: Path, tmp_path: Path, format: str, small_shards: None) -> None:
    write_corpus(tmp_path / "c", 100)
    plain = documents(run(tmp_path, "plain", trained, format=format), format)
    made = run(tmp_path, "a", trained, format=format, shuffle=1)
    found = documents(made, format)
    assert len([name for name in made.manifest.files if name.endswith(READERS[format][0])]) > 3
    assert found != plain and Counter(map(key, found)) == Counter(map(key, plain))
    assert made.facts["documents"] == len(plain) and made.facts["tokens"] == sum(map(len, plain))
    assert documents(run(tmp_path, "b", trained, format=format, shuffle=2), format) != found
    assert not (tmp_path / "a/.documents").exists() and not list((tmp_path / "a").glob("*.part"))
    if format == "parquet":  # names travel with their documents
        rows = pl.concat([pl.read_parquet(path) for path in made.shards])
        by_name = {(id, language): ids for id, language, ids in rows.select("id", "language", "input_ids").iter_rows()}
        source = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "plain").glob("*-0*.parquet"))])
        assert len(by_name) == len(source)
        assert all(by_name[id, language] == ids for id, language, ids in source.iter_rows())


@pytest.mark.parametrize("named", [{"shuffle": 3}, {"pack": 64}, {"shuffle": 3, "pack": 64, "packing": "best-fit"}])
def test_the_same_bytes_on_any_number_of_workers_and_when_repeated(
    trained: Path, tmp_path: Path, named: dict[str, Any], small_shards: None
) -> None:
    write_corpus(tmp_path / "c", 60)
    run(tmp_path, "one", trained, LocalEngine(1), **named)
    first = files_of(tmp_path / "one")
    for name, engine in (("many", LocalEngine(4)), ("repeated", FaultyEngine(2, {}))):
        run(tmp_path, name, trained, engine, **named)
        assert files_of(tmp_path / name) == first
    assert run(tmp_path, "one", trained, **named).kept and files_of(tmp_path / "one") == first
    (tmp_path / "c/en.txt").write_text("another text\n")
    assert not run(tmp_path, "one", trained, **named).kept


def test_a_run_that_ends_between_its_passes_goes_on(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    write_corpus(tmp_path / "c", 60)
    named: dict[str, Any] = {"shuffle": 3, "pack": 64, "packing": "best-fit", "format": "npy"}
    run(tmp_path, "whole", trained, **named)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.retokenize.second_pass.arrange_shard", lambda task: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            run(tmp_path, "o", trained, **named)
    assert (tmp_path / "o/.documents/manifest.json").exists() and not (tmp_path / "o/manifest.json").exists()
    run(tmp_path, "o", trained, **named)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "whole")


@pytest.mark.parametrize("packing", ["cut", "best-fit", "none"])
@pytest.mark.parametrize("shuffle", [None, 5])
@pytest.mark.parametrize("format", ["parquet", "npy"])
def test_packed_rows_hold_every_token_once(
    trained: Path, tmp_path: Path, packing: str, shuffle: int | None, format: str, small_shards: None
) -> None:
    write_corpus(tmp_path / "c", 60)
    plain = documents(run(tmp_path, "plain", trained))
    made = run(
        tmp_path, "o", trained, format=format, pack=63, pack_one_more=True, packing=packing, shuffle=shuffle, pad="7"
    )
    columns = ["cu_seqlens", "position_ids", "document_ids"]
    if format == "parquet":
        table = pl.concat([pl.read_parquet(path) for path in made.shards])
        rows = table["input_ids"].to_list()
    else:
        table = pl.concat([pl.read_parquet(path) for path in made.shards if path.name.endswith(".rows.parquet")])
        ids = np.concatenate([np.fromfile(path, np.uint16) for path in made.shards if path.suffix == ".npy"])
        rows = ids.reshape(-1, 64).tolist()
    assert {len(row) for row in rows} == {64} and len(rows) == made.facts["rows"] == len(table)
    pieces, padding = [], 0
    for row, cuts, positions, names in zip(rows, *(table[name].to_list() for name in columns), strict=True):
        pieces += [row[a:b] for a, b in pairwise(cuts)]
        assert row[cuts[-1] :] == [7] * (64 - cuts[-1]) and len(names) == len(cuts) - 1
        assert positions == [k for a, b in zip(cuts, [*cuts[1:], 64], strict=True) for k in range(b - a)]
        padding += 64 - cuts[-1]
    assert Counter(chain(*pieces)) == Counter(chain(*plain))
    assert padding == made.facts["padding"] and made.facts["waste"] == padding / (64 * len(rows))
    if packing != "cut":
        short = [ids for ids in plain if len(ids) <= 64]
        assert Counter(map(key, short)) <= Counter(map(key, pieces))
    elif shuffle is None:
        assert list(chain(*pieces)) == list(chain(*plain))


def test_rows_beside_a_shard_are_written_some_at_a_time(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of 1,024 tokens for documents of some tokens each are nearly all padding."""
    write_corpus(tmp_path / "c", 30)
    monkeypatch.setattr(arranging, "BATCH_TOKENS", 4_096)
    read: list[int] = []
    columns = Rows.columns

    def counted(rows: Rows, names: Any) -> Any:
        read.append(rows.count)
        return columns(rows, names)

    monkeypatch.setattr(Rows, "columns", counted)
    made = run(tmp_path, "o", trained, format="npy", pack=1_024, packing="none")
    [table] = [pl.read_parquet(path) for path in made.shards if path.name.endswith(".rows.parquet")]
    assert max(read) == 4 and sum(read) == len(table) == made.facts["rows"]
    assert table["position_ids"].list.len().unique().to_list() == [1_024]


def test_a_shard_beyond_the_memory_limit_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/x.txt").write_text("the\n" * 20_000)
    settings = Retokenize(corpus=[str(tmp_path / "c")], tokenizer=str(trained), out=str(tmp_path / "o"), shuffle=1)
    with (
        Context(Execution(memory_limit="2MB"), engine=LocalEngine(1)) as context,
        pytest.raises(TooLittleMemory, match=r"a shard of \d\d,000 tokens takes 2.\d MB, --memory-limit is 2.0 MB"),
    ):
        retokenize(settings, context)
    assert not (tmp_path / "o/manifest.json").exists() and not list((tmp_path / "o").glob("*.parquet"))


def test_keys_are_spread_evenly_and_depend_on_seed_and_part() -> None:
    keys = document_keys(1, "a", 100_000)
    assert len(set(keys.tolist())) == len(keys)
    counts = np.histogram(keys.astype(np.float64), 64, (0, 2.0**64))[0]
    assert ((counts - len(keys) / 64) ** 2).sum() / (len(keys) / 64) < 120  # chi-square of 63 degrees: P < 1e-5
    assert not set(keys.tolist()) & {*document_keys(2, "a", 1_000).tolist(), *document_keys(1, "b", 1_000).tolist()}


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"pack": 1}, r"pack: 1 is not from 2 to 16,777,216; give the tokens of a row"),
        ({"pack": -5}, r"pack: -5 is not from 2"),
        ({"packing": "best-fit"}, r"packing: is of packed rows; give pack"),
        ({"pad": "1"}, r"pad: is of packed rows"),
        ({"pack_one_more": True}, r"pack_one_more: is of packed rows"),
        ({"pack": 8, "long_documents": "split"}, r"long_documents: is of the packings best-fit and none"),
        ({"pack": 8, "pad": "<none>"}, r"pad '<none>': no such token"),
    ],
)
def test_settings_that_cannot_be_are_one_line(trained: Path, tmp_path: Path, named: dict[str, Any], line: str) -> None:
    write_corpus(tmp_path / "c", 2)
    with pytest.raises((BadSettings, BadToken), match=line):
        run(tmp_path, "o", trained, **named)
    assert not (tmp_path / "o").exists()
