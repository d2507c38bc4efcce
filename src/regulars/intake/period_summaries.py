"""The shared summary of months: made from `customer_days`, once, when something asks for it.

`month_masks`: one row per customer with a sale, as `measures.cohorts.month_masks` says. Retention, states of the
lifecycle and customers per month are all counted on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regulars.measures import cohorts

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

    Get = Callable[[str], ir.Table]

MAKERS: Final[dict[str, Callable[[Get], ir.Table]]] = {
    "month_masks": lambda get: cohorts.month_masks(get("customer_days")),
}
"""The expression of each, from the summaries it is made of."""
