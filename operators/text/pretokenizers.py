"""Table of the named pre-tokenizers: settings, errors and documentation take their names from here.

Adding a pre-tokenizer is adding a row. It imports no compiled code, so that reading the names costs nothing.
"""

from typing import Final, NamedTuple

NO_SPLIT: Final = "none"
"""Name of the pre-tokenizer that cuts nothing: each document that is not empty is one pre-token."""


class NamedPretokenizer(NamedTuple):
    """Row of PRETOKENIZERS: one regular expression, and what the project has for it."""

    regex: str
    """The expression, in Oniguruma's syntax. Its matches, and the gaps between them, are pre-tokens."""
    summary: str
    """A few words on the expression."""
    used_by: str
    """Published tokenizers that cut text with it."""
    rank_files: tuple[str, ...] = ()
    """Stems of the .tiktoken files that are published for it."""
    scanner: str | None = None
    """Name of the scanner's constant in `operators.kernels.scan`; None: the expression is compiled to tables."""


_CL100K: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_BLANKS: Final = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_NAME: Final = r"[\p{L}\p{M}\p{N}_]+"
"""Run of letters, marks, numbers and underscores: a name, a number or a key word of a program."""
_SIGN: Final = r"[^\s\p{L}\p{M}\p{N}_]"

_CODEBPE: Final = "levels for code, after CodeBPE (Chirkova and Troshin 2023)"

PRETOKENIZERS: Final[dict[str, NamedPretokenizer]] = {
    "gpt2": NamedPretokenizer(
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        "GPT-2's, which Hugging Face's `ByteLevel(use_regex=True)` applies by itself",
        "GPT-2, r50k_base, p50k_base",
        rank_files=("r50k_base", "p50k_base"),
        scanner="GPT2",
    ),
    "gpt4": NamedPretokenizer(
        _CL100K,
        "cl100k_base's as first published",
        "GPT-3.5, GPT-4",
        rank_files=("cl100k_base",),
        scanner="CL100K",
    ),
    "o200k": NamedPretokenizer(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "o200k_base's as tiktoken ships it",
        "GPT-4o, gpt-oss, Llama 4",
        rank_files=("o200k_base", "llama4"),
        scanner="O200K",
    ),
    "llama3": NamedPretokenizer(
        _CL100K,
        "the same text as `gpt4`",
        "Llama 3",
        rank_files=("llama3",),
        scanner="CL100K",
    ),
    "qwen": NamedPretokenizer(
        _CL100K.replace(r"\p{N}{1,3}", r"\p{N}"),
        "cl100k_base's with single digits",
        "Qwen",
        rank_files=("qwen",),
        scanner="QWEN",
    ),
    "tekken": NamedPretokenizer(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "o200k_base's without contractions, with single digits",
        "Mistral's tekken files",
        scanner="TEKKEN",
    ),
    "codebpe1": NamedPretokenizer(
        rf" ?{_NAME}|{_SIGN}|{_BLANKS}",
        "level 1: names and numbers, each sign alone",
        _CODEBPE,
    ),
    "codebpe2": NamedPretokenizer(
        rf" ?{_NAME}| ?{_SIGN}+|{_BLANKS}",
        "level 2: runs of signs stay together",
        _CODEBPE,
    ),
    "codebpe3": NamedPretokenizer(
        rf" ?{_NAME}(?:\.{_NAME})*| ?{_SIGN}+|{_BLANKS}",
        "level 3: names keep the dots inside them",
        _CODEBPE,
    ),
    "codebpe4": NamedPretokenizer(
        r"[^\r\n]+|[\r\n]+",
        "level 4: lines, and the line ends between them",
        _CODEBPE,
    ),
}
"""Name to row, in the order in which help and errors list them."""

PATTERNS: Final[dict[str, str]] = {name: row.regex for name, row in PRETOKENIZERS.items()}
"""Name to regular expression; gpt4 and llama3 are the same one."""

DEFAULT: Final = "o200k"
"""Name of the pre-tokenizer that new tokenizers get: it cuts no word at its marks, so no script pays for its vowels."""

NAMES: Final = (*PRETOKENIZERS, NO_SPLIT)
"""Every name that a setting may give for a pre-tokenizer."""
