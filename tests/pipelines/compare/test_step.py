"""Comparing tokenizers on text that is not parallel, against a plain loop over tokens that `tokenizers` gives."""

import json
from collections import Counter
from math import log2
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tokenizers

from babelmerge import Compare, CompareResult, run
from operators.errors import BabelmergeError, UsageError
from operators.unicode.language_names import named
from pipelines.compare.rules import GateBroken, Rule
from pipelines.compare.tables import FIGURES
from pipelines.corpus.sources import Source
from pipelines.tokenizers import save_tokenizer
from tests.conftest import Command
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.corpora import documents

TEXTS = {"de": documents("de", 30), "en": [*documents("en", 40), ""], "zh": documents("zh", 3)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tokenizers, small and large, and texts.jsonl in three languages."""
    folder = tmp_path_factory.mktemp("made")
    for name, size in (("small", 270), ("large", 330)):
        (folder / name).mkdir()
        save_tokenizer(trained([text for own in TEXTS.values() for text in own], size), folder / name)
    rows = [json.dumps({"text": text, "language": name}) for name, own in TEXTS.items() for text in own]
    (folder / "texts.jsonl").write_text("\n".join(rows), "utf-8")
    return folder


def compare(made: Path, out: Path, corpus: Any = None, **settings: Any) -> CompareResult:
    names = [str(made / "small"), str(made / "large")]
    asked = Compare(corpus=corpus or [str(made / "texts.jsonl")], tokenizer=names, out=str(out), **settings)
    return run(asked, engine="local", workers=2, progress="off")


def values(result: CompareResult, column: str = "value") -> dict[tuple[str, str, str], Any]:
    table = result.compared.select("group", "tokenizer", "figure", column).collect()
    return {(group, tokenizer, figure): value for group, tokenizer, figure, value in table.iter_rows()}


def test_figures_equal_a_plain_loop_by_language_and_over_all_text(made: Path, tmp_path: Path) -> None:
    result = compare(made, tmp_path / "out", by="language", reference="large")
    found = values(result)
    every = [text for own in TEXTS.values() for text in own]
    for name in ("small", "large"):
        peer = tokenizers.Tokenizer.from_file(str(made / name / "tokenizer.json"))
        base = tokenizers.Tokenizer.from_file(str(made / "large" / "tokenizer.json"))
        for group, texts in {**TEXTS, "all": every}.items():
            tokens = Counter(i for text in texts for i in peer.encode(text).ids)
            size, total = sum(len(text.encode()) for text in texts), tokens.total()
            expected = {
                "tokens": total,
                "nsl": total / sum(len(base.encode(text).ids) for text in texts),
                "bytes_per_token": size / total,
                "characters_per_token": sum(map(len, texts)) / total,
                "types": len(tokens),
                "unigram_bits_per_byte": -sum(n * log2(n / total) for n in tokens.values()) / size,
                "renyi_efficiency_2": -log2(sum((n / total) ** 2 for n in tokens.values())) / log2(len(tokens)),
            }
            for figure, value in expected.items():
                assert found[group, name, figure] == pytest.approx(value, rel=1e-12), (group, name, figure)
    assert found["all", "small", "bigram_bits_per_byte"] is None
    assert "by group only" in values(result, "reason")["all", "small", "bigram_bits_per_byte"]
    assert result.compared.select("figure").unique().collect()["figure"].sort().to_list() == sorted(FIGURES)
    assert result.compared.filter(group="zh").select("name").collect()["name"][0] == "Chinese"
    assert result.groups.collect()["documents"].to_list() == [30, 40, 3]
    assert "text a token, against large" in result.summary
    least = min(("de", "en", "zh"), key=lambda group: found[group, "small", "bytes_per_token"])
    line = f"least bytes a token in {named(least)} {found[least, 'small', 'bytes_per_token']:.3f}"
    assert f"small: of 3 groups, {line}" in result.summary


def test_intervals_are_paired_and_missing_ones_have_a_reason(made: Path, tmp_path: Path) -> None:
    table = compare(made, tmp_path / "out", by="language").compared.collect()
    large = table.filter(pl.col("tokenizer") == "large")
    for figure in ("bytes_per_token", "unigram_bits_per_byte", "bigram_bits_per_byte", "renyi_efficiency_2.5"):
        row = large.row(by_predicate=(pl.col("group") == "en") & (pl.col("figure") == figure), named=True)
        assert row["low"] < row["value"] < row["high"] and row["reason"] is None
        assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    english = {row["figure"]: row for row in large.filter(pl.col("group") == "en").iter_rows(named=True)}
    text, tokens = english["bytes_per_token"], english["nsl"]  # the same documents: text a token is tokens' inverse
    assert text["ratio_low"] == pytest.approx(1 / tokens["high"]) and text["ratio"] == pytest.approx(
        1 / tokens["value"]
    )
    small = table.filter(pl.col("tokenizer") == "small", pl.col("ratio_low").is_not_null())
    assert len(small) > 9 and small.select("ratio", "ratio_low", "ratio_high").to_numpy() == pytest.approx(1.0)
    few = large.row(by_predicate=(pl.col("group") == "zh") & (pl.col("figure") == "bytes_per_token"), named=True)
    assert few["low"] is None and few["reason"] == "no interval: 3 units; an interval takes 4"


def test_pairs_of_a_sample_are_those_of_some_documents(made: Path, tmp_path: Path) -> None:
    long = [{"text": text * 90, "language": name} for name, own in TEXTS.items() for text in own if text]
    (tmp_path / "long.jsonl").write_text("\n".join(map(json.dumps, long * 4)))
    whole = values(compare(made, tmp_path / "a", [str(tmp_path / "long.jsonl")], sample="64MB"))
    part = values(compare(made, tmp_path / "b", [str(tmp_path / "long.jsonl")], sample="1MiB"))
    key = ("all", "large", "bigram_bits_per_byte")
    assert part[key] != whole[key] and part[key] == pytest.approx(whole[key], rel=0.2)
    same = [name for name in FIGURES if name not in ("bigram_bits_per_byte", "follower_efficiency")]
    assert [part["all", "large", name] for name in same] == pytest.approx(
        [whole["all", "large", name] for name in same]
    )


def test_groups_are_sources_or_their_categories(made: Path, tmp_path: Path) -> None:
    for name, own in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(own), "utf-8")
    paths = {name: str(tmp_path / f"{name}.txt") for name in TEXTS}
    found = values(compare(made, tmp_path / "a", list(paths.values()), by="source"))
    assert {group for group, _, _ in found} == {"all", *paths.values()}
    sources = [Source(path=path, category="far" if name == "zh" else "near") for name, path in paths.items()]
    found = values(compare(made, tmp_path / "b", sources, by="category"))
    assert {group for group, _, _ in found} == {"all", "near", "far"}
    with pytest.raises(BabelmergeError, match=r"en\.txt has no category; write `category: NAME`"):
        compare(made, tmp_path / "c", [sources[0], paths["en"]], by="category")


def test_a_field_or_the_file_names_the_source(made: Path, tmp_path: Path) -> None:
    of_source, rows = dict[str, list[str]](), list[dict[str, Any]]()
    for name, own in TEXTS.items():
        for i, text in enumerate(own):
            site: str | int = 7 if i % 5 == 0 else f"site {i % 3}"
            of_source.setdefault(str(site), []).append(text)
            rows.append({"text": text, "language": name, "site": site})
    corpus = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    for path, some in zip(corpus, (rows[::2], rows[1::2]), strict=True):
        Path(path).write_text("\n".join(map(json.dumps, some)), "utf-8")
    found = values(compare(made, tmp_path / "out", corpus, by="source", sources_field="site", resamples=100))
    peer = tokenizers.Tokenizer.from_file(str(made / "large" / "tokenizer.json"))
    assert {group for group, _, _ in found} == {"all", *of_source} and len(of_source) == 4
    for group, texts in of_source.items():
        assert found[group, "large", "tokens"] == sum(len(peer.encode(text).ids) for text in texts)
    files = [str(tmp_path / "*.jsonl")]
    found = values(compare(made, tmp_path / "files", files, by="source", sources_field="@file", resamples=100))
    assert {group for group, _, _ in found} == {"all", *corpus}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("t.jsonl", {"sources_field": "site"}, 'no field "site"; it has: text, language'),
        ("t.txt", {"sources_field": "site"}, "has no field site that names a document's source"),
        (
            "t.jsonl",
            {"sources_field": "language", "by": "language"},
            "sources_field: names groups of sources; add --by",
        ),
    ],
)
def test_a_field_of_sources_that_does_not_fit_is_an_error_in_a_line(
    made: Path, name: str, settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text('{"text": "a", "language": "en"}')
    with pytest.raises(BabelmergeError, match=message) as error:
        compare(made, tmp_path / "out", [str(tmp_path / name)], **{"by": "source", **settings})
    assert "\n" not in str(error.value)


def test_a_gate_lists_what_is_out_of_bounds_and_holds_for_a_kept_result(made: Path, tmp_path: Path) -> None:
    gate = {"bytes_per_token": Rule(min=0.5), "nsl": [Rule(max=2.0), Rule(max=0.1, group="de", tokenizer=["large"])]}
    with pytest.raises(GateBroken, match="1 of 17 bounds are broken") as failure:
        compare(made, tmp_path / "out", by="language", gate=gate)
    assert [(row["figure"], row["group"], row["tokenizer"]) for row in failure.value.broken] == [("nsl", "de", "large")]
    kept = compare(made, tmp_path / "out", by="language", gate={"bytes_per_token": Rule(min=0.5)})
    assert kept.kept
    with pytest.raises(GateBroken, match=r"none \(is measured by group only"):
        compare(made, tmp_path / "out", by="language", gate={"bigram_bits_per_byte": Rule(max=99, group="all")})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"bytes_per_tokn": Rule(min=1)}, "no figure is named 'bytes_per_tokn'; the nearest is 'bytes_per_token'"),
        ({"nsl": Rule(max=1, tokenizer="smal")}, "no tokenizer is named 'smal'; the nearest is 'small'"),
        ({"nsl": Rule(max=1, group="fr")}, "no group is named 'fr'; the nearest is .*there are all"),
        ({"tokens_per_term": Rule(max=1, group="de")}, "the groups of a rule have no tokens_per_term"),
        ({"nsl": []}, "has no rule"),
        ({}, "has no rule"),
    ],
)
def test_a_rule_about_nothing_is_refused(made: Path, tmp_path: Path, rules: Any, message: str) -> None:
    (tmp_path / "terms.txt").write_text("Hund\n")
    with pytest.raises(UsageError, match=message):
        compare(made, tmp_path / "out", by="language", terms=str(tmp_path / "terms.txt"), gate=rules)


@pytest.mark.parametrize("rule", [{"max": float("nan")}, {"min": 1.0, "group": []}, {"min": 1.0, "tokenizer": []}])
def test_a_rule_without_a_number_or_names_is_refused(rule: Any) -> None:
    with pytest.raises(UsageError, match=r"a rule has (\.nan|an empty list)"):
        Rule(**rule)


def test_the_command_reads_rules_and_ends_with_status_1(made: Path, tmp_path: Path, babelmerge: Command) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("bytes_per_token: {min: 99}\nnsl: [{max: 1.5}, {min: 1, tokenizer: small}]\n")
    flags = ["--tokenizer", str(made / "small"), "--tokenizer", str(made / "large"), "--out", str(tmp_path / "out")]
    status, _, err = babelmerge("compare", str(made / "texts.jsonl"), *flags, "--gate", str(rules))
    assert status == 1 and "gate: 2 of 5 bounds are broken" in err and "min 99" in err and "Traceback" not in err
    for wrong, message in (("nsl: {}", "neither min nor max"), ("nsl: {least: 1}", "known here: min, max, group")):
        rules.write_text(wrong)
        status, _, err = babelmerge("compare", str(made / "texts.jsonl"), *flags, "--gate", str(rules))
        assert status == 2 and message in err and err.count("\n") == 1
    status, out, _ = babelmerge("show", str(tmp_path / "out"))
    assert status == 0 and out.startswith("compare: ") and "bytes_per_token" in out
