"""Encoding, compared with its peers: documents in memory to ids, in turn, cold and warm, one thread and two.

    python -m benchmarks.encode help/*.jsonl.zst --tokenizer DIR --rounds 3 --json encode.json
    python -m benchmarks.encode --compare encode.json --page

DIR is a tokenizer directory that train wrote. The first form also encodes the files with `babelmerge retokenize` and
says where the time goes. docs/explanation/benchmarks.md says how to read the table.
"""

import argparse
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import altair as alt
import msgspec
import numpy as np
import pyarrow as pa

from benchmarks.figures import FAINT, FONT, GROUND, INK, OURS, PNG_SCALE, THEIRS, Machine, replace_block
from benchmarks.processes import Failed, timed
from benchmarks.train import ROOT, machine, version
from operators.text.pretokenizers import PATTERNS
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.tokenizers import load_tokenizer

PAGE: Final = ROOT / "docs" / "explanation" / "benchmarks.md"
MARKER: Final = "encode"
PEERS: Final = ("gigatoken", "tiktoken", "tokenizers")
Tell = Callable[[str], None]


class Pass(msgspec.Struct, frozen=True):
    """One process: seconds of each pass over the text, and what it took besides."""

    load_s: float
    pass_s: list[float]
    peak_bytes: int

    @property
    def warm_s(self) -> float:
        """The middle of the passes behind the first."""
        return statistics.median(self.pass_s[1:])


class Entry(msgspec.Struct):
    """An encoder with a number of threads."""

    name: str
    threads: int
    rounds: list[Pass] = []
    differing: int | None = None
    """Documents whose ids are not babelmerge's; None where it failed."""
    first: str = ""
    """The first of them."""
    error: str = ""


class Stages(msgspec.Struct, frozen=True):
    """`babelmerge retokenize` as a whole process, and what a profile of its parts says."""

    wall_s: float
    output: str
    shares: dict[str, float]


class Figures(msgspec.Struct):
    """One run of the benchmark."""

    name: str
    command: str
    documents: int
    text_bytes: int
    pretokenizer: str
    vocabulary: int
    rounds: int
    passes: int
    machine: Machine
    versions: dict[str, str]
    entries: list[Entry]
    files: Stages | None = None


def documents(paths: Sequence[str], to: Path) -> tuple[int, int]:
    """Write all documents into an Arrow file with one column; how many, and their bytes."""
    texts = [
        batch.column("text")
        for file in find_files([Source(path=path, language="x") for path in paths])
        for batch in read_batches(file, BadRecords("fail"), with_ids=False)
    ]
    text = pa.concat_arrays(texts)
    table = pa.table({"text": text})
    with pa.OSFile(str(to), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return len(text), int(np.frombuffer(text.buffers()[1], np.int64, len(text) + 1)[-1])


def run_once(
    entry: Entry, tokenizer: Path, pattern: str, text: Path, passes: int, into: Path, timeout_s: float
) -> Pass:
    """One process. Raises Failed."""
    threads = str(entry.threads)
    command = [sys.executable, "-m", "benchmarks.encoders", entry.name, str(tokenizer), pattern, str(text)]
    limits = {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": str(entry.threads > 1).lower()}
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    try:
        timed([*command, threads, str(passes), str(into)], ROOT, timeout_s)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return msgspec.json.decode(into.with_suffix(".json").read_bytes(), type=Pass)


def judge(entry: Entry, theirs: Path, ours: Path) -> None:
    """Count the documents whose ids differ."""
    with np.load(theirs) as one, np.load(ours) as other:
        ends, own = one["offsets"], other["offsets"]
        if len(ends) != len(own):
            entry.error = f"{len(ends) - 1} documents instead of {len(own) - 1}"
            return
        same_length = np.diff(ends) == np.diff(own)
        if same_length.all() and np.array_equal(one["ids"], other["ids"]):
            entry.differing = 0
            return
        ids, own_ids = one["ids"], other["ids"]
        found = [
            i for i, same in enumerate(same_length)
            if not (same and np.array_equal(ids[ends[i] : ends[i + 1]], own_ids[own[i] : own[i + 1]]))
        ]  # fmt: skip
        entry.differing, entry.first = len(found), f"document {found[0] + 1}"


def measure(asked: argparse.Namespace, tell: Tell) -> Figures:
    """Let all run in each round; who fails is out, with the error."""
    tokenizer = Path(asked.tokenizer).resolve()
    loaded = load_tokenizer(str(tokenizer))
    pattern = PATTERNS.get(loaded.pretokenizer, loaded.pretokenizer)
    names = ["babelmerge", *(name for name in asked.peers if version(name))]
    entries = [Entry(name, threads) for threads in asked.threads for name in names]
    with tempfile.TemporaryDirectory(prefix="benchmark-encode-") as scratch:
        folder = Path(scratch)
        count, size = documents(asked.corpus, folder / "documents.arrow")
        for round_ in range(asked.rounds):
            turn = round_ % len(entries)
            for entry in entries[turn:] + entries[:turn]:
                if entry.error:
                    continue
                into = folder / f"{entry.name}-{entry.threads}"
                try:
                    made = run_once(
                        entry, tokenizer, pattern, folder / "documents.arrow", asked.passes, into, asked.timeout
                    )
                except Failed as failed:
                    entry.error = str(failed)
                    tell(f"{entry.name}, {entry.threads} threads: {failed}")
                    continue
                entry.rounds.append(made)
                speed = size / made.warm_s / 1e6
                tell(f"round {round_ + 1} of {asked.rounds}: {entry.name}, {entry.threads}: warm {speed:.0f} MB/s")
        ours = folder / f"babelmerge-{asked.threads[0]}.npz"
        for entry in entries:
            if not entry.error:
                judge(entry, folder / f"{entry.name}-{entry.threads}.npz", ours)
        files = stages(asked, tokenizer, folder, tell)
    words = ["python", "-m", "benchmarks.encode", f"{asked.name}/*", "--tokenizer", "TOKENIZER"]
    words += ["--rounds", str(asked.rounds), "--passes", str(asked.passes)]
    libraries = ("babelmerge", *asked.peers, "numba", "numpy", "pyarrow")
    return Figures(
        asked.name, shlex.join(words), count, size, loaded.pretokenizer, len(loaded.tokens), asked.rounds, asked.passes,
        machine(), {one: found for one in libraries if (found := version(one))}, entries, files,
    )  # fmt: skip


def stages(asked: argparse.Namespace, tokenizer: Path, folder: Path, tell: Tell) -> Stages | None:
    """Files to Parquet by the command, the median of the rounds; and the shares of the parts of that work."""
    command = [sys.executable, "-m", "jobs.command", "retokenize", *asked.corpus, "--tokenizer", str(tokenizer)]
    command += ["--engine", "local", "--progress", "off", "--workers", str(max(asked.threads))]
    times = []
    for round_ in range(asked.rounds):
        try:
            run = timed([*command, "--out", str(folder / f"out{round_}")], ROOT, asked.timeout)
        except Failed as failed:
            tell(f"babelmerge retokenize: {failed}")
            return None
        times.append(run.wall_s)
        tell(f"round {round_ + 1} of {asked.rounds}: files to Parquet: {run.wall_s:.2f} s")
    from benchmarks.encode_stages import shares

    return Stages(statistics.median(times), "Parquet", shares(asked.corpus, str(tokenizer), folder / "parts"))


def ratio(entry: Entry, to: Entry, warm: bool) -> float | None:
    """Return the speed of `to` over that of `entry`: the median over rounds."""
    pairs = list(zip(entry.rounds, to.rounds, strict=False))
    if not pairs:
        return None
    return statistics.median((a.warm_s / b.warm_s) if warm else (a.pass_s[0] / b.pass_s[0]) for a, b in pairs)


def table(figures: Figures, chart: str | None) -> str:
    """Markdown."""
    lines = [
        f"**{figures.name}**: {figures.text_bytes / 1e6:.1f} MB in {figures.documents:,} documents, "
        f"{figures.vocabulary:,} tokens, pre-tokenizer {figures.pretokenizer}\n"
    ]
    if chart is not None:
        lines.append(f"![Speed of encoding, encoder by encoder]({chart}/encode-{figures.name}.svg)\n")
    lines += ["| encoder | threads | cold MB/s | warm MB/s | babelmerge is (cold, warm) | peak MB | ids |"]
    lines += ["|---|--:|--:|--:|--:|--:|---|"]
    for threads in dict.fromkeys(entry.threads for entry in figures.entries):
        some = [entry for entry in figures.entries if entry.threads == threads]
        ours = next(entry for entry in some if entry.name == "babelmerge")
        for entry in some:
            label = f"{entry.name} {figures.versions.get(entry.name, '')}".strip()
            if not entry.rounds:
                lines.append(f"| {label} | {threads} | failed | | | | {entry.error} |")
                continue
            cold = statistics.median(figures.text_bytes / one.pass_s[0] for one in entry.rounds) / 1e6
            warm = statistics.median(figures.text_bytes / one.warm_s for one in entry.rounds) / 1e6
            times = (
                ""
                if entry is ours
                else f"{ratio(entry, ours, False):.2f}, {ratio(entry, ours, True):.2f} times as fast"
            )
            peak = statistics.median(one.peak_bytes for one in entry.rounds) / 1e6
            said = "equal" if entry.differing == 0 else f"{entry.differing} documents differ, from {entry.first} on"
            label = f"**{label}**" if entry is ours else label
            lines.append(f"| {label} | {threads} | {cold:.0f} | {warm:.0f} | {times} | {peak:,.0f} | {said} |")
    if figures.files is not None:
        speed = figures.text_bytes / figures.files.wall_s / 1e6
        shown = ", ".join(f"{name} {share:.0%}" for name, share in figures.files.shares.items())
        said = f"- Files to {figures.files.output}, whole process: {figures.files.wall_s:.2f} s, {speed:.0f} MB/s"
        lines += ["", f"{said}; of the work: {shown}."]
    here = figures.machine
    names = ", ".join(f"{name} {found}" for name, found in figures.versions.items())
    lines += [
        "",
        f"Documents in memory to ids, a process for each line in turn, medians of {figures.rounds} rounds, ratios"
        f" within each; cold: the first pass; warm: the median of the {figures.passes - 1} behind it. {here.cores}"
        f" cores of {here.processor}, {here.memory_bytes / 2**30:.0f} GiB, {here.system}; {names}: `{figures.command}`",
    ]
    return "\n".join(lines)


def draw(figures: Figures, folder: Path) -> None:
    """encode-<name>.svg and .png: warm speed as bars, cold as ticks on them."""
    values = [
        {
            "encoder": f"{entry.name}, {entry.threads} thread{'s' if entry.threads > 1 else ''}",
            "warm": statistics.median(figures.text_bytes / one.warm_s for one in entry.rounds) / 1e6,
            "cold": statistics.median(figures.text_bytes / one.pass_s[0] for one in entry.rounds) / 1e6,
            "colour": OURS if entry.name == "babelmerge" else THEIRS,
        }
        for entry in sorted(figures.entries, key=lambda entry: entry.threads)
        if entry.rounds
    ]
    for value in values:
        value["said"] = f"{value['warm']:.0f} MB/s"
    base = alt.Chart(alt.InlineData(values=values)).encode(
        y=alt.Y("encoder:N", sort=None, title=None, axis=alt.Axis(labelLimit=220))
    )
    bars = base.mark_bar(height={"band": 0.66}).encode(
        x=alt.X("warm:Q", title="MB/s, warm; tick: cold"), color=alt.Color("colour:N", scale=None)
    )
    ticks = base.mark_tick(color=INK, thickness=2).encode(x="cold:Q")
    text = base.mark_text(align="left", dx=6, fontSize=12, color=INK).encode(x="warm:Q", text="said:N")
    title = alt.TitleParams(
        f"Encoding {figures.text_bytes / 1e6:.0f} MB with {figures.vocabulary:,} tokens", anchor="start", color=INK
    )
    colours = {"labelColor": INK, "titleColor": INK, "gridColor": FAINT}
    chart = (
        alt.layer(bars, ticks, text).properties(width=560, height=alt.Step(24), background=GROUND, title=title)
        .configure(font=FONT, aria=False).configure_view(stroke=None)
        .configure_axis(**colours, domain=False, ticks=False, titleFontWeight="normal")
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ("svg", "png"):
        scale = PNG_SCALE if ending == "png" else 1.0
        chart.save(str(folder / f"encode-{figures.name}.{ending}"), scale_factor=scale)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="*", help="files of documents, as babelmerge reads them")
    parser.add_argument("--tokenizer", help="a directory that train wrote")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=4, help="passes in each process; the first is cold")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    parser.add_argument("--timeout", type=float, default=3600.0)
    parser.add_argument("--name", default="help", help="name of the corpus, in the table and the chart's file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--compare", type=Path, nargs="+", metavar="JSON", help="show kept figures; measure nothing")
    parser.add_argument(
        "--page", action="store_true", help="write tables and charts into docs/explanation/benchmarks.md"
    )
    asked = parser.parse_args(arguments)
    if bool(asked.corpus and asked.tokenizer) == bool(asked.compare):
        parser.error("give either CORPUS with --tokenizer, or --compare JSON")
    if asked.rounds < 1 or asked.passes < 2:
        parser.error("--rounds must be 1 at least, --passes 2")
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when babelmerge failed, or a peer's ids differ."""
    asked = parse(arguments)
    if asked.compare:
        shown = [msgspec.json.decode(path.read_bytes(), type=Figures) for path in asked.compare]
    else:
        shown = [measure(asked, lambda line: print(line, file=sys.stderr, flush=True))]
        if asked.json:
            asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(shown[0]), indent=2) + b"\n")
    charts = "../figures" if asked.page else None
    block = "\n\n".join(table(one, charts) for one in shown)
    print(block)
    if asked.page:
        for one in shown:
            draw(one, ROOT / "docs" / "figures")
        PAGE.write_text(replace_block(PAGE.read_text("utf-8"), block, MARKER), "utf-8")
    wrong = [entry for one in shown for entry in one.entries if entry.error or entry.differing]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
