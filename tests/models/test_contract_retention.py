"""The log-rank test against published figures, and what it says where nothing can be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from regulars.models.contract_retention import stands_out
from regulars.models.survival import fit_survival

pytest.importorskip("lifelines", reason="the extra 'survival' is not installed")

# Freireich et al. (1963), Blood 21: weeks of remission under 6-mercaptopurine and placebo; 1: it ended.
TREATED = [
    (6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1), (17, 0), (19, 0),
    (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0),
]  # fmt: skip
PLACEBO = [(week, 1) for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]


def test_the_trial_that_textbooks_print() -> None:
    from regulars.models.contract_retention import log_rank_p_value

    rows = [("treated", *one) for one in TREATED] + [("placebo", *one) for one in PLACEBO]
    groups, weeks, ended = zip(*rows, strict=True)
    p_value = log_rank_p_value(groups, weeks, ended, [1 - one for one in ended])
    assert p_value == pytest.approx(4.17e-5, rel=0.01)  # chi-squared 16.79 on one degree of freedom
    curve = fit_survival([w for w, _ in TREATED], [e for _, e in TREATED], [1 - e for _, e in TREATED])
    assert 1 - curve.at(6)[0] == pytest.approx(0.857, abs=0.0005)
    assert 1 - curve.at(23)[0] == pytest.approx(0.448, abs=0.0005)


def test_counted_rows_say_the_same_as_single_ones() -> None:
    from regulars.models.contract_retention import log_rank_p_value

    single = log_rank_p_value(["a", "a", "b", "b"], [3, 3, 5, 9], [1, 1, 1, 0], [0, 0, 0, 1])
    assert log_rank_p_value(["a", "b", "b"], [3, 5, 9], [2, 1, 0], [0, 0, 1]) == pytest.approx(single)


@pytest.mark.parametrize(("groups", "ended"), [(["a", "a"], [1, 1]), (["a", "b"], [0, 0])])
def test_nothing_to_tell_apart(groups: list[str], ended: list[int]) -> None:
    from regulars.models.contract_retention import log_rank_p_value

    assert math.isnan(log_rank_p_value(groups, [3, 5], ended, [1 - one for one in ended]))


@pytest.mark.truth
def test_no_month_stands_out_where_contracts_end_at_a_steady_pace() -> None:
    worlds, false_alarms = 500, 0
    random = np.random.default_rng(8)
    for _ in range(worlds):
        reached = np.linspace(1500, 30, 45).astype(int)
        false_alarms += stands_out(reached.tolist(), random.binomial(reached, 0.04).tolist()) is not None
    assert false_alarms <= binom.ppf(0.999, worlds, 0.05)
    assert stands_out(reached.tolist(), np.where(np.arange(45) == 12, reached // 4, reached // 25).tolist()) == 12
