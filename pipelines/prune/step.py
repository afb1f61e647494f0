"""The step `prune`: a tokenizer without the tokens that matter least."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from operators.arrays import F64, I64
from operators.pruning.derivations import Structure, structure_of
from operators.pruning.order import removal_order
from operators.pruning.pruned import without_tokens
from operators.pruning.residues import are_residues, emitted_share, made_counts, with_all_made_of
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.outputs import Manifest, Output, write_table
from pipelines.prune.choices import number_to_remove, of_other_scripts
from pipelines.prune.settings import Prune
from pipelines.results import Pruned, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.token_uses.counting import all_emissions, all_fragments
from pipelines.token_uses.neighbours import neighbour_entropies
from pipelines.token_uses.protection import protected_tokens
from pipelines.token_uses.tables import FRAGMENTATION, IDS, fragmentation_table, ids_table
from pipelines.tokenizers import TOKENIZER_FILES, load_tokenizer, save_tokenizer, tokenizer_fingerprint
from pipelines.words.counting import count_words, word_files
from pipelines.words.weighting import UnknownLanguage


def prune(settings: Prune, context: Context) -> Pruned:
    """Remove tokens from a tokenizer.

    Raises BadSettings, UnreachableSize, UnknownTokens, UnknownLanguage, NotPrunable, and what loading the tokenizer and
    counting raise.
    """
    _check(settings)
    tokenizer = load_tokenizer(settings.tokenizer)
    output = Output(out := out_directory(settings.out), "tokenizer")
    files = context.input_files(settings.corpus, output)
    with output:
        words = None
        if settings.corpus:
            partitions = settings.partitions
            words = count_words(files, tokenizer.pretokenizer, out / "words", context, partitions=partitions).manifest
        else:
            context.progress.note("prune: no corpus: the greatest ids leave first")
        made = prune_tokenizer(tokenizer, words, files, output, settings, context)
    facts = made.manifest.facts
    what = f"a tokenizer of {facts['vocabulary']:,} tokens, {facts['removed']:,} fewer{_cost(facts)}"
    summary = summarized(made.kept, what, words.facts if words else {}, settings.out)
    return Pruned(out, made.manifest, made.kept, summary)


def _check(settings: Prune) -> None:
    if all(one is None for one in (settings.to, settings.scripts, settings.languages, settings.residue)):
        raise BadSettings("to", "is missing; say how many tokens remain, or which --scripts, --languages or --residue")
    for name, value in (("languages", settings.languages), ("residue", settings.residue)):
        if value is not None and not settings.corpus:
            raise BadSettings(name, "needs a corpus, which shows what is used; name text behind the tokenizer")
        if value is not None and settings.last:
            raise BadSettings("last", f"asks for the greatest ids, whatever is used; leave it or --{name} out")


def _cost(facts: Mapping[str, Any]) -> str:
    """Return the cost in tokens, as a part of the last line; "" without a corpus."""
    if "tokens_before" not in facts:
        return ""
    gain = 100 * (facts["tokens_after"] / facts["tokens_before"] - 1)
    worst = f", {100 * facts['worst_growth']:+.2f} % in {facts['worst_language']}" if facts["languages"] > 1 else ""
    return f"; the corpus has {gain:+.2f} % tokens{worst}"


def prune_tokenizer(
    tokenizer: Tokenizer, words: Manifest | None, files: Sequence[InputFile], output: Output, settings: Prune,
    context: Context,
) -> Made:  # fmt: skip
    """Write the pruned tokenizer, ids.parquet and, with words, fragmentation.parquet (docs/reference/outputs.md) to
    `output`. Kept if up to date.
    """
    protected = protected_tokens(tokenizer, settings.protect)
    hashed = settings.hashed(tokenizer=tokenizer_fingerprint(tokenizer), protect=protected)
    present = sorted(words.facts["languages"]) if words is not None else []
    for language in settings.languages or ():
        if language not in present:
            raise UnknownLanguage("languages", language, present)
    structure = structure_of(tokenizer)
    named = np.zeros(len(tokenizer.tokens), np.bool_)
    if settings.scripts is not None:
        named = of_other_scripts(tokenizer, settings.scripts)

    def work(_: Path) -> Written:
        paths = word_files(words, output.directory / "words") if words is not None else []
        used = all_emissions(paths, settings.languages or present, tokenizer, structure, context)
        made = made_counts(structure, used)
        residues, entropies = _residues(tokenizer, structure, used, made, files, settings, context)
        first = named | with_all_made_of(structure, residues)
        ordered_by = np.zeros_like(used) if settings.last else used
        order, counts = removal_order(structure, ordered_by, first=first, protected=protected)
        number = number_to_remove(settings, structure, order, counts, first)
        found = without_tokens(tokenizer, order[:number], keep_ids=settings.keep_ids)
        saved = save_tokenizer(found.tokenizer, output.directory, gaps=settings.keep_ids)
        ids = ids_table(tokenizer, found, order, used, made)
        if settings.residue is not None:
            ids = ids.with_columns(
                left_entropy=pl.Series(entropies[0]).fill_nan(None),
                right_entropy=pl.Series(entropies[1]).fill_nan(None),
                residue=pl.Series(residues),
            )
        write_table(ids, output.directory / IDS)
        facts = {
            "vocabulary": int(np.count_nonzero(structure.present)) - number, "removed": number,
            "removable": len(order), "pretokenizer": tokenizer.pretokenizer,
            **({} if settings.residue is None else {"residues": int(np.count_nonzero(residues))}),
            **({} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}),
        }  # fmt: skip
        if words is None:
            return Written([*saved.files, IDS], facts)
        fragments = all_fragments(paths, tokenizer, structure, order, context)
        vocabulary = int(np.count_nonzero(structure.present))
        write_table(fragmentation_table(fragments, vocabulary), output.directory / FRAGMENTATION)
        return Written([*saved.files, IDS, FRAGMENTATION], facts | _growth(fragments, number))

    inputs = [] if words is None else [{"words": words.fingerprint}]
    stage = Stage("pruned", hashed, inputs, [*TOKENIZER_FILES, IDS, FRAGMENTATION], uses_engine=words is not None)
    return make(stage, output, context, work)


def _residues(
    tokenizer: Tokenizer, structure: Structure, used: I64, made: I64, files: Sequence[InputFile], settings: Prune,
    context: Context,
) -> tuple[NDArray[np.bool_], F64]:  # fmt: skip
    """Return the residues that leave first, bool[tokens], and the entropies beside tokens, float64[2, tokens]."""
    if settings.residue is None:
        return np.zeros(len(used), np.bool_), np.full((2, len(used)), np.nan)
    share = emitted_share(used, made)
    candidates = np.flatnonzero((share <= settings.residue) & ~structure.atoms)
    entropies = neighbour_entropies(files, tokenizer, candidates, context, settings.languages)
    return are_residues(structure, share, entropies, settings.residue, settings.entropy), entropies


def _growth(fragments: Mapping[str, I64], number: int) -> dict[str, Any]:
    growth = {language: float(tokens[number] / tokens[0] - 1) for language, tokens in fragments.items() if tokens[0]}
    worst = max(sorted(growth), key=lambda language: growth[language])
    return {
        "languages": len(fragments),
        "tokens_before": int(sum(tokens[0] for tokens in fragments.values())),
        "tokens_after": int(sum(tokens[number] for tokens in fragments.values())),
        "worst_language": worst,
        "worst_growth": growth[worst],
    }
