"""Training, compared with Hugging Face's trainer: whole processes, in turn, on one plain-text file.

    python benchmarks/train.py TEXT.txt --vocab-size 32768 --rounds 3

Prints a Markdown table: wall and CPU seconds and peak memory (medians), ratios within each round, and whether the merge
lists are equal. The first run of babelmerge on a machine compiles its kernels; that is done before anything is timed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from operators.pretokenize import PATTERNS

HUGGING_FACE = f"""
import sys
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
text, size, out = sys.argv[1:]
tokenizer = Tokenizer(models.BPE())
level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
split = pre_tokenizers.Split(Regex({PATTERNS["gpt4"]!r}), "isolated")
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(vocab_size=int(size), initial_alphabet=alphabet, show_progress=False)
tokenizer.train([text], trainer)
tokenizer.save(out + "/tokenizer.json")
"""


def timed(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak megabytes of a whole process with its children."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[:3]}: exit status {status}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def merges(folder: Path) -> list[tuple[str, str]]:
    """The merge list that a run wrote."""
    return [tuple(pair) for pair in json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["merges"]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--vocab-size", default="32768")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    subprocess.run([sys.executable, "-m", "operators.warm"], check=True)
    peers = ("tokenizers", "babelmerge")
    figures: dict[str, list[tuple[float, float, float]]] = {peer: [] for peer in peers}
    equal = True
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            out = {peer: Path(folder) / peer for peer in peers}
            out["tokenizers"].mkdir()
            commands = {
                "tokenizers": [
                    sys.executable,
                    "-c",
                    HUGGING_FACE,
                    asked.text,
                    asked.vocab_size,
                    str(out["tokenizers"]),
                ],
                "babelmerge": [
                    *(sys.executable, "-m", "jobs.command", "train", asked.text, "--engine", "local"),
                    *("--progress", "off", "--vocab-size", asked.vocab_size, "--out", str(out["babelmerge"])),
                ],
            }
            for peer in peers:
                figures[peer].append(timed(commands[peer]))
            equal = equal and merges(out["tokenizers"]) == merges(out["babelmerge"])
    size = Path(asked.text).stat().st_size / 1e6
    print(f"{size:.1f} MB, {asked.vocab_size} tokens, {os.cpu_count()} cores, equal: {equal}\n")
    print("| | wall s | CPU s | peak MB | times as fast |\n|---|---|---|---|---|")
    for peer in peers:
        wall, cpu, peak = (statistics.median(run[i] for run in figures[peer]) for i in range(3))
        ratio = statistics.median(a[0] / b[0] for a, b in zip(figures["tokenizers"], figures[peer], strict=True))
        print(f"| {peer} | {wall:.1f} | {cpu:.1f} | {peak:.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
