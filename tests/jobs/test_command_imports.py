"""Cost of starting: libraries that a command does not need are not imported."""

import os
import subprocess
import sys

import pytest

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
