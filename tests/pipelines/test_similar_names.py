"""Names of languages that differ in capitals only."""

import polars as pl
import pytest

import babelmerge as bm
from pipelines.similar_names import note_similar, similar_names
from tests.pipelines.retokenize.corpora import Notes


def test_names_that_differ_in_capitals_are_noted_together() -> None:
    names = ["en", "EN", "de", "En", "STRASSE", "stra\u00dfe", "en"]
    assert similar_names(names) == [["EN", "En", "en"], ["STRASSE", "stra\u00dfe"]]
    notes = Notes()
    note_similar(names, notes)
    assert notes.notes[0].startswith("languages EN and En and en differ in capitals only, and are counted apart")
    note_similar(["en", "de", "eng"], notes)
    assert len(notes.notes) == 2


def test_texts_in_memory_are_told_of_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    texts = {"EN": ["the cat sat"], "en": ["the cat"], "de": ["die Katze"]}
    tokenizer = bm.train(texts, vocab_size=258)
    frame = pl.DataFrame({language: some[:1] for language, some in texts.items()})
    bm.premiums(frame, tokenizers=[tokenizer], baseline="en", resamples=100)
    assert caplog.text.count("languages EN and en differ in capitals only") == 2
