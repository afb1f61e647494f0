"""Training by sources: supports and merges equal a slow loop, on any number of workers, and what is refused."""

import math
import random
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import babelmerge as bm
from operators.byte_level import BYTE_TO_CHAR
from operators.errors import BabelmergeError
from operators.tokenizer import Merges
from pipelines.engines.local_engine import LocalEngine
from pipelines.progress import Silent
from pipelines.train import step
from pipelines.train.checkpoint import Checkpoint
from tests.oracle import join
from tests.pipelines.corpora import write_rows
from tests.pipelines.steps import EngineContext

Rows = list[dict[str, str]]
CUT = r"\S+|\s+"


def drawn(seed: int, sources: int = 6) -> Rows:
    """Documents of few strings, full of ties; sources have habits of their own."""
    draw = random.Random(seed)
    parts = ["a", "b", "ab", "aab", "abc", "é", "x"]
    rows = []
    for _ in range(70):
        source = draw.randrange(sources)
        own = draw.choices(parts, [1 + 9 * (i % sources == source) for i in range(len(parts))], k=draw.randint(1, 30))
        text = "".join(part + draw.choice(["", "", " "]) for part in own)
        rows.append({"text": text, "language": draw.choice(["de", "en", "fr"]), "repo": f"s{source}"})
    return rows


def trained(rows: Rows, folder: Path, workers: int = 1, **settings: Any) -> list[tuple[bytes, bytes, int, int]]:
    how: dict[str, Any] = {"corpus": [write_rows(rows, folder)], "out": str(folder / "out"), "vocab_size": 300}
    how |= {"pretokenizer": CUT, "partitions": 3, "sources_field": "repo"}
    asked = bm.Train(**how | settings)
    made = step.train(asked, EngineContext(LocalEngine(workers)))
    return made.merges.select("left_bytes", "right_bytes", "count", "sources").collect().rows()


def slowly(rows: Rows, least: int, priority: bool, size: int = 300) -> list[tuple[bytes, bytes, int, int]]:
    words: Counter[str] = Counter()
    held: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for row in rows:
        for word in re.findall(CUT, row["text"]):
            words[word] += 1
            held[word][0].add(row["repo"])
            held[word][1].add(row["language"])
    names = sorted(BYTE_TO_CHAR.values())
    ids = {byte: names.index(char) for byte, char in BYTE_TO_CHAR.items()}
    texts = [([ids[byte] for byte in word.encode()], count) for word, count in words.items()]

    def members(pair: tuple[int, int], kind: int) -> int:
        found: set[str] = set()
        for word, (symbols, _) in zip(words, texts, strict=True):
            if pair in pairwise(symbols):
                found |= held[word][kind]
        return len(found)

    supports = list[int]()

    def may_take(pair: tuple[int, int]) -> bool:
        support = members(pair, 0)
        is_enough = support >= max(least, 2 if priority else 0)
        supports.extend([support] * is_enough)
        return is_enough

    def order(pair: tuple[int, int], total: int) -> Any:
        sources = members(pair, 0)
        return -total * (math.log(sources) * members(pair, 1) if sources >= least else 0.0), pair

    learned = join(texts, size, names, may_take=may_take, order=order if priority else lambda pair, n: (-n, pair))
    spelled = {i: bytes([byte]) for byte, i in ids.items()}
    found = []
    for (left, right, token, count), support in zip(learned, supports, strict=True):
        spelled[token] = spelled[left] + spelled[right]
        found.append((spelled[left], spelled[right], count, support))
    return found


@pytest.mark.parametrize(("seed", "least", "priority", "workers"), [
    (0, 1, False, 1), (1, 3, False, 2), (2, 5, False, 1), (3, 1, True, 2), (4, 3, True, 1), (5, 6, False, 2),
])  # fmt: skip
def test_merges_and_supports_equal_a_slow_loop(
    seed: int, least: int, priority: bool, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "shard_number", lambda *_: workers)
    rows = drawn(seed)
    ours = trained(rows, tmp_path, workers, min_sources=least, source_priority=priority)
    assert ours == slowly(rows, least, priority) and len(ours) > 3


@pytest.mark.parametrize("priority", [False, True])
def test_an_interrupted_run_resumes_with_the_same_merges(priority: bool, tmp_path: Path) -> None:
    rows = drawn(7)
    expected = trained(rows, tmp_path, min_sources=2, source_priority=priority)

    class Interrupted(Checkpoint):
        done = 0

        def add(self, batch: Merges) -> None:
            self._every_s = 0.0
            super().add(batch)
            Interrupted.done += len(batch)
            if Interrupted.done > len(expected) // 2:
                raise KeyboardInterrupt

    how: dict[str, Any] = {"min_sources": 2, "source_priority": priority, "special_tokens": ["<s>"], "vocab_size": 301}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(step, "Checkpoint", Interrupted)
        trained(rows, tmp_path, **how)
    assert (tmp_path / "out/merges.checkpoint").stat().st_size > 200
    notes = list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Silent, "note", lambda _, text: notes.append(text))
        assert trained(rows, tmp_path, **how) == expected
    assert any("resuming after" in note for note in notes) and not any("starting without" in note for note in notes)


def test_files_are_sources_and_text_files_need_no_field(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("on and on\n" if name == "a" else "on it\n")
    how: dict[str, Any] = {"corpus": [str(tmp_path / "*.txt")], "out": str(tmp_path / "out"), "vocab_size": 258}
    made = step.train(bm.Train(**how, sources_field="@file"), EngineContext(LocalEngine(1)))
    assert made.merges.select("token_bytes", "sources").collect().rows()[0] == (b"on", 2)
    with pytest.raises(
        BabelmergeError, match="has no field repo that names a document's source; write --sources-field"
    ):
        step.train(bm.Train(**how, sources_field="repo"), EngineContext(LocalEngine(1)))


@pytest.mark.parametrize(("change", "settings", "reason"), [
    ({}, {"sources_field": "site"}, 'no field "site"; it has: text, language, repo'),
    ({"repo": None}, {}, "repo is null"),
    ({"repo": "one"}, {}, "repo names one source alone"),
    ({}, {"min_sources": 7}, "min_sources: is 7, and there are 6 sources"),
    ({}, {"sources_field": None, "min_sources": 2}, "min_sources: needs the documents' sources"),
    ({}, {"sources_field": None, "source_priority": True}, "source_priority: needs the documents' sources"),
    ({}, {"extend": "gpt2.json"}, "sources_field: cannot be joined with extend"),
])  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(
    change: dict[str, Any], settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(BabelmergeError, match=re.escape(reason)) as error:
        trained([row | change for row in drawn(1)], tmp_path, **settings)
    assert "\n" not in str(error.value)


def test_smaller_vocabularies_say_how_many_sources_support_their_merges(tmp_path: Path) -> None:
    rows = trained(drawn(3), tmp_path, sizes=[262, 300])
    for size in (262, 300):
        table = pq.read_table(tmp_path / f"out/size-{size}/merges.parquet")
        assert table.column("sources").to_pylist() == [row[3] for row in rows[: size - 256]]
