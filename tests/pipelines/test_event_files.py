"""events.parquet: what was written comes back, and a file that no word can go through is refused in one line."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operators.tokenizer import UNDONE, Merges
from operators.tokenizer_files.errors import MalformedTokenizer
from operators.training.event_list import event_tokenizer
from pipelines.event_files import events_table, read_events, write_events
from pipelines.tokenizers import tokenizer_fingerprint

ROWS = [
    (65, 66, 257, 9),
    (257, 67, 258, 9),
    (65, 66, 257, UNDONE),
    (67, 68, 259, 1),
    (28, 83, 260, 1),
    (260, 30, 0, 1),
]
TOKENIZER = event_tokenizer("gpt4", ("<s>",), Merges.from_rows(ROWS), "Picky BPE")


def test_a_written_tokenizer_comes_back(tmp_path: Path) -> None:
    write_events(TOKENIZER, tmp_path / "events.parquet")
    back = read_events(tmp_path / "events.parquet")
    assert tokenizer_fingerprint(back) == tokenizer_fingerprint(TOKENIZER)
    assert events_table(back).equals(events_table(TOKENIZER), check_metadata=True)


def changed(column: str, row: int, value: object) -> pa.Table:
    table = events_table(TOKENIZER)
    rows = table.column(column).to_pylist()
    rows[row] = value
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), pa.array(rows, table.schema.field(at).type))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (changed("token", 0, -5), "leave out a token|id that no token has"),
        (changed("token", 0, 2**31 - 1), "leave out a token"),
        (changed("parts", 0, [65]), "more or fewer than two parts"),
        (changed("parts", 0, [65, 300]), "has a part that is not there"),
        (changed("parts", 2, [66, 65]), "do not spell its token"),
        (changed("parts", 2, [66]), "fewer than two parts"),
        (changed("kind", 2, "merge"), "never removed|do not spell"),
        (changed("token_bytes", 1, b"abx"), "do not spell its token"),
        (events_table(TOKENIZER).slice(1), "not there|leave out"),
        (events_table(TOKENIZER).replace_schema_metadata(None), "no events"),
        (events_table(TOKENIZER).replace_schema_metadata({"babelmerge": '{"model":1}'}), "no events"),
        (events_table(TOKENIZER).drop_columns(["parts"]), "no events"),
    ],
)
def test_a_file_that_no_word_can_go_through_is_refused(tmp_path: Path, table: pa.Table, problem: str) -> None:
    path = tmp_path / "events.parquet"
    pq.write_table(table, path)
    with pytest.raises(MalformedTokenizer, match=problem) as raised:
        read_events(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)


def test_bytes_that_are_no_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(MalformedTokenizer, match="no events"):
        read_events(tmp_path / "events.parquet")
