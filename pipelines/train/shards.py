"""Number of training shards, and the weights of languages in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from operators.shard import LARGEST_TOTAL, CountOverflow
from pipelines.context import Context
from pipelines.memory import shards_within
from pipelines.outputs import Manifest
from pipelines.words.weighting import Weighting


def shard_number(paths: Sequence[Path], symbols: int, context: Context, rounds: int) -> int:
    """Return the number of shards; `rounds`: how many rounds there are, as a multiple of those of plain training."""
    most = min(context.engine.workers, len(paths))
    worth = context.engine.shards(sum(path.stat().st_size for path in paths) // rounds)
    return shards_within(symbols, context.memory_bytes, min(worth, most), most)


def count_symbols(words: Manifest, multipliers: Mapping[str, int] | None, symbol_bytes: int = 1) -> int:
    """Return the number of symbols to train on: those of distinct words, and one for each; languages apart."""
    used = (facts for language, facts in words.facts["languages"].items() if not multipliers or language in multipliers)
    return sum(int(facts["word_bytes"]) // symbol_bytes + int(facts["words"]) for facts in used)


def weigh(words: Manifest, weighting: Weighting) -> tuple[dict[str, int] | None, dict[str, int]]:
    """Return the factor of each language's counts, and the bytes that result. Raises CountOverflow."""
    sizes = {language: figures["bytes"] for language, figures in words.facts["languages"].items()}
    multipliers = weighting.multipliers(sizes)
    if multipliers is None:
        weighed = dict(sorted(sizes.items()))
    else:
        weighed = {language: sizes[language] * factor for language, factor in sorted(multipliers.items())}
    symbols = sum(weighed.values())
    if symbols >= LARGEST_TOTAL:  # a limit on all shards together: their totals are added up too
        raise CountOverflow(float(symbols))
    return multipliers, weighed


def shares_of(weighed: Mapping[str, int]) -> dict[str, float]:
    """Return the share of each language's weighed bytes, as `weigh` returns these."""
    total = sum(weighed.values())
    return {language: size / total for language, size in weighed.items()}
