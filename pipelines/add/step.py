"""The step `add`: tokens that a tokenizer must have, and the documents that they change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from operators.encoding.token_texts import encode_words
from operators.errors import DataError
from operators.tokenizer import AddedToken, Tokenizer
from operators.training.extension import check_extendable, extend, with_special_tokens
from operators.training.required import require_uncut, required_merges
from pipelines.add.changes import Changes, count_changes
from pipelines.add.settings import Add
from pipelines.context import Context, out_directory
from pipelines.outputs import Output, describe_inputs, write_table
from pipelines.results import Added, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.token_lists import read_token_list
from pipelines.tokenizers import TOKENIZER_FILES, load_tokenizer, save_tokenizer, tokenizer_fingerprint

ADDED: Final = "added.parquet"


class InnerPieces(DataError):
    """Merges on the way to a token that would change other text."""

    token: str
    """One of the inner pieces."""
    number: int
    found: str
    message = (
        "{number:,} inner pieces (such as {token!r}) would be tokens too, and change other text ({found}); add the "
        "tokens without --as-merges, or allow it with --allow-inner"
    )


@dataclass(frozen=True)
class Enlarged:
    """A tokenizer with the tokens that were asked for."""

    tokenizer: Tokenizer
    ids: dict[str, int]
    """Id of each token that was asked for."""
    inner: dict[bytes, int]
    """Tokens on the way, which were not asked for."""
    pieces: dict[int, list[int]]
    """Old ids that spell each new token that was asked for."""


def add(settings: Add, context: Context) -> Added:
    """Add tokens. Raises BadSettings, CutToken, InnerPieces, NotExtendable, NotJoinable, and what loading raises."""
    tokens = [*settings.tokens, *(read_token_list(settings.file, "file") if settings.file is not None else [])]
    _check(settings, tokens)
    tokenizer = load_tokenizer(settings.tokenizer)
    if settings.as_merges:
        check_extendable(tokenizer)
    output = Output(out := out_directory(settings.out), "tokenizer")
    files = context.input_files(settings.corpus, output) if settings.corpus else []
    hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer), tokens=tokens)

    def work(_: Path) -> Written:
        made = _by_merges(tokenizer, tokens) if settings.as_merges else _whole(tokenizer, tokens, settings.special)
        changes = count_changes(files, tokenizer, made.tokenizer, made.pieces, context) if files else None
        if made.inner and not settings.allow_inner:
            _refuse_change(made, changes)
        saved = save_tokenizer(made.tokenizer, out)
        write_table(_table(tokenizer, made), out / ADDED)
        new = sum(i >= len(tokenizer.tokens) for i in made.ids.values())
        facts = {"vocabulary": len(made.tokenizer.tokens), "added": new, "present": len(made.ids) - new}
        facts |= {"inner": len(made.inner)}
        if changes is not None:
            facts |= {"documents": changes.documents, "documents_changed": changes.changed}
            facts |= {"documents_changed_elsewhere": changes.elsewhere, "bad_records": changes.bad_records}
        without = {} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}
        return Written([*saved.files, ADDED], facts | without)

    stage = Stage("added", hashed, describe_inputs(files), [*TOKENIZER_FILES, ADDED], uses_engine=bool(files))
    with output:
        made = make(stage, output, context, work)
    facts = made.manifest.facts
    what = f"a tokenizer of {facts['vocabulary']:,} tokens, {facts['added']:,} added, {facts['present']:,} known before"
    if "documents" in facts:
        what += f"; ids change in {facts['documents_changed']:,} of {facts['documents']:,} documents"
    return Added(out, made.manifest, made.kept, summarized(made.kept, what, facts, settings.out))


def _check(settings: Add, tokens: Sequence[str]) -> None:
    if not tokens:
        raise BadSettings("tokens", "are missing; name tokens behind the tokenizer, or a --file of them")
    if repeated := next((token for token in tokens if not token or tokens.count(token) > 1), None):
        raise BadSettings("tokens", f"{repeated!r} is given twice; name it once")
    if settings.special and settings.as_merges:
        raise BadSettings("special", "tokens are never made by merges; leave one of the two out")


def _refuse_change(made: Enlarged, changes: Changes | None) -> None:
    """Raise InnerPieces unless the corpus shows that its other text stays as it is."""
    some = next(iter(made.inner)).decode("utf-8", "replace")
    if changes is None:
        raise InnerPieces(some, len(made.inner), "a --corpus would tell how much")
    if changes.elsewhere:
        raise InnerPieces(some, len(made.inner), f"in {changes.elsewhere:,} of {changes.documents:,} documents")


def _whole(tokenizer: Tokenizer, tokens: Sequence[str], special: bool) -> Enlarged:
    """Return the tokenizer with added tokens."""
    known = {text: i for i, text in tokenizer.text_tokens.items()}
    if special and (plain := next((token for token in tokens if token.encode() in known), None)):
        raise BadSettings("special", f"{plain!r} is a token of text already; name a token that no text has")
    known |= {token.content.encode(): token.id for token in tokenizer.added_tokens}
    missing = [token for token in tokens if token.encode() not in known]
    more = with_special_tokens(tokenizer, missing)
    if not special:
        first = len(tokenizer.tokens)
        added = [AddedToken(token, first + i, special=False) for i, token in enumerate(missing)]
        more = replace(more, added=(*tokenizer.added_tokens, *added))
    ids = {token: known.get(token.encode(), -1) for token in tokens}
    ids |= {token: len(tokenizer.tokens) + i for i, token in enumerate(missing)}
    pieces = encode_words(tokenizer, [token.encode() for token in missing])
    return Enlarged(more, ids, {}, {ids[token]: spelled for token, spelled in zip(missing, pieces, strict=True)})


def _by_merges(tokenizer: Tokenizer, tokens: Sequence[str]) -> Enlarged:
    """Return the tokenizer with merges of the tokens. Raises CutToken, NotJoinable."""
    require_uncut(tokenizer.pretokenizer, tokens)
    found = required_merges(tokenizer, [token.encode() for token in tokens])
    enlarged, _ = extend(tokenizer, found.merges)
    ids = {token: found.ids[token.encode()] for token in tokens}
    asked = {i: pieces for i, pieces in found.pieces.items() if i in set(ids.values())}
    return Enlarged(enlarged, ids, found.inner, asked)


def _table(tokenizer: Tokenizer, made: Enlarged) -> pl.DataFrame:
    """Return added.parquet: token, id, known (the tokenizer had it), inner (nobody asked for it), pieces (old ids)."""
    asked = [(token.encode(), i, False) for token, i in made.ids.items()]
    rows = [*asked, *((text, i, True) for text, i in made.inner.items())]
    new = [text for text, i, _ in rows if i >= len(tokenizer.tokens)]
    pieces = dict(zip(new, encode_words(tokenizer, new), strict=True))
    columns = {
        "token": [text for text, _, _ in rows], "id": [i for _, i, _ in rows],
        "known": [i < len(tokenizer.tokens) for _, i, _ in rows], "inner": [inner for _, _, inner in rows],
    }  # fmt: skip
    listed = pl.Series("pieces", [pieces.get(text) for text, _, _ in rows], pl.List(pl.Int64))
    return pl.DataFrame(columns).with_columns(listed).sort("id")
