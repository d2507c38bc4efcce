"""The shared summaries of items: made from `order_items` alone, once, when something asks for them.

`item_counts`: one row per product. `basket_items`: one row per basket and counted product. `item_pairs`: one row per
two products that share a basket. `customer_items`: one row per customer and product. `item_stages`: one row per product
with its buyers as of three days. What they hold and leave out is said in `measures.items` and `measures.interactions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regulars.measures import interactions, items

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import ibis.expr.types as ir

    Get = Callable[[str], ir.Table]

MAKERS: Final[dict[str, Callable[[Get, date], ir.Table]]] = {
    "item_counts": lambda get, _: items.counts(get("order_items")),
    "basket_items": lambda get, _: items.baskets(get("order_items"), get("item_counts")),
    "item_pairs": lambda get, _: items.pairs(get("basket_items")),
    "customer_items": lambda get, day: interactions.customer_items(get("order_items"), interactions.usual_cuts(day)),
    "item_stages": lambda get, day: interactions.item_stages(
        get("order_items"), get("customer_items"), interactions.usual_cuts(day)
    ),
}
"""The expression of each, from the summaries it is made of and the day the data are known to."""
DATED: Final = ("customer_items", "item_stages")
"""Those that need the day of the purchase."""
