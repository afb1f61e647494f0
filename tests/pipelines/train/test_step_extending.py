"""Extending a tokenizer: its merges and ids stay, more are learned behind them, and libraries encode accordingly."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
import tokenizers
from transformers import AutoTokenizer

from operators.byte_level import to_chars
from operators.encoding.encode import Encoder
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Merges, Tokenizer, Vocabulary, same_merges
from operators.tokenizer_files.errors import InexpressibleTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.training.extension import MaxTokenLengthTooSmall, NotExtendable, check_extendable, with_special_tokens
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Manifest, Output
from pipelines.progress import Silent
from pipelines.tokenizers import load_tokenizer
from pipelines.words.counting import word_files
from pipelines.words.word_tables import read_words
from tests import oracle
from tests.pipelines.corpora import SENTENCES, documents, write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import count_words, train

TEXTS = [text for language in SENTENCES for text in documents(language, 20, seed=9)]
TEXTS += ["", "naïve  \n\t日本語 1234567 "]
LOCAL = LocalEngine(2)


def extended(corpus: Path, out: Path, tokenizer: Tokenizer, size: int, engine: Engine = LOCAL, **more: Any) -> Manifest:
    with Output(out, "tokenizer") as output:
        files = find_files([Source(path=str(corpus))])
        words = count_words(files, tokenizer.pretokenizer, out / "words", engine, Silent())
        where = (words, out / "words", output, engine, Silent())
        return train(*where, vocabulary_size=size, extended=tokenizer, **more)


def trained(corpus: Path, out: Path, size: int, **more: Any) -> Manifest:
    with Output(out, "tokenizer") as output:
        words = count_words(find_files([Source(path=str(corpus))]), "gpt4", out / "words", LOCAL, Silent())
        return train(words, out / "words", output, LOCAL, Silent(), vocabulary_size=size, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extending")
    write_corpus(folder / "corpus")
    trained(folder / "corpus", folder / "small", 320, special_tokens=["<s>", "</s>"])
    return folder


def encode(tokenizer: Tokenizer) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(TEXTS, pa.large_string()))
    return [ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(TEXTS))]


@pytest.mark.parametrize("source", [".", "tokenizer.json"])
def test_extending_on_the_same_text_gives_the_files_of_training_on(folder: Path, tmp_path: Path, source: str) -> None:
    """The directory knows the old counts too; with tokenizer.json alone all but these is equal."""
    small = load_tokenizer(str(folder / "small" / source))
    made = extended(folder / "corpus", tmp_path / "o", small, 480)
    straight = trained(folder / "corpus", tmp_path / "straight", 480, special_tokens=["<s>", "</s>"])
    assert (made.facts["vocabulary"], made.facts["repeated_merges"]) == (480, 0)
    assert made.facts["extended_merges"] == len(small.merges) and made.facts["mixture"] == straight.facts["mixture"]
    ours, theirs = load_tokenizer(str(tmp_path / "o")), load_tokenizer(str(tmp_path / "straight"))
    for name in ("tokenizer.json", "ranks.tiktoken"):
        assert (tmp_path / "o" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()
    new = slice(len(small.merges), None)
    assert same_merges(ours.merges[new], theirs.merges[new])
    assert source != "." or same_merges(ours.merges, theirs.merges)


def test_a_limit_on_lengths_is_kept_on_the_way(folder: Path, tmp_path: Path) -> None:
    trained(folder / "corpus", tmp_path / "small", 300, max_token_length=4)
    small = load_tokenizer(str(tmp_path / "small"))
    extended(folder / "corpus", tmp_path / "o", small, 340, max_token_length=4)
    trained(folder / "corpus", tmp_path / "straight", 340, max_token_length=4)
    assert (tmp_path / "o/merges.parquet").read_bytes() == (tmp_path / "straight/merges.parquet").read_bytes()


def test_workers_and_their_loss_change_no_byte_and_old_text_is_encoded_by_old_merges_first(
    folder: Path, tmp_path: Path
) -> None:
    write_corpus(tmp_path / "corpus", 90)
    (tmp_path / "corpus/en.txt").write_text("other words than before: extend, extended, extending, extension\n" * 20)
    small = load_tokenizer(str(folder / "small"))
    faults = {(0, 0): "before", (1, 2): "after", (2, 3): "before"}
    engines: dict[str, Engine] = {"a": LocalEngine(1), "b": LocalEngine(3), "c": FaultyEngine(2, faults)}
    for name, engine in engines.items():
        extended(tmp_path / "corpus", tmp_path / name, small, 400, engine)
    for file in ("tokenizer.json", "ranks.tiktoken", "merges.parquet", "manifest.json"):
        assert len({(tmp_path / name / file).read_bytes() for name in "abc"}) == 1
    made = load_tokenizer(str(tmp_path / "a"))
    assert same_merges(made.merges[: len(small.merges)], small.merges) and made.tokens[:320] == small.tokens
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "a/tokenizer.json"))
    assert encode(made) == [one.ids for one in peer.encode_batch(TEXTS, add_special_tokens=False)]
    texts = made.text_tokens
    merges = [(texts[a], texts[b]) for a, b in zip(made.merges.left.tolist(), made.merges.right.tolist(), strict=True)]
    assert oracle.encode(b"extending", merges) == [
        texts[i] for i in peer.encode("extending", add_special_tokens=False).ids
    ]


def test_gpt2_keeps_its_ids_and_learns_what_the_oracle_learns(shared: Path, tmp_path: Path) -> None:
    gpt2 = load_tokenizer(str(shared / "tokenizers/gpt2.json"))
    write_corpus(tmp_path / "corpus", 40)
    made = extended(tmp_path / "corpus", tmp_path / "o", gpt2, 50257 + 60)
    ours = load_tokenizer(str(tmp_path / "o"))
    assert ours.tokens[:50257] == gpt2.tokens and len(ours.tokens) == made.facts["vocabulary"] == 50317
    assert same_merges(ours.merges[: len(gpt2.merges)], gpt2.merges)
    with Output(tmp_path / "w", "tokenizer"):
        files = find_files([Source(path=str(tmp_path / "corpus"))])
        counted = count_words(files, "gpt2", tmp_path / "w/words", LocalEngine(1), Silent())
    words, counts = read_words(word_files(counted, tmp_path / "w/words"), None)
    names = [to_chars(token) for token in gpt2.tokens]
    names[50256] = "<|endoftext|>"
    given = list(zip(gpt2.merges.left.tolist(), gpt2.merges.right.tolist(), strict=True))
    slow = oracle.extend(dict(zip(words.to_pylist(), counts.tolist(), strict=True)), 50317, names, given)
    new = ours.merges[len(gpt2.merges) :]
    rows = zip(new.left.tolist(), new.right.tolist(), new.token.tolist(), new.count.tolist(), strict=True)
    known = set(given)
    assert list(rows) == [row for row in slow if row[:2] not in known]
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "o/tokenizer.json"))
    old = tokenizers.Tokenizer.from_file(str(shared / "tokenizers/gpt2.json"))
    assert peer.get_vocab().items() >= old.get_vocab().items()
    found = [one.ids for one in peer.encode_batch(TEXTS, add_special_tokens=False)]
    assert encode(ours) == found and any(max(ids, default=0) >= 50257 for ids in found)
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1])
             for line in (tmp_path / "o/ranks.tiktoken").read_bytes().splitlines()}  # fmt: skip
    special = {"<|endoftext|>": 50256}
    encoding = tiktoken.Encoding("x", pat_str=PATTERNS["gpt2"], mergeable_ranks=ranks, special_tokens=special)
    assert encoding.encode_ordinary_batch(TEXTS) == found


def with_ids(tokenizer: Tokenizer, ids: list[int]) -> Tokenizer:
    """The same merges; token i becomes ids[i]."""
    to = np.array(ids, np.int32)
    tokens = [tokenizer.tokens[ids.index(i)] for i in range(len(ids))]
    old = tokenizer.merges
    merges = Merges(to[old.left], to[old.right], to[old.token], old.count)
    special = tuple(ids[i] for i in tokenizer.vocabulary.special_ids)
    return replace(tokenizer, merges=merges, published=Vocabulary(tokens, to[tokenizer.byte_ids], special))


def test_any_ids_are_kept_and_the_manifest_says_why_there_are_no_ranks(folder: Path, tmp_path: Path) -> None:
    """With ids in reverse a later merge has a smaller id: tiktoken, which merges by id, cannot hold that."""
    small = load_tokenizer(str(folder / "small"))
    published = with_ids(small, list(reversed(range(320))))
    made = extended(folder / "corpus", tmp_path / "o", published, 360)
    assert made.facts["without_ranks"] == "its merges are not in the order of its tokens' ids"
    assert not (tmp_path / "o/ranks.tiktoken").exists()
    ours = load_tokenizer(str(tmp_path / "o"))
    assert ours.tokens[:320] == published.tokens
    assert dict(zip(ours.special_tokens, ours.vocabulary.special_ids, strict=True)) == {"<s>": 319, "</s>": 318}
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "o/tokenizer.json"))
    assert encode(ours) == [one.ids for one in peer.encode_batch(TEXTS, add_special_tokens=False)]
    assert peer.token_to_id("<s>") == 319


def test_a_normalizer_is_kept_and_tiktoken_gets_no_ranks(folder: Path, tmp_path: Path) -> None:
    """It would encode ① as it stands, where the tokenizer encodes 1."""
    file = json.loads((folder / "small/tokenizer.json").read_text())
    file["normalizer"] = {"type": "NFKC"}
    made = extended(folder / "corpus", tmp_path / "o", from_json(json.dumps(file), "t"), 360)
    assert "normalizes text" in made.facts["without_ranks"]
    assert not (tmp_path / "o/ranks.tiktoken").exists()
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "o/tokenizer.json"))
    assert encode(load_tokenizer(str(tmp_path / "o"))) == [
        one.ids for one in peer.encode_batch(TEXTS, add_special_tokens=False)
    ]


def test_what_cannot_be_extended_is_refused_with_a_reason(folder: Path, tmp_path: Path) -> None:
    small = load_tokenizer(str(folder / "small"))
    check_extendable(replace(small, ignore_merges=True))  # every token comes from merges: nothing to ignore
    vocabulary = small.vocabulary
    whole = Vocabulary([*vocabulary.tokens, b"never merged"], vocabulary.byte_ids, vocabulary.special_ids)
    check_extendable(replace(small, published=whole))  # a token that encoding never gives
    with pytest.raises(NotExtendable, match=r"1 tokens are taken as whole words.*'never merged'"):
        check_extendable(replace(small, published=whole, ignore_merges=True))
    longest = max(len(token) for token in small.text_tokens.values())
    check_extendable(small, longest + 1)
    with pytest.raises(MaxTokenLengthTooSmall, match=f"ask for {longest + 1} or more"):
        check_extendable(small, longest)
    gap = Vocabulary([*vocabulary.tokens, b""], vocabulary.byte_ids, vocabulary.special_ids)
    with pytest.raises(InexpressibleTokenizer, match="id 320 has no token"):
        extended(folder / "corpus", tmp_path / "o", replace(small, published=gap), 400)
    assert not (tmp_path / "o/manifest.json").exists()


@pytest.mark.parametrize("source", [".", "tokenizer.json"])
def test_more_special_tokens_take_the_next_ids_and_libraries_find_them(
    folder: Path, tmp_path: Path, source: str
) -> None:
    small = load_tokenizer(str(folder / "small" / source))
    larger = with_special_tokens(small, ["<tool>", "<pad>"])
    made = extended(folder / "corpus", tmp_path / "o", larger, 400, pad_token="<pad>", bos_token="<s>")
    assert made.facts["vocabulary"] == 400
    ours = load_tokenizer(str(tmp_path / "o"))
    assert ours.tokens[:320] == small.tokens and ours.tokens[320:322] == [b"<tool>", b"<pad>"]
    assert ours.special_tokens == ("<s>", "</s>", "<tool>", "<pad>")
    straight = trained(folder / "corpus", tmp_path / "straight", 398, special_tokens=["<s>", "</s>"])
    assert straight.facts["merges"] == made.facts["merges"]  # the same merges, on ids two higher
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "o/tokenizer.json"))
    assert encode(ours) == [one.ids for one in peer.encode_batch(TEXTS, add_special_tokens=False)]
    assert peer.encode("a<tool><pad>").ids[-2:] == [320, 321]
    theirs = AutoTokenizer.from_pretrained(str(tmp_path / "o"))
    assert (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token) == (321, 0, None)
    arguments = json.loads((tmp_path / "o/tiktoken.json").read_text())
    lines = (tmp_path / "o/ranks.tiktoken").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    encoding = tiktoken.Encoding("o", mergeable_ranks=ranks, **arguments)
    assert encode(ours) == encoding.encode_ordinary_batch(TEXTS)
    assert encoding.encode("<tool><pad>", allowed_special="all") == [320, 321]
