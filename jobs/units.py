"""Amounts as people read them: bytes, counts, seconds, each to three significant digits."""


def size(n_bytes: float) -> str:
    """`size(1_500_000)` is "1.5 MB". Decimal units, from B to TB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB" if n_bytes < 999.5 else f"{n_bytes:,.0f} TB"


def number(count: float) -> str:
    """`number(1_234_567)` is "1.23 M"; counts below 10 have two digits."""
    for unit, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.2g}" if count < 10 else f"{count:.0f}"


def duration(seconds: float) -> str:
    """`duration(4000)` is "66.7 min"; hours from 1.5 h on."""
    for unit, factor in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds:.2g} s"


def quantity(amount: float, unit: str) -> str:
    """`quantity(1_500_000, "B")` is "1.5 MB"; other units have thousands separators: "1,234 documents"."""
    return size(amount) if unit == "B" else f"{amount:,.0f} {unit}"


def plural(count: int, noun: str) -> str:
    """`plural(2, "file")` is "2 files"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
