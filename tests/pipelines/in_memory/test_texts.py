"""Texts in memory: whatever holds them, batches hold the same documents in the same order."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.errors import BabelmergeError
from pipelines.in_memory import texts as module
from pipelines.in_memory.texts import InvalidText, NotText, NullText, TextTooLong, text_batches

DOCUMENTS = ["", "a", "über", "漢字 " * 9, "x" * 70, "😀", "a"]

HOLDERS: dict[str, Callable[[list[str | None]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda documents: (one for one in documents),
    "string": lambda documents: pa.array(documents, pa.string()),
    "large_string": lambda documents: pa.array(documents, pa.large_string()),
    "string_view": lambda documents: pa.array(documents, pa.string_view()),
    "dictionary": lambda documents: pa.array(documents, pa.string()).dictionary_encode(),
    "slice": lambda documents: pa.array(["no", *documents, "no"], pa.string()).slice(1, len(documents)),
    "chunks": lambda documents: pa.chunked_array([documents[:2], [], documents[2:]], pa.string()),
    "Polars": lambda documents: pl.Series(documents, dtype=pl.String),
    "Polars, categories": lambda documents: pl.Series(documents, dtype=pl.Categorical),
    "Polars, chunks": lambda documents: pl.concat(
        [pl.Series(some, dtype=pl.String) for some in (documents[:3], documents[3:])], rechunk=False
    ),
    "numpy": lambda documents: np.array(documents, object),
}  # fmt: skip


def documents_of(texts: Any, batch_bytes: int = 1 << 20) -> list[str]:
    found = list[str]()
    for batch in text_batches(texts, batch_bytes):
        assert batch.type == pa.large_string()
        assert batch.null_count == 0
        found += batch.to_pylist()
    return found


@pytest.mark.parametrize("batch_bytes", [1, 30, 1 << 20])
@pytest.mark.parametrize("holder", HOLDERS)
def test_documents_come_through_in_order(holder: str, batch_bytes: int) -> None:
    assert documents_of(HOLDERS[holder](list(DOCUMENTS)), batch_bytes) == DOCUMENTS


@pytest.mark.parametrize("holder", HOLDERS)
def test_no_documents_are_no_batches(holder: str) -> None:
    assert documents_of(HOLDERS[holder]([])) == []


@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
@pytest.mark.parametrize("holder", [name for name in HOLDERS if name != "generator"])
def test_a_null_is_an_error_that_says_where(holder: str, batch_bytes: int) -> None:
    with pytest.raises(NullText, match=r"text 4 .*is null"):
        documents_of(HOLDERS[holder](["a", "b", "c", "d", None, "e", None]), batch_bytes)


def test_a_null_in_a_dictionary_and_a_column_of_nulls_are_errors() -> None:
    hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["a", None]))
    with pytest.raises(NullText, match="text 1 "):
        documents_of(hidden)
    with pytest.raises(NullText, match="text 0 "):
        documents_of(pa.nulls(3))
    assert documents_of(pa.nulls(0)) == []


@pytest.mark.parametrize(
    "texts",
    ["one text", b"bytes", {"en": "a"}, [1, 2], [b"a"], pa.array([1, 2]), pa.array([b"a"]), pl.Series([1.5]),
     pl.DataFrame({"a": ["x"]}), pl.LazyFrame({"a": ["x"]}), pa.table({"a": ["x"]}), np.array([1, 2]),
     pa.array([["a"]]), None, 7],
    ids=str,
)  # fmt: skip
def test_other_things_are_refused(texts: Any) -> None:
    with pytest.raises(NotText, match="texts are expected, found"):
        documents_of(texts)


@pytest.mark.parametrize("holder", [list, iter, lambda some: np.array(some, object)])
def test_half_a_surrogate_pair_is_refused(holder: Callable[[list[str]], Any]) -> None:
    with pytest.raises(InvalidText, match="UTF-8"):
        documents_of(holder(["a", "\ud800"]))


def test_a_text_that_is_too_long_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_DOCUMENT", 3)
    with pytest.raises(TextTooLong, match=r"text 2 .* has 4 bytes"):
        documents_of(pa.chunked_array([["a", "b"], ["漢x"]]))


def test_a_generator_is_read_as_batches_are_asked_for() -> None:
    read = list[int]()

    def documents() -> Iterator[str]:
        for i in range(1000):
            read.append(i)
            yield "x" * 100

    batches = text_batches(documents(), 1000)
    next(batches)
    assert len(read) <= 11


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), st.integers(1, 60))
def test_batches_are_about_as_large_as_asked_for(documents: list[str], batch_bytes: int) -> None:
    batches = [batch.to_pylist() for batch in text_batches(pa.array(documents, pa.string()), batch_bytes)]
    assert [one for batch in batches for one in batch] == documents
    sizes = [sum(len(one.encode()) for one in batch) for batch in batches]
    assert all(size <= batch_bytes or len(batch) == 1 for size, batch in zip(sizes, batches, strict=True))
    fits = [a + len(b[0].encode()) <= batch_bytes for a, b in zip(sizes, batches[1:], strict=False)]
    assert not any(fits), "a batch ends while the next document would have fitted"


def test_errors_are_ours() -> None:
    assert all(issubclass(kind, BabelmergeError) for kind in (NullText, NotText, InvalidText, TextTooLong))
