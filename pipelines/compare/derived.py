"""Figures that follow from the number of tokens: what text costs, fills of a window, and takes to compute."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from pipelines.compare.counting import BYTES_PER_TOKEN, CHARACTERS_PER_TOKEN
from pipelines.compare.economy import PRICE, SERVING, WINDOW, Economy
from pipelines.compare.figures import Figure

TOKENS: Final = "tokens"
NSL: Final = "nsl"


def with_derived(
    figures: Mapping[str, Figure], reference: Mapping[str, Figure], economy: Economy, vocabulary: int
) -> dict[str, Figure]:
    """Return the figures of one tokenizer and group with those that are made of its number of tokens.

    `reference`: figures of the reference tokenizer; `vocabulary`: number of tokens of this one.
    """
    size, tokens = figures[BYTES_PER_TOKEN].above, figures[BYTES_PER_TOKEN].below
    characters = figures[CHARACTERS_PER_TOKEN].above
    nothing = np.empty(0)
    found = {
        TOKENS: Figure(TOKENS, nothing, nothing, float(tokens.sum())),
        NSL: Figure(NSL, tokens, reference[BYTES_PER_TOKEN].below),
        **figures,
    }
    if economy.price_per_million is not None:
        found[PRICE] = Figure(PRICE, economy.price_per_million * tokens, characters)
    if economy.context_window is not None:
        found[WINDOW] = Figure(WINDOW, economy.context_window * characters, tokens)
    if economy.model_parameters is not None and economy.model_width is not None:
        flops = 2 * economy.model_parameters + 2 * economy.model_width * vocabulary
        found[SERVING] = Figure(SERVING, flops * tokens, size)
    return found
