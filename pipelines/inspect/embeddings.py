"""Findings from the embedding matrices of a model: indicators of under-trained tokens."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from operators.metrics.embeddings import indicators
from operators.tokenizer import Tokenizer
from pipelines.inspect.findings import Findings
from pipelines.inspect.safetensors import INPUT_NAMES, OUTPUT_NAMES, BadTensors, read_matrix
from pipelines.inspect.settings import Inspect
from pipelines.settings import BadSettings

_UNUSED_BYTES: Final = (0xC0, 0xC1, *range(0xF5, 0x100))
"""Bytes that UTF-8 never holds: their tokens were in no training text."""
_SUSPICIOUS: Final = 0.02
"""Share of tokens with the lowest indicator that count as candidates (Land and Bartolo 2024 verify so many)."""


def find_indicators(found: Findings, tokenizer: Tokenizer, path: Path, settings: Inspect) -> None:
    """Add the indicators of Land and Bartolo."""
    own = INPUT_NAMES if settings.input_tensor is None else (settings.input_tensor,)
    given = read_matrix(path, own)
    output = read_matrix(path, OUTPUT_NAMES if settings.output_tensor is None else (settings.output_tensor,))
    if given is None or (output is None and settings.output_tensor is not None):
        missing = own[0] if given is None else settings.output_tensor
        raise BadTensors(str(path), f"holds no tensor {missing}; name it with --input-tensor or --output-tensor")
    size, tied = len(tokenizer.tokens), output is None
    matrix = given if output is None else output
    if min(len(given), len(matrix)) < size:
        raise BadTensors(str(path), f"has {len(matrix):,} rows for {size:,} tokens; name the tokenizer of this model")
    unused = settings.unused or sorted({int(i) for i in tokenizer.byte_ids[list(_UNUSED_BYTES)] if i >= 0})
    if not unused or max(unused) >= len(matrix):
        raise BadSettings("unused", f"needs ids below {len(matrix):,} that are known never to have been trained")
    found.columns |= {f"output_{name}": pl.Series(one[:size]) for name, one in indicators(matrix, unused).items()}
    main = "output_cosine"
    if not tied:
        main = "input_norm"
        found.columns["input_norm"] = pl.Series(np.linalg.norm(given.astype(np.float64), axis=1)[:size])
    reachable = ~pl.col("unreachable") & ~pl.col("undecodable")
    limit = pl.col(main).filter(reachable & ~pl.col("special")).quantile(_SUSPICIOUS, "linear")
    found.faults["low indicator of training"] = reachable & (pl.col(main) <= limit)
    found.facts |= {"indicator": main, "tied_embeddings": tied, "unused": len(unused)}
