"""What is wrong in the tables of the world `cinema`, as in the real ones, and how much of it.

The process is spoilt here and nowhere else, so that every kind of dirt can be looked up with its
amount. The other kinds come from the process itself: missing months, failed payments, and attempts
without a campaign.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from regulars.demo.cinema import figures
from regulars.demo.cinema.catalogue import MODELS, PLACEHOLDER_MODEL, WEBSITE_MODEL
from regulars.demo.cinema.process import day_number
from regulars.demo.draws import ChoiceTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Dates = NDArray[np.datetime64]

# The sentinels sit mostly with customers whose gender is not known, as in the public half of the
# customer table. Shares are of the customers of that group; together they give the public totals.
_SENTINELS: Final = (
    ("1970-01-01", 0.30, figures.SENTINEL_1970_SHARE),
    ("1980-01-01", 0.04, figures.SENTINEL_1980_SHARE),
    ("1990-01-01", figures.NEW_YEAR_1990_SHARE, figures.NEW_YEAR_1990_SHARE),
)
IMPOSSIBLE_BIRTH_SHARE: Final = 0.0016
IMPOSSIBLE_BIRTH_YEARS: Final = ((1900, 1912), (2016, 2022))  # older than 105; not yet seven

# Buyers whose row in customer.csv is lost. Our own figure.
LOST_CUSTOMER_SHARE: Final = 0.003

# Attempts without a device id. Our own figures: a break in the recording, and a trickle outside it.
DEVICE_BREAK: Final = (date(2022, 3, 14), date(2022, 5, 8))
DEVICE_BREAK_SHARE: Final = 0.60
DEVICE_TRICKLE_SHARE: Final = 0.002


def spoil_birth_dates(births: Dates, genders: Integers, rng: np.random.Generator) -> Dates:
    """Put sentinels and impossible years into birth dates.

    Args:
        births: Plausible birth dates.
        genders: Gender code of each customer; 0 is not known.
        rng: Random numbers.

    Returns:
        The birth dates as they stand in customer.csv.
    """
    spoilt = births.copy()
    unknown_share = 1.0 - figures.FEMALE_ATTEMPT_SHARE - figures.MALE_ATTEMPT_SHARE
    draw = rng.random(len(births))
    low = np.zeros(len(births))
    for text, share_unknown, share_overall in _SENTINELS:
        share_known = (share_overall - unknown_share * share_unknown) / (1.0 - unknown_share)
        high = low + np.where(genders == 0, share_unknown, share_known)
        spoilt[(draw >= low) & (draw < high)] = np.datetime64(text)
        low = high
    impossible = np.flatnonzero((draw >= low) & (draw < low + IMPOSSIBLE_BIRTH_SHARE))
    ranges = np.array(IMPOSSIBLE_BIRTH_YEARS)[rng.integers(2, size=len(impossible))]
    first = (ranges[:, 0] - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    last = (ranges[:, 1] - 1969).astype("datetime64[Y]").astype("datetime64[D]")
    spoilt[impossible] = first + rng.integers(0, (last - first).astype(np.int64))
    return spoilt


def count_birth_dirt(births: Dates) -> dict[str, int]:
    """How many birth dates of each kind of dirt there are."""
    counts = {text: int((births == np.datetime64(text)).sum()) for text, _, _ in _SENTINELS}
    years = births.astype("datetime64[Y]").astype(np.int64) + 1970
    (_, oldest), (youngest, _) = IMPOSSIBLE_BIRTH_YEARS
    counts["impossible"] = int(((years <= oldest) | (years >= youngest)).sum())
    return {f"birth_dates_{text}": count for text, count in counts.items()}


def lose_customers(buyers: int, lost: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of so many buyers keep their row in customer.csv, when so many lose it."""
    is_registered = np.ones(buyers, dtype=np.bool_)
    is_registered[rng.permutation(buyers)[:lost]] = False
    return is_registered


def lose_devices(days: Integers, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which occasions on these days go without a device id."""
    in_break = (days >= day_number(DEVICE_BREAK[0])) & (days <= day_number(DEVICE_BREAK[1]))
    return rng.random(len(days)) < np.where(in_break, DEVICE_BREAK_SHARE, DEVICE_TRICKLE_SHARE)


def draw_models(is_website: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[Any]:
    """A model for each device: some are empty, some say literally ``devicemodel``.

    Returns:
        Strings, None where the model is empty.
    """
    names: list[str | None] = [*MODELS, PLACEHOLDER_MODEL, None]
    known = 1.0 - figures.PLACEHOLDER_MODEL_SHARE - figures.EMPTY_MODEL_SHARE
    weights = np.array(list(MODELS.values()), dtype=np.float64)
    weights = np.concatenate(
        [known * weights / weights.sum(), [figures.PLACEHOLDER_MODEL_SHARE, figures.EMPTY_MODEL_SHARE]]
    )
    drawn = ChoiceTable.of(weights).draw_many(len(is_website), rng)
    models = np.array(names, dtype=object)[drawn]
    models[is_website] = WEBSITE_MODEL
    return models
