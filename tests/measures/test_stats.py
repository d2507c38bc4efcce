from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from regulars.measures import stats

if TYPE_CHECKING:
    from regulars.engine.duckdb import DuckdbEngine


def cuts_of(engine: DuckdbEngine, values: list[float], levels: int) -> list[float]:
    table = engine.bring(pa.table({"value": values}), "rows")
    found: list[float] = engine.collect(stats.cut_points(table.value, len(values), levels), 1)[0][0].as_py()
    return found


def test_cut_points_of_a_small_list(engine: DuckdbEngine) -> None:
    # ten values in five parts: behind the 2nd, 4th, 6th and 8th; half-way to the next
    assert cuts_of(engine, [10, 1, 9, 2, 8, 3, 7, 4, 6, 5], 5) == pytest.approx([2.5, 4.5, 6.5, 8.5])


def test_equal_values_are_not_parted(engine: DuckdbEngine) -> None:
    assert cuts_of(engine, [1, 1, 1, 1, 1, 1, 2, 9], 4) == pytest.approx([1, 1, 1.5])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 101, 997])
@pytest.mark.parametrize("levels", [2, 4, 5, 9])
def test_above_a_cut_lie_those_with_enough_below(engine: DuckdbEngine, count: int, levels: int) -> None:
    rng = np.random.default_rng(count)
    values = np.round(rng.lognormal(1, 1, count) * 4) / 4
    for step, cut in enumerate(cuts_of(engine, values.tolist(), levels), start=1):
        above = values[values > cut]
        if above.size:
            assert levels * (values < above.min()).sum() >= step * count
        at_most = values[values <= cut]
        if at_most.size:  # and no value lies below the cut that belongs above it
            assert levels * (values < at_most.max()).sum() < step * count


def test_moments(engine: DuckdbEngine) -> None:
    table = engine.bring(pa.table({"x": [1, 2, None], "y": [10.0, 20.0, 5.0]}), "rows")
    sums = table.aggregate(**stats.moments("x", table.x), xy=stats.product(table.x, table.y))
    assert engine.collect(sums, 1).to_pylist() == [{"x": 3.0, "x_squares": 5.0, "xy": 50.0}]
