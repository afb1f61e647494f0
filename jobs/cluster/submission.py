"""Submitting a workflow to a Ray cluster that someone else started, through the Ray Jobs API; and looking after it.

The workflow file travels as the job's working directory. The code is the nodes' own, of their image, with its compiled
kernels; on a cluster on this machine it is the code here; or it travels too, to try what no image has. Corpora and
outputs do not travel: relative paths are taken from a directory that all nodes see. The job runs once; whoever
submitted it may run the same command again.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

from operators.errors import DataError, UsageError
from operators.redaction import masked

ROOT = Path(__file__).resolve().parents[2]
CODE = ("operators", "pipelines", "jobs", "babelmerge")
WORKFLOW = "workflow.yaml"
POLL_S = 1.0
AGENT_TIMEOUT_S = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadAddress(UsageError):
    """An address that is none of the Jobs API."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return f"--address {self.address}: write the dashboard's address, such as http://127.0.0.1:8265"


class SubmissionFailed(DataError):
    """The cluster did not take the job, or was lost while it ran."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"


class UnknownJob(UsageError):
    """No job of that name on the cluster."""

    def __init__(self, job: str, address: str) -> None:
        super().__init__(job, address)
        self.job, self.address = job, address

    def __str__(self) -> str:
        return f"{self.address} knows no job {self.job!r}; `submit` prints a job's name first"


def submit(
    workflow: Path,
    address: str,
    directory: Path,
    python: str | None,
    arguments: list[str],
    show: Callable[[str], None],
    *,
    code_travels: bool = False,
    wait: bool = True,
) -> int:
    """Run a workflow on the cluster at `address`, passing its name and then its log to `show`.

    Returns the job's exit status; 0 where the job is not waited for. `directory` is where relative paths begin, on
    every node; `python` is the interpreter there: by default this one for a cluster on this machine, else `python`.
    `arguments` are further flags of `babelmerge run`.
    """
    url = _url(address)
    here = urlsplit(url).hostname in LOOPBACK and python is None
    interpreter = sys.executable if here else python or "python"
    command = [interpreter, "-m", "jobs.command", "run", WORKFLOW, "--directory", str(directory), *arguments]
    with tempfile.TemporaryDirectory() as staging, _lost(url):
        variables = {"PYTHONUNBUFFERED": "1"}
        shutil.copy(workflow, Path(staging) / WORKFLOW)
        if code_travels:  # equal content gives an equal package, which the cluster keeps
            for package in CODE:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / package, Path(staging) / package, ignore=ignored)
        elif here:
            variables["PYTHONPATH"] = str(ROOT)
        environment = {"working_dir": staging, "env_vars": variables}
        client = _connect(url)
        job = _send(client, " ".join(quote(part) for part in command), environment)
        show(f"job {job}\n")
        if not wait:
            return 0
        _follow(client, job, show)
        return _ended(client, job, show)


def status(job: str, address: str, show: Callable[[str], None]) -> int:
    """Show how a job is getting on; 1 where it failed or was stopped, else 0."""
    with _client_for(job, address) as client:
        info = client.get_job_info(job)
    show(f"job {job}: {info.status}{f': {info.message}' if info.message else ''}\n")
    return 1 if info.status in ("FAILED", "STOPPED") else 0


def logs(job: str, address: str, show: Callable[[str], None], *, follow: bool) -> int:
    """Show a job's log; with `follow` to its end, and then its exit status is returned."""
    with _client_for(job, address) as client:
        if not follow:
            show(client.get_job_logs(job))
            return 0
        _follow(client, job, show)
        return _ended(client, job, show)


def stop(job: str, address: str, show: Callable[[str], None]) -> int:
    """End a job; what it has finished stays, and the same workflow goes on from there."""
    with _client_for(job, address) as client:
        if not client.stop_job(job):
            show(f"job {job} had ended\n")
            return 0
        while not (now := client.get_job_status(job)).is_terminal():
            time.sleep(POLL_S)
    show(f"job {job}: {now}\n")
    return 0


def _send(client: Any, entrypoint: str, environment: dict[str, Any]) -> str:
    """The job's name. A cluster that has just begun answers before it can take jobs: that is waited for."""
    deadline = time.monotonic() + AGENT_TIMEOUT_S
    while True:
        try:
            return str(client.submit_job(entrypoint=entrypoint, runtime_env=environment))
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def _url(address: str) -> str:
    url = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0:
            return url
    except ValueError:
        pass
    raise BadAddress(masked(url) if "@" in address else address)


@contextlib.contextmanager
def _lost(url: str) -> Iterator[None]:
    """Turns what the connection says into one line."""
    try:
        yield
    except (ConnectionError, OSError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        reason += "; is a Ray head with its dashboard running there?"
        raise SubmissionFailed(masked(url), masked(reason)) from error


@contextlib.contextmanager
def _client_for(job: str, address: str) -> Iterator[Any]:
    url = _url(address)
    with _lost(url):
        client = _connect(url)
        if not any(job in (known.submission_id, known.job_id) for known in client.list_jobs()):
            raise UnknownJob(job, masked(url))
        yield client


def _ended(client: Any, job: str, show: Callable[[str], None]) -> int:
    """The exit status of a job that has ended."""
    info = client.get_job_info(job)
    if info.status == "SUCCEEDED":
        return 0
    show(f"job {job}: {info.status}: {info.message}\n")
    return info.driver_exit_code or 1


def _connect(url: str) -> Any:
    """A client. Where the cluster asks for a token, Ray's own is sent: the one its documentation says it looks for."""
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(url)
    except AuthenticationError as error:
        token = os.environ.get("RAY_AUTH_TOKEN", "")
        file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
        if not token and file.is_file():
            token = file.read_text().strip()
        if not token:
            raise SubmissionFailed(masked(url), "wants a token; set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH") from error
        try:
            return JobSubmissionClient(url, headers={"Authorization": f"Bearer {token}"})
        except AuthenticationError:
            raise SubmissionFailed(masked(url), "does not take the token; set RAY_AUTH_TOKEN to its own") from error


def _follow(client: Any, job: str, show: Callable[[str], None]) -> None:
    """Show the job's log until the job has ended, also when the connection that carries the log breaks."""
    shown = 0

    async def tail() -> None:
        nonlocal shown
        async for lines in client.tail_job_logs(job):
            shown += len(lines)
            show(lines)

    with contextlib.suppress(RuntimeError, ConnectionError):  # a broken connection is no end of the job
        asyncio.run(tail())
    while True:
        ended = client.get_job_status(job).is_terminal()
        log = client.get_job_logs(job)
        show(log[shown:])
        shown = max(shown, len(log))
        if ended:
            return
        time.sleep(POLL_S)
