"""The step `inspect`: facts, residues with their neighbours, integers, costs and embeddings, against plain loops."""

import json
import math
import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from jobs.inspect.step import inspect
from operators.metrics.embeddings import indicators
from pipelines.context import Context
from pipelines.inspect.safetensors import BadTensors
from pipelines.inspect.settings import Inspect
from pipelines.results import Inspected
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.prune.test_step import TEXTS, ids_of

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer directory of 330 tokens, one of which is hostile to pages, and a corpus in two languages."""
    folder = tmp_path_factory.mktemp("source")
    texts = [text for texts in TEXTS.values() for text in texts]
    save_tokenizer(trained([*texts, *[HOSTILE] * 9, "The CAT sat"], 330), folder)
    for language, own in TEXTS.items():
        rows = [json.dumps({"text": text, "language": language}) for text in own]
        (folder / f"{language}.jsonl").write_text("\n".join(rows))
    return folder


def inspected(source: Path, out: Path, corpus: bool = False, **settings: Any) -> Inspected:
    texts: Any = [str(source / f"{language}.jsonl") for language in TEXTS] if corpus else []
    with Context(Execution(engine="local", workers=2, progress="off")) as context:
        return inspect(Inspect(tokenizer=str(source), corpus=texts, out=str(out), **settings), context)


def test_a_corpus_tells_residues_their_neighbours_and_what_pruning_costs(source: Path, tmp_path: Path) -> None:
    result = inspected(source, tmp_path / "out", corpus=True, residue=0.5, entropy=99)
    tokenizer = load_tokenizer(str(source))
    ids = [ids_of(tokenizer, text) for texts in TEXTS.values() for text in texts]
    left, right = dict[int, Counter[int]](), dict[int, Counter[int]]()
    for a, b in (pair for one in ids for pair in pairwise(one)):
        left.setdefault(b, Counter())[a] += 1
        right.setdefault(a, Counter())[b] += 1
    emitted = Counter(i for one in ids for i in one)
    residues = result.vocabulary.filter(pl.col("residue")).collect()
    assert len(residues) == result.facts["faults"]["residue"] > 3
    for row in residues.iter_rows(named=True):
        assert row["emitted"] == emitted[row["token"]] <= row["made"] / 2
        for side, column in ((left, "left_entropy"), (right, "right_entropy")):
            counts = list(side.get(row["token"], Counter()).values())
            expected = -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts) if counts else math.nan
            assert row[column] == pytest.approx(expected, nan_ok=True)
    costs = result.table("costs").collect()
    whole = {language: sum(len(ids_of(tokenizer, text)) for text in texts) for language, texts in TEXTS.items()}
    assert costs["vocabulary"].unique().sort(descending=True).to_list() == [312, 293, 274, 263]
    for language, _, tokens, growth in costs.drop("name").iter_rows():
        assert tokens >= whole[language]
        assert growth == pytest.approx(tokens / whole[language] - 1)
    page = result.page.read_text()
    assert "<script>" not in page
    assert "What pruning costs each language" in page
    assert inspected(source, tmp_path / "out", corpus=True, residue=0.5, entropy=99).kept


def test_facts_and_integers_need_no_corpus(source: Path, tmp_path: Path) -> None:
    result = inspected(source, tmp_path / "out")
    tokenizer = load_tokenizer(str(source))
    facts = {row["fact"]: row for row in result.table("facts").collect().iter_rows(named=True)}
    assert facts["part of a character"]["tokens"] + facts["bytes of no text"]["tokens"] >= 128
    assert facts["trait: word behind a space"]["tokens"] == sum(
        token[:1] == b" " and token[1:].decode("utf-8", "replace").isalpha() for token in tokenizer.tokens
    )
    assert facts["another token but for case"]["tokens"] > 0
    integers = result.table("integers").collect()
    for integer, tokens, cut in integers.sample(50, seed=1).iter_rows():
        pieces = [tokenizer.tokens[i] for i in ids_of(tokenizer, str(integer))]
        assert (tokens, cut) == (len(pieces), "+".join(str(len(piece)) for piece in pieces))
    assert result.table("cuts").collect().group_by("digits").agg(pl.col("integers").sum()).sort("digits")[
        "integers"
    ].to_list() == [10, 90, 900, 9000]


def test_languages_and_sources_of_tokens_are_those_of_a_plain_loop(source: Path, tmp_path: Path) -> None:
    result = inspected(source, tmp_path / "out", corpus=True, sources_field="@file", entropy=0)
    tokenizer, table = load_tokenizer(str(source)), result.vocabulary.collect()
    rows = zip(*(ids.tolist() for ids in (tokenizer.merges.left, tokenizer.merges.right)), strict=True)
    parts = dict(zip(tokenizer.merges.token.tolist(), rows, strict=True))
    rates = dict[str, Counter[int]]()
    for language, texts in TEXTS.items():
        emitted = Counter(i for text in texts for i in ids_of(tokenizer, text))
        made, waiting = Counter[int](), list(emitted.elements())
        while waiting:
            made[token := waiting.pop()] += 1
            waiting += parts.get(token, ())
        rates[language] = Counter({i: n / emitted.total() for i, n in made.items()})
    for token, language, share, only in table.select("token", "language", "language_share", "only_source").iter_rows():
        en, ru = rates["en"][token], rates["ru"][token]
        assert (language is None) == (en + ru == 0) == (share is None)
        assert language is None or (language, share) == (
            "ru" if ru > en else "en",
            pytest.approx(max(en, ru) / (en + ru)),
        )
        assert (Path(only).stem if only else None) == (None if bool(en) == bool(ru) else "en" if en else "ru")
    facts = result.table("facts").collect()
    assert facts.filter(pl.col("fact") == "language: ru")["tokens"][0] > 20
    assert facts.filter(pl.col("fact") == "made by one source alone")["tokens"][0] > 20
    assert "Tokens that one source alone explains" in result.page.read_text()
    with pytest.raises(BadSettings, match="sources_field: needs a corpus"):
        inspected(source, tmp_path / "out", sources_field="@file")


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_give_the_published_indicators(source: Path, tmp_path: Path, tied: bool) -> None:
    drawn = np.random.default_rng(1)
    given, output = (drawn.normal(size=(340, 8)).astype(np.float32) for _ in range(2))
    half = (given.view(np.uint32) >> 16).astype(np.uint16)  # BF16, cut off
    given = (half.astype(np.uint32) << 16).view(np.float32)
    tensors = {"wte.weight": ("BF16", half)} | ({} if tied else {"lm_head.weight": ("F32", output)})
    _write(tmp_path / "model.safetensors", tensors)
    result = inspected(source, tmp_path / "out", embeddings=str(tmp_path / "model.safetensors"))
    table = result.vocabulary.collect()
    tokenizer = load_tokenizer(str(source))
    unused = [tokenizer.tokens.index(bytes([byte])) for byte in (0xC0, 0xC1, *range(0xF5, 0x100))]
    for name, expected in indicators(given if tied else output, unused).items():
        np.testing.assert_allclose(table[f"output_{name}"], expected[:330])
    assert result.facts["tied_embeddings"] == tied == ("input_norm" not in table.columns)
    if not tied:
        np.testing.assert_allclose(table["input_norm"], np.linalg.norm(given.astype(np.float64), axis=1)[:330])
        safetensors = pytest.importorskip("safetensors", reason="the peer is not installed")
        with safetensors.safe_open(tmp_path / "model.safetensors", "np") as file:
            assert np.array_equal(file.get_tensor("lm_head.weight"), output)


def _write(path: Path, tensors: dict[str, tuple[str, Any]]) -> None:
    header, data = dict[str, Any](__metadata__={"format": "pt"}), b""
    for name, (kind, values) in tensors.items():
        own = values.tobytes()
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [len(data), len(data) + len(own)]}
        data += own
    content = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(content)) + content + data)


def test_files_without_a_matrix_are_refused(source: Path, tmp_path: Path) -> None:
    small, path = np.ones((3, 2), np.float32), tmp_path / "m.safetensors"
    cases: list[tuple[bytes | dict[str, tuple[str, Any]], str]] = [
        (b"", "is no .safetensors file"),
        (b"\xff" * 20, "is no .safetensors file"),
        (b"\x02\0\0\0\0\0\0\0[]", "is no .safetensors file"),
        ({"x": ("F32", small)}, "holds no tensor model.embed_tokens.weight"),
        ({"wte.weight": ("F32", small)}, "has 3 rows for 330 tokens"),
        ({"wte.weight": ("I32", small)}, "is I32 of 2 dimensions"),
        ({"wte.weight": ("F64", small)}, "the file ends within the tensor"),
    ]
    for content, says in cases:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            _write(path, content)
        with pytest.raises(BadTensors, match=says):
            inspected(source, tmp_path / "out", embeddings=str(path))
    with pytest.raises(BadTensors, match="No such file"):
        inspected(source, tmp_path / "out", embeddings=str(tmp_path / "nothing"))
