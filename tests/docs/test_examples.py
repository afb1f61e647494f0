"""The examples of the documentation: a page's Python blocks run in order in one namespace, in an empty folder.

So do the shell blocks of the tutorial on nightly shards, as one script of bash.
"""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, text_of

WITH_PYTHON = [page for page in PAGES if blocks(text_of(page), "python")]
NIGHTLY = "docs/tutorials/nightly-shards.md"


def run_blocks(page: str, code: list[Block]) -> str:
    """Run blocks in one namespace; return what they printed. A failure names the page and the line."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in code:
            exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), namespace)
    return printed.getvalue()


def skip_without_libraries(page: str) -> None:
    """Skip the test where a page needs libraries that are not installed."""
    if "import django" in text_of(page) and (find_spec("django") is None or find_spec("polib") is None):
        pytest.skip("no django or polib: install the extra `demo`")


def test_pages_have_examples() -> None:
    assert {"README.md", "docs/tutorials/five-tokenizers.md"} <= set(WITH_PYTHON)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_libraries(page)
    monkeypatch.chdir(tmp_path)
    code = blocks(text_of(page), "python")
    assert code, f"{page} has no example"
    run_blocks(page, code)  # asserts of their own, as `test_an_example_that_fails_is_found` shows


def test_an_example_that_fails_is_found() -> None:
    page = "# Title\n\n```python\nx = 1\n```\n\n```sh\nls\n```\n\n```python\nprint(x)\nassert x == 2\n```\n"
    code = blocks(page, "python")
    assert [block.line for block in code] == [4, 12]
    with pytest.raises(AssertionError) as caught:
        run_blocks("page.md", code)
    frame = caught.traceback[-1]
    assert (str(frame.path), frame.lineno + 1) == (str(Path("page.md").absolute()), 13) or "page.md" in str(frame.path)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_shell_of_the_nightly_tutorial_does_what_it_says(tmp_path: Path) -> None:
    script = "\n".join(block.code for block in blocks(text_of(NIGHTLY), "sh"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 2 files are unchanged and kept" in done.stderr
    assert sorted(one.name for one in (tmp_path / "tokens").glob("*-[0-9]*.parquet")) == [
        "en.jsonl-00000.parquet",
        "sw.jsonl-00000.parquet",
    ]
    assert done.stdout.splitlines()[-1].startswith("kept ")
    bad = pl.read_parquet(tmp_path / "tokens/bad_records.parquet")
    assert bad["record"].to_list() == [2]
    [end] = pl.read_parquet(tmp_path / "tokens/sw.jsonl-00000.parquet")["input_ids"].to_list()
    assert end[-1] == 0  # the separator


@pytest.mark.skipif(
    find_spec("nbclient") is None or find_spec("ipykernel") is None,
    reason="no notebooks: install nbclient and ipykernel",
)
@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/five-tokenizers.md"])
def test_the_python_of_a_page_runs_in_a_notebook(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_libraries(page)
    import nbclient
    import nbformat

    cells = [nbformat.v4.new_code_cell(block.code) for block in blocks(text_of(page), "python")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.execution_count for cell in notebook.cells)
