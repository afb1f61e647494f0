"""Ids against those of the libraries that publish the formats, document by document.

    python -m benchmarks.equality --tokenizers FOLDER --shared FOLDER --corpora FOLDER [--megabytes 20]
        [--strings 1000000] [--only NAME ...]

FOLDER of --tokenizers holds .tiktoken, tekken .json, tokenizer.json and SentencePiece .model files; --shared FLORES
(corpora/flores200_dev.jsonl.zst) and tokenizers/*.json; --corpora help/ and code/ with *.jsonl.zst. Prints a table of
tokenizer, method, peer, text, documents, differing documents; ends with 1 where any differs. Peers: tiktoken,
tokenizers, sentencepiece, and mistral-common where it is installed (else tiktoken with the file's expression).
"""

import argparse
import base64
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

from operators.encoding.encode import Encoder
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Tokenizer
from pipelines.tokenizers import KNOWN_PRETOKENIZERS, load_tokenizer

Ids = Callable[[list[str]], list[list[int]]]
BATCH_CHARACTERS = 4_000_000

ALPHABETS = [
    "a", "ab", "ab ", " ", "\n", "\r\n", "\t \n", "aA'sl 1\n\r", "'sSdDmMtTlLvVrReE", "0123456789", "1a", "१२३٤٥½²Ⅷ",
    "e\u0301\u0323\u0345\u0327n\u0303", "漢字かなカナ", "가각힣각", "नमते\u094d\u093e",
    "ไทยภาษา\u0e31\u0e48", "مرحبا\u064b\u0651", "ﬁﷺ①Å㎏ſ",
    "\x00\x01\x1b\x7f\x85\xa0", "\u200b\u200c\u200d\ufeff\u2028\u2029", "😀👍🏽\u200d👩🇩🇪", "!?.,;:/\\-_=+*#@",
    "<|>[]▁ ", "ĐđẞßİıǅÆ", "\u3000 \u2003", "▁ ▁",
]  # fmt: skip
LOOKALIKES = [
    "<|endoftext|>", "<s>", "</s>", "<unk>", "<0x0A>", "<0xE4>", "[INST]", "[/INST]", "<EOT>", "<META>", "<|padding|>",
    "<｜begin▁of▁sentence｜>", "<｜▁pad▁｜>", "<think>", "<|im_start|>", "<|endofprompt|>", "<SPECIAL_20>", "<|", "|>",
]  # fmt: skip
EDGES = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFF, 0x10FFFE, 0x10FFFF]


def random_text(rng: random.Random) -> str:
    """Runs of a few characters, marks, digits, blanks, edge code points, what looks like special tokens."""
    runs = []
    for _ in range(rng.choice((1, 2, 3, 4, 6))):
        drawn = rng.random()
        if drawn < 0.08:
            runs.append(chr(rng.choice(EDGES)))
        elif drawn < 0.16:
            code = rng.randrange(0x110000)
            runs.append(chr(code if not 0xD800 <= code < 0xE000 else 0x20))
        elif drawn < 0.26:
            runs.append(rng.choice(LOOKALIKES))
        else:
            runs.append("".join(rng.choices(rng.choice(ALPHABETS), k=rng.choice((1, 1, 2, 2, 3, 5, 8, 17, 60)))))
    return "".join(runs)


def random_texts(number: int, seed: int = 0) -> Iterator[str]:
    """Number of random strings."""
    rng = random.Random(seed)
    return (random_text(rng) for _ in range(number))


def read_texts(paths: list[Path], limit_bytes: int) -> Iterator[str]:
    """The texts of .jsonl.zst files, the same share of the limit from each."""
    for path in paths:
        left = limit_bytes // len(paths)
        with zstandard.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["text"]
                left -= len(text.encode())
                if left < 0:
                    break
                yield text


@dataclass(frozen=True)
class Case:
    """A tokenizer, and what a library makes of it."""

    name: str
    tokenizer: Tokenizer
    special_ids: bool
    peer: str
    ids: Ids


def hugging_face(path: Path, *, special_ids: bool) -> Ids:
    """Ids by `tokenizers`."""
    from tokenizers import Tokenizer as HuggingFace

    peer: Any = HuggingFace.from_file(str(path))
    peer.no_truncation()
    peer.no_padding()
    peer.encode_special_tokens = not special_ids
    return lambda texts: [one.ids for one in peer.encode_batch_fast(texts, add_special_tokens=False)]


def tiktoken_ids(pattern: str, ranks: dict[bytes, int], first: int = 0) -> Ids:
    """Ids by tiktoken, `first` added to each."""
    import tiktoken

    peer = tiktoken.Encoding("peer", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    if first:
        return lambda texts: [[first + i for i in ids] for ids in peer.encode_ordinary_batch(texts)]
    return peer.encode_ordinary_batch


def tekken_ids(path: Path) -> tuple[str, Ids]:
    """The peer's name and ids for a tekken file."""
    try:
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    except ImportError:
        content = json.loads(path.read_text())
        config = content["config"]
        first = config["default_num_special_tokens"]
        vocab = content["vocab"][: config["default_vocab_size"] - first]
        ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in vocab}
        return "tiktoken", tiktoken_ids(config["pattern"], ranks, first)
    peer = Tekkenizer.from_file(path)
    return "mistral-common", lambda texts: [peer.encode(text, bos=False, eos=False) for text in texts]


def cases(folders: list[Path], only: list[str]) -> Iterator[Case]:
    """Every tokenizer file of the folders."""
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.suffix not in (".json", ".tiktoken", ".model") or (only and path.stem not in only):
            continue
        tokenizer = load_tokenizer(str(path))
        if path.suffix == ".tiktoken":
            lines = [line.split() for line in path.read_bytes().splitlines() if line]
            ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
            yield Case(
                path.name, tokenizer, False, "tiktoken", tiktoken_ids(PATTERNS[KNOWN_PRETOKENIZERS[path.stem]], ranks)
            )
        elif path.suffix == ".model":
            import sentencepiece

            processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
            yield Case(path.name, tokenizer, False, "sentencepiece", processor.encode)
        elif path.stem.startswith("tekken"):
            yield Case(path.name, tokenizer, False, *tekken_ids(path))
        else:
            yield Case(path.name, tokenizer, False, "tokenizers", hugging_face(path, special_ids=False))
            yield Case(path.name + " special", tokenizer, True, "tokenizers", hugging_face(path, special_ids=True))


def batches(texts: Iterator[str]) -> Iterator[list[str]]:
    """The texts, some megabytes at a time."""
    batch, size = list[str](), 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size > BATCH_CHARACTERS or len(batch) >= 50_000:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def compare(encoder: Encoder, ids: Ids, texts: Iterator[str]) -> tuple[int, list[str]]:
    """Number of documents, and the documents whose ids differ from the peer's."""
    documents, differing = 0, list[str]()
    for batch in batches(texts):
        flat, offsets = encoder.encode(pa.array(batch, pa.large_string()))
        expected = ids(batch)
        lengths = np.fromiter((len(one) for one in expected), np.int64, len(expected))
        together = np.fromiter((i for one in expected for i in one), np.int64, int(lengths.sum()))
        documents += len(batch)
        if np.array_equal(np.diff(offsets), lengths) and np.array_equal(flat, together):
            continue
        pairs = zip(batch, pairwise(offsets.tolist()), expected, strict=True)
        differing += [text for text, (begin, end), one in pairs if flat[begin:end].tolist() != one]
    return documents, differing


def main(arguments: list[str]) -> int:
    """Compare, print the table; the exit status."""
    parser = argparse.ArgumentParser(description="ids against the libraries'")
    for name in ("--tokenizers", "--shared", "--corpora"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--strings", type=int, default=1_000_000)
    parser.add_argument("--flores", type=int, default=None, help="documents of FLORES; all unless given")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args(arguments)
    limit = given.megabytes * 1_000_000
    flores = given.shared / "corpora/flores200_dev.jsonl.zst"
    kinds = {kind: sorted((given.corpora / kind).glob("*.jsonl.zst")) for kind in ("help", "code")}
    row = "{:<26} {:<18} {:<15} {:<8} {:>10} {:>10}"
    print(row.format("tokenizer", "method", "peer", "text", "documents", "differing"), flush=True)
    failed = 0
    for case in cases([given.tokenizers, given.shared / "tokenizers"], given.only):
        encoder = Encoder(case.tokenizer, special_ids=case.special_ids)
        texts = {
            "flores": islice(read_texts([flores], 1 << 40), given.flores),
            "help": read_texts(kinds["help"], limit),
            "code": read_texts(kinds["code"], limit),
            "random": random_texts(given.strings),
        }
        for name, some in texts.items():
            documents, differing = compare(encoder, case.ids, some)
            failed += len(differing)
            print(row.format(case.name, encoder.method, case.peer, name, documents, len(differing)), flush=True)
            for text in sorted(differing, key=len)[:3]:
                print(f"    {text[:200]!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
