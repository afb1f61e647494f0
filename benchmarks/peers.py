"""Peers that train, their settings, and the agreement of two merge lists."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from operators.byte_level import to_bytes
from operators.text.pretokenizers import PATTERNS

ENDOFTEXT: Final = "<|endoftext|>"
"""Default separator at which gigatoken's `train_bpe` cuts a file into documents."""
ROW_GROUP_DOCUMENTS: Final = 100_000


@dataclass(frozen=True)
class MergeList:
    """Merges in order: pairs (left, right), or tokens (joined,) where a library returns no more."""

    items: list[tuple[bytes, ...]]
    counts: list[int] | None = None
    """The count of every pair when it was chosen, where it is known."""


@dataclass(frozen=True)
class Job:
    """One training."""

    text: Path
    vocab_size: int
    pattern: str
    """A name in operators.text.pretokenizers.PATTERNS."""
    out: Path


@dataclass(frozen=True)
class Peer:
    """A trainer: how it is started, how its list is read, and what it does in its own way."""

    name: str
    command: Callable[[Job], list[str]]
    read: Callable[[Path], MergeList]
    pattern: str | None = None
    """The only pattern it has; None where it takes any."""
    documents: str = "lines"
    """Unit that it takes for a document: `lines`, or `whole file`."""
    ties: str = "Hugging Face's"
    """Rule for pairs with equal counts."""


@dataclass(frozen=True)
class Agreement:
    """Comparison of a merge list with babelmerge's, under the same pattern."""

    equal: bool
    by: str
    """`merges`, or `tokens` where the peer tells no pairs."""
    first: int | None = None
    """The first rank at which they differ, from 0 on."""
    theirs: str = ""
    ours: str = ""
    common: float = 1.0
    """The share of babelmerge's tokens that the peer has too, wherever they stand."""
    why: str = ""


def read_pairs(out: Path) -> MergeList:
    """OUT/merges.txt, as benchmarks/trainers.py writes it."""
    lines = (out / "merges.txt").read_text("ascii").splitlines()
    return MergeList([tuple(bytes.fromhex(part) for part in line.split(" ")) for line in lines])


def read_tokenizer_json(out: Path) -> MergeList:
    """The merges of a tokenizer.json."""
    merges = json.loads((out / "tokenizer.json").read_text("utf-8"))["model"]["merges"]
    return MergeList([(to_bytes(left) or b"", to_bytes(right) or b"") for left, right in merges])


def read_babelmerge(out: Path) -> MergeList:
    """merges.parquet, with counts; its pairs are held against those of tokenizer.json."""
    table = pq.read_table(out / "merges.parquet", columns=["left_bytes", "right_bytes", "count"])
    sides = (table[side].to_pylist() for side in ("left_bytes", "right_bytes"))
    pairs: list[tuple[bytes, ...]] = list(zip(*sides, strict=True))
    if pairs != read_tokenizer_json(out).items:
        raise ValueError(f"{out}: merges.parquet and tokenizer.json hold different merges")
    return MergeList(pairs, table["count"].to_pylist())


def _by_trainers(name: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        arguments = [name, str(job.text), str(job.vocab_size), PATTERNS[job.pattern], str(job.out)]
        return [sys.executable, "-m", "benchmarks.trainers", *arguments]

    return command


def _babelmerge(engine: str) -> Callable[[Job], list[str]]:
    progress = "off" if engine == "local" else "json"  # the lines say when the first stage begins

    def command(job: Job) -> list[str]:
        settings = {"engine": engine, "progress": progress, "vocab-size": job.vocab_size, "pretokenizer": job.pattern}
        flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        return [sys.executable, "-m", "jobs.command", "train", str(job.text), *flags, "--out", str(job.out)]

    return command


LOCAL: Final = Peer("babelmerge", _babelmerge("local"), read_babelmerge)
RAY: Final = Peer("babelmerge, --engine ray", _babelmerge("ray"), read_babelmerge)
_BYTE_VALUES: Final = "by byte values"
PEERS: Final[dict[str, Peer]] = {
    "tokenizers": Peer("tokenizers", _by_trainers("tokenizers"), read_tokenizer_json),
    "gigatoken": Peer("gigatoken", _by_trainers("gigatoken"), read_pairs, pattern="gpt2", documents="whole file"),
    "rustbpe": Peer("rustbpe", _by_trainers("rustbpe"), read_pairs, ties=_BYTE_VALUES),
    "bpeasy": Peer("bpeasy", _by_trainers("bpeasy"), read_pairs, ties=_BYTE_VALUES),
    "gigabpe": Peer("gigabpe", _by_trainers("gigabpe"), read_pairs, pattern="gpt2"),
    "ffbpe": Peer("ffbpe", _by_trainers("ffbpe"), read_pairs, ties=_BYTE_VALUES),
}
"""Name of the distribution to how it trains."""


def compare(peer: Peer, theirs: MergeList, ours: MergeList) -> Agreement:
    """Describe the first difference of a peer's list from babelmerge's, and its cause where the lists prove it."""
    by = "tokens" if any(len(item) == 1 for item in theirs.items) else "merges"
    left, right = (_items(one, by) for one in (theirs, ours))
    if left == right:
        return Agreement(True, by)
    tokens = [Counter(_items(one, "tokens")) for one in (theirs, ours)]
    common = (tokens[0] & tokens[1]).total() / max(1, tokens[1].total())
    differing = (i for i, (one, other) in enumerate(zip(left, right, strict=False)) if one != other)
    first = next(differing, min(len(left), len(right)))
    shown = [_readable(one[first]) if first < len(one) else "nothing" for one in (left, right)]
    return Agreement(False, by, first, shown[0], shown[1], common, _why(peer, left, right, ours.counts, first))


def _items(one: MergeList, by: str) -> list[tuple[bytes, ...]]:
    return one.items if by == "merges" else [(b"".join(item),) for item in one.items]


def _readable(item: tuple[bytes, ...]) -> str:
    """Text where it is text, bytes where it is not: `' the'`, `b'\\xe2\\x80'`."""
    return " + ".join(_text_or_bytes(part) for part in item)


def _text_or_bytes(part: bytes) -> str:
    try:
        return repr(part.decode())
    except UnicodeDecodeError:
        return repr(part)


def _why(
    peer: Peer,
    theirs: list[tuple[bytes, ...]],
    ours: list[tuple[bytes, ...]],
    counts: list[int] | None,
    first: int,
) -> str:
    """Counts only fall, so a pair that babelmerge takes later with the same count tied with the one it took first."""
    if first == min(len(theirs), len(ours)):
        return f"the lists have {len(theirs):,} and {len(ours):,} entries"
    if counts is not None and theirs[first] in ours[first:]:
        later = ours.index(theirs[first], first)
        if counts[later] == counts[first]:
            return f"a tie: both pairs occur {counts[first]:,} times; {peer.name} breaks ties {peer.ties}"
    if peer.documents != "lines":
        return f"{peer.name} takes the {peer.documents} as one document, not lines"
    return "not known"


def documents_of_whole(lines: Iterable[str]) -> Iterator[str]:
    """Documents whose GPT-2 pieces are those of the whole file: line ends go to the front of the next document.

    No match of GPT-2's pattern holds a blank behind another character, so text may be cut before a line end that
    follows one; and each alternative but the last two stops there by itself. Where a line ends in blanks (or is empty)
    there is no cut. ENDOFTEXT ends a document and belongs to none, as in gigatoken.
    """
    waiting = ""
    for line in lines:
        *ended, rest = line.removesuffix("\n").split(ENDOFTEXT)
        for part in ended:
            if waiting + part:
                yield waiting + part
            waiting = ""
        waiting += rest
        if line.endswith("\n"):
            if waiting and not waiting[-1].isspace():
                yield waiting
                waiting = ""
            waiting += "\n"
    if waiting:
        yield waiting


def write_documents_of_whole(text: Path, parquet: Path) -> None:
    """The same as a Parquet file with one column, `text`."""
    schema = pa.schema([("text", pa.large_string())])
    with text.open(encoding="utf-8", newline="\n") as lines, pq.ParquetWriter(parquet, schema) as writer:
        documents: list[str] = []
        for document in documents_of_whole(lines):
            documents.append(document)
            if len(documents) == ROW_GROUP_DOCUMENTS:
                writer.write_batch(pa.record_batch([pa.array(documents, pa.large_string())], schema))
                documents = []
        writer.write_batch(pa.record_batch([pa.array(documents, pa.large_string())], schema))
