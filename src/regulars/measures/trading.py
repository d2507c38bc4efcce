"""Which days a company could have sold on, so that a closed day is no fall and a missing month is no trough.

A day without a sale is one of three things: closed (a weekday on which nothing is ever sold, a holiday, a day too busy
otherwise for chance to leave it empty), left out (a month without any sale, a period the settings or the calendar
exclude, a long gap), or simply a day on which nobody came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from math import log
from typing import TYPE_CHECKING, Any

from regulars.measures.dimensions import WEEKDAYS
from regulars.measures.money import DECIMALS
from regulars.measures.periods import Coverage, coverage, end_of, label, start_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

OPEN, CLOSED, LEFT_OUT, PARTIAL = 0, 1, 2, 3
"""What a day is: open (also where nobody bought), closed, not to be counted, or not over when the data end."""
LEAST_OPEN_SHARE = 0.05
"""A weekday with a sale on a smaller share of its days is one on which the company is closed."""
_CHANCE_OF_EMPTY = 1e-4
_LONG_GAP_DAYS = 7
_MOST_NAMED = 6
_WEEKS_NEARBY = 4


@dataclass(frozen=True)
class Trading:
    """Sales per day, and what each day is.

    Args:
        first: The first day.
        values: By measure (`orders`, `customers`, `revenue` where it is known): one number per day, 0 without a sale.
        state: What each day is: `OPEN`, `CLOSED`, `LEFT_OUT` or `PARTIAL`.
        cover: Which periods the data cover whole.
        closed_weekdays: Weekdays on which nothing is sold, 0 for Monday.
        notes: What was found, in sentences.
        queries: Where the numbers are from.
    """

    first: date
    values: Mapping[str, NDArray[np.float64]]
    state: NDArray[np.int64]
    cover: Coverage
    closed_weekdays: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    queries: tuple[ir.Table, ...] = field(default=())

    @property
    def days(self) -> list[date]:
        """Every day from the first to the last."""
        return [self.first + timedelta(days=place) for place in range(len(self.state))]

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """Whether a day counts."""
        import numpy as np

        return np.equal(self.state, OPEN)

    def place(self, day: date) -> int:
        """Where a day stands."""
        return (day - self.first).days


def by_day(customer_days: ir.Table) -> ir.Table:
    """One row per day with a sale: orders, customers, and revenue where orders have any."""
    sums: dict[str, ir.Value] = {
        "orders": customer_days.order_count.sum().cast("float64"),
        "customers": customer_days.count().cast("float64"),
    }
    if "revenue" in customer_days.columns:
        sums["revenue"] = customer_days.revenue.sum().cast("float64").round(DECIMALS)
    return customer_days.group_by("day").aggregate(**sums)


def by_hour(orders: ir.Table) -> ir.Table:
    """One row per day and hour with a sale: orders."""
    sales = orders.filter(orders.is_sale)
    return sales.group_by(day=sales.ordered_at.date(), hour=sales.ordered_at.hour().cast("int64")).aggregate(
        orders=sales.count().cast("int64")
    )


def last_hours(orders: ir.Table) -> ir.Table:
    """One row per day: the hour of its last sale."""
    sales = orders.filter(orders.is_sale)
    return sales.group_by(day=sales.ordered_at.date()).aggregate(hour=sales.ordered_at.hour().max().cast("int64"))


def trading(
    sums: Mapping[str, Sequence[Any]],
    known_to: date | None,
    excluded: Sequence[tuple[date, date]] = (),
    holidays: Collection[date] = (),
    hours: Mapping[date, int] | None = None,
    queries: Sequence[ir.Table] = (),
) -> Trading:
    """What each day is, by rule.

    Args:
        sums: `day`, and the measures of each day with a sale; at least one.
        known_to: The day to which the data are known; None: the last sale.
        excluded: Periods to leave out, as (first day, last day).
        holidays: Public holidays: one without a sale is closed.
        hours: The hour of the last sale of each day: the data end within a day that ends hours before the usual.
        queries: Where the numbers are from.
    """
    import numpy as np

    sold: list[date] = list(sums["day"])
    cover = coverage(sold, known_to, excluded)
    size = (max(cover.known_to, cover.last) - cover.first).days + 1
    places = np.array([(day - cover.first).days for day in sold])
    values = {}
    for name in sums:
        if name != "day":
            column = np.zeros(size)
            column[places] = [value or 0.0 for value in sums[name]]
            values[name] = column
    has_sale = np.zeros(size, dtype=bool)
    has_sale[places] = True
    days = [cover.first + timedelta(days=place) for place in range(size)]
    weekday = np.array([day.weekday() for day in days])
    state = np.zeros(size, dtype=np.int64)
    notes = _leave_out(state, cover, excluded)
    closed_weekdays = _closed_weekdays(state, has_sale, weekday)
    is_holiday = np.array([day in holidays for day in days])
    empty = (state == OPEN) & ~has_sale
    state[empty & (np.isin(weekday, closed_weekdays) | is_holiday)] = CLOSED
    notes += _weekday_notes(closed_weekdays)
    notes += _busy_but_empty(state, has_sale, values["orders"], days)
    notes += _unfinished(state, cover, hours or {})
    return Trading(cover.first, values, state, cover, tuple(closed_weekdays), tuple(notes), tuple(queries))


def _leave_out(state: NDArray[Any], cover: Coverage, excluded: Sequence[tuple[date, date]]) -> list[str]:
    """Months without any sale, and periods that are excluded."""
    notes = []
    for first, last in excluded:
        _set(state, cover, first, last)
        if first <= cover.known_to and last >= cover.first:
            notes.append(f"{first:%Y-%m-%d} to {last:%Y-%m-%d} is left out, as the settings or the calendar say.")
    missing = cover.without_sales("month")
    for number in missing:
        _set(state, cover, start_of(number, "month"), end_of(number, "month"))
    told = [label(n, "month") for n in missing if "exclude" not in cover.why_not_whole(n, "month")]
    if told:
        notes.append(f"No sale at all in {', '.join(told)}: taken as missing, not as zero.")
    return notes


def _set(state: NDArray[Any], cover: Coverage, first: date, last: date) -> None:
    begin = max((first - cover.first).days, 0)
    state[begin : max((last - cover.first).days + 1, begin)] = LEFT_OUT


def _closed_weekdays(state: NDArray[Any], has_sale: NDArray[Any], weekday: NDArray[Any]) -> list[int]:
    """Weekdays hardly ever sold on, where the others mostly are and there are weeks enough to tell."""
    counted = state == OPEN
    share = [has_sale[counted & (weekday == one)].mean() if (counted & (weekday == one)).sum() >= 8 else 1.0
             for one in range(7)]  # fmt: skip
    if sorted(share)[3] < 0.5:  # half the weekdays are mostly empty: a small shop, not a closed one
        return []
    return [one for one in range(7) if share[one] < LEAST_OPEN_SHARE]


def _weekday_notes(closed: Sequence[int]) -> list[str]:
    if not closed:
        return []
    names = " and ".join(f"{WEEKDAYS[one]}s" for one in closed)
    return [f"Nothing is sold on {names}: closed, and zero by rule in what is foretold."]


def _busy_but_empty(
    state: NDArray[Any], has_sale: NDArray[Any], orders: NDArray[Any], days: Sequence[date]
) -> list[str]:
    """Empty days on which chance would not have left nobody: closed, and in a long run left out."""
    import numpy as np

    limit = -log(_CHANCE_OF_EMPTY)
    empty = (state == OPEN) & ~has_sale
    for at in np.flatnonzero(empty).tolist():
        empty[at] = _usual_nearby(orders, state, at) >= limit
    idle = ~has_sale & ((state == CLOSED) | empty)
    closed = []
    place = 0
    while place < len(state):
        end = place
        while end < len(state) and idle[end]:
            end += 1
        run = np.arange(place, end)
        if empty[run].any() if len(run) else False:
            state[run[empty[run]]] = LEFT_OUT if len(run) >= _LONG_GAP_DAYS else CLOSED
            closed += [f"{days[one]:%Y-%m-%d}" for one in run.tolist() if empty[one]]
        place = max(end, place + 1)
    if not closed:
        return []
    more = f" and {len(closed) - _MOST_NAMED} more" if len(closed) > _MOST_NAMED else ""
    return [f"No sale on usually busy days ({', '.join(closed[:_MOST_NAMED])}{more}): taken as closed, not as a fall."]


def _usual_nearby(orders: NDArray[Any], state: NDArray[Any], place: int) -> float:
    """The median of the same weekday in the weeks before and in those after, whichever is less."""
    import numpy as np

    sides = []
    for step in (-7, 7):
        near = [place + step * week for week in range(1, _WEEKS_NEARBY + 1)]
        counted = [orders[one] for one in near if 0 <= one < len(state) and state[one] == OPEN]
        sides.append(float(np.median(counted)) if len(counted) >= _WEEKS_NEARBY // 2 else 0.0)
    return min(sides)


def _unfinished(state: NDArray[Any], cover: Coverage, hours: Mapping[date, int]) -> list[str]:
    """The last day, where its last sale comes hours before that of nearly every other day."""
    import numpy as np

    last = len(state) - 1
    if len(hours) < 20 or cover.known_to > cover.last or state[last] != OPEN:
        return []
    usual = float(np.quantile([hour for day, hour in hours.items() if day != cover.last], 0.05))
    if hours.get(cover.last, 24) >= usual:
        return []
    state[last] = PARTIAL
    return [f"The data end within {cover.last:%Y-%m-%d}: that day is not counted."]
