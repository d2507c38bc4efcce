"""Sponsor habits: what the best sponsors do that others do not, and whether sponsored customers are worth more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import periods
from regulars.methods.matched import Trait, compare_matched, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.units import Unit
    from regulars.methods.matched import Compared

_HABITS = (
    "order_count", "revenue_total", "revenue_per_order", "items_per_order", "mean_gap_days", "recency_days",
    "store_count", "online_share", "campaign_share", "discount_share", "weekend_share", "evening_share",
    "category_count", "category_entropy", "age",
)  # fmt: skip
"""Features compared, as far as the data have them; none of them is made of referrals."""
_WORTH = ("revenue_total", "order_count", "expected_value", "active_probability")
_TOLD = 3
_MEAN_UNITS: Mapping[Unit, Unit] = {"orders": "", "customers": "", "items": "", "count": ""}
"""A mean of counts is no whole number."""


@dataclass(frozen=True)
class SponsorHabits(Analysis):
    """Top sponsors against members who brought nobody, and sponsored against other customers, like with like.

    Args:
        top_share: Share of the sponsors, by members brought directly, who count as the top ones.
        active_days: A customer whose last order lies at most so far back has stayed.
    """

    title = "Sponsor habits"
    question = "What do the best sponsors do that others do not, and are the customers they bring worth more?"
    chapter = "network"
    order = 20
    needs = Needs(
        summaries={"referral_tree"},
        customers={"sponsored_count", "referral_generation", "order_count", "recency_days", "first_ordered_on"},
    )
    wants = Needs(customers={*_HABITS, *_WORTH, "joined_on", "gender"})

    top_share: float = 0.1
    active_days: int = 90

    def __post_init__(self) -> None:
        if not 0 < self.top_share < 1:
            raise SettingsError(f"[sponsor_habits] top_share = {self.top_share} is refused", mend="use 0.1, say")
        if self.active_days < 1:
            raise SettingsError("[sponsor_habits] active_days is below 1", mend="use 90, say")

    def run(self, data: Dataset) -> Result:
        """Two comparisons at the same age of membership.

        Raises:
            DataError: There are too few sponsors, or nobody alike to compare them with.
        """
        view = data.customers.filter(data.customers.order_count > 0)
        least = self._least(data, view)
        members = view.filter((view.sponsored_count >= least) | (view.sponsored_count == 0))
        habits, habit_query = compare_matched(
            data, members, members.sponsored_count >= least, _age(members), _traits(data, members, _HABITS)
        )
        alike_in = {**_age(view), **_gender(view)}
        worth, worth_query = compare_matched(
            data, view, view.referral_generation > 0, alike_in, [self._stayed(), *_traits(data, view, _WORTH)]
        )
        if not habits and not worth:
            raise DataError(
                "there is nobody alike to compare sponsors or sponsored customers with", table="referrals",
                mend="take a longer history",
            )  # fmt: skip
        age = "the quarter in which they began"
        alike = f"{age} and gender" if "gender" in view.columns else age
        tables = []
        if habits:
            tables.append(
                table(habits, "habits", "What the top sponsors do that others do not",
                      ("top sponsors", "members who brought nobody"), age, habit_query)
            )  # fmt: skip
        if worth:
            tables.append(
                table(worth, "sponsored_worth", "Sponsored customers against others",
                      ("sponsored customers", "others"), alike, worth_query)
            )  # fmt: skip
        return self.result(
            tables=tuple(tables),
            charts=_charts(habits),
            findings=(*_habit_findings(habits, least, data), *_worth_findings(worth, data)),
            caveats=(
                Caveat(
                    "Compared at the same age of membership: customers who began in the same quarter. What they do was "
                    "not set by a trial: doing as the best sponsors do need not make a sponsor."
                ),
            ),
            definitions={
                "top sponsor": f"Brought at least {least} members directly: the top "
                f"{write(self.top_share, 'share')} of the sponsors, ties included.",
                "standardised difference": "Difference in standard deviations of those compared with; 0.2 is small, "
                "0.8 large.",
            },
        )  # fmt: skip

    def _least(self, data: Dataset, view: ir.Table) -> int:
        """Members brought from which on a sponsor counts as a top one."""
        sponsors = view.filter(view.sponsored_count > 0)
        found = sponsors.aggregate(
            cut=sponsors.sponsored_count.cast("float64").quantile(1 - self.top_share), n=sponsors.count().cast("int64")
        )
        row = data.collect(found, 1).to_pylist()[0]
        if not row["n"]:
            raise DataError("no customer with an order brought anybody", table="referrals", mend="check the ids")
        return max(int(-(-row["cut"] // 1)), 1)

    def _stayed(self) -> Trait:
        return Trait(
            "stayed", "share", f"bought in the last {self.active_days} days",
            lambda rows: (rows.recency_days <= self.active_days).cast("float64"),
        )  # fmt: skip


def _age(view: ir.Table) -> dict[str, ir.Value]:
    """The quarter in which customers began: who has been there longer has had more time for everything."""
    import ibis

    days = [view[name].cast("date") for name in ("joined_on", "first_ordered_on") if name in view.columns]
    return {"quarter": periods.number(ibis.coalesce(*days) if len(days) > 1 else days[0], "quarter")}


def _gender(view: ir.Table) -> dict[str, ir.Value]:
    return {"gender": view.gender.cast("string").fill_null("unknown")} if "gender" in view.columns else {}


def _traits(data: Dataset, view: ir.Table, names: Sequence[str]) -> list[Trait]:
    def trait(name: str) -> Trait:
        feature = data.feature(name)
        unit: Unit = feature.unit
        return Trait(name, unit, feature.meaning, lambda rows: rows[name])

    return [trait(name) for name in names if name in view.columns and view[name].type().is_numeric()]


# -- telling ------------------------------------------------------------------------------------------


def _charts(habits: Sequence[Compared]) -> tuple[Chart, ...]:
    if not habits:
        return ()
    title = "Top sponsors differ from others in no trait beyond chance"
    if habits[0].differs:
        title = f"Top sponsors differ most in: {habits[0].trait.meaning}"
    return (
        Chart(
            "habits", title,
            "Difference from members who brought nobody, in standard deviations, at the same age of membership",
            "bar", "habits", "trait", "standardised", x_sort="value",
        ),
    )  # fmt: skip


def _habit_findings(habits: Sequence[Compared], least: int, data: Dataset) -> list[Finding]:
    found = []
    for one in [habit for habit in habits if habit.differs and habit.matched.count >= data.min_customers][:_TOLD]:
        m, unit = one.matched, _MEAN_UNITS.get(one.trait.unit, one.trait.unit)
        side = "more" if m.difference > 0 else "less"
        sentence = (
            f"Top sponsors ({write_count(m.count, 'customers')} who brought at least {least}) have {side} of "
            f"“{one.trait.meaning}” than members of the same age who brought nobody: "
            f"{write(m.value, unit, data.currency)} against {write(m.other, unit, data.currency)}."
        )
        found.append(
            Finding(
                f"sponsor_habits.{one.trait.name}", sentence, m.difference, "", m.count,
                Evidence("habits", f"trait = {one.trait.meaning}"), interval=(m.low, m.high),
            )
        )  # fmt: skip
    return found


def _worth_findings(worth: Sequence[Compared], data: Dataset) -> list[Finding]:
    found = []
    for one in worth:
        m, unit = one.matched, _MEAN_UNITS.get(one.trait.unit, one.trait.unit)
        if one.trait.name not in ("stayed", "revenue_total") or m.count < data.min_customers:
            continue
        verdict = "beyond chance" if one.differs else "within chance"
        interval_unit: Unit = "change_points" if unit == "share" else unit
        sentence = (
            f"Sponsored customers against others of the same age, {one.trait.meaning}: "
            f"{write(m.value, unit, data.currency)} against {write(m.other, unit, data.currency)}; the difference "
            f"({write_interval(m.low, m.high, interval_unit, data.currency)}) is {verdict}."
        )
        found.append(
            Finding(
                f"sponsor_habits.sponsored_{one.trait.name}", sentence, m.difference, interval_unit, m.count,
                Evidence("sponsored_worth", f"trait = {one.trait.meaning}"), interval=(m.low, m.high),
                is_good=m.difference > 0 if one.differs else None,
            )
        )  # fmt: skip
    return found
