"""What one of each product costs, where only order totals and product lists are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Caveat, ColumnInfo, Evidence, Finding, Result, Table
from regulars.core.units import write
from regulars.errors import DataError
from regulars.measures import prices

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.models.prices import UnitPrices as Fit

COLUMNS = (
    ColumnInfo("product_id", "id", "the product"),
    ColumnInfo("estimated_price", "money", "price of one, estimated from the totals of orders that hold it"),
    ColumnInfo("low", "money", "lower end of the 95 % interval"),
    ColumnInfo("high", "money", "upper end of the 95 % interval"),
)


@dataclass(frozen=True)
class UnitPrices(Analysis):
    """Unit prices by non-negative least squares, for data with order totals beside product lists and no price list.

    The estimate serves value-weighted questions about products; it is never used for revenue.

    Args:
        min_orders: Products on fewer orders than this are left out, with the orders that hold them.
        max_products: At most so many products, the most frequent ones.
    """

    title = "Estimated unit prices"
    question = "What does one of each product cost, where only order totals are known?"
    chapter = "products"
    needs = Needs(
        tables={"lines", "orders"}, columns={"lines": {"order_id", "product_id", "quantity"}, "orders": {"list_amount"}}
    )
    min_orders: int = 30
    max_products: int = 2000

    def is_moot(self, data: Dataset) -> bool:
        """Without product lists there is nothing to price, and where lines have prices there is no need to."""
        return "lines" not in data.tables or bool({"unit_price", "amount", "paid"} & set(data.tables["lines"].columns))

    def run(self, data: Dataset) -> Result:
        """One row per product: estimated price with interval; tested on orders kept out of the fit."""
        lines = data.table("lines")
        items = lines.group_by("order_id", "product_id").aggregate(quantity=lines.quantity.sum())
        rows = data.persist(prices.priced_items(items, data.orders, "list_amount"), "priced_items")
        rows, kept, left_out = self._frequent(data, rows)
        fit, table, simple = _fit(data, rows.filter(~rows.is_test), kept)
        test = data.collect(
            prices.estimate_error(rows.filter(rows.is_test), data.bring(table, "estimated_prices"), simple), 1
        )
        return self._told(data, fit, _shown(table, rows), test.to_pylist()[0], left_out)

    def _frequent(self, data: Dataset, rows: ir.Table) -> tuple[ir.Table, list[object], int]:
        """The orders made of frequent products alone, those products, and how many products were left out."""
        counts = rows.group_by("product_id").aggregate(orders=rows.count())
        frequent = counts.filter(counts.orders >= self.min_orders).order_by(counts.orders.desc(), counts.product_id)
        kept = data.collect(frequent.limit(self.max_products), self.max_products)["product_id"].to_pylist()
        if not kept:
            raise DataError(
                f"no product is on {self.min_orders} orders with a total", table="lines", mend="lower min_orders"
            )
        all_products = data.collect(counts.aggregate(products=counts.count()), 1)["products"][0].as_py()
        others = rows.filter(~rows.product_id.isin(kept)).select("order_id").distinct()
        return rows.anti_join(others, "order_id"), kept, all_products - len(kept)

    def _told(self, data: Dataset, fit: Fit, table: Table, test: dict[str, float], left_out: int) -> Result:
        caveats = [Caveat("Estimated from order totals; never used for revenue.")]
        if left_out:
            caveats.append(Caveat(f"{left_out:,} rarer products have no estimate, nor have the orders that hold them."))
        error, simple = test["error"], test["simple_error"]
        if error is None:
            return self.result(tables=(table,), caveats=(*caveats, Caveat("No order was left to test on.", "warning")))
        if error >= simple:
            caveats.insert(
                0, Caveat("One average price does as well on orders kept apart: do not rely on these.", "warning")
            )
        money = data.currency
        return self.result(
            tables=(table,),
            caveats=tuple(caveats),
            findings=(
                Finding(
                    key="unit_prices.error",
                    sentence=f"Estimated unit prices miss the total of an order kept apart by "
                    f"{write(error, 'money', money)} on average ({write(error / test['mean_total'], 'share')} of it); "
                    f"one average price for everything misses by {write(simple, 'money', money)}.",
                    value=error,
                    unit="money",
                    n=int(test["orders"]),
                    n_unit="orders",
                    evidence=Evidence("unit_prices"),
                    grade="modelled",
                    validated=f"on {int(test['orders']):,} orders kept out of the fit, beside one average price",
                ),
            ),
        )


def _fit(data: Dataset, rows: ir.Table, kept: list[object]) -> tuple[Fit, pa.Table, float]:
    """The fit, its table (product_id, price, standard_error), and the one average price."""
    import numpy as np
    import pyarrow as pa

    from regulars.models.prices import fit_unit_prices

    parts = prices.equations(rows)
    place = {product: index for index, product in enumerate(kept)}
    gram, moment = np.zeros((len(kept), len(kept))), np.zeros(len(kept))
    for row in data.collect(parts.pairs, len(kept) ** 2).to_pylist():
        gram[place[row["product_id"]], place[row["other_id"]]] = row["quantity_product"]
    for row in data.collect(parts.moments, len(kept)).to_pylist():
        moment[place[row["product_id"]]] = row["quantity_total"]
    totals = data.collect(parts.totals, 1).to_pylist()[0]
    fit = fit_unit_prices(gram, moment, totals["total_square"] or 0.0, totals["orders"])
    table = pa.table({"product_id": kept, "price": fit.price, "standard_error": fit.standard_error})
    return fit, table, totals["quantity_total"] / totals["quantity_square"]


def _shown(estimates: pa.Table, rows: ir.Table) -> Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    price, error = estimates["price"], pc.multiply(estimates["standard_error"], 1.96)
    known = pc.is_finite(error)
    low = pc.if_else(known, pc.max_element_wise(pc.subtract(price, error), 0.0), None)
    high = pc.if_else(known, pc.add(price, error), None)
    return Table(
        name="unit_prices",
        title="Estimated price of one, per product",
        data=pa.table({"product_id": estimates["product_id"], "estimated_price": price, "low": low, "high": high}),
        columns=COLUMNS,
        source=(prices.equations(rows).moments,),
    )
