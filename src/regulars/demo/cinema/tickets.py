"""The attempts of the world `cinema`: what was bought on each occasion, and whether it was paid."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.cinema import figures
from regulars.demo.cinema.catalogue import CAMPAIGN_COUNTS, Catalogue, campaign_choice, film_choice
from regulars.demo.cinema.dirt import lose_devices
from regulars.demo.cinema.draws import hexadecimal_ids
from regulars.demo.cinema.process import (
    RETRY_SHARE,
    SEGMENTS,
    Process,
    day_number,
    month_number,
    month_of_day,
    won_by_shares,
)
from regulars.demo.draws import ChoiceTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.cinema.customers import Block, Buyers, Occasions, Sizes

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FIRST_TICKET_ID: Final = 10_000_001
NO_DEVICE: Final = -1
NO_CAMPAIGN: Final = -1

HOME_THEATRE_SHARE: Final = 0.6  # occasions in the theatre a buyer prefers
SECOND_DEVICE_SHARE: Final = 0.5  # occasions on the second device, for buyers who have two
RETRY_MINUTES: Final = 45  # a retry comes within so many minutes, on the same day

# The website opens with 2022; its share of the attempts grows to 20 % at the end of the year.
WEBSITE_OPENS: Final = date(2022, 1, 1)
WEBSITE_FINAL_SHARE: Final = 0.20
WEBSITE_GROWTH_EXPONENT: Final = 0.15

SEAT_SHARES: Final = {1: 0.18, 2: 0.62, 3: 0.10, 4: 0.10}
PRICE_SPREAD: Final = 0.22  # standard deviation of the logarithm of a seat's price
DISCOUNT_SPREAD: Final = 0.5  # a discount lies within this share of the kind's mean


@dataclass(frozen=True)
class Attempts:
    """One row per attempt of a block; money in cents, time in seconds since the first day."""

    buyer: Integers
    day: Integers
    second: Integers
    status: Integers
    film: Integers
    theatre: Integers
    payment: Integers
    device: Integers
    campaign: Integers
    campaign_kind: Integers
    listed_cents: Integers
    discount_cents: Integers
    is_retry: NDArray[np.bool_]

    def take(self, rows: Integers | NDArray[np.bool_]) -> Attempts:
        """The chosen rows, in the order given."""
        return Attempts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def is_success(self) -> NDArray[np.bool_]:
        """Whether each attempt was paid."""
        return np.asarray(self.status == 1)


def website_share(days: Integers) -> Floats:
    """Share of the occasions that come through the website, per day number."""
    opens = day_number(WEBSITE_OPENS)
    progress = np.clip((days - opens + 1) / (figures.DAY_COUNT - opens), 0.0, 1.0)
    return np.asarray(WEBSITE_FINAL_SHARE * progress**WEBSITE_GROWTH_EXPONENT)


def mean_discount_shares() -> Floats:
    """Mean discount as a share of the list price, per kind of campaign.

    The kinds keep the published ratios; the level makes it 14 % of the list price over all attempts.
    """
    ratios = np.array(figures.DISCOUNT_PER_NEW_BUYER)
    kinds = won_by_shares()[1:] / won_by_shares()[1:].sum()
    return ratios * figures.DISCOUNT_SHARE_OF_LIST / (figures.CAMPAIGN_SHARE * float((ratios[1:] * kinds).sum()))


class TicketDrawer:
    """Draws the attempts of any block; holds the tables of choices, which are small."""

    def __init__(self, process: Process, catalogue: Catalogue, sizes: Sizes, seed: int) -> None:
        self._process = process
        self._catalogue = catalogue
        self._sizes = sizes
        self._seed = seed
        self._films = film_choice(catalogue)
        self._campaigns = campaign_choice(catalogue, process)
        self._theatres = ChoiceTable.of(catalogue.theatre_weights)
        self._payments = ChoiceTable.of(np.array(list(figures.PAYMENT_METHODS.values())))
        failed = figures.FAILED_STATUS_ATTEMPTS
        self._failures = ChoiceTable.of(np.array(list(failed.values()), dtype=np.float64))
        self._failure_codes = np.array(list(failed))
        hours = np.array(list(figures.HOUR_WEIGHTS))
        evening = np.array([segment.evening_factor for segment in SEGMENTS])
        weights = np.array(list(figures.HOUR_WEIGHTS.values()))
        self._hours = ChoiceTable.of(weights * np.where(hours >= 18, evening[:, None], 1.0))
        self._first_hour = int(hours[0])
        self._price_levels = np.zeros(figures.MONTH_COUNT)
        for month in figures.MONTHS:
            level = month.mean_paid / (1.0 - figures.DISCOUNT_SHARE_OF_LIST)
            self._price_levels[month_number(month.year_month)] = level

    def draw(self, block: Block, buyers: Buyers, occasions: Occasions, rng: np.random.Generator) -> Attempts:
        """The attempts of a block: one per occasion, and a successful one after some that failed."""
        count = len(occasions.day)
        segment = buyers.segment[occasions.buyer]
        home = self._theatres.draw_many(block.size, rng)[occasions.buyer]
        at_home = rng.random(count) < HOME_THEATRE_SHARE
        kind = self._draw_kinds(buyers, occasions, rng)
        listed, discount = self._draw_prices(occasions.day, kind, rng)
        hour = self._first_hour + self._hours.draw(segment, rng)
        failed = rng.random(count) < self._process.failure_shares[occasions.day]
        first = Attempts(
            buyer=occasions.buyer,
            day=occasions.day,
            second=occasions.day * 86_400 + hour * 3_600 + rng.integers(3_600, size=count),
            status=np.where(failed, self._failure_codes[self._failures.draw_many(count, rng)], 1),
            film=self._films.draw(occasions.day, rng),
            theatre=np.where(at_home, home, self._theatres.draw_many(count, rng)),
            payment=self._payments.draw_many(count, rng),
            device=self._draw_devices(block, occasions, rng),
            campaign=self._draw_campaigns(kind, occasions.day, rng),
            campaign_kind=kind,
            listed_cents=listed,
            discount_cents=discount,
            is_retry=np.zeros(count, dtype=np.bool_),
        )
        return self._add_retries(first, rng)

    def _draw_kinds(self, buyers: Buyers, occasions: Occasions, rng: np.random.Generator) -> Integers:
        """Kind of campaign: what won the buyer on the arrival, the segment's habit after it."""
        segment = buyers.segment[occasions.buyer]
        habit = np.array([kind.campaign_share for kind in SEGMENTS])[segment]
        shares = won_by_shares().copy()
        shares[0] = 0.0
        later = ChoiceTable.of(shares).draw_many(len(segment), rng)
        later = np.where(rng.random(len(segment)) < habit, later, 0)
        return np.where(occasions.is_first, buyers.won_by[occasions.buyer], later)

    def _draw_prices(self, days: Integers, kind: Integers, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """List price and discount in cents; the level of the month makes the published mean price."""
        level = self._price_levels[month_of_day()[days]]
        seats = ChoiceTable.of(np.array(list(SEAT_SHARES.values())))
        seat_counts = np.array(list(SEAT_SHARES))
        mean_seats = float((seat_counts * list(SEAT_SHARES.values())).sum())
        drawn = seat_counts[seats.draw_many(len(days), rng)]
        noise = rng.lognormal(-(PRICE_SPREAD**2) / 2, PRICE_SPREAD, size=len(days))
        listed = np.maximum(np.rint(100 * level * drawn / mean_seats * noise), 50).astype(np.int64)
        spread = rng.uniform(1.0 - DISCOUNT_SPREAD, 1.0 + DISCOUNT_SPREAD, size=len(days))
        discount = np.rint(listed * mean_discount_shares()[kind] * spread).astype(np.int64)
        return listed, discount

    def _draw_devices(self, block: Block, occasions: Occasions, rng: np.random.Generator) -> Integers:
        """Number of the device used: a buyer's own first or second one, or a browser shared by many."""
        sizes = self._sizes
        first, last = block.part_of(sizes.second_devices)
        second = np.full(block.size, NO_DEVICE)
        owners = rng.permutation(block.size)[: last - first]
        second[owners] = sizes.buyers + np.arange(first, last)
        count = len(occasions.day)
        on_second = (rng.random(count) < SECOND_DEVICE_SHARE) & (second[occasions.buyer] != NO_DEVICE)
        device = np.where(on_second, second[occasions.buyer], block.start + occasions.buyer)
        browser = sizes.buyers + sizes.second_devices + rng.integers(sizes.website_devices, size=count)
        device = np.where(rng.random(count) < website_share(occasions.day), browser, device)
        return np.where(lose_devices(occasions.day, rng), NO_DEVICE, device)

    def _draw_campaigns(self, kind: Integers, days: Integers, rng: np.random.Generator) -> Integers:
        """Place of the campaign in the catalogue; ``NO_CAMPAIGN`` where none was used."""
        campaign = np.full(len(days), NO_CAMPAIGN)
        first = np.cumsum((0, *CAMPAIGN_COUNTS))
        for number, table in enumerate(self._campaigns):
            if table is not None:
                chosen = kind == number
                campaign[chosen] = first[number] + table.draw(days[chosen], rng)
        return campaign

    @staticmethod
    def _add_retries(first: Attempts, rng: np.random.Generator) -> Attempts:
        """Follow a stated share of the failed attempts with a success on the same day."""
        retried = np.flatnonzero(~first.is_success & (rng.random(len(first.day)) < RETRY_SHARE))
        again = first.take(retried)
        end_of_day = (again.day + 1) * 86_400 - 1
        later = again.second + rng.integers(60, RETRY_MINUTES * 60, size=len(retried))
        changed = {
            "second": np.minimum(later, end_of_day),
            "status": np.ones(len(retried), dtype=np.int64),
            "is_retry": np.ones(len(retried), dtype=np.bool_),
        }
        return Attempts(
            **{
                field.name: np.concatenate(
                    [getattr(first, field.name), changed.get(field.name, getattr(again, field.name))]
                )
                for field in fields(first)
            }
        )

    def ticket_table(self, attempts: Attempts, buyers: Buyers, first_ticket: int) -> Any:
        """The rows of ticket_history.csv in order of time, as an Arrow table.

        Args:
            attempts: The attempts of a block.
            buyers: Its buyers.
            first_ticket: Number of the block's first ticket, counted from 0 over all blocks.
        """
        catalogue, count = self._catalogue, len(attempts.day)
        attempts = attempts.take(np.lexsort((attempts.is_retry, attempts.second)))
        start = np.datetime64(figures.FIRST_DAY, "s")
        final = attempts.listed_cents - attempts.discount_cents
        codes = np.append(catalogue.campaign_codes, 0)  # NO_CAMPAIGN finds the last place
        return pa.table(
            {
                "ticket_id": FIRST_TICKET_ID + first_ticket + np.arange(count),
                "customer_id": buyers.customer_id[attempts.buyer],
                "paying_method": _named(list(figures.PAYMENT_METHODS), attempts.payment),
                "theater_name": _named(catalogue.theatre_names, attempts.theatre),
                "device_number": device_ids(attempts.device, self._seed),
                "original_price": _money(attempts.listed_cents),
                "discount_value": _money(attempts.discount_cents),
                "final_price": _money(final),
                "time": start + attempts.second,
                "status_id": attempts.status,
                "campaign_id": pa.array(codes[attempts.campaign], mask=attempts.campaign == NO_CAMPAIGN),
                "movie_name": _named(catalogue.film_names, attempts.film),
            }
        )


def device_ids(devices: Integers, seed: int) -> Any:
    """The ids of numbered devices as an Arrow array, null for ``NO_DEVICE``."""
    return pa.array(hexadecimal_ids(devices, seed), mask=devices == NO_DEVICE).cast(pa.string())


def _named(names: list[str], places: Integers) -> Any:
    return pa.array(names).take(pa.array(places))


def _money(cents: Integers) -> Any:
    return pa.array(cents / 100.0).cast(pa.decimal128(9, 2))
