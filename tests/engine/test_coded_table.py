"""What is held in memory as codes answers as the database does."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.core.questions import Among, Condition
from regulars.engine import coded_table, run_reader
from regulars.engine.run_reader import RunReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = [date(2023, 12, 20) + timedelta(days=9 * step) for step in range(12)]
STORES = ["O'Neill", 'say "no"', "a?b%_;--", "<b>", "Zürich", "", None]
CHANNELS = ["web", "app"]
HELD = {"orders": ("customer_key", "day", "first_day", "is_sale", "store", "channel", "revenue")}
ROWS = 400


def orders() -> dict[str, list[Any]]:
    """Orders without order: every missing value that can occur, customers of one and of many orders."""
    return {
        "customer_key": [1_000 + (row * 37) % 90 for row in range(ROWS)],
        "day": [DAYS[(row * 7) % 12] for row in range(ROWS)],
        "first_day": [None if row % 11 == 0 else DAYS[(row * 5) % 12] for row in range(ROWS)],
        "is_sale": [row % 6 != 0 for row in range(ROWS)],
        "store": [STORES[(row * row) % 7] for row in range(ROWS)],
        "channel": [CHANNELS[row % 5 == 0] for row in range(ROWS)],
        "revenue": [None if row % 4 == 1 or row % 7 == 3 else row * 1.01 for row in range(ROWS)],
    }


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunReader, RunReader]]:
    path = tmp_path_factory.mktemp("held") / "orders.parquet"
    pq.write_table(pa.table(orders()), path)
    held, plain = RunReader({"orders": path}, held=HELD), RunReader({"orders": path})
    yield held, plain
    held.close()
    plain.close()


def condition(column: str, values: list[Any], *operators: str) -> st.SearchStrategy[Condition]:
    known = [value for value in values if value is not None]
    several = st.lists(st.sampled_from(known), min_size=1, max_size=3).map(tuple)
    taken = {
        "is": several, "is not": several, "known": st.just(()), "unknown": st.just(()),
        "at least": st.tuples(st.sampled_from(known)), "at most": st.tuples(st.sampled_from(known)),
        "between": st.tuples(st.sampled_from(known), st.sampled_from(known)),
    }  # fmt: skip
    return st.sampled_from(operators).flatmap(
        lambda operator: taken[operator].map(lambda chosen: Condition(column, operator, chosen))  # type: ignore[arg-type]
    )


LIMITS = "at least", "at most", "between"
MEMBERS = "is", "is not", "known", "unknown"
OTHER_DAYS = [*DAYS, date(1999, 1, 1), date(2024, 1, 2), date(2050, 1, 1)]
TESTS = st.one_of(
    condition("store", [*STORES, "nobody has it"], *MEMBERS),
    condition("channel", CHANNELS, *MEMBERS),
    condition("is_sale", [True, False], "is"),
    condition("day", OTHER_DAYS, *LIMITS),
    condition("first_day", OTHER_DAYS, *LIMITS, *MEMBERS),
)
GROUPS = st.sampled_from(
    [[], ["store"], ["channel"], ["is_sale"], ["first_day"], ["month(day)"], ["weekday(first_day)"]]
)


def alike(one: Any, other: Any) -> bool:
    return math.isclose(one, other, rel_tol=1e-12) if isinstance(one, float) and other is not None else one == other


@given(where=st.lists(TESTS, max_size=4), by=GROUPS)
@settings(max_examples=150, deadline=None)
def test_codes_answer_as_the_database_does(
    readers: tuple[RunReader, RunReader], where: list[Condition], by: list[str]
) -> None:
    question = where, by, ["revenue"], ["customer_key"]
    assert readers[0]._held["orders"].answers(*question)
    found, expected = (reader.totals("orders", *question).to_pylist() for reader in readers)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other)
        assert all(alike(one[name], other[name]) for name in one), (one, other)


def test_people_are_counted_piece_by_piece(
    readers: tuple[RunReader, RunReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coded_table, "_PEOPLE_AT_ONCE", 7)
    question: Any = [Condition("is_sale", "is", (True,))], ["store"], [], ["customer_key"]
    found, expected = (reader.totals("orders", *question) for reader in readers)
    assert found.to_pylist() == expected.to_pylist()


def test_batches_may_end_within_a_customer() -> None:
    keys = pa.array([5, 5, 8, 8, 8, 9], pa.int64())
    batches = [pa.record_batch({"key": keys[low : low + 2]}) for low in (0, 2, 4)]
    table = coded_table.coded(6, {}, [], "key", batches)
    assert table.totals([], [], [], ["key"]).to_pylist() == [{"rows": 6, "distinct_key": 3}]


def test_other_questions_go_to_the_database(readers: tuple[RunReader, RunReader]) -> None:
    held = readers[0]._held["orders"]
    of_others = Among("customer_key", "orders", (Condition("channel", "is", ("web",)),))
    questions: Any = (
        ([of_others], [], [], []),
        ([Condition("day", "at least", ("2024-01-01",))], [], [], []),
        ([], ["store", "channel"], [], []),
        ([], ["revenue"], [], []),
        ([], [], [], ["store"]),
    )
    for question in questions:
        assert not held.answers(*question)
        found, expected = (reader.totals("orders", *question) for reader in readers)
        assert found.to_pylist() == expected.to_pylist()


def test_what_does_not_fit_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table(orders()), path)
    for name, most in (("MOST_HELD", ROWS - 1), ("MOST_VALUES", 11)):
        with monkeypatch.context() as patched:
            patched.setattr(run_reader, name, most)
            reader = RunReader({"orders": path}, held=HELD)
        assert not reader._held
        assert reader.totals("orders").to_pylist() == [{"rows": ROWS}]
        reader.close()


def test_numbers_that_are_none_and_missing_customers_are_left_to_the_database(tmp_path: Path) -> None:
    for name, value in (("revenue", math.nan), ("customer_key", None)):
        rows = orders()
        rows[name][3] = value
        pq.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
        reader = RunReader({"orders": tmp_path / f"{name}.parquet"}, held=HELD)
        assert not reader._held
        reader.close()
