"""The quick check never passes a document that the form changes, and passes ordinary ones."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.text.normal_forms import FORMS, Form, may_change

texts = st.lists(st.text("ae\u0301\u0323\u0345\u093c\u0928\u094d\u06c1\u0654가각\u1161\u11a8ﬁÅ\U0002f800 ", max_size=8))


@given(texts, st.sampled_from(FORMS))
def test_what_passes_is_normalized(documents: list[str], form: Form) -> None:
    changed = may_change(pa.array(documents, pa.large_string()), (form,))
    assert [
        d for d, may in zip(documents, changed, strict=True) if not (may or unicodedata.is_normalized(form, d))
    ] == []


@pytest.mark.parametrize(
    "text, passes",
    [("", True), ("abc", True), ("é", True), ("e\u0301", False), ("नमस्ते", True), ("\u0316\u0317", True),
     ("\u05b0\u05a0", True), ("x\u05a0\u05b0", False), ("日本", True), ("\U0002f800", False), ("😀", True)],
)  # fmt: skip
def test_by_example(text: str, passes: bool) -> None:
    found = may_change(pa.array(["before", text, "behind"], pa.large_string()), ("NFC",))
    assert np.array_equal(found, [False, not passes, False])
