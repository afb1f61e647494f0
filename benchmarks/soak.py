"""Soak test: the demo's pipeline many times on one standing Ray cluster, to find leaks and files left behind.

    python -m benchmarks.soak --runs 50                  # a new process a run, as a scheduler starts them
    python -m benchmarks.soak --runs 50 --drivers one    # one process stays connected, and so do its workers
    python -m benchmarks.soak --runs 50 --control 700    # nothing of ours: what Ray grows by, by so many tasks a run

The cluster is its own, on loopback. After each run every process of the cluster is weighed, and what is left of actors,
placement groups, objects, open files and temporary files is counted. Exit status 1 where something grew or stayed.
"""

import argparse
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.soak_samples import Sample, Weight, found_wrong, table

ROOT: Final = Path(__file__).resolve().parents[1]
TOKEN: Final = "BABELMERGE_SOAK"
"""Environment variable that marks the processes of this cluster."""
FEWEST: Final = 3
"""Fewest runs with a result."""
START_S, RUN_S, SETTLE_S, POLL_S = 120.0, 900.0, 60.0, 0.5
BOUNDED: Final = {
    "RAY_task_events_max_num_task_in_gcs": "500", "RAY_maximum_gcs_destroyed_actor_cached_count": "5",
    "RAY_maximum_gcs_dead_worker_cached_count": "5", "RAY_LOG_MONITOR_MAX_OPEN_FILES": "20",
    "RAY_DASHBOARD_MAX_EVENTS_TO_CACHE": "100", "RAY_enable_metrics_collection": "0",
}  # fmt: skip
"""Ray's head keeps what it knows of 100,000 tasks and as many actors, and the log monitor 200 files open. That is not
reached in 50 runs; these bounds are while it warms up, so that whatever grows behind them is a leak. Metrics have no
bound: those of ended workers stay in the dashboard's agent for ever. What the environment says goes over these."""
OWN_NAMES: Final = (
    ("gcs_server", "head (GCS)"), ("raylet/raylet", "raylet"), ("dashboard/dashboard.py", "dashboard"),
    ("ray::DashboardAgent", "dashboard's agent"), ("ray::RuntimeEnvAgent", "runtime environments' agent"),
    ("multiprocessing.forkserver", "dashboard's forkserver"),
    ("log_monitor.py", "log monitor"), ("autoscaler/_private/monitor.py", "autoscaler's monitor"),
    ("util.client.server", "client server"), ("ray.scripts.scripts", "ray start"),
)  # fmt: skip
DRIVER: Final = """
import os, sys
import ray
from jobs.command import main
ray.init(os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")
for folder in sys.stdin:
    try:
        main(["run", sys.argv[1], "--directory", folder.strip(), "--progress", "off"])
    except SystemExit as end:
        print("soak: ended", end.code or 0, flush=True)
"""
CONTROL: Final = """
import os, sys
import ray
ray.init(os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")
task = ray.remote(lambda number: number)
ray.get([task.remote(number) for number in range(int(sys.argv[1]))])
"""


def role(command: str) -> str | None:
    """Return the role of a process by its command line: `role("ray::IDLE")` is "worker". None: it ends with the run."""
    if command.startswith("ray::") and "Agent" not in command:
        return "worker"
    if command.startswith(f"{sys.executable} -c {DRIVER[:20]}"):
        return "driver"
    if module := re.match(r"ray-dashboard-(\w+)", command):
        return f"dashboard's {module[1]}"
    return next((name for part, name in OWN_NAMES if part in command), None)


def own_processes(token: str) -> list[Path]:
    """Return the folders in /proc of the processes that this one started, and of those that they started.

    A process that gives itself another title overwrites its environment; one whose parent has ended is nobody's child.
    So both are read.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if f"{TOKEN}={token}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    for process in parents:
        above = process
        while above in parents and above not in found:
            above = parents[above]
        if above in found:
            found.add(process)
    return [Path("/proc") / str(process) for process in found]


def weighed(token: str) -> list[Weight]:
    """Measure memory and open files of the cluster's processes, and of a driver that stays."""
    weights = []
    for process in own_processes(token):
        with suppress(OSError):
            name = role((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
            if name is not None:
                own, whole = memory((process / "smaps_rollup").read_text())
                weights.append(Weight(name, int(process.name), own, whole, len(os.listdir(process / "fd"))))  # noqa: PTH208
    return sorted(weights, key=lambda one: (one.name, one.process))


def memory(rollup: str) -> tuple[int, int]:
    """(bytes without those of files, all bytes), in proportion where they are shared (Pss), of a smaps_rollup.

    Pages of programs and libraries belong in equal parts to all on the machine who use them, so others' coming and
    going changes them.
    """
    said = {line.split(":")[0]: line.split()[1] for line in rollup.splitlines() if line.endswith(" kB")}
    own = sum(int(said.get(part, 0)) for part in ("Pss_Anon", "Pss_Shmem", "SwapPss"))
    return own << 10, int(said["Pss"]) << 10


@contextmanager
def cluster(scratch: Path, token: str) -> Iterator[tuple[str, str]]:
    """A head on loopback, two processors: (its address, its dashboard's)."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    port, dashboard, client, agent = (str(server.getsockname()[1]) for server in servers)
    for server in servers:
        server.close()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    command += ["--node-ip-address", "127.0.0.1", "--dashboard-host", "127.0.0.1", "--num-cpus", "2", "--port", port]
    command += ["--dashboard-port", dashboard, "--ray-client-server-port", client]
    command += ["--dashboard-agent-listen-port", agent, "--temp-dir", str(scratch / "ray")]
    environment = surroundings(scratch, token)
    with (scratch / "cluster.log").open("wb") as log:
        head = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + START_S
        while not (listens(port) and listens(dashboard)):
            if head.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((scratch / "cluster.log").read_text()[-2000:])
            time.sleep(POLL_S)
        yield f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}"
    finally:
        head.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            head.wait(30)
        for one in weighed(token):
            with suppress(ProcessLookupError):
                os.kill(one.process, signal.SIGKILL)


def surroundings(scratch: Path, token: str) -> dict[str, str]:
    """The environment of the cluster and of drivers: temporary files all go to one folder."""
    (scratch / "tmp").mkdir(exist_ok=True)
    more = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9"}
    more |= {"TMPDIR": str(scratch / "tmp"), "HF_HUB_OFFLINE": "1"}
    return BOUNDED | os.environ | more | {TOKEN: token, "PYTHONPATH": str(ROOT)}


def listens(port: str) -> bool:
    """Return True if a local port accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def runner(asked: argparse.Namespace, environment: dict[str, str], log: Path) -> Callable[[Path], None]:
    """Return a function that runs the workflow in a folder."""
    workflow = str(Path(asked.workflow).resolve())
    if asked.control or asked.drivers == "each":

        def run(folder: Path) -> None:
            command = ["-m", "jobs.command", "run", workflow, "--directory", str(folder), "--progress", "off"]
            if asked.control:
                command = ["-c", CONTROL, str(asked.control)]
            with log.open("wb") as file:
                done = subprocess.run(
                    [sys.executable, *command], env=environment, stdout=file, stderr=file, timeout=RUN_S
                )
            if done.returncode:
                raise SystemExit(log.read_text()[-2000:])

        return run
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, workflow], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip

    def ask(folder: Path) -> None:
        assert driver.stdin is not None and driver.stdout is not None
        print(folder, file=driver.stdin, flush=True)
        for line in driver.stdout:
            if line.startswith("soak: ended"):
                if line.split()[2] != "0":
                    raise SystemExit("a run failed; see above")
                return
        raise SystemExit("the driver is gone; see above")

    return ask


def sample(seconds: float, folder: Path, scratch: Path, token: str, dashboard: str, workers: int | None) -> Sample:
    """Take a sample once the cluster has settled: no actor is alive, and no more than `workers` workers."""
    from ray.util.state import list_actors, list_objects, list_placement_groups

    deadline = time.monotonic() + SETTLE_S
    while True:
        weights = weighed(token)
        idle = sum(one.name == "worker" for one in weights)
        actors = sum(str(one.state) != "DEAD" for one in list_actors(dashboard, limit=10_000))
        groups = sum(str(one.state) != "REMOVED" for one in list_placement_groups(dashboard, limit=10_000))
        objects = len(list_objects(dashboard, limit=10_000, raise_on_missing_output=False))
        left = actors or groups or objects or (idle > workers if workers is not None else False)
        if time.monotonic() > deadline or (not left and time.monotonic() > deadline - SETTLE_S + 4 * POLL_S):
            break
        time.sleep(POLL_S)
    logs = [path for path in (scratch / "ray").rglob("*") if "logs" in path.parts]
    files = [path for name in ("ray", "tmp") for path in (scratch / name).rglob("*") if "logs" not in path.parts]
    shared = [path for path in Path("/dev/shm").iterdir() if path.owner() == Path.home().owner()]
    return Sample(
        seconds, tuple(weights), actors, groups, objects, len(files), len(logs), len(shared), *outcome(folder)
    )


def outcome(folder: Path) -> tuple[str, int]:
    """Return a digest of a run's results without its timings, and the number of temporary files that it left."""
    digest, left = hashlib.sha256(), 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        left += name.endswith((".part", ".planned")) or path.name.startswith(".babelmerge-")
        if path.suffix != ".json" and path.name != "report.html":  # times, and paths of the folder
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest(), left


def main(arguments: list[str] | None = None) -> int:
    """Run the soak test; return 1 where something grew or was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--drivers", choices=("each", "one"), default="each")
    parser.add_argument("--workflow", default=str(ROOT / "conf/demo.yaml"))
    parser.add_argument("--control", type=int, metavar="TASKS", help="empty tasks in place of the workflow")
    parser.add_argument("--json", type=Path, help="write every sample there")
    asked = parser.parse_args(arguments)
    scratch, token = Path(tempfile.mkdtemp(prefix="soak-", dir="/tmp")), secrets.token_hex(8)  # sockets: short names
    samples: list[Sample] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to"))  # end the cluster too
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}  # others on this machine are not answered
    try:
        with cluster(scratch, token) as (address, dashboard):
            environment = surroundings(scratch, token) | {"RAY_ADDRESS": address}
            run = runner(asked, environment, scratch / "run.log")
            for number in range(1, asked.runs + 1):
                folder = scratch / f"run-{number}"
                folder.mkdir()
                began = time.monotonic()
                run(folder)
                seconds = time.monotonic() - began
                workers = sum(one.name == "worker" for one in samples[0].weights) if samples else None
                samples.append(sample(seconds, folder, scratch, token, dashboard, workers))
                shutil.rmtree(folder)
                print(f"run {number}: {samples[-1].line()}", file=sys.stderr, flush=True)
                if asked.json:
                    asked.json.write_text(json.dumps([asdict(one) for one in samples]))
    except (KeyboardInterrupt, SystemExit) as end:
        print(f"ended after {len(samples)} of {asked.runs} runs: {end}", file=sys.stderr)
        if len(samples) < FEWEST:
            return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    wrong = found_wrong(samples)
    print(table(samples))
    print("\n".join(wrong) or "Nothing grew, nothing stayed.")
    return 1 if wrong or len(samples) < asked.runs else 0


if __name__ == "__main__":
    sys.exit(main())
