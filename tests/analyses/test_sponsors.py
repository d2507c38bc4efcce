"""Planted stars: their habit is found at the same age of membership, nothing else is, and they are foreseen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.sponsor_habits import SponsorHabits
from regulars.analyses.sponsor_prospects import SponsorProspects
from regulars.errors import SettingsError
from regulars.models.matching import compare, side

MakeDataset = Callable[..., Any]
START = date(2020, 1, 1)
AS_OF = date(2024, 1, 1)
DAYS = (AS_OF - START).days


def world(size: int = 3000, seed: int = 4) -> dict[str, pa.Table]:
    """Stars order three times as often, and begin to bring members 200 days after they joined; amounts are alike."""
    rng = np.random.default_rng(seed)
    joined = np.sort(rng.integers(0, DAYS - 30, size))
    star = rng.random(size) < 0.05
    sponsor = np.full(size, -1)
    for number in range(50, size):
        ready = np.flatnonzero(star[:number] & (joined[:number] + 200 < joined[number]))
        if ready.size and rng.random() < 0.5:
            sponsor[number] = rng.choice(ready)
        elif rng.random() < 0.2:
            sponsor[number] = rng.integers(number)
    stays = DAYS - joined
    customers = np.repeat(np.arange(size), 1 + rng.poisson(np.where(star, 9.0, 3.0) * stays / DAYS))
    when = joined[customers] + rng.integers(0, stays[customers])
    names = np.array([f"m{number:04}" for number in range(size)])
    has = np.flatnonzero(sponsor >= 0)
    days = [START + timedelta(days=int(day)) for day in joined]
    return {
        "customers": pa.table({"customer_id": names, "joined_on": pa.array(days, pa.date32())}),
        "referrals": pa.table(
            {
                "customer_id": names[has], "sponsor_id": names[sponsor[has]],
                "joined_on": pa.array([days[place] for place in has], pa.date32()),
            }
        ),
        "orders": pa.table(
            {
                "order_id": [f"o{number}" for number in range(customers.size)],
                "customer_id": names[customers],
                "ordered_at": pa.array(np.datetime64("2020-01-01", "us") + when.astype("timedelta64[D]")),
                "amount": rng.gamma(4.0, 5.0, customers.size).round(2),
            }
        ),
    }  # fmt: skip


@pytest.fixture
def data(make_dataset: MakeDataset) -> Any:
    return make_dataset(world(), as_of=AS_OF)


def test_the_planted_habit_is_found_and_no_other(data: Any, checks: Any) -> None:
    result = SponsorHabits().run(data)
    checks.tidy(result)
    rows = {row["trait"]: row for row in checks.rows(result, "habits")}
    orders = rows["orders that count as sales"]
    assert orders["differs"]
    assert orders["value"] / orders["other"] == pytest.approx(2.4, abs=0.5)
    size = rows["order size: revenue per order"]
    assert not size["differs"], "amounts are alike"


def test_the_age_of_membership_is_made_alike() -> None:
    rng = np.random.default_rng(1)
    age = rng.integers(0, 4, 4000)
    first = rng.random(4000) < np.array([0.1, 0.2, 0.5, 0.8])[age]
    value = 10.0 * age + rng.normal(0, 1, 4000)

    def sums(chosen: Any) -> Any:
        return side(
            *(
                np.bincount(age[chosen], weight, 4)
                for weight in (np.ones(chosen.sum()), value[chosen], value[chosen] ** 2)
            )
        )

    found = compare(sums(first), sums(~first))
    assert found is not None
    assert found.plain_difference > 8
    assert found.low <= 0 <= found.high


def test_sponsored_customers_are_not_said_to_be_worth_more_where_they_are_not(data: Any) -> None:
    result = SponsorHabits().run(data)
    worth = result.finding("sponsor_habits.sponsored_revenue_total")
    assert worth.interval is not None
    assert worth.is_good is None
    assert "within chance" in worth.sentence


def test_stars_are_foreseen_by_what_is_known_of_them(tmp_path: Any) -> None:
    import pyarrow.csv as pc

    from regulars import pipeline

    for name, table in world().items():
        pc.write_csv(table, tmp_path / f"{name}.csv")
    (tmp_path / "regulars.toml").write_text(
        "".join(
            f"[tables.{name}]\nsource = '{name}.csv'\n"
            f"columns = {{ {', '.join(f'{one} = {one!r}' for one in columns)} }}\n"
            for name, columns in (
                ("customers", ("customer_id", "joined_on")),
                ("referrals", ("customer_id", "sponsor_id", "joined_on")),
                ("orders", ("order_id", "customer_id", "ordered_at", "amount")),
            )
        ),
        encoding="utf-8",
    )
    data = pipeline.load(tmp_path / "regulars.toml")
    result = SponsorProspects().run(data)
    auc = {
        row["prediction"]: row["value"]
        for row in result.table("validation").to_arrow().to_pylist()
        if row["measure"] == "auc"
    }
    assert max(auc.values()) > 0.6
    rows = data.collect(next(one for one in result.audiences if one.name == "next_sponsors").members).to_pylist()
    brought = set(data.collect(data.table("referrals").select("sponsor_id").distinct())["sponsor_id"].to_pylist())
    assert rows
    assert not {row["customer_id"] for row in rows} & brought, "a sponsor is listed as a prospect"
    rising = data.collect(next(one for one in result.audiences if one.name == "rising_sponsors").members).to_pylist()
    assert all(row["score"] >= 2 for row in rising)
    data.engine.close()


def test_without_dates_the_need_is_told(make_dataset: MakeDataset) -> None:
    tables = world(200)
    tables["referrals"] = tables["referrals"].drop_columns("joined_on")
    (missing,) = make_dataset(tables, as_of=AS_OF).missing(SponsorProspects.needs)
    assert "brought_on" in missing.what


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="window_days"):
        SponsorProspects(window_days=3)
    with pytest.raises(SettingsError, match="top_share"):
        SponsorHabits(top_share=0)
