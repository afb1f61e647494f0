"""`train --model`: the same bytes on any number of workers, also when workers are lost; ids are stock `tokenizers`'."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as HuggingFace
from transformers import AutoTokenizer

from operators.encoding.encode import Encoder
from operators.tokenizer import NotReplayable, require_replayable
from operators.training.extension import NotExtendable, check_extendable
from pipelines.convert.settings import Convert, FileFormatName
from pipelines.convert.step import convert
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.results import Trained
from pipelines.settings import BadSettings
from pipelines.tokenizers import load_tokenizer
from pipelines.train.settings import Train
from pipelines.train.step import train
from tests.pipelines.corpora import write_corpus
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import EngineContext

MODELS = ("mingram", "unigram")
TEXTS = ["the cat sat</s> on été 中文字", "<s>", "", "\n\n  12345 \t x", "naïve 🙂🙂 ångström" * 3]


def made(folder: Path, model: str, engine: Engine, **settings: Any) -> Trained:
    if not (folder / "corpus").exists():
        write_corpus(folder / "corpus")
    out = folder / f"{model}-{len(list(folder.iterdir()))}"
    asked: dict[str, Any] = {"vocab_size": 320, "special_tokens": ["<s>", "</s>"], "temperature": 2.0}
    asked |= {"corpus": [str(folder / "corpus")], "out": str(out), "model": model}
    return train(Train(**asked | settings), EngineContext(engine))


@pytest.mark.parametrize("model", MODELS)
def test_workers_partitions_and_losses_change_no_byte_and_ids_are_the_librarys(tmp_path: Path, model: str) -> None:
    losses = {(0, 1): "before", (1, 2): "after", (3, 4): "before"}
    engines: list[Engine] = [LocalEngine(1), FaultyEngine(2, losses), LocalEngine(3)]
    runs = [made(tmp_path, model, engine, partitions=n) for engine, n in zip(engines, (16, 16, 5), strict=True)]
    assert runs[1].manifest.fingerprint == runs[0].manifest.fingerprint
    assert len({(run.directory / "tokenizer.json").read_bytes() for run in runs}) == 1
    directory = runs[0].directory
    tokenizer, theirs = load_tokenizer(str(directory)), HuggingFace.from_file(str(directory / "tokenizer.json"))
    assert len(tokenizer.tokens) == theirs.get_vocab_size() == runs[0].facts["vocabulary"]
    assert len(tokenizer.tokens) == 320 or model == "mingram"  # of so little text words use fewer pieces
    for special_ids in (True, False):
        theirs.encode_special_tokens = not special_ids
        encoder = Encoder(tokenizer, special_ids=special_ids)
        assert encoder.method == "kernels"
        ids, offsets = encoder.encode(pa.array(TEXTS, pa.large_string()))
        assert [part.tolist() for part in np.split(ids, offsets[1:-1])] == [theirs.encode(text).ids for text in TEXTS]
    assert AutoTokenizer.from_pretrained(str(directory))(TEXTS[0])["input_ids"] == ids_of(directory, TEXTS[0])


def ids_of(directory: Path, text: str) -> list[int]:
    return list(HuggingFace.from_file(str(directory / "tokenizer.json")).encode(text).ids)


@pytest.mark.parametrize("model", MODELS)
def test_options_of_what_may_be_a_token_hold(tmp_path: Path, model: str) -> None:
    engine = LocalEngine(1)
    asked: dict[str, Any] = {"whole_characters": True, "max_token_length": 7, "digits": "single", "vocab_size": 400}
    tokens = load_tokenizer(str(made(tmp_path, model, engine, **asked).directory)).tokens
    assert all(len(token) < 7 for token in tokens)
    longer = [token for token in tokens[258:] if len(token) > 1]
    crossing = [token for token in longer if "\ufffd" in token.decode(errors="replace")]
    assert longer and (not crossing or model == "mingram")  # merges make the beginnings of characters


@pytest.mark.parametrize("model", MODELS)
def test_what_is_of_merges_is_refused_in_one_line(tmp_path: Path, model: str) -> None:
    refused = {"superwords": True, "sizes": [300], "require": "x", "parity": ["x"], "extend": "x"}
    for name, value in refused.items():
        with pytest.raises(BadSettings, match=f"^{name}: is of merges, which --model {model} does not choose"):
            made(tmp_path, model, LocalEngine(1), **{name: value})
    with pytest.raises(BadSettings, match="max_token_length: is over 1,024"):
        made(tmp_path, model, LocalEngine(1), max_token_length=5000)


def test_what_replays_merges_or_writes_them_says_why_it_cannot(tmp_path: Path) -> None:
    directory = made(tmp_path, "unigram", LocalEngine(1)).directory
    tokenizer = load_tokenizer(str(directory))
    with pytest.raises(NotReplayable, match="a Unigram model, which has no merge list"):
        require_replayable(tokenizer, "x")
    with pytest.raises(NotExtendable, match="a Unigram model has no merge list"):
        check_extendable(tokenizer)
    context = EngineContext(LocalEngine(1))
    targets: tuple[FileFormatName, ...] = ("tiktoken", "sentencepiece", "tekken")
    for target in targets:
        with pytest.raises(Exception, match=r"a Unigram model has no merges|its tokens are of bytes"):
            convert(Convert(tokenizer=str(directory), to=target, out=str(tmp_path / target)), context)
    assert "merges.parquet" not in json.loads((directory / "manifest.json").read_text())["files"]


def test_merges_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    made(tmp_path, "bpe", LocalEngine(1), out=out)
    assert (tmp_path / "out/merges.parquet").exists()
    made(tmp_path, "unigram", LocalEngine(1), out=out)
    assert not (tmp_path / "out/merges.parquet").exists()
    assert not (tmp_path / "out/ranks.tiktoken").exists()
