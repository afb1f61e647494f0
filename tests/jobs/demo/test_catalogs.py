"""The demo: its corpus against the compiled catalogs, and the whole of it, twice."""

import gettext
import html.parser
import re
from pathlib import Path

import django
import polars as pl
import pytest

from jobs.command import main
from jobs.demo.catalogs import MissingPackage, catalogs, is_sample, read_catalogs
from jobs.demo.settings import Catalogs
from pipelines.context import Context
from pipelines.outputs import read_manifest

ROOT = Path(django.__file__).parent


@pytest.mark.slow
def test_every_translation_is_in_the_compiled_catalogs() -> None:
    """Django ships each catalog compiled too (.mo), which gettext reads."""
    texts = read_catalogs("django")
    assert len(texts) >= 60
    for language in ("de", "ar", "ml", "zh_Hans", "sr_Latn"):
        compiled: dict[str, gettext.GNUTranslations] = {}
        for path in sorted(ROOT.glob(f"**/locale/{language}/LC_MESSAGES/*.mo")):
            app = path.relative_to(ROOT).parts[:-4]
            with path.open("rb") as file:
                compiled["/".join(["django", *app, path.stem])] = gettext.GNUTranslations(file)
        assert len(texts[language]) > 300
        for document, text in texts[language].items():
            where = next(name for name in compiled if document.startswith(f"{name}:"))
            context, _, message = document[len(where) + 1 :].partition(":")
            catalog = compiled[where]
            assert text == (catalog.pgettext(context, message) if context else catalog.gettext(message))
            assert texts["en"][document] == message


@pytest.mark.slow
def test_halves_are_disjoint_and_whole_in_every_language(tmp_path: Path) -> None:
    facts = catalogs(Catalogs(packages=["django"], out=str(tmp_path)), Context()).facts
    assert facts["languages"] >= 60
    parts: dict[str, dict[str, pl.DataFrame]] = {"parallel": {}, "train": {}, "sample": {}}
    for path in tmp_path.glob("*.parquet"):
        part, _, language = path.stem.partition("-")
        parts[part][language] = pl.read_parquet(path)
    assert len(parts["parallel"]) == facts["languages"]
    for language, whole in parts["parallel"].items():
        train, sample = (set(parts[part][language]["id"]) for part in ("train", "sample"))
        assert not train & sample and train | sample == set(whole["id"])
        assert all(is_sample(document) for document in sample)
        assert whole["id"].is_unique().all() and set(whole["language"]) == {language}


def test_a_package_that_is_not_there_is_one_line() -> None:
    with pytest.raises(MissingPackage, match="the package is not installed; install the extra that brings it"):
        read_catalogs("no_such_package")
    with pytest.raises(MissingPackage, match="ships no catalogs"):
        read_catalogs("polars")


class Sources(html.parser.HTMLParser):
    """Everything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        fetched = values.get("src") or (values.get("href") if tag == "link" else None)
        if fetched and not fetched.startswith("data:"):
            self.fetched.append(fetched)


@pytest.mark.slow
def test_the_demo_runs_and_its_second_run_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def demo() -> list[str]:
        with pytest.raises(SystemExit) as end:
            main(["demo", "--engine", "local", "--progress", "off"])
        assert not end.value.code
        return capsys.readouterr().out.strip().splitlines()

    first = demo()
    told = [line for line in first if line.startswith("- ")]
    shares_told = [line for line in told if re.match(r"- +[\d.]+ %  \(.* to .*\)  \w+", line)]
    assert len(shares_told) == 10 and len(told) - len(shares_told) == 4  # findings, and what the fair tokenizer costs
    assert first[-1] == "wrote a report: runs/demo/report/report.html"
    done = tmp_path / "runs/demo"
    premiums = pl.read_parquet(done / "premiums/premiums.parquet")
    assert premiums["language"].n_unique() >= 60 and (premiums["premium"] > 0).all()
    trained = read_manifest(done / "tokenizer")
    assert trained is not None and trained.facts["vocabulary"] == 4096
    truth = trained.facts["mixture"]
    shares = dict(pl.read_parquet(done / "mixture/mixture.parquet").select("category", "share").iter_rows())
    assert len(truth) >= 8 and set(shares) == set(truth)
    assert max(abs(shares[one] - truth[one]) for one in truth) < 0.05
    frontier = pl.read_parquet(done / "fair/frontier.parquet")
    plain, fair = (frontier.filter(pl.col("method") == name)["gini"][0] for name in ("unweighted", "chosen"))
    assert fair < plain / 2
    page = (done / "report/report.html").read_text("utf-8")
    sources = Sources()
    sources.feed(page)
    assert sources.fetched == [] and "Malayalam" in page
    assert any(path.read_bytes().startswith(b"\x89PNG") for path in (done / "report").glob("*.png"))
    times = {path: path.stat().st_mtime_ns for path in done.rglob("*.parquet")}
    second = demo()
    assert sum(line.startswith("kept ") for line in second) == 7
    assert not any(line.startswith("wrote ") for line in second)
    assert times == {path: path.stat().st_mtime_ns for path in done.rglob("*.parquet")}
