"""SentencePiece's rules of normalization for batches of documents."""

import base64

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.double_array import double_array
from operators.kernels.character_map import TOO_SHORT
from operators.kernels.normalization_rules import Rules, apply_rules
from operators.text.arrow_text import bytes_and_starts
from operators.text.preprocessing import Section


class RulesNormalizer:
    """Normalizes as SentencePiece does, with spaces for its marks. Safe to share between threads."""

    def __init__(self, step: Section) -> None:
        blob = base64.b64decode(step["rules"])
        size = int.from_bytes(blob[:4], "little")
        if blob and not 4 < 4 + size < len(blob):
            raise ValueError("rules of normalization that are cut short")
        kept = [text.encode() for text in step.get("kept", [])]
        self._rules = Rules(
            np.frombuffer(blob[4 : 4 + size - size % 4], "<u4").astype(np.uint32),
            np.frombuffer(blob[4 + size :] + b"\0", np.uint8).copy(),
            *double_array(kept, np.arange(len(kept), dtype=np.int32)),
            bool(step["add_dummy_prefix"]),
            bool(step["remove_extra_whitespaces"]),
        )

    def normalize(self, text: pa.LargeStringArray, opening: NDArray[np.bool_] | None) -> pa.LargeStringArray:
        """The normalized documents; opening: which may get a prefix, None: all. Raises ValueError for broken rules."""
        data, starts = bytes_and_starts(text)
        out_starts = np.empty(len(starts), np.int64)
        may = np.ones(len(text), np.bool_) if opening is None else np.ascontiguousarray(opening)
        out = np.empty(len(data) + len(data) // 4 + len(text) + 64, np.uint8)
        while apply_rules(data, starts, self._rules, may, out, out_starts) == TOO_SHORT:
            out = np.empty(2 * len(out), np.uint8)
        made = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(out_starts), pa.py_buffer(out))
        made.validate(full=True)  # replacements are a file's
        return made
