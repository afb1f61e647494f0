"""`babelmerge mixture` where there is nothing to infer: a clear line, never a share."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Command
from tests.jobs.test_command_bad_input import one_line
from tests.pipelines.train.test_settings import QUIET

ALPHABETS = {"latin": 0x61, "greek": 0x3B1, "cyrillic": 0x430, "armenian": 0x561}


def write(path: Path, language: str, alphabet: str, words: int = 6000, seed: int = 0) -> None:
    draw = np.random.default_rng([seed, *alphabet.encode()])
    first = ALPHABETS[alphabet]
    known = ["".join(map(chr, draw.integers(first, first + 20, draw.integers(2, 9)))) for _ in range(800)]
    chosen = draw.zipf(1.3, words) % len(known)
    lines = [" ".join(known[i] for i in chosen[at : at + 20]) for at in range(0, words, 20)]
    path.write_text("".join(json.dumps({"id": str(i), "language": language, "text": line}, ensure_ascii=False) + "\n"
                            for i, line in enumerate(lines)))  # fmt: skip


@pytest.fixture
def corpora(babelmerge: Command, tmp_path: Path) -> Command:
    for alphabet in ALPHABETS:
        write(tmp_path / f"{alphabet}.jsonl", alphabet, alphabet)
    write(tmp_path / "twin.jsonl", "twin", "latin")
    (tmp_path / "empty.jsonl").write_text('{"id": "1", "language": "nobody", "text": ""}\n')
    (tmp_path / "zero.jsonl").write_text("")
    model: dict[str, Any] = {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}
    model |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 9}
    (tmp_path / "wordpiece.json").write_text(json.dumps({"model": model, "added_tokens": []}))
    for size in (900, 266):
        command = ("train", "latin.jsonl", "greek.jsonl", "--vocab-size", str(size), "--out", f"t{size}", *QUIET)
        assert babelmerge(*command)[0] == 0
    return babelmerge


CASES = [
    (["latin.jsonl", "greek.jsonl", "empty.jsonl"], "t900", "category 'nobody' has no text"),
    (["latin.jsonl", "greek.jsonl", "zero.jsonl"], "t900", "zero.jsonl is empty"),
    (["latin.jsonl"], "t900", "only one category (latin)"),
    (["latin.jsonl", "latin.jsonl", "greek.jsonl"], "t900", "categories: 'latin.jsonl' is given twice"),
    (["latin.jsonl", "twin.jsonl", "greek.jsonl"], "t900", "latin and twin have the same"),
    (["latin.jsonl", "greek.jsonl"], "t266", "10 of 10 merges occur in the categories, at least"),
    (["cyrillic.jsonl", "armenian.jsonl"], "t900", "merges occur in the categories"),
    (["latin.jsonl", "greek.jsonl"], "wordpiece.json", "it is a WordPiece model, which has no merge list"),
]


@pytest.mark.slow
def test_what_no_share_can_be_told_of_is_one_line(corpora: Command, tmp_path: Path) -> None:
    for method in ("rank", "lp"):
        for categories, tokenizer, says in CASES:
            status, out, err = corpora("mixture", *categories, "--tokenizer", tokenizer, "--method", method,
                                       "--out", "o", *QUIET)  # fmt: skip
            assert status in (1, 2) and out == "" and says in one_line(err), (method, categories, err)
            assert not (tmp_path / "o/mixture.parquet").exists()
