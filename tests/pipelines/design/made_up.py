"""Made-up parallel text of languages whose words have different lengths."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

SYLLABLES = {"en": "aeiou", "de": "äöü", "hi": "कखगघङचछजझञ"}
LETTERS = {"en": 2, "de": 4, "hi": 5}


def texts(documents: int = 48) -> dict[str, list[str]]:
    """Return documents by language; a document has the same number of words in each."""
    found = {}
    for language, letters in SYLLABLES.items():
        random = np.random.default_rng(len(letters))
        words = ["".join(random.choice(list(letters), LETTERS[language] + i % 3)) for i in range(300)]
        lengths = 5 + 40 * np.random.default_rng(0).random(documents)
        chance = 1 / np.arange(1, 301)
        found[language] = [" ".join(random.choice(words, int(length), p=chance / chance.sum())) for length in lengths]
    return found


def write(path: Path, documents: Mapping[str, list[str]], first: int = 0) -> str:
    """Write documents as JSON lines, ids from `first` on, where they are not there yet; return the path."""
    if path.exists():
        return str(path)
    rows = [
        json.dumps({"id": str(first + i), "language": language, "text": text}, ensure_ascii=False)
        for language, own in documents.items()
        for i, text in enumerate(own)
    ]
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return str(path)
