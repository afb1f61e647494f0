"""Ids equal those of the libraries that publish the formats, and of a loop that anyone can check by eye."""

import json
import os
import random
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as HuggingFace

from operators.encoding import word_encoder
from operators.encoding.encode import Encoder
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.tiktoken import from_tiktoken

EDGES = [
    "", " ", "  ", "\n", "\r\n\t \u3000\u00a0", "\x00\x01\x7f", "a" * 15, "a" * 16, "ab" * 8, "\U0010ffff\ue000",
    "don't WON'T they'll I'D", "'s's", "<|endoftext|>", "<s> </s>", "e\u0301\u0323" * 9, "🇩🇪👩‍👩‍👧‍👦", "　漢字かな" * 7,
    "१२३ १२३४५६ 1234567 ½²", "नमस्ते दुनिया", "ﷺ" * 20, "=" * 300, " " * 500 + "x", "\n" * 40, "\ufeff\u200b\u2028\u0085",
]  # fmt: skip


def lists(encoded: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
    ids, offsets = encoded
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def ours(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return lists(Encoder(tokenizer).encode(pa.array(texts, pa.large_string())))


def theirs(serialized: str, texts: list[str]) -> list[list[int]]:
    tokenizer = HuggingFace.from_str(serialized)
    tokenizer.encode_special_tokens = True  # special tokens in text are text
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def oracle(tokenizer: Tokenizer, text: str) -> list[int]:
    """Merge the lowest rank first, leftmost first, one at a time."""
    pieces = Pretokenizer(tokenizer.pretokenizer).split(pa.array([text], pa.large_string()))
    columns = (tokenizer.merges.left, tokenizer.merges.right, tokenizer.merges.token)
    merges = {(a, b): (rank, t) for rank, (a, b, t) in enumerate(zip(*(c.tolist() for c in columns), strict=True))}
    ids: list[int] = []
    start = 0
    for end in pieces.ends.tolist():
        word = [int(tokenizer.byte_ids[byte]) for byte in pieces.data[start:end].tolist()]
        while True:
            found = [(merges[pair][0], i) for i, pair in enumerate(pairwise(word)) if pair in merges]
            if not found:
                break
            _, i = min(found)
            word[i : i + 2] = [merges[word[i], word[i + 1]][1]]
        ids += word
        start = end
    return ids


def random_text(rng: random.Random) -> str:
    """Runs, marks, digits, white space and edge code points, in a length that crosses the cache's limits."""
    alphabets = [
        "a",
        "ab",
        "ab ",
        "aA'sl 1\n\r",
        "e\u0301\u0323ñ",
        "漢字かな",
        "नमते\u094d",
        "\x00\x7f\u0085\u200d ",
        "😀👍🏽‍",
    ]
    runs = []
    for _ in range(rng.randint(0, 9)):
        if rng.random() < 0.2:
            code = rng.choice(
                [rng.randrange(0x20, 0x800), rng.randrange(0x800, 0xD800), rng.randrange(0xE000, 0x110000)]
            )
            runs.append(chr(code))
        else:
            runs.append("".join(rng.choices(rng.choice(alphabets), k=rng.choice([1, 2, 3, 8, 15, 16, 17, 40, 130]))))
    return "".join(runs)


@pytest.fixture(scope="module")
def flores(shared: Path) -> list[str]:
    """Every 41st document of FLORES dev: each of its languages, about 1 MB."""
    with zstandard.open(shared / "corpora/flores200_dev.jsonl.zst", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for i, line in enumerate(lines) if i % 41 == 0]


@pytest.fixture(scope="module")
def trained() -> str:
    """A tokenizer.json that Hugging Face trained, with special tokens first, from strings full of runs and ties."""
    rng = random.Random(7)
    tokenizer = HuggingFace(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = byte_level
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=["<s>", "</s>"], initial_alphabet=byte_level.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([random_text(rng) for _ in range(600)] + EDGES, trainer)
    return str(tokenizer.to_str())


def test_published_gpt2_on_204_languages(shared: Path, flores: list[str]) -> None:
    serialized = (shared / "tokenizers/gpt2.json").read_text()
    assert ours(from_json(serialized, "gpt2.json"), flores) == theirs(serialized, flores)


def test_trained_by_hugging_face_on_204_languages(trained: str, flores: list[str]) -> None:
    assert ours(from_json(trained, "t"), flores[::4]) == theirs(trained, flores[::4])


def test_trained_by_hugging_face_on_help_text(corpora: Path) -> None:
    texts: list[str] = []
    for path in sorted((corpora / "help").glob("*.jsonl.zst"))[::5]:
        with zstandard.open(path, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"][:20_000] for _, line in zip(range(15), lines, strict=False)]
    tokenizer = HuggingFace(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(PATTERNS["o200k"]), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    alphabet = byte_level.alphabet()
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=8192, initial_alphabet=alphabet, show_progress=False)
    )
    serialized = str(tokenizer.to_str())
    read = from_json(serialized, "t")
    assert read.pretokenizer == "o200k"
    assert ours(read, texts) == theirs(serialized, texts)


@pytest.mark.parametrize("pretokenizer", ["gpt2", "gpt4", "o200k", "none", r"\p{L}+|\s"])
def test_edges_and_random_strings_equal_hugging_face(trained: str, pretokenizer: str) -> None:
    tokenizer = from_json(trained, "t")
    tokenizer = Tokenizer(pretokenizer, tokenizer.special_tokens, tokenizer.merges, tokenizer.published)
    rng = random.Random(pretokenizer)
    texts = EDGES + [random_text(rng) for _ in range(1500)]
    assert ours(tokenizer, texts) == theirs(to_json(tokenizer), texts)


def test_every_code_point(trained: str) -> None:
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = ["".join(characters[i : i + 512]) for i in range(0, len(characters), 512)]
    tokenizer = Tokenizer("none", ("<s>", "</s>"), from_json(trained, "t").merges)
    assert ours(tokenizer, texts) == theirs(to_json(tokenizer), texts)


@pytest.mark.parametrize("name, pretokenizer", [("cl100k_base", "gpt4"), ("o200k_base", "o200k"), ("llama3", "llama3")])
def test_published_ranks_equal_tiktoken(name: str, pretokenizer: str, tiktoken_files: Path, flores: list[str]) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    data = (tiktoken_files / f"{name}.tiktoken").read_bytes()
    tokenizer = from_tiktoken(data, name, pretokenizer)
    rng = random.Random(name)
    texts = EDGES + [random_text(rng) for _ in range(1500)] + flores[::2]
    # Words of one token each: all those that only stand as whole words in llama3 among them.
    texts += [text for token in tokenizer.tokens[::20] if (text := token.decode(errors="ignore"))]
    encoding = tiktoken.Encoding(
        name, pat_str=PATTERNS[pretokenizer], mergeable_ranks={t: i for i, t in enumerate(tokenizer.tokens)},
        special_tokens={},
    )  # fmt: skip
    assert ours(tokenizer, texts) == encoding.encode_ordinary_batch(texts, num_threads=2)


merge_lists = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30)


@given(merge_lists, st.lists(st.text("abcd", max_size=130), max_size=6))
def test_any_merge_list_equals_the_oracle(picks: list[tuple[int, int]], texts: list[str]) -> None:
    """Merges in any order, a concatenation made in two ways, pairs of tokens that come later: any list at all."""
    plain = Tokenizer("none", (), Merges.from_rows([]))
    tokens = [plain.byte_ids[byte] for byte in b"abcd"]
    spelled = [bytes([byte]) for byte in b"abcd"]
    rows: dict[tuple[int, int], int] = {}
    for a, b in picks:
        left, right = a % len(tokens), b % len(tokens)
        joined = spelled[left] + spelled[right]
        if (tokens[left], tokens[right]) in rows or len(joined) > 40:
            continue
        if joined not in spelled:
            spelled.append(joined)
            tokens.append(256 + len(tokens) - 4)
        rows[tokens[left], tokens[right]] = tokens[spelled.index(joined)]
    vocabulary = Vocabulary(plain.tokens + spelled[4:], plain.byte_ids, ())
    shuffled = random.Random(len(rows)).sample(list(rows.items()), len(rows))
    for order in (list(rows.items()), shuffled):
        merges = Merges.from_rows([(int(a), int(b), int(t), 1) for (a, b), t in order])
        tokenizer = Tokenizer("none", (), merges, vocabulary)
        assert ours(tokenizer, texts) == [oracle(tokenizer, text) for text in texts]


def test_a_pair_that_stands_twice_has_its_last_rank() -> None:
    a, b, c = (int(Tokenizer("none", (), Merges.from_rows([])).byte_ids[byte]) for byte in b"abc")
    tokenizer = Tokenizer("none", (), Merges.from_rows([(a, b, 256, 3), (b, c, 257, 2), (a, b, 256, 1)]))
    assert ours(tokenizer, ["abc"]) == [[a, 257]] == theirs(to_json(tokenizer), ["abc"])


def test_a_whole_word_wins_over_merges_when_merges_are_ignored(trained: str) -> None:
    file = json.loads(trained)
    added = ["xqz", "Ġlongerthananyofthewordsthatthecacheslotscanholdwhole" + "q" * 300, "qx"]
    file["model"]["vocab"] |= {word: len(file["model"]["vocab"]) + i for i, word in enumerate(added)}
    file["model"]["ignore_merges"] = True
    serialized = json.dumps(file)
    texts = ["xqz xqz qx", "xqzq", added[1].replace("Ġ", " "), "xqz" + added[1].replace("Ġ", " "), *EDGES]
    tokenizer = from_json(serialized, "t")
    assert tokenizer.ignore_merges
    assert ours(tokenizer, texts) == theirs(serialized, texts) == theirs(to_json(tokenizer), texts)


def test_the_cache_changes_nothing(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of two words, and runs that fill up at once, give the ids of the large one; so does a second pass."""
    rng = random.Random(3)
    texts = pa.array([random_text(rng) for _ in range(800)] * 2, pa.large_string())
    tokenizer = from_json(trained, "t")
    encoder = Encoder(tokenizer)
    first = lists(encoder.encode(texts))
    assert lists(encoder.encode(texts)) == first
    monkeypatch.setattr(word_encoder, "CACHE_SETS", 1)
    monkeypatch.setattr(word_encoder, "CACHE_RUN_IDS", 20)
    monkeypatch.setattr(word_encoder, "CACHE_RUN_BYTES", 64)
    assert lists(Encoder(tokenizer).encode(texts)) == first


def test_slices_empty_batches_and_counts(trained: str) -> None:
    encoder = Encoder(from_json(trained, "t"))
    texts = ["one", "", "two words", "drei"]
    batch = pa.array(texts, pa.large_string())
    whole = lists(encoder.encode(batch))
    assert whole[1] == []
    assert lists(encoder.encode(batch[1:3])) == whole[1:3]
    assert lists(encoder.encode(batch[:0])) == []
    assert encoder.count(batch).tolist() == [len(ids) for ids in whole]
    ids, offsets = encoder.encode(batch)
    assert (ids.dtype, offsets.dtype) == (np.dtype(np.int32), np.dtype(np.int64))


def test_a_long_word_takes_time_in_proportion(trained: str) -> None:
    encoder = Encoder(Tokenizer("none", ("<s>", "</s>"), from_json(trained, "t").merges))
    rng = random.Random(5)
    word = "".join(rng.choices("abel漢", k=1_600_000))
    seconds = []
    for size in (100_000, 800_000, 1_600_000):
        text = pa.array([word[:size]], pa.large_string())
        began = time.perf_counter()
        encoder.encode(text)
        seconds.append((time.perf_counter() - began) / size)
    assert seconds[2] < 3 * seconds[1]


@pytest.fixture(scope="module")
def tiktoken_files() -> Path:
    """A folder with published .tiktoken files, named by BABELMERGE_TOKENIZERS."""
    named = os.environ.get("BABELMERGE_TOKENIZERS")
    if not named:
        pytest.skip("published ranks are not at hand: BABELMERGE_TOKENIZERS names no folder with cl100k_base.tiktoken")
    return Path(named)
