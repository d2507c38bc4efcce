"""Who is about to leave: silence as a share of a limit, what is at stake, and what a voucher should bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.measures import stats
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

STATUSES = ("in rhythm", "late", "probably gone", "gone")
"""Up to half the limit, up to the limit, up to twice the limit, beyond."""
AT_RISK = ("late", "probably gone")
_LEAST_PROBABILITY = 0.05
_LEAST_TENURE_DAYS = 30
_YEAR_DAYS = 365


@dataclass(frozen=True)
class Yardstick:
    """How silence is measured.

    Args:
        uses_model: Whether the model's limit and probability are used, where the view has them.
        is_alike: Whether one limit holds for all customers.
        limit_gaps: So many gaps make the limit.
        typical_gap_days: Mean days between two visits over all customers.
        bands: Upper ends of the bands of silence ÷ limit.
        kept: Per band, how likely a return is beside the best band, 0-1.
    """

    uses_model: bool
    is_alike: bool
    limit_gaps: float
    typical_gap_days: float
    bands: Sequence[float]
    kept: Sequence[float]


def gap_sums(buyers: ir.Table) -> ir.Table:
    """One row: days between visits and how many gaps there are, over all customers, and what a visit brings."""
    return buyers.aggregate(
        days=buyers.active_days.sum().cast("int64"),
        gaps=(buyers.visit_day_count - 1).sum().cast("int64"),
        customers=buyers.count(),
        visits=buyers.visit_day_count.sum().cast("int64"),
        revenue=buyers.revenue_total.fill_null(0.0).sum().round(DECIMALS),
        first=buyers.tenure_days.max(),
    )


def with_risk(buyers: ir.Table, yardstick: Yardstick, voucher_cost: float, response_share: float) -> ir.Table:
    """The buyers with limit, status, chance of staying, the day they count as gone, value at stake and voucher gain."""
    import ibis

    y = yardstick
    own = (buyers.active_days / (buyers.visit_day_count - 1).nullif(0)).fill_null(float(y.typical_gap_days))
    limit = y.limit_gaps * ibis.greatest(own, ibis.literal(1.0))
    if y.is_alike:  # multiplied here: between two literals DuckDB would multiply decimals, which overflow
        limit = ibis.literal(float(y.limit_gaps * max(y.typical_gap_days, 1.0)))
    if y.uses_model:
        limit = ibis.coalesce(buyers.silence_limit_days.cast("float64"), limit)
    rows = buyers.mutate(limit_days=ibis.greatest(limit, ibis.literal(1.0)).ceil().cast("int64"))
    ratio = rows.recency_days / rows.limit_days
    rows = rows.mutate(
        silence_share=ratio.round(6),
        status=ibis.cases((ratio <= 0.5, STATUSES[0]), (ratio <= 1, STATUSES[1]), (ratio <= 2, STATUSES[2]),
                          else_=STATUSES[3]),
        gone_on=(rows.last_ordered_on + rows.limit_days.as_interval("D")).cast("timestamp").cast("date"),
    )  # fmt: skip
    steps = [(rows.silence_share <= end, kept) for end, kept in zip(y.bands, y.kept, strict=False)]
    stays = ibis.cases(*steps, else_=y.kept[-1])
    value = _value(rows)
    if y.uses_model:
        stays = ibis.coalesce(rows.active_probability, stays)
        value = value / ibis.greatest(ibis.coalesce(rows.active_probability, 1.0), ibis.literal(_LEAST_PROBABILITY))
    rows = rows.mutate(stay_probability=stays.round(6), value_if_active=value.round(DECIMALS))
    rows = rows.mutate(value_at_stake=(rows.value_if_active * (1 - rows.stay_probability)).round(DECIMALS))
    # not rounded: a tie would fall on either side by the order in which an engine adds
    return rows.mutate(voucher_gain=response_share * rows.value_at_stake - voucher_cost)


def _value(rows: ir.Table) -> ir.Value:
    """What a year brings: as foretold, else at the customer's own past rate; at least 0."""
    import ibis

    if "expected_value" in rows.columns:
        return rows.expected_value.fill_null(0.0)
    tenure = ibis.greatest(rows.tenure_days, _LEAST_TENURE_DAYS)
    return ibis.greatest(rows.revenue_total.fill_null(0.0) / tenure * _YEAR_DAYS, ibis.literal(0.0))


def by_band(risky: ir.Table, bands: Sequence[float]) -> ir.Table:
    """One row per band of silence ÷ limit today: `band` from 0, customers, their revenue so far and value at stake."""
    import ibis

    band = ibis.cases(*[(risky.silence_share <= end, place) for place, end in enumerate(bands)], else_=len(bands))
    rows = risky.mutate(band=band.cast("int64"))
    return rows.group_by("band").aggregate(
        customers=rows.count(),
        revenue=rows.revenue_total.fill_null(0.0).sum().round(DECIMALS),
        value_at_stake=rows.value_at_stake.sum().round(DECIMALS),
    ).order_by("band")  # fmt: skip


def by_status(risky: ir.Table) -> ir.Table:
    """One row per status: customers, revenue so far, value at stake with its squares, and vouchers that should pay."""
    pays = (risky.voucher_gain > 0) & risky.status.isin(list(AT_RISK))
    return risky.group_by("status").aggregate(
        customers=risky.count(),
        revenue=risky.revenue_total.fill_null(0.0).sum().round(DECIMALS),
        **stats.moments("value_at_stake", risky.value_at_stake),
        vouchers=pays.cast("int32").sum().cast("int64"),
        voucher_gain=risky.voucher_gain.sum(where=pays).fill_null(0.0).round(DECIMALS),
    )


def at_risk(risky: ir.Table, currency: str) -> ir.Table:
    """Late and probably gone customers with something at stake, the largest expected gain of a voucher first."""
    rows = risky.filter(risky.status.isin(list(AT_RISK)) & (risky.value_at_stake > 0))
    silence, limit = rows.recency_days.cast("string"), rows.limit_days.cast("string")
    stake = rows.value_at_stake.round().cast("int64").cast("string") + f" {currency}".rstrip()
    members = rows.select(
        customer_id=rows.customer_id,
        reason=rows.status + ": silent for " + silence + " of " + limit + " days; at stake " + stake,
        score=rows.voucher_gain,
        value_at_stake=rows.value_at_stake,
        stay_probability=rows.stay_probability,
        gone_on=rows.gone_on,
        recency_days=rows.recency_days,
    )
    return members.order_by(members.score.desc(), members.customer_id)
