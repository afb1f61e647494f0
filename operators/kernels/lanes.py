"""Numbers of bytes that intrinsics read together, and the classes that they tell apart."""

from typing import Final, TypeAlias

LANES: Final = 32
"""Number of bytes that `classify_lanes` and `run_length` read together: so many must be readable from any index on."""

WIDE: Final = 64
"""Number of bytes that become the bits of a uint64."""

Ranges: TypeAlias = tuple[tuple[int, int, int], ...]
"""First byte, last byte and class, later ones over earlier ones."""
