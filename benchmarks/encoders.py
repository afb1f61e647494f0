"""One encoder in a process of its own: documents in memory to ids, several times over; each time is taken.

    python -m benchmarks.encoders NAME TOKENIZER PATTERN DOCUMENTS.arrow THREADS PASSES RESULT

DOCUMENTS.arrow has one column, `text`. Each peer is handed what it takes (lists of str, bytes; Arrow for babelmerge),
made before the clock starts; loading the tokenizer is timed by itself. RESULT.json gets the times and the peak memory,
RESULT.npz the ids of the last pass, one after the other, and the documents' offsets.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

BATCH_BYTES: Final = 8 << 20
Encode = Callable[[], Any]
Ids = Callable[[Any], tuple[Any, Any]]
"""Convert the result of an encoder to ids (uint32) and offsets (int64)."""


def babelmerge(folder: str, pattern: str, text: pa.LargeStringArray, threads: int) -> tuple[Encode, Ids]:
    """Arrow batches of about BATCH_BYTES, an Encoder for each thread."""
    del pattern
    from operators.encoding.encode import Encoder
    from pipelines.tokenizers import load_tokenizer

    tokenizer = load_tokenizer(folder)
    encoders = [Encoder(tokenizer) for _ in range(threads)]
    offsets = np.frombuffer(text.buffers()[1], np.int64, len(text) + 1)
    cuts = np.unique(np.searchsorted(offsets, np.arange(0, offsets[-1] + BATCH_BYTES, BATCH_BYTES)))
    batches = [text.slice(a, b - a) for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True) if b > a]
    pool = ThreadPoolExecutor(threads)

    def some(which: int) -> list[tuple[int, Any]]:
        return [(i, encoders[which].encode(batches[i])) for i in range(which, len(batches), threads)]

    def encode() -> Any:
        if threads == 1:
            return some(0)
        return [one for part in pool.map(some, range(threads)) for one in part]

    def ids(made: Any) -> tuple[Any, Any]:
        made = [one for _, one in sorted(made, key=lambda one: one[0])]
        lengths = np.concatenate([np.diff(ends) for _, ends in made])
        return np.concatenate([found for found, _ in made]).astype(np.uint32), _offsets(lengths)

    return encode, ids


def tokenizers(folder: str, pattern: str, text: pa.LargeStringArray, threads: int) -> tuple[Encode, Ids]:
    """`encode_batch_fast`, which leaves offsets out."""
    del pattern, threads  # by RAYON_NUM_THREADS
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    documents = text.to_pylist()
    return lambda: tokenizer.encode_batch_fast(documents, add_special_tokens=False), lambda made: _joined(
        [one.ids for one in made]
    )


def tiktoken(folder: str, pattern: str, text: pa.LargeStringArray, threads: int) -> tuple[Encode, Ids]:
    """`encode_ordinary_batch`."""
    library = import_module("tiktoken")
    ranks = import_module("tiktoken.load").load_tiktoken_bpe(str(Path(folder) / "ranks.tiktoken"))
    encoding = library.Encoding("ours", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    documents = text.to_pylist()
    return lambda: encoding.encode_ordinary_batch(documents, num_threads=threads), _joined


def gigatoken(folder: str, pattern: str, text: pa.LargeStringArray, threads: int) -> tuple[Encode, Ids]:
    """`encode_batch`, bytes in, an awkward array out: its fastest way for documents in memory."""
    del pattern  # threads by RAYON_NUM_THREADS
    tokenizer = import_module("gigatoken").Tokenizer(str(Path(folder) / "tokenizer.json"))
    documents = [document.encode() for document in text.to_pylist()]

    def ids(made: Any) -> tuple[Any, Any]:
        awkward = import_module("awkward")
        return awkward.to_numpy(awkward.flatten(made)), _offsets(awkward.to_numpy(awkward.num(made)))

    return lambda: tokenizer.encode_batch(documents, parallel=threads > 1), ids


def _joined(lists: Any) -> tuple[Any, Any]:
    lengths = np.fromiter((len(one) for one in lists), np.int64, len(lists))
    flat = np.fromiter((i for one in lists for i in one), np.uint32, int(lengths.sum()))
    return flat, _offsets(lengths)


def _offsets(lengths: Any) -> Any:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


ENCODERS: Final[dict[str, Callable[[str, str, pa.LargeStringArray, int], tuple[Encode, Ids]]]] = {
    "babelmerge": babelmerge,
    "gigatoken": gigatoken,
    "tiktoken": tiktoken,
    "tokenizers": tokenizers,
}


def main(name: str, folder: str, pattern: str, path: str, threads: int, passes: int, result: Path) -> None:
    """Encode `passes` times; the first is cold: nothing was encoded before it in this process."""
    with pa.OSFile(path) as source:
        text = pa.ipc.open_file(source).read_all().column("text").combine_chunks()
    began = time.monotonic()
    encode, ids = ENCODERS[name](folder, pattern, text, threads)
    loaded, times, made = time.monotonic() - began, [], None
    for _ in range(passes):
        made = None  # what a pass made is freed before the next
        began = time.monotonic()
        made = encode()
        times.append(time.monotonic() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    flat, offsets = ids(made)
    np.savez(result.with_suffix(".npz"), ids=flat, offsets=offsets)
    result.with_suffix(".json").write_text(json.dumps({"load_s": loaded, "pass_s": times, "peak_bytes": peak}))


if __name__ == "__main__":
    _name, _folder, _pattern, _path, _threads, _passes, _result = sys.argv[1:]
    main(_name, _folder, _pattern, _path, int(_threads), int(_passes), Path(_result))
