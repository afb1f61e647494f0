"""Precompilation of kernels: run each once on a few words, so that numba compiles and caches it.

Started as `python -m operators.precompile [GROUP...]`. Kernels are grouped by the commands that need them. Independent
groups are compiled in processes of their own, as numba compiles one kernel at a time.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.kernels import CACHE, are_compiled, stamp
from operators.reading.json_array import ArrayLines
from operators.reading.json_objects import objects_of
from operators.reading.lines import line_offsets
from operators.shard import PairChanges, Shard
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from operators.text.rules import SUPERBPE_REGEX
from operators.tokenizer import UNDONE, Merges, PieceModel, Tokenizer
from operators.training.in_memory import train_words
from operators.training.pair_totals import SMALLEST_TABLE, PairTotals
from operators.word_table import WordCounter, WordTable, mark_figures, text_sizes

_SOME_TEXT: Final = " ".join(f"word{i}s {chr(97 + i % 26) * (1 + i % 5)}{i * i}'s" for i in range(400))
_COMPILED: Final = r"\p{L}+"
"""An expression without a scanner."""
_MANY_TOKENS: Final = 1 << 16
"""More token ids than two bytes can hold."""


def import_kernels(patterns: tuple[str, ...] = ("gpt4",)) -> tuple[pa.LargeBinaryArray, I64, Merges]:
    """Run the kernels of counting and training, so that the process has them loaded; 0.1 s once they are compiled.

    Returns words, their counts and merges, for further kernels.
    """
    _read()
    texts = pa.array([_SOME_TEXT, _SOME_TEXT[::-1] + "x" * 600, ""], pa.large_string())
    counter = WordCounter()
    for pattern in patterns:
        counter.add(Pretokenizer(pattern).split(texts), pa.array(["a", "b", "b"]))
    table = WordTable()
    for _, rows in counter.tables(1):
        table.add_rows(rows.column("word").combine_chunks(), rows.column("count").to_numpy())
    words, counts, _ = table.sorted()
    text_sizes(words, counts)
    mark_figures(words, counts)
    return words, counts, train_words(words, counts, 400)


def _read() -> None:
    line_offsets(np.frombuffer(_SOME_TEXT.encode(), np.uint8))
    ArrayLines().lines_of(b'[{"text": "a"}]')
    objects_of(b'{"text": "a"}\n', ("text", "id", "language"), None)


def _words() -> None:
    """Kernels of train, with every pre-tokenizer."""
    import_kernels((*PATTERNS, _COMPILED))
    ids = np.arange(SMALLEST_TABLE, dtype=np.int32)
    PairTotals().add([PairChanges(ids, ids, ids, np.ones(len(ids), np.int64))])  # more than its first table holds
    _spell(_a_tokenizer())


def _spell(tokenizer: Tokenizer) -> None:
    """Kernels of reading and writing tokenizer files."""
    from operators.encoding.word_encoder import final_pairs, merge_table

    final_pairs({257: b"word"}, tokenizer.byte_ids, merge_table(tokenizer.merges))


def _uint32_ids() -> None:
    """Kernels of train for ids of more than two bytes."""
    words, counts, merges = import_kernels()
    wide = Shard(words, counts, Tokenizer("gpt4", (), merges).byte_ids + np.int32(_MANY_TOKENS))
    first = wide.initial_counts()
    wide.apply(Merges(first.left[:1], first.right[:1], np.full(1, 2 * _MANY_TOKENS, np.int32), first.change[:1]))


def _parity() -> None:
    """Kernels of train by parity."""
    from operators.training.in_memory import train_by_parity
    from operators.training.parity import LanguageWords, ParityRule

    words, counts, _ = import_kernels()
    both = LanguageWords.joined([(words[i::2], counts[i::2]) for i in (0, 1)])
    for parallel in (both, None):
        train_by_parity(both, 300, ParityRule(both.lengths(2), parallel, () if parallel else (1.0, 1.0)))


def _a_tokenizer() -> Tokenizer:
    """Return a small tokenizer, made without kernels."""
    none = Tokenizer("gpt4", (), Merges.from_rows([]))
    w, o, r, d = (int(none.byte_ids[byte]) for byte in b"word")
    return replace(none, merges=Merges.from_rows([(w, o, 256, 9), (r, d, 257, 8), (256, 257, 258, 7)]))


def _encoding() -> None:
    """Kernels of encoding, and of the counts of premiums."""
    from operators.encoding.encode import Encoder
    from operators.encoding.parts import SuperwordEncoder
    from operators.kernels.packing import with_boundaries
    from operators.metrics.words import word_counts

    _read()
    tokenizer = _a_tokenizer()
    _spell(tokenizer)
    texts = pa.array([_SOME_TEXT, "", "x" * 600], pa.large_string())
    ids, offsets = Encoder(tokenizer).encode(texts)
    sizes = np.array([len(token) for token in tokenizer.tokens], np.int32)
    with_boundaries(ids, offsets, 1, 2, np.empty(len(ids) + 2 * len(texts), np.int32))
    word_counts(texts, ids, offsets, sizes, np.zeros(len(sizes), np.uint8))
    for pattern in (*PATTERNS, _COMPILED):
        Pretokenizer(pattern).split(texts)
    marked = replace(tokenizer, special_tokens=("<s>",), published=replace(tokenizer.vocabulary, special_ids=(0,)))
    Encoder(marked, special_ids=True).encode(pa.array(["a<s>"], pa.large_string()))
    Pretokenizer('{"normalizer":{"type":"NFC"},"pre_tokenizer":null}').split(texts)
    rows = tokenizer.merges
    joined = replace(rows, right=np.append(rows.right[:-1], np.int32(tokenizer.byte_ids[0x20])))
    SuperwordEncoder(replace(tokenizer, merges=joined)).encode(Pretokenizer(SUPERBPE_REGEX).split(texts))
    _pieces()


def _pieces() -> None:
    """Kernels of reading and encoding with Unigram and WordPiece models."""
    from operators.encoding.word_encoder import WordEncoder

    words = Pretokenizer('{"pre_tokenizer":{"type":"BertPreTokenizer"}}').split(
        pa.array([_SOME_TEXT], pa.large_string())
    )
    texts, ids = (b"?", b"w", b"##o"), np.arange(3, dtype=np.int32)
    for normalizer in ('{"type":"Lowercase"}', '{"type":"SentencePiece","rules":"","add_dummy_prefix":true,'
                       '"remove_extra_whitespaces":true}'):  # fmt: skip
        Pretokenizer(f'{{"normalizer":{normalizer}}}').split(pa.array(["Aa"], pa.large_string()))
    WordEncoder(replace(_a_tokenizer(), pieces=PieceModel("wordpiece", texts, ids, 0, prefix=b"##"))).encode(words)


def _unigram_training() -> None:
    """Kernels of training pieces that no other group has."""
    from operators.unigram_training.mingram import mingram
    from operators.unigram_training.unigram import Rules, train_pieces
    from operators.unigram_training.words import ShardWords

    words, counts, merges = import_kernels()
    of_words = ShardWords(words, counts)
    mingram(Tokenizer("gpt4", (), merges), of_words, 300)
    train_pieces(of_words, Rules(300))


def _events() -> None:
    """Kernels of merges that are undone."""
    from operators.event_shard import EventShard

    words, counts, _ = import_kernels()
    byte_ids = Tokenizer("gpt4", (), Merges.from_rows([])).byte_ids
    for first in (0, _MANY_TOKENS):
        shard = EventShard(words, counts, byte_ids + np.int32(first))
        pair = int(shard.initial_counts().left[0]), int(shard.initial_counts().right[0])
        shard.apply(Merges.from_rows([(*pair, 2 * first + 256, count) for count in (1, UNDONE)]))


def _stochastic() -> None:
    """Kernels of random segmentation."""
    from operators.encoding.segmentation import RANDOM, parse_segmentation
    from operators.encoding.word_encoder import WordEncoder

    pieces = Pretokenizer("gpt4").split(pa.array([_SOME_TEXT], pa.large_string()))
    for name in RANDOM:
        WordEncoder(_a_tokenizer(), parse_segmentation(f"{name}:0.5")).encode(pieces, np.zeros(1, np.uint64))


def _array_record() -> None:
    """Kernels of ArrayRecord files."""
    from operators.kernels.highway_hash import KEY, put_chunk, put_footers, put_records, put_varints

    data, numbers, out = np.zeros(8, np.uint8), np.array([0, 8]), np.empty(1 << 10, np.uint8)
    put_records(data, numbers, 0, out, np.empty(1, np.int64), KEY)
    put_chunk(data, 0, 0, 0, 0, out, KEY)
    put_footers(numbers[:1], numbers[1:], out, np.empty(1, np.int64))
    put_varints(numbers, out)


def _arranging() -> None:
    """Kernels of shuffled and packed runs."""
    from operators.kernels.packing import best_fit, copy_pieces

    numbers = np.array([1, 1])
    best_fit(numbers, 2, np.empty(2, np.int64))
    for kind in (np.uint16, np.uint32):
        ids = np.zeros(4, kind)
        copy_pieces(ids, numbers, numbers, numbers, ids.copy())


def _replaying() -> None:
    """Kernels of curves and mixture that no other group has."""
    from operators.curves.tokens_by_size import measure_curve
    from operators.kernels.isotonic import pool_rising
    from operators.mixture.evidence import count_emissions
    from operators.mixture.program import infer_mixture
    from operators.mixture.replay import record_changes

    words, counts, merges = import_kernels()
    tokenizer = Tokenizer("gpt4", (), merges)
    measure_curve(words, counts, tokenizer)
    halves = [record_changes(str(i), words[i::2], counts[i::2], tokenizer, merges) for i in (0, 1)]
    infer_mixture(halves, merges)
    count_emissions(words, np.zeros(len(words), np.int64), counts, 1, tokenizer, merges)
    pool_rising(np.ones(2), np.ones(2))


def _pruning() -> None:
    """Kernels of prune that no other group has."""
    from operators.pruning.derivations import structure_of
    from operators.pruning.fragmentation import count_tokens, tokens_by_step
    from operators.pruning.order import removal_order

    words, counts, merges = import_kernels()
    tokenizer = Tokenizer("gpt4", (), merges)
    structure = structure_of(tokenizer)
    order, _ = removal_order(structure, count_tokens(words, counts, tokenizer, structure))
    tokens_by_step([("", words, counts)], tokenizer, structure, order)


def _fairness() -> None:
    """Kernels of design that no other group has."""
    from operators.kernels.merge_pool import precompile

    precompile()


def _superwords() -> None:
    """Kernels of superwords that no other group has."""
    from operators.superwords.sequences import PairSplitter, SecondStage, SequenceSplitter, ids_of, pairs_of
    from operators.training.text_order import TextOrderSelection

    texts, stage = pa.array([_SOME_TEXT, ""], pa.large_string()), SecondStage(_a_tokenizer(), SUPERBPE_REGEX)
    table = WordTable()
    rows = PairSplitter(stage).split(texts)
    table.add(rows.data, 0, rows.ends, np.ones(1, np.int64))
    pairs = np.sort(pairs_of(table.sorted()[0]))
    rows = SequenceSplitter(stage, pairs).split(texts)
    table = WordTable()
    table.add(rows.data, 0, rows.ends, np.ones(1, np.int64))
    words, counts, _ = table.sorted()
    for symbols in (512, _MANY_TOKENS):
        shard = Shard.of_sequences(*ids_of(words), counts, symbols)
    selection = TextOrderSelection(stage.first)
    selection.ask = lambda tokens: [np.array([shard.doubled(token) for token in tokens.tolist()])]
    selection.add([shard.initial_counts()])
    selection.take(2, 1)


def _sources() -> None:
    """Kernels of the sources of words that no other group has."""
    from operators.training.sources import PairSources, PrioritySelection
    from operators.word_sources import SourcedCounter, hashes_of

    words, counts, _ = import_kernels()
    texts = pa.array([_SOME_TEXT, _SOME_TEXT[::-1]], pa.large_string())
    counter = SourcedCounter()
    counter.add_documents(Pretokenizer("gpt4").split(texts), pa.array(["", ""]), pa.array(["a", "b"]))
    again = SourcedCounter([np.zeros(1, np.uint64)])
    again.add_rows(next(counter.tables(1))[1].to_batches()[0])
    hashes = np.sort(hashes_of(words))
    pairs = hashes, np.arange(len(hashes), dtype=np.uint64)
    for first in (0, _MANY_TOKENS):
        shard = Shard(words, counts, Tokenizer("gpt4", (), Merges.from_rows([])).byte_ids + np.int32(first))
        found = PairSources(shard, words, counts, pairs)
        selection = PrioritySelection(1, 2, 1)
        selection.ask = lambda _, asked: [found.of(asked)]  # noqa: B023
        selection.add([shard.initial_counts()])
        selection.take(1, 1)


GROUPS: Final[Mapping[str, Callable[[], None]]] = {
    "words": _words,
    "encoding": _encoding,
    "uint32_ids": _uint32_ids,
    "parity": _parity,
    "replaying": _replaying,
    "fairness": _fairness,
    "superwords": _superwords,
    "unigram_training": _unigram_training,
    "events": _events,
    "stochastic": _stochastic,
    "array_record": _array_record,
    "arranging": _arranging,
    "pruning": _pruning,
    "sources": _sources,
}
_INDEPENDENT: Final = ("words", "encoding")
"""Groups that share few kernels; the other groups consist mostly of kernels of these."""


def compile_kernels(groups: Iterable[str] = tuple(GROUPS)) -> None:
    """Compile the kernels of these groups, with the types that jobs use.

    A group that is not compiled yet takes 10 to 20 seconds; on two processors two groups take no longer than one.
    """
    missing = [group for group in _INDEPENDENT if group in groups and not are_compiled(group)]
    processes = [subprocess.Popen([sys.executable, "-m", "operators.precompile", group]) for group in missing[1:]]
    if missing:
        _compile(missing[0])
    for process in processes:
        process.wait()
    for group in sorted(
        groups, key=list(GROUPS).index
    ):  # also groups that a process failed at, so that the error is raised here
        _compile(group)


def _compile(group: str) -> None:
    if not are_compiled(group):
        GROUPS[group]()
        with contextlib.suppress(OSError):  # a cache that cannot be written to is no error: it is only slower
            CACHE.mkdir(parents=True, exist_ok=True)
            stamp(group).touch()


if __name__ == "__main__":
    compile_kernels(sys.argv[1:] or GROUPS)
