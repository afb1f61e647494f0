"""Re-tokenizing and inferring from files, compared with plain programs and with Hugging Face."""

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import tokenizers

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
from tests.pipelines.corpora import write_corpus
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
