"""The step `privacy`: count words by source, train shadow tokenizers on halves of the sources, attack."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from operators.membership import Bools
from operators.metrics.detection import area_under_curve, true_positive_rate
from operators.text.pretokenizers import DEFAULT
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.outputs import Manifest, Output, write_table
from pipelines.privacy.attacks import ATTACKS, Attacked, AttackTask, attack, score_of
from pipelines.privacy.settings import Privacy
from pipelines.privacy.vocabularies import VocabularyTask, train_vocabulary
from pipelines.results import PrivacyResult, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.token_lists import read_lines
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.train.settings import DEFAULT_SIZE
from pipelines.words.counting import count_words, word_files
from pipelines.words.sources import apart_by_source

SCORES: Final = "scores.parquet"
RATINGS: Final = "attacks.parquet"
SINGLE: Final = "single_source_tokens.parquet"
TABLES: Final = (SCORES, RATINGS, SINGLE)
PARTITIONS: Final = 4
FEWEST_SOURCES: Final = 4


def privacy(settings: Privacy, context: Context) -> PrivacyResult:
    """Score the sources of a corpus by three attacks on a tokenizer, and rate the attacks where members are known.

    Raises BadSettings, NoSources, EmptyCorpus, and what reading, loading and training raise.
    """
    tokenizer = None if settings.tokenizer is None else load_tokenizer(settings.tokenizer)
    given = None if settings.members is None else read_members(settings.members)
    output = Output(out_directory(settings.out), "privacy")
    files = apart_by_source(context.input_files(settings.corpus, output), settings.sources_field)
    pretokenizer = settings.pretokenizer or DEFAULT if tokenizer is None else tokenizer.pretokenizer
    with output:
        directory = output.directory / "words"
        words = count_words(files, pretokenizer, directory, context, partitions=PARTITIONS).manifest
        sources = _sources_of(words, settings, given)
        hashed = settings.hashed(
            tokenizer=None if tokenizer is None else tokenizer_fingerprint(tokenizer),
            members=None if given is None else sorted(given),
            vocab_size=settings.vocab_size or DEFAULT_SIZE if tokenizer is None else len({*_texts(tokenizer)} - {b""}),
            pretokenizer=pretokenizer,
        )
        stage = Stage("privacy", hashed, [{"words": words.fingerprint}], TABLES)
        paths = tuple(word_files(words, directory))

        def work(_: Path) -> Written:
            return _attack(paths, sources, tokenizer, given, int(hashed["vocab_size"]), output, settings, context)

        made = make(stage, output, context, work)
    facts = made.manifest.facts
    what = f"scores of {facts['sources']:,} sources by {len(ATTACKS)} attacks, {settings.shadows} shadow tokenizers"
    rated = pl.read_parquet(output.directory / RATINGS, glob=False)
    lines = [_rating_line(*row) for row in rated.iter_rows()]
    last = summarized(made.kept, what, words.facts | facts, settings.out)
    return PrivacyResult(output.directory, made.manifest, made.kept, "\n".join([*lines, last]))


def read_members(path: str) -> set[str]:
    """Read a file of sources, one a line. Raises BadSettings for one that cannot be read, or names none."""
    lines = read_lines(path, "members", "name a text file, one source a line")
    members = {line.strip() for line in lines if line.strip()}
    if not members:
        raise BadSettings("members", f"{path} names no source; write one a line")
    return members


def _sources_of(words: Manifest, settings: Privacy, members: set[str] | None) -> tuple[str, ...]:
    """Return the sources that have text, sorted. Raises BadSettings for too few, and members that are none."""
    sources = tuple(sorted(words.facts["languages"]))
    if len(sources) < FEWEST_SOURCES:
        found = f"{settings.sources_field} names {len(sources)} with text"
        raise BadSettings("sources_field", f"{found}, and attacks need {FEWEST_SOURCES} sources; name another field")
    if settings.min_sources > len(sources) // 2:
        found = f"is {settings.min_sources:,}, and the target has {len(sources) // 2:,} sources, a half of all"
        raise BadSettings("min_sources", f"{found}; ask for fewer")
    if unknown := sorted((members or set()) - set(sources)):
        others = f" and {len(unknown) - 1:,} more" if unknown[1:] else ""
        raise BadSettings("members", f"{unknown[0]!r}{others}: no source of the corpus with text; correct the file")
    return sources


def _attack(
    paths: tuple[Path, ...], sources: tuple[str, ...], tokenizer: Tokenizer | None, given: set[str] | None, size: int,
    output: Output, settings: Privacy, context: Context,
) -> Written:  # fmt: skip
    inside = np.stack([half_of(len(sources), settings.seed, 1 + i) for i in range(settings.shadows)])
    tasks = [VocabularyTask(paths, _named(sources, own), size) for own in inside]
    supports, members = [1], None if given is None else np.isin(sources, list(given))
    if tokenizer is None:
        supports, members = sorted({1, settings.min_sources}), half_of(len(sources), settings.seed, 0)
        tasks += [VocabularyTask(paths, _named(sources, members), size, support) for support in supports]
    vocabularies = _trained(tasks, context)
    shadows = tuple(vocabularies[: settings.shadows])
    targets = vocabularies[settings.shadows :] if tokenizer is None else [_texts(tokenizer)]
    attacks = [AttackTask(paths, sources, tuple(target), shadows, inside) for target in targets]
    found = dict[int, Attacked]()
    with context.progress.stage("attack", len(attacks), "tokenizers") as advance:
        for index, one in context.engine.run(attack, attacks):
            found[index] = one
            advance(1)
    results = {support: found[i] for i, support in enumerate(supports)}
    for name, table in _tables(results, sources, members).items():
        write_table(table, output.directory / name)
    single = {str(support): len(one.single) for support, one in results.items()}
    return Written(TABLES, {"sources": len(sources), "shadows": settings.shadows, "single_source_tokens": single})


def half_of(sources: int, seed: int, number: int) -> Bools:
    """Return a random half of the sources, bool[sources]; number: 0 for the target, 1 and up for the shadows."""
    half = np.zeros(sources, np.bool_)
    half[np.random.default_rng([seed, number]).permutation(sources)[: sources // 2]] = True
    return half


def _named(sources: Sequence[str], chosen: Bools) -> tuple[str, ...]:
    return tuple(name for name, is_in in zip(sources, chosen.tolist(), strict=True) if is_in)


def _texts(tokenizer: Tokenizer) -> list[bytes]:
    """Return the tokens by id, b"" for special ones, up to the last one of text."""
    texts = tokenizer.text_tokens
    special = set(tokenizer.vocabulary.special_ids)
    return [b"" if i in special else texts.get(i, b"") for i in range(max(texts) + 1)]


def _trained(tasks: Sequence[VocabularyTask], context: Context) -> list[list[bytes]]:
    """Return the tokens of each tokenizer, by id; equal tokens are one object."""
    known: dict[bytes, bytes] = {}
    made: dict[int, list[bytes]] = {}
    with context.progress.stage("train shadow tokenizers", len(tasks), "tokenizers") as advance:
        for index, tokens in context.engine.run(train_vocabulary, tasks):
            made[index] = [known.setdefault(token, token) for token in tokens]
            advance(1)
    return [made[i] for i in range(len(tasks))]


def _tables(results: Mapping[int, Attacked], sources: Sequence[str], members: Bools | None) -> dict[str, pl.DataFrame]:
    """Return the tables by file name. results: by the number of sources that merges of the target needed."""
    scores, ratings, single = [], [], []
    is_member = [None] * len(sources) if members is None else members.tolist()
    for support, result in results.items():
        for name, evidence in result.evidence.items():
            rates = [None, None] if members is None else [rate(evidence, members) for rate in RATES]
            ratings.append((name, support, *rates))
            rows = zip(sources, score_of(name, evidence).tolist(), evidence.tolist(), is_member, strict=True)
            scores += [(source, name, support, score, own, member) for source, score, own, member in rows]
        single += [(token, sources[source], count, support) for token, source, count in result.single]
    return {
        SCORES: pl.DataFrame(scores, SCORES_SCHEMA, orient="row"),
        RATINGS: pl.DataFrame(ratings, RATINGS_SCHEMA, orient="row"),
        SINGLE: pl.DataFrame(single, SINGLE_SCHEMA, orient="row"),
    }


RATES: Final = (area_under_curve, true_positive_rate)
SCORES_SCHEMA: Final = {
    "source": pl.String, "attack": pl.String, "min_sources": pl.Int64, "score": pl.Float64, "evidence": pl.Float64,
    "member": pl.Boolean,
}  # fmt: skip
RATINGS_SCHEMA: Final = {
    "attack": pl.String, "min_sources": pl.Int64, "auc": pl.Float64, "tpr_at_1pct_fpr": pl.Float64,
}  # fmt: skip
SINGLE_SCHEMA: Final = {"token": pl.Binary, "source": pl.String, "count": pl.Int64, "min_sources": pl.Int64}


def _rating_line(name: str, support: int, auc: float | None, rate: float | None) -> str:
    """Return the line of an attack in the summary."""
    where = f"{name}, --min-sources {support}" if support > 1 else name
    if auc is None or rate is None:
        return f"{where}: not rated, members are not known or are all sources"
    return f"{where}: AUC {auc:.3f}, {rate:.1%} of members found at 1 % false positives"
