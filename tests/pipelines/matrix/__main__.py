"""The whole fault matrix as a table, and nodes removed at random: `python -m tests.pipelines.matrix [--removals 20]`.

Every cell is run, those that Ray has a part in on Ray's own test cluster of three nodes; a cell that fails ends the
program. Then the stages run one after the other, again and again, while a node is removed at a random moment.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.ray_engine import RayEngine
from tests.pipelines.matrix.on_ray import DRIVER, ON_RAY, REMOVED, Nodes, driver_killed_on_ray, on_ray
from tests.pipelines.matrix.on_threads import FAULTS, STORAGE, Cell, cell
from tests.pipelines.matrix.stages import STAGES, files_of, make_small, prepare
from tests.pipelines.matrix.storage_on_ray import storage_on_ray


def tell(line: str) -> None:
    """To whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def all_cells(made: Path, plain: dict[str, dict[str, bytes]], nodes: Nodes) -> list[Cell]:
    """Every stage, every fault."""
    cells = []
    for stage in STAGES.values():
        for fault in FAULTS:
            folder = made / f"{stage.name}-{fault.replace(' ', '-')}"
            folder.mkdir()
            if fault in ON_RAY:
                cells.append(on_ray(stage, fault, made, plain[stage.name], folder, nodes, RayEngine(3)))
                if fault == REMOVED:
                    nodes.add()
            elif fault == DRIVER:
                cells.append(driver_killed_on_ray(stage, made, plain[stage.name], folder, nodes))
            elif fault in STORAGE:
                cells.append(storage_on_ray(stage, fault, made, plain[stage.name], folder))
            else:
                cells.append(cell(stage, fault, made, plain[stage.name], folder / "o"))
        tell(f"{stage.name}: done")
    return cells


def removals(made: Path, plain: dict[str, dict[str, bytes]], nodes: Nodes, times: int) -> None:
    """So many runs of all stages, each with a node removed at a random moment, from the start of the engine on.

    A run that was over before the moment came does not count.
    """
    draw = random.Random(7)
    took = min(_all_stages(made, made / f"undisturbed-{i}", plain)[0] for i in range(2))
    tell(f"undisturbed: {took:.1f} s")
    done = tried = 0
    while done < times:
        tried += 1
        moment, place = draw.uniform(0, took), draw.randrange(2)
        remover = threading.Timer(moment, nodes.remove, [None, place])
        remover.start()
        seconds, lost = _all_stages(made, made / f"removal-{tried}", plain)
        remover.join()
        nodes.add()
        if seconds > moment:
            done += 1
            tell(f"removal {done}: at {moment:.1f} s of {seconds:.1f} s, {lost} workers lost, same bytes")
    tell(f"{done} removals, {tried} runs")


def _all_stages(made: Path, out: Path, plain: dict[str, dict[str, bytes]]) -> tuple[float, int]:
    began = time.monotonic()
    engine = RayEngine(3)
    for stage in STAGES.values():
        stage.run(made, out / stage.name, engine)
        assert files_of(out / stage.name) == plain[stage.name], stage.name
    return time.monotonic() - began, engine.stats.failures


def table(cells: Sequence[Cell]) -> str:
    """Markdown: a row a fault, a column a stage."""
    by_place = {(one.fault, one.stage): one for one in cells}
    lines = [f"| fault | on | {' | '.join(STAGES)} |", f"|---|---|{'---|' * len(STAGES)}"]
    for fault in FAULTS:
        row = [by_place[fault, stage] for stage in STAGES]
        entries = [f"{one.ended}, {one.seconds:.1f} s" + ("" if one.lost == "-" else f", {one.lost}") for one in row]
        lines.append(f"| {fault} | {row[0].engine} | {' | '.join(entries)} |")
    return "\n".join(lines)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipelines.matrix")
    parser.add_argument("--removals", type=int, default=0, metavar="N", help="remove a node N times, too")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        made = Path(folder)
        make_small(patch)
        prepare(made)
        for stage in STAGES.values():
            stage.run(made, made / f"plain-{stage.name}", LocalEngine(1))
        plain = {name: files_of(made / f"plain-{name}") for name in STAGES}
        nodes = Nodes(2)
        try:
            tell(table(all_cells(made, plain, nodes)))
            if wanted.removals:
                removals(made, plain, nodes, wanted.removals)
        finally:
            nodes.close()


if __name__ == "__main__":
    main()
