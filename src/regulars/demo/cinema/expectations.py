"""What the process of the world `cinema` expects: the chance of a return, worked out exactly.

The expected figures take the first successes as they were drawn. From there on the process has no
memory, so the realised figures differ from the expected ones by chance alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regulars.demo.cinema import figures
from regulars.demo.cinema.process import RETURN_WINDOW_DAYS, Process, month_of_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def return_probability_in_window(process: Process) -> Floats:
    """Probability of a success in the days after day t, segment × kind × t.

    The window is ``RETURN_WINDOW_DAYS`` long and starts on the day after t.
    """
    intensity = process.return_intensity * process.success_shares
    intensity = np.pad(intensity, ((0, 0), (0, RETURN_WINDOW_DAYS)))
    stay = process.stay_probability[:, None, None]
    rates = process.daily_rates[:, :, None]
    gone = np.zeros((*process.daily_rates.shape, figures.DAY_COUNT))  # without having come back
    waiting = np.ones_like(gone)
    for after in range(1, RETURN_WINDOW_DAYS + 1):
        gone += waiting * (1.0 - stay)
        waiting = waiting * stay * np.exp(-rates * intensity[:, None, after : after + figures.DAY_COUNT])
    return 1.0 - gone - waiting


def return_probability_in_month(process: Process) -> Floats:
    """Probability of a success in a month for a buyer active on its first day, segment × kind × month."""
    intensity = process.return_intensity * process.success_shares
    stay = process.stay_probability[:, None]
    month = month_of_day()
    result = np.zeros((*process.daily_rates.shape, figures.MONTH_COUNT))
    for number in range(figures.MONTH_COUNT):
        gone = np.zeros(process.daily_rates.shape)
        waiting = np.ones(process.daily_rates.shape)
        for place, day in enumerate(np.flatnonzero(month == number)):
            if place > 0:
                gone += waiting * (1.0 - stay)
                waiting = waiting * stay
            waiting = waiting * np.exp(-process.daily_rates * intensity[:, day, None])
        result[:, :, number] = 1.0 - gone - waiting
    return result


def expected_retention(process: Process, first_successes: Integers) -> tuple[Floats, Floats]:
    """Expected buyers with a success in each later month, and the variance of that number.

    Args:
        process: The process.
        first_successes: Buyers by segment, kind that won them, and day of the first success.

    Returns:
        Two arrays, month of the first success × month of the return; zero up to the first.
    """
    month = month_of_day()
    first_day_of_month = np.searchsorted(month, np.arange(figures.MONTH_COUNT))
    in_month = return_probability_in_month(process)
    days = np.arange(figures.DAY_COUNT)
    expected = np.zeros((figures.MONTH_COUNT, figures.MONTH_COUNT))
    variance = np.zeros_like(expected)
    for later in range(1, figures.MONTH_COUNT):
        before = days[: first_day_of_month[later]]
        active = process.stay_probability[:, None] ** (first_day_of_month[later] - before)[None, :]
        probability = active[:, None, :] * in_month[:, :, later, None]
        weights = first_successes[:, :, before]
        mean = (weights * probability).sum(axis=(0, 1))
        spread = (weights * probability * (1.0 - probability)).sum(axis=(0, 1))
        expected[:, later] = np.bincount(month[before], weights=mean, minlength=figures.MONTH_COUNT)
        variance[:, later] = np.bincount(month[before], weights=spread, minlength=figures.MONTH_COUNT)
    return expected, variance
