"""Superwords: merges equal a slow loop and `tokenizers`, files encode alike everywhere, and what is refused."""

import base64
import json
import random
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiktoken
from tokenizers import Regex, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as HuggingFace

import babelmerge as bm
from operators.superwords.limits import SuperwordLimits
from operators.text.pretokenizers import PATTERNS
from operators.text.rules import SUPERBPE_REGEX
from operators.tokenizer import Merges
from operators.training.whole_characters import FORBIDDEN
from pipelines.engines.local_engine import LocalEngine
from pipelines.mixture.settings import Mixture
from pipelines.mixture.step import NotOfWords, mixture
from pipelines.outputs import Manifest
from pipelines.progress import Silent
from pipelines.settings import BadSettings
from pipelines.tokenizers import load_tokenizer
from pipelines.train import step, superwords
from pipelines.train.checkpoint import Checkpoint
from pipelines.train.settings import Train, resolve
from pipelines.train.superword_cuts import cuts_warning
from tests.oracle import join, merges_by_text
from tests.pipelines.corpora import SENTENCES, documents
from tests.pipelines.steps import EngineContext

REAL = {language: documents(language, 30) for language in SENTENCES}


def hostile(seed: int) -> dict[str, list[str]]:
    """Texts of few strings, full of ties, of tokens that two merges make, and of pairs that are forbidden."""
    draw = random.Random(seed)
    parts = draw.sample(["a", "b", "ab", "aab", " a", " b", "  ", ":", "1", "..", "é", "\n"], draw.randint(3, 8))
    weights = [draw.random() ** 2 for _ in parts]
    return {name: ["".join(draw.choices(parts, weights, k=draw.randint(1, 60))) for _ in range(40)] for name in "xy"}


class Notes(Silent):
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def trained(
    texts: dict[str, list[str]], folder: Path, workers: int = 2, memory_bytes: int | None = None, **settings: Any
) -> Manifest:
    if not (folder / "corpus").exists():
        (folder / "corpus").mkdir()
        for name, own in texts.items():
            lines = "".join(json.dumps({"text": text}) + "\n" for text in own)
            (folder / "corpus" / f"{name}.jsonl").write_text(lines, "utf-8")
    asked: dict[str, Any] = {
        "corpus": [str(folder / "corpus")],
        "out": str(folder / "out"),
        "partitions": 3,
        "superwords": True,
    }
    notes = settings.pop("progress", None)
    context = EngineContext(LocalEngine(workers), notes, memory_bytes=memory_bytes)
    return step.train(Train(**asked | settings), context).manifest


def second_stage_words(texts: dict[str, list[str]], out: Path, weights: dict[str, int]) -> Counter[tuple[int, ...]]:
    """Second-stage pieces as first-stage ids, by `tokenizers`: plain BPE by the first stage's merges on each piece."""
    first, whole = (json.loads((out / name / "tokenizer.json").read_text()) for name in ("superwords/first", "."))
    first["pre_tokenizer"] = whole["pre_tokenizer"]
    encoder = HuggingFace.from_str(json.dumps(first))
    cut = pre_tokenizers.Split(Regex(whole["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]), "isolated")
    words = Counter[tuple[int, ...]]()
    for name, own in texts.items():
        for piece, _ in (piece for text in own for piece in cut.pre_tokenize_str(text)):
            words[tuple(encoder.encode(piece).ids)] += weights.get(name, 1)
    return words


def learned(out: Path) -> list[tuple[int, int, int, int]]:
    """The merges of the second stage: left, right, token, count."""
    merges, first = load_tokenizer(str(out)).merges, load_tokenizer(str(out / "superwords/first")).merges
    return list(zip(*(column.tolist() for column in merges[len(first) :].columns), strict=True))


@pytest.mark.parametrize(("seed", "rule"), [(1, "superbpe"), (4, "[1:]"), (9, "punctuation")])
def test_merges_equal_a_slow_loop_however_pairs_are_cut(
    seed: int, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(superwords, "PAIRS_A_MERGE", 1)  # a first bound that is too high
    texts, weights = hostile(seed), {"x": 2} if seed % 2 else {}
    how: dict[str, Any] = {"superword_pretokenizer": rule, "max_words": 3, "weights": weights or None}
    facts = trained(texts, tmp_path, vocab_size=330, transition=280, **how).facts["superwords"]
    limits = SuperwordLimits(3, ":")
    first = HuggingFace.from_file(str(tmp_path / "out/superwords/first/tokenizer.json")).get_vocab()
    words = [(list(ids), count) for ids, count in second_stage_words(texts, tmp_path / "out", weights).items()]
    expected = join(words, 330, sorted(first, key=first.__getitem__), may_join=lambda *pair: limits(*pair) != FORBIDDEN)
    assert learned(tmp_path / "out") == expected
    assert facts["counted"] > 1 or seed != 1
    assert len(expected) > 5


def test_without_limits_merges_equal_those_of_tokenizers_and_files_encode_alike(tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "vocab_size": 700,
        "transition": "0.6",
        "max_words": 0,
        "not_across": "none",
        "sizes": [400, 600],
    }
    trained(REAL, tmp_path, special_tokens=["<s>"], **how)
    out = tmp_path / "out"
    words = second_stage_words(REAL, out, {})
    texts = {i: chr(0xF0000 + i) for i in range(700)}
    trainer = trainers.BpeTrainer(vocab_size=len({i for ids in words for i in ids}) + 280, show_progress=False)
    reference = HuggingFace(models.BPE())
    reference.train_from_iterator(["".join(texts[i] for i in ids) for ids in words.elements()], trainer)
    for (left, right, token, _), pair in zip(
        learned(out), json.loads(reference.to_str())["model"]["merges"], strict=True
    ):
        assert [texts[left], texts[right]] == pair
        texts[token] = "".join(pair)
    _encode_alike(out, [text for own in REAL.values() for text in own] + ["", "a  b\n\n c: 12345, d... e!"])
    for size in how["sizes"]:
        cut = load_tokenizer(str(out / f"size-{size}"))
        assert len(cut.tokens) == size and (cut.pretokenizer == "o200k") == (size <= 420)


def _encode_alike(out: Path, texts: list[str]) -> None:
    ours, theirs = bm.Tokenizer.load(str(out)), HuggingFace.from_file(str(out / "tokenizer.json"))
    lines = (line.split() for line in (out / "ranks.tiktoken").read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    third = tiktoken.Encoding("out", mergeable_ranks=ranks, **json.loads((out / "tiktoken.json").read_text()))
    for text in texts:
        assert ours.encode(text).tolist() == theirs.encode(text).ids == third.encode_ordinary(text)


def test_workers_change_nothing_and_a_second_run_keeps_all(tmp_path: Path) -> None:
    results = []
    for workers in (1, 2):
        (tmp_path / str(workers)).mkdir()
        trained(REAL, tmp_path / str(workers), workers, vocab_size=500, temperature=2)
        out = tmp_path / str(workers) / "out"
        results.append((out / "merges.parquet").read_bytes() + (out / "tokenizer.json").read_bytes())
    assert results[0] == results[1]
    before = (out / "superwords/pairs/manifest.json").stat().st_mtime_ns
    trained(REAL, tmp_path / "2", vocab_size=500, temperature=2, max_words=2)
    assert (out / "superwords/pairs/manifest.json").stat().st_mtime_ns == before
    spans = pq.read_table(out / "merges.parquet")
    assert [len(token.split()) for token in spans["token_bytes"].to_pylist() if token.strip()] == [
        words
        for words, token in zip(*(spans[name].to_pylist() for name in ("words", "token_bytes")), strict=True)
        if token.strip()
    ]
    assert max(spans["words"].to_pylist()) == 2


def test_multi_word_tokens_extend_a_tokenizer_that_exists(tmp_path: Path) -> None:
    from operators.tokenizer_files.hugging_face import from_json

    trained(REAL, tmp_path, vocab_size=400, superwords=False)
    (tmp_path / "out").rename(tmp_path / "old")
    made = trained(REAL, tmp_path, vocab_size=600, extend=str(tmp_path / "old"))
    old, new = load_tokenizer(str(tmp_path / "old")), load_tokenizer(str(tmp_path / "out"))
    assert new.tokens[:400] == old.tokens and made.facts["superwords"]["transition"] == 400
    assert any(b" " in token.strip() for token in new.tokens[400:])
    with pytest.raises(NotOfWords, match="it has superwords"):
        settings = Mixture(categories=[str(tmp_path / "corpus")], tokenizer=str(tmp_path / "out"), out=str(tmp_path))
        mixture(settings, EngineContext(LocalEngine(1)))
    assert from_json((tmp_path / "out/tokenizer.json").read_text(), "").tokens == new.tokens


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"transition": 4000}, "transition: is at 4,000 tokens; it must be 257 or more"),
        ({"transition": "0.001"}, "transition: is at 1 tokens"),
        ({"transition": "soon"}, "transition: 'soon' is no number"),
        ({"transition": 300.5}, "neither a number of tokens nor a share"),
        ({"superwords": False, "max_words": 3}, "max_words: is of superwords; add --superwords"),
        ({"max_words": 1}, "max_words: is 1, which no superword has"),
        ({"corpus": [], "word_table": ["w.parquet"]}, "superwords: need text, not word_table"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], says: str) -> None:
    asked: dict[str, Any] = {"corpus": ["c"], "out": "o", "vocab_size": 1000, "superwords": True}
    with pytest.raises(BadSettings) as error:
        resolve(Train(**asked | settings))
    assert says in str(error.value)


def test_a_rule_that_leaves_no_two_tokens_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(superwords.NothingToJoin, match="leaves no two tokens of the first stage together"):
        trained({"en": REAL["en"]}, tmp_path, vocab_size=300, superword_pretokenizer=".", partitions=1)
    alone = {"en": [word * 3 for text in REAL["en"] for word in text.split() if word.isalpha()]}
    (tmp_path / "alone").mkdir()
    with pytest.raises(superwords.NothingToJoin, match="auto: no two neighbouring words are one token each"):
        trained(alone, tmp_path / "alone", vocab_size=300, transition="auto", partitions=1)


def test_a_rule_that_cuts_words_of_the_first_stage_is_named_with_its_languages(
    tmp_path: Path,
) -> None:
    texts = {"en": REAL["en"], "th": ["ก็ที่นี่ ที่นี่", "นี่ ก็"]}
    facts = trained(texts, tmp_path, vocab_size=300, partitions=1).facts["superwords"]
    words = [word for text in texts["th"] for word in regex_words(PATTERNS["o200k"], text)]
    cut = [word for word in words if len(regex_words(SUPERBPE_REGEX, word)) > 1]
    assert facts["words_cut"] == {"th": len(cut) / len(words)} and cut
    assert cuts_warning(facts["words_cut"]) is not None
    how: dict[str, Any] = {"vocab_size": 300, "partitions": 1, "superword_pretokenizer": "punctuation"}
    assert trained(texts, tmp_path, **how).facts["superwords"]["words_cut"] == {}
    assert cuts_warning({"en": 0.001}) is None


def test_auto_takes_a_superword_while_it_is_more_frequent_than_the_next_word(tmp_path: Path) -> None:
    facts = trained(REAL, tmp_path, vocab_size=480, partitions=1, transition="auto", pretokenizer="gpt4").facts[
        "superwords"
    ]
    out, texts = tmp_path / "out", [text for own in REAL.values() for text in own]
    words = [[word.encode() for word in regex_words(PATTERNS["gpt4"], text)] for text in texts]
    spelled = Counter(tuple(bytes([byte]) for byte in word) for own in words for word in own)
    pairs = merges_by_text(spelled, 480 - 256)
    assert rows_of(out / "superwords/first/merges.parquet") == pairs
    first = HuggingFace.from_file(str(out / "superwords/first/tokenizer.json"))
    whole = {word for own in words for word in own if len(first.encode(word.decode()).ids) == 1}
    runs = Counter[tuple[bytes, ...]]()
    for own in words:
        for joined, run in groupby(own, key=lambda word: word in whole and any(map(str.isalpha, word.decode()))):
            runs[tuple(run)] += joined
    supers = merges_by_text(+runs, 100)
    words_taken, supers_taken = 0, 0
    while words_taken + supers_taken < 480 - 256:
        is_super = supers[supers_taken][2] > pairs[words_taken][2]
        words_taken, supers_taken = words_taken + (not is_super), supers_taken + is_super
    assert rows_of(out / "merges.parquet") == pairs[:words_taken] + supers[:supers_taken]
    assert supers_taken > 5 and facts["transition"] == 256 + words_taken
    _encode_alike(out, REAL["en"] + REAL["de"])


def rows_of(path: Path) -> list[tuple[bytes, bytes, int]]:
    """The merges in a file: texts and count."""
    rows = pq.read_table(path).to_pylist()
    return [(row["left_bytes"], row["right_bytes"], row["count"]) for row in rows]


def regex_words(pattern: str, text: str) -> list[str]:
    return [word for word, _ in pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)]


class Died(Exception):
    """Death of a run in a test."""


@pytest.mark.parametrize("transition", ["0.7", "auto"])
def test_a_run_that_dies_in_the_second_stage_is_resumed_with_the_same_bytes(
    transition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"vocab_size": 420, "transition": transition, "partitions": 1, "pretokenizer": "gpt4"}
    texts = {"en": REAL["en"]}
    for name in ("whole", "dying"):
        (tmp_path / name).mkdir()
    trained(texts, tmp_path / "whole", **how)
    add, rounds = Checkpoint.add, list[int]()

    def dies(checkpoint: Checkpoint, batch: Merges) -> None:
        add(checkpoint, batch)
        if checkpoint.path.parent == tmp_path / "dying/out":
            checkpoint.write()
            rounds.append(len(batch))
            if len(rounds) == 3:
                raise Died

    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(Checkpoint, "add", dies)
        trained(texts, tmp_path / "dying", **how)
    notes = Notes()
    trained(texts, tmp_path / "dying", progress=notes, **how)
    assert f"train: resuming after {sum(rounds):,} merges of an interrupted run" in notes.said
    for file in ("merges.parquet", "tokenizer.json"):
        assert (tmp_path / "dying/out" / file).read_bytes() == (tmp_path / "whole/out" / file).read_bytes()
