"""Value, churn, lifecycle and drivers on data that break formulas: an answer or a stated reason, and no NaN."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.errors import DataError

MakeDataset = Callable[..., Any]
START = datetime(2023, 1, 1)
NAMES = ("lifetime_value", "churn", "lifecycle", "value_drivers")


def orders(customer: Any, day: Any, amount: Any) -> pa.Table:
    days = np.asarray(day)
    return pa.table(
        {
            "order_id": [f"o{number}" for number in range(days.size)],
            "customer_id": [f"c{number}" for number in np.asarray(customer)],
            "ordered_at": pa.array([START + timedelta(days=int(one)) for one in days], pa.timestamp("us")),
            "amount": np.broadcast_to(np.asarray(amount, dtype=float), days.shape),
        }
    )


def worlds() -> dict[str, pa.Table]:
    rng = np.random.default_rng(6)
    many, days = np.arange(400), rng.integers(0, 700, 400)
    repeat = np.repeat(many, 4)
    spread = rng.integers(0, 700, repeat.size)
    return {
        "all one-time buyers": orders(many, days, 20.0),
        "zero-value orders": orders(repeat, spread, 0.0),
        "some zero-value orders": orders(repeat, spread, np.where(spread % 3, 25.0, 0.0)),
        "all orders twice on a day": orders(np.repeat(many, 2), np.repeat(days, 2), 20.0),
        "a single month": orders(repeat, spread % 28, 20.0),
        "a single day": orders(many, np.zeros(400), 20.0),
        "refunds larger than purchases": orders(repeat, spread, np.where(spread % 2, 10.0, -40.0)),
        "everybody the same": orders(np.repeat(many, 10), np.tile(np.arange(10) * 70, 400), 20.0),
        "one giant among many": orders(repeat, spread, np.where(repeat == 0, 1e9, 5.0)),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("world", worlds())
def test_an_answer_or_a_stated_reason(world: str, name: str, make_dataset: MakeDataset, checks: Any) -> None:
    data = make_dataset({"orders": worlds()[world]}, as_of=date(2025, 1, 1))
    try:
        result = data.run(name)
    except DataError as error:
        reason = error
    else:
        reason = None
    if reason is not None:
        assert reason.mend, "a reason without a mend"
        return
    checks.tidy(result)
    for table in result.tables:
        if not table.is_arrow:
            rows = data.collect(table.data, 10_000).to_pylist()
            assert not any(value != value for row in rows for value in row.values()), table.name


def test_the_whole_world_is_foretold_where_it_can_be(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": worlds()["some zero-value orders"]}, as_of=date(2025, 1, 1))
    total = data.run("lifetime_value").finding("lifetime_value.expected_total")
    assert total.value > 0
    assert total.interval is not None
