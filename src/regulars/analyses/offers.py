"""Offers: which categories each group prefers, at what price, how much it goes by discounts, and what to offer next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import regulars.measures.offers as measures
from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures.tables import Columns
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.breakdown import BreakDown

_MOST_CATEGORIES = 20_000
_Z = 1.959963984540054
_TOLD = ("revenue_per_item", "discount_share", "discounted_order_share", "revenue_per_order")
"""Features of the customer view that say what a group pays, where the data give them."""


@dataclass(frozen=True)
class Offers(Analysis):
    """Preference by category and group, price range, discount, and the next best category of each customer.

    Args:
        categories: So many categories are told, the largest first.
    """

    title = "What to offer"
    question = "Which categories does each group prefer, at what price, and what should be offered next?"
    chapter = "campaigns"
    order = 60
    needs = Needs(summaries={"customer_categories"})
    wants = Needs(customers={"segment", "rfm_segment"})

    categories: int = 12

    def __post_init__(self) -> None:
        if not 2 <= self.categories <= 30:
            raise SettingsError("[offers] categories is out of range", mend="use 2 to 30")

    def run(self, data: Dataset) -> Result:
        """Categories, preferences by group, what a group pays, and the next category of each customer."""
        source = data.summary("customer_categories")
        query = measures.totals(source)
        rows = data.collect(query, _MOST_CATEGORIES).to_pylist()
        named = [row for row in rows if row["category"] not in (None, "", dims.UNKNOWN)][: self.categories]
        if len(named) < 2:
            raise DataError(
                "there are not two categories with spend", table="products", mend="map the products' category"
            )
        names = [row["category"] for row in named]
        tag = f"_{data.as_of:%Y%m%d}" if data.as_of else ""
        wide = data.persist(measures.spend(source, names), f"offers__spend{tag}")
        broken = _preferences(data, wide, names)
        tables = [_categories(rows, names, query), _indices(broken, names, data.min_customers)]
        paid = _paid(data)
        tables += [paid] if paid else []
        counts = data.collect(measures.together(wide, len(names)), 1).to_pylist()[0]
        chance, base = _chances(counts, len(names))
        tables.append(_next(names, chance, base, counts, data.min_customers, measures.together(wide, len(names))))
        findings = _findings(tables[1], data.min_customers)
        tables.append(_of_one(tables[1]))
        audience = Audience(
            "next_best_category", "The category to offer next",
            measures.members(measures.next_category(wide, names, chance, base), data.customers),
            "The category they have not bought that most of those with the same categories have.",
        )  # fmt: skip
        return self.result(
            tables=tuple(tables), charts=(_chart(tables[-1]),), findings=tuple(findings),
            actions=_actions(data, audience, findings), audiences=(audience,), caveats=_CAVEATS,
            definitions=_DEFINITIONS,
        )  # fmt: skip


def _actions(data: Dataset, audience: Audience, findings: Sequence[Finding]) -> tuple[Action, ...]:
    """The next category to each customer; nothing where nobody lacks a category that those alike buy."""
    count = data.collect(audience.members.aggregate(count=audience.members.count()), 1)["count"][0].as_py()
    if not findings or not count:
        return ()
    return (
        Action(
            "offers.next", "Offer each customer a category that people who buy the same also buy; leave out "
            "some, drawn by lot.",
            "It is what those alike buy; whether the offer changes anything is seen beside those who did not get it.",
            audience.name, findings[0].key,
        ),
    )  # fmt: skip


def _preferences(data: Dataset, wide: ir.Table, names: Sequence[str]) -> BreakDown:
    """Share of a group's spend on each category, with intervals by customer."""
    by = [*dims.available(data, "customer"), *dims.traits(data)]
    figures = [
        Figure(f"share_{place}", "share", name, _spent(place), lambda rows: rows.total, is_proportion=True)
        for place, name in enumerate(names)
    ]
    return break_down(data, wide, by, figures, name="shares", title="Shares")


def _spent(place: int) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows[f"spend_{place}"]


def _categories(rows: Sequence[dict[str, Any]], names: Sequence[str], query: ir.Table) -> Table:
    total = sum(row["value"] for row in rows)
    shown = [row for row in rows if row["category"] in names]
    columns = Columns()
    columns.add("category", [row["category"] for row in shown], "text")
    columns.add("buyers", [row["buyers"] for row in shown], "customers", "Customers who spent on it.")
    columns.add("spend_share", [row["value"] / total for row in shown], "share", "Of all spend.")
    return columns.table(
        "categories", "Categories by spend", source=(query,), dimensions=("category",), measures=("buyers",)
    )


def _indices(broken: BreakDown, names: Sequence[str], least: int) -> Table:
    """One row per group and category: the group's share of spend on it ÷ the share of all, drawn towards 1."""
    import numpy as np

    from regulars.models.preference import shrink

    rows = broken.table.to_arrow().to_pylist()
    usual: dict[tuple[str, int], float] = {}
    for dimension in {row["dimension"] for row in rows}:
        same = [row for row in rows if row["dimension"] == dimension and row["share_0"] is not None]
        people = sum(row["customers"] for row in same)
        for place in range(len(names)):
            total = sum(row[f"share_{place}"] * row["customers"] for row in same)
            usual[dimension, place] = total / people if people else float("nan")
    each = [(row, place) for row in rows for place in range(len(names))]
    base = np.array([usual[row["dimension"], place] or np.nan for row, place in each], dtype=float)
    share = np.array([row[f"share_{place}"] for row, place in each], dtype=float)
    ends = [np.array([row[f"share_{place}_{end}"] for row, place in each], dtype=float) for end in ("low", "high")]
    index, error = share / base, (ends[1] - ends[0]) / (2 * _Z) / base
    drawn = index.copy()
    for dimension in sorted({row["dimension"] for row, _ in each}):
        of = np.array([row["dimension"] == dimension for row, _ in each])
        drawn[of] = shrink(index[of], error[of]).index
    columns = Columns()
    columns.add("dimension", [row["dimension"] for row, _ in each], "name")
    columns.add("group", [row["group"] for row, _ in each], "text")
    columns.add("category", [names[place] for _, place in each], "text")
    columns.add("customers", [row["customers"] for row, _ in each], "customers", "Of the group.")
    columns.add("spend_share", share, "share", "Of the group's spend.")
    columns.add_interval("spend_share", ends[0], ends[1], "share")
    columns.add("index", index, "ratio", "Share of the group ÷ mean share over the groups by size; 1 is as all.")
    columns.add("shrunk_index", drawn, "ratio", "The index, drawn towards 1 by its uncertainty.")
    columns.add(
        "differs", [row[f"share_{place}_differs"] for row, place in each], "",
        "Against the rest: 1 above, −1 below, 0 not beyond chance.",
    )  # fmt: skip
    return columns.table(
        "preferences", "Which categories each group prefers", source=broken.table.source,
        dimensions=("dimension", "group", "category"), note=broken.table.note,
    )  # fmt: skip


def _paid(data: Dataset) -> Table | None:
    """Price range and discount by group, as far as the view tells."""
    view = data.customers
    names = [name for name in _TOLD if name in view.columns]
    quarters = [f"price_quartile_{rank}_share" for rank in (1, 4) if f"price_quartile_{rank}_share" in view.columns]
    if not names and not quarters:
        return None
    figures = [
        Figure(name, data.feature(name).unit, data.feature(name).meaning + ", mean over customers.", _column(name))
        for name in [*names, *quarters]
    ]
    rows = view.filter(view.order_count > 0) if "order_count" in view.columns else view
    return break_down(
        data, rows, dims.available(data, "customer"), figures, name="paid", cluster=None,
        title="What each group pays, and how far it goes by discounts",
    ).table  # fmt: skip


def _column(name: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows[name]


def _chances(counts: dict[str, int], count: int) -> tuple[list[list[float]], list[float]]:
    """P(j | i) over customers, and the share who bought j."""
    both = [[counts[f"both_{min(i, j)}_{max(i, j)}"] for j in range(count)] for i in range(count)]
    chance = [[both[i][j] / both[i][i] if both[i][i] else 0.0 for j in range(count)] for i in range(count)]
    return chance, [both[j][j] / counts["customers"] if counts["customers"] else 0.0 for j in range(count)]


def _next(
    names: Sequence[str], chance: Sequence[Sequence[float]], base: Sequence[float], counts: dict[str, int], least: int,
    query: ir.Table,
) -> Table:  # fmt: skip
    """The category most bought beside each."""
    from regulars.models import intervals

    rows = []
    for place, name in enumerate(names):
        buyers = counts[f"both_{place}_{place}"]
        other = max((j for j in range(len(names)) if j != place), key=lambda j: (chance[place][j], names[j]))
        both = counts[f"both_{min(place, other)}_{max(place, other)}"]
        low, high = (float(end) for end in intervals.share_interval(both, buyers))
        fine = buyers >= least
        rows.append((name, buyers, names[other], *(
            (chance[place][other], low, high, base[other]) if fine else (None, None, None, None))))  # fmt: skip
    columns = Columns()
    columns.add("category", [row[0] for row in rows], "text")
    columns.add("buyers", [row[1] for row in rows], "customers", "Customers who spent on it.")
    columns.add("beside", [row[2] for row in rows], "text", "The category most of them also buy.")
    columns.add("both_share", [row[3] for row in rows], "share", "Of the buyers of the first.")
    columns.add_interval("both_share", [row[4] for row in rows], [row[5] for row in rows], "share")
    columns.add("usual_share", [row[6] for row in rows], "share", "Of all customers, who buy the second.")
    return columns.table("beside", "What is bought beside each category", source=(query,), dimensions=("category",))


def _findings(preferences: Table, least: int) -> list[Finding]:
    """The strongest preference that is beyond chance."""
    rows = [
        row for row in preferences.to_arrow().to_pylist()
        if row["differs"] == 1 and row["group"] != dims.UNKNOWN and row["customers"] >= least
        and row["shrunk_index"] is not None
    ]  # fmt: skip
    if not rows:
        return []
    top = max(rows, key=lambda row: (row["shrunk_index"], row["dimension"], row["group"], row["category"]))
    ends = (top["spend_share_low"], top["spend_share_high"])
    sentence = (
        f"The group '{top['group']}' ({top['dimension'].replace('_', ' ')}) spends "
        f"{write(top['spend_share'], 'share')} ({write_interval(*ends, 'share')}) on '{top['category']}', "
        f"{top['shrunk_index']:.2f} times the usual share; {len(rows)} preferences are beyond chance."
    )
    return [
        Finding(
            "offers.preference", sentence, top["spend_share"], "share", top["customers"],
            Evidence("preferences", f"{top['dimension']} = {top['group']}"), interval=ends,
        )
    ]  # fmt: skip


def _of_one(preferences: Table) -> Table:
    """The preferences by the first dimension that has several groups told, for the picture."""
    rows = preferences.to_arrow().to_pylist()
    groups: dict[str, set[str]] = {}
    for row in rows:
        if row["index"] is not None:
            groups.setdefault(row["dimension"], set()).add(row["group"])
    chosen = next((name for name, found in groups.items() if len(found) > 1), next(iter(groups), ""))
    at = [place for place, row in enumerate(rows) if row["dimension"] == chosen and row["index"] is not None]
    title = f"Which categories each group prefers, by {chosen.replace('_', ' ')}"
    data = preferences.to_arrow().take(at)
    return replace(preferences, name="preferences_shown", title=title, data=data, is_shown=False)


def _chart(preferences: Table) -> Chart:
    return Chart(
        "preferences", preferences.title,
        "Index of spend share: 1 is as all, drawn towards 1 where it is uncertain", "heatmap", preferences.name,
        "category", "group", colour="shrunk_index", label="shrunk_index", x_sort="data",
    )  # fmt: skip


_CAVEATS = (
    Caveat("What was bought shows what was wanted among what was on offer; what an offer changes only a trial tells."),
)
_DEFINITIONS = {
    "index": "A group's share of spend on a category ÷ the usual share; 2 is twice as much.",
    "next best category": "Mean of P(category | one that the customer buys) over the customer's categories.",
}
