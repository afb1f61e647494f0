"""Word tables of files, compared with a Counter over Hugging Face's splitter."""

from collections import Counter
from pathlib import Path
from unicodedata import category

import polars as pl
import pytest

from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.progress import Silent
from pipelines.words.counting import word_files
from pipelines.words.word_tables import read_words
from tests.pipelines.corpora import count_words as slow_count
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import count_words


def table(
    directory: Path, *sources: Source, engine: LocalEngine | FaultyEngine | None = None, **settings: int
) -> pl.DataFrame:
    files = find_files(sources)
    manifest = count_words(files, "gpt4", directory, engine or LocalEngine(2), Silent(), **settings)  # type: ignore[arg-type]
    return pl.read_parquet(word_files(manifest, directory)).sort("language", "word")


def test_counts_equal_a_plain_count(tmp_path: Path) -> None:
    texts = write_corpus(tmp_path / "corpus")
    found = table(tmp_path / "words", Source(path=str(tmp_path / "corpus")))
    expected = {language: slow_count(own) for language, own in texts.items()}
    assert found.height == sum(map(len, expected.values()))
    for language, word, count in found.iter_rows():
        assert expected[language][word] == count


def test_workers_flushes_partitions_and_repeats_do_not_change_the_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(tmp_path / "corpus")
    source = Source(path=str(tmp_path / "corpus"))
    plain = table(tmp_path / "plain", source)
    assert plain.equals(table(tmp_path / "one", source, engine=LocalEngine(1), partitions=1))
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.memory.FLUSH_PART", 1 << 40)  # flush after every batch
        assert plain.equals(table(tmp_path / "flushed", source, partitions=5))
    assert plain.equals(table(tmp_path / "repeated", source, engine=FaultyEngine(2, {})))
    files = [sorted((tmp_path / name).glob("words-*")) for name in ("plain", "repeated")]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]
    assert not (tmp_path / "flushed" / "counts").exists()


def test_weights_multiply_counts_by_the_smallest_whole_numbers(tmp_path: Path) -> None:
    texts = write_corpus(tmp_path / "corpus")
    sources = [
        Source(path=str(tmp_path / "corpus/en.txt"), weight=1.5),
        Source(path=str(tmp_path / "corpus/de.txt"), weight=0.5),
    ]
    found = table(tmp_path / "words", *sources)
    english, german = slow_count(texts["en"]), slow_count(texts["de"])
    expected = {("en", word): 3 * n for word, n in english.items()} | {("de", word): n for word, n in german.items()}
    assert {(language, word): n for language, word, n in found.iter_rows()} == expected


def test_names_with_signs_of_patterns_mean_themselves(tmp_path: Path) -> None:
    for name, text in (("gAx", "aa aa"), ("g*x", "bb bb"), ("o[1]", "cc")):
        (tmp_path / f"{name}.txt").write_text(text)
        files = [file for file in find_files([Source(path=str(tmp_path))]) if file.path.endswith(f"{name}.txt")]
        manifest = count_words(files, "gpt4", tmp_path / name, LocalEngine(1), Silent())
        words, _ = read_words(word_files(manifest, tmp_path / name), None)
        assert set(b"".join(words.to_pylist())) <= set(text.encode())


def test_the_manifest_tells_each_languages_sizes(tmp_path: Path) -> None:
    texts = write_corpus(tmp_path / "corpus")
    files = find_files([Source(path=str(tmp_path / "corpus"))])
    facts = count_words(files, "gpt4", tmp_path / "words", LocalEngine(2), Silent()).facts
    assert facts["documents"] == sum(map(len, texts.values()))
    for language, own in texts.items():
        text, words = "".join(own), slow_count(own)
        categories = {word: [category(one)[0] for one in word.decode()] for word in words}
        assert facts["languages"][language] == {
            "words": len(words),
            "word_bytes": sum(map(len, words)),
            "count": Counter.total(words),
            "bytes": len(text.encode()),
            "characters": len(text),
            "marks": sum(kinds.count("M") * words[word] for word, kinds in categories.items()),
            "begin_with_mark": sum(words[word] for word, kinds in categories.items() if kinds[0] == "M"),
            "with_letters": sum(words[word] for word, kinds in categories.items() if kinds[0] != "M" and "L" in kinds),
        }


def test_no_text_is_an_error_and_leaves_no_table(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(EmptyCorpus, match="no text in the corpus"):
        table(tmp_path / "words", Source(path=str(tmp_path / "empty.txt")))
    assert not (tmp_path / "words" / "manifest.json").exists()
