"""Submission of a workflow to a running Ray cluster through the Ray Jobs API; status, log and stop of its job.

The workflow file is sent as the job's working directory. The code is that of the nodes' image, with its compiled
kernels. On a cluster on this machine it is the code here. On request, this code is sent too, to try a version that no
image holds. Corpora and outputs are not sent: relative paths begin at a directory that all nodes see. The job runs
once and is not repeated; submitting the same workflow again resumes it.
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

ROOT = Path(__file__).resolve().parents[2]
CODE = ("operators", "pipelines", "jobs", "babelmerge")
WORKFLOW = "workflow.yaml"
POLL_S = 1.0
AGENT_TIMEOUT_S = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadAddress(UsageError):
    """An address that no dashboard can have."""

    address: str
    message = "--address {address}: write the dashboard's address, such as http://127.0.0.1:8265"


class SubmissionFailed(DataError):
    """A cluster that did not accept the job, or could not be reached any more."""

    address: str
    reason: str
    message = "{address}: {reason}"


class UnknownJob(UsageError):
    """A name of a job that the cluster does not have."""

    job: str
    address: str
    message = "{address} has no job {job!r}; write the name that `submit` printed"


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

    Returns the job's exit status; 0 without `wait`.

    Args:
        directory: directory of relative paths, on every node.
        python: interpreter on the nodes; by default this one for a cluster on this machine, else `python`.
        arguments: further flags of `babelmerge run`.
        code_travels: send this code too.
    """
    url = _url(address)
    here = urlsplit(url).hostname in LOOPBACK and python is None
    interpreter = sys.executable if here else python or "python"
    command = [interpreter, "-m", "jobs.command", "run", WORKFLOW, "--directory", str(directory), *arguments]
    with tempfile.TemporaryDirectory() as staging, _connection_errors(url):
        variables = {"PYTHONUNBUFFERED": "1"}
        shutil.copy(workflow, Path(staging) / WORKFLOW)
        if code_travels:  # the cluster caches a package by its content
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
    """Show the status of a job; return 1 if it failed or was stopped, else 0."""
    with _client_for(job, address) as client:
        info = client.get_job_info(job)
    show(f"job {job}: {info.status}{f': {info.message}' if info.message else ''}\n")
    return 1 if info.status in ("FAILED", "STOPPED") else 0


def logs(job: str, address: str, show: Callable[[str], None], *, follow: bool) -> int:
    """Show a job's log and return 0; with `follow`, show it to the job's end and return the job's exit status."""
    with _client_for(job, address) as client:
        if not follow:
            show(client.get_job_logs(job))
            return 0
        _follow(client, job, show)
        return _ended(client, job, show)


def stop(job: str, address: str, show: Callable[[str], None]) -> int:
    """Stop a job; its finished work stays, and the same workflow resumes from it."""
    with _client_for(job, address) as client:
        if not client.stop_job(job):
            show(f"job {job} had ended\n")
            return 0
        while not (now := client.get_job_status(job)).is_terminal():
            time.sleep(POLL_S)
    show(f"job {job}: {now}\n")
    return 0


def _send(client: Any, entrypoint: str, environment: dict[str, Any]) -> str:
    """Submit a job and return its name; wait for a cluster that has just started and cannot accept jobs yet."""
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
    raise BadAddress(url if "@" in address else address)


@contextlib.contextmanager
def _connection_errors(url: str) -> Iterator[None]:
    """Raise errors of the connection as SubmissionFailed, in one line."""
    try:
        yield
    except (ConnectionError, OSError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        reason += "; is a Ray head with its dashboard running there?"
        raise SubmissionFailed(url, reason) from error


@contextlib.contextmanager
def _client_for(job: str, address: str) -> Iterator[Any]:
    url = _url(address)
    with _connection_errors(url):
        client = _connect(url)
        if not any(job in (known.submission_id, known.job_id) for known in client.list_jobs()):
            raise UnknownJob(job, url)
        yield client


def _ended(client: Any, job: str, show: Callable[[str], None]) -> int:
    """Return the exit status of a job that has ended."""
    info = client.get_job_info(job)
    if info.status == "SUCCEEDED":
        return 0
    show(f"job {job}: {info.status}: {info.message}\n")
    return info.driver_exit_code or 1


def _connect(url: str) -> Any:
    """Return a client. If the cluster requires a token, it is that of RAY_AUTH_TOKEN or Ray's token file."""
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
            raise SubmissionFailed(url, "requires a token; set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH") from error
        try:
            return JobSubmissionClient(url, headers={"Authorization": f"Bearer {token}"})
        except AuthenticationError:
            raise SubmissionFailed(url, "does not accept the token; set RAY_AUTH_TOKEN to the cluster's") from error


def _follow(client: Any, job: str, show: Callable[[str], None]) -> None:
    """Show the job's log until the job has ended, even if the connection that carries the log breaks."""
    shown = 0

    async def tail() -> None:
        nonlocal shown
        async for lines in client.tail_job_logs(job):
            shown += len(lines)
            show(lines)

    with contextlib.suppress(RuntimeError, ConnectionError):  # a broken connection does not end the job
        asyncio.run(tail())
    while True:
        ended = client.get_job_status(job).is_terminal()
        log = client.get_job_logs(job)
        show(log[shown:])
        shown = max(shown, len(log))
        if ended:
            return
        time.sleep(POLL_S)
