"""A smaller vocabulary is a prefix: what training to that size gives, here and in Hugging Face."""

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from operators.byte_level import to_chars
from operators.tokenizer import Tokenizer, same_merges
from pipelines.context import Context
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Manifest, read_manifest
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.train.vocabulary_sizes import write_sizes
from tests.conftest import examples
from tests.operators.training.test_reducer import (
    counted,
    few_letters,
    hugging_face,
    some_words,
    special_lists,
    train,
)
from tests.pipelines.corpora import write_corpus
from tests.pipelines.train.test_step import merges_of

FILES = ("tokenizer.json", "tokenizer_config.json", "ranks.tiktoken", "tiktoken.json", "merges.parquet")


@examples(200)
@given(st.one_of(some_words, few_letters), special_lists, st.integers(1, 30), st.integers(0, 30))
def test_a_prefix_is_what_training_to_that_size_gives(
    pairs: list[tuple[str, int]], special: list[str], first: int, more: int
) -> None:
    """Special tokens and ties make merges whose concatenation is a token already: the size is hit before them."""
    words = counted(pairs)
    small = 256 + len(special) + first
    whole, _ = train(words, vocabulary_size=small + more, special_tokens=special)
    own, _ = train(words, vocabulary_size=small, special_tokens=special)
    cut = whole.truncated(small) if len(whole.tokens) >= small else whole
    assert same_merges(cut.merges, own.merges) and cut.tokens == own.tokens
    assert cut.vocabulary.special_ids == own.vocabulary.special_ids
    vocabulary, merges = hugging_face(words, small, special, 1, None)
    texts = cut.text_tokens
    assert [(to_chars(texts[a]), to_chars(texts[b])) for a, b in pairs_of(cut)] == merges
    assert len(vocabulary) == len(cut.tokens)


def pairs_of(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    return list(zip(tokenizer.merges.left.tolist(), tokenizer.merges.right.tolist(), strict=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("sizes")
    write_corpus(folder / "corpus")
    return folder, merges_of(folder / "corpus", folder / "o", LocalEngine(2), 420, special_tokens=["<s>", "the"])


def test_each_directory_is_what_a_run_of_its_own_writes(made: tuple[Path, Manifest]) -> None:
    folder, manifest = made
    write_sizes([300, 420, 350], folder / "o", manifest, Context())
    for size in (300, 350, 420):
        own = folder / f"own-{size}"
        merges_of(folder / "corpus", own, LocalEngine(1), size, special_tokens=["<s>", "the"])
        for name in FILES:
            assert (folder / f"o/size-{size}" / name).exists() == (own / name).exists()
            if "tiktoken" in name and not (own / name).exists():
                continue  # "the" is a special token that merges spell
            assert (folder / f"o/size-{size}" / name).read_bytes() == (own / name).read_bytes()
        theirs, ours = read_manifest(own), read_manifest(folder / f"o/size-{size}")
        assert theirs is not None and ours is not None
        assert theirs.settings == ours.settings and theirs.files == ours.files
        assert {**ours.facts, "rounds": theirs.facts["rounds"]} == theirs.facts
        loaded = load_tokenizer(str(folder / f"o/size-{size}"))
        assert tokenizer_fingerprint(loaded) == tokenizer_fingerprint(load_tokenizer(str(own)))
        peer = tokenizers.Tokenizer.from_file(str(folder / f"o/size-{size}/tokenizer.json"))
        assert peer.get_vocab_size() == size == len(loaded.tokens)


def test_sizes_are_kept_until_the_tokenizer_changes_and_then_removed(made: tuple[Path, Manifest]) -> None:
    folder, _ = made
    out = folder / "again"
    first = merges_of(folder / "corpus", out, LocalEngine(2), 400)
    write_sizes([300, 350], out, first, Context())
    merges_of(folder / "corpus", out / "size-310", LocalEngine(2), 310)  # someone's own, not cut from ours
    before = (out / "size-300/merges.parquet").stat().st_mtime_ns
    write_sizes([300], out, first, Context())
    assert (out / "size-300/merges.parquet").stat().st_mtime_ns == before
    assert (out / "size-350/tokenizer.json").exists()
    second = merges_of(folder / "corpus", out, LocalEngine(2), 380)
    write_sizes([300], out, second, Context())
    assert (out / "size-300/merges.parquet").stat().st_mtime_ns != before
    assert not (out / "size-350").exists()
    assert (out / "size-310/tokenizer.json").exists()
    (out / "size-300" / "notes.txt").write_text("someone's")
    write_sizes([350], out, merges_of(folder / "corpus", out, LocalEngine(2), 381), Context())
    assert not (out / "size-300/tokenizer.json").exists() and (out / "size-300/notes.txt").exists()


def test_a_size_that_no_training_reaches_is_the_whole_list(made: tuple[Path, Manifest]) -> None:
    folder, _ = made
    whole = merges_of(folder / "corpus", folder / "all", LocalEngine(2), 5000)
    assert whole.facts["vocabulary"] < 4000
    write_sizes([4000], folder / "all", whole, Context())
    model = json.loads((folder / "all/size-4000/tokenizer.json").read_text())["model"]
    assert model == json.loads((folder / "all/tokenizer.json").read_text())["model"]
