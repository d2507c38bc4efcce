from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from regulars.core.config import BasketColumn, ReaderSettings, Unpivot
from regulars.errors import ManyErrors, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

ORDERS = {"order_id": ["1", "2"], "customer_id": ["a", "b"], "ordered_at": ["2024-01-01", "2024-01-02"]}


def test_a_mapping_to_what_is_not_there_is_refused_all_at_once(surveyed: Callable[..., Any]) -> None:
    with pytest.raises(ManyErrors) as raised:
        surveyed(
            "customers", {"Id": ["1"], "Sex": ["f"]}, columns={"customer_id": "id", "gender": "Gender"}, further=("x*",)
        )
    told = str(raised.value)
    assert "no column 'id', to which customer_id is mapped" in told
    assert "known: Id, Sex" in told
    assert "no column 'x*', listed under further" in told


def test_what_is_not_used_is_told(surveyed: Callable[..., Any]) -> None:
    assert surveyed("orders", {**ORDERS, "Note": ["x", "y"], "_id": ["1", "2"]}).unmapped == ("Note", "_id")
    wide = {"id": ["1"], "MntA": ["1"], "MntB": ["2"], "z": ["0"]}
    found = surveyed(
        "category_spend", wide, columns={"customer_id": "id"}, unpivot=Unpivot(("Mnt*",), "category", "amount")
    )
    assert found.unmapped == ("z",)
    found = surveyed("lines", {**ORDERS, "b": ["{}", "{}"], "z": ["", ""]}, basket=BasketColumn("b"))
    assert found.unmapped == ("z",)


def test_plain_columns_are_left_as_they_are(surveyed: Callable[..., Any]) -> None:
    found = surveyed("orders", {**ORDERS, "order_id": ["1", "2"], "amount": ["1.5", "-2"], "channel": ["web", "shop"]})
    assert all(cell.is_plain for cell in found.cells if cell.name != "customer_id")
    assert found.cell("order_id").is_whole
    assert not found.cell("customer_id").is_whole
    assert found.read == 2


@pytest.mark.parametrize(
    ("texts", "is_whole", "decimals"),
    [
        (["17850", "0", "-5"], True, 0),
        (["17850.0", "12.000", "7"], True, 2),
        (["17850.0", "C12"], False, 0),
        (["00123", "5"], False, 0),
        (["+5", "5"], False, 0),
        (["-0", "5"], False, 0),
        (["12.50", "5"], False, 0),
        (["1e5", "5"], False, 0),
        (["1_000", "5"], False, 0),
        (["123456789012345678", "5"], True, 0),
        (["12345678901234567890", "5"], False, 0),
        ([" 5 ", "6", "NA", ""], True, 0),
    ],
)
def test_ids_are_whole_numbers_where_the_number_says_all_that_the_text_does(
    surveyed: Callable[..., Any], texts: list[str], is_whole: bool, decimals: int
) -> None:
    cell = surveyed("products", {"product_id": texts}).cell("product_id")
    assert (cell.is_whole, cell.decimals) == (is_whole, decimals)


def test_further_columns_are_what_their_values_are(taken: Callable[..., Any]) -> None:
    table = {
        "customer_id": ["1", "2", "3"],
        "income": ["5", "6", "7"],
        "score": ["1.5", "NA", ""],
        "rent": ["$1,200.00", "$5", "$6"],
        "zip": ["01234", "12345", "12346"],
        "card": ["1234567890123456", "1", "2"],
        "segment": ["a1", "2", "3"],
        "code": ["a1", "a2", "a3"],
        "none": ["", "", None],
    }
    found = taken("customers", table, columns={"customer_id": "customer_id"}, further=("*",))
    first = found.rows()[0]
    assert first["income"] == 5.0
    assert (first["score"], found.values("score")[1]) == (1.5, None)
    assert first["rent"] == 1200.0
    assert (first["zip"], first["card"], first["segment"], first["code"]) == ("01234", "1234567890123456", "a1", "a1")
    assert first["none"] is None
    assert not found.account.repaired


def test_typed_further_columns_keep_their_type(taken: Callable[..., Any]) -> None:
    table = pa.table(
        {
            "customer_id": [1],
            "flag": [True],
            "n": pa.array([3], pa.int8()),
            "at": [datetime(2024, 1, 1)],
            "l": [["a", "b"]],
        }
    )
    row = taken("customers", table, further=("*",), is_text=False).rows()[0]
    assert row["flag"] is True
    assert row["n"] == 3.0
    assert row["at"] == datetime(2024, 1, 1)
    assert "a" in row["l"]


def test_names_that_clash_are_told_apart(taken: Callable[..., Any]) -> None:
    table = {
        "_id": ["1"],
        "Customer_ID": ["x"],
        "reason": ["r"],
        "_reason": ["s"],
        "_REPAIRS0": ["t"],
        'a"b': ["u"],
        "😀 ": ["v"],
    }
    found = taken("customers", table, columns={"customer_id": "_id"}, further=("*",))
    row = found.rows()[0]
    assert {"customer_id", "Customer_ID_2", "reason", "reason_2", "REPAIRS0", 'a"b', "😀 "} <= set(row)
    assert (row["customer_id"], row["Customer_ID_2"], row["reason_2"]) == (1, "x", "s")
    assert "'Customer_ID' is called 'Customer_ID_2'" in found.notes["column_names"]


def test_a_pattern_that_is_a_name_is_taken_as_that_name(surveyed: Callable[..., Any]) -> None:
    found = surveyed("customers", {"customer_id": ["1"], "income [EUR]": ["5"]}, further=("income [EUR]",))
    assert found.cell("income [EUR]") is not None


def test_row_numbers_stand_in_where_no_column_is_mapped(surveyed: Callable[..., Any]) -> None:
    assert surveyed("lines", {"ordered_at": ["2024-01-01"]}).row_numbered == ("order_id", "customer_id")
    assert surveyed("lines", {"ordered_at": ["2024-01-01"], "customer_id": ["1"]}).row_numbered == ()
    assert surveyed("orders", {"ordered_at": ["2024-01-01"], "customer_id": ["1"]}).row_numbered == ("order_id",)
    assert surveyed("contacts", {"responded": ["1"]}).row_numbered == ("customer_id",)


@pytest.mark.parametrize(
    ("table", "columns", "lacking"),
    [
        ("statuses", {"description": "d"}, "status_id"),
        ("calendar", {"name": "d"}, "starts_on"),
        ("referrals", {"sponsor_id": "d"}, "customer_id"),
    ],
)
def test_a_table_without_its_key_is_refused(
    surveyed: Callable[..., Any], table: str, columns: dict[str, str], lacking: str
) -> None:
    with pytest.raises(SettingsError, match=f"maps no column to {lacking}"):
        surveyed(table, {"d": ["x"]}, columns=columns)


def test_an_empty_table_is_surveyed(surveyed: Callable[..., Any]) -> None:
    empty = pa.table({"customer_id": pa.array([], pa.string()), "joined_on": pa.array([], pa.string())})
    found = surveyed("customers", empty)
    assert found.read == 0
    assert not found.problems


def test_the_users_words_for_nothing_may_hold_any_sign(taken: Callable[..., Any]) -> None:
    table = {"product_id": ["1", "2", "3", "4"], "name": ["-", "(?)", "a.b", " - "]}
    found = taken("products", table, reader=ReaderSettings(null_values=("-", "(?)")))
    assert found.values("name") == [None, None, "a.b", None]
