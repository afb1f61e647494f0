"""The step `extend`: what `train --extend` gives, under its own names."""

from pathlib import Path

import pytest

from pipelines.context import Context
from pipelines.extend.settings import Extend
from pipelines.extend.step import extend
from pipelines.settings import BadSettings, Corpus, Execution
from pipelines.train.settings import Train
from pipelines.train.step import train
from tests.pipelines.adapt.test_step import source

__all__ = ["source"]


def test_it_is_what_train_gives(source: Path, tmp_path: Path) -> None:
    corpus: Corpus = [str(source / "de.jsonl")]
    with Context(Execution(engine="local", workers=1, progress="off")) as context:
        result = extend(Extend(tokenizer=str(source), corpus=corpus, out=str(tmp_path / "a"), to=350), context)
        train(Train(extend=str(source), corpus=corpus, out=str(tmp_path / "b"), vocab_size=350), context)
        for name in ("tokenizer.json", "manifest.json"):
            assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert result.facts["vocabulary"] == 350
        with pytest.raises(BadSettings, match="to: 330 leaves no room"):
            extend(Extend(tokenizer=str(source), corpus=corpus, out=str(tmp_path / "c"), to=330), context)
        parallel: Corpus = [str(source / "parallel.jsonl")]
        asked = Extend(
            tokenizer=str(source), corpus=corpus, out=str(tmp_path / "a"), to=350, parallel=parallel, baseline="en"
        )
        assert "parallel text: " in extend(asked, context).summary
