"""Spaces as SentencePiece means them: words begin with their space.

SentencePiece, and Hugging Face's Metaspace after it, write U+2581 for every space before they look at a text, so that
"the" and " the" are two words of one vocabulary. No space is left then, and a U+2581 that stood in the text cannot be
told from one. So both may as well be spaces: here they are, three times shorter, and a vocabulary that marks spaces
gives the space the id of its U+2581.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64, U8
from operators.text.preprocessing import SPACE_MARK

_SPACE: Final = 0x20


def unmarked(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """The documents with a space for every U+2581."""
    from pyarrow import compute  # takes long to import

    if not compute.any(compute.match_substring(text, SPACE_MARK)).as_py():
        return text
    return compute.replace_substring(text, SPACE_MARK, " ")


def prefixed(text: pa.LargeStringArray, which: NDArray[np.bool_] | None) -> pa.LargeStringArray:
    """The documents with a space before each that has text and that `which` (None: all) says."""
    from pyarrow import compute  # takes long to import

    lengths = compute.binary_length(text)
    chosen = compute.greater(lengths, 0)
    if which is not None:
        chosen = compute.and_(chosen, pa.array(which))
    spaces = compute.if_else(chosen, pa.scalar(" ", pa.large_string()), pa.scalar("", pa.large_string()))
    return compute.binary_join_element_wise(spaces, text, pa.scalar("", pa.large_string()))


def starts_with_space(text: pa.LargeStringArray) -> NDArray[np.bool_]:
    """True if each document begins with a space."""
    from pyarrow import compute  # takes long to import

    found: NDArray[np.bool_] = compute.starts_with(text, " ").to_numpy(zero_copy_only=False)
    return found


def squeezed(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """The documents without spaces at their ends, and one for each run of spaces inside."""
    from pyarrow import compute  # takes long to import

    text = compute.ascii_trim(text, " ")
    if not compute.any(compute.match_substring(text, "  ")).as_py():
        return text
    return compute.replace_substring_regex(text, "  +", " ")


def trimmed(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """The documents without spaces at their end."""
    from pyarrow import compute  # takes long to import

    return compute.ascii_rtrim(text, " ")


def cut_before_spaces(data: U8, starts: I64, *, runs: bool) -> tuple[I64, I64]:
    """Ends and documents, as in `PreTokens`, of words that begin at every space; `runs`: at every run of spaces."""
    spaces = data == _SPACE
    if runs and len(data):
        begins = spaces.copy()
        begins[1:] &= ~spaces[:-1]
    else:
        begins = spaces
    begins = np.append(begins, True)
    begins[starts] = True
    ends = np.flatnonzero(begins)
    ends = ends[ends > 0].astype(np.int64)
    documents = np.searchsorted(ends, starts, side="right").astype(np.int64)
    return ends, documents
