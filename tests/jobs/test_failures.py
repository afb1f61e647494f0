"""Failures of the machine are one line each; a defect of ours keeps its traceback."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jobs.failures import line_of
from operators.errors import DataError
from tests.conftest import ROOT

RUN = "import sys; sys.path.insert(0, {root!r}); from jobs.command import console; console()"
COMMAND = [sys.executable, "-c", RUN.format(root=str(ROOT))]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("argument", ["settings", "--version", "--help", "train --help"])
def test_a_standard_output_on_a_full_disk_is_one_line(argument: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *argument.split()], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("babelmerge: standard output: No space left on device; ")


def test_a_working_directory_that_is_gone_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f"import os; os.chdir({str(tmp_path / 'gone')!r}); os.rmdir({str(tmp_path / 'gone')!r}); {COMMAND[2]}"
    arguments = ["train", "c.txt", "--out", "o", "--engine", "local", "--progress", "off"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "the working directory is gone" in done.stderr


def test_memory_and_threads_that_cannot_be_had_say_what_to_do() -> None:
    for ask in (lambda: np.empty(1 << 58), lambda: pa.allocate_buffer(1 << 60), lambda: bytearray(1 << 60)):
        with pytest.raises(MemoryError) as caught:
            ask()
        line = line_of(caught.value)
        assert line is not None and "gives no more memory" in line and "use fewer --workers" in line
    threads = line_of(RuntimeError("can't start new thread"))
    assert threads is not None and "gives no more threads" in threads


def test_a_library_that_finds_no_memory_is_a_lack_of_memory_however_its_package_reports_it() -> None:
    with pytest.raises(OSError, match="libx") as caught:
        try:
            raise OSError("libx.so: failed to map segment from shared object")
        except OSError:
            raise OSError("Could not load libx.so") from None
    line = line_of(caught.value)
    assert line is not None and "gives no more memory" in line


@pytest.mark.parametrize("error", [RuntimeError("other"), OSError(5, "I/O"), ImportError("no x"), ValueError("x")])
def test_any_other_error_is_a_defect(error: Exception) -> None:
    assert line_of(error) is None


def test_errors_of_ours_and_of_names_are_their_own_line() -> None:
    assert line_of(DataError("so it is")) == "so it is"
    assert line_of(OSError(36, "File name too long", "x" * 300)) == f"{'x' * 200}: File name too long"
