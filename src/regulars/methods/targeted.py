"""Campaigns that chose whom to contact: what they can still tell, with the naive figure and its placebo beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.measures import sampling
from regulars.measures import targeted as measures
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.models.targeted import Lift, Pooled

MOST_CAMPAIGNS = 30
MOST_CUSTOMERS = 20_000
"""Beyond so many customers a sample drawn by their ids is looked at."""


@dataclass(frozen=True)
class Lifts:
    """What is shown of targeted campaigns."""

    tables: list[Table]
    charts: list[Chart]
    findings: list[Finding]
    caveats: list[Caveat]


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


def lifts(data: Dataset) -> Lifts:
    """Naive, difference in differences and weighted, by kind of campaign and by campaign."""
    found = _measured(data)
    if not found:
        text = "No campaign without arms has customers enough, and purchases before and during it."
        return Lifts([], [], [], [Caveat(text)] if not data.settings.experiments else [])
    kinds = sorted({one.kind for one in found})
    pooled = {kind: _pooled([one.lift for one in found if one.kind == kind]) for kind in kinds}
    source = tuple(one.query for one in found)
    tables = [_by_kind(pooled, source), _by_campaign(found, source)]
    refused = sum(one.lift.weighted is None for one in found)
    caveats = [
        Caveat(
            "These campaigns chose whom to contact: the naive figure credits them with whom they chose, as the "
            "placebo, the same figure for the days before, shows. Of effects only an experiment can tell.", "warning",
        )
    ]  # fmt: skip
    if refused:
        text = (
            f"For {refused} of {len(found)} campaigns weighting is refused: after it those contacted still differ from "
            f"the others by more than {measures_limit()} standard deviations."
        )
        caveats.append(Caveat(text))
    chart = Chart(
        "targeted_change", "Against their own past, the contacted bought this much more than the others",
        "Difference in differences ÷ what would have been, with the 95 % interval", "interval", "targeted", "kind",
        "change", low="change_low", high="change_high", x_sort="data",
    )  # fmt: skip
    return Lifts(tables, [chart], _findings(data, pooled), caveats)


def measures_limit() -> float:
    """The imbalance from which weighting is refused."""
    from regulars.models.targeted import MOST_IMBALANCE

    return MOST_IMBALANCE


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
        import numpy as np

        features = np.column_stack([np.log1p(np.maximum(rows[name].to_numpy(), 0.0)) for name in measures.FEATURES])
        during, before = rows["during"].to_numpy(), rows["before"].to_numpy()
        found.append(_Campaign(row["campaign"], row["kind"], lift(is_contacted, during, before, features), query))
    return found


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
        if row["first"] - timedelta(days=measures.BEFORE_DAYS) >= begun and row["last"] <= data.as_of:
            kept.append({**row, "customers": customers})
    return sorted(kept[:MOST_CAMPAIGNS], key=lambda row: (len(row["campaign"]), row["campaign"]))


def _by_kind(pooled: dict[str, Pooled], source: tuple[ir.Expr, ...]) -> Table:
    rows, columns, nothing = list(pooled.values()), Columns(), float("nan")
    columns.add("kind", list(pooled), "text", "Kind of campaign.")
    columns.add("campaigns", [row.campaigns for row in rows], "count")
    columns.add("contacts", [row.contacted for row in rows], "customers", "Customers contacted, added up.")
    columns.add("naive", [row.naive for row in rows], "change_share", "Contacted beside the others, during.")
    columns.add("placebo", [row.placebo for row in rows], "change_share", "The same in the 28 days before.")
    columns.add("change", [row.change for row in rows], "change_share", "Difference in differences.")
    columns.add_interval("change", [row.low for row in rows], [row.high for row in rows], "change_share")
    weighted = [nothing if row.weighted is None else row.weighted for row in rows]
    columns.add("weighted", weighted, "change_share", "Beside others weighted by their odds of being contacted.")
    columns.add_interval(
        "weighted", [row.weighted_low for row in rows], [row.weighted_high for row in rows], "change_share"
    )
    columns.add("imbalance", [row.imbalance for row in rows], "", "Largest standardised difference after weighting.")
    return columns.table(
        "targeted", "Targeted campaigns: what those contacted bought beside the others", source=source,
        dimensions=("kind",),
        note=f"Weighted figures are refused where the imbalance is above {measures_limit()}.",
    )  # fmt: skip


def _by_campaign(found: list[_Campaign], source: tuple[ir.Expr, ...]) -> Table:
    columns, nothing = Columns(), float("nan")
    columns.add("campaign", [one.campaign for one in found], "id")
    columns.add("kind", [one.kind for one in found], "text")
    columns.add("contacted", [one.lift.contacted for one in found], "customers")
    columns.add("others", [one.lift.others for one in found], "customers")
    columns.add("naive", [one.lift.naive_share for one in found], "change_share", "Contacted beside the others.")
    columns.add("placebo", [one.lift.placebo for one in found], "change_share", "The same in the 28 days before.")
    without = [max(one.lift.during - one.lift.change, 1e-12) for one in found]
    change = [one.lift.change for one in found]
    error = [1.96 * one.lift.change_error for one in found]
    columns.add(
        "change", [a / b for a, b in zip(change, without, strict=True)], "change_share", "Difference in differences."
    )
    columns.add_interval(
        "change", [(a - e) / b for a, e, b in zip(change, error, without, strict=True)],
        [(a + e) / b for a, e, b in zip(change, error, without, strict=True)], "change_share",
    )  # fmt: skip
    weighted = [
        nothing if one.lift.weighted is None else one.lift.weighted / max(one.lift.during - one.lift.weighted, 1e-12)
        for one in found
    ]
    columns.add("weighted", weighted, "change_share", "Beside others weighted by their odds of being contacted.")
    columns.add("imbalance", [one.lift.imbalance for one in found], "", "Largest standardised difference left.")
    columns.add(
        "effective_others", [one.lift.effective for one in found], "customers", "Others that the weights leave."
    )
    return columns.table("targeted_campaigns", "Campaign by campaign", source=source, dimensions=("kind",))


def _findings(data: Dataset, pooled: dict[str, Pooled]) -> list[Finding]:
    found = []
    for kind, row in pooled.items():
        if row.contacted < data.min_customers:
            continue
        ends = write_interval(row.low, row.high, "change_share")
        sentence = (
            f"Customers contacted by campaigns of the kind {kind} bought {write(row.naive, 'change_share')} beside the "
            f"others, and {write(row.placebo, 'change_share')} already in the days before; against their own past it "
            f"is {write(row.change, 'change_share')} ({ends})."
        )
        key = "".join(letter if letter.isalnum() else "_" for letter in kind.casefold()).strip("_") or "all"
        found.append(
            Finding(
                f"uplift.targeted.{key}", sentence, row.change, "change_share", row.contacted,
                Evidence("targeted", kind), "modelled", n_unit="count", interval=(row.low, row.high),
                is_good=True if row.low > 0 else False if row.high < 0 else None,
                validated="placebo: the same comparison for the 28 days before the campaigns",
            )
        )  # fmt: skip
    return found
