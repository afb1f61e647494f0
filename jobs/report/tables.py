"""Tables behind charts, findings and the page; each is empty, or None, where its result is missing.

Null stands for an unknown value. NaN and infinity count as unknown.
"""

from typing import Any, Final

import numpy as np
import polars as pl

from jobs.report.inputs import ReportInputs
from jobs.report.wording import WIDEST, named, token_text
from operators.unicode.script_names import script_group, script_name
from pipelines.mixture.tables import NONE_OF_THESE

SMALLEST: Final = 10
"""Number of categories whose evidence the page shows."""


def premium_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return tokenizer, tokenizer_place, language, place, name, script, group, documents, characters, bytes, tokens,
    premium, low, high, informative, bytes_per_token, characters_per_token; dearest first.

    Rows without a premium are left out: a language without common documents has none. `informative` is true where the
    interval is known and its ends differ by a factor of at most WIDEST.
    """
    schema = {
        "tokenizer": pl.String,
        "language": pl.String,
        "documents": pl.Int64,
        "characters": pl.Int64,
        "bytes": pl.Int64,
        "tokens": pl.Int64,
        "premium": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    }
    if inputs.premiums is None:
        table = pl.DataFrame(schema=schema)
    else:
        table = inputs.premiums.select(pl.col(name).cast(kind) for name, kind in schema.items())
    table = table.with_columns(_known(name) for name in ("premium", "low", "high")).filter(
        pl.col("premium").is_not_null()
    )
    table = table.with_columns(
        pl.when(pl.col("tokens") > 0).then(pl.col(unit) / pl.col("tokens")).alias(f"{unit}_per_token")
        for unit in ("bytes", "characters")
    )
    narrow = (pl.col("low") > 0) & (pl.col("high") <= WIDEST * pl.col("low"))
    makers = [inputs.tokenizer_places[one] for one in table["tokenizer"].to_list()]
    table = table.with_columns(informative=narrow.fill_null(False), tokenizer_place=pl.Series(makers, dtype=pl.Int64))
    return described(inputs, table, "language").sort(
        ["premium", "language", "tokenizer"], descending=[True, False, False]
    )


def tokenizer_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return tokenizers.parquet with `worst` and `best`, the names of the dearest and the cheapest language; the lowest
    mean premium first.
    """
    table = pl.DataFrame() if inputs.tokenizers is None else inputs.tokenizers
    if table.is_empty():
        return table
    for kind in ("worst", "best"):
        codes = table[f"{kind}_language"].to_list()
        names = [None if code is None else named(code, inputs.names) for code in codes]
        table = table.with_columns(pl.Series(kind, names, dtype=pl.String))
    makers = [inputs.tokenizer_places.get(name) for name in table["tokenizer"].to_list()]
    table = table.with_columns(tokenizer_place=pl.Series(makers, dtype=pl.Int64))
    return table.sort("mean_premium", "tokenizer", nulls_last=True)


def counted(table: pl.DataFrame, inputs: ReportInputs) -> str:
    """Return the number of languages in a table, the baseline named beside them: "91 languages and English (en)".

    Every sentence and caption counts in this way, so that the numbers on a page agree.
    """
    languages = set(table["language"].to_list())
    others = len(languages - {inputs.baseline})
    number = "1 language" if others == 1 else f"{others:,} languages"
    if inputs.baseline not in languages:
        return number
    baseline = named(str(inputs.baseline), inputs.names)
    return f"{number} and the baseline {baseline}" if others else f"the baseline {baseline}"


def change_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return tokenizer, old_tokenizer, language, name, script, group, documents, old, new, change, low, high, verdict;
    the largest change for the better first.

    Rows whose change is unknown are left out.
    """
    schema: dict[str, Any] = {
        "tokenizer": pl.String, "old_tokenizer": pl.String, "language": pl.String, "documents": pl.Int64,
        "old": pl.Float64, "new": pl.Float64, "change": pl.Float64, "low": pl.Float64, "high": pl.Float64,
        "verdict": pl.String,
    }  # fmt: skip
    if inputs.changes is None:
        table = pl.DataFrame(schema=schema)
    else:
        table = inputs.changes.select(pl.col(name).cast(kind) for name, kind in schema.items())
    table = table.with_columns(_known(name) for name in ("old", "new", "change", "low", "high"))
    table = table.filter(pl.col("change").is_not_null())
    return described(inputs, table, "language").sort("change", "language", "tokenizer")


def lorenz_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return tokenizer, tokenizer_place, place, languages, tokens (cumulative shares, cheapest language first, from 0
    to 1), gini. `place` is the language that a point comes to; null at 0.

    A language counts once, with its premium: what it pays for the same text. The Gini coefficient is that of these
    points, sum_ij |p_i - p_j| / (2 n^2 mean p). Empty for fewer than two languages.
    """
    parts = []
    table = premium_table(inputs).filter(pl.col("premium") > 0).sort("tokenizer", "premium", "language")
    for (tokenizer, place), rows in table.group_by(["tokenizer", "tokenizer_place"], maintain_order=True):
        paid = rows["premium"].to_numpy()
        if len(paid) < 2:
            continue
        tokens = np.concatenate([[0.0], np.cumsum(paid) / paid.sum()])
        gini = 1 - float((tokens[1:] + tokens[:-1]).sum()) / len(paid)
        shares = np.arange(len(tokens)) / len(paid)
        columns = pl.DataFrame({"place": [None, *rows["place"]], "languages": shares, "tokens": tokens})
        whole = {"tokenizer": pl.lit(tokenizer), "tokenizer_place": pl.lit(place), "gini": pl.lit(gini)}
        parts.append(columns.with_columns(**whole))
    schema = {
        "place": pl.Int64, "languages": pl.Float64, "tokens": pl.Float64, "tokenizer": pl.String,
        "tokenizer_place": pl.Int64, "gini": pl.Float64,
    }  # fmt: skip
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def mixture_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return category, name, script, group, share, low, high, share_pairs, kin, kin_share, truth, error (share less
    truth); largest truth first. `kin`: a number that nearly identical categories have in common; `kin_share`: their
    joint share.

    The truth is the mixture that training states. A category that training does not name has the truth 0, if training
    names any category; if it names none, truth and error are null.
    """
    schema = {
        "category": pl.String,
        "share": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "share_pairs": pl.Float64,
    }
    kin: dict[str, Any] = {"kin": pl.Int64, "kin_share": pl.Float64}
    if inputs.mixture is None:
        table = pl.DataFrame(schema=schema | kin)
    else:
        found = inputs.mixture.rename({"group": "kin", "group_share": "kin_share"}, strict=False)
        table = found.select(
            *(pl.col(name).cast(kind) for name, kind in schema.items()),
            *(pl.col(name) if name in found.columns else pl.lit(None, kind).alias(name) for name, kind in kin.items()),
        )
    table = table.with_columns(_known(name) for name in ("share", "low", "high", "share_pairs"))
    table = table.filter(pl.col("share").is_not_null())
    stated = dict((inputs.training or {}).get("mixture") or {})
    known = any(category in stated for category in table["category"].to_list())
    truth = [float(stated.get(category, 0.0)) if known else None for category in table["category"].to_list()]
    if known and NONE_OF_THESE in table["category"]:
        rest = max(0.0, 1 - sum(share or 0.0 for share in truth))
        truth = [rest if one == NONE_OF_THESE else share for one, share in zip(table["category"], truth, strict=True)]
    table = table.with_columns(pl.Series("truth", truth, dtype=pl.Float64)).with_columns(
        (pl.col("share") - pl.col("truth")).alias("error")
    )
    return described(inputs, table, "category").sort(
        ["truth", "share", "category"], descending=[True, True, False], nulls_last=True
    )


def betraying(inputs: ReportInputs) -> pl.DataFrame:
    """Return rank, text, expected, occurs of the merges that the categories do not explain, in the list's order."""
    found = None if inputs.mixture_about is None else inputs.mixture_about.merges
    if found is None:
        return pl.DataFrame(schema={"rank": pl.Int64, "text": pl.String, "expected": pl.Float64, "occurs": pl.Float64})
    return (
        found.filter(pl.col("why") == "unexplained").select("rank", _token_texts(), "expected", "occurs").sort("rank")
    )


def telling(inputs: ReportInputs) -> pl.DataFrame:
    """Return name, place, share, merges (texts of the merges that say most), of the SMALLEST categories by share."""
    schema = {"name": pl.String, "place": pl.Int64, "share": pl.Float64, "merges": pl.String}
    found = None if inputs.mixture_about is None else inputs.mixture_about.merges
    shares = mixture_table(inputs).sort("share", "category").head(SMALLEST).select("category", "name", "place", "share")
    if found is None or shares.is_empty():
        return pl.DataFrame(schema=schema)
    texts = found.filter(pl.col("why") == "evidence").group_by("category", maintain_order=True).agg(_token_texts())
    listed = texts.with_columns(merges=pl.col("text").list.join("  "))
    return shares.join(listed, on="category").select(*schema)


def _token_texts() -> pl.Expr:
    """Texts of tokens between quotation marks; bytes where there is no whole text."""
    return pl.col("token").map_elements(token_text, return_dtype=pl.String).alias("text")


def share_outside(inputs: ReportInputs) -> float | None:
    """Return the share of the training text in none of the compared categories; None where the truth is unknown."""
    table = mixture_table(inputs)
    if table.is_empty() or table["truth"].null_count():
        return None
    return max(0.0, 1 - float(table["truth"].sum()))


def compression_table(inputs: ReportInputs) -> pl.DataFrame:
    """Return language, name, script, group, documents, bytes, tokens, bytes_per_token, characters_per_token;
    best first.

    Of the re-tokenized corpus where there is one, else of the parallel text if one tokenizer was measured on it.
    Characters come from the parallel text of the same language where the corpus does not count them: characters per
    token are then bytes per token divided by its bytes per character.
    """
    parallel = premium_table(inputs)
    one_tokenizer = parallel["tokenizer"].n_unique() == 1
    parallel = parallel.unique("language", keep="first", maintain_order=True)
    columns = ["language", "documents", "bytes", "tokens"]
    if inputs.compression is not None:
        table = inputs.compression.select(columns)
    else:
        table = parallel.select(columns) if one_tokenizer else parallel.select(columns).clear()
    width = parallel.select("language", (pl.col("bytes") / pl.col("characters")).alias("width"))
    table = table.filter(pl.col("tokens") > 0).join(width, on="language", how="left")
    table = table.with_columns((pl.col("bytes") / pl.col("tokens")).alias("bytes_per_token"), _known("width"))
    table = table.with_columns((pl.col("bytes_per_token") / pl.col("width")).alias("characters_per_token"))
    return described(inputs, table.drop("width"), "language").sort(
        ["bytes_per_token", "language"], descending=[True, False]
    )


def described(inputs: ReportInputs, table: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add name, script, group of scripts and place (`ReportInputs.places`) of a column of codes."""
    codes = table[column].to_list()
    return table.with_columns(
        pl.Series("place", [inputs.places[code] for code in codes], dtype=pl.Int64),
        pl.Series("name", [named(code, inputs.names) for code in codes], dtype=pl.String),
        pl.Series("script", [script_name(code) for code in codes], dtype=pl.String),
        pl.Series("group", [script_group(code) for code in codes], dtype=pl.String),
    )


def _known(name: str) -> pl.Expr:
    """Return the column with null for NaN and infinity."""
    return pl.when(pl.col(name).is_finite()).then(pl.col(name)).otherwise(None).alias(name)
