"""Formats of tables: read again by others, and safe with whatever a table holds."""

import io

import polars as pl

from jobs.show.formats import as_csv, as_markdown, as_text

HOSTILE = pl.DataFrame(
    {
        "text": ["a|b", 'say "x", y', "\x1b[31mred\nline", None],
        "number": [1.0 / 3, -0.0, float("nan"), None],
        "count": [1, 1_234_567, -1, None],
        "token": [b"ab", b"\xe1\x80", b" ", None],
        "parts": [["a", "b"], [], ["|"], None],
        "flag": [True, False, True, None],
    }
)


def test_csv_is_read_again_by_others() -> None:
    read = pl.read_csv(io.StringIO(as_csv(HOSTILE)))
    assert read["text"].to_list() == HOSTILE["text"].to_list()
    assert read["count"].to_list() == HOSTILE["count"].to_list()
    assert read["number"].to_list()[0] == 1.0 / 3
    assert read["token"].to_list() == ["'ab'", "‹E1 80›", "‹20›", "–"]
    assert read["parts"].to_list()[0] == "a b"


def test_markdown_has_a_row_a_line_and_as_many_cells_in_each() -> None:
    lines = as_markdown(HOSTILE).splitlines()
    assert len(lines) == 2 + len(HOSTILE)
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(HOSTILE.columns) + 1}
    assert lines[1] == "| --- | --: | --: | --- | --- | --- |"
    assert lines[2] == "| a\\|b | 0.333333 | 1 | 'ab' | a b | yes |"


def test_text_is_aligned_printable_and_no_wider_than_asked_for() -> None:
    for width in (10, 30, 80, 200):
        *rows, last = as_text(HOSTILE, width).splitlines()
        assert all(line.isprintable() for line in [*rows, last])
        whole = width >= 80
        assert (last.startswith("(") and "more columns" in last) != whole
        assert len(rows) == len(HOSTILE) + (0 if whole else 1)
        assert width == 10 or all(len(line) <= width for line in rows)
    lines = as_text(HOSTILE.select("text", "count"), 80).splitlines()
    assert (
        len({line.rstrip().rindex(cell[-1]) for line, cell in zip(lines[1:], ["1", "7", "1", "–"], strict=True)}) == 1
    )


def test_an_empty_table_has_its_heading() -> None:
    assert as_text(HOSTILE.clear(), 80).startswith("text  number  count")
    assert as_markdown(HOSTILE.clear()).count("\n") == 1
