"""`python -m tests.fuzz READER FOLDER [libFuzzer's flags]`, with atheris installed; the folder takes the inputs.

With NUMBA_DISABLE_JIT=1 kernels are Python, so that the fuzzer sees their branches, and an index out of bounds fails.
Else they are compiled, and imported before the fuzzer's instrumentation, which numba's compiler cannot read.
"""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

_LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-malloc_limit_mb=1024")


def _main() -> None:
    atheris: Any = importlib.import_module("atheris")
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        compiled = "from operators.precompile import compile_kernels; compile_kernels()"
        subprocess.run([sys.executable, "-c", compiled], check=True)  # or the first inputs would last too long
        kernels = importlib.import_module("operators.kernels")
        for module in pkgutil.iter_modules(kernels.__path__, "operators.kernels."):
            importlib.import_module(module.name)
    importlib.import_module("pyarrow.parquet")
    for module_name in [one for one in sys.modules if one.partition(".")[0] == "yaml"]:
        del sys.modules[module_name]  # numba imported it
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["jobs", "operators", "pipelines", "yaml"]):
        readers = importlib.import_module("tests.fuzz.readers")
        read = readers.READERS[name]
        for path in sorted(readers.CORPUS.glob(f"{name}-*")):  # imports and compiles what waits until it is used
            read(path.read_bytes())
            Path(sys.argv[1], path.name).write_bytes(path.read_bytes())
    mutator = importlib.import_module("tests.fuzz.mutators").MUTATORS[name]

    def mutated(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)

        def own(content: bytes) -> bytes:
            return bytes(atheris.Mutate(content, max(len(content) + 64, 64)))

        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        try:
            changed = mutator(data, random, own)
        except Exception:  # what was mutated before is no longer of its format
            return bytes(atheris.Mutate(data, max_size))
        return bytes(changed) if len(changed) <= max_size else data

    atheris.Setup([*sys.argv, *_LIMITS], read, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    _main()
