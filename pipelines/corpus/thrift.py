"""Strict reader of Thrift's compact protocol (thrift-compact-protocol.md): only wanted fields of a structure.

Other fields are skipped without creating objects, so memory depends on the wanted fields alone.
"""

from typing import Any, Final, TypeAlias

Wanted: TypeAlias = "dict[int, Wanted | list[Wanted] | None]"
"""Fields to read: None for an integer, a dict for a structure, a list of one dict for a list of structures."""

_END, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCTURE, _UUID = range(14)
_INTEGERS: Final = (_I16, _I32, _I64)
_SIZES: Final = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8, _UUID: 16}
_DEEPEST: Final = 32
_VARINT_BITS: Final = 70


def read_structure(data: bytes, wanted: Wanted, most_items: int) -> tuple[dict[int, Any], int]:
    """Return the wanted fields that are present with the wanted type, by number, and the length of the structure.

    Raises ValueError where it is none, or has more than `most_items` structures in lists; EOFError where the data ends
    within it.
    """
    reader = _Reader(data, most_items)
    try:
        found = reader.structure(wanted, 0)
    except IndexError:
        raise EOFError("it ends within a field") from None
    return found, reader.place


class _Reader:
    def __init__(self, data: bytes, items: int) -> None:
        self.data, self.place, self.items = data, 0, items

    def structure(self, wanted: Wanted, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError(f"fields nested more than {_DEEPEST} deep")
        found: dict[int, Any] = {}
        data, number = self.data, 0
        while head := data[self.place]:
            self.place += 1
            number = number + (head >> 4) if head >> 4 else self.integer()
            kind = head & 15
            if number not in wanted:
                self.skip(kind, depth)
                continue
            inner = wanted[number]
            if inner is None and kind in _INTEGERS:
                found[number] = self.integer()
            elif isinstance(inner, dict) and kind == _STRUCTURE:
                found[number] = self.structure(inner, depth + 1)
            elif isinstance(inner, list) and kind == _LIST and data[self.place] & 15 == _STRUCTURE:
                count = self.length()
                self.items -= count
                if self.items < 0:
                    raise ValueError("it lists more than can be held")
                found[number] = [self.structure(inner[0], depth + 1) for _ in range(count)]
            else:  # of another version: skip it, as Thrift's readers do
                self.skip(kind, depth)
        self.place += 1
        return found

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.data[self.place]) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            self.place += 1
            if shift >= _VARINT_BITS:
                raise ValueError("a number of more than ten bytes")
        self.place += 1
        return value | byte << shift

    def integer(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def length(self) -> int:
        """Read the length of a list, whose first byte also holds the type of its items."""
        head = self.data[self.place]
        self.place += 1
        return head >> 4 if head < 0xF0 else self.varint()

    def skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self.varint()
        elif kind in _SIZES:
            self.place += _SIZES[kind]
        elif kind == _BINARY:
            size = self.varint()
            self.place += size
        elif kind == _STRUCTURE:
            self.structure({}, depth + 1)
        elif kind in (_LIST, _SET):
            inner = self.data[self.place] & 15
            self.skip_all((inner,), self.length(), depth)
        elif kind == _MAP:
            if count := self.varint():
                kinds = self.data[self.place]
                self.place += 1
                self.skip_all((kinds >> 4, kinds & 15), count, depth)
        else:
            raise ValueError(f"a field of type {kind}")

    def skip_all(self, kinds: tuple[int, ...], count: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"fields nested more than {_DEEPEST} deep")
        for _ in range(count):
            for kind in kinds:
                self.data[self.place]  # a boolean in a list has a byte of its own
                if kind in (_TRUE, _FALSE):
                    self.place += 1
                else:
                    self.skip(kind, depth + 1)
