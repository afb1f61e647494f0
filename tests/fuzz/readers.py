"""One function a reader: bytes in; nothing out but the errors that users are meant to see."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from jobs.configuration import BadConfiguration, read_settings, read_sources, read_workflow
from jobs.settings.base import Settings
from operators.errors import DataError, UsageError
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.tekken import from_tekken, is_tekken
from operators.tokenizer_files.tiktoken import from_tiktoken
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source
from pipelines.outputs import MANIFEST, read_manifest, read_run


def _documents(ending: str, data: bytes) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory, f"en{ending}")
        path.write_bytes(data)
        stat, source = path.stat(), Source(path=str(path), language="en")
        file = InputFile(str(path), stat.st_size, stat.st_mtime_ns, source)
        for policy in ("fail", "skip"):
            try:
                for _ in read_batches(file, BadRecords(policy)):
                    pass
            except (DataError, UsageError) as error:
                assert "\n" not in str(error)


def _configuration(data: bytes) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory, "conf.yaml")
        path.write_bytes(data)
        for read in (
            lambda: read_settings(Settings, str(path), {}),
            lambda: read_workflow(str(path), {}),
            lambda: read_sources((str(path),)),
        ):
            try:
                read()
            except BadConfiguration as error:
                assert "\n" not in str(error)


def _manifest(data: bytes) -> None:
    with TemporaryDirectory() as directory:
        for name in (MANIFEST, "run.json"):
            Path(directory, name).write_bytes(data)
        read_manifest(Path(directory))
        read_run(Path(directory))


def _tokenizer(read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except (DataError, UsageError) as error:
        assert "\n" not in str(error)


READERS: dict[str, Callable[[bytes], None]] = {
    "jsonl": lambda data: _documents(".jsonl", data),
    "text": lambda data: _documents(".txt", data),
    "gzip": lambda data: _documents(".jsonl.gz", data),
    "zstd": lambda data: _documents(".txt.zst", data),
    "parquet": lambda data: _documents(".parquet", data),
    "arrow": lambda data: _documents(".arrow", data),
    "configuration": _configuration,
    "manifest": _manifest,
    "huggingface": lambda data: _tokenizer(lambda content: from_json(content, "x"), data),
    "tiktoken": lambda data: _tokenizer(lambda content: from_tiktoken(content, "x", "gpt4"), data),
    "tekken": lambda data: _tokenizer(lambda c: is_tekken(c) and from_tekken(c, "x"), data),
    "sentencepiece": lambda data: _tokenizer(lambda content: from_model(content, "x"), data),
}
"""By what the names of its inputs in `corpus/` begin with."""
