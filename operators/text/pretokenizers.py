"""Table of the named pre-tokenizers: settings, errors and documentation take their names from here.

Adding a pre-tokenizer is adding a row. It imports no compiled code, so that reading the names costs nothing.
"""

from typing import Final, NamedTuple

NO_SPLIT: Final = "none"
"""Name of the pre-tokenizer that cuts nothing: each document that is not empty is one pre-token."""


class NamedPretokenizer(NamedTuple):
    """Row of PRETOKENIZERS: one published regular expression, and what the project has for it."""

    regex: str
    """The published expression, in Oniguruma's syntax. Its matches, and the gaps between them, are pre-tokens."""
    summary: str
    """A few words on the expression."""
    used_by: str
    """Published tokenizers that cut text with it."""
    rank_files: tuple[str, ...] = ()
    """Stems of the .tiktoken files that are published for it."""
    scanner: str | None = None
    """Name of the scanner's constant in `operators.kernels.scan`; None: `tokenizers` applies the expression, slowly."""


_CL100K: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)

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
}
"""Name to row, in the order in which help and errors list them."""

PATTERNS: Final[dict[str, str]] = {name: row.regex for name, row in PRETOKENIZERS.items()}
"""Name to regular expression; gpt4 and llama3 are the same one."""

DEFAULT: Final = "o200k"
"""Name of the pre-tokenizer that new tokenizers get: it cuts no word at its marks, so no script pays for its vowels."""

NAMES: Final = (*PRETOKENIZERS, NO_SPLIT)
"""Every name that a setting may give for a pre-tokenizer."""
