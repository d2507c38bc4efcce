"""Campaigns that chose whom to contact: what they can still tell, with the naive figure and its placebo beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding, Pieces, key_part
from regulars.core.units import write, write_interval
from regulars.measures import sampling
from regulars.measures import targeted as measures
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.models.targeted import Lift, Past, Pooled

MOST_CAMPAIGNS = 30
MOST_CUSTOMERS = 20_000
"""Beyond so many customers a sample drawn by their ids is looked at."""
_REFUSALS = {
    "imbalance": "those contacted still differ from the others by more than 0.1 standard deviations in what they did "
    "before",
    "no overlap": "more than 5 % of those contacted have hardly anyone alike among the others",
    "few others alike": "too few of the others are like those contacted",
    "placebo": "the weighted figure is beyond chance already in the days before",
    "too short a past": "the data do not reach back far enough to test it",
}
"""Why weighting is refused, in words."""


@dataclass(frozen=True)
class _Campaign:
    campaign: str
    kind: str
    lift: Lift
    query: ir.Table


def has_campaigns(data: Dataset) -> bool:
    """Whether customers were contacted in dated campaigns, and what they bought is known."""
    contacts, campaigns = data.tables.get("contacts"), data.tables.get("campaigns")
    if contacts is None or campaigns is None or data.summaries.missing("customer_days") or data.as_of is None:
        return False
    if "revenue" not in data.customer_days.columns or "campaign_id" not in contacts.columns:
        return False
    return "starts_on" in campaigns.columns


def lifts(data: Dataset) -> Pieces:
    """Naive, difference in differences and weighted, by kind of campaign and by campaign."""
    found = _measured(data)
    if not found:
        text = "No campaign without arms has customers enough, and purchases before and during it."
        return Pieces(caveats=[Caveat(text)] if not data.settings.experiments else [])
    kinds = sorted({one.kind for one in found})
    pooled = {kind: _pooled([one.lift for one in found if one.kind == kind]) for kind in kinds}
    source = tuple(one.query for one in found)
    tables = [_by_kind(pooled, source), _by_campaign(found, source)]
    caveats = [
        Caveat(
            "These campaigns chose whom to contact: the naive figure credits them with whom they chose, as the "
            "placebo, the same figure for the days before, shows. Of effects only an experiment can tell.", "warning",
        )
    ]  # fmt: skip
    moved = [kind for kind, row in pooled.items() if row.past_low > 0 or row.past_high < 0]
    if moved:
        text = (
            f"With {', '.join(moved)} those contacted and the others moved apart already before the campaigns: the "
            "change against their own past is then no measure of the campaign."
        )
        caveats.append(Caveat(text, "warning"))
    refused = [one.lift.refusal for one in found if one.lift.refusal]
    if refused:
        reasons = "; ".join(f"{_REFUSALS[one]} ({refused.count(one)})" for one in _REFUSALS if one in refused)
        text = f"For {len(refused)} of {len(found)} campaigns the weighted figure is refused: {reasons}."
        caveats.append(Caveat(text))
    return Pieces(tables, [_chart(pooled)], _findings(data, pooled), caveats=caveats)


def _chart(pooled: dict[str, Pooled]) -> Chart:
    naive = max(abs(row.naive) for row in pooled.values())
    seen = [kind for kind, row in pooled.items() if row.low > 0 or row.high < 0]
    title = "Set against their own past, no kind of campaign shows an effect beyond chance"
    if seen:
        title = f"Set against their own past, customers changed beyond chance with: {', '.join(seen)}"
    return Chart(
        "targeted_change", title,
        f"How much more those contacted bought than they would have, with the 95 % interval; the naive comparison "
        f"says up to {write(naive, 'change_share')}", "interval", "targeted", "kind", "change", low="change_low",
        high="change_high", x_sort="data",
    )  # fmt: skip


def _pooled(rows: list[Lift]) -> Pooled:
    from regulars.models.targeted import pool

    return pool(rows)


def _measured(data: Dataset) -> list[_Campaign]:
    from regulars.models.targeted import lift

    found = []
    for row in _dated(data):
        contacts = data.table("contacts")
        sent = contacts.filter(contacts.campaign_id.cast("string") == row["campaign"])
        around = measures.around(data.customer_days, data.customers, sent, row["first"], row["last"])
        query = sampling.sample(around, MOST_CUSTOMERS / max(row["customers"], 1), "targeted").order_by("customer_id")
        rows = data.collect(query, 2 * MOST_CUSTOMERS)
        is_contacted = rows["is_contacted"].to_numpy(zero_copy_only=False).astype(bool)
        if min(is_contacted.sum(), (~is_contacted).sum()) < data.min_customers:
            continue
        measured = lift(
            is_contacted, rows["during"].to_numpy(), rows["spend_28"].to_numpy(), _features(rows, ""),
            _past(rows, is_contacted, data.min_customers) if row["has_past"] else None,
        )  # fmt: skip
        found.append(_Campaign(row["campaign"], row["kind"], measured, query))
    return found


def _features(rows: pa.Table, suffix: str) -> Any:
    """What customers are weighted by: as it is, so that what they bought before comes out alike, and as logarithms."""
    import numpy as np

    plain = [rows[f"{name}{suffix}"].to_numpy() for name in measures.FEATURES]
    return np.column_stack([*plain, *(np.log1p(np.maximum(one, 0.0)) for one in plain)])


def _past(rows: pa.Table, is_contacted: Any, least: int) -> Past | None:
    """The same comparison before the campaign, where enough of both groups were customers then."""
    from regulars.models.targeted import Past

    known = rows["was_known"].to_numpy(zero_copy_only=False).astype(bool)
    ours = is_contacted[known]
    if min(ours.sum(), (~ours).sum()) < least:
        return None
    before = rows[f"spend_28{measures.PAST}"].to_numpy()[known]
    return Past(ours, rows["spend_28"].to_numpy()[known], before, _features(rows, measures.PAST)[known])


def _dated(data: Dataset) -> list[dict[str, Any]]:
    """Campaigns without arms, wholly inside the purchases, the largest first; in the order of their ids."""
    import ibis

    contacts, campaigns, days = data.table("contacts"), data.table("campaigns"), data.customer_days
    if "arm" in contacts.columns:
        contacts = contacts.filter(contacts.arm.isnull() | (contacts.arm == ""))
    ends = data.collect(days.aggregate(first=days.day.min(), n=days.customer_key.nunique().cast("int64")), 1)
    begun, customers = ends["first"][0].as_py(), ends["n"][0].as_py()
    if begun is None:
        return []
    sizes = contacts.group_by(campaign=contacts.campaign_id.cast("string")).aggregate(
        contacted=contacts.customer_id.nunique().cast("int64")
    )
    last = campaigns.ends_on if "ends_on" in campaigns.columns else ibis.null("date")
    kind = campaigns.kind.cast("string").fill_null("campaign") if "kind" in campaigns.columns else ibis.literal("all")
    dated = campaigns.select(
        campaign=campaigns.campaign_id.cast("string"), kind=kind, first=campaigns.starts_on, last=last
    )
    joined = dated.join(sizes, "campaign").filter(lambda t: t.first.notnull())
    rows = data.collect(joined.order_by(joined.contacted.desc(), joined.campaign).limit(1000), 1000).to_pylist()
    assert data.as_of is not None  # noqa: S101  seen to before
    kept = []
    for row in rows:
        row["last"] = row["last"] or row["first"] + timedelta(days=measures.BEFORE_DAYS - 1)
        reach = (row["first"] - begun).days
        if reach >= measures.BEFORE_DAYS and row["last"] <= data.as_of:
            kept.append({**row, "customers": customers, "has_past": reach >= 2 * measures.BEFORE_DAYS})
    return sorted(kept[:MOST_CAMPAIGNS], key=lambda row: (len(row["campaign"]), row["campaign"]))


def _by_kind(pooled: dict[str, Pooled], source: tuple[ir.Expr, ...]) -> Table:
    rows, columns, nothing = list(pooled.values()), Columns(), float("nan")
    columns.add("kind", list(pooled), "text", "Kind of campaign.")
    columns.add("campaigns", [row.campaigns for row in rows], "count")
    columns.add("contacts", [row.contacted for row in rows], "contacts", "Customers contacted, added up.")
    columns.add("naive", [row.naive for row in rows], "change_share", "Contacted beside the others, during.")
    columns.add("placebo", [row.placebo for row in rows], "change_share", "The same in the 28 days before.")
    columns.add("change", [row.change for row in rows], "change_share", "Difference in differences.")
    columns.add_interval("change", [row.low for row in rows], [row.high for row in rows], "change_share")
    columns.add("change_placebo", [row.past_change for row in rows], "change_share", "The same in the 28 days before.")
    columns.add_interval(
        "change_placebo", [row.past_low for row in rows], [row.past_high for row in rows], "change_share"
    )
    weighted = [nothing if row.weighted is None else row.weighted for row in rows]
    columns.add("weighted", weighted, "change_share", "Beside others weighted by their odds of being contacted.")
    columns.add_interval(
        "weighted", [row.weighted_low for row in rows], [row.weighted_high for row in rows], "change_share"
    )
    columns.add("refused", [row.refused for row in rows], "count", "Campaigns whose weighted figure is refused.")
    columns.add("imbalance", [row.imbalance for row in rows], "", "Largest standardised difference after weighting.")
    return columns.table(
        "targeted", "Targeted campaigns: what those contacted bought beside the others", source=source,
        dimensions=("kind",),
        note="A kind has a weighted figure only where none of its campaigns refuses it; see campaign by campaign.",
    )  # fmt: skip


def _by_campaign(found: list[_Campaign], source: tuple[ir.Expr, ...]) -> Table:
    columns, lifts = Columns(), [one.lift for one in found]
    columns.add("campaign", [one.campaign for one in found], "id")
    columns.add("kind", [one.kind for one in found], "text")
    columns.add("contacted", [one.contacted for one in lifts], "customers")
    columns.add("others", [one.others for one in lifts], "customers")
    columns.add("naive", [one.naive_share for one in lifts], "change_share", "Contacted beside the others.")
    columns.add("placebo", [one.placebo for one in lifts], "change_share", "The same in the 28 days before.")
    _add_share(columns, "change", "Difference in differences.", [(one.change, one.change_error, one.during)
               for one in lifts])  # fmt: skip
    _add_share(
        columns, "change_placebo", "The same in the 28 days before.",
        [(one.past_change, one.past_change_error, one.past_during) for one in lifts],
    )  # fmt: skip
    nothing = float("nan")
    weighted = [(nothing if one.weighted is None else one.weighted, one.weighted_error, one.during) for one in lifts]
    _add_share(columns, "weighted", "Beside others weighted by their odds of being contacted.", weighted)
    columns.add("weighted_placebo", [one.weighted_placebo for one in lifts], "change_share", "The same before.")
    columns.add("refused_for", [one.refusal for one in lifts], "text", "Why there is no weighted figure.")
    columns.add("imbalance", [one.imbalance for one in lifts], "", "Largest standardised difference left.")
    columns.add(
        "without_like_share", [one.without_like for one in lifts], "share",
        "Of the contacted, with a chance of being contacted above 90 %.",
    )  # fmt: skip
    columns.add("effective_others", [one.effective for one in lifts], "customers", "Others that the weights leave.")
    reasons = "; ".join(f"{name}: {text}" for name, text in _REFUSALS.items())
    return columns.table(
        "targeted_campaigns", "Campaign by campaign", source=source, dimensions=("kind",),
        note=f"Weighted figures are refused for: {reasons}.",
    )  # fmt: skip


def _add_share(columns: Columns, name: str, meaning: str, rows: list[tuple[float, float, float]]) -> None:
    """A difference ÷ what would have been without it, with its interval; rows of difference, error, level."""
    without = [max(level - value, 1e-12) for value, _, level in rows]
    each = [(value, 1.96 * error, rest) for (value, error, _), rest in zip(rows, without, strict=True)]
    columns.add(name, [value / rest for value, _, rest in each], "change_share", meaning)
    columns.add_interval(
        name, [(value - half) / rest for value, half, rest in each],
        [(value + half) / rest for value, half, rest in each], "change_share",
    )  # fmt: skip


def _findings(data: Dataset, pooled: dict[str, Pooled]) -> list[Finding]:
    found = []
    for kind, row in pooled.items():
        if row.contacted < data.min_customers:
            continue
        ends = write_interval(row.low, row.high, "change_share")
        verdict = "no more than chance"
        if row.low > 0:
            verdict = "beyond chance, though chosen customers may have been about to buy more anyway"
        elif row.high < 0:
            verdict = "below zero beyond chance, as it is where customers were chosen right after they had bought much"
        sentence = (
            f"Those contacted by campaigns of the kind '{kind}' bought {_beside(row.naive)} than the others during "
            f"them, but {_beside(row.placebo)} already in the 28 days before. Set against their own past the "
            f"difference is {write(row.change, 'change_share')} ({ends}): {verdict}."
        )
        found.append(
            Finding(
                f"uplift.targeted.{key_part(kind)}", sentence, row.change, "change_share", row.contacted,
                Evidence("targeted", kind), "modelled", n_unit="contacts", interval=(row.low, row.high),
                is_good=True if row.low > 0 else False if row.high < 0 else None,
                validated="placebo: the same comparisons for the 28 days before the campaigns",
            )
        )  # fmt: skip
    return found


def _beside(change: float) -> str:
    return f"{write(abs(change), 'share')} {'more' if change >= 0 else 'less'}"
