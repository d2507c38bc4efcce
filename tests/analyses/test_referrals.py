"""A small network worked out by hand, and what every network must add up to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from regulars.analyses.referrals import Referrals
from regulars.errors import SettingsError

MakeDataset = Callable[..., Any]
AS_OF = date(2024, 1, 1)


def network(sponsors: dict[str, str | None], orders: list[tuple[str, str, float]]) -> dict[str, Any]:
    links = [{"customer_id": one, "sponsor_id": by, "joined_on": "2022-06-01"} for one, by in sponsors.items() if by]
    return {
        "customers": [{"customer_id": one, "joined_on": "2022-06-01"} for one in sponsors],
        "referrals": links,
        "orders": [{"customer_id": one, "ordered_at": f"{day} 10:00:00", "amount": paid} for one, day, paid in orders],
    }


@pytest.fixture
def small(make_dataset: MakeDataset) -> Any:
    """a brought b and c; b brought d; d brought e. f stands alone and g brought h."""
    sponsors = {"a": None, "b": "a", "c": "a", "d": "b", "e": "d", "f": None, "g": None, "h": "g"}
    orders = [
        ("a", "2023-12-01", 100.0), ("b", "2023-12-20", 10.0), ("c", "2023-01-01", 20.0), ("d", "2023-12-30", 30.0),
        ("e", "2023-02-01", 5.0), ("f", "2023-12-30", 7.0), ("h", "2022-12-30", 50.0),
    ]  # fmt: skip
    return make_dataset(network(sponsors, orders), as_of=AS_OF)


def test_downlines_and_degrees_worked_out_by_hand(small: Any, checks: Any) -> None:
    result = Referrals().run(small)
    checks.tidy(result)
    top = {row["customer_id"]: row for row in checks.rows(result, "top_sponsors")}
    assert list(top) == ["a", "g", "b", "d"]
    assert (top["a"]["own_revenue"], top["a"]["downline_revenue"], top["a"]["downline_count"]) == (100.0, 65.0, 4)
    assert [top["a"][f"{word}_degree_revenue"] for word in ("first", "second", "third")] == [30.0, 30.0, 5.0]
    assert [top["a"][f"{word}_degree_count"] for word in ("first", "second", "third")] == [2, 1, 1]
    assert top["a"]["active_share"] == 0.5
    assert top["a"]["betweenness"] == 3  # c from b, d and e
    (next_one, *_) = checks.rows(result, "next_degree")
    assert (next_one["customer_id"], next_one["sponsor_id"], next_one["downline_revenue"]) == ("b", "a", 35.0)


def test_generations_add_up_to_the_network(small: Any, checks: Any) -> None:
    rows = checks.rows(Referrals().run(small), "generations")
    assert [row["members"] for row in rows] == [2, 3, 1, 1]
    assert [row["revenue"] for row in rows] == [100.0, 80.0, 30.0, 5.0]
    assert [row["sponsors"] for row in rows] == [2, 1, 1, 0]


def test_a_line_is_quiet_when_nobody_below_has_bought_lately(small: Any) -> None:
    quiet = next(one for one in Referrals(quiet_members=1).run(small).audiences if one.name == "quiet_lines")
    rows = small.collect(quiet.members).to_pylist()
    assert {row["customer_id"] for row in rows} == {"g", "d"}
    assert rows[0]["reason"].startswith("none of the 1 members below has bought in the last 90 days")


def test_a_large_network_adds_up_and_rests_on_its_stars(make_dataset: MakeDataset, checks: Any) -> None:
    rng = np.random.default_rng(2)
    sponsors: dict[str, str | None] = {}
    for number in range(800):
        by = rng.integers(8) if rng.random() < 0.7 else rng.integers(number) if number > 8 else None
        sponsors[f"m{number:03}"] = f"m{by:03}" if number >= 8 and by is not None and rng.random() < 0.8 else None
    orders = [(name, f"2023-{1 + place % 12:02d}-05", 10.0) for place, name in enumerate(sponsors)]
    result = Referrals().run(make_dataset(network(sponsors, orders), as_of=AS_OF))
    checks.tidy(result)
    brought = sum(by is not None for by in sponsors.values())
    shared = result.finding("referrals.sponsored_share")
    assert (shared.n, shared.value) == (brought, pytest.approx(brought / 800))
    generations = checks.rows(result, "generations")
    assert sum(row["members"] for row in generations[1:]) == brought
    concentration = {row["sponsor_share"]: row["revenue_share"] for row in checks.rows(result, "concentration")}
    assert concentration[0.2] > 0.6
    assert concentration[1.0] == 1.0
    growth = checks.rows(result, "growth")
    assert sum(row["sponsored"] for row in growth) == brought
    assert not result.table("members").is_arrow, "the members were brought into Python"


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="degrees"):
        Referrals(degrees=9)
