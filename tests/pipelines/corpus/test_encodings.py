"""Text in UTF-16 and UTF-32 is named, never read as something else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.encodings import foreign_encoding
from pipelines.corpus.errors import WrongEncoding
from pipelines.corpus.records import read_batches
from pipelines.corpus.spans import Span
from tests.pipelines.corpus.corpora import squeezed, texts_of, written

TEXTS = ["the cat sat on the mat\n" * 4, "кот сидит на коврике\n" * 4, "猫は敷物の上に座った。\n" * 9]
CODECS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("ending", [".txt", ".txt.gz", ".csv", ".jsonl"])
def test_other_encodings_are_named_and_never_left_out(tmp_path: Path, text: str, codec: str, ending: str) -> None:
    name = codec.upper().replace("-LE", "LE").replace("-BE", "BE")
    file = written(tmp_path, "x" + ending, squeezed(text.encode(codec), ending))
    for how in ("fail", "skip"):
        with pytest.raises(WrongEncoding, match=f"is {name} text.*iconv -f {name} -t UTF-8"):
            texts_of(file, BadRecords(how))


def test_a_span_within_the_file_names_it_too(tmp_path: Path) -> None:
    file = written(tmp_path, "x.txt", TEXTS[0].encode("utf-16"))
    with pytest.raises(WrongEncoding, match="is UTF-16 text"):
        list(read_batches(file, BadRecords("skip"), span=Span(40, 80)))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_utf8_without_zeros_is_never_taken_for_another(text: str) -> None:
    assert foreign_encoding(text.encode()) is None
    assert foreign_encoding(b"\xef\xbb\xbf" + text.encode()) is None


@given(st.text("abc \n", min_size=20), st.sampled_from(CODECS))
def test_latin_text_is_recognised_in_any_of_them(text: str, codec: str) -> None:
    found = foreign_encoding(text.encode(codec))
    assert found is not None
    assert text.encode(codec).decode(found) == text


@pytest.mark.parametrize("data", [b"a\0b\0c\0", b"\0" * 64, b"key\0value\0another\0" * 8])
def test_zeros_alone_make_no_utf16(data: bytes) -> None:
    assert foreign_encoding(data) is None


@pytest.mark.parametrize("encoding", ["UTF-16LE", "UTF-16BE"])
def test_lines_whose_bytes_are_all_ascii_are_known_by_their_line_feeds(encoding: str) -> None:
    text = "".join(f"\u4f60\u597d\u4e16\u754c {i}\n" for i in range(20))
    data = text.encode(encoding)
    assert data.isascii() and foreign_encoding(data) == encoding
    assert foreign_encoding(b"abc\0de\n\n" * 20) is None
