"""Products: what sells, to whom, when and for how long, and what a change of revenue is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import regulars.measures.products as measures
from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures.money import DECIMALS
from regulars.measures.tables import Columns
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.breakdown import BreakDown

_MOST_PRODUCTS = 200_000
_SHOWN = 50
_CATEGORIES = 8
_NOT_AUDIENCE = ("city", "main_store", "cohort_year")
_CATEGORY = "category"


@dataclass(frozen=True)
class Products(Analysis):
    """Popularity, trend, season, life after release, audience, concentration, price, and the drivers of revenue.

    Args:
        trend_days: A trend sets the last so many days against as many before.
        compare_days: Length of the two periods whose revenue is compared.
    """

    title = "Products and categories"
    question = "What sells, to whom, when and for how long, and what is a change of revenue made of?"
    chapter = "products"
    order = 10
    needs = Needs(summaries={"order_items", "customer_days"})
    wants = Needs(customers={"segment", "rfm_segment"})

    trend_days: int = 90
    compare_days: int = 365

    def __post_init__(self) -> None:
        if self.trend_days < 7 or self.compare_days < 28:
            raise SettingsError("[products] trend_days or compare_days is out of range", mend="use 7 and 28 or more")

    def run(self, data: Dataset) -> Result:
        """Products, categories, life after release, and the waterfall of revenue."""
        return _Study(self, data).tell()


class _Study:
    """The items sold, and what is asked of them."""

    def __init__(self, settings: Products, data: Dataset) -> None:
        if data.as_of is None:
            raise DataError("the orders have no date", table="orders", mend="map ordered_at")
        self.settings, self.data, self.as_of = settings, data, data.as_of
        self.products = data.tables.get("products")
        query = measures.described(data.summary("order_items"), self.products)
        self.items = data.persist(query, f"products__items_{self.as_of:%Y%m%d}")
        self.has = set(self.items.columns)
        self.query = measures.by_product(self.items, self.as_of, settings.trend_days)
        self.rows = data.collect(self.query, _MOST_PRODUCTS).to_pylist()
        if not self.rows:
            raise DataError("no item was sold", table="lines", mend="check the mapping of product_id")
        self.money = "revenue" if "revenue" in self.has else "quantity"

    def tell(self) -> Result:
        """The Result."""
        drivers = self._drivers()
        spread = self._concentration()
        categories = self._categories()
        season, audience = self._by_month(categories), self._audience(categories)
        life = self._life()
        broken = [one.table for one in (season, audience) if one is not None]
        found: list[Table | None] = [
            self._popular(),
            categories.table if categories else None,
            *self._prices(),
            *broken,
        ]
        found += [life, self._promoted(), spread[0], drivers]
        tables = [table for table in found if table is not None and table.to_arrow().num_rows]
        findings = [
            *self._top(spread[1]), *self._moved(drivers), *self._faded(life), *self._seasonal(season),
            *self._liked(audience),
        ]  # fmt: skip
        names = {table.name for table in tables}
        return self.settings.result(
            tables=tuple(tables), charts=tuple(chart for chart in self._charts(tables) if chart.table in names),
            findings=tuple(findings) if len(self._customers()) >= self.data.min_customers else (),
            caveats=_CAVEATS, definitions=_DEFINITIONS,
        )  # fmt: skip

    def _customers(self) -> range:
        """As many as have bought an item."""
        count = self.data.collect(self.items.customer_key.nunique(), 1)[0][0].as_py()
        return range(int(count))

    def _popular(self) -> Table:
        """The best sellers, with their trend."""
        from regulars.models import intervals

        total = sum(row["orders"] for row in self.rows)
        shown = self.rows[:_SHOWN]
        columns = Columns()
        columns.add("product", [str(row["product_id"]) for row in shown], "text")
        columns.add("orders", [row["orders"] for row in shown], "orders")
        columns.add("order_share", [row["orders"] / total for row in shown], "share", "Of all orders × products.")
        columns.add("customers", [row["customers"] for row in shown], "customers")
        if self.money == "revenue":
            columns.add("revenue", [row["revenue"] for row in shown], "money")
            each = [row["revenue"] / row["quantity"] if row["quantity"] else None for row in shown]
            columns.add("revenue_per_item", each, "money", "Revenue ÷ quantity.")
        columns.add("first_on", [row["first_on"] for row in shown], "date", "First sale.")
        columns.add("last_on", [row["last_on"] for row in shown], "date", "Last sale.")
        late = [row["late_orders"] for row in shown]
        before = [row["earlier_orders"] for row in shown]
        days = self.settings.trend_days
        least = self.data.min_customers
        pairs = zip(late, before, strict=True)
        change = [now / then - 1 if min(now, then) >= least else None for now, then in pairs]
        columns.add("trend", change, "change_share", f"Sales of the last {days} days against the {days} before.")
        errors = [(max(one, 1) ** 0.5 for one in ends) for ends in (late, before)]
        low, high = intervals.relative_change_interval(late, list(errors[0]), before, list(errors[1]))
        told = ([float(e) if c is not None else None for e, c in zip(end, change, strict=True)] for end in (low, high))
        columns.add_interval("trend", next(told), next(told), "change_share")
        return columns.table(
            "best_sellers", f"The {len(shown)} products on most orders", source=(self.query,),
            dimensions=("product",), measures=("orders",), note=f"Of {len(self.rows):,} products sold.",
        )  # fmt: skip

    # -- categories -------------------------------------------------------------------------------------

    def _categories(self) -> BreakDown | None:
        if _CATEGORY not in self.has:
            return None
        by = [dims.made(_CATEGORY, "category", (), "item")]
        if "brand" in {one.name for one in dims.available(self.data, "item")}:
            by.append(dims.find("brand"))
        figures = [Figure("items_per_order", "ratio", "Quantity ÷ lines.", lambda r: r.quantity, total="quantity")]
        if self.money == "revenue":
            figures.append(
                Figure("revenue_per_item", "money", "Revenue ÷ quantity.", lambda r: r.revenue, lambda r: r.quantity,
                       total="revenue")
            )  # fmt: skip
        return break_down(
            self.data, self.items, by, figures, name="categories", title="Categories", counts="items"
        )  # fmt: skip

    def _kept(self, categories: BreakDown | None) -> list[str]:
        rows = categories.rows(_CATEGORY) if categories else []
        return [row["group"] for row in rows if row["group"] not in ("unknown", "all others")][:_CATEGORIES]

    def _shares(
        self, categories: BreakDown | None, by: Sequence[dims.Dimension], name: str, title: str
    ) -> BreakDown | None:
        """Share of each category among the items of a group."""
        kept = self._kept(categories)
        if len(kept) < 2 or not by:
            return None
        figures = [
            Figure(f"{_slug(label)}_share", "share", f"Items of the category {label}.", _is(label), is_proportion=True)
            for label in kept
        ]
        return break_down(self.data, self.items, by, figures, name=name, title=title, counts="items")

    def _by_month(self, categories: BreakDown | None) -> BreakDown | None:
        by = [dims.made("month", "month of the year", measures.MONTHS, "item")]
        return self._shares(categories, by, "season", "Which categories have their season in which months")

    def _audience(self, categories: BreakDown | None) -> BreakDown | None:
        by = [one for one in dims.available(self.data, "customer") if one.name not in _NOT_AUDIENCE]
        return self._shares(categories, by, "audience", "Who buys which category: share of a group's items")

    def _prices(self) -> list[Table]:
        """What an item brings, by category and year."""
        if self.money != "revenue" or _CATEGORY not in self.has:
            return []
        by = [dims.crossed(dims.made(_CATEGORY, "category", (), "item"), dims.find("year"))]
        figures = [
            Figure("revenue_per_item", "money", "Revenue ÷ quantity.", lambda r: r.revenue, lambda r: r.quantity)
        ]
        return [
            break_down(
                self.data, self.items, by, figures, name="prices", title="What an item brings, by category and year",
                counts="items",
            ).table
        ]  # fmt: skip

    def _promoted(self) -> Table | None:
        """How promotions align with releases."""
        orders = self.data.orders
        by = [one for one in dims.available(self.data, "order") if one.name == "release_distance"]
        if not by or not {"campaign_id", "discount"} & set(orders.columns):
            return None
        sales = orders.filter(orders.is_sale)
        used = sales.campaign_id.notnull() if "campaign_id" in sales.columns else sales.discount > 0
        figures = [Figure("promoted_share", "share", "With a promotion.", lambda r: r.promoted, is_proportion=True)]
        return break_down(
            self.data, sales.mutate(promoted=used.fill_null(False)), by, figures, name="promotions_by_release",
            title="Use of promotions by time since the release", counts="orders",
        ).table  # fmt: skip

    # -- life after release, concentration, drivers -----------------------------------------------------

    def _life(self) -> Table | None:
        """Sales by week after release: the mean over products of each week's share of the first twelve."""
        import numpy as np

        from regulars.models import intervals

        if "released_on" not in self.has:
            return None
        query = measures.by_week_after_release(self.items, self.as_of)
        sold: dict[Any, Any] = {}
        for row in sorted(self.data.collect(query, _MOST_PRODUCTS).to_pylist(), key=lambda one: str(one["product_id"])):
            sold.setdefault(row["product_id"], np.zeros(measures.WEEKS))[row["week"]] += row["orders"]
        if len(sold) < 2:
            return None
        counts = np.array(list(sold.values()))
        shares = counts / counts.sum(axis=1, keepdims=True)
        low, high = intervals.mean_interval(shares.sum(axis=0), (shares**2).sum(axis=0), len(sold))
        columns = Columns()
        columns.add("week", list(range(1, measures.WEEKS + 1)), "count", "Since the release; 1 is the first.")
        columns.add("orders", [int(one) for one in counts.sum(axis=0)], "orders", "Of all products together.")
        columns.add("sales_share", shares.mean(axis=0), "share", "Mean over products of the week's share of twelve.")
        columns.add_interval("sales_share", np.maximum(low, 0.0), np.minimum(high, 1.0), "share")
        columns.add(
            "share_so_far", intervals.steady(shares.mean(axis=0).cumsum()), "share", "Up to the end of the week."
        )
        return columns.table(
            "after_release", "Sales by week after the release", source=(query,), dimensions=("week",),
            measures=("orders",), note=f"Over {len(sold):,} products released {measures.WEEKS} weeks ago or earlier.",
        )  # fmt: skip

    def _concentration(self) -> tuple[Table, Any]:
        """How much the best sellers bring."""
        from regulars.models.concentration import concentrate

        values = [max(row[self.money] or 0.0, 0.0) for row in self.rows]
        columns = Columns()
        shares = (0.01, 0.05, 0.1, 0.2, 0.5)
        spread = None
        if sum(values) > 0 and len(values) > 1:
            spread = concentrate([1] * len(values), values)
        columns.add("product_share", shares if spread else [], "share", "Of the products, the best sellers first.")
        columns.add(
            "value_share", [spread.top(one) for one in shares] if spread else [], "share", f"Of the {self.money}."
        )
        return columns.table("concentration", "How much the best sellers bring", source=(self.query,)), spread

    def _drivers(self) -> Table | None:
        """Revenue of two periods, and what its change is made of."""
        from regulars.models.drivers import contributions

        orders = self.data.orders
        if "revenue" not in orders.columns:
            return None
        query = measures.periods_of(orders.filter(orders.is_sale), self.as_of, self.settings.compare_days)
        sums: Mapping[int, Any] = {row["period"]: row for row in self.data.collect(query, 2).to_pylist()}
        first = self.data.collect(self.items.ordered_at.min().date(), 1)[0][0].as_py()
        if set(sums) != {0, 1} or first > self.as_of - timedelta(days=2 * self.settings.compare_days - 28):
            return None
        before, after = (_factors(sums[period]) for period in (1, 0))
        if before is None or after is None:
            return None
        parts = contributions(before, after)
        if parts is None:
            return None
        start, end = sums[1]["revenue"], sums[0]["revenue"]
        parts = [round(one, DECIMALS) for one in parts]
        parts[-1] = round(end - start - sum(parts[:-1]), DECIMALS)  # what rounding left, so that the steps meet exactly
        steps = [start, *parts, end]
        names = ["revenue before", *measures.FACTORS, "revenue after"]
        columns = Columns()
        columns.add("step", names, "text")
        columns.add("amount", steps, "money", "The revenue, or what the factor contributed to its change.")
        columns.add("before", [None, *before, None], "ratio", "Factor in the earlier period.")
        columns.add("after", [None, *after, None], "ratio", "Factor in the later period.")
        days = self.settings.compare_days
        return columns.table(
            "drivers", "What the change of revenue is made of", source=(query,), dimensions=("step",),
            note=f"The {days} days to {self.as_of:%Y-%m-%d} against the {days} before; revenue before and the four "
            "contributions add up to revenue after.",
        )  # fmt: skip

    # -- telling ----------------------------------------------------------------------------------------

    def _top(self, spread: Any) -> list[Finding]:
        if spread is None or len(self.rows) < 10:
            return []
        share = spread.top(0.1)
        sentence = (
            f"A tenth of the {len(self.rows):,} products brings {write(share, 'share')} of the {self.money}; the one "
            f"on most orders is '{self.rows[0]['product_id']}' ({self.rows[0]['orders']:,} orders)."
        )
        return [
            Finding(
                "products.concentration", sentence, share, "share", len(self.rows), Evidence("concentration"),
                n_unit="count", at_stake=round(spread.total * share, 4) if self.money == "revenue" else None,
            )
        ]  # fmt: skip

    def _moved(self, drivers: Table | None) -> list[Finding]:
        if drivers is None:
            return []
        rows = {row["step"]: row for row in drivers.to_arrow().to_pylist()}
        start, end = rows["revenue before"]["amount"], rows["revenue after"]["amount"]
        top = max(measures.FACTORS, key=lambda one: abs(rows[one]["amount"]))
        currency = self.data.currency
        parts = ", ".join(f"{one} {_signed(rows[one]['amount'], currency)}" for one in measures.FACTORS)
        sentence = (
            f"Revenue of the last {self.settings.compare_days} days was {write(end, 'money', currency)} against "
            f"{write(start, 'money', currency)} in as many before ({write(end / start - 1, 'change_share')}); the "
            f"largest part of the change lies in {top} ({parts})."
        )
        return [
            Finding(
                "products.revenue_drivers", sentence, end - start, "money", int(rows["customers"]["after"]),
                Evidence("drivers"), at_stake=abs(round(end - start, 4)), is_good=end > start,
            )
        ]  # fmt: skip

    def _faded(self, life: Table | None) -> list[Finding]:
        if life is None:
            return []
        rows = life.to_arrow().to_pylist()
        row = rows[1]
        sentence = (
            f"The first two weeks after a release bring {write(row['share_so_far'], 'share')} of what the first "
            f"{measures.WEEKS} weeks bring; the first week alone {write(rows[0]['sales_share'], 'share')} "
            f"({write_interval(rows[0]['sales_share_low'], rows[0]['sales_share_high'], 'share')})."
        )
        total = sum(one["orders"] for one in rows)
        if total < self.data.min_customers:
            return []
        return [
            Finding(
                "products.after_release", sentence, row["share_so_far"], "share", total, Evidence("after_release"),
                n_unit="orders",
            )
        ]  # fmt: skip

    def _seasonal(self, season: BreakDown | None) -> list[Finding]:
        return self._strongest(
            season, "products.season", "season", "In {group} '{label}' has {share} of the items sold"
        )

    def _liked(self, audience: BreakDown | None) -> list[Finding]:
        words = "Of the items that the group '{group}' ({dimension}) buys, {share} are of the category '{label}'"
        return self._strongest(audience, "products.audience", "audience", words)

    def _strongest(self, broken: BreakDown | None, key: str, table: str, words: str) -> list[Finding]:
        """The share that stands out most, where one does beyond chance."""
        if broken is None:
            return []
        rows = broken.table.to_arrow().to_pylist()
        names = [
            one.name for one in broken.table.columns if f"{one.name}_differs" in broken.table.to_arrow().column_names
        ]
        told = [
            (row, name) for row in rows for name in names if row[f"{name}_differs"] == 1 and row["group"] != "unknown"
        ]
        if not told:
            return []

        def usual(name: str, dimension: str) -> float:
            same = [row for row in rows if row["dimension"] == dimension and row[name] is not None]
            return float(sum(row[name] * row["items"] for row in same) / sum(row["items"] for row in same))

        row, name = max(
            told, key=lambda one: (one[0][one[1]] / usual(one[1], one[0]["dimension"]), one[0]["group"], one[1])
        )
        ends = (row[f"{name}_low"], row[f"{name}_high"])
        label = next(info.meaning for info in broken.table.columns if info.name == name)
        label = label.removeprefix("Items of the category ").rstrip(".")
        share = f"{write(row[name], 'share')} ({write_interval(*ends, 'share')})"
        dimension = row["dimension"].replace("_", " ")
        sentence = (
            f"{words.format(group=row['group'], label=label, share=share, dimension=dimension)}, against "
            f"{write(usual(name, row['dimension']), 'share')} over all."
        )
        return [
            Finding(
                key, sentence, row[name], "share", row["customers"], Evidence(table, f"group = {row['group']}"),
                interval=ends,
            )
        ]  # fmt: skip

    def _charts(self, tables: Sequence[Table]) -> list[Chart]:
        rows = {table.name: table.to_arrow().to_pylist() for table in tables}
        return [
            Chart(
                "drivers", self._drivers_title(rows.get("drivers", [])),
                "Revenue before, contributions of the factors, and revenue after", "bar", "drivers", "step", "amount",
                x_sort="data", label="amount",
            ),
            Chart(
                "after_release", _release_title(rows.get("after_release", [])),
                "Mean share of the first twelve weeks' sales by week, with 95 % interval over products", "line",
                "after_release", "week", "sales_share", low="sales_share_low", high="sales_share_high",
            ),
            Chart(
                "best_sellers", _best_title(rows.get("best_sellers", [])), "Orders", "bar", "best_sellers", "product",
                "orders", x_sort="data", max_marks=20,
            ),
        ]  # fmt: skip

    def _drivers_title(self, rows: Sequence[Mapping[str, Any]]) -> str:
        if not rows:
            return ""
        first, *parts, last = rows
        top = max(parts, key=lambda row: abs(row["amount"]))
        ends = [write(row["amount"], "money", self.data.currency) for row in (first, last)]
        return f"Revenue went from {ends[0]} to {ends[1]}, most of all by {top['step']}"


def _release_title(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    share = write(rows[0]["sales_share"], "share")
    return f"{share} of the first twelve weeks' sales come in the first week after a release"


def _best_title(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    return f"'{rows[0]['product']}' is on most orders: {rows[0]['orders']:,}"


def _factors(row: Mapping[str, Any]) -> list[float] | None:
    """Customers, orders per customer, items per order and price per item; None where one cannot be told."""
    customers, orders, items, revenue = (float(row[name] or 0) for name in ("customers", "orders", "items", "revenue"))
    if min(customers, orders, items, revenue) <= 0:
        return None
    return [customers, orders / customers, items / orders, revenue / items]


def _signed(value: float, currency: str) -> str:
    return ("+" if value > 0 else "") + write(value, "money", currency)


def _is(label: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows.category == label


def _slug(text: str) -> str:
    return "".join(one if one.isalnum() else "_" for one in text.casefold())


_CAVEATS = (
    Caveat("What sells is counted in sales; what was looked for and not to be had does not show."),
    Caveat("The drivers are arithmetic: they tell where a change lies, not why."),
    Caveat("Shares of categories rest on the products there were: with few of them a month is that of one product."),
)
_DEFINITIONS = {
    "revenue drivers": "Revenue = customers × orders per customer × items per order × price per item.",
    "contribution": "Logarithmic mean of the two revenues × ln(factor after ÷ before); the four add up to the change.",
    "trend": "Sales of the last days against as many before.",
}
