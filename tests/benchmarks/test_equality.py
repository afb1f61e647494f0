"""Published tokenizers against their libraries on a sample; `python -m benchmarks.equality` compares them in full."""

import os
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.equality import Case, cases, compare, main, random_texts, read_texts
from operators.encoding.encode import Encoder
from operators.tokenizer import Merges, Tokenizer

HUGGING_FACE = ["gpt2", "gpt_neox", "llama"]
OTHERS = [
    "o200k_base",
    "tekken_240718",
    "mistral_v3",
    *(
        pytest.param(name, marks=pytest.mark.exhaustive)
        for name in ("cl100k_base", "llama3", "llama4", "qwen", "claude", "deepseek_v3")
    ),
]


def differing(case: Case, shared: Path) -> list[str]:
    flores = islice(read_texts([shared / "corpora/flores200_dev.jsonl.zst"], 1 << 40), 0, None, 1400)
    encoder = Encoder(case.tokenizer, special_ids=case.special_ids)
    assert encoder.method == "kernels"
    return compare(encoder, case.ids, iter([*flores, *random_texts(400, seed=9)]))[1]


@pytest.mark.parametrize("name", HUGGING_FACE)
def test_a_tokenizer_json_equals_its_library(name: str, shared: Path) -> None:
    compared = list(cases([shared / "tokenizers"], [name]))
    assert [case.special_ids for case in compared] == [False, True]
    assert [differing(case, shared) for case in compared] == [[], []]


@pytest.mark.parametrize("name", OTHERS)
def test_other_published_files_equal_their_libraries(name: str, shared: Path) -> None:
    folder = os.environ.get("BABELMERGE_TOKENIZERS")
    if not folder:
        pytest.skip("published tokenizers are not at hand: BABELMERGE_TOKENIZERS names no folder")
    pytest.importorskip("sentencepiece" if name == "mistral_v3" else "tiktoken")
    compared = list(cases([Path(folder)], [name]))
    assert compared
    assert [differing(case, shared) for case in compared] == [[]] * len(compared)


def test_a_difference_is_found_and_shown() -> None:
    encoder = Encoder(Tokenizer("gpt2", (), Merges.from_rows([])))
    documents, found = compare(encoder, lambda texts: [[0] for _ in texts], iter(["!", "a", ""]))
    assert (documents, found) == (3, ["a", ""])


def test_the_table_and_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    (tmp_path / "help").mkdir()
    folders = ["--tokenizers", str(tmp_path), "--shared", str(shared), "--corpora", str(tmp_path)]
    assert main([*folders, "--strings", "300", "--flores", "50", "--only", "gpt2"]) == 0
    assert "gpt2.json special" in capsys.readouterr().out
