from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import DatasetSettings, ReaderSettings
from regulars.errors import DataError, SettingsError
from regulars.intake import dates

if TYPE_CHECKING:
    from collections.abc import Callable


def orders(*dates_given: Any) -> dict[str, list[Any]]:
    return {
        "order_id": [f"o{place}" for place in range(len(dates_given))],
        "customer_id": ["c"] * len(dates_given),
        "ordered_at": list(dates_given),
    }


READABLE = {
    "2024-01-05": "2024-01-05",
    "2024-01-05 08:26": "2024-01-05 08:26",
    "2024-01-05T08:26:09": "2024-01-05 08:26:09",
    "2024-01-05 08:26:09.123456": "2024-01-05 08:26:09.123456",
    "2024-01-05 08:26:09.1234567": "2024-01-05 08:26:09.123456",
    "2024-01-05 08:26:09,5": "2024-01-05 08:26:09.5",
    "2024/1/5 8:26": "2024-01-05 08:26",
    "2024.01.05": "2024-01-05",
    "2024-Jan-05": "2024-01-05",
    "1/25/24 8:26": "2024-01-25 08:26",
    "25.1.2024": "2024-01-25",
    "25-01-2024 23:59:59": "2024-01-25 23:59:59",
    "1/25/2024, 5:15:00 PM": "2024-01-25 17:15",
    "25/01/2024 5:15 p.m.": "2024-01-25 17:15",
    "25/01/2024 12:05am": "2024-01-25 00:05",
    "5 January 2024": "2024-01-05",
    "5-Jan-24": "2024-01-05",
    "5. March 2024 10:00": "2024-03-05 10:00",
    "January 5, 2024": "2024-01-05",
    "May 5 2024": "2024-05-05",
    "Fri, 05 Jan 2024 10:00:00 GMT": "2024-01-05 10:00",
    "Friday, January 5, 2024": "2024-01-05",
    "20240105": "2024-01-05",
    "20240105T101112Z": "2024-01-05 10:11:12",
    "20240105101112": "2024-01-05 10:11:12",
    "202401": "2024-01-01",
    "2024-01": "2024-01-01",
    "25012024": "2024-01-25",
    "250124": "2024-01-25",
    "98-12-25": "1998-12-25",
    "44289": "2021-04-03",
    "44289.5": "2021-04-03 12:00",
    "44289,25": "2021-04-03 06:00",
    "1546300800": "2019-01-01",
    "1546300800000": "2019-01-01",
    "1546300800000000": "2019-01-01",
    "2024-07-01T12:00:00Z": "2024-07-01 12:00",
    "2024-07-01 12:00:00 UTC": "2024-07-01 12:00",
    "2024-07-01T12:00:00+02:00": "2024-07-01 10:00",
    "2024-07-01T12:00:00.25-0530": "2024-07-01 17:30:00.25",
    "2024-07-01 12:00:00+02": "2024-07-01 10:00",
    "2024-07-01 12:00:00 +02:00": "2024-07-01 10:00",
}


@pytest.mark.parametrize("text", READABLE)
def test_a_date_is_read(taken: Callable[..., Any], text: str) -> None:
    assert taken("orders", orders(text)).values("ordered_at") == [datetime.fromisoformat(READABLE[text])]


UNREADABLE = (
    "31/02/2024", "2024-02-30", "2024-13-01", "5 März 2024", "5 Sept 2024", "yesterday", "12:30", "1984", "2024-1",
    "2024-01-05 24:00", "2024-01-05 10:11:12 EST", "05/01/024", "0001-01-01", "2024-01-05 10:11 PM x", "20240230",
    "2024123", "infinity", "epoch", "99999999", "2024-01-05 (BC)", "123",
)  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_no_date_is_set_aside_with_the_reason(taken: Callable[..., Any], text: str) -> None:
    found = taken("orders", orders("2024-01-05", "25/12/2023", text))
    assert found.reasons == {"ordered_at cannot be read as a date": 1}
    assert found.quarantine[0]["ordered_at"] == text


def test_several_formats_in_one_column(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("2024-01-05", "03/14/2024", "5 March 2024", "1/2/24 5:00 p.m.", "20240106", "45000"))
    days = [value.date().isoformat() for value in found.values("ordered_at")]
    assert days == ["2024-01-05", "2024-03-14", "2024-03-05", "2024-01-02", "2024-01-06", "2023-03-15"]


def test_the_numbers_decide_between_day_and_month_first(taken: Callable[..., Any]) -> None:
    month = taken("orders", orders("12/1/10 8:26", "1/25/11 9:00"))
    assert month.values("ordered_at") == [datetime(2010, 12, 1, 8, 26), datetime(2011, 1, 25, 9)]
    assert "month-first: in 1 row the second number is above 12" in month.notes["date_order"]
    day = taken("orders", orders("01/12/2010", "25/01/2011", "03/04/2011"))
    assert day.values("ordered_at") == [datetime(2010, 12, 1), datetime(2011, 1, 25), datetime(2011, 4, 3)]


def test_each_separator_has_its_own_proof(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("13/04/2021", "01/02/2021", "05-25-2021", "01-02-2021"))
    assert found.values("ordered_at")[1::2] == [datetime(2021, 2, 1), datetime(2021, 1, 2)]


def test_dates_with_dots_are_day_first_and_it_is_said(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("03.04.2021"))
    assert found.values("ordered_at") == [datetime(2021, 4, 3)]
    assert "by convention" in found.notes["date_order"]


@pytest.mark.parametrize(
    ("texts", "rows", "words"),
    [
        (["03/04/2021", "05/06/2021", None], 2, "neither number is above 12"),
        (["13/04/2021", "05/25/2021", "01/01/2021"], 3, "1 row can only be day-first and 1 only month-first"),
        (["01022024"], 1, "neither number is above 12"),
        (["010203"], 1, "neither number is above 12"),
    ],
)
def test_what_nothing_decides_is_asked(
    taken: Callable[..., Any], surveyed: Callable[..., Any], texts: list[str], rows: int, words: str
) -> None:
    with pytest.raises(DataError, match="date_order") as raised:
        taken("orders", orders(*texts))
    assert raised.value.rows == rows
    assert raised.value.column == "ordered_at"
    assert words in raised.value.message
    assert any(text and f"'{text}'" in raised.value.message for text in texts)
    assert len(surveyed("orders", orders(*texts)).problems) == 1


@pytest.mark.parametrize("where", ["dataset", "reader"])
def test_a_said_order_sets_aside_what_does_not_fit(taken: Callable[..., Any], where: str) -> None:
    how: dict[str, Any] = {"reader": ReaderSettings(date_order="day_first")}
    if where == "dataset":
        how = {"dataset": DatasetSettings(date_order="day_first")}
    found = taken("orders", orders("13/04/2021", "05/25/2021", "01/02/2021"), **how)
    assert found.values("ordered_at") == [datetime(2021, 4, 13), datetime(2021, 2, 1)]
    assert found.reasons == {"ordered_at cannot be read as a date": 1}


def test_year_first_leaves_dates_with_a_long_year_at_the_end_open(taken: Callable[..., Any]) -> None:
    settings = DatasetSettings(date_order="year_first")
    assert taken("orders", orders("10-11-12"), dataset=settings).values("ordered_at") == [datetime(2010, 11, 12)]
    with pytest.raises(DataError):
        taken("orders", orders("10-11-2012"), dataset=settings)


def test_one_slip_does_not_make_days_years() -> None:
    shapes = [dates.Shape("99/99/99", 1000, "01/02/20", proof=(600, 0, 1))]
    assert dates.plan(shapes).order == "day_first"


def test_given_formats_are_used_alone(taken: Callable[..., Any]) -> None:
    reader = ReaderSettings(date_formats=("%d|%m|%Y", "%d|%m|%Y %H:%M%z"))
    found = taken(
        "orders",
        orders("05|01|2024", "05|01|2024 10:00+02:00", "05|01|2024 10:00Z", "2024-01-05 10:00:00,5"),
        reader=reader,
    )
    assert found.values("ordered_at") == [datetime(2024, 1, 5), datetime(2024, 1, 5, 8), datetime(2024, 1, 5, 10)]
    assert found.account.set_aside == 1


@pytest.mark.parametrize("given", ["%Q", "%z %Y", "%d.%m.%Y %K"])
def test_a_format_that_is_none_is_refused(surveyed: Callable[..., Any], given: str) -> None:
    with pytest.raises(SettingsError, match="strptime"):
        surveyed("orders", orders("05|01|2024"), reader=ReaderSettings(date_formats=(given,)))


def test_offsets_and_epochs_become_the_zones_wall_clock(taken: Callable[..., Any]) -> None:
    texts = (
        "2024-07-01T12:00:00Z",
        "2024-01-01T12:00:00Z",
        "2024-07-01T12:00:00-05:00",
        "2024-07-01 12:00:00",
        "1546300800",
    )
    found = taken("orders", orders(*texts), dataset=DatasetSettings(timezone="Europe/Berlin"))
    hours = [value.hour for value in found.values("ordered_at")]
    assert hours == [14, 13, 19, 12, 1]


def test_numbers_in_typed_columns_are_read_as_dates(taken: Callable[..., Any]) -> None:
    for given, first in (
        ([20240131, 20231201], datetime(2024, 1, 31)),
        ([44289.5, None], datetime(2021, 4, 3, 12)),
        ([20240131.0, float("nan")], datetime(2024, 1, 31)),
        ([1546300800, 1546300801], datetime(2019, 1, 1)),
    ):
        assert taken("orders", orders(*given), is_text=False).values("ordered_at")[0] == first


def test_a_day_column_drops_the_time_of_day(taken: Callable[..., Any]) -> None:
    found = taken("customers", {"customer_id": ["1", "2"], "joined_on": ["2024-01-05 23:59", "x"]})
    assert str(found.values("joined_on")[0]) == "2024-01-05"
    assert found.repairs == {"joined_on cannot be read as a date: emptied": 1}


def test_what_a_date_does_not_say_is_told(taken: Callable[..., Any]) -> None:
    assert "1 row with a month and no day" in taken("orders", orders("2024-01", "2024-02-03")).notes["date_order"]
    assert "1969 to 2068" in taken("orders", orders("25/01/24")).notes["date_order"]


def test_plain_dates_are_what_the_pattern_for_them_says() -> None:
    assert all(re.search(dates.ISO, text) for text in ("2024-01-05", "2024-01-05T10:00", "2024-01-05 10:00:00.5"))
    texts = ("24-01-05", "2024-1-5", "2024-01-05 10:00+01", "2024-01-05Z", "0001-01-01", "2024-01-05 24:00")
    assert not any(re.search(dates.ISO, text) for text in texts)
