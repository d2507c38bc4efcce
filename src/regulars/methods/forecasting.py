"""From the days of a company to the times a forecast is made of: by day, week or month, past and ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import missing_extras
from regulars.errors import DataError, FitError
from regulars.measures import periods
from regulars.measures.trading import CLOSED, OPEN
from regulars.methods import effects
from regulars.methods import trading as days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.measures.occasions import Window
    from regulars.measures.trading import Trading
    from regulars.models.forecast import Times

    Floats = NDArray[np.float64]

GRAINS = ("day", "week", "month")
PERIODS = {"day": 7, "week": 52, "month": 12}
YEARS = {"day": 365.25, "week": 0.0, "month": 0.0}
LEAST = {"day": 56, "week": 26, "month": 24}
"""Places that must stay before a cut."""
_BUSY_ORDERS = 2.0
_DAYS_OF_WEEK = 7


@dataclass(frozen=True)
class Line:
    """The places of one grain.

    Args:
        grain: `day`, `week` or `month`.
        starts: First day of each place, past and ahead.
        past: How many of them are past.
        times: What is known of them.
        horizon: How many are ahead.
        place_of_day: For each day of the trading days its place, or −1.
    """

    grain: str
    starts: tuple[date, ...]
    past: int
    times: Times
    horizon: int
    place_of_day: NDArray[np.int64]

    def fold(self, by_day: Floats) -> Floats:
        """Values by day (series × day, or one series) added up by place."""
        import numpy as np

        rows = np.atleast_2d(by_day)
        inside = self.place_of_day >= 0
        sums = [np.bincount(self.place_of_day[inside], weights=row[inside], minlength=self.past) for row in rows]
        folded = np.stack(sums).astype(float)
        return folded if by_day.ndim > 1 else np.asarray(folded[0])

    @property
    def ahead(self) -> tuple[date, ...]:
        """First day of each place ahead."""
        return self.starts[self.past :]


def has_extra() -> bool:
    """Whether the methods of statsforecast are there."""
    return not missing_extras(["forecast"])


def grain_of(days: Trading) -> str:
    """The finest grain on which most open places have sales enough to tell one from another."""
    import numpy as np

    orders = days.values["orders"][days.is_open]
    if len(orders) and float(np.median(orders)) >= _BUSY_ORDERS and len(days.state) >= LEAST["day"] + 28:
        return "day"
    return "week" if len(days.state) >= _DAYS_OF_WEEK * 60 and float(orders.sum()) >= 60 else "month"


def cuts_of(line: Line, origins: int) -> tuple[int, ...]:
    """Where the tests cut the past."""
    from regulars.models.forecast import cuts_of as cuts

    return cuts(line.past, line.horizon, origins, max(LEAST[line.grain], line.horizon))


def is_within(line: Line, by_day: Floats, origins: int, factor: float) -> bool:
    """Whether the sum of all places ahead is told within a factor by the methods of the base install.

    Args:
        line: The places.
        by_day: What is foretold, by day.
        origins: Tests.
        factor: How far the 95 % interval of the sum may reach above it.
    """
    import numpy as np

    from regulars.models import forecast as model
    from regulars.models.prediction_intervals import block_sums, sum_interval

    try:
        judged = model.compete(
            np.maximum(line.fold(by_day), 0.0), line.times, cuts_of(line, origins), line.horizon, False
        )
    except FitError:
        return False
    told, came = block_sums(judged.predicted, judged.actual, line.horizon)
    _, high = sum_interval(told, came, 1.0, 0.95)
    return bool(high <= factor)


def line_of(data: Dataset, days: Trading, windows: Sequence[Window], grain: str, horizon: int) -> Line:
    """The places of a grain with everything that is known of them.

    Args:
        data: Gives holidays and the calendar.
        days: The trading days.
        windows: Named periods, past and ahead.
        grain: `day`, `week` or `month`.
        horizon: Places ahead; 0 chooses.

    Raises:
        DataError: The history is too short for the grain.
    """
    return _by_day(data, days, windows, horizon) if grain == "day" else _by_period(days, grain, horizon)


def _horizon(size: int, grain: str, wanted: int) -> int:
    """Places ahead: as wanted, else a quarter (by day, week) or a year (by month), at most an eighth of the past."""
    if wanted:
        return wanted
    usual, step = {"day": (91, 7), "week": (13, 1), "month": (12, 1)}[grain]
    return max(min(usual, size // 8) // step, 1) * step


def _by_day(data: Dataset, days: Trading, windows: Sequence[Window], wanted: int) -> Line:
    import numpy as np

    from regulars.models.forecast import Times

    size = len(days.state)
    while size and days.state[size - 1] not in (OPEN, CLOSED):
        size -= 1  # a day that is not over, or a gap at the end, is ahead
    if size < LEAST["day"] + _DAYS_OF_WEEK:
        raise DataError(f"{size} days are too few for a forecast", table="orders", mend="take at least ten weeks")
    horizon = _horizon(size, "day", wanted)
    starts = [days.first + timedelta(days=place) for place in range(size + horizon)]
    named = {day for day, _ in days_of.holiday_names(data, starts[0], starts[-1])}
    closed = days_of.closed_days(data)
    reaching = replace(days, state=np.full(size + horizon, OPEN))
    events = {name: effects.places(found, reaching) for name, found in effects.by_name(windows).items()}
    times = Times(
        phase=np.array([day.weekday() for day in starts]),
        period=PERIODS["day"],
        year=YEARS["day"],
        is_open=days.state[:size] == OPEN,
        is_closed=days.state[:size] == CLOSED,
        closed_phases=days.closed_weekdays,
        is_holiday=np.array([day in named for day in starts]),
        known_closed=np.array([day in closed for day in starts]),
        months=np.array([day.year * 12 + day.month for day in starts]),
        events={name: places for name, places in events.items() if len(places)},
    )
    place = np.where(np.arange(len(days.state)) < size, np.arange(len(days.state)), -1)
    return Line("day", tuple(starts), size, times, horizon, place)


def _by_period(days: Trading, grain: Any, wanted: int) -> Line:
    import numpy as np

    from regulars.models.forecast import Times

    numbers = list(days.cover.numbers(grain))
    while numbers and not _is_whole(days, numbers[0], grain):
        numbers.pop(0)
    while numbers and not _is_whole(days, numbers[-1], grain):
        numbers.pop()
    if len(numbers) < 12:
        raise DataError(
            f"{len(numbers)} whole {grain}s are too few for a forecast", table="orders", mend="take a longer history"
        )
    horizon = _horizon(len(numbers), grain, wanted)
    everything = np.arange(numbers[0], numbers[-1] + 1 + horizon)
    starts = tuple(periods.start_of(int(number), grain) for number in everything)
    first = np.array([periods.number_of(day, grain) - numbers[0] for day in days.days])
    place = np.where((first >= 0) & (first < len(numbers)), first, -1)
    is_open = np.array([_is_whole(days, number, grain) for number in numbers])
    season = PERIODS[grain] if len(numbers) >= 2 * PERIODS[grain] else 1
    phase = everything % PERIODS["month"] if grain == "month" else everything
    never = np.zeros(len(numbers), dtype=bool)
    times = Times(phase=phase % season, period=season, year=YEARS[grain], is_open=is_open, is_closed=never)
    return Line(grain, starts, len(numbers), times, horizon, place)


def _is_whole(days: Trading, number: int, grain: Any) -> bool:
    """Whether the data cover a place, and no day of it is left out."""
    first = max(days.place(periods.start_of(number, grain)), 0)
    last = days.place(periods.end_of(number, grain)) + 1
    state = days.state[first:last]
    return days.cover.is_whole(number, grain) and bool(len(state)) and bool(((state == OPEN) | (state == CLOSED)).all())
