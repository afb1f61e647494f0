"""The linear program of data-mixture inference, grown row by row: the one place that talks to HiGHS.

Variables: the shares a (n of them, in the simplex), a slack v_t per merge step and a slack v_p per pair, all >= 0.
Row (t, p): v_t + v_p + sum_i a_i d_i >= 0, where d_i is the chosen merge's count less the pair's in category i.
Minimise the sum of all slacks (Hayase et al. 2024, section 3.1). Rows, and the slacks they mention, are added as they
are found violated (section 3.4); the simplex method goes on from where it stood.
"""

from dataclasses import dataclass

import highspy
import numpy as np

from operators.arrays import F64, I32, I64
from operators.errors import DataError

FEASIBILITY_TOLERANCE = 1e-10
"""How far HiGHS may miss a row or a bound, in the units of the rows; the least it accepts (its default is 1e-7)."""


class SolverFailed(DataError):
    """HiGHS ended with a status other than optimal."""

    def __init__(self, status: str, rows: int) -> None:
        super().__init__(status, rows)
        self.status, self.rows = status, rows

    def __str__(self) -> str:
        return (
            f"the linear program of the mixture ({self.rows} rows) was not solved, HiGHS says: {self.status}; "
            "use fewer merges, and check that the categories' samples were cut by the tokenizer's pre-tokenizer"
        )


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
    """A HiGHS that prints nothing, uses one thread, and gives the same answer each time."""
    highs = highspy.Highs()
    options = {
        "output_flag": False,
        "threads": 1,
        "random_seed": 0,
        "solver": "simplex",
        "primal_feasibility_tolerance": FEASIBILITY_TOLERANCE,
        "dual_feasibility_tolerance": FEASIBILITY_TOLERANCE,
    }
    for name, value in options.items():
        highs.setOptionValue(name, value)
    return highs
