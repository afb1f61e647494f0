"""Ranks and merges say the same: tiktoken encodes with what we write, and what is read back is what was written."""

import base64
import json
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, pre_tokenizers, trainers

from operators.encoding.encode import Encoder
from operators.text.preprocessing import Preprocessing, byte_level_step, split_step
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import AddedToken, Merges, Tokenizer
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.tiktoken import from_tiktoken, read_arguments, tiktoken_arguments, to_tiktoken

BYTES = b"".join(base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256))


def line(token: bytes, rank: int) -> bytes:
    return base64.b64encode(token) + b" %d\n" % rank


def parsed(data: bytes) -> dict[bytes, int]:
    return {base64.b64decode(fields[0]): int(fields[1]) for fields in map(bytes.split, data.splitlines())}


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return [ids[offsets[i] : offsets[i + 1]].tolist() for i in range(len(texts))]


def tiktokens(data: bytes, texts: list[str]) -> list[list[int]]:
    """tiktoken's ids, each text one word."""
    encoding = tiktoken.Encoding("t", pat_str=r"(?s:.+)", mergeable_ranks=parsed(data), special_tokens={})
    return [encoding.encode_ordinary(text) for text in texts]


def trained(texts: list[str], size: int = 400, special: tuple[str, ...] = ("<s>",)) -> Tokenizer:
    theirs = HuggingFace(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    return from_json(theirs.to_str(), "t")


texts_of_runs = st.lists(st.text("abcd ", max_size=60), min_size=1, max_size=25)


@pytest.mark.slow
@given(texts_of_runs, texts_of_runs)
def test_tiktoken_encodes_as_the_merges_do(corpus: list[str], texts: list[str]) -> None:
    tokenizer = trained(corpus)
    try:
        data = to_tiktoken(tokenizer)
    except InexpressibleTokenizer:
        return  # merges that stand twice may do that; the next test counts how many
    assert encode(tokenizer, texts) == tiktokens(data, texts)
    read = from_tiktoken(data, "t", "none", {"<s>": 0})
    assert encode(read, texts) == encode(tokenizer, texts)
    assert read.tokens == tokenizer.tokens
    assert to_tiktoken(read) == data


def test_nearly_every_trained_tokenizer_can_be_written() -> None:
    rng = random.Random(1)
    outcomes = Counter[bool]()
    for _ in range(150):
        corpus = ["".join(rng.choices("abcd"[: rng.randint(1, 4)], k=rng.randint(1, 40))) for _ in range(20)]
        try:
            outcomes[bool(to_tiktoken(trained(corpus)))] += 1
        except InexpressibleTokenizer:
            outcomes[False] += 1
    assert outcomes[True] > 0.8 * outcomes.total(), outcomes


@given(st.lists(st.text("abc", min_size=2, max_size=7), max_size=25, unique=True), texts_of_runs)
def test_any_ranks_encode_as_in_tiktoken(tokens: list[str], texts: list[str]) -> None:
    """Tokens in any order, many of which no merges lead to: they only stand as whole words."""
    data = BYTES + b"".join(line(token.encode(), 256 + i) for i, token in enumerate(tokens))
    tokenizer = from_tiktoken(data, "t", "none")
    assert encode(tokenizer, texts + tokens) == tiktokens(data, texts + tokens)
    assert len(tokenizer.merges) <= len(tokens)
    assert tokenizer.ignore_merges == (len(tokenizer.merges) < len(tokens))
    assert sorted(to_tiktoken(tokenizer).splitlines()) == sorted(data.splitlines())


def test_the_last_pair_of_a_token() -> None:
    """abc is (ab, c) because ab comes first, though bc is a token too."""
    data = BYTES + line(b"ab", 256) + line(b"bc", 257) + line(b"abc", 258)
    merges = from_tiktoken(data, "t", "none").merges
    assert merges.left.tolist() == [97, 98, 256]
    assert merges.right.tolist() == [98, 99, 99]
    assert merges.token.tolist() == [256, 257, 258]


def test_a_token_that_no_merges_lead_to() -> None:
    tokenizer = from_tiktoken(BYTES + line(b"abc", 256), "t", "none")
    assert (len(tokenizer.merges), tokenizer.ignore_merges) == (0, True)
    assert encode(tokenizer, ["abc", "abca"]) == [[256], [97, 98, 99, 97]]


def test_merges_out_of_order_cannot_be_written() -> None:
    a, b, c = (int(Tokenizer("none", (), Merges.from_rows([])).byte_ids[byte]) for byte in b"abc")
    rows = [(a, b, 256, 3), (b, c, 257, 2), (a, b, 256, 1)]  # by ids ab comes first, by this list bc does
    with pytest.raises(InexpressibleTokenizer, match="not in the order of its tokens' ids"):
        to_tiktoken(Tokenizer("none", (), Merges.from_rows(rows)))


NORMALIZED = Preprocessing({"type": "NFKC"}, {"type": "Sequence", "pretokenizers": [byte_level_step()]})
STEPS = [split_step("a"), split_step("b"), byte_level_step()]
SPLIT_TWICE = Preprocessing(None, {"type": "Sequence", "pretokenizers": STEPS})
WITH_ADDED = {"special_tokens": ("<s>", "<b>"), "added": (AddedToken("<s>", 0), AddedToken("<b>", 400, special=False))}


@pytest.mark.parametrize(
    "change",
    [{"pretokenizer": NORMALIZED.to_string()}, {"pretokenizer": SPLIT_TWICE.to_string()}, WITH_ADDED],
    ids=["normalizer", "several splits", "added tokens"],
)
def test_what_one_regular_expression_cannot_say_cannot_be_written(change: dict[str, Any]) -> None:
    """tiktoken would encode with the file, and give other ids."""
    tokenizer = trained(["ab ab ab"], 300)
    assert to_tiktoken(tokenizer)
    with pytest.raises(InexpressibleTokenizer, match=r"regular expression|added tokens that are not special"):
        to_tiktoken(replace(tokenizer, **change))


def test_a_merge_that_never_joins_anything_is_no_obstacle() -> None:
    a, b, c = (int(Tokenizer("none", (), Merges.from_rows([])).byte_ids[byte]) for byte in b"abc")
    rows = [(a, b, 256, 3), (b, c, 257, 2), (256, c, 258, 1), (a, 257, 258, 1)]  # a, bc: never side by side
    tokenizer = Tokenizer("none", (), Merges.from_rows(rows))
    texts = ["abc", "bca", "aabcbc"]
    assert encode(tokenizer, texts) == tiktokens(to_tiktoken(tokenizer), texts)


def test_special_tokens_are_left_out_and_keep_their_ids_free() -> None:
    tokenizer = trained(["ab ab ab"], 300, ("<s>", "</s>"))
    ranks = parsed(to_tiktoken(tokenizer))
    assert min(ranks.values()) == 2
    assert b"<s>" not in ranks
    assert from_tiktoken(to_tiktoken(tokenizer), "t", "none").tokens[:2] == [b"", b""]


def test_tiktoken_loads_the_file_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # it would keep a copy, and read that the next time
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(to_tiktoken(trained(["hello hello world"])))
    assert load_tiktoken_bpe(str(path)) == parsed(path.read_bytes())


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "holds no tokens"),
        (b"\n\n", "holds no tokens"),
        (BYTES[:-3], "line 256"),  # cut off inside the last line
        (BYTES + b"YWI", "line 257"),
        (BYTES + b"YWI= 256 x\n", "line 257"),
        (BYTES + b"YW 256\n", "line 257"),
        (BYTES + b"Y!I= 256\n", "line 257"),
        (BYTES + b"YWI= two\n", "line 257"),
        (BYTES + b"YWI= -1\n", "line 257"),
        (BYTES + b"YWI= 99999999999\n", "line 257"),
        (BYTES + b"YWI= 7\n", "line 257 repeats"),
        (BYTES + b"YWI= 256\nYWI= 257\n", "line 258 repeats"),
        (b"\x00\xff\xfe PAR1", "line 1"),
        (b'{"model": {}}', "line 1"),
    ],
)
def test_hostile_files_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(MalformedTokenizer) as error:
        from_tiktoken(data, "some/t.tiktoken", "none")
    assert str(error.value).startswith("some/t.tiktoken: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_byte_and_a_taken_id_are_refused() -> None:
    with pytest.raises(UnsupportedTokenizer, match="without the byte 0xFF"):
        from_tiktoken(b"".join(BYTES.splitlines(keepends=True)[:-1]), "t", "none")
    with pytest.raises(MalformedTokenizer, match="special tokens need ids that are free"):
        from_tiktoken(BYTES, "t", "none", {"<s>": 255})


@pytest.mark.parametrize("pretokenizer", [*PATTERNS, "none", r"\d+|[a-c]+", r"(?i:x|é+)"])
def test_tiktoken_cuts_by_the_pattern_that_is_written_beside_the_ranks(pretokenizer: str) -> None:
    """Ranks of single bytes and of whole pre-tokens: a pre-token is one id, so ids show where tiktoken cuts."""
    texts = ["abc def 123, XYZ xyz\n\n it's d1d2", "  ", "é 日本 9", "\n", "a"]
    cuts = [tokens_of(pretokenizer, text) for text in texts]
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += sorted({cut for own in cuts for cut in own if len(cut) > 1})
    ranks = {token: i for i, token in enumerate(tokens)}
    written = tiktoken_arguments(Tokenizer(pretokenizer, ("<s>",), Merges.from_rows([])))
    name, special = read_arguments(written, "tiktoken.json")
    assert (PATTERNS.get(name, name), special) == (PATTERNS.get(pretokenizer, pretokenizer), {"<s>": 0})
    arguments = json.loads(written)
    encoding = tiktoken.Encoding("x", pat_str=arguments["pat_str"], mergeable_ranks=ranks, special_tokens={})
    for text, own in zip(texts, cuts, strict=True):
        assert [tokens[i] for i in encoding.encode_ordinary(text)] == own


def tokens_of(pretokenizer: str, text: str) -> list[bytes]:
    pieces = Pretokenizer(pretokenizer).split(pa.array([text], pa.large_string()))
    ends = [0, *np.asarray(pieces.ends).tolist()]
    return [bytes(np.asarray(pieces.data[start:end])) for start, end in pairwise(ends)]
