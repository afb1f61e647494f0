"""Encrypted Parquet files are called encrypted, not damaged."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.errors import EncryptedFile
from pipelines.words.imported_words import BadWordTable, ImportTask, import_file
from tests.pipelines.corpus.corpora import found, texts_of


class Keys(pe.KmsClient):  # type: ignore[misc]
    """Wraps keys by writing them down."""

    def __init__(self, connection: object) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, name: str) -> bytes:
        return key.hex().encode()

    def unwrap_key(self, wrapped: bytes, name: str) -> bytes:
        return bytes.fromhex(wrapped.decode())


def write_encrypted(path: Path, table: pa.Table, columns: list[str], *, plaintext_footer: bool) -> None:
    factory = pe.CryptoFactory(Keys)
    how = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": columns}, plaintext_footer=plaintext_footer
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), how)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("plaintext_footer", [False, True])
def test_an_encrypted_file_is_called_encrypted(tmp_path: Path, plaintext_footer: bool) -> None:
    table = pa.table({"text": ["a", "b"], "other": [1, 2]})
    write_encrypted(tmp_path / "x.parquet", table, ["text"], plaintext_footer=plaintext_footer)
    with pytest.raises(EncryptedFile, match=r"/x\.parquet: its (footer is|columns text are) encrypted; decrypt"):
        texts_of(found(tmp_path / "x.parquet"))
    bad = BadRecords("skip")
    assert texts_of(found(tmp_path / "x.parquet"), bad) == []
    [row] = bad.table().to_pylist()
    assert "encrypted" in row["reason"] and row["record"] == 1


def test_a_column_that_is_not_read_may_be_encrypted(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "secret": ["1", "2"]})
    write_encrypted(tmp_path / "x.parquet", table, ["secret"], plaintext_footer=True)
    assert texts_of(found(tmp_path / "x.parquet")) == ["a", "b"]


@pytest.mark.parametrize("plaintext_footer", [False, True])
def test_an_encrypted_table_of_counts_is_called_encrypted(tmp_path: Path, plaintext_footer: bool) -> None:
    table = pa.table({"word": ["a"], "count": [1]})
    write_encrypted(tmp_path / "x.parquet", table, ["word", "count"], plaintext_footer=plaintext_footer)
    with pytest.raises(BadWordTable, match=r"/x\.parquet: is encrypted: decrypt it; a table"):
        import_file(ImportTask(found(tmp_path / "x.parquet"), 0, 1, 1 << 30, tmp_path))
