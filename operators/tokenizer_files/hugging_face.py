"""Hugging Face's tokenizer.json of a BPE model.

What the kernels encode exactly they encode. For the rest `tokenizers` itself does (`Tokenizer.library`), and what not
even that reads exactly is refused. What a post-processor puts around a text is no part of the text and is left out, and
a text is neither cut short nor filled up (`encode(text, add_special_tokens=False)` without truncation and padding).
"""

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer as HuggingFace

from operators.errors import UsageError
from operators.kernels.bpe_windows import LARGEST_ID
from operators.text.preprocessing import Preprocessing, Section, canonical
from operators.text.pretokenize import Pretokenizer, format_preprocessing
from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer, quoted
from operators.tokenizer_files.symbols import Symbols, byte_symbols, character_symbols, reaches_over_spaces

_MOST_ADDED: Final = 1 << 18
"""Added tokens of a file: published ones have up to 6,400."""
_MOST_ADDED_CHARACTERS: Final = 1 << 20
"""Characters of all added tokens where `tokenizers` encodes, which needs 100 bytes and 3 microseconds for each."""
_MOST_STEPS: Final = 256
"""Steps of all sections of a file together: published ones have up to 12."""


class _Added(msgspec.Struct):
    id: int
    content: str
    special: bool = False
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


class _Model(msgspec.Struct):
    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]
    dropout: float | None = None
    unk_token: str | None = None
    continuing_subword_prefix: str | None = None
    end_of_word_suffix: str | None = None
    fuse_unk: bool | None = None
    byte_fallback: bool | None = None
    ignore_merges: bool | None = None


class _ModelType(msgspec.Struct):
    type: str = "BPE"
    merges: msgspec.Raw = msgspec.Raw(b"null")


class _Kind(msgspec.Struct):
    model: _ModelType


class _File(msgspec.Struct):
    model: _Model
    added_tokens: list[_Added] | None = None
    normalizer: Section | None = None
    pre_tokenizer: Section | None = None
    post_processor: Any = None
    decoder: Any = None


def from_json(text: str | bytes, path: str) -> Tokenizer:
    """The tokenizer in a tokenizer.json; `path` is for error messages.

    Raises:
        UnsupportedTokenizer: its ids cannot be had exactly.
        MalformedTokenizer: it is no tokenizer.json, or contradicts itself.
    """
    file = _decode(text, path)
    model = file.model
    if model.dropout:
        raise UnsupportedTokenizer(path, f"dropout ({model.dropout}), which gives other ids each time,")
    added = _read_added(file, path)
    merges = _read_merges(model, path)
    preprocessing = _read_preprocessing(file, path)
    pretokenizer = _pretokenizer(preprocessing, path)
    ids = model.vocab | {token.content: token.id for token in added}
    symbols = _symbols(file, preprocessing, pretokenizer, ids)
    merges = _alive(merges, symbols)
    uncut = all(step["type"] == "Metaspace" and not step["split"] for step in preprocessing.pre_tokenizers)
    if pretokenizer.marks_spaces and uncut and _can_be_cut(symbols, merges, model):
        preprocessing = Preprocessing(preprocessing.normalizer, preprocessing.pre_tokenizer, "runs")
        pretokenizer = _pretokenizer(preprocessing, path)
    if not all(pretokenizer.normalizer.patterns([token.content for token in added if token.normalized])):
        raise UnsupportedTokenizer(path, "an added token that normalization empties")
    lacking = symbols.lacking or _lacking(file, added, pretokenizer)
    library = None
    if lacking is not None:
        content = text.encode() if isinstance(text, str) else text
        if (together := sum(len(token.content) for token in added)) > _MOST_ADDED_CHARACTERS:
            raise UnsupportedTokenizer(path, f"{lacking} with added tokens of {together:,} characters together")
        replayable = (
            symbols.lacking is None
            and (preprocessing.byte_level or not pretokenizer.by_library)
            and not pretokenizer.normalizer.may_insert_anywhere
        )
        library = LibraryModel("tokenizers", content, lacking, replayable)
        _check_library(content, path)
    return Tokenizer(
        pretokenizer.pattern,
        tuple(token.content for token in added),
        merges,
        symbols.vocabulary(tuple(token.id for token in added)),
        bool(model.ignore_merges),
        added if any(token != AddedToken(token.content, token.id) for token in added) else (),
        library,
    )


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


def _decode(text: str | bytes, path: str) -> _File:
    try:
        kind = msgspec.json.decode(text, type=_Kind)
        if kind.model.type != "BPE":
            raise UnsupportedTokenizer(path, f"a model of type {kind.model.type[:60]}")
        if bytes(kind.model.merges) == b"null":
            raise MalformedTokenizer(path, "its model has no list of merges, so it is no BPE model")
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tokenizer.json of a BPE model ({error})") from error
    count = _steps_in([file.normalizer, file.pre_tokenizer, file.post_processor, file.decoder])
    if count > _MOST_STEPS:
        raise UnsupportedTokenizer(path, f"a list of {count:,} steps around the model (at most {_MOST_STEPS})")
    return file


def _read_added(file: _File, path: str) -> tuple[AddedToken, ...]:
    """The added tokens, with the ids that `tokenizers` gives them: the model's where it has one, else the next."""
    vocab, added = file.model.vocab, dict[str, AddedToken]()
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


def _read_merges(model: _Model, path: str) -> Merges:
    vocab, prefix = model.vocab, model.continuing_subword_prefix or ""
    if model.merges and not prefix.isascii():  # `tokenizers` counts its characters and takes away as many bytes
        raise UnsupportedTokenizer(path, f"a continuing_subword_prefix beyond ASCII ({quoted(prefix)})")
    merges = [merge for merge in model.merges if not (isinstance(merge, str) and merge.startswith("#version"))]
    rows = list[tuple[int, int, int, int]]()
    for rank, merge in enumerate(merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if len(pair) != 2:
            raise MalformedTokenizer(path, f"merge {rank} is {quoted(merge)}, not two tokens")
        if not pair[1].startswith(prefix):  # `tokenizers` takes as many bytes away unseen, half letters too
            raise MalformedTokenizer(path, f"merge {rank}: {quoted(pair[1])} lacks the prefix {quoted(prefix)}")
        joined = pair[0] + pair[1][len(prefix) :]
        try:
            rows.append((vocab[pair[0]], vocab[pair[1]], vocab[joined], -1))
        except KeyError:
            token = next(token for token in (*pair, joined) if token not in vocab)
            raise MalformedTokenizer(
                path, f"merge {rank} needs {quoted(token)}, which is not in the vocabulary"
            ) from None
    return Merges.from_rows(rows)


def _alive(merges: Merges, symbols: Symbols) -> Merges:
    """The merges without those of tokens that no text comes to."""
    first = [symbols.byte_ids, np.array([-1 if symbols.unknown is None else symbols.unknown], np.int32)]
    if symbols.characters is not None:
        first.append(np.unique(symbols.characters))
    made = np.concatenate([*first, merges.token])
    if (np.isin(merges.left, made) & np.isin(merges.right, made)).all():
        return merges
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True))
    waiting: dict[int, list[int]] = {}
    for i, (left, right, _) in enumerate(pairs):
        for part in {left, right}:
            waiting.setdefault(part, []).append(i)
    alive = np.zeros(len(pairs), np.bool_)
    reached = set(np.concatenate(first).tolist())
    new = list(reached)
    while new:
        for i in waiting.get(new.pop(), ()):
            left, right, token = pairs[i]
            if left in reached and right in reached:
                alive[i] = True
                if token not in reached:
                    reached.add(token)
                    new.append(token)
    return Merges(merges.left[alive], merges.right[alive], merges.token[alive], merges.count[alive])


def _read_preprocessing(file: _File, path: str) -> Preprocessing:
    try:
        return Preprocessing(*canonical(file.normalizer, file.pre_tokenizer))
    except (ValueError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no normalizer and pre-tokenizer that `tokenizers` reads ({error})") from None


def _pretokenizer(preprocessing: Preprocessing, path: str) -> Pretokenizer:
    try:
        return Pretokenizer(format_preprocessing(preprocessing))
    except UsageError as error:
        raise MalformedTokenizer(path, str(error)) from None


def _symbols(file: _File, preprocessing: Preprocessing, pretokenizer: Pretokenizer, ids: dict[str, int]) -> Symbols:
    model = file.model
    if preprocessing.byte_level:
        symbols = byte_symbols(model.vocab, ids)
    else:
        unknown = model.vocab.get(model.unk_token or "")
        flags = {"fuse": bool(model.fuse_unk), "bytes_too": bool(model.byte_fallback)}
        symbols = character_symbols(model.vocab, ids, unknown, marks_spaces=pretokenizer.marks_spaces, **flags)
    if model.continuing_subword_prefix or model.end_of_word_suffix:
        return symbols.without("a prefix or suffix on the words' parts")
    if any(step["type"] == "ByteLevel" for step in preprocessing.normalizers):
        return symbols.without("a normalizer that spells bytes")
    return symbols


def _can_be_cut(symbols: Symbols, merges: Merges, model: _Model) -> bool:
    """True if a text may be cut before runs of spaces, as no token reaches from something else over a space."""
    if symbols.lacking is not None or model.ignore_merges:
        return False
    return not reaches_over_spaces(symbols.spelled[i] for i in set(merges.token.tolist()))


def _lacking(file: _File, added: tuple[AddedToken, ...], pretokenizer: Pretokenizer) -> str | None:
    """Return the first step before symbols and merges that the kernels cannot do; None: there is none."""
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
    if file.model.ignore_merges:
        known = [token.content for token in added if token.content in file.model.vocab]
        for content, alone in zip(known, _may_be_one_pretoken(known, pretokenizer), strict=True):
            if alone:
                return f"the added token {quoted(content)}, which may be a word,"
    return None


def _may_be_one_pretoken(contents: list[str], pretokenizer: Pretokenizer) -> list[bool]:
    """For each text: False only if no text's pre-tokens can hold it as one; in doubt True."""
    if not pretokenizer.normalizer.changes_nothing:
        return [True] * len(contents)
    numbers = np.diff(pretokenizer.split(pa.array(contents, pa.large_string())).documents).tolist()
    return [
        number <= 1 or content.split() != [content]  # white space may go with what stands beside it
        for content, number in zip(contents, numbers, strict=True)
    ]


def _check_library(content: bytes, path: str) -> None:
    try:
        HuggingFace.from_buffer(content)
    except BaseException as error:  # a panic in Rust is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise MalformedTokenizer(path, f"`tokenizers` cannot read it ({str(error).splitlines()[0]})") from None
