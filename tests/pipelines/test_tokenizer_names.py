"""Short names of tokenizers, and a tokenizer that is named twice."""

import os
from pathlib import Path

import pytest

from pipelines.settings import BadSettings
from pipelines.tokenizer_names import short_names


def test_one_tokenizer_under_two_spellings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    monkeypatch.chdir(tmp_path)
    for again in ("a/", "./a", str(tmp_path / "a"), "link", f"..{os.sep}{tmp_path.name}/a"):
        with pytest.raises(BadSettings, match="is 'a' once more; name each tokenizer once"):
            short_names(["a", "b", again])
    assert short_names(["a", "b/a.json", "c.tiktoken", "c.tiktoken,pretokenizer=gpt2"]) == [
        "a", "b/a.json", "c.tiktoken", "c.tiktoken,pretokenizer=gpt2",
    ]  # fmt: skip
