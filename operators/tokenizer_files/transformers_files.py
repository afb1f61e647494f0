"""Files that `transformers` reads beside tokenizer.json: the roles of special tokens, and the chat template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

ROLES: Final = ("bos_token", "eos_token", "unk_token", "pad_token")
"""Roles of special tokens, as transformers names them, in the order in which their tokens take ids."""


@dataclass(frozen=True)
class Roles:
    """Special tokens with a role in a model, by the role, and the template of a chat."""

    bos_token: str | None = None
    eos_token: str | None = None
    unk_token: str | None = None
    pad_token: str | None = None
    chat_template: str | None = None
    """Text of a Jinja template, which `apply_chat_template` fills in."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Roles":
        """Return the roles among the settings of a training run."""
        return cls(**{name: settings.get(name) for name in (*ROLES, "chat_template")})

    @property
    def tokens(self) -> dict[str, str]:
        """The tokens, by role."""
        return {role: token for role in ROLES if (token := getattr(self, role)) is not None}


NO_ROLES: Final = Roles()


def tokenizer_config(roles: Roles) -> bytes:
    """Return the content of tokenizer_config.json, by which transformers loads a tokenizer.json."""
    content: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    content |= roles.tokens
    if roles.chat_template is not None:
        content["chat_template"] = roles.chat_template
    return _json(content)


def special_tokens_map(roles: Roles) -> bytes | None:
    """Return the content of special_tokens_map.json; None: no token has a role."""
    return _json(roles.tokens) if roles.tokens else None


def _json(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content)) + b"\n"
