"""Every kind of tokenizer.json: the ids are those that `tokenizers` gives, and what encodes is what is expected."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, normalizers, pre_tokenizers, trainers

from benchmarks.equality import random_texts
from operators.encoding.encode import Encoder
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import NotReplayable, require_replayable
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.hugging_face import from_json

Section = dict[str, Any]
TEXTS = [
    "", " ", "  ", "▁", " ▁ ▁", "a b  c   d", "Hello  world\n\n  next", "<s>a<s> <b> </s>", "x <b>  <b>y", "  <pad>  ",
    "<|ab|>", "12345 678,9 ٣٤٥ ½²", "don't WON'T", "ﬁ①Å e\u0301\u0323 각", "日本語 テキスト",
    "na\u00efve  cafe\u0301", "\U0010ffff\ue000\x00", "<mask> a <mask>b <mask>", "a_b<b>c", "<<b>b>", "<ab",
    "   leading", "trailing   ", "\t\t tabs\r\n", "<0x0A>\n<0xE4>",
]  # fmt: skip


def trained(byte_level: bool) -> Section:
    """A tokenizer.json that Hugging Face trained on random strings, special tokens first."""
    tokenizer = HuggingFace(models.BPE(unk_token=None if byte_level else "<unk>"))
    alphabet: list[str] = []
    if byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
        alphabet = ["▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=1500 if byte_level else 1200, special_tokens=["<unk>", "<s>", "<pad>"], initial_alphabet=alphabet,
        show_progress=False, limit_alphabet=400,
    )  # fmt: skip
    tokenizer.train_from_iterator([*random_texts(1500, seed=5), *TEXTS * 20], trainer)
    file: Section = json.loads(tokenizer.to_str())
    return file


BYTES, CHARACTERS = trained(True), trained(False)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
OWN = BYTE_LEVEL | {"use_regex": True}
DIGITS = {"type": "Digits", "individual_digits": True}


def split(pattern: Section, behavior: str = "Isolated", invert: bool = False) -> Section:
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*steps: Section) -> Section:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def normalized(*steps: Section) -> Section:
    return {"type": "Sequence", "normalizers": list(steps)}


def added(content: str, **flags: bool) -> Section:
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": -1, "content": content} | usual | flags


def metaspace(scheme: str = "always", each: bool = True) -> Section:
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": each}


def variant(base: Section, *more: Section, model: Section | None = None, **sections: Section | None) -> str:
    """A file with other sections, and with more added tokens, which take the next ids."""
    file: Section = base | sections
    file |= {"model": file["model"] | (model or {}), "added_tokens": [*file["added_tokens"]]}
    following = len(file["model"]["vocab"])
    for token in more:
        known = file["model"]["vocab"].get(token["content"])
        file["added_tokens"].append(token | {"id": following if known is None else known})
        following += known is None
    return json.dumps(file)


def ids(text: str, texts: list[str], special_ids: bool) -> tuple[list[list[int]], str]:
    encoder = Encoder(from_json(text, "t.json"), special_ids=special_ids)
    flat, offsets = encoder.encode(pa.array(texts, pa.large_string()))
    return [flat[a:b].tolist() for a, b in pairwise(offsets)], encoder.method


def expected(text: str, texts: list[str], special_ids: bool) -> list[list[int]]:
    peer = HuggingFace.from_str(text)
    peer.no_truncation()
    peer.no_padding()
    peer.encode_special_tokens = not special_ids
    return [one.ids for one in peer.encode_batch_fast(texts, add_special_tokens=False)]


NFC, NFKC, LOWER, STRIP = ({"type": name} for name in ("NFC", "NFKC", "Lowercase", "StripAccents"))
TRIM = {"type": "Strip", "strip_left": True, "strip_right": True}
PREPEND, MARK = {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
SPACES = [added(" " * n, normalized=True) for n in (8, 4, 3, 2)]
SPM = variant(CHARACTERS, normalizer=normalized(PREPEND, MARK), pre_tokenizer=None)


def replacing(regex: str) -> Section:
    return {"type": "Replace", "pattern": {"Regex": regex}, "content": "!"}


def with_bytes(base: str, numbers: range = range(256)) -> Section:
    file: Section = json.loads(base)
    vocab = file["model"]["vocab"]
    for byte in numbers:
        vocab.setdefault(f"<0x{byte:02X}>", len(vocab))
    file["model"] |= {"byte_fallback": True, "fuse_unk": True}
    return file


def with_tab(base: str) -> Section:
    """All bytes' tokens but that of the tab, which is itself a token, as in Gemma's files, and of 0xC0 and 0xFF."""
    file = with_bytes(base)
    vocab = file["model"]["vocab"]
    for name in ("<0xC0>", "<0xFF>"):
        vocab[f"unused {name}"] = vocab.pop(name)
    vocab["unused"] = vocab.pop("\t", len(vocab))
    vocab["\t"] = vocab.pop("<0x09>")
    return file


OVER_SPACES = {
    "merges": [["a", "▁"], ["b", "▁"], *CHARACTERS["model"]["merges"], ["a▁", "▁"]],
    "vocab": CHARACTERS["model"]["vocab"] | {"a▁": 1200, "b▁": 1201, "a▁▁": 1202},
}
KERNELS = {
    "ByteLevel": variant(BYTES),
    "a space before each text": variant(BYTES, pre_tokenizer=OWN | {"add_prefix_space": True}),
    "a space before each part": variant(BYTES, added("<b>"), pre_tokenizer=OWN | {"add_prefix_space": True}),
    "Split Removed inverted, which leaves no gap": variant(
        BYTES, pre_tokenizer=sequence(split({"Regex": PATTERNS["gpt4"]}, "Removed", True), BYTE_LEVEL)
    ),
    "null for flags": variant(BYTES, model=dict.fromkeys(("fuse_unk", "byte_fallback", "ignore_merges"))),
    "a tab for its byte, and no bytes that UTF-8 lacks": variant(with_tab(SPM)),
    "no split": variant(BYTES, pre_tokenizer=BYTE_LEVEL),
    "use_regex after a Split": variant(BYTES, pre_tokenizer=sequence(split({"Regex": r"\p{N}{1,3}"}), OWN)),
    "Split by what is a name here": variant(BYTES, pre_tokenizer=sequence(split({"Regex": "gpt4"}), BYTE_LEVEL)),
    "Split by letters": variant(BYTES, pre_tokenizer=sequence(split({"Regex": "ab"}), BYTE_LEVEL)),
    "Split by a string": variant(BYTES, pre_tokenizer=sequence(split({"String": " "}), BYTE_LEVEL)),
    **{
        f"Split {behavior}{' inverted' * invert}": variant(
            BYTES, pre_tokenizer=sequence(split({"Regex": r"\s+|\d"}, behavior, invert), BYTE_LEVEL)
        )
        for behavior in ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
        for invert in (False, True)
    },
    "Digits": variant(BYTES, pre_tokenizer=sequence(DIGITS, OWN)),
    "runs of digits": variant(BYTES, pre_tokenizer=sequence(DIGITS | {"individual_digits": False}, BYTE_LEVEL)),
    "Punctuation": variant(BYTES, pre_tokenizer=sequence({"type": "Punctuation", "behavior": "Contiguous"}, OWN)),
    "nested Sequences": variant(BYTES, pre_tokenizer=sequence(sequence(DIGITS), sequence(OWN))),
    "several splits": variant(
        BYTES, pre_tokenizer=sequence(split({"Regex": r"\p{N}{1,3}"}), split({"Regex": PATTERNS["gpt4"]}), BYTE_LEVEL)
    ),
    "NFC": variant(BYTES, normalizer=NFC),
    "NFKC in a Sequence": variant(BYTES, normalizer=normalized(NFKC)),
    "lower case without accents": variant(BYTES, normalizer=normalized({"type": "NFD"}, STRIP, LOWER)),
    "trimmed": variant(BYTES, added("<b>"), normalizer=TRIM),
    "an added token": variant(BYTES, added("<b>"), added("<|ab|>"), added("<|ab")),
    "added in a special one": variant(BYTES, added("s>"), added("<s>a", special=True), added("<")),
    "an added token of the vocabulary": variant(BYTES, added("a", normalized=True), added("b")),
    "normalized added tokens": variant(BYTES, added("ﬁ", normalized=True), added("①"), normalizer=NFKC),
    "normalized special tokens": variant(BYTES, added("<B>", normalized=True, special=True), normalizer=LOWER),
    "runs of spaces added": variant(BYTES, *SPACES, normalizer=NFC),
    "lstrip": variant(BYTES, added("<mask>", lstrip=True), added("<b>", rstrip=True)),
    "both strips, special": variant(BYTES, added("<mask>", lstrip=True, rstrip=True, special=True)),
    "ignore_merges": variant(BYTES, model={"ignore_merges": True, "merges": BYTES["model"]["merges"][::2]}),
    "merges as strings": variant(BYTES, model={"merges": [" ".join(pair) for pair in BYTES["model"]["merges"]]}),
    "a version before merges": variant(
        BYTES, model={"merges": ["#version: 0.2", *(" ".join(pair) for pair in BYTES["model"]["merges"])]}
    ),
    "empty prefix and suffix": variant(BYTES, model={"continuing_subword_prefix": "", "end_of_word_suffix": ""}),
    "holes": variant(BYTES, model={"vocab": BYTES["model"]["vocab"] | {"<|ab|>x": 7000, "▁a": 9000}}),
    "merges that nothing comes to": variant(
        BYTES,
        model={
            "vocab": BYTES["model"]["vocab"] | {"▁": 8000, "▁▁": 8001, "▁▁a": 8002, "a<s>": 8003},
            "merges": [["▁", "▁"], ["▁▁", "a"], ["a", "<s>"], *BYTES["model"]["merges"]],
        },
    ),
    "truncation and padding": variant(
        BYTES,
        truncation={"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        padding={
            "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
            "pad_token": "<pad>",
        },
    ),
    "SentencePiece": SPM,
    "without a prefix": variant(CHARACTERS, normalizer=MARK, pre_tokenizer=None),
    "NFKC before SentencePiece": variant(CHARACTERS, normalizer=normalized(NFKC, PREPEND, MARK), pre_tokenizer=None),
    "mark, then prefix": variant(CHARACTERS, normalizer=normalized(MARK, PREPEND), pre_tokenizer=None),
    "unknown ones fused": variant(json.loads(SPM), model={"fuse_unk": True}),
    "bytes for the unknown": variant(with_bytes(SPM)),
    "bytes, then added tokens": variant(with_bytes(SPM), added("<b>"), added("<s>a", normalized=True)),
    "a merge over a space": variant(json.loads(SPM), model=OVER_SPACES),
    **{
        f"Metaspace {scheme}, merges over spaces": variant(
            CHARACTERS, normalizer=None, pre_tokenizer=metaspace(scheme, each=False), model=OVER_SPACES
        )
        for scheme in ("always", "first", "never")
    },
    **{
        f"Metaspace {scheme}{' split' * each}": variant(
            CHARACTERS, added("<b>"), normalizer=None, pre_tokenizer=metaspace(scheme, each)
        )
        for scheme in ("always", "first", "never")
        for each in (True, False)
    },
    "stripping among marks that are cut": variant(
        CHARACTERS, added("<b>", lstrip=True, rstrip=True, normalized=True), normalizer=normalized(MARK)
    ),
    "Metaspace after NFC": variant(CHARACTERS, normalizer=NFC, pre_tokenizer=metaspace()),
    "Whitespace of characters": variant(CHARACTERS, normalizer=None, pre_tokenizer={"type": "Whitespace"}),
    "characters in splits": variant(
        CHARACTERS, normalizer=None, pre_tokenizer=sequence(split({"String": " "}), DIGITS)
    ),
}  # fmt: skip
LIBRARY = {
    "a space before each piece": variant(
        BYTES, pre_tokenizer=sequence(split({"Regex": r"\p{N}"}), OWN | {"add_prefix_space": True})
    ),
    "Split Removed": variant(BYTES, pre_tokenizer=sequence(split({"Regex": r"\s+"}, "Removed"), BYTE_LEVEL)),
    "UnicodeScripts": variant(BYTES, pre_tokenizer=sequence({"type": "UnicodeScripts"}, BYTE_LEVEL)),
    "Whitespace": variant(BYTES, pre_tokenizer=sequence({"type": "Whitespace"}, BYTE_LEVEL)),
    "bytes before digits": variant(BYTES, pre_tokenizer=sequence(OWN, DIGITS)),
    "single_word": variant(BYTES, added("b", single_word=True), added("<b>", single_word=True)),
    "a suffix": variant(CHARACTERS, model={"end_of_word_suffix": "a"}),
    "a prefix": variant(CHARACTERS, model={"continuing_subword_prefix": "▁", "merges": []}),
    "a byte is missing": variant(
        BYTES, model={"vocab": {name: i for name, i in BYTES["model"]["vocab"].items() if name != "z"},
        "merges": [pair for pair in BYTES["model"]["merges"] if "z" not in "".join(pair)]},
    ),
    "some bytes for the unknown": variant(with_bytes(SPM, range(100, 200))),
    "nothing for the unknown": variant(json.loads(SPM), model={"unk_token": None}),
    "another mark": variant(CHARACTERS, pre_tokenizer=metaspace() | {"replacement": "_"}),
    "Metaspace in a Sequence": variant(CHARACTERS, pre_tokenizer=sequence(DIGITS, metaspace())),
    "first, after trimming": variant(CHARACTERS, normalizer=TRIM, pre_tokenizer=metaspace("first")),
    "rstrip before added spaces": variant(BYTES, *SPACES, added("<b>", rstrip=True)),
    "stripping among marks": variant(
        CHARACTERS, added("<b>", lstrip=True, rstrip=True, normalized=True), normalizer=normalized(MARK),
        pre_tokenizer=None,
    ),
    "nothing replaced at the beginning": variant(CHARACTERS, normalizer=replacing("^")),
    "nothing replaced before a letter": variant(CHARACTERS, normalizer=replacing("(?=[a-c])")),
    "nothing replaced anywhere": variant(CHARACTERS, normalizer=replacing("x*")),
    "a word that is special": variant(BYTES, added("ab", special=True), model={"ignore_merges": True}),
    "bytes by a normalizer": variant(BYTES, normalizer={"type": "ByteLevel"}, pre_tokenizer=None),
}  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return TEXTS + list(random_texts(400, seed=1))


@pytest.mark.parametrize("special_ids", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [*KERNELS, *LIBRARY])
def test_ids_equal_those_of_tokenizers(name: str, special_ids: bool, texts: list[str]) -> None:
    text = (KERNELS | LIBRARY)[name]
    found, method = ids(text, texts, special_ids)
    wanted = expected(text, texts, special_ids)
    differing = [(one, a, b) for one, a, b in zip(texts, found, wanted, strict=True) if a != b]
    assert differing[:3] == []
    assert method.split(" ")[0].rstrip(";") == ("kernels" if name in KERNELS else "tokenizers")


@pytest.mark.parametrize("name", [*KERNELS, *LIBRARY])
def test_what_is_read_holds_together(name: str, texts: list[str]) -> None:
    """Words and merges give the same ids wherever the tokenizer says that they do; parts of a merge spell its token."""
    tokenizer = from_json((KERNELS | LIBRARY)[name], "t.json")
    merges, spelled, byte_ids = tokenizer.merges, tokenizer.text_tokens, set(tokenizer.byte_ids.tolist())
    if tokenizer.library is not None and not tokenizer.library.replayable:
        with pytest.raises(NotReplayable, match=r"^tokenizer some can encode, but .*: "):
            require_replayable(tokenizer, "some")
        return
    require_replayable(tokenizer, "some")
    ambiguous = tokenizer.vocabulary.characters is not None and byte_ids & set(merges.token.tolist())  # <0x0A>
    for left, right, token in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
        if not ambiguous:
            assert spelled[left] + spelled[right] == spelled[token]
    plain = replace(tokenizer, library=None, added=(), special_tokens=(), published=replace(
        tokenizer.vocabulary, special_ids=()
    ))  # fmt: skip
    if not tokenizer.added:
        ours = Encoder(plain).encode(pa.array(texts, pa.large_string()))[0].tolist()
        assert ours == [i for one in expected((KERNELS | LIBRARY)[name], texts, False) for i in one]


def test_a_token_that_normalization_empties_is_refused() -> None:
    """`tokenizers` panics on every text."""
    with pytest.raises(UnsupportedTokenizer, match="normalization empties"):
        from_json(variant(BYTES, added("  ", normalized=True), normalizer=TRIM), "t.json")


def test_a_normalizer_that_makes_texts_much_longer_is_refused() -> None:
    longer = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}
    with pytest.raises(MalformedTokenizer, match="10,000 times as long, 1,000 at most"):
        from_json(variant(BYTES, normalizer=normalized(longer, longer)), "t.json")
