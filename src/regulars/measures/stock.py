"""What a forecast by category says about stock: what to have more of, less of, and what to order in small lots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.result import Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.measures.forecast_tables import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDE = 4.0
"""An upper end so many times the lower one is too wide to stock by."""
_MOST_NAMED = 3


def findings(rows: Sequence[Mapping[str, Any]], measure: str, ahead: str, orders: int, currency: str) -> list[Finding]:
    """The category to stock most for, with the amount that lasts, and those told too badly to stock up for.

    Args:
        rows: One per category, with `group`, `forecast`, `low`, `high` and `change` against as long just before.
        measure: What is foretold.
        ahead: How far, in words.
        orders: How many orders the forecast rests on.
        currency: Of the money.
    """
    told = [row for row in rows if row["low"] is not None and row["low"] == row["low"] and row["forecast"] > 0]
    if len(told) < 2:
        return []
    unit = UNITS[measure]

    sure = [row for row in told if row["low"] > 0 and row["high"] / row["low"] <= _WIDE]
    unsure = sorted((row for row in told if row not in sure), key=lambda row: (-row["forecast"], row["group"]))
    first = max(sure or told, key=lambda row: (row["forecast"], row["group"]))
    most = (
        f"'{first['group']}', {write(first['forecast'], unit, currency)} "
        f"({write_interval(first['low'], first['high'], unit, currency)})"
    )
    if sure:
        sentence = f"Stock for {ahead}, by category: most for {most}{_changes(sure)}."
        sentence += " Who stocks for the upper end runs out in about one case of forty."
    else:
        sentence = f"No category can be told well enough to stock up for {ahead}; the largest is {most}."
    if unsure:
        sentence += (
            f" {_named(unsure)} cannot be told well enough (the upper end is over {_WIDE:g} times the lower): order "
            "late and in small lots."
        )
    return [
        Finding(
            "forecast.stock", sentence, first["forecast"], unit, orders,
            Evidence("groups", f"dimension = category, group = {first['group']}"), "modelled", n_unit="orders",
            interval=(first["low"], first["high"]),
            validated="each category was forecast in the same tests as the whole, and adds up to it",
        )
    ]  # fmt: skip


def _changes(rows: Sequence[Mapping[str, Any]]) -> str:
    """What rises and what falls most against as long just before."""
    told = sorted((row for row in rows if row["change"]), key=lambda row: (row["change"], row["group"]))
    found = [
        f"'{row['group']}' {verb} most ({write(row['change'], 'change_share')})"
        for row, verb in ((told[-1], "rises"), (told[0], "falls"))
        if (row["change"] > 0) == (verb == "rises")
    ] if told else []  # fmt: skip
    return f"; against as long just before {' and '.join(found)}" if found else ""


def _named(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [f"'{row['group']}'" for row in rows[:_MOST_NAMED]]
    if len(rows) > _MOST_NAMED:
        names.append(write_count(len(rows) - _MOST_NAMED, "others") if len(rows) > _MOST_NAMED + 1 else "one other")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
