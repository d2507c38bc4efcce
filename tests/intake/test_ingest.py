from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.core.config import DatasetSettings
from regulars.errors import DataError
from regulars.intake.ingest import ingest, whole_number_domains
from regulars.intake.merging import MERGED_WORDS
from regulars.intake.statuses import with_success

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = date(2024, 6, 30)


def orders(**columns: list[Any]) -> dict[str, list[Any]]:
    rows = max(map(len, columns.values()))
    base = {"order_id": [f"o{place}" for place in range(rows)], "customer_id": ["c"] * rows}
    return {**base, "ordered_at": ["2024-01-05"] * rows, **columns}


# -- ids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        (["00123", "5"], ["00123", "5"]),
        (["17850.0", "12"], [17850, 12]),
        (["17850.0", "C12"], ["17850.0", "C12"]),
        ([" 5", "6"], [5, 6]),
        ([" A", "b "], ["A", "b"]),
        (["-1", "0"], [-1, 0]),
    ],
)
def test_ids_in_one_table(taken: Callable[..., Any], texts: list[str], ids: list[Any]) -> None:
    assert taken("orders", orders(customer_id=texts)).values("customer_id") == ids


def test_mended_ids_are_named_and_counted(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders(customer_id=["17850.0", " 12 ", "7"]))
    assert found.repairs == {
        "customer_id written as a decimal number": 1,
        "customer_id with blanks around it: taken off": 1,
    }
    assert (found.account.accepted, found.account.repaired) == (1, 2)
    assert [(row["row"], row["customer_id"]) for row in found.quarantine] == [(1, "17850.0"), (2, " 12 ")]


def test_an_id_is_of_one_type_in_all_tables(engine: Any, surveyed: Callable[..., Any]) -> None:
    looks = {
        "orders": surveyed("orders", orders(customer_id=["17850.0", "12"])),
        "customers": surveyed(
            "customers", {"customer_id": ["17850", "12", "guest"], "sponsor_id": ["12", "", "17850.0"]}
        ),
    }
    whole = whole_number_domains(looks)
    assert whole == set()
    ids = {
        name: ingest(look, whole, DatasetSettings(), engine, engine.functions).rows.customer_id
        for name, look in looks.items()
    }
    assert engine.collect(ids["orders"].name("id").as_table(), 9)["id"].to_pylist() == ["17850", "12"]
    assert engine.collect(ids["customers"].name("id").as_table(), 9)["id"].to_pylist() == ["17850", "12", "guest"]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ([1.0, None, float("nan")], [1]),
        ([1.0, 2.5], ["1", "2.5"]),
        ([Decimal(12), Decimal(7)], [12, 7]),
        (pa.array([2**63 + 5, 1], pa.uint64()), [str(2**63 + 5), "1"]),
        (pa.array([5, None], pa.int8()), [5]),
        ([" A", "NA"], ["A"]),
    ],
)
def test_ids_of_typed_sources(taken: Callable[..., Any], given: Any, ids: list[Any]) -> None:
    found = taken("orders", orders(customer_id=given), is_text=False)
    assert found.values("customer_id") == ids
    assert found.reasons.get("customer_id is missing", 0) == len(given) - len(ids)


def test_row_numbers_stand_in_for_ids(taken: Callable[..., Any]) -> None:
    found = taken("orders", {"customer_id": ["a", "b"], "ordered_at": ["2024-01-05"] * 2})
    assert found.values("order_id") == [1, 2]
    assert "row_number_as_id" in found.notes
    found = taken("customers", {"gender": ["f", "m", "f"]}, files=["a", "b", "b"])
    assert len(set(found.values("customer_id"))) == 3
    found = taken("lines", {"order_id": ["x", "x", "y"], "ordered_at": ["2024-01-05"] * 3})
    assert found.values("customer_id") == ["x", "x", "y"]
    assert "each order is its own" in found.notes["row_number_as_id"]


def test_row_numbers_never_meet_ids_that_they_do_not_mean(surveyed: Callable[..., Any]) -> None:
    numbered = surveyed("customers", {"gender": ["f"]})
    with pytest.raises(DataError, match="customer_id under"):
        whole_number_domains({"orders": surveyed("orders", orders(customer_id=["1"])), "customers": numbered})
    other = surveyed("contacts", {"responded": ["1"]}, files=["b.csv"])
    with pytest.raises(DataError, match="customer_id"):
        whole_number_domains({"customers": numbered, "contacts": other})
    same = surveyed("contacts", {"responded": ["1"]})
    assert whole_number_domains({"customers": numbered, "contacts": same}) == {"customer"}


# -- typed sources ----------------------------------------------------------------------------------


def test_a_typed_source(taken: Callable[..., Any]) -> None:
    noon = datetime(2024, 7, 1, 12, tzinfo=UTC)
    table = pa.table(
        {
            "order_id": [1, 2, 3],
            "customer_id": [1, 2, None],
            "ordered_at": pa.array([noon] * 3, pa.timestamp("ns", "America/New_York")),
            "amount": [1.5, float("nan"), float("inf")],
            "paid": [Decimal("1.25"), None, Decimal("-2.00")],
            "quantity": pa.array([1, 2, 3], pa.uint8()),
            "channel": pa.array(["web", " shop", None]).dictionary_encode(),
        }
    )
    found = taken("orders", table, is_text=False, dataset=DatasetSettings(timezone="Europe/Berlin"))
    assert found.values("ordered_at") == [datetime(2024, 7, 1, 14)] * 2
    assert found.values("amount") == [1.5, None]
    assert found.values("paid") == [1.25, None]
    assert found.values("channel") == ["web", "shop"]
    assert found.account.set_aside == 1
    assert found.repairs == {"channel with blanks around it: taken off": 1}


def test_typed_profiles(taken: Callable[..., Any]) -> None:
    table = {
        "customer_id": [1, 2, 3, 4],
        "contactable": [1, 0, 2, None],
        "birth_year": [1984.0, 1984.5, float("nan"), 1990.0],
        "age": [True, False, None, True],
        "joined_on": [date(2024, 1, 1)] * 4,
        "gender": [0, 1, 2, None],
        "income": ["5", "x", None, "1,234.50"],
    }
    found = taken("customers", table, is_text=False)
    assert found.values("contactable") == [True, False, None, None]
    assert found.values("birth_year") == [1984, None, None, 1990]
    assert found.values("age") == [1, 0, None, 1]
    assert found.values("gender") == ["0", "1", "2", None]
    assert found.values("income") == [5, None, None, 1234.5]
    assert found.repairs == {
        "contactable cannot be read as yes or no: emptied": 1,
        "birth_year cannot be read as a whole number: emptied": 1,
        "income cannot be read as a number: emptied": 1,
    }


def test_a_typed_column_of_another_kind_is_read_as_text(taken: Callable[..., Any]) -> None:
    table = {
        "customer_id": [1, 2],
        "contactable": ["yes", "no"],
        "birth_date": [True, False],
        "income": [date(2024, 1, 1)] * 2,
    }
    found = taken("customers", table, is_text=False)
    assert found.values("birth_date") == [None, None]
    assert found.values("income") == [None, None]
    assert found.account.repaired == 2


def test_typed_files_stay_where_they_are(engine: Any, taken: Callable[..., Any]) -> None:
    taken("orders", orders(customer_id=[1, 2]), is_text=False)
    assert "read_orders" not in engine.backend.list_tables()


# -- accounts ---------------------------------------------------------------------------------------


def test_needed_values_missing_or_unreadable_set_a_row_aside(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders(customer_id=["", "NA", "c", "d"], ordered_at=["x", "2024-01-05", "x", "2024-01-05"]))
    assert found.reasons == {"customer_id is missing": 2, "ordered_at cannot be read as a date": 1}
    assert found.values("_row") == [4]
    assert [row["_row"] for row in found.rows(found.ingested.aside)] == [1, 2, 3]


def test_a_repair_on_a_row_set_aside_is_not_counted(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders(customer_id=["", "c"], amount=["x", "5"], channel=[" web", "web"]))
    assert found.account.repairs == ()
    assert (found.account.accepted, found.account.repaired, found.account.set_aside) == (1, 0, 1)
    assert [row["outcome"] for row in found.quarantine] == ["set aside"]


def test_several_repairs_on_one_row_are_told_together(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders(amount=["x"], paid=["y"], channel=[" web"]))
    assert found.account.repaired == 1
    assert len(found.account.repairs) == 3
    assert found.quarantine[0]["reason"] == (
        "amount cannot be read as a number: emptied; paid cannot be read as a number: emptied; "
        "channel with blanks around it: taken off"
    )


def test_more_repairs_than_one_number_has_bits(taken: Callable[..., Any]) -> None:
    wide: dict[str, list[Any]] = {f"t{place}": [f" x{place}", "y", "z"] for place in range(70)}
    found = taken("customers", {"customer_id": ["1", "2", "3"], **wide, "t69": ["x", "y", " z"]}, further=("*",))
    assert len(found.account.repairs) == 70
    assert found.account.repaired == 2
    assert found.quarantine[1]["reason"] == "t69 with blanks around it: taken off"


def test_the_quarantine_shows_rows_as_they_stood_whatever_columns_are_called(taken: Callable[..., Any]) -> None:
    table = orders(amount=["x", "5"])
    hostile = {
        "Reason": ["why", ""],
        "source": [" s", ""],
        'na"me;--': ["'", ""],
        "😀 ": ["<b>", ""],
        "_id": ["=cmd()", ""],
        "_REASON": ["z", ""],
    }
    row = taken("orders", {**table, **hostile}).quarantine[0]
    assert (row["source"], row["row"], row["outcome"]) == ("a.csv", 1, "repaired")
    assert (row["Reason (as read)"], row["source (as read)"], row['na"me;--']) == ("why", " s", "'")
    assert (row["😀 "], row["_id"], row["_REASON"], row["amount"]) == ("<b>", "=cmd()", "z", "x")


def test_the_quarantine_says_what_was_wrong_with_a_damaged_row(taken: Callable[..., Any]) -> None:
    found = taken("orders", {**orders(amount=["1", None]), "_problem": [None, "2 cells where 4 are expected: 1;x"]})
    assert found.account.set_aside == 1
    assert found.quarantine[0]["problem"] == "2 cells where 4 are expected: 1;x"


def test_an_empty_table(taken: Callable[..., Any]) -> None:
    empty = pa.table({name: pa.array([], pa.string()) for name in ("customer_id", "ordered_at", "order_id")})
    found = taken("orders", empty)
    assert found.account.balances
    assert found.rows() == found.quarantine == []


IDS = (["1", "2", "2.0", " 3", "", "NA", None], ["1", "2", " 3", "x", "", None])
"""Whole numbers, and not; whether 2.0 is 2 depends on all rows, also on those that are set aside."""
DIRTY = {
    "birth_date": ["1984-01-01", "31/12/1990", "1893-01-01", "2090-01-01", "x", "", None],
    "income": ["5", "1,234.5", "$7", "(3)", "10%", "1,5", "", " 8 ", None],
    "gender": ["f", " f", "m ", "NULL", "", None],
    "contactable": ["yes", "0", "maybe", "", None],
    "city": ["A", "a", "\u00a0A", "\t", None],
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    rows = draw(st.integers(1, 12))
    pools = {"customer_id": draw(st.sampled_from(IDS)), **DIRTY}
    return {name: draw(st.lists(st.sampled_from(pool), min_size=rows, max_size=rows)) for name, pool in pools.items()}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=tables(),
    rules=st.lists(st.sampled_from(["gender is f", "income > 6", "city is empty"]), unique=True),
    data=st.data(),
)
def test_every_row_is_accounted_for_once_and_mending_twice_changes_nothing(
    taken: Callable[..., Any], table: dict[str, list[Any]], rules: list[str], data: st.DataObject
) -> None:
    rows = len(table["customer_id"])
    files = sorted(data.draw(st.lists(st.sampled_from("ab"), min_size=rows, max_size=rows)))
    given_table = pa.table({name: pa.array(some, pa.string()) for name, some in table.items()})
    found = taken("customers", given_table, files=files, exclude=tuple(rules), further=("city",), as_of=AS_OF)
    account = found.account
    assert account.accepted + account.repaired + account.set_aside == account.read == rows
    assert sum(count for _, count in account.reasons) == account.set_aside
    merged = found.repairs.get(MERGED_WORDS, 0)
    assert len(found.rows()) == account.accepted + account.repaired - merged
    outcomes = [row["outcome"] for row in found.quarantine]
    assert outcomes.count("set aside") == account.set_aside
    assert outcomes.count("repaired") == account.repaired - merged
    keys = {(row["source"], row["row"]) for row in found.quarantine}
    assert len(keys) == len(outcomes)
    assert len(set(found.values("customer_id"))) == len(found.rows())
    for row in found.quarantine:
        place = [number for number, file in enumerate(files) if file == row["source"]][row["row"] - 1]
        assert {name: row[name] for name in table} == {name: table[name][place] for name in table}

    accepted = found.engine.collect(found.ingested.rows, 100)
    again = taken("customers", accepted, exclude=tuple(rules), further=("city",), as_of=AS_OF, is_text=False)
    assert (again.account.accepted, again.account.repaired, again.account.set_aside) == (accepted.num_rows, 0, 0)
    assert by_id(again.engine.collect(again.ingested.rows, 100)) == by_id(accepted)


def by_id(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {str(row["customer_id"]): {**row, "customer_id": ""} for row in table.to_pylist()}


# -- statuses ---------------------------------------------------------------------------------------


def test_which_statuses_are_sales(engine: Any, taken: Callable[..., Any], surveyed: Callable[..., Any]) -> None:
    table = {
        "status_id": ["1", "-5", "-3"],
        "error_group": ["null", "bank", " user "],
        "description": ["ok", "no", "no"],
    }

    def sales(found: Any, look: Any = None) -> dict[Any, bool]:
        rows = engine.collect(with_success(found.ingested.rows, look), 10).to_pylist()
        return {row["status_id"]: row["is_success"] for row in rows}

    found = taken("statuses", table)
    assert sales(found) == {1: True, -5: False, -3: False}
    look = surveyed("statuses", table, success=("-5", "1")).settings
    assert sales(found, look) == {1: True, -5: True, -3: False}
    assert sales(taken("statuses", {"status_id": ["a", "b"], "is_success": ["yes", ""]})) == {"a": True, "b": False}
    with pytest.raises(DataError, match="success"):
        sales(taken("statuses", {"status_id": ["a"], "description": ["x"]}))
