"""Checks of numbers far beyond all others, and of giant orders that were taken back.

How numbers are spread is read from a histogram on the log scale, 2 % wide: one small query whatever the size of the table. A number is
extreme where it is beyond three times the spread of the middle half above the upper quartile (on the log scale; at least a
factor of 8), and as far above the 99.9th percentile as that is above the median, or 20 times it, whichever is less. Heavy
tails that are real (fuel sold by the hundredth of a gallon, wholesale orders) thus stay within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.units import write
from regulars.intake.bad_rows import Check, as_example, in_all, number, some
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.bad_rows import Context

BUCKETS_PER_E = 50
MIN_VALUES = 100
FENCE_SPREADS = 3
LEAST_SPREAD = 2.0
TAIL_TIMES = 20.0
LEAST_TIMES = 3.0
TOP_SHARE = 0.001
MAX_EXTREMES = 1000
PROBLEM_SHARE = 0.01
"""Pairs worth more than this share of the revenue are a problem."""
PURCHASES = ("lines", "orders")
_NOT_MEASURED = ("birth_year", "age")
_LARGEST = 1e300


@dataclass(frozen=True)
class Bucket:
    """Numbers of about one size, without their sign."""

    rows: int
    low: float
    high: float


@dataclass(frozen=True)
class Extreme:
    """The numbers beyond all others: from `least` on, in `rows` of `of`, where 999 of 1,000 are at most `ordinary`."""

    rows: int
    of: int
    least: float
    ordinary: float


def find_extremes(buckets: Sequence[Bucket]) -> Extreme | None:
    """Whether the largest numbers stand apart.

    Args:
        buckets: The histogram, smallest first.

    >>> plain = [Bucket(1000, 10.0 * step, 10.0 * step + 9) for step in range(1, 10)]
    >>> find_extremes([*plain, Bucket(2, 70_000.0, 80_000.0)])
    Extreme(rows=2, of=9002, least=70000.0, ordinary=99.0)
    >>> find_extremes(plain)
    """
    of = sum(bucket.rows for bucket in buckets)
    if of < MIN_VALUES:
        return None
    from_top = max(3, round(TOP_SHARE * of))
    ordinary = _ranked(buckets, of - from_top + 1)
    middle, lower, upper = (_ranked(buckets, max(1, round(share * of))) for share in (0.5, 0.25, 0.75))
    fence = upper * max(upper / lower, LEAST_SPREAD) ** FENCE_SPREADS
    times = max(LEAST_TIMES, min(TAIL_TIMES, ordinary / middle))
    beyond = [bucket for bucket in buckets if bucket.low > max(fence, times * ordinary)]
    if not beyond:
        return None
    return Extreme(sum(bucket.rows for bucket in beyond), of, beyond[0].low, ordinary)


def _ranked(buckets: Sequence[Bucket], rank: int) -> float:
    """About the number of that rank, counted from the smallest."""
    for bucket in buckets:
        rank -= bucket.rows
        if rank <= 0:
            return bucket.high
    return buckets[-1].high


# -- the queries ------------------------------------------------------------------------------------


def _extremes(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        rows = table.numbered
        measures = _measures(context, name, rows)
        found = _found(context, rows, measures)
        for measure, extreme in found.items():
            yield _told(context, name, rows, measure, measures[measure], extreme)
        if name in PURCHASES and found:
            yield from _pairs(context, name, {measure: extreme.least for measure, extreme in found.items()})


def _measures(context: Context, name: str, rows: ir.Table) -> dict[str, ir.NumericValue]:
    """The numbers of a table that have a size."""
    if name in PURCHASES:
        measures = {column: rows[column] for column in ("quantity", "unit_price", "paid") if column in rows.columns}
        amount = money.amount(rows)
        return measures if amount is None else measures | {"amount": amount}
    return {
        cell.name: rows[cell.name]
        for cell in context.tables[name].survey.cells
        if cell.column.kind in ("number", "money", "integer") and cell.name not in _NOT_MEASURED
    }


def _found(context: Context, rows: ir.Table, measures: Mapping[str, ir.NumericValue]) -> dict[str, Extreme]:
    import ibis

    parts = []
    for measure, value in measures.items():
        sizes = rows.select(size=value.cast("float64").abs()).filter(lambda t: (t.size > 0) & (t.size < _LARGEST))
        buckets = sizes.group_by(bucket=(sizes["size"].ln() * BUCKETS_PER_E).floor().cast("int64")).aggregate(
            rows=sizes.count(), low=sizes["size"].min(), high=sizes["size"].max()
        )
        parts.append(buckets.mutate(measure=ibis.literal(measure)))
    if not parts:
        return {}
    all_buckets = ibis.union(*parts) if len(parts) > 1 else parts[0]
    by_measure: dict[str, list[Bucket]] = {measure: [] for measure in measures}
    for row in sorted(context.fetch(all_buckets, 100_000 * len(parts)), key=lambda row: row["low"]):
        by_measure[row["measure"]].append(Bucket(row["rows"], row["low"], row["high"]))
    extremes = {measure: find_extremes(buckets) for measure, buckets in by_measure.items()}
    return {measure: extreme for measure, extreme in extremes.items() if extreme is not None}


def _told(
    context: Context, name: str, rows: ir.Table, measure: str, value: ir.NumericValue, extreme: Extreme
) -> CheckResult:
    bad = rows.filter(value.abs() >= extreme.least).order_by(value.abs().desc())
    sign = "" if measure in ("income", "cost") else ", plus or minus,"
    return context.result(
        "extreme_values", name, measure, extreme.rows, extreme.of,
        f"{measure} is {number(extreme.least)} or more{sign} in {in_all(extreme.rows, extreme.of)}, where 999 of 1,000 have at "
        f"most {number(extreme.ordinary)}",
        bad=bad, change=f"exclude = ['{measure} >= {extreme.least:.12g}'] under [tables.{name}] sets them aside"
        if measure in rows.columns else "",
    )  # fmt: skip


def _pairs(context: Context, name: str, least: Mapping[str, float]) -> Iterator[CheckResult]:
    """Extreme purchases that the same customer took back: the same product and minus the quantity, or minus the amount."""
    table = context.tables[name]
    accepted = _sized(table.numbered)
    others = accepted.union(_sized(table.aside).select(*accepted.columns))
    sizes = [column for column in ("_quantity", "_amount") if column in accepted.columns]
    if not sizes or "customer_id" not in accepted.columns:
        return
    limits = [accepted[f"_{measure}"] >= limit for measure, limit in least.items() if f"_{measure}" in sizes]
    if not limits:
        return
    condition = limits[0]
    for limit in limits[1:]:
        condition = condition | limit
    extremes = accepted.filter(condition)
    opposites = others.filter(others[sizes[-1]] < 0).rename(lambda column: f"{column}_opposite")
    joined = extremes.join(opposites, extremes.customer_id == opposites.customer_id_opposite)
    matches = _matches(joined, sizes)
    pairs = joined.filter(matches)
    found = context.fetch(pairs.order_by("_source", "_row", "_row_opposite"), MAX_EXTREMES)
    once = {(row["_source"], row["_row"]): row for row in reversed(found)}
    if once:
        yield _told_pairs(context, name, pairs, list(reversed(once.values())))


def _sized(rows: ir.Table) -> ir.Table:
    names = ("_source", "_row", "order_id", "customer_id", "product_id", "ordered_at")
    amount = money.amount(rows)
    if amount is None and "paid" in rows.columns:
        amount = rows.paid
    return rows.select(
        *[name for name in names if name in rows.columns],
        **({"_quantity": rows.quantity} if "quantity" in rows.columns else {}),
        **({"_amount": amount} if amount is not None else {}),
    )


def _matches(joined: ir.Table, sizes: Sequence[str]) -> ir.BooleanValue:
    import ibis

    matches = ibis.literal(False)
    if "_amount" in sizes:
        opposite = joined["_amount"] + joined["_amount_opposite"]
        matches = matches | (opposite.abs() < money_tolerance())
    if "_quantity" in sizes and "product_id" in joined.columns:
        is_same = joined["product_id"] == joined["product_id_opposite"]
        matches = matches | (is_same & (joined["_quantity"] == -joined["_quantity_opposite"]))
    return matches.fill_null(False)


def money_tolerance() -> float:
    """Amounts this close are equal."""
    return 0.005
