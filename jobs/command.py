"""The command `babelmerge`. Flags and their help are generated from the settings of each command.

Steps are imported after the arguments are parsed, so that help and usage errors wait for no kernel and no library.
"""

import gc
import inspect
import os
import sys
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

import msgspec
import typer

from jobs.cluster.commands import logs, status, stop, submit
from jobs.commands import COMMANDS, describe, run_steps
from jobs.configuration import BadConfiguration, is_file, read_settings
from jobs.failures import line_of, print_out
from jobs.version import __version__
from jobs.workflow import read_workflow
from operators.errors import UsageError
from operators.redaction import masked
from pipelines.blas import VARIABLE
from pipelines.settings import Execution, Settings, documentation

app = typer.Typer(
    name="babelmerge",
    help="Train BPE tokenizers on multilingual corpora, and see what they do to languages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ClickException: Any = typer.BadParameter.__mro__[2]  # base of errors in arguments; typer exports no name of it
INTERRUPTED = 130
DEMO = Path(__file__).resolve().parent.parent / "conf" / "demo.yaml"
"""Path of the demo's workflow in a checkout and in the image."""
PACKAGED_DEMO = Path(__file__).resolve().parent / "demo" / "demo.yaml"
"""Path of the demo's workflow in a wheel."""
ConfFile = Annotated[str | None, typer.Option("--conf", help="YAML file with these settings; flags take precedence.")]
Flag = tuple[Any, str]


def _plain(kind: Any) -> Any:
    """Return a field's type without bounds and None, as a flag takes it."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (types.UnionType, Union):
        return _plain(next(one for one in get_args(kind) if one is not type(None)))
    return kind


def _flag(field: msgspec.structs.FieldInfo, line: str, positional: bool) -> inspect.Parameter:
    """Return a field as a parameter of a typer command. Its default is None, so that --conf can supply the value."""
    kind = _plain(field.type)
    name = "--" + field.name.replace("_", "-")
    default = field.default if field.default is not msgspec.NODEFAULT else None
    shown = f" [default: {default}]" if default not in (None, []) else ""
    if positional and get_origin(kind) is list:
        annotation: Any = Annotated[
            list[str] | None, typer.Argument(metavar=f"{field.name.upper()}...", help=line, show_default=False)
        ]
    elif positional:
        annotation = Annotated[str | None, typer.Argument(metavar=field.name.upper(), help=line, show_default=False)]
    elif get_origin(kind) is list and _plain(get_args(kind)[0]) is int:
        annotation = Annotated[str | None, typer.Option(name, metavar="NUMBER,...", help=line)]
    elif kind is bool:
        annotation = Annotated[bool | None, typer.Option(f"{name}/--no-{name[2:]}", help=line + shown)]
    elif get_origin(kind) is list:
        annotation = Annotated[list[str] | None, typer.Option(name, help=f"{line} (may be repeated)")]
    elif get_origin(kind) is dict:
        annotation = Annotated[str | None, typer.Option(name, metavar="NAME=NUMBER,...", help=line)]
    elif get_origin(kind) is Literal:
        choices = "|".join(get_args(kind))
        annotation = Annotated[str | None, typer.Option(name, metavar=choices, help=line + shown)]
    else:
        annotation = Annotated[kind | None, typer.Option(name, help=line + shown)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parameters(settings: type[Settings[Any]]) -> list[inspect.Parameter]:
    lines, fields = documentation(settings), msgspec.structs.fields(settings)
    first = fields[0].name if get_origin(_plain(fields[0].type)) is list else ""
    positional = settings.POSITIONAL or (first,)
    return [_flag(field, lines[field.name], field.name in positional) for field in fields]


def _given(settings: list[type[Settings[Any]]], flags: dict[str, Any]) -> dict[str, Any]:
    """Return the flags with values; NAME=NUMBER,... becomes a mapping, NUMBER,... a list."""
    given = {name: value for name, value in flags.items() if value is not None and value != []}
    for kind in settings:
        for field in msgspec.structs.fields(kind):
            if field.name in given and get_origin(_plain(field.type)) is dict and not is_file(given[field.name]):
                given[field.name] = _numbers(field.name, given[field.name])
            elif field.name in given and isinstance(given[field.name], str) and get_origin(_plain(field.type)) is list:
                given[field.name] = _whole_numbers(field.name, given[field.name])
    return given


def _numbers(name: str, text: str) -> dict[str, float]:
    """Parse NAME=NUMBER,...: `_numbers("shares", "en=3,de=1")` is {"en": 3.0, "de": 1.0}."""
    numbers = {}
    for entry in text.split(","):
        key, _, value = entry.partition("=")
        try:
            numbers[key.strip()] = float(value)
        except ValueError:
            raise BadConfiguration(f"--{name}", f"{entry!r} is not NAME=NUMBER") from None
    return numbers


def _whole_numbers(name: str, text: str) -> list[int]:
    """Parse NUMBER,...: `_whole_numbers("sizes", "8192,16384")` is [8192, 16384]."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise BadConfiguration(f"--{name}", f"{text!r} is not NUMBER,NUMBER,...") from None


def _fields(kind: type[Settings[Any]]) -> tuple[str, ...]:
    return kind.__struct_fields__


def _step_command(name: str, kind: type[Settings[Any]]) -> Callable[..., None]:
    """Return the function of a typer command that runs one step."""

    def command(conf: str | None, **flags: Any) -> None:
        settings, execution = read_settings(kind, conf, _given([kind], flags))
        _run([settings], execution)

    parameters = [*_parameters(kind), *_parameters(Execution)]
    conf = inspect.Parameter("conf", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ConfFile)
    _sign(command, name, inspect.getdoc(kind) or "", [*parameters, conf])
    return command


def _sign(command: Callable[..., None], name: str, text: str, parameters: list[inspect.Parameter]) -> None:
    command.__name__, command.__doc__ = name, text
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}


def _run(steps: list[Settings[Any]], execution: Execution) -> None:
    """Run steps, and print the summary of each result on stdout."""
    from jobs.progress import listener

    for settings, result in zip(steps, run_steps(steps, execution, listener(execution.progress)), strict=True):
        print_out(masked(describe(settings, result)))


def run(conf: str, directory: str | None, **flags: Any) -> None:
    """Run the steps of a workflow file; a step whose settings and inputs are unchanged is skipped."""
    workflow = read_workflow(conf, _given([Execution], flags))
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


@app.callback()
def _babelmerge(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Train BPE tokenizers on multilingual corpora, and see what they do to languages."""


@app.command()
def settings() -> None:
    """Print every setting, its type, default and meaning, as Markdown."""
    from jobs.settings_page import settings_page

    print_out(settings_page(), end="")


def _register() -> None:
    for command in COMMANDS:
        app.command(command.name)(_step_command(command.name, command.settings))
    keyword = inspect.Parameter.KEYWORD_ONLY
    directory = Annotated[
        str | None, typer.Option("--directory", help="Directory of relative paths. [default: the current one]")
    ]
    conf = Annotated[str, typer.Argument(metavar="CONF", help="YAML file with `steps:`.", show_default=False)]
    own = [
        inspect.Parameter("conf", keyword, annotation=conf),
        inspect.Parameter("directory", keyword, default=None, annotation=directory),
    ]
    _sign(run, "run", inspect.getdoc(run) or "", [*own, *_parameters(Execution)])
    app.command("run")(run)

    def demo(**flags: Any) -> None:
        run(str(DEMO if DEMO.exists() else PACKAGED_DEMO), None, **flags)

    _sign(
        demo,
        "demo",
        "Run conf/demo.yaml: all commands on real text in many languages.",
        _parameters(Execution),
    )
    app.command("demo")(demo)
    for cluster_command in (submit, status, logs, stop):
        app.command(cluster_command.__name__)(cluster_command)


_register()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status: 0 done, 1 failed, 2 wrong usage.

    A BabelmergeError is one line on stderr; any other exception is a defect. All messages are masked here, whatever
    library wrote them: an argument may hold a credential in any place.
    """
    try:
        status = app(args=arguments, prog_name="babelmerge", standalone_mode=False) or 0
    except ClickException as error:
        error.message = masked(error.message)
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        if (line := line_of(error)) is None:
            raise
        typer.secho(masked(f"babelmerge: {line}"), err=True, bold=True)  # bold on a terminal only
        sys.exit(2 if isinstance(error, UsageError) else 1)
    if status == INTERRUPTED:  # typer turns the interrupt into a status
        typer.echo("babelmerge: interrupted; run the same command again to resume", err=True)
    sys.exit(status)


def console() -> NoReturn:
    """Run `main` as a process, tuned for a short life.

    Nearly all objects live to the end, so garbage collection is rare. The process exits without freeing objects one by
    one, unless Ray has exit handlers to run or there is a message to print.
    """
    os.environ[VARIABLE] = "1"  # before numpy is loaded
    gc.freeze()
    gc.set_threshold(1_000_000, 50, 50)
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
