"""Multipliers are whole numbers in the ratios that were asked for, found without rounding anything on the way."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.words.weighting import UnknownLanguage, Weighting, WeightOutOfRange, shares_to_multipliers, whole_ratios

languages = st.dictionaries(st.sampled_from(["de", "en", "ru", "zh", "sw"]), st.integers(1, 10**12), min_size=1)


@given(st.lists(st.integers(1, 10**6).map(lambda n: n / 1000), min_size=1, max_size=9))
def test_weights_keep_their_ratios_exactly_in_the_smallest_whole_numbers(weights: list[float]) -> None:
    whole = whole_ratios(weights)
    asked = [Fraction(str(weight)) for weight in weights]
    assert [Fraction(one, whole[0]) for one in whole] == [one / asked[0] for one in asked]
    assert not any(all(one % prime == 0 for one in whole) for prime in (2, 3, 5, 7, 11, 13))
    assert all(isinstance(one, int) for one in whole)


def test_weights_of_some_languages_leave_the_others_as_they_are() -> None:
    sizes = {"de": 10, "en": 10, "zh": 10}
    assert Weighting(weights={"en": 2.5}).multipliers(sizes) == {"de": 2, "en": 5, "zh": 2}
    assert Weighting(weights={"zh": 3}).multipliers(sizes) == {"de": 1, "en": 1, "zh": 3}
    assert Weighting().multipliers(sizes) is None


def test_weights_and_shares_too_far_apart_are_refused() -> None:
    primes = [1 / n for n in (999_983, 999_979, 999_961, 999_959)]
    for weights in ([1e-20], [1e20], [float("inf")], [float("nan")], primes):
        with pytest.raises(WeightOutOfRange, match="within a factor of 1,000,000"):
            whole_ratios(weights)
    for shares in ({"en": 1.0, "de": 3e-15}, {"en": float("inf"), "de": 1.0}):
        with pytest.raises(WeightOutOfRange):
            shares_to_multipliers(shares, {"en": 10, "de": 10})


def test_shares_are_met() -> None:
    sizes = {"en": 1000, "de": 37, "zh": 910}
    scale = shares_to_multipliers({"en": 5, "de": 3, "zh": 0.02}, sizes)
    bytes_of = {name: scale[name] * sizes[name] for name in sizes}
    for name, share in {"en": 5, "de": 3, "zh": 0.02}.items():
        assert bytes_of[name] / sum(bytes_of.values()) == pytest.approx(share / 8.02, rel=1e-3)


@given(languages, st.sampled_from([1.0, 1.25, 1.4285714, 2.0, 3.3333333, 5.0, 100.0]))
def test_a_temperature_gives_shares_by_powers_of_bytes(sizes: dict[str, int], temperature: float) -> None:
    scale = Weighting(temperature=temperature).multipliers(sizes)
    assert scale is not None and all(isinstance(one, int) for one in scale.values())
    largest = max(sizes, key=lambda name: sizes[name])
    for name in sizes:
        ratio = scale[name] * sizes[name] / (scale[largest] * sizes[largest])
        assert ratio == pytest.approx((sizes[name] / sizes[largest]) ** (1 / temperature), rel=2e-3)


def test_a_temperature_of_one_changes_nothing_and_languages_without_text_are_left_out() -> None:
    assert Weighting(temperature=1).multipliers({"en": 7 * 10**9, "sw": 3, "zz": 0}) == {"en": 1, "sw": 1}
    assert Weighting(temperature=2).multipliers({"en": 400, "sw": 100}) == {"en": 1, "sw": 2}
    assert Weighting(temperature=2).multipliers({"en": 500, "sw": 3}) == {"en": 100, "sw": 1291}  # sqrt(500 / 3)


@pytest.mark.parametrize("weighting", [Weighting(shares={"xx": 1}), Weighting(weights={"xx": 1, "en": 2})])
def test_a_language_that_is_not_there_is_refused(weighting: Weighting) -> None:
    with pytest.raises(UnknownLanguage, match="'xx'; the corpus has de, en") as error:
        weighting.multipliers({"en": 1, "de": 2, "zz": 0})
    assert str(error.value).startswith(("shares: ", "weights: "))
