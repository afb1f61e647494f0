"""Parity-aware training: the list of a slow oracle and of Hugging Face's trainer, split and resumed anywhere."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import tokenizers
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from operators.byte_level import to_bytes, to_chars
from operators.shard import Shard
from operators.tokenizer import Merges, Tokenizer, same_merges
from operators.training.extension import extend
from operators.training.in_memory import train_by_parity
from operators.training.parity import ALL, Choices, LanguageWords, ParityRule, ParitySelection
from operators.training.reducer import Reducer, learn_rounds
from tests import parity_oracle

EVERYTHING = 100_000
"""More tokens than any corpus here can give: training to exhaustion."""
EMPTY = Tokenizer("none", (), Merges.from_rows([]))
Words = Mapping[bytes, int]

some_words = st.dictionaries(
    st.one_of(st.text("ab", min_size=1, max_size=8), st.text("ab ~é", min_size=1, max_size=6)).map(str.encode),
    st.sampled_from([1, 1, 1, 2, 3]),
    min_size=1,
    max_size=6,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Words], dict[str, Any]]:
    """Words of up to four languages, and a variant of the rule; few letters and small counts give many ties."""
    n = draw(st.integers(1, 4))
    words: list[Words] = [draw(some_words) for _ in range(n)]
    rule: dict[str, Any] = {"after": draw(st.sampled_from([0, 0, 3]))}
    if draw(st.booleans()):
        rule["parallel"] = [draw(some_words) for _ in range(n)]
    else:
        rule["ratios"] = [draw(st.sampled_from([0.7, 1.0, 2.57])) for _ in range(n)]
    if draw(st.booleans()):
        rule |= {"window": draw(st.sampled_from([1, 3, 10])), "alpha": draw(st.sampled_from([0.3, 1.0, 2.0]))}
    return words, rule


def language_words(words: Sequence[Words]) -> LanguageWords:
    return LanguageWords.joined(
        [(pa.array(list(one), pa.large_binary()), np.array(list(one.values()), np.int64)) for one in words]
    )


def rule_of(words: Sequence[Words], rule: Mapping[str, Any]) -> ParityRule:
    parallel = language_words(rule["parallel"]) if "parallel" in rule else None
    judged = language_words(words) if parallel is None else parallel
    ratios, window = tuple(rule.get("ratios", ())), rule.get("window", 0)
    return ParityRule(judged.lengths(len(words)), parallel, ratios, rule["after"], window, rule.get("alpha", 2.0))


def rows_of(choices: Merges, start: Tokenizer = EMPTY) -> list[tuple[bytes, bytes, int, int]]:
    assert isinstance(choices, Choices)
    texts = extend(start, choices)[0].text_tokens
    columns = (choices.left, choices.right, choices.count, choices.language)
    return [
        (texts[left], texts[right], n, own) for left, right, n, own in zip(*(c.tolist() for c in columns), strict=True)
    ]


@settings(max_examples=100)
@given(cases(), st.integers(0, 25), st.sampled_from([1, 1, 2, 3]), st.sampled_from([None, None, 3, 4]))
@example(([{b"aaaa": 1}], {"after": 0, "ratios": [1.0]}), 9, 1, None)
def test_the_list_equals_the_oracles_in_all_variants(
    case: tuple[list[Words], dict[str, Any]], size: int, minimum: int, longest: int | None
) -> None:
    """Merges, counts and the languages served."""
    words, rule = case
    limits: dict[str, Any] = {"min_pair_count": minimum, "max_token_length": longest}
    made = train_by_parity(language_words(words), 256 + size, rule_of(words, rule), **limits)
    expected = parity_oracle.train(words, 256 + size, **rule, **limits)
    assert rows_of(made) == [(one.left, one.right, one.count, one.served) for one in expected]


@settings(max_examples=50)
@given(cases(), st.integers(1, 3), st.data())
def test_any_split_gives_the_same_rounds_and_any_of_them_can_be_resumed(
    case: tuple[list[Words], dict[str, Any]], shards: int, data: st.DataObject
) -> None:
    words, rule = case
    table = language_words(words)

    def fleet(n: int) -> list[Shard]:
        parts = [(table.words[i::n], table.counts[i::n], table.languages[i::n]) for i in range(n)]
        parts = [(pa.array(some.to_pylist(), pa.large_binary()), counts, own) for some, counts, own in parts]
        return [Shard(some, counts, EMPTY.byte_ids, None, own) for some, counts, own in parts]

    def rounds_of(own: list[Shard], before: Sequence[Merges] = ()) -> list[Merges]:
        reducer = Reducer(EMPTY, EVERYTHING, 1, ParitySelection(rule_of(words, rule), EMPTY))
        assert all(reducer.restore_round(batch) for batch in before)
        counts = [shard.initial_counts() for shard in own]
        apply = lambda batch: [shard.apply(batch) for shard in own]  # noqa: E731
        return list(learn_rounds(reducer, counts, apply, Merges.joined(before)))

    whole = rounds_of(fleet(1))
    split = rounds_of(fleet(shards))
    assert len(split) == len(whole) and all(map(same_merges, split, whole))
    at = data.draw(st.integers(0, len(whole)))
    rest = rounds_of(fleet(shards), whole[:at])
    assert len(rest) == len(whole) - at and all(map(same_merges, rest, whole[at:]))


def test_merges_that_do_not_meet_are_taken_in_one_round() -> None:
    """Four languages in letters of their own: each round has a merge of each."""
    words = [{bytes([65 + 4 * i, 66 + 4 * i, 67 + 4 * i, 68 + 4 * i]): 7} for i in range(4)]
    rule = rule_of(words, {"parallel": words, "after": 0})
    table = language_words(words)
    own = Shard(table.words, table.counts, EMPTY.byte_ids, None, table.languages)
    reducer = Reducer(EMPTY, EVERYTHING, 1, ParitySelection(rule, EMPTY))
    rounds = list(learn_rounds(reducer, [own.initial_counts()], lambda batch: [own.apply(batch)]))
    assert [len(batch) for batch in rounds] == [4, 4, 4]


def peer_merges(words: Sequence[Words], merges: int, rule: Mapping[str, Any], **more: Any) -> list[list[str]]:
    """The list of tokenizers' ParityBpeTrainer."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    lines = tokenizers.pre_tokenizers.Split("\n", "removed")
    bytes_of = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([lines, bytes_of])
    if "window" in rule:
        more |= {"variant": "window", "window_size": rule["window"], "alpha": rule["alpha"]}
    trainer = tokenizers.trainers.ParityBpeTrainer(
        num_merges=merges, global_merges=rule["after"], show_progress=False, **more
    )

    def texts(of: Sequence[Words]) -> list[Any]:
        return [iter(["\n".join([word.decode()] * count) for word, count in one.items()]) for one in of]

    parallel = texts(rule["parallel"]) if "parallel" in rule else None
    trainer.train_from_iterator(tokenizer, texts(words), dev_iterators=parallel, ratio=rule.get("ratios"))
    found: list[list[str]] = json.loads(tokenizer.to_str())["model"]["merges"]
    return found


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 25), st.sampled_from([1, 1, 2, 3]), st.sampled_from([None, None, 3, 4]))
def test_the_list_equals_hugging_faces(
    case: tuple[list[Words], dict[str, Any]], merges: int, minimum: int, longest: int | None
) -> None:
    """Cases in which their loop ends. In their file a pair that was merged twice stands at its last place."""
    words, rule = case
    limits: dict[str, Any] = {"min_pair_count": minimum, "max_token_length": longest}
    try:
        parity_oracle.train(words, EVERYTHING, **rule, **limits, refuse_endless=True)
    except parity_oracle.Endless:
        assume(False)
    made = train_by_parity(language_words(words), EVERYTHING, rule_of(words, rule), **limits)[:merges]
    more = {"min_frequency": minimum} | ({} if longest is None else {"max_token_length": longest})
    texts = extend(EMPTY, made)[0].text_tokens
    pairs = [
        [to_chars(texts[one]) for one in pair] for pair in zip(made.left.tolist(), made.right.tolist(), strict=True)
    ]
    last = {tuple(pair): i for i, pair in enumerate(pairs)}
    assert [pair for i, pair in enumerate(pairs) if last[tuple(pair)] == i] == peer_merges(words, merges, rule, **more)


@settings(max_examples=50)
@given(cases(), st.integers(0, 10), st.integers(0, 10))
def test_a_tokenizer_is_extended_by_parity(case: tuple[list[Words], dict[str, Any]], size: int, more: int) -> None:
    """The tokenizer's merges come first and are no choices; then the lists go on as from words that they made."""
    words, rule = case
    rule.pop("ratios", None)
    rule.setdefault("parallel", words)
    base = extend(EMPTY, train_by_parity(language_words(words), 256 + size, rule_of(words, {**rule, "after": 0})))[0]
    made = train_by_parity(language_words(words), len(base.tokens) + more, rule_of(words, rule), start=base)
    given_pairs = [(base.tokens[a], base.tokens[b]) for a, b in zip(base.merges.left, base.merges.right, strict=True)]
    expected = parity_oracle.train(words, len(base.tokens) + more, **rule, given=given_pairs)
    assert rows_of(made, base) == [(one.left, one.right, one.count, one.served) for one in expected]


def test_the_first_language_and_the_largest_strings_win_ties() -> None:
    """Strings as in tokenizer.json, where a space is U+0120 and so comes behind all letters."""
    words = [{b"ab": 2, b" a": 2}, {b"xy": 2, b"xyz": 2}]
    made = train_by_parity(language_words(words), 258, rule_of(words, {"parallel": [{b"q": 1}, {b"q": 1}], "after": 0}))
    assert rows_of(made) == [(b" ", b"a", 2, 0), (b"a", b"b", 2, 0)]
    assert to_bytes("Ġ") == b" "


def test_merges_for_all_languages_are_marked() -> None:
    words = [{b"ab": 2}, {b"ab": 2, b"cd": 3}]
    made = train_by_parity(language_words(words), 258, rule_of(words, {"parallel": words, "after": 1}))
    assert rows_of(made) == [(b"a", b"b", 4, ALL), (b"c", b"d", 3, 1)]
