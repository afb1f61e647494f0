"""Settings of `plan`."""

from typing import Annotated

from msgspec import Meta

from operators.text.pretokenizers import DEFAULT
from pipelines.results import PlanResult
from pipelines.settings import UNHASHED, Corpus, CorpusSettings


class Plan(CorpusSettings[PlanResult], frozen=True, kw_only=True):
    """Predict from a sample of a corpus what training will need: distinct words, memory, workers, time, core-hours."""

    corpus: Annotated[Corpus, UNHASHED]
    """Paths, globs or URIs of text; a .yaml file lists sources."""
    out: Annotated[str | None, UNHASHED] = None
    """Directory for plan.json; by default the plan is only printed."""
    pretokenizer: str = DEFAULT
    """A name ({pretokenizers}) or a regular expression: its matches and the gaps between are pre-tokens."""
    vocab_sizes: list[Annotated[int, Meta(ge=257, le=100_000_000)]] = []
    """Vocabulary sizes to plan for; by default 32768, 65536 and 131072."""
    sample_mb: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """Size of the sample in 10^6 bytes of text; by default an eighth of the corpus, from 8 to 64. A smaller corpus is
    read whole, and its distinct words are exact."""
    memory_per_worker: str = "4GB"
    """Memory for a worker, libraries included. Without --workers, the plan takes the fewest workers that fit, at least
    one full node."""
    cores_per_node: Annotated[int, Meta(ge=1)] | None = None
    """Workers on a node; by default the number of processors of this machine."""

    KERNELS = ("words",)
