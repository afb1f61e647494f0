"""Inputs that the fuzzer found, and hostile ones written by hand: each ends in one line or in documents."""

import gzip
from pathlib import Path

import pytest

from jobs.configuration import BadConfiguration, read_yaml
from pipelines.corpus import compression
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import DamagedFile
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile, Source
from pipelines.outputs import MANIFEST, read_manifest
from tests.fuzz.readers import CORPUS, READERS

INPUTS = sorted(path for path in CORPUS.glob("*-*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_an_input_that_was_found_is_read_or_refused(path: Path) -> None:
    READERS[path.name.partition("-")[0]](path.read_bytes())


@pytest.mark.parametrize(
    "text",
    [
        'a: !!int ""',
        "a: !!bool x",
        "a: !!timestamp x",
        "a: !!python/object:os.system x",
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "[" * 5000,
    ],
)
def test_hostile_yaml_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "conf.yaml").write_text(text)
    with pytest.raises(BadConfiguration) as caught:
        read_yaml(str(tmp_path / "conf.yaml"))
    assert "\n" not in str(caught.value)


def test_a_line_that_no_memory_holds_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "LONGEST_LINE_BYTES", 3 << 20)
    path = tmp_path / "en.txt.gz"
    for size, whole in ((3 << 20, True), ((3 << 20) + 1, False)):
        path.write_bytes(gzip.compress(b"short\n" + bytes(size) + b"\n"))
        stat, source = path.stat(), Source(path=str(path), language="en")
        file = InputFile(str(path), stat.st_size, stat.st_mtime_ns, source)
        if whole:
            assert sum(batch.num_rows for batch in read_batches(file, BadRecords("fail"))) == 2
        else:
            with pytest.raises(DamagedFile, match="a line of more than"):
                list(read_batches(file, BadRecords("fail")))


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"stage": "\xff"}', b'{"stage":' + b"[" * 5000])
def test_a_manifest_that_is_none_of_ours_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    assert read_manifest(tmp_path) is None
