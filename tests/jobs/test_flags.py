"""Flags: one way for all lists, and for all numbers by name."""

from typing import Any

import pytest

from jobs.configuration import BadConfiguration
from jobs.flags import given, parameters, positional_of
from pipelines.mixture.settings import Mixture
from pipelines.plan.settings import Plan
from pipelines.premiums.settings import Premiums
from pipelines.settings import Execution
from pipelines.train.settings import Train


@pytest.mark.parametrize(
    ("kind", "name", "values", "parsed"),
    [
        (Train, "sizes", ["8192,16384"], [8192, 16384]),
        (Train, "sizes", ["8192", "16384, 300"], [8192, 16384, 300]),
        (Train, "special_tokens", ["<s>,</s>"], ["<s>", "</s>"]),
        (Train, "special_tokens", ["<a\\,b>", "<c>"], ["<a,b>", "<c>"]),
        (Train, "shares", ["en=1,de=2.5"], {"en": 1.0, "de": 2.5}),
        (Train, "weights", ["en=1", "a=b=2"], {"en": 1.0, "a=b": 2.0}),
        (Premiums, "languages", ["a,b", "c"], ["a", "b", "c"]),
        (Premiums, "tokenizer", ["x.json,r.tiktoken,pretokenizer=gpt4"], ["x.json", "r.tiktoken,pretokenizer=gpt4"]),
        (Premiums, "parallel", ["a,b.txt", "c.txt"], ["a,b.txt", "c.txt"]),
        (Mixture, "only", ["a,b"], ["a", "b"]),
        (Plan, "vocab_sizes", ["300,400"], [300, 400]),
    ],
)  # fmt: skip
def test_a_list_has_commas_or_is_repeated(kind: Any, name: str, values: list[str], parsed: Any) -> None:
    assert given([kind, Execution], {name: values, "other": None, "empty": []}) == {name: parsed}


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("shares", ["en=1,en=2"], "--shares: 'en' is given twice; name it once"),
        ("shares", ["en=1", "en=1"], "--shares: 'en' is given twice"),
        ("shares", ["en"], "--shares: 'en' is not NAME=NUMBER"),
        ("weights", ["en=x"], "--weights: 'en=x' is not NAME=NUMBER"),
        ("sizes", ["300,many"], "--sizes: 'many' is not a whole number; write NUMBER,NUMBER,..."),
        ("special_tokens", ["<s>,"], "--special-tokens: '<s>,' has an empty entry"),
        ("word_table", [""], "--word-table: '' has an empty entry"),
    ],
)
def test_names_given_twice_and_entries_that_are_none_are_refused(name: str, values: list[str], says: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        given([Train], {name: values})
    assert str(caught.value).startswith(says)


def test_a_command_takes_its_own_settings_first_and_the_corpus_as_arguments() -> None:
    names = [one.name for one in parameters(Train)]
    assert positional_of(Train) == (names[0],) == ("corpus",)
    assert names[-3:] == ["text_field", "id_field", "language_field"]
