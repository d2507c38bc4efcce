"""What was bought together: items counted, baskets laid out by item, and how often two items share a basket.

A basket is an order that was a sale; what was given back (a quantity of zero or less) is not in it. Items are numbered
by how many orders hold them (`item_key`, 0 for the most), ties by their id, so that the same data give the same numbers
on every engine.

A basket of n items holds n·(n−1)/2 pairs: one of ten thousand holds fifty million. Baskets of more than
`LARGEST_BASKET` counted items are therefore left out of what is counted here (their number is told), and only the
`MOST_ITEMS` items that most orders hold are paired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_ITEMS = 2000
"""Items that are paired, those on most orders first: what a closed-form item–item model can hold."""
LARGEST_BASKET = 150
"""Counted items of a basket beyond which it is left out: 11,175 pairs."""


def bought(order_items: ir.Table) -> ir.Table:
    """The rows of `order_items` that were bought, not given back."""
    return order_items.filter(order_items.quantity > 0)


def by_column(order_items: ir.Table, products: ir.Table, column: str) -> ir.Table:
    """`order_items` with the products of one value of a column (category, brand) taken together as one item.

    Items without a value are left out.

    Args:
        order_items: One row per order and product.
        products: The products table, with `column`.
        column: What to take together by.
    """
    labels = products.select(_label_key=products.product_id, label=products[column].cast("string").nullif(""))
    rows = order_items.inner_join(labels, order_items.product_id == labels._label_key)
    rows = rows.filter(rows.label.notnull())
    kept = [name for name in ("order_id", "customer_key", "ordered_at") if name in order_items.columns]
    sums = {name: rows[name].sum().round(DECIMALS) for name in ("quantity", "revenue") if name in order_items.columns}
    return rows.group_by(*kept, product_id=rows.label).aggregate(**sums)


def counts(order_items: ir.Table) -> ir.Table:
    """One row per item: `item_key`, `product_id`, on how many orders of how many customers, quantity, revenue, dates.

    Args:
        order_items: One row per order and product.
    """
    import ibis

    rows = bought(order_items)
    sums: dict[str, ir.Value] = {
        "order_count": rows.count().cast("int64"),
        "customer_count": rows.customer_key.nunique().cast("int64"),
        "quantity": rows.quantity.sum().round(DECIMALS),
    }
    if "revenue" in rows.columns:
        sums["revenue"] = rows.revenue.sum().round(DECIMALS)
    if "ordered_at" in rows.columns:
        sums |= {"first_day": rows.ordered_at.min().date(), "last_day": rows.ordered_at.max().date()}
    each = rows.group_by("product_id").aggregate(**sums)
    place = ibis.row_number().over(order_by=[each.order_count.desc(), each.product_id])
    return each.mutate(item_key=place.cast("int32"))


def baskets(order_items: ir.Table, counted: ir.Table) -> ir.Table:
    """One row per basket and counted item: `order_id`, `customer_key`, `item_key`, `revenue`.

    Baskets of more than `LARGEST_BASKET` counted items are left out.

    Args:
        order_items: One row per order and product.
        counted: As `counts` gives.
    """
    import ibis

    rows = _numbered(order_items, counted)
    revenue = rows.revenue if "revenue" in rows.columns else ibis.null("float64")
    rows = rows.select("order_id", "customer_key", "item_key", revenue=revenue.cast("float64").fill_null(0.0))
    return rows.anti_join(large_baskets(order_items, counted), "order_id")


def large_baskets(order_items: ir.Table, counted: ir.Table) -> ir.Table:
    """The orders (`order_id`) of more than `LARGEST_BASKET` counted items; arguments as for `baskets`."""
    rows = _numbered(order_items, counted)
    each = rows.group_by("order_id").aggregate(items=rows.count())
    return each.filter(each["items"] > LARGEST_BASKET).select("order_id")


def _numbered(order_items: ir.Table, counted: ir.Table) -> ir.Table:
    """What was bought of the items that are paired, with their keys."""
    rows = bought(order_items)
    items = counted.filter(counted.item_key < MOST_ITEMS).select("item_key", _item=counted.product_id)
    return rows.inner_join(items, rows.product_id == items._item)


def sizes(order_items: ir.Table) -> ir.Table:
    """One row per number of items on an order (`items`): how many `orders`, and their revenue where it is known.

    Args:
        order_items: One row per order and product.
    """
    rows = bought(order_items)
    sums = {"revenue": rows.revenue.sum().round(DECIMALS)} if "revenue" in rows.columns else {}
    each = rows.group_by("order_id").aggregate(items=rows.count().cast("int64"), **sums)
    more = {"revenue": each.revenue.sum().round(DECIMALS)} if sums else {}
    return each.group_by("items").aggregate(orders=each.count().cast("int64"), **more)


def pairs(laid_out: ir.Table) -> ir.Table:
    """One row per two items that share a basket: `item`, `other` (the larger key), `order_count`, and their revenue.

    Args:
        laid_out: As `baskets` gives.
    """
    rows = laid_out.select("order_id", "item_key", "revenue")
    others = rows.select(_order=rows.order_id, other=rows.item_key, _revenue=rows.revenue)
    both = rows.inner_join(others, [rows.order_id == others._order, rows.item_key < others.other])
    return both.group_by(item=both.item_key, other=both.other).aggregate(
        order_count=both.count().cast("int64"), revenue=(both.revenue + both._revenue).sum().round(DECIMALS)
    )


# -- sets of any length ---------------------------------------------------------------------------------


def single_places(laid_out: ir.Table) -> ir.Table:
    """Where single items occur: `order_id`, `set_key` (the item), `revenue`; the beginning of longer sets."""
    return laid_out.select("order_id", set_key=laid_out.item_key.cast("int64"), revenue=laid_out.revenue)


def longer_places(places: ir.Table, laid_out: ir.Table, candidates: ir.Table) -> ir.Table:
    """Where sets of one item more occur.

    Args:
        places: Where the shorter sets occur: `order_id`, `set_key`, `revenue`.
        laid_out: As `baskets` gives.
        candidates: `parent` (key of a shorter set), `item` (added to it) and `set_key` of the longer one.
    """
    wanted = candidates.rename(longer_key="set_key")
    sets = places.inner_join(wanted, places.set_key == wanted.parent)
    sets = sets.select("order_id", "item", "longer_key", "revenue")
    rows = laid_out.select(_order=laid_out.order_id, _item=laid_out.item_key, _revenue=laid_out.revenue)
    both = sets.inner_join(rows, [sets.order_id == rows._order, sets["item"] == rows._item])
    return both.select("order_id", set_key=both.longer_key, revenue=(both.revenue + both._revenue))


def occurrences(places: ir.Table) -> ir.Table:
    """One row per set: on how many orders it occurs, and the revenue of its items there."""
    return places.group_by("set_key").aggregate(
        order_count=places.count().cast("int64"), revenue=places.revenue.sum().round(DECIMALS)
    )


# -- who has one and not the other ----------------------------------------------------------------------


def rule_rows(laid_out: ir.Table, rules: ir.Table) -> ir.Table:
    """One row per basket with the antecedent of a rule: `order_id`, `customer_key`, `rule`, and whether it `has_both`.

    Args:
        laid_out: As `baskets` gives.
        rules: `rule` (its number), `antecedent` and `consequent` (item keys).
    """
    having = laid_out.inner_join(rules, laid_out.item_key == rules.antecedent)
    having = having.select("order_id", "customer_key", "rule", "consequent")
    others = laid_out.select(_order=laid_out.order_id, _item=laid_out.item_key)
    both = having.left_join(others, [having.order_id == others._order, having.consequent == others._item])
    return both.select("order_id", "customer_key", "rule", has_both=both._item.notnull().cast("int64"))


def without_consequent(laid_out: ir.Table, rules: ir.Table) -> ir.Table:
    """One row per customer who bought the antecedent of a rule and never its consequent: the first such rule.

    Args:
        laid_out: As `baskets` gives.
        rules: `rule` (its number, the best first), `antecedent` and `consequent` (item keys).
    """
    import ibis

    owned = laid_out.select("customer_key", "item_key").distinct()
    having = owned.inner_join(rules, owned.item_key == rules.antecedent).drop("item_key")
    having_both = owned.rename(_customer="customer_key", _item="item_key")
    having = having.anti_join(
        having_both, [having.customer_key == having_both._customer, having.consequent == having_both._item]
    )
    place = ibis.row_number().over(group_by=having.customer_key, order_by=having.rule)
    return having.mutate(_place=place).filter(lambda t: t._place == 0).drop("_place")
