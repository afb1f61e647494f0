"""Tokens that a trained vocabulary must have: `train --require`."""

from collections.abc import Sequence
from typing import Any

from operators.tokenizer import Tokenizer
from operators.training.extension import extend
from operators.training.required import require_uncut, truncated_for
from pipelines.settings import BadSettings
from pipelines.token_lists import read_token_list
from pipelines.train.settings import Train


def required_tokens(settings: Train, pretokenizer: str) -> list[str]:
    """Return the tokens of the file, sorted, each once. Raises BadSettings, CutToken."""
    if settings.require is None:
        return []
    tokens = sorted(set(read_token_list(settings.require, "require")))
    require_uncut(pretokenizer, tokens)
    return tokens


def with_required(tokenizer: Tokenizer, tokens: Sequence[str], size: int) -> tuple[Tokenizer, dict[str, Any]]:
    """Return a trained tokenizer of at most `size` tokens that has all of these, and figures for the manifest.

    Raises BadSettings where they need more room than there is.
    """
    if not tokens:
        return tokenizer, {}
    found = truncated_for(tokenizer, [token.encode() for token in tokens], size)
    if found is None:
        needed = f"{len(tokens):,} tokens need more than {size:,} with their pieces"
        raise BadSettings("require", f"{needed}; raise vocab_size")
    cut, made = found
    enlarged, _ = extend(cut, made.merges)
    facts = {"required": len(tokens), "required_merges": len(made.merges)}
    facts |= {"given_way": len(tokenizer.tokens) - len(cut.tokens), "merges": len(enlarged.merges)}
    return enlarged, facts | {"vocabulary": len(enlarged.tokens)}
