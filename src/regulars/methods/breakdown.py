"""Figures broken down by dimensions: one mechanism for every analysis.

It says for each group how many it holds, each figure with its interval, and whether it differs from all other groups
beyond chance (false discovery rate over everything compared in one call). Groups under the least number of customers
keep their count and get no figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from regulars.core.units import Unit
from regulars.measures import dimensions as dims
from regulars.measures.money import DECIMALS
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.measures.dimensions import Dimension
    from regulars.models.breakdown import Judged, Sums

MOST_GROUPS = 30
"""So many groups of a dimension are told, the largest first; the others are added up as "all others"."""
OTHERS = "all others"
FALSE_DISCOVERIES = 0.05
"""Share of false ones among the differences that are told, at most (in expectation)."""
_MOST_ROWS = 500_000
_SUMS = ("above", "below", "above_squares", "below_squares", "products")


@dataclass(frozen=True)
class Figure:
    """A figure: a ratio of two sums over the rows.

    Args:
        name: Column of the table.
        unit: Of the ratio.
        meaning: In words.
        above: Numerator of one row.
        below: Denominator of one row; by default 1 where there is a numerator, which makes the figure a mean.
        total: Name of a further column with the sum of the numerator, so that groups can be added up; "" for none.
        is_share: The rows are one per customer, and the numerator is true or false.
        is_proportion: The figure cannot leave 0–1, and so its interval does not either.
    """

    name: str
    unit: Unit
    meaning: str
    above: Callable[[ir.Table], ir.Value]
    below: Callable[[ir.Table], ir.Value] | None = None
    total: str = ""
    is_share: bool = False
    is_proportion: bool = False


@dataclass(frozen=True)
class BreakDown:
    """A break-down as a table, and what stands behind it.

    Args:
        table: One row per dimension and group; see `break_down`.
        comparisons: How many differences were judged.
        differing: How many of them are beyond chance.
    """

    table: Table
    comparisons: int
    differing: int

    def rows(self, dimension: str) -> list[dict[str, Any]]:
        """The rows of one dimension."""
        return [row for row in self.table.to_arrow().to_pylist() if row["dimension"] == dimension]


def break_down(
    data: Dataset,
    rows: ir.Table,
    by: Sequence[Dimension],
    figures: Sequence[Figure],
    *,
    name: str,
    title: str,
    cluster: str | None = "customer_key",
    counts: str = "",
    note: str = "",
) -> BreakDown:
    """Figures by group, for several dimensions at once.

    Args:
        data: Gives the labels and the least number of customers.
        rows: The rows to break down, with `cluster` and whatever the figures read.
        by: The dimensions; `measures.dimensions.available` gives those there are.
        figures: What to tell of each group.
        name: Name of the table.
        title: Title of the table.
        cluster: The column of the independent unit: rows of one customer are not independent of each other. None where
            every row is a customer of its own, which spares a pass.
        counts: Name and unit of a further column that counts the rows (`orders`); "" leaves it out.
        note: A sentence under the table; the number of comparisons is added to it.

    Returns:
        A table with `dimension`, `group`, `customers`, `customer_share`, for each figure its sum where it is asked for,
        its value, `…_low`, `…_high`
        and `…_differs` (1 above the rest, −1 below, 0 not beyond chance, missing where not judged), and `too_few`.
    """
    import numpy as np

    from regulars.models import breakdown as model

    first, queries = _asked(data, rows, by, figures, cluster, bool(counts), f"breakdown__{name}")
    counted = [
        _folded(data.collect(query, _MOST_ROWS).to_pylist(), dimension)
        for dimension, query in zip(by, queries, strict=True)
    ]
    if first:
        data.engine.drop(f"breakdown__{name}")
    judged = [
        [model.judge(_sums(groups, place, figure), data.min_customers) for place, figure in enumerate(figures)]
        for groups in counted
    ]
    adjusted = iter(model.adjust([one for per_figure in judged for one in per_figure]))
    p_values = [[next(adjusted) for _ in figures] for _ in counted]
    table = _table(by, counted, figures, judged, p_values, data.min_customers, counts)
    comparisons = sum(int(np.isfinite(p).sum()) for per_figure in p_values for p in per_figure)
    differing = sum(int((p < FALSE_DISCOVERIES).sum()) for per_figure in p_values for p in per_figure)
    told = (
        f"{comparisons} differences from the rest were judged; those marked keep the share of false ones under "
        f"{100 * FALSE_DISCOVERIES:g} %."
    )
    totals = [figure.total for figure in figures if figure.total]
    finished = table.table(
        name, title, source=(*first, *queries), dimensions=("dimension", "group"),
        measures=("customers", *([counts] if counts else []), *totals),
        note=f"{note} {told}".strip(),
    )  # fmt: skip
    return BreakDown(finished, comparisons, differing)


def _asked(
    data: Dataset, rows: ir.Table, by: Sequence[Dimension], figures: Sequence[Figure], cluster: str | None,
    is_counted: bool, kept_as: str,
) -> tuple[list[ir.Table], list[ir.Table]]:  # fmt: skip
    """For each dimension the query of its groups, and before them the query of what they share, if anything.

    Where several dimensions are the customer's own, all rows of one customer are in one group: they are added up once
    and kept, and every such dimension only labels the customers.
    """
    shared = [one for one in by if cluster == "customer_key" and dims.is_of_customers(one, rows)]
    first = [_per_cluster(rows, figures, ["customer_key"], is_counted)] if len(shared) > 1 else []
    kept = data.persist(first[0], kept_as) if first else None
    queries = []
    for dimension in by:
        if kept is not None and dimension in shared:
            each = dims.labelled(data, kept, dimension)
        else:
            labelled = dims.labelled(data, rows, dimension)
            each = _per_cluster(labelled, figures, [cluster, "group"] if cluster else [], is_counted)
        queries.append(_over_clusters(each, figures, is_counted))
    return first, queries


def _per_cluster(rows: ir.Table, figures: Sequence[Figure], keys: Sequence[str], is_counted: bool) -> ir.Table:
    """One row per cluster (and group): the sums of every figure; without keys, every row is a cluster of its own."""
    import ibis

    parts: dict[str, ir.Value] = {}
    for place, figure in enumerate(figures):
        parts[f"above_{place}"] = figure.above(rows).cast("float64").fill_null(0.0)
        parts[f"below_{place}"] = _below(rows, figure)
    if is_counted:
        parts["rows"] = ibis.literal(1.0)
    if not keys:
        # rounding makes floats of DuckDB's decimals too, which a constant is and whose squares overflow
        return rows.select("group", **{part: value.round(DECIMALS) for part, value in parts.items()})
    each = rows.select(*keys, **parts)
    return each.group_by(*keys).aggregate(**{part: each[part].sum().round(DECIMALS) for part in parts})


def _over_clusters(each: ir.Table, figures: Sequence[Figure], is_counted: bool) -> ir.Table:
    """One row per group: clusters, and for each figure the sums over clusters."""
    sums: dict[str, ir.Value] = {"customers": each.count().cast("int64")}
    if is_counted:
        sums["rows"] = each.rows.sum().cast("int64")
    for place in range(len(figures)):
        above, below = each[f"above_{place}"], each[f"below_{place}"]
        values = (above, below, above * above, below * below, above * below)
        sums |= {f"{part}_{place}": value.sum().round(DECIMALS) for part, value in zip(_SUMS, values, strict=True)}
    return each.group_by("group").aggregate(**sums)


def _below(rows: ir.Table, figure: Figure) -> ir.Value:
    if figure.below is None:
        # a number first: Spark does not read `x IS NOT NULL IS NOT NULL`
        return figure.above(rows).cast("float64").notnull().cast("float64")
    return figure.below(rows).cast("float64").fill_null(0.0)


def _folded(groups: list[dict[str, Any]], dimension: Dimension) -> list[dict[str, Any]]:
    """The largest groups in their natural order, or by size; what is left over added up at the end."""
    ranked = sorted(groups, key=lambda row: (-row["customers"], row["group"]))
    kept, left = ranked[:MOST_GROUPS], ranked[MOST_GROUPS:]
    places = {label: place for place, label in enumerate(dimension.order)}
    kept.sort(key=lambda row: (row["group"] == dims.UNKNOWN, places.get(row["group"], len(places))))
    if left:
        numbers = [column for column in left[0] if column != "group"]
        kept.append({"group": OTHERS, **{column: sum(row[column] for row in left) for column in numbers}})
    return kept


def _sums(groups: list[dict[str, Any]], place: int, figure: Figure) -> Sums:
    import numpy as np

    from regulars.models.breakdown import Sums

    def column(name: str) -> Any:
        return np.array([row[name] for row in groups], dtype=float)

    above, below, above_squares, below_squares, products = (column(f"{part}_{place}") for part in _SUMS)
    return Sums(
        column("customers"), above, below, above_squares, below_squares, products, is_share=figure.is_share
    )  # fmt: skip


def _table(
    by: Sequence[Dimension],
    counted: Sequence[list[dict[str, Any]]],
    figures: Sequence[Figure],
    judged: Sequence[Sequence[Judged]],
    p_values: Sequence[Sequence[Any]],
    least: int,
    count_name: str,
) -> Columns:
    import numpy as np

    def joined(parts: Sequence[Any]) -> Any:
        return np.concatenate(parts) if parts else np.array([])

    counts = [row["customers"] for groups in counted for row in groups]
    totals = [sum(row["customers"] for row in groups) for groups in counted for _ in groups]
    columns = Columns()
    columns.add("dimension", [one.name for one, groups in zip(by, counted, strict=True) for _ in groups], "name")
    columns.add("group", [row["group"] for groups in counted for row in groups], "text")
    columns.add("customers", counts, "customers", "Customers with at least one row in the group.")
    shares = [count / total for count, total in zip(counts, totals, strict=True)]
    columns.add("customer_share", shares, "share", "Of the customers counted over all groups of the dimension.")
    if count_name:
        rows = [row["rows"] for groups in counted for row in groups]
        columns.add(count_name, rows, cast("Unit", count_name if count_name in get_args(Unit) else "count"))
    for place, figure in enumerate(figures):
        ours = [per_figure[place] for per_figure in judged]
        value, low, high = (joined([getattr(one, end) for one in ours]) for end in ("value", "low", "high"))
        if figure.is_proportion:
            low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
        p_value = joined([per_figure[place] for per_figure in p_values])
        rest = joined([_rest_value(groups, place) for groups in counted])
        sign = np.where(p_value < FALSE_DISCOVERIES, np.sign(value - rest), 0.0)
        if figure.total:
            sums = [row[f"above_{place}"] for groups in counted for row in groups]
            columns.add(figure.total, sums, "count" if figure.unit == "share" else figure.unit, "Sum over the group.")
        columns.add(figure.name, value, figure.unit, figure.meaning)
        columns.add_interval(figure.name, low, high, figure.unit)
        columns.add(
            f"{figure.name}_differs", np.where(np.isnan(p_value), np.nan, sign), "",
            "Against all other groups together: 1 above, −1 below, 0 not beyond chance.",
            f"{figure.name.replace('_', ' ')} differs",
        )  # fmt: skip
    columns.add("too_few", [count < least for count in counts], "", f"Under {least} customers: no figure is told.")
    return columns


def _rest_value(groups: list[dict[str, Any]], place: int) -> Any:
    import numpy as np

    above = np.array([row[f"above_{place}"] for row in groups], dtype=float)
    below = np.array([row[f"below_{place}"] for row in groups], dtype=float)
    others = below.sum() - below
    return (above.sum() - above) / np.where(others == 0, np.nan, others)
