"""A tokenizer for programs: ids and texts of the libraries, arrays in and out, files that every command takes."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as HuggingFace

from benchmarks.equality import random_texts
from operators.encoding.decode import TokenOutOfRange, TokenWithoutText
from operators.encoding.encode import Encoder
from operators.text.pretokenizers import PATTERNS
from operators.tokenizer_files.errors import InexpressibleTokenizer
from pipelines.in_memory import encoders
from pipelines.in_memory import tokenizer as module
from pipelines.in_memory.encoders import NoSpecialTokens
from pipelines.in_memory.ids import BadOffsets, NotIds
from pipelines.in_memory.texts import InvalidText, NotText, NullText, Texts
from pipelines.in_memory.tokenizer import DirectoryInUse, Tokenizer
from pipelines.in_memory.train import train
from pipelines.outputs import MANIFEST
from pipelines.settings import BadSettings
from pipelines.tokenizers import MissingTokenizer
from tests.operators.tokenizer_files.test_sentencepiece import KERNELS

TEXTS = [*random_texts(400, seed=7), "<s> and </s>", "", "<s>"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(TEXTS, vocab_size=700, special_tokens=["<s>", "</s>"])


@pytest.fixture(scope="module")
def saved(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("saved")
    assert tokenizer.save(directory / "tok").without_ranks is None
    return directory / "tok"


def documents_of(ids: Any, offsets: Any) -> list[list[int]]:
    return [ids[a:b].tolist() for a, b in pairwise(offsets.tolist())]


def test_ids_and_texts_equal_tokenizers(tokenizer: Tokenizer, saved: Path) -> None:
    theirs = HuggingFace.from_file(str(saved / "tokenizer.json"))
    theirs.encode_special_tokens = True
    expected = [one.ids for one in theirs.encode_batch(TEXTS, add_special_tokens=False)]
    ids, offsets = tokenizer.encode_batch(TEXTS)
    assert (ids.dtype, offsets.dtype) == (np.dtype(np.int32), np.dtype(np.int64))
    assert documents_of(ids, offsets) == expected
    assert [tokenizer.encode(text).tolist() for text in TEXTS] == expected
    assert tokenizer.decode_batch(ids, offsets).to_pylist() == TEXTS
    assert [tokenizer.decode(one) for one in expected] == TEXTS
    assert [tokenizer.decode_bytes(one) for one in expected] == [text.encode() for text in TEXTS]


def test_text_becomes_special_tokens_where_that_is_asked_for(tokenizer: Tokenizer, saved: Path) -> None:
    theirs = HuggingFace.from_file(str(saved / "tokenizer.json"))
    expected = [one.ids for one in theirs.encode_batch(TEXTS, add_special_tokens=False)]
    assert documents_of(*tokenizer.encode_batch(TEXTS, special_tokens_in_text="ids")) == expected
    assert tokenizer.encode("<s>", special_tokens_in_text="ids").tolist() == [0]
    assert len(tokenizer.encode("<s>")) > 1
    with pytest.raises(NoSpecialTokens, match="names no special tokens"):
        train(["a b"], vocab_size=257).encode("a", special_tokens_in_text="ids")
    with pytest.raises(BadSettings, match="special_tokens_in_text"):
        tokenizer.encode("a", special_tokens_in_text="yes")  # type: ignore[arg-type]
    with pytest.raises(BadSettings, match="threads"):
        tokenizer.encode_batch(["a"], threads=0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("hold", [list, iter, pa.array, pl.Series, lambda some: pa.array(some).dictionary_encode()])
def test_any_holder_and_any_threads_give_the_same_ids(
    hold: Any, threads: int, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = documents_of(*tokenizer.encode_batch(TEXTS, threads=1))
    batches: Any = vars(module)["text_batches"]

    def small(texts: Texts) -> Any:
        return batches(texts, 300)

    monkeypatch.setattr(module, "text_batches", small)
    assert documents_of(*tokenizer.encode_batch(hold(TEXTS), threads=threads)) == expected


def test_no_texts_are_no_ids(tokenizer: Tokenizer) -> None:
    nothing: Any
    for nothing in ([], pa.array([], pa.string()), pl.Series([], dtype=pl.String)):
        ids, offsets = tokenizer.encode_batch(nothing)
        assert (ids.tolist(), offsets.tolist(), ids.dtype) == ([], [0], np.dtype(np.int32))
        assert tokenizer.decode_batch(ids, offsets).to_pylist() == []
    assert tokenizer.encode("").tolist() == []
    assert (tokenizer.decode([]), tokenizer.decode_bytes([])) == ("", b"")


def test_an_error_in_the_middle_ends_all_threads(tokenizer: Tokenizer) -> None:
    column = pa.chunked_array([["x" * (5 << 20)], ["y" * (5 << 20)], ["z", None]])
    with pytest.raises(NullText, match="text 3 "):
        tokenizer.encode_batch(column, threads=2)
    with pytest.raises(NullText):
        tokenizer.encode_batch(["a", None])
    for wrong in (["a"], b"a", None):
        with pytest.raises(NotText):
            tokenizer.encode(wrong)  # type: ignore[arg-type]
    with pytest.raises(NotText):
        tokenizer.encode_batch("one text")
    with pytest.raises(InvalidText):
        tokenizer.encode("\udcff")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("babelmerge-encode")]


def test_an_encoder_is_made_once_a_thread(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[int]()

    def counted(*arguments: Any, **options: Any) -> Encoder:
        made.append(1)
        return Encoder(*arguments, **options)

    monkeypatch.setattr(encoders, "Encoder", counted)
    fresh = pickle.loads(pickle.dumps(tokenizer))
    for text in TEXTS[:50]:
        fresh.encode(text)
    fresh.encode_batch(TEXTS)
    assert len(made) == 1


def test_threads_share_one_tokenizer(tokenizer: Tokenizer) -> None:
    expected = [tokenizer.encode(text).tolist() for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert [one.tolist() for one in pool.map(tokenizer.encode, TEXTS)] == expected


def test_a_saved_directory_is_that_of_train(saved: Path, tokenizer: Tokenizer) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [
        "merges.parquet", "ranks.tiktoken", "tiktoken.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    again = Tokenizer.load(saved)
    assert documents_of(*again.encode_batch(TEXTS)) == documents_of(*tokenizer.encode_batch(TEXTS))
    assert (again.vocab_size, again.special_tokens) == (700, {"<s>": 0, "</s>": 1})
    assert again.merges == tokenizer.merges
    ranks = load_tiktoken_bpe(str(saved / "ranks.tiktoken"))
    special = {"<s>": 0, "</s>": 1}
    peer = tiktoken.Encoding("t", pat_str=PATTERNS["o200k"], mergeable_ranks=ranks, special_tokens=special)
    assert [peer.encode_ordinary(text) for text in TEXTS] == documents_of(*tokenizer.encode_batch(TEXTS))
    ids = list(range(2, 700))
    assert b"".join(again.token_bytes(i) for i in ids) == peer.decode_bytes(ids) == again.decode_bytes(ids)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
def test_a_published_file_is_saved_as_it_is(name: str, shared: Path, tmp_path: Path) -> None:
    source = shared / "tokenizers" / f"{name}.json"
    loaded = Tokenizer.load(source)
    files = loaded.save(tmp_path / "copy").files
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == files
    assert (tmp_path / "copy" / "tokenizer.json").read_bytes() == source.read_bytes()
    again = Tokenizer.load(tmp_path / "copy")
    texts = TEXTS[:100]
    theirs = HuggingFace.from_file(str(source))
    theirs.encode_special_tokens = True
    expected = [one.ids for one in theirs.encode_batch(texts, add_special_tokens=False)]
    for one in (loaded, again):
        assert documents_of(*one.encode_batch(texts)) == expected
        assert one.decode_batch(*one.encode_batch(texts)).to_pylist() == theirs.decode_batch(
            expected, skip_special_tokens=False
        )


def test_a_sentencepiece_model_encodes_and_decodes_but_is_not_written(tmp_path: Path) -> None:
    sentencepiece: Any = pytest.importorskip("sentencepiece", reason="the peer is not installed")
    (tmp_path / "tok.model").write_bytes(content := KERNELS["as Llama's"]())
    theirs = sentencepiece.SentencePieceProcessor(model_proto=content)
    ours = Tokenizer.load(tmp_path / "tok.model")
    texts = [text.replace("\0", "") for text in TEXTS]
    ids, offsets = ours.encode_batch(texts)
    assert documents_of(ids, offsets) == theirs.encode(texts)
    assert ours.decode_batch(ids, offsets).to_pylist() == theirs.decode(theirs.encode(texts))
    assert ours.decode_bytes(ids[: offsets[1]]) == theirs.decode(theirs.encode(texts[0])).encode()
    with pytest.raises(InexpressibleTokenizer):
        ours.save(tmp_path / "copy")


def test_a_directory_of_a_command_is_not_written_into(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).touch()
    with pytest.raises(DirectoryInUse, match="save the tokenizer elsewhere"):
        tokenizer.save(tmp_path)


def test_a_tokenizer_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingTokenizer, match="tokenizer"):
        Tokenizer.load(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    "ids", [np.array([300, 301], np.uint16), [300, 301], (300, 301), pa.array([300, 301]), pl.Series([300, 301])]
)
def test_ids_may_be_of_any_integer_type(ids: Any, tokenizer: Tokenizer) -> None:
    expected = tokenizer.token_bytes(300) + tokenizer.token_bytes(301)
    assert tokenizer.decode_bytes(ids) == expected


@pytest.mark.parametrize("ids", [[0.5], ["a"], [[1, 2]], [True], 5, [None], [2**70]])
def test_other_ids_are_refused(ids: Any, tokenizer: Tokenizer) -> None:
    with pytest.raises(NotIds, match="ids: whole numbers"):
        tokenizer.decode(ids)


@pytest.mark.parametrize("wrong", [-1, 700, 2**31, 2**40, -(2**33)])
def test_ids_out_of_range_are_refused(wrong: int, tokenizer: Tokenizer) -> None:
    with pytest.raises(TokenOutOfRange, match=f"token id {wrong} at position 1"):
        tokenizer.decode([1, wrong])
    with pytest.raises(TokenOutOfRange, match=f"token id {wrong} "):
        tokenizer.token_bytes(wrong)


def test_an_id_that_a_file_leaves_out_is_refused(tokenizer: Tokenizer, tmp_path: Path, saved: Path) -> None:
    lines = (saved / "ranks.tiktoken").read_text().splitlines(keepends=True)
    (tmp_path / "gap.tiktoken").write_text("".join(lines[:-2] + lines[-1:]))
    gap = Tokenizer.load(f"{tmp_path}/gap.tiktoken,pretokenizer=gpt4")
    with pytest.raises(TokenWithoutText, match="token id 698"):
        gap.decode([698])
    with pytest.raises(TokenWithoutText, match="token id 0 "):
        gap.token_bytes(0)


@pytest.mark.parametrize("offsets", [[], [0, 3, 1], [0, 9], [-1, 2]])
def test_offsets_that_cannot_be_are_refused(offsets: list[int], tokenizer: Tokenizer) -> None:
    with pytest.raises(BadOffsets, match="offsets: "):
        tokenizer.decode_batch([300, 301, 302], offsets)


def test_a_part_of_a_batch_is_decoded_by_its_offsets(tokenizer: Tokenizer) -> None:
    ids, offsets = tokenizer.encode_batch(TEXTS)
    assert tokenizer.decode_batch(ids, offsets[5:9]).to_pylist() == TEXTS[5:8]


def test_it_says_what_it_is(tokenizer: Tokenizer, saved: Path) -> None:
    assert repr(tokenizer) == "<Tokenizer 'trained': 700 tokens, 442 merges>"
    page = tokenizer._repr_html_()
    assert "&lt;s&gt;, &lt;/s&gt;" in page
    assert "<s>" not in page
    assert str(saved) in repr(Tokenizer.load(saved))
