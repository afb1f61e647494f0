"""Table of the published families of pre-tokenizers: who cuts, and how fast, beside `tokenizers`.

    python -m benchmarks.pretokenizers TEXT...

Both cut the same documents, one a line, on one thread; ends of words are compared before anything is timed.
"""

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from tokenizers import PreTokenizedString

from operators.text.preprocessing import Preprocessing, Section, byte_level_step, library_tokenizer, split_step
from operators.text.pretokenize import Pretokenizer, format_preprocessing
from operators.text.pretokenizers import PATTERNS

_CONTRACTIONS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_BLANKS: Final = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_HEAD: Final = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
_TAIL: Final = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
_DIGITS: Final[Section] = {"type": "Digits", "individual_digits": True}
_GPT2: Final = split_step(PATTERNS["gpt2"])


def _splits(*expressions: str) -> list[Section]:
    return [split_step(regex) for regex in expressions]


FAMILIES: Final[dict[str, tuple[str, list[Section]]]] = {
    "GPT-2": ("GPT-2, GPT-NeoX, OLMo 1, Phi 2, Claude 2, MPT", [_GPT2]),
    "cl100k": ("GPT-4, Llama 3, GLM 4, OLMo 2, Phi 4", _splits(PATTERNS["gpt4"])),
    "o200k": ("GPT-4o, o200k_harmony (gpt-oss), Llama 4", _splits(PATTERNS["o200k"])),
    "Qwen": ("Qwen 2 to 3", _splits(PATTERNS["qwen"])),
    "Qwen 3.5": (
        "Qwen 3.5",
        _splits(
            rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
            rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_BLANKS}"
        ),
    ),
    "tekken": ("Mistral Nemo and later", _splits(PATTERNS["tekken"])),
    "DeepSeek V3": (
        "DeepSeek V3, R1",
        _splits(
            r"\p{N}{1,3}",
            "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
        ),
    ),
    "DeepSeek Coder": (
        "DeepSeek Coder",
        [
            *_splits("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            _DIGITS,
        ],
    ),
    "Kimi": (
        "Kimi K2",
        _splits(
            rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{_HEAD}*{_TAIL}+{_CONTRACTIONS}?"
            rf"|[^\r\n\p{{L}}\p{{N}}]?{_HEAD}+{_TAIL}*{_CONTRACTIONS}?"
            rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_BLANKS}"
        ),
    ),
    "StarCoder": ("StarCoder, SmolLM, Command R, EXAONE", [_DIGITS, _GPT2]),
    "Falcon": (
        "Falcon, without its last two steps, which cut what stands for bytes",
        [{"type": "Punctuation", "behavior": "Contiguous"}, _GPT2],
    ),
    "BLOOM": ("BLOOM", _splits(r" ?[^(\s|[.,!?…。，、।۔،])]+")),
    "Gemma": (
        "Gemma",
        [{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}],
    ),
}
"""Family to the tokenizers that cut with it and its steps, as their tokenizer.json has them."""


def pretokenizer(family: str) -> Pretokenizer:
    """Return a family's pre-tokenizer."""
    steps = [*FAMILIES[family][1], byte_level_step()]
    return Pretokenizer(format_preprocessing(Preprocessing(None, {"type": "Sequence", "pretokenizers": steps})))


def reference(steps: list[Section], documents: list[str]) -> list[list[int]]:
    """The ends of all pieces, in bytes from the document's begin, as `tokenizers` cuts."""
    library = library_tokenizer(None, {"type": "Sequence", "pretokenizers": steps}).pre_tokenizer
    found = []
    for document in documents:
        pieces = PreTokenizedString(document)
        library.pre_tokenize(pieces)
        splits = pieces.get_splits(offset_referential="original", offset_type="byte")
        found.append([end for _, (_, end), _ in splits])
    return found


def ends(cutter: Pretokenizer, documents: list[str]) -> list[list[int]]:
    """The same by the code that is measured."""
    pieces = cutter.split(pa.array(documents, pa.large_string()))
    places, borders = pieces.ends.tolist(), pieces.documents.tolist()
    return [
        [place - begin for place in places[first:last]]
        for begin, (first, last) in zip(pieces.starts.tolist(), itertools.pairwise(borders), strict=False)
    ]


def _seconds(work: Callable[[], Any], rounds: int) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(rounds))


def main(paths: list[str]) -> None:
    """Print the table."""
    documents = [line for path in paths for line in Path(path).read_text("utf-8").splitlines() if line]
    text = pa.array(documents, pa.large_string())
    size, some = sum(len(one.encode()) for one in documents), documents[:: max(1, len(documents) // 2_000)]
    few = sum(len(one.encode()) for one in some)
    print("| family | tokenizers | cut by | MB/s | `tokenizers` MB/s |\n|---|---|---|--:|--:|")
    for family, (used_by, steps) in FAMILIES.items():
        cutter = pretokenizer(family)
        if ends(cutter, some) != reference(steps, some):
            raise SystemExit(f"{family}: `tokenizers` cuts otherwise")
        ours = size / _seconds(lambda cutter=cutter: cutter.split(text), 5) / 1e6  # type: ignore[misc]
        theirs = few / _seconds(lambda steps=steps: reference(steps, some), 1) / 1e6  # type: ignore[misc]
        print(f"| {family} | {used_by} | {cutter.cut_by} | {ours:.0f} | {theirs:.1f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
