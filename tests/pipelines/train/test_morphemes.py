"""Training that keeps morphemes' borders: equal to Hugging Face's trainer on text that is cut there, and refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers

import babelmerge as bm
from operators.byte_level import to_chars
from operators.errors import BabelmergeError
from pipelines.engines.local_engine import LocalEngine
from pipelines.train import step
from tests.pipelines.corpora import write_rows
from tests.pipelines.steps import EngineContext

CUT = r" ?\S+|\s+"
TEXT = (
    "unhappiness unhappy happily über überlaufen läuft walking walked talking un happiness\n" * 3 + "walk talk king ing"
)
TABLE = """word\tmorphemes\tlanguage
unhappiness\tun|happi|ness\teng
unhappiness\tunhappi|ness\teng
happily\thappi|ly\t
überlaufen\tüber|lauf|en\tdeu
walking\twalk|ing\teng
talking\ttalk|ing\teng
walk\twalk\teng
"""
BORDERS = {
    "unhappiness": "un|happi|ness", "happily": "happi|ly", "überlaufen": "über|lauf|en", "walking": "walk|ing",
    "talking": "talk|ing",
}  # fmt: skip


def settings(folder: Path, table: str = TABLE, **more: Any) -> bm.Train:
    (folder / "words.tsv").write_text(table)
    how: dict[str, Any] = {"corpus": [write_rows([{"text": TEXT, "language": "x"}], folder)], "vocab_size": 300}
    how |= {"out": str(folder / "out"), "pretokenizer": CUT, "partitions": 3, "morphemes": str(folder / "words.tsv")}
    return bm.Train(**how | more)


@pytest.mark.parametrize("workers", [1, 2])
def test_merges_are_hugging_faces_on_text_cut_at_the_borders(workers: int, tmp_path: Path) -> None:
    made = step.train(settings(tmp_path), EngineContext(LocalEngine(workers)))
    rows = made.merges.select("left_bytes", "right_bytes").collect().rows()
    marked = " ".join(BORDERS.get(word, word) for word in TEXT.replace("\n", " \n ").split(" ")).replace(" \n ", "\n")
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
    steps = [
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(CUT), "isolated"),
        tokenizers.pre_tokenizers.Split("|", "removed"),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(steps)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    theirs.train_from_iterator([marked], trainer)
    merges = json.loads(theirs.to_str())["model"]["merges"]
    assert [[to_chars(left), to_chars(right)] for left, right in rows] == merges
    plain = step.train(settings(tmp_path, morphemes=None, out=str(tmp_path / "p")), EngineContext(LocalEngine(1)))
    assert plain.merges.select("left_bytes", "right_bytes").collect().rows() != rows


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"table": "word\tmorphemes\ncats\tcat|z\n"}, "line 2: 'cat|z' does not spell 'cats'"),
        ({"superwords": True}, "cannot be joined with superwords"),
        ({"model": "unigram"}, "which --model unigram has not"),
    ],
)
def test_what_cannot_be_kept_is_refused(more: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BabelmergeError) as raised:
        step.train(settings(tmp_path, **more), EngineContext(LocalEngine(1)))
    assert message in str(raised.value)
    assert not (tmp_path / "out").exists()
