"""Comparing languages from files, against plain programs, Hugging Face and tiktoken."""

import json
import os
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output, read_manifest
from pipelines.parallel_text.selection import NoBaseline, OnlyRepeatedDocuments
from pipelines.parallel_text.texts import TEXTS_SCHEMA, ReadTask, language_column, read_texts
from pipelines.premiums.changes import NotComparable
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from tests.conftest import sample_and_whole
from tests.pipelines.corpora import documents
from tests.pipelines.premiums.corpora import four_languages, parallel, small_tokenizer
from tests.pipelines.steps import compare_languages

ENGINE = LocalEngine(2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small tokenizer, under tok/."""
    folder = tmp_path_factory.mktemp("made")
    small_tokenizer(folder, ENGINE)
    return folder


def premiums(
    made: Path, folder: Path, out: Path, engine: Engine = ENGINE, named: list[tuple[str, Tokenizer]] | None = None,
    **settings: Any,
) -> pl.DataFrame:  # fmt: skip
    files = find_files([Source(path=str(folder))])
    named = named or [("tok", load_tokenizer(str(made / "tok")))]
    with Output(out, "premiums") as output:
        compare_languages(files, named, output, engine, Silent(), **settings)
    return pl.read_parquet(out / "premiums.parquet")


@pytest.mark.parametrize("mode", ["common", "pairwise"])
def test_premiums_equal_a_plain_sum_over_shared_documents(made: Path, tmp_path: Path, mode: str) -> None:
    rows = [
        (f"d{i}", language, text)
        for language, missing in (("en", {3}), ("de", {5, 6}), ("zh", {1}))
        for i, text in enumerate(documents(language, 12, seed=1))
        if i not in missing
    ]
    rows.append(("d5", "de", ""))  # an empty translation is none
    parallel(tmp_path / "p", rows)
    found = premiums(made, tmp_path / "p", tmp_path / "o", documents=mode)
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for document, language, text in rows:
        if text:
            texts[language][document] = text
    common = set.intersection(*(set(own) for own in texts.values()))
    for row in found.iter_rows(named=True):
        own, baseline = texts[row["language"]], texts["en"]
        shared = sorted(common if mode == "common" else set(own) & set(baseline))
        count = {name: sum(len(peer.encode(t[d]).ids) for d in shared) for name, t in (("own", own), ("en", baseline))}
        assert row["documents"] == len(shared)
        assert row["tokens"] == count["own"]
        assert row["premium"] == pytest.approx(count["own"] / count["en"], rel=1e-12)
        assert row["bytes"] == sum(len(own[d].encode()) for d in shared)
        assert row["characters"] == sum(len(own[d]) for d in shared)
        assert row["low"] <= row["premium"] <= row["high"]
        assert row["tokens_per_byte"] == row["tokens"] / row["bytes"]


def test_parallel_text_that_cannot_be_compared_is_refused(made: Path, tmp_path: Path) -> None:
    parallel(tmp_path / "p", [("a", "en", "x"), ("a", "de", "y"), ("a", "de", "z")])
    with pytest.raises(OnlyRepeatedDocuments, match=r"every document of de .* such as 'a'"):
        premiums(made, tmp_path / "p", tmp_path / "o")
    with pytest.raises(NoBaseline, match=r"'fr'; name one of those there are: German \(de\), English \(en\)"):
        premiums(made, tmp_path / "p", tmp_path / "o", baseline="fr")
    parallel(tmp_path / "q", [("a", "en", "x"), ("b", "de", "y")])
    with pytest.raises(Exception, match="de shares the fewest with en"):
        premiums(made, tmp_path / "q", tmp_path / "o")
    with pytest.raises(Exception, match="no document whose id en has too"):
        premiums(made, tmp_path / "q", tmp_path / "o", documents="pairwise")


def test_one_document_has_a_premium_and_no_interval(made: Path, tmp_path: Path) -> None:
    parallel(tmp_path / "p", [("a", "en", "the dog"), ("a", "de", "der Hund")])
    found = premiums(made, tmp_path / "p", tmp_path / "o")
    assert found["premium"].is_finite().all()
    assert found["low"].is_null().all() and found["high"].is_null().all()


def test_joined_texts_are_the_documents_in_the_baselines_order(made: Path, tmp_path: Path) -> None:
    texts = four_languages(tmp_path / "p")
    found = premiums(made, tmp_path / "p", tmp_path / "o", aggregation="joined")
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    counts = {
        language: len(peer.encode(" ".join(own[one] for one in "hgfedcba")).ids) for language, own in texts.items()
    }
    assert dict(found.select("language", "tokens").iter_rows()) == counts
    for row in found.iter_rows(named=True):
        assert row["premium"] == row["premium_joined"] == pytest.approx(counts[row["language"]] / counts["en"])
        # the interval of the sums over documents, moved
        for bound in ("low", "high"):
            moved = row[f"{bound}_documents"] / row["premium_documents"] * row["premium"]
            assert row[bound] == row[f"{bound}_joined"] == pytest.approx(moved)


def test_each_aggregation_comes_first_when_asked_for_and_all_are_there(made: Path, tmp_path: Path) -> None:
    texts = four_languages(tmp_path / "p")
    tables = {way: premiums(made, tmp_path / "p", tmp_path / way, aggregation=way)
              for way in ("documents", "joined", "per-document")}  # fmt: skip
    others = [name for name in tables["joined"].columns if name not in ("tokens", "premium", "low", "high", "reason")]
    for way, table in tables.items():
        assert table.columns[:11] == [
            "tokenizer",
            "language",
            "name",
            "documents",
            "characters",
            "bytes",
            "tokens",
            "premium",
            "low",
            "high",
            "reason",
        ]
        assert table.select(others).equals(tables["joined"].select(others))
        for name in ("premium", "low", "high"):
            assert table[name].equals(table[f"{name}_{way.replace('-', '_')}"])
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    for row in tables["per-document"].iter_rows(named=True):
        own = sorted(len(peer.encode(text).ids) / len(peer.encode(texts["en"][one]).ids)
                     for one, text in texts[row["language"]].items())  # fmt: skip
        assert row["premium"] == pytest.approx((own[3] + own[4]) / 2)
        assert (row["low"], row["high"]) == (own[0], own[7])  # of eight, only the outermost have 95 %
        assert row["tokens"] == sum(len(peer.encode(text).ids) for text in texts[row["language"]].values())


def test_pairwise_documents_have_no_joined_text(made: Path, tmp_path: Path) -> None:
    four_languages(tmp_path / "p")
    found = premiums(made, tmp_path / "p", tmp_path / "o", documents="pairwise")
    assert found["premium"].is_not_null().all()
    assert found["tokens_joined"].is_null().all() and found["premium_joined"].is_null().all()


def test_tables_are_the_same_bytes_on_any_number_of_workers(made: Path, tmp_path: Path) -> None:
    four_languages(tmp_path / "p")
    for workers in (1, 3):
        premiums(made, tmp_path / "p", tmp_path / str(workers), LocalEngine(workers))
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "3").iterdir())
    assert not [name for name in names if name.startswith(("texts", "tokens", "measures", "selected"))]
    for name in set(names) - {"run.json"}:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_a_second_run_keeps_the_tables(made: Path, tmp_path: Path) -> None:
    four_languages(tmp_path / "p")
    premiums(made, tmp_path / "p", tmp_path / "o")
    before = (tmp_path / "o/premiums.parquet").stat().st_mtime_ns
    premiums(made, tmp_path / "p", tmp_path / "o")
    assert (tmp_path / "o/premiums.parquet").stat().st_mtime_ns == before


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=40), st.integers(1, 60))
def test_any_mixture_of_languages_in_a_file_is_sorted_out(rows: list[tuple[str, int]], batch_bytes: int) -> None:
    with TemporaryDirectory() as folder:
        texts = [(f"{i}", language, "é" * length) for i, (language, length) in enumerate(rows)]
        lines = [json.dumps({"id": i, "language": language, "text": text}) for i, language, text in texts]
        (Path(folder) / "a.jsonl").write_text("\n".join(lines))
        [file] = find_files([Source(path=folder)])
        read, _ = read_texts(ReadTask(file, 0, "fail", Path(folder)), batch_bytes)
        for language in {language for language, _ in rows}:
            own = [(i, text) for i, one, text in texts if one == language]
            columns = {name: language_column([read], language, name).to_pylist() for name in TEXTS_SCHEMA.names}
            assert list(zip(columns["id"], columns["text"], strict=True)) == own
            assert columns["bytes"] == [2 * len(text) for _, text in own]
            assert columns["characters"] == [len(text) for _, text in own]
            assert read.bytes[language] == sum(columns["bytes"])


@sample_and_whole
@pytest.mark.parametrize(("file", "pattern"), [("cl100k_base.tiktoken", "gpt4"), ("gpt2.json", "gpt2")])
def test_joined_counts_on_flores_equal_tiktokens_for_all_languages(
    file: str, pattern: str, every: bool, shared: Path, tmp_path: Path
) -> None:
    """Every eighth sentence, or all 997."""
    folder = Path(os.environ.get("BABELMERGE_TOKENIZERS", "")) if file.endswith(".tiktoken") else shared / "tokenizers"
    if not (folder / file).is_file():
        pytest.skip(f"{file} is not at hand: BABELMERGE_TOKENIZERS names no folder with it")
    tokenizer = load_tokenizer(str(folder / file))
    lines = pa.input_stream(str(shared / "corpora/flores200_dev.jsonl.zst")).read().decode().splitlines()
    records = [record for record in map(json.loads, lines) if every or int(record["id"]) % 8 == 0]
    corpus = tmp_path / "flores.jsonl"
    corpus.write_text("\n".join(map(json.dumps, records)))
    found = premiums(tmp_path, corpus, tmp_path / "o", named=[(file, tokenizer)], baseline="eng_Latn")
    ranks = {token: i for i, token in enumerate(tokenizer.tokens) if i not in tokenizer.vocabulary.special_ids}
    theirs = tiktoken.Encoding(file, pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})
    texts: dict[str, list[str]] = defaultdict(list)
    for record in records:
        texts[record["language"]].append(record["text"])
    joined = {language: len(theirs.encode_ordinary(" ".join(own))) for language, own in texts.items()}
    assert len(joined) == 204
    assert dict(found.select("language", "tokens_joined").iter_rows()) == joined


def test_a_later_run_says_who_got_better_and_worse(made: Path, tmp_path: Path) -> None:
    """The later tokenizer has the first merges only, of which English had most."""
    rows = [(str(i), language, text) for language in ("en", "ru", "de")
            for i, text in enumerate(documents(language, 60, seed=5))]  # fmt: skip
    parallel(tmp_path / "p", rows)
    first = load_tokenizer(str(made / "tok"))
    premiums(made, tmp_path / "p", tmp_path / "old", named=[("tok", first)])
    with Output(tmp_path / "new", "premiums") as output:
        made_anew = compare_languages(
            find_files([Source(path=str(tmp_path / "p"))]), [("tok", first.truncated(300))], output, ENGINE, Silent(),
            against=str(tmp_path / "old"),
        )  # fmt: skip
    table = pl.read_parquet(tmp_path / "new/changes.parquet")
    old, new = (pl.read_parquet(tmp_path / one / "premiums.parquet").sort("language") for one in ("old", "new"))
    assert table["old"].to_list() == pytest.approx(old["premium_documents"].to_list())
    assert table["new"].to_list() == pytest.approx(new["premium_documents"].to_list())
    by_language = {row["language"]: row for row in table.iter_rows(named=True)}
    assert by_language["en"]["change"] == pytest.approx(1) and by_language["en"]["verdict"] == "same"
    for row in by_language.values():
        expected = "better" if row["high"] < 1 - 1e-9 else "worse" if row["low"] > 1 + 1e-9 else "same"
        assert row["verdict"] == expected and row["low"] <= row["change"] <= row["high"]
    assert sum(made_anew.facts[verdict] for verdict in ("better", "worse", "same")) == 3
    assert by_language["ru"]["verdict"] != "same"


def test_a_run_that_cannot_be_compared_with_is_one_line(made: Path, tmp_path: Path) -> None:
    parallel(tmp_path / "p", [("1", "en", "one"), ("1", "de", "eins")])
    premiums(made, tmp_path / "p", tmp_path / "old", baseline="de")
    files, named = find_files([Source(path=str(tmp_path / "p"))]), [("tok", load_tokenizer(str(made / "tok")))]
    for old, why in ((tmp_path / "old", "its baseline is de, not en"), (tmp_path, "holds no finished run of premiums")):
        with Output(tmp_path / "new", "premiums") as output, pytest.raises(NotComparable, match=why):
            compare_languages(files, named, output, ENGINE, Silent(), against=str(old))


def test_documents_that_share_an_id_are_left_out_counted_and_listed(made: Path, tmp_path: Path) -> None:
    texts = four_languages(tmp_path / "p")
    rows = [(one, language, text) for language, own in texts.items() for one, text in own.items()]
    parallel(tmp_path / "once", [row for row in rows if row[0] not in "ag"])
    parallel(tmp_path / "twice", [*rows, ("a", "de", "noch eins"), ("g", "ru", "x"), ("g", "ru", "y")])
    without, table = (premiums(made, tmp_path / one, tmp_path / f"out-{one}") for one in ("once", "twice"))
    assert table.equals(without)
    listed = pl.read_parquet(tmp_path / "out-twice/repeated_documents.parquet")
    assert listed.rows() == [("de", "German", "a", 2), ("ru", "Russian", "g", 3)]
    assert pl.read_parquet(tmp_path / "out-once/repeated_documents.parquet").rows() == []
    facts = read_manifest(tmp_path / "out-twice").facts  # type: ignore[union-attr]
    assert facts["repeated_documents"] == 5 and facts["documents"] == 6


def test_texts_that_are_nearly_the_same_have_a_premium_and_a_reason_instead_of_an_interval(
    made: Path, tmp_path: Path
) -> None:
    """Australian English: 3 of 692 documents differ, which once gave an interval of 1.0001 to 21.65."""
    lines = documents("en", 60, 5)
    rows = [(str(i), "en", text) for i, text in enumerate(lines)]
    rows += [(str(i), "en_AU", text + " our" * (i < 3)) for i, text in enumerate(lines)]
    rows += [(str(i), "en_GB", text) for i, text in enumerate(lines)]
    parallel(tmp_path / "p", rows)
    table = premiums(made, tmp_path / "p", tmp_path / "o")
    found = {row["language"]: row for row in table.iter_rows(named=True)}
    assert found["en_AU"]["premium"] > 1 and found["en_AU"]["low"] is None and found["en_AU"]["high"] is None
    assert found["en_AU"]["reason"] == "nearly all documents have one ratio: 3 of 60 differ; an interval takes 16"
    assert (
        found["en_GB"]["premium"] == 1
        and found["en_GB"]["low"] is None
        and "0 of 60 differ" in found["en_GB"]["reason"]
    )
    assert (found["en"]["low"], found["en"]["high"], found["en"]["reason"]) == (1, 1, None)
