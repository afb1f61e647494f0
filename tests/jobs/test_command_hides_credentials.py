"""Credentials in places where users put them: they reach the storage, and no byte of what the commands say or write."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.conftest import Command
from tests.pipelines.corpus.object_store import serve

SECRET = "S3cr3tWord"
TEXTS = {"en": "hello hello world and hello again", "de": "hallo hallo welt und noch einmal hallo"}
QUIET = ("--engine", "local", "--progress", "json")


def records(language: str) -> bytes:
    rows = [{"id": str(i), "language": language, "text": f"{TEXTS[language]} {i}"} for i in range(30)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture(scope="module")
def uris() -> Iterator[dict[str, list[str]]]:
    """Two files, a language each, by where the credential stands."""
    objects = {f"bucket/{language}.jsonl": records(language) for language in TEXTS}
    objects |= {"bucket/bad.jsonl": records("en") + b"[1]\n", "bucket/cut.jsonl.gz": b"\x1f\x8b\x08\x00"}
    with serve(objects) as options:
        host = options.partition("=")[2].partition("&")[0]
        names = ("en.jsonl", "de.jsonl", "bad.jsonl", "cut.jsonl.gz", "none.jsonl")
        forms = {
            "key and secret": f"s3://KEY:{SECRET}@bucket/%s?{options}",
            "secret with a slash": f"s3://KEY:a/{SECRET}/b@bucket/%s?{options}",
            "user and password": f"http://user:{SECRET}@{host}/bucket/%s",
            "token as user": f"http://{SECRET}@{host}/bucket/%s",
            "shared access signature": f"http://{host}/bucket/%s?sv=2022&sig={SECRET}",
            "signed address": f"http://{host}/bucket/%s?X-Amz-Credential=KEY&X-Amz-Signature={SECRET}",
            "environment": f"s3://bucket/%s?{options}",
        }
        yield {name: [form % one for one in names] for name, form in forms.items()}


FORMS = [
    "key and secret", "secret with a slash", "user and password", "token as user",
    "shared access signature", "signed address", "environment",
]  # fmt: skip


def holds_secret(folder: Path, searched: set[tuple[Path, int]]) -> list[str]:
    """Files that hold it, in their bytes, in their names, or in what a Parquet file unpacks to.

    `searched`: files and their times, which are not read again.
    """
    found = []
    for path in folder.rglob("*"):
        if (key := (path, path.stat().st_mtime_ns)) in searched:
            continue
        searched.add(key)
        content = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            content += json.dumps(pl.read_parquet(path, glob=False).to_dicts(), default=repr).encode()
            content += repr(pq.read_schema(path).metadata).encode()
        if SECRET.encode() in content or SECRET in path.name:
            found.append(path.name)
    return found


@pytest.fixture
def quiet_command(babelmerge: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """The command; what it says and leaves is searched each time."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("pipelines.retry.PAUSES_S", ())
    searched: set[tuple[Path, int]] = set()

    def run(*arguments: str) -> tuple[int, str, str]:
        status, out, err = babelmerge(*arguments)
        assert SECRET not in out + err, arguments
        assert holds_secret(tmp_path, searched) == []
        return status, out, err

    return run


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_credential_opens_the_store_and_is_in_nothing_that_training_writes(
    quiet_command: Command, uris: dict[str, list[str]], form: str
) -> None:
    english, german, bad, cut, none = uris[form]
    train = ("train", "--vocab-size", "280", *QUIET)
    assert quiet_command(*train, english, german, "--out", "tok")[0] == 0
    assert quiet_command(*train, bad, "--on-bad-record", "skip", "--out", "skipped")[0] == 0
    for file in (bad, cut, none, english.replace("en.jsonl", "*.txt")):
        status, _, err = quiet_command(*train, file, "--out", "failed")
        assert status == 1 and json.loads(err.splitlines()[-1])["error"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["key and secret", "shared access signature"])
def test_a_credential_is_in_nothing_that_any_command_writes(
    quiet_command: Command, uris: dict[str, list[str]], form: str
) -> None:
    english, german, bad, cut, none = uris[form]
    done = [
        ("train", english, german, "--vocab-size", "300", "--out", "tok"),
        ("retokenize", english, german, "--tokenizer", "tok", "--out", "tokens"),
        ("premiums", english, german, "--tokenizer", "tok", "--baseline", "en", "--out", "premiums"),
        ("mixture", english, german, "--tokenizer", "tok", "--method", "lp", "--out", "mixture"),
        ("curves", english, german, "--tokenizer", "tok", "--baseline", "en", "--out", "curves"),
        ("report", "--tokenizer", "tok", "--retokenized", "tokens", "--premiums", "premiums", "--out", "report"),
    ]
    for arguments in done:
        status, _, err = quiet_command(*arguments, *QUIET)
        assert status == 0, err
    assert quiet_command("plan", english, "--vocab-sizes", "300", *QUIET)[0] == 1  # too little text for a plan
    for file in (bad, cut, none, english.replace("en.jsonl", "*.txt")):
        for command in (("retokenize", "--tokenizer", "tok"), ("mixture", "--tokenizer", "tok"),
                        ("premiums", "--tokenizer", "tok", "--baseline", "en")):  # fmt: skip
            status, _, err = quiet_command(*command, file, "--out", "failed", *QUIET)
            assert status == 1 and json.loads(err.splitlines()[-1])["error"]


@pytest.mark.parametrize("form", [form for form in FORMS if form != "environment"])
def test_a_credential_in_a_place_where_none_can_be_is_not_repeated(
    quiet_command: Command, uris: dict[str, list[str]], tmp_path: Path, form: str
) -> None:
    uri = uris[form][0]
    (tmp_path / "c.txt").write_text("some text\n")
    train = ("train", "c.txt", "--vocab-size", "257", "--out", "o")
    wrong = [
        ("train", "c.txt", "--out", uri),
        ("train", "c.txt", "--vocab-size", uri, "--out", "o"),
        ("train", "c.txt", "--pretokenizer", f"({uri}", "--out", "o"),
        ("train", "c.txt", "--conf", uri, "--out", "o"),
        ("train", f"{uri}.yaml", "--out", "o"),
        (*train, "--engine", uri),
        (*train, "--progress", uri),
        (*train, "--shares", uri),
        (*train, "--extend", uri),
        ("retokenize", "c.txt", "--tokenizer", uri, "--out", "o"),
        ("retokenize", "c.txt", "--tokenizer", f"{uri},pretokenizer=gpt4", "--out", "o"),
        ("premiums", "c.txt", "--tokenizer", uri, "--tokenizer", uri, "--baseline", uri, "--out", "o"),
        ("mixture", uri, uri, "--tokenizer", "o", "--out", "m"),
        ("report", "--tokenizer", uri, "--out", "r"),
        ("run", uri),
        ("run", "c.txt", "--directory", uri),
        ("run", "c.txt", uri),
        ("submit", uri, "--address", "http://127.0.0.1:9"),
        ("submit", "w.yaml", "--address", uri),
        ("status", "job", "--address", uri),
        (uri,),
    ]  # fmt: skip
    for arguments in wrong:
        status, _, err = quiet_command(*arguments)
        assert status in (1, 2) and err, arguments


def test_a_store_that_does_not_answer_is_named_without_the_credential(
    quiet_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    options = "endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    for uri in (
        f"s3://KEY:{SECRET}@bucket/en.jsonl?{options}",
        f"http://user:{SECRET}@127.0.0.1:1/en.jsonl?sig={SECRET}",
        f"https://127.0.0.1:1/en.jsonl?{SECRET}",
        f"s3://KEY:{SECRET}@bucket/en.jsonl?{options}&session_token={SECRET}",
        f"no-such-scheme://KEY:{SECRET}@bucket/en.jsonl",
    ):
        status, _, err = quiet_command("train", uri, "--out", "o", *QUIET)
        assert status == 1 and uri.partition("://")[0] in err


def test_the_traceback_of_a_defect_is_masked() -> None:
    script = (
        f"from jobs import command; command.application = lambda _: {{}}['s3://KEY:{SECRET}@b/x']; command.console()"
    )
    failed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert failed.returncode == 1 and "Traceback" in failed.stderr and "s3://***@b/x" in failed.stderr
    assert SECRET not in failed.stderr
