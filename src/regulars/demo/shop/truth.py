"""The truth of the world `shop`: what was planted, and what the drawn data came to, as ``truth.json``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.demo.shop import plan
from regulars.demo.shop.catalogue import pairs
from regulars.demo.shop.orders import contact_number
from regulars.demo.shop.process import (
    HALF_COUNT,
    SEGMENT_COUNT,
    all_days,
    movement_matrix,
    mover_matrix,
    sale_periods,
    segment_shares,
)

if TYPE_CHECKING:
    from regulars.demo.shop.process import Process
    from regulars.demo.shop.tally import ContactTally, Tally

PEAK, TROUGH = 1.25, 0.75
SEGMENT_NAMES = [segment.name for segment in plan.SEGMENTS]


def describe_segments(tally: Tally) -> dict[str, Any]:
    """The planted segments; each customer's stand in truth_customers.parquet."""
    return {
        "definition": "segment_HALFYEAR of truth_customers.parquet is a customer's segment in that half-year; "
        "home_segment that of the half-year of joining, main_segment the one with most orders; customers who are "
        "no movers have one segment for good",
        "k": SEGMENT_COUNT,
        "names": SEGMENT_NAMES,
        "shares": segment_shares().tolist(),
        "customers_by_home_segment": dict(
            zip([*SEGMENT_NAMES, "passer_by"], tally.home_segments.tolist(), strict=True)
        ),
        "profiles": [asdict(segment) for segment in plan.SEGMENTS],
    }


def describe_movement(tally: Tally) -> dict[str, Any]:
    """The planted matrix, and the realised moves at each turn."""
    turns = []
    for turn in range(HALF_COUNT - 1):
        moves = tally.moves[turn]
        turns.append(
            {
                "from": plan.HALF_YEARS[turn],
                "to": plan.HALF_YEARS[turn + 1],
                "counts": moves.tolist(),
                "came": tally.came[turn].tolist(),
                "left": tally.left[turn].tolist(),
            }
        )
    return {
        "definition": "rows: segment in the earlier half-year, columns: in the next; order of segments.names; counts "
        "are customers with an order in both half-years, came and left those with an order in one of the two alone",
        "matrix": np.round(movement_matrix(), 6).tolist(),
        "mover_share": plan.MOVER_SHARE,
        "mover_matrix": np.round(mover_matrix(), 6).tolist(),
        "leaving_per_half_year": plan.LEAVING_PER_HALF_YEAR,
        "turns": turns,
    }


def describe_seasons(process: Process, tally: Tally) -> dict[str, Any]:
    """Planted seasons, and what follows from them for unchanging customers."""
    month = process.month_of_day % 12
    items = np.array([segment.items_per_order for segment in plan.SEGMENTS])
    mix = segment_shares()[:, None] * process.daily[:SEGMENT_COUNT]
    days = np.bincount(month)
    orders = np.bincount(month, weights=mix.sum(axis=0)) / days
    volume = np.stack([np.bincount(month, weights=row) for row in mix * items[:, None]])  # segment × month
    shares = process.category_shares[:SEGMENT_COUNT]
    per_day = (volume[:, :, None] * shares).sum(axis=0) / days[:, None]  # month × category
    weekday = (np.arange(plan.DAY_COUNT) + plan.FIRST_DAY.weekday()) % 7
    weekdays = np.bincount(weekday, weights=mix.sum(axis=0))
    index = per_day / per_day.mean(axis=0)
    return {
        "definition": "an index is the mean per day of a month over the mean of the twelve months, for unchanging "
        "customers, sales and closed days counted in; the number of customers present changes the level, not the index",
        "orders_planted_factor_by_month": list(plan.ORDER_SEASON),
        "orders_index_by_month": np.round(orders / orders.mean(), 5).tolist(),
        "orders_share_by_weekday": np.round(weekdays / weekdays.sum(), 5).tolist(),
        "categories": [
            {
                "category": category.name,
                "is_seasonal": len(set(category.season)) > 1,
                "planted_factor_by_month": list(category.season),
                "quantity_index_by_month": np.round(index[:, place], 5).tolist(),
                "peak_months": [m + 1 for m in range(12) if index[m, place] >= PEAK],
                "trough_months": [m + 1 for m in range(12) if index[m, place] <= TROUGH],
                "quantity_by_month": tally.category_quantity[:, place].tolist(),
            }
            for place, category in enumerate(plan.CATEGORIES)
        ],
        "sales": [
            {
                "name": name,
                "starts_on": str(np.datetime64(plan.FIRST_DAY, "D") + first),
                "ends_on": str(np.datetime64(plan.FIRST_DAY, "D") + last),
                "factor": factor,
            }
            for name, first, last, factor in sale_periods()
        ],
        "closed_on": [str(day) for day in all_days()[process.daily[0] == 0]],
        "price_level_by_year": list(plan.PRICE_LEVELS),
    }


def describe_contacts(tally: Tally) -> dict[str, Any]:
    """Experiments and mailings, with the effects that were planted."""
    found: dict[str, Any] = {"window_days": plan.WINDOW_DAYS, "qualifying_days": plan.QUALIFYING_DAYS, "campaigns": []}
    for number, (contact, sums) in enumerate(zip(plan.CONTACTS, tally.contacts, strict=True)):
        about: dict[str, Any] = {
            "campaign_id": contact_number(number),
            "name": contact.name,
            "kind": contact.kind,
            "design": contact.design,
            "sent_on": str(contact.sent_on),
            "window_ends_on": str(contact.sent_on + timedelta(days=plan.WINDOW_DAYS - 1)),
            "customers": int(sums.customers.sum()),
        }
        if contact.design == "targeted":
            about["true_factor_on_orders"] = contact.offers[0].factors[0]
        elif contact.design == "contaminated":
            about |= {
                "customers_in_both_arms": sums.in_both_arms,
                "made_up_outcome": "spend_after",
                "made_up_from": "spend_before",
                "made_up_arm": contact.offers[1].arm,
                "made_up_factor": plan.MADE_UP_FACTOR,
                "true_factor_on_orders": 1.0,
            }
        else:
            about["arms"] = [_describe_arm(contact, sums, place) for place in range(len(contact.offers))]
        found["campaigns"].append(about)
    return found


def _describe_arm(contact: plan.Contact, sums: ContactTally, place: int) -> dict[str, Any]:
    """The expected outcome of everybody who took part, had all of them been in this arm, beside the control."""
    offer = contact.offers[place]
    everybody = sums.customers.sum(axis=0)
    size = max(int(everybody.sum()), 1)
    value = sums.window_list / np.maximum(sums.window_orders, 1) / 100
    usual_discount = sums.control_discount[0] / np.maximum(sums.control_discount[1], 1)
    taken = offer.discount if offer.discount else usual_discount
    paid = sums.offered_orders[place] * value * (1.0 - taken)
    usual_paid = sums.usual_orders * value * (1.0 - usual_discount)
    orders, buyers = sums.offered_orders[place], sums.offered_buyers[place]

    def over(values: Any) -> float:
        return round(float(np.sum(values)) / size, 6)

    return {
        "arm": offer.arm,
        "discount": offer.discount,
        "customers": int(sums.customers[place].sum()),
        "expected_orders": over(orders),
        "expected_buyer_share": over(buyers),
        "expected_paid": over(paid),
        "effect_on_orders": over(orders - sums.usual_orders),
        "effect_on_buyer_share": over(buyers - sums.usual_buyers),
        "effect_on_paid": over(paid - usual_paid),
        "by_segment": [
            {
                "segment": SEGMENT_NAMES[row],
                "customers": int(sums.customers[place, row]),
                "factor_on_orders": offer.factors[row],
                "effect_on_orders": round(float((orders - sums.usual_orders)[row] / max(everybody[row], 1)), 6),
                "effect_on_buyer_share": round(float((buyers - sums.usual_buyers)[row] / max(everybody[row], 1)), 6),
                "effect_on_paid": round(float((paid - usual_paid)[row] / max(everybody[row], 1)), 6),
            }
            for row in range(SEGMENT_COUNT)
        ],
    }


def describe_draw(tally: Tally) -> dict[str, Any]:
    """Totals of the drawn data."""
    counts = tally.counts
    return {
        **{
            name: counts[name]
            for name in ("customers", "passers_by", "customers_with_orders", "orders", "lines", "quantity")
        },
        "listed": counts["listed_pence"] / 100,
        "discount": counts["discount_pence"] / 100,
        "paid": (counts["listed_pence"] - counts["discount_pence"]) / 100,
        "orders_by_half_year": dict(zip(plan.HALF_YEARS, tally.orders_by_half.tolist(), strict=True)),
        "pairs": [
            {"if_bought": first + 1, "also_added": second + 1, "share": plan.PAIR_SHARE} for first, second in pairs()
        ],
    }
