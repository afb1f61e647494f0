"""The command `babelmerge`. Flags and their help are generated from the settings of each command.

Steps are imported after the arguments are parsed, so that help and usage errors wait for no kernel and no library.
"""

if __name__ == "__main__":  # `python -m jobs.command`: as `babelmerge`, which answers an interrupt during the imports
    from jobs.interrupt import answer_interrupts

    answer_interrupts()

import gc
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import msgspec
import typer

from jobs.cluster.commands import logs, status, stop, submit
from jobs.commands import COMMANDS, describe, run_steps
from jobs.configuration import BadConfiguration, read_settings
from jobs.failures import line_of
from jobs.flags import given, parameters
from jobs.interrupt import INTERRUPTED, raise_interrupts
from jobs.printing import Printer, blamed, print_out
from jobs.version import __version__
from jobs.workflow import read_workflow
from operators.errors import UsageError
from operators.redaction import masked
from pipelines.blas import VARIABLE
from pipelines.settings import Execution, Settings

ClickException: Any = typer.BadParameter.__mro__[2]  # base of errors in arguments; typer exports no name of it
PRINTER = Printer()
DEMO = Path(__file__).resolve().parent.parent / "conf" / "demo.yaml"
"""Path of the demo's workflow in a checkout and in the image."""
PACKAGED_DEMO = Path(__file__).resolve().parent / "demo" / "demo.yaml"
"""Path of the demo's workflow in a wheel."""
ConfFile = Annotated[str | None, typer.Option("--conf", help="YAML file with these settings; flags take precedence.")]


def _fields(kind: type[Settings[Any]]) -> tuple[str, ...]:
    return kind.__struct_fields__


def _step_command(name: str, kind: type[Settings[Any]]) -> Callable[..., None]:
    """Return the function of a typer command that runs one step."""

    def command(conf: str | None, **flags: Any) -> None:
        settings, execution = read_settings(kind, conf, given([kind, Execution], flags))
        _run([settings], execution)

    own = [*parameters(kind), *parameters(Execution)]
    conf = inspect.Parameter("conf", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ConfFile)
    _sign(command, name, inspect.getdoc(kind) or "", [*own, conf])
    return command


def _sign(command: Callable[..., None], name: str, text: str, own: list[inspect.Parameter]) -> None:
    command.__name__, command.__doc__ = name, text
    command.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in own}


def _run(steps: list[Settings[Any]], execution: Execution) -> None:
    """Run steps, and print the summary of each result on stdout."""
    from jobs.progress import listener

    PRINTER.as_json = execution.progress == "json"
    for settings, result in zip(steps, run_steps(steps, execution, listener(execution.progress)), strict=True):
        if text := describe(settings, result):
            PRINTER.result(text)


def run(conf: str, directory: str | None, **flags: Any) -> None:
    """Run the steps of a workflow file; a step whose settings and inputs are unchanged is skipped."""
    workflow = read_workflow(conf, given([Execution], flags))
    if directory is not None:
        _enter(directory)
    execution = msgspec.convert({name: getattr(workflow, name) for name in _fields(Execution)}, Execution)
    _run(workflow.settings(), execution)


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise BadConfiguration("--directory", f"{directory}: {error.strerror}") from error


def _show_version(asked: bool) -> None:
    if asked:
        print_out(f"babelmerge {__version__}")
        raise typer.Exit


def _babelmerge(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Train BPE tokenizers on multilingual corpora, and see what they do to languages."""


def settings() -> None:
    """Print every setting, its type, default and meaning, as Markdown."""
    from jobs.settings_page import settings_page

    print_out(settings_page(), end="")


def _run_command() -> Callable[..., None]:
    """Return the function of the command `run`, signed."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    directory = Annotated[
        str | None, typer.Option("--directory", help="Directory of relative paths. [default: the current one]")
    ]
    conf = Annotated[str, typer.Argument(metavar="CONF", help="YAML file with `steps:`.", show_default=False)]
    own = [
        inspect.Parameter("conf", keyword, annotation=conf),
        inspect.Parameter("directory", keyword, default=None, annotation=directory),
    ]
    _sign(run, "run", inspect.getdoc(run) or "", [*own, *parameters(Execution)])
    return run


def _demo_command() -> Callable[..., None]:
    """Return the function of the command `demo`."""

    def demo(**flags: Any) -> None:
        run(str(DEMO if DEMO.exists() else PACKAGED_DEMO), None, **flags)

    text = "Run conf/demo.yaml: all commands on real text in many languages."
    _sign(demo, "demo", text, parameters(Execution))
    return demo


MAKERS: Final[Mapping[str, Callable[[], Callable[..., None]]]] = {
    "settings": lambda: settings,
    **{one.name: partial(_step_command, one.name, one.settings) for one in COMMANDS},
    "run": _run_command,
    "demo": _demo_command,
    **{one.__name__: partial(lambda given: given, one) for one in (submit, status, logs, stop)},
}
"""Name of each command, and the maker of its function."""


def application(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line with the command that the arguments name, or with all where they name none.

    A command takes 2 to 4 ms to make, all of them as long as the rest of the start.
    """
    app = typer.Typer(
        name="babelmerge",
        help="Train BPE tokenizers on multilingual corpora, and see what they do to languages.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_babelmerge)
    first = next((argument for argument in arguments if not argument.startswith("-")), "")
    for name in [first] if first in MAKERS else MAKERS:
        app.command(name)(MAKERS[name]())
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 done, 1 failed, 2 wrong usage.

    A BabelmergeError is one line on stderr; any other exception is a defect. All messages are masked here, whatever
    library wrote them: an argument may hold a credential in any place.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    PRINTER.begin(arguments)
    try:
        status = application(arguments)(args=arguments, prog_name="babelmerge", standalone_mode=False) or 0
    except ClickException as error:
        if PRINTER.as_json:
            PRINTER.error(error.format_message())
        else:
            error.message = masked(error.message)
            error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if (line := line_of(blamed(error))) is None:
            raise
        PRINTER.error(line)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:  # while typer builds its commands
        status = INTERRUPTED
    if status == INTERRUPTED:  # typer turns a later interrupt into a status
        PRINTER.error("interrupted; run the same command again to resume")
    sys.exit(status)


def console() -> NoReturn:
    """Run `main` as a process, tuned for a short life.

    Nearly all objects live to the end, so garbage collection is rare. The process exits without freeing objects one by
    one, unless Ray has exit handlers to run or there is a message to print.
    """
    os.environ[VARIABLE] = "1"  # before numpy is loaded
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 50)
    raise_interrupts()
    try:
        main()
        status: int | str | None = 0
    except SystemExit as end:
        status = end.code
    except Exception:  # a defect
        sys.stderr.write(masked(traceback.format_exc()))
        status = 1
    if "ray" in sys.modules or isinstance(status, str):
        sys.exit(status)
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    console()
