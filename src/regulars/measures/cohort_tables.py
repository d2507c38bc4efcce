"""The tables of cohorts: one row per cohort and number of periods since its first purchase, and over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import periods
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.measures.periods import Grain
    from regulars.models.retention import OverCohorts, Retention

_CUMULATIVE = "cumulative_revenue_per_customer"


@dataclass(frozen=True)
class Frame:
    """What the tables of one run have in common.

    Args:
        grain: Months or weeks.
        has_revenue: Whether there is money to show.
        missing: Periods without any sale, as numbers: what they would hold is not known.
    """

    grain: Grain
    has_revenue: bool
    missing: Sequence[int] = ()

    def add_index(self, columns: Columns, values: Any) -> None:
        """The column that counts the periods since the first order."""
        meaning = f"{self.grain.title()}s since that of the first order."
        columns.add("period_index", values, "count", meaning, f"{self.grain}s since the first order")


def by_cohort(
    frame: Frame, name: str, title: str, cohorts: Retention, source: tuple[ir.Expr, ...], newest: int | None = None
) -> Table:
    """One row per cohort and period since its first purchase, in long form.

    Args:
        frame: What the tables have in common.
        name: Of the table.
        title: Of the table.
        cohorts: Their counts.
        source: The queries they were counted with.
        newest: Only so many of the newest cohorts and first periods; None: all.
    """
    import numpy as np

    rows, places = np.nonzero(~np.isnan(cohorts.active))
    if newest is not None:
        chosen = (rows >= len(cohorts.sizes) - newest) & (places < newest)
        rows, places = rows[chosen], places[chosen]
    unknown = np.isin(cohorts.firsts[rows] + places, list(frame.missing))
    sizes, active = cohorts.sizes[rows], np.where(unknown, np.nan, cohorts.active[rows, places])
    is_month = frame.grain == "month"
    columns = Columns()
    columns.add(
        "cohort", [periods.start_of(int(number), frame.grain) for number in cohorts.firsts[rows]],
        "month" if is_month else "date", f"The {frame.grain} of the first order.",
        "first order in" if is_month else "first order in the week of",
    )  # fmt: skip
    frame.add_index(columns, places)
    columns.add("customers", sizes.astype(int), "customers", "Customers of the cohort.")
    columns.add("active", _whole(active), "customers", f"Those with at least one sale in that {frame.grain}.")
    columns.add("retention_share", active / sizes, "share", "Active customers ÷ customers of the cohort.")
    if frame.has_revenue:
        revenue = np.where(unknown, np.nan, cohorts.revenue[rows, places])
        columns.add("revenue", revenue, "money", "What they brought in that period.")
        columns.add(
            _CUMULATIVE, cohorts.cumulative_revenue[rows, places].round(4), "money",
            "Revenue from the first order to the end of that period ÷ customers of the cohort.",
        )  # fmt: skip
    columns.add(
        "is_partial", ~cohorts.is_whole[rows, places], "",
        "The data do not cover that period whole; it takes no part in means.", "not complete",
    )  # fmt: skip
    return columns.table(
        name, title, source=source, dimensions=("cohort", "period_index"),
        note="A period without any sale is taken as missing, not as zero; it adds nothing to cumulative revenue.",
    )  # fmt: skip


def over_cohorts(frame: Frame, over: OverCohorts, source: tuple[ir.Expr, ...]) -> Table:
    """One row per number of periods since the first purchase, over all cohorts."""
    import numpy as np

    known = np.flatnonzero(over.cohorts > 0)
    columns = Columns()
    frame.add_index(columns, known)
    columns.add("cohorts", over.cohorts[known], "count", "Cohorts whose period is covered whole; only they count.")
    columns.add("customers", over.customers[known].astype(int), "customers", "Their customers.")
    columns.add("active", over.active[known].astype(int), "customers", "Those with at least one sale in the period.")
    columns.add("retention_share", over.share[known], "share", "Active ÷ customers: the mean weighted by size.")
    columns.add_interval("retention_share", over.low[known], over.high[known], "share")
    columns.add("plain_mean", over.plain_mean[known], "share", "The mean of the cohorts, each counting once.")
    columns.add(
        "whole_base_share", over.of_whole_base[known], "share",
        "Active ÷ all customers of all cohorts, those included whose period has not come yet.",
    )  # fmt: skip
    if frame.has_revenue:
        columns.add(_CUMULATIVE, over.cumulative_revenue[known].round(4), "money", _ADDED_UP)
    return columns.table("all_cohorts", "All cohorts together", source=source)


def by_group(
    frame: Frame, name: str, words: str, groups: Mapping[str, OverCohorts], source: tuple[ir.Expr, ...], last: int
) -> Table:
    """One row per group of customers and period since their first purchase, up to the period `last`."""
    import numpy as np

    known = {label: np.flatnonzero(over.cohorts[: last + 1] > 0) for label, over in groups.items()}

    def all_of(value: str) -> Any:
        return np.concatenate([getattr(over, value)[known[label]] for label, over in groups.items()])

    columns = Columns()
    labels = [label for label, places in known.items() for _ in places]
    columns.add("cohort", labels, "text", f"The {words}.", words)
    frame.add_index(columns, np.concatenate(list(known.values())))
    columns.add("customers", all_of("customers").astype(int), "customers", "Those whose period is covered whole.")
    columns.add("active", all_of("active").astype(int), "customers", "Those with at least one sale in the period.")
    columns.add("retention_share", all_of("share"), "share", "Active ÷ customers.")
    columns.add_interval("retention_share", all_of("low"), all_of("high"), "share")
    if frame.has_revenue:
        columns.add(_CUMULATIVE, all_of("cumulative_revenue").round(4), "money", _ADDED_UP)
    title = f"Customers who buy again, by {words}"
    note = "The groups hold customers of different times, so what differs over time can differ between them too."
    return columns.table(name, title, source=source, dimensions=("cohort", "period_index"), note=note)


_ADDED_UP = "Revenue ÷ customers, added up over the periods."


def _whole(values: Any) -> list[int | None]:
    """Counts as whole numbers, with None where they are not known."""
    return [None if value != value else int(value) for value in values.tolist()]  # noqa: PLR0124  NaN differs from itself
