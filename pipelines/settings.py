"""Settings: the base of every command's settings, and the execution settings that all commands share."""

import ast
import inspect
import re
import sys
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from operators.errors import UsageError
from operators.text.pretokenizers import NAMES as PRETOKENIZER_NAMES
from pipelines.corpus.sources import Source

Corpus = list[str | Source]


class BadSettings(UsageError, ValueError):
    """A setting that fits its type, but not the other settings or the input.

    A ValueError, so that msgspec says where in a file it stands.
    """

    setting: str
    reason: str
    message = "{setting}: {reason}"


UNHASHED: Final = Meta(extra={"hashed": False})
"""Mark of a field that is not hashed: it does not change the output, or the hashed inputs of the stage contain it."""
ResultOf = TypeVar("ResultOf", covariant=True)


class Settings(msgspec.Struct, Generic[ResultOf], frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of a command. Unknown keys and values of wrong types are errors.

    The type parameter is the type of the command's result. A field is part of the output's fingerprint unless its
    annotation carries UNHASHED, so an option that is added cannot be forgotten there.
    """

    KERNELS: ClassVar[tuple[str, ...]] = ()
    """Groups of kernels (`operators.precompile`) that the command runs, whatever its settings."""
    POSITIONAL: ClassVar[tuple[str, ...]] = ()
    """Names of the first fields, which take the positional arguments: texts, then a list, which takes all that
    follow. Without names it is the first field, if that is a list."""

    def kernels(self) -> tuple[str, ...]:
        """Return the groups of kernels that the command runs with these settings."""
        return self.KERNELS

    def hashed(self, **resolved: Any) -> dict[str, Any]:
        """Return the settings that change the output, as plain data; `resolved` replaces or adds entries."""
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


class CorpusSettings(Settings[ResultOf], Generic[ResultOf], frozen=True, kw_only=True):
    """Settings of a command that reads a corpus: names of fields, for the sources that name none themselves."""

    text_field: Annotated[str | None, UNHASHED] = None
    """Field or column that holds the text; `doc.text` is the field text of doc. By default `text`."""
    id_field: Annotated[str | None, UNHASHED] = None
    """Field or column that holds a document's id. By default `id`, or else the record's number."""
    language_field: Annotated[str | None, UNHASHED] = None
    """Field or column that holds a document's language. By default `language`, or else the file's name says it."""


def check_id_field(settings: CorpusSettings[Any], sources_field: str | None) -> None:
    """Raise BadSettings where documents' ids are named beside their sources, which take their place."""
    if sources_field is not None and settings.id_field is not None:
        raise BadSettings("id_field", "is not read: documents go by --sources-field; leave one of the two out")


class ComparedSettings(CorpusSettings[ResultOf], Generic[ResultOf], frozen=True, kw_only=True):
    """Settings of a command that changes a tokenizer and compares premiums before and after."""

    parallel: Annotated[Corpus, UNHASHED] = []
    """Parallel text: premiums before and after are written to premiums/."""
    baseline: Annotated[str, UNHASHED] = "eng_Latn"
    """Language of the parallel text that the others are compared with."""


def own_first(settings: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    """Return the fields of a settings class, those of its base classes last."""
    fields = msgspec.structs.fields(settings)
    own = inspect.get_annotations(settings)
    return sorted(fields, key=lambda field: field.name not in own)


class Execution(Settings[None], frozen=True, kw_only=True):
    """Execution of a command. Its results do not depend on any of these settings."""

    engine: Literal["auto", "ray", "local"] = "auto"
    """`ray` joins the cluster that RAY_ADDRESS names or starts one on this machine; `local` uses threads; `auto` takes
    Ray where RAY_ADDRESS is set or the input is large enough to repay Ray's start, else threads."""
    workers: Annotated[int, Meta(ge=1)] | None = None
    """Largest number of workers; by default one for each processor."""
    progress: Literal["auto", "json", "off"] = "auto"
    """Progress on stderr: bars for people, a JSON line for each step for machines, or nothing."""
    memory_limit: str | None = None
    """Memory limit of one worker for word and pair tables, e.g. 512MB or 4GB; libraries need about 250 MB more. Without
    it, counting writes to disk at 1 GB and nothing else is limited."""
    on_bad_record: Literal["fail", "skip"] = "fail"
    """Treatment of a record that cannot be read, or of a file at which workers die: end the job (`fail`), or leave it
    out, count it and list it in bad_records.parquet (`skip`)."""
    max_bad_share: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """Largest share of the records of a corpus that may be left out with `on_bad_record` `skip`; more of them end the
    job with an error. 1 allows all."""
    max_failures: Annotated[int, Meta(ge=0)] = 100
    """Number of failed workers, in total, that a run replaces before it ends; the next run resumes its work."""

    def __post_init__(self) -> None:
        """Verify memory_limit before any work. Raises BadSettings."""
        if self.memory_limit is not None:
            size_in_bytes("memory_limit", self.memory_limit)


def refuse_repeated(name: str, values: list[Any]) -> None:
    """Raise BadSettings for a value or a source that stands twice in a list."""
    seen = set[Any]()
    for one in values:
        if one in seen:
            shown = one.path if isinstance(one, Source) else one
            raise BadSettings(name, f"{shown!r} is given twice; name it once")
        seen.add(one)


def documentation(settings: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring of each field of a settings class, including those of its base classes.

    `{pretokenizers}` in a docstring is replaced by the names in `operators.text.pretokenizers`.
    """
    lines: dict[str, str] = {}
    for ancestor in reversed(settings.__mro__):
        if issubclass(ancestor, msgspec.Struct) and ancestor is not msgspec.Struct:
            lines |= _own_documentation(ancestor)
    return lines


@cache
def _own_documentation(settings: type) -> dict[str, str]:
    lines = {}
    body = _classes(settings.__module__)[settings.__name__].body
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(field.target, ast.Name):
            assert isinstance(below.value, ast.Constant)
            lines[field.target.id] = str(below.value.value).replace("{pretokenizers}", ", ".join(PRETOKENIZER_NAMES))
    return lines


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """Parse a module's source once; `inspect.getsource` of a class would parse all of it each time."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def size_in_bytes(setting: str, text: str) -> int:
    """Parse a size such as 512MB, 4GiB, or a number of bytes. Raises BadSettings.

    >>> size_in_bytes("memory_limit", "512MB")
    512000000
    """
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*([kmgt]i?)?b?\s*", text.lower())
    size = int(float(match[1]) * _UNITS[match[2] or ""]) if match else 0
    if size < 1 << 20:
        raise BadSettings(setting, f"{text[:40]!r} is no size of 1 MiB or more; write one as 512MB or 4GB")
    return size
