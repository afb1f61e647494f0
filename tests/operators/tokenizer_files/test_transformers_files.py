"""Roles of special tokens: transformers finds each, and fills in the chat template."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from operators.tokenizer import Merges, Tokenizer
from operators.tokenizer_files.hugging_face_output import to_json
from operators.tokenizer_files.transformers_files import ROLES, Roles, special_tokens_map, tokenizer_config


@pytest.mark.parametrize("roles", [(), ("eos_token",), ("pad_token", "bos_token"), ROLES])
def test_transformers_finds_the_roles_and_the_template(tmp_path: Path, roles: tuple[str, ...]) -> None:
    names = {role: f"<{role[:3]}>" for role in roles}
    given = Roles(**names, chat_template="{{ bos_token }}{% for m in messages %}[{{ m.content }}]{% endfor %}")
    special = tuple(f"<{role[:3]}>" for role in ROLES)
    (tmp_path / "tokenizer.json").write_text(to_json(Tokenizer("gpt4", special, Merges.from_rows([]))))
    (tmp_path / "tokenizer_config.json").write_bytes(tokenizer_config(given))
    named = special_tokens_map(given)
    assert (named is None) == (not roles)
    if named is not None:
        (tmp_path / "special_tokens_map.json").write_bytes(named)
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    found = {role: getattr(tokenizer, role) for role in ROLES if getattr(tokenizer, role) is not None}
    assert found == names
    for role, token in names.items():
        assert getattr(tokenizer, f"{role}_id") == special.index(token)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert chat == f"{names.get('bos_token', '')}[hi]"


def test_roles_are_taken_from_the_settings_of_a_run() -> None:
    settings = {"eos_token": "</s>", "vocab_size": 300, "chat_template": None}
    assert Roles.of(settings) == Roles(eos_token="</s>")
    assert Roles.of({}).tokens == {}
