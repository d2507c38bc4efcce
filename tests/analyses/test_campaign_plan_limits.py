"""Whatever the budget, cost, hold-out and exclusions: the plan stays within them, and reaches nobody it must not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars import pipeline

if TYPE_CHECKING:
    from tests.analyses.conftest import MakeDataset

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result

SIZE = 240
TODAY = date(2024, 6, 30)


@pytest.fixture
def shop(make_dataset: MakeDataset) -> Dataset:
    """Buyers of whom some may not be contacted, some opted out, and some were contacted lately."""
    customers = [
        {"customer_id": f"{number:04d}", "contactable": number % 5 != 0, "opted_out": number % 7 == 0,
         "is_staff": number % 11 == 0}
        for number in range(SIZE)
    ]  # fmt: skip
    orders = [
        {"customer_id": f"{number:04d}", "amount": 20.0 + number,
         "ordered_at": f"{TODAY - timedelta(days=(3 * number) % 300 + 30 * visit)} 10:00:00"}
        for number in range(SIZE) for visit in range(1 + number % 4)
    ]  # fmt: skip
    contacts = [
        {"customer_id": f"{number:04d}", "campaign_id": "c",
         "sent_at": f"{TODAY - timedelta(days=number % 40)} 09:00:00"}
        for number in range(0, SIZE, 3)
    ]  # fmt: skip
    return make_dataset({"customers": customers, "orders": orders, "contacts": contacts}, as_of=TODAY)


def members(result: Result, data: Dataset, name: str) -> set[str]:
    rows = next(one for one in result.audiences if one.name == name).members
    found = data.collect(rows, SIZE)["customer_id"].to_pylist()
    assert len(found) == len(set(found)), "a customer is reached twice"
    return set(found)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    budget=st.floats(0.01, 200.0),
    cost=st.floats(0.01, 3.0),
    holdout=st.floats(0.0, 0.5),
    rest=st.integers(0, 45),
    excluding=st.sets(st.sampled_from(["opted_out", "is_staff"])),
)
def test_limits_are_kept(
    shop: Dataset, budget: float, cost: float, holdout: float, rest: int, excluding: set[str]
) -> None:
    parameters: dict[str, Any] = {
        "budget": budget, "contact_cost": cost, "holdout_share": holdout, "rest_days": rest,
        "excluding": tuple(sorted(excluding)),
    }  # fmt: skip
    result = shop.run("campaign_plan", **parameters)
    sent, held = members(result, shop, "plan_contacts"), members(result, shop, "plan_hold_out")
    assert len(sent) * cost <= budget + 1e-9
    assert sum(row["cost"] for row in result.table("plans").to_arrow().to_pylist()) <= budget + 1e-4
    assert not sent & held
    for one in sent | held:
        number = int(one)
        assert number % 5, "not contactable"
        assert number % 7 or "opted_out" not in excluding
        assert number % 11 or "is_staff" not in excluding
        assert number % 3 or number % 40 >= rest, "contacted too lately"
    kinds = [
        name
        for name in (audience.name for audience in result.audiences)
        if name not in ("plan_contacts", "plan_hold_out")
    ]
    parts = [members(result, shop, name) for name in kinds]
    assert sum(map(len, parts)) == len(sent) == len(set().union(*parts)), "plans overlap, or leave someone out"


def test_lists_leave_the_house_with_the_best_first(shop: Dataset) -> None:
    (result,), *_ = pipeline.analyse(shop, ["campaign_plan"], pipeline.Stages(lambda _: None), strict=True)
    assert result.audiences
    for audience in result.audiences:
        rows = shop.collect(audience.members, SIZE).to_pylist()
        assert rows == sorted(rows, key=lambda row: (-row["score"], row["customer_id"])), audience.name
        assert all(int(row["customer_id"]) % 5 for row in rows), "not contactable"
