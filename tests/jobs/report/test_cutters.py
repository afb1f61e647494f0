"""Tokenizers inside the page: which are offered, and why others are not."""

import re
from pathlib import Path

import pytest

import babelmerge as bm
from jobs.report.cutters import cutters
from jobs.report.premium_runs import Reference
from pipelines.tokenizers import tokenizer_fingerprint

ROOM = 1 << 20


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("tokenizers")
    for name, size in (("small", 270), ("large", 400)):
        bm.train(["the cat sat on the mat with all of the other cats"], vocab_size=size).save(directory / name)
    return [directory / "small", directory / "large"]


def test_the_smallest_are_in_the_page_until_it_is_full(paths: list[Path]) -> None:
    references = [Reference(path.name, str(path), None) for path in reversed(paths)]
    large, small = cutters(references, ROOM)
    assert (large.name, small.name) == ("large", "small") and large.content and small.content
    large, small = cutters(references, len(small.content))
    assert (
        small.content
        and large.content is None
        and re.fullmatch(r"it takes [\d.]+ kB, and the page is full", large.reason)
    )
    assert [one.content for one in cutters(references, -1)] == [None, None]


def test_a_tokenizer_that_is_gone_or_changed_is_not_offered(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    digest = tokenizer_fingerprint(bm.Tokenizer.load(paths[0]).data)
    found = cutters(
        [
            Reference("kept", str(paths[0]), digest),
            Reference("changed", str(paths[1]), digest),
            Reference("gone", str(tmp_path / "none.tiktoken,pretokenizer=gpt2"), digest),
            Reference("unknown", None, digest),
            Reference("broken", str(tmp_path / "broken.json"), digest),
        ],
        ROOM,
    )
    assert found[0].content
    assert [(one.name, one.content, one.reason) for one in found[1:]] == [
        ("changed", None, "its file has changed since"),
        ("gone", None, "its file is no longer where it was"),
        ("unknown", None, "the results do not say where it is; run premiums again"),
        ("broken", None, "its file can no longer be read"),
    ]
