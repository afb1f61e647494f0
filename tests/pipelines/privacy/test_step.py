"""Membership inference: scores equal the published formulas over plain sets and loops, and what is refused."""

import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import babelmerge as bm
from operators.errors import BabelmergeError
from pipelines.engines.local_engine import LocalEngine
from pipelines.privacy.step import half_of, privacy
from pipelines.train.step import train
from tests.pipelines.corpora import write_rows
from tests.pipelines.steps import EngineContext

CUT, SIZE, SHADOWS, SOURCES = r"\S+|\s+", 330, 6, 8
Rows = list[dict[str, str]]
Scores = dict[tuple[str, str], float]


def drawn(seed: int = 0) -> Rows:
    """Documents of sources with words of their own; a word in two languages counts as one of its source."""
    draw = random.Random(seed)
    common = ["".join(draw.choices("abcdé", k=draw.randint(1, 6))) for _ in range(60)]
    own = [[f"{source}" + "".join(draw.choices("xyz", k=3)) for _ in range(3)] for source in range(SOURCES)]
    rows = []
    for number in range(6 * SOURCES):
        source = number % SOURCES
        text = " ".join(draw.choices([*common, *(4 * own[source])], k=40))
        rows.append({"text": text, "repo": f"s{source}", "language": draw.choice(["en", "de"])})
    return rows


def attacked(folder: Path, out: str = "out", workers: int = 1, rows: Any = None, **settings: Any) -> bm.PrivacyResult:
    how: dict[str, Any] = {"out": str(folder / out), "sources_field": "repo", "shadows": SHADOWS}
    how["corpus"] = [write_rows(drawn() if rows is None else rows, folder)]
    how |= {"vocab_size": SIZE, "pretokenizer": CUT} if "tokenizer" not in settings else {}
    return privacy(bm.Privacy(**how | settings), EngineContext(LocalEngine(workers)))


def trained(rows: Rows, members: set[str], folder: Path | None = None, least: int = 1) -> list[bytes]:
    """Tokens by id that Python's `train`, or with `least` the command, learns from the members' text."""
    own = [row for row in rows if row["repo"] in members]
    tokenizer = bm.train([row["text"] for row in own], vocab_size=SIZE, pretokenizer=CUT)
    if folder is not None:
        how: dict[str, Any] = {"sources_field": "repo", "min_sources": least, "vocab_size": SIZE, "pretokenizer": CUT}
        folder.mkdir(exist_ok=True)
        train(bm.Train(corpus=[write_rows(own, folder)], out=str(folder / "tok"), **how), EngineContext(LocalEngine(1)))
        tokenizer = bm.Tokenizer.load(str(folder / "tok"))
    return [tokenizer.token_bytes(i) for i in range(tokenizer.vocab_size)]


def slow_scores(
    words: dict[str, Counter[bytes]], target: list[bytes], shadows: list[tuple[set[str], list[bytes]]]
) -> tuple[Scores, dict[bytes, tuple[str, int]]]:
    """Scores of the published formulas, and the tokens that one source alone explains."""

    def counted(source: str, token: bytes) -> int:
        return sum(n for word, n in words[source].items() if token in word)

    scores: Scores = {}
    known = set[str]().union(*(members for members, _ in shadows[:10]))
    members, first = shadows[0]
    found = {i + 1: sum(counted(one, token) for one in members) for i, token in enumerate(first) if len(token) > 1}
    found = {rank: count for rank, count in found.items() if count}
    least, last = min(found), len(first)

    def likelihood(alpha: float) -> float:
        total = math.log(sum(j**-alpha for j in range(least, last + 1)))
        return -sum(count * (alpha * math.log(rank) + total) for rank, count in found.items())

    low, high = 0.0, 16.0
    for _ in range(80):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (a, high) if likelihood(a) < likelihood(b) else (low, b)
    total = sum(j**-low for j in range(least + 1, len(target) + 1))
    counts = {source: {t: counted(source, t) for t in target if len(t) > 1} for source in words}
    late = set(target[len(target) - len(target) // 4 :])
    for source in words:
        inside = [set(tokens) for members, tokens in shadows if source in members]
        outside = [set(tokens) for members, tokens in shadows if source not in members]
        common = set[bytes]().union(*inside) & set[bytes]().union(*outside)

        def jaccard(tokens: set[bytes], common: set[bytes] = common) -> float:
            either = (tokens | set(target)) - common
            return len((tokens & set(target)) - common) / len(either) if either else 0.0

        means = [sum(map(jaccard, own)) / len(own) if own else 0.0 for own in (inside, outside)]
        scores[source, "vocabulary_overlap"] = (means[0] - means[1] + 1) / 2
        best, product = 0.0, 1.0
        for i, token in enumerate(target):
            if len(token) > 1:
                own, others = counts[source][token], sum(counts[one][token] for one in known - {source})
                share = own / (own + others) if own else 0.0
                if i + 1 > least and (others or source in known):
                    best = max(best, share * math.log((i + 1) ** low * total))
                if token in late:
                    product *= 1 - share
        scores[source, "frequency_estimation"], scores[source, "naive_bayes"] = best, 1 - product
    alone = {}
    for token in (one for one in target if len(one) > 1):
        holders = [source for source in words if counts[source][token]]
        if len(holders) == 1:
            alone[token] = holders[0], counts[holders[0]][token]
    return scores, alone


def words_of(rows: Rows) -> dict[str, Counter[bytes]]:
    words = {row["repo"]: Counter[bytes]() for row in rows}
    for row in rows:
        words[row["repo"]].update(word.encode() for word in re.findall(CUT, row["text"]))
    return words


def half(number: int, seed: int = 0) -> set[str]:
    return {f"s{i}" for i in np.flatnonzero(half_of(SOURCES, seed, number)).tolist()}


def scored(result: bm.PrivacyResult, least: int = 1) -> Scores:
    rows = result.scores.filter(min_sources=least).select("source", "attack", "score").collect().rows()
    return {(source, name): score for source, name, score in rows}


def pairwise_auc(result: bm.PrivacyResult, name: str, least: int) -> float:
    rows = result.scores.filter(attack=name, min_sources=least).select("evidence", "member").collect().rows()
    wins = [(own > other) + (own == other) / 2 for own, yes in rows if yes for other, no in rows if not no]
    return float(np.mean(wins))


def test_scores_and_ratings_equal_slow_loops_with_and_without_min_sources(tmp_path: Path) -> None:
    rows = drawn()
    result = attacked(tmp_path, min_sources=3)
    shadows = [(half(1 + i), trained(rows, half(1 + i))) for i in range(SHADOWS)]
    differ = []
    for least in (1, 3):
        target = trained(rows, half(0), tmp_path / "target", least)
        scores, alone = slow_scores(words_of(rows), target, shadows)
        found = scored(result, least)
        assert found == pytest.approx(scores, rel=1e-6) and len({*found.values()}) > 12
        single = result.single_source_tokens.filter(min_sources=least).select("token", "source", "count").collect()
        assert {token: (source, count) for token, source, count in single.rows()} == alone
        differ.append(alone)
        for name, auc in result.attacks.filter(min_sources=least).select("attack", "auc").collect().rows():
            assert auc == pytest.approx(pairwise_auc(result, name, least))
    assert differ[0] and not set(differ[1]) & {token for token, (source, _) in differ[1].items() if source in half(0)}
    members = result.scores.filter("member").select("source").unique().collect()["source"]
    assert set(members) == half(0) and "vocabulary_overlap, --min-sources 3: AUC" in result.summary
    again = attacked(tmp_path, "again", workers=2, min_sources=3)
    for name in result.tables:
        assert again.table(name).collect().equals(result.table(name).collect()), name
    assert attacked(tmp_path, "again", min_sources=3).kept


def test_a_given_tokenizer_is_rated_where_its_members_are_known(tmp_path: Path) -> None:
    rows = drawn(1)
    target = trained(rows, half(0), tmp_path / "target")
    how: dict[str, Any] = {"rows": rows, "tokenizer": str(tmp_path / "target" / "tok"), "seed": 5, "shadows": 2}
    plain = attacked(tmp_path, **how)
    assert plain.attacks.select("auc").collect()["auc"].to_list() == [None] * 3
    shadows = [(half(1 + i, 5), trained(rows, half(1 + i, 5))) for i in range(2)]
    assert half(1, 5) | half(2, 5) < words_of(rows).keys()  # a source is in no shadow
    assert scored(plain) == pytest.approx(slow_scores(words_of(rows), target, shadows)[0], rel=1e-6)
    (tmp_path / "members.txt").write_text("\n".join(half(0)) + "\n\n")
    rated = attacked(tmp_path, "rated", **how, members=str(tmp_path / "members.txt"))
    assert scored(rated) == scored(plain)
    for name, auc in rated.attacks.select("attack", "auc").collect().rows():
        assert auc == pytest.approx(pairwise_auc(rated, name, 1))
    assert pairwise_auc(rated, "frequency_estimation", 1) > 0.5


@pytest.mark.parametrize(("change", "settings", "reason"), [
    ({}, {"sources_field": "site"}, "site"),
    ({"repo": "one"}, {}, "sources_field: repo names 1 with text, and attacks need 4 sources"),
    ({}, {"min_sources": 5}, "min_sources: is 5, and the target has 4 sources"),
    ({}, {"members": "list.txt"}, "members: are those of a tokenizer; add --tokenizer"),
    ({}, {"tokenizer": "tok", "members": "s1\nelse\nother"}, "members: 'else' and 1 more: no source of the corpus"),
    ({}, {"tokenizer": "tok", "members": "\n"}, "names no source; write one a line"),
    ({}, {"tokenizer": "tok", "vocab_size": 300}, "vocab_size: is the tokenizer's"),
    ({}, {"language_field": "repo"}, "language_field: is not read"),
    ({}, {"id_field": "key"}, "id_field: is not read"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(
    change: dict[str, Any], settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    if "tokenizer" in settings:
        bm.train(["a b a b"], vocab_size=258).save(tmp_path / "tok")
        settings = settings | {"tokenizer": str(tmp_path / "tok")}
        (tmp_path / "list.txt").write_text(settings.get("members", ""))
        settings |= {"members": str(tmp_path / "list.txt")} if "members" in settings else {}
    with pytest.raises(BabelmergeError, match=re.escape(reason)) as error:
        attacked(tmp_path, rows=[row | change for row in drawn()], **settings)
    assert "\n" not in str(error.value)


def test_files_are_sources(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.txt").write_text(f"on and on {name * 3} {name * 3}\n")
    how: dict[str, Any] = {"corpus": [str(tmp_path / "*.txt")], "out": str(tmp_path / "out"), "vocab_size": 264}
    result = privacy(bm.Privacy(**how, sources_field="@file", shadows=2), EngineContext(LocalEngine(1)))
    assert {Path(name).name for name in result.scores.collect()["source"]} == {f"{name}.txt" for name in "abcd"}
