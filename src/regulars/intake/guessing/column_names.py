"""What the canonical columns are usually called, in meanings rather than words.

Each line says which meanings a name must carry and how clear it then is (1: it can be nothing else). Kept apart from
the words themselves, so that a language is added in one place and a canonical column in the other.
"""

from __future__ import annotations

ENTITY_OF: dict[str, str] = {
    "lines": "order",
    "orders": "order",
    "customers": "customer",
    "products": "product",
    "campaigns": "campaign",
    "contacts": "contact",
    "devices": "device",
    "statuses": "status",
    "referrals": "referral",
    "calendar": "event",
    "category_spend": "spend",
}
"""The thing that a table is about."""

FREE: dict[str, frozenset[str]] = {
    "lines": frozenset({"order", "product", "line"}),
    "orders": frozenset({"order"}),
    "customers": frozenset({"customer"}),
    "products": frozenset({"product"}),
    "campaigns": frozenset({"campaign"}),
    "contacts": frozenset({"contact", "campaign"}),
    "devices": frozenset({"device"}),
    "statuses": frozenset({"status"}),
    "referrals": frozenset({"referral"}),
    "calendar": frozenset({"event"}),
    "category_spend": frozenset({"customer"}),
}
"""Meanings that may be in any name of a table without making it less clear ("product" in `product_brand`)."""

BLOCKING = frozenset(
    {
        "percent", "average", "extreme", "previous", "update", "expire", "deliver", "cancel", "return", "score", "not",
        "tax", "shipping", "marital", "count", "week", "month", "days", "recency", "supplier", "coupon", "referral",
        "email", "phone", "address", "currency", "store", "customer", "order", "product", "device", "status", "sponsor",
        "referee", "source", "birth", "end", "first", "last", "contact", "spend", "error", "postcode", "reason",
        "accept", "send",
    }
)  # fmt: skip
"""Meanings that make a name mean something else, unless a pattern asks for them: "discount percent" is no discount."""

_WHO = "customer id=1, customer=.8, customer email=.6, email=.5, customer name=.45"
_PURCHASE = {
    "order_id": "order id=1, order=.8, id=.45",
    "customer_id": _WHO,
    "ordered_at": "order date=1, order time=1, date time=.95, date=.85, time=.8, create date=.75, create time=.75",
    "quantity": "quantity=1, count product=.9, count=.8",
    "discount": "discount=.9, discount amount=1, discount value=1, discount price=.9, coupon discount=.75",
    "store_id": "store id=1, store=.85, store name=.85, store city=.5",
    "channel": "channel=1, source=.55, platform=.5",
    "payment_method": "payment method=1, payment type=.95, payment=.75, payment name=.75",
    "device_id": "device id=1, device=.8",
    "campaign_id": "campaign id=1, campaign=.85, campaign name=.8, coupon id=.75, coupon=.65, campaign coupon=.8",
    "status_id": "status id=1, status=.9, status name=.8, payment status=.75, status payment id=.8, "
    "status description=.6",
    "paid": "paid=.9, amount paid=1, paid price=1, paid total=1, net amount=.85, net total=.85, net=.75, "
    "net price=.75, payment amount=.95, payment value=.95, payment total=.95, revenue=.85, sales value=.8, "
    "sales amount=.8, sales=.7, net sales=.95, net revenue=.95, sales total=.8, order amount net=.9",
    "amount": "amount=.85, gross price=.9, gross amount=1, gross value=1, gross total=1, total=.75, order total=.85, "
    "order amount=.95, order value=.9, product value=.7, total amount=.9, total value=.9, total price=.9, "
    "money value=.8, money amount=.85, order price=.8, gross sales=.9, spend amount=.8, spend=.65, value=.55, "
    "gross=.6, money=.55",
}
_NAMES: dict[str, dict[str, str]] = {
    "lines": {
        **_PURCHASE,
        "product_id": "product id=1, product=.8, product name=.75, product description=.7",
        "unit_price": "unit price=1, product price=.9, price=.85, unit gross price=1, unit value=.75",
    },
    "orders": {
        **_PURCHASE,
        "product_id": "product id=.95, product=.75, product name=.75",
        "amount": _PURCHASE["amount"] + ", price=.75, product price=.75, unit price=.5",
    },
    "customers": {
        "customer_id": _WHO + ", id=.6",
        "gender": "gender=1",
        "birth_date": "birth date=1, birth=.85",
        "birth_year": "birth year=1, birth=.85",
        "age": "age=1",
        "age_band": "age band=1, age group=1, age category=.95, age=.9",
        "income": "income=1, income amount=1, income year=1",
        "income_band": "income band=1, income group=1, income category=.95, income=.9",
        "city": "city=1, store city=.45, city name=1",
        "country": "country=1, country name=1, country id=.9",
        "joined_on": "join date=1, join time=1, join=.75, create date=.75, create time=.75, customer date=.85, "
        "start date=.75, first order date=.5",
        "left_on": "end date=.75, leave date=1, left date=1, churn date=1, cancel date=1, termination date=1",
        "sponsor_id": "sponsor id=1, sponsor=.9, referral id=.45",
        "contactable": "consent=.95, consent email=.95, consent phone=.85, consent contact=.95, accept consent=.95",
    },
    "products": {
        "product_id": "product id=1, product=.8, id=.6",
        "name": "product name=1, name=.9, product description=.85, description=.8",
        "category": "category=1, product category=1, category name=1, product group=.8, group=.7, department=.8, "
        "product type=.65, type=.6, category description=.9",
        "brand": "brand=1, brand name=1, manufacturer=.75, manufacturer name=.75, manufacturer id=.5",
        "cost": "cost=.95, unit cost=1, cost price=1, cost amount=.95",
        "released_on": "release date=1, release=.85, start date=.75, create date=.5",
    },
    "campaigns": {
        "campaign_id": "campaign id=1, campaign=.8, coupon id=.65, id=.6",
        "name": "campaign name=1, name=.9, description=.75, campaign description=.8",
        "kind": "campaign type=1, type=.9, campaign category=.8, category=.65, campaign channel=.45",
        "starts_on": "start date=1, start=.9, start time=.95, release date=.5",
        "ends_on": "end date=1, end=.9, end time=.95, expire date=.6",
        "unit_cost": "unit cost=.95, contact cost=1, cost=.6",
        "complexity": "complexity=1",
    },
    "contacts": {
        "customer_id": _WHO,
        "campaign_id": "campaign id=1, campaign=.85, campaign name=.8",
        "sent_at": "send date=1, send time=1, send=.8, contact date=1, contact time=1, date=.65, time=.6",
        "arm": "arm=.95, arm group=.95, arm id=.9, group=.65, segment=.55",
        "responded": "response=.95, accept=.9",
        "response_value": "response value=1, response amount=1, response spend=1, convert value=.9",
    },
    "devices": {
        "device_id": "device id=1, device=.8, id=.6",
        "model": "model=1, device model=1, model name=1, device name=.75, device type=.55",
        "platform": "platform=1, device category=.7, device type=.65, channel=.5",
        "os": "os=1, os name=1, os id=.8",
    },
    "statuses": {
        "status_id": "status id=1, status=.75, id=.6",
        "description": "status description=1, description=.95, status name=.8, name=.75, status=.5",
        "error_group": "error group=1, error category=1, error type=1, error reason=.9, error=.8, reason=.6, group=.5",
        "is_success": "success=1",
    },
    "referrals": {
        "customer_id": "referee id=1, referee=.9, customer id=.85, customer=.6",
        "sponsor_id": "sponsor id=1, sponsor=.9",
        "joined_on": "referral date=1, referral time=1, join date=1, date=.8, create date=.75, create time=.75",
    },
    "calendar": {
        "name": "event name=1, event=.9, name=.85, description=.7, event description=.9",
        "starts_on": "start date=1, start=.9, event date=1, date=.85",
        "ends_on": "end date=1, end=.9",
        "kind": "event type=1, type=.9, category=.7, event category=.9",
    },
    "category_spend": {
        "customer_id": _WHO + ", id=.6",
        "category": "category=1, product category=1, category name=1, product group=.8",
        "amount": "spend=1, amount=.95, sales=.9, sales value=.95, revenue=.9, total=.8, value=.7, spend amount=1, "
        "total spend=1, total amount=.95",
    },
}


def _read(text: str) -> tuple[tuple[frozenset[str], float], ...]:
    patterns = (pattern.rsplit("=", 1) for pattern in text.split(","))
    return tuple((frozenset(meanings.split()), float(weight)) for meanings, weight in patterns)


PATTERNS: dict[tuple[str, str], tuple[tuple[frozenset[str], float], ...]] = {
    (table, column): _read(text) for table, columns in _NAMES.items() for column, text in columns.items()
}
"""Canonical (table, column) → the meanings its name may carry, each with how clear it is."""
