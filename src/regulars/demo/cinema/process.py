"""The process that the world `cinema` is drawn from: who comes, who returns, and when.

Each buyer has a first purchase occasion (the arrival), a kind of campaign that won them or none, and
a hidden segment. After the arrival day further occasions follow a Poisson process, day by day, for as
long as the buyer is active:

    expected occasions on day d = rate of the segment × return factor of the kind
                                  × market factor of the month × shape of the day

Every day after the arrival the buyer stays active with a fixed probability, so the active time is
geometric and has no memory: given a success on day t, what follows does not depend on what came
before. That is what makes the expected retention exact (see ``truth``).

The volume of each month is published, so arrivals are what is left of it when the expected returns
of earlier buyers are taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.demo.cinema import figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DAYS_PER_MONTH: Final = 30
RETURN_WINDOW_DAYS: Final = 90  # the window of the published return shares


@dataclass(frozen=True)
class Segment:
    """A hidden kind of buyer.

    Attributes:
        name: The segment's name.
        orders_per_month: Occasions in 30 usual days while active, after the first one, for a buyer won
            without a campaign.
        mean_active_days: Mean days between the first occasion and dropping out; 0 means never again.
        campaign_share: Share of later occasions on which a campaign is used.
        weekend_factor: Weight of Saturday and Sunday against the other days, relative to buyers at large.
        evening_factor: Weight of the hours from 18 h on against the earlier ones, relative to buyers at large.
    """

    name: str
    orders_per_month: float
    mean_active_days: float
    campaign_share: float
    weekend_factor: float
    evening_factor: float


SEGMENTS: Final = (
    Segment("one_timer", 0.0, 0.0, 0.0, 1.0, 1.0),
    Segment("occasional", 0.048, 1_000.0, 0.34, 1.3, 0.9),
    Segment("regular", 0.80, 120.0, 0.25, 0.8, 1.5),
    Segment("deal_seeker", 0.48, 45.0, 0.85, 0.7, 0.8),
)
# One row per kind of winning (figures.WON_BY), one column per segment.
SEGMENT_SHARES: Final = (
    (0.486, 0.434, 0.045, 0.035),
    (0.460, 0.380, 0.019, 0.141),
    (0.437, 0.372, 0.022, 0.169),
    (0.452, 0.372, 0.007, 0.169),
)
# What the kind of winning does to the rate of returning, the segment being the same.
RETURN_FACTORS: Final = (1.0, 0.68, 0.92, 0.30)

RETRY_SHARE: Final = 0.25  # failed attempts followed within the day by a success
HOLIDAY_FACTOR: Final = 1.6  # on a day's demand
RELEASE_FACTOR: Final = 1.4  # on a day's demand while a blockbuster is new
RELEASE_DAYS: Final = 14

# How readily earlier buyers return in a month, by the volume of the month: volume over reference to the
# power of the exponent, kept between floor and ceiling, and below the share of the month that can return.
MARKET_REFERENCE: Final = 5_000.0  # attempts
MARKET_EXPONENT: Final = 0.25
MARKET_FLOOR: Final = 0.85
MARKET_CEILING: Final = 1.4
RETURN_CEILING: Final = 0.4  # at most this share of a month's occasions come from earlier buyers

# Vietnamese public holidays and the Lunar New Year weeks, first and last day.
HOLIDAYS: Final = (
    ("New Year", date(2019, 1, 1), date(2019, 1, 1)),
    ("Lunar New Year", date(2019, 2, 4), date(2019, 2, 10)),
    ("Hung Kings", date(2019, 4, 15), date(2019, 4, 15)),
    ("Reunification and Labour Day", date(2019, 4, 27), date(2019, 5, 1)),
    ("National Day", date(2019, 8, 31), date(2019, 9, 2)),
    ("New Year", date(2020, 1, 1), date(2020, 1, 1)),
    ("Lunar New Year", date(2020, 1, 23), date(2020, 1, 29)),
    ("National Day", date(2020, 9, 2), date(2020, 9, 2)),
    ("New Year", date(2021, 1, 1), date(2021, 1, 3)),
    ("Lunar New Year", date(2021, 2, 10), date(2021, 2, 16)),
    ("Hung Kings", date(2021, 4, 21), date(2021, 4, 21)),
    ("Reunification and Labour Day", date(2021, 4, 30), date(2021, 5, 3)),
    ("New Year", date(2022, 1, 1), date(2022, 1, 3)),
    ("Lunar New Year", date(2022, 1, 31), date(2022, 2, 6)),
    ("Hung Kings", date(2022, 4, 10), date(2022, 4, 11)),
    ("Reunification and Labour Day", date(2022, 4, 30), date(2022, 5, 3)),
    ("National Day", date(2022, 9, 1), date(2022, 9, 4)),
)


@dataclass(frozen=True)
class Process:
    """The process with every number worked out, per day and month of the four years.

    Attributes:
        arrival_shares: Share of all buyers that arrive on each day; adds up to 1.
        return_intensity: Expected occasions factor, segment × day (market factor × shape of the day).
        daily_rates: Occasions per active day, segment × kind.
        stay_probability: Probability of staying active for one more day, per segment.
        segment_shares: Share of each segment, kind × weekday × segment.
        failure_shares: Probability that a first attempt fails, per day.
        market_factors: Market factor per month, 0 where there is no data.
    """

    arrival_shares: Floats
    return_intensity: Floats
    daily_rates: Floats
    stay_probability: Floats
    segment_shares: Floats
    failure_shares: Floats
    market_factors: Floats

    @property
    def success_shares(self) -> Floats:
        """Probability that an occasion ends in a success, at once or on the retry, per day."""
        return 1.0 - self.failure_shares * (1.0 - RETRY_SHARE)


def day_number(day: date) -> int:
    """Days since the first day of the data.

    >>> day_number(date(2019, 1, 31))
    30
    """
    return (day - figures.FIRST_DAY).days


def month_of_day() -> Integers:
    """Month number, 0 for January 2019, of every day."""
    days = np.datetime64(figures.FIRST_DAY, "D") + np.arange(figures.DAY_COUNT)
    return days.astype("datetime64[M]").astype(np.int64) - np.datetime64("2019-01", "M").astype(np.int64)


def weekday_of_day() -> Integers:
    """Weekday, 0 for Monday, of every day."""
    return (np.arange(figures.DAY_COUNT) + figures.FIRST_DAY.weekday()) % 7


def month_number(year_month: str) -> int:
    """Months since January 2019.

    >>> month_number("2020-03")
    14
    """
    year, month = year_month.split("-")
    return (int(year) - figures.FIRST_DAY.year) * 12 + int(month) - 1


def active_months() -> NDArray[np.bool_]:
    """Whether there is data in each of the 48 months."""
    active = np.zeros(figures.MONTH_COUNT, dtype=np.bool_)
    active[[month_number(month.year_month) for month in figures.MONTHS]] = True
    return active


def won_by_shares() -> Floats:
    """Share of new buyers by the kind of campaign that won them."""
    counts = np.array(figures.NEW_BUYERS, dtype=np.float64)
    return np.asarray(counts / counts.sum())


def failure_share(success_share: float) -> float:
    """Probability that a first attempt fails, from the published successes per attempt.

    A failed attempt is followed by a successful one with probability ``RETRY_SHARE``, so of 1 + f·r
    attempts 1 − f + f·r succeed; this is that share solved for f.
    """
    failed = 1.0 - success_share
    return failed / (1.0 - RETRY_SHARE * failed)


def event_factors(blockbuster_days: Integers) -> Floats:
    """Factor on every day's demand: holidays times new blockbusters.

    Args:
        blockbuster_days: Release day numbers of the blockbusters; may lie before the first day.
    """
    factors = np.ones(figures.DAY_COUNT)
    for _, first, last in HOLIDAYS:
        factors[day_number(first) : day_number(last) + 1] *= HOLIDAY_FACTOR
    age = np.arange(figures.DAY_COUNT)[:, None] - blockbuster_days[None, :]
    factors[((age >= 0) & (age < RELEASE_DAYS)).any(axis=1)] *= RELEASE_FACTOR
    return factors


def build_process(blockbuster_days: Integers) -> Process:
    """Work the process out for the given releases.

    Args:
        blockbuster_days: Release day numbers of the blockbusters.

    Returns:
        The process, such that the expected attempts of each month are the published ones.
    """
    weekday, month = weekday_of_day(), month_of_day()
    weekday_shares = np.array(figures.WEEKDAY_ATTEMPTS, dtype=np.float64)
    weekday_shares /= weekday_shares.sum()
    tastes = _weekday_tastes(weekday_shares)
    segment_shares = np.array(SEGMENT_SHARES)[:, None, :] * tastes.T[None, :, :]
    segment_shares /= segment_shares.sum(axis=2, keepdims=True)

    demand = weekday_shares[weekday] * event_factors(blockbuster_days)
    shape = _divide_by_monthly_mean(demand[None, :] * tastes[:, weekday], month)
    failure_shares = np.zeros(figures.DAY_COUNT)
    for published in figures.MONTHS:
        in_month = month == month_number(published.year_month)
        failure_shares[in_month] = failure_share(published.success_share)

    rates = np.array([segment.orders_per_month for segment in SEGMENTS]) / DAYS_PER_MONTH
    daily_rates = rates[:, None] * np.array(RETURN_FACTORS)[None, :]
    stay_probability = np.array(
        [np.exp(-1.0 / segment.mean_active_days) if segment.mean_active_days else 0.0 for segment in SEGMENTS]
    )
    arriving = won_by_shares()[:, None, None] * segment_shares  # kind × weekday × segment
    arrivals, market_factors = _solve_arrivals(
        demand=demand,
        shape=shape,
        failure_shares=failure_shares,
        daily_rates=daily_rates,
        stay_probability=stay_probability,
        mix=arriving.transpose(1, 2, 0)[weekday],
    )
    return Process(
        arrival_shares=arrivals / arrivals.sum(),
        return_intensity=shape * market_factors[month],
        daily_rates=daily_rates,
        stay_probability=stay_probability,
        segment_shares=segment_shares,
        failure_shares=failure_shares,
        market_factors=market_factors,
    )


def _weekday_tastes(weekday_shares: Floats) -> Floats:
    """How much likelier each weekday is for a segment than for buyers at large, segment × weekday."""
    tastes = np.ones((len(SEGMENTS), 7))
    for row, segment in zip(tastes, SEGMENTS, strict=True):
        row[5:] = segment.weekend_factor
    tastes /= (tastes * weekday_shares).sum(axis=1, keepdims=True)
    return tastes


def _divide_by_monthly_mean(values: Floats, month: Integers) -> Floats:
    sizes = np.bincount(month)
    means = np.stack([np.bincount(month, weights=row) / sizes for row in values])
    return np.asarray(values / means[:, month])


def _solve_arrivals(
    *,
    demand: Floats,
    shape: Floats,
    failure_shares: Floats,
    daily_rates: Floats,
    stay_probability: Floats,
    mix: Floats,
) -> tuple[Floats, Floats]:
    """Arrivals per day and market factor per month that meet the published volumes.

    ``mix`` is day × segment × kind, the make-up of the arrivals of a day. Months are solved in order:
    what earlier buyers (``active``, segment × kind) are expected to buy is taken off the volume, and
    the rest are arrivals with what they buy again in the same month.
    """
    month = month_of_day()
    arrivals = np.zeros(figures.DAY_COUNT)
    market_factors = np.zeros(figures.MONTH_COUNT)
    volumes = np.zeros(figures.MONTH_COUNT)
    for published in figures.MONTHS:
        volumes[month_number(published.year_month)] = published.attempts
    stay = stay_probability[:, None]
    active = np.zeros(daily_rates.shape)
    for number in range(figures.MONTH_COUNT):
        days = np.flatnonzero(month == number)
        weights = demand[days] / demand[days].sum()
        returning = own_returning = 0.0
        own = np.zeros(daily_rates.shape)  # active among one arrival spread over the month
        for day, weight in zip(days, weights, strict=True):
            active, own = active * stay, own * stay
            intensity = daily_rates * shape[:, day, None]
            returning += float((active * intensity).sum())
            own_returning += float((own * intensity).sum())
            own = own + weight * mix[day]
        if volumes[number] == 0:
            continue
        occasions = volumes[number] / (1.0 + failure_shares[days[0]] * RETRY_SHARE)
        factor = (volumes[number] / MARKET_REFERENCE) ** MARKET_EXPONENT
        factor = min(MARKET_CEILING, max(MARKET_FLOOR, factor))
        if returning > 0:
            factor = min(factor, RETURN_CEILING * occasions / returning)
        market_factors[number] = factor
        total = (occasions - factor * returning) / (1.0 + factor * own_returning)
        arrivals[days] = total * weights
        active = active + total * own
    return arrivals, market_factors
