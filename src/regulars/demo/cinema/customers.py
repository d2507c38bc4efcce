"""The buyers of the world `cinema`, block by block: when they come, who they are, when they return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.demo.cinema import figures
from regulars.demo.cinema.dirt import LOST_CUSTOMER_SHARE
from regulars.demo.cinema.draws import ARRIVALS
from regulars.demo.cinema.process import SEGMENTS, Process, weekday_of_day, won_by_shares
from regulars.demo.draws import ChoiceTable, draw_even_share, random_stream
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FIRST_CUSTOMER_ID: Final = 100_001
BLOCK_BUYERS: Final = 20_000  # what is held in memory at a time
SMALLEST_ROWS: Final = 500

# The coding of gender follows ISO/IEC 5218: 0 not known, 1 male, 2 female.
GENDER_CODES: Final = {"not known": 0, "male": 1, "female": 2}
MEAN_BIRTH_YEAR: Final = 1993.5
BIRTH_YEAR_SPREAD: Final = 5.0
ANY_BIRTH_YEAR: Final = (1950.0, 2009.0)
ANY_AGE_SHARE: Final = 0.06


@dataclass(frozen=True)
class Sizes:
    """How many of everything there are, at the size asked for."""

    buyers: int
    lost_customers: int
    registered_others: int
    second_devices: int
    website_devices: int
    surplus_device_rows: int

    @classmethod
    def of(cls, rows: int) -> Sizes:
        """The published numbers, scaled to about ``rows`` attempts.

        Raises:
            RegularsError: Fewer rows than the process makes sense for.
        """
        if rows < SMALLEST_ROWS:
            raise RegularsError(
                f"The demo world 'cinema' cannot be drawn with {rows:,} rows.",
                mend=f"Ask for at least {SMALLEST_ROWS} rows.",
            )
        scale = rows / figures.ATTEMPTS
        buyers = round(figures.BUYERS * scale)
        lost = round(LOST_CUSTOMER_SHARE * buyers)
        devices = round(figures.DEVICES * scale)
        website = max(1, round(devices * figures.WEBSITE_DEVICE_SHARE))
        return cls(
            buyers=buyers,
            lost_customers=lost,
            registered_others=round(figures.REGISTERED_CUSTOMERS * scale) - (buyers - lost),
            second_devices=devices - buyers - website,
            website_devices=website,
            surplus_device_rows=round(devices * figures.SURPLUS_DEVICE_ROW_SHARE),
        )

    @property
    def devices(self) -> int:
        """Distinct device ids."""
        return self.buyers + self.second_devices + self.website_devices


@dataclass(frozen=True)
class Block:
    """Buyers ``start`` to ``stop``, in order of arrival."""

    number: int
    start: int
    stop: int
    buyers: int

    @property
    def size(self) -> int:
        """Buyers in the block."""
        return self.stop - self.start

    def part_of(self, total: int) -> tuple[int, int]:
        """The block's part of ``total`` things shared out evenly among all buyers."""
        return draw_even_share(total, self.start, self.stop, self.buyers)


def split_blocks(buyers: int) -> Iterator[Block]:
    """The blocks of buyers, in order."""
    for number, start in enumerate(range(0, buyers, BLOCK_BUYERS)):
        yield Block(number, start, min(start + BLOCK_BUYERS, buyers), buyers)


@dataclass(frozen=True)
class Buyers:
    """One row per buyer of a block.

    Attributes:
        customer_id: The id in the tables.
        arrival_day: Day of the first occasion.
        won_by: Kind of campaign used on it, as a place in ``figures.WON_BY``.
        segment: Hidden segment, as a place in ``SEGMENTS``.
        last_active_day: Last day on which a further occasion is possible; may lie past the data.
    """

    customer_id: Integers
    arrival_day: Integers
    won_by: Integers
    segment: Integers
    last_active_day: Integers


@dataclass(frozen=True)
class Occasions:
    """One row per purchase occasion of a block.

    Attributes:
        buyer: Place of the buyer in the block.
        day: Day of the occasion.
        is_first: Whether it is the buyer's arrival.
    """

    buyer: Integers
    day: Integers
    is_first: NDArray[np.bool_]


def deal_ids(block: Block, sizes: Sizes, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Ids of the block's buyers, and of the customers beside them who never try to buy."""
    first, last = block.part_of(sizes.registered_others)
    ids = FIRST_CUSTOMER_ID + block.start + first + rng.permutation(block.size + last - first)
    return ids[: block.size], ids[block.size :]


def count_arrivals(process: Process, buyers: int, seed: int) -> Integers:
    """Running number of buyers who have arrived by the end of each day."""
    counts = random_stream(seed, ARRIVALS).multinomial(buyers, process.arrival_shares)
    return np.cumsum(counts).astype(np.int64)


def draw_buyers(
    process: Process,
    block: Block,
    arrived_by_day: Integers,
    customer_ids: Integers,
    rng: np.random.Generator,
) -> Buyers:
    """Draw who the buyers of a block are.

    Args:
        process: The process.
        block: Which buyers.
        arrived_by_day: Running number of arrivals, from ``count_arrivals``.
        customer_ids: The ids to give them.
        rng: Random numbers.
    """
    arrival_day = np.searchsorted(arrived_by_day, np.arange(block.start, block.stop), side="right")
    won_by = ChoiceTable.of(won_by_shares()).draw_many(block.size, rng)
    mixes = ChoiceTable.of(process.segment_shares.reshape(-1, len(SEGMENTS)))
    segment = mixes.draw(won_by * 7 + weekday_of_day()[arrival_day], rng)
    mean_days = np.array([chosen.mean_active_days for chosen in SEGMENTS])[segment]
    active_days = np.floor(rng.exponential(size=block.size) * mean_days).astype(np.int64)
    return Buyers(customer_ids, arrival_day, won_by, segment, arrival_day + active_days)


def draw_occasions(process: Process, buyers: Buyers, rng: np.random.Generator) -> Occasions:
    """Draw the arrivals and the later occasions of a block.

    The number of later occasions is Poisson with the intensity summed over the active days; each one
    then falls on a day in proportion to that day's intensity.
    """
    running = np.cumsum(process.return_intensity, axis=1)
    last_day = np.minimum(buyers.last_active_day, figures.DAY_COUNT - 1)
    low = running[buyers.segment, buyers.arrival_day]
    high = running[buyers.segment, last_day]
    rate = process.daily_rates[buyers.segment, buyers.won_by]
    later = np.repeat(np.arange(len(rate)), rng.poisson(rate * (high - low)))
    # 1 − u lies in (0, 1]: the arrival day itself is never drawn again.
    place = low[later] + (1.0 - rng.random(len(later))) * (high - low)[later]
    place = np.minimum(place, high[later])
    later_day = np.empty(len(later), dtype=np.int64)
    for number in range(len(SEGMENTS)):
        chosen = buyers.segment[later] == number
        later_day[chosen] = np.searchsorted(running[number], place[chosen], side="left")
    return Occasions(
        buyer=np.concatenate([np.arange(len(rate)), later]),
        day=np.concatenate([buyers.arrival_day, later_day]),
        is_first=np.arange(len(rate) + len(later)) < len(rate),
    )


def draw_genders(count: int, rng: np.random.Generator) -> Integers:
    """Gender codes in the published mix of attempts."""
    female, male = figures.FEMALE_ATTEMPT_SHARE, figures.MALE_ATTEMPT_SHARE
    shares = np.array([1.0 - male - female, male, female])
    return ChoiceTable.of(shares).draw_many(count, rng)


def draw_birth_dates(count: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Plausible birth dates, before any dirt: mostly born around 1993, a few of any age."""
    years = rng.normal(MEAN_BIRTH_YEAR, BIRTH_YEAR_SPREAD, size=count)
    any_age = rng.uniform(*ANY_BIRTH_YEAR, size=count)
    years = np.where((rng.random(count) < ANY_AGE_SHARE) | (years > ANY_BIRTH_YEAR[1]), any_age, years)
    days = np.floor((years - 1970.0) * 365.2425).astype(np.int64)
    return np.datetime64("1970-01-01", "D") + days
