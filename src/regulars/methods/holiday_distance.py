"""How far an order lies from a public holiday, as something to break figures down by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from regulars.measures import dimensions as dims
from regulars.methods import trading

if TYPE_CHECKING:
    from datetime import date

    from regulars.core.dataset import Dataset
    from regulars.measures.dimensions import Dimension

_MOST_PERIODS = 5_000
_HOLIDAY = "holiday"


def holiday_distance(data: Dataset, first: date, last: date) -> Dimension | None:
    """The dimension, from the holidays of the country and those of the calendar; None where none are known.

    Args:
        data: Has the country and the calendar.
        first: First day of the orders.
        last: Last day of the orders.
    """
    days = {
        day
        for day in [*(day for day, _ in trading.holiday_names(data, first, last)), *_own(data)]
        if first <= day <= last
    }
    return dims.near_days("holiday_distance", "distance to a holiday", days) if days else None


def _own(data: Dataset) -> list[date]:
    """Days of the periods that the calendar calls holidays."""
    calendar = data.tables.get("calendar")
    if calendar is None or not {"starts_on", "kind"} <= set(calendar.columns):
        return []
    named = calendar.filter(calendar.kind.lower() == _HOLIDAY)
    end = named.ends_on if "ends_on" in named.columns else named.starts_on
    rows = data.collect(named.select(first=named.starts_on, last=end).distinct(), _MOST_PERIODS).to_pylist()
    return [
        row["first"] + timedelta(days=more)
        for row in rows
        for more in range(((row["last"] or row["first"]) - row["first"]).days + 1)
    ]
