"""The step `retokenize`: the corpus as token shards, as it is or mixed, shuffled, packed, split."""

from pathlib import Path

import msgspec

from operators.encoding.segmentation import parse_segmentation
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.outputs import Output, describe_inputs, fingerprint, read_run
from pipelines.results import Retokenized, summarized
from pipelines.retokenize.changes import changes_in_words
from pipelines.retokenize.duplicates import FOLDER, Duplicates
from pipelines.retokenize.incremental import encode_corpus
from pipelines.retokenize.mixing import Mix, mixes_of
from pipelines.retokenize.options import Encoding, id_type_of, token_id
from pipelines.retokenize.second_pass import arrangement_of, retokenize_arranged
from pipelines.retokenize.settings import Retokenize
from pipelines.retokenize.split_runs import run_splits
from pipelines.settings import BadSettings
from pipelines.stage import Made
from pipelines.token_shards.shards import SPLITS
from pipelines.tokenizers import load_tokenizer


def retokenize(settings: Retokenize, context: Context) -> Retokenized:
    """Encode what is new or changed of a corpus since the last run.

    Raises BadSettings, BadToken, and what `encode_corpus` and loading the tokenizer raise.
    """
    tokenizer = load_tokenizer(settings.tokenizer)
    encoding = _encoding(settings, tokenizer, context)
    arrangement = arrangement_of(settings, tokenizer, encoding, beyond=_is_beyond(settings, tokenizer))
    kind = "tokens" if arrangement is None else "arranged"
    output = Output(out_directory(settings.out), SPLITS if settings.split else kind)
    files = context.input_files(settings.corpus, output)
    mixes = mixes_of(settings, fingerprint("corpus", {}, describe_inputs(files)))
    duplicates = Duplicates(output.directory / FOLDER) if settings.drop_duplicates else None

    def encode(into: Output, how: Encoding) -> Made:
        return encode_corpus(files, tokenizer, into, how, context, duplicates)

    def run(name: str, mix: Mix | None) -> Retokenized:
        into, mixed = Output(output.directory / name, kind), msgspec.structs.replace(encoding, mix=mix)
        where = msgspec.structs.replace(settings, out=str(Path(settings.out, name))) if name else settings
        if arrangement is not None:
            return retokenize_arranged(where, files, tokenizer, into, mixed, arrangement, context, encode)
        with into:
            return _summed(into, encode(into, mixed), where.out)

    try:
        if settings.split:
            return run_splits(output, ("tokens", "arranged"), mixes, run, context)
        return run("", mixes[""])
    finally:
        if duplicates is not None:
            duplicates.remove()


def _summed(output: Output, made: Made, where: str) -> Retokenized:
    """Return the result of an output, with the sums of its counts in words. where: the output, for people."""
    facts = made.manifest.facts
    tokens, documents = (sum(one[figure] for one in facts["languages"].values()) for figure in ("tokens", "documents"))
    run = read_run(output.directory)
    changes = f" ({changes_in_words(run.inputs)})" if run is not None and run.inputs else ""
    dropped = f", {facts['duplicates']:,} duplicates left out" if "duplicates" in facts else ""
    what = f"{tokens:,} tokens of {documents:,} documents{dropped}{changes}"
    return Retokenized(output.directory, made.manifest, made.kept, summarized(made.kept, what, facts, where))


def _encoding(settings: Retokenize, tokenizer: Tokenizer, context: Context) -> Encoding:
    """Return the encoding options that the settings name for this tokenizer."""
    inference = parse_segmentation(settings.inference)
    named = bool(tokenizer.added_tokens)
    if settings.special_tokens_in_text == "ids" and not named:
        reason = f"{settings.tokenizer} names no special tokens to find; leave it out, or give a tokenizer.json"
        raise BadSettings("special_tokens_in_text", reason)
    if settings.end is not None and settings.separator is not None:
        raise BadSettings("separator", "is another name of end; give one of them")
    if settings.column in ("", "id", "language") or not settings.column.isprintable():
        raise BadSettings("column", f"{settings.column!r} cannot name the column of ids; take input_ids or tokens")
    end = "end" if settings.separator is None else "separator"
    begin_id, end_id = (
        None if token is None else token_id(tokenizer, setting, token, beyond=_is_beyond(settings, tokenizer))
        for setting, token in (("begin", settings.begin), (end, getattr(settings, end)))
    )
    encoding = Encoding(
        format=settings.format,
        column=settings.column,
        id_type=settings.id_type,
        begin=begin_id,
        end=end_id,
        inference=str(inference),
        seed=settings.seed if inference.is_random else 0,  # another seed changes nothing else
        special_ids=settings.special_tokens_in_text == "ids",
        on_bad_record=context.on_bad_record,
    )
    id_type_of(tokenizer, encoding)  # before any work
    return encoding


def _is_beyond(settings: Retokenize, tokenizer: Tokenizer) -> bool:
    """Return True if the tokenizer's file does not hold its special tokens, so that larger ids may be meant."""
    ranks = settings.tokenizer.partition(",pretokenizer=")[0].endswith((".tiktoken", ".model"))
    return ranks and not tokenizer.added_tokens
