"""The step `adapt`: a tokenizer of the same size, of which every library reads the same, and the ids of all tokens."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer as HuggingFace

from operators.pruning.pruned import without_tokens
from operators.tokenizer import Tokenizer
from operators.training.extension import extend
from operators.training.in_memory import train_words
from operators.word_table import WordTable
from pipelines.adapt.settings import Adapt
from pipelines.adapt.step import adapt
from pipelines.context import Context
from pipelines.results import Adapted
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.prune.test_step import TEXTS, ids_of

OTHER = ["wer reitet so spät durch nacht und wind", "es ist der vater mit seinem kind"] * 3
PARALLEL = {"en": "the cat sat", "de": "der vater reitet"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer directory of 330 tokens, a corpus in another language, and parallel text."""
    folder = tmp_path_factory.mktemp("source")
    save_tokenizer(trained([text for texts in TEXTS.values() for text in texts], 330), folder)
    (folder / "de.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in OTHER))
    rows = [{"id": "1", "language": language, "text": text} for language, text in PARALLEL.items()]
    (folder / "parallel.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def adapted(source: Path, out: Path, **settings: Any) -> Adapted:
    with Context(Execution(engine="local", workers=2, progress="off")) as context:
        return adapt(Adapt(tokenizer=str(source), corpus=[str(source / "de.jsonl")], out=str(out), **settings), context)


def test_the_size_stays_and_every_token_is_found_again(source: Path, tmp_path: Path) -> None:
    result = adapted(source, tmp_path / "out", swap=40, parallel=[str(source / "parallel.jsonl")], baseline="en")
    old, new = load_tokenizer(str(source)), load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    assert library.get_vocab_size() == len(new.tokens) == len(old.tokens) == 330
    texts = [*OTHER, *TEXTS["en"], *TEXTS["ru"]]
    assert [ids_of(new, text) for text in texts] == [one.ids for one in library.encode_batch(texts)]
    assert sum(len(ids_of(new, text)) for text in OTHER) == result.facts["tokens_after"]
    assert sum(len(ids_of(old, text)) for text in OTHER) == result.facts["tokens_before"]
    assert result.facts["tokens_after"] < result.facts["tokens_before"]
    ids, more = result.ids.collect(), result.new_tokens.collect()
    for row in ids.iter_rows(named=True):
        assert row["token"] == old.tokens[row["old_id"]]
        if row["new_id"] is not None:
            assert new.tokens[row["new_id"]] == row["token"]
        else:
            assert b"".join(new.tokens[piece] for piece in row["pieces"]) == row["token"]
    for row in more.iter_rows(named=True):
        assert new.tokens[row["new_id"]] == row["token"] == b"".join(old.tokens[piece] for piece in row["pieces"])
    assert sorted([*ids["new_id"].drop_nulls(), *more["new_id"]]) == list(range(330))
    assert ids["new_id"].null_count() == len(more) == result.facts["learned"] == result.facts["removed"]
    assert "the highest premium was" in result.summary
    assert pl.read_parquet(tmp_path / "out/premiums/premiums.parquet")["tokenizer"].n_unique() == 2
    assert adapted(source, tmp_path / "out", swap=40, parallel=[str(source / "parallel.jsonl")], baseline="en").kept


def test_the_merges_are_those_of_pruning_and_then_training_on(source: Path, tmp_path: Path) -> None:
    result = adapted(source, tmp_path / "out", swap=40)
    old, new = load_tokenizer(str(source)), load_tokenizer(str(tmp_path / "out"))
    ids = result.ids.collect()
    leaves = ids.filter(pl.col("order") < 40).sort("order")["old_id"].to_numpy()
    smaller = without_tokens(old, leaves, keep_ids=False).tokenizer
    words, counts = _words(tmp_path / "out/words")
    expected, _ = extend(smaller, train_words(words, counts, 330, start=smaller))
    assert [new.tokens[i] for i in new.merges.token] == [expected.tokens[i] for i in expected.merges.token]


def _words(folder: Path) -> tuple[Any, Any]:
    table = WordTable()
    for path in sorted(folder.glob("*.parquet")):
        rows = pl.read_parquet(path).to_arrow()
        table.add_rows(rows.column("word").combine_chunks().cast("large_binary"), rows.column("count").to_numpy())
    words, counts, _ = table.sorted()
    return words, counts


def test_ids_may_stay(source: Path, tmp_path: Path) -> None:
    dense = load_tokenizer(str(adapted(source, tmp_path / "dense", swap=40).directory))
    result = adapted(source, tmp_path / "out", swap=40, keep_ids=True)
    new = load_tokenizer(str(tmp_path / "out"))
    stayed = result.ids.filter(pl.col("new_id").is_not_null()).collect()
    assert stayed["new_id"].to_list() == stayed["old_id"].to_list()
    assert sorted([*stayed["new_id"], *result.new_tokens.collect()["new_id"]]) == list(range(330))
    for text in [*OTHER, *TEXTS["ru"]]:
        assert [new.tokens[i] for i in ids_of(new, text)] == [dense.tokens[i] for i in ids_of(dense, text)]


def test_more_than_can_leave_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="only 74 tokens can leave, not 75"):
        adapted(source, tmp_path / "out", swap=75)
    (tmp_path / "keep.txt").write_text("cat")
    with pytest.raises(BadSettings, match="tokens can leave, not 74"):
        adapted(source, tmp_path / "out", swap=74, protect=str(tmp_path / "keep.txt"))


def test_what_left_and_was_learned_again_keeps_its_place(source: Path, tmp_path: Path) -> None:
    (source / "mixed.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in [*OTHER, *TEXTS["en"] * 4]))
    with Context(Execution(engine="local", workers=1, progress="off")) as context:
        settings = Adapt(tokenizer=str(source), corpus=[str(source / "mixed.jsonl")], out=str(tmp_path), swap=74)
        result = adapt(settings, context)
    assert result.facts["relearned"] > 0
    assert result.facts["removed"] + result.facts["relearned"] == 74
    new = load_tokenizer(str(tmp_path))
    assert isinstance(new, Tokenizer)
    assert len({*np.array(new.tokens, object)}) == 330
