"""Jobs with Unigram and WordPiece tokenizers: token ids and counts are those of `tokenizers`."""

import json
from pathlib import Path

import polars as pl
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from tests.conftest import Command

TEXTS = {"en": ["a cat sat", "the cat"], "el": ["η γάτα", "a γάτα sat"], "de": ["a cat sat " * 5 + "猫", "the cat"]}
QUIET = ("--engine", "local", "--progress", "off")


def saved(kind: str, path: Path) -> Tokenizer:
    if kind == "unigram":
        pieces = [("<unk>", 0.0), *((letter, -4.0) for letter in "▁catshegáτγη"), ("▁cat", -2.5), ("at", -3.0)]
        made = Tokenizer(models.Unigram(pieces, 0))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    else:
        names = ["[UNK]", *"aehst", "cat", "##at", "c", "the", "η", "γ", "##ά", "##τα"]
        made = Tokenizer(models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.normalizer = normalizers.NFC()
    made.save(str(path))
    return made


@pytest.mark.parametrize("kind", ["unigram", "wordpiece"])
def test_retokenize_and_premiums_count_as_tokenizers_does(kind: str, babelmerge: Command, tmp_path: Path) -> None:
    peer = saved(kind, tmp_path / "model.json")
    (tmp_path / "texts").mkdir()
    for language, own in TEXTS.items():
        lines = [json.dumps({"id": i, "language": language, "text": text}) for i, text in enumerate(own)]
        (tmp_path / f"texts/{language}.jsonl").write_text("\n".join(lines))
    expected = {(one, str(i)): peer.encode(text).ids for one, own in TEXTS.items() for i, text in enumerate(own)}
    assert babelmerge("retokenize", "texts", "--tokenizer", "model.json", "--out", "ids", *QUIET)[0] == 0
    rows = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "ids").glob("*.parquet"))])
    assert {(one, i): ids for one, i, ids in rows.select("language", "id", "input_ids").iter_rows()} == expected
    status, out, err = babelmerge(
        "premiums", "texts", "--tokenizer", "model.json", "--baseline", "en", "--out", "premiums", *QUIET
    )
    assert status == 0, err
    table = pl.read_parquet(tmp_path / "premiums/premiums.parquet")
    counts = {one: sum(len(ids) for (of, _), ids in expected.items() if of == one) for one in TEXTS}
    assert dict(table.select("language", "tokens").iter_rows()) == counts
    assert out.count("(2 % of its characters are unknown)") == 1  # one of 58
