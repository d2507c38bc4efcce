"""Queries and tables of a forecast: what is ahead, by step, sum and group, and how the methods did in the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures.money import DECIMALS
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.core.units import Unit

    Source = tuple[ir.Expr, ...]

UNITS: Mapping[str, Unit] = {"orders": "orders", "revenue": "money", "items": "items"}


def by_day_and_group(rows: ir.Table, value: str) -> ir.Table:
    """One row per day and group: `value` added up, or the rows counted where it is empty.

    Args:
        rows: With `group`, `ordered_at` and the column `value`.
        value: What is added up.
    """
    total = rows[value].sum().cast("float64").round(DECIMALS) if value else rows.count().cast("float64")
    return rows.group_by("group", day=rows.ordered_at.date()).aggregate(value=total)


def largest(rows: ir.Table, value: str, most: int) -> ir.Table:
    """The groups with the largest sum, by size and then name."""
    import ibis

    total = rows[value].sum().cast("float64").round(DECIMALS) if value else rows.count().cast("float64")
    return rows.group_by("group").aggregate(value=total).order_by(ibis.desc("value"), "group").limit(most)


def steps(rows: Sequence[Mapping[str, Any]], grain: str, source: Source) -> Table:
    """One row per measure and step ahead, with its intervals."""
    columns = Columns()
    columns.add("measure", [row["measure"] for row in rows], "text")
    columns.add("starts_on", [row["starts_on"] for row in rows], "date", f"First day of the {grain}.")
    columns.add("forecast", [row["forecast"] for row in rows], "", "What is to be expected.")
    for level in (80, 95):
        for end, words in (("low", "Lower"), ("high", "Upper")):
            name = f"{end}_{level}"
            columns.add(name, [row[name] for row in rows], "", f"{words} end of the {level} % interval.")
    columns.add("is_closed", [row["is_closed"] for row in rows], "", "Closed: zero by rule.")
    return columns.table("steps", f"{grain.capitalize()} by {grain}", source=source, dimensions=("measure",))


def outlook(
    starts: Sequence[date],
    values: Sequence[float | None],
    ahead: Sequence[Mapping[str, Any]],
    measure: str,
    source: Source,
) -> Table:
    """The last steps of the past and those ahead, for the eye."""
    columns = Columns()
    columns.add("starts_on", [*starts, *(row["starts_on"] for row in ahead)], "date")
    columns.add("part", ["as it was"] * len(starts) + ["forecast"] * len(ahead), "text")
    columns.add(measure, [*values, *(row["forecast"] for row in ahead)], UNITS[measure])
    nothing = [None] * len(starts)
    columns.add("low_95", [*nothing, *(row["low_95"] for row in ahead)], UNITS[measure], "Lower end, 95 %.")
    columns.add("high_95", [*nothing, *(row["high_95"] for row in ahead)], UNITS[measure], "Upper end, 95 %.")
    return columns.table("outlook", "As it was, and what is ahead", source=source, is_shown=False)


def sums(rows: Sequence[Mapping[str, Any]], source: Source) -> Table:
    """One row per measure and week, month or whole horizon: the sum ahead."""
    columns = Columns()
    columns.add("measure", [row["measure"] for row in rows], "text")
    columns.add("period", [row["period"] for row in rows], "text")
    columns.add("starts_on", [row["starts_on"] for row in rows], "date")
    columns.add("ends_on", [row["ends_on"] for row in rows], "date")
    columns.add("forecast", [row["forecast"] for row in rows], "", "The sum of its steps.")
    columns.add("low_95", [row["low"] for row in rows], "", "Lower end of the 95 % interval.")
    columns.add("high_95", [row["high"] for row in rows], "", "Upper end of the 95 % interval.")
    return columns.table(
        "sums", "Added up", source=source, dimensions=("measure", "period"),
        note="Intervals of sums are made of the errors of sums over as many steps in the tests.",
    )  # fmt: skip


def tests(rows: Sequence[Mapping[str, Any]], words: str, source: Source) -> Table:
    """One row per measure and method: how it did on later periods it had not seen."""
    columns = Columns()
    columns.add("measure", [row["measure"] for row in rows], "text")
    columns.add("method", [row["method"] for row in rows], "text")
    columns.add("is_used", [row["is_used"] for row in rows], "", "The lowest error forecasts.", "used")
    meaning = "Mean absolute error ÷ that of repeating the last season within the past (MASE)."
    columns.add("scaled_error", [row["mase"] for row in rows], "ratio", meaning)
    columns.add("scaled_error_from", [row["least"] for row in rows], "ratio", "The best cut.", "best cut")
    columns.add("scaled_error_to", [row["most"] for row in rows], "ratio", "The worst cut.", "worst cut")
    columns.add("bias", [row["bias"] for row in rows], "change_share", "Sum foretold ÷ sum that came − 1.")
    columns.add("why_not", [row["why_not"] for row in rows], "text", "Why it could not be fitted.")
    return columns.table("tests", "How the methods did", source=source, dimensions=("measure",), note=words)


def coverage(rows: Sequence[Mapping[str, Any]], source: Source) -> Table:
    """One row per measure and level: how often the intervals held in the tests."""
    columns = Columns()
    columns.add("measure", [row["measure"] for row in rows], "text")
    columns.add("level", [row["level"] for row in rows], "share", "What the interval promises.")
    columns.add("covered", [row["covered"] for row in rows], "share", "What it held, each cut left out of its width.")
    columns.add("widened", [row["widened"] for row in rows], "ratio", "Factor on the width, so that it holds.")
    columns.add("forecasts", [row["scored"] for row in rows], "count", "Forecasts it was tried on.")
    return columns.table("coverage", "How often the intervals held", source=source)


def groups(rows: Sequence[Mapping[str, Any]], measure: str, unit: Unit, source: Source) -> Table:
    """One row per dimension and group: the sum ahead, which adds up to the whole."""
    columns = Columns()
    columns.add("dimension", [row["dimension"] for row in rows], "name")
    columns.add("group", [row["group"] for row in rows], "text")
    columns.add("forecast", [row["forecast"] for row in rows], unit, f"{measure.capitalize()} over the whole horizon.")
    columns.add_interval("forecast", [row["low"] for row in rows], [row["high"] for row in rows], unit)
    columns.add("share", [row["share"] for row in rows], "share", "Of the whole ahead.")
    columns.add("change", [row["change"] for row in rows], "change_share", "Against as many steps just before.")
    columns.add("method", [row["method"] for row in rows], "text", "The best for it in the tests, before adding up.")
    columns.add("error_against_naive", [row["error"] for row in rows], "ratio",
                "Its error ÷ that of repeating the last season, in the tests.")  # fmt: skip
    return columns.table(
        "groups",
        "By group: adds up to the whole",
        source=source,
        dimensions=("dimension", "group"),
        measures=("forecast",),
    )


def group_steps(rows: Sequence[Mapping[str, Any]], measure: str, unit: Unit, source: Source) -> Table:
    """One row per dimension, group and step ahead; the groups of a dimension add up to the whole at every step."""
    columns = Columns()
    for name, kind in (("dimension", "text"), ("group", "text"), ("starts_on", "date")):
        columns.add(name, [row[name] for row in rows], kind)  # type: ignore[arg-type]
    columns.add("forecast", [row["forecast"] for row in rows], unit, measure.capitalize())
    return columns.table(
        "group_steps", "By group and step", source=source, dimensions=("dimension", "group"), measures=("forecast",),
        is_shown=False,
    )  # fmt: skip


def what_if(rows: Sequence[Mapping[str, Any]], source: Source) -> Table:
    """One row per planned event and measure: with it, and without."""
    columns = Columns()
    columns.add("plan", [row["plan"] for row in rows], "text")
    columns.add("measure", [row["measure"] for row in rows], "text")
    columns.add("starts_on", [row["starts_on"] for row in rows], "date")
    columns.add("ends_on", [row["ends_on"] for row in rows], "date")
    columns.add("without", [row["without"] for row in rows], "", "What is foretold of its days.")
    columns.add("with_it", [row["with_it"] for row in rows], "", "The same times the factor of the event.")
    columns.add("difference", [row["difference"] for row in rows], "", "The one less the other.")
    columns.add_interval("difference", [row["low"] for row in rows], [row["high"] for row in rows], "")
    return columns.table(
        "what_if", "What if", source=source,
        note="The interval is that of the past event's effect; a change that was set has none.",
    )  # fmt: skip
