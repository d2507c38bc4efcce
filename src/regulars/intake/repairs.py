"""Values that can be read and cannot be true: stand-in dates and impossible ages are emptied, named and counted.

Each repair is a condition on a value that is already typed. Applied to data that it has mended it finds nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Engine

OLDEST_YEARS = 110
"""Nobody older is believed."""
SENTINEL_SHARE = 0.01
"""A day of birth that more people share than this …"""
SENTINEL_TIMES = 8
"""… and this many times more than the tenth most frequent one …"""
SENTINEL_ROWS = 10
"""… and at least so many, stands for "not known"."""
_RANKS = 10


@dataclass(frozen=True)
class Repair:
    """A repair of one column: what is said of it, where it applies, and the values afterwards."""

    words: str
    applies: ir.BooleanValue
    value: ir.Value


def find(
    name: str,
    value: ir.Value,
    rows: ir.Table,
    as_of: date | None,
    engine: Engine,
    is_short_year: ir.BooleanValue | None = None,
) -> list[Repair]:
    """What in a profile column cannot be true, in the order in which it is mended.

    Args:
        name: The canonical column.
        value: Its typed values.
        rows: The table they belong to.
        as_of: "Now", for ages; without it only stand-ins are found.
        engine: Counts the days of birth.
        is_short_year: Where a year was written with two digits.
    """
    made: list[Repair] = []
    if name == "birth_date":
        for day in _stand_ins(value, rows, engine):
            words = f"birth_date {day:%Y-%m-%d} stands for not known: emptied"
            made.append(_emptied(words, value, value == _day(day)))
            value = made[-1].value
        if as_of is not None and is_short_year is not None:
            is_late = ((value > _day(as_of)) & is_short_year).fill_null(False)
            words = f"birth_date with a year of two digits lies after {as_of:%Y-%m-%d}: taken 100 years earlier"
            made.append(Repair(words, is_late, is_late.ifelse(_a_century_earlier(value), value)))
            value = made[-1].value
        if as_of is not None:
            earliest = date(as_of.year - OLDEST_YEARS, as_of.month, 1)
            words = f"birth_date makes an age under 0 or over {OLDEST_YEARS}: emptied"
            made.append(_emptied(words, value, (value < _day(earliest)) | (value > _day(as_of))))
    elif name == "birth_year" and as_of is not None:
        words = f"birth_year makes an age under 0 or over {OLDEST_YEARS}: emptied"
        made.append(_emptied(words, value, (value < as_of.year - OLDEST_YEARS) | (value > as_of.year)))
    elif name == "age":
        words = f"age under 0 or over {OLDEST_YEARS}: emptied"
        made.append(_emptied(words, value, (value < 0) | (value > OLDEST_YEARS)))
    return made


def _day(day: date) -> ir.DateValue:
    import ibis

    return ibis.literal(day, "date")


def _emptied(words: str, value: ir.Value, condition: ir.BooleanValue) -> Repair:
    import ibis

    applies = condition.fill_null(False)
    return Repair(words, applies, applies.ifelse(ibis.null(value.type()), value))


def _a_century_earlier(value: ir.DateValue) -> ir.DateValue:
    import ibis

    return (value.cast("timestamp") - ibis.interval(years=100)).cast("date")


def _stand_ins(value: ir.DateValue, rows: ir.Table, engine: Engine) -> list[date]:
    """Days of birth that far too many people share; with few different days nothing can be told."""
    days = rows.select(day=value).filter(lambda t: t.day.notnull())
    counts = days.group_by("day").aggregate(rows=days.count())
    top = engine.collect(
        counts.mutate(total=counts.rows.sum().over()).order_by(counts.rows.desc(), counts.day).limit(_RANKS), _RANKS
    ).to_pylist()
    if len(top) < _RANKS:
        return []
    ordinary = top[-1]["rows"]
    return [
        row["day"]
        for row in top
        if row["rows"] > row["total"] * SENTINEL_SHARE
        and row["rows"] > SENTINEL_TIMES * ordinary
        and row["rows"] >= SENTINEL_ROWS
    ]
