"""Cost of starting: libraries that a command does not need are not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from jobs.command import MAKERS, application
from tests.conftest import ROOT

HEAVY = ("altair", "highspy", "numba", "polars", "ray", "rich.progress", "tokenizers", "yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modules", "may"),
    [
        ("jobs.command, jobs.commands, jobs.workflow", set()),
        (
            "pipelines.train.step, pipelines.words.imported_words, pipelines.train.vocabulary_sizes",
            set(),
        ),
    ],
)
def test_heavy_libraries_wait_until_they_are_used(modules: str, may: set[str]) -> None:
    told = f"import sys, {modules}; print(*(set({HEAVY!r}) & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert set(run.stdout.split()) <= may


@pytest.mark.slow
def test_a_small_training_imports_no_library_that_it_can_do_without(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("one word and another word\n" * 9)
    arguments = ["train", "en.txt", "--vocab-size", "270", "--engine", "local", "--out", "tok"]
    script = (
        f"import sys; from jobs.command import main\ntry: main({arguments!r})\n"
        f"except SystemExit: print(*({{'pyarrow.compute', *{HEAVY!r}}} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (tmp_path / "tok" / "tokenizer.json").exists()
    assert run.stderr.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("arguments", "made"),
    [(["train", "curves", "--out", "x"], {"train"}), (["--version"], set(MAKERS)), (["trian"], set(MAKERS))],
)
def test_only_the_command_that_is_asked_for_is_made(arguments: list[str], made: set[str]) -> None:
    assert set(typer.main.get_command(application(arguments)).commands) == made  # type: ignore[attr-defined]
