"""Line ends, compared with Python's own."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.reading.lines import count_line_ends, line_offsets


@given(st.lists(st.sampled_from([b"\n", b"a", b"\r", b"\xe2\x80\xa8", b"xyz" * 30, b"\n" * 70]), max_size=20))
def test_offsets_are_those_of_a_split(parts: list[bytes]) -> None:
    text = b"".join(parts)
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    expected = np.cumsum([0, *(len(line) for line in lines if line)])
    assert line_offsets(np.frombuffer(text, np.uint8)).tolist() == expected.tolist()
    assert count_line_ends(text) == text.count(b"\n")


def test_line_ends_of_a_long_text_are_counted_block_by_block() -> None:
    text = (b"a\n" * 5 + b"bcd") * 70_000
    assert count_line_ends(text) == count_line_ends(memoryview(text)) == 350_000
