"""What values and names say by themselves: kinds of columns, dates, numbers, words, wide columns."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from regulars.core.config import BasketColumn, Unpivot
from regulars.intake.guessing.date_evidence import read_numbers, read_texts
from regulars.intake.guessing.profiles import ColumnProfile, is_same, profile_column
from regulars.intake.guessing.vocabulary import name_score, read_name, subject_of
from regulars.intake.guessing.wide_columns import find_basket, find_category_spend, find_responses, unpivoted


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, "", "NA", "null"], "empty"),
        ([date(2024, 1, 1), None], "date"),
        (["2024-01-31", "2024-02-01"], "date"),
        (["5 March 2024", "17 April 2024"], "date"),
        (["true", "false", "true"], "boolean"),
        ([True, False], "boolean"),
        (["1", "2", "3"], "integer"),
        ([17850.0, 13047.0], "integer"),
        (["1,50", "2,25"], "decimal"),
        (["$131.00", "$33.50"], "decimal"),
        (["45-54", "65+", "19-24"], "band"),
        (["35-49K", "Under 15K", "250K+"], "band"),
        (["e099282ee61023d4d74f0bc5fc52aaf4"] * 2, "hex_id"),
        (["85123A", "71053", "C536379"], "code"),
        (['{"P1": 2}', '[{"sku": 1}]'], "list"),
        ([[1, 2], [3]], "list"),
        (["red", "blue"] * 30, "category"),
        ([f"a long text about thing {place}" for place in range(60)], "text"),
    ],
)
def test_kinds(values: list[Any], kind: str) -> None:
    assert profile_column("x", values).kind == kind


@pytest.mark.parametrize(
    ("values", "expected", "decimal"),
    [
        (["1.234,56", "12,00"], (1234.56, 12.0), ","),
        (["1,234.56", "12.00"], (1234.56, 12.0), "."),
        (["1 234,5", "3,5"], (1234.5, 3.5), ","),
        (["(12.50)", "-3.00"], (-12.5, -3.0), "."),
        (["£3.50", "£1,200.75"], (3.5, 1200.75), "."),
        (["3,50 EUR", "4,25 EUR"], (3.5, 4.25), ","),
        (["1.234.567", "2.000.000"], (1234567.0, 2000000.0), ","),
    ],
)
def test_numbers_as_people_write_them(values: list[str], expected: tuple[float, ...], decimal: str) -> None:
    found = profile_column("x", values)
    assert found.present_numbers == pytest.approx(expected)
    assert found.number.decimal == decimal


def test_marks_that_could_be_either_are_called_undecided() -> None:
    assert profile_column("x", ["1,234", "2,500"]).number.is_undecided
    assert not profile_column("x", ["1,234", "2,5"]).number.is_undecided
    assert not profile_column("x", ["1234", "25"]).number.is_undecided


def test_currency_signs_are_read_with_the_numbers() -> None:
    assert profile_column("x", ["€3,50", "€4"]).number.signs == ("EUR",)
    assert profile_column("x", ["3.50 USD", "4.10 USD"]).number.signs == ("USD",)
    assert profile_column("x", ["3.50", "4.10"]).number.signs == ()


def test_leading_zeros_are_no_quantity() -> None:
    assert profile_column("x", ["00004", "00017"]).number.has_leading_zeros
    assert not profile_column("x", ["0", "10", "0.5"]).number.has_leading_zeros


@pytest.mark.parametrize(
    ("values", "order", "proof"),
    [
        (["25/04/2021", "03/04/2021"], "day_first", 1),
        (["4/25/21 8:26", "4/13/21 9:00"], "month_first", 2),
        (["12/1/10 8:26", "12/1/10 9:00"], "undecided", 0),
        (["13/04/2021", "04/13/2021"], "contradictory", 1),
        (["2021-04-03", "2021-04-25"], "", 0),
        (["2021-04-03T10:00:00Z"], "", 0),
        (["3 Apr 2021"], "", 0),
    ],
)
def test_the_order_of_day_and_month_is_proven_or_not(values: list[str], order: str, proof: int) -> None:
    found = read_texts(values)
    assert found.share == 1
    assert (found.order, found.proof_count) == (order, proof)


def test_several_ways_of_writing_dates_in_one_column() -> None:
    found = read_texts(["2021-04-03", "03.04.2021", "3 March 2021", "not a date"])
    assert found.share == 0.75
    assert len(found.formats) == 3


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([19970101, 19980630], "yyyymmdd"),
        ([1617443200, 1617529600], "seconds"),
        ([1617443200000], "milliseconds"),
        ([44289.5, 44290], "excel"),
        ([536365, 536366], ""),
        ([3, 4], ""),
        ([20211399], ""),
    ],
)
def test_dates_written_as_numbers(values: list[float], coding: str) -> None:
    assert read_numbers(values).coding == coding


def test_typed_instants_tell_of_their_offset() -> None:
    there = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert profile_column("x", [there]).dates.has_offset
    assert not profile_column("x", [datetime(2024, 1, 1)]).dates.has_offset


def test_a_key_has_a_value_of_its_own_in_every_row() -> None:
    assert profile_column("x", [str(place) for place in range(100)]).is_key
    assert not profile_column("x", [str(place // 2) for place in range(100)]).is_key
    assert not profile_column("x", [*map(str, range(90)), *[""] * 10]).is_key


def test_what_differs_within_a_key_is_no_attribute_of_it() -> None:
    assert is_same(["a", "a", "b", "b"], ["x", "x", "y", "y"])
    assert not is_same(["a", "a", "b", "b"], ["x", "z", "y", "y"])
    assert is_same(["a", "b"], ["x", "y"])


@pytest.mark.parametrize(
    ("name", "meanings"),
    [
        ("InvoiceNo", ("order", "id")),
        ("customer_id", ("customer", "id")),
        ("KUNDENNUMMER", ("customer", "id")),
        ("Artikelbezeichnung", ("product", "name")),
        ("numéro de commande", ("id", "order")),
        ("usergender", ("customer", "gender")),
        ("NumWebPurchases", ("count", "order")),
        ("Währung", ("currency",)),
        ("Waehrung", ("currency",)),
        ("", ()),
        ("\x00\n", ()),
    ],
)
def test_names_are_read_in_many_spellings(name: str, meanings: tuple[str, ...]) -> None:
    assert read_name(name).meanings == meanings


@pytest.mark.parametrize(
    ("table", "column", "better", "worse"),
    [
        ("lines", "product_id", "product_id", "product_name"),
        ("lines", "product_id", "product_name", "product_category"),
        ("lines", "discount", "discount_value", "discount_percent"),
        ("orders", "ordered_at", "order_date", "ship_date"),
        ("orders", "status_id", "order_status", "marital_status"),
        ("customers", "joined_on", "registration_date", "expiry_date"),
        ("customers", "contactable", "opt_in", "opt_out"),
        ("customers", "customer_id", "customer_id", "custmer_id"),
        ("orders", "paid", "final_price", "original_price"),
        ("orders", "amount", "original_price", "final_price"),
    ],
)
def test_clearer_names_score_higher(table: str, column: str, better: str, worse: str) -> None:
    assert name_score(table, column, better) > name_score(table, column, worse)


def test_a_file_says_what_it_is_about() -> None:
    assert subject_of("user_logs") == "customer"
    assert subject_of("customer_orders") == "order"
    assert subject_of("export_2024") == ""


def profiles(**columns: list[Any]) -> dict[str, ColumnProfile]:
    return {name: profile_column(name, values) for name, values in columns.items()}


def test_wide_columns_of_money_are_category_spend() -> None:
    wide = profiles(ID=["1", "2"], spent_wine=["3", "4"], spent_fish=["5", "6"], spent_meat=["7", "9"])
    found = find_category_spend(wide)
    assert found == Unpivot(("spent_*",), "category", "amount", "spent_")
    assert unpivoted(found, tuple(wide)) == {"spent_wine", "spent_fish", "spent_meat"}
    assert find_category_spend(profiles(age_1=["3"], age_2=["5"], age_3=["7"])) is None


def test_a_pattern_takes_no_more_than_is_meant() -> None:
    wide = profiles(MntWines=["3"], MntFish=["5"], MntMeat=["7"], Mntnote=["text"])
    found = find_category_spend(wide)
    assert found is not None
    assert unpivoted(found, tuple(wide)) == {"MntWines", "MntFish", "MntMeat"}


def test_one_answer_for_each_campaign() -> None:
    wide = profiles(AcceptedCmp1=["0", "1"], AcceptedCmp2=["0", "1"], Response=["1", "0"], Complain=["0", "1"])
    found = find_responses(wide)
    assert found == Unpivot(("AcceptedCmp*", "Response"), "campaign_id", "responded", "AcceptedCmp")
    assert find_responses(profiles(has_car=["0", "1"], has_house=["0", "1"])) is None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('[{"sku": "P1", "qty": 2}]', BasketColumn("items", "sku", "qty")),
        ('[{"id": "P1", "n": 2}]', BasketColumn("items", "id", "n")),
        ('{"P1": 2}', BasketColumn("items")),
        ('["P1"]', None),
        ("[broken", None),
        ('[{"colour": "red"}]', None),
    ],
)
def test_product_lists(cell: str, expected: BasketColumn | None) -> None:
    assert find_basket(profiles(items=[cell, cell])) == expected
