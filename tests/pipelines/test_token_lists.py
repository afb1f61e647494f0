"""Files of lists: a line ends in a newline and nowhere else, and text that is not UTF-8 is named."""

from functools import partial
from pathlib import Path

import pytest

from pipelines.compare.terms import read_terms
from pipelines.privacy.step import read_members
from pipelines.settings import BadSettings
from pipelines.token_lists import read_token_list


def test_only_newlines_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffa\u2028b\r\n\nc\x0bd\x0c\x1c\x85e\n f\rg ".encode())
    tokens = ["a\u2028b", "c\x0bd\x0c\x1c\x85e", " f\rg "]
    assert read_token_list(str(path), "file") == tokens
    assert read_terms(str(path)) == [token.strip() for token in tokens]
    assert read_members(str(path)) == {token.strip() for token in tokens}


@pytest.mark.parametrize(
    ("encoding", "says"),
    [("utf-16", "is UTF-16 text"), ("utf-16-le", "is UTF-16LE text"), ("latin-1", "is not UTF-8 text .byte 2")],
)
def test_a_list_that_is_no_utf8_is_refused_in_a_line(tmp_path: Path, encoding: str, says: str) -> None:
    (tmp_path / "list.txt").write_bytes(("Größe\n" * 9).encode(encoding))
    for read in (read_terms, read_members, partial(read_token_list, setting="file")):
        with pytest.raises(BadSettings, match=says):
            read(str(tmp_path / "list.txt"))
