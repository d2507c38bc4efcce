"""The plan of the world `shop` worked out: rates per day, shares per month, the matrix of movement.

A customer of segment s buys on day d as a Poisson process with the mean

    orders_per_half_year(s) / 183 × personal factor × weekday weight(s, d) × season(d) × sale(d)

while present (between joining and leaving), times the factor of an offer within its window. Segments change only at the
turn of a half-year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.demo.draws import ChoiceTable
from regulars.demo.shop import plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

PROFILES: Final = (*plan.SEGMENTS, plan.PASSER_BY)
SEGMENT_COUNT: Final = len(plan.SEGMENTS)
HALF_COUNT: Final = len(plan.HALF_YEARS)
CATEGORY_COUNT: Final = len(plan.CATEGORIES)
DAYS_OF_HALF_YEAR: Final = 183


def day_number(day: date) -> int:
    """Days since the first day of the world.

    >>> day_number(date(2022, 2, 1))
    31
    """
    return (day - plan.FIRST_DAY).days


def all_days() -> NDArray[np.datetime64]:
    """Every day of the world."""
    return np.asarray(np.datetime64(plan.FIRST_DAY, "D") + np.arange(plan.DAY_COUNT))


def month_numbers() -> Integers:
    """Months since the first one, per day."""
    months = all_days().astype("datetime64[M]").astype(np.int64)
    return np.asarray(months - months[0])


def half_year_bounds() -> Integers:
    """Day number at which each half-year starts, and the day after the last."""
    return np.array([*(day_number(start) for start in plan.HALF_YEAR_STARTS), plan.DAY_COUNT])


def movement_matrix() -> Floats:
    """Chance that a customer of a segment (row) is in a segment (column) after the turn of a half-year.

    >>> movement_matrix().sum(axis=1).round(9).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    return np.asarray((1.0 - plan.MOVER_SHARE) * np.eye(SEGMENT_COUNT) + plan.MOVER_SHARE * mover_matrix())


def mover_matrix() -> Floats:
    """The same for customers who move at all."""
    moves = np.array(plan.MOVER_FLOWS) / segment_shares()[:, None]
    return np.asarray(moves + np.diag(1.0 - moves.sum(axis=1)))


def segment_shares() -> Floats:
    """Share of customers per segment, the same at any time."""
    return np.array([segment.share for segment in plan.SEGMENTS])


def sale_factors() -> Floats:
    """Factor of the named sales on orders, per day."""
    factors = np.ones(plan.DAY_COUNT)
    for _, first, last, factor in sale_periods():
        factors[first : last + 1] *= factor
    return factors


def sale_periods() -> list[tuple[str, int, int, float]]:
    """Name, first and last day number, and factor of every sale of every year."""
    found = []
    for year in range(plan.FIRST_DAY.year, plan.LAST_DAY.year + 1):
        for sale in plan.SALES:
            first = day_number(date(year, sale.month, sale.day))
            found.append((sale.name, first, first + sale.days - 1, sale.factor))
    return found


def open_days() -> Floats:
    """1 where the shop is open, 0 on a closed day."""
    days = all_days()
    closed = [
        np.datetime64(date(year, month, day))
        for year in range(plan.FIRST_DAY.year, plan.LAST_DAY.year + 1)
        for month, day in plan.CLOSED_DAYS
    ]
    return np.asarray(~np.isin(days, closed), dtype=np.float64)


@dataclass(frozen=True)
class Process:
    """The plan as tables; profiles are the segments and, last, the passer-by.

    Attributes:
        daily: Expected orders per profile and day, for a personal factor of 1.
        cumulative: Its sum over the days before, profile × (days + 1).
        half_year_totals: Its sum per half-year.
        day_choice: Day within a half-year; one row per profile and half-year.
        any_day: Any day, for passers-by.
        category_choice: Category; one row per profile and month of the year.
        category_shares: The same as shares, profile × month × category.
        month_of_day: Months since the first, per day.
    """

    daily: Floats
    cumulative: Floats
    half_year_totals: Floats
    day_choice: ChoiceTable
    any_day: ChoiceTable
    category_choice: ChoiceTable
    category_shares: Floats
    month_of_day: Integers

    def expected(self, profile: Integers, first: Integers, stop: Integers) -> Floats:
        """Expected orders of each customer from day `first` up to the day before `stop`, personal factors apart."""
        return np.asarray(self.cumulative[profile, np.maximum(stop, first)] - self.cumulative[profile, first])

    def window_choice(self, first: int, days: int) -> ChoiceTable:
        """Days after `first` within a window; one row per profile."""
        return ChoiceTable.of(self.daily[:, first : first + days])


def build_process() -> Process:
    """Work the plan out."""
    month = month_numbers()
    weekday = (np.arange(plan.DAY_COUNT) + plan.FIRST_DAY.weekday()) % 7
    common = np.array(plan.ORDER_SEASON)[month % 12] * sale_factors() * open_days()
    weekdays = np.array([profile.weekday_weights for profile in PROFILES])[:, weekday]
    rates = np.array([profile.orders_per_half_year for profile in PROFILES]) / DAYS_OF_HALF_YEAR
    daily = rates[:, None] * weekdays * common[None, :]
    cumulative = np.concatenate([np.zeros((len(PROFILES), 1)), np.cumsum(daily, axis=1)], axis=1)
    bounds = half_year_bounds()
    half = np.searchsorted(bounds, np.arange(plan.DAY_COUNT), side="right") - 1
    in_half = (half[None, :] == np.arange(HALF_COUNT)[:, None]).astype(np.float64)
    shares = _category_shares()
    return Process(
        daily=daily,
        cumulative=cumulative,
        half_year_totals=np.diff(cumulative[:, bounds], axis=1),
        day_choice=ChoiceTable.of((daily[:, None, :] * in_half[None, :, :]).reshape(-1, plan.DAY_COUNT)),
        any_day=ChoiceTable.of(daily[-1]),
        category_choice=ChoiceTable.of(shares.reshape(-1, CATEGORY_COUNT)),
        category_shares=shares,
        month_of_day=month,
    )


def _category_shares() -> Floats:
    season = np.array([category.season for category in plan.CATEGORIES]).T  # month × category
    weights = np.array([category.weight for category in plan.CATEGORIES])
    tastes = np.array(
        [[profile.tastes.get(category.name, 1.0) for category in plan.CATEGORIES] for profile in PROFILES]
    )
    shares = tastes[:, None, :] * weights * season[None, :, :]
    return np.asarray(shares / shares.sum(axis=2, keepdims=True))


def presence() -> Floats:
    """Expected share of all customers that is present, per day."""
    day = np.arange(plan.DAY_COUNT)
    hazard = leaving_rate()
    stayed = np.exp(-hazard * day)
    joined_since = (1.0 - plan.PRESENT_AT_START) * (1.0 - stayed) / (hazard * plan.DAY_COUNT)
    return np.asarray(plan.PRESENT_AT_START * stayed + joined_since)


def leaving_rate() -> float:
    """Chance of leaving, per day."""
    return float(-np.log1p(-plan.LEAVING_PER_HALF_YEAR) / DAYS_OF_HALF_YEAR)


def lines_per_customer(process: Process) -> tuple[float, float]:
    """About how many order lines a customer brings, and a passer-by.

    Items of one product on an order share a line, which takes a little off; that is left aside.
    """
    orders = (process.daily[:SEGMENT_COUNT] * presence()[None, :]).sum(axis=1)
    items = np.array([segment.items_per_order for segment in plan.SEGMENTS])
    return float((segment_shares() * orders * items).sum()), 1.25 * plan.PASSER_BY.items_per_order
