"""Tables of `inspect` that need no corpus: tokens, facts on them, and integers."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from operators.encoding.encode import Encoder
from operators.metrics.token_traits import duplicates, trait
from operators.metrics.vocabulary import token_kinds
from operators.tokenizer import Tokenizer

INTEGERS: Final = 10_000
EXAMPLES: Final = 8
"""Tokens that a row of facts shows."""

CONTENTS: Final = "contents"
FAULTS: Final = "faults"


def token_table(tokenizer: Tokenizer) -> pl.DataFrame:
    """Return a row a token: token (id), bytes, text (null: no whole characters), script, trait, characters,
    part_of_utf8, undecodable, unreachable, special, same_but_case, same_but_space (ids of the first such token).
    """
    kinds = token_kinds(tokenizer)
    special = kinds.special.tolist()
    texts = [
        None if number < 0 or mark else token.decode()
        for token, number, mark in zip(kinds.texts, kinds.characters.tolist(), special, strict=True)
    ]
    table = pl.DataFrame(
        {
            "token": np.arange(len(texts), dtype=np.int32),
            "bytes": kinds.texts,
            "text": texts,
            "script": kinds.script,
            "trait": [None if text is None else trait(text) for text in texts],
            "characters": [None if number < 0 else number for number in kinds.characters.tolist()],
            "part_of_utf8": kinds.part,
            "undecodable": kinds.undecodable,
            "unreachable": kinds.unreachable,
            "special": kinds.special,
            "same_but_case": pl.Series(duplicates(texts, "case"), dtype=pl.Int64),
            "same_but_space": pl.Series(duplicates(texts, "space"), dtype=pl.Int64),
        },
        schema_overrides={"text": pl.String, "trait": pl.String, "characters": pl.Int32},
    )
    return table.filter(pl.col("bytes").bin.size() > 0)


def fact_table(tokens: pl.DataFrame, more: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Return a row a fact: part (contents or faults), fact, tokens, share, examples (ids).

    more: faults that other tables told, and the tokens that have them.
    """
    contents = {
        "special": pl.col("special"),
        "one character": pl.col("characters") == 1,
        "part of a character": pl.col("part_of_utf8"),
        **{f"trait: {name}": pl.col("trait") == name for name in sorted(tokens["trait"].drop_nulls().unique())},
        **{f"script: {name}": pl.col("script") == name for name in sorted(tokens["script"].unique())},
    }
    if "language" in tokens.columns:
        is_one = pl.col("language_share") > 0.5
        languages = sorted(tokens.filter(is_one)["language"].unique())
        contents |= {f"language: {name}": is_one & (pl.col("language") == name) for name in languages}
        contents["language: several"] = pl.col("language_share") <= 0.5
    faults = {
        "unreachable": pl.col("unreachable"),
        "undecodable": pl.col("undecodable"),
        "bytes of no text": pl.col("undecodable") & ~pl.col("part_of_utf8"),
        "another token but for case": pl.col("same_but_case").is_not_null(),
        "another token but for a space": pl.col("same_but_space").is_not_null(),
        **more,
    }
    rows = []
    for part, facts in ((CONTENTS, contents), (FAULTS, faults)):
        for fact, has in facts.items():
            found = tokens.filter(has)["token"]
            rows.append((part, fact, len(found), len(found) / len(tokens), found.head(EXAMPLES).to_list()))
    schema = {"part": pl.String, "fact": pl.String, "tokens": pl.Int64, "share": pl.Float64}
    return pl.DataFrame(rows, schema | {"examples": pl.List(pl.Int32)}, orient="row")


def integer_table(tokenizer: Tokenizer) -> pl.DataFrame:
    """Return a row an integer from 0 to 9,999: integer, tokens, cut (the lengths of its tokens in digits, as "1+3").

    cut is null where tokens are not whole digits, as where a space is put before each text.
    """
    texts = [str(i) for i in range(INTEGERS)]
    ids, offsets = Encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    listed, cuts = ids.tolist(), []
    for text, (begin, end) in zip(texts, pairwise(offsets.tolist()), strict=True):
        pieces = [tokenizer.tokens[i] for i in listed[begin:end]]
        cuts.append("+".join(str(len(piece)) for piece in pieces) if b"".join(pieces) == text.encode() else None)
    return pl.DataFrame({"integer": np.arange(INTEGERS), "tokens": np.diff(offsets), "cut": cuts})


def cut_table(integers: pl.DataFrame) -> pl.DataFrame:
    """Return a row a way to cut integers of a length: digits, cut, integers, share of those with as many digits."""
    digits = integers.with_columns(digits=pl.col("integer").cast(pl.String).str.len_chars().cast(pl.Int64))
    return (
        digits.group_by("digits", "cut")
        .agg(integers=pl.len().cast(pl.Int64))
        .with_columns(share=pl.col("integers") / pl.col("integers").sum().over("digits"))
        .sort("digits", "integers", "cut", descending=[False, True, False])
    )
