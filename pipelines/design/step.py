"""The step `design`: language weights with which an ordinary BPE tokenizer is the fairest, at a bounded loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from operators.arrays import F64, I64
from operators.errors import DataError
from operators.fairness.intervals import judge
from operators.fairness.shared_words import SharedWords
from operators.redaction import shown
from operators.text.pretokenize import require_unambiguous
from operators.tokenizer import Merges, Tokenizer
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.design.baselines import random_mixtures, usual_baselines
from pipelines.design.first_trials import first_trials
from pipelines.design.hybrid import SEARCHED, hybrid_trials, require_parallel, write_searched
from pipelines.design.judging import document_tokens
from pipelines.design.market import importance_of, market_of
from pipelines.design.parallel_halves import Halves, read_halves
from pipelines.design.search import Search, choose, search_temperatures, search_weights
from pipelines.design.settings import Design, loss_of
from pipelines.design.tables import (
    CHOSEN,
    DESIGN,
    FRONTIER,
    HYBRID,
    LANGUAGES,
    WEIGHTS,
    Row,
    design_table,
    frontier_table,
    language_table,
    write_weights,
)
from pipelines.design.trials import Trial, load_words, save_words, tokenizer_of
from pipelines.named_tables import with_names
from pipelines.outputs import Manifest, Output, describe_inputs, write_table
from pipelines.results import DesignResult, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import load_tokenizer
from pipelines.train.settings import Train
from pipelines.train.step import train
from pipelines.words.counting import count_words, word_files
from pipelines.words.text_words import words_of
from pipelines.words.word_tables import words_by_language

MOST_WORDS: Final = 4_000_000
"""Distinct words that trials train from: the most frequent ones. The tokenizer that is written is trained from all."""
TOKENIZER: Final = "tokenizer"
PARTITIONS: Final = 16


class UntrainedLanguage(DataError):
    """A language of the parallel text that the corpus has no text of."""

    language: str
    present: list[str]

    def __str__(self) -> str:
        some = ", ".join(map(shown, self.present[:12])) + (", ..." if len(self.present) > 12 else "")
        return (
            f"design: the corpus has no text in {shown(self.language)!r}, which is in the parallel text; it has "
            f"{some}: add text, or name the others with --languages"
        )


def design(settings: Design, context: Context) -> DesignResult:
    """Search weights, judge them, and train the tokenizer.

    Raises BadSettings, UntrainedLanguage, NotParallel, EmptyLanguage, TooFewDocuments, and what training and reading
    raise.
    """
    bound = loss_of(settings.at_most_loss)
    _check(settings)
    out = out_directory(settings.out)
    output = Output(out, "design")
    parallel = context.input_files(settings.parallel, output)
    corpus = context.input_files(settings.corpus, output)
    with output:
        with Output(out / TOKENIZER, "tokenizer"):
            words = count_words(
                corpus, settings.pretokenizer, out / TOKENIZER / "words", context, partitions=PARTITIONS
            )
        made = _design(words.manifest, parallel, output, settings, bound, context)
    if made.kept:
        train(_training(settings, out, made.manifest.facts["weights"], made.manifest.facts["parity_after"]), context)
    facts = made.manifest.facts
    return DesignResult(out, made.manifest, made.kept, summarized(made.kept, _told(facts), facts, settings.out))


def _check(settings: Design) -> None:
    require_unambiguous(settings.pretokenizer)
    if not settings.corpus:
        raise BadSettings("design", "corpus is missing; name training text")
    if not settings.parallel:
        raise BadSettings("parallel", "is missing; name parallel text with --parallel")
    importance_of(settings.objective)
    if settings.vary == "temperature" and (settings.groups or settings.least_shares or settings.most_shares):
        raise BadSettings("vary", "a temperature has no groups and no bounds; leave them out, or vary the weights")
    if settings.transition is not None and not settings.superwords:
        raise BadSettings("transition", "is of superwords; add --superwords, or leave it out")
    if settings.superwords and settings.then:
        raise BadSettings(
            "superwords", "take the last merges, as `then: parity` does; leave one of the two out, or search the "
            "weights first and train by parity with --superwords"
        )  # fmt: skip


def _told(facts: Mapping[str, Any]) -> str:
    told = (
        f"a tokenizer of {facts['vocabulary']:,} tokens: Gini {facts['gini_before']:.4f} -> {facts['gini']:.4f}, worst "
        f"premium {facts['worst_before']:.3f} -> {facts['worst']:.3f} against {facts['baseline']}, "
        f"{100 * facts['loss']:+.2f} % tokens, on {facts['judged_documents']:,} documents that the search did not see"
    )
    if not facts["bound_met"]:
        told += (
            f"; no weights keep the loss at most {100 * facts['bound']:g} % where the search looks, the best "
            f"reached is {100 * facts['expected_loss']:+.2f} %"
        )
    return told


def _design(
    words: Manifest, parallel: Sequence[InputFile], output: Output, settings: Design, bound: float, context: Context
) -> Made:
    hashed = settings.hashed(
        at_most_loss=bound,
        languages=None if settings.languages is None else sorted(settings.languages),
        on_bad_record=context.on_bad_record,
    )
    inputs = [{"words": words.fingerprint}, *describe_inputs(list(parallel))]
    files = [DESIGN, FRONTIER, LANGUAGES, WEIGHTS, *([SEARCHED] if settings.then else [])]

    def work(scratch: Path) -> Written:
        sizes = {name: int(figures["bytes"]) for name, figures in words.facts["languages"].items()}
        baseline = settings.baseline or usual_baseline(sizes)
        halves, bad = read_halves(parallel, baseline, settings.languages, scratch, context)
        for language in halves.languages:
            if not sizes.get(language):
                raise UntrainedLanguage(language, sorted(name for name, size in sizes.items() if size))
        if settings.then:
            require_parallel([name for name, size in sizes.items() if size], halves)
            write_searched(halves, output.directory / SEARCHED)
        with context.progress.stage("words of the searched half", 1, "tables") as advance:
            _save_tables(words, halves, output.directory / TOKENIZER / "words", settings.pretokenizer, scratch)
            advance(1)
        work = _Work(settings, bound, baseline, halves, scratch, output.directory, context)
        return Written(files, work.run(), bad)

    return make(Stage("design", hashed, inputs, files), output, context, work)


def usual_baseline(sizes: Mapping[str, int]) -> str:
    """Return English among the languages, under whatever code; else the language with the most bytes."""
    english = [name for name in sizes if name.replace("_", "-").split("-")[0].lower() in ("en", "eng", "english")]
    preferred = [name for name in ("eng_Latn", "en", "en-US", "en_US", "en-us") if name in english]
    if english:
        return [*preferred, *sorted(english)][0]
    return min(sizes, key=lambda name: (-sizes[name], name))


def _save_tables(words: Manifest, halves: Halves, directory: Path, pretokenizer: str, scratch: Path) -> None:
    """Write the word tables of the training text and of the searched half, with the same languages in one order."""
    trained: dict[str, list[tuple[pa.LargeBinaryArray, I64]]] = {}
    for path in word_files(words, directory):
        for language, some, counts in words_by_language(path):
            trained.setdefault(language, []).append((some, counts))
    training = SharedWords.joined(trained).most_frequent(MOST_WORDS)
    searched = {name: [words_of(halves.text(name, halves.searched), pretokenizer)] for name in halves.languages}
    nothing = words_of(halves.text(halves.languages[0], halves.searched[:0]), pretokenizer)
    every = {name: searched.get(name, [nothing]) for name in training.languages}
    save_words(training, scratch / "training")
    save_words(SharedWords.joined(every), scratch / "searched")


def _training(settings: Design, out: Path, weights: Mapping[str, float], parity_after: int | None) -> Train:
    by_parity = parity_after is not None
    return Train(
        corpus=settings.corpus, out=str(out / TOKENIZER), vocab_size=settings.vocab_size,
        pretokenizer=settings.pretokenizer, special_tokens=settings.special_tokens, weights=dict(weights),
        partitions=PARTITIONS, parity=[str(out / SEARCHED)] if by_parity else [], parity_after=parity_after or 0,
        superwords=settings.superwords, transition=settings.transition,
    )  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """Work of the stage, once both texts are read."""

    settings: Design
    bound: float
    baseline: str
    halves: Halves
    scratch: Path
    out: Path
    context: Context

    def run(self) -> dict[str, Any]:
        """Search, judge, train, write all files; return the facts."""
        training, searched = (load_words(self.scratch / name) for name in ("training", "searched"))
        sizes = np.maximum(1.0, training.bytes)
        start = Tokenizer(self.settings.pretokenizer, tuple(self.settings.special_tokens), Merges.from_rows([]))
        market = market_of(self.settings, training, searched, self.halves, self.baseline)
        search = Search(self.scratch, start, self.settings.vocab_size, market, self.bound)
        search, begun, trust = first_trials(search, sizes, self.halves, self.context)
        trials = self._trials(search, sizes, begun)
        unweighted, own = trials[0], [one for one in trials if one.loss is not None or self._is_temperature(one)]
        chosen, met = choose(search, own, unweighted)
        if self.settings.then:
            lean, _ = choose(replace(search, bound=search.bound / 2), own, unweighted)  # parity takes the other half
            trials += hybrid_trials(search, lean, self.context)
            chosen, met = choose(search, [chosen, *(one for one in trials if one.method == HYBRID)], unweighted)
        weights = dict(zip(training.languages, chosen.weights.tolist(), strict=True))
        made = train(_training(self.settings, self.out, weights, chosen.parity_after), self.context)
        rows, before, after = self._judge(trials, chosen, load_tokenizer(str(made.directory)), start)
        languages = self.halves.languages
        place = languages.index(self.baseline)
        write_weights(weights, self.out / WEIGHTS)
        write_table(with_names(design_table(trials, search, unweighted, training.languages)), self.out / DESIGN)
        write_table(with_names(frontier_table(rows, languages)), self.out / FRONTIER)
        compared = language_table(weights, before, after, languages, place, self.settings.resamples)
        write_table(with_names(compared), self.out / LANGUAGES)
        first, last = rows[0].judged, rows[-1].judged
        return {
            "weights": weights, "vocabulary": made.facts["vocabulary"], "baseline": self.baseline,
            "languages": len(languages), "searched_documents": len(self.halves.searched),
            "judged_documents": len(self.halves.judged), "trials": len(trials), "bound": self.bound, "bound_met": met,
            "parity_after": chosen.parity_after,
            "expected_loss": search.loss(chosen, unweighted), "trust": trust,
            "searched_loss": replace(search, expectation=None).loss(chosen, unweighted),
            "loss": last.loss.value, "gini": last.gini.value,
            "gini_before": first.gini.value, "worst": last.worst.value, "worst_before": first.worst.value,
            "repeated_documents": self.halves.parallel.selection.repeated,
        }  # fmt: skip

    def _is_temperature(self, trial: Trial) -> bool:
        return self.settings.vary == "temperature" and trial.method.startswith("temperature")

    def _trials(self, search: Search, sizes: F64, begun: Sequence[Trial]) -> list[Trial]:
        """Return all trials: the first two, those of the search, those of the baselines."""
        context, settings, unweighted = self.context, self.settings, begun[0]
        if settings.vary == "weights":
            found = search_weights(search, unweighted, settings.rounds, context)
        else:
            found = search_temperatures(search, sizes, settings.rounds, context)
        trials = [*begun, *found]
        if settings.baselines:
            trials += usual_baselines(search, sizes, context)
            trials += random_mixtures(search, sizes, unweighted, len(found), context)
        return trials

    def _judge(
        self, trials: Sequence[Trial], chosen: Trial, made: Tokenizer, start: Tokenizer
    ) -> tuple[list[Row], F64, F64]:
        """Return the frontier's rows, the unweighted first and the chosen last, and the tokens of these two."""
        shown_trials = _shown(trials, chosen)
        tokenizers = [tokenizer_of(start, trials[i].merges) for i in shown_trials]
        counts = document_tokens(self.halves, self.halves.judged, [*tokenizers, made], self.context)
        judged = judge(counts, self.halves.languages.index(self.baseline), self.settings.resamples)
        rows = [Row(trials[i].method, i, trials[i].loss, one) for i, one in zip(shown_trials, judged, strict=False)]
        place = next(i for i, one in enumerate(trials) if one is chosen)
        rows.append(Row(CHOSEN, place, chosen.loss, judged[-1]))
        return rows, counts[0], counts[-1]


def _shown(trials: Sequence[Trial], chosen: Trial) -> list[int]:
    """Return the places of the trials to judge: baselines, and the last one of each bound, without the chosen one."""
    last = {one.loss: i for i, one in enumerate(trials) if one.loss is not None}
    return [
        i
        for i, one in enumerate(trials)
        if one is not chosen and one.method != "random mixture" and (one.loss is None or last[one.loss] == i)
    ]
