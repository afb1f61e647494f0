"""Images of kernels: they give what Python gives, for the types that they were made for, and only whole ones load."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

from operators.kernels import images
from operators.kernels.apply_merges import grown, id_range
from operators.kernels.images import PAGE, Image, load_image, save_image, type_of
from operators.kernels.kernel import INTERPRETED
from operators.kernels.object_code import image_of
from tests.conftest import ROOT, compiled_as_usual

pytestmark = pytest.mark.skipif(INTERPRETED or images._processor() is None, reason="this system has no images")


class Pair(NamedTuple):
    """Two arrays."""

    first: Any
    second: Any


def image_file(kernel: Any, *arguments: Any) -> Path:
    """The file of a kernel's image, which is there once the kernel has run."""
    kernel(*arguments)
    path = images._path(f"{kernel.py_func.__module__}.{kernel.py_func.__name__}", tuple(map(type_of, arguments)))
    assert path is not None and path.exists()
    return path


def loaded(kernel: Any, *arguments: Any) -> Any:
    return load_image(f"{kernel.py_func.__module__}.{kernel.py_func.__name__}", tuple(map(type_of, arguments)))


def test_an_image_gives_what_python_gives_and_keeps_no_argument() -> None:
    draw = np.random.default_rng(1)
    ids = draw.integers(0, 1000, 500).astype(np.int32)
    image_file(id_range, ids, ids, ids), image_file(grown, ids, 3)
    find, grow = loaded(id_range, ids, ids, ids), loaded(grown, ids, 3)
    before = sys.getrefcount(ids)
    for _ in range(100):
        some = [draw.integers(-(1 << 31), 1 << 31, draw.integers(1, 9)).astype(np.int32) for _ in range(3)]
        assert find((*some,)) == (min(map(min, some)), max(map(max, some)))
        assert grow((ids, 500)) is ids
        assert grow((ids, 501))[:500].tolist() == ids.tolist() and len(grow((ids, 501))) == 501 + 501 // 2
    assert sys.getrefcount(ids) == before


def test_errors_in_an_image_are_raised() -> None:
    ids = np.zeros(3, np.int32)
    image_file(grown, ids, 3)
    grow = loaded(grown, ids, 3)
    for _ in range(3):
        with pytest.raises(MemoryError):
            grow((ids, 1 << 60))
        with pytest.raises(TypeError, match="expected 2"):
            grow((ids,))
        with pytest.raises(ValueError, match="invalid literal"):
            grow((ids, "no number"))


def test_only_whole_images_of_this_processor_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.zeros(3, np.int32)
    whole = image_file(id_range, ids, ids, ids)
    monkeypatch.setattr(images, "CACHE", tmp_path)
    assert loaded(id_range, ids, ids, ids) is None
    copy = tmp_path / "images" / whole.name
    copy.parent.mkdir()
    copy.write_bytes(whole.read_bytes())
    assert loaded(id_range, ids, ids, ids) is not None
    for damaged in (b"", whole.read_bytes()[:-1], whole.read_bytes()[:2000] + b"?" + whole.read_bytes()[2001:]):
        copy.write_bytes(damaged)
        assert loaded(id_range, ids, ids, ids) is None
    save_image("a", ("int64",), Image(bytes(PAGE), 0, 0, [], {"numba_no_such_function": [(0, 0)]}, []))
    assert load_image("a", ("int64",)) is None
    copy.write_bytes(whole.read_bytes())
    monkeypatch.setattr(images, "_processor", lambda: "another")
    assert loaded(id_range, ids, ids, ids) is None


def test_images_that_are_saved_at_once_do_not_take_each_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code for other types would corrupt memory."""
    ids = np.zeros(3, np.int32)
    whole = pickle.loads(image_file(id_range, ids, ids, ids).read_bytes()[32:])
    monkeypatch.setattr(images, "CACHE", tmp_path)
    replace, keys = Path.replace, [("int64",), ("float64",)]

    def save_another_first(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        save_image("a", keys[1], Image(*whole))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", save_another_first)
    save_image("a", keys[0], Image(*whole))
    assert all(load_image("a", key) is not None for key in keys)
    first, second = (images._path("a", key) for key in keys)
    assert first is not None and second is not None and len([*first.parent.iterdir()]) == 2
    second.write_bytes(first.read_bytes())
    assert load_image("a", keys[1]) is None


def test_values_of_one_type_are_of_one_type_for_numba() -> None:
    small = [np.zeros(3, one) for one in ("u1", "i2", "i4", "i8", "u8", "f4", "f8", "?", "q", "l")]
    square = np.zeros((3, 3), np.int32)
    frozen, shifted = np.zeros(3, np.int32), np.zeros(17, np.uint8)[1:].view(np.int32)
    frozen.flags.writeable = False
    arrays = [*small, square, square.T[:2], square[:, :1], square[:1], square.copy("F"), frozen, shifted, shifted[::2]]
    numbers = [1, True, 1.0, 1 << 62, np.int64(1), np.uint64(1), np.int32(1), np.bool_(1), np.float32(1)]
    pairs = [Pair(small[0], small[1]), Pair(small[1], small[0]), (small[0], small[1]), (1, 2), (1, 2, 3), (1, 2.0)]
    known: dict[Any, Any] = {}
    for value in [*arrays, *numbers, *pairs, (Pair(square, frozen), 1)]:
        key = type_of(value)
        assert images._spelled(key) is not None
        assert known.setdefault(images._spelled(key), numba.typeof(value)) == numba.typeof(value)
    assert len(known) > 25
    for value in (None, "text", 1 << 63, -(1 << 63) - 1, (1, None), np.zeros(2, "M8[s]"), np.zeros(2, "i4,i4"), small):
        assert images._spelled(type_of(value)) is None
    assert images._spelled(type_of(np.zeros(2, ">i4"))) is None


def test_object_code_with_relative_addresses_has_no_image() -> None:
    ids = np.zeros(3, np.int32)
    image_file(id_range, ids, ids, ids)
    id_range._dispatcher(ids, ids, ids)
    cache = id_range._dispatcher._cache
    key = cache._index_key((numba.typeof(ids),) * 3, id_range._dispatcher.targetctx.codegen())
    (_, _, (code, _)), description, *_ = cache._cache_file.load(key)
    assert image_of(code, description.llvm_cpython_wrapper_name, {}) is not None
    relative = bytearray(code)
    start, size = int.from_bytes(code[0x28:0x30], "little"), 64
    for at in range(start, len(code) - size + 1, size):
        kind, offset = code[at + 4], int.from_bytes(code[at + 24 : at + 32], "little")
        if kind == 4:  # a table of relocations
            relative[offset + 8] = 2  # R_X86_64_PC32
    assert image_of(bytes(relative), description.llvm_cpython_wrapper_name, {}) is None


@pytest.mark.slow  # a process of its own: others have imported numba
@compiled_as_usual
def test_training_imports_no_numba_once_kernels_have_images(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a few words, and a few more\n" * 50)
    asked = ["train", str(tmp_path / "text.txt"), "--vocab-size", "270", "--engine", "local", "--out"]
    told = (
        "import sys\nfrom jobs.command import main\n"
        f"try: main([*{asked}, sys.argv[1]])\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in ('numba', 'llvmlite', 'polars', 'tokenizers', 'ssl') if name in sys.modules])"
    )
    for name in ("first", "second"):  # the first may compile
        run = subprocess.run(
            [sys.executable, "-c", told, str(tmp_path / name)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    assert run.stdout.splitlines()[-1] == "['ssl']"  # which is there to show that the list finds what there is
