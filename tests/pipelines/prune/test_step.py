"""The step `prune` on small corpora: the tokenizer that it writes, the ids, the tokens at every size, and refusals."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace

from operators.encoding.encode import Encoder
from operators.pruning.derivations import NotPrunable
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.prune.choices import UnreachableSize
from pipelines.prune.settings import Prune
from pipelines.prune.step import prune
from pipelines.results import Pruned
from pipelines.settings import BadSettings, Corpus, Execution
from pipelines.token_uses.protection import UnknownTokens
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from pipelines.words.weighting import UnknownLanguage
from tests.operators.curves.test_tokens_by_size import trained

TEXTS = {
    "en": ["the cat sat on the mat, the other cat did not", "there is nothing that the cat would rather do"],
    "ru": ["кот сидит на коврике, а другой кот не сидит", "ничего другого кот не хочет"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer directory of 330 tokens, and a corpus in two languages."""
    folder = tmp_path_factory.mktemp("source")
    save_tokenizer(trained([text for texts in TEXTS.values() for text in texts], 330), folder)
    for language, texts in TEXTS.items():
        rows = [json.dumps({"text": text, "language": language}) for text in texts]
        (folder / f"{language}.jsonl").write_text("\n".join(rows))
    return folder


def pruned(source: Path, out: Path, corpus: bool = True, **settings: Any) -> Pruned:
    texts: Corpus = [str(source / f"{language}.jsonl") for language in TEXTS] if corpus else []
    with Context(Execution(engine="local", workers=2, progress="off")) as context:
        return prune(Prune(tokenizer=str(source), corpus=texts, out=str(out), **settings), context)


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return [int(i) for i in Encoder(tokenizer).encode(pa.array([text], pa.large_string()))[0]]


def test_the_pruned_tokenizer_loads_everywhere_and_keeps_the_ids_of_what_it_kept(source: Path, tmp_path: Path) -> None:
    result = pruned(source, tmp_path / "out", to=300)
    old, new = load_tokenizer(str(source)), load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    ranks = load_tiktoken_bpe(str(tmp_path / "out/ranks.tiktoken"))
    peer = tiktoken.Encoding("pruned", pat_str=PATTERNS["gpt4"], mergeable_ranks=ranks, special_tokens={})
    ids = result.ids.collect()
    mapped = dict(ids.select("old_id", "new_id").iter_rows())
    assert library.get_vocab_size() == len(new.tokens) == peer.n_vocab == 300
    for text in [*TEXTS["en"], *TEXTS["ru"], "cat", "unseen Wörter ひ"]:
        found = ids_of(new, text)
        assert found == library.encode(text).ids == peer.encode(text)
        if all(mapped[i] is not None for i in ids_of(old, text)):
            assert found == [mapped[i] for i in ids_of(old, text)]
    assert (ids["made"] >= ids["count"]).all() and (ids["made"] > ids["count"]).any()
    for row in ids.filter(pl.col("new_id").is_null()).iter_rows(named=True):
        assert b"".join(new.tokens[piece] for piece in row["pieces"]) == row["token"] == old.tokens[row["old_id"]]
    assert ids.filter(pl.col("new_id").is_not_null())["pieces"].null_count() == 300


def test_fragmentation_is_what_each_size_encodes_to(source: Path, tmp_path: Path) -> None:
    table = pruned(source, tmp_path / "300", to=300).fragmentation.collect()
    for size in (257, 280, 300, 329):
        smaller = load_tokenizer(str(pruned(source, tmp_path / str(size), to=size).directory))
        for language, texts in TEXTS.items():
            rows = table.filter((pl.col("language") == language) & (pl.col("vocabulary") >= size))
            expected = sum(len(ids_of(smaller, text)) for text in texts)
            assert rows.sort("vocabulary")["tokens"][0] == expected, (size, language)


def test_the_last_tokens_leave_as_if_training_had_ended_before(source: Path, tmp_path: Path) -> None:
    whole = load_tokenizer(str(source))
    for corpus in (True, False):
        out = tmp_path / f"out{corpus}"
        pruned(source, out, corpus, to=310, last=True)
        cut = load_tokenizer(str(out))
        assert cut.tokens == whole.truncated(310).tokens
        assert cut.merges.token.tolist() == whole.truncated(310).merges.token.tolist()


def test_ids_may_stay(source: Path, tmp_path: Path) -> None:
    result = pruned(source, tmp_path / "out", to=300, keep_ids=True)
    old, new = load_tokenizer(str(source)), load_tokenizer(str(tmp_path / "out"))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    kept = result.ids.filter(pl.col("new_id").is_not_null()).collect()
    assert kept["new_id"].to_list() == kept["old_id"].to_list()
    assert library.get_vocab_size() == 300
    for text in TEXTS["ru"]:
        assert ids_of(new, text) == library.encode(text).ids
        assert all(new.tokens[i] == old.tokens[i] for i in ids_of(new, text))


def test_scripts_and_languages_choose_what_leaves(source: Path, tmp_path: Path) -> None:
    latin = load_tokenizer(str(pruned(source, tmp_path / "latin", corpus=False, scripts=["Latn"]).directory))
    assert not any("а" <= letter <= "я" for text in latin.tokens for letter in text.decode("utf-8", "ignore"))
    whole = load_tokenizer(str(source))
    english = load_tokenizer(str(pruned(source, tmp_path / "english", languages=["en"]).directory))
    assert len(english.tokens) < len(whole.tokens)
    for text in TEXTS["en"]:
        assert [english.tokens[i] for i in ids_of(english, text)] == [whole.tokens[i] for i in ids_of(whole, text)]


def test_residues_leave_first_with_all_that_is_made_of_them(source: Path, tmp_path: Path) -> None:
    result = pruned(source, tmp_path / "out", residue=0.4, entropy=1.0)
    ids, old = result.ids.collect(), load_tokenizer(str(source))
    residues = set(ids.filter(pl.col("residue"))["old_id"])
    low = (pl.col("count") / pl.col("made") <= 0.4) & (pl.max_horizontal("left_entropy", "right_entropy") <= 1.0)
    low |= (pl.col("count") == 0) & (pl.col("made") > 0)
    assert residues == set(ids.filter(low & (pl.col("token").bin.size() > 1))["old_id"])
    assert len(residues) == result.facts["residues"] > 2
    rows = [*zip(*(ids.tolist() for ids in (old.merges.left, old.merges.right, old.merges.token)), strict=True)]
    for _ in rows:
        residues |= {token for left, right, token in rows if residues & {left, right}}
    assert set(ids.filter(pl.col("new_id").is_null())["old_id"]) == residues
    fewer = pruned(source, tmp_path / "to", residue=0.4, entropy=1.0, to=325).ids.collect()
    assert set(fewer.filter(pl.col("new_id").is_null())["old_id"]) < residues


def test_protected_tokens_stay_with_all_that_they_are_made_of(source: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.json").write_text(json.dumps([" кот"]))
    result = pruned(source, tmp_path / "out", scripts=["Latn"], protect=str(tmp_path / "keep.json"))
    assert ids_of(load_tokenizer(str(result.directory)), " кот")[1:] == []
    least = 330 - result.facts["removable"]
    assert least > 256
    with pytest.raises(UnreachableSize, match=f"{least - 1} tokens are fewer than the {least} that stay"):
        pruned(source, tmp_path / "few", to=least - 1, protect=str(tmp_path / "keep.json"))
    assert (
        pruned(source, tmp_path / "least", to=least, protect=str(tmp_path / "keep.json")).facts["vocabulary"] == least
    )


def test_a_second_run_keeps_the_result(source: Path, tmp_path: Path) -> None:
    assert not pruned(source, tmp_path / "out", to=300).kept
    assert pruned(source, tmp_path / "out", to=300).kept
    assert not pruned(source, tmp_path / "out", to=301).kept


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({}, BadSettings, "to: is missing"),
        ({"to": 330}, UnreachableSize, "330 is not below the 330 tokens"),
        ({"scripts": ["Latin"]}, BadSettings, "'Latin' is no script code"),
        ({"languages": ["fr"]}, UnknownLanguage, "no text in the language 'fr'"),
        ({"to": 300, "languages": ["en"], "last": True}, BadSettings, "leave it or --languages out"),
        ({"to": 300, "languages": ["en"], "corpus": False}, BadSettings, "languages: needs a corpus"),
        ({"residue": 0.1, "corpus": False}, BadSettings, "residue: needs a corpus"),
        ({"to": 300, "protect": "nowhere.txt"}, BadSettings, "nowhere.txt: No such file"),
    ],
)
def test_bad_settings_are_refused(
    source: Path, tmp_path: Path, settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        pruned(source, tmp_path / "out", **settings)


def test_unknown_tokens_are_named(source: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("the\nzebra\n")
    with pytest.raises(UnknownTokens, match="1 of these tokens are not in the tokenizer, such as"):
        pruned(source, tmp_path / "out", to=300, protect=str(tmp_path / "keep.txt"))


def test_a_vocabulary_of_characters_is_refused(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(NotPrunable), Context(Execution(engine="local", progress="off")) as context:
        tokenizer = str(shared / "tokenizers/llama.json")
        prune(Prune(tokenizer=tokenizer, to=1000, out=str(tmp_path / "out")), context)
