from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import ReaderSettings
from regulars.intake import numbers

if TYPE_CHECKING:
    from collections.abc import Callable


def orders(*amounts: Any) -> dict[str, list[Any]]:
    return {
        "customer_id": ["c"] * len(amounts),
        "ordered_at": ["2024-01-05"] * len(amounts),
        "order_id": [f"o{place}" for place in range(len(amounts))],
        "amount": list(amounts),
    }


EMPTIED = "amount cannot be read as a number: emptied"


@pytest.mark.parametrize(
    ("texts", "numbers_read"),
    [
        (["1", "-2.5", ".5", "1e3", "+4", " 7 ", "12."], [1, -2.5, 0.5, 1000, 4, 7, 12]),
        (["2,55", "3", "-0,5"], [2.55, 3, -0.5]),
        (["1.234,50", "1.234", "12"], [1234.5, 1234, 12]),
        (["1,234.50", "1,234", "1,234,567"], [1234.5, 1234, 1234567]),
        (["1 234.5", "1\u00a0234.5", "1\u202f234.5", "1'234.5", "1’234.5"], [1234.5] * 5),
        (["$131.00", "131 USD", "US$ 131", "$-131", "-$131"], [131, 131, 131, -131, -131]),
        (["€ 5,00", "5,00 €", "EUR 5,00", "kr 5,00", "5,00 zł"], [5] * 5),
        (["(5.00)", "5.00-", "−5.00", "($5.00)", "5"], [-5, -5, -5, -5, 5]),
        (["Rs. 1,23,456.00", "Rs.5"], [123456, 5]),
        (["1,5e-2", "1,5E3"], [0.015, 1500]),
        (["0,123", "1,234"], [0.123, 1.234]),
    ],
)
def test_numbers_are_read(taken: Callable[..., Any], texts: list[str], numbers_read: list[float]) -> None:
    found = taken("orders", orders(*texts))
    assert found.values("amount") == pytest.approx(numbers_read)
    assert not found.account.set_aside
    assert not found.account.repaired


@pytest.mark.parametrize(
    "text",
    ["1,5", "0,123", "12 34", "1,23", "10 %", "5%", "abc", "1.2.3", "--5", "(5", "-5-", "1 234,5", "inf", "-Infinity",
     "1e999", "5 apples", "$", "-", "1,2345", "１２", "12M", "50¢", "1;5", "0x1F"],
)  # fmt: skip
def test_what_is_no_number_under_the_point_is_emptied_and_counted(taken: Callable[..., Any], text: str) -> None:
    found = taken("orders", orders("1.25", "2.75", "1,234.5", text))
    assert found.values("amount") == [1.25, 2.75, 1234.5, None]
    assert found.repairs == {EMPTIED: 1}


@pytest.mark.parametrize("text", ["1.5", "1,234.5", "1.23", "12.34,5", "1.2345"])
def test_what_is_no_number_under_the_comma_is_emptied_and_counted(taken: Callable[..., Any], text: str) -> None:
    found = taken("orders", orders("1,25", "2,75", "1.234,5", text))
    assert found.values("amount") == [1.25, 2.75, 1234.5, None]
    assert found.repairs == {EMPTIED: 1}


def test_a_mark_that_could_be_either_is_told(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("1,234", "2,345"))
    assert found.values("amount") == [1234, 2345]
    assert "2 values like 1,234" in found.notes["decimal_mark"]
    found = taken("orders", orders("1.234", "2.345"))
    assert found.values("amount") == [1.234, 2.345]
    assert "2 values like 1.234" in found.notes["decimal_mark"]


def test_other_columns_of_the_table_tell_what_the_mark_means(taken: Callable[..., Any]) -> None:
    found = taken("orders", {**orders("1.234", "2.345"), "paid": ["1,5", "2,25"]})
    assert found.values("amount") == [1234, 2345]
    assert any("as other columns of the table prove" in one for one in found.told)
    found = taken("orders", {**orders("1,234", "2,345"), "paid": ["1,5", "2,25"]})
    assert found.values("amount") == [1.234, 2.345]


def test_the_settings_have_the_last_word(taken: Callable[..., Any]) -> None:
    for reader in (ReaderSettings(decimal=","), ReaderSettings(thousands=".")):
        assert taken("orders", orders("1.234", "2"), reader=reader).values("amount") == [1234, 2]
    found = taken("orders", orders("1,234", "1 234"), reader=ReaderSettings(thousands=" "))
    assert found.values("amount") == [None, 1234]


def test_plain_numbers_of_three_decimals_are_told_only_where_all_are(taken: Callable[..., Any]) -> None:
    assert "decimal_mark" not in taken("orders", orders("1.234", "2.5")).notes


def test_currencies_and_percentages_are_told(taken: Callable[..., Any]) -> None:
    assert "EUR, USD" in taken("orders", orders("$5", "€6")).notes["currencies"]
    assert "currencies" not in taken("orders", orders("$5", "6 USD")).notes
    found = taken("orders", orders("10%", "5"))
    assert found.values("amount") == [None, 5]
    assert "1 value in per cent" in found.notes["percentages"]


def test_words_for_nothing_are_nothing(taken: Callable[..., Any]) -> None:
    found = taken(
        "orders", orders("5", "", None, "  ", "NULL", "NaN", "n/a", "-9"), reader=ReaderSettings(null_values=("-9",))
    )
    assert found.values("amount") == [5, None, None, None, None, None, None, None]
    assert not found.account.repaired
    assert found.notes["words_for_nothing"].startswith("5 cells")


def test_more_shapes_than_are_looked_at_are_still_read_with_care(
    taken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.intake.evidence.MAX_MASKS", 2)
    texts = ["$1.00", "$2.00", "$10.00", "1,5", "x", "$1,000.00", "10,5"]
    assert taken("orders", orders(*texts)).values("amount")[:5] == [1, 2, 10, None, None]


def test_a_whole_number_with_a_fraction_is_none(taken: Callable[..., Any]) -> None:
    years = {"customer_id": ["1", "2", "3", "4"], "birth_year": ["1984", "1984.0", "1984.7", "84x"]}
    found = taken("customers", years)
    assert found.values("birth_year") == [1984, 1984, None, None]
    assert found.repairs == {"birth_year cannot be read as a whole number: emptied": 2}


def test_every_currency_stands_before_those_that_are_part_of_it() -> None:
    tokens = list(numbers.CURRENCIES)
    for place, token in enumerate(tokens):
        assert not any(earlier in token for earlier in tokens[:place])
