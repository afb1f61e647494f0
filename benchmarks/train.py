"""Training, compared with its peers: whole processes, in turn, on one plain-text file.

    python -m benchmarks.train TEXT.txt --vocab-size 32768 --rounds 3 --json help.json
    python -m benchmarks.train --compare help.json big.json --page

The first form measures and prints a Markdown table; the second prints the tables of earlier runs, and with --page
writes them into docs/explanation/benchmarks.md, which says how to read them, and draws the charts.
"""

import argparse
import importlib.metadata
import os
import platform
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Machine, Row, draw, read_figures, replace_block, tables, write_figures
from benchmarks.peers import (
    LOCAL,
    PEERS,
    RAY,
    Agreement,
    Job,
    MergeList,
    Peer,
    compare,
    write_documents_of_whole,
)
from benchmarks.processes import Failed, Run, timed

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "explanation" / "benchmarks.md"
WARM_BYTES: Final = 1_000_000
WARM_TOKENS: Final = 1_000
TINY_LINES: Final = 100
TINY_TOKENS: Final = 257
"""One merge: what is left of a run's time is start-up, and the end of it."""


@dataclass
class Contestant:
    """A peer under one pattern, and what it did so far."""

    peer: Peer
    pattern: str
    runs: list[Run] = field(default_factory=list)
    merges: MergeList | None = None
    startup: list[Run] = field(default_factory=list)
    error: str = ""


Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Plan of the measurement, and a folder for its files."""

    text: Path
    vocab_size: int
    rounds: int
    timeout_s: float
    folder: Path


def contestants(peers: Sequence[Peer], pattern: str, with_ray: bool) -> list[Contestant]:
    """Every peer under `pattern`, or the only one it has; and babelmerge under each pattern that occurs."""
    theirs = [Contestant(peer, peer.pattern or pattern) for peer in peers]
    patterns = list(dict.fromkeys([pattern, *(one.pattern for one in theirs)]))
    ours = [Contestant(LOCAL, one) for one in patterns] + [Contestant(RAY, pattern)] * with_ray
    return theirs + ours


def run_once(one: Contestant, plan: Plan, text: Path, vocab_size: int) -> tuple[Run, MergeList]:
    """One training in a folder of its own. Raises Failed."""
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        job = Job(text, vocab_size, one.pattern, Path(folder) / "out")
        if one.peer not in (LOCAL, RAY):
            job.out.mkdir()
        run = timed(one.peer.command(job), ROOT, plan.timeout_s)
        try:
            return run, one.peer.read(job.out)
        except (OSError, ValueError, KeyError) as error:
            raise Failed(f"its result cannot be read: {type(error).__name__}: {error}") from error


def head(text: Path, to: Path, lines: int = sys.maxsize, limit: int = WARM_BYTES) -> Path:
    """The first lines of a text, `limit` bytes at most but one line at least."""
    written = 0
    with text.open("rb") as source, to.open("wb") as target:
        for _, line in zip(range(lines), source, strict=False):
            if written and written + len(line) > limit:
                break
            written += target.write(line)
    return to


def measure(entries: list[Contestant], plan: Plan, tell: Tell) -> None:
    """Warm every cache, then let all run in each round; who fails is out, with the error. Fills in `entries`."""
    warm = head(plan.text, plan.folder / "warm.txt")
    tiny = head(plan.text, plan.folder / "tiny.txt", TINY_LINES)
    with plan.text.open("rb", buffering=0) as whole:
        while whole.read(1 << 24):
            pass
    starters = [one for one in entries if any(other.peer is RAY for other in entries) and one.peer in (LOCAL, RAY)]
    for one in entries:
        _attempt(one, lambda one: run_once(one, plan, warm, min(plan.vocab_size, WARM_TOKENS)), tell)
    for round_ in range(plan.rounds):
        turn = round_ % len(entries)  # each begins a round once, so none always follows the same one
        for one in entries[turn:] + entries[:turn]:
            if not one.error:
                _attempt(one, lambda one: _counted(one, plan), tell)
                tell(f"round {round_ + 1} of {plan.rounds}: {one.peer.name}, {one.pattern}: {_last(one)}")
            if one in starters and not one.error:
                _attempt(one, lambda one: one.startup.append(run_once(one, plan, tiny, TINY_TOKENS)[0]), tell)


def _counted(one: Contestant, plan: Plan) -> None:
    run, merges = run_once(one, plan, plan.text, plan.vocab_size)
    if one.merges is not None and merges.items != one.merges.items:
        raise Failed("its merge list is another one in each round")
    one.merges = merges
    one.runs.append(run)


def _attempt(one: Contestant, what: Callable[[Contestant], object], tell: Tell) -> None:
    try:
        what(one)
    except Failed as failed:
        one.error = str(failed)
        tell(f"{one.peer.name}: {failed}")


def _last(one: Contestant) -> str:
    return one.error or f"{one.runs[-1].wall_s:.2f} s"


def judge(one: Contestant, ours: Contestant, plan: Plan, tell: Tell) -> tuple[Agreement | None, Agreement | None]:
    """Compare a list with babelmerge's on lines and, where they differ and the peer took the file whole, with
    babelmerge's on the documents that the peer had: a further run, not timed."""
    if one.merges is None or ours.merges is None:
        return None, None
    agreement = compare(one.peer, one.merges, ours.merges)
    if agreement.equal or one.peer.documents == "lines":
        return agreement, None
    tell(f"{one.peer.name}: comparing once more, on the documents that it had")
    parquet = plan.folder / "whole.parquet"
    write_documents_of_whole(plan.text, parquet)
    try:
        _, same = run_once(Contestant(LOCAL, one.pattern), plan, parquet, plan.vocab_size)
    except Failed as failed:
        tell(f"babelmerge on {parquet.name}: {failed}")
        return agreement, None
    return agreement, compare(one.peer, one.merges, same)


def rows(entries: list[Contestant], plan: Plan, tell: Tell) -> Iterator[Row]:
    """Make the rows of the tables, one for each contestant; ratios are taken within rounds."""
    ours = {one.pattern: one for one in entries if one.peer is LOCAL}
    asked = next(iter(ours.values()))  # the pattern that was asked for comes first
    for one in entries:
        same = ours[one.pattern]
        agreement, whole = (None, None) if one is same else judge(one, same, plan, tell)
        yield Row(
            name=one.peer.name,
            pattern=one.pattern,
            documents=one.peer.documents,
            runs=one.runs,
            startup=one.startup,
            ours=one.peer is LOCAL,
            ratio=_ratio(one, same),
            ratio_asked=None if same is asked else _ratio(one, asked),
            agreement=agreement,
            agreement_whole=whole,
            error=one.error,
        )


def _ratio(one: Contestant, to: Contestant) -> float | None:
    """Return the speed of `to` over that of `one`: the median over rounds in which both ran."""
    both = list(zip(one.runs, to.runs, strict=False))
    return statistics.median(a.wall_s / b.wall_s for a, b in both) if both else None


def machine() -> Machine:
    """Processor, memory and Python."""
    model, memory = platform.processor() or platform.machine(), 0
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(model, len(os.sched_getaffinity(0)), memory, f"{platform.system()} {platform.machine()}")


def version(name: str) -> str | None:
    """The installed version of a distribution, None where there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions(peers: Sequence[Peer], with_ray: bool) -> dict[str, str]:
    """Return the versions of all that was compared."""
    names = [*(peer.name for peer in peers), "babelmerge", "numba", "numpy", "pyarrow", *(["ray"] if with_ray else [])]
    return {"Python": platform.python_version()} | {name: found for name in names if (found := version(name))}


def benchmark(asked: argparse.Namespace, peers: Sequence[Peer], tell: Tell) -> Figures:
    """Measure and judge."""
    text = Path(asked.text).resolve()
    entries = contestants(peers, asked.pattern, asked.ray)
    with tempfile.TemporaryDirectory(prefix="benchmark-train-") as folder:
        plan = Plan(text, asked.vocab_size, asked.rounds, asked.timeout, Path(folder))
        measure(entries, plan, tell)
        found = list(rows(entries, plan, tell))
    with text.open("rb") as file:
        lines = sum(1 for _ in file)
    return Figures(
        name=asked.name or text.stem,
        command=_command(asked, text),
        text_bytes=text.stat().st_size,
        text_lines=lines,
        vocab_size=asked.vocab_size,
        rounds=asked.rounds,
        machine=machine(),
        versions=versions(peers, asked.ray),
        rows=found,
    )


def _command(asked: argparse.Namespace, text: Path) -> str:
    """The command as others can repeat it: without the folder of this machine that the text lies in."""
    words = ["python", "-m", "benchmarks.train", text.name, "--vocab-size", str(asked.vocab_size)]
    words += ["--rounds", str(asked.rounds), "--peers", *asked.peers, *(["--ray"] if asked.ray else [])]
    words += ["--pattern", asked.pattern]
    return shlex.join(words)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?", help="a plain-text file, UTF-8; a line is a document")
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS), help="those to compare with")
    parser.add_argument("--pattern", default="gpt4", choices=["gpt2", "gpt4", "o200k"], help="where a peer takes one")
    parser.add_argument("--ray", action="store_true", help="run babelmerge with --engine ray, too")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds after which a run is ended and listed")
    parser.add_argument("--name", help="name of the chart's file; by default the text's, without its ending")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--compare", type=Path, nargs="+", metavar="JSON", help="show kept figures; measure nothing")
    parser.add_argument(
        "--page", action="store_true", help="write tables and charts into docs/explanation/benchmarks.md"
    )
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw charts here [with --page: docs/figures]")
    asked = parser.parse_args(arguments)
    if (asked.text is None) == (asked.compare is None):
        parser.error("give either TEXT or --compare JSON")
    if asked.rounds < 1:
        parser.error("--rounds must be 1 at least")
    if asked.page:  # before anything is measured
        try:
            replace_block(PAGE.read_text("utf-8"), "")
        except ValueError as error:
            parser.error(str(error))
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or take kept figures; print, and draw where asked to. 1 when babelmerge failed."""
    asked = parse(arguments)
    if asked.compare:
        shown = [read_figures(path) for path in asked.compare]
    else:
        peers = [PEERS[name] for name in asked.peers if version(name)]
        for name in asked.peers:
            if not version(name):
                print(f"{name} is not installed and is left out: pip install '.[benchmarks]'", file=sys.stderr)
        shown = [benchmark(asked, peers, lambda line: print(line, file=sys.stderr, flush=True))]
        if asked.json:
            write_figures(shown[0], asked.json)
    figures_dir = asked.figures or (ROOT / "docs" / "figures" if asked.page else None)
    if figures_dir is not None:
        for one in shown:
            draw(one, figures_dir)
    print(tables(shown, charts=None))
    if asked.page:
        charts = os.path.relpath(figures_dir or ROOT, PAGE.parent)
        PAGE.write_text(replace_block(PAGE.read_text("utf-8"), tables(shown, charts=charts)), "utf-8")
    return 1 if any(row.ours and row.error for one in shown for row in one.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
