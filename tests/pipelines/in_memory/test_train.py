"""Training on texts in memory: the merge list of the command, and of Hugging Face's trainer."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from tokenizers import Regex, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as HuggingFace

from benchmarks.equality import random_texts
from jobs import command
from operators.text.pretokenizers import PATTERNS
from operators.training.extension import NotExtendable
from pipelines.in_memory import train as module
from pipelines.in_memory.texts import NullText, Texts
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.in_memory.train import NoText, train
from pipelines.settings import BadSettings
from pipelines.words.weighting import UnknownLanguage

ROOT = Path(__file__).resolve().parents[3]
TEXTS = {name: list(random_texts(n, seed=n)) for name, n in (("en", 300), ("de", 200), ("el", 90))}
EVERY = [text for texts in TEXTS.values() for text in texts]


def by_command(tmp_path: Path, *options: str) -> Tokenizer:
    """Tokenizer that `babelmerge train` makes of the same texts."""
    rows = ({"language": name, "text": text} for name, texts in TEXTS.items() for text in texts)
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["train", str(tmp_path / "corpus.jsonl"), "--out", str(tmp_path / "tok"), "--engine", "local", *options]
    with pytest.raises(SystemExit) as end:
        command.main([*arguments, "--progress", "off"])
    assert end.value.code == 0
    return Tokenizer.load(tmp_path / "tok")


def by_hugging_face(
    size: int, special_tokens: list[str], pretokenizer: str = "o200k", **settings: Any
) -> list[tuple[str, str]]:
    theirs = HuggingFace(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERNS[pretokenizer]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special_tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **settings,
    )
    theirs.train_from_iterator(EVERY, trainer)
    return [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]]


def test_the_merges_equal_hugging_faces_and_the_commands(tmp_path: Path) -> None:
    ours = train(EVERY, vocab_size=900, special_tokens=["<s>"])
    files = ours.save(tmp_path / "ours").files
    written = json.loads((tmp_path / "ours" / "tokenizer.json").read_text())
    assert [tuple(pair) for pair in written["model"]["merges"]] == by_hugging_face(900, ["<s>"])
    theirs = by_command(tmp_path, "--vocab-size", "900", "--special-tokens", "<s>")
    assert ours.merges == theirs.merges
    for name in files:
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "tok" / name).read_bytes()


@pytest.mark.parametrize(
    ("model", "options", "flags"),
    [
        ("mingram", {"special_tokens": ["<s>"]}, ["--special-tokens", "<s>"]),
        (
            "unigram",
            {"whole_characters": True, "max_token_length": 9},
            ["--whole-characters", "--max-token-length", "9"],
        ),
    ],
)
def test_vocabularies_without_merges_are_those_of_the_command(
    model: Any, options: dict[str, Any], flags: list[str], tmp_path: Path
) -> None:
    ours = train(TEXTS, vocab_size=700, model=model, **options)
    ours.save(tmp_path / "ours")
    by_command(tmp_path, "--model", model, "--vocab-size", "700", *flags)
    theirs = (tmp_path / "tok" / "tokenizer.json").read_bytes()
    assert (tmp_path / "ours" / "tokenizer.json").read_bytes() == theirs
    assert json.loads(theirs)["model"]["type"] == "Unigram" and ours.vocab_size > 500


def test_the_recipe_of_few_characters_a_token_equals_hugging_faces_trainer(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/train-on-characters.md").read_text("utf-8")
    flags = re.findall(r"babelmerge train CORPUS\.\.\. (.*) --out DIR", page)
    ours = by_command(tmp_path, *flags[0].split())
    longest = max(map(len, ours.data.tokens))
    ours.save(tmp_path / "ours")
    written = json.loads((tmp_path / "ours" / "tokenizer.json").read_text())["model"]["merges"]
    expected = by_hugging_face(4096, [], "gpt2", max_token_length=4, min_frequency=10)
    assert [tuple(pair) for pair in written] == expected
    assert longest == 3 and len(expected) > 100


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"shares": {"en": 1, "el": 2.5}}, ["--shares", "en=1,el=2.5"]),
        ({"weights": {"de": 0.25}}, ["--weights", "de=0.25"]),
        ({"temperature": 3}, ["--temperature", "3"]),
        ({"min_pair_count": 40, "max_token_length": 5}, ["--min-pair-count", "40", "--max-token-length", "5"]),
        ({"pretokenizer": "none"}, ["--pretokenizer", "none"]),
        ({"pretokenizer": r"\p{L}+"}, ["--pretokenizer", r"\p{L}+"]),
    ],
    ids=str,
)
def test_options_mean_what_flags_mean(options: dict[str, Any], arguments: list[str], tmp_path: Path) -> None:
    theirs = by_command(tmp_path, "--vocab-size", "600", *arguments)
    assert train(TEXTS, vocab_size=600, **options).merges == theirs.merges
    assert train(EVERY, vocab_size=600).merges != theirs.merges


def documents() -> Iterator[str]:
    yield from EVERY


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "texts", [EVERY, documents, pa.array(EVERY), pl.Series(EVERY), pa.chunked_array([EVERY[:9], EVERY[9:]]), TEXTS]
)
def test_the_holder_and_the_threads_make_no_difference(
    texts: Any, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(EVERY, vocab_size=500, threads=1).merges
    batches: Any = vars(module)["text_batches"]

    def small(texts: Texts) -> Any:
        return batches(texts, 500)

    monkeypatch.setattr(module, "text_batches", small)
    given = texts() if callable(texts) else texts
    assert train(given, vocab_size=500, threads=threads).merges == expected


def test_extending_continues_the_merge_list(tmp_path: Path) -> None:
    first = train(TEXTS["en"], vocab_size=400, special_tokens=["<s>"])
    first.save(tmp_path / "first")
    theirs = by_command(tmp_path, "--vocab-size", "600", "--extend", str(tmp_path / "first"))
    ours = train(EVERY, vocab_size=600, extending=first)
    assert ours.merges == theirs.merges
    assert ours.merges.slice(0, len(first.merges)) == first.merges
    assert ours.special_tokens == {"<s>": 0}
    data = replace(first.data, merges=first.data.merges[:3], published=first.data.vocabulary, ignore_merges=True)
    with pytest.raises(NotExtendable):
        train(EVERY, vocab_size=700, extending=Tokenizer(data))


def test_fewer_tokens_where_no_pair_is_left() -> None:
    assert train(["ab"], vocab_size=1000).vocab_size == 257


@pytest.mark.parametrize("texts", [[], [""], {}, {"en": []}, {"en": [""], "de": []}, pa.nulls(0)])
def test_no_text_is_an_error(texts: Any) -> None:
    with pytest.raises(NoText, match="nothing to train on"):
        train(texts, vocab_size=300)


def test_an_error_in_a_text_ends_the_training() -> None:
    with pytest.raises(NullText, match="text 1 "):
        train({"en": ["a"], "de": ["b", None]}, vocab_size=300)
    with pytest.raises(UnknownLanguage, match="shares"):
        train(TEXTS, vocab_size=300, shares={"fr": 1})


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"vocab_size": 256}, "vocab_size"),
        ({"vocab_size": 257, "special_tokens": ["<s>"]}, "vocab_size"),
        ({"special_tokens": "<s>"}, "special_tokens"),
        ({"special_tokens": ["<s>", "<s>"]}, "special_tokens"),
        ({"special_tokens": [""]}, "special_tokens"),
        ({"shares": {"en": 1}, "temperature": 2}, "temperature"),
        ({"shares": {}}, "shares"),
        ({"weights": {"en": 0}}, "weights"),
        ({"temperature": 0.5}, "temperature"),
        ({"model": "wordpiece"}, "model: 'wordpiece' is none of bpe"),
        ({"model": "unigram", "min_pair_count": 2}, "min_pair_count: is of merges"),
        ({"model": "mingram", "max_token_length": 5000}, "max_token_length: is over 1,024"),
        ({"extending": train(["ab"], vocab_size=257), "pretokenizer": "gpt2"}, "pretokenizer"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, Any], setting: str) -> None:
    with pytest.raises(BadSettings, match=setting):
        train(TEXTS, **({"vocab_size": 300} | options))


def test_languages_can_only_be_weighed_where_they_are_named() -> None:
    with pytest.raises(BadSettings, match="needs a mapping"):
        train(EVERY, vocab_size=300, temperature=2)
