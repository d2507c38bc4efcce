"""Samples of customers that are the same on every engine and stay so when new data come in.

A customer is in by the MD5 hash of the user's own id, never by a place in a table or a drawn number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

_DIGITS = 6


def sample(customers: ir.Table, share: float, purpose: str = "") -> ir.Table:
    """About that share of the customers; all of them for a share of 1 or more.

    Args:
        customers: Rows with `customer_id`, the user's own.
        share: How many to take, 0-1.
        purpose: Draws for different purposes are independent of each other.
    """
    return customers if share >= 1 else customers.filter(is_drawn(customers, share, purpose))


def is_drawn(customers: ir.Table, share: float, purpose: str = "") -> ir.BooleanValue:
    """Whether each customer is in the sample that `sample` takes; a hold-out group, say."""
    given = customers.customer_id.cast("string")
    text = given if not purpose else given.concat(f"|{purpose}")
    return text.hexdigest("md5").substr(0, _DIGITS) < cut(share)


def cut(share: float) -> str:
    """The hash digits below which a share of all customers lies.

    >>> cut(0.5)
    '800000'
    """
    return f"{min(int(share * 16**_DIGITS), 16**_DIGITS - 1):0{_DIGITS}x}"
