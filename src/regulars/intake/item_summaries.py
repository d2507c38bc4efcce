"""The shared summaries of items: made from `order_items` alone, once, when something asks for them.

`item_counts`: one row per product. `basket_items`: one row per basket and counted product. `item_pairs`: one row per
two products that share a basket. What they hold and leave out is said in `measures.items`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regulars.measures import items

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

    Get = Callable[[str], ir.Table]

MAKERS: Final[dict[str, Callable[[Get], ir.Table]]] = {
    "item_counts": lambda get: items.counts(get("order_items")),
    "basket_items": lambda get: items.baskets(get("order_items"), get("item_counts")),
    "item_pairs": lambda get: items.pairs(get("basket_items")),
}
"""The expression of each, from the summaries it is made of."""
