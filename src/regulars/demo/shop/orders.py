"""When the customers of the world `shop` order, how and where; and whom the campaigns contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.demo.draws import ChoiceTable
from regulars.demo.shop import plan
from regulars.demo.shop.people import PASSER_BY_PROFILE
from regulars.demo.shop.process import HALF_COUNT, PROFILES, day_number, half_year_bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.shop.people import People
    from regulars.demo.shop.process import Process

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

NO_CAMPAIGN: Final = 0
PROMOTIONS: Final = 12 * len(plan.KINDS)
"""Campaigns 1 to 36 are the promotions, three a quarter; those that contact customers follow."""
MAILING_DISCOUNT: Final = 0.10
SECOND_ORDER_SHARE: Final = 0.25  # passers-by who come a second time
OPENING_HOUR, EVENING_HOUR, CLOSING_HOUR = 8, 18, 22


@dataclass(frozen=True)
class Contacted:
    """Who was contacted by one campaign.

    Attributes:
        number: Place in ``plan.CONTACTS``.
        customer: Place in the block, one entry per customer who took part.
        offer: Arm, as a place in the offers of the campaign.
        also: Places in the block of customers who stand in the other arm too.
    """

    number: int
    customer: Integers
    offer: Integers
    also: Integers


@dataclass(frozen=True)
class Orders:
    """The orders of a block in the order of their time.

    Attributes:
        customer: Place in the block.
        profile: Profile of the customer at the time.
        day: Day number.
        second: Second of the day.
        channel: Place in ``plan.CHANNELS``.
        store: Id of the store; 0 where it was ordered online.
        payment: Place in ``plan.PAYMENT_METHODS``.
        campaign: Number of the campaign used; 0 for none.
        discount: Share taken off the list value.
    """

    customer: Integers
    profile: Integers
    day: Integers
    second: Integers
    channel: Integers
    store: Integers
    payment: Integers
    campaign: Integers
    discount: Floats

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.day)


def contact_number(number: int) -> int:
    """The campaign id of a campaign that contacts customers."""
    return PROMOTIONS + 1 + number


def half_year_of(day: Integers) -> Integers:
    """Place of the half-year of each day."""
    return np.asarray(np.searchsorted(half_year_bounds(), day, side="right") - 1)


def draw_orders(process: Process, people: People, rng: np.random.Generator) -> tuple[Orders, list[Contacted]]:
    """Draw the orders of a block, and whom each campaign contacted."""
    customer, day = _draw_days(process, people, rng)
    contacted: list[Contacted] = []
    for number in range(len(plan.CONTACTS)):
        found = _choose(number, people, customer, day, rng)
        customer, day = _apply(process, people, found, customer, day, rng)
        contacted.append(found)
    profile = people.profiles[customer, half_year_of(day)]
    second = _draw_seconds(profile, rng)
    order = np.lexsort((customer, second, day))
    customer, day, profile, second = customer[order], day[order], profile[order], second[order]
    channel = ChoiceTable.of(np.array([one.channel_shares for one in PROFILES])).draw(profile, rng)
    campaign, discount = _draw_offers(people, contacted, customer, day, profile, rng)
    stores = len(plan.CITIES) * plan.STORES_PER_CITY
    store = np.where(
        rng.random(len(day)) < plan.HOME_STORE_SHARE,
        people.home_store[customer],
        1 + rng.integers(stores, size=len(day)),
    )
    payments = ChoiceTable.of(np.array([plan.STORE_PAYMENTS, plan.ONLINE_PAYMENTS]))
    orders = Orders(
        customer=customer,
        profile=profile,
        day=day,
        second=second,
        channel=channel,
        store=np.where(channel == 0, store, 0),
        payment=payments.draw(np.minimum(channel, 1), rng),
        campaign=campaign,
        discount=discount,
    )
    return orders, contacted


def _draw_days(process: Process, people: People, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Orders that need no campaign: the customer and the day of each."""
    halves = np.broadcast_to(np.arange(HALF_COUNT), people.profiles.shape)
    means = process.half_year_totals[people.profiles, halves] * people.pace[:, None]
    means[people.is_passer_by] = 0.0
    counts = rng.poisson(means)
    rows = np.repeat((people.profiles * HALF_COUNT + halves).ravel(), counts.ravel())
    customer = np.repeat(np.arange(people.count), counts.sum(axis=1))
    day = process.day_choice.draw(rows, rng)
    is_there = (day >= people.join_day[customer]) & (day < people.leave_day[customer])
    passing = np.flatnonzero(people.is_passer_by)
    passing = np.repeat(passing, 1 + (rng.random(len(passing)) < SECOND_ORDER_SHARE))
    passing_day = process.any_day.draw_many(len(passing), rng)
    return np.concatenate([customer[is_there], passing]), np.concatenate([day[is_there], passing_day])


def _choose(number: int, people: People, customer: Integers, day: Integers, rng: np.random.Generator) -> Contacted:
    """Whom a campaign contacts, and with which offer, as its design has it."""
    contact = plan.CONTACTS[number]
    sent = day_number(contact.sent_on)
    recent = (day >= sent - plan.QUALIFYING_DAYS) & (day < sent)
    bought = np.bincount(customer[recent], minlength=people.count)
    qualified = np.flatnonzero(bought > 0)
    typical = float(np.median(bought[qualified])) if len(qualified) else 0.0
    is_better = (bought[qualified] > typical).astype(np.int64)
    also = np.empty(0, dtype=np.int64)
    chance = rng.random(len(qualified))
    if contact.design == "targeted":
        qualified = qualified[chance < np.array(plan.TARGETED_SHARES)[is_better]]
        offer = np.zeros(len(qualified), dtype=np.int64)
    elif contact.design == "contaminated":
        offer = (chance < np.array(plan.CONTAMINATED_SHARES)[is_better]).astype(np.int64)
        also = qualified[rng.random(len(qualified)) < plan.BOTH_ARMS_SHARE]
    else:
        offer = rng.integers(len(contact.offers), size=len(qualified))
    return Contacted(number, qualified, offer, also)


def _apply(
    process: Process, people: People, found: Contacted, customer: Integers, day: Integers, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    """What the offers change within the window: orders that fall away, and further ones."""
    contact = plan.CONTACTS[found.number]
    sent = day_number(contact.sent_on)
    half = int(half_year_of(np.array([sent]))[0])
    profile = people.profiles[found.customer, half]
    factors = np.array([(*offer.factors, 1.0) for offer in contact.offers])
    factor = np.ones(people.count)
    factor[found.customer] = factors[found.offer, profile]
    in_window = (day >= sent) & (day < sent + plan.WINDOW_DAYS)
    keep = ~in_window | (rng.random(len(day)) < factor[customer])
    stop = np.full(len(profile), sent + plan.WINDOW_DAYS)
    usual = process.expected(profile, stop - plan.WINDOW_DAYS, stop) * people.pace[found.customer]
    usual[profile == PASSER_BY_PROFILE] = 0.0
    further = rng.poisson(usual * np.maximum(factor[found.customer] - 1.0, 0.0))
    new_customer = np.repeat(found.customer, further)
    new_day = sent + process.window_choice(sent, plan.WINDOW_DAYS).draw(np.repeat(profile, further), rng)
    is_there = new_day < people.leave_day[new_customer]
    new_customer, new_day = new_customer[is_there], new_day[is_there]
    return np.concatenate([customer[keep], new_customer]), np.concatenate([day[keep], new_day])


def _draw_seconds(profile: Integers, rng: np.random.Generator) -> Integers:
    evening = rng.random(len(profile)) < np.array([one.evening_share for one in PROFILES])[profile]
    hours = np.where(
        evening,
        rng.integers(EVENING_HOUR, CLOSING_HOUR, size=len(profile)),
        rng.integers(OPENING_HOUR, EVENING_HOUR, size=len(profile)),
    )
    return np.asarray(hours * 3600 + rng.integers(3600, size=len(profile)))


def _draw_offers(
    people: People,
    contacted: list[Contacted],
    customer: Integers,
    day: Integers,
    profile: Integers,
    rng: np.random.Generator,
) -> tuple[Integers, Floats]:
    """Campaign and discount of each order: promotions of the quarter, overridden by the offers of contacts."""
    shares = np.array([one.promotion_share for one in PROFILES])[profile]
    uses = rng.random(len(day)) < shares
    kind = ChoiceTable.of(np.array([one.promotion_kinds for one in PROFILES])).draw(profile, rng)
    quarter = _quarter_of_day()[day]
    campaign = np.where(uses, 1 + quarter * len(plan.KINDS) + kind, NO_CAMPAIGN)
    discount = np.where(uses, np.array(plan.PROMOTION_DISCOUNTS)[kind], 0.0)
    answers = np.array([one.answer_share for one in PROFILES])[profile]
    answers = np.minimum(answers * people.eagerness[customer], 0.95)
    for found in contacted:
        contact = plan.CONTACTS[found.number]
        sent = day_number(contact.sent_on)
        offers = np.full(people.count, -1)
        offers[found.customer] = found.offer
        offers[found.also] = 1  # who stands in both arms was treated
        offer = np.where((day >= sent) & (day < sent + plan.WINDOW_DAYS), offers[customer], -1)
        given = np.array([*(one.discount for one in contact.offers), 0.0])[offer]
        applies = given > 0
        if contact.design == "targeted":
            applies = (offer >= 0) & (rng.random(len(day)) < answers)
            given = np.where(applies, MAILING_DISCOUNT, 0.0)
        campaign = np.where(applies, contact_number(found.number), campaign)
        discount = np.where(applies, given, discount)
    return campaign, discount


def _quarter_of_day() -> Integers:
    days = np.datetime64(plan.FIRST_DAY, "D") + np.arange(plan.DAY_COUNT)
    months = days.astype("datetime64[M]").astype(np.int64)
    return np.asarray((months - months[0]) // 3)
