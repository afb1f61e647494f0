"""Documents of a shard as `peek` shows them, against the ids of `tokenizers` and the texts themselves."""

from pathlib import Path
from typing import Any, get_args

import pytest
import tokenizers

from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.peek.settings import Peek
from pipelines.peek.step import peek
from pipelines.results import Peeked
from pipelines.retokenize.options import Encoding
from pipelines.settings import BadSettings
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import BadShard
from pipelines.token_shards.shards import NoShards
from tests.pipelines.retokenize.corpora import encoded
from tests.pipelines.token_shards.formats.readers import READERS

TEXTS = ["the dog", "e\u0301 \U0001f600 zw\u00f6lf", "a b c d e f"]


def peeked(shard: Path, tokenizer: Path | None = None, **named: Any) -> Peeked:
    with Context() as context:
        return peek(
            Peek(shards=[str(shard)], tokenizer=None if tokenizer is None else str(tokenizer), **named), context
        )


@pytest.mark.parametrize("format", get_args(Format))
def test_documents_and_text_of_every_format(tokenizer: Tokenizer, trained: Path, tmp_path: Path, format: Any) -> None:
    (tmp_path / "x.txt").write_text("\n".join(TEXTS))
    encoded(tokenizer, tmp_path / "x.txt", tmp_path / "o", Encoding(format=format, end=65_535))
    peer = tokenizers.Tokenizer.from_file(str(trained / "tokenizer.json"))
    texts = [f"{text}\n" for text in TEXTS[:-1]] + TEXTS[-1:]
    ids = [[*one.ids, 65_535] for one in peer.encode_batch(texts)]
    tokens = sum(map(len, ids))
    path = tmp_path / f"o/x.txt-00000{READERS[format][0]}"
    for shard in (path, tmp_path / "o"):
        found = peeked(shard, trained, tokens=1_000)
        if format == "llmc":
            assert [one.ids for one in found.documents] == [sum(ids, [])]  # noqa: RUF017
            assert found.documents[0].text == "".join(f"{text}<65535>" for text in texts)
        else:
            assert [one.ids for one in found.documents] == ids
            assert [one.text for one in found.documents] == [f"{text}<65535>" for text in texts]
            assert f"{format}, 3 documents, {tokens:,} tokens" in found.summary
    (tmp_path / "o/manifest.json").unlink()
    if format == "arrayrecord":
        with pytest.raises(BadShard, match=r"does not say of which type its ids are; keep manifest.json beside it"):
            peeked(path)
    else:
        assert [one.ids for one in peeked(path, documents=2).documents] == [one.ids for one in found.documents][:2]
        assert peeked(path).documents[0].text is None


def test_what_is_no_shard_or_of_another_tokenizer_is_one_line(
    tokenizer: Tokenizer, trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_text("the dog")
    encoded(tokenizer, tmp_path / "x.txt", tmp_path / "o", Encoding(format="ds"))
    with pytest.raises(BadShard, match=r"is not a shard's first file, which ends in .ds"):
        peeked(tmp_path / "o/x.txt-00000.ds.index")
    with pytest.raises(BadShard, match="is no file, or of no format"):
        peeked(tmp_path / "none")
    with pytest.raises(NoShards, match="holds no finished output"):
        peeked(tmp_path)
    special = tmp_path / "special.json"
    other = tokenizers.Tokenizer.from_file(str(trained / "tokenizer.json"))
    other.add_special_tokens(["<another>"])
    other.save(str(special))
    with pytest.raises(BadSettings, match="is not the one that made"):
        peeked(tmp_path / "o", special)
