"""Designs through the whole command, on made-up languages, against tokenizers trained and counted apart."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer as Library

import babelmerge as bm
from jobs.configuration import read_yaml
from operators.errors import BabelmergeError
from operators.metrics.fairness import gini
from tests.pipelines.design.made_up import texts, write


def designed(folder: Path, parallel: dict[str, list[str]] | None = None, **settings: Any) -> bm.DesignResult:
    """Run a small design in a folder."""
    corpus = settings.pop("corpus", None) or write(folder / "corpus.jsonl", texts())
    given = write(folder / "parallel.jsonl", texts() if parallel is None else parallel)
    how: dict[str, Any] = {"vocab_size": 400, "rounds": 2, "resamples": 100, "at_most_loss": "5%", "baselines": False}
    how |= settings
    return bm.run(
        bm.Design(corpus=[corpus], parallel=[given], out=str(folder / "out"), **how), engine="local", progress="off"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bm.DesignResult:
    """A design with all baselines."""
    return designed(tmp_path_factory.mktemp("design"), baselines=True)


def other_half(own: dict[str, list[str]], baseline: str) -> list[int]:
    """Return the judged documents, by the rule: pairs by length, each the way round that keeps the halves alike."""
    size = {one: [len(text.encode()) for text in documents] for one, documents in own.items()}
    order = sorted(range(len(own[baseline])), key=lambda i: -size[baseline][i])
    lead, half = dict.fromkeys(own, 0.0), []
    for one, other in zip(order[::2], order[1::2], strict=False):
        apart = {name: (size[name][one] - size[name][other]) / sum(size[name]) for name in own}
        swap = sum(lead[name] * apart[name] for name in own) > 0
        half.append(one if swap else other)
        lead = {name: lead[name] + (-apart[name] if swap else apart[name]) for name in own}
    return half


def judged(result: bm.DesignResult, tokenizer: str) -> dict[str, int]:
    """Count the judged half with another library."""
    library, all_texts = Library.from_file(tokenizer), texts()
    order = other_half(all_texts, "en")
    return {
        language: sum(len(library.encode(own[i], add_special_tokens=False).ids) for i in order)
        for language, own in all_texts.items()
    }


def test_the_figures_are_those_of_the_written_tokenizer_on_the_other_half(whole: bm.DesignResult) -> None:
    counted = judged(whole, str(whole.tokenizer / "tokenizer.json"))
    table = whole.languages.collect()
    assert dict(table.select("language", "tokens_after").iter_rows()) == counted
    row = whole.frontier.filter(pl.col("chosen")).collect().row(0, named=True)
    assert row["tokens"] == sum(counted.values())
    assert row["gini"] == pytest.approx(gini(np.array([counted[one] for one in sorted(counted)], float)))
    assert row["worst"] == pytest.approx(max(counted.values()) / counted["en"])
    assert row["gini_low"] <= row["gini"] <= row["gini_high"]


def test_the_reference_is_plain_training(whole: bm.DesignResult, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus.jsonl", texts())
    plain = bm.Train(corpus=[corpus], vocab_size=400, pretokenizer="o200k", out=str(tmp_path / "plain"))
    made = bm.run(plain, engine="local", progress="off")
    counted = judged(whole, str(made.directory / "tokenizer.json"))
    table = whole.languages.collect()
    assert dict(table.select("language", "tokens_before").iter_rows()) == counted


def test_a_design_is_fairer_and_keeps_the_bound(whole: bm.DesignResult) -> None:
    frontier = {row["method"]: row for row in whole.frontier.collect().iter_rows(named=True)}
    chosen, plain = frontier["chosen"], frontier["unweighted"]
    assert chosen["gini"] < plain["gini"]
    assert whole.facts["bound_met"] and whole.facts["expected_loss"] <= 0.05
    baselines = {"equal bytes", "temperature 3.3", "temperature 5", "parity", "regression over mixtures"}
    assert baselines <= set(frontier)


def test_trials_are_in_the_table_with_what_they_trained_with(whole: bm.DesignResult) -> None:
    table = whole.table("design").collect()
    assert table["trial"].n_unique() == whole.facts["trials"] == len(table) // 3
    number = whole.frontier.filter(pl.col("chosen")).collect()["trial"][0]
    row = table.filter(pl.col("trial") == number)
    assert dict(row.select("language", "weight").iter_rows()) == whole.weights


def test_train_takes_the_file_of_weights(whole: bm.DesignResult, tmp_path: Path) -> None:
    assert read_yaml(str(whole.directory / "weights.yaml")) == {"weights": whole.weights}
    corpus = write(tmp_path / "corpus.jsonl", texts())
    again = bm.Train(
        corpus=[corpus], vocab_size=400, pretokenizer="o200k", weights=str(whole.directory / "weights.yaml"),
        out=str(tmp_path / "again"),
    )  # fmt: skip
    bm.run(again, engine="local", progress="off")
    assert (tmp_path / "again/tokenizer.json").read_bytes() == (whole.tokenizer / "tokenizer.json").read_bytes()


def test_an_up_to_date_design_is_kept_and_a_missing_tokenizer_is_trained_again(tmp_path: Path) -> None:
    first = designed(tmp_path)
    (first.tokenizer / "tokenizer.json").unlink()
    again = designed(tmp_path)
    assert not first.kept and again.kept and (first.tokenizer / "tokenizer.json").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "worst"},
        {"objective": "mean"},
        {"objective": {"hi": 5.0, "en": 1.0}},
        {"vary": "temperature"},
        {"groups": {"en": 0, "de": 0}},
        {"least_shares": {"en": 0.5}, "at_most_loss": "50%"},
    ],
)
def test_every_way_to_search(settings: dict[str, Any], tmp_path: Path) -> None:
    result = designed(tmp_path, **settings)
    weights = result.weights
    assert result.facts["bound_met"]
    if "groups" in settings:
        assert weights["en"] == weights["de"]
    if "least_shares" in settings:
        sizes = {one: sum(len(text.encode()) for text in own) for one, own in texts().items()}
        total = sum(weights[one] * sizes[one] for one in sizes)
        assert weights["en"] * sizes["en"] / total >= 0.499


def test_the_last_merges_by_parity_are_those_of_the_trial(tmp_path: Path) -> None:
    result = designed(tmp_path, then="parity", at_most_loss="50%", rounds=1)
    library = Library.from_file(str(result.tokenizer / "tokenizer.json"))
    lines = [json.loads(line) for line in (tmp_path / "out/searched.jsonl").read_text("utf-8").splitlines()]
    counted: Counter[str] = Counter()
    for line in lines:
        counted[line["language"]] += len(library.encode(line["text"], add_special_tokens=False).ids)
    number = result.frontier.filter(pl.col("chosen")).collect()["trial"][0]
    table = result.table("design").collect()
    assert (table["method"] == "design, then parity").sum() == 3 * 3
    assert dict(table.filter(pl.col("trial") == number).select("language", "tokens").iter_rows()) == counted
    assert designed(tmp_path, then="parity", at_most_loss="50%", rounds=1).kept


def test_superwords_are_trained_with_the_weights_and_judged(tmp_path: Path) -> None:
    result = designed(tmp_path, superwords=True, transition=0.8, rounds=1)
    manifest = json.loads((result.tokenizer / "manifest.json").read_text())
    assert manifest["settings"]["weights"] == result.weights
    assert manifest["facts"]["superwords"]["transition"] == 320
    assert (pl.read_parquet(result.tokenizer / "merges.parquet")["words"] > 1).any()
    counted = judged(result, str(result.tokenizer / "tokenizer.json"))
    assert dict(result.languages.collect().select("language", "tokens_after").iter_rows()) == counted


def test_parity_needs_parallel_text_in_all_languages(tmp_path: Path) -> None:
    own = texts()
    with pytest.raises(BabelmergeError, match="parity needs parallel text in all languages of the corpus, and 'de'"):
        designed(tmp_path, {name: own[name] for name in ("en", "hi")}, then="parity")


def test_other_languages_of_the_corpus_are_trained_on_too(tmp_path: Path) -> None:
    own = texts()
    corpus = write(tmp_path / "corpus.jsonl", own | {"code": ["x = 1"] * 30})
    result = designed(tmp_path, {name: own[name] for name in ("en", "hi")}, corpus=corpus)
    assert set(result.weights) == {"en", "de", "hi", "code"}
    assert result.languages.collect()["language"].to_list() == ["en", "hi"]


def test_a_bound_that_cannot_be_met_is_said_and_the_best_is_written(tmp_path: Path) -> None:
    result = designed(tmp_path, at_most_loss="-50%")
    assert not result.facts["bound_met"] and "the best reached is" in result.summary
    assert (result.tokenizer / "tokenizer.json").exists()


def cut(**changed: list[str]) -> dict[str, list[str]]:
    """Return the parallel text with some languages' documents replaced."""
    return texts() | changed


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        ({name: own[:7] for name, own in texts().items()}, "7 documents of the parallel text are there in all"),
        (cut(de=[""] * 48), "has no text in 'de'"),
        (cut(xx=texts()["en"]), "the corpus has no text in 'xx'"),
        (cut(de=texts()["de"][24:] + texts()["de"][:24]), "not parallel: de has long documents where"),
    ],
)
def test_parallel_text_that_cannot_be_used_is_one_line(
    parallel: dict[str, list[str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BabelmergeError, match=message) as error:
        designed(tmp_path, parallel)
    assert "\n" not in str(error.value)


def test_text_without_common_ids_is_not_parallel(tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus.jsonl", texts())
    one = write(tmp_path / "en.jsonl", {"en": texts()["en"]})
    other = write(tmp_path / "de.jsonl", {"de": texts()["de"]}, first=1000)
    settings = bm.Design(corpus=[corpus], parallel=[one, other], vocab_size=400, out=str(tmp_path / "out"))
    with pytest.raises(BabelmergeError, match="not parallel: de has no document with an id"):
        bm.run(settings, engine="local", progress="off")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "fair"}, "none of gini, worst, mean"),
        ({"objective": {"fr": 1.0}}, "'fr' is not among the languages"),
        ({"at_most_loss": "much"}, "no share of tokens"),
        ({"least_shares": {"en": 0.7, "de": 0.7}}, "no shares that add up to 1"),
        ({"vary": "temperature", "groups": {"en": 1}}, "a temperature has no groups"),
        ({"baseline": "fr"}, "no text in the language 'fr'"),
        ({"superwords": True, "then": "parity"}, "superwords: take the last merges, as `then: parity` does"),
        ({"transition": 0.5}, "transition: is of superwords"),
    ],
)
def test_settings_that_cannot_be_meant_are_one_line(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BabelmergeError, match=message):
        designed(tmp_path, **settings)
