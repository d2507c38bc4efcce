"""Overview: how the business is doing, and whether that is more or less than before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError
from regulars.measures import cohorts, key_figures, periods, profiles
from regulars.measures.tables import Columns
from regulars.models import changes, intervals
from regulars.models.changes import Change, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.measures.key_figures import Figure

_ALPHA = 0.05
_RETURNING = key_figures.Figure(
    "returning_customer_share", "share", "Customers who had bought before ÷ customers who bought.", ""
)
_SUCCESS = key_figures.Figure("success_share", "share", "Attempts that became sales ÷ attempts.", "")


@dataclass(frozen=True)
class Overview(Analysis):
    """Key figures of the last whole period beside the period before and the same period last year.

    Args:
        period: Which periods are compared.
    """

    title = "Overview"
    question = "How is the business doing, against the period before and the same period last year?"
    chapter = "customers"
    order = 0

    period: Literal["month", "quarter", "year"] = "month"

    def run(self, data: Dataset) -> Result:
        """Key figures, month by month; where there are no orders, what there is instead."""
        if data.summaries.missing("orders"):
            return self.result(**profiles.overview(data.tables, data))
        sales = _Sales(data)
        if not sales.base["customers"]:
            raise DataError(
                f"none of the {write_count(sales.attempts_in_all, 'orders')} counts as a sale",
                table="orders",
                mend="check which statuses are successes under [tables.statuses]",
            )
        return self.result()
