"""What each day is: open, closed, left out or not over; and named periods as windows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from regulars.measures.occasions import holiday_windows, release_windows
from regulars.measures.trading import CLOSED, LEFT_OUT, OPEN, PARTIAL, Trading, trading

FIRST = date(2023, 1, 2)  # a Monday


def days_of(count: int, orders: dict[int, float] | None = None, usual: float = 20.0, **more: Any) -> Trading:
    """`count` days of `usual` orders; `orders` says otherwise by place, 0 means no row."""
    each = dict.fromkeys(range(count), usual) | (orders or {})
    sold = {place: value for place, value in each.items() if value}
    sums = {"day": [FIRST + timedelta(days=place) for place in sold], "orders": list(sold.values())}
    return trading(sums, more.pop("known_to", None), **more)


def test_a_weekday_without_sales_is_closed() -> None:
    found = days_of(70, {place: 0 for place in range(70) if place % 7 == 5})
    assert found.closed_weekdays == (5,)
    assert (found.state[5::7] == CLOSED).all()
    assert found.is_open.sum() == 60
    assert any("Saturdays" in note for note in found.notes)


def test_a_quiet_shop_is_not_closed_when_nobody_comes() -> None:
    found = days_of(70, {place: 0 for place in range(70) if place % 5 == 2}, usual=2.0)
    assert (found.state == OPEN).all()
    assert found.values["orders"][2] == 0


def test_a_busy_day_without_sales_is_closed_and_a_long_gap_left_out() -> None:
    found = days_of(120, {30: 0} | dict.fromkeys(range(60, 70), 0))
    assert found.state[30] == CLOSED
    assert (found.state[60:70] == LEFT_OUT).all()
    assert found.state[29] == OPEN


def test_a_holiday_without_sales_is_closed_and_with_sales_open() -> None:
    found = days_of(60, {10: 0}, usual=3.0, holidays={FIRST + timedelta(days=10), FIRST + timedelta(days=20)})
    assert found.state[10] == CLOSED
    assert found.state[20] == OPEN


def test_missing_months_and_excluded_periods_are_left_out() -> None:
    march = dict.fromkeys(range(58, 89), 0)
    found = days_of(120, march, excluded=[(date(2023, 1, 10), date(2023, 1, 12))])
    assert (found.state[58:89] == LEFT_OUT).all()
    assert (found.state[8:11] == LEFT_OUT).all()
    assert any("March 2023" in note for note in found.notes)


def test_a_day_that_is_not_over_does_not_count() -> None:
    hours = {FIRST + timedelta(days=place): 20 for place in range(40)}
    assert days_of(40, hours=hours | {FIRST + timedelta(days=39): 12}).state[39] == PARTIAL
    assert days_of(40, hours=hours).state[39] == OPEN
    later = days_of(40, hours=hours | {FIRST + timedelta(days=39): 12}, known_to=FIRST + timedelta(days=45))
    assert later.state[39] == OPEN  # known to be over


def test_holidays_next_to_each_other_are_one_window() -> None:
    named = {
        date(2022, 1, 31): "Lunar New Year's Eve",
        date(2022, 2, 1): "Lunar New Year",
        date(2022, 2, 2): "Second Day of Lunar New Year",
        date(2022, 4, 11): "Hung Kings' Day (observed)",
    }
    found = holiday_windows(named)
    assert [(one.name, one.length) for one in found] == [("Lunar New Year", 3), ("Hung Kings' Day", 1)]


def test_releases_that_overlap_are_one_window() -> None:
    found = release_windows([date(2022, 1, 1), date(2022, 1, 5), date(2022, 3, 1)], "films", 7)
    assert [(one.first.day, one.length) for one in found] == [(1, 11), (1, 7)]
