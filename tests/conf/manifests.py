"""A strict reading of the Kubernetes and KubeRay objects that conf/cluster/ holds: an unknown field is an error.

Fields and types are those of Kubernetes' batch/v1 and core/v1 and of KubeRay's ray.io/v1 that our manifests use; the
operators' own schemas come in no package.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
Seconds = Annotated[int, Meta(ge=0)]
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    """Names here are those of the objects, in another spelling: `fs_group` is fsGroup."""


class Metadata(Strict, frozen=True, kw_only=True):
    name: Name
    labels: dict[str, str] = {}


class Env(Strict, frozen=True, kw_only=True):
    name: str
    value: str


class Port(Strict, frozen=True, kw_only=True):
    container_port: Annotated[int, Meta(ge=1, le=65535)]
    name: Name


class Amounts(Strict, frozen=True, kw_only=True):
    cpu: Quantity
    memory: Quantity


class Resources(Strict, frozen=True, kw_only=True):
    requests: Amounts
    limits: Amounts


class HttpGet(Strict, frozen=True, kw_only=True):
    path: Annotated[str, Meta(pattern="^/")]
    port: Annotated[int, Meta(ge=1, le=65535)]


class Probe(Strict, frozen=True, kw_only=True):
    http_get: HttpGet
    initial_delay_seconds: Seconds = 0
    period_seconds: Annotated[int, Meta(ge=1)] = 10
    timeout_seconds: Annotated[int, Meta(ge=1)] = 1
    failure_threshold: Annotated[int, Meta(ge=1)] = 3


class Capabilities(Strict, frozen=True, kw_only=True):
    drop: list[str]


class ContainerSecurity(Strict, frozen=True, kw_only=True):
    allow_privilege_escalation: Literal[False]
    capabilities: Capabilities


class Mount(Strict, frozen=True, kw_only=True):
    name: Name
    mount_path: Annotated[str, Meta(pattern="^/")]
    read_only: bool = False


class Container(Strict, frozen=True, kw_only=True):
    name: Name
    image: Annotated[str, Meta(pattern=r"^[a-z0-9./-]+:[\w.-]+$")]
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"]
    args: list[str] = []
    ports: list[Port] = []
    env: list[Env] = []
    resources: Resources
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    security_context: ContainerSecurity
    volume_mounts: list[Mount] = []


class Claim(Strict, frozen=True, kw_only=True):
    claim_name: Name


class ConfigMap(Strict, frozen=True, kw_only=True):
    name: Name


class EmptyDir(Strict, frozen=True, kw_only=True):
    medium: Literal["", "Memory"] = ""
    size_limit: Quantity | None = None


class Volume(Strict, frozen=True, kw_only=True):
    name: Name
    persistent_volume_claim: Claim | None = None
    config_map: ConfigMap | None = None
    empty_dir: EmptyDir | None = None


class Seccomp(Strict, frozen=True, kw_only=True):
    type: Literal["RuntimeDefault", "Localhost", "Unconfined"]


class PodSecurity(Strict, frozen=True, kw_only=True):
    run_as_non_root: Literal[True]
    run_as_user: Annotated[int, Meta(ge=1)]
    fs_group: Annotated[int, Meta(ge=1)] | None = None
    seccomp_profile: Seccomp


class PodSpec(Strict, frozen=True, kw_only=True):
    restart_policy: Literal["Always", "OnFailure", "Never"] | None = None
    security_context: PodSecurity
    containers: Annotated[list[Container], Meta(min_length=1)]
    volumes: list[Volume] = []


class PodTemplate(Strict, frozen=True, kw_only=True):
    metadata: Metadata | None = None
    spec: PodSpec


class HeadGroup(Strict, frozen=True, kw_only=True):
    ray_start_params: dict[str, str]
    template: PodTemplate


class WorkerGroup(Strict, frozen=True, kw_only=True):
    group_name: Name
    replicas: Annotated[int, Meta(ge=0)]
    min_replicas: Annotated[int, Meta(ge=0)]
    max_replicas: Annotated[int, Meta(ge=0)]
    ray_start_params: dict[str, str]
    template: PodTemplate


class RayClusterSpec(Strict, frozen=True, kw_only=True):
    ray_version: str
    head_group_spec: HeadGroup
    worker_group_specs: list[WorkerGroup]


class RayJobSpec(Strict, frozen=True, kw_only=True):
    entrypoint: str
    submission_mode: Literal["K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode"]
    backoff_limit: Annotated[int, Meta(ge=0)]
    active_deadline_seconds: Annotated[int, Meta(ge=1)]
    shutdown_after_job_finishes: bool
    ttl_seconds_after_finished: Seconds
    ray_cluster_spec: RayClusterSpec


class RayCronJobSpec(Strict, frozen=True, kw_only=True):
    schedule: str
    time_zone: str
    suspend: bool
    job_template: RayJobSpec
    """Template of the job, whose fields stand here directly, without a `spec` between."""


class JobSpec(Strict, frozen=True, kw_only=True):
    backoff_limit: Annotated[int, Meta(ge=0)]
    active_deadline_seconds: Annotated[int, Meta(ge=1)]
    ttl_seconds_after_finished: Seconds
    template: PodTemplate


class JobTemplate(Strict, frozen=True, kw_only=True):
    spec: JobSpec


class CronJobSpec(Strict, frozen=True, kw_only=True):
    schedule: str
    time_zone: str
    concurrency_policy: Literal["Allow", "Forbid", "Replace"]
    starting_deadline_seconds: Seconds
    successful_jobs_history_limit: Annotated[int, Meta(ge=0)]
    failed_jobs_history_limit: Annotated[int, Meta(ge=0)]
    job_template: JobTemplate


class RayCluster(Strict, frozen=True, kw_only=True, tag_field="kind"):
    api_version: Literal["ray.io/v1"]
    metadata: Metadata
    spec: RayClusterSpec


class RayJob(Strict, frozen=True, kw_only=True, tag_field="kind"):
    api_version: Literal["ray.io/v1"]
    metadata: Metadata
    spec: RayJobSpec


class RayCronJob(Strict, frozen=True, kw_only=True, tag_field="kind"):
    api_version: Literal["ray.io/v1"]
    metadata: Metadata
    spec: RayCronJobSpec


class CronJob(Strict, frozen=True, kw_only=True, tag_field="kind"):
    api_version: Literal["batch/v1"]
    metadata: Metadata
    spec: CronJobSpec


Manifest = RayCluster | RayJob | RayCronJob | CronJob


def check_schedule(schedule: str) -> None:
    """Raises ValueError for what is no cron expression of five fields."""
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{schedule!r} has {len(fields)} fields, not five")
    for field, (low, high) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            found = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
            if found is None:
                raise ValueError(f"{part!r} in {schedule!r} is no cron field")
            numbers = [int(one) for one in found.groups()[:2] if one]
            if any(not low <= one <= high for one in numbers) or numbers != sorted(numbers) or found[3] == "0":
                raise ValueError(f"{part!r} in {schedule!r} is out of range")


def pods(manifest: Manifest) -> list[PodSpec]:
    """Every pod that the manifest asks for."""
    match manifest:
        case CronJob(spec=spec):
            return [spec.job_template.spec.template.spec]
        case RayCronJob(spec=spec):
            cluster = spec.job_template.ray_cluster_spec
        case RayJob(spec=spec):
            cluster = spec.ray_cluster_spec
        case RayCluster(spec=cluster):
            pass
    return [cluster.head_group_spec.template.spec, *(group.template.spec for group in cluster.worker_group_specs)]
