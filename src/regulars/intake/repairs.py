"""Values that can be read and cannot be true: stand-in dates and impossible ages are emptied, named and counted.

Each repair is a condition on a value that is already typed. Applied to data that it has mended it finds nothing more.
"""

from __future__ import annotations

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
"""… and this many times more than the tenth most frequent one, stands for "not known"."""


def find(
    name: str, value: ir.Value, rows: ir.Table, as_of: date | None, engine: Engine
) -> list[tuple[str, ir.BooleanValue]]:
    """What in a profile column cannot be true, as (words, condition).

    Args:
        name: The canonical column.
        value: Its typed values.
        rows: The table they belong to.
        as_of: "Now", for ages; without it only stand-ins are found.
        engine: Counts the days of birth.
    """
    if name == "birth_date":
        return [*_sentinels(value, rows, engine), *_impossible_births(value, as_of)]
    if name == "birth_year" and as_of is not None:
        too_old = (value < as_of.year - OLDEST_YEARS) | (value > as_of.year)
        return [(f"birth_year makes an age under 0 or over {OLDEST_YEARS}: emptied", too_old.fill_null(False))]
    if name == "age":
        return [
            (f"age under 0 or over {OLDEST_YEARS}: emptied", ((value < 0) | (value > OLDEST_YEARS)).fill_null(False))
        ]
    return []


def _sentinels(value: ir.DateValue, rows: ir.Table, engine: Engine) -> list[tuple[str, ir.BooleanValue]]:
    """Days of birth that far too many people share."""
    counts = (
        rows.select(day=value).filter(lambda t: t.day.notnull()).group_by("day").aggregate(rows=lambda t: t.count())
    )
    top = engine.collect(counts.order_by(counts.rows.desc(), counts.day).limit(10), 10).to_pylist()
    total = engine.collect(counts.aggregate(rows=counts.rows.sum()), 1)["rows"][0].as_py() or 0
    ordinary = top[-1]["rows"] if len(top) == 10 else 1
    found = [
        row["day"]
        for row in top
        if row["rows"] > total * SENTINEL_SHARE and row["rows"] > SENTINEL_TIMES * ordinary and row["rows"] >= 10
    ]
    return [
        (f"birth_date {day:%Y-%m-%d} stands for not known: emptied", (value == day).fill_null(False)) for day in found
    ]


def _impossible_births(value: ir.DateValue, as_of: date | None) -> list[tuple[str, ir.BooleanValue]]:
    import ibis

    if as_of is None:
        return []
    earliest = date(as_of.year - OLDEST_YEARS, as_of.month, 1)
    outside = (value < ibis.literal(earliest, "date")) | (value > ibis.literal(as_of, "date"))
    return [(f"birth_date makes an age under 0 or over {OLDEST_YEARS}: emptied", outside.fill_null(False))]
