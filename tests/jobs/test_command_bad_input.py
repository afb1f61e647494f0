"""Errors of users: one clear line, the right exit status, and nothing left that looks whole."""

import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from tests.conftest import ROOT, Command
from tests.pipelines.corpora import write_corpus


def one_line(said: str) -> str:
    lines = said.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("babelmerge: "), said
    return lines[0]


def whole_outputs(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name == "manifest.json" or path.suffix == ".part"]


def jsonl(*records: object) -> bytes:
    return b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in records)


BYTES = b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256))
SPECIAL_IDS = ["--tokenizer", "cl100k_base.tiktoken", "--special-tokens-in-text", "ids"]
GOOD = {"id": "a", "language": "en", "text": "hello hello world"}
PACKED = zstandard.ZstdCompressor().compress(jsonl(*[GOOD | {"text": os.urandom(400).hex()} for _ in range(300)]))

FILES: dict[str, tuple[str, bytes, str]] = {  # case: (file name, content, what the line must say)
    "empty corpus": ("c.txt", b"", "no text in the corpus"),
    "truncated zst": ("c.jsonl.zst", PACKED[: len(PACKED) // 2], "c.jsonl.zst"),
    "corrupt parquet": ("c.parquet", b"PAR1" + bytes(200) + b"PAR1", "c.parquet"),
    "no object": ("c.jsonl", jsonl(GOOD, b"[1, 2]\n"), "2"),
    "text is null": ("c.jsonl", jsonl(GOOD, GOOD, GOOD | {"text": None}), "null"),
    "text is a number": ("c.jsonl", jsonl(GOOD | {"text": 5}), "number"),
    "no json": ("c.jsonl", jsonl(GOOD, b'{"text": "a\n'), "2"),
    "invalid utf-8": ("c.txt", b"good line\nbad \xff\xfe line\n", "UTF-8"),
    "invalid utf-8 in json": ("c.jsonl", jsonl(GOOD, b'{"text": "\xff"}\n'), "UTF-8"),
    "null language": ("c.jsonl", jsonl(GOOD, GOOD | {"language": None}), "language"),
    "unknown format": ("c.docx", b"x", "docx"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_one_line_and_leaves_nothing_whole(babelmerge: Command, tmp_path: Path, case: str) -> None:
    name, content, says = FILES[case]
    (tmp_path / name).write_bytes(content)
    status, out, err = babelmerge("train", name, "--engine", "local", "--out", "o", "--progress", "off")
    assert (status, out) == (1, "")
    assert says in one_line(err) and (name in err or case == "empty corpus")
    assert whole_outputs(tmp_path) == []


BAD_RECORDS = jsonl(
    GOOD,
    b"[1]\n",
    GOOD | {"text": None},
    b"nonsense\n",
    GOOD | {"language": None},
    GOOD | {"id": "b"},
    {"language": "en"},
)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "retokenize", "premiums", "mixture"])
def test_bad_records_are_left_out_counted_and_listed_where_asked(
    babelmerge: Command, tmp_path: Path, command: str
) -> None:
    write_corpus(tmp_path / "good")
    (tmp_path / "c.jsonl").write_bytes(BAD_RECORDS)
    quiet = ["--engine", "local", "--progress", "off"]
    assert babelmerge("train", "good", "--vocab-size", "500", "--out", "tok", *quiet)[0] == 0
    more = {
        "train": ["c.jsonl", "good", "--vocab-size", "300"],
        "retokenize": ["c.jsonl", "--tokenizer", "tok"],
        "premiums": ["c.jsonl", "--tokenizer", "tok", "--baseline", "en"],
        "mixture": ["c.jsonl", "good", "--tokenizer", "tok", "--method", "lp"],
    }[command]
    status, _, err = babelmerge(command, *more, "--out", "failed", *quiet)
    assert status == 1 and "c.jsonl" in one_line(err) and "2" in err
    assert not (tmp_path / "failed/manifest.json").exists()
    skip = ["--out", "o", "--on-bad-record", "skip", *quiet]
    if command in ("retokenize", "premiums"):  # the others read many good records besides
        status, _, err = babelmerge(command, *more, *skip)
        assert status == 1
        assert "5 of 7 records cannot be read, a larger share than --max-bad-share 0.1 allows; the first is" in err
        assert "c.jsonl, record 2: " in one_line(err)
    status, out, err = babelmerge(command, *more, *skip, "--max-bad-share", "1")
    assert (status, err) == (0, "")
    assert "5 bad records left out, listed in bad_records.parquet" in out
    [listed] = (tmp_path / "o").rglob("bad_records.parquet")
    table = pl.read_parquet(listed)
    assert table["record"].to_list() == [2, 3, 4, 5, 7]
    assert set(table["path"]) == {str(tmp_path / "c.jsonl")} and all(table["reason"])


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["train", "nowhere.txt", "--out", "o"], 1, "nowhere.txt"),
        (["train", "c/*.txt", "--out", "o"], 1, "c/*.txt"),
        (["train", "--out", "o"], 2, "corpus is missing"),
        (["train", "c.txt"], 2, "out is missing"),
        (["train", ".", "--out", "o"], 2, "name a directory outside it"),
        (["train", "theirs/**", "--out", "theirs/o/p"], 2, "name a directory outside it"),
        (
            ["train", "c.txt", "--out", "o", "--vocab-size", "256"],
            2,
            "vocab_size: 256 leaves no room beside the 256 bytes",
        ),
        (["train", "c.txt", "--out", "o", "--pretokenizer", "a(b"], 2, "a(b"),
        (["train", "c.txt", "--out", "o", "--pretokenizer", "GPT4"], 2, "no name is spelled so"),
        (
            ["train", "c.txt", "--out", "o", "--pretokenizer", ""],
            2,
            "pretokenizer: is empty; write a value",
        ),
        (["train", "c.txt", "--out", "o", "--shares", "en"], 2, "NAME=NUMBER"),
        (["train", "c.txt", "--out", "o", "--engine", "spark"], 2, "engine: 'spark' is none of auto, ray, local"),
        (["train", "c.txt", "--out", "o", "--workers", "0"], 2, "workers: 0 must be at least 1"),
        (
            ["train", "c.txt", "--out", "o", "--min-pair-count", "9" * 400],
            2,
            "must be at most 4611686",
        ),
        (
            ["compare", "c", "--tokenizer", "t", "--out", "o", "--price-per-million", "inf"],
            2,
            "price_per_million: inf must be at most 1",
        ),
        (["compare", "c", "--tokenizer", "t", "--out", "o", "--context-window", "9" * 400], 2, "must be at most 1"),
        (["train", "c.txt", "--out", "theirs"], 1, "holds files that are not of this command (such as thesis.tex)"),
        (["train", "c.txt", "--out", "c.txt"], 1, "c.txt: is a file; name an empty directory"),
        (["retokenize", "c.txt", "--out", "o", "--tokenizer", "theirs"], 1, "theirs"),
        (["retokenize", "c.txt", "--out", "o", "--tokenizer", "x.tiktoken"], 2, "pretokenizer"),
        (["retokenize", "c.txt", "--out", "o", *SPECIAL_IDS], 2, "names no special tokens to find"),
        (["train", "c" * 300, "--out", "o"], 1, "File name too long"),
        (["train", "c.txt", "--out", "o" * 300], 1, "File name too long"),
        (["train", "c.txt", "--out", "o", "--memory-limit", "9" * 5000 + "GB"], 2, "is no size of 1 MiB or more"),
        (["train", "c.txt", "--out", "o", "--conf", "/dev/zero"], 2, "is larger than 1024 KB"),
        (["run", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["run", "key.yaml"], 2, "`vocab_sizes` - at `$.steps[0].train`"),
        (["run", "type.yaml"], 2, "at `$.steps[0].train.vocab_size`"),
        (["run", "small.yaml"], 2, "256 bytes; ask for more - at `$.steps[0].train`"),
        (["run", "two.yaml"], 2, "train and report"),
        (["run", "twice.yaml"], 2, "line 2: the key 'engine' stands twice"),
        (["run", "bomb.yaml"], 2, "aliases"),
        (["run", "code.yaml"], 2, "python"),
        (["train", "sources.yaml", "--out", "o"], 2, "sources.yaml"),
        (["submit", "key.yaml", "--address", "http://127.0.0.1:9"], 2, "vocab_sizes"),
    ],
)
def test_wrong_usage_is_one_line_with_the_right_status(
    babelmerge: Command, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "c.txt").write_text("some text\n")
    (tmp_path / "x.tiktoken").write_text("IQ== 0\n")
    (tmp_path / "cl100k_base.tiktoken").write_bytes(BYTES)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/thesis.tex").write_text("mine")
    step = "steps: [{train: {corpus: [c.txt], out: o, %s}}]\n"
    (tmp_path / "key.yaml").write_text(step % "vocab_sizes: 300")
    (tmp_path / "type.yaml").write_text(step % "vocab_size: many")
    (tmp_path / "small.yaml").write_text(step % "vocab_size: 256")
    (tmp_path / "two.yaml").write_text("steps: [{train: {corpus: [c.txt], out: o}, report: {out: r}}]\n")
    (tmp_path / "twice.yaml").write_text("engine: local\nengine: ray\nsteps: []\n")
    (tmp_path / "bomb.yaml").write_text("a: &a [x]\nb: [*a, *a]\n")
    (tmp_path / "code.yaml").write_text("steps: !!python/object/apply:os.system ['touch owned']\n")
    (tmp_path / "sources.yaml").write_text("- {path: c.txt, langauge: en}\n")
    before = sorted(tmp_path.rglob("*"))
    found, out, err = babelmerge(*arguments)
    assert (found, out) == (status, ""), err
    assert says in one_line(err)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was written, nothing removed


def test_an_interrupt_says_how_to_go_on(babelmerge: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jobs.command.read_workflow", interrupted)
    assert babelmerge("run", "w.yaml") == (130, "", "babelmerge: interrupted; run the same command again to resume\n")


@pytest.mark.parametrize("wrong", ["vocab_sizes: 300", "vocab_size: many", "vocab_size: 256", "corpora: [c.txt]"])
def test_a_workflow_with_an_error_in_it_is_not_submitted(babelmerge: Command, tmp_path: Path, wrong: str) -> None:
    """The address is one that takes connections, and nobody connects."""
    step = f"{{train: {{corpus: [c.txt], out: o, {wrong}}}}}"
    (tmp_path / "w.yaml").write_text(f"steps: [{{train: {{corpus: [c.txt], out: p}}}}, {step}]\n")
    with socket.create_server(("127.0.0.1", 0)) as head:
        for more in ([], ["--no-wait", "--working-dir"]):
            status, out, err = babelmerge(
                "submit", "w.yaml", "--address", f"http://127.0.0.1:{head.getsockname()[1]}", *more
            )
            assert (status, out) == (2, "")
            line = one_line(err)
            assert line.startswith("babelmerge: w.yaml: ") and "`$.steps[1].train" in line
        head.setblocking(False)
        with pytest.raises(BlockingIOError):
            head.accept()


def test_a_language_column_with_nulls_in_parquet_is_a_bad_record(babelmerge: Command, tmp_path: Path) -> None:
    pl.DataFrame({"language": ["en", None, "de"], "text": ["a b", "c", "d"]}).write_parquet(tmp_path / "c.parquet")
    status, _, err = babelmerge("train", "c.parquet", "--engine", "local", "--out", "o", "--progress", "off")
    assert status == 1 and "language" in one_line(err) and "2" in err


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_same_command_finishes_later(tmp_path: Path) -> None:
    """A limit on file sizes stands for the full disk: the same system call fails."""
    write_corpus(tmp_path / "corpus", 200)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, -1));"
        "from jobs.command import main; main(sys.argv[1:])"
    )
    arguments = ["train", "corpus", "--out", "o", "--vocab-size", "450", "--engine", "local", "--progress", "off"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    how: dict[str, Any] = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    failed = subprocess.run([sys.executable, "-c", limited, *arguments], **how)
    assert failed.returncode == 1
    assert "cannot write" in one_line(failed.stderr) and "tokenizer.json" in failed.stderr
    assert not (tmp_path / "o/manifest.json").exists() and not list(tmp_path.rglob("*.part"))
    done = subprocess.run([sys.executable, "-m", "jobs.command", *arguments], **how)
    assert done.returncode == 0 and done.stdout.startswith("wrote a tokenizer of")


def test_someone_elses_files_beside_ours_stay(babelmerge: Command, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    quiet = ["--engine", "local", "--progress", "off", "--out", "o"]
    assert babelmerge("train", "corpus", "--vocab-size", "300", *quiet)[0] == 0
    (tmp_path / "o/notes.txt").write_text("mine")
    assert babelmerge("train", "corpus", "--vocab-size", "310", *quiet)[0] == 0
    assert (tmp_path / "o/notes.txt").read_text() == "mine"
