"""The linear program of data-mixture inference, grown row by row. The only module that calls HiGHS.

Variables: the shares a (n of them, in the simplex), a slack v_t per merge step and a slack v_p per pair, all >= 0.
Row (t, p): v_t + v_p + sum_i a_i d_i >= 0, where d_i is the chosen merge's count less the pair's in category i.
Minimise the sum of all slacks (Hayase et al. 2024, section 3.1). Rows, and the slacks they mention, are added as they
are found violated (section 3.4); the simplex method goes on from where it stood.

With the shares held fast, what is left is a matching of steps and pairs, which is solved some ten times as fast. So a
long list is begun with the shares that its first part gives: they are held until no row is violated, then released.
"""

from dataclasses import dataclass

import highspy
import numpy as np

from operators.arrays import F64, I32, I64
from operators.errors import DataError
from operators.kernels.violations import ChangeRows, Stretches, counts_before, violated_stretches, worst_pairs

FEASIBILITY_TOLERANCE = 1e-10
"""Greatest violation of a row or a bound by HiGHS, in units of the rows; the least it accepts (its default is 1e-7)."""
TOLERANCE = 1e-9
"""A row counts as violated above this, in units of the median chosen merge's mixture count."""
ROWS_PER_STEP = 5
ROWS_PER_PAIR = 2
ROWS_PER_SWEEP = 200
"""A sweep adds a step's worst violations, and of these a pair's worst; more of a pair's only while they are few."""

FIRST_STEPS = 1_000
GROWTH = 3
"""Lists longer than FIRST_STEPS begin with the shares of their first part, one GROWTH-th of their steps."""


class SolverFailed(DataError):
    """A status of HiGHS other than optimal."""

    status: str
    rows: int
    message = (
        "the linear program of the mixture ({rows} rows) was not solved, HiGHS says: {status}; use fewer merges, and "
        "check that the categories' samples were cut by the tokenizer's pre-tokenizer"
    )


@dataclass(frozen=True)
class Changes:
    """The records of all categories, sorted by pair, then by step; a row counts from step `start` on."""

    offsets: I64
    """int64[P + 1]: the rows of pair p are offsets[p]:offsets[p + 1]."""
    start: I32
    category: I32
    change: I64
    chosen_counts: I64
    """int64[T, n]: the counts, in the categories, of the pair that each step merges, before the step."""
    pairs: F64
    """float64[n]: pairs in each category's sample before any merge."""


@dataclass(frozen=True)
class Optimum:
    """The optimum over the rows so far."""

    share: F64
    """float64[n], sums to 1 within the solver's tolerance."""
    step_slack: F64
    """float64[T], v_t."""
    pair_slack: F64
    """float64[P], v_p; 0 for pairs no row mentions."""
    objective: float


class SlackProgram:
    """The program over the rows added so far."""

    def __init__(self, categories: int, steps: int, pairs: int) -> None:
        self.rows = 0
        self._categories = categories
        # Columns: the shares, then the slacks as they are first mentioned. Slack i < steps is v_t, the others v_p.
        self._steps = steps
        self._column = np.full(steps + pairs, -1, np.int64)
        self._slacks = np.empty(0, np.int64)
        self._highs = _silent_solver()
        ones = np.ones(categories)
        self._add_columns(np.zeros(categories), ones)
        self._add_rows(np.ones(1), np.ones(1), np.zeros(1, np.int64), np.arange(categories), ones)

    def add(self, steps: I32, pairs: I64, difference: F64) -> None:
        """Add rows (steps[i], pairs[i]); `difference`, float64[rows * n], holds d_i row by row. No row twice."""
        count, n = len(steps), self._categories
        slacks = np.stack([steps.astype(np.int64), pairs + self._steps], axis=1)
        new = np.unique(slacks[self._column[slacks] < 0])
        self._column[new] = n + len(self._slacks) + np.arange(len(new))
        self._slacks = np.concatenate([self._slacks, new])
        self._add_columns(np.ones(len(new)), np.full(len(new), highspy.kHighsInf))

        index = np.concatenate([np.tile(np.arange(n), (count, 1)), self._column[slacks]], axis=1)
        value = np.concatenate([difference.reshape(count, n), np.ones((count, 2))], axis=1)
        present = value != 0.0
        starts = np.concatenate([[0], np.cumsum(present.sum(axis=1))[:-1]])
        self._add_rows(np.zeros(count), np.full(count, highspy.kHighsInf), starts, index[present], value[present])
        self.rows += count

    def hold(self, share: F64) -> None:
        """Fix the shares at these values until `release`."""
        self._bound(share, share)

    def release(self) -> None:
        """Let the solver choose the shares again."""
        self._bound(np.zeros(self._categories), np.ones(self._categories))

    def solve(self) -> Optimum:
        """Solve from the last optimum on. Raises SolverFailed where HiGHS does not call it optimal."""
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverFailed(self._highs.modelStatusToString(status), self.rows)
        value = np.array(self._highs.getSolution().col_value)
        slack = np.zeros(len(self._column))
        slack[self._slacks] = np.maximum(value[self._categories :], 0.0)
        return Optimum(
            share=np.maximum(value[: self._categories], 0.0),
            step_slack=slack[: self._steps],
            pair_slack=slack[self._steps :],
            objective=float(self._highs.getInfo().objective_function_value),
        )

    def _bound(self, lower: F64, upper: F64) -> None:
        columns = np.arange(self._categories, dtype=np.int32)
        self._must(self._highs.changeColsBounds(self._categories, columns, lower, upper))

    def _add_columns(self, cost: F64, upper: F64) -> None:
        none = np.empty(0, np.int32)
        zeros = np.zeros(len(cost))
        starts = np.zeros(len(cost), np.int32)
        self._must(self._highs.addCols(len(cost), cost, zeros, upper, 0, starts, none, np.empty(0)))

    def _add_rows(self, lower: F64, upper: F64, starts: I64, index: I64, value: F64) -> None:
        starts, index = starts.astype(np.int32), index.astype(np.int32)
        self._must(self._highs.addRows(len(lower), lower, upper, len(index), starts, index, value))

    def _must(self, status: highspy.HighsStatus) -> None:
        # HiGHS warns of coefficients below its 1e-9 and drops them; the caller's scaling keeps them away.
        if status == highspy.HighsStatus.kError:
            raise SolverFailed("the rows were refused", self.rows)


def _silent_solver() -> highspy.Highs:
    """Return a HiGHS solver that prints nothing, uses one thread, and is deterministic."""
    highs = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "solver": "simplex",
        "simplex_dual_edge_weight_strategy": 1,  # devex: steepest edge would begin anew after every sweep
        "simplex_scale_strategy": 0,  # the rows come scaled
        "primal_feasibility_tolerance": FEASIBILITY_TOLERANCE,
        "dual_feasibility_tolerance": FEASIBILITY_TOLERANCE,
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)
    return highs


def solve_lazily(changes: Changes) -> tuple[Optimum, int, int]:
    """Return the optimum of the whole program, its rows and rounds: rows are added while any is violated (section 3.4).

    All counts are multiplied by one factor, so that the solver's absolute tolerance is small beside them. The slacks
    are then too large by that factor, and are divided by it at the end.
    """
    steps, n = changes.chosen_counts.shape
    pairs = len(changes.offsets) - 1
    scale = _scale(changes)
    per_occurrence = scale / changes.pairs
    chosen_height = changes.chosen_counts * per_occurrence

    program = SlackProgram(n, steps, pairs)
    share = np.full(n, 1.0 / n)
    if held := steps > FIRST_STEPS:
        share = solve_lazily(_first_part(changes, steps // GROWTH))[0].share
        share /= share.sum()  # to more digits than the solver's tolerance
        program.hold(share)
    optimum = Optimum(share, np.zeros(steps), np.zeros(pairs), 0.0)
    present = np.empty(0, np.int64)
    rounds = 0
    while True:
        bar = chosen_height @ optimum.share + optimum.step_slack
        step, pair = _violations(changes, per_occurrence * optimum.share, optimum.pair_slack, bar)
        # The solver may leave a row it has violated by its own tolerance: such a row is as satisfied as it will be.
        new = ~np.isin(pair * steps + step, present)
        step, pair = step[new], pair[new]
        if len(step) > 0:
            present = np.concatenate([present, pair * steps + step])
            counts = counts_before(changes.offsets, changes.start, changes.category, changes.change, n, step, pair)
            difference = (changes.chosen_counts[step] - counts.reshape(-1, n)) * per_occurrence
            program.add(step, pair, difference.ravel())
        elif held:
            program.release()
            held = False
        else:
            break
        optimum = program.solve()
        rounds += 1
    slack = optimum.step_slack / scale, optimum.pair_slack / scale
    return Optimum(optimum.share, *slack, optimum.objective / scale), program.rows, rounds


def _scale(changes: Changes) -> float:
    """Return the factor that makes the median chosen merge's share 1."""
    share = (changes.chosen_counts / changes.pairs).mean(axis=1)
    occurring = share[share > 0]
    return 1.0 / float(np.median(occurring)) if len(occurring) else 1.0


def _first_part(changes: Changes, steps: int) -> Changes:
    """Return the records of the first steps alone."""
    kept = changes.start < steps
    return Changes(
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[changes.offsets],
        start=changes.start[kept],
        category=changes.category[kept],
        change=changes.change[kept],
        chosen_counts=changes.chosen_counts[:steps],
        pairs=changes.pairs,
    )


def _violations(changes: Changes, weight: F64, pair_slack: F64, bar: F64) -> tuple[I32, I64]:
    """(steps, pairs) of the rows to add: every step's worst pairs.

    The chosen merge is never among them: its own row would read v_t + v_p >= 0, which holds.
    """
    room = len(changes.start)
    pair, first, end = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)
    height = np.empty(room)
    rows = ChangeRows(changes.offsets, changes.start, changes.category, changes.change)
    found = violated_stretches(rows, weight, pair_slack, bar, TOLERANCE, Stretches(pair, first, end, height))

    fall = np.lexsort((first[:found], pair[:found], -height[:found]))
    step, stretch = np.empty(ROWS_PER_STEP * len(bar), np.int32), np.empty(ROWS_PER_STEP * len(bar), np.int64)
    count = worst_pairs(first[fall], end[fall], height[fall], bar, TOLERANCE, ROWS_PER_STEP, step, stretch)
    step, pair, amount = step[:count], pair[fall][stretch[:count]], height[fall][stretch[:count]] - bar[step[:count]]
    worst = np.lexsort((step, -amount, pair))
    step, pair = step[worst], pair[worst]
    rank = np.arange(count) - np.searchsorted(pair, pair)
    enough = max(int((rank < ROWS_PER_PAIR).sum()), ROWS_PER_SWEEP)
    kept = np.sort(np.argsort(rank, kind="stable")[:enough])
    return step[kept], pair[kept]
