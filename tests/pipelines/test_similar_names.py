"""Names of languages that differ in capitals only."""

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
