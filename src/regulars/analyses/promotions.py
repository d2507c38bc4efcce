"""Promotions: who uses which, what they cost, who comes back after one, and when one would pay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import regulars.measures.promotions as measures
from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Audience
from regulars.errors import DataError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures import promotion_words as words
from regulars.methods import promotion_tables as tables
from regulars.methods.breakdown import Figure, break_down
from regulars.methods.holiday_distance import holiday_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.dimensions import Dimension
    from regulars.methods.breakdown import BreakDown

_MOST_KINDS = 500
_MOST_CAMPAIGNS = 20_000
_FEWEST_USES = 10
_FIGURES_OF_TIES = ("revenue_per_order", "discount_share")
_CIRCULAR = ("rfm_segment", "main_payment_method")
"""Who has one order cannot respond repeatedly: segments made from the number of orders would only say so."""
_KEPT = (
    "order_id", "customer_key", "ordered_at", "campaign_id", "product_id", "device_id", "channel", "store_id",
    "payment_method", "list_amount", "discount", "revenue", "quantity",
)  # fmt: skip


@dataclass(frozen=True)
class Promotions(Analysis):
    """Use of promotions by kind, year and group; who responds; returns of those won with one; what would pay.

    Args:
        margin_share: What remains of list value after the cost of what was sold; 0: from the products' costs, and
            where there are none, several margins are shown.
    """

    title = "Promotions"
    question = "Who uses which promotions, what do they cost, and do those won with one come back?"
    chapter = "campaigns"
    order = 10
    needs = Needs(summaries={"customer_days"})
    wants = Needs(customers={"segment", "rfm_segment"})

    margin_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin_share < 1:
            raise SettingsError("[promotions] margin_share lies between 0 and 1", mend="use 0.3 for 30 %")

    def is_moot(self, data: Dataset) -> bool:
        """Without a campaign or a discount on any order the question does not arise."""
        return not data.summaries.missing("orders") and not measures.can_tell(data.orders.columns)

    def run(self, data: Dataset) -> Result:
        """Use, money, groups, classes of response, returns, ties and the break-even."""
        if self.is_moot(data):
            raise DataError(
                "no order names a campaign or a discount", table="orders", mend="map campaign_id or discount"
            )
        return _Study(self, data).tell()


class _Study:
    """The sales with their promotion, and what is asked of them."""

    def __init__(self, settings: Promotions, data: Dataset) -> None:
        self.settings, self.data = settings, data
        orders = data.orders
        sales = orders.filter(orders.is_sale)
        sales = sales.select(*[name for name in _KEPT if name in sales.columns])
        self.query = measures.with_promotion(sales, data.tables.get("campaigns"), self._costs())
        assert data.as_of is not None  # noqa: S101  without dates there are no customer_days
        self.as_of: date = data.as_of
        self.rows = data.persist(self.query, f"promotions__sales_{self.as_of:%Y%m%d}")
        self.has = set(self.rows.columns)

    def _costs(self) -> ir.Table | None:
        data = self.data
        products = data.tables.get("products")
        known = products is not None and "cost" in products.columns and "revenue" in data.orders.columns
        if products is None or not known or data.summaries.missing("order_items"):
            return None
        return measures.order_costs(data.summary("order_items"), products)

    def tell(self) -> Result:
        """The Result."""
        data, rows = self.data, self.rows
        totals = data.collect(
            rows.aggregate(
                orders=rows.count(), customers=rows.customer_key.nunique(), promoted=rows.is_promoted.sum(),
                first=rows.ordered_at.min(), last=rows.ordered_at.max(),
            ), 1,
        ).to_pylist()[0]  # fmt: skip
        if not totals["orders"]:
            raise DataError("there is no sale", table="orders", mend="check the mapping of orders and statuses")
        if not totals["promoted"]:
            raise DataError("no sale used a promotion", table="orders", mend="check campaign_id and discount")
        kinds = self._kinds()
        use = self._use(kinds)
        money = self._money()
        groups = self._groups(totals["first"].date(), totals["last"].date())
        each = measures.responders(rows)
        margin = self._margin()
        found = [
            tables.kinds(use, kinds, totals, data.min_customers, (self.query,)),
            tables.use_by_year(use, list(kinds)),
            *tables.topics(money),
            replace(money.table, is_shown=False),
            *self._classes(each, totals["customers"]),
            self._returns(list(kinds)),
            groups.table,
            *self._ties(),
            tables.break_even(money, margin),
        ]
        told = [table for table in found if table.to_arrow().num_rows]
        story = words.Story(data.currency, data.min_customers, margin, told)
        findings = story.findings(use, money, groups, totals["customers"])
        return self.settings.result(
            tables=tuple(told), charts=tuple(story.charts()), findings=tuple(findings),
            actions=tuple(story.actions(findings)),
            audiences=self._audiences(each), caveats=tuple(story.caveats()), definitions=words.DEFINITIONS,
        )  # fmt: skip

    def _kinds(self) -> Mapping[str, int]:
        """Customers by kind of promotion, the most used first; no promotion last."""
        rows = self.data.collect(measures.customers_by_kind(self.rows), _MOST_KINDS).to_pylist()
        ranked = sorted(rows, key=lambda row: (row["promotion"] == measures.NONE, -row["customers"], row["promotion"]))
        return {row["promotion"]: row["customers"] for row in ranked}

    def _use(self, kinds: Mapping[str, int]) -> BreakDown:
        """Share of orders with each kind of promotion, over all and by year."""
        import ibis

        figures = [Figure("promoted", "share", "Orders with any promotion.", lambda rows: rows.is_promoted)]
        figures += [
            Figure(f"kind_{place}", "share", f"Orders with: {kind}.", _is_kind(kind), total=f"kind_{place}_orders")
            for place, kind in enumerate(kinds)
        ]
        everything = dims.made("everything", "all sales")
        rows = self.rows.mutate(everything=ibis.literal("all sales"))
        return break_down(
            self.data, rows, [everything, dims.find("year")], figures, name="use", title="Use", counts="orders"
        )

    def _money(self) -> BreakDown:
        by: list[Dimension] = [dims.made("promotion", "kind of promotion")]
        by += [one for one in dims.available(self.data, "order") if one.name == "offer_complexity"]
        by.append(dims.crossed(dims.find("year"), by[0]))
        return break_down(
            self.data,
            self.rows,
            by,
            _figures(self.has),
            name="money",
            title="Money by promotion, with years",
            counts="orders",
        )

    def _groups(self, first: date, last: date) -> BreakDown:
        """Use and discount by everything there is to break down by."""
        by = [one for one in dims.available(self.data, "customer", "order") if one.name not in words.NOT_GROUPS]
        near = holiday_distance(self.data, first, last)
        by += [near] if near else []
        by.append(dims.made("order_band", "how-manieth order", [one[1] for one in measures.ORDER_NUMBERS]))
        if "product_id" in self.has:
            by += [one for one in dims.available(self.data, "item") if one.name == "category"]
        figures = [Figure("promoted_share", "share", "With a promotion ÷ orders.", lambda rows: rows.is_promoted)]
        figures += [one for one in _figures(self.has) if one.name == "discount_share"]
        return break_down(
            self.data, measures.number_band(self.rows), by, figures, name="by_group",
            title="Use of promotions and discount share of sales, by group", counts="orders",
            note="Counted, not explained: groups differ in more than their use of promotions.",
        )  # fmt: skip

    def _classes(self, each: ir.Table, customers: int) -> list[Table]:
        query = measures.by_class(each)
        rows = {row["response"]: row for row in self.data.collect(query).to_pylist()}
        by = [one for one in dims.available(self.data, "customer") if one.name not in _CIRCULAR]
        figures = [
            Figure("repeatedly_share", "share", "Customers with two promoted orders or more.",
                   lambda rows: rows.responds_repeatedly, is_share=True),
            Figure("only_share", "share", "Customers with several orders, all with a promotion.",
                   lambda rows: rows.only_with_promotion, is_share=True),
            Figure("never_share", "share", "Customers who used none.", lambda rows: rows.never_responds, is_share=True),
        ]  # fmt: skip
        broken = break_down(
            self.data, each, by, figures, name="response_by_group", title="How customers respond, by group",
            cluster=None,
        )  # fmt: skip
        return [tables.classes(rows, customers, self.data.min_customers, query), broken.table]

    def _returns(self, kinds: Sequence[str]) -> Table:
        query = measures.returns(self.rows, self.data.customer_days, self.as_of)
        rows = {row["promotion"]: row for row in self.data.collect(query, _MOST_KINDS).to_pylist()}
        return tables.returns([rows[kind] for kind in kinds if kind in rows], self.data.min_customers, query)

    def _ties(self) -> list[Table]:
        """Campaigns that belong to one product or to releases, beside general ones."""
        if not {"campaign_id", "product_id"} <= self.has:
            return []
        query = measures.reach(self.rows, self.data.tables.get("products"))
        rows = self.data.collect(query, _MOST_CAMPAIGNS).to_pylist()
        ties: dict[str, list[Any]] = {label: [] for label in tables.TIES}
        for row in rows:
            row["tie"] = tables.tie(row, _FEWEST_USES)
            if row["tie"] in ties:
                ties[row["tie"]].append(row["campaign_id"])
        tied = measures.with_tie(self.rows, ties)
        broken = break_down(
            self.data, tied, [dims.made("tie", "what the campaign belongs to", tables.TIES)],
            [one for one in _figures(self.has) if one.name in _FIGURES_OF_TIES],
            name="by_tie", title="Campaigns of a product, of releases, and general ones", counts="orders",
            note=f"Of a product or of releases: {measures.TIED_SHARE:.0%} or more of a campaign's use lies there, and "
            f"for releases clearly more than without a promotion on the same days; "
            f"campaigns used less than {_FEWEST_USES} times are left open.",
        )  # fmt: skip
        return [broken.table, tables.campaigns(rows, query)]

    def _margin(self) -> float:
        """Margin on list value: as set, or by the products' costs; 0 where neither is there."""
        if self.settings.margin_share or not {"profit", "list_amount"} <= self.has:
            return self.settings.margin_share
        rows = self.rows.filter(self.rows.profit.notnull())
        discount = rows.discount.fill_null(0.0) if "discount" in self.has else 0.0
        sums = self.data.collect(
            rows.aggregate(gain=(rows.profit + discount).sum().round(4), value=rows.list_amount.sum().round(4)), 1
        ).to_pylist()[0]
        return max(sums["gain"] / sums["value"], 0.0) if sums["value"] else 0.0

    def _audiences(self, each: ir.Table) -> tuple[Audience, ...]:
        customers = self.data.customers
        lists = (
            ("one_time_responders", "Won with a promotion, and not seen again", measures.CLASSES[3],
             "Their only order used a promotion: a second order without one would show whether they stay."),
            ("deal_seekers", "Buy only with a promotion", measures.CLASSES[0],
             "They have bought several times, and never without a promotion: try smaller offers on a part of them."),
        )  # fmt: skip
        return tuple(
            Audience(name, title, measures.members(each, customers, response, self.as_of), why)
            for name, title, response, why in lists
        )


def _is_kind(kind: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows.promotion == kind


def _figures(has: set[str]) -> list[Figure]:
    """What is told of orders, by what the data give."""
    figures = []
    if "revenue" in has:
        figures.append(
            Figure("revenue_per_order", "money", "Revenue ÷ orders.", lambda rows: rows.revenue, total="revenue")
        )
    if "discount" in has:
        figures.append(
            Figure("discount_per_order", "money", "Discount ÷ orders.", lambda rows: rows.discount.fill_null(0.0),
                   total="discount")
        )  # fmt: skip
    if {"discount", "list_amount"} <= has:
        figures.append(
            Figure("discount_share", "share", "Discount ÷ list value.", lambda rows: rows.discount.fill_null(0.0),
                   lambda rows: rows.list_amount)
        )  # fmt: skip
    if "profit" in has:
        figures.append(Figure("profit_per_order", "money", "Revenue less cost, ÷ orders.", lambda rows: rows.profit))
        figures.append(
            Figure("margin_share", "share", "Profit ÷ revenue.", lambda rows: rows.profit,
                   lambda rows: rows.profit.notnull().ifelse(rows.revenue, 0.0))
        )  # fmt: skip
    figures.append(Figure("first_order_share", "share", "The customer's first.", lambda rows: rows.order_number == 1))
    return figures
