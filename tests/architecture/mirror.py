"""The tree of tests mirrors the packages: each test file has the name of the module that it tests."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

MIRRORED = ("operators", "pipelines", "jobs", "benchmarks", "conf")


def misplaced(tests: Collection[str], files: Collection[str], reasons: Mapping[str, str]) -> Iterator[str]:
    """Offences of tests/<folder>/test_<name>.py where <folder> holds no file or folder of that name.

    `test_step_resuming.py` tests `step.py`: a name goes on with what it says of the module. `reasons` holds test files,
    or folders of test files, that test no single module, each with the reason. An entry that is not needed is an
    offence too.
    """
    parts = [PurePosixPath(file) for file in files]
    known = {str(path.with_suffix("")) for path in parts} | {str(folder) for path in parts for folder in path.parents}
    needed = set()
    for test in sorted(tests):
        path = PurePosixPath(test).relative_to("tests")
        if path.parts[0] in MIRRORED and len(path.parts) > 1 and _has_module(path, known):
            continue
        excused = next((place for place in reasons if PurePosixPath(test).is_relative_to(place)), None)
        if excused is None:
            yield f"{test}: no module {path.parent}/{path.stem.removeprefix('test_')}: rename it, or give the reason"
        else:
            needed.add(excused)
    yield from (f"{place}: needs no reason any more" for place in sorted(set(reasons) - needed))


def _has_module(path: PurePosixPath, known: Collection[str]) -> bool:
    words = path.stem.removeprefix("test_").split("_")
    return any(str(path.parent / "_".join(words[:length])) in known for length in range(1, len(words) + 1))
