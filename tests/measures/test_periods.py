from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from regulars.measures import periods
from regulars.measures.periods import coverage, end_of, number_of, start_of

if TYPE_CHECKING:
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.measures.periods import Grain

GRAINS: tuple[Grain, ...] = ("week", "month", "quarter", "year")


def days_of(first: date, last: date, without: tuple[int, ...] = ()) -> list[date]:
    """Every day from one to another, without these weekdays."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day.weekday() not in without]


@pytest.mark.parametrize("grain", GRAINS)
def test_periods_follow_each_other_without_gap(grain: Grain) -> None:
    first = number_of(date(2019, 12, 30), grain)
    for number in range(first, first + 70):
        assert start_of(number + 1, grain) - end_of(number, grain) == timedelta(days=1)
        assert number_of(start_of(number, grain), grain) == number == number_of(end_of(number, grain), grain)


@pytest.mark.parametrize("grain", GRAINS)
def test_the_engine_counts_alike(grain: Grain, engine: DuckdbEngine) -> None:
    days = [date(1899, 12, 31), date(1970, 1, 1), *days_of(date(2023, 12, 20), date(2024, 3, 5))]
    table = engine.bring(pa.table({"day": pa.array(days, pa.date32())}), "days")
    found = engine.collect(table.mutate(number=periods.number(table.day, grain)), 1000)
    assert found["number"].to_pylist() == [number_of(day, grain) for day in found["day"].to_pylist()]


def test_weeks_begin_on_monday() -> None:
    assert start_of(number_of(date(2024, 3, 3), "week"), "week") == date(2024, 2, 26)


def test_labels() -> None:
    day = date(2011, 11, 30)
    written = [periods.label(number_of(day, grain), grain) for grain in GRAINS]
    assert written == ["the week of 2011-11-28", "November 2011", "October–December 2011", "2011"]


def test_a_month_that_ends_early_is_not_whole() -> None:
    cover = coverage(days_of(date(2011, 10, 3), date(2011, 12, 9)), date(2011, 12, 9))
    december = number_of(date(2011, 12, 1), "month")
    assert cover.why_not_whole(december, "month") == "ends on 2011-12-09"
    assert cover.why_not_whole(december - 2, "month") == "begins on 2011-10-03"
    assert cover.is_whole(december - 1, "month")
    assert cover.last_whole("month") == december - 1
    assert cover.last_whole("quarter") is None


def test_the_usual_pause_at_an_edge_is_no_lack() -> None:
    weekend = (5, 6)
    days = days_of(date(2024, 1, 1), date(2024, 3, 29), without=weekend)  # the 31st is a Sunday
    assert coverage(days, date(2024, 3, 29)).is_whole(number_of(date(2024, 3, 1), "month"), "month")
    assert not coverage(days[:-1], date(2024, 3, 28)).is_whole(number_of(date(2024, 3, 1), "month"), "month")


def test_an_end_that_was_told_is_taken_at_its_word() -> None:
    days = days_of(date(2024, 1, 1), date(2024, 3, 20))
    march = number_of(date(2024, 3, 1), "month")
    assert not coverage(days, None).is_whole(march, "month")
    assert not coverage(days, date(2024, 3, 30)).is_whole(march, "month")
    assert coverage(days, date(2024, 3, 31)).is_whole(march, "month")


def test_months_without_sales_are_missing() -> None:
    days = days_of(date(2020, 1, 1), date(2020, 3, 31)) + days_of(date(2020, 5, 1), date(2020, 6, 30))
    cover = coverage(days, None)
    april = number_of(date(2020, 4, 1), "month")
    assert cover.without_sales("month") == [april]
    assert cover.why_not_whole(april, "month") == "no sale: taken as missing"


def test_excluded_periods_are_not_whole() -> None:
    days = days_of(date(2020, 1, 1), date(2020, 6, 30))
    cover = coverage(days, None, [(date(2020, 3, 20), date(2020, 4, 2))])
    months = [number for number in cover.numbers("month") if not cover.is_whole(number, "month")]
    assert [start_of(number, "month").month for number in months] == [3, 4]


def test_outside_the_data() -> None:
    cover = coverage([date(2020, 2, 1), date(2020, 2, 29)], None)
    assert cover.why_not_whole(number_of(date(2019, 2, 1), "month"), "month") == "outside the data"
    assert cover.why_not_whole(number_of(date(2021, 2, 1), "month"), "month") == "outside the data"


def test_one_day_is_no_whole_period() -> None:
    cover = coverage([date(2024, 1, 5)], None)
    assert cover.last_whole("month") is None
    assert list(cover.numbers("month")) == [number_of(date(2024, 1, 5), "month")]


def test_fold_leaves_out_what_lies_outside() -> None:
    january = number_of(date(2024, 1, 1), "month")
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 3, 1)]
    assert periods.fold(days, [1, 2, 4, 8], range(january, january + 2), "month").tolist() == [2, 4]
