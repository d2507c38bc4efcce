from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from regulars.analyses.lifecycle import Lifecycle
from regulars.errors import SettingsError

MakeDataset = Callable[..., Any]

#        J F M A M J J
# steady x x x x x x x
# sleepy x . . . . x .      dormant from April on (three months without), resurrected in June
# paused . x . x . . .      pausing in March, returning in April
ROWS = [
    *[("steady", f"2020-0{month}-05", 10.0) for month in range(1, 8)],
    ("sleepy", "2020-01-10", 20.0),
    ("sleepy", "2020-06-10", 20.0),
    ("paused", "2020-02-03", 5.0),
    ("paused", "2020-04-03", 5.0),
]


def orders_of(rows: list[tuple[Any, ...]]) -> pa.Table:
    """The table of orders from (customer, day, amount)."""
    return pa.table(
        {
            "order_id": [f"o{number}" for number, _ in enumerate(rows)],
            "customer_id": [row[0] for row in rows],
            "ordered_at": pa.array([datetime.fromisoformat(row[1]) for row in rows], pa.timestamp("us")),
            "amount": [row[2] for row in rows],
        }
    )


def months(make_dataset: MakeDataset, rows: list[tuple[Any, ...]] = ROWS, **parameters: Any) -> dict[date, Any]:
    data = make_dataset({"orders": orders_of(rows)}, as_of=date(2020, 7, 31), min_customers=1)
    table = Lifecycle(**parameters).run(data).table("months").to_arrow().to_pylist()
    return {row["month"]: row for row in table}


def test_states_worked_out_by_hand(make_dataset: MakeDataset) -> None:
    table = months(make_dataset)
    states = ("new", "returning", "resurrected", "pausing", "dormant")
    assert [tuple(row[name] for name in states) for row in table.values()] == [
        (2, 0, 0, 0, 0),
        (1, 1, 0, 1, 0),
        (0, 1, 0, 2, 0),
        (0, 2, 0, 0, 1),
        (0, 1, 0, 1, 1),
        (0, 1, 1, 1, 0),
        (0, 1, 0, 1, 1),
    ]


def test_flows_worked_out_by_hand(make_dataset: MakeDataset) -> None:
    table = months(make_dataset)
    assert table[date(2020, 2, 1)]["new_to_returning"] == 1
    assert table[date(2020, 2, 1)]["active_to_quiet"] == 1
    april = table[date(2020, 4, 1)]
    assert (april["pausing_to_returning"], april["active_to_returning"], april["to_dormant"]) == (1, 1, 1)
    june = table[date(2020, 6, 1)]
    assert (june["dormant_to_resurrected"], june["to_dormant"], june["net_growth"]) == (1, 0, 1)
    assert table[date(2020, 7, 1)]["to_dormant"] == 1


def test_flows_add_up(make_dataset: MakeDataset) -> None:
    for patience in (1, 2, 3):
        rows = list(months(make_dataset, patience_months=patience).values())
        for before, now in pairwise(rows):
            assert now["dormant"] == before["dormant"] - now["resurrected"] + now["to_dormant"]
            assert now["returning"] == sum(
                now[name] for name in ("new_to_returning", "active_to_returning", "pausing_to_returning")
            )


def test_a_closed_month_makes_nobody_dormant(make_dataset: MakeDataset) -> None:
    rows = [("a", "2020-01-05", 1.0), ("a", "2020-04-05", 1.0), ("b", "2020-04-06", 1.0)]
    table = months(make_dataset, rows, patience_months=1)
    assert list(table) == [date(2020, 1, 1), date(2020, 4, 1)]
    assert table[date(2020, 4, 1)]["returning"] == 1


def test_an_unfinished_month_is_marked(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": orders_of([("a", f"2020-01-{day:02}", 1.0) for day in range(1, 20)])})
    assert Lifecycle().run(data).table("months").to_arrow()["is_partial"].to_pylist() == [True]


def test_more_than_sixty_two_months_are_cut_to_the_last(make_dataset: MakeDataset) -> None:
    rows = [("a", f"{2010 + number // 12}-{number % 12 + 1:02}-05", 1.0) for number in range(70)]
    rows.append(("old", "2010-01-06", 1.0))
    data = make_dataset({"orders": orders_of(rows)})
    result = Lifecycle().run(data)
    table = result.table("months").to_arrow().to_pylist()
    assert len(table) == 62 - 3
    assert all((row["returning"], row["dormant"], row["new"]) == (1, 1, 0) for row in table)
    assert any("are told from" in caveat.sentence for caveat in result.caveats)


def test_second_purchase_counts_those_who_have_not_come_back_yet(make_dataset: MakeDataset) -> None:
    rows = [("a", "2020-01-01", 1.0), ("a", "2020-01-11", 1.0), ("b", "2020-01-01", 1.0)]
    rows += [("b", "2020-01-31", 1.0), ("c", "2020-01-17", 1.0)]  # c is seen for 15 days only
    data = make_dataset({"orders": orders_of(rows)}, as_of=date(2020, 2, 1))
    table = Lifecycle().run(data).table("second_purchase").to_arrow().to_pylist()
    within = {row["within_days"]: row["share"] for row in table}
    # one of three on day 10; then c is seen no longer, and the other one of b left comes on day 30
    assert within == pytest.approx({7: 0.0, 14: 1 / 3, 30: 1.0})


def test_gaps_are_those_between_days_in_a_row(make_dataset: MakeDataset) -> None:
    rows = [("a", "2020-01-01 09:00", 1.0), ("a", "2020-01-01 18:00", 1.0), ("a", "2020-01-02", 1.0)]
    rows += [("a", "2020-01-12", 1.0), ("b", "2020-01-01", 1.0), ("b", "2020-01-11", 1.0)]
    data = make_dataset({"orders": orders_of(rows)}, min_customers=1)
    result = Lifecycle().run(data)
    gaps = {row["gap_days"]: row["visits"] for row in result.table("gaps").to_arrow().to_pylist()}
    assert {name: count for name, count in gaps.items() if count} == {"1": 1, "8–14": 2}
    assert result.finding("lifecycle.median_gap_days").value == 10


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="patience_months"):
        Lifecycle(patience_months=0)
