from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.segments import Segments
from regulars.errors import DataError, SettingsError
from regulars.methods import segmentation
from regulars.models.clusters import adjusted_rand

MakeDataset = Callable[..., Any]
START = datetime(2023, 1, 1)
KINDS = ((30, 8.0, 0.05, 0.1), (8, 40.0, 0.9, 0.1), (6, 15.0, 0.1, 0.9))
"""Orders a year, spend per order, share at weekends, share in the evening."""


def planted(customers: int = 450, kinds: tuple[tuple[float, ...], ...] = KINDS) -> tuple[pa.Table, dict[str, int]]:
    """Orders of customers of three kinds, and the kind of each."""
    rng = np.random.default_rng(3)
    rows: dict[str, list[Any]] = {name: [] for name in ("order_id", "customer_id", "ordered_at", "amount", "channel")}
    truth = {}
    for number in range(customers):
        kind = number % len(kinds)
        orders, spend, weekend, evening = kinds[kind]
        name = f"c{number:04}"
        truth[name] = kind
        for _ in range(1 + rng.poisson(orders)):
            day = int(rng.integers(0, 52)) * 7 + (
                int(rng.choice([0, 6])) if rng.random() < weekend else int(rng.integers(1, 6))
            )
            hour = 20 if rng.random() < evening else 11
            rows["order_id"].append(f"o{len(rows['order_id'])}")
            rows["customer_id"].append(name)
            rows["ordered_at"].append(START + timedelta(days=day, hours=hour))
            rows["amount"].append(round(float(spend * rng.lognormal(0, 0.3)), 2))
            rows["channel"].append("web" if rng.random() < 0.5 else "store")
    return pa.table(rows, schema=None), truth


def members_of(data: Any, result: Any) -> dict[str, str]:
    rows = data.collect(result.table("members").data).to_pylist()
    return {row["customer_id"]: row["segment"] for row in rows}


def numbers(names: list[str]) -> np.ndarray[Any, Any]:
    return np.unique(names, return_inverse=True)[1]


def test_planted_segments_are_found_named_and_told(make_dataset: MakeDataset, checks: Any) -> None:
    orders, truth = planted()
    data = make_dataset({"orders": orders})
    result = Segments().run(data)
    checks.tidy(result)
    told = members_of(data, result)
    ids = sorted(truth)
    assert adjusted_rand(np.array([truth[one] for one in ids]), numbers([told[one] for one in ids])) >= 0.9
    assert result.finding("segments.number").value == 3
    names = checks.column(result, "segments", "segment")
    assert any("weekend" in name.lower() for name in names)
    assert any("evening" in name.lower() for name in names)
    assert any("requent" in name for name in names)
    assert sum(checks.column(result, "segments", "customers")) == len(truth)
    assert sum(checks.column(result, "segments", "revenue_share")) == pytest.approx(1.0)
    assert len(result.audiences) == 3


def test_the_engine_assigns_as_the_arrays_do(make_dataset: MakeDataset) -> None:
    orders, _ = planted()
    data = make_dataset({"orders": orders})
    found = segmentation.segmentation_of(data, segmentation.Plan())
    assert found is not None
    rows = data.collect(found.assign(data.customers).order_by("customer_id").select("customer_id", "segment"))
    assert rows["segment"].to_pylist() == [found.names[label] for label in found.labels]


def test_the_column_is_provided(make_dataset: MakeDataset) -> None:
    orders, truth = planted()
    data = make_dataset({"orders": orders, "customers": [{"customer_id": "never bought", "city": "A"}]})
    view = Segments().provide(data)
    rows = {
        row["customer_id"]: row["segment"] for row in data.collect(view.select("customer_id", "segment")).to_pylist()
    }
    assert rows["never bought"] is None
    assert len({rows[one] for one in truth}) == 3


def test_customers_of_one_kind_have_no_segments(make_dataset: MakeDataset) -> None:
    orders, _ = planted(kinds=((6, 20.0, 0.3, 0.3),))
    data = make_dataset({"orders": orders})
    result = Segments().run(data)
    assert "do not fall into stable segments" in result.finding("segments.number").sentence
    assert set(members_of(data, result).values()) == {segmentation.EVERYONE}
    assert not result.audiences
    assert not result.actions


def one_process(seed: int, *, rates: str, leave: bool, joined: str) -> pa.Table:
    """Orders of customers who all buy and leave by one process; they differ by degrees at most."""
    rng = np.random.default_rng(seed)
    size, days = 1200, 1000
    start = rng.uniform(0, days - 5, size) if joined == "any time" else np.zeros(size)
    rate = np.full(size, 6 / 365) if rates == "one" else rng.gamma(1.2, 5 / 365, size)
    until = np.minimum(days - start, rng.exponential(300, size) if leave else np.inf)
    repeats = rng.poisson(rate * until)
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rates", "leave", "joined"),
    [("one", False, "any time"), ("one", True, "any time"), ("gamma", True, "any time"), ("gamma", False, "at once")],
)
def test_customers_of_one_process_have_no_segments(
    make_dataset: MakeDataset, seed: int, rates: str, leave: bool, joined: str
) -> None:
    """New, active and lapsed ones are there all the same: stages of one process are no kinds of customers."""
    data = make_dataset({"orders": one_process(seed, rates=rates, leave=leave, joined=joined)})
    found = segmentation.segmentation_of(data, segmentation.Plan())
    assert found is not None
    assert found.kind != "segments", found.look.choice.reason
    assert all(look.choice.kind != "segments" for look in found.looks)
    assert found.holds == (found.kind == "stages")


def test_stages_are_made_and_told_as_such(make_dataset: MakeDataset, checks: Any) -> None:
    orders = one_process(0, rates="gamma", leave=False, joined="at once")
    data = make_dataset({"orders": orders})
    result = Segments().run(data)
    checks.tidy(result)
    number = result.finding("segments.number")
    assert number.value >= 2
    assert "stages of a customer's life" in number.sentence
    assert "not what kind it is" in number.sentence
    assert any("where a customer stands" in one.sentence for one in result.caveats)
    told = members_of(data, result)
    assert len(told) == 1200
    assert len(set(told.values()) - {segmentation.EXCEPTIONAL}) == number.value
    assert len(result.audiences) >= 2
    titles = [one.title for one in (*result.charts, *result.tables)]
    assert not any("segment" in one.lower() for one in titles), titles
    asked = Segments(count=7).run(data)
    assert any("the evidence does not support them" in one.sentence for one in asked.caveats)


def test_what_the_user_sets_is_done(make_dataset: MakeDataset) -> None:
    orders, _ = planted()
    data = make_dataset({"orders": orders})
    plain = Segments().run(data).table("segments").to_arrow()["segment"].to_pylist()
    named = Segments(names={plain[0]: "Our fans"}).run(data)
    assert named.table("segments").to_arrow()["segment"].to_pylist()[0] == "Our fans"
    two = Segments(count=2, features=("order_count", "revenue_per_order")).run(data)
    assert len(set(members_of(data, two).values()) - {segmentation.EXCEPTIONAL}) == 2
    assert set(two.table("features").to_arrow()["column"].to_pylist()) <= {"order_count", "revenue_per_order"}
    with pytest.raises(DataError, match="revenue_per_ordr"):
        Segments(features=("revenue_per_ordr",)).run(data)


def test_rare_extremes_stand_apart(make_dataset: MakeDataset) -> None:
    orders, truth = planted()
    giant = {"order_id": ["x1", "x2"], "customer_id": ["whale", "whale"], "amount": [9e6, 8e6], "channel": ["web"] * 2}
    when = pa.array([START, START + timedelta(days=9)], pa.timestamp("us"))
    more = pa.table({**giant, "ordered_at": when}).select(orders.column_names)
    data = make_dataset({"orders": pa.concat_tables([orders, more])})
    result = Segments().run(data)
    told = members_of(data, result)
    assert told["whale"] == segmentation.EXCEPTIONAL
    ids = sorted(truth)
    assert adjusted_rand(np.array([truth[one] for one in ids]), numbers([told[one] for one in ids])) >= 0.9
    assert not any(finding.evidence.rows == segmentation.EXCEPTIONAL for finding in result.findings)


def test_a_broad_segment_is_looked_at_again(make_dataset: MakeDataset) -> None:
    kinds = ((12, 10.0, 0.05, 0.05), (12, 10.0, 0.05, 0.95), (60, 300.0, 0.05, 0.5))
    orders, truth = planted(300, kinds)
    data = make_dataset({"orders": orders})
    whole = Segments(count=2).run(data).table("segments").to_arrow()["segment"].to_pylist()
    result = Segments(count=2, split=(whole[0],)).run(data)
    rows = result.table("second_round").to_arrow().to_pylist()
    assert [row["parts"] for row in rows] == [2]
    told = members_of(data, result)
    ids = sorted(truth)
    assert adjusted_rand(np.array([truth[one] for one in ids]), numbers([told[one] for one in ids])) >= 0.9
    assert any(": " in name for name in told.values())


def test_profiles_without_orders_are_parted_too(make_dataset: MakeDataset) -> None:
    rng = np.random.default_rng(8)
    kind = np.arange(600) % 2
    people = pa.table(
        {
            "customer_id": [f"p{number}" for number in range(600)],
            "age": np.where(kind == 0, 30, 60) + rng.normal(0, 6, 600),
            "income": np.where(kind == 0, 20_000, 60_000) * rng.lognormal(0, 0.25, 600),
            "education": pa.array(["Basic" if one else "Master" for one in kind]),
        }
    )
    data = make_dataset({"customers": people})
    told = members_of(data, Segments().run(data))
    ids = [f"p{number}" for number in range(600)]
    assert adjusted_rand(kind, numbers([told[one] for one in ids])) > 0.95
    with_trait = Segments(traits=("education",)).run(data)
    assert any("education" in one for one in with_trait.table("preparation").to_arrow()["feature"].to_pylist())


def test_too_few_customers_are_told(make_dataset: MakeDataset) -> None:
    orders, _ = planted(40)
    data = make_dataset({"orders": orders})
    with pytest.raises(DataError, match="fewer than 90"):
        Segments().run(data)
    assert data.collect(Segments().provide(data).select("segment"))["segment"].null_count == 40


@pytest.mark.parametrize("wrong", [{"count": -1}, {"most": 1}, {"split_above_share": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Segments(**wrong)
