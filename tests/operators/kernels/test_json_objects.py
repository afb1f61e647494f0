"""Plain JSON lines by the kernel, and by Python's json: whatever the kernel takes, it takes as json does."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.reading.json_objects import Objects, objects_of
from tests.conftest import examples

FIELDS = ("text", "id", "language")
TEXTS = st.lists(st.sampled_from(['"', "\\", "\n", "\x00", "\x1f", "é", "中", "😀", "a" * 40, "\u2028", "/"])).map(
    "".join
)
OTHERS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXTS | st.decimals(-9, 9, places=2).map(float),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {"text": TEXTS, "language": TEXTS.filter(bool)},
    optional={"id": TEXTS | st.integers(-(10**18) + 1, 10**18 - 1) | st.none(), "other": OTHERS, "x": OTHERS},
)


def rows(found: Objects) -> list[tuple[str | None, str, str, int]]:
    columns = (found.ids.to_pylist(), found.languages.to_pylist(), found.texts.to_pylist(), found.lines.tolist())
    for column in (found.ids, found.languages, found.texts):
        column.validate(full=True)
    return [
        (i if named else None, language, text, line)
        for i, language, text, line, named in zip(*columns, found.named, strict=True)
    ]


def by_json(block: bytes) -> list[tuple[str | None, str, str, int]]:
    expected = []
    for line, own in enumerate(block.split(b"\n")):
        if own.strip(b" \t\r"):
            value = json.loads(own)
            i = value.get("id")
            expected.append((None if i is None else str(i), value.get("language", ""), value["text"], line))
    return expected


@examples(100)
@given(
    objects=st.lists(OBJECTS, max_size=5),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\r : ")]),
    blank=st.sampled_from([b"\n", b"\n\n", b" \r\n", b"\n \t\n"]),
)
def test_objects_are_those_of_pythons_json(
    objects: list[Any], ascii_only: bool, separators: tuple[str, str], blank: bytes
) -> None:
    lines = [json.dumps(one, ensure_ascii=ascii_only, separators=separators).encode() for one in objects]
    block = blank.join([*lines, b""])
    if "e" in "".join(str(one.get("other", "")) + str(one.get("x", "")) for one in objects):
        return  # an exponent, perhaps
    found = objects_of(block, FIELDS, None) if block else None
    if block:
        assert found is not None
        assert rows(found) == by_json(block) and found.line_count == block.count(b"\n")


MUTATIONS = st.tuples(st.integers(0, 200), st.sampled_from([*b'{}[]":,\\u0d8e-.1ft \n\tx\x00\x7f', 0x1F]))


@pytest.mark.slow
@examples(400)
@given(
    objects=st.lists(OBJECTS, min_size=1, max_size=2), mutations=st.lists(MUTATIONS, max_size=3), cut=st.integers(0, 9)
)
def test_what_is_taken_of_broken_lines_is_what_json_takes(objects: list[Any], mutations: Any, cut: int) -> None:
    data = bytearray(b"".join(json.dumps(one).encode() + b"\n" for one in objects))
    for at, byte in mutations:
        if at < len(data):
            data[at] = byte
    block = bytes(data[: len(data) - cut])
    found = objects_of(block, FIELDS, None) if block else None
    if found is not None:
        assert rows(found) == by_json(block)


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "a", "text": "b"}',
        b'{"te\\u0078t": "a"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\\udc00\\ud800"}',
        b'{"text": "a", "other": "\\ud800x"}',
        b'{"text": "a", "x": 1e999}',
        b'{"text": "a", "x": 01}',
        b'{"text": "a", "id": 1.0}',
        b'{"text": "a", "id": -0}',
        b'{"text": "a", "id": 1234567890123456789}',
        b'{"text": "a", "language": ""}',
        b'{"text": "a", "x": ' + b"[" * 61 + b"]" * 61 + b"}",
        b'{"text": "a"} {"text": "b"}',
        b'{"text": "a"},',
        b'{"text": "a\tb"}',
        b'{"text": null}',
        b'{"id": 1}',
        b"{}",
        b"[]",
        b'{"text": "a",}',
        b'{"text": "a", "x": nul}',
        b'{"text": "a", "x": "\\q"}',
        b'{"text": "a',
        b'{"text',
        b'{"text": "a", "x": "\\u12',
        b'{"text": "a", "x": [1 2]}',
        b'{"text": "a", "x": {"a" 1}}',
        b'{"text": "a", "x": [1}}',
    ],
)
def test_what_is_not_plain_is_left_to_a_careful_reader(line: bytes) -> None:
    for block in (line, line + b"\n", b'{"text": "fine"}\n' + line + b'\n{"text": "fine"}\n'):
        assert objects_of(block, FIELDS, None) is None


def test_languages_are_named_by_all_or_none() -> None:
    with_it, without = b'{"text": "a", "language": "en"}\n', b'{"text": "a"}\n'
    assert objects_of(with_it + without, FIELDS, None) is None
    assert objects_of(without + with_it, FIELDS, None) is None
    assert objects_of(with_it, FIELDS, False) is None and objects_of(without, FIELDS, True) is None
    for block, has in ((with_it * 2, True), (without * 2, False)):
        for told in (has, None):
            found = objects_of(block, FIELDS, told)
            assert found is not None and found.has_language == has
    found = objects_of(with_it + without, ("text", "id", ""), False)
    assert found is not None and len(found.texts) == 2
