"""Parts of a tokenizer.json that no kind of model changes: added tokens, normalizer and pre-tokenizer."""

from typing import Any, Final

import msgspec

from operators.errors import UsageError
from operators.kernels.bpe_windows import LARGEST_ID
from operators.text.preprocessing import Preprocessing, Section, canonical
from operators.text.pretokenize import Pretokenizer, format_preprocessing
from operators.tokenizer import AddedToken
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer, quoted

_MOST_ADDED: Final = 1 << 18
"""Added tokens of a file: published ones have up to 6,400."""
_MOST_ADDED_CHARACTERS: Final = 1 << 20
"""Characters of all added tokens where `tokenizers` encodes, which needs 100 bytes and 3 microseconds for each."""
_MOST_STEPS: Final = 256
"""Steps of all sections of a file together: published ones have up to 12."""


class Added(msgspec.Struct):
    """An entry of the list of added tokens."""

    id: int
    content: str
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


class Sections(msgspec.Struct):
    """The parts around the model, as they are written."""

    added_tokens: list[Added] | None = None
    normalizer: Section | None = None
    pre_tokenizer: Section | None = None
    post_processor: Any = None
    decoder: Any = None


def check_steps(file: Sections, path: str) -> None:
    """Raise UnsupportedTokenizer for more steps around the model than anybody has."""
    count = _steps_in([file.normalizer, file.pre_tokenizer, file.post_processor, file.decoder])
    if count > _MOST_STEPS:
        raise UnsupportedTokenizer(path, f"a list of {count:,} steps around the model (at most {_MOST_STEPS})")


def _steps_in(section: Any) -> int:
    """Count the steps of a section, those of Sequences inside it too."""
    count, rest = 0, [section]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            count += "type" in one
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return count


def read_added(file: Sections, vocab: dict[str, int], path: str) -> tuple[AddedToken, ...]:
    """The added tokens, with the ids that `tokenizers` gives them: the model's where it has one, else the next."""
    added = dict[str, AddedToken]()
    if len(file.added_tokens or ()) > _MOST_ADDED:
        raise UnsupportedTokenizer(
            path, f"a list of {len(file.added_tokens or ()):,} added tokens (at most {_MOST_ADDED:,})"
        )
    taken, following = set(vocab.values()), len(vocab)
    if len(taken) < len(vocab) or not all(0 <= i <= LARGEST_ID for i in taken):
        fault = next((i for i in vocab.values() if not 0 <= i <= LARGEST_ID), None)
        what = "an id has two tokens" if fault is None else f"id {fault} is out of range"
        raise MalformedTokenizer(path, f"{what}; each of its {len(vocab)} tokens needs an id of its own")
    for token in file.added_tokens or ():
        if not token.content:
            continue
        if token.content in added:
            raise MalformedTokenizer(path, f"the added token {quoted(token.content)} stands twice")
        expected = vocab.get(token.content, following)
        if token.id != expected:
            name = quoted(token.content)
            raise MalformedTokenizer(
                path, f"the added token {name} has the id {token.id}, where `tokenizers` gives it {expected}"
            )
        if token.content not in vocab and expected in taken:
            raise MalformedTokenizer(path, f"{quoted(token.content)} and another token have the id {expected}")
        following = max(following, expected + 1)
        flags = (token.special, token.normalized, token.lstrip, token.rstrip, token.single_word)
        added[token.content] = AddedToken(token.content, token.id, *flags)
    return tuple(added.values())


def read_preprocessing(file: Sections, path: str) -> Preprocessing:
    """The normalizer and pre-tokenizer of a file. Raises MalformedTokenizer."""
    try:
        return Preprocessing(*canonical(file.normalizer, file.pre_tokenizer))
    except (ValueError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no normalizer and pre-tokenizer that `tokenizers` reads ({error})") from None


def pretokenizer_of(preprocessing: Preprocessing, path: str) -> Pretokenizer:
    """The pre-tokenizer that does these steps. Raises MalformedTokenizer."""
    try:
        return Pretokenizer(format_preprocessing(preprocessing))
    except UsageError as error:
        raise MalformedTokenizer(path, str(error)) from None


def lacking_around(added: tuple[AddedToken, ...], pretokenizer: Pretokenizer) -> str | None:
    """Return the first step before the model that the kernels cannot do; None: there is none."""
    if pretokenizer.by_library:
        return "a pre-tokenizer that does more than cut"
    if pretokenizer.normalizer.may_insert_anywhere:
        return "a normalizer that replaces empty matches"
    if pretokenizer.normalizer.marks_spaces and any(t.normalized and (t.lstrip or t.rstrip) for t in added):
        return "added tokens that take white space where there are marks for spaces"
    if any(token.single_word for token in added):
        return "added tokens that must stand alone"
    if any(token.rstrip for token in added) and any(token.content[0].isspace() for token in added):
        return "added tokens that take the whitespace others begin with"
    return None


def require_library(lacking: str, added: tuple[AddedToken, ...], content: bytes, path: str) -> None:
    """Raise UnsupportedTokenizer or MalformedTokenizer for a file that `tokenizers` cannot encode with instead."""
    if (together := sum(len(token.content) for token in added)) > _MOST_ADDED_CHARACTERS:
        raise UnsupportedTokenizer(path, f"{lacking} with added tokens of {together:,} characters together")
    read_by_library(content, path)


def require_findable(added: tuple[AddedToken, ...], pretokenizer: Pretokenizer, path: str) -> None:
    """Raise UnsupportedTokenizer for an added token that no text can have."""
    if not all(pretokenizer.normalizer.patterns([token.content for token in added if token.normalized])):
        raise UnsupportedTokenizer(path, "an added token that normalization empties")


def read_by_library(content: bytes, path: str) -> Any:
    """The file as `tokenizers` reads it. Raises MalformedTokenizer."""
    from tokenizers import Tokenizer as HuggingFace  # takes long to import

    try:
        return HuggingFace.from_buffer(content)
    except BaseException as error:  # a panic in Rust is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise MalformedTokenizer(path, f"`tokenizers` cannot read it ({str(error).splitlines()[0]})") from None
