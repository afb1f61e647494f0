"""Samples of a soak test after each run, and the findings over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

WINDOW: Final = 10
"""Runs that are compared with as many; the first so many are for warming up."""
FLAT: Final = 0.05
"""Memory, with and without its pages of files, may grow by so much from runs 11 to 20 to the last ten."""


@dataclass(frozen=True)
class Weight:
    """A process."""

    name: str
    process: int
    """Number of the process."""
    own_bytes: int
    """Memory without pages of files."""
    all_bytes: int
    """Memory with its share of the pages of files."""
    open_files: int


@dataclass(frozen=True)
class Sample:
    """State of the machine after a run."""

    seconds: float
    weights: tuple[Weight, ...]
    actors: int
    placement_groups: int
    objects: int
    """Objects in Ray's object stores, and references to them."""
    files: int
    """Files in folders for temporary files, with Ray's own but without its logs."""
    logs: int
    """Files of Ray's logs."""
    shared: int
    """Files in the machine's shared memory."""
    digest: str
    """Digest of the run's results."""
    left: int
    """Files in the output that should not outlive the run."""

    def line(self) -> str:
        """Format the sample as one line."""
        megabytes = sum(one.all_bytes for one in self.weights) / 1e6
        return (
            f"{self.seconds:.1f} s, {len(self.weights)} processes of {megabytes:.0f} MB, {self.actors} actors,"
            f" {self.placement_groups} placement groups, {self.objects} objects, {self.files} files, {self.logs} logs"
        )


@dataclass(frozen=True)
class Series:
    """A process over all runs from the warm-up on."""

    name: str
    own: tuple[int, ...]
    whole: tuple[int, ...]
    open_files: tuple[int, ...]


def windows(samples: int) -> tuple[slice, slice]:
    """Runs 11 to 20, and the last ten; of fewer than 30 runs the second and the last third."""
    size = min(WINDOW, samples // 3)
    if size < 1:
        raise ValueError(f"{samples} runs are too few: it takes three at least")
    return slice(size, 2 * size), slice(samples - size, samples)


def grows(counts: Sequence[int]) -> bool:
    """Return True if the least of the last ten is more than the greatest of runs 11 to 20; fluctuation is no growth."""
    before, after = windows(len(counts))
    return min(counts[after]) > max(counts[before])


def long_lived(samples: Sequence[Sample]) -> list[Series]:
    """The processes that are there after each run from the warm-up on, by name."""
    before, _ = windows(len(samples))
    counted = [{(one.name, one.process): one for one in sample.weights} for sample in samples[before.start :]]
    always = sorted(set.intersection(*(set(one) for one in counted)))
    return [
        Series(
            name,
            tuple(one[name, process].own_bytes for one in counted),
            tuple(one[name, process].all_bytes for one in counted),
            tuple(one[name, process].open_files for one in counted),
        )
        for name, process in always
    ]


def _tail(series: Sequence[int], samples: int) -> tuple[Sequence[int], Sequence[int]]:
    """Runs 11 to 20 and the last ten of a series that begins with run 11."""
    before, after = windows(samples)
    return series[: before.stop - before.start], series[after.start - before.start :]


def _growth(series: Sequence[int], samples: int) -> float:
    """Return the growth from the median of runs 11 to 20 to that of the last ten: 0.1 is a tenth more."""
    before, after = _tail(series, samples)
    return median(after) / median(before) - 1


def found_wrong(samples: Sequence[Sample]) -> list[str]:
    """A line for each thing that grew or stayed; none where all is well."""
    wrong = []
    for series in long_lived(samples):
        if (grown := _growth(series.whole, len(samples))) > FLAT:
            wrong.append(f"{series.name}: memory grew by {grown:.1%}")
        if (grown := _growth(series.own, len(samples))) > FLAT:
            wrong.append(f"{series.name}: memory without pages of files grew by {grown:.1%}")
        before, after = _tail(series.open_files, len(samples))
        if min(after) > max(before):
            wrong.append(f"{series.name}: open files grew from {max(before)} to {min(after)}")
    for what in ("actors", "placement_groups", "objects", "left"):
        if most := max(getattr(one, what) for one in samples):
            name = "unfinished files in the output" if what == "left" else what.replace("_", " ")
            wrong.append(f"{most} {name} were there after a run")
    for what, name in (("files", "temporary files"), ("shared", "files in shared memory")):
        if grows([getattr(one, what) for one in samples]):
            wrong.append(f"{name} grew from {getattr(samples[0], what)} to {getattr(samples[-1], what)}")
    if grows([len(one.weights) for one in samples]):
        wrong.append(f"processes grew from {len(samples[0].weights)} to {len(samples[-1].weights)}")
    if len({one.digest for one in samples}) > 1:
        wrong.append("not all runs wrote the same")
    return wrong


def table(samples: Sequence[Sample]) -> str:
    """Markdown: a row for each long-lived process, then the counts."""
    lines = [
        "| process | MB, runs 11 to 20 | MB, last ten | growth | growth without pages of files | open files |",
        "|---|---|---|---|---|---|",
    ]
    for series in long_lived(samples):
        before, after = (median(part) / 1e6 for part in _tail(series.whole, len(samples)))
        files = [median(part) for part in _tail(series.open_files, len(samples))]
        lines.append(
            f"| {series.name} | {before:.1f} | {after:.1f} | {_growth(series.whole, len(samples)):+.1%} |"
            f" {_growth(series.own, len(samples)):+.1%} | {files[0]:g}, then {files[1]:g} |"
        )
    seconds = [one.seconds for one in samples]
    lines += [
        "",
        f"{len(samples)} runs, {median(seconds):.1f} s each ({min(seconds):.1f} to {max(seconds):.1f}). Left after any"
        f" run, at most: {max(one.actors for one in samples)} actors,"
        f" {max(one.placement_groups for one in samples)} placement groups, {max(one.objects for one in samples)}"
        f" objects. Temporary files: {samples[0].files} after the first run, {samples[-1].files} after the last;"
        f" files of Ray's logs: {samples[0].logs}, {samples[-1].logs}.",
    ]
    return "\n".join(lines)
