"""The small tables of the world `cinema`: films, theatres, campaigns, statuses, device models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.cinema import figures
from regulars.demo.cinema.draws import CATALOGUE
from regulars.demo.cinema.process import RELEASE_DAYS, Process, month_number, month_of_day
from regulars.demo.draws import ChoiceTable, random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_ADJECTIVES: Final = (
    "Amber", "Borrowed", "Careful", "Distant", "Eleventh", "Folded", "Gentle", "Hollow", "Idle", "Jagged",
    "Kindred", "Lantern", "Midnight", "Narrow", "Orchid", "Paper", "Quiet", "Restless", "Saffron", "Tidal",
    "Unwritten", "Velvet", "Winter",
)  # fmt: skip
_NOUNS: Final = (
    "Bridge", "Caravan", "Doorway", "Ferry", "Garden", "Harbour", "Orchard", "Rehearsal", "Signal",
    "Staircase", "Weather",
)  # fmt: skip
_TREES: Final = ("Banyan", "Cypress", "Jackfruit", "Mangrove", "Rosewood", "Tamarind", "Teak", "Willow")
_GENRES: Final = ("action", "animation", "comedy", "drama", "family", "horror", "romance")

BLOCKBUSTERS: Final = 20
BLOCKBUSTER_SPACING_DAYS: Final = 35  # keeps the weeks of two blockbusters apart
BLOCKBUSTER_MONTH_ATTEMPTS: Final = 500  # none is released into a closed-down month
FILM_HALF_LIFE_DAYS: Final = 12.0
BLOCKBUSTER_PULL: Final = 3.0  # a blockbuster's weight among the films while it is new

CAMPAIGN_COUNTS: Final = (0, 94, 110, 7)  # per kind of figures.WON_BY; adds up to figures.CAMPAIGNS

STATUSES: Final = (
    (1, "SUCCESS", "The payment went through and the ticket was issued.", None),
    (-1, "INVALID_TIME", "The time allowed for paying ran out.", "customer"),
    (-2, "LOW_BALANCE", "The account held less than the price.", "customer"),
    (-3, "INVALID_BANK", "The bank could not be reached or refused to answer.", "external"),
    (-4, "WRONG_PIN_EXCEEDED", "The PIN was mistyped too often and is locked.", "customer"),
    (-5, "FAILED_CHARGE", "The charge was turned down by the payment partner.", "external"),
    (-6, "KYC_REQUIRED_USER", "The account holder has not yet proved who they are.", "internal"),
    (-7, "TRANSACTION_LIMITED", "The account is over its limit for the moment.", "internal"),
)

PLACEHOLDER_MODEL: Final = "devicemodel"
WEBSITE_MODEL: Final = "h5"
# How often each model turns up among the mobile devices.
MODELS: Final = {
    "iphone 11,6": 43, "iphone 9,4": 35, "iphone 9,2": 27, "iphone 10,6": 27, "iphone 8,1": 27,
    "iphone 8,2": 25, "iphone 10,3": 20, "iphone 7,2": 19, "iphone 10,5": 17, "iphone 12,5": 16,
    "iphone 10,2": 13, "iphone 9,3": 13, "iphone 12,1": 12, "iphone 7,1": 12, "iphone 11,2": 9,
    "iphone 9,1": 9, "iphone 11,8": 7, "iphone 13,4": 7, "Samsung SM-N960F": 14, "Samsung SM-N950F": 14,
    "Samsung SM-G610F": 11, "Samsung SM-G975F": 9, "Samsung SM-N975F": 9, "Samsung SM-G955F": 8,
    "Samsung SM-G965F": 8, "Samsung SM-J730G": 8, "Samsung SM-A505F": 7, "Samsung SM-A750GN": 7,
    "Xiaomi Redmi Note 5": 9, "Xiaomi Redmi Note 7": 8, "Xiaomi MI 8": 6, "HUAWEI INE-LX2": 8,
    "OPPO CPH1825": 8, "OPPO A1601": 7, "OPPO CPH1819": 6,
}  # fmt: skip


@dataclass(frozen=True)
class Catalogue:
    """What is on sale, where and under which campaigns.

    Attributes:
        film_names: Name of each film.
        film_genres: Genre of each film.
        release_days: Day number of each release; a few lie before the first day.
        blockbusters: Whether each film is a blockbuster.
        film_weights: How often each film is chosen, its age and rank apart.
        theatre_names: Name of each theatre.
        theatre_weights: How often each theatre is chosen.
        campaign_codes: Code of each campaign.
        campaign_kinds: Kind of each campaign, as a place in ``figures.WON_BY``.
    """

    film_names: list[str]
    film_genres: list[str]
    release_days: Integers
    blockbusters: NDArray[np.bool_]
    film_weights: Floats
    theatre_names: list[str]
    theatre_weights: Floats
    campaign_codes: Integers
    campaign_kinds: Integers

    @property
    def blockbuster_days(self) -> Integers:
        """Release days of the blockbusters, in order."""
        return np.sort(self.release_days[self.blockbusters])


def build_catalogue(seed: int) -> Catalogue:
    """Draw the small tables; their size is the same at any number of rows."""
    rng = random_stream(seed, CATALOGUE)
    titles = [f"The {adjective} {noun}" for adjective in _ADJECTIVES for noun in _NOUNS]
    names = [titles[place] for place in rng.permutation(len(titles))[: figures.FILMS]]
    release_days = _draw_release_days(rng)
    campaign_kinds = np.repeat(np.arange(len(CAMPAIGN_COUNTS)), CAMPAIGN_COUNTS)
    codes = 12_080 + 10 * rng.choice(5_857, size=figures.CAMPAIGNS, replace=False)
    theatres = [f"{_TREES[number % 8]} Cinema {number // 8 + 1:02d}" for number in range(figures.THEATRES)]
    return Catalogue(
        film_names=names,
        film_genres=[_GENRES[place] for place in rng.integers(len(_GENRES), size=figures.FILMS)],
        release_days=release_days,
        blockbusters=_pick_blockbusters(release_days, rng),
        film_weights=rng.lognormal(0.0, 0.4, size=figures.FILMS),
        theatre_names=theatres,
        theatre_weights=rng.permutation(1.0 / np.arange(3, figures.THEATRES + 3) ** 0.7),
        campaign_codes=codes,
        campaign_kinds=campaign_kinds,
    )


def _monthly_attempts() -> Floats:
    attempts = np.zeros(figures.MONTH_COUNT)
    for month in figures.MONTHS:
        attempts[month_number(month.year_month)] = month.attempts
    return attempts


def _fridays() -> Integers:
    first = (4 - figures.FIRST_DAY.weekday()) % 7
    return np.arange(first, figures.DAY_COUNT, 7)


def _draw_release_days(rng: np.random.Generator) -> Integers:
    """Fridays, more of them in busy months; eight films are already on when the data begin."""
    fridays = _fridays()
    weights = np.sqrt(_monthly_attempts())[month_of_day()[fridays]]
    drawn = rng.choice(fridays, size=figures.FILMS - 8, p=weights / weights.sum())
    earlier = fridays[0] - 7 * np.arange(1, 9)
    return np.sort(np.concatenate([earlier, drawn]))


def _pick_blockbusters(release_days: Integers, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Up to ``BLOCKBUSTERS`` films, their releases ``BLOCKBUSTER_SPACING_DAYS`` apart, in busy months."""
    picked: list[int] = []
    attempts = _monthly_attempts()[month_of_day()]
    for film in rng.permutation(len(release_days)):
        day = release_days[film]
        busy = day >= 0 and attempts[day] >= BLOCKBUSTER_MONTH_ATTEMPTS
        apart = all(abs(day - release_days[other]) >= BLOCKBUSTER_SPACING_DAYS for other in picked)
        if busy and apart and len(picked) < BLOCKBUSTERS:
            picked.append(int(film))
    chosen = np.zeros(len(release_days), dtype=np.bool_)
    chosen[picked] = True
    return chosen


def film_choice(catalogue: Catalogue) -> ChoiceTable:
    """Which film is seen, per day: newer films more often, new blockbusters most."""
    age = np.arange(figures.DAY_COUNT)[:, None] - catalogue.release_days[None, :]
    weights = np.where(age >= 0, catalogue.film_weights * 0.5 ** (age / FILM_HALF_LIFE_DAYS), 0.0)
    is_new = catalogue.blockbusters & (age < RELEASE_DAYS)
    weights = np.where(is_new, weights * BLOCKBUSTER_PULL, weights)
    return ChoiceTable.of(weights)


def campaign_choice(catalogue: Catalogue, process: Process) -> list[ChoiceTable | None]:
    """Which campaign is used, per kind and day: each runs for a while and makes way for the next.

    Returns:
        One table per kind of ``figures.WON_BY``, over that kind's campaigns; None for "none".
    """
    progress = np.cumsum(process.arrival_shares)
    tables: list[ChoiceTable | None] = []
    for count in CAMPAIGN_COUNTS:
        if count == 0:
            tables.append(None)
            continue
        distance = progress[:, None] * count - (np.arange(count) + 0.5)[None, :]
        tables.append(ChoiceTable.of(np.exp(-(distance**2))))
    return tables


def small_tables(catalogue: Catalogue) -> dict[str, Any]:
    """The small tables as Arrow tables, by file name."""
    first_day = np.datetime64(figures.FIRST_DAY, "D")
    by_code = np.argsort(catalogue.campaign_codes)
    return {
        "campaign.csv": pa.table(
            {
                "campaign_code": catalogue.campaign_codes[by_code],
                "campaign_type": [figures.WON_BY[kind] for kind in catalogue.campaign_kinds[by_code]],
            }
        ),
        "status_detail.csv": pa.table(
            {
                "status_id": [status[0] for status in STATUSES],
                "status_name": [status[1] for status in STATUSES],
                "description": [status[2] for status in STATUSES],
                "error_group": [status[3] for status in STATUSES],
            }
        ),
        "film.csv": pa.table(
            {
                "film_name": catalogue.film_names,
                "genre": catalogue.film_genres,
                "released_on": first_day + catalogue.release_days,
                "blockbuster": catalogue.blockbusters,
            }
        ),
    }
