"""One training by one peer, as a process of its own: what its documentation shows, on a plain-text file.

    python -m benchmarks.trainers NAME TEXT VOCAB_SIZE PATTERN OUT

Nothing is imported here but the peer itself (and what writes the result), so that start-up is the peer's own. The
merge list goes to OUT/merges.txt, a merge or a token a line, in hexadecimal; `tokenizers` saves its own file.
"""

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Final

NO_LIMIT: Final = 2**31
"""A token length that no token reaches: bpeasy asks for one."""


def tokenizers(text: str, size: int, pattern: str, out: Path) -> None:
    """Hugging Face's trainer reads the file itself, line by line, line ends included."""
    library = import_module("tokenizers")
    split = library.pre_tokenizers.Split(library.Regex(pattern), "isolated")
    level = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence([split, level])
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train([text], trainer)
    tokenizer.save(str(out / "tokenizer.json"))


def rustbpe(text: str, size: int, pattern: str, out: Path) -> None:
    """An iterator over the lines of an open file, as its README has it."""
    tokenizer = import_module("rustbpe").Tokenizer()
    with Path(text).open(encoding="utf-8", newline="\n") as lines:
        tokenizer.train_from_iterator(lines, vocab_size=size, pattern=pattern)
    _write(out, ((bytes(token),) for token, rank in tokenizer.get_mergeable_ranks() if rank >= 256))


def bpeasy(text: str, size: int, pattern: str, out: Path) -> None:
    """An iterator over lines and a regular expression, as its README has it."""
    with Path(text).open(encoding="utf-8", newline="\n") as lines:
        ranks: dict[bytes, int] = import_module("bpeasy").train_bpe(lines, pattern, NO_LIMIT, size)
    _write(out, ((token,) for token in sorted(ranks, key=lambda token: ranks[token]) if ranks[token] >= 256))


def gigatoken(text: str, size: int, pattern: str, out: Path) -> None:
    """The path of the file. It takes no pattern: GPT-2's is built in, and the file is one document."""
    del pattern
    _, merges = import_module("gigatoken").train_bpe(text, size, [])
    _write(out, merges)


def gigabpe(text: str, size: int, pattern: str, out: Path) -> None:
    """Train on the path of the file. Of its two pre-tokenizers one is GPT-2's; lines are documents.

    By itself it has a token only for bytes that the text holds. As special tokens, the ByteLevel alphabet is there
    whole, so that the vocabulary has as many merges as those of the others.
    """
    del pattern
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    values = {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}
    library = import_module("gigabpe")
    _, merges = library.train_bpe([text], size, special_tokens=sorted(values), pretokenizer="bytelevel")
    _write(out, ([bytes(values[char] for char in part) for part in merge] for merge in merges))


def ffbpe(text: str, size: int, pattern: str, out: Path) -> None:
    """Train on the counts of an iterator over lines, as its README has it."""
    library = import_module("ffbpe")
    counter = library.PreTokenizer([], pat_str=pattern).word_counter()
    with Path(text).open(encoding="utf-8", newline="\n") as lines:
        counter.add_source(lines)
    trainer = library.BpeTrainer([])
    trainer.add_word_counter(counter)
    trainer.train(vocab_size=size)
    ranks: dict[bytes, int] = trainer.validate_model().vocab
    _write(out, ((token,) for token in sorted(ranks, key=lambda token: ranks[token]) if ranks[token] >= 256))


def _write(out: Path, items: Iterable[Iterable[bytes]]) -> None:
    (out / "merges.txt").write_text("".join(" ".join(part.hex() for part in item) + "\n" for item in items), "ascii")


TRAINERS: Final[dict[str, Callable[[str, int, str, Path], None]]] = {
    "tokenizers": tokenizers,
    "gigatoken": gigatoken,
    "rustbpe": rustbpe,
    "bpeasy": bpeasy,
    "gigabpe": gigabpe,
    "ffbpe": ffbpe,
}

if __name__ == "__main__":
    _name, _text, _size, _pattern, _out = sys.argv[1:]
    TRAINERS[_name](_text, int(_size), _pattern, Path(_out))
