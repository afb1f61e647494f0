"""kill -9 of the driver and of workers, at ten moments each: a further run leaves what an undisturbed one does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from operators.tokenizer import Tokenizer
from pipelines.engines.ray_engine import RayEngine
from pipelines.retokenize.options import Encoding
from pipelines.retokenize.tasks import Split, SplitDone, encode_split
from tests.conftest import ROOT
from tests.pipelines.corpora import write_corpus
from tests.pipelines.retokenize.corpora import encoded, files_of
from tests.pipelines.retokenize.test_splits import write
from tests.pipelines.token_shards.formats.readers import megatron

pytestmark = pytest.mark.kills


def corpora(folder: Path) -> None:
    """`before`, and `after`: a file more, one fewer, one that is another, bad records in some."""
    for name in ("before", "after"):
        write_corpus(folder / name, 10)
        (folder / f"{name}/bad.jsonl").write_text('{"text": "fine"}\nnone\n' * 3)
        for path in (folder / name).iterdir():
            os.utime(path, ns=(1, 1))
    for kind in ("txt", "jsonl.zst"):
        write(folder / "after", kind)
    (folder / "after/de.txt").unlink()
    (folder / "after/en.txt").write_text("another text\n")
    (folder / "after/cut.txt.zst").write_bytes(b"")


@pytest.mark.parametrize(("format", "count"), [("parquet", 10), ("megatron", 10), ("arrow", 3), ("npy", 3)])
def test_the_driver_killed_at_ten_moments_and_once_more(trained: Path, tmp_path: Path, format: str, count: int) -> None:
    shutil.copytree(trained, tmp_path / "tok")
    corpora(tmp_path)
    encoding = Encoding(format=format, on_bad_record="skip")  # type: ignore[arg-type]
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(encoding))
    command = [sys.executable, "-m", "tests.pipelines.retokenize.killed_runs", str(tmp_path), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-20000:]
    told = json.loads(done.stdout)
    assert told["total"] > 60 and len(set(told["moments"])) == count
    plain = files_of(tmp_path / "plain")
    half_done = 0
    for moment in told["moments"]:
        assert files_of(tmp_path / f"killed-{moment}") == plain, f"killed at moment {moment} of {told['total']}"
        left = tmp_path / f"left-{moment}"  # what readers saw while the driver was dead: whole shards alone
        for path in left.glob("*.parquet"):
            pl.read_parquet(path)
        for path in left.glob("*.idx"):
            megatron(path.with_suffix(".bin"))
        half_done += not (left / "manifest.json").exists()
    assert half_done >= max(1, count - 3)  # not so at the first and the last moment


@pytest.mark.ray
def test_workers_killed_at_ten_moments(tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of ten tasks ends its process at another of its steps, once; Ray runs it again in a new one."""
    write_corpus(tmp_path / "corpus", 20)
    for i in range(6):
        shutil.copy(tmp_path / "corpus/en.txt", tmp_path / f"corpus/en{i}.txt")
    encoded(tokenizer, tmp_path / "corpus", tmp_path / "plain")
    names = sorted(path.name for path in (tmp_path / "corpus").iterdir())
    killed = tmp_path / "killed"
    killed.mkdir()

    def doomed(split: Split) -> SplitDone:
        moment = names.index(Path(split.path).name)
        with suppress(FileExistsError):
            (killed / str(moment)).touch(exist_ok=False)
            seen = 0

            def counted(call: Any) -> Any:
                def watched(*arguments: Any, **named: Any) -> Any:
                    nonlocal seen
                    if seen == moment % 5 and moment < 5:
                        os.kill(os.getpid(), signal.SIGKILL)
                    result = call(*arguments, **named)
                    if seen == moment % 5:
                        os.kill(os.getpid(), signal.SIGKILL)
                    seen += 1
                    return result

                return watched

            for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "fsync"), (Path, "mkdir")):
                setattr(owner, name, counted(getattr(owner, name)))
        return encode_split(split)

    monkeypatch.setattr("pipelines.retokenize.incremental.encode_split", doomed)
    engine = RayEngine(2)
    try:
        encoded(tokenizer, tmp_path / "corpus", tmp_path / "o", engine=engine)
    finally:
        engine.close()
    assert len(list(killed.iterdir())) == len(names) == 10
    assert files_of(tmp_path / "o") == files_of(tmp_path / "plain")
