"""The file of a model of events: events.parquet, which is the whole tokenizer.

One row an event, in their order; what else the tokenizer is stands in the schema's metadata.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.text.pretokenize import parse_preprocessing
from operators.tokenizer import Tokenizer, initial_tokens
from operators.tokenizer_files.errors import MalformedTokenizer
from operators.training.event_list import Event, model_tokenizer, problem_of
from pipelines.corpus.parquet_pages import check_table_size
from pipelines.outputs import replacing

EVENTS: Final = "events.parquet"
MAX_EVENTS: Final = 1 << 22
"""Largest number of rows of an events.parquet, which may be compressed by any factor."""
_MODEL: Final = b"babelmerge"
"""Key of the metadata."""
_OTHER: Final = "it has no events, and is no tokenizer.json or other tokenizer file"
MERGE, REMOVAL = "merge", "removal"

EVENTS_SCHEMA: Final = pa.schema(
    [
        pa.field("event", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("token", pa.int32(), nullable=False),
        pa.field("parts", pa.list_(pa.field("item", pa.int32(), nullable=False)), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("token_bytes", pa.binary(), nullable=False),
        pa.field("parts_bytes", pa.list_(pa.field("item", pa.binary(), nullable=False)), nullable=False),
    ]
)
"""Schema of events.parquet: a merge makes `token` of the two parts, a removal makes the parts of `token`. count: the
pair's count when it was merged, or the occurrences of the token that was removed. Ids from the size of the vocabulary
on are tokens that are removed at the end."""


class _Model(msgspec.Struct):
    """Metadata of the schema: the rest of the tokenizer."""

    model: str
    pretokenizer: str
    special_tokens: list[str]
    vocabulary: int


def write_events(tokenizer: Tokenizer, path: Path) -> None:
    """Write events.parquet atomically. Raises WriteFailed."""
    with replacing(path) as temporary:
        pq.write_table(events_table(tokenizer), temporary, compression="zstd")


def events_table(tokenizer: Tokenizer) -> pa.Table:
    """Return the events of a tokenizer as a table (EVENTS_SCHEMA)."""
    model = tokenizer.events
    assert model is not None
    texts, size = tokenizer.text_tokens, len(tokenizer.tokens)
    texts = texts | dict(enumerate(model.removed, size))
    tokens = np.where(model.right < 0, model.left, model.made).tolist()
    pairs = zip(model.left.tolist(), model.right.tolist(), strict=True)
    parts = [[left, right] if right >= 0 else model.parts_of(event) for event, (left, right) in enumerate(pairs)]
    columns: list[Any] = [
        np.arange(len(model), dtype=np.int32),
        np.where(model.right < 0, REMOVAL, MERGE),
        tokens, parts, model.count,
        [texts[token] for token in tokens],
        [[texts[part] for part in row] for row in parts],
    ]  # fmt: skip
    arrays = [pa.array(column, field.type) for column, field in zip(columns, EVENTS_SCHEMA, strict=True)]
    about = _Model(model.name, tokenizer.pretokenizer, list(tokenizer.special_tokens), size)
    return pa.table(arrays, schema=EVENTS_SCHEMA.with_metadata({_MODEL: msgspec.json.encode(about)}))


def read_events(path: Path) -> Tokenizer:
    """Load events.parquet. Raises MalformedTokenizer, BadPattern."""
    try:
        with path.open("rb") as file:
            check_table_size(file, MAX_EVENTS)
        with pq.ParquetFile(path) as parquet:
            if _MODEL not in (about := parquet.schema_arrow.metadata or {}):
                raise MalformedTokenizer(str(path), _OTHER)
            model = msgspec.json.decode(about[_MODEL], type=_Model)
            table = parquet.read([field.name for field in EVENTS_SCHEMA]).cast(EVENTS_SCHEMA)
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, msgspec.DecodeError) as error:
        raise MalformedTokenizer(str(path), f"no events ({' '.join(str(error).split())[:200]})") from error
    parse_preprocessing(model.pretokenizer)
    names = ("kind", "token", "parts", "count", "token_bytes")
    kinds, tokens, parts, counts, texts = (table.column(name).to_pylist() for name in names)
    known, first = dict(zip(tokens, texts, strict=True)), initial_tokens(model.special_tokens)
    learned = sorted(i for i in known if i >= len(first))
    whole = [known[i] for i in learned]
    size = model.vocabulary - len(first)
    if learned != list(range(len(first), len(first) + len(learned))) or not 0 <= size <= len(whole):
        raise MalformedTokenizer(str(path), "its events leave out a token, or its vocabulary has another size")
    rows = [
        Event(kind == REMOVAL, token, tuple(own), count)
        for kind, token, own, count in zip(kinds, tokens, parts, counts, strict=True)
    ]
    if any(len(one.parts) != 2 and not one.is_removal for one in rows):
        raise MalformedTokenizer(str(path), "a merge has more or fewer than two parts")
    vocabulary = [*first, *whole[:size]]
    tokenizer = model_tokenizer(model.pretokenizer, model.special_tokens, vocabulary, whole[size:], rows, model.model)
    if (problem := problem_of(tokenizer)) is not None:
        raise MalformedTokenizer(str(path), problem)
    return tokenizer
