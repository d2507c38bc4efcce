"""Codes told in words: what `values` under a table says that the values of a column stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from regulars.core.config import ReaderSettings, parse
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEOPLE = {"customer_id": ["7", "8", "9", "10", "11"], "gender": ["1", " 2", "1", "X", ""]}
GENDER = {"1": "female", "2": "male", "9": "other"}


def test_codes_become_words_and_what_is_not_named_stays(taken: Callable[..., Any]) -> None:
    found = taken("customers", PEOPLE, values={"gender": GENDER})
    assert found.values("gender") == ["female", "male", "female", "X", None]


def test_the_rows_of_each_value_are_told(taken: Callable[..., Any]) -> None:
    found = taken("customers", PEOPLE, values={"gender": GENDER})
    assert found.notes["values_in_words"] == (
        "gender is read by what its values stand for: '1' as female in 2 rows, '2' as male in 1 row"
    )
    assert found.notes["values_without_word"] == "gender: 1 value without a word, in 1 row: 'X' (1)"
    assert found.notes["words_without_rows"] == "gender: 1 value with a word and without a row: '9'"
    checks = {one.check: one for one in found.ingested.checks}
    assert (checks["values_in_words"].rows, checks["values_in_words"].of) == (3, 5)
    assert checks["words_without_rows"].severity == "warning"


def test_a_row_with_a_word_is_no_repaired_row(taken: Callable[..., Any]) -> None:
    found = taken("customers", PEOPLE, values={"gender": GENDER})
    assert (found.account.accepted, found.account.repaired, found.quarantine) == (5, 0, [])


@pytest.mark.parametrize(
    "codes",
    [pa.array([1, 2, None], pa.int64()), pa.array([1.0, 2.0, float("nan")]), pa.array(["1", "2", "null"])],
    ids=["integers", "decimals", "texts"],
)
def test_codes_are_the_same_whatever_type_the_file_gave_them(taken: Callable[..., Any], codes: pa.Array) -> None:
    table = pa.table({"customer_id": ["a", "b", "c"], "gender": codes})
    found = taken("customers", table, values={"gender": GENDER}, is_text=False)
    assert found.values("gender") == ["female", "male", None]


def test_words_are_read_as_what_the_column_holds(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["a", "b", "c"], "contactable": ["ok", "stop", "?"], "income": ["A", "B", "7000"]}
    values = {"contactable": {"ok": True, "stop": False, "?": ""}, "income": {"A": 20000, "B": "45000"}}
    found = taken("customers", table, values=values)
    assert found.values("contactable") == [True, False, None]
    assert found.values("income") == [20000, 45000, 7000]
    assert not found.repairs


def test_ids_may_have_words(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["1", "2"], "ordered_at": ["2024-01-05"] * 2, "store_id": ["01", "02"]}
    found = taken("orders", table, values={"store_id": {"01": "Bern", "02": "Basel"}})
    assert found.values("store_id") == ["Bern", "Basel"]


def test_further_columns_are_read_by_their_words(taken: Callable[..., Any]) -> None:
    table = pa.table({"customer_id": ["a", "b"], "Tier": pa.array([1, 2]), "Score": ["low", "9"]})
    columns = {"customer_id": "customer_id"}
    values = {"Tier": {"1": "gold", "2": "silver"}, "Score": {"low": 3}}
    found = taken("customers", table, columns=columns, further=("Tier", "Score"), values=values, is_text=False)
    assert found.values("Tier") == ["gold", "silver"]
    assert found.values("Score") == [3, 9]


def test_rules_meet_the_words(taken: Callable[..., Any]) -> None:
    found = taken("customers", PEOPLE, values={"gender": GENDER}, exclude=("gender is male",))
    assert found.values("customer_id") == [7, 9, 10, 11]


def test_many_values_without_a_word_are_counted_and_some_shown(taken: Callable[..., Any]) -> None:
    codes = ["a", "zz", "zz", *(f"c{place:02}" for place in range(20))]
    table = {"customer_id": [str(place) for place in range(len(codes))], "city": codes}
    told = taken("customers", table, values={"city": {"a": "Aarau"}}).notes["values_without_word"]
    assert told.startswith("city: 21 values without a word, in 22 rows: 'zz' (2), 'c00' (1), ")
    assert told.endswith("'c10' (1) and 9 more")


def test_words_for_nothing_want_no_word(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["a", "b", "c"], "gender": ["F", "NA", "?"]}
    found = taken("customers", table, values={"gender": {"F": "female"}}, reader=ReaderSettings(null_values=("?",)))
    assert "values_without_word" not in found.notes
    assert found.values("gender") == ["female", None, None]


def test_a_word_for_nothing_that_is_named_has_its_word(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["a", "b"], "country": ["NA", "DE"]}
    found = taken("customers", table, values={"country": {"NA": "Namibia"}})
    assert found.values("country") == ["Namibia", "DE"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gendre": {"1": "female"}}, "did you mean 'gender'"),
        ({"Sex": {"1": "female"}}, "write [tables.customers.values.gender]"),
        ({"city": {"1": "Bern"}}, "is about a column that no column of the file is mapped to"),
        ({"joined_on": {"0": ""}}, "reader.null_values under [tables.customers]"),
        ({"gender": {"1": "none"}}, "write '1' = \"\", or another word"),
        ({"gender": {"1": "secret"}}, "secret would be read as missing"),
        ({"gender": {" 1": "female"}}, "write '1'"),
        ({"gender": {"": "unknown"}}, "a missing value has no word"),
    ],
)
def test_what_cannot_be_meant_is_refused(surveyed: Callable[..., Any], values: Any, words: str) -> None:
    rows = {"id": ["7"], "Sex": ["1"], "joined": ["2024-01-01"]}
    columns = {"customer_id": "id", "gender": "Sex", "joined_on": "joined"}
    with pytest.raises(RegularsError) as problem:
        surveyed("customers", rows, columns=columns, values=values, reader=ReaderSettings(null_values=("Secret",)))
    assert words in str(problem.value)
    assert problem.value.table == "customers"
    assert problem.value.column == next(iter(values))


def test_all_problems_come_at_once(surveyed: Callable[..., Any]) -> None:
    values = {"gendre": {"1": "female"}, "gender": {"1": "none"}}
    with pytest.raises(RegularsError) as problem:
        surveyed("customers", PEOPLE, values=values)
    assert "gendre" in str(problem.value)
    assert "would be read as missing" in str(problem.value)


def test_the_settings_take_words_truths_and_whole_numbers(tmp_path: Path) -> None:
    section = {"source": "a.csv", "values": {"gender": {"1": "female"}, "contactable": {"J": True}, "age": {"A": 30}}}
    settings = parse({"tables": {"customers": section}}, [], folder=tmp_path)
    assert settings.tables["customers"].values == section["values"]
    for wrong in ({"gender": {"1": ["female"]}}, {"gender": "female"}, {"gender": {"1": 0.5}}):
        with pytest.raises(RegularsError, match=r"\[tables.customers\] values = "):
            parse({"tables": {"customers": {"source": "a.csv", "values": wrong}}}, [], folder=tmp_path)
