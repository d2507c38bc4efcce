"""Demographics: who the customers are, and what they spend, buy and answer by age, gender, income and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import demographics, dimensions
from regulars.measures.tables import Columns
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.dimensions import Dimension
    from regulars.methods.breakdown import BreakDown

_TOP_CATEGORIES = 6
_MANY_UNKNOWN = 0.2
"""Share of unknowns from which the reader is warned."""


@dataclass(frozen=True)
class Demographics(Analysis):
    """Spend, engagement, staying, categories and answers by who customers are, fair to how long they are known.

    Args:
        window_days: A customer is staying whose last order is no longer ago than so many days.
    """

    title = "Demographics"
    question = "Who are the customers, and what do the young and the old, women and men, spend, buy and answer?"
    chapter = "customers"
    order = 60
    needs = Needs()

    window_days: int = 180

    def __post_init__(self) -> None:
        if self.window_days < 1:
            raise SettingsError("[demographics] window_days is no length of time", mend="use 180, say")

    def is_moot(self, data: Dataset) -> bool:
        """Whether nothing is known of who customers are."""
        return not _known(data) and "income" not in data.customers.columns

    def run(self, data: Dataset) -> Result:
        """Each group's spend and staying, pairs of traits, what groups buy and answer, and what is not known."""
        people = self._people(data)
        if not people:
            raise DataError("nothing is known of who the customers are", table="customers", mend="map gender or age")
        rows = data.customers
        rows = rows.filter(rows.order_count > 0) if "order_count" in rows.columns else rows
        figures = self._figures(data, rows)
        count = int(data.collect(rows.count())[0][0].as_py())
        if not count:
            raise DataError("there is no customer to describe", table="customers", mend="check the mapping")
        title = "Customers by who they are"
        alone = break_down(data, rows, people, figures, name="groups", title=title, cluster=None, note=_NOTE)
        tables = [alone.table, _unknown(alone, people)]
        crossed = demographics.pairs(people)
        if crossed:
            words = "Two traits together"
            pairs = break_down(data, rows, crossed, figures, name="pairs", title=words, cluster=None, note=_NOTE)
            tables.append(pairs.table)
        tables += [one.table for one in (_categories(data, rows, people), _responses(data, rows, people)) if one]
        main = figures[0]
        findings = [*_who(alone, people, data.min_customers), *_highest(alone, main, people, data, "groups")]
        if crossed:
            findings += _highest(pairs, main, crossed, data, "pairs")
        shown = _shown(alone, main)
        tables.append(shown)
        return self.result(
            tables=tuple(tables), charts=_charts(alone, main, people, shown), caveats=tuple(_caveats(alone, people)),
            findings=tuple(findings), definitions=self._definitions(),
        )  # fmt: skip

    def _people(self, data: Dataset) -> list[Dimension]:
        people = list(_known(data))
        view = data.customers
        if "income" in view.columns and view.income.type().is_numeric():
            known = int(data.collect(view.income.notnull().cast("int64").sum().fill_null(0))[0][0].as_py())
            if known:
                cuts = data.collect(demographics.income_cuts(view, known), 1)[0][0].as_py()
                people.append(demographics.income_quarters([float(one) for one in cuts]))
        return people

    def _figures(self, data: Dataset, rows: ir.Table) -> list[Figure]:
        """What is told of each group; money or orders for each month known, so that the old do not win by age."""
        have = set(rows.columns)
        figures = []
        if {"revenue_total", "tenure_days"} <= have:
            meaning = "Revenue per customer and month since the first order."
            figures.append(
                Figure("revenue_per_month", "money", meaning, _of("revenue_total"), demographics.months_known)
            )
        if "category_spend_total" in have and "revenue_total" not in have:
            meaning = "Spend per customer over all categories."
            figures.append(Figure("spend", "money", meaning, _of("category_spend_total")))
        if {"order_count", "tenure_days"} <= have:
            meaning = "Orders per customer and month since the first order."
            figures.append(
                Figure("orders_per_month", "per_month", meaning, _of("order_count"), demographics.months_known)
            )
        if {"revenue_total", "order_count"} <= have:
            figures.append(
                Figure("order_value", "money", "Revenue per order.", _of("revenue_total"), _of("order_count"))
            )
        if {"discount_share", "campaign_share"} & have:
            name = "campaign_share" if "campaign_share" in have else "discount_share"
            meaning = (
                "Mean share of orders with a promotion." if name == "campaign_share" else "Mean share of discount."
            )
            figures.append(Figure(name, "share", meaning, _of(name)))
        if {"recency_days", "tenure_days"} <= have:
            counts = data.collect(demographics.staying_by_tenure(rows, self.window_days)).to_pylist()
            shares = {row["band"]: row["staying"] / row["customers"] for row in counts if row["band"] is not None}
            if any(shares.values()):
                figures.append(
                    Figure(
                        "staying_index", "ratio",
                        "Customers who stay ÷ those expected of customers known for as long; 1: as others.",
                        lambda t: demographics.is_staying(t, self.window_days),
                        lambda t: demographics.expected_staying(t, shares),
                    )
                )  # fmt: skip
        return figures or [
            Figure("customers_told", "count", "Customers.", lambda t: t.customer_key.notnull().cast("int64"))
        ]

    def _definitions(self) -> dict[str, str]:
        return {
            "staying": f"The last order is no longer ago than {self.window_days} days.",
            "staying index": "Those who stay ÷ those expected of customers known for as long (in half-years).",
            "unknown": "Missing, or a placeholder that the checks of the data removed; shown, never left out.",
        }


_NOTE = "Figures are for each month since the first order, so that customers known for longer do not look better."


def _known(data: Dataset) -> tuple[Dimension, ...]:
    return tuple(one for one in dimensions.available(data, "customer") if one.name in demographics.PEOPLE)


def _of(name: str) -> Any:
    return lambda rows: rows[name]


def _unknown(alone: BreakDown, people: Sequence[Dimension]) -> Table:
    """How much is known of each trait."""
    shares = [_unknown_share(alone, one.name) for one in people]
    columns = Columns()
    columns.add("trait", [one.title for one in people], "text")
    columns.add("unknown_share", shares, "share", "Customers of whom it is not known.")
    return columns.table("unknown", "What is not known", source=alone.table.source)


def _unknown_share(alone: BreakDown, name: str) -> float:
    shares = [float(row["customer_share"]) for row in alone.rows(name) if row["group"] == dimensions.UNKNOWN]
    return sum(shares)


def _categories(data: Dataset, rows: ir.Table, people: Sequence[Dimension]) -> BreakDown | None:
    """How the money of each group is spread over categories."""
    if data.summaries.missing("customer_categories"):
        return None
    spend = data.summary("customer_categories")
    measure = "revenue" if "revenue" in spend.columns else "quantity"
    positive = spend.filter(spend[measure] > 0)
    totals = positive.group_by("category").aggregate(total=positive[measure].sum().round(4))
    top = data.collect(totals.order_by(totals.total.desc(), totals.category).limit(_TOP_CATEGORIES), _TOP_CATEGORIES)
    names = top["category"].to_pylist()
    bought = positive.join(rows.select("customer_key"), "customer_key")
    bought = bought.select("customer_key", "category", amount=bought[measure])
    figures = [
        Figure(f"category_{place}", "share", f"Share of {measure} in {name}.", _in_category(name), _of("amount"))
        for place, name in enumerate(names, start=1)
    ]
    if not figures:
        return None
    keys = "; ".join(f"category {place}: {name}" for place, name in enumerate(names, start=1))
    return break_down(
        data, bought, people, figures, name="categories", title="What each group buys",
        note=f"{keys[0].upper()}{keys[1:]}.",
    )  # fmt: skip


def _in_category(name: str) -> Any:
    return lambda rows: (rows.category == name).cast("int64") * rows.amount


def _responses(data: Dataset, rows: ir.Table, people: Sequence[Dimension]) -> BreakDown | None:
    """How each group answers campaigns that contact customers."""
    if "contacts" not in data.tables or "responded" not in data.table("contacts").columns:
        return None
    contacts = data.table("contacts").select("customer_id", "responded")
    joined = contacts.join(rows.select("customer_key", "customer_id"), "customer_id")
    answered = joined.select("customer_key", responded=joined.responded.cast("int64"))
    figure = Figure("response_share", "share", "Share of contacts answered.", _of("responded"))
    return break_down(
        data, answered, people, [figure], name="responses", title="How each group answers campaigns",
        note="Contacts as they went out: groups may have got different campaigns.",
    )  # fmt: skip


def _shown(alone: BreakDown, figure: Figure) -> Table:
    """The main figure of every group under one heading, for a picture."""
    rows = [row for row in alone.table.to_arrow().to_pylist() if row[figure.name] is not None]
    columns = Columns()
    columns.add(
        "label", [f"{row['dimension'].replace('_', ' ')} · {row['group']}" for row in rows], "text", "", "group"
    )
    columns.add("dimension", [row["dimension"] for row in rows], "name")
    columns.add(figure.name, [row[figure.name] for row in rows], figure.unit, figure.meaning)
    columns.add_interval(
        figure.name, [row[f"{figure.name}_low"] for row in rows], [row[f"{figure.name}_high"] for row in rows],
        figure.unit,
    )  # fmt: skip
    return columns.table("main_figure", figure.meaning, source=alone.table.source, is_shown=False)


def _charts(alone: BreakDown, figure: Figure, people: Sequence[Dimension], shown: Table) -> tuple[Chart, ...]:
    differing = [row for row in alone.table.to_arrow().to_pylist() if row[f"{figure.name}_differs"]]
    words = figure.name.replace("_", " ")
    title = (
        f"{len(differing)} groups differ from the rest in {words}" if differing else f"No group stands out in {words}"
    )
    if not shown.to_arrow().num_rows:
        return ()
    return (
        Chart(
            "groups", title, f"{figure.meaning} By group, with 95 % intervals", "interval", "main_figure", "label",
            figure.name, colour="dimension", low=f"{figure.name}_low", high=f"{figure.name}_high", x_sort="data",
        ),
    )  # fmt: skip


def _who(alone: BreakDown, people: Sequence[Dimension], least: int) -> list[Finding]:
    """For each trait the group that most customers are of, among those of whom it is known."""
    from regulars.models import intervals

    found = []
    for one in people:
        rows = [row for row in alone.rows(one.name) if row["group"] != dimensions.UNKNOWN]
        known = sum(row["customers"] for row in rows)
        if one.name == demographics.INCOME or len(rows) < 2 or known < least:
            continue  # quarters are as large as each other by the way they are made
        first, second = sorted(rows, key=lambda row: (-row["customers"], row["group"]))[:2]
        share = first["customers"] / known
        low, high = (float(end) for end in intervals.share_interval(first["customers"], known))
        sentence = (
            f"By {one.title}, most customers are '{first['group']}': {write(share, 'share')} "
            f"({write_interval(low, high, 'share')}) of {known:,} of whom it is known, then '{second['group']}' "
            f"{write(second['customers'] / known, 'share')}; it is not known of "
            f"{write(_unknown_share(alone, one.name), 'share')}."
        )
        found.append(
            Finding(
                f"demographics.most_{one.name}", sentence, share, "share", known,
                Evidence("groups", f"{one.name} = {first['group']}"), interval=(low, high),
            )
        )  # fmt: skip
    return found


def _highest(
    broken: BreakDown, figure: Figure, by: Sequence[Dimension], data: Dataset, table: str
) -> list[Finding]:  # fmt: skip
    """For each trait the group that stands out most in the main figure, where it is beyond chance."""
    found = []
    for one in by:
        rows = [row for row in broken.rows(one.name) if dimensions.UNKNOWN not in row["group"]]
        told = [row for row in rows if (row[f"{figure.name}_differs"] or 0) > 0 and row[figure.name] is not None]
        if not told:
            continue
        best = max(told, key=lambda row: (row[figure.name], row["group"]))
        low, high = best[f"{figure.name}_low"], best[f"{figure.name}_high"]
        if low is None or high is None:
            continue
        value = write(best[figure.name], figure.unit, data.currency)
        span = write_interval(low, high, figure.unit, data.currency)
        sentence = (
            f"By {one.title}, {best['group']} has the highest {figure.name.replace('_', ' ')}: {value} (95 % interval "
            f"{span}; {best['customers']:,} customers), beyond chance above the others."
        )
        found.append(
            Finding(
                f"demographics.{one.name.replace(' × ', '_by_')}", sentence, best[figure.name], figure.unit,
                best["customers"], Evidence(table, best["group"]), interval=(low, high),
            )
        )  # fmt: skip
    return found


def _caveats(alone: BreakDown, people: Sequence[Dimension]) -> list[Caveat]:
    caveats = [
        Caveat("Differences are observed: groups differ in more than the trait they are named by; see the pairs.")
    ]
    for one in people:
        share = _unknown_share(alone, one.name)
        if share > _MANY_UNKNOWN:
            caveats.append(
                Caveat(f"Of {write(share, 'share')} of the customers the {one.title} is not known.", "warning")
            )
    return caveats
