"""Segments against everything else: value and risk, who is in them, what they buy, how they buy and how they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import dimensions
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.units import Unit
    from regulars.methods.breakdown import BreakDown

SEGMENT_LIKE = ("segment", "rfm_segment")
"""Dimensions that are themselves segments, and say nothing of who is in one."""
MOST_LABELS = 6
"""So many categories, and values of each label, are told by segment."""
_DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class SegmentGroups:
    """The break-downs of a segmentation.

    Args:
        data: Executes, and has the tables.
        assigned: Customers with their `segment`.
        names: Of the segments, in order.
        noun: What one of them is called: "segment", or "stage".
    """

    data: Dataset
    assigned: ir.Table
    names: tuple[str, ...]
    noun: str = "segment"

    def break_downs(self) -> list[BreakDown]:
        """All that the data allow."""
        found = (self.behaviour(), self.who(), self.categories(), self.labels(), self.responses())
        return [one for one in found if one is not None]

    def behaviour(self) -> BreakDown | None:
        """Value, engagement and risk of each segment, with intervals."""
        have = set(self.assigned.columns)
        figures = [
            Figure(name, unit, meaning, _mean(name))
            for name, unit, meaning in _MEANS
            if name in have
        ]  # fmt: skip
        if {"order_count", "tenure_days"} <= have:
            meaning = "Engagement: orders per customer and month since the first order."
            figures.append(Figure("orders_per_month", "per_month", meaning, _mean("order_count"), _months))
        if {"order_count", "revenue_total"} <= have:
            meaning = "Revenue per order."
            figures.append(Figure("order_value", "money", meaning, _mean("revenue_total"), _mean("order_count")))
        if "active_probability" in have:
            meaning = "Mean chance of having left (modelled)."
            figures.append(Figure("churn_risk", "share", meaning, lambda t: 1 - t.active_probability))
        return self._by_segment(
            self.assigned, figures, "behaviour", f"Value, engagement and risk of each {self.noun}", ()
        )

    def who(self) -> BreakDown | None:
        """Which segment the customers of each age, gender, city … are in."""
        by = [
            one
            for one in dimensions.available(self.data, "customer")
            if one.name not in SEGMENT_LIKE and set(one.needs) <= set(self.assigned.columns)
        ]
        figures = [
            Figure(f"segment_{number + 1}", "share", f"Share that is {name}.", _is("segment", name), is_share=True)
            for number, name in enumerate(self.names)
        ]
        keys = "; ".join(f"{self.noun} {number + 1}: {name}" for number, name in enumerate(self.names))
        if not by or not figures:
            return None
        return break_down(
            self.data, self.assigned, by, figures, name="who", title=f"Who is in which {self.noun}",
            note=f"{keys[0].upper()}{keys[1:]}.",
        )  # fmt: skip

    def categories(self) -> BreakDown | None:
        """How the money of each segment is spread over categories."""
        data = self.data
        if data.summaries.missing("customer_categories"):
            return None
        spend = data.summary("customer_categories")
        measure = "revenue" if "revenue" in spend.columns else "quantity"
        positive = spend.filter(spend[measure] > 0)
        totals = positive.group_by("category").aggregate(total=positive[measure].sum().round(4))
        top = data.collect(totals.order_by(totals.total.desc(), totals.category).limit(MOST_LABELS), MOST_LABELS)
        names = top["category"].to_pylist()
        rows = positive.join(self.assigned.select("customer_key", "segment"), "customer_key")
        rows = rows.select("customer_key", "segment", "category", amount=rows[measure])
        figures = [
            Figure(
                f"category_{place + 1}", "share", f"Share of {measure} in {name}.", _amount_in(name), _mean("amount")
            )
            for place, name in enumerate(names)
        ]
        keys = [f"category {place + 1}: {name}" for place, name in enumerate(names)]
        return self._by_segment(rows, figures, "categories", f"What each {self.noun} buys", keys)

    def labels(self) -> BreakDown | None:
        """Through which channel and with which payment method each segment buys."""
        data = self.data
        if data.summaries.missing("orders"):
            return None
        orders = data.orders.filter(data.orders.is_sale)
        names = [name for name in ("channel", "payment_method") if name in orders.columns]
        rows = orders.join(self.assigned.select("customer_key", "segment"), "customer_key")
        rows = rows.select("customer_key", "segment", *names)
        figures, keys = [], []
        for name in names:
            words = name.replace("_", " ")
            labelled = orders.group_by(value=orders[name].cast("string").fill_null(dimensions.UNKNOWN))
            counts = labelled.aggregate(orders=orders.count())
            top = data.collect(counts.order_by(counts.orders.desc(), counts.value).limit(MOST_LABELS), MOST_LABELS)
            for place, label in enumerate(top["value"].to_pylist(), start=1):
                meaning = f"Share of orders by {words} {label}."
                figures.append(Figure(f"{name}_{place}", "share", meaning, _is(name, label)))
                keys.append(f"{words} {place}: {label}")
        return self._by_segment(rows, figures, "channels", f"How each {self.noun} buys and pays", keys)

    def responses(self) -> BreakDown | None:
        """How each segment answers campaigns that contact customers."""
        data = self.data
        if "contacts" not in data.tables or "responded" not in data.table("contacts").columns:
            return None
        labels = self.assigned.select("customer_key", "customer_id", "segment")
        rows = data.table("contacts").select("customer_id", "responded").join(labels, "customer_id")
        rows = rows.select("customer_key", "segment", responded=rows.responded.cast("int64"))
        figure = Figure("response_share", "share", "Share of contacts answered.", _mean("responded"))
        note = f"Contacts as they went out: {self.noun}s may have got different campaigns"
        return self._by_segment(rows, [figure], "responses", f"How each {self.noun} answers campaigns", (note,))

    def _by_segment(
        self, rows: ir.Table, figures: Sequence[Figure], name: str, title: str, keys: Sequence[str]
    ) -> BreakDown | None:
        if not figures:
            return None
        note = f"{'; '.join(keys)}." if keys else ""
        note = note[:1].upper() + note[1:]
        return break_down(
            self.data, rows, (dimensions.find("segment"),), figures, name=name, title=title, note=note
        )  # fmt: skip


_MEANS: tuple[tuple[str, Unit, str], ...] = (
    ("revenue_total", "money", "Revenue per customer."),
    ("category_spend_total", "money", "Spend per customer."),
    ("recency_days", "days", "Days since the last order."),
    ("expected_value", "money", "Value expected over the next year (modelled)."),
)


def _mean(name: str) -> Any:
    return lambda rows: rows[name]


def _months(rows: ir.Table) -> ir.Value:
    """Months since the first order, at least one."""
    import ibis

    return ibis.greatest(rows.tenure_days.cast("float64") / _DAYS_PER_MONTH, 1.0)


def _is(column: str, label: str) -> Any:
    return lambda rows: (rows[column].cast("string").fill_null(dimensions.UNKNOWN) == label).cast("int64")


def _amount_in(category: str) -> Any:
    return lambda rows: (rows.category == category).cast("int64") * rows.amount
