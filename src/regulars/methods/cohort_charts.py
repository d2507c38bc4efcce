"""The heat maps of cohorts: of each table the share that comes back, how many they are, and what they bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.chart import Chart
from regulars.core.units import write, write_count
from regulars.measures import periods

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.measures.periods import Grain
    from regulars.models.retention import OverCohorts, Retention


def by_time(
    table: str, cohorts: Retention, over: OverCohorts, grain: Grain, currency: str, has_revenue: bool
) -> tuple[Chart, ...]:
    """Share, customers and revenue by cohort and period since the first order, as three faces of one map.

    Args:
        table: Name of the table drawn.
        cohorts: Their counts.
        over: The same over all cohorts.
        grain: Months or weeks.
        currency: ISO code, for money.
        has_revenue: Whether there is money to show.
    """
    import numpy as np

    def named(place: int) -> str:
        return periods.label(int(cohorts.firsts[place]), grain)

    since = f"by {grain}s since the first order"
    share = "Customers who buy again"
    if len(over.share) > 1 and over.cohorts[1]:
        share = f"{write(float(over.share[1]), 'share')} buy again in the {grain} after their first order"
    told = [("retention_map", share, f"Share of each cohort with a sale, %; {since}", "retention_share")]
    if len(cohorts.sizes):
        largest = int(np.argmax(cohorts.sizes))
        title = f"Most first bought in {named(largest)}: {write_count(int(cohorts.sizes[largest]), 'customers')}"
        told.append(("customers_map", title, f"Customers of each cohort with a sale; {since}", "active"))
    if has_revenue and len(cohorts.sizes):
        brought = np.nansum(cohorts.revenue, axis=1)
        best = int(np.argmax(brought))
        money = write(float(brought[best]), "money", currency)
        title = f"Those who first bought in {named(best)} have brought the most: {money}"
        told.append(("revenue_map", title, f"Revenue of each cohort, {currency or 'money'}; {since}", "revenue"))
    return tuple(
        Chart(name, title, below, "heatmap", table, "period_index", "cohort", colour=colour, is_partial="is_partial")
        for name, title, below, colour in told
    )


def by_group(
    name: str, words: str, table: str, over: Mapping[str, OverCohorts], grain: Grain, currency: str, has_revenue: bool,
    last: int,
) -> tuple[Chart, ...]:  # fmt: skip
    """Share, customers and revenue per customer by group and period since the first order.

    Args:
        name: Of the groups, as in the names of charts.
        words: What the groups are by, in words.
        table: Name of the table drawn.
        over: Group → its customers over all cohorts.
        grain: Months or weeks.
        currency: ISO code, for money.
        has_revenue: Whether there is money to show.
        last: The last period drawn.
    """
    import numpy as np

    since = f"by {grain}s since the first order"
    below = f"Share of customers with a sale, %; {since}"
    told = [(f"{name}_map", f"Who buys again, by {words}", below, "retention_share")]
    known = {label: one for label, one in over.items() if (one.cohorts[: last + 1] > 0).any()}
    if known:
        largest = max(known, key=lambda label: known[label].customers[0])
        count = write_count(int(known[largest].customers[0]), "customers")
        title = f"By {words}, “{largest}” is the largest: {count}"
        told.append((f"{name}_customers_map", title, f"Customers with a sale; {since}", "active"))
    if has_revenue and known:
        ends = [int(np.flatnonzero(one.cohorts[: last + 1] > 0)[-1]) for one in known.values()]
        within = min(ends)
        best = max(known, key=lambda label: known[label].cumulative_revenue[within])
        money = write(float(known[best].cumulative_revenue[within]), "money", currency)
        told.append(
            (
                f"{name}_revenue_map", f"By {words}, “{best}” brings the most within {within} {grain}s: {money} each",
                f"Revenue per customer so far, {currency or 'money'}; {since}", "cumulative_revenue_per_customer",
            )
        )  # fmt: skip
    return tuple(
        Chart(one, title, below, "heatmap", table, "period_index", "cohort", colour=colour, x_sort="data")
        for one, title, below, colour in told
    )
