from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.csv as pc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AS_OF = date(2024, 6, 30)


def births(*given: Any) -> dict[str, list[Any]]:
    return {"customer_id": [str(place) for place in range(len(given))], "birth_date": [str(one) for one in given]}


def people(count: int) -> list[date]:
    draw = random.Random(7)
    return [date(1950, 1, 1) + timedelta(days=draw.randrange(20_000)) for _ in range(count)]


def test_stand_ins_are_found_in_a_real_population(taken: Callable[..., Any], datasets: Path) -> None:
    table = pc.read_csv(datasets / "movie_tickets" / "raw" / "customer.csv", convert_options=pc.ConvertOptions(
        column_types={"user_id": "string", "usergender": "string", "dob": "string"}))  # fmt: skip
    columns = {"customer_id": "user_id", "gender": "usergender", "birth_date": "dob"}
    found = taken("customers", table, columns=columns, as_of=date(2022, 12, 31))
    assert found.repairs["birth_date 1970-01-01 stands for not known: emptied"] == 1927
    assert found.repairs["birth_date 1980-01-01 stands for not known: emptied"] == 738
    assert sum("stands for not known" in words for words in found.repairs) == 2
    assert found.account.read == 52_054


def test_a_population_without_a_stand_in_is_left_alone(taken: Callable[..., Any]) -> None:
    assert taken("customers", births(*people(3000)), as_of=AS_OF).account.accepted == 3000


def test_few_people_or_few_days_prove_nothing(taken: Callable[..., Any]) -> None:
    few = births(*["1980-01-01"] * 9, *people(40))
    assert taken("customers", few, as_of=AS_OF).account.repaired == 0
    days = births(*["1980-01-01"] * 50, *["1990-05-05"] * 50)
    assert taken("customers", days, as_of=AS_OF).account.repaired == 0


def test_years_alone_are_no_stand_in(taken: Callable[..., Any]) -> None:
    draw = random.Random(3)
    years = births(*[date(draw.randrange(1950, 2000), 1, 1) for _ in range(1000)], *people(1000))
    assert taken("customers", years, as_of=AS_OF).account.repaired == 0


def test_impossible_ages_are_emptied(taken: Callable[..., Any]) -> None:
    table = births("1893-05-01", "2090-01-01", "1914-07-01", "2024-06-30", "1984-01-01")
    found = taken(
        "customers",
        {**table, "birth_year": ["1893", "2090", "1914", "2024", "x"], "age": ["-1", "111", "110", "0", "40"]},
        as_of=AS_OF,
    )
    assert [str(one) for one in found.values("birth_date")] == [
        "None",
        "None",
        "1914-07-01",
        "2024-06-30",
        "1984-01-01",
    ]
    assert found.values("birth_year") == [None, None, 1914, 2024, None]
    assert found.values("age") == [None, None, 110, 0, 40]
    assert found.account.repaired == 3
    assert found.quarantine[0]["birth_date"] == "1893-05-01"


def test_without_a_now_only_the_age_itself_can_be_impossible(taken: Callable[..., Any]) -> None:
    found = taken("customers", {**births("1893-05-01"), "age": ["200"]})
    assert str(found.values("birth_date")[0]) == "1893-05-01"
    assert found.repairs == {"age under 0 or over 110: emptied": 1}


def test_births_after_now_of_two_digit_years_are_of_the_century_before(taken: Callable[..., Any]) -> None:
    found = taken("customers", births("12/31/45", "01/02/85", "06/01/24", "01/01/2090"), as_of=AS_OF)
    assert [str(one) for one in found.values("birth_date")] == ["1945-12-31", "1985-01-02", "2024-06-01", "None"]
    assert found.repairs == {
        "birth_date with a year of two digits lies after 2024-06-30: taken 100 years earlier": 1,
        "birth_date makes an age under 0 or over 110: emptied": 1,
    }
