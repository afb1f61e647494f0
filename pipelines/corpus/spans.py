"""Spans of files, which can be read independently: see `pipelines.corpus.cutting`."""

from dataclasses import dataclass

from operators.errors import DataError


class CannotCut(DataError):
    """A span that does not say what its whole file would: the file must be read whole."""

    path: str
    reason: str
    message = "{path}: {reason}"


@dataclass(frozen=True)
class FrameRun:
    """Run of frames of a compressed file, stored in the bytes `stored` to `stored_stop`, its text from `text` on."""

    stored: int
    stored_stop: int
    text: int
    text_stop: int
    is_exact: bool = True
    """False: it holds fewer bytes of text than there are from `text` to `text_stop`, or as many."""


@dataclass(frozen=True)
class Span:
    """Byte range of a file, `stop` exclusive. It contains the lines, or row groups of Parquet, that begin in it.

    In a compressed file it is a range of the text. Where frames do not say how much text they hold, each has room for
    the most that it may; that a text has holes then changes nothing: a line ends behind the first line end that stands
    at or behind the last byte before a border, for the span before it and for the one behind it.
    """

    start: int
    stop: int
    runs: tuple[FrameRun, ...] = ()
    """Frames of a compressed file, from the byte before `start` to the end of the file."""

    @property
    def stored_bytes(self) -> int:
        """Bytes of the file that it stands for, about."""
        if not self.runs:
            return self.stop - self.start
        run = self.runs[0]
        return (self.stop - self.start) * (run.stored_stop - run.stored) // max(run.text_stop - run.text, 1)
