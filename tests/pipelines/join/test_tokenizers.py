"""`join` of two tokenizers: every token that was added is reached, every one that was left out is not."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tokenizers import Tokenizer as HuggingFace

from operators.training.union import union
from pipelines.context import Context
from pipelines.join.settings import Join
from pipelines.join.step import join
from pipelines.results import JoinedTokenizer
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.prune.test_step import TEXTS, ids_of

SECOND = ["theatre hat rather other cathode", "мат кот коврик хочет нехотя", "that mother gathers"] * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tokenizer directories, and a corpus."""
    folder = tmp_path_factory.mktemp("both")
    for name, texts, size in (("a", [*TEXTS["en"], *TEXTS["ru"]], 300), ("b", SECOND, 330)):
        (folder / name).mkdir()
        save_tokenizer(trained(texts, size), folder / name)
    rows = [{"text": text, "language": language} for language, texts in TEXTS.items() for text in [*texts, *SECOND]]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def joined(folder: Path, out: Path, **settings: Any) -> JoinedTokenizer:
    with Context(Execution(engine="local", workers=2, progress="off")) as context:
        result = join(Join(shards=[str(folder / "a"), str(folder / "b")], out=str(out), **settings), context)
    assert isinstance(result, JoinedTokenizer)
    return result


def test_added_tokens_are_reached_and_left_out_ones_cannot_be(folder: Path, tmp_path: Path) -> None:
    result = joined(folder, tmp_path / "out")
    first, second = (load_tokenizer(str(folder / name)) for name in "ab")
    made = load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    table = result.joined.collect()
    assert made.tokens[:300] == first.tokens
    assert sorted(table["token"]) == sorted(set(second.tokens) - set(first.tokens))
    for token, i, why in table.iter_rows():
        if why is None:
            assert made.tokens[i] == token
        text = token.decode("utf-8", "replace")
        if text.encode() == token:
            assert (ids_of(made, text) == [i]) == (why is None)
            assert library.encode(text).ids == ids_of(made, text)
    assert table["why"].null_count() == result.facts["added"] == len(made.tokens) - 300 > 5
    assert result.facts["unreachable"] == len(table) - result.facts["added"] > 0
    for text in [*SECOND, *TEXTS["en"], *TEXTS["ru"]]:
        assert library.encode(text).ids == ids_of(made, text)


def test_learning_on_stands_beside_it_at_the_same_size(folder: Path, tmp_path: Path) -> None:
    result = joined(folder, tmp_path / "out", to=310, corpus=[str(folder / "corpus.jsonl")])
    first, made = load_tokenizer(str(folder / "a")), load_tokenizer(str(tmp_path / "out"))
    assert len(made.tokens) == 310
    table = result.table("compared").collect()
    for language, before, after, learned in table.drop("name").iter_rows():
        texts = [*TEXTS[language], *SECOND]
        assert before == sum(len(ids_of(first, text)) for text in texts)
        assert after == sum(len(ids_of(made, text)) for text in texts)
        assert learned < before
    assert result.facts["tokens_learned"] == table["tokens_learned"].sum() <= result.facts["tokens_joined"]
    assert "is learned from it" in result.summary


def test_any_size_is_a_beginning_of_the_whole(folder: Path) -> None:
    first, second = (load_tokenizer(str(folder / name)) for name in "ab")
    whole = union(first, second)
    for size in (300, 301, 300 + len(whole.added) // 2):
        part = union(first, second, size)
        assert part.added == whole.added[: size - 300]
        assert pl.Series(part.tokenizer.tokens).to_list() == whole.tokenizer.tokens[:size]
        assert all(ids_of(part.tokenizer, t.decode()) == [300 + i] for i, t in enumerate(part.added) if t.isascii())


def test_what_cannot_be_joined_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="300 is not above the 300 tokens"):
        joined(folder, tmp_path / "out", to=300)
    with pytest.raises(BadSettings, match="is of token shards"):
        joined(folder, tmp_path / "out", size="1GB")
    with pytest.raises(BadSettings, match="takes two tokenizers, not 1"), Context() as context:
        join(Join(shards=[str(folder / "a")], out=str(tmp_path / "out")), context)
    with pytest.raises(BadSettings, match="every token that the second could add"), Context() as context:
        join(Join(shards=[str(folder / "a")] * 2, out=str(tmp_path / "out")), context)
