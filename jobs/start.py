"""Start of the process `babelmerge`: an interrupt is answered while the rest is loaded."""

from jobs.interrupt import answer_interrupts


def console() -> None:
    """Load the command and run it. An interrupt meanwhile is one line and status 130: nothing was begun."""
    answer_interrupts()
    from jobs.command import console as run_command

    run_command()
