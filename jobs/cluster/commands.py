"""Commands for jobs on a running Ray cluster: submit, status, logs, stop."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.workflow import read_workflow

Address = Annotated[
    str,
    typer.Option(envvar="RAY_API_SERVER_ADDRESS", help="The cluster's dashboard, such as http://127.0.0.1:8265."),
]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="The name that submit printed.", show_default=False)]


def submit(
    conf: Annotated[str, typer.Argument(metavar="CONF", help="YAML file with `steps:`.", show_default=False)],
    address: Address,
    directory: Annotated[
        str | None, typer.Option(help="Directory of relative paths, on all nodes. [default: the current one]")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            help="Python interpreter on the cluster. [default: this one if the cluster is on this machine, else python]"
        ),
    ] = None,
    working_dir: Annotated[
        bool, typer.Option("--working-dir", help="Also send this code, to run instead of that in the nodes' image.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Follow the log and return the job's exit status, or return at once."),
    ] = True,
) -> None:
    """Run a workflow on a running Ray cluster."""
    from jobs.cluster import submission  # importing Ray takes a second

    read_workflow(conf, {})
    here = Path(directory or ".").resolve()
    engine = ["--engine", "ray"]
    sys.exit(submission.submit(Path(conf), address, here, python, engine, _show, code_travels=working_dir, wait=wait))


def status(job: JobName, address: Address) -> None:
    """Print the status of a submitted job; exit status 1 if it failed or was stopped."""
    from jobs.cluster import submission

    sys.exit(submission.status(job, address, _show))


def logs(
    job: JobName,
    address: Address,
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow the log to the job's end; return its exit status.")
    ] = False,
) -> None:
    """Print the log of a submitted job."""
    from jobs.cluster import submission

    sys.exit(submission.logs(job, address, _show, follow=follow))


def stop(job: JobName, address: Address) -> None:
    """Stop a submitted job; submitting the same workflow again resumes it."""
    from jobs.cluster import submission

    sys.exit(submission.stop(job, address, _show))


def _show(text: str) -> None:
    typer.echo(text, nl=False)
