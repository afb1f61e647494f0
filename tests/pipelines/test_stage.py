"""The share of records that a run may leave out holds for a result that is kept, too."""

import json
from pathlib import Path
from typing import Any

import pytest

import babelmerge as bm
from pipelines.corpus.bad_records import TooManyBadRecords

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
    fields = command.__struct_fields__
    corpus = next(name for name in fields if name in ("corpus", "parallel"))
    found: dict[str, Any] = {corpus: [str(folder / "c.jsonl")], "out": str(tmp_path / "o")} | options
    if "tokenizer" in fields:
        found["tokenizer"] = [str(folder / "tok")] if command is bm.Premiums else str(folder / "tok")
    quiet: dict[str, Any] = {"engine": "local", "progress": "off", "on_bad_record": "skip"}
    bm.run(command(**found), **quiet)
    for share in (0.01, 0):
        with pytest.raises(TooManyBadRecords, match=r"1 of 21 records .*c\.jsonl, record 21: "):
            bm.run(command(**found), max_bad_share=share, **quiet)
    assert bm.run(command(**found), **quiet).kept
