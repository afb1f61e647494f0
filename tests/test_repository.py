"""Files of the repository: exact pins with hashes, and nothing that ties it to one machine."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-run.lock")

PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>[^#]+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})*)"
)

# Spelled so that this file does not hold what it looks for.
REGISTRY_HOST = re.compile(r"//[\w.@:-]*(?:pypi|pythonhosted|npmjs|crates|debian|conda)[\w-]*\.\w", re.I)
INDEX_OPTION = re.compile(r"(?<!emit)[-_](?:extra[-_])?index[-_]url\b|(?<!emit)-find[-]links\b|-trusted[-]host\b", re.I)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|work|farm|mnt|home/\w+|Users/\w+|[.]pyenv)/")


def tracked_files() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the repository is not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def lines_like(pattern: re.Pattern[str], files: Iterable[Path]) -> Iterator[str]:
    """`path:line: text` of every line of the text files that the pattern is found in."""
    for path in files:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a compressed file
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def pins(text: str) -> list[re.Match[str]]:
    """The requirements of a lock file. Raises ValueError for a line that is anything but one exact pin."""
    found = []
    for line in re.sub(r" *\\\n *", " ", text).splitlines():
        pin = PIN.fullmatch(line)
        if pin is None:
            raise ValueError(f"not an exact pin: {line[:100]}")
        if not pin["hashes"]:
            raise ValueError(f"a pin without a hash: {line[:100]}")
        found.append(pin)
    return found


def locked(name: str) -> dict[str, set[Version]]:
    """Package to its versions: more than one where the Python version decides."""
    versions: dict[str, set[Version]] = {}
    for pin in pins((ROOT / name).read_text("utf-8")):
        versions.setdefault(pin["name"], set()).add(Version(pin["version"]))
    return versions


def missing(requirements: Iterable[str], versions: dict[str, set[Version]]) -> list[str]:
    """Requirements that the locked versions do not meet."""
    parsed = [Requirement(line) for line in requirements]
    return [
        str(wanted)
        for wanted in parsed
        if not (pinned := versions.get(canonicalize_name(wanted.name)))
        or not all(wanted.specifier.contains(version, prereleases=True) for version in pinned)
    ]


@pytest.fixture(scope="module")
def project() -> dict[str, list[str]]:
    """Requirements by extra; "" is what every installation needs."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {"": table["dependencies"], **table["optional-dependencies"]}


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, INDEX_OPTION, MACHINE_PATH], ids=["host", "option", "path"])
def test_no_tracked_file_names_a_registry_or_a_machine(pattern: re.Pattern[str]) -> None:
    found = list(lines_like(pattern, tracked_files()))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [
        (REGISTRY_HOST, ("https:/", "/files.pythonhosted", ".org/packages/a.whl")),
        (REGISTRY_HOST, ("http:/", "/user:word@py", "pi.example.org/simple")),
        (INDEX_OPTION, ("--index", "-url https:", "//example.org")),
        (INDEX_OPTION, ("PIP_EXTRA_INDEX", "_URL=x")),
        (INDEX_OPTION, ("--find", "-links wheels")),
        (INDEX_OPTION, ("--trusted", "-host example.org")),
        (MACHINE_PATH, ("cd /ho", "me/ann/babelmerge")),
        (MACHINE_PATH, ('open("/ro', 'ot/x")')),
    ],
)
def test_the_patterns_find_what_they_should(pattern: re.Pattern[str], pieces: tuple[str, ...]) -> None:
    assert pattern.search("".join(pieces))


@pytest.mark.parametrize("text", ["--no-emit-index-url --no-emit-find-links", "s3://bucket/work/x", "src/root/a"])
def test_the_patterns_let_pass_what_they_should(text: str) -> None:
    assert not any(pattern.search(text) for pattern in (REGISTRY_HOST, INDEX_OPTION, MACHINE_PATH))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_exact_pins_with_hashes_and_nothing_else(name: str) -> None:
    assert len(pins((ROOT / name).read_text("utf-8"))) > 50


@pytest.mark.parametrize(
    "line",
    ["ray>=2", "ray==2.55", "ray==2.55 \\\n    --hash=md5:00", "-e .", "# via ray", "ray @ file:///x", ""],
)
def test_a_line_that_is_no_pin_with_a_hash_is_refused(line: str) -> None:
    whole = f"pyyaml==6.0 ; python_version < '3.12' \\\n    --hash=sha256:{'0' * 64}\n"
    assert [pin["version"] for pin in pins(whole)] == ["6.0"]
    with pytest.raises(ValueError, match="pin"):
        pins(whole + line + "\n")


def test_the_locks_meet_what_pyproject_asks_for(project: dict[str, list[str]]) -> None:
    everything, run = (locked(name) for name in LOCKS)
    peers = "benchmarks"  # who measures against them installs them: no user and no test of ours needs them
    assert missing([line for extra, lines in project.items() if extra != peers for line in lines], everything) == []
    assert missing(project[""], run) == []
    assert missing(["ray>=9999"], run) == ["ray>=9999"]
    assert missing(["no-such-package"], run) == ["no-such-package"]


def test_the_image_gets_the_tested_versions_and_no_tools(project: dict[str, list[str]]) -> None:
    everything, run = (locked(name) for name in LOCKS)
    assert run == {name: everything[name] for name in run}
    assert {"pytest", "mypy", "ruff", "hypothesis", "django"}.isdisjoint(run)
    assert "torch" not in everything  # hundreds of megabytes that nothing here uses


def test_what_the_image_copies_exists() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert allowed == set(copied)
