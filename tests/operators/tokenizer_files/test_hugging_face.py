"""tokenizer.json: what `tokenizers` wrote is read, it reads what we write, the rest is refused in one line."""

import copy
import json
import pickle
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, pre_tokenizers, trainers

from operators.byte_level import BYTE_TO_CHAR
from operators.encoding.encode import Encoder
from operators.errors import DataError
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.errors import InexpressibleTokenizer, MalformedTokenizer, UnsupportedTokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.tiktoken import from_tiktoken, to_tiktoken

PLAIN = Tokenizer("gpt4", ("<s>", "<pad>"), Merges.from_rows([]))
A, B, C = (int(PLAIN.byte_ids[byte]) for byte in b"abc")
SMALL = Tokenizer("gpt4", ("<s>", "<pad>"), Merges.from_rows([(A, B, 258, 5), (258, C, 259, 4), (C, C, 260, 4)]))
FILE: dict[str, Any] = json.loads(to_json(SMALL))


def changed(path: str, value: object) -> str:
    """FILE with one place changed, `path` its keys with dots between."""
    file = copy.deepcopy(FILE)
    place: Any = file
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in way:
        place = place[key]
    place[last] = value
    return json.dumps(file)


def same(one: Tokenizer, other: Tokenizer) -> bool:
    return to_json(one) == to_json(other) and one.tokens == other.tokens


def test_what_we_write_is_read_the_same() -> None:
    read = from_json(to_json(SMALL), "t.json")
    assert same(read, SMALL)
    assert (read.pretokenizer, read.special_tokens) == ("gpt4", ("<s>", "<pad>"))
    assert read.merges.token.tolist() == [258, 259, 260]
    assert read.merges.count.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("pretokenizer", [*PATTERNS, "none", r"\p{L}+"])
def test_hugging_face_reads_what_we_write(pretokenizer: str) -> None:
    tokenizer = Tokenizer(pretokenizer, SMALL.special_tokens, SMALL.merges)
    theirs = HuggingFace.from_str(to_json(tokenizer))
    vocabulary = theirs.get_vocab(with_added_tokens=True)
    assert sorted(vocabulary.values()) == list(range(261))
    assert vocabulary["<pad>"] == 1
    assert vocabulary["abc"] == 259
    assert theirs.decode(theirs.encode("abc, cc <s>ä").ids, skip_special_tokens=False) == "abc, cc <s>ä"
    again = from_json(theirs.to_str(), "t.json")  # as `tokenizers` writes it
    known = {"llama3": "gpt4"}  # the same regular expression
    assert known.get(pretokenizer, pretokenizer) == again.pretokenizer
    assert again.tokens == tokenizer.tokens


def test_a_published_file_keeps_its_ids(shared: Path) -> None:
    text = (shared / "tokenizers/gpt2.json").read_text()
    tokenizer, file = from_json(text, "gpt2.json"), json.loads(text)
    assert tokenizer.pretokenizer == "gpt2"
    assert tokenizer.vocabulary.special_ids == (50256,)
    assert tokenizer.tokens[50256] == b"<|endoftext|>"
    assert tokenizer.tokens[file["model"]["vocab"]["Ġthe"]] == b" the"
    assert len(tokenizer.merges) == 50000
    again = json.loads(to_json(tokenizer))
    assert again["model"]["vocab"] == file["model"]["vocab"]
    assert [" ".join(pair) for pair in again["model"]["merges"]] == file["model"]["merges"]


def test_ids_in_any_order_equal_hugging_faces() -> None:
    file = json.loads(to_json(Tokenizer("gpt2", (), Merges.from_rows([]))))
    names = [*FILE["model"]["vocab"]][2:]
    file["model"]["vocab"] = {name: (5 * i) % len(names) for i, name in enumerate(names)}  # 259 = 7 * 37
    file["model"]["merges"] = FILE["model"]["merges"]
    file["added_tokens"] = [FILE["added_tokens"][0] | {"id": len(names)}]  # behind the vocabulary, and not in it
    text = json.dumps(file)
    tokenizer = from_json(text, "t.json")
    for written in (text, to_json(tokenizer)):
        theirs = HuggingFace.from_str(written)
        assert all(theirs.token_to_id(BYTE_TO_CHAR[byte]) == tokenizer.byte_ids[byte] for byte in range(256))
        assert theirs.token_to_id("<s>") == tokenizer.vocabulary.special_ids[0] == len(names)
        assert [theirs.token_to_id(name) for name in ("ab", "abc", "cc")] == tokenizer.merges.token.tolist()


def test_a_special_token_that_spells_a_byte_or_a_merge() -> None:
    """Hugging Face's trainer gives both one id; so do we, and the file says so."""
    theirs = HuggingFace(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=262, special_tokens=["Ġ", "ab"], initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator(["ab abc abd"] * 3, trainer)
    tokenizer = from_json(theirs.to_str(), "t.json")
    assert (tokenizer.byte_ids[0x20], tokenizer.vocabulary.special_ids) == (0, (0, 1))
    assert (tokenizer.text_tokens[0], tokenizer.tokens[0]) == (b" ", "Ġ".encode())
    assert same(from_json(to_json(tokenizer), "t.json"), tokenizer)
    assert json.loads(to_json(tokenizer))["model"]["merges"] == json.loads(theirs.to_str())["model"]["merges"]
    trained = Tokenizer("gpt2", ("Ġ", "ab"), tokenizer.merges)
    assert json.loads(to_json(trained))["model"] == json.loads(to_json(tokenizer))["model"]


def test_old_merges_with_a_space_between() -> None:
    assert same(from_json(changed("model.merges", ["a b", "ab c", "c c"]), "t.json"), SMALL)


def test_a_pair_that_stands_twice_is_written_once_at_its_last_place() -> None:
    rows = [(A, B, 258, 3), (B, C, 259, 2), (A, B, 258, 1)]
    twice = Tokenizer("none", PLAIN.special_tokens, Merges.from_rows(rows))
    assert json.loads(to_json(twice))["model"]["merges"] == [["b", "c"], ["a", "b"]]


@pytest.mark.parametrize(
    "text, said",
    [
        (changed("model.type", "WordLevel"), "a model of type WordLevel"),
        (changed("model.dropout", 0.1), "dropout (0.1)"),
    ],
)  # fmt: skip
def test_what_is_not_read_exactly_is_refused(text: str, said: str) -> None:
    with pytest.raises(UnsupportedTokenizer) as error:
        from_json(text, "some/t.json")
    line = str(error.value)
    assert line.startswith("some/t.json: ")
    assert said in line
    assert "\n" not in line


def nested(depth: int) -> dict[str, Any]:
    section: dict[str, Any] = {"type": "NFC"}
    for _ in range(depth):
        section = {"type": "Sequence", "normalizers": [section]}
    return section


def without(name: str, **others: int) -> dict[str, int]:
    return {token: i for token, i in FILE["model"]["vocab"].items() if token != name} | others


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no tokenizer.json"),
        ("not JSON", "no tokenizer.json"),
        (to_json(SMALL)[:-500], "no tokenizer.json"),
        ("[1, 2]", "Expected `object`"),
        ('{"config": {}, "vocab": []}', "missing required field `model`"),
        ("[" * 100_000, "no tokenizer.json"),
        (changed("model.vocab", without("abc", dd=259)), "merge 1 needs 'abc'"),
        (changed("model.vocab", without("cc", dd=260)), "merge 2 needs 'cc'"),
        (changed("model.vocab", without("cc", cc=259)), "an id has two tokens"),
        (changed("model.vocab", without("cc", cc=-1)), "id -1 is out of range"),
        (changed("model.vocab", without("cc", cc=2**40)), f"id {2**40} is out of range"),
        (changed("model.merges", ["a b c"]), "merge 0 is 'a b c'"),
        (changed("model.merges", [["a", "b", "c"]]), "length 2"),
        (changed("model.merges", [["a", 1]]), "Expected `str`"),
        (changed("added_tokens.0.id", 3), "'<s>' has the id 3, where `tokenizers` gives it 0"),
        (changed("added_tokens.0.content", "<e>"), "'<e>' has the id 0, where `tokenizers` gives it 261"),
        (changed("added_tokens.0.id", "x"), "Expected `int`"),
        (changed("added_tokens.1.content", "<s>"), "'<s>' stands twice"),
        (changed("normalizer", {"type": "Upside"}), "no normalizer and pre-tokenizer"),
        (changed("pre_tokenizer.pretokenizers.0.pattern", {"Regex": "("}), "end pattern with unmatched parenthesis"),
        (changed("pre_tokenizer.pretokenizers.0.pattern", 5), "no normalizer and pre-tokenizer"),
        (changed("normalizer", nested(20)), None),
        (json.dumps(FILE | {"normalizer": nested(100)}), "recursion limit"),
        (changed("normalizer", "here").replace('"here"', '{"a":' * 600 + "1" + "}" * 600), "no normalizer"),
    ],
)  # fmt: skip
def test_a_file_that_contradicts_itself_is_refused(text: str, said: str | None) -> None:
    if said is None:
        from_json(text, "some/t.json")
        return
    with pytest.raises(MalformedTokenizer) as error:
        from_json(text, "some/t.json")
    line = str(error.value)
    assert line.startswith("some/t.json: ")
    assert said in line
    assert "\n" not in line


def test_an_id_without_a_token_cannot_be_written() -> None:
    """Special tokens have no place in a .tiktoken file, so their ids are open when it is read."""
    with pytest.raises(InexpressibleTokenizer, match="id 0 has no token"):
        to_json(from_tiktoken(to_tiktoken(SMALL), "t", "gpt4"))
    named = from_tiktoken(to_tiktoken(SMALL), "t", "gpt4", {"<s>": 0, "<pad>": 1})
    assert same(named, SMALL)


def test_errors_survive_a_process_border() -> None:
    for kind in (UnsupportedTokenizer, MalformedTokenizer, InexpressibleTokenizer):
        error: DataError = kind("a", "b")
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def plain_file(**sections: Any) -> dict[str, Any]:
    """A tokenizer.json of the 256 bytes and one merge."""
    vocab = {BYTE_TO_CHAR[byte]: byte for byte in range(256)} | {"ab": 256}
    pre_tokenizer = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": vocab, "merges": ["a b"]}
    return {"version": "1.0", "pre_tokenizer": pre_tokenizer, "added_tokens": [], "model": model} | sections


def many_added(contents: list[str], **flags: bool) -> list[dict[str, Any]]:
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return [usual | flags | {"id": 257 + i, "content": content} for i, content in enumerate(contents)]


@pytest.mark.parametrize("flags", [{}, {"normalized": True}])
@pytest.mark.parametrize("ignore_merges", [False, True])
def test_loading_takes_time_in_proportion_to_added_tokens(flags: dict[str, bool], ignore_merges: bool) -> None:
    contents = [f"<unused{i}>" for i in range(32_768)]
    file = plain_file(added_tokens=many_added(contents, **flags))
    file["model"] |= {"ignore_merges": ignore_merges, "vocab": file["model"]["vocab"] | {
        content: 257 + i for i, content in enumerate(contents)
    }}  # fmt: skip
    text, before = json.dumps(file), time.process_time()
    encoder = Encoder(from_json(text, "t.json"))
    assert time.process_time() - before < 12  # quadratic in them: 35 s on an idle machine
    texts = ["ab<unused7><unused32767> <unused32768>", "<unused77", "<unused1><unused11>ab"]
    peer = HuggingFace.from_str(text)
    assert encoder.method == "kernels"
    assert [encoder.encode(pa.array([one], pa.large_string()))[0].tolist() for one in texts] == [
        peer.encode(one, add_special_tokens=False).ids for one in texts
    ]


def test_added_tokens_with_long_shared_beginnings_take_little_memory() -> None:
    contents = [*("x" * 1000 + f"{i:07}" for i in range(2000)), *("y" * i for i in range(2, 1500))]
    text = json.dumps(plain_file(added_tokens=many_added(contents)))
    peer, tokenizer = HuggingFace.from_str(text), from_json(text, "t.json")
    tracemalloc.start()
    encoder = Encoder(tokenizer)
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()
    texts = ["x" * 1000 + "0001234ab", "x" * 1500 + "0000001", "y" * 3100, "x" * 1000 + "0009999y", "xyx"]
    assert [encoder.encode(pa.array([one], pa.large_string()))[0].tolist() for one in texts] == [
        peer.encode(one, add_special_tokens=False).ids for one in texts
    ]


STEP = {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [STEP] * 20_000}}, "20,001 steps around the model"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}] * 300}}, "steps around the model"),
        ({"decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}] * 300}}, "steps around the model"),
        ({"added_tokens": many_added([f"<{i}>" for i in range((1 << 18) + 1)])}, "262,145 added tokens"),
        ({"added_tokens": many_added(["x" * 1_100_000], single_word=True)}, "1,100,000 characters together"),
        ({"added_tokens": many_added(["x" * 3_000_000] * 2)}, "stands twice"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}}}, "its model has no list of merges"),
        ({"model": {"vocab": {"a": 0}, "merges": None}}, "its model has no list of merges"),
        ({"model": {"type": "WordLevel", "vocab": {"a": 0}}}, "a model of type WordLevel"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b" * 1_000_000]]}}, "not in the vocabulary"),
    ],
)
def test_what_takes_too_much_or_says_too_little_is_refused_in_a_short_line(sections: dict[str, Any], said: str) -> None:
    text = json.dumps(plain_file(**sections))
    before = time.process_time()
    with pytest.raises((UnsupportedTokenizer, MalformedTokenizer)) as error:
        from_json(text, "t.json")
    assert time.process_time() - before < 10
    assert said in str(error.value)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)
