"""Checks of numbers far beyond all others, and of giant orders that were taken back.

How numbers are spread is read from a histogram on the log scale, 2 % wide: one small query whatever the size of the
table. A number is extreme where it lies three spreads of the middle half above the upper quartile (on the log scale; at
least a factor of 8), and as far above the 99.9th percentile as that is above the median, or 20 times it, whichever is
less. Heavy tails that are real (fuel in hundredths of a gallon, wholesale orders) thus stay within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.intake.checks import pairs as check_pairs
from regulars.intake.checks.bad_rows import PURCHASES, Check, in_all, number
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

BUCKETS_PER_E = 50
MIN_VALUES = 100
FENCE_SPREADS = 3
LEAST_SPREAD = 2.0
TAIL_TIMES = 20.0
LEAST_TIMES = 3.0
TOP_SHARE = 0.001
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
            yield from check_pairs.find(context, name, {measure: extreme.least for measure, extreme in found.items()})


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
    is_mapped = measure in rows.columns
    rows = rows if is_mapped else rows.mutate(**{measure: value})
    bad = rows.filter(rows[measure].abs() >= extreme.least)
    rule = f"exclude = ['{measure} >= {extreme.least:.12g}'] under [tables.{name}] sets them aside"
    return context.result(
        "extreme_values", name, measure, extreme.rows, extreme.of,
        f"{measure} is {number(extreme.least)} or more in {in_all(extreme.rows, extreme.of)}, where 999 of 1,000 are "
        f"at most {number(extreme.ordinary)}",
        bad=bad, examples=context.examples(bad, measure, [bad[measure].abs().desc()]),
        change=rule if is_mapped else "",
    )  # fmt: skip


CHECKS = (
    Check(
        {
            "extreme_values": "numbers far beyond all others",
            "cancelling_pairs": "extreme purchases that the same customer took back",
        },
        _extremes,
    ),
)
