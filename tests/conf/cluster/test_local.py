"""conf/cluster/local.yaml, held against what `ray up` and `ray start` of this version take."""

import copy
import re
import shlex
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # imports Ray's command line, inside the tests: three seconds


@pytest.fixture
def cluster() -> Any:
    return yaml.safe_load((ROOT / "conf/cluster/local.yaml").read_text("utf-8"))


def validate(cluster: dict[str, Any]) -> Any:
    """The cluster's file as `ray up` completes it. Raises where it does not take it."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(copy.deepcopy(cluster))
    validate_config(prepared)
    return prepared


def test_ray_up_takes_it(cluster: dict[str, Any]) -> None:
    prepared = validate(cluster)
    assert prepared["head_start_ray_commands"] == cluster["head_start_ray_commands"]
    assert prepared["max_workers"] == 0


def test_a_field_that_is_not_there_is_found(cluster: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError, match="tolerance"):
        validate(cluster | {"tolerance": 3})


def test_it_listens_on_loopback_and_reports_to_nobody(cluster: dict[str, Any]) -> None:
    from ray.scripts.scripts import start

    [command] = cluster["head_start_ray_commands"]
    exported, started = command.split("; ")
    set_there = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0", "RAY_USAGE_STATS_ENABLED=0"}
    assert set_there | {"RAY_USAGE_STATS_REPORT_URL=http://127.0.0.1:9"} <= set(shlex.split(exported))
    ray, verb, *flags = shlex.split(started)
    assert (ray, verb) == ("ray", "start")
    given = start.make_context("start", flags).params
    assert given["head"] and given["node_ip_address"] == given["dashboard_host"] == "127.0.0.1"
    assert cluster["provider"]["head_ip"] == "127.0.0.1" and cluster["provider"]["worker_ips"] == []
    assert re.search(r"conf/cluster/local\.yaml", (ROOT / "docs/how-to/train-on-a-cluster.md").read_text("utf-8"))
