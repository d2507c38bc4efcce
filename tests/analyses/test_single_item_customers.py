"""Customers of one item in a made-up shop where whoever bought a is known to buy b next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.single_item_customers import SingleItemCustomers
from regulars.errors import SettingsError
from regulars.measures import interactions


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
    assert len({row["offer"] for row in popular}) <= 2  # the second best seller for those who have the best
    assert all(not row["reason"].endswith(row["offer"]) for row in popular)
    assert {row["offer"] for row in without} == {None}
    hit = result.finding("single_item_customers.hit_share")
    assert hit.value > 0.9
    case = checks.rows(result, "business_case")
    assert case[0]["added_sales"] == pytest.approx(0.01 * 200 * 10.0 * hit.value)
    assert case[0]["added_sales_low"] == pytest.approx(0.01 * 200 * 10.0 * hit.interval[0])
    needed = result.finding("single_item_customers.acceptance_needed")
    assert needed.value == pytest.approx(0.1 * 1000 * 10.0 / (200 * 10.0 * hit.value))
    assert needed.interval[0] <= needed.value <= needed.interval[1]


def test_best_sellers_are_offered_where_they_foretell_better(make_dataset: Any, checks: Any) -> None:
    """Everybody's second item is one of two best sellers, whatever the first was; once it was the other half."""
    lines = shop().to_pylist()
    start = max(row["ordered_at"] for row in lines)
    late = [
        {**row, "order_id": f"late{place}-{days}", "customer_id": f"late{place}", "product_id": product,
         "ordered_at": start - timedelta(days=days)}
        for place, row in enumerate(lines[:400])
        for product, days in ((f"p{2 * (place % 5)}", 70), (f"p1{place % 2}", 3))
    ]  # fmt: skip
    many = [
        {**lines[0], "order_id": f"m{place}", "customer_id": f"m{place}", "product_id": f"p1{place % 2}",
         "ordered_at": start - timedelta(days=60 + place % 20)}
        for place in range(300)
    ]  # fmt: skip
    table = pa.Table.from_pylist(lines + late + many, shop().schema)
    data = make_dataset({"lines": table})
    result = SingleItemCustomers().run(data)
    checks.tidy(result)
    assert [one.name for one in result.audiences] == ["popular_offer", "no_offer"]
    assert "so these are offered" in result.finding("single_item_customers.hit_share").sentence
    offered = {row["offer"] for row in data.collect(result.audiences[0].members).to_pylist()}
    assert offered <= {"p10", "p11"}
    assert [row["arm"] for row in checks.rows(result, "trial")] == ["best seller", "no offer"]


def test_a_goal_out_of_reach_is_said_plainly_and_the_trial_is_sized(make_dataset: Any, checks: Any) -> None:
    result = SingleItemCustomers(goal_share=0.9).run(make_dataset({"lines": shop()}))
    assert "out of reach" in result.finding("single_item_customers.sales_share_if_all_accept").sentence
    trial = checks.rows(result, "trial")
    assert [row["arm"] for row in trial] == ["own offer", "best seller", "no offer"]
    assert 0 < trial[0]["power"] < 0.8
    assert not trial[0]["is_enough"]
    with pytest.raises(SettingsError):
        SingleItemCustomers(goal_share=0.0)


def test_everyone_gets_an_offer_even_for_an_item_that_no_model_holds(make_dataset: Any) -> None:
    """A customer whose only item is sold to nobody else, among more items than the model takes."""
    from regulars.measures import items as measure

    rows = shop().to_pylist()
    rare = {**rows[0], "order_id": "rare", "customer_id": "rare", "product_id": "zz"}
    table = pa.Table.from_pylist([*rows, rare], shop().schema)
    held, measure.MOST_ITEMS = measure.MOST_ITEMS, 10
    inter_held, interactions.MOST_ITEMS = interactions.MOST_ITEMS, 10
    try:
        data = make_dataset({"lines": table})
        result = SingleItemCustomers().run(data)
        members = [row for one in result.audiences[:2] for row in data.collect(one.members).to_pylist()]
        everyone = [row for one in result.audiences for row in data.collect(one.members).to_pylist()]
    finally:
        measure.MOST_ITEMS, interactions.MOST_ITEMS = held, inter_held
    assert "rare" in {row["customer_id"] for row in everyone}
    assert all(row["offer"] for row in members)


def test_order_of_rows_does_not_matter(make_dataset: Any, checks: Any) -> None:
    one = SingleItemCustomers().run(make_dataset({"lines": shop()}))
    checks.alike(one, SingleItemCustomers().run(make_dataset({"lines": checks.shuffled(shop())})))
