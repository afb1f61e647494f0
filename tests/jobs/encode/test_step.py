"""`encode` and `decode`: lines on standard input or in files, against the ids of `tokenizers`."""

import io
import json
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import decoders, models, pre_tokenizers, trainers

from jobs.encode.lines import OutputStream, read_lines
from tests.conftest import Command

TEXT = "the cat\n\n the hat\r\n\u00e9t\u00e9 \U0001f600\x00 [1, 2]"


@pytest.fixture
def theirs(tmp_path: Path) -> HuggingFace:
    made = HuggingFace(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator([TEXT] * 3, trainers.BpeTrainer(vocab_size=270, initial_alphabet=alphabet))
    made.save(str(tmp_path / "t.json"))
    return made


def given(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def test_lines_become_ids_and_ids_lines(
    babelmerge: Command, theirs: HuggingFace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [theirs.encode(line).ids for line in TEXT.split("\n")]
    given(TEXT.encode(), monkeypatch)
    status, ids, err = babelmerge("encode", "t.json")
    assert (status, ids, err) == (0, "".join(" ".join(map(str, line)) + "\n" for line in expected), "")
    (tmp_path / "ids").write_text(ids)
    (tmp_path / "lists").write_text("".join(json.dumps(line) + "\n" for line in expected))
    assert babelmerge("decode", "t.json", "ids", "lists")[:2] == (0, f"{TEXT}\n" * 2)
    (tmp_path / "text").write_bytes(b"the cat\n")
    monkeypatch.setenv("NO_COLOR", "1")
    assert babelmerge("encode", "t.json", "text", "--show")[1] == "the| cat\n"
    monkeypatch.delenv("NO_COLOR")
    out = babelmerge("encode", "t.json", "text", "--show")[1]
    assert out.count("\x1b[48;5;") == 2 and out.endswith("\x1b[0m\n")


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("encode", b"fine\nnot \xff\n", "standard input, line 2: it is no UTF-8 (byte 0xFF)"),
        ("decode", b"1 2\n\n3 -4\n", "standard input, line 3: '-4' is no token id"),
        ("decode", b"1\n2 999999\n", "standard input, line 2: token id 999999 is none of this tokenizer's"),
        ("decode", b"1 " + b"9" * 30, "is no token id"),
    ],
)
def test_bad_input_is_one_line(
    babelmerge: Command, theirs: HuggingFace, monkeypatch: pytest.MonkeyPatch, command: str, text: bytes, said: str
) -> None:
    given(text, monkeypatch)
    status, _, err = babelmerge(command, "t.json")
    assert status == 1 and said in err and err.count("\n") == 1
    assert babelmerge(command, "t.json", "absent")[2].startswith("babelmerge: absent: No such file")


def test_blocks_hold_whole_lines_with_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.encode.lines.BLOCK", 4)
    (tmp_path / "a").write_bytes(b"1\n22\n333333\n\n4")
    blocks = list(read_lines([str(tmp_path / "a")]))
    assert b"".join(block.data for block in blocks) == b"1\n22\n333333\n\n4\n"
    assert len(blocks) > 2
    first = 1
    for block in blocks:
        assert block.data.endswith(b"\n") and block.first == first
        first += block.data.count(b"\n")


class _Ended(io.BytesIO):
    def write(self, data: object) -> int:
        raise BrokenPipeError


def test_a_reader_that_ends_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(_Ended()))
    assert not OutputStream().write(b"1\n")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    assert OutputStream().write(b"1\n")
