"""conf/cluster/: manifests that a strict reader takes, and commands that our command line takes."""

import re
import shlex
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import typer
import yaml

from jobs.command import application
from jobs.version import __version__
from jobs.workflow import read_workflow
from pipelines.retokenize.settings import Retokenize
from tests.conf.manifests import CronJob, Manifest, RayCluster, RayCronJob, RayJob, check_schedule, pods
from tests.conftest import ROOT

CLUSTER = ROOT / "conf/cluster"
MANIFESTS: dict[str, type[Manifest]] = {
    "raycluster": RayCluster,
    "rayjob": RayJob,
    "raycronjob": RayCronJob,
    "cronjob": CronJob,
}


def data(name: str) -> Any:
    return yaml.safe_load((CLUSTER / f"{name}.yaml").read_text())


def manifest(name: str) -> Manifest:
    found: Manifest = msgspec.convert(data(name), Manifest)
    return found


def parse(command: str) -> None:
    """Hand a command line to ours, without running it. Raises what wrong usage raises."""
    name, *arguments = shlex.split(command)
    if name in ("python", "python3"):
        assert arguments[:2] == ["-m", "jobs.command"]
        arguments = arguments[2:]
    else:
        assert name == "babelmerge"
    group = typer.main.get_command(application([]))
    own = group.commands[arguments[0]]  # type: ignore[attr-defined]
    own.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_a_manifest_is_what_its_kind_takes(name: str) -> None:
    made = manifest(name)
    assert isinstance(made, MANIFESTS[name])
    for pod in pods(made):
        volumes = {volume.name for volume in pod.volumes}
        for container in pod.containers:
            assert {mount.name for mount in container.volume_mounts} <= volumes
            assert container.security_context.capabilities.drop == ["ALL"]
            assert {"RAY_USAGE_STATS_ENABLED", "RAY_USAGE_STATS_REPORT_URL"} <= {one.name for one in container.env}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
@pytest.mark.parametrize("place", ["spec", "metadata", None])
def test_a_field_that_is_not_there_is_found(name: str, place: str | None) -> None:
    wrong = data(name)
    (wrong if place is None else wrong[place])["tolerance"] = 3
    with pytest.raises(msgspec.ValidationError, match="unknown field `tolerance`"):
        msgspec.convert(wrong, Manifest)


def test_wrong_values_are_found() -> None:
    wrong = data("cronjob")
    wrong["spec"]["concurrencyPolicy"] = "Never"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Manifest)
    wrong = data("raycluster")
    wrong["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0  # KubeRay wants text
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Manifest)
    for schedule in ("30 2 * *", "60 2 * * *", "30 24 * * *", "a 2 * * *", "5-1 * * * *", "*/0 * * * *"):
        with pytest.raises(ValueError, match=r"cron|fields|range"):
            check_schedule(schedule)


@pytest.mark.parametrize("name", ["cronjob", "raycronjob"])
def test_schedules_and_time_zones_are_real(name: str) -> None:
    made = manifest(name)
    assert isinstance(made, CronJob | RayCronJob)
    spec = made.spec
    check_schedule(spec.schedule)
    assert ZoneInfo(spec.time_zone).key == spec.time_zone


def test_ray_is_the_version_that_the_image_holds() -> None:
    locked = re.search(r"^ray(?:\[[^\]]*\])?==([\d.]+)", (ROOT / "requirements-run.lock").read_text(), re.MULTILINE)
    assert locked is not None
    for name in ("raycluster", "rayjob", "raycronjob"):
        assert f'rayVersion: "{locked[1]}"' in (CLUSTER / f"{name}.yaml").read_text()
    for name in MANIFESTS:
        images = re.findall(r"image: (\S+)", (CLUSTER / f"{name}.yaml").read_text())
        assert set(images) == {f"babelmerge:{__version__}"}


def test_every_cluster_is_the_same_one() -> None:
    cluster = manifest("raycluster")
    job, nightly = manifest("rayjob"), manifest("raycronjob")
    assert isinstance(cluster, RayCluster) and isinstance(job, RayJob) and isinstance(nightly, RayCronJob)
    assert job.spec.ray_cluster_spec == cluster.spec
    assert nightly.spec.job_template == job.spec


def test_the_crontab_line_is_one() -> None:
    [line] = [line for line in (CLUSTER / "crontab").read_text().splitlines() if not line.startswith("#")]
    *schedule, command = line.split(maxsplit=5)
    check_schedule(" ".join(schedule))
    assert "%" not in command  # which cron turns into a line's end
    [ours] = re.findall(r"babelmerge [^>&]*", command)
    parse(ours)


def test_the_commands_in_manifests_are_ours() -> None:
    job, nightly = manifest("rayjob"), manifest("cronjob")
    assert isinstance(job, RayJob) and isinstance(nightly, CronJob)
    parse(job.spec.entrypoint)
    [container] = nightly.spec.job_template.spec.template.spec.containers
    parse(shlex.join(["babelmerge", *container.args]))
    with pytest.raises(Exception, match="No such option"):
        parse("babelmerge submit nightly.yaml --adress x")


def test_the_workflow_is_one() -> None:
    workflow = read_workflow(str(CLUSTER / "nightly.yaml"), {})
    assert [type(settings) for settings in workflow.settings()] == [Retokenize]


def test_the_page_names_files_and_commands_that_are_there() -> None:
    page = (ROOT / "docs/how-to/run-on-a-schedule.md").read_text()
    named = set(re.findall(r"conf/cluster/[\w.]+", page))
    assert named == {f"conf/cluster/{path.name}" for path in CLUSTER.iterdir() if path.name != "local.yaml"}
    commands = re.findall(r"^ {4}(babelmerge .*)$", page, re.MULTILINE)
    assert commands
    for command in commands:
        parse(command)
