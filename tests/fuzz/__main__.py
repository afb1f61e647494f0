"""`python -m tests.fuzz READER FOLDER [libFuzzer's flags]`, with atheris installed; the folder takes the inputs."""

import importlib
import sys
from typing import Any

if __name__ == "__main__":
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["jobs", "operators", "pipelines", "yaml"], exclude=["operators.kernels"]):
        readers = importlib.import_module("tests.fuzz.readers").READERS
    name = sys.argv.pop(1)
    atheris.Setup([*sys.argv, "-timeout=10", "-rss_limit_mb=1024"], readers[name])
    atheris.Fuzz()
