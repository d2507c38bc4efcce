"""Contacts of campaigns and what came of them, each defined once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

CONTACT_NUMBERS = ((1, "1st"), (2, "2nd"), (3, "3rd"), (5, "4th–5th"), (9, "6th–9th"))
LATEST_NUMBER = "10th and later"
ANSWER_COUNTS = ("none", "one", "two or more")
AS_RECORDED, FROM_RESPONSES, FROM_ORDERS = (
    "what the contacts record as one", "a row of the answers recorded apart", "an order that names the campaign"
)  # fmt: skip


def source_of_answers(contacts: Sequence[str], has_responses: bool, orders: Sequence[str]) -> str:
    """Where the data say who answered, in words; "" where they do not.

    >>> source_of_answers(["customer_id", "responded"], False, [])
    'what the contacts record as one'
    """
    if "responded" in contacts:
        return AS_RECORDED
    if has_responses:
        return FROM_RESPONSES
    return FROM_ORDERS if "campaign_id" in orders else ""


def answered(contacts: ir.Table, responses: ir.Table | None, orders: ir.Table | None) -> ir.Table:
    """One row per customer and campaign: `responded` (0 or 1), `value` (what it brought), `sent_on` where known.

    Args:
        contacts: Canonical contacts.
        responses: Canonical responses; None to take them from the contacts or the orders.
        orders: Sales with `customer_id` and `campaign_id`, from which answers are read; None otherwise.
    """
    import ibis

    keys = ("customer_id", "campaign_id")
    sums: dict[str, ir.Value] = {}
    if "sent_at" in contacts.columns:
        sums["sent_on"] = contacts.sent_at.min().date()
    if "responded" in contacts.columns:
        sums["responded"] = contacts.responded.fill_null(False).cast("int64").max()
    value = ibis.null("float64")
    if "response_value" in contacts.columns:
        value = contacts.response_value.cast("float64").sum().round(DECIMALS)
    each = contacts.group_by(*keys).aggregate(**sums, value=value)
    if "responded" in contacts.columns:
        return each
    if responses is not None:
        found = _counted(responses, responses.response_value if "response_value" in responses.columns else None)
    else:
        assert orders is not None  # noqa: S101  the caller has asked for the source of answers
        if "sent_on" in each.columns:
            sent = each.select(*keys, "sent_on")
            orders = orders.inner_join(sent, keys)
            orders = orders.filter(orders.ordered_at.date() >= orders.sent_on).drop("sent_on")
        found = _counted(orders, orders.revenue if "revenue" in orders.columns else None)
    joined = each.drop("value").left_join(found, keys)
    joined = joined.drop(*[name for name in joined.columns if name.endswith("_right")])
    return joined.mutate(responded=joined.responded.fill_null(0).cast("int64"))


def _counted(answers: ir.Table, value: ir.Value | None) -> ir.Table:
    import ibis

    total = ibis.null("float64") if value is None else value.cast("float64").sum().round(DECIMALS)
    counted = answers.group_by("customer_id", "campaign_id").aggregate(answers=answers.count(), value=total)
    return counted.select(
        "customer_id", "campaign_id", responded=(counted.answers > 0).cast("int64"), value=counted.value
    )


def not_contacted(each: ir.Table, responses: ir.Table) -> ir.Table:
    """Answers of customers whom the campaign was not sent to; they are not counted."""
    return responses.anti_join(each, ["customer_id", "campaign_id"])


def by_campaign(each: ir.Table) -> ir.Table:
    """One row per campaign: contacts, responders, the first day it was sent, and what the answers brought."""
    value = each.value.fill_null(0.0)
    sent = {"sent_on": each.sent_on.min()} if "sent_on" in each.columns else {}
    return each.group_by("campaign_id").aggregate(
        contacts=each.count().cast("int64"), responders=each.responded.sum().cast("int64"), **sent,
        valued=each.value.count().cast("int64"), value=value.sum().round(DECIMALS),
        value_squares=(value * value).sum().round(DECIMALS),
    )  # fmt: skip


def with_place(each: ir.Table, order: Sequence[object]) -> ir.Table:
    """The contacts with what came before: `contact_number` and `earlier_answers`, by the order of the campaigns.

    Args:
        each: One row per customer and campaign.
        order: Campaigns from first to last.
    """
    import ibis

    place = ibis.cases(*[(each.campaign_id == one, number) for number, one in enumerate(order)], else_=len(order))
    rows = each.mutate(place=place.cast("int64"))
    before = ibis.window(group_by=rows.customer_id, order_by=[rows.place, rows.campaign_id], preceding=(None, 1))
    rows = rows.mutate(
        earlier_answers=rows.responded.sum().over(before).fill_null(0).cast("int64"),
        earlier_contacts=rows.responded.count().over(before).fill_null(0).cast("int64"),
    )
    bands = [(rows.earlier_contacts < last, label) for last, label in CONTACT_NUMBERS]
    counts = ((rows.earlier_answers == 0, ANSWER_COUNTS[0]), (rows.earlier_answers == 1, ANSWER_COUNTS[1]))
    return rows.mutate(
        contact_number=ibis.cases(*bands, else_=LATEST_NUMBER),
        answered_before=ibis.cases(*counts, else_=ANSWER_COUNTS[2]),
    )


def pairs(each: ir.Table, campaigns: Sequence[object]) -> ir.Table:
    """One row per pair of campaigns: customers contacted by both, and how many answered the one, the other, both."""
    rows = each.filter(each.campaign_id.isin(list(campaigns)))
    one = rows.select("customer_id", campaign=rows.campaign_id, answered=rows.responded)
    other = rows.select("customer_id", earlier=rows.campaign_id, answered_earlier=rows.responded)
    both = one.inner_join(other, "customer_id").filter(lambda t: t.campaign != t.earlier)
    return both.group_by("campaign", "earlier").aggregate(
        customers=both.count().cast("int64"), answered=both.answered.sum().cast("int64"),
        answered_earlier=both.answered_earlier.sum().cast("int64"),
        answered_both=(both.answered * both.answered_earlier).sum().cast("int64"),
    )  # fmt: skip
