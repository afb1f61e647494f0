"""Figures of morphemes in a comparison, against tokens that `tokenizers` gives."""

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tokenizers

from babelmerge import Compare, CompareResult, run
from operators.errors import UsageError
from pipelines.compare.morphemes import FIGURES, SCORES
from pipelines.compare.rules import GateBroken, Rule
from pipelines.tokenizers import save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

TEXT = "die Häuser und der Häuser Größen übertrafen Übertreffendes"
TEXTS = {"de": TEXT, "zh": "und 天地"}
TABLE = pl.DataFrame(
    [
        ("Häuser", "Häus|er", "de", 7),
        ("Größen", "Größe|n", "de", 2),
        ("übertrafen", "über|traf|en", "de", 1),
        ("die", "die", "de", 90),
        ("é", "é", "fr", 1),
        ("unhappy", "un|happy", None, 4),
    ],
    ["word", "morphemes", "language", "count"],
    orient="row",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, size in (("tok", 258), ("large", 300)):
        (folder / name).mkdir()
        save_tokenizer(trained([TEXT] * 9, size), folder / name)
    rows = [json.dumps({"text": text, "language": name}) for name, text in TEXTS.items()] * 20
    (folder / "texts.jsonl").write_text("\n".join(rows), "utf-8")
    TABLE.write_csv(folder / "words.tsv", separator="\t")
    return folder


def compare(made: Path, out: Path, words: Path, tokenizer: str = "tok", **settings: Any) -> CompareResult:
    corpus: Any = [str(made / "texts.jsonl")]
    asked = Compare(corpus=corpus, tokenizer=[str(made / tokenizer)], out=str(out), morphemes=str(words), **settings)
    return run(asked, engine="local", workers=1, progress="off")


def borders_of(word: str, peer: tokenizers.Tokenizer) -> set[int]:
    """Return the places, by byte, of token borders inside a word in text, from byte-level tokens' own lengths."""
    tokens = peer.encode(f"x {word}").tokens
    return {end - 2 for end in accumulate(map(len, tokens)) if 2 < end < 2 + len(word.encode())}


def test_borders_equal_those_of_tokenizers_by_language_and_over_all_words(made: Path, tmp_path: Path) -> None:
    with pytest.raises(GateBroken, match="1 of 3 bounds are broken"):
        gate = {"morpheme_words": Rule(min=2)}
        compare(made, tmp_path / "out", made / "words.tsv", by="language", gate=gate)
    result = compare(made, tmp_path / "out", made / "words.tsv", by="language")
    assert result.kept
    table = result.compared.collect()
    peer = tokenizers.Tokenizer.from_file(str(made / "tok" / "tokenizer.json"))
    for group in ("all", "de", "fr"):
        gold = found = shared = 0
        rows = [*(TABLE if group == "all" else TABLE.filter(language=group)).iter_rows()]
        for word, morphemes, _, _ in rows:
            due = {*accumulate(len(part.encode()) for part in morphemes.split("|")[:-1])}
            cut = borders_of(word, peer)
            gold, found, shared = gold + len(due), found + len(cut), shared + len(due & cut)
        own = {row["figure"]: row for row in table.filter(group=group).iter_rows(named=True)}
        expected = [shared / below if below else None for below in (found, gold)]
        assert own["morpheme_words"]["value"] == len(rows)
        assert [own[name]["value"] for name in SCORES[:2]] == pytest.approx(expected)
        f1 = 2 * shared / (gold + found) if gold + found else None
        assert own["morpheme_border_f1"]["value"] == pytest.approx(f1)
        assert group == "fr" or 0 < shared < found
    assert {*FIGURES} <= {*table["figure"]}
    [reason] = table.filter(group="fr", figure="morphscore_v1")["reason"]
    assert reason == "no word of two morphemes and several tokens"
    words = result.table("morphemes").collect()
    row = words.row(0, named=True)
    assert row["tokens"] == r"H|\xc3|\xa4|u|s|er" and (row["token_borders"], row["shared_borders"]) == (5, 1)
    assert words["word"].to_list() == TABLE["word"].to_list()


def test_distinct_tokens_are_morphemes_and_words_by_language(made: Path, tmp_path: Path) -> None:
    words = {"de": ["häuser", "der", "Größen", "traf"], "fr": ["die"]}
    rows = [f"{word}\t{name}" for name, own in words.items() for word in own]
    (tmp_path / "dictionary.tsv").write_text("\n".join(["word\tlanguage", *rows]), "utf-8")
    dictionary = str(tmp_path / "dictionary.tsv")
    result = compare(made, tmp_path / "out", made / "words.tsv", "large", by="language", dictionary=dictionary)
    peer = tokenizers.Tokenizer.from_file(str(made / "large" / "tokenizer.json"))
    rows_of = result.compared.collect().rows_by_key(["group", "figure"], named=True, unique=True)
    for group, texts in {"de": [TEXT], "all": [*TEXTS.values()]}.items():
        own = TABLE if group == "all" else TABLE.filter(language=group)
        morphemes = {one for row in own["morphemes"] for one in row.split("|")}
        listed = {*words["de"], *(words["fr"] if group == "all" else ())}
        used = {i for text in texts for i in peer.encode(text).ids}
        decoded = [peer.decode([i]).removeprefix(" ") for i in used]
        for name, wanted in (("pure_tokens", morphemes), ("dictionary_tokens", listed)):
            number = sum(bool({one, one.lower()} & wanted) for one in decoded)
            assert number > 0 and rows_of[group, name]["value"] == pytest.approx(number / len(used))
    assert rows_of["zh", "dictionary_tokens"]["reason"] == "the table has no words of this language"
    with pytest.raises(UsageError, match=r"dictionary: .*texts.jsonl: is no \.tsv, \.csv or \.parquet file"):
        compare(made, tmp_path / "out", made / "words.tsv", dictionary=str(made / "texts.jsonl"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.csv", "word,morphemes\ncats,cat|s\ngeese,goose|s\n", r"w\.csv, line 3: 'goose\|s' does not spell 'geese'"),
        ("w.tsv", "word\tmorphemes\ncats\tcat||s\n", r"w\.tsv, line 2: 'cat\|\|s' does not spell 'cats'"),
        ("w.csv", "word,parts\ncats,cat|s\n", r"w\.csv: has no column morphemes; it takes"),
        ("w.csv", "word,morphemes\n", "has no words"),
        ("w.csv", "word,morphemes,count\ncats,cat|s,many\n", "line 2: the count of 'cats' is no number from 0"),
        ("w.csv", "word,morphemes,language\ncats,cat|s,all\n", "the language is named 'all'"),
        ("w.csv", "word,morphemes\n,\n", "line 2: lacks its word or its morphemes"),
        ("w.csv", None, r"w\.csv: No such file or directory; name a table"),
        ("w.parquet", "no table", r"w\.parquet: is no table"),
        ("w.txt", "cats", r"w\.txt: is no \.tsv, \.csv or \.parquet file"),
    ],
)
def test_a_wrong_table_is_one_clear_line(
    made: Path, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=message) as failure:
        compare(made, tmp_path / "out", tmp_path / name)
    assert "\n" not in str(failure.value) and not (tmp_path / "out").exists()


def test_a_column_of_lists_is_refused(made: Path, tmp_path: Path) -> None:
    nested = pl.DataFrame({"word": ["cats"], "morphemes": ["cat|s"], "count": [[3]]})
    nested.write_parquet(tmp_path / "nested.parquet")
    with pytest.raises(UsageError, match="the column count is neither text nor numbers"):
        compare(made, tmp_path / "out", tmp_path / "nested.parquet")
