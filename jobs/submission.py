"""Submitting a workflow to a Ray cluster that someone else started, through the Ray Jobs API.

The workflow file travels as the job's working directory, and so does the code, unless the cluster is on this machine:
there the job runs the code where it lies, with its compiled kernels. Corpora and outputs do not travel: relative paths
are taken from a directory that all nodes see. The job runs once; whoever submitted it may run the same command again.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

from operators.errors import DataError, UsageError

ROOT = Path(__file__).resolve().parent.parent
CODE = ("operators", "pipelines", "jobs")
WORKFLOW = "workflow.yaml"
POLL_S = 1.0
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


def submit(
    workflow: Path, address: str, directory: Path, python: str | None, arguments: list[str], show: Callable[[str], None]
) -> int:
    """Run a workflow on the cluster at `address`, passing its log to `show`; returns the job's exit status.

    `directory` is where relative paths begin, on every node; `python` is the interpreter there: by default this one
    for a cluster on this machine, else `python`. `arguments` are further flags of `babelmerge run`.
    """
    url = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadAddress(address)
    here = parts.hostname in LOOPBACK and python is None
    interpreter = sys.executable if here else python or "python"
    command = [interpreter, "-m", "jobs.command", "run", WORKFLOW, "--directory", str(directory), *arguments]
    with tempfile.TemporaryDirectory() as staging:
        variables = {"PYTHONUNBUFFERED": "1"}
        shutil.copy(workflow, Path(staging) / WORKFLOW)
        if here:
            variables["PYTHONPATH"] = str(ROOT)
        else:  # equal content gives an equal package, which the cluster keeps
            for package in CODE:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / package, Path(staging) / package, ignore=ignored)
        environment = {"working_dir": staging, "env_vars": variables}
        try:
            return _run(url, " ".join(quote(part) for part in command), environment, show)
        except (ConnectionError, OSError, RuntimeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0].replace(url, _masked(url)).rstrip(".")
            reason += "; is a Ray head with its dashboard running there?"
            raise SubmissionFailed(_masked(url), reason) from error


def _run(url: str, entrypoint: str, environment: dict[str, Any], show: Callable[[str], None]) -> int:
    from ray.job_submission import JobStatus

    client = _connect(url)
    job: str = client.submit_job(entrypoint=entrypoint, runtime_env=environment)
    show(f"job {job}\n")
    _follow(client, job, show)
    info = client.get_job_info(job)
    if info.status == JobStatus.SUCCEEDED:
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
            raise SubmissionFailed(_masked(url), "wants a token; set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH") from error
        try:
            return JobSubmissionClient(url, headers={"Authorization": f"Bearer {token}"})
        except AuthenticationError:
            raise SubmissionFailed(_masked(url), "does not take the token; set RAY_AUTH_TOKEN to its own") from error


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


def _masked(url: str) -> str:
    """The address without what may be a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
