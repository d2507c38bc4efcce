"""The shared summaries: the heavy pass over the order lines, made once and read by every analysis.

`orders` (one row per purchase attempt) is made from `lines`, `customer_days` (one row per customer and day with a
sale) from `orders`, `customers` (one row per customer) from those. `customer_months`, `customer_categories` and
`order_items` are made when something asks for them. Customers are numbered (`customer_key`) on the way in; the view
gives the user's own `customer_id` back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from regulars.errors import DataError
from regulars.intake import customer_view, item_summaries, period_summaries, referral_tree
from regulars.measures import money, time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

    from regulars.core.analysis import Feature
    from regulars.core.config import DatasetSettings
    from regulars.core.dataset import Engine

ORDER_LABELS = ("store_id", "channel", "payment_method", "device_id", "campaign_id", "status_id", "product_id")
"""Columns of an order that say where, how and with what; on an order of several lines the least value stands."""


MONEY = ("list_amount", "discount", "revenue")
MASKED_STORES = 16
"""Up to so many stores are remembered as bits of one number per customer, which spares a pass over the orders."""


class EngineSummaries:
    """Summaries computed by the engine when first asked for, and then kept.

    Args:
        engine: Computes and keeps.
        tables: Canonical tables, accepted rows only.
        settings: The section `[dataset]`.
        as_of: The date that "now" stands for; None where the data have no dates.
        whole: For an earlier date: the summaries of all the data, whose `orders` are then filtered instead of rebuilt.
    """

    names: tuple[str, ...] = (
        "orders",
        "customer_days",
        "customers",
        "customer_months",
        "customer_categories",
        "order_items",
        "referral_tree",
        *item_summaries.MAKERS,
        *period_summaries.MAKERS,
    )

    def __init__(
        self,
        engine: Engine,
        tables: Mapping[str, ir.Table],
        settings: DatasetSettings,
        as_of: date | None,
        whole: EngineSummaries | None = None,
    ) -> None:
        self._engine = engine
        self._tables = dict(tables)
        self._settings = settings
        self._as_of = as_of
        self._whole = whole
        self._kept: dict[str, ir.Table] = {}
        self._features: list[Feature] = []

    @property
    def features(self) -> list[Feature]:
        """What each column of the customer view is."""
        self.get("customers")
        return self._features

    def missing(self, name: str) -> str:
        """Why the data cannot give that summary, or "" where they can."""
        purchases = self._purchases()
        if name == "customers":
            return "" if purchases is not None or "customers" in self._tables else "map [tables.customers] or purchases"
        if name == "referral_tree":
            has_links = "referrals" in self._tables
            return "" if has_links else "map [tables.referrals], or sponsor_id under [tables.customers]"
        if purchases is None:
            if name == "customer_categories" and "category_spend" in self._tables:
                return ""
            return "map purchases under [tables.lines] or [tables.orders]"
        if (
            name in ("customer_days", "customer_months", *item_summaries.DATED, *period_summaries.MAKERS)
            and "ordered_at" not in purchases.columns
        ):
            return "map ordered_at, the date of the purchase"
        if name in ("order_items", *item_summaries.MAKERS) and "product_id" not in self._items().columns:
            return "map product_id, what was bought"
        if name == "customer_categories" and not self._has_categories():
            return "map the products' category under [tables.products], or [tables.category_spend]"
        return ""

    def get(self, name: str) -> ir.Table:
        """The summary of that name.

        Raises:
            DataError: The data cannot give it; the message says what to map.
        """
        if name not in self._kept:
            why = self.missing(name)
            if why:
                raise DataError(f"the summary '{name}' cannot be made", mend=why)
            if name in item_summaries.MAKERS:
                self._kept[name] = self._make_of_items(name)
                return self._kept[name]
            if name in period_summaries.MAKERS:
                self._kept[name] = self._engine.persist(period_summaries.MAKERS[name](self.get), self._name(name))
                return self._kept[name]
            make: Callable[[], ir.Table] = getattr(self, f"_make_{name}")
            self._kept[name] = make()
        return self._kept[name]

    def close(self) -> None:
        """Forget the kept tables."""
        for name in self._kept:
            self._engine.drop(self._name(name))
        self._kept.clear()

    # -- orders -------------------------------------------------------------------------------------

    def _purchases(self) -> ir.Table | None:
        return self._tables.get("orders", self._tables.get("lines"))

    def _items(self) -> ir.Table:
        return self._tables.get("lines", self._tables.get("orders"))

    def _make_orders(self) -> ir.Table:
        if self._whole is not None:
            orders = self._whole.get("orders")
            return orders.filter(orders.ordered_at.date() <= self._as_of) if self._as_of else orders
        orders = self._from_lines() if "orders" not in self._tables else self._from_orders()
        orders = self._marked(self._numbered(orders))
        return self._engine.persist(orders, self._name("orders"))

    def _from_lines(self) -> ir.Table:
        """One row per order, added up from its lines."""
        lines = self._with_order_id(self._tables["lines"])
        sums = self._sums(lines)
        if "unit_price" in lines.columns and "quantity" in lines.columns:
            cuts = self._price_cuts(lines)
            sums |= {
                f"quantity_to_price_quartile_{rank}": ((lines.unit_price <= cut).cast("float64") * lines.quantity).sum()
                for rank, cut in enumerate(cuts, start=1)
            }
        labels = {
            name: lines[name].min()
            for name in ("customer_id", "ordered_at", *ORDER_LABELS[:-1])
            if name in lines.columns
        }
        return lines.group_by("order_id").aggregate(**labels, **sums)

    def _from_orders(self) -> ir.Table:
        """One row per order as mapped; its items are counted from the lines where there are any."""
        orders = self._tables["orders"]
        labels = [name for name in ("order_id", "customer_id", "ordered_at", *ORDER_LABELS) if name in orders.columns]
        row = {
            "quantity": orders.quantity if "quantity" in orders.columns else None,
            "list_amount": money.amount(orders),
            "discount": orders.discount if "discount" in orders.columns else None,
            "revenue": money.revenue(orders, self._settings.money),
        }
        orders = orders.select(*labels, **{name: value for name, value in row.items() if value is not None})
        lines = self._tables.get("lines")
        if lines is None or not {"order_id", "quantity"} <= set(lines.columns) or "order_id" not in orders.columns:
            return orders
        counted = lines.group_by("order_id").aggregate(item_quantity=lines.quantity.sum())
        orders = orders.left_join(counted, "order_id").drop("order_id_right")
        return orders.mutate(quantity=orders.item_quantity).drop("item_quantity")

    def _sums(self, lines: ir.Table) -> dict[str, ir.Value]:
        revenue, amount = money.revenue(lines, self._settings.money), money.amount(lines)
        sums: dict[str, ir.Value] = {}
        if "quantity" in lines.columns:
            sums["quantity"] = lines.quantity.cast("float64").sum()
        if amount is not None:
            sums["list_amount"] = amount.sum().round(money.DECIMALS)
        if "discount" in lines.columns:
            sums["discount"] = lines.discount.sum().round(money.DECIMALS)
        if revenue is not None:
            sums["revenue"] = revenue.sum().round(money.DECIMALS)
        return sums

    def _with_order_id(self, lines: ir.Table) -> ir.Table:
        """Lines without an order id are taken as one order per customer and day."""
        if "order_id" in lines.columns:
            return lines
        if "ordered_at" in lines.columns:
            return lines.mutate(
                order_id=lines.customer_id.cast("string") + " " + lines.ordered_at.date().cast("string")
            )
        return lines.mutate(order_id=lines.customer_id)

    def _price_cuts(self, lines: ir.Table) -> list[float]:
        """The quartiles of list prices over lines, from the few distinct prices (exact, lower value)."""
        priced = lines.filter(lines.unit_price.notnull() & (lines.unit_price > 0))
        counts = priced.group_by("unit_price").aggregate(rows=priced.count())
        rows = self._engine.collect(counts.order_by("unit_price"), 5_000_000)
        import numpy as np

        prices, weights = rows["unit_price"].to_numpy(), rows["rows"].to_numpy().cumsum()
        if not len(prices):
            return [0.0, 0.0, 0.0]
        return [float(prices[int(np.searchsorted(weights, weights[-1] * share))]) for share in (0.25, 0.5, 0.75)]

    def _numbered(self, orders: ir.Table) -> ir.Table:
        """The user's customer id replaced by a number; ids that are whole numbers are their own."""
        if orders.customer_id.type().is_integer():
            return orders.rename(customer_key="customer_id")
        keys = self.customer_keys(orders)
        return orders.join(keys, "customer_id").drop("customer_id")

    def customer_keys(self, orders: ir.Table | None = None) -> ir.Table:
        """One row per customer known from purchases or profiles: `customer_id` (the user's own) and `customer_key`."""
        import ibis

        if "customer_keys" not in self._kept:
            if self._whole is not None:
                return self._whole.customer_keys()
            sources = [
                table.select("customer_id") for table in (orders, self._tables.get("customers")) if table is not None
            ]
            if "referrals" in self._tables:
                links = self._tables["referrals"]
                sources += [links.select("customer_id"), links.select(customer_id=links.sponsor_id)]
            ids = ibis.union(*sources, distinct=True) if len(sources) > 1 else sources[0].distinct()
            ids = ids.filter(ids.customer_id.notnull())
            keys = ids.mutate(customer_key=ibis.row_number().over(order_by=ids.customer_id).cast("int64") + 1)
            self._kept["customer_keys"] = self._engine.persist(keys, self._name("customer_keys"))
        return self._kept["customer_keys"]

    def _marked(self, orders: ir.Table) -> ir.Table:
        """`is_sale`: an order counts as a sale where its status is a success, or where there are no statuses."""
        import ibis

        statuses = self._tables.get("statuses")
        if "status_id" not in orders.columns or statuses is None:
            return orders.mutate(is_sale=ibis.literal(True))
        successes = statuses.filter(statuses.is_success).select(success_id=statuses.status_id)
        return orders.mutate(is_sale=orders.status_id.isin(successes.success_id).fill_null(False))

    # -- from orders --------------------------------------------------------------------------------

    @property
    def sales(self) -> ir.Table:
        """The orders that count as sales."""
        orders = self.get("orders")
        return orders.filter(orders.is_sale)

    def _make_customer_days(self) -> ir.Table:
        sales = self.sales
        sums = {name: sales[name].sum().round(money.DECIMALS) for name in MONEY if name in sales.columns}
        sums |= {name: sales[name].sum() for name in sales.columns if name.startswith("quantity")}
        flags = {"evening_order_count": sales.ordered_at.hour() >= self._settings.evening_from_hour}
        if "campaign_id" in sales.columns:
            flags["campaign_order_count"] = sales.campaign_id.notnull()
        if "discount" in sales.columns:
            flags["discounted_order_count"] = sales.discount > 0
        # counts as 32-bit numbers: summing wider ones makes the engine add in 128 bits
        counts = {name: sales.count(where=flag).cast("int32") for name, flag in flags.items()}
        days = sales.group_by(sales.customer_key, day=sales.ordered_at.date()).aggregate(
            order_count=sales.count().cast("int32"), **sums, **counts, **self._store_mask(sales)
        )
        return self._engine.persist(days, self._name("customer_days"))

    def _store_mask(self, sales: ir.Table) -> dict[str, ir.Value]:
        """The stores of a group as bits, where they are few enough for one number; else they are counted apart."""
        import ibis

        stores = self.stores()
        if not stores:
            return {}
        bits = ibis.cases(
            *[(sales.store_id == store, ibis.literal(1 << place, "int64")) for place, store in enumerate(stores)],
            else_=ibis.literal(0, "int64"),
        )
        return {"store_mask": bits.bit_or()}

    def stores(self) -> list[object]:
        """The stores in order, where there are at most `MASKED_STORES`; else none."""
        orders = self.get("orders")
        if "store_id" not in orders.columns:
            return []
        distinct = orders.select("store_id").distinct().filter(lambda t: t.store_id.notnull())
        found = self._engine.collect(distinct.limit(MASKED_STORES + 1), MASKED_STORES + 1)["store_id"].to_pylist()
        return sorted(found) if len(found) <= MASKED_STORES else []

    def _make_customer_months(self) -> ir.Table:
        """One row per customer and month with a sale."""
        days = self.get("customer_days")
        sums = {name: days[name].sum() for name in ("quantity", "discount", "revenue") if name in days.columns}
        # a month as a number groups twice as fast as one as a date
        months = days.group_by(days.customer_key, month_number=time.month_number(days.day)).aggregate(
            order_count=days.order_count.sum(), **{name: value.round(money.DECIMALS) for name, value in sums.items()}
        )
        months = months.mutate(month=time.month_of_number(months.month_number)).drop("month_number")
        return self._engine.persist(months, self._name("customer_months"))

    def _make_customers(self) -> ir.Table:
        kept: list[str] = []

        def keep(part: ir.Table, name: str) -> ir.Table:
            kept.append(self._name(f"customers__{name}"))
            return self._engine.persist(part, kept[-1])

        view, self._features = customer_view.build(
            customer_view.Parts(
                tables=self._tables,
                settings=self._settings,
                as_of=self._as_of,
                orders=None if self.missing("orders") else self.get("orders"),
                customer_days=None if self.missing("customer_days") else self.get("customer_days"),
                customer_categories=None if self.missing("customer_categories") else self.get("customer_categories"),
                customer_keys=None if self._has_integer_ids() else self.customer_keys(),
                collect=self._engine.collect,
                keep=keep,
                referral_tree=None if self.missing("referral_tree") else self.get("referral_tree"),
                store_count=len(self.stores()) if not self.missing("customer_days") else 0,
            )
        )
        made = self._engine.persist(view, self._name("customers"))
        for name in kept:
            self._engine.drop(name)
        return made

    def _has_integer_ids(self) -> bool:
        purchases = self._purchases()
        table = self._tables["customers"] if purchases is None else purchases
        return bool(table.customer_id.type().is_integer())

    def _make_referral_tree(self) -> ir.Table:
        keys = None if self._has_integer_ids() else self.customer_keys()
        return referral_tree.make(self._engine, self._tables["referrals"], keys, self._name("referral_tree"))

    # -- from items ---------------------------------------------------------------------------------

    def _has_categories(self) -> bool:
        if "category_spend" in self._tables:
            return True
        products = self._tables.get("products")
        return products is not None and "category" in products.columns and "product_id" in self._items().columns

    def _make_order_items(self) -> ir.Table:
        """One row per product on a sale: `order_id`, `customer_key`, `product_id`, quantity and revenue."""
        items = self._with_order_id(self._tables["lines"]) if "lines" in self._tables else self._items()
        if "order_id" not in items.columns:
            raise DataError("the items have no order id", table="orders", mend="map order_id")
        items = items.filter(items.product_id.notnull())
        revenue = money.revenue(items, self._settings.money)
        values = {"quantity": items.count().cast("float64")}
        if "quantity" in items.columns:
            values["quantity"] = items.quantity.cast("float64").sum()
        if revenue is not None:
            values["revenue"] = revenue.sum().round(money.DECIMALS)
        items = items.group_by("order_id", "product_id").aggregate(**values)
        sales = self.sales.select(
            "order_id", "customer_key", *(["ordered_at"] if "ordered_at" in self.sales.columns else [])
        )
        return self._engine.persist(items.join(sales, "order_id"), self._name("order_items"))

    def _make_of_items(self, name: str) -> ir.Table:
        known_to = self._as_of or date.max
        return self._engine.persist(item_summaries.MAKERS[name](self.get, known_to), self._name(name))

    def _make_customer_categories(self) -> ir.Table:
        """One row per customer and category: `quantity` and `revenue`, or the mapped `category_spend`."""
        if "category_spend" in self._tables:
            spend = self._tables["category_spend"]
            if not spend.customer_id.type().is_integer():
                spend = spend.join(self.customer_keys(), "customer_id").drop("customer_id")
            else:
                spend = spend.rename(customer_key="customer_id")
            return self._engine.persist(
                spend.group_by("customer_key", "category").aggregate(revenue=spend.amount.sum().round(money.DECIMALS)),
                self._name("customer_categories"),
            )
        items = self.get("order_items")
        products = self._tables["products"].select("product_id", "category")
        items = items.left_join(products, "product_id").drop("product_id_right")
        sums = {
            name: items[name].sum().round(money.DECIMALS) for name in ("quantity", "revenue") if name in items.columns
        }
        return self._engine.persist(
            items.group_by("customer_key", category=items.category.fill_null("unknown")).aggregate(**sums),
            self._name("customer_categories"),
        )

    def _name(self, name: str) -> str:
        return f"{name}_{self._as_of:%Y%m%d}" if self._whole is not None and self._as_of else name


@dataclass(frozen=True)
class Span:
    """First and last instant of the sales, as dates; None where there are no dates."""

    first: date | None
    last: date | None


def span(engine: Engine, purchases: ir.Table | None) -> Span:
    """The first and last day of purchases."""
    if purchases is None or "ordered_at" not in purchases.columns:
        return Span(None, None)
    ends = engine.collect(
        purchases.aggregate(first=purchases.ordered_at.min(), last=purchases.ordered_at.max()), 1
    ).to_pylist()[0]
    return Span(ends["first"].date() if ends["first"] else None, ends["last"].date() if ends["last"] else None)
