"""What is on the orders of the world `shop`: products, quantities and money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from regulars.demo.shop import plan
from regulars.demo.shop.catalogue import PRODUCT_COUNT, pairs
from regulars.demo.shop.process import CATEGORY_COUNT, PROFILES, half_year_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from regulars.demo.shop.catalogue import Catalogue
    from regulars.demo.shop.orders import Orders
    from regulars.demo.shop.people import People
    from regulars.demo.shop.process import Process

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """The lines of a block of orders, in the order of the orders; money in pence.

    Attributes:
        order: Place of the order in the block.
        product: Number of the product, from 0.
        quantity: How many.
        price: List price of one.
        discount: What was taken off the line.
    """

    order: Integers
    product: Integers
    quantity: Integers
    price: Integers
    discount: Integers

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.order)

    @property
    def amount(self) -> Integers:
        """List value."""
        return self.price * self.quantity

    @property
    def paid(self) -> Integers:
        """What was received."""
        return self.amount - self.discount


def draw_lines(process: Process, catalogue: Catalogue, orders: Orders, rng: np.random.Generator) -> Lines:
    """Draw the items of each order; items of one product are one line."""
    items = np.array([profile.items_per_order for profile in PROFILES])[orders.profile]
    count = 1 + rng.poisson(items - 1.0)
    order = np.repeat(np.arange(orders.count), count)
    profile = orders.profile[order]
    category = process.category_choice.draw(profile * 12 + process.month_of_day[orders.day[order]] % 12, rng)
    place = catalogue.choice.draw(profile * CATEGORY_COUNT + category, rng)
    product = category * plan.PRODUCTS_PER_CATEGORY + place
    double = rng.random(len(order)) < np.array([one.double_share for one in PROFILES])[profile]
    quantity = 1 + double.astype(np.int64)
    for first, second in pairs():
        holders = np.unique(order[product == first])
        takers = holders[rng.random(len(holders)) < plan.PAIR_SHARE]
        order = np.concatenate([order, takers])
        product = np.concatenate([product, np.full(len(takers), second)])
        quantity = np.concatenate([quantity, np.ones(len(takers), dtype=np.int64)])
    keys = order * PRODUCT_COUNT + product
    by_key = np.argsort(keys, kind="stable")
    keys = keys[by_key]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
    quantity = np.add.reduceat(quantity[by_key], starts) if len(keys) else quantity
    order, product = np.divmod(keys[starts], PRODUCT_COUNT)
    year = process.month_of_day[orders.day[order]] // 12
    price = catalogue.prices(np.arange(plan.YEARS))[year, product]
    discount = np.round(price * quantity * orders.discount[order]).astype(np.int64)
    return Lines(order, product, quantity, price, discount)


def line_tables(people: People, orders: Orders, lines: Lines, first_order: int) -> Iterator[tuple[str, Any]]:
    """The lines as rows of the files, one file per half-year.

    Args:
        people: The block of customers.
        orders: Their orders.
        lines: The lines of these.
        first_order: Orders written before this block.
    """
    at = np.datetime64(plan.FIRST_DAY, "us") + (orders.day * 86_400 + orders.second).astype("timedelta64[s]")
    line_day = orders.day[lines.order]
    bounds = np.searchsorted(line_day, half_year_bounds())
    channels, payments = pa.array(plan.CHANNELS), pa.array(plan.PAYMENT_METHODS)
    for half, name in enumerate(plan.HALF_YEARS):
        part = slice(bounds[half], bounds[half + 1])
        order = lines.order[part]
        if not len(order):
            continue
        store, campaign = orders.store[order], orders.campaign[order]
        amount, discount = lines.amount[part], lines.discount[part]
        yield (
            f"lines-{name}.parquet",
            pa.table(
                {
                    "order_id": first_order + 1 + order,
                    "customer_id": people.customer_id[orders.customer[order]],
                    "ordered_at": at[order],
                    "product_id": lines.product[part] + 1,
                    "quantity": lines.quantity[part],
                    "unit_price": lines.price[part] / 100,
                    "amount": amount / 100,
                    "discount": discount / 100,
                    "paid": (amount - discount) / 100,
                    "store_id": pa.array(store, mask=store == 0),
                    "channel": channels.take(pa.array(orders.channel[order])),
                    "payment_method": payments.take(pa.array(orders.payment[order])),
                    "campaign_id": pa.array(campaign, mask=campaign == 0),
                }
            ),
        )
