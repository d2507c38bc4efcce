from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.segment_movement import ScoreOptions, SegmentMovement
from regulars.analyses.segments import Segments
from regulars.core.verb import VerbCall
from regulars.errors import DataError
from regulars.measures import windows
from regulars.methods.saved_segments import SavedSegments

if TYPE_CHECKING:
    from pathlib import Path

MakeDataset = Callable[..., Any]
KINDS = ((40, 8.0, 0.05), (14, 40.0, 0.9), (8, 3.0, 0.1))
"""Orders in a half-year, spend per order, share at weekends."""
MATRIX = np.array([[0.85, 0.05, 0.10], [0.10, 0.85, 0.05], [0.02, 0.08, 0.90]])
SPANS = 4


def world(customers: int = 600) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Orders of customers who move between three kinds at the turns of half-years, and the kind of each by window."""
    rng = np.random.default_rng(11)
    kinds = np.zeros((customers, SPANS), dtype=int)
    kinds[:, 0] = np.arange(customers) % 3
    for turn in range(1, SPANS):
        for number in range(customers):
            kinds[number, turn] = rng.choice(3, p=MATRIX[kinds[number, turn - 1]])
    rows: dict[str, list[Any]] = {name: [] for name in ("order_id", "customer_id", "ordered_at", "amount")}
    for number in range(customers):
        for window in range(SPANS):
            if number % 50 == 0 and window == SPANS - 1:
                continue  # falls silent
            orders, spend, weekend = KINDS[kinds[number, window]]
            start = datetime(2022 + window // 2, 1 if window % 2 == 0 else 7, 1)
            for _ in range(4 + rng.poisson(orders - 4)):
                day = start + timedelta(days=int(rng.integers(0, 180)), hours=12)
                while (day.weekday() >= 5) != (rng.random() < weekend) or day.month > start.month + 5:
                    day = start + timedelta(days=int(rng.integers(0, 180)), hours=12)
                rows["order_id"].append(f"o{len(rows['order_id'])}")
                rows["customer_id"].append(f"c{number:04}")
                rows["ordered_at"].append(day)
                rows["amount"].append(round(float(spend * rng.lognormal(0, 0.2)), 2))
    return pa.table(rows), kinds


@pytest.fixture(scope="module")
def planted() -> tuple[pa.Table, np.ndarray[Any, Any]]:
    return world()


@pytest.fixture
def data(planted: Any, make_dataset: MakeDataset) -> Any:
    return make_dataset({"orders": planted[0]}, as_of=date(2023, 12, 31))


def test_the_planted_moves_are_recovered(planted: Any, data: Any, checks: Any) -> None:
    result = SegmentMovement().run(data)
    checks.tidy(result)
    kinds = planted[1]
    latest = {
        row["customer_id"]: row["segment"] for row in data.collect(result.table("next_segments").data).to_pylist()
    }
    names = [""] * 3
    for kind in range(3):
        told = [latest[f"c{number:04}"] for number in range(600) if kinds[number, -1] == kind and number % 50]
        names[kind] = max(set(told), key=told.count)
        assert told.count(names[kind]) / len(told) > 0.97
    rows = {(row["source"], row["target"]): row for row in checks.rows(result, "moves_of_all_turns")}
    cells = [(rows[names[one], names[other]], MATRIX[one, other]) for one in range(3) for other in range(3)]
    inside = [row["corrected_share_low"] <= true <= row["corrected_share_high"] for row, true in cells]
    assert sum(inside) >= 8  # of nine 95 % intervals
    silent = sum(row["customers"] for row in checks.rows(result, "moves") if row["target"] == windows.SILENT)
    assert silent == 12
    assert result.finding("segment_movement.silent").value == pytest.approx(12 / 600)
    assert result.finding("segment_movement.accuracy").validated


def test_customers_and_money_add_up(data: Any, checks: Any) -> None:
    result = SegmentMovement().run(data)
    rows = checks.rows(result, "moves")
    turns = [row for row in checks.rows(result, "by_turn") if row["turn"] == "2023 H1 → 2023 H2"]
    assert sum(row["customers_before"] for row in turns) == 600
    assert sum(row["customers"] for row in rows) == 600
    half = data.customer_days.filter(data.customer_days.day >= date(2023, 7, 1))
    assert sum(row["money_after"] for row in rows) == pytest.approx(data.collect(half.revenue.sum())[0][0].as_py())


def test_windows_are_whole_calendar_parts() -> None:
    spans = windows.windows(date(2023, 2, 20), date(2024, 3, 25), 3)
    assert [one.label for one in spans] == ["2023 Q2", "2023 Q3", "2023 Q4", "2024 Q1"]
    assert (spans[0].first, spans[-1].last) == (date(2023, 4, 1), date(2024, 3, 31))
    assert windows.trailing(date(2023, 12, 31), 6) == windows.Window(
        "6 months to 2023-12-31", date(2023, 7, 1), date(2023, 12, 31)
    )


def test_windows_with_an_excluded_period_are_left_out(planted: Any, make_dataset: MakeDataset, checks: Any) -> None:
    periods: tuple[str, ...] = ("2022-02-01/2022-03-31", "2023-08-01/2023-08-05")  # the second is short
    shut = make_dataset({"orders": planted[0]}, as_of=date(2023, 12, 31), exclude_periods=periods)
    result = SegmentMovement().run(shut)
    checks.tidy(result)
    assert {row["turn"] for row in checks.rows(result, "by_turn")} == {"2022 H2 → 2023 H1", "2023 H1 → 2023 H2"}
    assert any("exclude_periods falls into them: 2022 H1." in caveat.sentence for caveat in result.caveats)
    periods = ("2022-08-01/2022-09-30", "2023-01-01/2023-02-01")
    between = make_dataset({"orders": planted[0]}, as_of=date(2023, 12, 31), exclude_periods=periods)
    with pytest.raises(DataError, match=r"in a row \(left out by exclude_periods: 2022 H2, 2023 H1\)"):
        SegmentMovement().run(between)


def test_moves_across_an_excluded_window_are_not_told(planted: Any, make_dataset: MakeDataset, checks: Any) -> None:
    shut = make_dataset({"orders": planted[0]}, as_of=date(2023, 12, 31), exclude_periods=("2022-08-01/2022-09-30",))
    result = SegmentMovement().run(shut)
    assert {row["turn"] for row in checks.rows(result, "by_turn")} == {"2023 H1 → 2023 H2"}
    assert sum(row["customers"] for row in checks.rows(result, "moves_of_all_turns")) == 600


def test_a_short_history_is_refused(make_dataset: MakeDataset) -> None:
    orders = pa.table(
        {"order_id": ["a"], "customer_id": ["c"], "ordered_at": [datetime(2023, 1, 5)], "amount": [1.0]}
    )  # fmt: skip
    with pytest.raises(DataError, match="fewer than two whole half-years"):
        SegmentMovement().run(make_dataset({"orders": orders}))


def test_a_saved_model_scores_a_file_in_another_process(data: Any, tmp_path: Path) -> None:
    result = SegmentMovement().run(data)
    folder = tmp_path / "run" / "models" / "segment_movement"
    folder.mkdir(parents=True)
    assert result.model is not None
    result.model.save(folder)
    assert not list(folder.glob("*.pkl"))
    rows = data.collect(result.table("next_segments").data).to_pylist()
    path = tmp_path / "new.csv"
    features = [name for name in rows[0] if name not in ("segment", "next_segment", "next_probability")]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, features, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    program = "from regulars.cli import main; main()"
    call = [
        sys.executable,
        "-c",
        program,
        "score",
        "--file",
        str(path),
        "--run",
        str(tmp_path / "run"),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    import pyarrow.parquet as pq

    (written,) = (tmp_path / "out").rglob("*.parquet")
    scored = {row["customer_id"]: row for row in pq.read_table(written).to_pylist()}
    for row in rows:
        assert scored[row["customer_id"]]["segment"] == row["segment"]
        assert scored[row["customer_id"]]["next_segment"] == row["next_segment"]


def test_a_file_without_a_feature_is_refused_by_name(data: Any, tmp_path: Path) -> None:
    result = SegmentMovement().run(data)
    folder = tmp_path / "models" / "segment_movement"
    folder.mkdir(parents=True)
    assert isinstance(result.model, SavedSegments)
    result.model.save(folder)
    path = tmp_path / "new.csv"
    path.write_text("customer_id,order_count\nc1,4\n")
    call = VerbCall(ScoreOptions(file=str(path)), lambda: data, tmp_path)
    with pytest.raises(DataError, match=r"lacks .*revenue_per_order"):
        SegmentMovement().perform(call)
    whole = SegmentMovement().perform(VerbCall(ScoreOptions(), lambda: data, tmp_path))
    assert whole.table("scores").to_arrow().num_rows == 588
    with pytest.raises(DataError, match="no saved segments"):
        SegmentMovement().perform(VerbCall(ScoreOptions(), lambda: data, tmp_path / "elsewhere"))


# -- stages, where there are no segments ----------------------------------------------------------------


@pytest.fixture(scope="module")
def one_kind() -> pa.Table:
    """Orders of customers of one kind, who come in two waves, buy at different rates and leave."""
    rng = np.random.default_rng(4)
    size, days = 1200, 1096
    start = np.where(np.arange(size) % 2, rng.uniform(0, 90, size), rng.uniform(860, 960, size))
    until = np.minimum(days - start, rng.exponential(600, size))
    repeats = rng.poisson(rng.gamma(1.2, 6 / 365, size) * until)
    customer = np.concatenate([np.arange(size), np.repeat(np.arange(size), repeats)])
    after = np.concatenate([np.zeros(size), rng.random(repeats.sum()) * np.repeat(until, repeats)])
    minutes = ((start[customer] + after) * 1440).astype("timedelta64[m]")
    return pa.table(
        {
            "order_id": [f"o{number}" for number in range(len(customer))],
            "customer_id": [f"c{number:04}" for number in customer],
            "ordered_at": (np.datetime64("2022-01-01", "m") + minutes).astype("datetime64[us]"),
            "amount": np.round(30 * rng.lognormal(0, 0.3, len(customer)), 2),
        }
    )


def test_stages_are_followed_where_there_are_no_segments(
    one_kind: pa.Table, make_dataset: MakeDataset, checks: Any, tmp_path: Path
) -> None:
    data = make_dataset({"orders": one_kind}, as_of=date(2024, 12, 31))
    result = SegmentMovement().run(data)
    checks.tidy(result)
    caveats = " ".join(one.sentence for one in result.caveats)
    assert "stages of a customer's life" in caveats
    assert "not what kind it is" in caveats
    assert "known at the end of both windows" in result.finding("segment_movement.net").sentence
    moves = checks.rows(result, "moves")
    assert not {row["target"] for row in moves} & {windows.SILENT}
    first = one_kind["ordered_at"].to_numpy()
    ids = np.array(one_kind["customer_id"].to_pylist())
    known = len(set(ids[first < np.datetime64("2024-07-01")]))
    assert sum(row["customers"] for row in moves if row["source"] != windows.NEW) == known
    assert sum(row["customers"] for row in moves) == len(set(ids))
    half = data.customer_days.filter(data.customer_days.day >= date(2024, 7, 1))
    assert sum(row["money_after"] for row in moves) == pytest.approx(data.collect(half.revenue.sum())[0][0].as_py())
    # the stage at the end of the last window is that of the customer as it is now, and the saved model gives it again
    now = Segments().run(data)
    today = {row["customer_id"]: row["segment"] for row in data.collect(now.table("members").data).to_pylist()}
    latest = data.collect(result.table("next_segments").data).to_pylist()
    assert {row["customer_id"]: row["segment"] for row in latest} == today
    assert result.model is not None
    (tmp_path / "models" / "segment_movement").mkdir(parents=True)
    result.model.save(tmp_path / "models" / "segment_movement")
    call = VerbCall(ScoreOptions(), lambda: data, tmp_path)
    scored = SegmentMovement().perform(call).table("scores").to_arrow().to_pylist()
    assert {row["customer_id"]: row["segment"] for row in scored} == today
