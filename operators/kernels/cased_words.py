r"""Words of o200k's and tekken's expressions: the places that bits alone do not settle.

With H = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and T = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` a word is `H*T+`, or `H+T*` where that
finds nothing, with one sign or blank before it. `operators.kernels.boundaries.find_borders` sets the borders that
follow from neighbours: upper case behind a tail begins a word. Three kinds of places are rare and need more text:

- CASE, upper case behind caseless letters or marks that no lower case precedes: the word continues if the run of upper
  case ends at a letter or mark of T. Else it ends here, as `H*` returns the run to let `T+` match.
- CONTRACTION, an apostrophe behind a word: `(?i:'s|'t|'re|'ve|'m|'ll|'d)?` belongs to the word, and what follows begins
  anew, so that a second contraction behind it is none.
- SLASHES, a slash behind a line end that goes with signs (`[^\s\p{L}\p{N}]+[\r\n/]*`).
"""

from typing import Any, Final

from operators.kernels.bits import clear_bit, next_bit, set_bit
from operators.kernels.kernel import kernel
from operators.kernels.scan import FAMILY, O200K, cased_end, contraction_end, o200k_end
from operators.unicode.classes import CASELESS, LOWER, MARK, NEWLINE, NUMBER, OTHER, UPPER

CASE: Final = 0
CONTRACTION: Final = 1
SLASHES: Final = 2
_TAIL, _LETTER = LOWER | CASELESS | MARK, UPPER | LOWER | CASELESS


@kernel
def settle_cased(
    text: Any, kinds: Any, documents: Any, borders: Any, todo: Any, n_todo: int, kind: int
) -> int:  # fmt: skip
    """Settle the places of the three kinds in `todo`; keep the others in it, in their order, and return their number.

    Arguments as for `operators.kernels.boundaries.settle_todo`. Places inside text that was scanned anew are dropped.
    """
    begin = stop = done = contracted = kept = 0
    for i in range(n_todo):
        at, place = todo[i] >> 3, todo[i] & 7
        if at < done:
            continue
        if place > SLASHES:
            todo[kept] = todo[i]
            kept += 1
            continue
        last = at + 1 >= len(text)
        if place == CONTRACTION and (at == contracted or last or not _may_contract(text[at + 1])):
            continue
        if not begin <= at < stop:
            begin, stop = at, next_bit(documents, at)
        behind = kinds[stop]
        kinds[stop] = 0  # ends every run
        if place == CASE:
            end = at
            while kinds[end] == UPPER:
                end += 1
            if kinds[end] & _TAIL == 0:
                set_bit(borders, at)
        elif place == CONTRACTION:
            contracted = _settle_contraction(text[:stop], kinds, borders, at)
        else:
            done = _settle_slashes(text[:stop], kinds, borders, at, kind)
        kinds[stop] = behind
    return kept


@kernel
def _may_contract(second: int) -> bool:
    """Return False only if no contraction has this byte behind its apostrophe."""
    second |= 0x20
    return second in (0x73, 0x74, 0x6D, 0x64, 0x6C, 0x72, 0x76) or second == 0xE5  # s t m d l r v, and the first of ſ


@kernel
def _settle_contraction(text: Any, kinds: Any, borders: Any, at: int) -> int:
    """Settle an apostrophe behind a word; return where its contraction ends, -1 if it begins none."""
    after = contraction_end(text, at, True)
    if after == at:
        return -1
    _clear(borders, at, after)  # upper case inside it too, as in 'rE
    end = after
    while kinds[end] & (_LETTER | MARK):
        set_bit(borders, end)
        begin, end = end, cased_end(text, kinds, end, False)
        _clear(borders, begin + 1, end)
    if end < len(text):
        set_bit(borders, end)
    return after


@kernel
def _settle_slashes(text: Any, kinds: Any, borders: Any, at: int, kind: int) -> int:
    """Scan anew from behind the slashes at `at`, up to where borders no longer depend on what was before; return it.

    They do not from a number or blank on, from a letter behind none and no mark, from a line end behind a letter.
    """
    end = at
    while kinds[end] == NEWLINE or (end < len(text) and text[end] == 0x2F):
        end += 1
    _clear(borders, at, end)
    if kinds[end] & (OTHER | MARK) == 0:  # only signs and marks are cut differently for what is before them
        if end < len(text):
            set_bit(borders, end)
        return end
    while (
        kinds[end] & (OTHER | MARK)
        or (kinds[end] == NEWLINE and kinds[end - 1] & (_LETTER | NUMBER) == 0)
        or (kinds[end] & _LETTER and kinds[end - 1] & (_LETTER | MARK))
    ):
        set_bit(borders, end)
        begin, end = end, o200k_end(text, kinds, end, 1, kind & FAMILY == O200K)
        _clear(borders, begin + 1, end)
    if end < len(text):
        set_bit(borders, end)
    return end


@kernel
def _clear(borders: Any, begin: int, end: int) -> None:
    for at in range(begin, end):
        clear_bit(borders, at)
