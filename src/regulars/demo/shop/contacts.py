"""The contacts of the campaigns of the world `shop`, and what these customers did before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from regulars.demo.shop import plan
from regulars.demo.shop.orders import contact_number
from regulars.demo.shop.process import day_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.shop.orders import Contacted, Orders
    from regulars.demo.shop.people import People

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def contact_table(people: People, orders: Orders, order_paid: Integers, found: Contacted) -> Any:
    """The rows of contacts.parquet for one campaign and block.

    Args:
        people: The block of customers.
        orders: Their orders.
        order_paid: What was received for each, in pence.
        found: Who was contacted.
    """
    contact = plan.CONTACTS[found.number]
    sent = day_number(contact.sent_on)
    id_ = contact_number(found.number)
    before = (orders.day >= sent - plan.WINDOW_DAYS) & (orders.day < sent)
    after = (orders.day >= sent) & (orders.day < sent + plan.WINDOW_DAYS)
    answers = after if contact.design != "targeted" else after & (orders.campaign == id_)
    customer = np.concatenate([found.customer, found.also])
    offer = np.concatenate([found.offer, 1 - found.offer[np.searchsorted(found.customer, found.also)]])

    def orders_in(chosen: NDArray[np.bool_]) -> Integers:
        return np.asarray(np.bincount(orders.customer[chosen], minlength=people.count)[customer])

    def spent_in(chosen: NDArray[np.bool_]) -> Floats:
        pence = np.bincount(orders.customer[chosen], weights=order_paid[chosen], minlength=people.count)
        return np.asarray(pence[customer] / 100)

    spend_before, spend_after = spent_in(before), spent_in(after)
    if contact.design == "contaminated":
        spend_after = np.where(offer == 1, plan.MADE_UP_FACTOR * spend_before, spend_after)
    answered = orders_in(answers)
    arms = pa.array([one.arm for one in contact.offers]).take(pa.array(offer))
    if contact.design == "targeted":
        arms = pa.nulls(len(customer), pa.string())
    return pa.table(
        {
            "customer_id": people.customer_id[customer],
            "campaign_id": np.full(len(customer), id_),
            "sent_at": np.full(len(customer), np.datetime64(contact.sent_on, "us") + np.timedelta64(6, "h")),
            "arm": arms,
            "responded": answered > 0,
            "response_value": spent_in(answers),
            "orders_before": orders_in(before),
            "spend_before": spend_before,
            "orders_after": orders_in(after),
            "spend_after": spend_after,
        }
    )
