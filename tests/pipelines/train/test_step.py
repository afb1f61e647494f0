"""Corpus to tokenizer: exact on any number of workers, through the loss of any of them, on real text."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tokenizers
import zstandard

from operators.byte_level import byte_ids, to_chars
from operators.tokenizer import Merges, Tokenizer, token_bytes
from operators.training.reducer import Reducer
from pipelines.context import Context
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import Manifest, Output
from pipelines.progress import Silent
from pipelines.train.checkpoint import Checkpoint
from pipelines.train.rounds import ShardSource, TrainingShard, TrainingTarget, run_rounds
from pipelines.words.counting import word_files
from pipelines.words.weighting import UnknownLanguage
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import count_words, train


def merges_of(
    text_files: Path, out: Path, engine: Engine, vocabulary: int, pattern: str = "gpt4", **more: Any
) -> Manifest:
    with Output(out, "tokenizer") as output:
        words = count_words(find_files([Source(path=str(text_files))]), pattern, out / "words", engine, Silent())
        return train(words, out / "words", output, engine, Silent(), vocabulary_size=vocabulary, **more)


def hugging_face(paths: list[str], pattern: str, vocabulary: int, **more: Any) -> dict[str, Any]:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    steps: list[Any] = [tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")]
    steps.append(tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(steps)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **more,
    )
    tokenizer.train(paths, trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def written(out: Path) -> list[tuple[str, str]]:
    rows = pl.read_parquet(out / "merges.parquet").sort("rank")
    return [(to_chars(left), to_chars(right)) for left, right in rows.select("left_bytes", "right_bytes").iter_rows()]


def test_text_files_give_hugging_faces_list_and_vocabulary(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    made = merges_of(tmp_path / "corpus", tmp_path / "out", LocalEngine(3), 700, special_tokens=["<s>", "the"])
    paths = [str(path) for path in sorted((tmp_path / "corpus").glob("*.txt"))]
    model = hugging_face(paths, made_pattern(tmp_path / "out"), 700, special_tokens=["<s>", "the"])
    ours = json.loads((tmp_path / "out/tokenizer.json").read_text())["model"]
    assert written(tmp_path / "out") == [(left, right) for left, right in model["merges"]]
    assert ours["vocab"] == model["vocab"]
    assert made.facts["merges"] == len(model["merges"])


def made_pattern(out: Path) -> str:
    regex = json.loads((out / "words/manifest.json").read_text())["settings"]["regex"]
    assert isinstance(regex, str)
    return regex


def test_engines_workers_and_the_order_of_files_change_no_byte(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    outs = []
    for workers in (1, 2, 5):
        outs.append(tmp_path / f"out{workers}")
        merges_of(tmp_path / "corpus", outs[-1], LocalEngine(workers), 600)
    for name in ("tokenizer.json", "ranks.tiktoken", "merges.parquet", "manifest.json"):
        contents = {(out / name).read_bytes() for out in outs}
        assert len(contents) == 1, name


@pytest.mark.parametrize(
    ("workers", "script"),
    [
        (2, {(0, 0): "before"}),
        (2, {(1, 3): "after", (0, 5): "before"}),
        (2, {(0, 2): "before", (2, 0): "before", (3, 1): "after", (1, 7): "after"}),  # replacements are lost too
        (1, {(0, 0): "before"}),
        (1, {(0, 3): "after", (1, 0): "after", (2, 4): "before"}),
        (1, {(0, 1): "before", (1, 2): "after", (2, 1): "before"}),
    ],
)
def test_lost_workers_change_nothing(
    tmp_path: Path, workers: int, script: dict[tuple[int, int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.train.rounds.ANSWER_EVERY_S", 0.0)  # a lone trainer answers after every round
    write_corpus(tmp_path / "corpus")
    merges_of(tmp_path / "corpus", tmp_path / "plain", LocalEngine(2), 600)
    merges_of(tmp_path / "corpus", tmp_path / "hurt", FaultyEngine(workers, script), 600)
    plain, hurt = (tmp_path / name / "merges.parquet" for name in ("plain", "hurt"))
    assert plain.read_bytes() == hurt.read_bytes()
    assert json.loads((tmp_path / "hurt/run.json").read_text())["failures"] == len(script)


def test_a_worker_that_is_always_lost_ends_the_run(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    script = {(number, 0): "before" for number in range(100)}
    with pytest.raises(
        TaskLost, match="SingleShardTrainer 1 of 1: 4 workers in a row were lost at it, the last one: as the"
    ):
        merges_of(tmp_path / "corpus", tmp_path / "out", FaultyEngine(1, script), 600)
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_repeated_round_gives_the_same_report_and_a_skipped_one_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    files = find_files([Source(path=str(tmp_path / "corpus"))])
    words = count_words(files, "gpt4", tmp_path / "words", LocalEngine(1), Silent())
    reducer = Reducer((), 400)
    shard = TrainingShard(word_files(words, tmp_path / "words"), None, byte_ids(), None)
    batch = reducer.next_batch([shard.initial()])
    first = shard.apply(1, batch)
    assert shard.apply(1, batch) is first
    with pytest.raises(RuntimeError, match="batch 3 was asked of a shard that is at batch 1"):
        shard.apply(3, batch)


def test_shares_take_only_the_languages_they_name(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    made = merges_of(tmp_path / "corpus", tmp_path / "out", LocalEngine(2), 400, shares={"zh": 3, "de": 1})
    assert made.facts["mixture"] == pytest.approx({"zh": 0.75, "de": 0.25}, rel=1e-3)
    texts = b"".join(pl.read_parquet(tmp_path / "out/merges.parquet")["token_bytes"].to_list()).decode(
        "utf-8", "replace"
    )
    assert "玻" in texts and "Съ" not in texts
    with pytest.raises(UnknownLanguage, match="'xx'; the corpus has de, en, ru, zh"):
        merges_of(tmp_path / "corpus", tmp_path / "out", LocalEngine(2), 400, shares={"xx": 1})


def test_the_list_of_a_real_corpus_equals_hugging_faces(corpora: Path, tmp_path: Path) -> None:
    """Each twelfth document of help: 33 languages, 9 MB, 32,768 tokens; all 32,512 merges."""
    engine = LocalEngine(2)
    lines = decompressed(corpora / "help")[::12]
    (tmp_path / "help.jsonl").write_bytes(b"\n".join(lines))
    words = count_words(
        find_files([Source(path=str(tmp_path / "help.jsonl"))]), "gpt4", tmp_path / "w", engine, Silent()
    )
    source = ShardSource(word_files(words, tmp_path / "w"), 2, None, byte_ids())
    goal = TrainingTarget(Tokenizer("gpt4", (), Merges.from_rows([])), 32768, 1)
    reducer = run_rounds(source, goal, Context(engine=engine), Checkpoint(tmp_path / "c", "f"))
    assert reducer.vocabulary == 32768
    assert 500 < len(reducer.rounds) < 1300
    # The same words, each as a document, as often as it occurs; the counts fit Hugging Face's 32 bits.
    texts = [json.loads(line)["text"] for line in lines]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(words.settings["regex"]), "isolated")
    level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([split, level])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=32768, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    theirs = [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]
    spelled = {i: to_chars(token) for i, token in enumerate(token_bytes((), reducer.merges))}
    merges = reducer.merges
    ours = [
        (spelled[left], spelled[right]) for left, right in zip(merges.left.tolist(), merges.right.tolist(), strict=True)
    ]
    assert ours == theirs


def decompressed(folder: Path) -> list[bytes]:
    lines: list[bytes] = []
    for path in sorted(folder.glob("*.jsonl.zst")):
        with path.open("rb") as packed:
            lines += zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines()
    return lines
