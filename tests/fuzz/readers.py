"""One function a reader: bytes in; nothing out but the errors that users are meant to see."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from jobs.configuration import BadConfiguration, read_settings, read_sources
from jobs.workflow import read_workflow
from operators.encoding.encode import Encoder
from operators.errors import DataError, UsageError
from operators.tokenizer import Tokenizer
from operators.tokenizer_files.hugging_face import from_json
from operators.tokenizer_files.sentencepiece import from_model
from operators.tokenizer_files.tekken import from_tekken, is_tekken
from operators.tokenizer_files.tiktoken import from_tiktoken
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source
from pipelines.outputs import MANIFEST, MARKER, PLANNED, RUN, Output, read_manifest, read_run
from pipelines.retokenize.ledger import STATE, Ledger
from pipelines.retokenize.parts import WORK, record_path, whole_parts
from pipelines.settings import Settings
from pipelines.tokenizers import MERGES, TOKENIZER_JSON, load_tokenizer

CORPUS: Final = Path(__file__).parent / "corpus"
"""Inputs by what their names begin with: the reader's."""
_TEXT: Final = pa.array(["ab  ab\n<s>b\u00e9\u0301 12", "", "\U0001f600\0a[M] a"], pa.large_string())


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
            lambda: read_sources([str(path)]),
        ):
            try:
                read()
            except BadConfiguration as error:
                assert "\n" not in str(error)


def _manifest(data: bytes) -> None:
    """Read bytes as each record of an output directory; files outside it stay, whatever names the record holds."""
    with TemporaryDirectory() as parent:
        outside, directory = Path(parent, "outside"), Path(parent, "made")
        work = directory / WORK
        work.mkdir(parents=True)
        outside.touch()
        (directory / MARKER).write_bytes(b"stage")
        for path in (directory / PLANNED, work / STATE, record_path(work, 0)):
            path.write_bytes(data)
        _ledger(directory)
        for name in (MANIFEST, RUN):
            (directory / name).write_bytes(data)
        found = read_manifest(directory)
        read_run(directory)
        whole_parts(work, directory, "")
        _ledger(directory)
        with Output(directory, "stage") as output:
            if found is not None:
                output.if_current(found.fingerprint)
            output.begin(["a"])
        assert outside.exists()
        assert (directory / MARKER).exists()


def _ledger(directory: Path) -> None:
    for entry in Ledger.read(directory).entries.values():
        entry.counts()


def _directory(data: bytes) -> None:
    """A tokenizer.json, and behind it a merges.parquet."""
    first, mark, second = data.partition(b"PAR1")
    with TemporaryDirectory() as directory:
        Path(directory, TOKENIZER_JSON).write_bytes(first)
        Path(directory, MERGES).write_bytes(mark + second)
        try:
            _encode(load_tokenizer(directory))
        except (DataError, UsageError) as error:
            assert "\n" not in str(error)


def _tokenizer(read: Callable[[bytes], Tokenizer | None], data: bytes) -> None:
    try:
        _encode(read(data))
    except (DataError, UsageError) as error:
        assert "\n" not in str(error)


def _encode(tokenizer: Tokenizer | None) -> None:
    """Use the tokenizer that was read, too: an id out of bounds shows where a kernel looks it up."""
    if tokenizer is not None:
        ids, offsets = Encoder(tokenizer).encode(_TEXT)
        assert offsets[-1] == len(ids)
        assert not len(ids) or 0 <= ids.min() <= ids.max() < len(tokenizer.tokens)


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
    "tekken": lambda data: _tokenizer(lambda content: from_tekken(content, "x") if is_tekken(content) else None, data),
    "sentencepiece": lambda data: _tokenizer(lambda content: from_model(content, "x"), data),
    "directory": _directory,
}
"""By what the names of its inputs in `corpus/` begin with."""
