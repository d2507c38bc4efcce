from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import ReaderSettings
from regulars.errors import ManyErrors, SettingsError
from regulars.intake.exclude import read_rule

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = {
    "order_id": ["C1", "2", "03", "40"],
    "customer_id": ["1", "1", "2", "3"],
    "ordered_at": ["2024-01-05 10:00", "2024-01-06 00:00", "2024-02-01 23:59", "2024-03-01 12:00"],
    "amount": ["5", "-1", "NA", "12,5"],
    "Customer Type": ["test", "Test", " test ", None],
    "Price": ["$5", "€10", "", "abc"],
    "flag": ["1", "0", "1", "0"],
    "seen": ["31/01/2024", "01/02/2024", "x", None],
    "in": ["a", "b", "c", "d"],
}


def set_aside(taken: Callable[..., Any], *rules: str) -> list[int]:
    found = taken("orders", TABLE, exclude=rules, reader=ReaderSettings(decimal=","))
    assert found.account.balances
    return [row["row"] for row in found.quarantine if row["reason"].startswith("excluded by the rule")]


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("amount <= 0", [2]),
        ("amount<=0", [2]),
        ("amount > 1", [1, 4]),
        ("amount = 12.5", [4]),
        ("amount == 5", [1]),
        ("amount <> 5", [2, 4]),
        ("amount != 5", [2, 4]),
        ("amount in 5, -1", [1, 2]),
        ("amount not in 5", [2, 4]),
        ("amount is empty", [3]),
        ("amount IS  NOT  EMPTY", [1, 2, 4]),
        ("order_id starts with C", [1]),
        ("order_id ends with 0", [4]),
        ("order_id contains 0", [3, 4]),
        ("order_id = 3", []),
        ("order_id is 03", [3]),
        ("order_id in 03, 2, x", [2, 3]),
        ("order_id > 2", [3, 4]),
        ("customer_id is 1", [1, 2]),
        ("customer_id in 1, guest", [1, 2]),
        ("customer_id is guest", []),
        ("customer_id not in 1, guest", [3, 4]),
        ('"Customer Type" is test', [1, 3]),
        ('"Customer Type" is not test', [2]),
        ('"Customer Type" not in test, other', [2]),
        ('"Customer Type" is empty', [4]),
        ('"Customer Type" = "test"', [1, 3]),
        ("Price < 7", [1]),
        ("flag = 1", [1, 3]),
        ("ordered_at = 2024-01-05", [1]),
        ("ordered_at <= 2024-01-06", [1, 2]),
        ("ordered_at < 2024-01-06", [1]),
        ("ordered_at > 2024-01-05 09:59", [1, 2, 3, 4]),
        ("ordered_at in 2024-01-06, 2024-03-01", [2, 4]),
        ("seen > 2024-01-31", [2]),
        ('"in" is a', [1]),
        ("in in a, b", [1, 2]),
    ],
)
def test_a_rule_sets_aside_what_it_says(taken: Callable[..., Any], rule: str, rows: list[int]) -> None:
    assert set_aside(taken, rule) == rows


def test_a_list_may_hold_commas_in_quotes(taken: Callable[..., Any]) -> None:
    table = {"product_id": ["1", "2", "3"], "name": ["a, b", "c", " d"]}
    found = taken("products", table, exclude=('name in "a, b", d',))
    assert [row["row"] for row in found.quarantine] == [1, 3]


def test_values_are_data(taken: Callable[..., Any]) -> None:
    assert set_aside(taken, '"Customer Type" is \' OR 1=1 --') == []
    assert set_aside(taken, '"Customer Type" contains %') == []
    assert set_aside(taken, "order_id contains .") == []


def test_the_users_name_of_a_mapped_column_means_the_typed_column(taken: Callable[..., Any]) -> None:
    table = {"id": ["1", "2"], "when": ["2024-01-05"] * 2, "Qty": ["9", "10"]}
    columns = {"customer_id": "id", "ordered_at": "when", "quantity": "Qty"}
    found = taken("lines", table, columns=columns, exclude=("Qty < 10",))
    assert found.values("quantity") == [10]


def test_the_first_rule_that_holds_is_the_reason_and_comes_before_faults_of_the_data(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["", "", "3"], "ordered_at": ["x", "x", "2024-01-01"], "amount": ["-5", "5", "5"]}
    found = taken("orders", table, exclude=("amount < 0", "amount < -1"))
    assert found.reasons == {"excluded by the rule 'amount < 0'": 1, "customer_id is missing": 1}


def test_a_rule_without_rows_is_told(taken: Callable[..., Any]) -> None:
    found = taken("orders", TABLE, exclude=("order_id is C9", "order_id is C1"))
    assert found.notes["rule_without_rows"] == "the rule 'order_id is C9' sets no row aside"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("amount", "write COLUMN TEST VALUE"),
        ("amount =", "say what amount is compared with"),
        ("amount in ,", "say what amount is compared with"),
        ("amount between 1 and 2", "write COLUMN TEST VALUE"),
        ("Customer Type is test", "a column with blanks in quotes"),
        ("amount is null", "write 'amount is empty'"),
        ("amount is empty now", "nothing may follow"),
        ("amonut > 1", "did you mean 'amount'"),
        ('"customer type" is test', "did you mean 'Customer Type'"),
        ("_row > 1", "known: "),
        ("amount <= x", "give a number"),
        ("amount < inf", "give a number"),
        ("ordered_at > 5", "give a date like 2024-12-31"),
        ("ordered_at > 31/12/2024", "give a date like 2024-12-31"),
        ('"Customer Type" < zebra', "give a number"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_with_the_mend(
    taken: Callable[..., Any], rule: str, words: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        taken("orders", TABLE, exclude=(rule,))
    assert words in str(raised.value)


def test_all_faults_of_the_rules_come_together(taken: Callable[..., Any]) -> None:
    with pytest.raises(ManyErrors) as raised:
        taken("orders", TABLE, exclude=("amonut > 1", "amount", "flag = 1"))
    assert len(raised.value.errors) == 2


def test_a_truth_is_compared_with_a_truth(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["1", "2", "3"], "contactable": ["yes", "no", ""]}
    assert taken("customers", table, exclude=("contactable is false",)).values("customer_id") == [1, 3]
    with pytest.raises(SettingsError, match="true or false"):
        taken("customers", table, exclude=("contactable is maybe",))


def test_blanks_around_the_parts_do_not_matter() -> None:
    assert read_rule("  amount   >=   5  ", "orders").values == ("5",)
    assert read_rule("amount\tis\nnot empty", "orders").test == "is not empty"
