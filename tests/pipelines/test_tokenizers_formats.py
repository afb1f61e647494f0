"""A tokenizer loads whatever its file is called: the content tells the format, and ids are those of its own library."""

import base64
import hashlib
import inspect
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext import openai_public
from tokenizers import ByteLevelBPETokenizer
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.encode import Encoder
from operators.text.errors import BadPattern
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.detection import format_of
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer
from pipelines import tokenizers
from pipelines.tokenizers import KNOWN_DIGESTS, BadReference, MissingTokenizer, load_tokenizer

TOKENS = [bytes([byte]) for byte in range(256)] + [b"ab", b"abc", b" a", b"  ", b"12", b"123", b"the", b" the"]
RANKS = b"".join(base64.b64encode(token) + b" %d\n" % i for i, token in enumerate(TOKENS))
draw = random.Random(5)
TEXTS = [
    "",
    "the abc 123 1234567",
    "ab  ab\n\n the",
    *("".join(draw.choices("abthe 123\n'sé", k=30)) for _ in range(200)),
]
SHIPPED = next(  # tiktoken's cl100k_base, with its possessive quantifiers
    line.split('"""', 1)[1].rsplit('"""', 1)[0]
    for line in inspect.getsource(openai_public.cl100k_base).splitlines() if "pat_str" in line and '"""' in line
)  # fmt: skip


def encoded(tokenizer: Tokenizer) -> list[list[int]]:
    ids, offsets = Encoder(tokenizer).encode(pa.array(TEXTS, pa.large_string()))
    return [ids[a:b].tolist() for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def by_tiktoken(regex: str, ranks: bytes = RANKS) -> list[list[int]]:
    pairs = (line.split() for line in ranks.splitlines())
    known = {base64.b64decode(token): int(rank) for token, rank in pairs}
    peer = tiktoken.Encoding("t", pat_str=regex, mergeable_ranks=known, special_tokens={})
    return [peer.encode_ordinary(text) for text in TEXTS]


def sentencepiece_model() -> bytes:
    peer: Any = pytest.importorskip("sentencepiece")
    written = io.BytesIO()
    peer.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 5), model_writer=written, model_type="bpe", vocab_size=60, minloglevel=2,
        normalization_rule_name="identity",
    )  # fmt: skip
    return written.getvalue()


NAMES = [
    "x.json",
    "tokenizer.model.v3",
    "tokenizer.spm",
    "X.MODEL",
    "y.tiktoken",
    "z",
    "9b5ad71b2ce5302211f9c61530b329a4",
]


@pytest.mark.parametrize("name", NAMES)
def test_ranks_of_any_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(RANKS)
    assert encoded(load_tokenizer(f"{path},pretokenizer=gpt4")) == by_tiktoken(PATTERNS["gpt4"])
    with pytest.raises(BadReference, match="does not hold its pre-tokenizer"):
        load_tokenizer(str(path))


@pytest.mark.parametrize("name", NAMES)
def test_json_and_sentencepiece_of_any_name(name: str, tmp_path: Path, shared: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data := sentencepiece_model())
    peer = __import__("sentencepiece").SentencePieceProcessor(model_proto=data)
    assert encoded(load_tokenizer(str(path))) == peer.encode(TEXTS)
    path.write_text(gpt2 := (shared / "tokenizers/gpt2.json").read_text())
    theirs = HuggingFace.from_str(gpt2)
    assert encoded(load_tokenizer(str(path))) == [theirs.encode(text).ids for text in TEXTS]


def test_the_format_of_what_is_none() -> None:
    assert format_of(b"\x89PNG", "x") is None
    assert [format_of(b"\x89PNG", f"x{end}") for end in (".json", ".tiktoken", ".model")] == [
        "json", "tiktoken", "sentencepiece",
    ]  # fmt: skip
    assert format_of(b"= 0\n", "x") == format_of(b"IQ== 0", "x") == format_of(b"\nIQ== 0\r\n", "x") == "tiktoken"
    assert format_of(b' \n{"a": 1}', "x.model") == "json"


def test_a_file_of_no_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG")
    with pytest.raises(MalformedTokenizer, match=r"picture: it is no tokenizer\.json, tekken, \.tiktoken or"):
        load_tokenizer(str(tmp_path / "picture"))


def test_an_empty_token_takes_an_id(tmp_path: Path) -> None:
    """Whisper's files end with one."""
    path, ranks = tmp_path / "x.tiktoken", RANKS + b"= %d\n" % len(TOKENS)
    path.write_bytes(ranks)
    assert b"" in load_tiktoken_bpe(str(path))
    tokenizer = load_tokenizer(f"{path},pretokenizer=gpt2")
    assert len(tokenizer.tokens) == len(TOKENS) + 1
    assert tokenizer.tokens[-1] == b""
    assert encoded(tokenizer) == by_tiktoken(PATTERNS["gpt2"], ranks)


@pytest.mark.parametrize(("stem", "name"), [("r50k_base", "gpt2"), ("p50k_base", "gpt2"), ("cl100k_base", "gpt4")])
def test_known_stems_imply_their_pre_tokenizer(stem: str, name: str, tmp_path: Path) -> None:
    (tmp_path / f"{stem}.tiktoken").write_bytes(RANKS)
    assert load_tokenizer(str(tmp_path / f"{stem}.tiktoken")).pretokenizer == name


def test_known_contents_imply_their_pre_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for digest, stem in KNOWN_DIGESTS.items():
        assert digest in inspect.getsource(getattr(openai_public, stem))
    monkeypatch.setitem(tokenizers.KNOWN_DIGESTS, hashlib.sha256(RANKS).hexdigest(), "o200k_base")
    (tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(RANKS)
    assert load_tokenizer(str(tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790")).pretokenizer == "o200k"


@pytest.mark.parametrize("regex", [SHIPPED, r"\p{N}{1,2}+|\P{N}+", r" ?\w+$|\w+|\W", r"(?>\p{N}{1,2})|\P{N}+"])
def test_an_expression_given_for_ranks_is_read_as_tiktoken_reads_it(regex: str, tmp_path: Path) -> None:
    (tmp_path / "x.tiktoken").write_bytes(RANKS)
    assert encoded(load_tokenizer(f"{tmp_path / 'x.tiktoken'},pretokenizer={regex}")) == by_tiktoken(regex)


def test_an_expression_that_only_tiktoken_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tiktoken").write_bytes(RANKS)
    with pytest.raises(BadPattern, match="only tiktoken's engine knows"):
        load_tokenizer(f"{tmp_path / 'x.tiktoken'},pretokenizer=[a-z--b]+|.")


def test_a_tekken_expression_is_read_as_tiktoken_reads_it(tmp_path: Path) -> None:
    regex = r"\p{N}{1,2}+|\P{N}+$|\P{N}"
    vocab = [{"rank": i, "token_bytes": base64.b64encode(token).decode()} for i, token in enumerate(TOKENS)]
    config = {"pattern": regex, "default_vocab_size": len(TOKENS) + 1, "default_num_special_tokens": 1, "version": "v3"}
    (tmp_path / "tekken.json").write_text(json.dumps({"config": config, "vocab": vocab}))
    expected = [[i + 1 for i in ids] for ids in by_tiktoken(regex)]
    assert encoded(load_tokenizer(str(tmp_path))) == encoded(load_tokenizer(str(tmp_path / "tekken.json"))) == expected


def test_a_folder_with_only_a_model(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(data := sentencepiece_model())
    peer = __import__("sentencepiece").SentencePieceProcessor(model_proto=data)
    assert encoded(load_tokenizer(str(tmp_path))) == peer.encode(TEXTS)
    (tmp_path / "tokenizer.model").write_bytes(RANKS)
    assert encoded(load_tokenizer(f"{tmp_path},pretokenizer=gpt4")) == by_tiktoken(PATTERNS["gpt4"])


def test_vocab_json_with_merges_txt(tmp_path: Path) -> None:
    theirs = ByteLevelBPETokenizer()
    theirs.train_from_iterator(TEXTS * 3, vocab_size=300, show_progress=False)
    theirs.save_model(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merges.txt", "vocab.json"]
    peer = ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    expected = [peer.encode(text).ids for text in TEXTS]
    for reference in (tmp_path, tmp_path / "vocab.json", tmp_path / "merges.txt"):
        tokenizer = load_tokenizer(str(reference))
        assert (tokenizer.pretokenizer, tokenizer.library) == ("gpt2", None)
        assert encoded(tokenizer) == expected
    assert load_tokenizer(f"{tmp_path},pretokenizer=qwen").pretokenizer == "qwen"
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|end|>": len(tokenizer.tokens)}))
    assert load_tokenizer(str(tmp_path)).special_tokens == ("<|end|>",)
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b</w>\n")
    with pytest.raises(UnsupportedTokenizer, match="marks at the words' ends"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(MalformedTokenizer, match=r"no tokenizer\.json"):
        load_tokenizer(str(tmp_path))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingTokenizer, match=r"holds no tokenizer\.json"):
        load_tokenizer(str(tmp_path))
