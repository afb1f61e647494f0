"""Kept results: the share of bad records is measured again, and what holds no text is told again."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import babelmerge as bm
from pipelines.context import Context
from pipelines.corpus.bad_records import TooManyBadRecords
from pipelines.outputs import Output
from pipelines.progress import Silent

LANGUAGES = ("en", "sw")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 20 documents and one bad record, and a tokenizer."""
    folder = tmp_path_factory.mktemp("share")
    rows = [{"id": str(i), "language": one, "text": f"{one} {i} the mkeka"} for one in LANGUAGES for i in range(10)]
    lines = [*map(json.dumps, rows), "[1]"]
    (folder / "c.jsonl").write_text("\n".join(lines) + "\n")
    texts = {language: ["the mkeka"] * 9 for language in LANGUAGES}
    bm.train(texts, vocab_size=262).save(folder / "tok")
    return folder


def _corpus(command: Any) -> str:
    return "corpus" if "corpus" in command.__struct_fields__ else "parallel"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (bm.Train, {"vocab_size": 262}),
        (bm.Retokenize, {}),
        (bm.Retokenize, {"shuffle": 1}),
        (bm.Premiums, {"baseline": "en", "resamples": 100}),
        (bm.Curves, {"baseline": "en"}),
        (bm.Sweep, {"baseline": "en", "vocab_size": 260, "smallest_size": 258}),
    ],
)
def test_a_kept_result_is_measured_against_the_share_of_this_run(
    folder: Path, tmp_path: Path, command: Any, options: dict[str, Any]
) -> None:
    found: dict[str, Any] = {_corpus(command): [str(folder / "c.jsonl")], "out": str(tmp_path / "o")} | options
    if "tokenizer" in command.__struct_fields__:
        found["tokenizer"] = [str(folder / "tok")] if command is bm.Premiums else str(folder / "tok")
    quiet: dict[str, Any] = {"engine": "local", "progress": "off", "on_bad_record": "skip"}
    bm.run(command(**found), **quiet)
    for share in (0.01, 0):
        with pytest.raises(TooManyBadRecords, match=r"1 of 21 records .*c\.jsonl, record 21: "):
            bm.run(command(**found), max_bad_share=share, **quiet)
    assert bm.run(command(**found), **quiet).kept


@pytest.mark.parametrize(
    ("command", "options"),
    [(bm.Train, {"vocab_size": 262}), (bm.Retokenize, {}), (bm.Premiums, {"baseline": "en", "resamples": 100})],
)
def test_files_and_languages_without_text_are_told_of_also_where_the_result_is_kept(
    folder: Path, tmp_path: Path, command: Any, options: dict[str, Any]
) -> None:
    (tmp_path / "zero.txt").write_bytes(b"")
    (tmp_path / "blank.jsonl").write_text("\n\n")
    (tmp_path / "ewe.jsonl").write_text('{"id": "1", "language": "ee", "text": ""}\n')
    names = [str(folder / "c.jsonl"), *(str(tmp_path / name) for name in ("zero.txt", "blank.jsonl", "ewe.jsonl"))]
    found: dict[str, Any] = {"out": str(tmp_path / "o"), _corpus(command): names} | options
    if "tokenizer" in command.__struct_fields__:
        found["tokenizer"] = [str(folder / "tok")] if command is bm.Premiums else str(folder / "tok")
    for kept in (False, True):
        result = bm.run(command(**found), engine="local", progress="off", on_bad_record="skip")
        assert result.kept is kept
        assert re.search(r"no text in \S+blank\.jsonl and 2 more files", result.summary), result.summary
        assert re.search(r"no text in (the language )?Ewe \(ee\)", result.summary)


class _Notes(Silent):
    """A listener that keeps notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_is_kept_and_what_is_passed_over_is_told_once(tmp_path: Path) -> None:
    notes = _Notes()
    (tmp_path / "in").mkdir()
    for name in ("en.txt", "_de.txt", "_fr.txt"):
        (tmp_path / "in" / name).write_text("a b\n")
    with Context(progress=notes) as context:
        for _ in range(2):
            context.note_kept("words", tmp_path / "words")
        context.note_kept("words", tmp_path / "others")
        context.input_files([str(tmp_path / "in")], Output(tmp_path / "out", "words"))
    told = [f"words: unchanged, kept ({tmp_path / name})" for name in ("words", "others")]
    over = f"{tmp_path}/in/_de.txt begins with _ and is not read; name it to read it (and 1 more)"
    assert notes.notes == [*told, over]
