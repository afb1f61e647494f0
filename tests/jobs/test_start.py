"""An interrupt while the command is loaded: one line and status 130, wherever it comes."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
"""
CONSOLE = SCRIPT + "from jobs.start import console\nconsole()\n"
MODULE = SCRIPT + "import runpy\nrunpy.run_module('jobs.command', run_name='__main__', alter_sys=True)\n"


@pytest.mark.parametrize(
    ("script", "name"),
    [(CONSOLE, "jobs.command"), (CONSOLE, "typer"), (CONSOLE, "pipelines.train.settings"), (MODULE, "typer")],
)
def test_an_interrupt_while_modules_are_loaded_is_one_line(script: str, name: str) -> None:
    command = [sys.executable, "-c", script.format(name=name), "settings"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "babelmerge: interrupted before it began; run the same command again\n"


def test_without_an_interrupt_the_command_runs_and_later_interrupts_are_exceptions() -> None:
    script = CONSOLE.format(name="no such module").replace("console()\n", "", 1) + (
        "import jobs.command\n"
        "jobs.command.main = lambda: print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "console()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n", "")
