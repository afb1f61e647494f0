"""What to compare, and how."""

from dataclasses import dataclass
from typing import Literal

from pipelines.corpus.bad_records import OnBadRecord

Documents = Literal["common", "pairwise"]
Aggregation = Literal["documents", "joined", "per-document"]


@dataclass(frozen=True)
class Comparison:
    """Fields as the settings of `premiums` (pipelines.premiums.settings)."""

    baseline: str
    languages: tuple[str, ...] | None = None
    documents: Documents = "common"
    aggregation: Aggregation = "documents"
    reference: str | None = None
    """The name of one of the tokenizers, which sequence lengths are normalized by."""
    resamples: int = 1000
    on_bad_record: OnBadRecord = "fail"
    repeated: Literal["fail", "leave out"] = "fail"
    """What becomes of a language's documents that have one id: which of them is the translation?"""
