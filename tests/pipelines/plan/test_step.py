"""Plans from samples, held against counting and training the whole for real."""

import gzip
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import zstandard

from operators.byte_level import byte_ids
from operators.shard import Shard
from operators.tokenizer import Merges
from operators.training.reducer import Reducer, learn_rounds
from operators.word_table import WordCounter
from pipelines.context import Context
from pipelines.corpus.sources import InputFile, Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output, read_manifest
from pipelines.plan.needs import Estimate, WorkersTooSmall
from pipelines.plan.sample_words import SampleWords
from pipelines.plan.sampling import Sample
from pipelines.plan.settings import Plan
from pipelines.plan.step import COSTS, Prediction, TooLittleText, _sample_bytes, predict, write_prediction
from pipelines.progress import Silent
from pipelines.words.counting import word_files
from tests.pipelines.corpora import count_words as slow_count
from tests.pipelines.steps import count_words

MEGABYTE = 1_000_000


def plan_of(
    *paths: Path, sample_bytes: int, sizes: tuple[int, ...] = (1000,), workers: int | None = None
) -> Prediction:
    files = find_files([Source(path=str(path)) for path in paths])
    return predict(files, "gpt4", sizes, Silent(), sample_bytes=sample_bytes, workers=workers)


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def bounds(estimate: Estimate) -> tuple[float, float]:
    return estimate.low, estimate.high


def zipf_lines(size: int, seed: int, letters: str) -> list[str]:
    """Lines of about `size` characters in all; words are numbers spelled in `letters`, frequent ones short."""
    random_ = np.random.default_rng(seed)
    lines, made = [], 0
    while made < size:
        ranks = np.minimum(random_.zipf(1.4, int(random_.integers(3, 25))), 10**9).tolist()
        lines.append(" ".join(spelled(rank, letters) for rank in ranks) + "\n")
        made += len(lines[-1])
    return lines


def spelled(rank: int, letters: str) -> str:
    word = ""
    while rank:
        rank, digit = divmod(rank, len(letters))
        word += letters[digit]
    return word


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five languages, 12 MB; two of them share their words."""
    folder = tmp_path_factory.mktemp("zipf")
    alphabets = {"aa": "etaoinsh", "bb": "ешрнтаол", "cc": "etaoinsh", "dd": "的一是不了人", "ee": "αβγδεζηθ"}
    for seed, (language, letters) in enumerate(alphabets.items()):
        lines = zipf_lines((3 * MEGABYTE if language == "aa" else MEGABYTE), seed, letters)
        (folder / f"{language}.txt").write_text("".join(lines), "utf-8", newline="")
    return folder


@dataclass(frozen=True)
class Truth:
    """A corpus, counted."""

    pairs: int
    words: int
    symbols: int
    table_bytes: int
    shard_bytes: int
    """With what it was laid out from."""


def counted(corpus: Path, scratch: Path, vocabulary: int) -> Truth:
    """Figures of counting and training on the whole corpus."""
    manifest = count_words(find_files([Source(path=str(corpus))]), "gpt4", scratch, LocalEngine(2), Silent())
    rows = pl.read_parquet(word_files(manifest, scratch))
    counter = WordCounter()
    for (language,), own in rows.partition_by("language", as_dict=True).items():
        words = own.get_column("word").to_arrow().cast(pa.large_binary())
        counter.table(str(language)).add_rows(words, own.get_column("count").to_numpy())
    merged = rows.group_by("word").agg(pl.col("count").sum()).sort("word")
    words = merged.get_column("word").to_arrow().cast(pa.large_binary())
    shard = Shard(words, np.array(merged.get_column("count").to_numpy()), byte_ids())
    reducer, nothing = Reducer((), vocabulary), Merges.from_rows([])
    for _ in learn_rounds(reducer, [shard.initial_counts()], lambda batch: [shard.apply(batch)], nothing):
        pass
    symbols = int(pc.sum(pc.binary_length(words)).as_py())
    loaded = words.nbytes + 16 * len(words)  # their bytes, where each ends, counts, order
    return Truth(rows.height, merged.height, symbols, counter.memory_bytes, shard.memory_bytes + loaded)


def check(plan: Prediction, truth: Truth, factor: float) -> None:
    """Every prediction holds the truth, and its value is within `factor` of it."""
    for said, true in (
        (plan.pairs.distinct, truth.pairs),
        (plan.words.distinct, truth.words),
        (plan.words.distinct_bytes, truth.symbols),
    ):
        assert holds(said, true), (said, true)
        assert true / factor < said.value < true * factor
    [one] = plan.vocabularies
    fixed = COSTS.worker_bytes
    assert one.training_worker_bytes.low - fixed <= truth.shard_bytes <= one.training_worker_bytes.high - fixed
    fixed += COSTS.counting_buffer_bytes
    low, high = ((bound - fixed) / COSTS.counting_copies for bound in bounds(one.counting_worker_bytes))
    assert low <= truth.table_bytes <= high


@pytest.mark.slow
def test_a_tenth_tells_what_counting_and_training_find(synthetic: Path, tmp_path: Path) -> None:
    truth = counted(synthetic, tmp_path / "words", 2000)
    plan = plan_of(synthetic, sample_bytes=MEGABYTE, sizes=(2000,), workers=1)
    assert truth.pairs > 1.05 * truth.words  # two languages share words, and a plan tells both numbers
    check(plan, truth, 1.3)


def test_real_text_is_told_from_a_sample(corpora: Path, tmp_path: Path) -> None:
    """Every third file of help, from 2 and from 8 MB of it."""
    (tmp_path / "help").mkdir()
    for path in sorted((corpora / "help").glob("*.jsonl.zst"))[::3]:
        (tmp_path / "help" / path.name).symlink_to(path.resolve())
    truth = counted(tmp_path / "help", tmp_path / "words", 8192)
    for sample_mb in (2, 8):
        plan = plan_of(tmp_path / "help", sample_bytes=sample_mb * MEGABYTE, sizes=(8192,), workers=1)
        check(plan, truth, 1.3)


@pytest.mark.slow
def test_a_corpus_that_is_read_whole_is_told_exactly(synthetic: Path, tmp_path: Path) -> None:
    texts = {tmp_path / path.name: path.read_text("utf-8").splitlines(keepends=True)[:4000]
             for path in sorted(synthetic.glob("*.txt"))}  # fmt: skip
    for path, lines in texts.items():
        path.write_text("".join(lines), "utf-8", newline="")
    plan = plan_of(tmp_path, sample_bytes=100 * MEGABYTE)
    words = {path: slow_count(lines) for path, lines in texts.items()}
    together = sum(words.values(), Counter())
    assert plan.sample.complete
    assert plan.sample.text_bytes == sum(path.stat().st_size for path in texts)
    assert plan.corpus.text_bytes.low == plan.corpus.text_bytes.high == plan.sample.text_bytes
    assert plan.corpus.words.value == pytest.approx(together.total())
    assert plan.pairs.distinct.low == pytest.approx(sum(map(len, words.values())))
    assert plan.pairs.distinct.high == plan.pairs.distinct.low
    assert plan.words.distinct.value == pytest.approx(len(together))
    assert plan.words.distinct_bytes.value == pytest.approx(sum(map(len, together)))


@pytest.mark.slow
def test_the_sample_is_spread_in_proportion_and_the_same_every_time(synthetic: Path) -> None:
    files = find_files([Source(path=str(synthetic))])
    first, second = (Sample(files, MEGABYTE) for _ in range(2))
    texts = [[block.column("text").to_pylist() for block in sample.blocks()] for sample in (first, second)]
    assert texts[0] == texts[1]
    for one in first.files:
        share = one.stored_bytes / sum(file.stored_bytes for file in first.files)
        blocks = share * MEGABYTE / first.block_bytes
        assert one.text_bytes == pytest.approx(share * MEGABYTE, rel=4 / blocks**0.5)  # four standard errors
    largest = (synthetic / "aa.txt").read_text("utf-8")
    lines = {line: i for i, line in enumerate(largest.splitlines(keepends=True))}
    places = [lines[text] / len(lines) for block in texts[0] for text in block if text in lines]
    assert np.histogram(places, 5, (0, 1))[0].min() > 0.5 * len(places) / 5


@pytest.mark.slow
def test_every_block_holds_whole_lines(synthetic: Path) -> None:
    lines = {line for path in synthetic.glob("*.txt") for line in path.read_text("utf-8").splitlines(keepends=True)}
    sample = Sample(find_files([Source(path=str(synthetic))]), MEGABYTE // 3)
    assert all(text in lines for block in sample.blocks() for text in block.column("text").to_pylist())


def in_every_format(lines: list[str], folder: Path) -> None:
    records = "".join(json.dumps({"id": i, "text": line, "more": "x" * 30}) + "\n" for i, line in enumerate(lines))
    (folder / "jsonl").mkdir(parents=True)
    (folder / "jsonl/xx.jsonl").write_text(records, "utf-8", newline="")
    for name in ("gz", "zst", "parquet", "arrow", "txtgz"):
        (folder / name).mkdir()
    (folder / "gz/xx.json.gz").write_bytes(gzip.compress(records.encode(), 1))
    (folder / "zst/xx.jsonl.zst").write_bytes(zstandard.compress(records.encode()))
    (folder / "txtgz/xx.txt.gz").write_bytes(gzip.compress("".join(lines).encode(), 1))
    table = pa.table({"text": lines})
    pq.write_table(table, folder / "parquet/xx.parquet", row_group_size=5000)
    with pa.ipc.new_file(str(folder / "arrow/xx.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)


@pytest.mark.slow
def test_every_format_tells_how_much_text_it_holds_and_of_what_words(tmp_path: Path) -> None:
    lines = zipf_lines(3 * MEGABYTE, 0, "etaoinsh")
    random.Random(0).shuffle(lines)
    in_every_format(lines, tmp_path)
    size, words = sum(len(line.encode()) for line in lines), len(slow_count(lines))
    for folder in sorted(tmp_path.iterdir()):
        plan = plan_of(folder, sample_bytes=MEGABYTE // 2)
        assert holds(plan.corpus.text_bytes, size), (folder.name, plan.corpus.text_bytes)
        assert holds(plan.words.distinct, words), (folder.name, plan.words.distinct)
        assert not plan.sample.complete
        assert 0.3 * MEGABYTE < plan.sample.text_bytes < 0.8 * MEGABYTE
        assert plan.sample.files_by_head == 0  # small enough to be passed through


@pytest.mark.slow
def test_of_a_large_compressed_file_the_head_is_read_and_told(tmp_path: Path) -> None:
    lines = zipf_lines(6 * MEGABYTE, 0, "etaoinsh")
    (tmp_path / "xx.txt.zst").write_bytes(zstandard.compress("".join(lines).encode()))
    plan = plan_of(tmp_path, sample_bytes=MEGABYTE // 10)
    assert plan.sample.files_by_head == 1
    assert plan.corpus.text_bytes.high > 1.15 * plan.corpus.text_bytes.low
    assert holds(plan.corpus.text_bytes, sum(map(len, lines)))


def test_bad_records_and_damage_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [json.dumps({"text": line}) for line in zipf_lines(MEGABYTE, 1, "etaoinsh")]
    lines[100] = "{not json"
    (tmp_path / "xx.jsonl").write_text("\n".join(lines))
    (tmp_path / "yy.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[101:]).encode())[:-20])
    assert plan_of(tmp_path, sample_bytes=10 * MEGABYTE).sample.bad_records == 2


def test_one_long_text_line_is_sampled_and_one_long_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "xx.txt").write_text("".join(zipf_lines(3 * MEGABYTE, 1, "etaoinsh")).replace("\n", " "))
    plan = plan_of(tmp_path / "xx.txt", sample_bytes=MEGABYTE // 10)
    assert plan.sample.blocks == MEGABYTE // 10 // 4096
    (tmp_path / "xx.jsonl").write_text(json.dumps({"text": "".join(zipf_lines(MEGABYTE, 1, "etaoinsh"))}))
    with pytest.raises(TooLittleText, match="has 0 blocks"):
        plan_of(tmp_path / "xx.jsonl", sample_bytes=MEGABYTE // 4)


def test_languages_in_one_block_are_told_apart() -> None:
    batch = pa.record_batch(
        {
            "id": [""] * 4,
            "language": ["a", "b", "a", "c"],
            "text": pa.array(["one two", "one three", "one two four", ""], pa.large_string()),
        }
    )
    words = SampleWords("gpt4")
    words.add(batch)
    words.add(batch.slice(0, 1))
    words.finish()
    (pairs, pair_bytes), (merged, _) = words.incidences()
    found = {("a", "one"), ("a", " two"), ("a", " four"), ("b", "one"), ("b", " three")}
    assert len(pairs.weights) == len(found)
    assert pair_bytes.weights.sum() == sum(len(word) for _, word in found)
    assert sorted(pairs.frequencies().tolist()) == [1, 1, 1, 2, 2]
    assert sorted(merged.frequencies().tolist()) == [1, 1, 2, 2]


@pytest.mark.slow
def test_as_few_workers_as_the_memory_allows(synthetic: Path) -> None:
    def planned(memory: float, workers: int | None = None) -> tuple[int, bool]:
        files = find_files([Source(path=str(synthetic))])
        plan = predict(
            files, "gpt4", [1000], Silent(), sample_bytes=MEGABYTE, memory_per_worker_bytes=memory, workers=workers
        )
        [one] = plan.vocabularies
        return one.workers, one.fits

    tight = plan_of(synthetic, sample_bytes=MEGABYTE, workers=4).vocabularies[0]
    memory = max(tight.training_worker_bytes.high, tight.counting_worker_bytes.high)
    assert planned(memory) == (4, True)
    assert planned(memory - 1, 4) == (4, False)
    assert planned(100e9) == (1, True)
    with pytest.raises(WorkersTooSmall, match="raise memory_per_worker"):
        planned(COSTS.worker_bytes / 2)


@pytest.mark.slow
def test_more_workers_take_less_time_and_memory_and_larger_vocabularies_more(synthetic: Path) -> None:
    plans = [plan_of(synthetic, sample_bytes=MEGABYTE, sizes=(1000, 4000), workers=workers) for workers in (1, 8)]
    for few, many in zip(plans[0].vocabularies, plans[1].vocabularies, strict=True):
        assert many.training_worker_bytes.value < few.training_worker_bytes.value
    small, large = plans[0].vocabularies
    assert small.training_seconds.value < large.training_seconds.value
    assert small.driver_bytes.value < large.driver_bytes.value
    assert small.core_hours.low < small.core_hours.value < small.core_hours.high


@pytest.mark.slow
def test_a_plan_is_written_and_read_again(synthetic: Path, tmp_path: Path) -> None:
    plan = plan_of(synthetic, sample_bytes=MEGABYTE)
    files = find_files([Source(path=str(synthetic))])
    for _ in range(2):  # the second time over the first
        with Output(tmp_path / "plan", "plan") as output:
            write_prediction(plan, files, output, Plan(corpus=[str(synthetic)]), Context())
    assert msgspec.json.decode((tmp_path / "plan/plan.json").read_bytes(), type=Prediction) == plan
    manifest = read_manifest(tmp_path / "plan")
    assert manifest is not None and manifest.stage == "plan"


@pytest.mark.parametrize(
    ("given", "stored", "expected"),
    [(3, 9 * MEGABYTE, 3), (None, MEGABYTE, 8), (None, 160 * MEGABYTE, 20), (None, 10**12, 64)],
)
def test_the_sample_is_a_part_of_the_corpus(given: int | None, stored: int, expected: int) -> None:
    files = [InputFile("a", stored - 1, None, Source(path="a")), InputFile("b", 1, None, Source(path="b"))]
    assert _sample_bytes(given, files) == expected * 1_000_000
