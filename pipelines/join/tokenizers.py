"""Two tokenizers joined: the second's tokens behind the first's, beside what learning on would have given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from operators.pruning.derivations import structure_of
from operators.tokenizer import Tokenizer
from operators.training.extension import check_extendable
from operators.training.union import union
from pipelines.context import Context, out_directory
from pipelines.join.settings import Join
from pipelines.named_tables import with_names
from pipelines.outputs import Manifest, Output, write_table
from pipelines.results import JoinedTokenizer, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Stage, Written, make
from pipelines.token_uses.counting import emissions_by_language
from pipelines.tokenizers import TOKENIZER_FILES, load_tokenizer, save_tokenizer, tokenizer_fingerprint
from pipelines.train.settings import Train
from pipelines.train.step import train_words
from pipelines.words.counting import count_words, word_files

JOINED: Final = "joined.parquet"
COMPARED: Final = "compared.parquet"


def join_tokenizers(settings: Join, context: Context) -> JoinedTokenizer:
    """Join two tokenizers. Raises BadSettings, NotExtendable, NotPrunable, and what loading and counting raise."""
    if len(settings.shards) != 2:
        raise BadSettings("join", f"takes two tokenizers, not {len(settings.shards)}; name the one that stays first")
    if settings.size is not None:
        raise BadSettings("size", "is of token shards; tokenizers take --to")
    first, second = map(load_tokenizer, settings.shards)
    check_extendable(first)
    structure_of(first), structure_of(second)  # raise where these are of another kind
    if settings.to is not None and settings.to <= len(first.tokens):
        raise BadSettings("to", f"{settings.to:,} is not above the {len(first.tokens):,} tokens of the first tokenizer")
    output = Output(out := out_directory(settings.out), "tokenizer")
    files = context.input_files(settings.corpus, output) if settings.corpus else []
    named = {"first": tokenizer_fingerprint(first), "second": tokenizer_fingerprint(second)}

    def work(scratch: Path) -> Written:
        found = union(first, second, settings.to)
        if not found.added:
            raise BadSettings("join", "the first tokenizer has every token that the second could add")
        saved = save_tokenizer(found.tokenizer, out)
        write_table(_table(found.added, found.unreachable, found.underived, len(first.tokens)), out / JOINED)
        without = {} if saved.without_ranks is None else {"without_ranks": saved.without_ranks}
        facts: dict[str, Any] = {
            "vocabulary": len(found.tokenizer.tokens), "added": len(found.added), "shared": found.shared,
            "unreachable": len(found.unreachable), "underived": len(found.underived), **without,
        }  # fmt: skip
        if words is None:
            return Written([*saved.files, JOINED], facts)
        learned = _learned(first, len(found.tokenizer.tokens), words, out / "words", scratch, context)
        tokenizers = {"before": first, "joined": found.tokenizer, "learned": learned}
        paths = word_files(words, out / "words")
        emitted = {n: emissions_by_language(paths, one, structure_of(one), context) for n, one in tokenizers.items()}
        counts = {n: {lang: int(own.sum()) for lang, (_, own) in apart.items()} for n, apart in emitted.items()}
        write_table(with_names(_compared(counts)), out / COMPARED)
        totals = {f"tokens_{name}": sum(by_language.values()) for name, by_language in counts.items()}
        return Written([*saved.files, JOINED, COMPARED], facts | totals)

    with output:
        words = None
        if files:
            counted = count_words(files, first.pretokenizer, out / "words", context, partitions=settings.partitions)
            words = counted.manifest
        inputs = [] if words is None else [{"words": words.fingerprint}]
        stage = Stage(
            "joined tokenizer", settings.hashed(**named), inputs, [*TOKENIZER_FILES, JOINED, COMPARED],
            uses_engine=words is not None,
        )  # fmt: skip
        made = make(stage, output, context, work)
    facts = made.manifest.facts
    what = (
        f"a tokenizer of {facts['vocabulary']:,} tokens, {facts['added']:,} added, {facts['unreachable']:,} "
        f"unreachable ones left out{_beside(facts)}"
    )
    return JoinedTokenizer(out, made.manifest, made.kept, summarized(made.kept, what, {}, settings.out))


def _learned(
    first: Tokenizer, size: int, words: Manifest, words_directory: Path, scratch: Path, context: Context
) -> Tokenizer:
    """Return the first tokenizer, extended to a size on the words."""
    with (output := Output(scratch / "learned", "tokenizer")):
        train_words(words, words_directory, output, Train(out="", vocab_size=size), first, context)
    return load_tokenizer(str(output.directory))


def _table(added: list[bytes], unreachable: list[bytes], underived: list[bytes], first: int) -> pl.DataFrame:
    """Return joined.parquet: token (bytes), id (null: left out), why (unreachable, underived; null: added)."""
    rows: list[tuple[bytes, int | None, str | None]] = [(text, first + i, None) for i, text in enumerate(added)]
    rows += [(text, None, "unreachable") for text in unreachable] + [(text, None, "underived") for text in underived]
    return pl.DataFrame(rows, {"token": pl.Binary, "id": pl.Int64, "why": pl.String}, orient="row")


def _compared(counts: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """Return compared.parquet: language, tokens_before, tokens_joined, tokens_learned."""
    languages = sorted(next(iter(counts.values())))
    columns = {f"tokens_{name}": [own[language] for language in languages] for name, own in counts.items()}
    return pl.DataFrame({"language": languages, **columns})


def _beside(facts: Mapping[str, Any]) -> str:
    if "tokens_before" not in facts:
        return ""
    joined, learned = (100 * (facts[f"tokens_{name}"] / facts["tokens_before"] - 1) for name in ("joined", "learned"))
    return f"; the corpus has {joined:+.2f} % tokens, and {learned:+.2f} % where the same number is learned from it"
