"""The connection to Ray: faults of addresses, folders and of the cluster's processes are told at once."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines import ray_connection
from pipelines.engines.ray_connection import LOOPBACK_SWITCH, ClusterUnreachable, Connection
from tests.conftest import ROOT

pytestmark = pytest.mark.ray


class Asked(Exception):
    """Carries the options of a start of Ray that a test stopped."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns the options with which a Connection would start Ray."""
    import ray

    def stop(**options: Any) -> None:
        raise Asked(**options)

    def asked() -> dict[str, Any]:
        with pytest.raises(ray_connection.ClusterNotStarted) as caught:
            Connection(1)
        assert isinstance(caught.value.__cause__, Asked)
        return caught.value.__cause__.options

    monkeypatch.setattr(ray, "init", stop)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    return asked


@pytest.mark.parametrize(("length", "short"), [(36, False), (37, True), (200, True)])
def test_a_long_temporary_folder_holds_spilled_objects_but_no_sockets(
    options: Any, monkeypatch: pytest.MonkeyPatch, length: int, short: bool
) -> None:
    folder = "/" + "t" * (length - 1)
    monkeypatch.setattr("tempfile.gettempdir", lambda: folder)
    given = options()
    assert given.get("object_spilling_directory") == (folder if short else None)
    if short:
        assert len(given["_temp_dir"]) < 20
        assert not Path(given["_temp_dir"]).exists()  # removed again, as the start failed
    else:
        assert "_temp_dir" not in given


def test_shared_memory_that_cannot_be_written_is_not_used(
    options: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "_plasma_directory" not in options()
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != ray_connection.SHARED_MEMORY)
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/x")
    assert options()["_plasma_directory"] == "/x"


def _run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if name != LOOPBACK_SWITCH}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=bare | environment, capture_output=True, text=True, timeout=150, check=False
    )


def test_a_cluster_of_our_own_runs_where_the_temporary_folder_has_a_long_name(tmp_path: Path) -> None:
    long = tmp_path / ("t" * 60)
    long.mkdir()
    script = (
        "from pipelines.engines.ray_engine import RayEngine; e = RayEngine(1); print(list(e.run(len, ['abc'])));"
        "print(e._connection._folder); e.close()"
    )
    done = _run(script, TMPDIR=str(long))
    assert done.returncode == 0, done.stderr
    first, folder = done.stdout.splitlines()
    assert first == "[(0, 3)]" and folder.startswith("/tmp/bm-")
    assert not Path(folder).exists()


def test_a_cluster_on_loopback_alone_is_joined_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its switch Ray would try for minutes to reach the machine's outer address."""
    monkeypatch.setattr(ray_connection, "_outer_address", lambda: "127.0.0.2")
    monkeypatch.delenv(LOOPBACK_SWITCH, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        with monkeypatch.context() as fresh:
            fresh.delitem(sys.modules, "ray", raising=False)
            ray_connection._probe(address)
            assert os.environ.pop(LOOPBACK_SWITCH) == "0"
        import ray

        assert ray is sys.modules["ray"]
        with pytest.raises(ClusterUnreachable, match=f"listens on loopback only; set {LOOPBACK_SWITCH}=0 before"):
            ray_connection._probe(address)
        monkeypatch.setattr(ray_connection, "_outer_address", lambda: "127.0.0.1")  # it answers there too
        ray_connection._probe(address)
        assert LOOPBACK_SWITCH not in os.environ


@pytest.mark.kills
@pytest.mark.parametrize("process", ["raylet", "gcs_server"])
def test_a_process_of_ray_that_dies_under_a_run_ends_it_at_once(process: str) -> None:
    script = (
        "import os, signal, threading, time, ray\n"
        "from pipelines.engines.ray_connection import ClusterFailed\n"
        "from pipelines.engines.ray_engine import RayEngine\n"
        "engine = RayEngine(1)\n"
        "node = ray._private.worker._global_node\n"
        f"pid = node.all_processes[{process!r}][0].process.pid\n"
        "began = time.monotonic()\n"
        f"threading.Timer(1, os.kill, (pid, {int(signal.SIGKILL)})).start()\n"
        "try:\n"
        "    list(engine.run(time.sleep, [100]))\n"
        "except ClusterFailed as error:\n"
        "    print(time.monotonic() - began, error)\n"
        "engine.close()\n"
    )
    began = time.monotonic()
    done = _run(script)
    seconds, _, line = done.stdout.partition(" ")
    assert line.startswith(f"Ray: its process {process} has ended; see to the cluster"), done.stderr
    assert float(seconds) < 20 and time.monotonic() - began < 100
