"""Training on lists of ids instead of text: `train --sequences`.

The ids become characters (`operators.id_lists`), so word tables, weights, checkpoints and resuming are those of text.
The merge list equals that of Hugging Face's `BpeTrainer` on the characters.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.id_lists import FIRST, points_of, start_of
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.hugging_face_output import to_plain_json
from operators.tokenizer_files.transformers_files import Roles, special_tokens_map, tokenizer_config
from operators.training.extension import extend
from pipelines.context import Context, out_directory
from pipelines.corpus.id_lists import read_id_lists
from pipelines.outputs import Manifest, Output, replacing
from pipelines.results import Trained, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import MERGES, SPECIAL_MAP, TOKENIZER_CONFIG, TOKENIZER_JSON, merges_table
from pipelines.train.checkpoint import CHECKPOINT, Checkpoint
from pipelines.train.rounds import ShardSource, TrainingTarget, learn
from pipelines.train.settings import DEFAULT_SIZE, Train, check_languages, special_tokens_of
from pipelines.train.shards import count_symbols, shard_number, weigh
from pipelines.words.counting import count_words, word_files
from pipelines.words.word_tables import read_words

ALPHABET: Final = "alphabet.parquet"
OF_TEXT: Final = (
    "word_table", "sizes", "pretokenizer", "digits", "letters_apart", "whole_characters", "require", "superwords",
    "transition", "superword_pretokenizer", "max_words", "not_across", "extend", "parity", "parity_ratios",
    "parity_after", "parity_window", "parity_alpha", "chat_template", "language_field", "model", "sources_field",
    "min_sources", "source_priority", "picky",
)  # fmt: skip
"""Names of the settings that have no meaning for lists of ids."""
_ALPHABET_SCHEMA: Final = pa.schema([("id", pa.int32()), ("token", pa.int32()), ("character", pa.string())])
_SYMBOL_BYTES: Final = 4


def train_sequences(settings: Train, context: Context) -> Trained:
    """Count lists of ids, find their alphabet, and train. Raises BadSettings and what counting and training raise."""
    settings = _resolved(settings)
    out = out_directory(settings.out)
    output = Output(out, "tokenizer")
    files = context.input_files(settings.corpus, output)
    if any(file.source.language_field is not None for file in files):
        raise BadSettings("language_field", "is not read with lists of ids; name the language of each source")
    if any(file.source.id_field is not None for file in files):
        raise BadSettings("id_field", "is not read with lists of ids; leave it out")
    with output:
        words = count_words(
            files, "none", out / "words", context, partitions=settings.partitions, read=read_id_lists
        ).manifest
        made = _train(words, out / "words", output, settings, context)
    facts = made.manifest.facts
    short = "" if facts["vocabulary"] == settings.vocab_size else " (no remaining pair is frequent enough)"
    what = f"a tokenizer of {facts['vocabulary']:,} tokens{short} over {facts['alphabet']:,} ids, "
    what += f"{facts['merges']:,} merges in {facts['rounds']:,} rounds"
    return Trained(out, made.manifest, made.kept, summarized(made.kept, what, words.facts, settings.out))


def _resolved(settings: Train) -> Train:
    """Return settings with a vocabulary size and all special tokens. Raises BadSettings."""
    defaults = {one.encode_name: one for one in msgspec.structs.fields(Train)}
    for name in OF_TEXT:
        if getattr(settings, name) != _default(defaults[name]):
            raise BadSettings(name, "is of text, and has no meaning for lists of ids; leave it out")
    if not settings.corpus:
        raise BadSettings("train", "corpus is missing; name files of lists of ids")
    check_languages(settings)
    special = special_tokens_of(settings, ())
    return msgspec.structs.replace(settings, vocab_size=settings.vocab_size or DEFAULT_SIZE, special_tokens=special)


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _train(words: Manifest, directory: Path, output: Output, settings: Train, context: Context) -> Made:
    stage = Stage(
        "tokenizer", settings.hashed(), [{"words": words.fingerprint}],
        [TOKENIZER_JSON, TOKENIZER_CONFIG, SPECIAL_MAP, MERGES, ALPHABET],
    )  # fmt: skip
    checkpoint = Checkpoint(output.directory / CHECKPOINT, stage.fingerprint)
    multipliers, weighed = weigh(words, settings.weighting)

    def work(_: Path) -> Written:
        paths = word_files(words, directory)
        ids = alphabet_of(paths, settings.alphabet, context)
        _check_special(settings.special_tokens, ids)
        start, size = start_of(ids, tuple(settings.special_tokens)), int(settings.vocab_size or 0)
        if size <= (present := len(start.tokens)):
            reason = f"{size:,} leaves no room for a merge (there are {present:,} tokens before the first)"
            raise BadSettings("vocab_size", f"{reason}; ask for {present + 1:,} or more")
        symbols = count_symbols(words, multipliers, _SYMBOL_BYTES)
        shards = shard_number(paths, symbols, context, 1)
        source = ShardSource(
            paths, shards, multipliers, start.byte_ids, settings.max_token_length, symbols=present,
            characters=start.vocabulary.characters,
        )  # fmt: skip
        reducer = learn(
            TrainingTarget(start, size, settings.min_pair_count), source, checkpoint, settings.resume, context
        )
        tokenizer = extend(start, reducer.merges)[0]
        written = _save(tokenizer, ids, output.directory, Roles.of(settings.hashed()))
        total = sum(weighed.values())
        mixture = {language: own / total for language, own in weighed.items()}
        facts = {"vocabulary": reducer.vocabulary, "alphabet": len(ids), "merges": len(reducer.merges)}
        return Written(written, facts | {"rounds": len(reducer.rounds), "mixture": mixture})

    made = make(stage, output, context, work)
    checkpoint.remove()
    return made


def ids_in(path: Path) -> I64:
    """Worker task: return the ids in a partition of the word tables, ascending."""
    points = np.unique(points_of(read_words([path], None)[0])[0])
    return points.astype(np.int64) - FIRST


def alphabet_of(paths: list[Path], size: int | None, context: Context) -> I64:
    """Return the alphabet, int64, ascending: the ids under `size`, or those that occur. Raises BadSettings."""
    found = np.unique(np.concatenate([ids for _, ids in context.engine.run(ids_in, paths)]))
    if size is None:
        return found
    if len(found) and int(found[-1]) >= size:
        raise BadSettings(
            "alphabet", f"is {size:,}, and the id {int(found[-1]):,} occurs; ask for more, or leave it out"
        )
    return np.arange(size, dtype=np.int64)


def _check_special(special_tokens: list[str], ids: I64) -> None:
    """Raise BadSettings for a special token that is written as an id of the alphabet: a file holds each text once."""
    for token in special_tokens:
        if len(token) == 1 and ord(token) - FIRST in ids:
            raise BadSettings(
                "special_tokens", f"{token!r} is the character of the id {ord(token) - FIRST:,}; use another"
            )


def _save(tokenizer: Tokenizer, ids: I64, directory: Path, roles: Roles) -> list[str]:
    """Write the tokenizer and its alphabet; return the names of the files."""
    contents = {TOKENIZER_JSON: to_plain_json(tokenizer).encode(), TOKENIZER_CONFIG: tokenizer_config(roles)}
    if (named := special_tokens_map(roles)) is not None:
        contents[SPECIAL_MAP] = named
    for name, content in contents.items():
        with replacing(directory / name) as temporary:
            temporary.write_bytes(content)
    first = len(tokenizer.special_tokens)
    columns: list[Any] = [ids, np.arange(first, first + len(ids)), [chr(FIRST + one) for one in ids.tolist()]]
    alphabet = pa.table([pa.array(c, f.type) for c, f in zip(columns, _ALPHABET_SCHEMA, strict=True)], _ALPHABET_SCHEMA)
    for name, table in ((MERGES, merges_table(tokenizer)), (ALPHABET, alphabet)):
        with replacing(directory / name) as temporary:
            pq.write_table(table, temporary, compression="zstd")
    return sorted([*contents, MERGES, ALPHABET])
