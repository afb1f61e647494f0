"""metrics.parquet, tokenizers.parquet and the vocabularies', against slow programs over Hugging Face's tokens."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tokenizers

from operators.tokenizer import Merges, Tokenizer, Vocabulary
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output, read_manifest
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from tests.pipelines.premiums.corpora import four_languages, small_tokenizer
from tests.pipelines.steps import compare_languages

ENGINE = LocalEngine(2)
TABLES = ("premiums", "metrics", "tokenizers", "scripts", "vocabulary", "examples", "documents")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tok/, a small tokenizer, and what comparing four languages wrote, as out/."""
    folder = tmp_path_factory.mktemp("made")
    small_tokenizer(folder, ENGINE)
    four_languages(folder / "p")
    named = [("tok", load_tokenizer(str(folder / "tok"))), ("bytes", Tokenizer("none", (), Merges.from_rows([])))]
    compared(folder / "p", folder / "out", named, reference="bytes")
    return folder


def compared(text: Path, out: Path, named: list[tuple[str, Tokenizer]], **settings: Any) -> dict[str, pl.DataFrame]:
    with Output(out, "premiums") as output:
        compare_languages(
            find_files([Source(path=str(text))]), named, output, ENGINE, Silent(), **{"resamples": 100, **settings}
        )
    return {name: pl.read_parquet(out / f"{name}.parquet") for name in TABLES}


def table(made: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(made / f"out/{name}.parquet")


def test_metrics_of_a_language_equal_slow_counting(made: Path, tmp_path: Path) -> None:
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    texts = four_languages(tmp_path / "again")
    vocabulary = peer.get_vocab_size()
    for row in table(made, "metrics").filter(pl.col("tokenizer") == "tok").iter_rows(named=True):
        own = list(texts[row["language"]].values())
        encoded = [peer.encode(text) for text in own]
        ids = [i for one in encoded for i in one.ids]
        size, characters = len("".join(own).encode()), len("".join(own))
        words = [word for text in own for word in text.split()]
        cut = 0
        for text, one in zip(own, encoded, strict=True):
            # a token is written with a character for each of its bytes
            borders, at = set(np.cumsum([len(token) for token in one.tokens]).tolist()), 0
            for word in text.split():
                at = text.index(word, at)
                begin, end = (len(text[:i].encode()) for i in (at, at + len(word)))
                cut += any(border in borders for border in range(begin + 1, end))
                at += len(word)
        assert row["tokens"] == len(ids) and row["bytes"] == size and row["documents"] == 8
        assert row["bytes_per_token"] == pytest.approx(size / len(ids))
        assert row["characters_per_token"] == pytest.approx(characters / len(ids))
        assert row["tokens_per_line"] == pytest.approx(len(ids) / 8)
        assert row["nsl"] == pytest.approx(len(ids) / size)  # the reference is bytes
        assert row["words"] == len(words) and row["fertility"] == pytest.approx(len(ids) / len(words))
        assert row["continued_words"] == pytest.approx(cut / len(words))
        assert row["words_undefined"] == (row["language"] == "zh")
        assert row["script"] == {"zh": "Hani", "ru": "Cyrl"}.get(row["language"], "Latn")
        counts = Counter(ids)
        entropy = math.log2(sum((n / len(ids)) ** 2.5 for n in counts.values())) / -1.5
        assert row["types"] == len(counts) and row["vocabulary_share"] == pytest.approx(len(counts) / vocabulary)
        assert row["renyi_efficiency"] == pytest.approx(entropy / math.log2(len(counts)))
        assert row["renyi_efficiency_vocabulary"] == pytest.approx(entropy / math.log2(vocabulary))
        table_of_words = {word.strip("?,—-.。，'") for word in words}
        whole = [i for i in counts if peer.decode([i]).removeprefix(" ") in table_of_words - {"12", "3456", ""}]
        assert row["whole_words"] == len(whole) and row["whole_word_share"] == pytest.approx(len(whole) / len(counts))
        assert row["unknown_share"] == 0 and row["marked"] is False


def test_figures_over_languages_equal_plain_sums(made: Path) -> None:
    premiums = table(made, "premiums")
    for row in table(made, "tokenizers").iter_rows(named=True):
        own = premiums.filter(pl.col("tokenizer") == row["tokenizer"])
        costs = {"lines": (own["tokens"] / own["documents"]).to_list(), "bytes": own["tokens_per_byte"].to_list()}
        for unit, c in costs.items():
            pairs = sum(abs(a - b) for a in c for b in c)
            assert row[f"gini_{unit}"] == pytest.approx(pairs / (2 * len(c) * sum(c)))
            assert row[f"worst_to_best_{unit}"] == pytest.approx(max(c) / min(c))
        assert row["languages"] == 4 and row["marked_languages"] == 0
        assert row["mean_premium"] == pytest.approx(math.prod(own["premium"]) ** 0.25)
        assert own.filter(pl.col("language") == row["worst_language"])["premium"].item() == own["premium"].max()
    bytes_row = table(made, "tokenizers").row(1, named=True)
    assert bytes_row["gini_bytes"] == pytest.approx(0) and bytes_row["unreachable_tokens"] == 0


def test_vocabularies_say_what_each_token_is_and_how_often_it_was_used(made: Path, tmp_path: Path) -> None:
    peer = tokenizers.Tokenizer.from_file(str(made / "tok/tokenizer.json"))
    texts = four_languages(tmp_path / "again")
    uses = Counter(i for own in texts.values() for text in own.values() for i in peer.encode(text).ids)
    own = table(made, "vocabulary").filter(pl.col("tokenizer") == "tok")
    assert own["token"].to_list() == list(range(peer.get_vocab_size()))
    assert own["uses"].to_list() == [uses[i] for i in range(len(own))]
    row = table(made, "tokenizers").row(0, named=True)
    assert row["vocabulary"] == len(own) and row["unused_tokens"] == sum(not uses[i] for i in range(len(own)))
    decoded = [token.decode(errors="ignore") for token in own["bytes"]]
    broken = [bad for bad, token in zip(own["undecodable"], own["bytes"], strict=True) if bad]
    assert row["undecodable_tokens"] == len(broken) == own["script"].to_list().count("bytes")
    assert row["partial_utf8_tokens"] == own["part_of_utf8"].sum() <= row["undecodable_tokens"]
    assert row["single_character_tokens"] == sum(
        len(text) == 1 and text.encode() == token for text, token in zip(decoded, own["bytes"], strict=True)
    )
    scripts = table(made, "scripts").filter(pl.col("tokenizer") == "tok")
    assert dict(scripts.select("script", "tokens").iter_rows()) == Counter(own["script"].to_list())
    assert scripts["share"].sum() == pytest.approx(1)
    used = own.filter(pl.col("uses") > 0)
    assert {k: v for k, v in scripts.select("script", "used").iter_rows() if v} == Counter(used["script"].to_list())


def test_the_example_is_one_document_token_by_token(made: Path, tmp_path: Path) -> None:
    texts = four_languages(tmp_path / "again")
    examples = table(made, "examples")
    assert examples["id"].n_unique() == 1 and len(examples) == 8
    for row in examples.iter_rows(named=True):
        assert b"".join(row["tokens"]).decode() == texts[row["language"]][row["id"]]


def characters_only(known: str) -> Tokenizer:
    """A tokenizer of single characters that knows some, and makes the others unknown."""
    ids = np.full(0x110000, -1, np.int32)
    for i, one in enumerate(known):
        ids[ord(one)] = i + 1
    tokens = [b"<unk>", *(one.encode() for one in known)]
    none = np.full(256, -1, np.int32)
    return Tokenizer("none", (), Merges.from_rows([]), Vocabulary(tokens, none, (), ids, 0, False))


def test_languages_of_unknown_characters_are_marked_and_not_averaged_in(tmp_path: Path) -> None:
    rows = [(str(i), language, text) for language, text in (("en", "abcabc"), ("de", "abcdäöüabc"), ("fr", "aabbccddé"))
            for i in range(6)]  # fmt: skip
    pl.DataFrame(rows, ["id", "language", "text"], orient="row").write_parquet(tmp_path / "p.parquet")
    tables = compared(tmp_path / "p.parquet", tmp_path / "o", [("chars", characters_only("abcdé"))])
    shares = dict(tables["metrics"].select("language", "unknown_share").iter_rows())
    assert shares == pytest.approx({"en": 0, "de": 0.3, "fr": 0})
    assert dict(tables["premiums"].select("language", "marked").iter_rows()) == {"en": False, "de": True, "fr": False}
    row = tables["tokenizers"].row(0, named=True)
    assert row["languages"] == 2 and row["marked_languages"] == 1 and row["worst_language"] == "fr"
    assert row["worst_to_best_lines"] == pytest.approx(1.5)
    told = dict(tables["metrics"].select("language", "continued_words").iter_rows())
    assert told == {"en": 1.0, "de": None, "fr": 1.0}  # unknown tokens do not say where words are cut
    manifest = read_manifest(tmp_path / "o")
    assert manifest is not None and manifest.facts["marked"] == 1


def test_figures_that_take_two_languages_are_null_over_one(made: Path, tmp_path: Path) -> None:
    tables = compared(made / "p", tmp_path / "o", [("tok", load_tokenizer(str(made / "tok")))], languages=("en",))
    row = tables["tokenizers"].row(0, named=True)
    names = (
        "gini_lines",
        "gini_bytes",
        "worst_to_best_lines",
        "worst_to_best_bytes",
        "worst_language",
        "best_language",
    )
    assert all(row[name] is None for name in names) and row["languages"] == 1
    assert tables["metrics"]["nsl"].is_null().all()  # no reference, no normalized length
