"""What the drawn data of the world `shop` came to, added up block by block for the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from regulars.demo.shop import plan
from regulars.demo.shop.orders import half_year_of
from regulars.demo.shop.people import PASSER_BY_PROFILE
from regulars.demo.shop.process import CATEGORY_COUNT, HALF_COUNT, PROFILES, SEGMENT_COUNT, day_number, half_year_bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.shop.lines import Lines
    from regulars.demo.shop.orders import Contacted, Orders
    from regulars.demo.shop.people import People
    from regulars.demo.shop.process import Process

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

OFFERS = 3
MONTHS = 12 * plan.YEARS


@dataclass
class ContactTally:
    """Sums over the customers who took part in one campaign, per profile; the last two axes are arms and profiles.

    Attributes:
        customers: How many, per arm.
        usual_orders: Their expected orders within the window without any offer.
        usual_buyers: Expected number of them who buy within the window, without any offer.
        offered_orders: Expected orders if all of them (of any arm) had the offer, per offer.
        offered_buyers: Expected buyers, likewise.
        window_orders: Orders that they placed within the window, per profile.
        window_list: List value of these, in pence.
        control_discount: Discounts on the orders of the control arm, in pence, and the list value of these.
    """

    customers: Integers = field(default_factory=lambda: np.zeros((OFFERS, len(PROFILES)), np.int64))
    usual_orders: Floats = field(default_factory=lambda: np.zeros(len(PROFILES)))
    usual_buyers: Floats = field(default_factory=lambda: np.zeros(len(PROFILES)))
    offered_orders: Floats = field(default_factory=lambda: np.zeros((OFFERS, len(PROFILES))))
    offered_buyers: Floats = field(default_factory=lambda: np.zeros((OFFERS, len(PROFILES))))
    window_orders: Integers = field(default_factory=lambda: np.zeros(len(PROFILES), np.int64))
    window_list: Integers = field(default_factory=lambda: np.zeros(len(PROFILES), np.int64))
    control_discount: Integers = field(default_factory=lambda: np.zeros((2, len(PROFILES)), np.int64))
    in_both_arms: int = 0


class Tally:
    """The sums, filled block by block."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.category_quantity = np.zeros((MONTHS, CATEGORY_COUNT), np.int64)
        self.orders_by_half = np.zeros(HALF_COUNT, np.int64)
        self.orders_by_day = np.zeros(plan.DAY_COUNT, np.int64)
        self.home_segments = np.zeros(len(PROFILES), np.int64)
        self.moves = np.zeros((HALF_COUNT - 1, SEGMENT_COUNT, SEGMENT_COUNT), np.int64)
        self.came = np.zeros((HALF_COUNT - 1, SEGMENT_COUNT), np.int64)
        self.left = np.zeros((HALF_COUNT - 1, SEGMENT_COUNT), np.int64)
        self.contacts = [ContactTally() for _ in plan.CONTACTS]

    def add(
        self, process: Process, people: People, orders: Orders, lines: Lines, contacted: list[Contacted]
    ) -> Integers:
        """Count a block; returns the orders per customer and half-year."""
        half = half_year_of(orders.day)
        per_half = np.bincount(orders.customer * HALF_COUNT + half, minlength=people.count * HALF_COUNT)
        per_half = per_half.reshape(people.count, HALF_COUNT)
        self.counts.update(
            customers=people.count,
            passers_by=int(people.is_passer_by.sum()),
            customers_with_orders=int((per_half.sum(axis=1) > 0).sum()),
            orders=orders.count,
            lines=lines.count,
            quantity=int(lines.quantity.sum()),
            listed_pence=int(lines.amount.sum()),
            discount_pence=int(lines.discount.sum()),
        )
        self.orders_by_half += per_half.sum(axis=0)
        self.orders_by_day += np.bincount(orders.day, minlength=plan.DAY_COUNT)
        month = process.month_of_day[orders.day[lines.order]]
        cells = month * CATEGORY_COUNT + lines.product // plan.PRODUCTS_PER_CATEGORY
        found = np.bincount(cells, weights=lines.quantity, minlength=MONTHS * CATEGORY_COUNT)
        self.category_quantity += found.reshape(MONTHS, CATEGORY_COUNT).astype(np.int64)
        self.home_segments += np.bincount(people.home, minlength=len(PROFILES))
        self._add_moves(people, per_half)
        list_value = np.bincount(lines.order, weights=lines.amount, minlength=orders.count).astype(np.int64)
        discount = np.bincount(lines.order, weights=lines.discount, minlength=orders.count).astype(np.int64)
        for one in contacted:
            self._add_contact(process, people, orders, list_value, discount, one)
        return np.asarray(per_half)

    def _add_moves(self, people: People, per_half: Integers) -> None:
        regular = ~people.is_passer_by
        for turn in range(HALF_COUNT - 1):
            before, after = (per_half[:, turn] > 0) & regular, (per_half[:, turn + 1] > 0) & regular
            both = before & after
            cells = people.profiles[both, turn] * SEGMENT_COUNT + people.profiles[both, turn + 1]
            self.moves[turn] += np.bincount(cells, minlength=SEGMENT_COUNT**2).reshape(SEGMENT_COUNT, SEGMENT_COUNT)
            self.came[turn] += np.bincount(people.profiles[after & ~before, turn + 1], minlength=SEGMENT_COUNT)
            self.left[turn] += np.bincount(people.profiles[before & ~after, turn], minlength=SEGMENT_COUNT)

    def _add_contact(
        self,
        process: Process,
        people: People,
        orders: Orders,
        list_value: Integers,
        discount: Integers,
        one: Contacted,
    ) -> None:
        contact, sums = plan.CONTACTS[one.number], self.contacts[one.number]
        sent = day_number(contact.sent_on)
        half = int(np.searchsorted(half_year_bounds(), sent, side="right")) - 1
        profile = people.profiles[one.customer, half]
        stop = np.minimum(people.leave_day[one.customer], sent + plan.WINDOW_DAYS)
        usual = process.expected(profile, np.full(len(stop), sent), np.maximum(stop, sent)) * people.pace[one.customer]
        usual[profile == PASSER_BY_PROFILE] = 0.0

        def per_profile(values: Floats) -> Floats:
            return np.bincount(profile, weights=values, minlength=len(PROFILES)).astype(np.float64)

        sums.in_both_arms += len(one.also)
        sums.usual_orders += per_profile(usual)
        sums.usual_buyers += per_profile(-np.expm1(-usual))
        for place, offer in enumerate(contact.offers):
            offered = usual * np.array((*offer.factors, 1.0))[profile]
            sums.customers[place] += np.bincount(profile[one.offer == place], minlength=len(PROFILES))
            sums.offered_orders[place] += per_profile(offered)
            sums.offered_buyers[place] += per_profile(-np.expm1(-offered))
        arm = np.full(people.count, -1)
        arm[one.customer] = one.offer
        in_window = (orders.day >= sent) & (orders.day < sent + plan.WINDOW_DAYS) & (arm[orders.customer] >= 0)
        kind = orders.profile[in_window]
        listed, taken = list_value[in_window], discount[in_window]
        control = arm[orders.customer[in_window]] == 0
        sums.window_orders += np.bincount(kind, minlength=len(PROFILES))
        sums.window_list += np.bincount(kind, weights=listed, minlength=len(PROFILES)).astype(np.int64)
        for row, values in enumerate((taken, listed)):
            found = np.bincount(kind[control], weights=values[control], minlength=len(PROFILES))
            sums.control_discount[row] += found.astype(np.int64)
