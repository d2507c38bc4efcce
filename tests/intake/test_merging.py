from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.intake import merging

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAYS = {"1": "2024-01-01", "2": "2024-01-02", "3": "2024-01-03", "4": "2024-01-04"}


def orders(*ids: str) -> dict[str, list[str]]:
    return {"order_id": list(ids), "customer_id": ["c"] * len(ids), "ordered_at": [DAYS[one] for one in ids]}


def kept(found: Any) -> list[tuple[str, int]]:
    return [(row["_source"], row["_row"]) for row in found.rows()]


# -- one row per key --------------------------------------------------------------------------------


def test_rows_that_agree_are_merged(taken: Callable[..., Any]) -> None:
    table = {"device_id": ["d", "d", "d", "e"], "model": ["a", None, " a", "b"], "os": [None, "x", "", None]}
    found = taken("devices", table)
    assert [(row["_row"], row["device_id"], row["model"], row["os"]) for row in found.rows()] == [
        (3, "d", "a", "x"),
        (4, "e", "b", None),
    ]
    assert found.repairs[merging.MERGED_WORDS] == 2
    assert (found.account.read, found.account.accepted, found.account.repaired, found.account.set_aside) == (4, 1, 3, 0)
    assert [row["row"] for row in found.quarantine] == [3]


def test_the_latest_value_that_is_not_missing_wins_and_rows_that_say_otherwise_are_set_aside(
    taken: Callable[..., Any],
) -> None:
    table = {"device_id": ["d", "d", "d"], "model": ["a", "b", None], "os": ["x", None, None]}
    found = taken("devices", table)
    assert [(row["_row"], row["model"], row["os"]) for row in found.rows()] == [(3, "b", "x")]
    assert found.reasons == {merging.CONTRADICTS: 1}
    assert [(row["row"], row["model"]) for row in found.quarantine] == [(1, "a")]


def test_later_means_in_a_later_file_as_they_are_named(taken: Callable[..., Any]) -> None:
    found = taken("devices", {"device_id": ["d", "d"], "model": ["a", "b"]}, files=["z.csv", "a.csv"])
    assert found.values("model") == ["b"]
    assert found.quarantine[0]["source"] == "z.csv"


def test_rows_set_aside_for_another_reason_do_not_take_part(taken: Callable[..., Any]) -> None:
    table = {"device_id": ["d", "d", None, None], "model": ["a", "b", "c", "c"]}
    found = taken("devices", table, exclude=("model is b",))
    assert found.values("model") == ["a"]
    assert found.reasons == {"excluded by the rule 'model is b'": 1, "device_id is missing": 2}


def test_a_key_of_two_columns(taken: Callable[..., Any]) -> None:
    table = {
        "name": ["May", "May", "May"],
        "starts_on": ["2023-05-01", "2024-05-01", "2024-05-01"],
        "kind": ["a", "b", "b"],
    }
    found = taken("calendar", table)
    assert found.values("kind") == ["a", "b"]


def test_the_real_devices_add_up(taken: Callable[..., Any], datasets: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as pc

    table = pc.read_csv(datasets / "movie_tickets" / "raw" / "device_detail.csv")
    table = pa.table({name: table[name].cast(pa.string()) for name in table.column_names})
    columns = {"device_id": table.column_names[0], "model": table.column_names[1]}
    found = taken("devices", table, columns=columns)
    assert found.account.read == 55_639
    assert found.reasons["device_id is missing"] == 2
    assert found.reasons[merging.CONTRADICTS] + found.repairs[merging.MERGED_WORDS] == 559
    assert len(set(found.values("device_id"))) == 55_639 - 2 - 559


# -- the same row twice -----------------------------------------------------------------------------


def test_a_row_in_two_files_counts_once(taken: Callable[..., Any]) -> None:
    found = taken(
        "orders", orders("1", "2", "2", "3", "4"), files=["jan.csv", "jan.csv", "feb.csv", "feb.csv", "feb.csv"]
    )
    assert kept(found) == [("feb.csv", 2), ("feb.csv", 3), ("jan.csv", 1), ("jan.csv", 2)]
    assert found.reasons == {merging.IN_ANOTHER_FILE: 1}
    assert (found.quarantine[0]["source"], found.quarantine[0]["order_id"]) == ("feb.csv", "2")


def test_the_second_repeat_in_a_file_answers_the_second_in_another(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("2", "2", "2", "2", "2"), files=["a", "a", "b", "b", "b"])
    assert kept(found) == [("a", 1), ("a", 2), ("b", 3)]


def test_repeats_in_one_file_are_kept_or_dropped_as_the_settings_say(taken: Callable[..., Any]) -> None:
    assert taken("orders", orders("1", "2", "2")).account.accepted == 3
    found = taken("orders", orders("1", "2", "2", "1"), duplicates="drop")
    assert kept(found) == [("a.csv", 1), ("a.csv", 2)]
    assert found.reasons == {merging.EXACT_REPEAT: 2}


def test_rows_that_differ_in_a_column_that_is_not_mapped_are_not_the_same(taken: Callable[..., Any]) -> None:
    table = {**orders("2", "2", "2"), "Line": ["1", "2", "2"]}
    assert taken("orders", table, duplicates="drop").account.set_aside == 1
    assert taken("orders", table, files=["a", "b", "b"]).account.set_aside == 0


def test_files_whose_periods_do_not_overlap_are_not_compared(
    taken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(merging, "_repeated", fail)
    assert taken("orders", orders("1", "2", "3"), files=["a", "a", "b"]).account.accepted == 3
    with pytest.raises(AssertionError):
        taken("orders", orders("1", "2", "2"), files=["a", "a", "b"])


def test_a_long_file_overlaps_with_several(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("1", "2", "3", "4", "2", "4"), files=["a", "a", "a", "a", "b", "c"])
    assert [(row["source"], row["order_id"]) for row in found.quarantine] == [("b", "2"), ("c", "4")]


def test_rows_without_a_date_are_compared_too(taken: Callable[..., Any]) -> None:
    table = {"customer_id": ["1", "1", "2"], "sent_at": [None, None, "2024-01-01"]}
    assert taken("contacts", table, files=["a", "b", "b"]).reasons == {merging.IN_ANOTHER_FILE: 1}


def test_a_row_that_is_set_aside_anyway_keeps_its_reason(taken: Callable[..., Any]) -> None:
    found = taken("orders", orders("2", "2", "1"), files=["a", "b", "b"], exclude=("order_id is 2",))
    assert found.reasons == {"excluded by the rule 'order_id is 2'": 2}


def test_names_of_our_own_in_the_users_columns_do_no_harm(taken: Callable[..., Any]) -> None:
    table = {**orders("2", "2"), "_nth": ["1", "1"], "_file": ["x", "x"], "_why": ["", ""], "c0": ["", ""]}
    assert taken("orders", table, files=["a", "b"]).account.set_aside == 1


def test_typed_rows_are_compared_with_nothing_in_them(taken: Callable[..., Any]) -> None:
    table = {
        "customer_id": [1, 1],
        "order_id": [None, None],
        "ordered_at": ["2024-01-01"] * 2,
        "amount": [float("nan")] * 2,
    }
    assert taken("orders", table, files=["a", "b"], is_text=False).account.set_aside == 1
