"""Re-tokenizing, comparing and inferring from files, compared with plain programs and with Hugging Face."""

from collections import defaultdict
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import tokenizers

from pipelines.comparing import NoBaseline, RepeatedDocument, compare_languages
from pipelines.corpus.sources import Source, find_files
from pipelines.counting import EmptyCorpus, count_words
from pipelines.engine import Engine
from pipelines.inferring import UnknownCategory, infer_categories
from pipelines.local_engine import LocalEngine
from pipelines.outputs import Manifest, Output, read_manifest
from pipelines.progress import Silent
from pipelines.retokenizing import TOKENS_SCHEMA, retokenize, shard_names
from pipelines.tokenizers import load_tokenizer
from pipelines.training import train
from tests.pipelines.corpora import documents, write_corpus
from tests.pipelines.faults import FaultyEngine

ENGINE = LocalEngine(2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus/<language>.txt and a tokenizer trained on it with shares, under tok/."""
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "corpus", 200)
    with Output(folder / "tok", "tokenizer") as output:
        files = find_files([Source(path=str(folder / "corpus"))])
        words = count_words(files, "gpt4", folder / "tok/words", ENGINE, Silent())
        shares = {"en": 0.5, "de": 0.25, "ru": 0.15, "zh": 0.1}
        train(words, folder / "tok/words", output, ENGINE, Silent(), vocabulary_size=400, shares=shares)
    return folder


def encoded(folder: Path, out: Path, engine: Engine = ENGINE, path: str = "corpus") -> Manifest:
    files = find_files([Source(path=str(folder / path))])
    with Output(out, "tokens") as output:
        return retokenize(files, load_tokenizer(str(folder / "tok")), output, engine, Silent())


def test_token_shards_hold_hugging_faces_ids_in_the_files_order(made: Path, tmp_path: Path) -> None:
    manifest = encoded(made, tmp_path / "o")
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    for language in ("en", "de", "ru", "zh"):
        shard = pl.read_parquet(tmp_path / f"o/{language}.txt.parquet")
        assert shard.schema == {"id": pl.String, "language": pl.String, "tokens": pl.List(pl.UInt32)}
        texts = (made / f"corpus/{language}.txt").read_text("utf-8").splitlines(keepends=True)
        assert shard["id"].to_list() == [str(i + 1) for i in range(len(texts))]
        assert shard["tokens"].to_list() == [one.ids for one in peer.encode_batch(texts)]
        figures = manifest.facts["languages"][language]
        assert figures["tokens"] == int(shard["tokens"].list.len().sum())
        assert figures["bytes"] == len("".join(texts).encode()) and figures["documents"] == len(texts)
    assert pq.read_schema(tmp_path / "o/en.txt.parquet").field("tokens").type.equals(TOKENS_SCHEMA.field("tokens").type)


def test_shards_are_the_same_bytes_on_any_number_of_workers_and_when_repeated(made: Path, tmp_path: Path) -> None:
    for name, engine in (("one", LocalEngine(1)), ("many", LocalEngine(4)), ("repeated", FaultyEngine(2, {}))):
        encoded(made, tmp_path / name, engine)
    for file in ("en.txt.parquet", "zh.txt.parquet", "manifest.json"):
        assert len({(tmp_path / name / file).read_bytes() for name in ("one", "many", "repeated")}) == 1


def test_a_second_run_keeps_the_shards_and_a_changed_file_makes_them_anew(made: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 20)
    (tmp_path / "tok").symlink_to(made / "tok")
    encoded(tmp_path, tmp_path / "o")
    before = (tmp_path / "o/en.txt.parquet").stat().st_mtime_ns
    encoded(tmp_path, tmp_path / "o")
    assert (tmp_path / "o/en.txt.parquet").stat().st_mtime_ns == before
    (tmp_path / "corpus/en.txt").write_text("another text\n")
    (tmp_path / "corpus/de.txt").unlink()
    encoded(tmp_path, tmp_path / "o")
    assert pl.read_parquet(tmp_path / "o/en.txt.parquet").height == 1
    assert not (tmp_path / "o/de.txt.parquet").exists()


def test_files_of_one_name_get_shards_of_their_own(tmp_path: Path) -> None:
    for name in ("a/x.txt", "b/x.txt", "b/y.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("t\n")
    files = find_files([Source(path=str(tmp_path))])
    assert shard_names(files) == ["a--x.txt.parquet", "b--x.txt.parquet", "b--y.txt.parquet"]
    for name in ("h:i/f.txt", "h-i/f.txt"):
        (tmp_path / "s" / name).parent.mkdir(parents=True)
        (tmp_path / "s" / name).write_text("t\n")
    alike = shard_names(find_files([Source(path=str(tmp_path / "s"))]))
    assert len(set(alike)) == 2


def test_no_text_is_an_error(made: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/e.txt").write_text("")
    (tmp_path / "tok").symlink_to(made / "tok")
    with pytest.raises(EmptyCorpus):
        encoded(tmp_path, tmp_path / "o")


def parallel(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame(rows, ["id", "language", "text"], orient="row")
    for language in table["language"].unique():
        table.filter(pl.col("language") == language).write_parquet(folder / f"{language}.parquet")


def premiums(made: Path, folder: Path, out: Path, **settings: object) -> pl.DataFrame:
    files = find_files([Source(path=str(folder))])
    named = [("tok", load_tokenizer(str(made / "tok")))]
    with Output(out, "premiums") as output:
        compare_languages(files, named, output, ENGINE, Silent(), **{"baseline": "en", **settings})  # type: ignore[arg-type]
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
    with pytest.raises(RepeatedDocument, match="'a'"):
        premiums(made, tmp_path / "p", tmp_path / "o")
    with pytest.raises(NoBaseline, match="'fr'; name one of those there are: de, en"):
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


def infer(made: Path, out: Path, sources: list[Source], **settings: object) -> pl.DataFrame:
    files = find_files(sources)
    with Output(out, "mixture") as output:
        words = count_words(files, "gpt4", out / "words", ENGINE, Silent())
        tokenizer = load_tokenizer(str(made / "tok"))
        infer_categories(
            words,
            out / "words",
            tokenizer,
            output,
            ENGINE,
            Silent(),
            **{"merges": None, **settings},  # type: ignore[arg-type]
        )
    return pl.read_parquet(out / "mixture.parquet")


def test_the_training_text_itself_explains_the_list_without_slack(made: Path, tmp_path: Path) -> None:
    """So few words leave the shares a little room; where there is none, test_mixture.py holds them to 1e-9."""
    found = infer(made, tmp_path / "o", [Source(path=str(made / "corpus"))])
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None and manifest.facts["objective"] == pytest.approx(0, abs=1e-9)
    shares = dict(found.select("category", "share").iter_rows())
    assert shares == pytest.approx({"en": 0.5, "de": 0.25, "ru": 0.15, "zh": 0.1}, abs=0.03)
    assert found["share"].sum() == pytest.approx(1) and found["share_pairs"].sum() == pytest.approx(1)
    assert found["low"].is_null().all()


def test_categories_may_be_named_by_their_source_and_chosen(made: Path, tmp_path: Path) -> None:
    sources = [
        Source(path=str(made / "corpus/en.txt"), category="latin"),
        Source(path=str(made / "corpus/de.txt"), category="latin"),
        Source(path=str(made / "corpus/ru.txt"), category="cyrillic"),
        Source(path=str(made / "corpus/zh.txt")),
    ]
    found = infer(made, tmp_path / "o", sources, only=["latin", "cyrillic"])
    assert sorted(found["category"]) == ["cyrillic", "latin"]
    with pytest.raises(UnknownCategory, match="'greek' has no text; there is cyrillic, latin, zh"):
        infer(made, tmp_path / "o", sources, only=["latin", "greek"])
