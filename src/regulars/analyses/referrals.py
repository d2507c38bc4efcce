"""Referrals: who brings whom, what the top sponsors' lines bought, the next degree, and how much rests on a few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import periods, referral_tables, referrals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.models.concentration import Concentration
    from regulars.models.network import Generations, Network

_MOST_MEMBERS = 20_000_000
"""Members that are taken in, seven numbers each (about 60 bytes): 20 million are 1.2 GB."""
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
_DRAWN_LINES, _DRAWN_MEMBERS, _DRAWN_BREADTH = 3, 24, 4
_NEXT_DEGREE = 50
_YEAR_DAYS = 365


@dataclass(frozen=True)
class Referrals(Analysis):
    """The network of sponsors: generations, top lines, growth, concentration, and lines that have gone quiet.

    Args:
        active_days: A member whose last order lies at most so far back is active.
        top_count: Sponsors told one by one.
        degrees: Generations below a sponsor told apart.
        quiet_members: A line is called quiet only from so many members below on.
    """

    title = "Referral network"
    question = "Who are the top sponsors, what did the people they brought bring in turn, and how much rests on a few?"
    chapter = "network"
    order = 10
    needs = Needs(summaries={"referral_tree"})
    wants = Needs(customers={"revenue_total", "recency_days", "joined_on"})

    active_days: int = 90
    top_count: int = 20
    degrees: int = 3
    quiet_members: int = 3

    def __post_init__(self) -> None:
        for name, least, most in (("active_days", 1, 10_000), ("top_count", 1, 1000), ("degrees", 1, 8)):
            if not least <= getattr(self, name) <= most:
                raise SettingsError(
                    f"[referrals] {name} = {getattr(self, name)} is refused", mend=f"use {least} to {most}"
                )

    def run(self, data: Dataset) -> Result:
        """Generations, top sponsors with the degrees below, growth, concentration, structure, and two lists.

        Raises:
            DataError: No referral could be followed.
        """
        query = referrals.members(data.summary("referral_tree"), data.customers, self.active_days)
        kept = data.persist(query, f"referrals__members_{data.as_of:%Y%m%d}" if data.as_of else "referrals__members")
        needed = kept.select("customer_key", "sponsor_key", "customer_id", "began_on", *referrals.MEASURES)
        rows = data.collect(needed.order_by("customer_key"), _MOST_MEMBERS)
        if not rows.num_rows:
            raise DataError(
                "no referral could be followed", table="referrals",
                mend="`regulars check` says why each was set aside",
            )  # fmt: skip
        return _Story(self, data, rows, query, kept).tell()


class _Story:
    """Tables, findings and lists from the network."""

    def __init__(self, settings: Referrals, data: Dataset, rows: pa.Table, query: ir.Table, kept: ir.Table) -> None:
        from regulars.models import network

        self.settings, self.data, self.query, self.kept = settings, data, query, kept
        keys = rows["customer_key"].to_numpy()
        sponsors = rows["sponsor_key"].fill_null(-1).to_numpy()
        own = {name: rows[name].to_numpy().astype(float) for name in referrals.MEASURES}
        own["is_new"] = self._new(rows)
        self.network: Network = network.build(keys, sponsors, own, settings.degrees)
        self.ids = rows["customer_id"]
        self.central = network.centrality(self.network.forest)
        self.generations: Generations = network.by_generation(self.network)
        self.top = network.top_sponsors(self.network, settings.top_count)
        self.spread: Concentration | None = network.spread(self.network)
        self.totals: dict[str, Any] = data.collect(referrals.totals(data.customers), 1).to_pylist()[0]

    def _new(self, rows: pa.Table) -> Any:
        """1 for members who came within the last year."""
        import numpy as np

        if self.data.as_of is None:
            return np.zeros(rows.num_rows)
        days = np.datetime64(self.data.as_of) - rows["began_on"].to_numpy(zero_copy_only=False).astype("datetime64[D]")
        return np.where(np.isnat(days), 0.0, days <= np.timedelta64(_YEAR_DAYS, "D")).astype(float)

    def tell(self) -> Result:
        """The Result."""
        members = self._members()
        growth, growth_table = self._growth()
        tables = [
            self._structure(),
            referral_tables.generations(self.generations, self.query),
            referral_tables.top(self._rows_of(self.top), self.settings.degrees, self.query),
            referral_tables.next_degree(self._next_degree(), self.query),
            *([growth_table] if growth_table else []),
            *([referral_tables.concentration(_SHARES, self.spread, self.query)] if self.spread else []),
            self._lines(),
            members,
        ]
        quiet = self._quiet(members.data)
        findings = self._findings(growth)
        counted = quiet.aggregate(n=quiet.count().cast("int64"), revenue=quiet.downline_revenue.sum().round(4))
        lost = self.data.collect(counted, 1).to_pylist()[0]
        if lost["n"] >= self.data.min_customers:
            findings.append(self._quiet_finding(lost))
        return self.settings.result(
            tables=tuple(tables),
            charts=tuple(self._charts(growth)),
            findings=tuple(findings),
            actions=self._actions(lost),
            audiences=(
                Audience("top_sponsors", "Sponsors whose downlines bought most", self._best(members.data),
                         "They bring those who bring others: thank them, and ask them what works."),
                Audience("quiet_lines", "Sponsors whose line has gone quiet", quiet.drop("downline_revenue"),
                         "Their line bought before, and nobody below has bought lately."),
            ),
            caveats=tuple(self._caveats()),
            definitions=self._definitions(),
        )  # fmt: skip

    # -- tables

    def _structure(self) -> Table:
        forest = self.network.forest
        tops = (forest.sponsor == -1).sum()
        sizes = forest.downline_count[forest.sponsor == -1] + 1
        shared = self.network.own["revenue"][forest.sponsor != -1].sum()
        rows = [
            ("members", forest.size, "Who was brought or brought somebody."),
            ("sponsored members", forest.size - tops, "Brought by another member."),
            ("sponsors", (forest.sponsored_count > 0).sum(), "Brought at least one member."),
            ("lines", tops, "Separate trees: no link joins two of them, so each is a community of its own."),
            ("largest line", sizes.max(), "Members of the largest of them."),
            ("deepest line", forest.downline_depth.max(), "Generations below its top."),
            ("most brought", forest.sponsored_count.max(), "Members that one sponsor brought directly."),
            ("mean brought", forest.sponsored_count[forest.sponsored_count > 0].mean(), "Per sponsor."),
            ("core number", 1, "Without circles nobody is in a denser core than a pair."),
            ("revenue of sponsored members", round(float(shared), 4), "What they bought."),
        ]  # fmt: skip
        return referral_tables.structure(rows, self.query)

    def _rows_of(self, places: Any) -> dict[str, Any]:
        """The columns of a list of sponsors."""
        net = self.network
        below = net.forest.downline_count[places]
        columns = {
            "customer_id": [str(one) for one in self.ids.take(places).to_pylist()],
            "own_revenue": net.own["revenue"][places].round(4),
            "sponsored_count": net.forest.sponsored_count[places],
            "downline_count": below,
            "downline_depth": net.forest.downline_depth[places],
            "downline_revenue": net.below["revenue"][places].round(4),
            "active_share": net.below["is_active"][places] / below.clip(1),
            "new_share": net.below["is_new"][places] / below.clip(1),
            "page_rank": self.central.page_rank[places].round(9),
            "betweenness": self.central.betweenness[places],
        }
        for degree in range(self.settings.degrees):
            columns[f"count_{degree}"] = net.count_by_distance[degree][places].astype(int)
            columns[f"revenue_{degree}"] = net.by_distance[degree][places].round(4)
        return columns

    def _next_degree(self) -> dict[str, Any]:
        """Of the people the top sponsors brought, those whose own downlines bought most."""
        import numpy as np

        forest = self.network.forest
        brought = np.flatnonzero(np.isin(forest.sponsor, self.top) & (forest.sponsored_count > 0))
        order = np.lexsort((brought, -self.network.below["revenue"][brought].round(4)))
        places = brought[order[:_NEXT_DEGREE]]
        sponsors = [str(one) for one in self.ids.take(forest.sponsor[places]).to_pylist()]
        return {**self._rows_of(places), "sponsor_id": sponsors}

    def _growth(self) -> tuple[list[dict[str, Any]], Table | None]:
        from regulars.models.intervals import share_interval

        customers = self.data.customers
        if self.data.as_of is None or not {"joined_on", "first_ordered_on"} & set(customers.columns):
            return [], None
        query = referrals.growth(customers)
        rows = self.data.collect(query).to_pylist()
        rows = [row for row in rows if row["month"] <= periods.number_of(self.data.as_of, "month")]
        if not rows:
            return [], None
        last = rows[-1]["month"]
        partial = {last} if periods.end_of(last, "month") > self.data.as_of else set()
        ends = share_interval([row["sponsored"] for row in rows], [row["customers"] for row in rows])
        return rows, referral_tables.growth(rows, partial, ends, query)

    def _lines(self) -> Table:
        """The lines of the top sponsors as trees."""
        import numpy as np

        from regulars.models.graph import draw_lines

        forest = self.network.forest
        tops: dict[int, int] = {}  # the first of each line, so that no line is drawn inside another
        for place in self.top.tolist():
            tops.setdefault(int(forest.origin[place]), place)
        drawn = [forest.line_of(place, _DRAWN_MEMBERS, _DRAWN_BREADTH) for place in [*tops.values()][:_DRAWN_LINES]]
        drawing = draw_lines(forest, drawn)
        near = zip(self.ids.take(drawing.place).to_pylist(), drawing.y >= -1, strict=True)
        ids = [str(one) if is_near else "" for one, is_near in near]  # a name for each would hide the others
        names = np.repeat([str(self.ids[int(line[0])].as_py()) for line in drawn], [len(line) for line in drawn])
        columns = {
            "member": ids, "line": names, "x": drawing.x, "y": drawing.y, "sponsor_x": drawing.sponsor_x,
            "sponsor_y": drawing.sponsor_y, "revenue": self.network.own["revenue"][drawing.place].round(4),
            "downline_count": forest.downline_count[drawing.place],
        }  # fmt: skip
        links = [place for place, x in enumerate(drawing.sponsor_x) if x == x]  # noqa: PLR0124  NaN is not itself
        listed = {name: np.asarray(values) for name, values in columns.items()}
        both = {name: [*values[links].tolist(), *values.tolist()] for name, values in listed.items()}
        for name in ("sponsor_x", "sponsor_y"):  # links first, then every member as a dot
            both[name] = [*listed[name][links].tolist(), *[None] * len(ids)]
        return referral_tables.lines(both, self.query)

    def _members(self) -> Table:
        """One row per member, in the engine; written, not drawn."""
        import pyarrow as pa

        net = self.network
        brought = pa.table(
            {
                "customer_key": net.forest.ids,
                "downline_revenue": net.below["revenue"].round(4),
                "active_below": net.below["is_active"].astype("int64"),
            }
        )
        stamp = f"_{self.data.as_of:%Y%m%d}" if self.data.as_of else ""
        below = self.data.bring(brought, f"referrals__below{stamp}")
        kept = self.kept.join(below, "customer_key")
        rows = self.data.persist(
            kept.select(
                "customer_id", "customer_key", "referral_generation", "sponsored_count", "downline_count",
                "downline_depth", own_revenue=kept.revenue, downline_revenue=kept.downline_revenue,
                active_below=kept.active_below,
            ),
            f"referrals__told{stamp}",
        )  # fmt: skip
        return Table(
            "members", "Every member of the network", rows, _MEMBER_INFOS, customer_column="customer_id", is_shown=False
        )

    def _quiet(self, members: ir.Table) -> ir.Table:
        """Sponsors with a line that bought before and of whom nobody below is active; the dearest lines first."""
        import ibis

        silent = members.filter(
            (members.downline_count >= self.settings.quiet_members)
            & (members.downline_revenue > 0)
            & (members.active_below == 0)
        )
        reason = (
            ibis.literal("none of the ")
            + silent.downline_count.cast("string")
            + f" members below has bought in the last {self.settings.active_days} days"
        )
        return silent.select(
            "customer_id", reason=reason, score=silent.downline_revenue, downline_count=silent.downline_count,
            downline_revenue=silent.downline_revenue,
        )  # fmt: skip

    def _best(self, members: ir.Table) -> ir.Table:
        import ibis

        best = members.filter(members.sponsored_count > 0).order_by(ibis.desc("downline_revenue"), "customer_key")
        best = best.limit(self.settings.top_count)
        reason = ibis.literal("brought ") + best.sponsored_count.cast("string") + " members directly"
        return best.select(
            "customer_id", reason=reason, score=best.downline_revenue, downline_count=best.downline_count
        )

    # -- words

    def _charts(self, growth: Sequence[Mapping[str, Any]]) -> list[Chart]:
        charts = [
            Chart(
                "lines", f"The {write_count(min(_DRAWN_LINES, len(self.top)), 'lines')} that bought most",
                "Members by generation; the size is what a member bought", "tree", "lines", "x", "y", size="revenue",
                colour="line", label="member", x2="sponsor_x", y2="sponsor_y",
            ),
            Chart(
                "generations", "What members bought, by generation", "Revenue per member with 95 % interval",
                "column", "generations", "generation", "mean_revenue", low="mean_revenue_low",
                high="mean_revenue_high", x_sort="data",
            ),
        ]  # fmt: skip
        if growth:
            charts.append(
                Chart(
                    "growth", "Share of new customers whom a member brought",
                    "By month of the beginning, with 95 % interval; an unfinished month is marked", "line", "growth",
                    "month", "sponsored_share", low="sponsored_share_low", high="sponsored_share_high",
                    is_partial="is_partial",
                )
            )  # fmt: skip
        if self.spread:
            charts.append(
                Chart(
                    "concentration", f"The top 10 % of sponsors account for {write(self.spread.top(0.1), 'share')}",
                    "Share of what directly sponsored members bought, by share of the sponsors", "line",
                    "concentration", "sponsor_share", "revenue_share",
                )
            )  # fmt: skip
        return charts

    def _findings(self, growth: Sequence[Mapping[str, Any]]) -> list[Finding]:
        found, currency, least = [], self.data.currency, self.data.min_customers
        forest = self.network.forest
        sponsored = int((forest.sponsor != -1).sum())
        revenue = round(float(self.network.own["revenue"][forest.sponsor != -1].sum()), 4)
        if sponsored >= least and self.totals["revenue"] > 0:
            share = revenue / self.totals["revenue"]
            sentence = (
                f"{write_count(sponsored, 'customers')} came through a member; they bought for "
                f"{write(revenue, 'money', currency)}, {write(share, 'share')} of all revenue."
            )
            found.append(
                Finding("referrals.sponsored_share", sentence, share, "share", sponsored, Evidence("structure"),
                        at_stake=revenue)
            )  # fmt: skip
        found += self._growth_finding(growth)
        sponsors = int((forest.sponsored_count > 0).sum())
        if self.spread and sponsors >= least:
            ten, one = self.spread.top(0.1), self.spread.top(0.01)
            sentence = (
                f"Of what sponsored members bought, {write(ten, 'share')} came from those whom the top 10 % of the "
                f"{write_count(sponsors, 'sponsors')} brought (the top 1 %: {write(one, 'share')})."
            )
            found.append(
                Finding("referrals.concentration", sentence, ten, "share", sponsors, Evidence("concentration"),
                        n_unit="customers", at_stake=round(revenue * ten, 4))
            )  # fmt: skip
        if sponsors >= least and self.settings.degrees > 1:
            found.append(self._next_finding(currency))
        return found

    def _growth_finding(self, growth: Sequence[Mapping[str, Any]]) -> list[Finding]:
        from regulars.models.intervals import share_interval

        if self.data.as_of is None:
            return []
        now = periods.number_of(self.data.as_of, "month")
        year = [row for row in growth if now - 12 < row["month"] <= now]
        new, brought = (sum(row[name] for row in year) for name in ("customers", "sponsored"))
        if new < self.data.min_customers:
            return []
        low, high = (float(end) for end in share_interval(brought, new))
        share = brought / new
        sentence = (
            f"{write(share, 'share')} ({write_interval(low, high, 'share')}) of the {write_count(new, 'customers')} "
            "who began in the last twelve months came through a member."
        )
        return [
            Finding("referrals.growth_share", sentence, share, "share", new, Evidence("growth", "the last 12 months"),
                    interval=(min(low, share), max(high, share)))
        ]  # fmt: skip

    def _next_finding(self, currency: str) -> Finding:
        """What the people whom the top sponsors brought brought in turn."""
        net = self.network
        first = int(net.count_by_distance[0][self.top].sum())
        second = int(net.count_by_distance[1][self.top].sum())
        own, next_own = (float(net.by_distance[degree][self.top].sum()) for degree in (0, 1))
        sentence = (
            f"The top {write_count(len(self.top), 'sponsors')} brought {write_count(first, 'customers')}, who bought "
            f"for {write(own, 'money', currency)}; those brought {write_count(second, 'customers')} in turn, who "
            f"bought for {write(next_own, 'money', currency)}."
        )
        return Finding(
            "referrals.next_degree", sentence, float(second), "customers", max(first, 1), Evidence("top_sponsors"),
            at_stake=round(next_own, 4),
        )  # fmt: skip

    def _quiet_finding(self, lost: Mapping[str, Any]) -> Finding:
        sentence = (
            f"The lines of {write_count(lost['n'], 'customers')} have gone quiet: nobody below them has bought in the "
            f"last {self.settings.active_days} days."
        )
        return Finding(
            "referrals.quiet_lines", sentence, float(lost["n"]), "customers", int(lost["n"]), Evidence("members"),
            is_good=False,
        )  # fmt: skip

    def _actions(self, lost: Mapping[str, Any]) -> tuple[Action, ...]:
        if lost["n"] < self.data.min_customers:
            return ()
        return (
            Action(
                "referrals.wake", f"Speak to the {write_count(lost['n'], 'sponsors')} whose line has gone quiet.",
                "A sponsor can reach a line that no longer opens letters; keep a part out, to see what it brings.",
                "quiet_lines", "referrals.quiet_lines",
            ),
        )  # fmt: skip

    def _caveats(self) -> list[Caveat]:
        return [
            Caveat(
                "Sponsored customers are counted, not explained: some would have come anyway. What the best sponsors "
                "do is compared elsewhere, at the same age of membership."
            )
        ]

    def _definitions(self) -> dict[str, str]:
        return {
            "downline": "Everybody below a member: those brought, those they brought, and so on; never the member.",
            "degree": "First: those a sponsor brought; second: those whom these brought; and so on.",
            "generation": "Sponsors above a member; 0 for a member nobody brought.",
            "line": "A member nobody brought, with everybody below.",
            "active": f"The last order lies at most {self.settings.active_days} days back.",
            "betweenness": "Pairs of members of a line whose only way to each other leads through the member.",
            "page rank": "Share of a walk that goes from members to their sponsors (damping 0.85).",
        }


_MEMBER_INFOS = (
    ColumnInfo("customer_id", "id", "The member's own id.", "member"),
    ColumnInfo("customer_key", "id", "Number of the customer within this run."),
    ColumnInfo("referral_generation", "count", "Sponsors above."),
    ColumnInfo("sponsored_count", "customers", "Brought directly."),
    ColumnInfo("downline_count", "customers", "Below, at any distance."),
    ColumnInfo("downline_depth", "count", "Generations below."),
    ColumnInfo("own_revenue", "money", "What the member bought."),
    ColumnInfo("downline_revenue", "money", "What all below bought."),
    ColumnInfo("active_below", "customers", "Members below who bought lately."),
)
