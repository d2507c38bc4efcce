"""Customers of one item in a made-up shop where whoever bought a is known to buy b next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.single_item_customers import SingleItemCustomers
from regulars.errors import SettingsError


def shop() -> pa.Table:
    """Pairs (0, 1), (2, 3) … are bought by the same customers; a third of them has the first half of a pair so far."""
    rows = []
    rng = np.random.default_rng(2)
    for customer in range(600):
        pair = 2 * (customer % 5)
        start = int(rng.integers(0, 150))
        rows.append((customer, pair, start))
        if customer % 3:
            rows.append((customer, pair + 1, start + int(rng.integers(10, 60))))
    day = np.datetime64("2024-01-01", "us") + np.array([row[2] for row in rows]).astype("timedelta64[D]")
    return pa.table(
        {
            "order_id": [f"o{one}" for one in range(len(rows))],
            "customer_id": [f"c{row[0]}" for row in rows],
            "ordered_at": day,
            "product_id": [f"p{row[1]}" for row in rows],
            "quantity": np.ones(len(rows)),
            "paid": np.full(len(rows), 10.0),
        }
    )


def test_who_they_are_and_the_other_half_is_the_next_item(make_dataset: Any, checks: Any) -> None:
    data = make_dataset({"lines": shop()})
    result = SingleItemCustomers().run(data)
    checks.tidy(result)
    assert result.finding("single_item_customers.share").value == pytest.approx(200 / 600)
    rows = [row for one in result.audiences for row in data.collect(one.members).to_pylist()]
    assert len(rows) == len({row["customer_id"] for row in rows}) == 200
    own, popular, without = (data.collect(one.members).to_pylist() for one in result.audiences)
    assert min(len(own), len(popular), len(without)) > 40
    for row in own:
        assert row["offer"] == f"p{int(row['reason'].rpartition('p')[2]) + 1}"
    assert len({row["offer"] for row in popular}) == 1
    assert {row["offer"] for row in without} == {None}
    hit = result.finding("single_item_customers.hit_share")
    assert hit.value > 0.9
    case = checks.rows(result, "business_case")
    assert case[0]["added_sales"] == pytest.approx(0.01 * 200 * 10.0)
    needed = result.finding("single_item_customers.acceptance_needed").value
    assert needed == pytest.approx(0.1 * 1000 * 10.0 / (200 * 10.0))


def test_a_goal_out_of_reach_is_said_plainly_and_the_trial_is_sized(make_dataset: Any, checks: Any) -> None:
    result = SingleItemCustomers(goal_share=0.9).run(make_dataset({"lines": shop()}))
    assert "out of reach" in result.finding("single_item_customers.acceptance_needed").sentence
    trial = checks.rows(result, "trial")
    assert [row["arm"] for row in trial] == ["own offer", "popular offer", "no offer"]
    assert not trial[0]["is_enough"]
    with pytest.raises(SettingsError):
        SingleItemCustomers(goal_share=0.0)


def test_order_of_rows_does_not_matter(make_dataset: Any, checks: Any) -> None:
    one = SingleItemCustomers().run(make_dataset({"lines": shop()}))
    checks.alike(one, SingleItemCustomers().run(make_dataset({"lines": checks.shuffled(shop())})))
