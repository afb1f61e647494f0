"""Submitting to a Ray head that someone else started."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from jobs.cluster import submission
from tests.conftest import ROOT
from tests.pipelines.corpora import write_corpus
from tests.pipelines.corpus.object_store import serve

pytestmark = pytest.mark.ray


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a head's dashboard; the head is started as `ray start --head` does, on loopback."""
    port, dashboard, client, agent = free_ports(4)
    log = (tmp_path_factory.mktemp("head") / "log").open("wb")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"]
    command += ["--node-ip-address", "127.0.0.1", "--dashboard-host", "127.0.0.1", "--port", str(port)]
    command += ["--dashboard-port", str(dashboard), "--ray-client-server-port", str(client)]
    command += ["--dashboard-agent-listen-port", str(agent), "--disable-usage-stats"]
    environment = os.environ | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    environment["NUMBA_DISABLE_JIT"] = "1"  # code that travels would compile its kernels; the corpora are small
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", dashboard)) == 0:
                    break
            assert process.poll() is None, Path(log.name).read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{dashboard}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def submit(folder: Path, workflow: str, address: str) -> subprocess.CompletedProcess[str]:
    (folder / "workflow.yaml").write_text(workflow)
    command = [sys.executable, "-m", "jobs.command", "submit", "workflow.yaml", "--address", address]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def test_a_workflow_runs_on_the_cluster_and_its_log_and_status_come_back(head: str, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    workflow = "workers: 2\nsteps:\n- train: {corpus: [corpus], out: tok, vocab_size: %s}\n"
    done = submit(tmp_path, workflow % 400, head)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("job raysubmit_")
    assert "wrote a tokenizer of 400 tokens, 144 merges" in done.stdout
    assert pl.read_parquet(tmp_path / "tok/merges.parquet").height == 144
    failed = submit(tmp_path, (workflow % 300).replace("corpus]", "nowhere]"), head)
    assert failed.returncode == 1
    assert "nowhere: no such file or directory" in failed.stdout


def babelmerge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs.command", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def write_workflow(folder: Path) -> None:
    write_corpus(folder / "corpus")
    step = "train: {corpus: [corpus], out: tok, vocab_size: 300}"
    (folder / "workflow.yaml").write_text(f"workers: 1\nsteps:\n- {step}\n")


def test_a_job_is_looked_after_from_elsewhere(head: str, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    (tmp_path / "workflow.yaml").write_text(
        "workers: 1\nsteps:\n- train: {corpus: [corpus], out: tok, vocab_size: 300}\n"
    )
    sent = babelmerge(tmp_path, "submit", "workflow.yaml", "--address", head, "--no-wait", "--working-dir")
    assert sent.returncode == 0, sent.stderr
    job = sent.stdout.split()[1]
    assert sent.stdout == f"job {job}\n"
    assert re.match(
        rf"job {job}: (PENDING|RUNNING|SUCCEEDED)", babelmerge(tmp_path, "status", job, "--address", head).stdout
    )
    followed = babelmerge(tmp_path, "logs", job, "--address", head, "--follow")
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "wrote a tokenizer of 300 tokens" in followed.stdout
    assert babelmerge(tmp_path, "status", job, "--address", head).stdout.startswith(f"job {job}: SUCCEEDED")
    assert babelmerge(tmp_path, "stop", job, "--address", head).stdout == f"job {job} had ended\n"
    unknown = babelmerge(tmp_path, "stop", "nobody", "--address", head)
    assert (unknown.returncode, unknown.stderr.strip().splitlines()[-1:]) == (
        2, [f"babelmerge: {head} has no job 'nobody'; write the name that `submit` printed"],
    )  # fmt: skip


def test_a_job_is_stopped(head: str, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    (tmp_path / "workflow.yaml").write_text(
        "workers: 1\nsteps:\n- train: {corpus: [corpus], out: tok, vocab_size: 300}\n"
    )
    job = babelmerge(tmp_path, "submit", "workflow.yaml", "--address", head, "--no-wait").stdout.split()[1]
    assert babelmerge(tmp_path, "stop", job, "--address", head).stdout == f"job {job}: STOPPED\n"
    assert babelmerge(tmp_path, "status", job, "--address", head).returncode == 1
    again = babelmerge(tmp_path, "submit", "workflow.yaml", "--address", head)
    assert again.returncode == 0, again.stdout + again.stderr


def session_of(head: str) -> Path:
    """Folder in which the head writes its logs and its other files."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if f"--port={head.rpartition(':')[2]}" in words:
                [folder] = [word.partition("=")[2] for word in words if word.startswith("--session-dir=")]
                return Path(folder)
    raise AssertionError("the head's dashboard runs no more")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc to find the head's folder")
def test_a_credential_in_a_workflow_is_in_no_log_and_in_nothing_that_ray_tells(head: str, tmp_path: Path) -> None:
    secret = "S3cr3t" + os.urandom(8).hex()
    texts = {f"bucket/{name}.txt": b"hello hello world\n" * 50 for name in ("en", "de")}
    workflow = "workers: 1\nsteps:\n- train: {corpus: ['%s'], out: %s, vocab_size: 270}\n"
    with serve(texts | {"bucket/bad.jsonl": b"[1]\n"}) as options:
        uri = f"s3://{secret}:{secret}@bucket/%s?{options}"
        done = submit(tmp_path, workflow % (uri % "*.txt", "tok"), head)
        failed = submit(tmp_path, workflow % (uri % "bad.jsonl", "o"), head)
    assert (done.returncode, failed.returncode) == (0, 1), done.stdout + failed.stdout
    told = done.stdout + done.stderr + failed.stdout + failed.stderr
    for job in re.findall(r"raysubmit_\w+", failed.stdout)[:1]:
        told += babelmerge(tmp_path, "status", job, "--address", head).stdout
        told += babelmerge(tmp_path, "logs", job, "--address", head).stdout
    client = submission._connect(head)
    told += repr(client.list_jobs())
    told += "".join(
        client._do_request("GET", f"/api/v0/{what}?detail=1&limit=1000").text for what in ("tasks", "actors")
    )
    assert "bad.jsonl" in told and "timed" in told and secret not in told
    files = [path for path in session_of(head).rglob("*") if path.is_file()]
    files = [path for path in files if "runtime_resources" not in path.parts]  # where the workflow itself travels
    assert len(files) > 10
    files += [path for path in (tmp_path / "tok").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_an_address_where_nothing_listens_is_one_line(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    [port] = free_ports(1)
    workflow = "steps:\n- train: {corpus: [corpus], out: tok}\n"
    failed = submit(tmp_path, workflow, f"http://user:secret@127.0.0.1:{port}")
    assert failed.returncode == 1
    [line] = [line for line in failed.stderr.splitlines() if line.startswith("babelmerge: ")]
    assert f"http://***@127.0.0.1:{port}: " in line and "secret" not in failed.stderr + failed.stdout
    assert submit(tmp_path, workflow, "ray://127.0.0.1:10001").returncode == 2
