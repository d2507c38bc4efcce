from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from regulars.intake.checks import running as checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from regulars.core.quality import CheckResult
    from regulars.engine.duckdb import DuckdbEngine

    Check = Callable[..., dict[str, list[CheckResult]]]


def lines(count: int = 40, **columns: object) -> list[dict[str, object]]:
    """Ordinary order lines, one a day, two customers; a function is called with the number of the row."""
    start = datetime(2024, 1, 1, 12)
    rows: list[dict[str, object]] = []
    for place in range(count):
        row = {
            "order_id": 1000 + place,
            "customer_id": f"c{place % 2}",
            "ordered_at": start + timedelta(days=place),
            "product_id": f"p{place % 7}",
            "quantity": 1 + place % 3,
            "unit_price": 10,
        }
        row |= {name: value(place) if callable(value) else value for name, value in columns.items()}
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


# -- what each check finds --------------------------------------------------------------------------

DAY = timedelta(days=1)


def one_of(column: str, *values: object) -> list[dict[str, object]]:
    """Order lines with one column's first values given."""
    rows = lines()
    for row, value in zip(rows, values, strict=False):
        row[column] = value
    return rows


def customers(**columns: Any) -> list[dict[str, object]]:
    return [
        {"customer_id": f"c{place}", **{name: values[place] for name, values in columns.items()}}
        for place in range(len(next(iter(columns.values()))))
    ]


FOUND: list[tuple[str, dict[str, Any], int, str]] = [
    ("negative_quantity", {"lines": one_of("quantity", -1)}, 1, "(together −10.00): returns or corrections"),
    ("zero_price", {"lines": one_of("unit_price", 0, 0)}, 2, "the unit price is zero in 2 of 40 rows: gifts"),
    ("negative_price", {"lines": one_of("unit_price", -1)}, 1, "the unit price is below zero in 1 of 40 rows"),
    ("zero_quantity", {"lines": one_of("quantity", 0, 0)}, 2, "the quantity is zero in 2 of 40 rows"),
    ("zero_paid", {"orders": lines(product_id=None, unit_price=None, paid=0)}, 40, "the amount paid is zero in all 40"),
    ("negative_amount", {"orders": [*lines(amount=5), *lines(2, amount=-5)]}, 2, "(together −10.00): refunds"),
    ("zero_amount", {"orders": [*lines(amount=5), *lines(2, amount=0)]}, 2, "the amount is zero in 2 of 42 rows"),
    ("negative_paid", {"orders": [*lines(paid=5), *lines(2, paid=-5)]}, 2, "the amount paid is below zero in 2 of 42"),
    ("discount_over_amount", {"lines": lines(discount=lambda p: 31 if p == 4 else 1)}, 1, "larger than the amount"),
    ("negative_discount", {"lines": lines(discount=lambda p: -1 if p == 4 else 1)}, 1, "the discount is below zero"),
    (
        # 1 % and half a cent are tolerated
        "paid_contradicts_amount",
        {"lines": lines(amount=10, discount=1, paid=lambda p: [9, 9.08, 8.95, 9.5, 10, 8][p] if p < 6 else 9)},
        3,
        "paid is not amount − discount in 3 of 40 rows",
    ),
    (
        "dates_before_1990",
        {"lines": one_of("ordered_at", "1970-01-01 00:00:00")},
        1,
        "ordered_at is before 1990 in 1 of 40",
    ),
    (
        "order_before_joining",
        {"lines": lines(), "customers": customers(joined_on=["2024-01-10", "2023-01-01"])},
        5,
        "older than the customer's registration in 5 of 40 rows",
    ),
    (
        "order_before_release",
        {"lines": lines(), "products": [{"product_id": "p0", "released_on": "2024-01-08"}]},
        1,
        "older than the product's release in 1 of 6 rows",
    ),
    (
        "ends_before_start",
        {"campaigns": [{"campaign_id": 1, "starts_on": "2024-02-01", "ends_on": "2024-01-31"}]},
        1,
        "the end is before the start in all 1 rows",
    ),
    (
        "constant_column",
        {"lines": lines(store_id="s1", quantity=None, unit_price=None)},
        40,
        "store_id is 's1' in all 40 rows",
    ),
    ("empty_column", {"lines": [{"store_id": "", **row} for row in lines()]}, 40, "store_id is empty in all 40 rows"),
    (
        "cancellations",
        {"lines": one_of("order_id", "C1", "C2", "A3")},
        3,
        "(A: 1, C: 2), where most are digits only, in 3 of 40",
    ),
    (
        "codes_without_digits",
        {"lines": one_of("product_id", *(f"x{p}" for p in range(20)), "POST")},
        1,
        "1 of 28 ids: POST (1)",
    ),
    (
        "stand_in_customer",
        {"lines": lines(300, customer_id=lambda p: "till" if p % 2 else f"c{p}")},
        150,
        "till has 50.0 %",
    ),
    (
        "repeated_rows",
        {"lines": [*lines(), *lines(3)]},
        3,
        "3 of 43 rows repeat another row of the same file exactly; all",
    ),
    ("repeated_order", {"orders": [*lines(), *lines(2, quantity=9)]}, 4, "in several rows: 2 ids in 4 of 42 rows"),
    (
        "order_with_several_customers",
        {"lines": lines(order_id=lambda p: p // 4)},
        10,
        "of several customers in all 10 orders",
    ),
    ("order_on_several_days", {"lines": lines(order_id=lambda p: max(p, 2), customer_id=1)}, 1, "in 1 of 38 orders"),
    (
        "orphan_customers",
        {"lines": lines(), "customers": customers(city=["Ulm"])},
        20,
        "is not in customers in 20 of 40 rows, for 1 of 2 different ids: c1 (20)",
    ),
    (
        "orphan_sponsors",
        {"referrals": [{"customer_id": "c0", "sponsor_id": "c7"}], "customers": customers(city=["Ulm"])},
        1,
        "in all 1 rows, for all 1 different ids: c7 (1); 100.0 % is so much",
    ),
    (
        "orphan_products",
        {"lines": lines(), "products": [{"product_id": "p1"}]},
        34,
        "85.0 % is so much that ids may be",
    ),
    ("orphan_devices", {"lines": lines(device_id=1), "devices": [{"device_id": 2}]}, 40, "1 (40)"),
    (
        "orphan_campaigns",
        {"lines": lines(campaign_id=1), "campaigns": [{"campaign_id": 2}]},
        40,
        "campaign_id of lines",
    ),
    (
        "orphan_orders",
        {"lines": lines(), "orders": lines(39, product_id=None)},
        1,
        "order_id of lines is not in orders",
    ),
    (
        "orphan_statuses",
        {"orders": lines(status_id=lambda p: p % 4), "statuses": [{"status_id": p, "is_success": p} for p in range(3)]},
        10,
        "status_id of orders is not in statuses in 10 of 40 rows",
    ),
    (
        "failed_attempts",
        {
            "orders": lines(amount=5, status_id=lambda p: None if p == 0 else 1 if p % 4 else 7),
            "statuses": [{"status_id": 1, "error_group": ""}, {"status_id": 7, "error_group": "bank"}],
        },
        9,
        "9 of 40 attempts failed (22.5 %); counting them as sales would add 45.00 (30.0 %) to the revenue of 150.00",
    ),
    (
        "missing_status",
        {"orders": lines(status_id=lambda p: 1 if p > 3 else ""), "statuses": [{"status_id": 1, "is_success": 1}]},
        4,
        "the status is missing in 4 of 40 rows",
    ),
    (
        "statuses_not_mapped",
        {"orders": lines(status_id=lambda p: p % 3)},
        40,
        "all 40 rows count as sales, whichever of the 3",
    ),
    (
        "missing_months",
        {"lines": lines(120, ordered_at=lambda p: datetime(2024, 1, 1) + p * DAY + (p > 30) * 61 * DAY)},
        2,
        "in 2 of 6 months from 2024-01 to 2024-06: 2024-02, 2024-03",
    ),
    (
        "closed_weekdays",
        {"lines": lines(60, ordered_at=lambda p: datetime(2024, 1, 1) + (p // 6 * 7 + p % 6) * DAY)},
        1,
        "there are no purchases on Sundays",
    ),
    (
        "missing_days",
        {"lines": lines(60, ordered_at=lambda p: datetime(2024, 1, 1) + (p + 8 * (p > 30)) * DAY)},
        8,
        "there is no purchase on 8 of 68 open days: 2024-02-01 to 2024-02-08",
    ),
    ("partial_months", {"lines": lines()}, 1, "2024-02 ends on 2024-02-09, so that month is not whole"),
    ("stray_dates", {"lines": one_of("ordered_at", "2099-05-06 12:00:00")}, 1, "in 1 of 40 rows: 2099-05-06 (1)"),
    (
        "stand_in_dates",
        {"customers": customers(joined_on=[str(date(2020, 1, 1) + max(0, p - 90) * DAY) for p in range(120)])},
        91,
        "joined_on is 2020-01-01 in 91 of 120 rows",
    ),
    (
        "several_spellings",
        {"customers": customers(city=["Ulm", "Ulm", "ULM", "New York", "new  york", "Bonn"])},
        2,
        "2 values of city are spelt in several ways",
    ),
    ("several_spellings", {"lines": lines(store_id=lambda p: "a1" if p else "A1")}, 1, "'a1' (39) / 'A1' (1)"),
    (
        "placeholder_values",
        {"devices": [{"device_id": p, "model": ["devicemodel", "n.a.", "x7"][p % 3]} for p in range(9)]},
        6,
        "'devicemodel' (3), 'n.a.' (3), in 6 of 9 rows",
    ),
    (
        "extreme_values",
        {"lines": [*lines(200), *lines(1, quantity=70_000, order_id=5)]},
        1,
        "quantity is 70,000 or more in 1 of",
    ),
    (
        "unmapped_columns",
        {"lines": lines(colour="red")},
        1,
        "lines has columns that are not used: colour (1 of 7 columns)",
    ),
    ("missing_key", {"lines": one_of("customer_id", "", "null")}, 2, "customer_id is missing, in 2 of 40 rows"),
    (
        "unreadable_value",
        {"lines": one_of("ordered_at", "soon")},
        1,
        "ordered_at cannot be read as a date, in 1 of 40 rows",
    ),
    (
        "contradicting_keys",
        {"devices": [{"device_id": p // 2, "model": "a" if p < 6 else f"m{p}"} for p in range(12)]},
        3,
        "6 are repeated, in 6 rows too many; 3 of these contradict a later row",
    ),
    (
        "merged_rows",
        {"devices": [{"device_id": p // 2, "model": "a" if p < 6 else f"m{p}"} for p in range(12)]},
        3,
        "the same device_id stands in several rows that agree, in 3 of 12 rows",
    ),
    (
        "malformed_row",
        {"lines": [{"_problem": "3 cells" if p == 4 else None, **row} for p, row in enumerate(lines())]},
        1,
        "cells, in 1 of 40 rows",
    ),
    (
        "decimal_ids",
        {"lines": one_of("order_id", "1000.0")},
        1,
        "order_id written as a decimal number, in 1 of 40 rows",
    ),
    ("blanks", {"lines": one_of("product_id", " p0 ")}, 1, "product_id with blanks around it, in 1 of 40 rows"),
    (
        "sentinel_dates",
        {"customers": customers(birth_date=[str(date(1970, 1, 1) + max(0, p - 90) * DAY) for p in range(120)])},
        91,
        "birth_date 1970-01-01 stands for not known, in 91 of 120 rows",
    ),
    ("impossible_ages", {"customers": customers(age=["30", "130"])}, 1, "age under 0 or over 110, in 1 of 2 rows"),
    (
        "left_before_joining",
        {"customers": customers(joined_on=["2020-02-01", "2020-02-01"], left_on=["2020-01-01", "2020-03-01"])},
        1,
        "left before joining in 1 of 2 rows",
    ),
]


@pytest.mark.parametrize(("name", "tables", "rows", "words"), FOUND, ids=[name for name, *_ in FOUND])
def test_found(check: Check, engine: DuckdbEngine, name: str, tables: dict[str, Any], rows: int, words: str) -> None:
    results = check(engine, tables)[name]
    told = [result for result in results if words in result.sentence]
    assert told, [result.sentence for result in results]
    assert told[0].rows == rows


def test_every_check_is_tried() -> None:
    tried = {name for name, *_ in FOUND} | {name for name in checks.CHECKS if name.startswith("lacks_")}
    tried |= {
        "excluded_by_rule",
        "future_dates",
        "cancelling_pairs",
        "unreadable_product_list",
    }  # elsewhere in the tests
    not_here = {"overlapping_files", "other_outcomes", *checks.ON_THE_WAY}  # several files; never; while reading
    assert set(checks.CHECKS) - not_here == tried


def test_money_is_written_in_the_currency(check: Check, engine: DuckdbEngine) -> None:
    (result,) = check(engine, {"lines": one_of("quantity", -3)}, dataset={"currency": "GBP"})["negative_quantity"]
    assert "(together −£30.00)" in result.sentence


def test_orders_after_as_of_are_told(check: Check, engine: DuckdbEngine) -> None:
    (result,) = check(engine, {"lines": lines()}, dataset={"as_of": "2024-02-01"})["future_dates"]
    assert result.rows == 8
    assert "ordered_at is after 2024-02-01 (as_of) in 8 of 40 rows" in result.sentence


def test_months_under_exclude_periods_are_missing_and_no_warning(check: Check, engine: DuckdbEngine) -> None:
    rows = lines(120, ordered_at=lambda p: datetime(2024, 1, 1) + p * DAY + (p > 30) * 61 * DAY)
    (result,) = check(engine, {"lines": rows}, dataset={"exclude_periods": ["2024-02-01/2024-03-31"]})["missing_months"]
    assert (result.rows, result.severity, result.change) == (2, "note", "")
    assert result.sentence.endswith("2024-02, 2024-03; all are listed under exclude_periods")


def test_what_is_found_to_be_whole_is_said(context: Callable[..., checks.Context], engine: DuckdbEngine) -> None:
    tables = {"lines": lines(), "customers": customers(city=["Ulm", "Bonn"])}
    said = {one.check: one.sentence for one in checks.run(context(engine, tables)) if not one.rows}
    assert said["orphan_customers"] == "every customer_id of lines is in customers"
    assert said["repeated_rows"] == "no row of lines repeats another row of the same file exactly"
    assert said["missing_months"] == "every month from 2024-01 to 2024-02 has purchases"


def test_an_extreme_purchase_that_was_taken_back(check: Check, engine: DuckdbEngine) -> None:
    giant = {**lines(1)[0], "order_id": 7, "quantity": 80_000, "customer_id": "c1"}
    back = {**giant, "order_id": "C8", "quantity": -80_000}
    rows = [*lines(200), giant, back]
    (both,) = check(engine, {"lines": rows})["cancelling_pairs"]
    assert (both.rows, both.severity) == (1, "warning")
    assert both.sentence.endswith(
        "(order 7); both count, so the sums are right, and averages and largest orders are not"
    )
    (half,) = check(engine, {"lines": rows}, lines={"exclude": ["order_id starts with C"]})["cancelling_pairs"]
    assert (half.rows, half.severity) == (1, "problem")
    assert "1 extreme purchase was taken back" in half.sentence
    assert "so 800,000.00 (99.5 %) of the revenue was given back" in half.sentence
    assert dict(half.examples[0])["taken back by"] == "C8"
    other = [*lines(200), giant, {**back, "customer_id": "c0"}]
    assert "cancelling_pairs" not in check(engine, {"lines": other})


def test_a_giant_payment_that_was_given_back(engine: DuckdbEngine, check: Check) -> None:
    orders = lines(200, product_id=None, quantity=None, unit_price=None, paid=9)
    giant = {**orders[7], "order_id": 7, "paid": 90_000}
    (pair,) = check(engine, {"orders": [*orders, giant, {**giant, "order_id": 8, "paid": -90_000}]})["cancelling_pairs"]
    assert "(order 7); both count" in pair.sentence
    assert "cancelling_pairs" not in check(engine, {"orders": [*orders, giant]})


def test_letters_in_most_order_ids_are_no_cancellations(check: Check, engine: DuckdbEngine) -> None:
    assert "cancellations" not in check(engine, {"lines": lines(order_id=lambda p: f"{'INV' if p % 2 else ''}{p}")})
    assert "codes_without_digits" not in check(
        engine, {"lines": lines(product_id=lambda p: "milk" if p % 2 else "bread")}
    )


def test_product_lists_that_cannot_be_read(engine: DuckdbEngine, check: Check) -> None:
    cells = ['{"P1": 2, "P2": 1}', "{oops", "{}"]
    rows = [{"order_id": p, "customer_id": "a", "ordered_at": "2024-01-15", "items": cells[p]} for p in range(3)]
    results = check(engine, {"lines": rows}, lines={"basket": {"column": "items"}})["unreadable_product_list"]
    assert [result.rows for result in results] == [1, 1]
    assert [dict(result.examples[0])["items"] for result in results] == ["{oops", "{}"]


def test_rows_made_of_one_row_do_not_repeat_each_other(check: Check, engine: DuckdbEngine) -> None:
    wide = [{"customer_id": p, "MntWine": 5, "MntFish": 5} for p in range(12)]
    spend = {"unpivot": {"columns": ["Mnt*"], "name": "category", "value": "amount", "strip": "Mnt"}}
    found = check(engine, {"category_spend": wide}, category_spend=spend)
    assert "repeated_rows" not in found
    found = check(engine, {"category_spend": [*wide, wide[0]]}, category_spend=spend)
    assert found["repeated_rows"][0].rows == 2


def test_what_the_data_lack_is_asked_for(check: Check, engine: DuckdbEngine) -> None:
    found = check(engine, {"lines": [{"customer_id": "a", "ordered_at": "2024-01-01"}]})
    lacks = {name for name in checks.CHECKS if name.startswith("lacks_")}
    assert lacks - set(found) == {"lacks_purchases", "lacks_price"}  # a price is asked for where there are products
    assert "lacks_price" in check(engine, {"lines": lines(unit_price=None)})
    rich = {
        "lines": lines(discount=1, campaign_id=1, device_id=1, status_id=1),
        "customers": [{"customer_id": "c0", "gender": 1, "joined_on": "2020-01-01", "sponsor_id": "c1"}],
        "products": [{"product_id": "p1", "category": "a", "cost": 1}],
    }
    assert not lacks & set(check(engine, rich))
    assert "lacks_purchases" in check(engine, {"customers": customers(city=["Ulm"])})


def test_a_repair_says_what_was_done(engine: DuckdbEngine, check: Check) -> None:
    (result,) = check(engine, {"lines": one_of("order_id", "1000.0")})["decimal_ids"]
    assert (result.outcome, result.done, result.column, len(result.examples)) == ("repaired", "read so", "order_id", 1)
    (result,) = check(engine, {"lines": one_of("quantity", "many")})["unreadable_value"]
    assert (result.outcome, result.done, result.column) == ("repaired", "emptied", "quantity")
    assert dict(result.examples[0])["quantity"] == "many"


def test_examples_of_what_was_set_aside_are_the_rows_as_they_stood(check: Check, engine: DuckdbEngine) -> None:
    rows = one_of("ordered_at", "2024-01-01 10:00:00", "soon", "later")
    (result,) = check(engine, {"lines": rows})["unreadable_value"]
    assert result.outcome == "set aside"
    assert [dict(example)["ordered_at"] for example in result.examples] == ["soon", "later"]
    assert len(engine.connection.sql(result.sql).fetchall()) == 2
