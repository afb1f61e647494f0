"""The step `train`: from a corpus to word tables, to a merge list, to the files of a tokenizer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from operators.superwords.sequences import SecondStage
from operators.tokenizer import Merges, Tokenizer, initial_tokens
from operators.tokenizer_files.transformers_files import Roles
from operators.training.extension import check_extendable, extend
from operators.training.parity import Choices
from operators.training.reducer import Reducer
from operators.training.sources import SourcedMerges
from operators.training.text_order import TextOrderSelection
from operators.training.whole_characters import judge
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.memory_pool import return_large_buffers
from pipelines.outputs import Manifest, Output
from pipelines.results import Trained, summarized
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import TOKENIZER_FILES, Saved, load_tokenizer, save_tokenizer, tokenizer_fingerprint
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from pipelines.train.events import train_events
from pipelines.train.morphemes import check_morphemes, listed, morpheme_borders
from pipelines.train.parity import CHOICES, plan_parity, selection_of, write_choices
from pipelines.train.pieces import train_vocabulary
from pipelines.train.required import required_tokens, with_required
from pipelines.train.rounds import ShardSource, TrainingTarget, learn
from pipelines.train.settings import Train, resolve
from pipelines.train.shards import count_symbols, shard_number, shares_of, weigh
from pipelines.train.sources import check_sources, check_supported, source_selection
from pipelines.train.superword_cuts import cuts_warning, shares_cut
from pipelines.train.superword_settings import AUTO, SUPERWORDS
from pipelines.train.superwords import Corpus, learn_beside_words, learn_superwords
from pipelines.train.vocabulary_sizes import size_directories, write_sizes
from pipelines.words.counting import count_words, word_files
from pipelines.words.marks import marks_warning

ROUNDS_OF_PARITY: Final = 8
"""Rounds of training by parity for one of plain training, about: a second shard pays from so many times the bytes."""


def train(settings: Train, context: Context) -> Trained:
    """Count pre-tokens, or import word tables; train; write the smaller vocabularies.

    Raises BadSettings and what `resolve`, `count_words`, `import_words` and `train_words` raise.
    """
    check_morphemes(settings)
    if settings.sequences:
        from pipelines.train.sequences import train_sequences

        return train_sequences(settings, context)
    return_large_buffers()
    check_sources(settings)
    settings, extended = resolve(settings)
    out = out_directory(settings.out)
    output = Output(out, "tokenizer")
    size_directories(settings.sizes, out)  # raises before the work for directories that are not ours
    parallel = context.input_files(settings.parity, output) if settings.parity else []
    files = context.input_files([*settings.word_table] or settings.corpus, output)
    if extended is not None and not extended.special_tokens:
        first = len(extended.tokens)
        context.progress.note(f"extend: the tokenizer has no special tokens; new ids begin at {first:,}")
    with output:
        words = _words(settings, files, out / "words", context)
        if warning := marks_warning(words.settings["pretokenizer"], words.facts["languages"]):
            context.progress.note(f"train: {warning}")
        how = words, out / "words", output, settings, extended, context, parallel
        if settings.model != "bpe":
            made = train_vocabulary(words, out / "words", output, settings, context)
        elif settings.picky is not None:
            made = train_events(words, out / "words", output, settings, context)
        else:
            made = _train_superwords(files, *how) if settings.superwords else train_words(*how)
        write_sizes(settings.sizes, out, made.manifest, context)
    facts = made.manifest.facts
    short = "" if facts["vocabulary"] == settings.vocab_size else " (no remaining pair is frequent enough)"
    tokens, merges, rounds = (f"{facts[name]:,} {name}" for name in ("vocabulary", "merges", "rounds"))
    tokens = tokens.replace("vocabulary", "tokens")
    sizes = f", and {', '.join(f'size-{size}' for size in settings.sizes)}" if settings.sizes else ""
    what = f"a tokenizer of {tokens}{short}, {merges} in {rounds}{sizes}"
    if settings.model != "bpe":
        what = f"a {settings.model} tokenizer of {tokens}" + (" (no other piece is of use)" if short else "")
    return Trained(out, made.manifest, made.kept, summarized(made.kept, what, words.facts, settings.out))


def _words(settings: Train, files: list[InputFile], directory: Path, context: Context) -> Manifest:
    """Return the manifest of the word tables to train on."""
    pretokenizer = str(settings.pretokenizer)
    if settings.word_table:
        from pipelines.words.imported_words import import_words

        return import_words(files, pretokenizer, directory, context, partitions=settings.partitions).manifest
    words = count_words(
        files, pretokenizer, directory, context, partitions=settings.partitions, sources=settings.sources_field
    ).manifest
    check_supported(settings, words.facts)
    return words


def train_words(
    words: Manifest, words_directory: Path, output: Output, settings: Train, extended: Tokenizer | None,
    context: Context, parallel: Sequence[InputFile] = (), *, by_text: bool = False,
) -> Made:  # fmt: skip
    """Train a tokenizer on word tables into `output`. Kept if up to date.

    settings: as `resolve` returns them. With `extended`, its merges, ids and special tokens stay, and `vocab_size` is
    the new total; the word tables must be of its pre-tokenizer. An interrupted run is resumed from its checkpoint,
    unless `resume` is false. `parallel`: the files of parallel text, if merges are chosen by parity. `by_text`: of
    pairs with equal counts the one of smallest texts comes first (`operators.training.text_order`), not by parity.

    Raises NotExtendable, MaxTokenLengthTooSmall, UnknownLanguage, WeightOutOfRange, CountOverflow, TooLittleMemory,
    WriteFailed.
    """
    special = tuple(settings.special_tokens)
    start = extended or Tokenizer(words.settings["pretokenizer"], special, Merges.from_rows([]))
    if extended is not None:
        check_extendable(extended, settings.max_token_length)
    multipliers, weighed = weigh(words, settings.weighting)
    plan, inputs = None, [{"words": words.fingerprint}]
    if settings.by_parity:
        plan, judged = plan_parity(settings, weighed, parallel, output.directory / "parallel", context)
        inputs += judged
    required = required_tokens(settings, start.pretokenizer)
    borders = morpheme_borders(settings)
    hashed = _hashed(settings, start, extended, {"require": required, "by_text": by_text, "morphemes": listed(borders)})
    stage = Stage("tokenizer", hashed, inputs, [*TOKENIZER_FILES, CHOICES])
    kind = SourcedMerges if settings.sources_field is not None else Merges if plan is None else Choices
    checkpoint = Checkpoint(output.directory / CHECKPOINT, stage.fingerprint, kind=kind)

    def work(_: Path) -> Written:
        paths = word_files(words, words_directory)
        symbols = count_symbols(words, multipliers)
        shards = shard_number(paths, symbols, context, 1 if plan is None else ROUNDS_OF_PARITY)
        longest, languages = settings.max_token_length, () if plan is None else plan.languages
        sourced = settings.sources_field is not None
        how = paths, shards, multipliers, start.byte_ids, longest, languages
        source = ShardSource(*how, sourced=sourced, borders=borders)
        selection = source_selection(settings, words.facts) if plan is None else selection_of(plan, start, longest)
        selection = partial(TextOrderSelection, start) if by_text and plan is None else selection
        size, least = int(settings.vocab_size or 0), settings.min_pair_count
        target = TrainingTarget(start, size, least, selection, judge if settings.whole_characters else None)
        reducer = learn(target, source, checkpoint, settings.resume, context)
        tokenizer, repeated = extend(start, reducer.merges)
        tokenizer, forced = with_required(tokenizer, required, size)
        chosen = reducer.merges
        sources = chosen.sources if isinstance(chosen, SourcedMerges) else None
        saved = save_tokenizer(tokenizer, output.directory, Roles.of(hashed), sources=sources)
        written = list(saved.files)
        served = {}
        if plan is not None and isinstance(chosen, Choices):
            served = {"parity": write_choices(output.directory / CHOICES, plan, chosen, start, longest)}
            written.append(CHOICES)
        extension = {} if extended is None else {"extended_merges": len(start.merges), "repeated_merges": repeated}
        facts = _facts(tokenizer, reducer, saved) | {"mixture": shares_of(weighed)}
        return Written(written, facts | extension | served | forced)

    made = make(stage, output, context, work)
    checkpoint.remove()
    return made


def _train_superwords(
    files: list[InputFile], words: Manifest, words_directory: Path, output: Output, settings: Train,
    extended: Tokenizer | None, context: Context, parallel: Sequence[InputFile],
) -> Made:  # fmt: skip
    """Train the first stage, then superwords, on the text of `files`, into `output`. Kept if up to date.

    Arguments and errors as for `train_words`, and those of `learn_superwords`.
    """
    inner = output.directory / "superwords"
    auto, first = settings.transition == AUTO, extended
    size = int(settings.vocab_size or 0)
    transition = size if auto else int(settings.transition or 0)
    plain = {one.name: one.default for one in msgspec.structs.fields(Train) if one.name in SUPERWORDS}
    multipliers, weighed = weigh(words, settings.weighting)
    inputs = [{"words": words.fingerprint}]
    if first is None or transition > len(first.tokens):
        asked = msgspec.structs.replace(settings, **plain, vocab_size=transition, sizes=[])
        with Output(inner / "first", "tokenizer") as first_output:
            how = words, words_directory, first_output, asked, extended, context, parallel
            made = train_words(*how, by_text=auto)
        inputs.append({"first": made.manifest.fingerprint})
        first = load_tokenizer(str(inner / "first"))
    second = SecondStage(first, str(settings.superword_pretokenizer), auto)
    known = 0 if extended is None else len(extended.merges)
    present = len(initial_tokens(first.special_tokens)) if extended is None else len(extended.tokens)
    hashed = _hashed(settings, first, extended, {})
    stage = Stage("tokenizer", hashed, inputs, TOKENIZER_FILES)

    def work(_: Path) -> Written:
        cut = shares_cut(word_files(words, words_directory), second.regex, context.engine)
        if warning := cuts_warning(cut):
            context.progress.note(f"train: {warning}")
        corpus = Corpus(files, multipliers, settings.partitions)
        about = lambda digest: Checkpoint(output.directory / CHECKPOINT, digest), context
        if auto:
            words_only, learned = learn_beside_words(second, corpus, settings, inner, *about, known, present)
        else:
            words_only = second.first
            learned = learn_superwords(second, corpus, settings, inner, *about, size, settings.min_pair_count)
        tokenizer, repeated = extend(words_only, learned.merges)
        tokenizer = replace(tokenizer, pretokenizer=second.regex, ignore_merges=False)
        saved = save_tokenizer(tokenizer, output.directory, Roles.of(hashed))
        counts = {"vocabulary": len(tokenizer.tokens), "merges": len(tokenizer.merges), "rounds": learned.rounds}
        superwords = {
            "transition": len(words_only.tokens), "first_pretokenizer": second.first.pretokenizer,
            "bound": learned.bound, "counted": learned.counts, "repeated_merges": repeated, "words_cut": cut,
        }  # fmt: skip
        without = {} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}
        facts = {"pretokenizer": second.regex, **counts, **without, "superwords": superwords}
        return Written(saved.files, facts | {"mixture": shares_of(weighed)})

    made = make(stage, output, context, work)
    (output.directory / CHECKPOINT).unlink(missing_ok=True)
    return made


def _hashed(settings: Train, start: Tokenizer, extended: Tokenizer | None, others: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides the content; `others`: what settings alone do not say, where it is not empty."""
    return settings.hashed(
        **{name: value for name, value in others.items() if value},
        special_tokens=list(start.special_tokens),
        extend=None if extended is None else tokenizer_fingerprint(extended),
    )


def _facts(made: Tokenizer, reducer: Reducer, saved: Saved) -> dict[str, Any]:
    counts = {"vocabulary": reducer.vocabulary, "merges": len(made.merges), "rounds": len(reducer.rounds)}
    without = {} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}
    return {"pretokenizer": made.pretokenizer, **counts, **without}
