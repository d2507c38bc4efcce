from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import BasketColumn, Unpivot
from regulars.errors import SettingsError
from regulars.intake import reshape

if TYPE_CHECKING:
    from collections.abc import Callable


def lines(*lists: str | None) -> dict[str, list[Any]]:
    return {
        "order_id": [f"o{place}" for place in range(len(lists))],
        "customer_id": ["c"] * len(lists),
        "ordered_at": ["2024-01-05"] * len(lists),
        "Basket": list(lists),
    }


def made(found: Any) -> list[tuple[Any, ...]]:
    return sorted((row["order_id"], row["product_id"], row["quantity"]) for row in found.rows())


def test_a_map_of_products(taken: Callable[..., Any]) -> None:
    found = taken("lines", lines('{"P1": 2, "P/~2": "3"}', ' {"[Gift] é": 1.5} '), basket=BasketColumn("Basket"))
    assert made(found) == [("o0", "P/~2", 3), ("o0", "P1", 2), ("o1", "[Gift] é", 1.5)]
    assert found.account.read == 3
    assert found.notes["reshaped"].startswith("2 rows of the source make 3")


def test_a_list_of_objects(taken: Callable[..., Any]) -> None:
    basket = BasketColumn("Basket", "sku", "qty", "price")
    text = '[{"sku": "P1", "qty": 2, "price": "1.5"}, {"qty": 7, "sku": 12}, {"sku": "P3"}]'
    found = taken("lines", lines(text), basket=basket)
    assert [(row["product_id"], row["quantity"], row["unit_price"]) for row in found.rows()] != []
    assert {row["product_id"]: row["quantity"] for row in found.rows()} == {"P1": 2, "12": 7, "P3": None}
    assert {row["product_id"]: row["unit_price"] for row in found.rows()} == {"P1": 1.5, "12": None, "P3": None}


def test_a_list_of_products_counts_one_of_each_entry(taken: Callable[..., Any]) -> None:
    found = taken("lines", lines('["P1", "P1", "a\\"b"]'), basket=BasketColumn("Basket"))
    assert made(found) == [("o0", "P1", 1), ("o0", "P1", 1), ("o0", 'a"b', 1)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", reshape.EMPTY_BASKET),
        ("  ", reshape.EMPTY_BASKET),
        (None, reshape.EMPTY_BASKET),
        ("{}", reshape.EMPTY_BASKET),
        ("[]", reshape.EMPTY_BASKET),
        ("{bad", reshape.UNREADABLE_BASKET),
        ("{'P1': 2}", reshape.UNREADABLE_BASKET),
        ("5", reshape.UNREADABLE_BASKET),
        ('"P1"', reshape.UNREADABLE_BASKET),
        ('{"P1": 1, "P1": 2}', reshape.REPEATED_PRODUCT),
        ('{"": 1}', reshape.NO_PRODUCT),
        ('[{"sku": "P1"}]', reshape.NO_PRODUCT),
        ("[null]", reshape.NO_PRODUCT),
    ],
)
def test_what_is_no_product_list_is_set_aside(taken: Callable[..., Any], text: str | None, reason: str) -> None:
    found = taken("lines", lines('{"P1": 2}', text), basket=BasketColumn("Basket"))
    assert found.reasons == {reason: 1}
    assert found.account.read == 2
    shown = found.quarantine[0]
    assert (shown["row"], shown["Basket"], shown["problem"]) == (2, text, reason)


def test_an_entry_without_a_product_is_set_aside_alone(taken: Callable[..., Any]) -> None:
    text = '[{"sku": "P1"}, {"qty": 1}, {"sku": {"x": 1}}, {"sku": null}, 5]'
    found = taken("lines", lines(text), basket=BasketColumn("Basket", "sku", "qty"))
    assert found.values("product_id") == ["P1"]
    assert found.reasons == {reshape.NO_PRODUCT: 4}
    assert len(found.quarantine) == 4


def test_a_quantity_that_is_nested_cannot_be_read_and_is_counted(taken: Callable[..., Any]) -> None:
    found = taken("lines", lines('{"P1": {"qty": 2}, "P2": [1], "P3": "many", "P4": 1}'), basket=BasketColumn("Basket"))
    assert {row["product_id"]: row["quantity"] for row in found.rows()} == {"P1": None, "P2": None, "P3": None, "P4": 1}
    assert found.repairs == {"quantity cannot be read as a number: emptied": 3}
    assert {row["quantity (made)"] for row in found.quarantine} == {'{"qty":2}', "[1]", "many"}


def test_wide_columns_become_category_spend(taken: Callable[..., Any]) -> None:
    wide = {"ID": ["7", "8"], "MntWines": ["5", "x"], "MntFruits": ["", "1,234.5"], "Mn": ["1", "1"]}
    how = {"columns": {"customer_id": "ID"}, "unpivot": Unpivot(("Mnt*",), "category", "amount", "Mnt")}
    found = taken("category_spend", wide, **how)
    amounts = {(row["customer_id"], row["category"]): row["amount"] for row in found.rows()}
    assert amounts == {(7, "Wines"): 5, (7, "Fruits"): None, (8, "Wines"): None, (8, "Fruits"): 1234.5}
    assert (found.account.read, found.account.repaired) == (4, 1)
    shown = found.quarantine[0]
    assert (shown["row"], shown["MntWines"], shown["MntFruits"], shown["category (made)"]) == (
        2,
        "x",
        "1,234.5",
        "Wines",
    )


def test_wide_typed_columns_become_contacts(taken: Callable[..., Any]) -> None:
    wide = {"ID": [1, 2], "AcceptedCmp1": [0, 1], "AcceptedCmp2": [0, None], "Response": [True, False], "x": [1, 2]}
    unpivot = Unpivot(("AcceptedCmp*", "Response"), "campaign_id", "responded", "Accepted")
    found = taken("contacts", wide, columns={"customer_id": "ID"}, unpivot=unpivot, is_text=False)
    answers = {(row["customer_id"], row["campaign_id"]): row["responded"] for row in found.rows()}
    assert answers[1, "Response"] is True
    assert answers[2, "Cmp1"] is True
    assert answers[2, "Cmp2"] is None
    assert (len(answers), sum(value is False for value in answers.values())) == (6, 3)


def test_a_column_that_is_not_there_is_refused(surveyed: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match="did you mean 'Basket'"):
        surveyed("lines", lines("{}"), basket=BasketColumn("basket"))
    with pytest.raises(SettingsError, match="no such column"):
        surveyed(
            "category_spend",
            {"ID": ["1"]},
            columns={"customer_id": "ID"},
            unpivot=Unpivot(("Mnt*",), "category", "amount"),
        )


def test_a_name_that_is_needed_is_refused(surveyed: Callable[..., Any]) -> None:
    with pytest.raises(SettingsError, match="_Made_amount"):
        surveyed("lines", {**lines("{}"), "_Made_amount": ["1"]}, basket=BasketColumn("Basket"))


def test_a_row_damaged_in_the_file_stays_damaged(taken: Callable[..., Any]) -> None:
    table = {**lines('{"P1": 2}', '{"P1": 2, "P2": 1}'), "_problem": [None, "3 cells where 4 are expected: x"]}
    found = taken("lines", table, basket=BasketColumn("Basket"))
    assert found.account.set_aside == 1
    assert "too many or too few cells" in next(iter(found.reasons))
    assert found.quarantine[0]["problem"].startswith("3 cells")
