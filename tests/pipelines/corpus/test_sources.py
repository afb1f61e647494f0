"""Files that a source means, and the refusal of sources that mean none."""

import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.redaction import masked
from pipelines.corpus.errors import ConflictingSources, InvalidSource, MissingInput, UnknownFormat
from pipelines.corpus.formats import FORMATS, language_of
from pipelines.corpus.sources import InputFile, Source, find_files
from pipelines.storage_errors import UnreadableInput
from tests.conftest import examples
from tests.pipelines.corpus.corpora import rows_of


def plant(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a\n")


def names_of(folder: Path, *paths: str) -> list[str]:
    files = find_files([Source(path=f"{folder}/{path}") for path in paths])
    return [str(Path(file.path).relative_to(folder)) for file in files]


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ([""], ["_b.txt", "d/_c.jsonl"]),
        (["*.txt"], ["_b.txt"]),
        (["**/*.jsonl"], ["d/_c.jsonl"]),
        (["d/**"], ["d/_c.jsonl"]),
        (["*.txt", "_b.txt"], []),
        (["_*.txt", "a*"], []),
    ],
)
def test_corpus_files_that_a_name_passes_over_are_told(tmp_path: Path, paths: list[str], told: list[str]) -> None:
    """Names that begin with "_" are skipped. A shell's own glob, without quotes, would have named the file."""
    plant(tmp_path, "a.txt", "_b.txt", "_SUCCESS", ".hidden.txt", "d/_c.jsonl", "d/e.jsonl", "_delta_log/0.json")
    skipped: list[str] = []
    find_files([Source(path=f"{tmp_path}/{path}") for path in paths], skipped)
    assert skipped == [str(tmp_path / name) for name in told]


def test_a_directory_means_all_files_under_it_sorted(tmp_path: Path) -> None:
    plant(tmp_path, "b.txt", "a/z.jsonl", "a/b/c.txt.zst", "a.parquet", "é ü.arrow")
    plant(tmp_path, ".hidden.txt", "_SUCCESS", "manifest.json", "_delta_log/0.json", ".cache/x.txt", "a/manifest.json")
    plant(tmp_path, "a/run.json", "b/run.json")  # beside a manifest, and somebody's text
    assert names_of(tmp_path, "") == ["a.parquet", "a/b/c.txt.zst", "a/z.jsonl", "b.txt", "b/run.json", "é ü.arrow"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("[!a].txt", ["b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "d/a.txt", "d/e/a.txt", "f/a.txt"]),
        ("**/a.txt", ["a.txt", "d/a.txt", "d/e/a.txt", "f/a.txt"]),
        ("**", ["a.txt", "b.txt", "d/a.txt", "d/e/a.txt", "d/e/b.jsonl", "f/a.txt"]),
        ("d/**", ["d/a.txt", "d/e/a.txt", "d/e/b.jsonl"]),
        ("*/a.txt", ["d/a.txt", "f/a.txt"]),
        ("**/e/*", ["d/e/a.txt", "d/e/b.jsonl"]),
        ("**/**/e/**", ["d/e/a.txt", "d/e/b.jsonl"]),
        ("[df]/*", ["d/a.txt", "f/a.txt"]),
        ("_*.txt", ["_c.txt"]),
        (".*/x.txt", [".h/x.txt"]),
        ("_s/*.txt", ["_s/y.txt"]),
    ],
)
def test_globs(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    plant(
        tmp_path, "a.txt", "b.txt", "_c.txt", "d/a.txt", "d/e/a.txt", "d/e/b.jsonl", "f/a.txt", ".h/x.txt", "_s/y.txt"
    )
    assert names_of(tmp_path, pattern) == expected
    fsspec.filesystem("memory").put(str(tmp_path), str(tmp_path), recursive=True)
    found = find_files([Source(path=f"memory://{tmp_path}/{pattern}")])
    assert [file.path.partition(f"{tmp_path.name}/")[2] for file in found] == expected


@examples(60)
@given(
    names=st.sets(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=3).map("/".join), max_size=6),
    pattern=st.lists(st.sampled_from(["a", "*", "**", "?", "a*", "[ab]"]), min_size=1, max_size=3).map("/".join),
)
def test_globs_mean_what_pathlib_means_by_them(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], pattern: str
) -> None:
    folder = tmp_path_factory.mktemp("globs")
    plant(folder, *(f"{name}/x.txt" for name in names))
    expected = sorted(str(path.relative_to(folder)) for path in folder.glob(f"{pattern}/*.txt"))
    try:
        assert names_of(folder, f"{pattern}/*.txt") == expected
    except MissingInput:
        assert expected == []


def test_odd_names_are_taken_as_they_are(tmp_path: Path) -> None:
    odd = ["a b.txt", "[x].txt", "line\nbreak.txt", "日本.txt", "q?.txt", "a*.txt", "%20.txt", "#1.txt", "~.txt"]
    plant(tmp_path, *odd, "x.txt")
    for name in odd:
        assert names_of(tmp_path, name) == [name]
        [file] = find_files([Source(path=f"{tmp_path}/{name}")])
        assert rows_of(file) == [("1", name.partition(".")[0], "a\n")]
    assert names_of(tmp_path, "") == sorted([*odd, "x.txt"])
    plant(tmp_path, "[dir]/y.txt")
    assert names_of(tmp_path, "[dir]") == ["[dir]/y.txt"]


def test_file_uris_are_local_paths(tmp_path: Path) -> None:
    plant(tmp_path, "a b.txt")
    [file] = find_files([Source(path=(tmp_path / "a b.txt").as_uri())])
    assert file.path == f"{tmp_path}/a b.txt"
    with pytest.raises(UnreadableInput, match="names a host"):
        find_files([Source(path="file://host/a.txt")])


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, os.fsdecode(b"a\xff.txt"))
    with pytest.raises(UnreadableInput, match=r"a\\udcff.txt: its name is not valid UTF-8"):
        find_files([Source(path=str(tmp_path))])


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    plant(tmp_path, "data/a.txt", "other/b.txt")
    for link, target in [("up", ".."), ("self", "."), ("there", "../other"), ("there2", "../other")]:
        (tmp_path / "data" / link).symlink_to(target)
    (tmp_path / "data/c.txt").symlink_to("../other/b.txt")
    assert names_of(tmp_path, "data") == ["data/a.txt", "data/c.txt", "data/there/b.txt"]
    assert names_of(tmp_path, "data/**/*.txt") == ["data/a.txt", "data/c.txt", "data/there/b.txt"]


@pytest.mark.parametrize("target", ["nowhere", "x.txt"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "x.txt").symlink_to(target)
    for path in (tmp_path, tmp_path / "x.txt", tmp_path / "*"):
        with pytest.raises(UnreadableInput, match=r"x.txt: neither a file nor a directory"):
            find_files([Source(path=str(path))])


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.txt")
    with pytest.raises(UnreadableInput, match="neither a file nor a directory"):
        find_files([Source(path=str(tmp_path))])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.txt", "none.txt: no such file or directory"),
        ("none/none.txt", "none.txt: no such file or directory"),
        ("a.txt/x", "a.txt/x: no such file or directory"),
        ("*.jsonl", r"\*.jsonl: matches no file"),
        ("none/**/*.txt", "matches no file"),
        ("a.txt/*", "matches no file"),
        ("*y", "matches only the directory .*/empty; "),
        ("empty", "empty: no files in this directory"),
        ("empty/**", "matches no file"),
    ],
)
def test_nothing_there(tmp_path: Path, path: str, message: str) -> None:
    plant(tmp_path, "a.txt", "empty/_SUCCESS")
    with pytest.raises(MissingInput, match=message):
        names_of(tmp_path, path)


def test_files_that_are_not_read_are_refused_and_named(tmp_path: Path) -> None:
    plant(tmp_path, "a.txt", "b/README.md", "b/x.docx", "b/y.bz2", "b/z")
    with pytest.raises(UnknownFormat) as caught:
        names_of(tmp_path, "")
    assert str(caught.value).startswith(f"{tmp_path}/b/README.md, {tmp_path}/b/x.docx, {tmp_path}/b/y.bz2 and 1 more: ")
    assert all(ending in str(caught.value) for ending in FORMATS)
    for path in ("b/z", "b/*", "b"):
        with pytest.raises(UnknownFormat):
            names_of(tmp_path, path)


def test_a_file_two_sources_name_counts_once_or_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, "a.txt", "b.txt")
    assert names_of(tmp_path, "", "a.txt", "*.txt", ".//b.txt") == ["a.txt", "b.txt"]
    everything = Source(path=str(tmp_path))
    same = [Source(path=f"{tmp_path}/a.txt", language="sv"), Source(path=f"{tmp_path}/a.*", category="sv")]
    assert len(find_files(same)) == 1
    for other in ({"language": "sv"}, {"weight": 2.0}, {"text_field": "body"}):
        with pytest.raises(ConflictingSources, match=r"a.txt: named by two sources, as "):
            find_files([everything, Source(path=f"{tmp_path}/a.txt", **other)])


def test_files_carry_size_and_time_and_travel(tmp_path: Path) -> None:
    plant(tmp_path, "a.txt")
    status = (tmp_path / "a.txt").stat()
    source = Source(path=str(tmp_path), language="sv", weight=0.5)
    [file] = find_files([source])
    assert file == InputFile(f"{tmp_path}/a.txt", 2, status.st_mtime_ns, source)
    assert pickle.loads(pickle.dumps(file)) == file
    assert find_files([]) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": ""}, "its path is empty"),
        ({"path": "x", "language": ""}, "its language is empty"),
        ({"path": "x", "language": "a", "category": "b"}, "keep one of the two"),
        ({"path": "x", "weight": 0.0}, "its weight is 0.0"),
        ({"path": "x", "weight": -1.0}, "its weight is -1.0"),
        ({"path": "x", "weight": float("nan")}, "its weight is nan"),
        ({"path": "x", "weight": float("inf")}, "its weight is inf"),
    ],
)
def test_sources_that_mean_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSource, match=message):
        Source(**settings)
    with pytest.raises(msgspec.ValidationError, match=rf"{message}.*\$\[0\]"):
        msgspec.convert([settings], list[Source])


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="lang"):
        msgspec.convert({"path": "x", "lang": "sv"}, Source)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("/a.b/swe_Latn.part-1.jsonl.zst", "swe_Latn"),
        ("s3://bucket/sv.txt", "sv"),
        ("https://host/a/sv.txt?sig=a/b.c", "sv"),
        ("zip://de.txt::s3://bucket/sv.zip", "de"),
    ],
)
def test_the_language_of_a_name(path: str, language: str) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("s3://key:sec/r@t@bucket/x.txt", "s3://***@bucket/x.txt"),
        ("https://token@host/x", "https://***@host/x"),
        ("https://host:8080/a@b/x", "https://host:8080/a@b/x"),
        ("s3://bucket/a@b.txt", "s3://bucket/a@b.txt"),
        ("hf://datasets/a/b@main/x", "hf://datasets/a/b@main/x"),
        ("s3://b/x?secret_key=1&x=2: gone", "s3://b/x?*** gone"),
        ("memory://a/?.txt", "memory://a/?.txt"),
        ("/here/s3:/key:sec/r@t@bucket/x", "/here/s3:/***@bucket/x"),
        ("https://host/x?token", "https://host/x?***"),
        (
            "retries exceeded with url: /x?a=1&X-Amz-Signature=f00&b=2",
            "retries exceeded with url: /x?a=1&X-Amz-Signature=***&b=2",
        ),
        ("/a/b:c@d/e", "/a/b:c@d/e"),
        ("/local/a?b=c", "/local/a?b=c"),
    ],
)
def test_credentials_are_hidden(text: str, hidden: str) -> None:
    assert masked(text) == hidden


def test_files_of_flores_are_text_by_their_names(tmp_path: Path) -> None:
    for name in ("eng_Latn.dev", "sv.devtest", "de.dev.gz"):
        data = b"a\nb\n"
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    rows = [row for file in find_files([Source(path=str(tmp_path))]) for row in rows_of(file)]
    assert [row[1:] for row in rows] == [
        (language, text) for language in ("de", "eng_Latn", "sv") for text in ("a\n", "b\n")
    ]


def test_a_folder_saved_by_datasets_means_its_data_files(tmp_path: Path) -> None:
    for split in ("train", "test"):
        plant(tmp_path, *(f"{split}/{name}" for name in ("data-0-of-1.arrow", "cache-12.arrow", "state.json")))
        plant(tmp_path, f"{split}/dataset_info.json")
    plant(tmp_path, "dataset_dict.json", "other/state.json", "other/cache-1.arrow")
    assert names_of(tmp_path, "**") == [
        "other/cache-1.arrow", "other/state.json", "test/data-0-of-1.arrow", "train/data-0-of-1.arrow"
    ]  # fmt: skip
    assert names_of(tmp_path, "train") == ["train/data-0-of-1.arrow"]
