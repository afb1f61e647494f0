"""Long documents: what they take stays within what is stated, and too long ones are refused in a word."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.memory import TooLittleMemory
from pipelines.outputs import Output, read_manifest
from pipelines.retokenize.options import BYTES_PER_TEXT_BYTE, BYTES_PER_TOKEN, LARGE_BYTES, Encoding, Job
from tests.conftest import ROOT
from tests.pipelines.corpora import documents
from tests.pipelines.retokenize.corpora import ENGINE, Notes
from tests.pipelines.steps import encode_corpus

PEAK = """
import sys
from pathlib import Path
from pipelines.engines.local_engine import LocalEngine
from pipelines.retokenize.options import Encoding
from pipelines.tokenizers import load_tokenizer
from tests.pipelines.retokenize.corpora import encoded
folder, format = Path(sys.argv[1]), sys.argv[2]


def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


for name in ("short", "long"):
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    encoded(load_tokenizer(sys.argv[3]), folder / f"{name}.jsonl", folder / f"{format}-{name}",
            Encoding(format=format), LocalEngine(1))
print(before, memory("VmHWM"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
@pytest.mark.parametrize("format", ["parquet", "megatron"])
def test_a_long_document_takes_what_is_stated(trained: Path, tmp_path: Path, format: str) -> None:
    text = "\n".join(documents("en", 2_000))
    text *= (24 << 20) // len(text)
    for name, content in (("short", text[: 9 << 20]), ("long", text)):
        lines = [json.dumps({"text": text[: 1 << 20]}), json.dumps({"text": content})]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    command = [sys.executable, "-c", PEAK, str(tmp_path), format, str(trained)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    manifest = read_manifest(tmp_path / f"{format}-long")
    assert manifest is not None
    tokens = manifest.facts["languages"]["long"]["tokens"]
    assert after - before < max(len(text) * BYTES_PER_TEXT_BYTE, tokens * BYTES_PER_TOKEN)
    assert after - before > len(text)  # else nothing was measured


def test_a_document_that_is_too_long_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"the lazy dog " * (LARGE_BYTES // 12))
    with (
        Output(tmp_path / "o", "tokens") as output,
        pytest.raises(TooLittleMemory, match=r"a document of 36.4 MB takes 290.8 MB, --memory-limit is 256.0 MB"),
    ):
        encode_corpus(
            find_files([Source(path=str(tmp_path / "x.txt"))]),
            tokenizer,
            output,
            ENGINE,
            Notes(),
            memory_bytes=256_000_000,
        )
    assert not list((tmp_path / "o").glob("*.part")) and not (tmp_path / "o/manifest.json").exists()
    job = Job(tokenizer, Encoding(), tmp_path, memory_bytes=1_000_000_000)
    job.check_room(LARGE_BYTES + 1, 1_000_000_000 // BYTES_PER_TOKEN)
    with pytest.raises(TooLittleMemory):
        job.check_room(LARGE_BYTES + 1, 1_000_000_000 // BYTES_PER_TOKEN + 1)
    assert job.id_type == np.uint16
