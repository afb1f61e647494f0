"""Joined shards hold what the shards held, in their order, by readers that share no code with the writers."""

import shutil
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest

from operators.tokenizer import Merges, Tokenizer
from pipelines.context import Context
from pipelines.join.settings import Join
from pipelines.join.step import join
from pipelines.retokenize.options import Encoding
from pipelines.settings import BadSettings
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import writer_of
from pipelines.token_shards.shards import NoShards, UnlikeShards
from tests.pipelines.retokenize.corpora import encoded, files_of
from tests.pipelines.token_shards.formats import readers
from tests.pipelines.token_shards.formats.readers import READERS

TOKENIZER = Tokenizer("gpt4", ("<|end|>",), Merges.from_rows([(97, 98, 257, 9)]))
OTHER = Tokenizer("gpt4", ("<|end|>",), Merges.from_rows([(98, 97, 257, 9)]))


def some_shards(folder: Path, format: Any, tokenizer: Tokenizer = TOKENIZER, words: str = "abc") -> Path:
    """An output of 6 files, and so shards, one of them without text."""
    (folder / "c").mkdir(parents=True)
    for i in range(6):
        lines = [f"{words} {i} {k}" for k in range(i * 3)]
        (folder / f"c/{i}.txt").write_text("".join(f"{line}\n" for line in lines))
    encoded(tokenizer, folder / "c", folder / "o", Encoding(format=format, end=0))
    return folder / "o"


def joined(out: Path, *directories: Path, size: str | None = None) -> Any:
    with Context() as context:
        return join(Join(shards=[str(one) for one in directories], out=str(out), size=size), context)


def read(format: str, folder: Path) -> list[list[list[int]]]:
    ending, reader = READERS[format]
    names = sorted(folder.glob(f"*-[0-9]*{ending}"))
    if format == "npy":  # its own reader verifies the documents' numbers, which are those of the first shards here
        return [readers.npy_ids(name) for name in names]
    return [reader(name) for name in names]


@pytest.mark.parametrize("format", get_args(Format))
def test_a_joined_file_holds_all_documents_in_order(tmp_path: Path, format: Any) -> None:
    first, second = some_shards(tmp_path / "a", format), some_shards(tmp_path / "b", format, words="ba")
    expected = list(chain(*read(format, first), *read(format, second)))
    made = joined(tmp_path / "j", first, second)
    [found] = read(format, tmp_path / "j")
    assert found == (expected if format != "llmc" else [list(chain(*expected))])
    assert made.facts["languages"]["5"]["documents"] == 30
    assert len(made.shards) == len(writer_of(format).ENDINGS)
    again = files_of(tmp_path / "j")
    assert joined(tmp_path / "j", first, second).kept and files_of(tmp_path / "j") == again
    joined(tmp_path / "k", tmp_path / "j")
    assert read(format, tmp_path / "k") == [found]


def test_files_of_a_size_hold_whole_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = some_shards(tmp_path / "a", "npy")
    monkeypatch.setattr("pipelines.join.step.size_in_bytes", lambda setting, text: 300)
    joined(tmp_path / "j", source, size="1GB")
    sizes = [path.stat().st_size for path in sorted(source.glob("*.npy"))]
    found = [path.stat().st_size for path in sorted((tmp_path / "j").glob("*.npy"))]
    assert sum(found) == sum(sizes) and len(found) > 1 and all(size <= max(300, *sizes) for size in found)
    assert list(chain(*read("npy", tmp_path / "j"))) == list(chain(*read("npy", source)))


def test_names_and_places_of_documents_survive(tmp_path: Path) -> None:
    source = some_shards(tmp_path / "a", "npy")
    rows = list(chain(*(readers.rows_of(path) for path in sorted(source.glob("*.csv.gz")))))
    joined(tmp_path / "j", source)
    [table] = (tmp_path / "j").glob("*.csv.gz")
    assert [row[2:] for row in readers.rows_of(table)] == [row[2:] for row in rows]


def test_shards_of_different_tokenizers_are_refused(tmp_path: Path) -> None:
    first, second = some_shards(tmp_path / "a", "megatron"), some_shards(tmp_path / "b", "megatron", OTHER)
    with pytest.raises(UnlikeShards, match=r"their shards differ in tokenizer; join outputs that one tokenizer"):
        joined(tmp_path / "j", first, second)
    third = some_shards(tmp_path / "c", "npy")
    with pytest.raises(UnlikeShards, match="differ in format"):
        joined(tmp_path / "j", first, third)
    for path in second.glob("5*"):
        shutil.copy(path, first / f"x{path.name}")
    with pytest.raises(NoShards, match=r"holds x5.txt-00000.*which its manifest.json does not name"):
        joined(tmp_path / "j", first)
    assert not (tmp_path / "j").exists()


def test_outputs_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    source = some_shards(tmp_path / "a", "ds")
    with pytest.raises(NoShards, match="holds no finished output"):
        joined(tmp_path / "j", tmp_path)
    with pytest.raises(BadSettings, match="holds the shards"):
        joined(source, source)
    with pytest.raises(BadSettings, match="is no size"):
        joined(tmp_path / "j", source, size="many")
    (source / "3.txt-00000.ds").write_bytes(b"cut")
    with pytest.raises(NoShards, match=r"its files are not those of its manifest.json"):
        joined(tmp_path / "j", source)
    (source / "manifest.json").unlink()
    with pytest.raises(NoShards, match="holds no finished output"):
        joined(tmp_path / "j", source)
    assert not (tmp_path / "j").exists()
