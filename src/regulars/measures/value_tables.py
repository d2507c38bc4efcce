"""The value of customers added up: by group, by month of the first order, by tenth, and how unequally it is spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.result import ColumnInfo, Table
from regulars.measures import periods, stats
from regulars.measures.money import DECIMALS
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.analysis import Feature
    from regulars.models.concentration import Concentration

PARETO_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_STEPS = 1000
_EXACT_CUSTOMERS = 200_000


def by_group(valued: ir.Table, group: ir.Value) -> ir.Table:
    """One row per group: customers, past revenue, and the moments of expected value and expected orders."""
    rows = valued.mutate(group=group)
    return rows.group_by("group").aggregate(
        customers=rows.count(),
        revenue=rows.revenue_total.fill_null(0.0).sum().round(DECIMALS),
        **stats.moments("expected_value", rows.expected_value),
        expected_orders=rows.expected_orders.sum().round(DECIMALS),
    )


def first_month(valued: ir.Table) -> ir.IntegerValue:
    """The month of the first order, as a number."""
    return periods.number(valued.first_ordered_on, "month")


def value_steps(valued: ir.Table, column: str, customers: int) -> ir.Table:
    """Customers with (nearly) equal values counted together: `customers` and `total`, the largest value first.

    Up to 200,000 customers equal means equal; above, values within a thousandth.
    """
    value = valued[column].fill_null(0.0).round(DECIMALS)
    if customers > _EXACT_CUSTOMERS:
        positive = value > 0
        step = positive.ifelse((positive.ifelse(value, 1.0).ln() * _STEPS).round(), value.round().cast("float64") - 1e9)
    else:
        step = value
    rows = valued.select(value=value, step=step)
    counted = rows.group_by("step").aggregate(customers=rows.count(), total=rows.value.sum().round(DECIMALS))
    return counted.order_by(counted.step.desc()).drop("step")


def new_customers(
    rows: Sequence[Mapping[str, Any]],
    ends: tuple[Sequence[float], Sequence[float]],
    source: ir.Table,
    least: int,
    horizon: int,
) -> Table:
    """One row per month of the first order, in the order given; means and intervals only from `least` customers on.

    Args:
        rows: As `by_group` gives them, by the number of the month.
        ends: Ends of the 95 % interval of the mean expected value.
        source: The query they were counted with.
        least: Customers below which a month is too few.
        horizon: Days that are foretold.
    """
    counts = [row["customers"] for row in rows]
    low, high = ends
    few = [count < least for count in counts]
    columns = Columns()
    columns.add("month", [periods.start_of(row["group"], "month") for row in rows], "month", "", "first order in")
    columns.add("customers", counts, "customers", "Customers with at least one order.")
    columns.add("revenue", [row["revenue"] for row in rows], "money", "What they have brought so far.")
    columns.add(
        "mean_revenue", _unless(few, [row["revenue"] / row["customers"] for row in rows]), "money",
        "Brought so far, per customer.",
    )  # fmt: skip
    columns.add(
        "expected_value", [row["expected_value"] for row in rows], "money",
        f"Expected of them over the next {horizon} days.",
    )  # fmt: skip
    means = [row["expected_value"] / row["customers"] for row in rows]
    columns.add("mean_expected_value", _unless(few, means), "money", "Expected, per customer.")
    columns.add_interval(
        "mean_expected_value", _unless(few, [max(end, 0.0) for end in low]), _unless(few, high), "money"
    )
    columns.add(
        "mean_expected_orders", _unless(few, [row["expected_orders"] / row["customers"] for row in rows]), "",
        "Expected orders per customer.",
    )  # fmt: skip
    columns.add("too_few", few, "", f"Under {least} customers: no mean is told.", "too few")
    return columns.table(
        "new_customers", "Value of new customers", source=(source,), dimensions=("month",),
        measures=("customers", "revenue", "expected_value"),
        note="Intervals tell how much customers of a month differ; the uncertainty of the model is in the total.",
    )  # fmt: skip


def _unless(few: Sequence[bool], values: Sequence[float]) -> list[float | None]:
    return [None if hide else value for hide, value in zip(few, values, strict=True)]


def pareto_table(spreads: Mapping[str, Concentration], source: tuple[ir.Expr, ...]) -> Table:
    """One row per share of the customers: what it brought, and is expected to bring."""
    columns = Columns()
    columns.add("customer_share", list(PARETO_SHARES), "share", "The customers with the highest value first.")
    for name, spread in spreads.items():
        words = "of what was brought so far" if name == "revenue_share" else "of what is expected"
        columns.add(name, [spread.top(share) for share in PARETO_SHARES], "share", f"Their share {words}.")
    ginis = "; ".join(
        f"{name.removesuffix('_share').replace('_', ' ')} {one.gini:.3f}" for name, one in spreads.items()
    )
    return columns.table(
        "concentration", "What the top customers bring", source=source, note=f"Gini coefficient: {ginis}."
    )


def parameters(fits: Sequence[Any], source: ir.Table) -> Table:
    """One row per parameter of the fitted models, with its interval."""
    rows = [
        (fit.model, name, value, fit.find_intervals()[name]) for fit in fits for name, value in fit.parameters.items()
    ]
    columns = Columns()
    columns.add("model", [row[0] for row in rows], "text")
    columns.add("parameter", [row[1] for row in rows], "text", "Times in days.")
    columns.add("value", [_digits(row[2]) for row in rows], "score")
    ends = [(None, None) if one is None else (_digits(one.low), _digits(one.high)) for *_, one in rows]
    columns.add_interval("value", [low for low, _ in ends], [high for _, high in ends], "score")
    return columns.table("parameters", "The fitted models", source=(source,))


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def top_customers(
    rows: pa.Table, ends: tuple[Any, Any] | None, features: Mapping[str, Feature], horizon: int, source: ir.Table
) -> Table:
    """The most valuable customers, with what each may bring.

    Args:
        rows: The customers with the columns of `listed`.
        ends: Ends of the 95 % interval of `expected_value`; None where there is none.
        features: What the columns are.
        horizon: Days that are foretold.
        source: The query they were read with.
    """
    nothing = [None] * rows.num_rows
    columns = Columns()
    columns.add("customer_id", rows["customer_id"].to_pylist(), "id", "The customer's own id.", "customer")
    columns.add("expected_value", rows["expected_value"].to_pylist(), "money", f"Over the next {horizon} days.")
    low, high = ends or (nothing, nothing)
    columns.add_interval("expected_value", low, high, "money")
    for name in LISTED[2:]:
        columns.add(name, rows[name].to_pylist(), features[name].unit, features[name].meaning)
    return columns.table(
        "top_customers", f"The {rows.num_rows:,} most valuable customers", source=(source,),
        customer_column="customer_id",
        note="The interval holds what one customer may do by chance; a simple rule gives none.",
    )  # fmt: skip


LISTED = (
    "customer_id", "expected_value", "expected_orders", "active_probability", "silence_limit_days", "revenue_total",
    "visit_day_count", "recency_days",
)  # fmt: skip
"""Columns of the lists of customers."""


def every_customer(valued: ir.Table, features: Mapping[str, Feature]) -> Table:
    """One row per customer with an order, in the engine; written, not drawn."""
    infos = tuple(
        ColumnInfo(name, features[name].unit, features[name].meaning) if name in features else ColumnInfo(name, "id")
        for name in LISTED
    )
    return Table(
        "customers", "Every customer's value", valued.select(*LISTED), infos, customer_column="customer_id",
        is_shown=False,
    )  # fmt: skip
