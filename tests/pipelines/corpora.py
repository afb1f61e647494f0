"""Small corpora on disk, and what a plain program makes of them."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from operators.text.pretokenizers import PATTERNS

SENTENCES = {
    "en": "the quick brown fox's 12 jumps over 3456 lazy dogs, isn't it?",
    "de": "Die Größe übertrifft alle Erwartungen — und zwar überall, auch hier.",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "zh": "我能吞下玻璃而不伤身体。天地玄黄，宇宙洪荒。",
}


def documents(language: str, count: int, seed: int = 0) -> list[str]:
    """Documents of words drawn from the language's sentence."""
    draw = random.Random(f"{language}{seed}")
    words = SENTENCES[language].split(" ") if language != "zh" else list(SENTENCES[language])
    return [" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(count)]


def write_corpus(folder: Path, count: int = 60) -> dict[str, list[str]]:
    """<language>.txt for each language, one document a line; returns the documents, line endings included."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for language in SENTENCES:
        texts = [text + "\n" for text in documents(language, count)]
        (folder / f"{language}.txt").write_text("".join(texts), "utf-8", newline="")
        written[language] = texts
    return written


def write_rows(rows: list[dict[str, Any]], folder: Path) -> str:
    """corpus.jsonl in a folder, left as it is where it holds these rows already; returns its path."""
    path, text = folder / "corpus.jsonl", "".join(json.dumps(row) + "\n" for row in rows)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return str(path)


def count_words(texts: list[str], pattern: str = "gpt4") -> Counter[bytes]:
    """Words by Hugging Face's splitter."""
    import tokenizers

    splitter = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS[pattern]), "isolated")
    return Counter(piece.encode() for text in texts for piece, _ in splitter.pre_tokenize_str(text))
