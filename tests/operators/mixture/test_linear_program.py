"""The optimum of the lazily grown program against the whole program, written out row by row and solved at once."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
import pytest

import operators.mixture.linear_program
from operators.mixture.linear_program import SlackProgram, SolverFailed, solve_lazily
from operators.mixture.program import collect_changes, infer_mixture
from operators.tokenizer import Merges
from tests.operators.mixture.test_program import (
    FIRST_TOKEN,
    Pair,
    Word,
    counts_at_each_step,
    languages,
    mixed,
    random_words,
    record_of,
    train,
)


class WholeProgram:
    """Every row and every column of the definition, from the counts that a plain replay sees."""

    def __init__(self, categories: Sequence[Counter[Word]], merges: Merges) -> None:
        states = [counts_at_each_step(words, merges) for words in categories]
        self.n, self.steps = len(categories), len(merges)
        size = [sum(state[0].values()) for state in states]
        pairs = sorted({pair for state in states for counts in state for pair in counts})
        column = {pair: self.n + self.steps + i for i, pair in enumerate(pairs)}
        self.columns = self.n + self.steps + len(pairs)
        # Counts per 1000 pairs keep the solver's absolute tolerance small beside them.
        rows: list[dict[int, float]] = []
        for t, chosen in enumerate(zip(merges.left.tolist(), merges.right.tolist(), strict=True)):
            for pair in pairs:
                if pair != chosen:
                    gap = {i: 1000.0 * (s[t][chosen] - s[t][pair]) / size[i] for i, s in enumerate(states)}
                    rows.append(gap | {self.n + t: 1.0, column[pair]: 1.0})
        self.rows = rows
        self.slack_cost = [0.0] * self.n + [1.0] * (self.columns - self.n)

    def minimise(self, cost: Sequence[float], most_slack: float | None = None) -> tuple[float, Any]:
        """The least cost, and where; with `most_slack`, among the points whose slacks sum to no more than this."""
        rows = [(1.0, 1.0, dict.fromkeys(range(self.n), 1.0))]
        rows += [(0.0, highspy.kHighsInf, row) for row in self.rows]
        if most_slack is not None:
            rows.append((-highspy.kHighsInf, most_slack, dict.fromkeys(range(self.n, self.columns), 1.0)))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, len(rows)
        lp.col_cost_ = np.array(cost)
        lp.col_lower_, lp.col_upper_ = np.zeros(self.columns), np.full(self.columns, highspy.kHighsInf)
        lp.row_lower_, lp.row_upper_ = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0] + [len(r[2]) for r in rows])
        lp.a_matrix_.index_ = np.concatenate([list(r[2]) for r in rows])
        lp.a_matrix_.value_ = np.concatenate([list(r[2].values()) for r in rows])
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("primal_feasibility_tolerance", 1e-10)
        highs.setOptionValue("dual_feasibility_tolerance", 1e-10)
        highs.passModel(lp)
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return highs.getInfo().objective_function_value, np.array(highs.getSolution().col_value)


def random_merges(rng: random.Random, letters: Sequence[int], count: int) -> Merges:
    """Any pairs of known tokens: most occur, some nowhere, some twice in the list."""
    known, made = list(letters), dict[Pair, int]()
    rows = []
    for _ in range(count):
        pair = (rng.choice(known), rng.choice(known))
        if rng.random() < 0.2 and made:
            pair = rng.choice(sorted(made))
        token = made.setdefault(pair, FIRST_TOKEN + len(made))
        known.append(token)
        rows.append((*pair, token, -1))
    return Merges.from_rows(rows)


def small_case(seed: int) -> tuple[list[Counter[Word]], Merges]:
    """Two to four categories; their list was trained on a mixture, on something else, or is made up."""
    rng = random.Random(seed)
    n, letters = rng.randint(2, 4), range(97, 97 + rng.randint(3, 6))
    categories = [random_words(rng, letters, rng.randint(3, 12), 6) for _ in range(n)]
    count = rng.randint(1, 14)
    if seed % 3 == 0:
        return categories, train(mixed(categories, [rng.randint(0, 4) for _ in range(n - 1)] + [1]), count)
    if seed % 3 == 1:
        return categories, train(random_words(rng, [*letters, 120], 20, 6), count)
    return categories, random_merges(rng, letters, count)


def solved_lazily(categories: Sequence[Counter[Word]], merges: Merges) -> Any:
    records = [record_of(str(i), words, merges, shuffle=i) for i, words in enumerate(categories)]
    return solve_lazily(collect_changes(records, merges))[0]


@pytest.mark.slow
@pytest.mark.parametrize("first_steps", [1000, 2])  # 2: lists of three merges and more begin with their first third
@pytest.mark.parametrize("block", range(2))
def test_the_lazy_optimum_is_that_of_the_whole_program(
    block: int, first_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators.mixture.linear_program, "FIRST_STEPS", first_steps)
    for seed in range(40 * block, 40 * block + 40):
        categories, merges = small_case(seed)
        optimum = solved_lazily(categories, merges)
        whole = WholeProgram(categories, merges)
        least, _ = whole.minimise(whole.slack_cost)
        assert optimum.objective == pytest.approx(least / 1000, abs=1e-9), seed
        assert optimum.objective == pytest.approx(optimum.step_slack.sum() + optimum.pair_slack.sum(), abs=1e-9), seed
        assert optimum.share.sum() == pytest.approx(1.0, abs=1e-9)
        # The shares lie where the whole program's optima lie, which is one point where the optimum is unique.
        for i in range(whole.n):
            unit = [float(j == i) for j in range(whole.columns)]
            low, _ = whole.minimise(unit, least + 1e-9)
            high, _ = whole.minimise([-c for c in unit], least + 1e-9)
            assert low - 1e-7 <= optimum.share[i] <= -high + 1e-7, (seed, i, low, optimum.share[i], -high)


def test_every_row_holds_at_the_lazy_optimum() -> None:
    for seed in range(200, 230):
        categories, merges = small_case(seed)
        optimum = solved_lazily(categories, merges)
        states = [counts_at_each_step(words, merges) for words in categories]
        share = [a / sum(s[0].values()) for a, s in zip(optimum.share, states, strict=True)]
        seen = sorted({pair for s in states for counts in s[:-1] for pair in counts})
        slack = dict(zip(seen, optimum.pair_slack, strict=True))
        for t, chosen in enumerate(zip(merges.left.tolist(), merges.right.tolist(), strict=True)):
            for pair in seen:
                gap = sum(a * (s[t][chosen] - s[t][pair]) for a, s in zip(share, states, strict=True))
                assert pair == chosen or optimum.step_slack[t] + slack[pair] + gap >= -1e-9


def test_the_number_of_rows_a_sweep_adds_changes_no_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    categories = languages(seed=3, n=3)
    merges = train(languages(seed=9, n=1)[0], 120)
    records = [record_of(name, words, merges) for name, words in zip("abc", categories, strict=True)]
    usual = infer_mixture(records, merges)
    for per_step, per_pair in [(1, 1), (1000, 1000)]:
        monkeypatch.setattr(operators.mixture.linear_program, "ROWS_PER_STEP", per_step)
        monkeypatch.setattr(operators.mixture.linear_program, "ROWS_PER_PAIR", per_pair)
        other = infer_mixture(records, merges)
        assert other.rows != usual.rows
        assert other.objective == pytest.approx(usual.objective, abs=1e-9)
        np.testing.assert_allclose(other.share, usual.share, atol=1e-7)


def test_a_merge_that_occurs_nowhere_pays_its_own_slack() -> None:
    """One step, one pair of 3 in 4: the absent merge's slack must reach the highest count, or the pair's must."""
    words: list[Counter[Word]] = [Counter({(97, 98): 3, (98, 97): 1}), Counter({(97, 98): 1, (98, 97): 3})]
    optimum = solved_lazily(words, Merges.from_rows([(99, 99, 256, -1)]))
    assert optimum.objective == pytest.approx(0.5)
    np.testing.assert_allclose(optimum.share, [0.5, 0.5], atol=1e-9)


def test_a_pair_that_is_never_chosen_pays_once() -> None:
    """Ten steps of merges that occur nowhere against one pair: its one slack is cheaper than ten of the steps'."""
    words: list[Counter[Word]] = [Counter({(97, 98): 5}), Counter({(97, 98): 7})]
    optimum = solved_lazily(words, Merges.from_rows([(99, 99 + i, 256 + i, -1) for i in range(1, 11)]))
    assert optimum.objective == pytest.approx(1.0)
    np.testing.assert_allclose(optimum.pair_slack, [1.0], atol=1e-9)


def test_any_status_but_optimal_is_an_error() -> None:
    program = SlackProgram(2, 1, 1)
    program.add(np.array([0], np.int32), np.array([0]), np.array([-1.0, 1.0]))
    program._highs.setOptionValue("simplex_iteration_limit", 0)
    program._highs.setOptionValue("presolve", "off")
    with pytest.raises(
        SolverFailed, match=r"\(1 rows\) was not solved, HiGHS says: Iteration limit reached; use fewer"
    ):
        program.solve()


def test_the_solver_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    solved_lazily(*small_case(0))
    assert capfd.readouterr() == ("", "")
