"""What these tests share."""

import pytest

from operators.tokenizer import Tokenizer
from tests.pipelines.retokenizing.corpora import trained


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """400 tokens of four languages."""
    return trained(tmp_path_factory.mktemp("trained"))
