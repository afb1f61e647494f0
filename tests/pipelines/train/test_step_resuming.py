"""A training run that is killed anywhere, and started again by the same command, ends with the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from operators.tokenizer import Merges, same_merges
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.run_stats import TaskLost
from pipelines.outputs import Manifest, Output, read_manifest
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from tests.conftest import ROOT
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import count_words, train

FILES = ("tokenizer.json", "ranks.tiktoken", "merges.parquet", "manifest.json")

KILLED = """
import os, signal, sys
import pipelines.train.checkpoint, pipelines.train.rounds, pipelines.train.step
import pipelines.outputs, pipelines.tokenizers
from jobs.command import main

where, number = sys.argv[1], int(sys.argv[2])
made = pipelines.train.checkpoint.Checkpoint.__init__
made.__defaults__ = (0.0, *made.__defaults__[1:])  # every round is written at once
pipelines.train.rounds.ANSWER_EVERY_S = 0.0
calls = 0

def dying(function):
    def call(*arguments, **more):
        global calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **more)
    return call

holder, name = {
    "apply": (pipelines.train.rounds.TrainingShard, "apply"),
    "write": (pipelines.train.checkpoint.Checkpoint, "write"),
    "begin": (pipelines.outputs.Output, "begin"),
    "save": (pipelines.train.step, "save_tokenizer"),
    "table": (pipelines.tokenizers, "merges_table"),
    "finish": (pipelines.outputs.Output, "finish"),
    "remove": (pipelines.train.checkpoint.Checkpoint, "remove"),
}[where]
setattr(holder, name, dying(getattr(holder, name)))
main(sys.argv[3:])
"""


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resuming") / "corpus"
    write_corpus(folder, 200)
    return folder


def trained(corpus: Path, out: Path, engine: LocalEngine | FaultyEngine, notes: Notes, **more: object) -> Manifest:
    with Output(out, "tokenizer") as output:
        words = count_words(find_files([Source(path=str(corpus))]), "gpt4", out / "words", LocalEngine(2), Silent())
        return train(words, out / "words", output, engine, notes, vocabulary_size=600, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(corpus: Path) -> dict[str, bytes]:
    trained(corpus, corpus.parent / "undisturbed", LocalEngine(2), Notes())
    assert not (corpus.parent / "undisturbed" / CHECKPOINT).exists()
    return {name: (corpus.parent / "undisturbed" / name).read_bytes() for name in FILES}


def files_of(out: Path) -> dict[str, bytes]:
    assert not (out / CHECKPOINT).exists()
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.mark.kills
@pytest.mark.parametrize("kills", ["apply 1, apply 2, apply 60, apply 90, write 200", "write 3, save 1, table 1", 
                                   "finish 2, remove 1, apply 1, finish 3", "begin 2, finish 2, begin 1"])  # fmt: skip
def test_kill_9_and_the_same_command_again_give_the_same_bytes(
    corpus: Path, undisturbed: dict[str, bytes], tmp_path: Path, kills: str
) -> None:
    """Each kill hits the run that the kills before it left behind; the last run is let through."""
    arguments = ["train", str(corpus), "--vocab-size", "600", "--out", "o", "--engine", "local", "--sizes", "300"]
    arguments += ["--pretokenizer", "gpt4"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    told = ""
    for kill in [*kills.split(", "), "apply 1000000"]:
        command = [sys.executable, "-c", KILLED, *kill.split(), *arguments]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert run.returncode in (-signal.SIGKILL, 0), run.stderr.decode()
        told += run.stderr.decode()
    assert run.returncode == 0 and files_of(tmp_path / "o") == undisturbed
    cut, whole = (load_tokenizer(str(tmp_path / name)) for name in ("o/size-300", "o"))
    assert same_merges(cut.merges, whole.truncated(300).merges) and len(cut.tokens) == 300
    assert "apply 60" not in kills or "resuming after" in told


def cut_off(corpus: Path, out: Path, at: int = 60, **more: object) -> Path:
    """A run whose workers are lost for good in the middle: its checkpoint."""
    lost = {(worker, at): "before" for worker in range(2)} | {(worker, 0): "before" for worker in range(2, 40)}
    with pytest.raises(TaskLost):
        trained(corpus, out, FaultyEngine(2, lost), Notes(), **more)
    assert read_manifest(out) is None
    return out / CHECKPOINT


def test_a_run_that_failed_is_gone_on_with_on_other_workers(
    corpus: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    cut_off(corpus, tmp_path / "o")
    notes = Notes()
    faults = {(0, 1): "after", (2, 0): "before", (4, 5): "after"}  # lost while it replays, and after
    trained(corpus, tmp_path / "o", FaultyEngine(3, faults), notes)
    assert files_of(tmp_path / "o") == undisturbed
    assert any("resuming after" in said for said in notes.said)


def test_without_resume_training_starts_over(corpus: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    cut_off(corpus, tmp_path / "o")
    notes = Notes()
    trained(corpus, tmp_path / "o", LocalEngine(1), notes, resume=False)
    assert files_of(tmp_path / "o") == undisturbed and notes.said == []


def test_an_extension_is_gone_on_with_too(corpus: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "first", 40)
    with Output(tmp_path / "base", "tokenizer") as output:
        files = find_files([Source(path=str(tmp_path / "first/de.txt"))])
        words = count_words(files, "gpt4", tmp_path / "base/words", LocalEngine(1), Silent())
        train(words, tmp_path / "base/words", output, LocalEngine(1), Silent(), vocabulary_size=330)
    base = load_tokenizer(str(tmp_path / "base"))
    trained(corpus, tmp_path / "plain", LocalEngine(2), Notes(), extended=base)
    cut_off(corpus, tmp_path / "o", 20, extended=base)
    notes = Notes()
    trained(corpus, tmp_path / "o", LocalEngine(3), notes, extended=base)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "plain")
    assert any("resuming after" in said for said in notes.said)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "zeroed"])
def test_a_damaged_checkpoint_is_used_as_far_as_it_is_sound(
    corpus: Path, undisturbed: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    path = cut_off(corpus, tmp_path / "o")
    content = bytearray(path.read_bytes())
    match damage:
        case "cut":
            del content[-9:]
        case "flipped":
            content[len(content) // 2] ^= 1
        case "emptied":
            content.clear()
        case "zeroed":
            content[-300:] = bytes(300)
    path.write_bytes(content)
    notes = Notes()
    trained(corpus, tmp_path / "o", LocalEngine(2), notes)
    assert files_of(tmp_path / "o") == undisturbed
    assert any("resuming after" in said for said in notes.said) == (damage != "emptied")


def test_a_checkpoint_that_lies_with_good_checksums_is_left_aside(
    corpus: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """Sums and name are right, but the merges are not what this corpus gives."""
    path = cut_off(corpus, tmp_path / "o")
    name = path.read_bytes().split(b"\n")[0].split()[-1].decode()
    rounds = Checkpoint(path, name).read()
    last = rounds[-1]
    lies: list[list[Merges]] = [
        [*rounds[:-1], Merges(last.left, last.right, last.token, last.count + 1)],
        [*rounds[:20], *rounds[21:]],
        [rounds[0], rounds[0]],
        [Merges(last.right, last.left, last.token, last.count)],
        [*rounds, *[Merges.from_rows([(70, 71, 10**6, 1)])] * 2],
    ]
    for lie in lies:
        path.unlink(missing_ok=True)
        with Checkpoint(path, name) as checkpoint:
            for batch in lie:
                checkpoint.add(batch)
        (tmp_path / "o/manifest.json").unlink(missing_ok=True)
        notes = Notes()
        trained(corpus, tmp_path / "o", LocalEngine(2), notes)
        assert files_of(tmp_path / "o") == undisturbed
        assert any("starting without them" in said for said in notes.said)


def test_other_settings_take_nothing_from_the_checkpoint(corpus: Path, tmp_path: Path) -> None:
    cut_off(corpus, tmp_path / "o")
    notes = Notes()
    trained(corpus, tmp_path / "o", LocalEngine(2), notes, min_pair_count=2)
    trained(corpus, tmp_path / "plain", LocalEngine(2), Notes(), min_pair_count=2)
    assert files_of(tmp_path / "o") == files_of(tmp_path / "plain")
    assert notes.said == []
