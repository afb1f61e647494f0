"""Hugging Face's tokenizer.json, of a BPE model or (`operators.tokenizer_files.piece_models`) one of pieces.

What the kernels encode exactly they encode. For the rest `tokenizers` itself does (`Tokenizer.library`), and what not
even that reads exactly is refused. What a post-processor puts around a text is no part of the text and is left out, and
a text is neither cut short nor filled up (`encode(text, add_special_tokens=False)` without truncation and padding).
"""

import msgspec
import numpy as np
import pyarrow as pa

from operators.text.preprocessing import Preprocessing
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer, quoted
from operators.tokenizer_files.hugging_face_sections import (
    Sections,
    check_steps,
    lacking_around,
    pretokenizer_of,
    read_added,
    read_preprocessing,
    require_findable,
    require_library,
)
from operators.tokenizer_files.piece_models import MODELS, from_pieces
from operators.tokenizer_files.symbols import Symbols, byte_symbols, character_symbols, reaches_over_spaces


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


class _File(Sections, kw_only=True):
    model: _Model


def from_json(text: str | bytes, path: str) -> Tokenizer:
    """The tokenizer in a tokenizer.json; `path` is for error messages.

    Raises:
        UnsupportedTokenizer: its ids cannot be had exactly.
        MalformedTokenizer: it is no tokenizer.json, or contradicts itself.
    """
    kind = _kind(text, path)
    if kind in MODELS:
        return from_pieces(text, kind, path)
    file = _decode(text, path)
    model = file.model
    if model.dropout:
        raise UnsupportedTokenizer(path, f"dropout ({model.dropout}), which gives other ids each time,")
    added = read_added(file, model.vocab, path)
    merges = _read_merges(model, path)
    preprocessing = read_preprocessing(file, path)
    pretokenizer = pretokenizer_of(preprocessing, path)
    ids = model.vocab | {token.content: token.id for token in added}
    symbols = _symbols(file, preprocessing, pretokenizer, ids)
    merges = _alive(merges, symbols)
    uncut = all(step["type"] == "Metaspace" and not step["split"] for step in preprocessing.pre_tokenizers)
    if pretokenizer.marks_spaces and uncut and _can_be_cut(symbols, merges, model):
        preprocessing = Preprocessing(preprocessing.normalizer, preprocessing.pre_tokenizer, "runs")
        pretokenizer = pretokenizer_of(preprocessing, path)
    require_findable(added, pretokenizer, path)
    lacking = symbols.lacking or _lacking(file, added, pretokenizer)
    library = None
    if lacking is not None:
        content = text.encode() if isinstance(text, str) else text
        replayable = (
            symbols.lacking is None
            and (preprocessing.byte_level or not pretokenizer.by_library)
            and not pretokenizer.normalizer.may_insert_anywhere
        )
        library = LibraryModel("tokenizers", content, lacking, replayable)
        require_library(lacking, added, content, path)
    return Tokenizer(
        pretokenizer.pattern,
        tuple(token.content for token in added),
        merges,
        symbols.vocabulary(tuple(token.id for token in added)),
        bool(model.ignore_merges),
        added if any(token != AddedToken(token.content, token.id) for token in added) else (),
        library,
    )


def _kind(text: str | bytes, path: str) -> str:
    """Return the type of the model."""
    try:
        model = msgspec.json.decode(text, type=_Kind).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tokenizer.json of a BPE model ({error})") from error
    if model.type not in ("BPE", *MODELS):
        raise UnsupportedTokenizer(path, f"a model of type {model.type[:60]}")
    if model.type == "BPE" and bytes(model.merges) == b"null":
        raise MalformedTokenizer(path, "its model has no list of merges, so it is no BPE model")
    return model.type


def _decode(text: str | bytes, path: str) -> _File:
    try:
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedTokenizer(path, f"no tokenizer.json of a BPE model ({error})") from error
    check_steps(file, path)
    return file


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
    if (lacking := lacking_around(added, pretokenizer)) is not None:
        return lacking
    if file.model.ignore_merges:
        known = [token.content for token in added if token.content in file.model.vocab]
        for content, alone in zip(known, _may_be_one_pretoken(known, pretokenizer), strict=True):
            if alone:
                return f"the added token {quoted(content)}, which may be a word,"
    return None


def _may_be_one_pretoken(contents: list[str], pretokenizer: Pretokenizer) -> list[bool]:
    """Return for each text True if it may be one pre-token of some text; False only where that is sure."""
    if not pretokenizer.normalizer.changes_nothing:
        return [True] * len(contents)
    numbers = np.diff(pretokenizer.split(pa.array(contents, pa.large_string())).documents).tolist()
    return [
        number <= 1 or content.split() != [content]  # white space may go with what stands beside it
        for content, number in zip(contents, numbers, strict=True)
    ]
