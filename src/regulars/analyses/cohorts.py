"""Cohorts: do customers come back, do newer ones as often as older ones did, and what does each bring over time?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Caveat, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import cohort_tables, cohorts, periods
from regulars.methods import cohort_charts, cohort_words
from regulars.models import retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.chart import Chart
    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.models.retention import OverCohorts, Retention

By = Literal["first_order", "first_campaign_kind", "first_channel", "first_category", "first_order_size"]
BEHAVIOURS: dict[str, str] = {
    "first_campaign_kind": "kind of campaign of the first order",
    "first_channel": "channel of the first order",
    "first_category": "category of the first order",
    "first_order_size": "size of the first order",
}
"""What else than time customers are grouped by, in words."""

_MENDS = {
    "first_campaign_kind": "map campaign_id of the orders, and the kind of the campaigns",
    "first_channel": "map the channel of the orders, or the device and its platform",
    "first_category": "map product_id, and the category of the products",
    "first_order_size": "map the money of the orders",
}
_MOST_GROUPS = 10
_MOST_PERIODS = 12
"""Periods after the first that cohorts by behaviour are shown for."""
_MOST_DRAWN = 18
"""A heat map of more cohorts than this cannot be read: the newest are drawn."""
_HORIZONS = {"month": (3, 6, 12), "week": (4, 13, 26)}
_ALPHA = 0.05
_BASE = "cohorts__base"
"""Kept in the engine while this analysis runs."""


@dataclass(frozen=True)
class Cohorts(Analysis):
    """Retention and revenue of customers by when, and how, they first bought.

    Args:
        by: What customers are grouped by: the period of the first order, or what the first order was like. What the
            data cannot tell is left out.
        grain: Months or weeks.
        years: Cohorts of these years only; empty: all.
        size_bands: Into how many bands of equal number first orders are parted by size.
    """

    title = "Cohorts"
    question = "Do customers come back, and do newer customers come back as often as older ones did?"
    chapter = "customers"
    order = 20
    needs = Needs(summaries={"customer_days"}, customers={"first_ordered_on"})

    by: tuple[By, ...] = ("first_order", "first_campaign_kind", "first_channel", "first_category", "first_order_size")
    grain: Literal["month", "week"] = "month"
    years: tuple[int, ...] = ()
    size_bands: int = 4

    def __post_init__(self) -> None:
        if not self.by:
            raise SettingsError("[cohorts] by is empty", mend='write by = ["first_order"]')
        if not 2 <= self.size_bands < _MOST_GROUPS:
            raise SettingsError(
                f"[cohorts] size_bands = {self.size_bands} is refused", mend=f"use 2 to {_MOST_GROUPS - 1}"
            )

    def run(self, data: Dataset) -> Result:
        """Retention by period of the first order and over all cohorts, and by what the first order was like."""
        counts = _Counts(data, self.grain, self.years)
        base = counts.by_time(with_behaviour=any(name in BEHAVIOURS for name in self.by))
        if base is None:
            years = ", ".join(str(year) for year in self.years)
            raise DataError(f"no customer first bought in {years}", mend="choose other years, or leave years out")
        story = _Story(counts, base)
        parts = story.by_time() if "first_order" in self.by else _Parts()
        left_out = []
        for name in self.by:
            if name not in BEHAVIOURS:
                continue
            groups = counts.by_behaviour(name, self.size_bands)
            if isinstance(groups, str):
                left_out.append(f"{BEHAVIOURS[name]} ({groups})")
            else:
                parts += story.by_behaviour(name, groups)
        counts.close()
        return self.result(
            tables=parts.tables,
            charts=parts.charts,
            findings=parts.findings,
            caveats=(*story.caveats(), *_not_told(left_out)),
            definitions=_definitions(self.grain),
        )


# -- counting ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Customers that are looked at together: cohorts by period, aligned, and the queries they were counted with."""

    label: str
    cohorts: Retention
    queries: tuple[ir.Expr, ...]


class _Counts:
    """Customers per cohort and period, active and revenue, counted by the engine.

    Raises:
        DataError: There is no sale.
    """

    def __init__(self, data: Dataset, grain: Literal["month", "week"], years: Sequence[int]) -> None:
        days = data.customer_days
        priced = {"priced": days.revenue.count()} if "revenue" in days.columns else {}
        known = data.collect(days.group_by("day").aggregate(rows=days.count(), **priced))
        if not known.num_rows:
            raise DataError("there is no sale, so there are no cohorts", table="orders", mend="check the mapping")
        self.data = data
        self.grain = grain
        self.years = years
        self.cover = periods.coverage(known["day"].to_pylist(), data.as_of, data.settings.dataset.excluded)
        self.numbers = self.cover.numbers(grain)
        self.whole = [self.cover.is_whole(number, grain) for number in self.numbers]
        self.has_revenue = bool(priced) and any(known["priced"].to_pylist())
        self._base: ir.Table | None = None

    def close(self) -> None:
        """Forget what was kept in the engine."""
        if self._base is not None:
            self.data.engine.drop(_BASE)

    def by_time(self, *, with_behaviour: bool) -> _Group | None:
        """All customers by the period of their first order; None where the chosen years have none.

        Args:
            with_behaviour: Whether the first purchases are asked for later; they are then made now, and counted on.
        """
        if with_behaviour:
            self._purchases()
        return next(iter(self._groups(self._buyers(), "")), None)

    def by_behaviour(self, name: str, bands: int) -> list[_Group] | str:
        """Customers by what their first order was like, or why that cannot be told."""
        base = self._purchases()
        if name == "first_order_size":
            return self._by_size(base, bands) if "first_order_revenue" in base.columns else _MENDS[name]
        if name not in base.columns:
            return _MENDS[name]
        counts = base.group_by(name).aggregate(customers=base.count())
        top = counts.order_by(counts.customers.desc(), counts[name]).limit(_MOST_GROUPS + 1)
        names = self.data.collect(top)[name].to_pylist()
        kept = names if len(names) <= _MOST_GROUPS else names[: _MOST_GROUPS - 1]
        return self._labelled(base, cohorts.with_others(base[name], kept), [*kept, cohorts.OTHERS])

    def _by_size(self, base: ir.Table, bands: int) -> list[_Group] | str:
        count = int(self.data.collect(base.count())[0][0].as_py())
        cuts = sorted(set(self.data.collect(cohorts.size_cuts(base, count, bands))[0][0].as_py()))
        names = [f"{place}: up to {write(cut, 'money', self.data.currency)}" for place, cut in enumerate(cuts, start=1)]
        names.append(f"{len(names) + 1}: above {write(cuts[-1], 'money', self.data.currency)}")
        if len(names) < bands:
            return "too many first orders are of one size"
        return self._labelled(base, cohorts.size_band(base.first_order_revenue, cuts, names), names)

    def _labelled(self, base: ir.Table, label: ir.StringValue, order: Sequence[str]) -> list[_Group]:
        """The groups of a label, in that order."""
        columns = [name for name in ("customer_key", "cohort", "mask") if name in base.columns]
        groups = {group.label: group for group in self._groups(base.select(*columns, group=label), "group")}
        return [groups[name] for name in order if name in groups]

    def _buyers(self) -> ir.Table:
        """One row per buyer: the cohort, and the mask of periods where these are few enough."""
        if self._base is not None:
            return self._base
        if len(self.numbers) > cohorts.MASK_PERIODS:
            return cohorts.cohorts(self.data.customers, self.grain)
        if self.grain == "month":
            return self.data.summary("month_masks")
        return cohorts.masks(self.data.customer_days, self.grain, self.numbers[0], len(self.numbers))

    def _purchases(self) -> ir.Table:
        """The buyers with what is known of their first purchases, computed once for all behaviours."""
        if self._base is None:
            data, tables = self.data, self.data.tables
            base = self._buyers()
            parts = [cohorts.first_purchases(data.orders, tables.get("devices"), tables.get("campaigns"))]
            products = tables.get("products")
            if products is not None and "category" in products.columns and not data.summaries.missing("order_items"):
                firsts = cohorts.first_orders(data.orders)
                parts.append(cohorts.first_category(firsts, data.summary("order_items"), products))
            for part in parts:
                if part is not None:
                    base = base.left_join(part, "customer_key").drop("customer_key_right")
            base = base.mutate(
                **{name: base[name].fill_null(cohorts.UNKNOWN) for name in BEHAVIOURS if name in base.columns}
            )
            if not self.has_revenue and "first_order_revenue" in base.columns:
                base = base.drop("first_order_revenue")
            self._base = data.persist(base, _BASE)
        return self._base

    def _groups(self, buyers: ir.Table, label: str) -> list[_Group]:
        """One group per value of the column `label`, or one of everybody."""
        by = [*([label] if label else []), "cohort"]
        count = len(self.numbers)
        days = self.data.customer_days
        if "mask" in buyers.columns:
            queries = [cohorts.active_by_mask(buyers, by, count)]
            sizes = self._collect(queries[0])
            active = {_key(row, label): [row[f"active_{place}"] for place in range(count)] for row in sizes}
        else:
            queries = [
                buyers.group_by(*by).aggregate(customers=buyers.count()),
                cohorts.active_by_row(days, buyers, by, self.grain),
            ]
            sizes = self._collect(queries[0])
            active = self._spread(self._collect(queries[1]), label, "active")
        revenue: dict[tuple[str, int], list[float]] = {}
        if self.has_revenue:
            queries.append(cohorts.revenue_by_period(days, buyers, by, self.grain))
            revenue = self._spread(self._collect(queries[-1]), label, "revenue")
        cells = {_key(row, label): row["customers"] for row in sizes if self._is_chosen(row["cohort"])}
        nothing = [0.0] * count
        groups = []
        for name in dict.fromkeys(key[0] for key in sorted(cells)):
            keys = [key for key in sorted(cells) if key[0] == name]
            aligned = retention.align(
                [key[1] for key in keys],
                [cells[key] for key in keys],
                [active[key] for key in keys],
                [revenue.get(key, nothing) for key in keys],
                self.whole,
                self.numbers[0],
            )
            groups.append(_Group(name, aligned, tuple(queries)))
        return groups

    def _collect(self, query: ir.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.data.collect(query).to_pylist()
        return rows

    def _spread(self, rows: list[dict[str, Any]], label: str, value: str) -> dict[tuple[str, int], list[float]]:
        """One list per cohort, with a place for every period."""
        spread: dict[tuple[str, int], list[float]] = {}
        for row in rows:
            places = spread.setdefault(_key(row, label), [0.0] * len(self.numbers))
            places[row["period"] - self.numbers[0]] = row[value] or 0.0
        return spread

    def _is_chosen(self, cohort: int) -> bool:
        return not self.years or periods.start_of(cohort, self.grain).year in self.years


def _key(row: dict[str, Any], label: str) -> tuple[str, int]:
    return (str(row[label]) if label else "", row["cohort"])


# -- telling ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parts:
    """Parts of the Result."""

    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __add__(self, other: _Parts) -> _Parts:
        return _Parts(
            self.tables + other.tables,
            self.charts + other.charts,
            self.findings + other.findings,
        )


class _Story:
    """Tables, charts and findings from the counts."""

    def __init__(self, counts: _Counts, base: _Group) -> None:
        self.counts = counts
        self.cover = counts.cover
        self.grain = counts.grain
        self.base = base
        self.cohorts = base.cohorts
        self.over = base.cohorts.over_cohorts()
        self.least = counts.data.min_customers
        self.currency = counts.data.currency
        self.frame = cohort_tables.Frame(self.grain, counts.has_revenue, self.cover.without_sales(self.grain))

    def by_time(self) -> _Parts:
        """Retention per cohort, over all cohorts, and what is to be said of it."""
        frame, base = self.frame, self.base
        title = f"Customers who buy again, by {self.grain} of first order"
        tables = [cohort_tables.by_cohort(frame, "retention", title, base.cohorts, base.queries)]
        if len(self.cohorts.sizes) > _MOST_DRAWN:
            newest = f"The newest {_MOST_DRAWN} cohorts"
            tables.append(
                cohort_tables.by_cohort(frame, "newest", newest, base.cohorts, base.queries, newest=_MOST_DRAWN)
            )
        charts = cohort_charts.by_time(
            tables[-1].name, self.cohorts, self.over, self.grain, self.currency, self.counts.has_revenue
        )
        tables.append(cohort_tables.over_cohorts(frame, self.over, base.queries))
        findings = (*self._next_period(), *self._years(), *self._unusual(), *self._worth())
        return _Parts(tuple(tables), charts, findings)

    def _next_period(self) -> tuple[Finding, ...]:
        """How many buy again in the period after the first."""
        o = self.over
        if len(o.share) < 2 or o.customers[1] < max(self.least, 1):
            return ()
        n, interval = int(o.customers[1]), (float(o.low[1]), float(o.high[1]))
        sentence = (
            f"Of {write_count(n, 'customers')}, {write(float(o.share[1]), 'share')} "
            f"({write_interval(*interval, 'share')}) bought again in the {self.grain} after their first order."
        )
        return (
            Finding(
                f"cohorts.retention_{self.grain}_1", sentence, float(o.share[1]), "share", n,
                Evidence("all_cohorts", "period_index = 1"), interval=interval,
                at_stake=self._money(self.cohorts.revenue[:, 1:]),
            ),
        )  # fmt: skip

    def _years(self) -> list[Finding]:
        """Whether the customers of the last year come back as those of the first did."""
        c = self.cohorts
        if c.active.shape[1] < 2:
            return []
        is_judged = c.is_whole[:, 1] & (c.firsts > self.counts.numbers[0])
        years = [periods.start_of(int(number), self.grain).year for number in c.firsts]
        return cohort_words.years(years, c.active[:, 1], c.sizes, is_judged, self.grain, self.least)

    def _money(self, revenue: Any) -> float | None:
        """What these cells brought in all; None where there is no money."""
        import numpy as np

        return round(float(np.nansum(revenue)), 4) if self.counts.has_revenue else None

    def _unusual(self) -> list[Finding]:
        """The best and the worst cohort, where they differ from the others beyond chance."""
        import numpy as np

        c = self.cohorts
        if c.active.shape[1] < 2:
            return []
        is_judged = c.is_whole[:, 1] & (c.sizes >= self.least) & (c.firsts > self.counts.numbers[0])
        places = np.flatnonzero(is_judged)
        found = retention.differences(c.active[places, 1], c.sizes[places]) if len(places) > 1 else []
        findings = []
        sides = (("best", True), ("worst", False))[: len(found) - 1]  # of two, what is told of one is told of both
        for word, is_good in sides:
            side = [one for one in found if one.p_value < _ALPHA and (one.share > one.others) is is_good]
            if not side:
                continue
            one = max(side, key=lambda other: (abs(other.share - other.others), -other.place))
            place = int(places[one.place])
            number = int(c.firsts[place])
            sentence = (
                f"Of the customers who first bought in {periods.label(number, self.grain)}, "
                f"{'more' if is_good else 'fewer'} than usual came back the {self.grain} after: "
                f"{write(one.share, 'share')} ({write_interval(one.low, one.high, 'share')}) against "
                f"{write(one.others, 'share')} of the others; beyond chance among {len(found)} cohorts compared."
            )
            findings.append(
                Finding(
                    f"cohorts.{word}_cohort", sentence, one.share, "share", int(c.sizes[place]),
                    Evidence("retention", f"cohort = {periods.start_of(number, self.grain)}, period_index = 1"),
                    interval=(one.low, one.high), at_stake=self._money(c.revenue[place]), is_good=is_good,
                )
            )  # fmt: skip
        return findings

    def _worth(self) -> list[Finding]:
        """What a customer has brought some time after the first order."""
        findings = []
        for horizon in _HORIZONS[self.grain] if self.counts.has_revenue else ():
            told = self.cohorts.revenue_per_customer(horizon)
            if told is None or told[3] < self.least:
                continue
            value, low, high, customers = told
            interval = (low, high) if low is not None and high is not None else None
            ends = write_interval(*interval, "money", self.currency) if interval else "an exact count"
            sentence = (
                f"In the {self.grain} of the first order and the {horizon} {self.grain}s after it a customer has "
                f"brought {write(value, 'money', self.currency)} on average ({ends})."
            )
            findings.append(
                Finding(
                    f"cohorts.revenue_after_{horizon}_{self.grain}s", sentence, value, "money", customers,
                    Evidence("retention", f"period_index up to {horizon}"), interval=interval,
                    at_stake=round(value * customers, 4),
                )
            )  # fmt: skip
        return findings

    def caveats(self) -> tuple[Caveat, ...]:
        """What to know of first cohorts, of missing and of unfinished periods."""
        grain, cover = self.grain, self.cover
        found = [
            Caveat(
                f"The data begin on {cover.first:%Y-%m-%d}: the first cohort may hold customers who had bought before, "
                "and is not compared with the others."
            )
        ]
        last = self.counts.numbers[-1]
        if not cover.is_whole(last, grain):
            name = periods.label(last, grain)
            why = cover.why_not_whole(last, grain)
            found.append(Caveat(f"{name[0].upper()}{name[1:]} is not whole ({why}) and is left out of means."))
        missing = cover.without_sales(grain)
        if missing:
            names = ", ".join(periods.label(one, grain) for one in missing)
            found.append(Caveat(f"No sale at all in {names}: taken as missing, not as zero.", "warning"))
        return tuple(found)

    def by_behaviour(self, name: str, groups: Sequence[_Group]) -> _Parts:
        """Retention of all customers by what their first order was like."""
        words = BEHAVIOURS[name]
        over = {group.label: group.cohorts.over_cohorts() for group in groups}
        table = cohort_tables.by_group(self.frame, f"by_{name}", words, over, groups[0].queries, _MOST_PERIODS)
        charts = cohort_charts.by_group(
            name, words, table.name, over, self.grain, self.currency, self.counts.has_revenue, _MOST_PERIODS
        )
        return _Parts((table,), charts, self._standing_out(name, groups, over))

    def _standing_out(self, name: str, groups: Sequence[_Group], over: dict[str, OverCohorts]) -> tuple[Finding, ...]:
        """The group that differs most from the others in the period after the first, if beyond chance."""
        able = [
            group
            for group in groups
            if len(over[group.label].share) > 1 and over[group.label].customers[1] >= max(self.least, 1)
        ]
        if len(able) < 2:
            return ()
        counts = [over[group.label] for group in able]
        found = retention.differences([one.active[1] for one in counts], [one.customers[1] for one in counts])
        one = min(found, key=lambda other: (other.p_value, other.place))
        if one.p_value >= _ALPHA:
            return ()
        group = able[one.place]
        sentence = (
            f"By {BEHAVIOURS[name]}, “{group.label}” stands out: {write(one.share, 'share')} "
            f"({write_interval(one.low, one.high, 'share')}) buy again in the {self.grain} after, against "
            f"{write(one.others, 'share')} of the others; beyond chance among {len(found)} groups compared."
        )
        return (
            Finding(
                f"cohorts.{name}", sentence, one.share, "share", int(counts[one.place].customers[1]),
                Evidence(f"by_{name}", f"cohort = {group.label}, period_index = 1"), interval=(one.low, one.high),
                at_stake=self._money(group.cohorts.revenue), is_good=one.share > one.others,
            ),
        )  # fmt: skip


def _not_told(left_out: Sequence[str]) -> tuple[Caveat, ...]:
    return (Caveat(f"Cohorts that these data cannot give: by {'; by '.join(left_out)}."),) if left_out else ()


def _definitions(grain: str) -> dict[str, str]:
    return {
        "cohort": f"Customers whose first order lies in the same {grain}, or whose first order was alike.",
        "retention": f"Share of the customers of a cohort with at least one sale in that calendar {grain}.",
        "first order": "The orders at the first instant at which a customer bought; of several the least value stands.",
        "size-weighted mean": "All active customers ÷ all customers of the cohorts that are old enough.",
        "whole base": "All customers of all cohorts, those included that are not old enough yet.",
    }
