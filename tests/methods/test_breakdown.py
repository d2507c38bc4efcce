"""The one mechanism of break-downs: figures worked out by hand, too few, all others, differences beyond chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.errors import DataError
from regulars.measures import dimensions
from regulars.methods.breakdown import MOST_GROUPS, OTHERS, Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from regulars.core.dataset import Dataset

SPEND = Figure("mean_order", "money", "Revenue per order.", lambda rows: rows.revenue)


def orders(
    channel_of: Callable[[int], str | None], amount_of: Callable[[int], float], count: int
) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": number, "ordered_at": f"2024-01-{1 + number % 28:02d} 10:00:00",
            "channel": channel_of(number), "amount": amount_of(number),
        }
        for number in range(count)
    ]  # fmt: skip


def by_channel(data: Dataset) -> list[dict[str, Any]]:
    found = break_down(data, data.orders, [dimensions.find("channel")], [SPEND], name="by", title="By channel")
    return found.rows("channel")


@pytest.fixture
def make(engine: Any) -> Callable[..., Dataset]:
    from regulars.core.config import DatasetSettings, Settings
    from regulars.core.dataset import Dataset
    from regulars.intake.summaries import EngineSummaries

    def made(rows: list[dict[str, Any]]) -> Dataset:
        from datetime import date, datetime

        import pyarrow as pa

        columns = {name: [row[name] for row in rows] for name in rows[0]}
        columns["ordered_at"] = [datetime.fromisoformat(text) for text in columns["ordered_at"]]
        columns["order_id"] = [str(number) for number in range(len(rows))]
        tables = {"orders": engine.bring(pa.table(columns), "in_orders")}
        summaries = EngineSummaries(engine, tables, DatasetSettings(), date(2024, 2, 1))
        return Dataset(
            engine=engine, settings=Settings(), tables=tables, summaries=summaries, features=summaries.features,
            as_of=date(2024, 2, 1),
        )  # fmt: skip

    return made


def test_figures_worked_out_by_hand(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web" if n % 2 else None, lambda n: 30.0 if n % 2 else 10.0, 80))
    found = break_down(data, data.orders, [dimensions.find("channel")], [SPEND], name="by", title="By channel")
    web, unknown = found.rows("channel")
    assert (web["group"], web["customers"], web["mean_order"], web["mean_order_differs"]) == ("web", 40, 30.0, 1.0)
    assert (unknown["group"], unknown["mean_order"], unknown["mean_order_differs"]) == ("unknown", 10.0, -1.0)
    assert unknown["customer_share"] == 0.5
    assert found.comparisons == 2
    assert found.differing == 2


def test_too_few_keep_their_count_and_get_no_figure(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web" if n else "shop", lambda n: 10.0 + n, 60))
    shop = by_channel(data)[1]
    assert (shop["customers"], shop["mean_order"], shop["too_few"], shop["mean_order_differs"]) == (1, None, True, None)


def test_orders_of_one_customer_are_not_independent(make: Callable[..., Dataset]) -> None:
    apart = orders(lambda n: "web", lambda n: 10.0 + n % 7, 210)
    together = [{**row, "customer_id": row["customer_id"] % 7} for row in apart]
    wide = {}
    for name, rows in (("apart", apart), ("together", together)):
        data = make(rows)
        object.__setattr__(data.settings.dataset, "min_customers", 5)
        row = break_down(data, data.orders, [dimensions.find("channel")], [SPEND], name="by", title="By").rows(
            "channel"
        )[0]
        wide[name] = row["mean_order_high"] - row["mean_order_low"]
    assert wide["together"] > 2 * wide["apart"]


def test_what_is_beyond_the_largest_groups_is_added_up(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: f"c{n % (MOST_GROUPS + 5):02d}", lambda n: 10.0, 35 * (MOST_GROUPS + 5)))
    rows = by_channel(data)
    assert len(rows) == MOST_GROUPS + 1
    assert (rows[-1]["group"], rows[-1]["customers"]) == (OTHERS, 5 * 35)
    assert all(row["mean_order_differs"] == 0 for row in rows), "equal groups were told apart"


def test_weekdays_stand_in_their_order(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web", lambda n: 10.0, 140))
    found = break_down(data, data.orders, [dimensions.find("weekday")], [SPEND], name="by", title="By")
    assert [row["group"] for row in found.rows("weekday")] == list(dimensions.WEEKDAYS)


def test_what_the_data_lack_is_said(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web", lambda n: 10.0, 5))
    assert "channel" in {one.name for one in dimensions.available(data, "order")}
    assert "os" not in {one.name for one in dimensions.available(data)}
    with pytest.raises(DataError, match=r"devices\.os"):
        dimensions.labelled(data, data.orders, dimensions.find("os"))
    with pytest.raises(DataError, match="weekday"):
        dimensions.find("wekday")


def test_a_label_of_the_customer_is_looked_up_for_orders(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web" if n % 3 else "shop", lambda n: 10.0, 30))
    rows = dimensions.labelled(data, data.orders, dimensions.find("main_channel"))
    assert set(data.collect(rows.group.name("group").as_table())["group"].to_pylist()) == {"web", "shop"}
    assert "main_channel" not in rows.columns


def test_sums_can_be_added_up_and_rows_without_a_value_do_not_count(make: Callable[..., Dataset]) -> None:
    data = make(orders(lambda n: "web", lambda n: 10.0, 60))
    even = lambda t: (t.customer_key % 2 == 0).ifelse(t.revenue, None)  # noqa: E731
    half = Figure("mean", "money", "Of those that have one.", even, total="sum")
    row = break_down(data, data.orders, [dimensions.find("channel")], [half], name="by", title="By", cluster=None)
    assert (row.rows("channel")[0]["mean"], row.rows("channel")[0]["sum"]) == (10.0, 300.0)
    assert row.table.measures == ("customers", "sum")


@pytest.mark.parametrize("cluster", [None, "customer_key"])
def test_constants_of_many_digits_can_be_added_up(make: Callable[..., Dataset], cluster: str | None) -> None:
    data = make(orders(lambda n: "web" if n % 2 else None, lambda n: 10.0, 50_000))
    constant = 0.10535581177739362  # as decimals DuckDB's squares of it would overflow after seventeen thousand rows
    expected = Figure(
        "index", "ratio", "One ÷ what was expected.", lambda t: t.revenue / 10,
        lambda t: t.channel.isnull().ifelse(constant, 0.99111279333838),
    )  # fmt: skip
    by = [dimensions.find("channel")]
    rows = break_down(data, data.orders, by, [expected], name="by", title="By", cluster=cluster).rows("channel")
    assert [row["index"] for row in rows] == pytest.approx([1 / 0.99111279333838, 1 / constant], rel=1e-3)
