"""One thread for BLAS: while a block runs, results do not depend on the number of processors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.blas import VARIABLE, _openblas, one_blas_thread

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = _openblas()
needs_openblas = pytest.mark.skipif(not FUNCTIONS, reason="numpy uses another BLAS than OpenBLAS")


@needs_openblas
def test_a_block_has_one_thread_and_leaves_what_was_there() -> None:
    get, put = FUNCTIONS[0]
    before = get()
    try:
        put(2)
        with one_blas_thread():
            assert get() == 1
            assert os.environ[VARIABLE] == "1"
        assert get() == 2
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert get() == 2
    finally:
        put(before)


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with one_blas_thread():
        assert os.environ[VARIABLE] == "1"
    assert VARIABLE not in os.environ
    monkeypatch.setenv(VARIABLE, "3")
    with one_blas_thread():
        assert os.environ[VARIABLE] == "1"
    assert os.environ[VARIABLE] == "3"


@needs_openblas
def test_products_are_those_of_one_thread() -> None:
    get, put = FUNCTIONS[0]
    before, random = get(), np.random.default_rng(0)
    x, y = random.random((30_000, 33)), random.random((30_000, 33))
    try:
        put(1)
        expected = x.T @ y
        put(4)
        with one_blas_thread():
            assert np.array_equal(x.T @ y, expected)
    finally:
        put(before)


@needs_openblas
def test_numpy_that_is_loaded_in_a_block_has_one_thread() -> None:
    code = """
from pipelines.blas import _openblas, one_blas_thread
with one_blas_thread():
    import numpy
    print(_openblas()[0][0]())
"""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
