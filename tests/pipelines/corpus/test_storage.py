"""Files elsewhere: what fsspec and pyarrow open, and the errors they raise, as one line without secrets."""

import os
import pickle
import zipfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from operators.errors import BabelmergeError
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import ChangedWhileRead, MissingInput, UnusableColumn
from pipelines.corpus.sources import Source, find_files
from pipelines.corpus.storage import explained, locate
from pipelines.storage_errors import UnreadableInput
from tests.pipelines.corpus.corpora import arrow_bytes, encode, found, rows_of, texts_of
from tests.pipelines.corpus.object_store import serve

ROWS = [(str(i), "sv", f"rad {i} {os.urandom(8).hex()}") for i in range(3000)]
NAMES = ["a.jsonl", "b.jsonl.gz", "d/c.jsonl.zst", "d/d.parquet", "d/e.feather", "f f%20.arrow"]


def encoded(name: str) -> bytes:
    return encode(ROWS, "." + name.partition(".")[2])


def test_every_format_is_read_from_memory() -> None:
    files = fsspec.filesystem("memory")
    for name in NAMES:
        files.pipe(f"/formats/{name}", encoded(name))
    files.pipe("/formats/_SUCCESS", b"")
    inputs = find_files([Source(path="memory://formats")])
    assert [file.path for file in inputs] == [f"memory://formats/{name}" for name in NAMES]
    for file, name in zip(inputs, NAMES, strict=True):
        assert file.size == len(encoded(name)) and file.modified_ns is not None
        assert rows_of(pickle.loads(pickle.dumps(file))) == ROWS
    files.pipe("/formats/a.jsonl", encoded("a.jsonl")[:-1])
    with pytest.raises(ChangedWhileRead, match=r"memory://formats/a.jsonl: changed"):
        rows_of(inputs[0], BadRecords("skip"))


def test_every_format_is_read_from_an_object_store() -> None:
    with serve({f"bucket/data/{name}": encoded(name) for name in NAMES}) as options:
        inputs = find_files([Source(path=f"s3://key:secret@bucket/data?{options}")])
        assert [file.path for file in inputs] == [f"s3://bucket/data/{name}" for name in NAMES]
        for file, name in zip(inputs, NAMES, strict=True):
            assert file.size == len(encoded(name)) and file.modified_ns is not None
            assert rows_of(pickle.loads(pickle.dumps(file))) == ROWS
        globbed = find_files([Source(path=f"s3://key:secret@bucket/data/**/*.jsonl*?{options}")])
        assert globbed[0].path == "s3://bucket/data/a.jsonl" and len(globbed) == 3
        with pytest.raises(MissingInput) as caught:
            find_files([Source(path=f"s3://key:secret@bucket/none.txt?{options}")])
        assert str(caught.value) == "s3://bucket/none.txt: no such file or directory; correct the path"


def test_an_object_that_changes_is_refused() -> None:
    objects = {"bucket/a.jsonl": encoded("a.jsonl")}
    with serve(objects) as options:
        file = found(f"s3://key:secret@bucket/a.jsonl?{options}")
        objects["bucket/a.jsonl"] = encoded("a.jsonl")[:-10]
        with pytest.raises(ChangedWhileRead):
            rows_of(file)
        del objects["bucket/a.jsonl"]
        with pytest.raises(MissingInput):
            rows_of(file)


def test_files_in_an_archive(tmp_path: Path) -> None:
    for archive in ("one.zip", "two.zip"):
        with zipfile.ZipFile(tmp_path / archive, "w") as out:
            out.writestr("d/sv.txt", f"{archive}\n")
    inputs = find_files([Source(path=f"zip://**/*.txt::file://{tmp_path}/{name}") for name in ("one.zip", "two.zip")])
    assert [texts_of(file) for file in inputs] == [["one.zip\n"], ["two.zip\n"]]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("xyz://key:secret@a/b.txt", "xyz://***@a/b.txt: cannot be read: Protocol not known: xyz"),
        ("dropbox://key:secret@a/b.txt", "dropbox://***@a/b.txt: cannot be read: "),
        ("http://key:secret@127.0.0.1:1/b.txt?sig=secret", "http://***@127.0.0.1:1/b.txt?***: cannot be read: "),
        ("ftp://127.0.0.1:1/b.txt", "ftp://127.0.0.1:1/b.txt: cannot be read: "),
        ("s3://key:secret@bucket/x.txt?no_such_option=secret", "s3://***@bucket/x.txt?***: cannot be read: "),
        ("memory://none/x.txt", "memory://none/x.txt: no such file or directory"),
        ("memory://none/*.txt", "memory://none/*.txt: matches no file"),
    ],
)
def test_what_cannot_be_reached_is_one_line(path: str, message: str) -> None:
    with pytest.raises(BabelmergeError) as caught:
        find_files([Source(path=path)])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy).startswith(message)
    assert "\n" not in str(copy) and "secret" not in str(copy)


def test_a_page_that_is_not_there_is_missing() -> None:
    with serve({}) as options, pytest.raises(MissingInput):
        find_files([Source(path=f"http://{options.partition('=')[2].partition('&')[0]}/b.txt")])


def test_errors_while_reading_elsewhere_are_not_taken_for_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.retry.PAUSES_S", ())
    files = fsspec.filesystem("memory")
    data = {
        "x.arrow": arrow_bytes(pa.table({"text": ["a"]}), stream=True),
        "x.feather": arrow_bytes(pa.table({"text": ["a"]})),
        "x.parquet": encoded("x.parquet"),
        "x.txt": b"a",
    }
    for name, content in data.items():
        files.pipe(f"/failing/{name}", content)

    class Failing:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError(104, "Connection reset by peer")

        def seek(self, *where: int) -> int:
            return 0

        def tell(self) -> int:
            return 1000

        def close(self) -> None: ...

    inputs = find_files([Source(path="memory://failing")])
    monkeypatch.setattr(type(files), "open", lambda *_: Failing())
    for file in inputs:
        for on_bad in ("fail", "skip"):
            with pytest.raises(UnreadableInput, match=r"memory://failing/x.* cannot be read: Connection reset by peer"):
                rows_of(file, BadRecords(on_bad))


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (PermissionError(13, "Permission denied"), "p: permission denied; ask for read access"),
        (IsADirectoryError(21, "Is a directory"), "p: is a directory, not a file"),
        (FileNotFoundError(2, "No such file"), "p: no such file or directory; correct the path"),
        (OSError(5, "Input/output error"), "p: cannot be read: Input/output error"),
        (TimeoutError(), "p: cannot be read: TimeoutError"),
        (RuntimeError("host\n unreachable: s3://key:secret@b"), "p: cannot be read: host unreachable: s3://***@b"),
    ],
)
def test_errors_of_any_storage_become_ours(raised: Exception, message: str) -> None:
    with pytest.raises((MissingInput, UnreadableInput)) as caught, explained("p"):
        raise raised
    assert str(caught.value) == message


def test_credentials_in_any_place_reach_the_store_and_no_message() -> None:
    with serve({"bucket/a@b.txt": b"a"}) as options:
        for user in ("key:sec/r@t@", "key:se%2Fcret@", "key:secret@"):
            file = found(f"s3://{user}bucket/a@b.txt?{options}")
            assert file.path == "s3://bucket/a@b.txt"
            assert texts_of(file) == ["a"]


def test_permissions(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "closed").mkdir(mode=0)
    for path in ("closed", "closed/x.txt", "**/*.txt"):
        with pytest.raises(UnreadableInput, match="permission denied"):
            find_files([Source(path=f"{tmp_path}/{path}")])


def test_settings_hold_for_files_elsewhere() -> None:
    fsspec.filesystem("memory").pipe("/settings/x.arrow", arrow_bytes(pa.table({"body": ["a"]})))
    assert rows_of(found("memory://settings/x.arrow", text_field="body", category="web")) == [("1", "web", "a")]
    with pytest.raises(UnusableColumn, match=r"memory://settings/x.arrow: column .text. is not there; there are: body"):
        rows_of(found("memory://settings/x.arrow"))


@pytest.mark.parametrize("said", [None, "0"])
def test_packages_that_report_transfers_are_told_not_to(monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", said or "")
    if said is None:
        monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")
    locate("memory://x")
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == (said or "1")
