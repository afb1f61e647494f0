"""The example: a sentence that most languages have, typical in length."""

import random

import polars as pl
import pytest

from pipelines.parallel_text.selection import EXAMPLE_CHARACTERS, _example, left_out


def chosen(lengths: list[int], others: dict[str, list[int]] | None = None) -> int:
    """Return the place of the example among the baseline's documents of these lengths; `others`: language to places."""
    rows = [{"language": "en", "id": str(i), "characters": size} for i, size in enumerate(lengths)]
    for language, places in (others or {}).items():
        rows += [{"language": language, "id": str(i), "characters": 1} for i in places]
    return int(_example(pl.DataFrame(rows), "en"))


def test_the_example_is_a_sentence_of_median_length() -> None:
    assert chosen([2, 50, 300, 70, 120]) == 3  # 50, 70, 120 fit
    assert chosen([2, 1, 7]) == 2  # none fits: the nearest
    assert chosen([900, 300, 250]) == 2
    assert chosen([60, 60, 60]) == 0


def test_the_example_is_one_that_most_languages_have() -> None:
    assert chosen([2, 50, 70, 120], {"de": [0, 3], "fr": [0, 3]}) == 3


@pytest.mark.parametrize("seed", range(10))
def test_the_example_is_what_a_loop_finds(seed: int) -> None:
    draw = random.Random(seed)
    lengths = [draw.choice([2, 9, 41, 80, 199, 205, 500]) + draw.randrange(5) for _ in range(30)]
    fit = [size for size in lengths if EXAMPLE_CHARACTERS[0] <= size <= EXAMPLE_CHARACTERS[1]]
    middle = (sorted(fit)[(len(fit) - 1) // 2] + sorted(fit)[len(fit) // 2]) / 2
    nearest = min(abs(size - middle) for size in fit)
    assert chosen(lengths) == next(i for i, size in enumerate(lengths) if size in fit and abs(size - middle) == nearest)


def test_what_is_left_out_is_counted() -> None:
    assert left_out({}) == ""
    facts = {"languages_without_text": ["fr", "x1"], "empty_documents": 1234, "repeated_documents": 2}
    assert left_out(facts) == (
        "; no text in French (fr), x1, left out; 1,234 documents without text left out; 2 documents share their id "
        "with another of their language, left out (repeated_documents.parquet)"
    )
