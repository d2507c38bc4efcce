"""Recency, frequency, money: who the best customers are, who slips away, and who could buy a second time."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Feature, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError
from regulars.measures import rfm
from regulars.models.score_cells import ScoreCells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result

_FEATURES = (
    Feature("recency_score", "score", "how lately the customer bought; the highest is the latest", "recency_days, cut"),
    Feature("frequency_score", "score", "how often the customer bought", "order_count, cut"),
    Feature("monetary_score", "score", "how much the customer spent", "revenue_total, cut"),
    Feature("rfm_score", "text", "the three scores side by side", "recency, frequency and monetary score as digits"),
    Feature("rfm_segment", "text", "segment by the three scores", "the first segment whose ranges hold the scores"),
)

_MEASURES = (("recency_days", "days"), ("order_count", "orders"), ("revenue", "money"))
_SCORES = ("recency_score", "frequency_score", "monetary_score")


@dataclass(frozen=True)
class Rfm(Analysis):
    """Scores by recency, frequency and money, and the segments on them.

    Args:
        levels: Scores from 1 (worst) to this.
        recency_cuts: Own cut points in days, rising, one fewer than levels: up to the first is the best score. Empty:
            parts of equal size, as far as equal customers allow.
        frequency_cuts: The same in orders: up to the first is score 1.
        monetary_cuts: The same in money.
        segments: Own segments in the order of their precedence; empty: the usual eleven.
    """

    title = "Recency, frequency, money"
    question = "Who are the best customers, who is slipping away, and who could be won for a second order?"
    chapter = "segments"
    order = 10
    needs = Needs(customers={"recency_days", "order_count", "revenue_total"})
    provides = _FEATURES

    levels: int = rfm.USUAL_LEVELS
    recency_cuts: tuple[float, ...] = ()
    frequency_cuts: tuple[float, ...] = ()
    monetary_cuts: tuple[float, ...] = ()
    segments: tuple[rfm.Segment, ...] = ()

    def __post_init__(self) -> None:
        rfm.check_levels(self.levels)
        for name in ("recency_cuts", "frequency_cuts", "monetary_cuts"):
            rfm.check_cuts(name, getattr(self, name), self.levels)
        rfm.check_segments(self.segments, self.levels)

    @property
    def rules(self) -> tuple[rfm.Segment, ...]:
        """The segments in the order of their precedence."""
        return self.segments or rfm.usual_segments(self.levels)

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with scores and segment; null for those who never bought."""
        return rfm.with_scores(data.customers, self._cuts(data), self.rules)

    def run(self, data: Dataset) -> Result:
        """Segments with their size, money and behaviour, the grid of scores, the cut points, and three audiences."""
        customers = data.customers.drop(*[one.name for one in _FEATURES if one.name in data.customers.columns])
        cuts = self._cuts(data)
        scored = rfm.with_scores(customers, cuts, self.rules)
        query = rfm.cells(scored).order_by(*_SCORES)
        rows = data.collect(query)
        cells = ScoreCells({name: rows[name].to_numpy() for name in rows.column_names})
        if not cells.count():
            raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
        groups = _groups(cells, self.rules)
        findings = _findings(cells, groups, data)
        return self.result(
            tables=(
                _segments(cells, self.rules, query, data.min_customers),
                _profiles(cells, self.rules, query),
                _grid(cells, self.levels, query),
                _cut_points(cells, cuts, query),
                _scores(scored),
            ),
            charts=_charts(cells, data, self.rules),
            findings=tuple(findings),
            actions=tuple(_actions(groups, findings)),
            audiences=tuple(_audience(group, scored) for group in groups),
            caveats=tuple(_caveats(cells, data, cuts, self.rules)),
            definitions=_definitions(self.rules, self.levels),
        )

    def _cuts(self, data: Dataset) -> rfm.Cuts:
        """The cut points: the user's own, or exact quantiles of the buyers."""
        own = (self.recency_cuts, self.frequency_cuts, self.monetary_cuts)
        if all(own):
            return rfm.Cuts(*own)
        known = _CUTS.setdefault(data, {})
        if (self.levels, *own) not in known:
            known[self.levels, *own] = self._find_cuts(data)
        return known[self.levels, *own]

    def _find_cuts(self, data: Dataset) -> rfm.Cuts:
        own = (self.recency_cuts, self.frequency_cuts, self.monetary_cuts)
        buyers = rfm.buyers(data.customers)
        count = int(data.collect(buyers.count())[0][0].as_py())
        if not count:
            return rfm.Cuts(*[cuts or (0.0,) * (self.levels - 1) for cuts in own])
        found = rfm.as_cuts(data.collect(rfm.quantiles(buyers, count, self.levels)).to_pylist()[0])
        return rfm.Cuts(
            self.recency_cuts or found.recency,
            self.frequency_cuts or found.frequency,
            self.monetary_cuts or found.monetary,
        )


_CUTS: weakref.WeakKeyDictionary[Dataset, dict[tuple[Any, ...], rfm.Cuts]] = weakref.WeakKeyDictionary()
"""Cut points once found; the columns and the sections of the report need the same."""


@dataclass(frozen=True)
class _Group:
    """An audience: the segments it is made of, its members, and the cells they are in."""

    audience: str
    segments: tuple[rfm.Segment, ...]
    members: int
    inside: Any

    @property
    def names(self) -> str:
        """The segments in words."""
        return _listed([one.name for one in self.segments])


def _groups(cells: ScoreCells, rules: Sequence[rfm.Segment]) -> list[_Group]:
    groups = []
    for audience in _AUDIENCES:
        segments = tuple(one for one in rules if one.audience == audience)
        inside = cells.where("rfm_segment", [one.name for one in segments])
        counted = "one_order_customers" if audience == "second_purchase" else "customers"
        groups.append(_Group(audience, segments, int(cells.total(counted, inside)), inside))
    return [group for group in groups if group.members]


# -- tables -----------------------------------------------------------------------------------------


def _segments(cells: ScoreCells, rules: Sequence[rfm.Segment], query: ir.Table, least: int) -> Table:
    import pyarrow as pa

    rows = []
    for rule in rules:
        inside = cells.where("rfm_segment", [rule.name])
        count = cells.count(inside)
        share, low, high = cells.share("revenue", inside)
        rows.append(
            {
                "segment": rule.name,
                "customers": count,
                "customer_share": count / cells.count(),
                "revenue": cells.total("revenue", inside),
                "revenue_share": share,
                "revenue_share_low": low,
                "revenue_share_high": high,
                "too_few": count < least,
                "advice": rule.advice,
            }
        )
    kinds = {"segment": pa.string(), "customers": pa.int64(), "too_few": pa.bool_(), "advice": pa.string()}
    names = list(rows[0])
    return Table(
        "segments",
        "Segments: customers and money",
        pa.table({name: pa.array([row[name] for row in rows], kinds.get(name, pa.float64())) for name in names}),
        (
            ColumnInfo("segment", "text", "Named by the scores, in the order of precedence."),
            ColumnInfo("customers", "customers", "Customers with at least one order."),
            ColumnInfo("customer_share", "share", "Share of all customers with an order."),
            ColumnInfo("revenue", "money", "What they have brought so far."),
            ColumnInfo("revenue_share", "share", "Share of all revenue."),
            ColumnInfo("revenue_share_low", "share", "Lower end of the 95 % interval.", "revenue share, from"),
            ColumnInfo("revenue_share_high", "share", "Upper end of the 95 % interval.", "revenue share, to"),
            ColumnInfo("too_few", "", f"Under {least} customers: no finding is made.", "too few"),
            ColumnInfo("advice", "text", "What to do with them.", "what to do"),
        ),
        source=(query,),
        dimensions=("segment",),
        measures=("customers", "revenue"),
        note="Intervals take the customers as drawn by chance; customers and revenue are exact counts.",
    )


def _profiles(cells: ScoreCells, rules: Sequence[rfm.Segment], query: ir.Table) -> Table:
    import pyarrow as pa

    columns: dict[str, Any] = {"segment": [rule.name for rule in rules]}
    infos = [ColumnInfo("segment", "text")]
    for name, unit in _MEASURES:
        means = [cells.mean(name, cells.where("rfm_segment", [rule.name])) for rule in rules]
        words = name.replace("_", " ")
        for place, end in enumerate(("", "_low", "_high")):
            columns[f"mean_{name}{end}"] = pa.array([mean[place] for mean in means], pa.float64())
            title = f"mean {words}" + ("", ", from", ", to")[place]
            meaning = f"Mean {words} per customer" + ("", ": lower end of the 95 % interval", ": upper end")[place]
            infos.append(ColumnInfo(f"mean_{name}{end}", "" if unit == "orders" else unit, f"{meaning}.", title))  # type: ignore[arg-type]
    return Table("profiles", "Segments: how they buy", pa.table(columns), tuple(infos), source=(query,))


def _grid(cells: ScoreCells, levels: int, query: ir.Table) -> Table:
    import pyarrow as pa

    r, f = cells.columns["recency_score"], cells.columns["frequency_score"]
    pairs = [(one, other) for one in range(1, levels + 1) for other in range(1, levels + 1)]
    counts = [cells.count((r == one) & (f == other)) for one, other in pairs]
    revenue = [cells.total("revenue", (r == one) & (f == other)) for one, other in pairs]
    return Table(
        "grid",
        "Customers by recency and frequency score",
        pa.table(
            {
                "recency_score": [one for one, _ in pairs],
                "frequency_score": [other for _, other in pairs],
                "customers": counts,
                "revenue": revenue,
            }
        ),
        (
            ColumnInfo("recency_score", "score", f"{levels} is the most recent."),
            ColumnInfo("frequency_score", "score", f"{levels} is the most frequent."),
            ColumnInfo("customers", "customers"),
            ColumnInfo("revenue", "money", "What they have brought so far."),
        ),
        source=(query,),
        dimensions=("recency_score", "frequency_score"),
        measures=("customers", "revenue"),
    )


def _cut_points(cells: ScoreCells, cuts: rfm.Cuts, query: ir.Table) -> Table:
    import pyarrow as pa

    rows: dict[str, list[Any]] = {
        "measure": [],
        "score": [],
        "cut_point": [],
        "least": [],
        "greatest": [],
        "customers": [],
    }
    bounds = {
        "recency": (*cuts.recency, None),
        "frequency": (*cuts.frequency, None),
        "monetary": (*cuts.monetary, None),
    }
    for measure, (column, _) in zip(bounds, _MEASURES, strict=True):
        for place, cut in enumerate(bounds[measure]):
            score = cuts.levels - place if measure == "recency" else place + 1
            inside = cells.columns[f"{measure}_score"] == score
            found = bool(inside.any())
            rows["measure"].append(measure)
            rows["score"].append(score)
            rows["cut_point"].append(cut)
            rows["least"].append(float(cells.columns[f"{column}_least"][inside].min()) if found else None)
            rows["greatest"].append(float(cells.columns[f"{column}_greatest"][inside].max()) if found else None)
            rows["customers"].append(cells.count(inside))
    kinds = {"measure": pa.string(), "score": pa.int64(), "customers": pa.int64()}
    return Table(
        "cut_points",
        "Where the scores change",
        pa.table({name: pa.array(values, kinds.get(name, pa.float64())) for name, values in rows.items()}),
        (
            ColumnInfo("measure", "text", "Recency in days, frequency in orders, monetary in the currency."),
            ColumnInfo("score", "score"),
            ColumnInfo("cut_point", "", "The score goes up to this value, counted from the score before it.", "up to"),
            ColumnInfo("least", "", "The least value found.", "least found"),
            ColumnInfo("greatest", "", "The greatest value found.", "greatest found"),
            ColumnInfo("customers", "customers"),
        ),
        source=(query,),
        note="Equal customers get equal scores; where many are equal, some scores are given to nobody.",
    )


def _scores(scored: ir.Table) -> Table:
    names = ("customer_id", "recency_days", "order_count", "revenue_total", *(one.name for one in _FEATURES))
    infos = (
        ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
        ColumnInfo("recency_days", "days", "Days since the last order.", "recency"),
        ColumnInfo("order_count", "orders", "Orders that count as sales.", "orders"),
        ColumnInfo("revenue_total", "money", "Revenue from the customer.", "revenue"),
        *(ColumnInfo(one.name, one.unit, one.meaning) for one in _FEATURES),
    )
    return Table(
        "scores",
        "Scores of every customer",
        scored.filter(scored.recency_score.notnull()).select(*names),
        infos,
        dimensions=("rfm_segment",),
        customer_column="customer_id",
        is_shown=False,
    )


# -- charts, findings, actions ------------------------------------------------------------------------


def _charts(cells: ScoreCells, data: Dataset, rules: Sequence[rfm.Segment]) -> tuple[Chart, ...]:
    shares = {rule.name: cells.share("revenue", cells.where("rfm_segment", [rule.name]))[0] or 0.0 for rule in rules}
    best = max(shares, key=lambda name: shares[name])
    size = cells.count(cells.where("rfm_segment", [best])) / cells.count()
    money = f"{write(shares[best], 'share')} of the revenue comes from {best}, {write(size, 'share')} of the customers"
    r, f = cells.columns["recency_score"], cells.columns["frequency_score"]
    top = cells.count((r == r.max()) & (f == f.max()))
    grid = f"{write_count(top, 'customers')} best on both scores"
    when = f"up to {data.as_of:%Y-%m-%d}" if data.as_of else ""
    return (
        Chart(
            "revenue_by_segment", money if shares[best] > 0 else "Revenue by segment",
            f"Share of revenue by segment, with 95 % intervals; {when}",
            "bar", "segments", "segment", "revenue_share",
            low="revenue_share_low", high="revenue_share_high", x_sort="value",
        ),
        Chart(
            "customers_by_score", grid, f"Customers per pair of scores; {when}",
            "heatmap", "grid", "recency_score", "frequency_score", colour="customers", label="customers",
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class _Words:
    """What is said of an audience."""

    title: str
    action: str
    why: str
    finding: str


_AUDIENCES = {
    "win_back": _Words(
        "Customers to win back",
        "Win back {count}: {segments}.",
        "They used to buy often or much, and have been silent for long.",
        "rfm.win_back_revenue",
    ),
    "reward": _Words(
        "Best customers, to be rewarded",
        "Reward {count}: {segments}.",
        "They buy lately, often and much, and bring more than their share.",
        "rfm.reward_revenue_share",
    ),
    "second_purchase": _Words(
        "One-time buyers for a second order",
        "Suggest a second order to {count}: {segments}.",
        "They bought lately and only once, so they still remember.",
        "rfm.second_purchase_customers",
    ),
}


def _findings(cells: ScoreCells, groups: Sequence[_Group], data: Dataset) -> list[Finding]:
    make = {"win_back": _win_back, "reward": _reward, "second_purchase": _second_purchase}
    told = [make[group.audience](cells, group, data) for group in groups if group.members >= data.min_customers]
    return [finding for finding in told if finding is not None]


def _reward(cells: ScoreCells, group: _Group, data: Dataset) -> Finding | None:
    share, low, high = cells.share("revenue", group.inside)
    if share is None or low is None or high is None:
        return None
    part = write(group.members / cells.count(), "share")
    sentence = (
        f"{group.names}: {write_count(group.members, 'customers')}, {part} of all, bring {write(share, 'share')} of "
        f"the revenue (95 % interval {write_interval(low, high, 'share')})."
    )
    return Finding(
        _AUDIENCES["reward"].finding, sentence, share, "share", group.members, Evidence("segments", group.names),
        interval=(low, high), at_stake=cells.total("revenue", group.inside), is_good=True,
    )  # fmt: skip


def _win_back(cells: ScoreCells, group: _Group, data: Dataset) -> Finding:
    revenue = cells.total("revenue", group.inside)
    silence = round(cells.mean("recency_days", group.inside).value or 0.0)
    sentence = (
        f"{group.names}: {write_count(group.members, 'customers')} who brought "
        f"{write(revenue, 'money', data.currency)} so far have been silent for {silence:,} days on average."
    )
    return Finding(
        _AUDIENCES["win_back"].finding, sentence, revenue, "money", group.members, Evidence("segments", group.names),
        at_stake=revenue, is_good=False,
    )  # fmt: skip


def _second_purchase(cells: ScoreCells, group: _Group, data: Dataset) -> Finding:
    part = write(group.members / cells.count(), "share")
    sentence = f"{write_count(group.members, 'customers')}, {part} of all, bought lately and only once ({group.names})."
    return Finding(
        _AUDIENCES["second_purchase"].finding, sentence, float(group.members), "customers", group.members,
        Evidence("segments", group.names),
    )  # fmt: skip


def _actions(groups: Sequence[_Group], findings: Sequence[Finding]) -> list[Action]:
    keys = {finding.key for finding in findings}
    actions = []
    for group in groups:
        words = _AUDIENCES[group.audience]
        if words.finding not in keys:
            continue
        advice = "; ".join(f"{one.name}: {one.advice}" for one in group.segments if one.advice)
        sentence = words.action.format(count=write_count(group.members, "customers"), segments=group.names)
        why = f"{words.why} {advice}." if advice else words.why
        actions.append(Action(f"rfm.{group.audience}", sentence, why, audience=group.audience, finding=words.finding))
    return actions


def _audience(group: _Group, scored: ir.Table) -> Audience:
    members = scored.filter(scored.rfm_segment.isin([one.name for one in group.segments]))
    if group.audience == "second_purchase":
        members = members.filter(members.order_count == 1)
    members = members.select(
        customer_id=members.customer_id,
        reason=_reason(members),
        score=members.revenue_total.fill_null(0.0),
        rfm_segment=members.rfm_segment,
        recency_days=members.recency_days,
        order_count=members.order_count,
    )
    words = _AUDIENCES[group.audience]
    return Audience(group.audience, words.title, members.order_by(members.score.desc(), members.customer_id), words.why)


def _reason(members: ir.Table) -> ir.StringValue:
    """Why a customer is on the list, as in "At risk: 3 orders, the last 235 days ago"."""
    import ibis

    orders = ibis.ifelse(members.order_count == 1, " order, ", " orders, the last ")
    days = ibis.ifelse(members.recency_days == 1, " day ago", " days ago")
    bought = members.order_count.cast("string") + orders + members.recency_days.cast("string") + days
    return members.rfm_segment + ": " + bought


def _caveats(cells: ScoreCells, data: Dataset, cuts: rfm.Cuts, rules: Sequence[rfm.Segment]) -> list[Caveat]:
    caveats = []
    for measure, word in (("recency", "recency"), ("frequency", "frequency"), ("monetary", "money")):
        missing = sorted(set(range(1, cuts.levels + 1)) - set(cells.columns[f"{measure}_score"].tolist()))
        if missing:
            scores = f"score{'s' if len(missing) > 1 else ''} {_listed([str(one) for one in missing])}"
            caveats.append(
                Caveat(
                    f"Nobody has the {word} {scores}: equal customers get equal scores, and too many are equal to be "
                    "parted there."
                )
            )
    few = [one.name for one in rules if 0 < cells.count(cells.where("rfm_segment", [one.name])) < data.min_customers]
    if few:
        caveats.append(Caveat(f"Too few customers for a finding (under {data.min_customers}): {_listed(few)}."))
    if cells.total("revenue") <= 0:
        caveats.append(
            Caveat("The customers have brought no revenue in total, so shares of it cannot be said.", "warning")
        )
    return caveats


def _definitions(rules: Sequence[rfm.Segment], levels: int) -> dict[str, str]:
    terms = {
        "recency": "Days from the last order to the as-of date; fewer are better.",
        "frequency": "Orders that count as sales.",
        "money": "Revenue from the customer, in the money of the report.",
        "score": (
            f"From 1 (worst) to {levels}. A score of s says that at least (s − 1)/{levels} of the customers are "
            "strictly worse, so that equal customers get equal scores. Own cut points take the place of equal parts."
        ),
        "frequency and money": "The mean of the two scores, halves rounded up.",
    }
    return terms | {one.name: f"Scores: {one.words}; unless an earlier segment holds them." for one in rules}


def _listed(names: Sequence[str]) -> str:
    """Names as a list in words."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
