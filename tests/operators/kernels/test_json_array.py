"""Arrays as lines: the elements that Python's reader finds, for chunks of any size."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from operators.reading.json_array import ArrayLines


def elements(data: bytes, size: int) -> list[bytes]:
    array = ArrayLines()
    found = b"".join(array.lines_of(data[i : i + size]) for i in range(0, len(data), size))
    array.end()
    assert array.damage is None
    return found.split(b"\n")[:-1] if found.strip() else []


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab\\"[]{},: \n\u20ac', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\]', max_size=2), inner, max_size=3),
    max_leaves=12,
)


@given(values=st.lists(_VALUES, max_size=6), size=st.integers(1, 40), indent=st.sampled_from([None, 0, 3]))
def test_any_array_is_split_as_pythons_reader_reads_it(values: list[Any], size: int, indent: int | None) -> None:
    found = elements(json.dumps(values, indent=indent).encode(), size)
    assert [json.loads(one) for one in found] == values
