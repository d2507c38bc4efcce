"""The figures that a filter gives are those that counting the orders anew gives."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from regulars.present.dashboard import filters
from regulars.present.dashboard.follow import Followers
from regulars.present.dashboard.live import LiveBoard

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.present.dashboard.saved_run import SavedRun

CHOSEN = (
    [("channel", "website")],
    [("from", "2022-02"), ("to", "2022-05")],
    [("channel", "mobile"), ("from", "2022-01")],
)


def counted(run: Path, where: str, group: str = "") -> list[Any]:
    columns = f"{group}, " if group else ""
    tail = f" GROUP BY {group} ORDER BY {group}" if group else ""
    return duckdb.sql(
        f"SELECT {columns}count(*), sum(revenue), count(DISTINCT customer_key) "
        f"FROM '{run}/cube/orders.parquet' WHERE is_sale AND {where}{tail}"
    ).fetchall()


def where_of(chosen: list[tuple[str, str]]) -> str:
    parts = []
    for name, value in chosen:
        if name == "from":
            parts.append(f"day >= DATE '{value}-01'")
        elif name == "to":
            parts.append(f"strftime(day, '%Y-%m') <= '{value}'")
        else:
            parts.append(f"{name} = '{value}'")
    return " AND ".join(parts) or "true"


@pytest.mark.parametrize("chosen", CHOSEN, ids=str)
@pytest.mark.parametrize("measure", ["revenue", "orders", "customers"])
def test_a_live_card_adds_up_what_the_filters_leave(
    run: SavedRun, cinema_run: Path, chosen: list[tuple[str, str]], measure: str
) -> None:
    there = filters.choices(run)
    card = LiveBoard(run, there).card("rfm_segment", filters.read([*chosen, ("measure", measure)], there))
    place = {"orders": 1, "revenue": 2, "customers": 3}[measure]
    expected = {row[0]: row[place] for row in counted(cinema_run, where_of(chosen), "rfm_segment")}
    shown = {row.label: row.value for row in card.rows if row.value}
    assert shown == pytest.approx(expected)


def test_a_chart_heeds_every_filter_but_its_own(run: SavedRun, cinema_run: Path) -> None:
    there = filters.choices(run)
    chosen = filters.read([("channel", "website"), ("rfm_segment", there.labels["rfm_segment"][0])], there)
    card = LiveBoard(run, there).card("channel", chosen)
    segment = there.labels["rfm_segment"][0]
    expected = {row[0]: row[2] for row in counted(cinema_run, f"rfm_segment = '{segment}'", "channel")}
    assert {row.label: row.value for row in card.rows if row.value} == pytest.approx(expected)
    assert [row.label for row in card.rows if row.is_on] == ["website"]


def test_key_figures_stand_beside_the_months_before(run: SavedRun, cinema_run: Path) -> None:
    there = filters.choices(run)
    live = LiveBoard(run, there).live(filters.read([("from", "2022-04"), ("to", "2022-06")], there))
    now = counted(cinema_run, where_of([("from", "2022-04"), ("to", "2022-06")]))[0]
    before = counted(cinema_run, where_of([("from", "2022-01"), ("to", "2022-03")]))[0]
    figures = {one.title: one for one in live.figures}
    assert (figures["Orders"].text, figures["Orders"].before) == (f"{now[0]:,}", f"{before[0]:,}")
    assert (figures["Customers"].text, figures["Customers"].before) == (f"{now[2]:,}", f"{before[2]:,}")
    assert figures["Orders"].change == f"{100 * (now[0] / before[0] - 1):+,.1f} %".replace("-", "−")
    assert (live.period, live.before) == ("2022-04 to 2022-06", "2022-01 to 2022-03")


def test_new_customers_are_those_whose_first_order_fell_into_the_period(run: SavedRun, cinema_run: Path) -> None:
    there = filters.choices(run)
    live = LiveBoard(run, there).live(filters.read([("from", "2022-04"), ("to", "2022-04")], there))
    expected = counted(cinema_run, "strftime(day, '%Y-%m') = '2022-04' AND strftime(first_day, '%Y-%m') = '2022-04'")
    assert {one.title: one.text for one in live.figures}["New customers"] == f"{expected[0][2]:,}"


def test_without_a_filter_the_last_whole_months_stand_beside_those_before(run: SavedRun) -> None:
    live = LiveBoard(run, filters.choices(run)).live(filters.Filters())
    assert live.period == "2022-01 to 2022-12"
    assert live.before.startswith("2021-01 to 2021-12")
    assert "without any sale" in live.before


def test_a_month_without_any_sale_is_a_gap_and_no_fall(run: SavedRun) -> None:
    there = filters.choices(run)
    assert {"2020-04", "2021-08"} <= there.empty_months
    rows = {row.label: row.value for row in LiveBoard(run, there).card("months", filters.Filters()).rows}
    assert rows["2020-04"] is None
    assert rows["2022-01"] > 0


def test_tables_that_add_up_follow_and_give_their_own_figures_unfiltered(run: SavedRun) -> None:
    followers = Followers(run)
    followed = [
        (saved.result.analysis, table)
        for saved in run.results.values()
        for table in saved.tables.values()
        if followers.recipe(saved.result.analysis, table.table.name)
    ]
    assert len(followed) >= 3
    for analysis, table in followed:
        recipe = followers.recipe(analysis, table.table.name)
        made = followers._added_up(recipe, table, [])
        for name in recipe.columns:
            if name in recipe.dimensions or name not in made.column_names:
                continue
            assert made[name].to_pylist() == pytest.approx(table.table.data[name].to_pylist()), (table.table.name, name)


def test_a_table_that_follows_counts_only_customers_who_match(run: SavedRun, cinema_run: Path) -> None:
    followers, there = Followers(run), filters.choices(run)
    saved, table = next(
        (saved, table)
        for saved in run.results.values()
        for table in saved.tables.values()
        if (recipe := followers.recipe(saved.result.analysis, table.table.name)) and recipe.source == "customers"
    )
    shown = followers.filtered(saved.result.analysis, table, filters.read([("channel", "website")], there))
    buyers = counted(cinema_run, "channel = 'website'")[0][2]
    assert sum(shown.table.data["customers"].to_pylist()) == buyers
    assert "revenue_share_low" not in shown.table.data.column_names


def test_a_card_that_cannot_follow_says_whole_base(client: Any) -> None:
    page = client.get("/chapter/value?channel=website").text
    assert "whole base" in page
    assert "follows the filters" in client.get("/chapter/segments?channel=website").text
    assert "whole base" not in client.get("/chapter/value").text


def test_the_audience_is_what_the_conditions_say(client: Any, cinema_run: Path) -> None:
    query = "c=order_count&o=ge&v=2&x=in&c=recency_days&o=le&v=400&x=in&c=gender&o=is&v=1&x=out"
    listed = client.get(f"/audience/list.csv?{query}")
    rows = list(csv.DictReader(io.StringIO(listed.text)))
    expected = duckdb.sql(
        f"SELECT count(*), sum(revenue_total) FROM '{cinema_run}/cube/customers.parquet' "
        "WHERE order_count >= 2 AND recency_days <= 400 AND coalesce(CAST(gender AS VARCHAR) <> '1', true)"
    ).fetchone()
    assert len(rows) == expected[0] > 10
    assert list(rows[0])[:3] == ["customer_id", "reason", "score"]
    assert rows[0]["reason"] == "order count at least 2; recency days at most 400; without gender is 1"
    assert sum(float(row["revenue_total"]) for row in rows) == pytest.approx(expected[1])
    page = unescape(re.sub(r"<[^>]+>", "", client.get(f"/audience?{query}").text))
    assert f"{expected[0]:,} customers" in page


def test_alternatives_of_one_feature_are_joined(client: Any, cinema_run: Path) -> None:
    query = "c=rfm_segment&o=is&v=Lost&x=in&c=rfm_segment&o=is&v=Champions&x=in"
    rows = list(csv.DictReader(io.StringIO(client.get(f"/audience/list.csv?{query}").text)))
    assert {row["rfm_segment"] for row in rows} == {"Lost", "Champions"}


def test_the_filters_hold_for_an_audience_too(client: Any, cinema_run: Path) -> None:
    rows = client.get("/audience/list.csv?channel=website&from=2022-06").text.splitlines()
    expected = counted(cinema_run, where_of([("channel", "website"), ("from", "2022-06")]))[0][2]
    assert len(rows) - 1 == expected


def test_what_is_held_in_memory_gives_the_figures_of_the_database(
    run: SavedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"orders", "days"} <= set(run.reader._held)
    there = filters.choices(run)
    board = LiveBoard(run, there)
    every = [[], *CHOSEN, [("rfm_segment", there.labels["rfm_segment"][-1]), ("from", there.months[-1])]]
    asked = [filters.read([*chosen, ("measure", name)], there) for chosen in every for name in there.measures]
    held = [board.live(one) for one in asked]
    monkeypatch.setattr(run.reader, "_held", {})
    for one, filter_set in zip(held, asked, strict=True):
        expected = board.live(filter_set)
        assert one.figures == expected.figures
        for card, other in zip(one.cards, expected.cards, strict=True):
            assert [(row.label, row.text, row.share) for row in card.rows] == [
                (row.label, row.text, row.share) for row in other.rows
            ]
            assert [row.value for row in card.rows] == pytest.approx([row.value for row in other.rows])
