"""Every way to tokens against a slow one that anyone can check by eye; chance against its own laws."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from operators.encoding import segmentation as inference
from operators.encoding.segmentation import BadSegmentation, Segmentation, parse_segmentation
from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.tokenizer import Merges, Tokenizer, Vocabulary
from tests.operators.encoding.test_encode import random_text

NAMES = ["longest-prefix", "longest-suffix", "longest-token", "fewest-tokens"]


def grown(rows: Sequence[tuple[int, int]], letters: bytes = b"abc") -> Tokenizer:
    """A tokenizer of these merges, given as places among the letters and the tokens made so far."""
    plain = Tokenizer("none", (), Merges.from_rows([]))
    ids, spelled = [int(plain.byte_ids[letter]) for letter in letters], [bytes([letter]) for letter in letters]
    merges: list[tuple[int, int, int, int]] = []
    for a, b in rows:
        left, right = a % len(ids), b % len(ids)
        joined = spelled[left] + spelled[right]
        if joined not in spelled and len(joined) < 20:
            ids.append(256 + len(merges))
            spelled.append(joined)
            merges.append((ids[left], ids[right], ids[-1], 1))
    return Tokenizer("none", (), Merges.from_rows(merges))


def pieces_of(words: Sequence[bytes], documents: Sequence[int] | None = None) -> PreTokens:
    data = np.frombuffer(b"".join(words) + bytes(64), np.uint8)[: sum(map(len, words))]
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    counts = np.array([0, len(words)] if documents is None else [0, *np.cumsum(documents)], np.int64)
    return PreTokens(data, ends, counts, np.concatenate([[0], ends])[counts])


def encode(tokenizer: Tokenizer, words: Sequence[bytes], name: str, seed: int = 0, key: int = 0) -> list[list[int]]:
    """The ids of each word, which stands in a document of its own."""
    encoder = WordEncoder(tokenizer, parse_segmentation(name), seed)
    ids, offsets = encoder.encode(pieces_of(words, [1] * len(words)), np.full(len(words), key, np.uint64))
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


def by_prefix(word: bytes, known: dict[bytes, int]) -> list[int]:
    ids = []
    while word:
        length = max(n for n in range(1, len(word) + 1) if word[:n] in known)
        ids.append(known[word[:length]])
        word = word[length:]
    return ids


def by_suffix(word: bytes, known: dict[bytes, int]) -> list[int]:
    ids: list[int] = []
    while word:
        length = max(n for n in range(1, len(word) + 1) if word[-n:] in known)
        ids.insert(0, known[word[-length:]])
        word = word[:-length]
    return ids


def by_longest(word: bytes, known: dict[bytes, int]) -> list[int]:
    if not word:
        return []
    found = [(-n, i) for i in range(len(word)) for n in range(1, len(word) - i + 1) if word[i : i + n] in known]
    length, at = -min(found)[0], min(found)[1]
    middle = known[word[at : at + length]]
    return [*by_longest(word[:at], known), middle, *by_longest(word[at + length :], known)]


def by_count(word: bytes, known: dict[bytes, int]) -> list[int]:
    """The shortest way to take the word apart; among several the one with the longest tokens from the left on."""

    @cache
    def ways(at: int) -> list[list[bytes]]:
        if at == len(word):
            return [[]]
        tokens = [word[at:end] for end in range(at + 1, len(word) + 1) if word[at:end] in known]
        return [[token, *rest] for token in tokens for rest in ways(at + len(token))]

    best = min(ways(0), key=lambda way: (len(way), [-len(token) for token in way]))
    return [known[token] for token in best]


ORACLES: dict[str, Callable[[bytes, dict[bytes, int]], list[int]]] = dict(
    zip(NAMES, [by_prefix, by_suffix, by_longest, by_count], strict=True)
)

rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=25)
texts = st.lists(st.text("abc", min_size=1, max_size=13).map(str.encode), min_size=1, max_size=8)


@pytest.mark.slow
@given(rows, texts)
def test_every_way_equals_its_definition(picks: list[tuple[int, int]], words: list[bytes]) -> None:
    tokenizer = grown(picks)
    known = {text: i for i, text in tokenizer.text_tokens.items()}
    for name in NAMES:
        assert encode(tokenizer, words, name) == [ORACLES[name](word, known) for word in words], name


@pytest.fixture(scope="module")
def words(shared: Path) -> list[bytes]:
    """Words of 204 languages, and some that no language has."""
    rng = random.Random(2)
    with zstandard.open(shared / "corpora/flores200_dev.jsonl.zst", "rt", encoding="utf-8") as lines:
        some = [json.loads(line)["text"] for i, line in enumerate(lines) if i % 300 == 0]
    some += [random_text(rng) for _ in range(100)]
    pieces = Pretokenizer("gpt2").split(pa.array(some, pa.large_string()))
    data, ends = pieces.data.tobytes(), pieces.ends.tolist()
    return sorted({data[a:b] for a, b in pairwise([0, *ends])})


@pytest.fixture(scope="module")
def gpt2(shared: Path) -> Tokenizer:
    from operators.tokenizer_files.hugging_face import from_json

    return from_json((shared / "tokenizers/gpt2.json").read_text(), "gpt2.json")


@pytest.mark.parametrize("name", NAMES)
def test_words_of_204_languages_equal_the_definition(name: str, gpt2: Tokenizer, words: list[bytes]) -> None:
    known = {text: i for i, text in gpt2.text_tokens.items()}
    found = encode(gpt2, words, name)
    short = [(ids, word) for ids, word in zip(found, words, strict=True) if name != "fewest-tokens" or len(word) < 14]
    assert [ids for ids, _ in short] == [ORACLES[name](word, known) for _, word in short]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["merges", *NAMES, "dropout:0.3", "dropout:1", "stochastok:0.5", "stochastok:1"])
def test_every_word_decodes_to_itself(name: str, gpt2: Tokenizer, words: list[bytes]) -> None:
    found = encode(gpt2, words, name, seed=3)
    assert [b"".join(gpt2.tokens[i] for i in ids) for ids in found] == words


def test_fewest_are_never_more(gpt2: Tokenizer, words: list[bytes]) -> None:
    fewest = [len(ids) for ids in encode(gpt2, words, "fewest-tokens")]
    for name in ["merges", *NAMES[:3]]:
        assert all(few <= len(ids) for few, ids in zip(fewest, encode(gpt2, words, name), strict=True))


def test_characters_and_unknown_ones() -> None:
    """A character with an id is never spelled in bytes; one without is; one without either is unknown."""
    characters = np.full(0x110000, -1, np.int32)
    for i, character in enumerate("aéx"):
        characters[ord(character)] = 256 + i
    merges = Merges.from_rows([(256, 257, 259, 1), (257, 256, 260, 1), (259, 256, 261, 1)])
    spelled = [bytes([byte]) for byte in range(256)] + [text.encode() for text in ("a", "é", "x", "aé", "éa", "aéa")]
    byte_ids = np.arange(256, dtype=np.int32)
    word = "xaéaéñ".encode()
    tokenizer = Tokenizer("none", (), merges, Vocabulary(spelled, byte_ids, (), characters))
    # The word is x + aéa + é + the two bytes of ñ, or x + aé + aé + ...
    assert encode(tokenizer, [word], "longest-prefix") == [[258, 261, 257, 0xC3, 0xB1]]
    assert encode(tokenizer, [word], "longest-suffix") == [[258, 259, 259, 0xC3, 0xB1]]
    bytes_gone = Vocabulary(spelled, np.full(256, -1, np.int32), (), characters, unknown=0)
    tokenizer = Tokenizer("none", (), merges, bytes_gone)
    assert encode(tokenizer, [word + "ñb".encode()], "fewest-tokens") == [[258, 261, 257, 0]]


@pytest.mark.parametrize("name", ["dropout:0", "stochastok:0"])
def test_without_chance_it_is_the_merges(name: str, gpt2: Tokenizer, words: list[bytes]) -> None:
    assert encode(gpt2, words, name) == encode(gpt2, words, "merges")


def test_dropout_of_all_merges_leaves_bytes(gpt2: Tokenizer, words: list[bytes]) -> None:
    assert encode(gpt2, words, "dropout:1") == [[int(gpt2.byte_ids[byte]) for byte in word] for word in words]


def test_tiny_dropout_is_nearly_the_merges(gpt2: Tokenizer, words: list[bytes]) -> None:
    """With 2,000 words and more, a chance of 1e-9 leaves none changed: the heap merges as the merges do."""
    assert encode(gpt2, words, "dropout:1e-9") == encode(gpt2, words, "merges")


def outcomes(word: bytes, tokenizer: Tokenizer, dropped: float) -> dict[tuple[int, ...], float]:
    """The law of BPE-dropout: at each step every merge is left out with a chance, and the first of the others done."""
    ranks = {
        (int(a), int(b)): (rank, int(t))
        for rank, (a, b, t) in enumerate(
            zip(tokenizer.merges.left, tokenizer.merges.right, tokenizer.merges.token, strict=True)
        )
    }

    def law(symbols: tuple[int, ...]) -> dict[tuple[int, ...], float]:
        candidates = sorted((ranks[pair][0], i) for i, pair in enumerate(pairwise(symbols)) if pair in ranks)
        found: defaultdict[tuple[int, ...], float] = defaultdict(float, {symbols: dropped ** len(candidates)})
        for skipped, (_, i) in enumerate(candidates):
            merged = ranks[symbols[i], symbols[i + 1]][1]
            for result, chance in law((*symbols[:i], merged, *symbols[i + 2 :])).items():
                found[result] += chance * dropped**skipped * (1 - dropped)
        return found

    return law(tuple(int(tokenizer.byte_ids[byte]) for byte in word))


def test_dropout_has_the_law_of_its_definition() -> None:
    tokenizer = grown([(0, 1), (1, 2), (0, 0), (3, 2), (5, 3), (1, 5)])
    word = b"aabcaab"
    expected = outcomes(word, tokenizer, 0.4)
    many = 20_000
    encoder = WordEncoder(tokenizer, parse_segmentation("dropout:0.4"), seed=5)
    ids, offsets = encoder.encode(pieces_of([word] * many, [1] * many), np.arange(many, dtype=np.uint64))
    drawn = Counter(tuple(ids[a:b].tolist()) for a, b in pairwise(offsets))
    assert set(drawn) <= set(expected)
    for result, chance in expected.items():
        deviation = (many * chance * (1 - chance)) ** 0.5
        assert abs(drawn[result] - many * chance) < 5 * deviation + 1, result


def test_stochastok_has_the_law_of_its_definition() -> None:
    """ab c with half an attempt a token: one attempt in all, on one of two tokens, of which one has a single way."""
    tokenizer = grown([(0, 1), (3, 0), (0, 2), (0, 1)])
    (a, b, c), ab, aba = (int(tokenizer.byte_ids[letter]) for letter in b"abc"), 256, 257
    assert encode(tokenizer, [b"abac"], "merges") == [[aba, c]]
    many = 20_000
    encoder = WordEncoder(tokenizer, parse_segmentation("stochastok:0.75"), seed=6)
    ids, offsets = encoder.encode(pieces_of([b"abac"] * many, [1] * many), np.arange(many, dtype=np.uint64))
    drawn = Counter(tuple(ids[a:b].tolist()) for a, b in pairwise(offsets))
    # aba comes apart as ab + a alone (ba is no token). 1.5 attempts: the second meets three tokens after a success.
    once = 0.5 * (1 / 2) + 0.5 * ((1 / 2) * (2 / 3) + (1 / 2) * (1 / 2))
    expected = {(aba, c): 0.5 * (1 / 2) + 0.5 * (1 / 4), (ab, a, c): once, (a, b, a, c): 0.5 * (1 / 2) * (1 / 3)}
    assert set(drawn) == set(expected)
    for result, chance in expected.items():
        assert abs(drawn[result] - many * chance) < 5 * (many * chance * (1 - chance)) ** 0.5, result


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dropout:0.3", "stochastok:0.4"])
def test_draws_depend_on_seed_key_and_place_alone(name: str, gpt2: Tokenizer, words: list[bytes]) -> None:
    """Documents one by one, together, in another order: the same ids. Another seed or key: others."""
    documents = [words[i : i + 40] for i in range(0, 2000, 40)]
    keys = np.arange(100, 100 + len(documents), dtype=np.uint64)

    def encoded(order: list[int], seed: int, keys: np.ndarray = keys) -> dict[int, list[int]]:
        encoder = WordEncoder(gpt2, parse_segmentation(name), seed)
        pieces = pieces_of([word for i in order for word in documents[i]], [len(documents[i]) for i in order])
        ids, offsets = encoder.encode(pieces, keys[order])
        return {i: ids[a:b].tolist() for i, (a, b) in zip(order, pairwise(offsets), strict=True)}

    together = encoded(list(range(50)), 7)
    assert encoded(list(range(49, -1, -1)), 7) == together
    assert {i: encoded([i], 7)[i] for i in range(50)} == together
    for other in (encoded(list(range(50)), 8), encoded(list(range(50)), 7, keys + np.uint64(1))):
        assert sum(other[i] == together[i] for i in other) < 5
    with pytest.raises(ValueError, match="needs a key"):
        WordEncoder(gpt2, parse_segmentation(name)).encode(pieces_of(words[:3]))


def test_long_words_stay_whole() -> None:
    """A word of 300,000 letters comes back as it was, whatever the way."""
    tokenizer = grown([(0, 0), (3, 3), (4, 4), (0, 1), (1, 2)])
    rng = random.Random(8)
    long = ["a" * 300_001, "".join(rng.choices("abc", k=300_000))]
    for name in [*NAMES, "dropout:0.2", "stochastok:0.3"]:
        for word, ids in zip(long, encode(tokenizer, [text.encode() for text in long], name), strict=True):
            assert b"".join(tokenizer.tokens[i] for i in ids).decode() == word, name


def test_parsing() -> None:
    assert parse_segmentation("merges") == inference.MERGES == Segmentation("merges")
    for text in ["merges", *NAMES, "dropout:0.1", "stochastok:0.25", "dropout:1.0"]:
        assert str(parse_segmentation(text)) == text
    bad = ["", "greedy", "merges:0.1", "dropout", "dropout:", "dropout:x", "dropout:1.1", "dropout:-0.1", "dropout:nan"]
    for text in bad:
        with pytest.raises(BadSegmentation) as caught:
            parse_segmentation(text)
        assert repr(text) in str(caught.value)
        assert "\n" not in str(caught.value)
