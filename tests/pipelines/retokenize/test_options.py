"""The job description that workers read is plain data, and complete."""

import pickle
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from operators.tokenizer import AddedToken, LibraryModel, Merges, Tokenizer
from pipelines.retokenize.options import Encoding, Job, packed, unpacked

MERGES = Merges.from_rows([(97, 98, 257, 9), (257, 99, 258, -1)])
PLAIN = Tokenizer("gpt4", ("<|end|>",), MERGES)
PUBLISHED = replace(
    PLAIN,
    published=replace(PLAIN.vocabulary, characters=np.arange(-1, 300, dtype=np.int32), unknown=3, fuse_unknown=False),
    added=(AddedToken("<|end|>", 0, special=False, lstrip=True),),
    library=LibraryModel("tokenizers", b"\x00{}\xff", "it has a dropout", True),
    ignore_merges=True,
)


def equal(one: object, other: object) -> bool:
    """Field by field, arrays by dtype and values."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        return one.dtype == other.dtype and other.flags.writeable and np.array_equal(one, other)
    if isinstance(one, Job | Tokenizer | Merges) or type(one).__name__ == "Vocabulary":
        return type(one) is type(other) and all(
            equal(getattr(one, field.name), getattr(other, field.name))
            for field in fields(one)  # type: ignore[arg-type]
        )
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("tokenizer", [PLAIN, PUBLISHED])
def test_a_job_comes_back_whole(tokenizer: Tokenizer) -> None:
    job = Job(tokenizer, Encoding(end=0, format="megatron"), Path("out"), memory_bytes=1 << 40)
    assert equal(job, unpacked(packed(job)))
    assert not equal(job, unpacked(packed(replace(job, tokenizer=replace(tokenizer, merges=MERGES[:1])))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pickle.dumps(PLAIN),
        packed(Job(PLAIN, Encoding(), Path("out")))[:-9],
        packed(Job(PLAIN, Encoding(), Path("out"))).replace(b"<i4", b"|O8", 1),
    ],
    ids=["nothing", "a pickle", "cut short", "an array of objects"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        unpacked(data)
