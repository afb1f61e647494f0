"""Training on lists of ids: merges equal `tokenizers`' on characters, lists encode alike, and what is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer as HuggingFace
from tokenizers import models, trainers

import babelmerge as bm
from operators.errors import BabelmergeError
from pipelines.engines.local_engine import LocalEngine
from pipelines.in_memory.sequences import NotOfSequences, UnknownId
from pipelines.train import step
from tests.pipelines.steps import EngineContext

IDS = [0, 1, 2, 3, 65_535, 70_000, (1 << 20) - 1]


def written(lists: list[Any], folder: Path, kind: str = "jsonl") -> str:
    path = folder / f"codes.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps({"ids": own}) + "\n" for own in lists))
    elif kind == "parquet":
        pq.write_table(pa.table({"ids": pa.array(lists, pa.list_(pa.uint32()))}), path, row_group_size=7)
    else:
        table = pa.table({"music": pa.StructArray.from_arrays([pa.array(lists, pa.large_list(pa.int64()))], ["ids"])})
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=9)
    return str(path)


def as_text(ids: list[int]) -> str:
    return "".join(chr(0x10000 + one) for one in ids)


@pytest.mark.parametrize(("seed", "kind", "longest", "workers"), [
    (0, "jsonl", None, 1), (1, "parquet", 4, 2), (2, "arrow", None, 2), (3, "jsonl", 3, 1),
])  # fmt: skip
def test_merges_and_encoding_equal_tokenizers_on_characters(
    seed: int, kind: str, longest: int | None, workers: int, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    alphabet = draw.sample(IDS, draw.randint(2, 6))
    lists = [draw.choices(alphabet, k=draw.randint(0, 25)) for _ in range(60)]
    field = "music.ids" if kind == "arrow" else None
    asked = bm.Train(
        corpus=[bm.Source(path=written(lists, tmp_path, kind), text_field=field)],
        out=str(tmp_path / "out"), sequences=True, vocab_size=55, special_tokens=["<s>"], max_token_length=longest,
        partitions=3,
    )  # fmt: skip
    made = step.train(asked, EngineContext(LocalEngine(workers)))
    theirs = HuggingFace(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=55, special_tokens=["<s>"], show_progress=False, max_token_length=longest)
    theirs.train_from_iterator(map(as_text, lists), trainer)
    expected = json.loads(theirs.to_str())["model"]
    model = json.loads((tmp_path / "out/tokenizer.json").read_text())["model"]
    assert model["vocab"] == expected["vocab"] and model["merges"] == expected["merges"]
    assert made.facts["alphabet"] == len({one for own in lists for one in own})
    rows = made.table("alphabet").collect().rows()
    assert all(expected["vocab"][character] == token for _, token, character in rows)
    tokenizer = bm.Tokenizer.load(tmp_path / "out")
    tokens, offsets = bm.encode_sequences(tokenizer, lists)
    for i, own in enumerate(lists):
        assert tokens[offsets[i] : offsets[i + 1]].tolist() == theirs.encode(as_text(own)).ids
    assert bm.decode_sequences(tokenizer, tokens, offsets).to_pylist() == lists
    with pytest.raises(UnknownId, match="list 1 "):
        bm.encode_sequences(tokenizer, [[], [4]])


@pytest.mark.parametrize(("lists", "reason"), [
    ([[1], [1 << 20]], "ids holds 1048576; ids are from 0 to 1,048,575"),
    ([[1, -1]], "ids holds -1"),
    ([[[1]]], "ids holds list, not whole numbers alone"),
    ([[1, 2.0]], "ids holds float"),
    ([[True]], "ids holds bool"),
    ([None], "ids is null, not a list"),
    ([[], []], "no text in the corpus"),
    ([[7, 8]], "vocab_size: 2 leaves no room for a merge"),
])  # fmt: skip
def test_lists_that_are_no_ids_are_refused_in_a_line(lists: list[Any], reason: str, tmp_path: Path) -> None:
    asked = bm.Train(corpus=[written(lists, tmp_path)], out=str(tmp_path / "out"), sequences=True, vocab_size=2)
    with pytest.raises(BabelmergeError, match=reason) as error:
        step.train(asked, EngineContext(LocalEngine(1)))
    assert "\n" not in str(error.value)


def test_columns_and_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    nested = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"ids": [[[1]]], "big": [[1 << 20]]}), nested)
    (tmp_path / "a.txt").write_text("text")
    cases: list[tuple[Path, str | None, dict[str, Any], str]] = [
        (nested, None, {}, r"holds list<element: list<.*not lists of whole numbers"),
        (nested, "codes", {}, "is not there; there are: ids, big"),
        (nested, "big", {}, "big holds 1048576"),
        (tmp_path / "a.txt", None, {}, "holds no lists of ids"),
        (nested, None, {"pretokenizer": "gpt2"}, "pretokenizer: is of text"),
        (nested, None, {"sources_field": "@file"}, "sources_field: is of text"),
        (nested, None, {"min_sources": 2}, "min_sources: is of text"),
        (nested, None, {"source_priority": True}, "source_priority: is of text"),
        (nested, None, {"sequences": False, "alphabet": 4}, "alphabet: is of lists of ids"),
    ]
    for path, field, settings, reason in cases:
        how: dict[str, Any] = {"sequences": True, "out": str(tmp_path / "out")} | settings
        asked = bm.Train(corpus=[bm.Source(path=str(path), text_field=field)], **how)
        with pytest.raises(BabelmergeError, match=reason):
            step.train(asked, EngineContext(LocalEngine(1)))
    with pytest.raises(NotOfSequences):
        bm.encode_sequences(bm.train(["ab"], vocab_size=257), [[1]])


def test_bad_lists_are_skipped_and_an_alphabet_makes_all_its_ids_tokens(tmp_path: Path) -> None:
    path = written([[0, 1, 0, 1], [-5], [3, 1]], tmp_path)
    how: dict[str, Any] = {"corpus": [path], "out": str(tmp_path / "out"), "sequences": True, "vocab_size": 6}
    context = EngineContext(LocalEngine(1), on_bad_record="skip", max_bad_share=1.0)
    made = step.train(bm.Train(**how, alphabet=5), context)
    assert json.loads((tmp_path / "out/tokenizer.json").read_text())["model"]["vocab"] == {
        **{as_text([i]): i for i in range(5)}, as_text([0, 1]): 5,
    }  # fmt: skip
    bad = pq.read_table(tmp_path / "out/words/bad_records.parquet").to_pylist()
    assert [row["record"] for row in bad] == [2] and made.facts["alphabet"] == 5
    with pytest.raises(BabelmergeError, match="alphabet: is 3, and the id 3 occurs"):
        step.train(bm.Train(**how, alphabet=3), context)
    with pytest.raises(BabelmergeError, match=r"special_tokens: .* is the character of the id 3; use another"):
        step.train(bm.Train(**how, special_tokens=["<s>", as_text([4]), as_text([3])]), context)
