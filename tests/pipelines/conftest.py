"""Fixtures that these tests share."""

from pathlib import Path

import pytest

from operators.tokenizer import Tokenizer
from pipelines.tokenizers import load_tokenizer
from tests.pipelines.retokenize.corpora import train_tokenizer


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a tokenizer of 400 tokens of four languages."""
    folder = tmp_path_factory.mktemp("trained")
    train_tokenizer(folder)
    return folder / "tok"


@pytest.fixture(scope="session")
def tokenizer(trained: Path) -> Tokenizer:
    """The same, loaded."""
    return load_tokenizer(str(trained))
