"""Public holidays as windows: which days belong together, and under which name."""

from __future__ import annotations

from datetime import date

from regulars.measures.occasions import holiday_windows

APART = {date(2021, 4, 21): "Kings", date(2021, 4, 30): "Unity", date(2021, 5, 1): "Labour"}
MEETING = {
    date(2022, 4, 29): "Kings",
    date(2022, 4, 30): "Unity",
    date(2022, 5, 1): "Labour",
    date(2022, 5, 2): "Kings (observed)",
}


def told(named: dict[date, str]) -> list[tuple[str, date, date]]:
    return [(one.name, one.first, one.last) for one in holiday_windows(named)]


def test_holidays_that_meet_in_one_year_keep_the_names_they_have_in_others() -> None:
    around = {date(2021, 1, 1): "New Year", date(2022, 9, 2): "National"}
    assert told(APART | MEETING | around)[1:-1] == [
        ("Kings", date(2021, 4, 21), date(2021, 4, 21)),
        ("Labour, Unity", date(2021, 4, 30), date(2021, 5, 1)),
        ("Kings", date(2022, 4, 29), date(2022, 4, 29)),
        ("Labour, Unity", date(2022, 4, 30), date(2022, 5, 2)),
    ]


def test_a_day_in_place_of_a_holiday_comes_under_the_name_of_the_holiday() -> None:
    named = {
        date(2020, 1, 1): "New Year",
        date(2020, 12, 25): "Christmas Day",
        date(2020, 12, 26): "Boxing Day",
        date(2020, 12, 28): "Boxing Day (observed)",
        date(2021, 12, 25): "Christmas Day",
        date(2021, 12, 26): "Boxing Day",
        date(2022, 1, 1): "New Year",
    }
    assert {name for name, *_ in told(named)} == {"New Year", "Boxing Day, Christmas Day"}
    assert told({}) == []
