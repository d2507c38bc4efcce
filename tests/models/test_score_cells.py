from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regulars.models.score_cells import ScoreCells

VALUES = {"a": [10.0, 20.0, 30.0], "b": [100.0, 140.0]}
CELLS = ScoreCells(
    {
        "segment": np.array(list(VALUES), dtype=object),
        "customers": [len(values) for values in VALUES.values()],
        "revenue": [sum(values) for values in VALUES.values()],
        "revenue_squares": [sum(value * value for value in values) for values in VALUES.values()],
    }
)


def test_totals() -> None:
    assert CELLS.count() == 5
    assert CELLS.count(CELLS.where("segment", ["b"])) == 2
    assert CELLS.total("revenue") == 300
    assert CELLS.count(CELLS.where("segment", [])) == 0


def test_mean() -> None:
    told = CELLS.mean("revenue", CELLS.where("segment", ["a"]))
    low, high = stats.t.interval(0.95, 2, 20, stats.sem([10, 20, 30]))
    assert told == pytest.approx((20, low, high))
    assert CELLS.mean("revenue", CELLS.where("segment", ["c"])) == (None, None, None)


def test_share_is_a_ratio_over_all_customers() -> None:
    told = CELLS.share("revenue", CELLS.where("segment", ["b"]))
    assert told.value == 0.8
    inside = np.array([0, 0, 0, 100, 140.0])
    everybody = np.array([10, 20, 30, 100, 140.0])
    error = np.std(inside - 0.8 * everybody, ddof=1) / np.sqrt(5) / everybody.mean()
    low, high = stats.t.interval(0.95, 4, 0.8, error)
    assert (told.low, told.high) == pytest.approx((low, high))


def test_no_share_of_nothing() -> None:
    cells = ScoreCells({"customers": [2], "revenue": [-5.0], "revenue_squares": [25.0]})
    assert cells.share("revenue", np.array([True])) == (None, None, None)


def test_one_customer_has_no_interval() -> None:
    cells = ScoreCells({"customers": [1], "revenue": [5.0], "revenue_squares": [25.0]})
    assert cells.mean("revenue", np.array([True])) == (5.0, None, None)
