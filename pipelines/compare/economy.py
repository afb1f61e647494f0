"""Prices and sizes of a model, from which figures follow; it imports nothing, as settings need it."""

from dataclasses import dataclass
from typing import Final

PRICE: Final = "price_per_million_characters"
WINDOW: Final = "context_window_characters"
SERVING: Final = "flops_per_byte"


@dataclass(frozen=True)
class Economy:
    """Prices and sizes of a model; None: not given."""

    price_per_million: float | None = None
    context_window: int | None = None
    model_parameters: float | None = None
    model_width: int | None = None

    @property
    def names(self) -> list[str]:
        """Names of the figures that these make possible, in order."""
        given = {PRICE: self.price_per_million, WINDOW: self.context_window, SERVING: self.model_parameters}
        return [name for name, value in given.items() if value is not None]
