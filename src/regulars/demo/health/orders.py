"""The orders of the world `health`: a product list in a cell, a total, and dates written in four ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from regulars.demo.draws import ChoiceTable, random_stream
from regulars.demo.health import plan
from regulars.demo.health.members import day_count, member_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.health.members import Floats, Integers, Members

_ORDERS, _PRICES = 203, 204  # streams of random numbers
_SPREADSHEET_EPOCH = np.datetime64("1899-12-30")


@dataclass(frozen=True)
class Drawn:
    """Some orders, in the order of their members.

    Attributes:
        table: The rows of the file.
        member: Number of each order's member.
        total: What each comes to.
        lines: Products on each.
        is_cut_off: Whether its product list cannot be read.
    """

    table: pa.Table
    member: Integers
    total: Floats
    lines: Integers
    is_cut_off: Integers


def prices(seed: int) -> Floats:
    """What one of each product costs; the file does not say."""
    count = plan.PRODUCTS_PER_FAMILY * len(plan.FAMILIES)
    drawn = random_stream(seed, _PRICES).lognormal(np.log(plan.PRICE_MEDIAN), plan.PRICE_SPREAD, count)
    return np.asarray(np.round(drawn, 1) + 0.9)


def product_table() -> pa.Table:
    """The products, with a family each and no price."""
    count = plan.PRODUCTS_PER_FAMILY * len(plan.FAMILIES)
    families = [plan.FAMILIES[place // plan.PRODUCTS_PER_FAMILY] for place in range(count)]
    return pa.table(
        {
            "product_id": [f"H{place + 1:03d}" for place in range(count)],
            "name": [f"{family} {place % plan.PRODUCTS_PER_FAMILY + 1}" for place, family in enumerate(families)],
            "family": families,
        }
    )


def draw_orders(members: Members, start: int, stop: int, first_order: int, seed: int, block: int) -> Drawn:
    """The orders of some members; those that fall into the missing half-year are left out, as in the export."""
    rng = random_stream(seed, _ORDERS, block)
    kind, joined = members.kind[start:stop], members.joined[start:stop]
    stays = day_count() - joined
    rate = np.array([one.orders for one in plan.KINDS])[kind] * np.where(
        members.is_star[start:stop], plan.STAR_ORDERS, 1.0
    )
    counts = 1 + rng.poisson(rate * stays / day_count())
    member = np.repeat(np.arange(stop - start), counts)
    is_first = np.concatenate([[True], member[1:] != member[:-1]])
    day = joined[member] + np.where(is_first, 0, (rng.random(member.size) * stays[member]).astype(np.int64))
    date = np.datetime64(plan.FIRST_DAY) + day
    there = (date < np.datetime64(plan.MISSING_FROM)) | (date > np.datetime64(plan.MISSING_TO))
    member, date = member[there], date[there]
    order, product, quantity = _draw_lines(kind[member], rng)
    total = np.asarray(np.bincount(order, prices(seed)[product] * quantity, member.size).round(2), dtype=np.float64)
    is_cut_off = (rng.random(member.size) < plan.NOT_PRODUCTS_SHARE).astype(np.int64)
    paid = np.where(rng.random(member.size) < plan.PAYS_ONLINE_SHARE, total, 0.0)
    table = pa.table(
        {
            "order_no": pa.array([f"T{first_order + number + 1:08d}" for number in range(member.size)]),
            "member_id": member_ids(start + member),
            "payment_date": _written(date, rng),
            "product_json": _lists(order, product, quantity, member.size, is_cut_off),
            "total_amount": total,
            "paid_online": paid,
            "centre": pa.array(plan.CENTRES).take(pa.array(members.centre[start + member])),
        }
    )
    lines = np.bincount(order, minlength=member.size)
    return Drawn(table, start + member, total, lines, is_cut_off)


def _draw_lines(kind: Integers, rng: np.random.Generator) -> tuple[Integers, Integers, Integers]:
    """Order, product and pieces of each line; a product stands once on an order."""
    counts = 1 + rng.poisson(np.array([one.items for one in plan.KINDS])[kind])
    order = np.repeat(np.arange(kind.size), counts)
    family = ChoiceTable.of(np.array([one.favourites for one in plan.KINDS])).draw(kind[order], rng)
    place = (plan.PRODUCTS_PER_FAMILY * rng.random(order.size) ** 2).astype(np.int64)
    product = family * plan.PRODUCTS_PER_FAMILY + place
    joined = [(order, product)]
    for first, second in plan.PAIRS:
        with_second = order[(product == first) & (rng.random(order.size) < plan.PAIR_SHARE)]
        joined.append((with_second, np.full(with_second.size, second)))
    order, product = (np.concatenate([part[side] for part in joined]) for side in (0, 1))
    products = plan.PRODUCTS_PER_FAMILY * len(plan.FAMILIES)
    order, product = np.divmod(np.unique(order * products + product), products)
    quantity = 1 + rng.poisson(np.array([one.quantity for one in plan.KINDS])[kind[order]])
    return order, product, quantity


def _written(date: NDArray[np.datetime64], rng: np.random.Generator) -> pa.Array:
    """Dates as four clerks write them."""
    texts = np.datetime_as_string(date.astype("datetime64[D]")).astype(object)
    manner = ChoiceTable.of(np.array(plan.DATE_FORMAT_SHARES)).draw_many(date.size, rng)
    serial = (date.astype("datetime64[D]") - _SPREADSHEET_EPOCH).astype(np.int64)

    def write(text: str, how: int, number: int) -> str:
        year, month, day = text.split("-")
        return (f"{day}/{month}/{year}", text, f"{year}{month}{day}", str(number))[how]

    rows = zip(texts.tolist(), manner.tolist(), serial.tolist(), strict=True)
    return pa.array([write(*row) for row in rows])


def _lists(order: Integers, product: Integers, quantity: Integers, count: int, is_cut_off: Integers) -> pa.Array:
    """`{"H001": 2, "H007": 1}` for each order; some are cut off in the middle."""
    pieces: list[list[str]] = [[] for _ in range(count)]
    for number, which, many in zip(order.tolist(), product.tolist(), quantity.tolist(), strict=True):
        pieces[number].append(f'"H{which + 1:03d}": {many}')
    return pa.array(
        ["{" + ", ".join(one) + ("" if cut else "}") for one, cut in zip(pieces, is_cut_off.tolist(), strict=True)]
    )
