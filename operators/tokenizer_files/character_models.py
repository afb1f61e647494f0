"""Vocabularies of characters as files spell them: U+2581 for a space, <0x0A> for a byte."""

from dataclasses import dataclass

from operators.text.preprocessing import SPACE_MARK, Preprocessing, Section
from operators.text.pretokenize import parse_preprocessing
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.errors import InexpressibleTokenizer, quoted
from operators.tokenizer_files.final_merges import final_merges

PREPEND: Section = {"type": "Prepend", "prepend": SPACE_MARK}
MARK: Section = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE_MARK}


@dataclass(frozen=True)
class Spaces:
    """SentencePiece's treatment of spaces, as its fields of these names say it."""

    add_dummy_prefix: bool
    remove_extra_whitespaces: bool

    @property
    def normalizer(self) -> Section:
        """The same as a normalizer of `tokenizers`."""
        trims = [("\\A +", ""), (f"[ {SPACE_MARK}]+\\z", ""), (" {2,}", " ")] if self.remove_extra_whitespaces else []
        steps = [{"type": "Replace", "pattern": {"Regex": regex}, "content": content} for regex, content in trims]
        steps += [PREPEND] if self.add_dummy_prefix else []
        return {"type": "Sequence", "normalizers": [*steps, MARK]}


def spaces_of(tokenizer: Tokenizer, file_format: str) -> Spaces:
    """Return how a vocabulary of characters treats spaces. Raises InexpressibleTokenizer where SentencePiece cannot."""
    preprocessing = parse_preprocessing(tokenizer.pretokenizer)
    found = _spaces(preprocessing)
    if found is None:
        raise InexpressibleTokenizer(file_format, "text is normalized or cut in a way that SentencePiece does not have")
    return found


def _spaces(preprocessing: Preprocessing) -> Spaces | None:
    if preprocessing.pre_tokenizers:
        return None
    match preprocessing.normalizers:
        case [{"type": "SentencePiece", "add_dummy_prefix": bool(prefix), "remove_extra_whitespaces": bool(squeeze)}]:
            return Spaces(prefix, squeeze)
        case [only] if only == MARK:
            return Spaces(add_dummy_prefix=False, remove_extra_whitespaces=False)
        case [first, last] if [first, last] == [PREPEND, MARK]:
            return Spaces(add_dummy_prefix=True, remove_extra_whitespaces=False)
    return None


def spellings(tokenizer: Tokenizer, file_format: str) -> list[str]:
    """Return the spelling of each token, by id, in a file. Raises InexpressibleTokenizer where there is none."""
    known = tokenizer.vocabulary
    special = dict(zip(known.special_ids, tokenizer.special_tokens, strict=True))
    spelled = [
        special.get(i) or token.decode("utf-8", "replace").replace(" ", SPACE_MARK)
        for i, token in enumerate(known.tokens)
    ]
    for byte, i in enumerate(known.byte_ids.tolist()):
        if i >= 0 and not (byte < 0x80 and known.characters is not None and known.characters[byte] == i):
            spelled[i] = f"<0x{byte:02X}>"
    places: dict[str, int] = {}
    for i, spelling in enumerate(spelled):
        if not spelling:
            raise InexpressibleTokenizer(file_format, f"id {i} has no token")
        if places.setdefault(spelling, i) != i:
            raise InexpressibleTokenizer(file_format, f"ids {places[spelling]} and {i} are both spelled {spelling!r}")
    return spelled


def require_reachable(tokenizer: Tokenizer, unknown: int | None, file_format: str) -> None:
    """Raise InexpressibleTokenizer for a token that no merge makes: by scores, text would come to it.

    unknown: id of the token for the unknown, which is no piece of text.
    """
    known = tokenizer.vocabulary
    assert known.characters is not None
    reached = {*known.special_ids, *known.byte_ids.tolist(), *known.characters.tolist(), unknown}
    reached |= set(final_merges(tokenizer).token.tolist())
    missed = [i for i, token in enumerate(known.tokens) if token and i not in reached]
    if missed:
        some = quoted(known.tokens[missed[0]].decode("utf-8", "replace"))
        raise InexpressibleTokenizer(
            file_format, f"no merge makes {len(missed):,} of its tokens ({some} is one), which scores would make"
        )
