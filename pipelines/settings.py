"""What all settings are made of, and those that every command has."""

import ast
import inspect
import re
import textwrap
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from operators.errors import UsageError
from operators.text.pretokenizers import NAMES as PRETOKENIZER_NAMES
from pipelines.corpus.sources import Source

Corpus = list[str | Source]


class BadSettings(UsageError):
    """Settings that each fit their type, but not one another."""

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(setting, reason)
        self.setting, self.reason = setting, reason

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys and wrong types are refused."""


class Execution(Settings, frozen=True, kw_only=True):
    """How a job runs. Its results do not depend on any of these."""

    engine: Literal["ray", "local"] = "ray"
    """`ray` joins the cluster that RAY_ADDRESS names or starts one on this machine; `local` uses threads."""
    workers: Annotated[int, Meta(ge=1)] | None = None
    """Workers that share the work, at most; by default one for each processor."""
    progress: Literal["auto", "json", "off"] = "auto"
    """Progress on stderr: bars for people, a JSON line for each step for machines, or nothing."""
    memory_limit: str | None = None
    """Memory for the words and pairs of one worker, as 512MB or 4GB, besides some 250 MB for libraries; 1GB counts."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """A record that cannot be read, or a file at which workers die, ends the job, or is left out, counted and listed in
    bad_records.parquet."""
    max_failures: Annotated[int, Meta(ge=0)] = 100
    """Workers that may be lost and replaced, all in all, before the run ends; the next one goes on from there."""

    def __post_init__(self) -> None:
        """Raises BadSettings for a memory_limit that is no size, before any work."""
        if self.memory_limit is not None:
            size_in_bytes("memory_limit", self.memory_limit)


def documentation(settings: type[msgspec.Struct]) -> dict[str, str]:
    """The line below each field of a settings class, those of the classes it extends included.

    `{pretokenizers}` in a line stands for the names in `operators.text.pretokenizers`.
    """
    lines: dict[str, str] = {}
    for ancestor in reversed(settings.__mro__):
        if not issubclass(ancestor, msgspec.Struct) or ancestor is msgspec.Struct:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(ancestor))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(field.target, ast.Name):
                assert isinstance(below.value, ast.Constant)
                lines[field.target.id] = str(below.value.value).replace(
                    "{pretokenizers}", ", ".join(PRETOKENIZER_NAMES)
                )
    return lines


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def size_in_bytes(setting: str, text: str) -> int:
    """`size_in_bytes("memory_limit", "512MB")` is 512,000,000; also 4GiB, or bytes. Raises BadSettings."""
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([kmgt]i?)?b?\s*", text.lower())
    size = int(float(match[1]) * _UNITS[match[2] or ""]) if match else 0
    if size < 1 << 20:
        raise BadSettings(setting, f"{text[:40]!r} is no size of 1 MiB or more; write one as 512MB or 4GB")
    return size
