"""`train --require`: the tokens are there, at the cost of as few of the tokens learned last as can be."""

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as HuggingFace

from operators.tokenizer import Tokenizer
from operators.training.required import CutToken, required_merges
from pipelines.context import Context
from pipelines.results import Trained
from pipelines.settings import BadSettings, Execution
from pipelines.tokenizers import load_tokenizer
from pipelines.train.settings import Train
from pipelines.train.step import train
from tests.pipelines.prune.test_step import TEXTS, ids_of

REQUIRED = [" zebra", "there", " кот", "über", " zebras"]


def trained(folder: Path, out: str, **settings: Any) -> Trained:
    (folder / "corpus.txt").write_text("\n".join(text for texts in TEXTS.values() for text in texts))
    with Context(Execution(engine="local", workers=1, progress="off")) as context:
        asked: dict[str, Any] = {"corpus": [str(folder / "corpus.txt")], "out": str(folder / out), "vocab_size": 320}
        return train(Train(**asked | settings), context)


def test_required_tokens_are_in_the_vocabulary_at_the_least_cost(tmp_path: Path) -> None:
    (tmp_path / "required.txt").write_text("\n".join(REQUIRED))
    plain = load_tokenizer(str(trained(tmp_path, "plain", special_tokens=["<s>"]).directory))
    result = trained(tmp_path, "out", special_tokens=["<s>"], require=str(tmp_path / "required.txt"))
    made = load_tokenizer(str(result.directory))
    library = HuggingFace.from_file(str(tmp_path / "out/tokenizer.json"))
    assert len(made.tokens) == 320 == result.facts["vocabulary"]
    for token in REQUIRED:
        assert len(ids_of(made, token)) == 1
    for text in [*TEXTS["en"], *TEXTS["ru"], *REQUIRED]:
        assert ids_of(made, text) == library.encode(text).ids
    kept = 320 - result.facts["given_way"]
    assert made.tokens[:kept] == plain.tokens[:kept]
    texts = [token.encode() for token in REQUIRED]
    for keep in range(kept + 1, 321):  # one more of the learned tokens leaves too little room
        assert keep + len(required_merges(plain.truncated(keep), texts).merges) > 320


def test_tokens_that_are_learned_anyway_cost_nothing(tmp_path: Path) -> None:
    plain = load_tokenizer(str(trained(tmp_path, "plain").directory))
    (tmp_path / "required.txt").write_text("\n".join({t.decode() for t in plain.tokens[300:] if t.isascii()}))
    made = load_tokenizer(str(trained(tmp_path, "out", require=str(tmp_path / "required.txt")).directory))
    assert isinstance(made, Tokenizer)
    assert made.tokens == plain.tokens


def test_what_cannot_be_required_is_refused(tmp_path: Path) -> None:
    required = tmp_path / "required.txt"
    required.write_text("New York")
    with pytest.raises(CutToken, match="cuts it into words"):
        trained(tmp_path, "a", require=str(required))
    required.write_text("abcdefghijklmnopqrstuvw")
    with pytest.raises(BadSettings, match="need more than 260 with"):
        trained(tmp_path, "b", require=str(required), vocab_size=260)
    with pytest.raises(BadSettings, match="cannot be joined with sizes"):
        trained(tmp_path, "c", require=str(required), sizes=[300])
