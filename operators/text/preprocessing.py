"""Steps between a text and its merges, as data: Hugging Face's sections `normalizer` and `pre_tokenizer`.

A Preprocessing is written as one string, so that settings, manifests and fingerprints can hold it. The plain ones are
the names and regular expressions of `operators.text.pretokenize`; all others are a JSON object with these fields.
"""

import json
import re
from typing import Any, Final, Literal

import msgspec

from operators.text.automata import tables
from operators.text.character_classes import NotCompiled
from operators.text.pattern_syntax import parse
from operators.text.pretokenizers import NO_SPLIT

Section = dict[str, Any]

SPACE_MARK: Final = "\u2581"
"""Mark that SentencePiece and its descendants write for a space: U+2581."""
_START: Final = '{"'
_NAME: Final = re.compile(r"[\w .-]*\w[\w .-]*", re.ASCII)


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The steps between a text and its words."""

    normalizer: Section | None = None
    """Hugging Face's section, or {"type": "SentencePiece", "add_dummy_prefix": bool, "remove_extra_whitespaces": bool}:
    SentencePiece's identity normalization."""
    pre_tokenizer: Section | None = None
    """Hugging Face's section; None: the text is one word, unless `words` says more."""
    words: Literal["whole", "runs"] = "whole"
    """Cuts where no step cuts: "runs" cuts the text before every run of spaces, as no token reaches over one."""

    @property
    def normalizers(self) -> list[Section]:
        """The normalizer's steps."""
        return steps(self.normalizer, "normalizers")

    @property
    def pre_tokenizers(self) -> list[Section]:
        """The pre-tokenizer's steps."""
        return steps(self.pre_tokenizer, "pretokenizers")

    @property
    def byte_level(self) -> bool:
        """True if words are spelled in bytes; else in characters."""
        return any(step["type"] == "ByteLevel" for step in self.pre_tokenizers)

    def to_string(self) -> str:
        """Write it as one string; equal preprocessings give equal strings."""
        if self.normalizer is None and (plain := self._plain()) is not None:
            return plain
        fields = {"normalizer": self.normalizer, "pre_tokenizer": self.pre_tokenizer, "words": self.words}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    def _plain(self) -> str | None:
        """The regular expression that says it all, or NO_SPLIT."""
        match self.pre_tokenizers:
            case [{"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]:
                return NO_SPLIT
            case [
                {"type": "Split", "pattern": {"Regex": str(regex)}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ] if not is_json(regex) and not looks_like_name(regex):
                return regex
        return None


def steps(section: Section | None, name: str) -> list[Section]:
    """The steps of a Sequence (`name` is its list), Sequences inside it laid open, or the one step there is."""
    if section is None:
        return []
    if section["type"] != "Sequence":
        return [section]
    return [step for part in section[name] for step in steps(part, name)]


def split_step(regex: str) -> Section:
    """A Split at the matches of a regular expression, which stay as words of their own."""
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def byte_level_step(*, use_regex: bool = False) -> Section:
    """A ByteLevel that spells words in bytes."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def is_json(text: str) -> bool:
    """True if a pre-tokenizer's name or expression is a preprocessing written as JSON."""
    return text.startswith(_START)


def looks_like_name(text: str) -> bool:
    """True if a text is taken for a pre-tokenizer's name, misspelt perhaps, and not for a regular expression."""
    return not text or _NAME.fullmatch(text) is not None


_PREPROCESSINGS: Final = msgspec.json.Decoder(Preprocessing)  # made once: two threads may need it at once


def from_json(text: str) -> Preprocessing:
    """The preprocessing that `Preprocessing.to_string` wrote as JSON. Raises ValueError, one line."""
    try:
        return _PREPROCESSINGS.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"no preprocessing of normalizer and pre_tokenizer ({error})") from None


def library_version() -> str:
    """Return the name and version of the library that `library_tokenizer` is of."""
    import tokenizers

    return f"tokenizers {tokenizers.__version__}"


def library_tokenizer(normalizer: Section | None, pre_tokenizer: Section | None) -> Any:
    """A `tokenizers.Tokenizer` with these two parts and nothing else. Raises ValueError, one line."""
    from tokenizers import Tokenizer as HuggingFace  # takes long to import

    shell: dict[str, Any] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    }  # fmt: skip
    try:
        return HuggingFace.from_str(json.dumps(shell))
    except BaseException as error:  # `tokenizers` has no class of its own for it, and panics are no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = str(error).splitlines()[0].split(" at line ")[0]
        raise ValueError(said.removeprefix("Oniguruma error: ")) from None


def canonical(normalizer: Section | None, pre_tokenizer: Section | None) -> tuple[Section | None, Section | None]:
    """Return both sections as `tokenizers` writes them, defaults filled in. Raises ValueError if it cannot."""
    written = json.loads(library_tokenizer(normalizer, pre_tokenizer).to_str())
    read = written["normalizer"] if steps(written["normalizer"], "normalizers") else None
    return read, _isolated(written["pre_tokenizer"]) if steps(written["pre_tokenizer"], "pretokenizers") else None


def _isolated(section: Section) -> Section:
    """A pre-tokenizer whose Splits have the one form that all Splits of equal effect have.

    With the behavior Isolated, `invert` changes nothing. With Removed and `invert` only gaps between matches go, and
    expressions that match at every character leave none.
    """
    if section["type"] == "Sequence":
        return section | {"pretokenizers": [_isolated(step) for step in section["pretokenizers"]]}
    if section["type"] != "Split" or not section["invert"]:
        return section
    alike = section["behavior"] == "Isolated" or (section["behavior"] == "Removed" and _covers(section["pattern"]))
    return section | {"behavior": "Isolated", "invert": False} if alike else section


def _covers(pattern: dict[str, str]) -> bool:
    """True only if matches of a Split's pattern leave no gaps."""
    try:
        return "Regex" in pattern and tables([parse(pattern["Regex"])])[1][0].covers
    except NotCompiled:
        return False
