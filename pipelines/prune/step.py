"""The step `prune`: a tokenizer without the tokens that matter least."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from operators.arrays import I64
from operators.pruning.derivations import structure_of
from operators.pruning.order import removal_order
from operators.pruning.pruned import without_tokens
from operators.pruning.residues import made_counts
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.outputs import Manifest, Output, write_table
from pipelines.prune.choices import number_to_remove, of_other_scripts, protected_tokens
from pipelines.prune.counting import all_emissions, all_fragments
from pipelines.prune.settings import Prune
from pipelines.prune.tables import FRAGMENTATION, IDS, fragmentation_table, ids_table
from pipelines.results import Pruned, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
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
        made = prune_tokenizer(tokenizer, words, out / "words", output, settings, context)
    facts = made.manifest.facts
    what = f"a tokenizer of {facts['vocabulary']:,} tokens, {facts['removed']:,} fewer{_cost(facts)}"
    summary = summarized(made.kept, what, words.facts if words else {}, settings.out)
    return Pruned(out, made.manifest, made.kept, summary)


def _check(settings: Prune) -> None:
    if settings.to is None and settings.scripts is None and settings.languages is None:
        raise BadSettings("to", "is missing; say how many tokens remain, or which --scripts or --languages")
    if settings.languages is not None and not settings.corpus:
        raise BadSettings("languages", "need a corpus, which shows what they use; name text behind the tokenizer")
    if settings.last and settings.languages is not None:
        raise BadSettings("last", "asks for the greatest ids, whatever languages use; leave one of the two out")


def _cost(facts: Mapping[str, Any]) -> str:
    """Return the cost in tokens, as a part of the last line; "" without a corpus."""
    if "tokens_before" not in facts:
        return ""
    gain = 100 * (facts["tokens_after"] / facts["tokens_before"] - 1)
    worst = f", {100 * facts['worst_growth']:+.2f} % in {facts['worst_language']}" if facts["languages"] > 1 else ""
    return f"; the corpus has {gain:+.2f} % tokens{worst}"


def prune_tokenizer(
    tokenizer: Tokenizer, words: Manifest | None, words_directory: Path, output: Output, settings: Prune,
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
    first = None if settings.scripts is None else of_other_scripts(tokenizer, settings.scripts)

    def work(_: Path) -> Written:
        paths = word_files(words, words_directory) if words is not None else []
        used = all_emissions(paths, settings.languages or present, tokenizer, structure, context)
        ordered_by = np.zeros_like(used) if settings.last else used
        order, counts = removal_order(structure, ordered_by, first=first, protected=protected)
        number = number_to_remove(settings, structure, order, counts, first)
        found = without_tokens(tokenizer, order[:number], keep_ids=settings.keep_ids)
        saved = save_tokenizer(found.tokenizer, output.directory, gaps=settings.keep_ids)
        write_table(ids_table(tokenizer, found, order, used, made_counts(structure, used)), output.directory / IDS)
        facts = {
            "vocabulary": int(np.count_nonzero(structure.present)) - number, "removed": number,
            "removable": len(order), "pretokenizer": tokenizer.pretokenizer,
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
