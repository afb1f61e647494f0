"""A study of data-mixture inference: tokenizers trained on known mixtures, inferred both ways by the command itself.

    python -m benchmarks.mixture languages HELP/*.jsonl.zst --categories 5 10 30 --seeds 20 21 22 --json out.json
    python -m benchmarks.mixture published CATEGORIES/*.jsonl --tokenizers gpt2.json --json out.json
    python -m benchmarks.mixture show out.json ...

`languages` takes files of documents, one a category. Lines that stand twice are dropped, within a category and between
them. Of each category a sample is set aside; a tokenizer is trained on the rest, its languages in shares drawn
uniformly from the simplex, so its mixture is known. docs/explanation/mixture-study.md has the tables.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from operators.curves.tokens_by_size import measure_curve
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Tokenizer
from operators.training.in_memory import train_words
from operators.word_table import WordCounter
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.tokenizers import load_tokenizer

SAMPLE_BYTES: Final = 1_600_000
TRAINING_BYTES: Final = 6_000_000
LEAST_BYTES: Final = 100_000
"""A category with less text than this besides its sample is not taken."""
LOCAL: Final = ("--engine", "local", "--progress", "off")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One tokenizer, and what one method says of it."""

    n: int
    seed: int
    method: str
    sample_bytes: int
    pretokenizer: str
    withheld: float
    """The share in the training text of a category that inference is not given."""
    error: float
    """log10 of the mean squared error of the shares."""
    covered: int | None
    """Number of true shares inside their intervals."""
    warned: bool
    seconds: float
    by_merges: dict[int, float] = {}
    """The error with so many merges alone."""
    uniform: float
    """The error of equal shares."""
    truth: list[float]
    efficiency: list[float]
    """Efficiency for each category: its tokens under a tokenizer trained on it alone, over those under this one."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Inferred mixture of a published tokenizer."""

    tokenizer: str
    merges: int
    shares: dict[str, float]
    warned: bool
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run or show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    languages = commands.add_parser("languages")
    languages.add_argument("files", nargs="+")
    languages.add_argument("--categories", type=int, nargs="+", default=[5, 10, 30])
    languages.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    languages.add_argument("--methods", nargs="+", default=["rank", "lp"], choices=["rank", "lp"])
    languages.add_argument("--sample-bytes", type=int, default=SAMPLE_BYTES)
    languages.add_argument("--vocab-size", type=int, default=12_000)
    languages.add_argument("--merges", type=int, help="for lp; 3,000 unless told")
    languages.add_argument("--pretokenizer", default="gpt4", help="of training")
    languages.add_argument("--samples-from", nargs="+", help="take samples from these files instead, by language")
    languages.add_argument("--wrong-pretokenizer", help="cut the samples so, whatever the tokenizer was trained with")
    languages.add_argument("--withhold", type=float, default=0.0)
    published = commands.add_parser("published")
    published.add_argument("files", nargs="+")
    published.add_argument("--tokenizers", nargs="+", required=True)
    for one in (languages, published):
        one.add_argument("--json", type=Path, required=True)
    commands.add_parser("show").add_argument("json", type=Path, nargs="+")
    asked = parser.parse_args(arguments)
    if asked.command == "show":
        print("\n\n".join(shown(path.read_bytes()) for path in asked.json))
    elif asked.command == "published":
        found = [infer_published(asked.files, tokenizer) for tokenizer in asked.tokenizers]
        asked.json.write_bytes(msgspec.json.encode(found))
    else:
        asked.json.write_bytes(msgspec.json.encode(run_cases(asked)))


def run_cases(asked: argparse.Namespace) -> list[Case]:
    """Every case that was asked for."""
    texts = lines_of(asked.files)
    others = lines_of(asked.samples_from) if asked.samples_from else None
    cases = []
    for n in asked.categories:
        for seed in asked.seeds:
            with tempfile.TemporaryDirectory() as folder:
                cases += run_case(texts, others, n, seed, Path(folder), asked)
            print(n, seed, *(f"{case.method} {case.error:.2f}" for case in cases[-len(asked.methods) :]), flush=True)
    return cases


def lines_of(files: Iterable[str]) -> dict[str, list[str]]:
    """Language to its lines, each once; lines that several languages have are left out."""
    kept: dict[str, dict[str, None]] = {}
    for file in find_files([Source(path=path) for path in files]):
        for batch in read_batches(file, BadRecords("fail"), 1 << 20):
            for language, text in zip(batch["language"].to_pylist(), batch["text"].to_pylist(), strict=True):
                kept.setdefault(language, {}).update(dict.fromkeys(line for line in text.split("\n") if line.strip()))
    owners = Counter(line for lines in kept.values() for line in lines)
    return {language: [line for line in lines if owners[line] == 1] for language, lines in kept.items()}


def run_case(
    texts: dict[str, list[str]], others: dict[str, list[str]] | None, n: int, seed: int, folder: Path,
    asked: argparse.Namespace,
) -> list[Case]:  # fmt: skip
    """A tokenizer of n categories, inferred by every method."""
    draw = np.random.default_rng([seed, n])
    able = sorted(name for name, lines in texts.items() if sum(map(len, lines)) > 2 * LEAST_BYTES
                  and (others is None or sum(map(len, others.get(name, []))) > LEAST_BYTES))  # fmt: skip
    names = sorted(draw.choice(able, n, replace=False).tolist())
    share = draw.dirichlet(np.ones(n))
    if asked.withhold:
        share = np.append(share[:-1] / share[:-1].sum() * (1 - asked.withhold), asked.withhold)
    given = names[:-1] if asked.withhold else names
    for name in names:
        mixed = list(texts[name])
        draw.shuffle(mixed)
        size = np.cumsum([len(line.encode()) + 1 for line in mixed])
        cut = int(np.searchsorted(size, min(asked.sample_bytes, int(size[-1]) // 2)))
        last = int(np.searchsorted(size, size[cut] + TRAINING_BYTES))
        sample = mixed[:cut]
        if others is not None:
            sample = others[name]
        _write(folder / f"train-{name}.jsonl", name, mixed[cut:last])
        _write(folder / f"sample-{name}.jsonl", name, sample)
    training = [str(folder / f"train-{name}.jsonl") for name in names]
    shares = ",".join(f"{name}={part!r}" for name, part in zip(names, share.tolist(), strict=True))
    train = ("train", *training, "--shares", shares, "--vocab-size", str(asked.vocab_size), "--out", "tok")
    _babelmerge(folder, *train, "--pretokenizer", asked.pretokenizer)
    manifest = msgspec.json.decode((folder / "tok/manifest.json").read_bytes())
    stated: dict[str, float] = manifest["facts"]["mixture"]
    truth = np.array([stated[name] for name in given]) / sum(stated[name] for name in given)
    if asked.wrong_pretokenizer:
        _recut(folder / "tok/tokenizer.json", folder, asked.wrong_pretokenizer)
    efficiency = efficiencies(folder, given, asked.vocab_size)
    samples = [str(folder / f"sample-{name}.jsonl") for name in given]
    tokenizer = "recut.json" if asked.wrong_pretokenizer else "tok"
    cases = []
    for method in asked.methods:
        began = time.monotonic()
        more = ("--merges", str(asked.merges)) if asked.merges and method == "lp" else ()
        _babelmerge(folder, "mixture", *samples, "--tokenizer", tokenizer, "--method", method, "--out", method, *more)
        seconds = time.monotonic() - began
        found = {row["category"]: row for row in pl.read_parquet(folder / method / "mixture.parquet").to_dicts()}
        facts = msgspec.json.decode((folder / method / "manifest.json").read_bytes())["facts"]
        intervals = [(found[name]["low"], found[name]["high"]) for name in given]
        known = [low is not None for low, _ in intervals]
        cases.append(
            Case(
                n=n, seed=seed, method=method, sample_bytes=asked.sample_bytes, pretokenizer=asked.pretokenizer,
                withheld=asked.withhold, seconds=seconds, warned=bool(facts.get("warning")),
                error=_error([found[name]["share"] for name in given], truth),
                covered=sum(bool(low <= one <= high) for (low, high), one in zip(intervals, truth, strict=True))
                if all(known) else None,
                by_merges=_by_merges(folder / method / "sensitivity.parquet", given, truth),
                uniform=_error(np.full(len(given), 1 / len(given)), truth),
                truth=truth.tolist(), efficiency=efficiency,
            )
        )  # fmt: skip
    return cases


def efficiencies(folder: Path, names: Sequence[str], size: int) -> list[float]:
    """Return each category's efficiency under the tokenizer: the paper's baseline.

    A category with a larger share of the training text is encoded nearly as well as by a tokenizer of its own.
    """
    tokenizer, found = load_tokenizer(str(folder / "tok")), []
    for name in names:
        [lines] = lines_of([str(folder / f"sample-{name}.jsonl")]).values()
        counter = WordCounter()
        texts = pa.array(lines, pa.large_string())
        counter.add(Pretokenizer(tokenizer.pretokenizer).split(texts), pa.array([name] * len(lines)))
        words, counts, _ = counter.table(name).sorted()
        own = Tokenizer(tokenizer.pretokenizer, (), train_words(words, counts, size))
        tokens = [int(measure_curve(words, counts, one).tokens[-1]) for one in (own, tokenizer)]
        found.append(tokens[0] / tokens[1])
    return found


def efficiency_error(case: dict[str, Any], others: Sequence[dict[str, Any]]) -> float:
    """The error of shares read off the efficiencies by a line in logarithms, fitted to other cases."""
    centred = [np.log([[max(share, 1e-6) for share in one["truth"]], one["efficiency"]]) for one in others]
    y, x = np.concatenate([(one - one.mean(axis=1, keepdims=True)) for one in centred], axis=1)
    told = np.array(case["efficiency"]) ** float((x @ y) / (x @ x))
    return _error(told / told.sum(), np.array(case["truth"]))


def infer_published(files: Sequence[str], tokenizer: str) -> Published:
    """Infer the mixture of a tokenizer file with the command."""
    name = Path(tokenizer.partition(",")[0]).stem
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        given = [str(Path(file).resolve()) for file in files]
        path, _, options = tokenizer.partition(",")
        spec = str(Path(path).resolve()) + (f",{options}" if options else "")
        _babelmerge(Path(folder), "mixture", *given, "--tokenizer", spec, "--out", "o")
        facts = msgspec.json.decode((Path(folder) / "o/manifest.json").read_bytes())["facts"]
        shares = dict(pl.read_parquet(Path(folder) / "o/mixture.parquet").select("category", "share").iter_rows())
        print(name, f"{time.monotonic() - began:.0f} s", flush=True)
        return Published(
            tokenizer=name, merges=facts["merges_used"], shares=shares, warned=bool(facts["warning"]),
            seconds=time.monotonic() - began,
        )  # fmt: skip


def shown(data: bytes) -> str:
    """A table of cases, or of published tokenizers, as Markdown."""
    rows: list[dict[str, Any]] = msgspec.json.decode(data)
    if rows and "tokenizer" in rows[0]:
        names = sorted({name for row in rows for name in row["shares"]})
        lines = [f"| tokenizer | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for row in rows:
            figures = [f"{100 * row['shares'].get(name, 0):.1f}" for name in names]
            lines.append(f"| {row['tokenizer']} | {' | '.join(figures)} |")
        return "\n".join(lines)
    for row in rows:
        others = [one for one in rows if one["n"] == row["n"] and one["seed"] != row["seed"]]
        row["by efficiency"] = efficiency_error(row, others) if others else None
    hidden = ("by_merges", "truth", "efficiency")
    table = (
        pl.DataFrame([{name: value for name, value in row.items() if name not in hidden} for row in rows],
                     schema_overrides={"by efficiency": pl.Float64})
        .group_by("n", "method", "sample_bytes", "pretokenizer", "withheld")
        .agg(
            pl.len().alias("cases"), pl.col("error").mean().round(2), (pl.col("error").std()).round(2).alias("sd"),
            pl.col("uniform", "by efficiency").mean().round(2), (pl.col("covered").sum()).alias("covered"),
            pl.col("warned").sum(), pl.col("seconds").median().round(1),
        )
        .sort("n", "method")
    )  # fmt: skip
    heads = "| " + " | ".join(table.columns) + " |\n" + "|---" * len(table.columns) + "|\n"
    return heads + "\n".join("| " + " | ".join(map(str, row)) + " |" for row in table.iter_rows())


def _by_merges(path: Path, names: Sequence[str], truth: np.ndarray) -> dict[int, float]:
    if not path.is_file():
        return {}
    found: dict[int, dict[str, float]] = {}
    for merges, category, share in pl.read_parquet(path).select("merges", "category", "share").iter_rows():
        found.setdefault(merges, {})[category] = share
    return {merges: _error([shares[name] for name in names], truth) for merges, shares in found.items()}


def _error(share: Sequence[float] | np.ndarray, truth: np.ndarray) -> float:
    return float(np.log10(max(float(np.mean((np.asarray(share) - truth) ** 2)), 1e-40)))


def _write(path: Path, language: str, lines: Sequence[str]) -> None:
    with path.open("wb") as file:
        for number, line in enumerate(lines):
            file.write(msgspec.json.encode({"id": str(number), "language": language, "text": line}) + b"\n")


def _recut(tokenizer: Path, folder: Path, pretokenizer: str) -> None:
    """The same merges under another pre-tokenizer's expression."""
    from operators.text.pretokenizers import PATTERNS

    content = msgspec.json.decode(tokenizer.read_bytes())
    for step in content["pre_tokenizer"].get("pretokenizers", [content["pre_tokenizer"]]):
        if step["type"] == "Split":
            step["pattern"] = {"Regex": PATTERNS[pretokenizer]}
    (folder / "recut.json").write_bytes(msgspec.json.encode(content))


def _babelmerge(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "jobs.command", *arguments, *LOCAL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:4])}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
