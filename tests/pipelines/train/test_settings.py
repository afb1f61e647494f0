"""Settings of train that depend on each other: what is refused, and what the command makes of the rest."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.outputs import read_manifest
from pipelines.settings import BadSettings
from pipelines.train.settings import Train, resolve
from tests.conftest import Command
from tests.jobs.test_command_bad_input import one_line, whole_outputs
from tests.pipelines.corpora import write_corpus

QUIET = ("--engine", "local", "--progress", "off")


def plan(**settings: object) -> tuple[int, list[int], str]:
    resolved, _ = resolve(Train(**{"corpus": ["c"], "out": "o"} | settings))  # type: ignore[arg-type]
    return int(resolved.vocab_size or 0), resolved.sizes, str(resolved.pretokenizer)


def test_sizes_and_the_vocabulary_size_say_each_other() -> None:
    assert plan() == (32768, [], "o200k")
    assert plan(sizes=[8192, 500, 8192, 600]) == (8192, [500, 600, 8192], "o200k")
    assert plan(sizes=[500], vocab_size=9000, pretokenizer="gpt2") == (9000, [500], "gpt2")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sizes": [500, 700], "vocab_size": 600}, "sizes: 700 is above vocab_size, 600"),
        ({"sizes": [258, 700], "special_tokens": ["a", "b"]}, "sizes: 258 leaves no room for a merge"),
        (
            {"vocab_size": 258, "special_tokens": ["a", "b"]},
            "vocab_size: 258 leaves no room for a merge (there are 258 tokens before the first)",
        ),
        ({"shares": {"en": 1}, "weights": {"en": 1}}, "weights: cannot be joined with shares"),
        ({"temperature": 2, "weights": {"en": 1}}, "temperature: cannot be joined with weights"),
        ({"weights": {}}, "weights: names no language"),
        ({"corpus": []}, "corpus is missing"),
        ({"id_field": "key", "sources_field": "repo"}, "id_field: is not read: documents go by --sources-field"),
        ({"word_table": ["w.parquet"]}, "word_table: replaces a corpus"),
        ({"special_tokens": ["a", "a"]}, "'a' is given twice"),
        ({"chat_template": "no.jinja"}, "chat_template: no.jinja: No such file or directory; name a file"),
        ({"extend": "."}, "extend: is the output directory"),
        ({"extend": "t", "digits": "threes"}, "digits: are cut as in the tokenizer that is extended"),
        ({"extend": "t", "letters_apart": ["Han"]}, "letters_apart: is as in the tokenizer that is extended"),
        ({"whole_characters": True, "parity": ["p"]}, "whole_characters: cannot be joined with parity"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    settings: dict[str, object], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSettings) as error:
        plan(**{"out": "."} | settings)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sizes", "300,x"], "--sizes: 'x' is not a whole number; write NUMBER,NUMBER"),
        (["--sizes", "300,200"], "at least 257"),
        (["--weights", "en"], "NAME=NUMBER"),
        (["--weights", "en=0"], "each number must be above 0"),
        (["--weights", "xx=2"], "weights: no text in the language 'xx'"),
        (["--temperature", "0.5"], "at least 1"),
        (["--extend", "small", "--pretokenizer", "gpt2"], "pretokenizer: is o200k in the tokenizer that is extended"),
        (["--extend", "small", "--vocab-size", "300"], "300 leaves no room for a merge (there are 300 tokens"),
        (["--extend", "small", "--max-token-length", "2"], "max_token_length: the tokenizer to extend has merges of"),
    ],
)
def test_wrong_flags_are_one_line_and_status_2(
    babelmerge: Command, tmp_path: Path, arguments: list[str], says: str
) -> None:
    write_corpus(tmp_path / "corpus", 10)
    assert babelmerge("train", "corpus", "--vocab-size", "300", "--out", "small", *QUIET)[0] == 0
    status, out, err = babelmerge("train", "corpus", "--out", "o", *arguments, *QUIET)
    assert (status, out) == (2, "") and says in one_line(err)
    assert not (tmp_path / "o/manifest.json").exists()
    assert "--extend" not in arguments or not (tmp_path / "o").exists()  # told before anything is counted


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("wordpiece.json", "extend: a WordPiece model has no merge list"),
        ("spm.model", "spm.model: no SentencePiece model"),
    ],
)
def test_what_is_no_byte_level_bpe_is_not_extended(babelmerge: Command, tmp_path: Path, model: str, says: str) -> None:
    write_corpus(tmp_path / "corpus", 2)
    (tmp_path / "wordpiece.json").write_text(
        '{"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]",'
        ' "continuing_subword_prefix": "##", "max_input_chars_per_word": 9}, "added_tokens": []}'
    )
    (tmp_path / "spm.model").write_bytes(b"x")
    status, _, err = babelmerge("train", "corpus", "--out", "o", "--extend", model, *QUIET)
    assert status == 1 and says in one_line(err)
    assert not (tmp_path / "o").exists()


def test_one_command_does_it_all(babelmerge: Command, tmp_path: Path) -> None:
    """Word tables made elsewhere, weights, sizes; then a tokenizer that extends the smallest of them."""
    write_corpus(tmp_path / "corpus")
    assert babelmerge("train", "corpus", "--vocab-size", "400", "--weights", "de=2.5", "--out", "a", *QUIET)[0] == 0
    tables = [pq.read_table(path) for path in sorted((tmp_path / "a/words").glob("words-*.parquet"))]
    pq.write_table(pa.concat_tables(tables), tmp_path / "counts.parquet")
    more = ["--weights", "de=2.5", "--sizes", "300,350,400"]
    status, said, err = babelmerge("train", "--word-table", "counts.parquet", *more, "--out", "b", *QUIET)
    assert (status, err) == (0, "")
    assert said.startswith("wrote a tokenizer of 400 tokens") and "size-300, size-350, size-400: b\n\n" in said
    for name in ("tokenizer.json", "merges.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b/size-400" / name).read_bytes()
    again = ["train", "corpus", "--weights", "de=2.5", "--extend", "b/size-300", "--vocab-size", "400", "--out", "c"]
    assert babelmerge(*again, *QUIET)[0] == 0
    assert (tmp_path / "a/merges.parquet").read_bytes() == (tmp_path / "c/merges.parquet").read_bytes()
    kept, first = babelmerge(*again, "--no-resume", *QUIET)[1], read_manifest(tmp_path / "c")
    assert kept.startswith("kept a tokenizer") and first is not None and first.settings["extend"]


def test_a_directory_of_someone_elses_is_refused_before_the_work(babelmerge: Command, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", 2)
    (tmp_path / "o/size-300").mkdir(parents=True)
    (tmp_path / "o/size-300/thesis.tex").write_text("mine")
    (tmp_path / "o/.babelmerge").write_text("tokenizer")
    status, _, err = babelmerge("train", "corpus", "--sizes", "300", "--out", "o", *QUIET)
    assert status == 1 and "size-300: holds files that are not of this command" in one_line(err)
    assert not (tmp_path / "o/words").exists()


def test_a_temperature_evens_languages_out(babelmerge: Command, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    shares: list[dict[str, float]] = []
    for temperature in ("1", "3"):
        out = f"t{temperature}"
        assert (
            babelmerge("train", "corpus", "--temperature", temperature, "--sizes", "300", "--out", out, *QUIET)[0] == 0
        )
        manifest = read_manifest(tmp_path / out)
        assert manifest is not None
        shares.append(manifest.facts["mixture"])
    total = sum(share ** (1 / 3) for share in shares[0].values())
    assert shares[1] == pytest.approx({name: share ** (1 / 3) / total for name, share in shares[0].items()}, rel=2e-3)
    assert babelmerge("train", "corpus", "--sizes", "300", "--out", "plain", *QUIET)[0] == 0
    plain, one = (pl.read_parquet(tmp_path / name / "merges.parquet") for name in ("plain", "t1"))
    assert plain.equals(one)


def test_a_broken_table_is_one_line_and_leaves_nothing_whole(babelmerge: Command, tmp_path: Path) -> None:
    (tmp_path / "w.parquet").write_bytes(b"PAR1")
    status, out, err = babelmerge("train", "--word-table", "w.parquet", "--out", "o", *QUIET)
    assert (status, out) == (1, "") and "w.parquet: damaged" in one_line(err)
    assert whole_outputs(tmp_path) == []
    status, out, err = babelmerge("train", "--word-table", "no.parquet", "--out", "o2", *QUIET)
    assert (status, out) == (1, "") and "no.parquet" in one_line(err) and not (tmp_path / "o2").exists()


def test_the_counts_that_train_left_are_a_word_table(babelmerge: Command, tmp_path: Path) -> None:
    """The directory as it lies there, with the records of its run."""
    write_corpus(tmp_path / "corpus", 10)
    assert babelmerge("train", "corpus", "--vocab-size", "300", "--out", "o", *QUIET)[0] == 0
    assert babelmerge("train", "--word-table", "o/words", "--vocab-size", "300", "--out", "again", *QUIET)[0] == 0
    assert (tmp_path / "again/tokenizer.json").read_bytes() == (tmp_path / "o/tokenizer.json").read_bytes()


def test_tokens_of_roles_join_the_special_tokens(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text("{{ messages }}")
    given = Train(
        corpus=["c.txt"], out="o", special_tokens=["<x>", "</s>"], eos_token="</s>", pad_token="<pad>", bos_token="<s>",
        unk_token="<pad>", chat_template=str(tmp_path / "chat.jinja"),
    )  # fmt: skip
    resolved, _ = resolve(given)
    assert resolved.special_tokens == ["<x>", "</s>", "<s>", "<pad>"]
    assert resolved.chat_template == "{{ messages }}"
