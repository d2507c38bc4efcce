"""Experiments as expressions: one row per unit with its arm, outcomes and what was known before, and sums per arm."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.experiment import ExperimentSettings

OutcomeKind = Literal["share", "money", "number"]
CONTROL_WORDS = ("control", "none", "no ", "hold", "untreated", "placebo", "baseline", "not contacted")
"""Beginnings of the names of arms that are the control, where the settings do not say which is."""
WINDOW_DAYS = 28
"""What was bought counts for so many days from the start, where the end is not said."""
SHORTEST_WINDOW = 7
"""An experiment that still runs is looked at from this day on."""
LABEL_LEVELS = 50
"""Labels with more values than that are no covariate."""


@dataclass(frozen=True)
class Outcome:
    """Something measured after the assignment.

    Args:
        name: Column of the units.
        kind: What it is counted in.
        meaning: In words.
        below: The column it is divided by, where it is the ratio of two sums.
        before: The same before the start, where it is known.
    """

    name: str
    kind: OutcomeKind
    meaning: str
    below: str = ""
    before: str = ""


@dataclass(frozen=True)
class Trial:
    """An experiment as it is read in these data.

    Args:
        name: As in the settings, or of the campaign.
        settings: What was declared.
        first: First day of the window in which purchases count; None where none do.
        last: Last day of it.
        outcomes: The most important first.
        numbers: Numeric covariates.
        labels: Covariates that are labels.
        others: Further numeric columns of the table, neither outcome nor covariate.
    """

    name: str
    settings: ExperimentSettings
    first: date | None
    last: date | None
    outcomes: tuple[Outcome, ...]
    numbers: tuple[str, ...]
    labels: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def length(self) -> int:
        """Days of the window."""
        return (self.last - self.first).days + 1 if self.first and self.last else 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Numeric columns of the units: outcomes with what they are divided by, and covariates."""
        named = [name for one in self.outcomes for name in (one.name, one.below, one.before) if name]
        return tuple(dict.fromkeys([*named, *self.numbers]))


PURCHASES: tuple[tuple[str, OutcomeKind, str, str], ...] = (
    ("revenue", "money", "What they bought in the window.", ""),
    ("orders", "number", "Orders in the window.", ""),
    ("buyers", "share", "Bought at all in the window.", ""),
    ("items", "number", "Items bought in the window.", ""),
    ("margin", "money", "Revenue less the cost of the products, in the window.", ""),
    ("margin_per_order", "money", "Margin ÷ orders, over orders.", "orders"),
    ("visit_days", "number", "Days with an order in the window.", ""),
    ("returned", "share", "Bought in the second half of the window: still there.", ""),
)
"""Outcomes taken from what was bought: name, kind, meaning, what they are divided by."""


def arm_rows(table: ir.Table, settings: ExperimentSettings) -> ir.Table:
    """The rows of the table that belong to the experiment, with `unit` and `arm`."""
    rows = table.mutate(_unit=table[settings.unit], _arm=table[settings.arm].cast("string").strip())
    if settings.campaign and "campaign_id" in table.columns:
        rows = rows.filter(rows.campaign_id.cast("string") == settings.campaign)
    return rows.filter(rows._unit.notnull() & rows._arm.notnull() & (rows._arm != "")).rename(unit="_unit", arm="_arm")


def number(column: ir.Value) -> ir.FloatingValue:
    """A number or a yes/no as a number; missing is 0."""
    value = column.ifelse(1.0, 0.0) if column.type().is_boolean() else column.cast("float64")
    return value.fill_null(0.0)


def assigned(rows: ir.Table, numbers: Sequence[str], labels: Sequence[str]) -> ir.Table:
    """One row per unit: `arm`, `arm_count`, `row_count`, `sent_at` where it is known, and columns of its rows.

    Numbers are added up over the rows of a unit; where a unit has one row, as it should, they are that row's.
    """
    sent = {"sent_at": rows.sent_at.max()} if "sent_at" in rows.columns else {}
    return rows.group_by("unit").aggregate(
        arm=rows.arm.min(),
        arm_count=rows.arm.nunique().cast("int64"),
        row_count=rows.count().cast("int64"),
        **sent,
        **{name: number(rows[name]).sum() for name in numbers},
        **{name: rows[name].cast("string").min().fill_null("unknown") for name in labels},
    )


def bought(sales: ir.Table, first: date, last: date, names: Sequence[str], suffix: str = "") -> ir.Table:
    """What each customer bought from one day to another: `customer_key` and the purchases' outcomes named.

    Args:
        sales: Orders that are sales.
        first: First day.
        last: Last day.
        names: Which of `PURCHASES`.
        suffix: Added to the names.
    """
    import ibis

    day = sales.ordered_at.date()
    low, high = ibis.literal(first, "date"), ibis.literal(last, "date")
    inside = sales.filter((day >= low) & (day <= high))
    second_half = ibis.literal(first + timedelta(days=((last - first).days + 1) // 2), "date")
    made: dict[str, ir.Value] = {
        "orders": inside.count().cast("float64"),
        "buyers": inside.count().cast("float64").clip(upper=1.0),
        "visit_days": inside.ordered_at.date().nunique().cast("float64"),
        "returned": (inside.ordered_at.date() >= second_half).cast("int32").max().cast("float64"),
    }
    if "revenue" in sales.columns:
        made["revenue"] = inside.revenue.sum().round(DECIMALS)
    if "quantity" in sales.columns:
        made["items"] = inside.quantity.cast("float64").sum().round(DECIMALS)
    return inside.group_by("customer_key").aggregate(**{f"{name}{suffix}": made[name] for name in names})


def margins(items: ir.Table, products: ir.Table, first: date, last: date) -> ir.Table:
    """Margin of each customer from one day to another: revenue of the items less their cost."""
    import ibis

    day = items.ordered_at.date()
    inside = items.filter((day >= ibis.literal(first, "date")) & (day <= ibis.literal(last, "date")))
    priced = inside.join(products.select("product_id", "cost"), "product_id")
    return priced.group_by("customer_key").aggregate(
        margin=(priced.revenue - priced.quantity * priced.cost).sum().round(DECIMALS)
    )


def joined(units: ir.Table, keyed: ir.Table, view: ir.Table) -> ir.Table:
    """Units with columns of a table keyed by `customer_key`; 0 where it has no row."""
    columns = [name for name in keyed.columns if name != "customer_key"]
    own = keyed.join(view.select("customer_key", unit="customer_id"), "customer_key").drop("customer_key")
    both = units.left_join(own, "unit").drop("unit_right")
    return both.mutate(**{name: both[name].cast("float64").fill_null(0.0) for name in columns})


def with_features(units: ir.Table, view: ir.Table, numbers: Sequence[str], labels: Sequence[str]) -> ir.Table:
    """Units with features of the customer view: numbers as floating point, labels as text."""
    chosen = view.select(
        unit="customer_id",
        **{name: number(view[name]) for name in numbers},
        **{name: view[name].cast("string") for name in labels},
    )
    both = units.left_join(chosen, "unit").drop("unit_right")
    return both.mutate(
        **{name: both[name].fill_null(0.0) for name in numbers},
        **{name: both[name].fill_null("unknown") for name in labels},
    )


def pair_name(one: str, other: str) -> str:
    """Column of the sum of products of two variables."""
    first, second = sorted((one, other))
    return f"{first}__x__{second}"


def arm_sums(
    units: ir.Table, columns: Sequence[str], pairs: Sequence[tuple[str, str]], by: Sequence[str] = ("arm",)
) -> ir.Table:
    """One row per arm (and group): `unit_count`, the sum and squares of each column, the products of the pairs.

    Args:
        units: One row per unit.
        columns: Numeric columns.
        pairs: Pairs of columns whose products are needed.
        by: What to group by.
    """
    sums: dict[str, ir.Value] = {"unit_count": units.count().cast("int64")}
    for name in columns:
        sums[name] = units[name].sum()
        sums[pair_name(name, name)] = (units[name] * units[name]).sum()
        sums[f"{name}__events"] = (units[name] != 0).cast("int32").sum().cast("int64")
    for one, other in pairs:
        sums[pair_name(one, other)] = (units[one] * units[other]).sum()
    return units.group_by(list(by)).aggregate(**sums).order_by(list(by))


def band_cuts(units: ir.Table, numbers: Sequence[str]) -> ir.Table:
    """One row: where each number is cut into three parts of equal size, its ends, and how many values it has."""
    each: dict[str, ir.Value] = {}
    for name in numbers:
        column = units[name]
        each |= {
            f"{name}__least": column.min(), f"{name}__low": column.quantile(1 / 3),
            f"{name}__high": column.quantile(2 / 3), f"{name}__most": column.max(),
            f"{name}__values": column.nunique().cast("int64"),
        }  # fmt: skip
    return units.aggregate(**each)


def bands(cuts: Mapping[str, float | None], name: str) -> list[tuple[float, str]]:
    """Bands of a number as their upper ends (to three digits) with their labels; none where it does not vary.

    The last has no end.

    >>> cuts = {"n__least": 0.0, "n__low": 0.0, "n__high": 12.5, "n__most": 40.0, "n__values": 30}
    >>> bands(cuts, "n")
    [(0.0, '0'), (12.5, 'over 0 to 12.5'), (inf, 'over 12.5')]
    >>> bands({**cuts, "n__most": 1.0, "n__values": 2}, "n")
    [(0.0, '0'), (inf, '1')]
    """
    least, low, high, most, values = (
        float(cuts[f"{name}__{end}"] or 0.0) for end in ("least", "low", "high", "most", "values")
    )
    if values < 2:
        return []
    if values == 2:
        return [(least, f"{least:,.6g}"), (float("inf"), f"{most:,.6g}")]
    ends = sorted({max(float(f"{end:.3g}"), least) for end in (low, high)} - {most}) or [least]
    first = f"{least:,.6g}" if ends[0] == least else f"up to {ends[0]:,.6g}"
    between = [f"over {below:,.6g} to {end:,.6g}" for below, end in itertools.pairwise(ends)]
    return [*zip(ends, [first, *between], strict=True), (float("inf"), f"over {ends[-1]:,.6g}")]


def band(column: ir.Value, parts: Sequence[tuple[float, str]]) -> ir.Value:
    """The label of the band that a number lies in."""
    import ibis

    return ibis.cases(*((column <= end, label) for end, label in parts[:-1]), else_=parts[-1][1])


def label_counts(units: ir.Table, labels: Sequence[str]) -> Mapping[str, ir.Table]:
    """For each label a table of `arm`, `label`, `unit_count`."""
    return {
        name: units.group_by("arm", label=units[name])
        .aggregate(unit_count=units.count().cast("int64"))
        .order_by("arm", "label")
        for name in labels
    }


def ratios(rows: ir.Table, pairs: Sequence[tuple[str, str]]) -> ir.Table:
    """One row per arm, over rows: for each pair (outcome, other) the least and largest outcome ÷ other.

    `low_i`, `high_i`; `rows_i` with the other column not zero; `spread_i` its largest less its least; `stray_i` rows in
    which the other column is zero and the outcome is not.
    """
    sums: dict[str, ir.Value] = {}
    for place, (outcome, other) in enumerate(pairs):
        above, below = number(rows[outcome]), number(rows[other])
        ratio = above / below.nullif(0.0)
        sums |= {
            f"low_{place}": ratio.min(),
            f"high_{place}": ratio.max(),
            f"rows_{place}": (below != 0).cast("int32").sum().cast("int64"),
            f"spread_{place}": below.nullif(0.0).max() - below.nullif(0.0).min(),
            f"stray_{place}": ((below == 0) & (above != 0)).cast("int32").sum().cast("int64"),
        }
    return rows.group_by("arm").aggregate(**sums).order_by("arm")


def arm_of_control(arms: Sequence[str], wanted: str) -> str | None:
    """The arm that is the control: the one wanted, else the only one whose name says so.

    >>> arm_of_control(["Mens E-Mail", "No E-Mail"], "")
    'No E-Mail'
    >>> arm_of_control(["A", "B"], "") is None
    True
    """
    if wanted:
        return wanted if wanted in arms else None
    named = [arm for arm in arms if arm.casefold().startswith(CONTROL_WORDS)]
    return named[0] if len(named) == 1 else None
