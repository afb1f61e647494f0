"""Settings: the base of every command's settings, and the execution settings that all commands share."""

import ast
import inspect
import re
import textwrap
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar, get_args, get_origin

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


UNHASHED: Final = Meta(extra={"hashed": False})
"""Mark of a field that does not decide what the output holds, or that the inputs of the stage stand for."""
ResultOf = TypeVar("ResultOf", covariant=True)


class Settings(msgspec.Struct, Generic[ResultOf], frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a command. Unknown keys and values of wrong types are refused.

    The type parameter is the type of the command's result. A field is part of the output's fingerprint unless its
    annotation carries UNHASHED, so an option that is added cannot be forgotten there.
    """

    KERNELS: ClassVar[tuple[str, ...]] = ()
    """Groups of kernels (`operators.precompile`) that the command runs, whatever its settings."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that the command runs with these settings."""
        return self.KERNELS

    def hashed(self, **resolved: Any) -> dict[str, Any]:
        """Return the settings that decide what the output holds, as plain data; `resolved` replaces or adds entries."""
        decide = {
            field.encode_name: msgspec.to_builtins(getattr(self, field.name))
            for field in msgspec.structs.fields(self)
            if not _is_unhashed(field.type)
        }
        return decide | resolved


def _is_unhashed(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return any((getattr(one, "extra", None) or {}).get("hashed") is False for one in get_args(kind)[1:])
    return False


class Execution(Settings[None], frozen=True, kw_only=True):
    """How a command runs. Its results do not depend on any of these."""

    engine: Literal["auto", "ray", "local"] = "auto"
    """`ray` joins the cluster that RAY_ADDRESS names or starts one on this machine; `local` uses threads; `auto` takes
    Ray where RAY_ADDRESS is set or the input is large enough to repay Ray's start, else threads."""
    workers: Annotated[int, Meta(ge=1)] | None = None
    """Workers that share the work, at most; by default one for each processor."""
    progress: Literal["auto", "json", "off"] = "auto"
    """Progress on stderr: bars for people, a JSON line for each step for machines, or nothing."""
    memory_limit: str | None = None
    """Memory limit of one worker for word and pair tables, e.g. 512MB or 4GB; libraries need about 250 MB more. Without
    it, counting writes to disk at 1 GB and nothing else is limited."""
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
