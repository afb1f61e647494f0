"""The step `adapt`: a tokenizer of the same size, in which tokens learned from a corpus replace those of least use."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.pruning.derivations import Structure, structure_of
from operators.pruning.order import removal_order
from operators.pruning.pruned import PrunedTokenizer, pieces_of, without_tokens
from operators.pruning.residues import made_counts
from operators.renumbering import with_new_ids
from operators.tokenizer import Tokenizer
from pipelines.adapt.settings import Adapt
from pipelines.context import Context, out_directory
from pipelines.outputs import Manifest, Output, write_table
from pipelines.premiums.before_and_after import compare_before_and_after
from pipelines.results import Adapted, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.token_uses.counting import all_emissions
from pipelines.token_uses.protection import protected_tokens
from pipelines.token_uses.tables import IDS, ids_table
from pipelines.tokenizers import TOKENIZER_FILES, load_tokenizer, save_tokenizer, tokenizer_fingerprint
from pipelines.train.settings import Train
from pipelines.train.step import train_words
from pipelines.words.counting import count_words, word_files

NEW_TOKENS: Final = "new_tokens.parquet"


def adapt(settings: Adapt, context: Context) -> Adapted:
    """Swap tokens of a tokenizer.

    Raises BadSettings, UnknownTokens, NotPrunable, NotExtendable, and what loading the tokenizer, counting and
    training raise.
    """
    tokenizer = load_tokenizer(settings.tokenizer)
    if not settings.corpus:
        raise BadSettings("corpus", "is missing; name text behind the tokenizer")
    structure = structure_of(tokenizer)
    output = Output(out := out_directory(settings.out), "tokenizer")
    files = context.input_files(settings.corpus, output)
    with output:
        words = count_words(
            files, tokenizer.pretokenizer, out / "words", context, partitions=settings.partitions
        ).manifest
        made = adapt_tokenizer(tokenizer, structure, words, output, settings, context)
    facts = made.manifest.facts
    change = 100 * (facts["tokens_after"] / facts["tokens_before"] - 1)
    what = (
        f"a tokenizer of {facts['vocabulary']:,} tokens, {facts['removed']:,} of the old ones removed and "
        f"{facts['learned']:,} learned; the corpus has {change:+.2f} % tokens"
    )
    compared = compare_before_and_after(settings, settings.tokenizer, out, context)
    lines = [summarized(made.kept, what, words.facts, settings.out), *([] if compared is None else [compared])]
    return Adapted(out, made.manifest, made.kept, "\n".join(lines))


def adapt_tokenizer(
    tokenizer: Tokenizer, structure: Structure, words: Manifest, output: Output, settings: Adapt, context: Context
) -> Made:
    """Write the adapted tokenizer, ids.parquet and new_tokens.parquet to `output`. Kept if up to date."""
    protected = protected_tokens(tokenizer, settings.protect)
    hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer), protect=protected)
    words_directory = output.directory / "words"

    def work(scratch: Path) -> Written:
        paths, languages = word_files(words, words_directory), sorted(words.facts["languages"])
        used = all_emissions(paths, languages, tokenizer, structure, context)
        order = _leaving(structure, used, protected, settings.swap)
        pruned = without_tokens(tokenizer, order, keep_ids=False)
        size = len(pruned.tokenizer.tokens) + settings.swap
        learning = Train(out="", vocab_size=size, min_pair_count=settings.min_pair_count)
        with (learned := Output(scratch / "learned", "tokenizer")):
            train_words(words, words_directory, learned, learning, pruned.tokenizer, context)
        swapped = _Swap(tokenizer, order, pruned, load_tokenizer(str(learned.directory)), settings.keep_ids)
        saved = save_tokenizer(swapped.tokenizer, output.directory, gaps=True)
        write_table(
            ids_table(tokenizer, swapped.found, order, used, made_counts(structure, used)), output.directory / IDS
        )
        write_table(swapped.new_tokens(), output.directory / NEW_TOKENS)
        after = all_emissions(paths, languages, swapped.tokenizer, structure_of(swapped.tokenizer), context)
        removed = int(np.count_nonzero(swapped.found.new_ids[order] < 0))
        facts: dict[str, Any] = {
            "vocabulary": sum(map(bool, swapped.tokenizer.tokens)), "removed": removed,
            "learned": len(swapped.learned), "relearned": len(order) - removed,
            "tokens_before": int(used.sum()), "tokens_after": int(after.sum()),
            "pretokenizer": tokenizer.pretokenizer,
            **({} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}),
        }  # fmt: skip
        return Written([*saved.files, IDS, NEW_TOKENS], facts)

    stage = Stage("adapted", hashed, [{"words": words.fingerprint}], [*TOKENIZER_FILES, IDS, NEW_TOKENS])
    return make(stage, output, context, work)


def _leaving(structure: Structure, used: I64, protected: list[int], number: int) -> I64:
    """Return the tokens that leave, in order. Raises BadSettings."""
    order, _ = removal_order(structure, used, protected=protected)
    if number > len(order):
        raise BadSettings(
            "swap", f"only {len(order):,} tokens can leave, not {number:,}; ask for {len(order):,} or fewer"
        )
    return order[:number]


class _Swap:
    """The adapted tokenizer, and where each old token is in it."""

    def __init__(
        self, old: Tokenizer, removed: I64, pruned: PrunedTokenizer, extended: Tokenizer, keep_ids: bool
    ) -> None:
        """extended: the pruned tokenizer with new tokens behind its own."""
        self._old = old
        first, size = len(pruned.tokenizer.tokens), len(extended.tokens)
        again = {extended.tokens[i]: i for i in range(first, size)}
        back = {token: again[old.tokens[token]] for token in removed.tolist() if old.tokens[token] in again}
        ids = np.arange(size, dtype=np.int64)
        if keep_ids:
            ids = _old_ids(pruned.new_ids, back, removed, size)
        self.tokenizer = with_new_ids(extended, ids) if keep_ids else extended
        where = pruned.new_ids.copy()
        where[list(back)] = list(back.values())
        new_ids = np.where(where >= 0, ids[where], -1)
        gone = removed[new_ids[removed] < 0]
        self.found = PrunedTokenizer(self.tokenizer, new_ids, pieces_of(old, self.tokenizer, gone))
        # new ids of the tokens that the old tokenizer has not
        self.learned = ids[[i for i in range(first, size) if i not in set(back.values())]]

    def new_tokens(self) -> pl.DataFrame:
        """Return new_tokens.parquet: new_id, token (its bytes), pieces (old ids of its text)."""
        tokens = [self.tokenizer.tokens[i] for i in self.learned.tolist()]
        pieces = pieces_of(self.tokenizer, self._old, self.learned)
        columns = {"new_id": self.learned, "token": tokens}
        listed = pl.Series("pieces", [pieces[i] for i in self.learned.tolist()], pl.List(pl.Int64))
        return pl.DataFrame(columns).with_columns(listed).sort("new_id")


def _old_ids(new_ids: I64, back: dict[int, int], removed: I64, size: int) -> I64:
    """Return an old id for each token (int64[size]): its own, or for new tokens one of a removed token, ascending.

    new_ids: int64[old tokens], the place of each old token in the pruned vocabulary. back: places of the old tokens
    that were learned again.
    """
    ids = np.full(size, -1, np.int64)
    kept = np.flatnonzero(new_ids >= 0)
    ids[new_ids[kept]] = kept
    ids[list(back.values())] = list(back)
    free = sorted(set(removed.tolist()) - set(back))
    missing = np.flatnonzero(ids < 0)
    ids[missing] = free[: len(missing)]
    return ids
