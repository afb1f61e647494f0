"""Printing of results and errors: lines for people, or JSON lines with their time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobs.printing import Printer


@pytest.mark.parametrize(
    ("arguments", "as_json"),
    [
        (["train", "--progress", "json"], True),
        (["--progress=json", "train"], True),
        (["train", "json", "--progress"], False),
        (["train", "--progress", "off", "json"], False),
        ([], False),
    ],
)
def test_arguments_say_how_errors_are_printed(
    arguments: list[str], as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    printer = Printer()
    printer.begin(arguments)
    printer.error("a\nb s3://key:secret@bucket/x")
    printer.result("wrote\ntwo lines")
    out, err = capsys.readouterr()
    if not as_json:
        assert (out, err) == ("wrote\ntwo lines\n", "babelmerge: a\nb s3://***@bucket/x\n")
        return
    for line, name, text in ((err, "error", "a\nb s3://***@bucket/x"), (out, "result", "wrote\ntwo lines")):
        assert line.count("\n") == 1
        entry = json.loads(line)
        assert abs(datetime.now(UTC) - datetime.fromisoformat(entry.pop("time"))) < timedelta(minutes=5)
        assert entry == {name: text}
