"""tokenizer.json: what `tokenizers` wrote is read, it reads what we write, the rest is refused in one line."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, pre_tokenizers, trainers

from operators.byte_level import BYTE_TO_CHAR
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
        (changed("model.type", "Unigram"), "a model of type Unigram"),
        (json.dumps({"model": {"type": "WordPiece", "vocab": {}}}), "a model of type WordPiece"),
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
