"""Table that `babelmerge plan` prints."""

from pathlib import Path

import msgspec
import pytest

from jobs.command import main
from jobs.plan_table import plan_table, spread
from jobs.units import size
from pipelines.plan.needs import Estimate, VocabularyPlan
from pipelines.plan.step import COSTS, CorpusSize, GrowthFacts, Prediction, SampleFacts


def about(value: float, factor: float = 2.0) -> Estimate:
    return Estimate(low=value / factor, value=value, high=value * factor)


WORDS = GrowthFacts(
    found_in_sample=330_643,
    beta=0.6972,
    beta_error=0.0051,
    k_words=3.06,
    k_bytes=1.2,
    k_relative_error=0.076,
    missed_by_half_percent=3.5,
    missed_by_quarter_percent=-6.8,
    distinct=about(3.02e6),
    distinct_bytes=about(34.3e6),
)

ONE = VocabularyPlan(
    vocabulary_size=32768,
    workers=40,
    nodes=5,
    partitions=40,
    counting_worker_bytes=about(4e8),
    training_worker_bytes=about(2.1e9),
    driver_bytes=about(7e8),
    fits=True,
    counting_seconds=about(7200),
    training_seconds=about(90),
    core_hours=about(81.3),
)

PLAN = Prediction(
    pretokenizer="gpt4",
    memory_per_worker_bytes=4e9,
    cores_per_node=8,
    corpus=CorpusSize(files=1200, stored_bytes=10**12, text_bytes=about(4e12, 1.1), words=about(9e11), languages=93),
    sample=SampleFacts(
        text_bytes=64_000_000,
        words=16_000_000,
        blocks=2048,
        files=1100,
        files_by_head=1100,
        complete=False,
        bad_records=0,
        reading_mb_per_second=120.0,
        counting_mb_per_second=200.0,
    ),
    pairs=WORDS,
    words=WORDS,
    vocabularies=[ONE, msgspec.structs.replace(ONE, vocabulary_size=131072, core_hours=about(85.0))],
    costs=COSTS,
)


def row(table: str, name: str) -> list[str]:
    """The cells of the only line that begins so."""
    [line] = [line for line in table.splitlines() if line.startswith(f"{name}  ")]
    return [cell for cell in line.split("  ") if cell.strip()]


def test_the_table_tells_every_prediction_with_its_bounds() -> None:
    table = plan_table(PLAN)
    assert [cell.strip() for cell in row(table, "tokens")[1:]] == ["32,768", "131,072"]
    assert "1,200 files, 1 TB: 4 TB (3.64–4.4 TB) of text in 93 languages" in table
    assert "64 MB of it was read: 2,048 blocks from 1,100 files, from the heads only of 1,100" in table
    assert row(table, "distinct in all")[1].strip() == "3.02 M (1.51–6.04 M)"
    assert row(table, "memory to train, a worker")[1].strip() == "2.1 GB (1.05–4.2 GB)"
    assert row(table, "time to count")[1].strip() == "2 h (60 min–4 h)"
    assert row(table, "core-hours")[1].strip() == "81 (41–163)"
    assert "heads" in table and "--partitions 40" in table


def test_no_line_is_cut_or_wider_than_asked_for() -> None:
    lines = plan_table(PLAN).splitlines()
    assert max(map(len, lines)) <= 110
    assert not any("…" in line for line in lines)


def test_what_was_read_whole_is_told_without_bounds() -> None:
    exact = Estimate(low=5e6, value=5e6, high=5e6)
    words = msgspec.structs.replace(WORDS, distinct=exact, distinct_bytes=exact)
    sample = msgspec.structs.replace(PLAN.sample, complete=True, files_by_head=0)
    table = plan_table(msgspec.structs.replace(PLAN, words=words, pairs=words, sample=sample))
    assert "all of it was read" in table
    assert row(table, "distinct in all")[1].strip() == "5 M"
    assert "heads" not in table


def test_what_does_not_fit_and_what_cannot_be_read_is_said() -> None:
    sample = msgspec.structs.replace(PLAN.sample, bad_records=3)
    tight = msgspec.structs.replace(PLAN, sample=sample, vocabularies=[msgspec.structs.replace(ONE, fits=False)])
    table = plan_table(tight)
    assert "40 (too few)" in table
    assert "leave --workers out" in table
    assert "3 records of the sample cannot be read" in table and "--on-bad-record" in table


def test_an_estimate_has_its_bounds_in_brackets() -> None:
    assert spread(about(1e9), size) == "1 GB (500 MB–2 GB)"


def babelmerge(*arguments: str) -> int:
    """The command's exit status."""
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments, "--progress", "off"])
    return int(ended.value.code or 0)


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"word{i * i % 997} and name{i}\n" for i in range(40_000)]
    (tmp_path / "en.txt").write_text("".join(lines))
    flags = ["--vocab-sizes", "1000,2000", "--workers", "3", "--sample-mb", "1", "--out", str(tmp_path / "plan")]
    assert babelmerge(str(tmp_path / "en.txt"), *flags) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == f"wrote a plan: {tmp_path}/plan/plan.json"
    assert [cell.strip() for cell in row(told, "workers")[1:]] == ["3", "3"]
    written = msgspec.json.decode((tmp_path / "plan/plan.json").read_bytes(), type=Prediction)
    assert [one.vocabulary_size for one in written.vocabularies] == [1000, 2000]
    assert [one.workers for one in written.vocabularies] == [3, 3]
    assert written.corpus.text_bytes.value == sum(map(len, lines))


def test_wrong_usage_and_too_little_text_are_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "en.txt").write_text("hello\n")
    assert babelmerge(str(tmp_path / "en.txt")) == 1
    assert babelmerge(str(tmp_path / "en.txt"), "--vocab-sizes", "5") == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "name more text" in errors[0]
