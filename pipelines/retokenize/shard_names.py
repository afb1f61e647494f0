"""Names of a file's shards: the file's own name, and more only where another file has the same name."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from operators.redaction import masked
from pipelines.corpus.sources import InputFile

LONGEST: Final = 180
"""Longest stem in bytes: file names end at 255, and a shard's name has more after its stem."""


def shard_stems(files: Sequence[InputFile]) -> list[str]:
    """Return the beginning of each file's shard names: the file's name, after as many of its folders as it needs to
    differ from files of the same name. So a new file changes no other's stem, unless they have the same name."""
    paths = [masked(file.path).removesuffix("?***").replace("://", "/") for file in files]  # a query may hold a secret
    parts = [PurePosixPath(path).parts for path in paths]
    depths = [1] * len(files)
    while True:
        stems = ["--".join(own[-depth:]) for own, depth in zip(parts, depths, strict=True)]
        seen = Counter(stems)
        deeper = [seen[stem] > 1 and depth < len(own) for stem, own, depth in zip(stems, parts, depths, strict=True)]
        if not any(deeper):
            break
        depths = [depth + more for depth, more in zip(depths, deeper, strict=True)]
    plain = [stem.replace("/", "-").replace(":", "-") for stem in stems]
    seen = Counter(plain)
    return [
        _marked(stem, file.path) if seen[stem] > 1 or len(stem.encode()) > LONGEST else stem
        for stem, file in zip(plain, files, strict=True)
    ]


def _marked(stem: str, path: str) -> str:
    """Shorten a stem and add a hash of the path: `_marked("x.txt", "/a/x.txt")` is "x.txt-96f3bb02b0e0"."""
    mark = hashlib.sha256(path.encode()).hexdigest()[:12]
    return f"{stem.encode()[: LONGEST - 13].decode('utf-8', 'ignore')}-{mark}"
