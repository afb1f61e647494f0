"""The door in a notebook: a kernel of Jupyter runs it, shows results, and says what is done."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
CELLS = [
    "import babelmerge as bm\ntokenizer = bm.train(['low lower lowest'] * 9, vocab_size=262)\ntokenizer",
    "bm.premiums({'eng_Latn': ['low', 'new'], 'deu_Latn': ['tief', 'neu']}, tokenizers=[tokenizer])",
    "with open('corpus.txt', 'w') as file: file.write('low lower lowest ' * 9)\n"
    "bm.run(bm.Train(corpus=['corpus.txt'], vocab_size=262, out='tok'), engine='local')",
]


def test_a_notebook_runs_and_shows_results(tmp_path: Path) -> None:
    beside = Path(sys.executable).parent / "jupyter-execute"
    program = str(beside) if beside.exists() else shutil.which("jupyter-execute")
    if program is None:
        pytest.skip("jupyter execute is not installed (packages nbclient, ipykernel)")
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(CELLS)
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "book.ipynb").write_text(json.dumps(book))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([program, "--inplace", "book.ipynb"], cwd=tmp_path, env=environment, check=True, timeout=200)
    done = json.loads((tmp_path / "book.ipynb").read_text())["cells"]
    shown = [[one for one in cell["outputs"] if one["output_type"] == "execute_result"] for cell in done]
    titles = ["<Tokenizer 'trained'", "<Premiums of 2 languages", "Trained("]
    for results, title in zip(shown, titles, strict=True):
        [result] = results
        assert "".join(result["data"]["text/plain"]).startswith(title)
        assert "<table" in "".join(result["data"]["text/html"])
    said = "".join("".join(one["text"]) for one in done[2]["outputs"] if one["output_type"] == "stream")
    assert "count words" in said
