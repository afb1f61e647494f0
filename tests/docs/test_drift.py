"""Sentences of the documentation, held against the code: paths, modules, flags, names, limits, links, figures.

Each check returns what it objects to; the tests below show on a bad sentence that it can.
"""

import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from jobs.command import application
from operators.text.pretokenizers import NO_SPLIT, PRETOKENIZERS
from tests.docs.pages import PAGES, ROOT, anchors, text_of, without_blocks

ROOMS = "babelmerge|operators|pipelines|jobs|tests|benchmarks|conf|docs"
PATH = re.compile(rf"(?<![\w./:-])(?:(?:{ROOMS})/[\w./*-]*|[\w-]+\.(?:toml|lock|yml)\b|Makefile\b|Dockerfile\b)")
MODULE = re.compile(rf"(?<![\w./:-])(?:{ROOMS.removesuffix('|conf|docs')})(?:\.(?!md\b)\w+)+")
MODULE_FIGURES = re.compile(r"docs/[\w./-]+\.(?:md|svg)")
FLAG = re.compile(r"(?<![\w-])--(?:no-)?[a-z][a-z0-9-]*")
COMMAND_LINE = re.compile(r"babelmerge +([a-z]+)((?: +(?!\|)[^`\n]*)?)")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")

MADE_BY_READERS = {"nightly.yaml", "workflow.yaml"}
"""Files of examples, which no checkout holds."""
FOREIGN_FLAGS = {
    "--address": "ray start", "--head": "ray start", "--long": "zstd", "--require-hashes": "pip-audit",
}  # fmt: skip
"""Flags of other programs that the documentation names."""
INVENTED_FLAGS = {"--require-full"}
"""Flags of CONTRIBUTING's worked examples, which no command has."""


def missing_paths(text: str) -> list[str]:
    """Paths of the repository that are named and do not exist; `*` matches, and NAME in capitals stands for any."""
    named = {match.rstrip(".") for match in PATH.findall(text)} - MADE_BY_READERS
    return sorted(name for name in named if not re.search(r"[A-Z]{3}", name.replace("README", "")) and not _there(name))


def _there(name: str) -> bool:
    return any(ROOT.glob(name.rstrip("/"))) if "*" in name else (ROOT / name).exists()


def missing_modules(text: str) -> list[str]:
    """Modules, and names in modules, that are named with dots and do not exist."""
    return sorted({name for name in MODULE.findall(text) if not _importable(name)})


def _importable(name: str) -> bool:
    """Return True if a prefix is a module and the next word, if there is one, a name that its source holds."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if source.is_file() or path.is_dir():
            rest = parts[length:]
            return not rest or (source.is_file() and bool(re.search(rf"\b{rest[0]}\b", source.read_text("utf-8"))))
    return False


def options() -> dict[str, set[str]]:
    """Flags of each command."""
    commands = typer.main.get_command(application([])).commands  # type: ignore[attr-defined]
    return {
        name: {flag for one in command.params for flag in (*one.opts, *one.secondary_opts) if flag.startswith("--")}
        | {"--help"}
        for name, command in commands.items()
    }


def unknown_flags(text: str) -> list[str]:
    """Flags that no command, benchmark or listed program has, and flags of `babelmerge NAME` that NAME has not."""
    ours = options()
    known = set().union(*ours.values(), FOREIGN_FLAGS, INVENTED_FLAGS)
    for source in [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tests").glob("**/matrix/__main__.py")]:
        known |= set(re.findall(r'"(--[a-z-]+)"', source.read_text("utf-8")))
    wrong = {flag for flag in FLAG.findall(text) if flag not in known}
    for command, rest in COMMAND_LINE.findall(text):
        if command in ours:
            wrong |= {f"{command} {flag}" for flag in FLAG.findall(rest.split(" && ")[0]) if flag not in ours[command]}
    return sorted(wrong)


def partial_lists(text: str) -> list[str]:
    """Lists of three and more pre-tokenizers that are not all of them."""
    name = "`?(?:" + "|".join([*PRETOKENIZERS, NO_SPLIT]) + ")`?"
    whole = {frozenset(PRETOKENIZERS), frozenset([*PRETOKENIZERS, NO_SPLIT])}
    lists = re.findall(rf"(?<![\w`]){name}(?:(?:, (?:and )?|\s+and\s+|\s+or\s+){name}(?![\w])){{2,}}", text)
    return [one for one in lists if frozenset(re.findall(r"\w+", re.sub(r"\b(?:and|or)\b", "", one))) not in whole]


def broken_links(page: str, text: str) -> list[str]:
    """Links to files or headings that do not exist; addresses elsewhere are not looked up."""
    wrong = []
    for target in LINK.findall(without_blocks(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8"))):
            wrong.append(target)
    return wrong


def broken_rows(text: str) -> list[str]:
    """Rows of tables that have no closing bar, or another number of cells than the row above."""
    wrong, above = [], None
    for line in without_blocks(text).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        if cells is not None and (not line.endswith("|") or (above is not None and cells != above)):
            wrong.append(line)
        above = cells
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_every_path_and_module_that_a_page_names_exists(page: str) -> None:
    assert missing_paths(text_of(page)) == []
    assert missing_modules(text_of(page)) == []


def test_a_path_or_module_that_does_not_exist_is_found() -> None:
    assert missing_paths("see `pipelines/training/run.py`, and docs/design.md.") == [
        "docs/design.md",
        "pipelines/training/run.py",
    ]
    assert missing_paths("`operators/errors.py`, conf/cluster/*.yaml, pipelines/NAME/step.py, pyproject.toml") == []
    assert missing_paths("a requirements-dev.lock, and tests/nowhere/*.py") == [
        "requirements-dev.lock",
        "tests/nowhere/*.py",
    ]
    assert missing_modules("`pipelines.training.run`; python -m benchmarks.train; operators.errors.DataError") == [
        "pipelines.training.run"
    ]
    assert missing_modules("operators.errors.NoSuchError") == ["operators.errors.NoSuchError"]


def test_every_page_that_the_code_names_exists() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, check=False).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name] or [*ROOT.glob("[bjop]*/**/*.py")]
    named = {
        (match, str(path.relative_to(ROOT)))
        for path in files
        if path.is_file() and path.name not in ("test_drift.py", "test_train.py")
        for match in MODULE_FIGURES.findall(path.read_text("utf-8"))
    }
    assert len(named) > 5
    assert [pair for pair in sorted(named) if not (ROOT / pair[0]).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_that_a_page_names_exists(page: str) -> None:
    assert unknown_flags(text_of(page)) == []


def test_a_flag_that_does_not_exist_is_found() -> None:
    assert unknown_flags("use `--vocab-szie 3` or --no-resume; `babelmerge train x --vocab-size 300`") == [
        "--vocab-szie"
    ]
    assert unknown_flags("    babelmerge premiums x --baseline en --vocab-size 300") == ["premiums --vocab-size"]


def test_every_foreign_flag_is_named_somewhere() -> None:
    pages = "".join(text_of(page) for page in PAGES)
    assert [flag for flag in [*FOREIGN_FLAGS, *INVENTED_FLAGS] if flag not in FLAG.findall(pages)] == []
    assert INVENTED_FLAGS.isdisjoint(set().union(*options().values()))


@pytest.mark.parametrize("page", PAGES)
def test_a_list_of_pretokenizers_is_whole(page: str) -> None:
    assert partial_lists(text_of(page)) == []


def test_a_list_of_pretokenizers_that_lacks_one_is_found() -> None:
    assert partial_lists("`gpt2`, `gpt4`, `llama3` and `o200k` have scanners") == [
        "`gpt2`, `gpt4`, `llama3` and `o200k`"
    ]
    assert partial_lists(f"one of {', '.join([*PRETOKENIZERS, NO_SPLIT])}; gpt2 and gpt4") == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_resolves(page: str) -> None:
    assert broken_links(page, text_of(page)) == []


def test_a_link_that_does_not_resolve_is_found() -> None:
    bad = "[a](docs/design.md) [b](docs/index.md) [c](docs/index.md#nowhere) [d](https://example.org/x) [e](#set-upp)"
    assert broken_links("CONTRIBUTING.md", bad) == ["docs/design.md", "docs/index.md#nowhere", "#set-upp"]


@pytest.mark.parametrize("page", PAGES)
def test_every_row_of_a_table_is_whole(page: str) -> None:
    assert broken_rows(text_of(page)) == []


def test_a_broken_row_is_found() -> None:
    assert broken_rows("| a | b |\n|---|---|\n| 1 | a line\nbreak |\n") == ["| 1 | a line"]
    assert broken_rows("| a | b |\n|---|---|\n| 1 |\n| 1 | `x\\|y` |\n") == ["| 1 |", "| 1 | `x\\|y` |"]


LIMITS = [
    ("explanation/security.md", r"configuration file \| (.+?) \|", "jobs.configuration:LARGEST_FILE_BYTES"),
    ("explanation/security.md", r"tokenizer file \| (.+?);", "pipelines.tokenizers:MAX_FILE_BYTES"),
    ("reference/tokenizers.md", r"files over (\d+ MiB)", "pipelines.tokenizers:MAX_FILE_BYTES"),
    ("explanation/security.md", r"\| ([\d,]+) rows;", "pipelines.tokenizers:MAX_MERGES"),
    ("explanation/security.md", r"manifest.json, run.json \| (.+?) \|", "pipelines.outputs:_MAX_RECORD_BYTES"),
    ("explanation/security.md", r"line of a text .+? \| (.+?) \|", "pipelines.corpus.compression:LONGEST_LINE_BYTES"),
    ("explanation/security.md", r"not plain JSON .+? \| (.+?) \|", "pipelines.corpus.json_lines:_LONGEST_UNUSUAL"),
    ("explanation/security.md", r"zstd frame \| (\d+ MiB)", "pipelines.corpus.compression:ZSTD_WINDOW_BYTES"),
    ("reference/corpora.md", r"windows over (\d+ MiB)", "pipelines.corpus.compression:ZSTD_WINDOW_BYTES"),
    ("explanation/security.md", r"footer of .+? \| (\d+ MiB)", "pipelines.corpus.parquet_pages:_MOST_FOOTER_BYTES"),
    ("explanation/security.md", r"page or .+? \| (\d+ MiB)", "pipelines.corpus.parquet_pages:LARGEST_PAGE_BYTES"),
    ("reference/corpora.md", r"is at most (\d+ MiB) long", "pipelines.corpus.compression:LONGEST_LINE_BYTES"),
    ("reference/corpora.md", r"up to (\d+ MiB) of text", "pipelines.corpus.records:BATCH_BYTES"),
]
"""Page, where its limit stands, and the constant that it must equal."""


def unnamed_rooms(page: str) -> list[str]:
    """Folders of code that the table of folders in design.md does not name."""
    rows = re.findall(r"^\| ((?:operators|pipelines|jobs)/[^|]+) \|", page, re.MULTILINE)
    named = set[str]()
    for some in (some for row in rows for some in row.split("; ")):
        package, _, names = some.partition("/")
        named |= {f"{package}/{name.rpartition('/')[2]}" for name in names.split(", ")}
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("[ojp]*/*/__init__.py")}
    return sorted(rooms - named)


def test_the_page_on_design_names_every_room() -> None:
    page = text_of("docs/explanation/design.md")
    assert unnamed_rooms(page) == []
    assert unnamed_rooms(page.replace("join, peek, ", "")) == ["pipelines/join", "pipelines/peek"]


def wrong_limits(texts: dict[str, str]) -> Iterator[str]:
    """Limits that are another number than the code's constant, or stand nowhere."""
    for page, pattern, constant in LIMITS:
        module, _, name = constant.partition(":")
        value = getattr(importlib.import_module(module), name)
        found = re.search(pattern, texts[page])
        if found is None or _number(found[1]) != value:
            yield f"{page}: {found[1] if found else 'nothing'} where {constant} is {value:,}"


def _number(text: str) -> int:
    amount, _, unit = text.partition(" ")
    return int(amount.replace(",", "")) * {"": 1, "MB": 10**6, "MiB": 2**20, "GiB": 2**30}[unit]


def test_limits_are_the_codes_constants() -> None:
    texts = {page: text_of(f"docs/{page}") for page, *_ in LIMITS}
    assert list(wrong_limits(texts)) == []
    texts["reference/tokenizers.md"] = texts["reference/tokenizers.md"].replace(
        "files over 64 MiB", "files over 256 MB"
    )
    assert [one.split(":")[0] for one in wrong_limits(texts)] == ["reference/tokenizers.md"]


def invented_figures(readme: str, page: str) -> list[str]:
    """Figures of README's table of speed that the page of benchmarks does not have in a row of that library."""
    table = readme[readme.index("| trainer |") : readme.index("2 cores of")]
    wrong = []
    for line in [line for line in table.splitlines() if line.startswith("|")][2:]:
        cells = [cell.strip(" *") for cell in line.split("|")[1:-1]]
        for name, figures in ((cells[0], cells[1:3]), (cells[4], cells[5:7])):
            library = name.split(" (")[0].split()
            rows = [
                row for row in page.splitlines() if row.startswith(("| ", "| **")) and library and library[0] in row
            ]
            for figure in figures:
                number = re.sub(r" times as fast$", "", figure)
                if number and not any(re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", row) for row in rows):
                    wrong.append(f"{name}: {figure}")
    return wrong


def test_the_readmes_figures_are_those_of_the_benchmarks_page() -> None:
    readme, page = text_of("README.md"), text_of("docs/explanation/benchmarks.md")
    assert invented_figures(readme, page) == []
    assert invented_figures(readme.replace("| 21.5 |", "| 31.5 |"), page) == ["tokenizers 0.23.3: 31.5"]


def test_the_readme_is_short() -> None:
    assert len(Path(ROOT / "README.md").read_text("utf-8").splitlines()) < 120
