"""The step `add`: every library finds the tokens, other text keeps its ids, and what would change it is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.encode import Encoder
from operators.training.required import CutToken
from pipelines.add.changes import count_changes
from pipelines.add.settings import Add
from pipelines.add.step import InnerPieces, add
from pipelines.context import Context
from pipelines.corpus.sources import Source, find_files
from pipelines.results import Added
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.prune.test_step import TEXTS, ids_of

CORPUS = ["the cat drank", "nothing", "a drunk cat", "rank and file", "кот"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer directory of 330 tokens, and a corpus."""
    folder = tmp_path_factory.mktemp("source")
    save_tokenizer(trained([text for texts in TEXTS.values() for text in texts], 330), folder)
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in CORPUS))
    return folder


def added(source: Path, out: Path, tokens: list[str], **settings: Any) -> Added:
    with Context(Execution(engine="local", workers=2, progress="off")) as context:
        return add(Add(tokenizer=str(source), tokens=tokens, out=str(out), **settings), context)


def test_merges_make_the_tokens_and_leave_other_text_alone(source: Path, tmp_path: Path) -> None:
    tokens = [" drank", "rank", " cat", "ra"]
    corpus = [str(source / "corpus.jsonl")]
    result = added(source, tmp_path / "out", tokens, as_merges=True, corpus=corpus, allow_inner=True)
    old, new = load_tokenizer(str(source)), load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    ranks = load_tiktoken_bpe(str(tmp_path / "out/ranks.tiktoken"))
    arguments = json.loads((tmp_path / "out/tiktoken.json").read_text())
    peer = tiktoken.Encoding("added", mergeable_ranks=ranks, **arguments)
    rows = {row["token"].decode(): row for row in result.added.collect().iter_rows(named=True)}
    for token in tokens:
        assert ids_of(new, token) == [rows[token]["id"]] == library.encode(token).ids == peer.encode_ordinary(token)
        assert new.tokens[rows[token]["id"]] == token.encode()
    assert rows[" cat"]["known"]
    assert {name for name, row in rows.items() if row["inner"]} == set(rows) - set(tokens)
    changed = 0
    for text in [*CORPUS, *TEXTS["en"], *TEXTS["ru"]]:
        assert ids_of(new, text) == library.encode(text).ids == peer.encode_ordinary(text)
        if not set(ids_of(new, text)) & {row["id"] for row in rows.values() if not row["known"]}:
            assert ids_of(new, text) == ids_of(old, text)
        changed += text in CORPUS and ids_of(new, text) != ids_of(old, text)
    assert (result.facts["documents"], result.facts["documents_changed"]) == (len(CORPUS), changed)
    assert result.facts["added"] == 3
    assert result.facts["present"] == 1


def test_inner_pieces_are_refused_where_they_change_other_text(source: Path, tmp_path: Path) -> None:
    corpus = [str(source / "corpus.jsonl")]
    with pytest.raises(InnerPieces, match="a --corpus would tell how much"):
        added(source, tmp_path / "a", [" drunk"], as_merges=True)
    with pytest.raises(InnerPieces, match="in 1 of 5 documents"):
        added(source, tmp_path / "b", [" drunk"], as_merges=True, corpus=corpus)
    (tmp_path / "other.jsonl").write_text('{"text": "a drunk cat"}')
    fine = added(source, tmp_path / "c", [" drunk"], as_merges=True, corpus=[str(tmp_path / "other.jsonl")])
    assert fine.facts["documents_changed"] == 1
    assert fine.facts["documents_changed_elsewhere"] == 0


def test_added_tokens_are_taken_whole(source: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("New York\n\nthe\n")
    result = added(source, tmp_path / "out", ["[DOC]"], file=str(tmp_path / "more.txt"))
    new = load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    for text in ["the[DOC]New York", "x New Yorkx", *TEXTS["en"]]:
        assert ids_of(new, text) == library.encode(text).ids
    assert ids_of(new, "the[DOC]New York")[1:] == [330, 331]
    assert (result.facts["added"], result.facts["present"]) == (2, 1)
    special = added(source, tmp_path / "special", ["<s>"], special=True)
    assert load_tokenizer(str(special.directory)).special_tokens == ("<s>",)
    marked = Encoder(load_tokenizer(str(special.directory)), special_ids=True)
    assert marked.encode(pa.array(["<s>"], pa.large_string()))[0].tolist() == [330]


@pytest.mark.parametrize(
    ("tokens", "settings", "error", "says"),
    [
        ([], {}, BadSettings, "tokens: are missing"),
        (["a", "a"], {}, BadSettings, "'a' is given twice"),
        (["New York"], {"as_merges": True}, CutToken, "cuts it into words"),
        (["<s>"], {"as_merges": True, "special": True}, BadSettings, "never made by merges"),
        (["the"], {"special": True}, BadSettings, "'the' is a token of text already"),
        (["x"], {"file": "nowhere.txt"}, BadSettings, "file: nowhere.txt: No such file"),
    ],
)
def test_bad_settings_are_refused(
    source: Path, tmp_path: Path, tokens: list[str], settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        added(source, tmp_path / "out", tokens, **settings)


def test_changes_elsewhere_are_those_that_old_pieces_do_not_undo(source: Path, tmp_path: Path) -> None:
    before = load_tokenizer(str(source))
    with Context(Execution(engine="local", workers=1, progress="off")) as context:
        files = find_files([Source(path=str(source / "corpus.jsonl"))])
        same = count_changes(files, before, before, {}, context)
        assert (same.documents, same.changed, same.elsewhere) == (5, 0, 0)
        smaller = before.truncated(300)
        expected = sum(ids_of(before, text) != ids_of(smaller, text) for text in CORPUS)
        assert count_changes(files, before, smaller, {}, context).elsewhere == expected > 0
