"""Connection to a Ray cluster: the one of RAY_ADDRESS, or one on this machine that listens on loopback only."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from operators.errors import DataError

CONNECT_TIMEOUT_S: Final = 10.0
OBJECT_STORE_BYTES: Final = 1 << 30
"""Object store of our own cluster: messages are small, text is never sent."""
POLL_S: Final = 2.0
"""Seconds between two checks, while a result is awaited, that the cluster's own processes live."""
LONGEST_TMPDIR: Final = 36
"""Characters of TMPDIR up to which Ray's sockets can be below it. A socket's path has up to 107 bytes (unix(7)), and
Ray appends up to 70: /ray/session_YYYY-MM-DD_HH-MM-SS_microseconds_process/sockets/plasma_store."""
LOOPBACK_SWITCH: Final = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's switch for machines without clusters: at 0, every server binds to 127.0.0.1 instead of all interfaces, and a
process that joins does not replace 127.0.0.1 with an outer address. Ray reads it when it is imported."""
SHARED_MEMORY: Final = "/dev/shm"
_ELSEWHERE: Final = ("198.51.100.1", 9)
"""An address that leads out of this machine (RFC 5737). Nothing is sent to it."""


class ClusterUnreachable(DataError):
    """A cluster, named by RAY_ADDRESS, that does not answer."""

    address: str
    reason: str
    message = "no Ray cluster answers at RAY_ADDRESS={address}: {reason}; start it, or unset RAY_ADDRESS"


class ClusterNotStarted(DataError):
    """A failed start of Ray on this machine."""

    reason: str
    message = "Ray did not start on this machine: {reason}; free memory and disk, or use --engine local"


class ClusterFailed(DataError):
    """A failure of Ray itself: its spill disk is full, or its head node is gone."""

    reason: str
    message = "Ray: {reason}; see to the cluster, and run the same command again: it resumes from here"


class Connection:
    """A connection of this process to a cluster. `ray` is the module."""

    def __init__(self, workers: int | None) -> None:
        """`workers`: processors of a cluster that is started here, at least; None: those of the machine.

        Raises ClusterUnreachable, ClusterNotStarted.
        """
        self._owner = not _initialized()
        self._folder: Path | None = None
        address = os.environ.get("RAY_ADDRESS")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # tracebacks of tasks that failed beside the first
        if not address:
            os.environ.setdefault(LOOPBACK_SWITCH, "0")
        else:
            _probe(address)
        import ray

        self.ray: Any = ray
        self._prints = getattr(ray._private.worker, "print_to_stdstream", None)  # private: another Ray may lack it
        if not ray.is_initialized():
            # Ray prints the log of a raylet that died, of the size of a page, on standard output.
            ray._private.worker.print_to_stdstream = _print_nothing
            try:
                self._connect(address, workers)
            except BaseException:
                ray._private.worker.print_to_stdstream = self._prints
                raise

    def _connect(self, address: str | None, workers: int | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if address:
                self.ray.init(address=address, **quiet)
            else:
                self.ray.init(
                    address="local",
                    num_cpus=max(workers or 0, os.cpu_count() or 1),
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                    **self._folders(),
                    **quiet,
                )
        except Exception as error:  # Ray raises plain ones: of another version, of a process that was killed
            self._remove_folder()
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise (ClusterUnreachable(address, reason) if address else ClusterNotStarted(reason)) from error

    def _folders(self) -> dict[str, str]:
        """Return options for Ray's folders where its default ones cannot be used."""
        options: dict[str, str] = {}
        temporary = tempfile.gettempdir()
        if len(os.fsencode(temporary)) > LONGEST_TMPDIR and "RAY_TMPDIR" not in os.environ:
            self._folder = Path(tempfile.mkdtemp(prefix="bm-", dir="/tmp"))
            options |= {"_temp_dir": str(self._folder), "object_spilling_directory": temporary}
        if Path(SHARED_MEMORY).is_dir() and not os.access(SHARED_MEMORY, os.W_OK):
            options["_plasma_directory"] = temporary
        return options

    def wait(self, references: Sequence[Any]) -> list[Any]:
        """Wait until one of the results at least is there; return those that are. Raises ClusterFailed."""
        while not (done := self.ray.wait(list(references), timeout=POLL_S)[0]):
            self.check()
        return list(done)

    def check(self) -> None:
        """Raise ClusterFailed if a process that the cluster needs has ended: Ray itself waits for a minute."""
        worker = self.ray._private.worker
        node = worker._global_node
        if node is None:
            return
        if self._owner and (dead := [str(kind) for kind, _ in node.dead_processes()]):
            raise ClusterFailed(f"its process {', '.join(dead)} has ended")
        host, _, port = str(node.gcs_address).rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
        except ConnectionRefusedError as error:
            raise ClusterFailed(f"its head at {host}:{port} has ended") from error
        except OSError:  # a network that is down for a moment
            return

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        if self._owner:
            self.ray.shutdown()
            self.ray._private.worker.print_to_stdstream = self._prints
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _print_nothing(*_: Any, **__: Any) -> None:
    """Replace Ray's printer of log lines."""


def _initialized() -> bool:
    ray = sys.modules.get("ray")
    return bool(ray is not None and ray.is_initialized())


def _probe(address: str) -> None:
    """Raise ClusterUnreachable if nothing listens at the address: Ray would try for minutes.

    Ray replaces 127.0.0.1 with the machine's outer address. Where the cluster listens on loopback only, Ray must not,
    so its switch is set.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    if (reason := _refusal(host.strip("[]"), int(port))) is not None:
        raise ClusterUnreachable(address, reason)
    if not _is_loopback(host) or address.startswith("ray://") or _refusal(_outer_address(), int(port)) is None:
        return
    if "ray" in sys.modules and os.environ.get(LOOPBACK_SWITCH) != "0":
        raise ClusterUnreachable(address, f"it listens on loopback only; set {LOOPBACK_SWITCH}=0 before Ray is loaded")
    os.environ.setdefault(LOOPBACK_SWITCH, "0")


def _refusal(host: str, port: int) -> str | None:
    """Return the reason why a port cannot be connected to; None: it can."""
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.")


def _outer_address() -> str:
    """Return the address from which this machine would connect to others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:  # no network: Ray uses loopback then
            return "127.0.0.1"
        return str(probe.getsockname()[0])
