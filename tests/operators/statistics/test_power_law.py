"""The law against points that follow one, and against points that do not."""

import numpy as np
import pytest

from operators.statistics.power_law import fit_power_law


def test_points_of_a_law_are_found_again() -> None:
    sizes = np.geomspace(1_000, 32_000, 30)
    law = fit_power_law(sizes, 50_000 + 4e6 * sizes**-0.5)
    assert law is not None
    assert law.tokens(100_000) == pytest.approx(50_000 + 4e6 * 100_000**-0.5, rel=1e-3)
    assert law.error < 1e-3
    assert law.vocabulary(law.tokens(250_000)) == pytest.approx(250_000)
    assert law.vocabulary(law.floor) is None


def test_its_error_says_how_far_going_on_is_off() -> None:
    sizes = np.geomspace(1_000, 64_000, 40)
    tokens = 1e6 * sizes**-0.1 * np.exp(-((np.log(sizes) - np.log(64_000)) ** 2) / 8)  # rises, where no law does
    law = fit_power_law(sizes, tokens)
    assert law is not None
    assert law.error > 0.1


def test_a_law_never_falls_below_nothing_and_few_points_make_none() -> None:
    sizes = np.geomspace(1_000, 32_000, 30)
    law = fit_power_law(sizes, 1e6 - 2e5 * np.log10(sizes))
    assert law is not None and law.floor >= 0
    assert fit_power_law(sizes[:5], sizes[:5]) is None
