"""Object files of numba, made into images. Source: System V ABI, AMD64 supplement, 4.4 (relocation)."""

import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from operators.kernels.images import PAGE, Image

_PROGBITS, _SYMTAB, _RELA = 1, 2, 4
_ALLOCATED, _UNDEFINED, _COMMON = 2, 0, 0xFFF2
_R_X86_64_64: Final = 1


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    data: bytes
    link: int
    of: int
    align: int


def image_of(code: bytes, entry: str, environments: Mapping[str, list[Any]]) -> Image | None:
    """Return the image of an object file (ELF, 64 bits, x86-64); None if it holds anything but whole addresses.

    entry: the symbol of the wrapper. environments: symbol to constants.
    """
    sections = _sections(code)
    places, laid = {}, bytearray()
    for i, section in enumerate(sections):
        if section.kind == _PROGBITS and section.flags & _ALLOCATED and section.name != ".eh_frame":
            laid += bytes(-len(laid) % max(section.align, 1))
            places[i] = len(laid)
            laid += section.data
    laid += bytes(-len(laid) % PAGE)
    symbols, variables = _symbols(sections, places, len(laid))
    inside: list[tuple[int, int]] = []
    outside: dict[str, list[tuple[int, int]]] = {}
    for section in sections:
        if section.kind != _RELA or section.of not in places:
            continue
        for place, info, addend in struct.iter_unpack("<QQq", section.data):
            name, target = symbols[info >> 32]
            if info & 0xFFFFFFFF != _R_X86_64_64:
                return None
            if target is None:
                outside.setdefault(name, []).append((places[section.of] + place, addend))
            else:
                inside.append((places[section.of] + place, target + addend))
    at = {name: target for name, target in symbols if target is not None}
    used = [(at[name], environments[name]) for name in environments if name in at]
    return Image(bytes(laid), variables, at[entry], inside, outside, used)


def _sections(code: bytes) -> list[_Section]:
    start, number, names = struct.unpack_from("<Q", code, 0x28)[0], *struct.unpack_from("<HH", code, 0x3C)
    rows = [struct.unpack_from("<IIQQQQIIQQ", code, start + 64 * i) for i in range(number)]
    spelled = code[rows[names][4] :]
    return [
        _Section(_text(spelled, name), kind, flags, code[offset : offset + size], link, of, align)
        for name, kind, flags, _, offset, size, link, of, align, _ in rows
    ]


def _symbols(sections: list[_Section], places: Mapping[int, int], end: int) -> tuple[list[tuple[str, int | None]], int]:
    """Return name and place of each symbol, None for one that is elsewhere, and the bytes of the variables at `end`."""
    found: list[tuple[str, int | None]] = []
    variables = 0
    table = next(section for section in sections if section.kind == _SYMTAB)
    for name, _, _, section, value, size in struct.iter_unpack("<IBBHQQ", table.data):
        place: int | None = None
        if section == _COMMON:  # `value` is its alignment
            variables += -variables % max(value, 1)
            place = end + variables
            variables += size
        elif section in places:
            place = places[section] + value
        found.append((_text(sections[table.link].data, name), place))
    return found, variables


def _text(spelled: bytes, at: int) -> str:
    return spelled[at : spelled.index(b"\0", at)].decode()
