"""The customers of the world `shop`, block by block: who they are, when they are there, which segment they are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.draws import ChoiceTable
from regulars.demo.shop import plan
from regulars.demo.shop.process import (
    HALF_COUNT,
    PROFILES,
    half_year_bounds,
    leaving_rate,
    mover_matrix,
    segment_shares,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

FIRST_CUSTOMER_ID: Final = 1_000_001
PASSER_BY_PROFILE: Final = len(PROFILES) - 1
LONGEST_MEMBERSHIP_DAYS: Final = 2_000
"""Customers of the first day joined evenly within so many days before it."""


@dataclass(frozen=True)
class People:
    """A block of customers.

    Attributes:
        customer_id: The ids.
        is_passer_by: Comes once, outside all segments.
        is_mover: Moves between segments at the turns of half-years.
        profiles: Profile per half-year, customers × half-years; `PASSER_BY_PROFILE` for passers-by.
        join_day: Day number of joining; below 0 for customers of the first day.
        leave_day: Day number from which the customer is gone.
        pace: Personal factor on the order rate.
        eagerness: Personal factor on answering mailings.
        city: Place in ``plan.CITIES``.
        home_store: Id of the store the customer goes to.
    """

    customer_id: Integers
    is_passer_by: Flags
    is_mover: Flags
    profiles: Integers
    join_day: Integers
    leave_day: Integers
    pace: Floats
    eagerness: Floats
    city: Integers
    home_store: Integers

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.customer_id)

    @property
    def home(self) -> Integers:
        """Profile in the half-year of joining, which traits go by."""
        joined = np.searchsorted(half_year_bounds(), np.maximum(self.join_day, 0), side="right") - 1
        return np.asarray(self.profiles[np.arange(self.count), joined])


def draw_people(start: int, count: int, passers_by: int, rng: np.random.Generator) -> People:
    """Draw a block.

    Args:
        start: Customers drawn before.
        count: Size of the block.
        passers_by: How many of them are passers-by.
        rng: Draws.
    """
    is_passer_by = np.zeros(count, dtype=np.bool_)
    is_passer_by[rng.permutation(count)[:passers_by]] = True
    is_mover = (rng.random(count) < plan.MOVER_SHARE) & ~is_passer_by
    profiles = np.empty((count, HALF_COUNT), dtype=np.int64)
    profiles[:, 0] = ChoiceTable.of(segment_shares()).draw_many(count, rng)
    moves = ChoiceTable.of(mover_matrix())
    for half in range(1, HALF_COUNT):
        moved = moves.draw(profiles[:, half - 1], rng)
        profiles[:, half] = np.where(is_mover, moved, profiles[:, half - 1])
    profiles[is_passer_by] = PASSER_BY_PROFILE
    was_there = rng.random(count) < plan.PRESENT_AT_START
    join_day = np.where(
        was_there,
        -1 - rng.integers(LONGEST_MEMBERSHIP_DAYS, size=count),
        rng.integers(plan.DAY_COUNT, size=count),
    )
    stayed = rng.exponential(1.0 / leaving_rate(), size=count).astype(np.int64)
    city = ChoiceTable.of(np.array(list(plan.CITIES.values()))).draw_many(count, rng)
    return People(
        customer_id=FIRST_CUSTOMER_ID + start + np.arange(count),
        is_passer_by=is_passer_by,
        is_mover=is_mover,
        profiles=profiles,
        join_day=join_day,
        leave_day=np.where(is_passer_by, plan.DAY_COUNT, np.maximum(join_day, 0) + 1 + stayed),
        pace=rng.lognormal(-(plan.PERSONAL_SPREAD**2) / 2, plan.PERSONAL_SPREAD, size=count),
        eagerness=rng.lognormal(-0.18, 0.6, size=count),
        city=city,
        home_store=1 + city * plan.STORES_PER_CITY + rng.integers(plan.STORES_PER_CITY, size=count),
    )


def customer_table(people: People, join_day: Integers, rng: np.random.Generator) -> Any:
    """The rows of customers.parquet."""
    home, count = people.home, people.count

    def per_profile(name: str) -> Floats:
        return np.array([getattr(profile, name) for profile in PROFILES])[home]

    born = np.clip(rng.normal(per_profile("mean_birth_year"), plan.BIRTH_YEAR_SPREAD), 1932, 2006).astype(np.int64)
    birth_dates = (born - 1970).astype("datetime64[Y]").astype("datetime64[D]") + rng.integers(365, size=count)
    incomes = np.round(per_profile("median_income") * rng.lognormal(0.0, plan.INCOME_SPREAD, size=count), -2)
    scores = np.array([profile.scores for profile in PROFILES])[home]
    scores = np.clip(np.round(rng.normal(scores, plan.SCORE_SPREAD), 1), 1.0, 7.0)
    gender = np.where(rng.random(count) < per_profile("women_share"), "female", "male")
    first_day = np.datetime64(plan.FIRST_DAY, "D")
    return pa.table(
        {
            "customer_id": people.customer_id,
            "gender": pa.array(gender, mask=rng.random(count) < plan.UNKNOWN_GENDER_SHARE),
            "birth_date": birth_dates,
            "income": pa.array(incomes, mask=rng.random(count) < plan.UNKNOWN_INCOME_SHARE),
            "city": pa.array(list(plan.CITIES)).take(pa.array(people.city)),
            "joined_on": first_day + join_day,
            "contactable": rng.random(count) >= plan.NOT_CONTACTABLE_SHARE,
            **{name: scores[:, place] for place, name in enumerate(plan.SCORES)},
        }
    )


def _main_profile(people: People, orders_per_half_year: Integers) -> Integers:
    """The profile with most of a customer's orders; the home's where there are none, the first of equals."""
    orders = np.zeros((people.count, len(PROFILES)))
    rows = np.broadcast_to(np.arange(people.count)[:, None], people.profiles.shape)
    np.add.at(orders, (rows, people.profiles), orders_per_half_year)
    return np.asarray(np.where(orders.sum(axis=1) > 0, orders.argmax(axis=1), people.home))


def truth_table(people: People, join_day: Integers, orders_per_half_year: Integers) -> Any:
    """One row per customer: what was planted, and how many orders came of it in each half-year.

    Segments stand only for half-years in which the customer is present for a day at least.
    """
    names = pa.array([profile.name for profile in PROFILES])
    bounds = half_year_bounds()
    first_day = np.datetime64(plan.FIRST_DAY, "D")
    columns: dict[str, Any] = {
        "customer_id": people.customer_id,
        "home_segment": names.take(pa.array(people.home)),
        "main_segment": names.take(pa.array(_main_profile(people, orders_per_half_year))),
        "is_mover": people.is_mover,
        "joined_on": first_day + join_day,
        "left_on": pa.array(first_day + people.leave_day, mask=people.leave_day >= plan.DAY_COUNT),
        "pace": people.pace,
    }
    for half, name in enumerate(plan.HALF_YEARS):
        is_there = (join_day < bounds[half + 1]) & (people.leave_day > bounds[half])
        columns[f"segment_{name}"] = names.take(pa.array(people.profiles[:, half], mask=~is_there))
    for half, name in enumerate(plan.HALF_YEARS):
        columns[f"orders_{name}"] = orders_per_half_year[:, half]
    return pa.table(columns)
