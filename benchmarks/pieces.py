"""Vocabularies without merges, compared with those of tokenizers' and sentencepiece's trainers on the same words.

    python -m benchmarks.pieces TEXT.txt HELD_OUT.txt --vocab-size 8000

Prints a Markdown table: the log-likelihood of the training words under each Unigram model, the tokens of both texts,
and the processor time of training. All have byte-level pieces of at most 16 bytes, and words cut by one expression;
sentencepiece is given the words with their counts, so its time is without cutting and counting.
"""

import argparse
import io
import json
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from operators.byte_level import to_bytes, to_chars
from operators.encoding.encode import Encoder
from operators.kernels.unigram_training import Texts, add_expected
from operators.precompile import compile_kernels
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.unigram_training.vocabulary import BYTES, Pieces
from operators.word_table import WordTable
from pipelines.tokenizers import load_tokenizer

PRETOKENIZER: Final = "o200k"
UNSEEN: Final = -40.0
"""Score of a byte that a peer's model lacks."""
Scores = Mapping[bytes, float]


def trained(text: str, size: int, model: str, out: Path) -> tuple[Tokenizer, float]:
    """Train with the command `train`; return the tokenizer, and seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "jobs.command", "train", text, "--vocab-size", str(size), "--model", model]
    options = ["--pretokenizer", PRETOKENIZER, "--progress", "off", "--out", str(out / model)]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return load_tokenizer(str(out / model)), seconds


def by_tokenizers(text: str, size: int) -> tuple[Tokenizer, float]:
    """Train with `tokenizers`; otherwise as `trained`."""
    model = tokenizers.Tokenizer(models.Unigram())
    split = pre_tokenizers.Split(tokenizers.Regex(PATTERNS[PRETOKENIZER]), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.pre_tokenizer = pre_tokenizers.Sequence([split, spell])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.UnigramTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    began = _seconds()
    model.train([text], trainer)
    return from_json(_with_a_token_for_the_unknown(model.to_str()), "tokenizer.json"), _seconds() - began


def _with_a_token_for_the_unknown(text: str) -> str:
    """Name any token for the unknown, without which the file does not load; every byte is known."""
    file = json.loads(text)
    file["model"]["unk_id"] = 0
    return json.dumps(file)


def by_sentencepiece(words: Mapping[bytes, int], size: int, folder: Path) -> tuple[Scores, float]:
    """Train with sentencepiece on words, in ByteLevel's spelling; return scores by piece, and seconds."""
    table, model = folder / "words.tsv", io.BytesIO()
    table.write_text("".join(f"{to_chars(word)}\t{count}\n" for word, count in words.items()), encoding="utf-8")
    began = _seconds()
    sentencepiece.SentencePieceTrainer.train(
        input=str(table), input_format="tsv", model_writer=model, vocab_size=size + 3, hard_vocab_limit=False,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        split_by_unicode_script=False, split_by_number=False, split_by_whitespace=False, character_coverage=1.0,
        max_sentence_length=1 << 20, num_threads=2, minloglevel=2,
    )  # fmt: skip
    read = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    named = {to_bytes(read.id_to_piece(i)): read.get_score(i) for i in range(3, read.get_piece_size())}
    return {piece: score for piece, score in named.items() if piece}, _seconds() - began


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def scores_of(tokenizer: Tokenizer) -> Scores:
    """Return the pieces of a Unigram tokenizer with their scores."""
    assert tokenizer.pieces is not None and tokenizer.pieces.scores is not None
    return dict(zip(tokenizer.pieces.texts, tokenizer.pieces.scores.tolist(), strict=True))


def log_likelihood(words: Texts, scores: Scores) -> float:
    """Return the log-likelihood of words, each over all of its segmentations."""
    known = {bytes([byte]): UNSEEN for byte in range(BYTES)} | dict(scores)
    pieces = Pieces.of(list(known), np.array(list(known.values())))
    return float(add_expected(words, pieces.for_kernels, 1.0, np.zeros(len(pieces), np.int64)))


def lines_of(path: str) -> pa.LargeStringArray:
    """Return a text's lines."""
    return pa.array(Path(path).read_text(encoding="utf-8").splitlines(keepends=True), pa.large_string())


def words_of(lines: pa.LargeStringArray) -> tuple[Texts, dict[bytes, int]]:
    """Return the pre-tokens of lines, for kernels and as a mapping to counts."""
    pieces, table = Pretokenizer(PRETOKENIZER).split(lines), WordTable()
    table.add(pieces.data, 0, pieces.ends, np.ones(1, np.int64))
    words, counts, _ = table.sorted()
    offsets = np.frombuffer(words.buffers()[1], np.int64)
    texts = Texts(np.frombuffer(words.buffers()[2], np.uint8), offsets, counts)
    counts.flags.writeable = False
    return texts, dict(zip(words.to_pylist(), counts.tolist(), strict=True))


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("held_out")
    parser.add_argument("--vocab-size", type=int, default=8000)
    asked = parser.parse_args(arguments)
    compile_kernels(("words", "encoding", "unigram_training"))
    texts, held = lines_of(asked.text), lines_of(asked.held_out)
    words, counts = words_of(texts)
    print("| trainer | model | log-likelihood | tokens | held-out tokens | CPU s |\n|---|---|--:|--:|--:|--:|")

    def row(name: str, model: str, likelihood: float, tokenizer: Tokenizer | None, seconds: float) -> None:
        shown = "" if math.isnan(likelihood) else f"{likelihood:,.0f}"
        both = [] if tokenizer is None else [int(Encoder(tokenizer).count(one).sum()) for one in (texts, held)]
        print(f"| {name} | {model} | {shown} | {' | '.join(f'{n:,}' for n in both) or ' | '} | {seconds:.1f} |")

    with tempfile.TemporaryDirectory() as folder:
        for model in ("bpe", "mingram", "unigram"):
            made, seconds = trained(asked.text, asked.vocab_size, model, Path(folder))
            value = log_likelihood(words, scores_of(made)) if model == "unigram" else math.nan
            row("**babelmerge**", model, value, made, seconds)
        made, seconds = by_tokenizers(asked.text, asked.vocab_size)
        row(f"tokenizers {tokenizers.__version__}", "unigram", log_likelihood(words, scores_of(made)), made, seconds)
        scores, seconds = by_sentencepiece(counts, asked.vocab_size, Path(folder))
        name = f"sentencepiece {sentencepiece.__version__}"
        row(name, "unigram", log_likelihood(words, scores), None, seconds)


if __name__ == "__main__":
    main()
