"""The demo world `cinema`: hours, weekdays, missing months, and the planted effects of holidays and releases."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline
from regulars.demo.cinema import process
from regulars.demo.world import worlds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result

pytestmark = pytest.mark.truth

ROWS = 30_000


def write_world(path: Path, seed: int = 7) -> dict[str, Any]:
    """The cinema with its holidays in a calendar of its own, under the names they were planted by."""
    worlds()["cinema"].write(path, rows=ROWS, seed=seed)
    facts: dict[str, Any] = json.loads((path / "truth.json").read_text(encoding="utf-8"))
    rows = [
        f"{one['name']},{one['starts_on']},{one['ends_on']},holiday"
        for one in facts["process"]["events"]["holidays"]["periods"]
    ]
    rows += [f"quiet week,{year}-06-20,{year}-06-26,made up" for year in range(2019, 2023)]
    (path / "calendar.csv").write_text("name,starts_on,ends_on,kind\n" + "\n".join(rows) + "\n", encoding="utf-8")
    settings = (path / "regulars.toml").read_text(encoding="utf-8").replace('country = "VN"\n', "")
    columns = ", ".join(f'{one} = "{one}"' for one in ("name", "starts_on", "ends_on", "kind"))
    settings += f'\n[tables.calendar]\nsource = "calendar.csv"\ncolumns = {{ {columns} }}\n'
    (path / "regulars.toml").write_text(settings, encoding="utf-8")
    return facts


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("time") / "cinema"
    return path, write_world(path)


@pytest.fixture(scope="module")
def cinema(world: tuple[Path, dict[str, Any]]) -> Iterator[Dataset]:
    data = pipeline.load(world[0] / "regulars.toml")
    yield data
    data.engine.close()


@pytest.fixture(scope="module")
def seasonality(cinema: Dataset) -> Result:
    return cinema.run("seasonality")


def test_the_peak_is_at_19_h_and_from_thursday_to_sunday(seasonality: Result) -> None:
    assert "begins at 19 h" in seasonality.finding("seasonality.busiest_hour").sentence
    week = seasonality.finding("seasonality.busiest_weekdays")
    assert week.sentence.startswith("Thursday to Sunday bring")
    attempts = [16_689, 14_791, 16_278, 19_094, 26_429, 34_430, 26_936]  # as published, Monday first
    assert week.value == pytest.approx(sum(attempts[3:]) / sum(attempts), abs=0.01)


def test_missing_months_are_empty_and_never_a_fall(seasonality: Result) -> None:
    months = {row["month"]: row for row in seasonality.table("months").to_arrow().to_pylist()}
    for month in (date(2020, 4, 1), date(2021, 8, 1), date(2021, 9, 1)):
        assert months[month]["orders"] is None
        assert months[month]["is_partial"]
    assert months[date(2020, 5, 1)]["orders_change"] is None
    assert months[date(2021, 10, 1)]["orders_change"] is None


def test_no_month_is_called_a_season(seasonality: Result) -> None:
    """The months of the world are those of four very unlike years: nothing that comes back was planted."""
    assert not [one for one in seasonality.findings if "month" in one.key]


def test_planted_holidays_and_releases_are_recovered(cinema: Dataset, world: tuple[Path, dict[str, Any]]) -> None:
    result = cinema.run("events")
    rows = {row["event"]: row for row in result.table("effects").to_arrow().to_pylist() if row["measure"] == "orders"}
    planted = world[1]["process"]["events"]
    truth = dict.fromkeys((one["name"] for one in planted["holidays"]["periods"]), planted["holidays"]["demand_factor"])
    truth["release of a blockbuster"] = planted["releases"]["demand_factor"]
    covered = [rows[name]["effect_low"] <= factor - 1 <= rows[name]["effect_high"] for name, factor in truth.items()]
    assert sum(covered) >= len(covered) - 1, rows
    assert rows["release of a blockbuster"]["is_beyond_chance"]
    assert not rows["quiet week"]["is_beyond_chance"]  # a window in which nothing was planted
    told = {finding.key.rpartition(".")[2] for finding in result.findings}
    assert "quiet week" not in told
    assert "release of a blockbuster" in told


@pytest.fixture
def without_events(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], Dataset]:
    """The same world with nothing planted on holidays and releases."""
    monkeypatch.setattr(process, "HOLIDAY_FACTOR", 1.0)
    monkeypatch.setattr(process, "RELEASE_FACTOR", 1.0)

    def load(path: Path, seed: int) -> Dataset:
        write_world(path, seed)
        return pipeline.load(path / "regulars.toml")

    return load


def test_nothing_is_found_where_nothing_was_planted(
    without_events: Callable[[Path, int], Dataset], tmp_path: Path
) -> None:
    data = without_events(tmp_path / "flat", 11)
    try:
        result = data.run("events")
        assert not result.findings
        rows = result.table("effects").to_arrow().to_pylist()
        assert not any(row["is_beyond_chance"] for row in rows)
        assert "would have been told" in result.table("effects").note
    finally:
        data.engine.close()
