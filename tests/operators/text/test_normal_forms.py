"""Documents that a form is said to leave alone are left alone by the library that normalizes the others."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from benchmarks.equality import random_texts
from operators.kernels.normal_forms import UNSURE
from operators.text.normal_forms import FORMS, Form, classes, may_change
from operators.text.pretokenize import Pretokenizer


def unchanged(texts: list[str], form: Form) -> list[str]:
    changed = may_change(pa.array(texts, pa.large_string()), (form,))
    return [text for text, may in zip(texts, changed.tolist(), strict=True) if not may]


@pytest.mark.parametrize("form", FORMS)
def test_every_character_that_is_sure(form: Form) -> None:
    library = getattr(normalizers, form)()
    sure = [chr(code) for code in np.flatnonzero(classes(form) != UNSURE).tolist()]
    assert len(sure) > 40_000
    assert not set("\u0958Å\u212b") & set(sure) if form in ("NFD", "NFKD") else "Å" in sure
    random.Random(3).shuffle(sure)
    texts = ["".join(sure[i : i + 5]) for i in range(0, len(sure), 5)] + [f"e{char}の{char}" for char in sure]
    kept = unchanged(texts, form)
    assert len(kept) > 0.9 * len(texts)
    assert [text for text in kept if library.normalize_str(text) != text] == []


@given(st.lists(st.text("ae\u0301\u0323\u0345\u093c\u0928\u094d가각\u1161\u11a8ﬁÅ ", max_size=8), max_size=9))
def test_any_text(texts: list[str]) -> None:
    for form in FORMS:
        library = getattr(normalizers, form)()
        assert [text for text in unchanged(texts, form) if library.normalize_str(text) != text] == []


@pytest.mark.parametrize("form", FORMS)
def test_what_is_normalized_equals_the_library(form: Form) -> None:
    preprocessing = f'{{"normalizer":{{"type":"{form}"}},"pre_tokenizer":null}}'
    texts = list(random_texts(2000, seed=6))
    library = getattr(normalizers, form)()
    found = Pretokenizer(preprocessing).normalizer.normalize(pa.array(texts, pa.large_string())).to_pylist()
    assert found == [library.normalize_str(text) for text in texts]
