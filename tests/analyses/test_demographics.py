from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.demographics import Demographics
from regulars.errors import DataError

MakeDataset = Callable[..., Any]
CUSTOMERS = 400


def company() -> dict[str, pa.Table]:
    """Women spend twice as much an order as men; the old are known for longer, and no better for it."""
    rng = np.random.default_rng(5)
    gender = np.where(np.arange(CUSTOMERS) % 2 == 0, "F", "M")
    is_old = np.arange(CUSTOMERS) % 4 < 2
    known = np.array([value if number % 10 else None for number, value in enumerate(gender)], dtype=object)
    people = pa.table(
        {
            "customer_id": [f"c{number:03}" for number in range(CUSTOMERS)],
            "gender": pa.array(known.tolist(), pa.string()),
            "age": np.where(is_old, 60, 22),
            "income": np.arange(CUSTOMERS, dtype=float),
        }
    )
    rows: dict[str, list[Any]] = {name: [] for name in ("order_id", "customer_id", "ordered_at", "amount")}
    for number in range(CUSTOMERS):
        months = 24 if is_old[number] else 6
        for month in range(months):  # one order a month
            rows["order_id"].append(f"o{len(rows['order_id'])}")
            rows["customer_id"].append(f"c{number:03}")
            rows["ordered_at"].append(
                datetime(2023, 12, 30) - timedelta(days=int(30.4375 * month) + int(rng.integers(0, 3)))
            )
            rows["amount"].append(float((20 if gender[number] == "F" else 10) * rng.lognormal(0, 0.1)))
    return {"orders": pa.table(rows), "customers": people}


def groups(result: Any, checks: Any, name: str, table: str = "groups") -> dict[str, dict[str, Any]]:
    return {row["group"]: row for row in checks.rows(result, table) if row["dimension"] == name}


def test_groups_are_told_and_unknowns_shown(make_dataset: MakeDataset, checks: Any) -> None:
    data = make_dataset(company(), as_of=date(2023, 12, 31))
    result = Demographics().run(data)
    checks.tidy(result)
    by_gender = groups(result, checks, "gender")
    assert by_gender["F"]["order_value"] == pytest.approx(20, rel=0.03)
    assert by_gender["M"]["order_value"] == pytest.approx(10, rel=0.03)
    assert by_gender["F"]["order_value_differs"] == 1
    assert by_gender["unknown"]["customers"] == 40
    assert sum(row["customers"] for row in by_gender.values()) == CUSTOMERS
    assert "F" in result.finding("demographics.gender").sentence


def test_the_old_do_not_look_better_for_being_known_longer(make_dataset: MakeDataset, checks: Any) -> None:
    data = make_dataset(company(), as_of=date(2023, 12, 31))
    result = Demographics().run(data)
    by_age = groups(result, checks, "age_group")
    assert by_age["55–64"]["orders_per_month"] == pytest.approx(by_age["18–24"]["orders_per_month"], rel=0.2)
    assert by_age["55–64"]["staying_index"] == pytest.approx(1.0)
    assert by_age["18–24"]["staying_index"] == pytest.approx(1.0)


def test_income_comes_in_quarters_and_with_age(make_dataset: MakeDataset, checks: Any) -> None:
    data = make_dataset(company(), as_of=date(2023, 12, 31))
    result = Demographics().run(data)
    assert [row["customers"] for row in groups(result, checks, "income_quarter").values()] == [100] * 4
    pairs = {row["dimension"] for row in checks.rows(result, "pairs")}
    assert pairs == {"age_group × income_quarter", "gender × age_group"}


def test_without_traits_the_question_does_not_arise(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": company()["orders"]})
    assert Demographics().is_moot(data)
    with pytest.raises(DataError, match="nothing is known"):
        Demographics().run(data)


def test_who_most_customers_are_is_told_of_those_known(make_dataset: MakeDataset) -> None:
    result = Demographics().run(make_dataset(company(), as_of=date(2023, 12, 31)))
    told = result.finding("demographics.most_gender")
    assert (told.n, told.value) == (360, pytest.approx(200 / 360))
    assert told.interval[0] < told.value < told.interval[1]
    assert told.sentence.startswith("By gender, most customers are 'M': 55.6 %")
    assert told.sentence.endswith("of 360 of whom it is known, then 'F' 44.4 %; it is not known of 10.0 %.")
    assert "F" in result.finding("demographics.gender_by_age_group").sentence
    assert not any(one.key == "demographics.most_income_quarter" for one in result.findings)
