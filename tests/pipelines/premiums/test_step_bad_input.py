"""`babelmerge premiums`: what goes wrong is one line, what is left out is said."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Command
from tests.pipelines.corpora import documents, write_corpus
from tests.pipelines.premiums.corpora import parallel

QUIET = ("--engine", "local", "--progress", "off")


@pytest.fixture
def compare(babelmerge: Command, tmp_path: Path) -> Command:
    """`premiums` with a small tokenizer, against en."""
    write_corpus(tmp_path / "corpus")
    assert babelmerge("train", "corpus", "--vocab-size", "300", "--out", "tok", *QUIET)[0] == 0

    def run(text: str, *more: str) -> tuple[int, str, str]:
        tokenizer = () if "--tokenizer" in more else ("--tokenizer", "tok")
        baseline = () if "--baseline" in more else ("--baseline", "en")
        return babelmerge("premiums", text, *tokenizer, *baseline, "--out", "o", *more, *QUIET)

    return run


BAD: dict[str, tuple[list[tuple[str, str, str]], list[str], int, str]] = {
    "no documents of the baseline's": ([("a", "en", "x"), ("b", "de", "y")], [], 1, "de shares the fewest with en"),
    "none, pairwise": ([("a", "en", "x"), ("b", "de", "y")], ["--documents", "pairwise"], 1, "no document whose id en"),
    "duplicate ids": (
        [("a", "en", "x"), ("a", "en", "y")],
        [],
        1,
        "every document of en shares its id with another of it, such as 'a'",
    ),
    "no baseline": ([("a", "fr", "x")], [], 1, "language 'en'; name one of those there are: French (fr)"),
    "no such language": ([("a", "en", "x")], ["--languages", "xx"], 1, "no text in the language 'xx'"),
    "empty translations": ([("a", "en", "x"), ("a", "de", "")], ["--languages", "de"], 1, "the language 'de'"),
    "only empty": ([("a", "en", "")], [], 1, "no text in the corpus"),
    "a pattern": ([("a", "en", "x")], ["--tokenizer", "x.tiktoken,pretokenizer=a(b"], 2, "a(b"),
    "no pre-tokenizer": ([("a", "en", "x")], ["--tokenizer", "x.tiktoken"], 2, "does not hold its pre-tokenizer"),
    "unknown pre-tokenizer": ([("a", "en", "x")], ["--tokenizer", "odd.json"], 1, "odd.json"),
    "a tokenizer twice": ([("a", "en", "x")], ["--tokenizer", "tok", "--tokenizer", "tok"], 2, "'tok' is given twice"),
    "no such reference": ([("a", "en", "x")], ["--reference", "gpt5"], 2, "'gpt5' is none of the tokenizers tok"),
    "nothing to compare with": ([("a", "en", "x")], ["--against", "corpus"], 1, "holds no finished run of premiums"),
    "with itself": ([("a", "en", "x")], ["--against", "o"], 1, "is the output directory"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(compare: Command, tmp_path: Path, case: str) -> None:
    rows, more, status, says = BAD[case]
    parallel(tmp_path / "p", rows)
    (tmp_path / "x.tiktoken").write_text("IQ== 0\n")
    odd = json.loads((tmp_path / "tok/tokenizer.json").read_text())
    (tmp_path / "odd.json").write_text(json.dumps(odd | {"pre_tokenizer": {"type": "Clairvoyant"}}))
    found, out, err = compare("p", *more)
    assert (found, out) == (status, "")
    assert err.count("\n") == 1 and err.startswith("babelmerge: ") and says in err, err
    assert not (tmp_path / "o/manifest.json").exists()


def test_a_single_sentence_and_empty_translations_are_said(compare: Command, tmp_path: Path) -> None:
    parallel(tmp_path / "p", [("a", "en", "the dog"), ("a", "de", "Hund"), ("b", "en", "two"), ("b", "de", "")])
    status, out, err = compare("p")
    assert (status, err) == (0, "")
    assert "premiums of 2 languages over 1 documents" in out
    assert "1 documents without text left out" in out and "2 premiums have no interval, for want of documents" in out
    table = pl.read_parquet(tmp_path / "o/premiums.parquet")
    assert table["premium"].is_not_null().all() and table["low"].is_null().all()


def test_against_an_earlier_run(compare: Command, babelmerge: Command, tmp_path: Path) -> None:
    rows = [(str(i), language, text) for language in ("en", "ru") for i, text in enumerate(documents(language, 40, 2))]
    parallel(tmp_path / "p", rows)
    assert compare("p", "--out", "old")[0] == 0
    assert babelmerge("train", "corpus/ru.txt", "--vocab-size", "350", "--out", "ours", *QUIET)[0] == 0
    status, out, _ = compare("p", "--tokenizer", "ours", "--against", "old", "--reference", "ours")
    assert status == 0 and "(1 got better, 0 worse)" in out
    assert "1 got better:\n" in out and "  Russian (ru)\n" in out and "got worse:" not in out
    table = pl.read_parquet(tmp_path / "o/changes.parquet")
    assert dict(table.select("language", "verdict").iter_rows()) == {"en": "same", "ru": "better"}
    assert table["old_tokenizer"].to_list() == ["tok", "tok"] and set(table["method"]) == {"documents"}
    assert pl.read_parquet(tmp_path / "o/metrics.parquet")["nsl"].to_list() == [1, 1]
    status, _, err = compare("p", "--against", "old", "--baseline", "ru")
    assert status == 1 and "its baseline is en, not ru" in err


def test_a_language_without_text_is_said(compare: Command, tmp_path: Path) -> None:
    parallel(tmp_path / "p", [("a", "en", "the dog"), ("a", "de", "Hund"), ("a", "fr", ""), ("b", "fr", "")])
    status, out, _ = compare("p")
    assert status == 0 and "premiums of 2 languages" in out and "no text in French (fr), left out" in out


def test_a_misspelt_baseline_is_answered_with_the_nearest(compare: Command, tmp_path: Path) -> None:
    codes = ["ace_Latn", "deu_Latn", "eng_Latn", "fra_Latn", "zho_Hans"]
    parallel(tmp_path / "p", [("a", code, "x") for code in codes])
    for wrong in ("eng_latn", "english", "en"):
        status, _, err = compare("p", "--baseline", wrong)
        assert status == 1 and "the 5 there are; the nearest: English (eng_Latn), " in err


def test_line_endings_count_in_no_format(compare: Command, tmp_path: Path) -> None:
    texts = {one: documents(one, 20, 3) for one in ("en", "de", "ru")}
    parallel(tmp_path / "rows", [(str(i + 1), one, text) for one, own in texts.items() for i, text in enumerate(own)])
    (tmp_path / "lines").mkdir()
    for one, own in texts.items():
        ending = "\r\n" if one == "ru" else "\n"
        (tmp_path / f"lines/{one}.txt").write_bytes(
            ending.join(own).encode() + (b"" if one == "de" else ending.encode())
        )
    tables = []
    for form in ("rows", "lines"):
        assert compare(form, "--out", f"out-{form}")[0] == 0
        tables.append(pl.read_parquet(tmp_path / f"out-{form}/premiums.parquet"))
    assert tables[0].equals(tables[1])
