"""Shared fixtures: settings that make runs repeatable, and real texts where this machine has them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

Command = Callable[..., tuple[int, str, str]]
"""A function that runs `babelmerge` with some arguments and returns (exit status, stdout, stderr)."""

REAL_TEXT = {"shared", "corpora", "published"}
"""Fixtures that hold texts or tokenizers from outside the repository."""

# Set before anything imports ray or transformers, and inherited by every process a test starts.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_REPORT_URL"] = "http://127.0.0.1:9"  # where heads report that their reports are off
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # clusters of tests listen on loopback; read when ray is imported
os.environ["HF_HUB_OFFLINE"] = "1"  # a test that needs the network fails at once, everywhere
os.environ.pop("RAY_ADDRESS", None)  # a test never joins someone's cluster

# The first example of a test may compile kernels, so no example has a deadline and slow data is no failure.
_PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
_CI: dict[str, Any] = {"derandomize": True, "print_blob": True} if os.environ.get("CI") else {}
settings.register_profile("sample", max_examples=20, **_PATIENT, **_CI)
settings.register_profile("whole", max_examples=100, **_PATIENT, **_CI)
settings.load_profile("sample")  # `make exhaustive` loads the other one, before any test is imported


def examples(whole: int) -> settings:
    """Settings of a test that hypothesis draws: so many examples in `make exhaustive`, a fifth of them elsewhere."""
    return settings(max_examples=max(1, whole * settings().max_examples // 100))


compiled_as_usual = pytest.mark.skipif(
    bool({"NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"} & os.environ.keys()),
    reason="its own processes would compile all kernels, which `make test` has compiled",
)
"""Mark of a test whose processes run kernels in a way of their own: `make kernels` leaves it out."""

sample_and_whole = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["sample", "all"]
)
"""Gives a test the argument `every`: False everywhere, True in `make exhaustive` alone."""


def _folder(variable: str, holds: str, otherwise: Path | None) -> Path:
    """The folder that the environment variable names. Skips where none is named; a wrong name is an error."""
    named = os.environ.get(variable)
    if named:
        if not (Path(named) / holds).exists():
            pytest.fail(f"{variable}={named} has no {holds} in it; unset it to skip the tests on real text")
        return Path(named)
    if otherwise is not None and (otherwise / holds).exists():
        return otherwise
    pytest.skip(f"real text is not at hand: {variable} names no folder with {holds} in it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs real text."""
    for item in items:
        if REAL_TEXT & set(getattr(item, "fixturenames", ())):
            item.add_marker("real_text")


@pytest.fixture(autouse=True)
def _only_marked_tests_join_a_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test without the marker `ray` that leaves this process connected to a cluster."""
    yield
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized() and request.node.get_closest_marker("ray") is None:
        pytest.fail("this test runs on a Ray cluster: give it the marker ray")


@pytest.fixture(scope="session")
def shared() -> Path:
    """A folder with corpora/flores200_dev.jsonl.zst and tokenizers/*.json: BABELMERGE_SHARED, or ../shared."""
    return _folder("BABELMERGE_SHARED", "corpora/flores200_dev.jsonl.zst", ROOT.parent / "shared")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """A folder with help/<language>.jsonl.zst, 33 languages and 110 MB: BABELMERGE_CORPORA."""
    return _folder("BABELMERGE_CORPORA", "help", None)


@pytest.fixture
def babelmerge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the command in an empty directory: (exit status, stdout, stderr)."""
    from jobs.command import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = 0
        try:
            main([*arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
