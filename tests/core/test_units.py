from __future__ import annotations

from datetime import date, datetime

import pytest

from regulars.core.units import write, write_count, write_interval


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "money", "–"),
        (float("nan"), "share", "–"),
        (float("inf"), "", "–"),
        (0, "count", "0"),
        (0.0, "share", "0.0 %"),
        (0.8644, "share", "86.4 %"),
        (-0.021, "change_share", "−2.1 %"),
        (0.021, "change_points", "+2.1 pp"),
        (4338, "customers", "4,338"),
        (3.5, "days", "3.5"),
        (1234.56, "days", "1,234.6"),
        (1.234, "ratio", "1.23"),
        (0.1234, "ratio", "0.123"),
        (-5, "", "−5"),
        (True, "", "yes"),
        (False, "count", "no"),
        (date(2024, 1, 31), "", "2024-01-31"),
        (date(2024, 1, 31), "month", "2024-01"),
        (datetime(2024, 1, 31, 8, 5), "", "2024-01-31 08:05"),
        (datetime(2024, 1, 31, 8, 5), "date", "2024-01-31"),
        (17850, "id", "17850"),
        ("<b>", "text", "<b>"),
    ],
)  # fmt: skip
def test_a_value_as_a_person_reads_it(value: object, unit: str, text: str) -> None:
    assert write(value, unit) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [(8911407.904, "GBP", "£8,911,407.90"), (-3, "USD", "−$3.00"), (3, "CHF", "3.00 CHF"), (-3, "", "−3.00")],
)
def test_money_has_its_currency(value: float, currency: str, text: str) -> None:
    assert write(value, "money", currency) == text


def test_counts_have_their_noun() -> None:
    assert [write_count(rows, "rows") for rows in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert write_count(1, "customers") == "1 customer"


def test_an_interval_says_its_unit_once() -> None:
    assert write_interval(0.36, 0.462, "share") == "36.0–46.2 %"
    assert write_interval(-0.02, 0.01, "change_points") == "−2.0 to +1.0 pp"
    assert write_interval(1, 2, "money", "EUR") == "€1.00–€2.00"
