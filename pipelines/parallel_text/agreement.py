"""Agreement of documents' lengths between languages, which tells translations from other text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from operators.arrays import F64

LEAST_AGREEMENT: Final = 0.2
"""Correlation of the logarithms of documents' lengths under which a language's text is no translation of the others'.
Translations have 0.9 and more; documents in another order have about 0."""
ENOUGH: Final = 30
"""Fewest documents of different lengths from which that correlation is looked at."""


def document_bytes(selection: Path, languages: Sequence[str]) -> F64:
    """Return the bytes of the selected documents, float64[documents, languages], from a selection's table."""
    table = pq.read_table(selection, columns=["language", "bytes"])
    import pyarrow.compute as pc  # takes long to import

    columns = [table.filter(pc.equal(table["language"], name))["bytes"].to_numpy() for name in languages]
    return np.stack(columns, 1).astype(np.float64)


def stranger(sizes: F64, languages: Sequence[str]) -> tuple[str, float] | None:
    """Return the language whose documents are long where the others' are short, and its correlation with them.

    sizes: float64[documents, languages]. None: all may be translations, or there are too few documents to tell.

    >>> lengths = np.arange(1.0, 41.0)
    >>> stranger(np.stack([lengths, lengths, lengths[::-1]], 1), ["de", "en", "fr"])[0]
    'fr'
    """
    logs = np.log(np.maximum(sizes, 1))
    if len(logs) < ENOUGH or len(languages) < 2:
        return None
    found = []
    for place, name in enumerate(languages):
        others = np.median(np.delete(logs, place, 1), axis=1)
        if min(len(np.unique(sizes[:, place])), len(np.unique(others))) >= ENOUGH:
            found.append((float(np.corrcoef(logs[:, place], others)[0, 1]), name))
    agreement, name = min(found, default=(1.0, ""))
    return (name, agreement) if agreement < LEAST_AGREEMENT else None
