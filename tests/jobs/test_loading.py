"""The snippets that `train` ends with run, and give the same ids."""

from pathlib import Path
from typing import Any

import babelmerge as bm
from jobs.loading import describe, snippets


def test_each_snippet_loads_the_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("low lower lowest\n" * 9)
    settings = bm.Train(corpus=[str(tmp_path / "c.txt")], vocab_size=262, out=str(tmp_path / "it's"), eos_token="</s>")
    made = bm.run(settings, engine="local", progress="off")
    expected = bm.Tokenizer.load(made.directory).encode("lower lowest").tolist()
    codes = snippets(made)
    assert len(codes) == 3 and describe(made).startswith(made.summary)
    for code in codes:
        assert code in describe(made)
        names: dict[str, Any] = {}
        exec(code, names)
        encoded = names["tokenizer"].encode("lower lowest")
        assert getattr(encoded, "ids", encoded) == expected
