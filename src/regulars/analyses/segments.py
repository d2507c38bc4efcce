"""Segments or stages: which groups of customers there are, what sets them apart, and what to do with each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

from regulars.core.analysis import Analysis, Feature, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import segments
from regulars.measures.tables import Columns
from regulars.methods import segment_groups, segment_tables, segmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.units import Unit
    from regulars.methods.segmentation import Segmentation

_FEATURES = (Feature("segment", "text", "segment by k-means on the features", "the nearest centre of the segments"),)
_MOST_SEGMENTS = 20


@dataclass(frozen=True)
class Segments(Analysis):
    """Groups of customers by k-means, their number chosen on evidence.

    There are three answers: segments, which are kinds of customers; stages of a customer's life, which customers of
    one kind show too; and neither.

    Args:
        features: Features of the customer view to use; empty: how they come and go, and how they shop, are both tried,
            and the one with the clearest segments is taken.
        traits: Further columns of the customer view (survey answers, education …) that join the features.
        count: How many segments; 0: as the evidence says.
        most: The largest number tried.
        split_above_share: A segment with more than this share of the customers is parted again, where its parts hold
            and `count` is not set.
        split: Segments, by name, to part again whatever their size.
        names: Own names, as { "Frequent, online" = "Fans" }.
    """

    title = "Segments"
    question = "Which groups of customers are there, what sets them apart, and what does each one want?"
    chapter = "segments"
    order = 20
    needs = Needs()
    provides = _FEATURES

    features: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    count: int = 0
    most: int = 10
    split_above_share: float = 0.5
    split: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0 or self.count > _MOST_SEGMENTS or not 2 <= self.most <= _MOST_SEGMENTS:
            raise SettingsError(
                "[segments] count or most is out of range", mend=f"use up to {_MOST_SEGMENTS}; count = 0 lets it choose"
            )
        if not 0 < self.split_above_share <= 1:
            raise SettingsError("[segments] split_above_share lies between 0 and 1", mend="1 never parts again")

    @property
    def _plan(self) -> segmentation.Plan:
        return segmentation.Plan(
            self.features, self.traits, self.count, self.most, self.split_above_share, self.split, self.names
        )

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with the segment; null for those who never bought, and where customers are too few."""
        import ibis

        try:
            found = segmentation.segmentation_of(data, self._plan)
        except DataError:
            found = None  # `run` tells the reason
        if found is None:
            return data.customers.mutate(segment=ibis.null("string"))
        return found.assign(data.customers)

    def run(self, data: Dataset) -> Result:
        """The segments, or stages: size, money, profile, mix, the evidence for their number, a map, and members."""
        found = segmentation.segmentation_of(data, self._plan)
        if found is None:
            raise DataError(
                f"there are fewer than {3 * data.min_customers} customers to part",
                table="customers", mend="take more data, or lower min_customers under [dataset]",
            )  # fmt: skip
        bare = data.customers.drop(*[name for name in ("segment",) if name in data.customers.columns])
        name = f"segments__assigned_{crc32(repr(self).encode()):08x}"  # other settings, other segments
        name = f"{name}_{data.as_of:%Y%m%d}" if data.as_of else name
        assigned = data.persist(found.assign(segments.buyers(bare)), name)
        return _Story(self, data, found, assigned).tell()


class _Story:
    """The Result, from the assigned customers."""

    def __init__(self, settings: Segments, data: Dataset, found: Segmentation, assigned: ir.Table) -> None:
        self.settings, self.data, self.found, self.assigned = settings, data, found, assigned
        self.query = segments.sizes(assigned)
        rows = {row["segment"]: row for row in data.collect(self.query).to_pylist()}
        self.names = [name for name in found.names if name in rows]
        self.rows = [rows[name] for name in self.names]
        self.total = sum(row["customers"] for row in self.rows)
        self.has_money = bool(self.rows) and "revenue" in self.rows[0]

    def tell(self) -> Result:
        """The Result."""
        found = self.found
        sizes = self._sizes()
        tables = [sizes, segment_tables.evidence(found), segment_tables.curves(found), segment_tables.elbow(found)]
        if found.holds:
            groups = segment_groups.SegmentGroups(self.data, self.assigned, tuple(self.names), found.noun)
            tables += [
                segment_tables.features(found),
                segment_tables.distributions(found),
                segment_tables.map_of(found),
            ]
            tables += [one.table for one in groups.break_downs()]
        if found.rounds:
            tables.append(segment_tables.rounds(found))
        tables += [segment_tables.preparation(found), self._members()]
        findings = self._findings()
        told = [(number, name) for number, name in enumerate(self.names) if self._is_told(number)]
        return self.settings.result(
            tables=tuple(tables), charts=self._charts(), findings=tuple(findings),
            actions=tuple(self._actions(told, findings)),
            audiences=tuple(self._audience(number, name) for number, name in told),
            caveats=tuple(self._caveats()), definitions=self._definitions(),
        )  # fmt: skip

    def _is_told(self, number: int) -> bool:
        return self.found.holds and self.rows[number]["customers"] >= self.data.min_customers

    # -- tables ---------------------------------------------------------------------------------------

    def _sizes(self) -> Table:
        import numpy as np

        customers = np.array([row["customers"] for row in self.rows])
        columns = Columns()
        meaning = "Named by what sets it apart; [segments] names changes names."
        columns.add("segment", self.names, "text", meaning, self.found.noun)
        columns.add("profile", [self._profile(number) for number in range(len(self.names))], "text", "In words.")
        columns.add("customers", customers, "customers")
        columns.add("customer_share", customers / self.total, "share")
        if self.has_money:
            share, low, high = self._revenue_shares()
            columns.add("revenue", [row["revenue"] for row in self.rows], "money", self._money_words)
            columns.add("revenue_share", share, "share", "Share of all of it.")
            columns.add_interval("revenue_share", low, high, "share")
        few = [row["customers"] < self.data.min_customers for row in self.rows]
        columns.add("too_few", few, "", f"Under {self.data.min_customers} customers: no finding is made.")
        return columns.table(
            "segments", f"{self.found.noun.title()}s: size and money", source=(self.query,), dimensions=("segment",),
            measures=("customers", "revenue") if self.has_money else ("customers",),
        )  # fmt: skip

    @property
    def _money_words(self) -> str:
        has_orders = "revenue_total" in self.assigned.columns
        return "What they brought so far." if has_orders else "Their spend over all categories."

    def _revenue_shares(self) -> tuple[Any, Any, Any]:
        import numpy as np

        from regulars.models import intervals

        own = np.array([row["revenue"] for row in self.rows], dtype=float)
        squares = np.array([row["revenue_squares"] for row in self.rows], dtype=float)
        low, high = intervals.ratio_interval(own, own.sum(), squares, squares.sum(), squares, self.total)
        share = own / own.sum() if own.sum() else np.full(own.size, np.nan)
        return share, np.fmin(low, share), np.fmax(high, share)

    def _profile(self, number: int) -> str:
        """A segment in a sentence: what its customers are like against all, and their share of the money."""
        import numpy as np

        found = self.found
        place = found.names.index(self.names[number])
        effects = found.effects()[place]
        ranked = sorted(range(len(effects)), key=lambda one: (-abs(effects[one]), one))
        phrases = [
            self._phrase(found.look.preparation.names[one], found.labels == place)
            for one in ranked
            if abs(effects[one]) >= segmentation.DISTINGUISHES
        ][:3]
        share = self._revenue_shares()[0][number] if self.has_money else np.nan
        money = [f"{write(float(share), 'share')} of the revenue"] if np.isfinite(share) else []
        text = "; ".join([*(phrases or ["Much like all customers"]), *money])
        return text[:1].upper() + text[1:]

    def _phrase(self, feature: str, inside: Any) -> str:
        import numpy as np

        column = self.found.values[feature]
        own, every = (float(np.nanmedian(one)) for one in (column[inside], column))
        unit: Unit = self.data.features[feature].unit if feature in self.data.features else ""
        unit = "" if unit in ("orders", "items") else unit
        if unit == "share":
            own, every = (float(np.nanmean(one)) for one in (column[inside], column))
        mine, theirs = (write(round(one, 3), unit, self.data.currency) for one in (own, every))
        return f"{segments.words(feature).noun} {mine} (all: {theirs})"

    def _members(self) -> Table:
        names = [one for one in self.found.look.preparation.names if one in self.assigned.columns]
        infos = [
            ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
            ColumnInfo("segment", "text", f"The {self.found.noun}.", self.found.noun),
        ]
        infos += [ColumnInfo(one, self.data.features[one].unit, self.data.features[one].meaning) for one in names]
        return Table(
            "members", f"Every customer's {self.found.noun}", self.assigned.select(*[one.name for one in infos]),
            tuple(infos), dimensions=("segment",), customer_column="customer_id", is_shown=False,
        )  # fmt: skip

    # -- charts, findings, actions ----------------------------------------------------------------------

    def _charts(self) -> tuple[Chart, ...]:
        noun = self.found.noun
        when = f"as of {self.data.as_of:%Y-%m-%d}" if self.data.as_of else "all customers"
        evidence = (
            Chart(
                "evidence", self._evidence_title(),
                f"Silhouette and stability by number of groups, beside data without any; {self.found.look.name}",
                "line", "curves", "segments", "value", colour="curve",
            ),
            Chart(
                "elbow", "The distance to the own centre falls with every further group",
                f"Mean squared distance in standard units, by number of groups; {self.found.look.name}",
                "line", "elbow", "segments", "inertia",
            ),
        )  # fmt: skip
        if not self.found.holds:
            return evidence
        largest = max(range(len(self.rows)), key=lambda place: self.rows[place]["customers"])
        share = write(self.rows[largest]["customers"] / self.total, "share")
        return (
            Chart(
                "sizes", f"{self.names[largest]} is the largest {noun}, {share} of the customers",
                f"Customers by {noun}; {when}", "bar", "segments", "segment", "customers", x_sort="value",
                label="customers",
            ),
            Chart(
                "differences", f"What sets each {noun} apart",
                f"Difference from all other customers in standard deviations, by feature and {noun}",
                "heatmap", "features", "feature", "segment", colour="effect", label="effect", x_sort="data",
            ),
            Chart(
                "map", f"Where the {noun}s lie",
                f"Customers on the two directions in which they differ most (principal components), by {noun}",
                "scatter", "map", "first", "second", colour="segment",
            ),
            Chart(
                "distributions", f"Every feature in every {noun}",
                "Median and middle half of the customers, in standard units (0: the mean of all)",
                "interval", "distributions", "label", "standard", colour="segment", low="standard_low",
                high="standard_high", x_sort="data",
            ),
            *evidence,
        )  # fmt: skip

    def _evidence_title(self) -> str:
        choice = self.found.look.choice
        used = choice.find(choice.count)
        if choice.kind == "stages":
            return f"{choice.count} stages stand out from one cloud, but not from customers of one kind"
        if not self.found.holds or used is None or not used.holds:
            return "No number of segments stands out from chance and comes back"
        return f"{choice.count} segments stand out from chance and come back"

    def _findings(self) -> list[Finding]:
        if self.total < self.data.min_customers:
            return []
        findings = [self._number_found()]
        if self.found.holds and self.has_money:
            findings += self._heaviest()
        return findings

    @property
    def _validated(self) -> str:
        choice = self.found.look.choice
        return (
            f"found again on resampled customers and beside data without segments, both on {choice.sample_size:,} "
            f"customers; whether {self.found.noun}s hold over time is told by their movement"
        )

    def _number_found(self) -> Finding:
        found, choice = self.found, self.found.look.choice
        number = found.tree.leaf_count - int(found.tree.has_extremes) if found.holds else 0
        apart = [
            *(["after a second round"] if found.holds and number != choice.count else []),
            *(["apart from rare exceptions"] if found.tree.has_extremes else []),
        ]
        apart_words = f", {' and '.join(apart)}" if apart else ""
        if not found.holds:
            sentence = (
                "The customers do not fall into stable segments: they differ by degrees, and any parts would be cut at "
                f"will ({choice.reason})."
            )
        elif found.kind == "stages":
            sentence = (
                f"The customers fall into {number} stages of a customer's life by {found.look.name}{apart_words}: "
                f"where a customer stands, not what kind it is; no kinds of customers were found ({choice.reason})."
            )
        else:
            first = "in the first round " if number != choice.count else ""
            sentence = (
                f"The customers fall into {number} segments by {found.look.name}{apart_words}: {first}{choice.reason}."
            )
        return Finding(
            "segments.number", sentence, float(number), "count", self.total, Evidence("evidence"), grade="modelled",
            validated=self._validated,
        )  # fmt: skip

    def _heaviest(self) -> list[Finding]:
        """The segment that brings most beyond its share of the customers."""
        share, low, high = self._revenue_shares()
        told = [number for number in range(len(self.names)) if self._is_told(number)]
        if not told or not all(share[number] == share[number] for number in told):
            return []
        best = max(told, key=lambda place: share[place] - self.rows[place]["customers"] / self.total)
        row = self.rows[best]
        size = row["customers"] / self.total
        if low[best] <= size:
            return []
        sentence = (
            f"{self.names[best]}: {write_count(row['customers'], 'customers')}, {write(size, 'share')} of all, bring "
            f"{write(float(share[best]), 'share')} of the revenue (95 % interval "
            f"{write_interval(float(low[best]), float(high[best]), 'share')})."
        )
        return [
            Finding(
                "segments.heaviest", sentence, float(share[best]), "share", row["customers"],
                Evidence("segments", self.names[best]), interval=(float(low[best]), float(high[best])),
                at_stake=float(row["revenue"]), is_good=True,
            )
        ]  # fmt: skip

    def _actions(self, told: Sequence[tuple[int, str]], findings: Sequence[Finding]) -> list[Action]:
        actions = []
        for number, name in told:
            advice = self._advice(name)
            if advice:
                actions.append(
                    Action(
                        f"segments.{number + 1}", f"{name} ({self.rows[number]['customers']:,}): {advice}",
                        f"{self._profile(number)}.", f"segment_{number + 1}", findings[0].key if findings else "",
                    )
                )  # fmt: skip
        return actions

    def _advice(self, name: str) -> str:
        """What to do, from the feature that sets the segment apart most and has an advice."""
        effects = self.found.effects()[self.found.names.index(name)]
        for place in sorted(range(len(effects)), key=lambda one: (-abs(effects[one]), one)):
            words = segments.words(self.found.look.preparation.names[place])
            advice = words.high_advice if effects[place] > 0 else words.low_advice
            if advice and abs(effects[place]) >= segmentation.DISTINGUISHES:
                return advice
        return ""

    def _audience(self, number: int, name: str) -> Audience:
        members = segments.members(self.assigned, name, f"is in the {self.found.noun} {name}")
        return Audience(f"segment_{number + 1}", name, members, self._profile(number))

    def _caveats(self) -> list[Caveat]:
        found = self.found
        caveats = []
        if found.kind == "stages":
            caveats.append(
                Caveat(
                    "These are stages of a customer's life (new, active, silent …): they tell where a customer stands, "
                    "not what kind it is. Customers who all buy by one process show them too, and pass from one to "
                    "another, so that a list of them is of today only."
                )
            )
        elif found.holds and found.look.name == segments.RHYTHM:
            caveats.append(
                Caveat(
                    "Segments by how customers come and go are clearer than in customers who all buy by one process; "
                    "still they tell where a customer stands (new, active, silent) as much as what kind it is."
                )
            )
        if len(found.labels) < found.customers:
            caveats.append(
                Caveat(f"Learnt on {len(found.labels):,} of {found.customers:,} customers; all were assigned.")
            )
        if found.tree.has_extremes:
            caveats.append(
                Caveat(
                    f"{segmentation.EXCEPTIONAL}: the few customers far outside of what is usual stand apart, so that "
                    "they do not pull a segment to themselves."
                )
            )
        if self.settings.count and found.holds:
            criteria = found.look.choice.find(self.settings.count)
            if criteria is not None and not criteria.holds and not criteria.is_stage:
                words = f"{self.settings.count} segments were asked for; the evidence does not support them."
                caveats.append(Caveat(words, "warning"))
        return caveats

    def _definitions(self) -> dict[str, str]:
        return {
            "segment": "Customers nearer to its centre than to any other, over all features in standard units.",
            "stage": "A group that customers who all buy and leave by one process show too: where a customer stands.",
            "silhouette": "How much nearer customers are to their own segment than to the next; at best 1.",
            "stability": "Agreement (adjusted Rand index) with the segments of resampled customers; 1: the same again.",
            "data without segments": "One cloud with the same means, spreads, skewness and correlations, and as many "
            "who bought equally little; histories of orders are those of customers who all buy and leave alike.",
            "difference": "From all other customers, in standard deviations (Cohen's d); 0.5 is plain to see.",
        }
