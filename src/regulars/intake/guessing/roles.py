"""Which canonical tables a file can be: what its columns, taken together, say.

A table of things (customers, products …) has one row per thing, or lies inside a table of events: every order line may
carry the customer's country. A table of events says who and when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT
from regulars.intake.guessing.candidates import LEAST, LIKELY, SURE, Assigned, candidates, joined
from regulars.intake.guessing.column_names import ENTITY_OF
from regulars.intake.guessing.profiles import is_same
from regulars.intake.guessing.vocabulary import read_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.core.config import BasketColumn, Unpivot
    from regulars.intake.guessing.candidates import FileGroup
    from regulars.intake.guessing.profiles import ColumnProfile

THINGS = ("customers", "products", "campaigns", "devices", "statuses")
"""Tables with one row per thing."""

_TELLING: dict[str, frozenset[str]] = {
    "customers": frozenset((
        "gender", "birth_date", "birth_year", "age", "age_band", "income", "income_band", "city", "country",
        "contactable",
    )),
    "products": frozenset(("category", "brand", "cost", "released_on")),
    "campaigns": frozenset(("starts_on", "ends_on", "unit_cost", "complexity")),
    "devices": frozenset(("model", "platform", "os")),
    "statuses": frozenset(("error_group", "is_success", "description")),
}  # fmt: skip
"""Columns that say what a table is about even where its key is a bare "id"; "name" or "type" could be of anything."""

_WITH_IDS = {"customer", "order", "product", "campaign", "coupon", "device", "store", "sponsor", "referral"}


@dataclass(frozen=True)
class Role:
    """A canonical table that a group of files could be.

    Args:
        table: The canonical table.
        group: The files.
        assigned: Canonical column → the user's.
        confidence: From 0 to 1.
        reason: Why, in a few words.
        is_derived: Whether the rows are of something else, and the table lies inside.
        unpivot: Wide columns that hold the table.
        basket: A product list inside a cell.
    """

    table: str
    group: FileGroup
    assigned: Mapping[str, Assigned]
    confidence: float
    reason: str
    is_derived: bool = False
    unpivot: Unpivot | None = None
    basket: BasketColumn | None = None

    def column(self, canonical: str) -> str:
        """The column of the user taken for a canonical one; empty where there is none."""
        return self.assigned[canonical].best.column if canonical in self.assigned else ""


def judge(table: str, group: FileGroup, assigned: Mapping[str, Assigned], *, is_event: bool = False) -> Role | None:
    """Whether a group of files can be a table, by the columns found for it; None where it cannot.

    Args:
        table: The canonical table.
        group: The files.
        assigned: The columns found.
        is_event: Whether the files are a table of events already, so that a table of things can only lie inside.
    """
    view = _View(group, assigned)
    if table in THINGS:
        return _judge_things(table, view, is_event)
    judges = {
        "lines": _judge_lines,
        "orders": _judge_orders,
        "contacts": _judge_contacts,
        "referrals": _judge_referrals,
        "calendar": _judge_calendar,
        "category_spend": _judge_category_spend,
    }
    found = judges[table](view)
    if found is None or found[0] < LEAST:
        return None
    return Role(table, group, assigned, min(found[0], 0.99), found[1])


@dataclass(frozen=True)
class _View:
    group: FileGroup
    assigned: Mapping[str, Assigned]

    def score(self, *names: str) -> float:
        """The best score among the columns, 0 where none is there."""
        return max((self.assigned[name].best.score for name in names if name in self.assigned), default=0.0)

    def profile(self, name: str) -> ColumnProfile:
        return self.group.profiles[self.assigned[name].best.column]

    def repeats(self, name: str) -> bool:
        return name in self.assigned and self.profile(name).distinct_share < 0.98


def _mean(*scores: float) -> float:
    return sum(scores) / len(scores)


def _judge_lines(view: _View) -> tuple[float, str] | None:
    named_order = view.score("order_id") if view.score("order_id") >= LIKELY else 0.0
    who = max(view.score("customer_id"), named_order * 0.9)
    if not view.score("product_id") or not who or not (view.score("ordered_at") or named_order):
        return None
    how_much = view.score("quantity", "unit_price", "amount", "paid")
    is_one_product_orders = (
        view.score("order_id") >= LIKELY and view.profile("order_id").is_key and not view.score("unit_price")
    )
    if is_one_product_orders:
        return None
    if view.score("campaign_id") and not how_much and not view.score("order_id"):
        return None  # which products a campaign is about
    when = view.score("ordered_at")
    confidence = _mean(view.score("product_id"), who, when or 0.5, how_much or 0.7)
    what = "rows share an order" if view.repeats("order_id") else "a product in every row"
    return confidence, f"who, when and which product; {what}"


def _judge_orders(view: _View) -> tuple[float, str] | None:
    when, who = view.score("ordered_at"), view.score("customer_id")
    named_order = view.score("order_id") if view.score("order_id") >= LIKELY else 0.0
    how_much = view.score("amount", "paid", "quantity")
    if not when or not (who or named_order):
        return None
    if not who:
        return 0.6 * _mean(when, named_order), "when and which order; nothing says who bought"
    if not how_much and not named_order:
        return 0.45 * _mean(when, who), "who and when; neither an order nor money"
    reason = "who, when and how much" if how_much else "who, when and which order"
    return _mean(when, who, max(how_much, named_order)), reason


def _judge_contacts(view: _View) -> tuple[float, str] | None:
    if view.score("arm") >= 0.5:
        return view.score("arm"), "arms of an experiment"
    who, campaign = view.score("customer_id"), view.score("campaign_id")
    if not who or not campaign:
        return None
    if any(map(_says_purchase, view.group.profiles)):
        return None
    pairs = list(zip(view.profile("customer_id").texts, view.profile("campaign_id").texts, strict=True))
    is_unique = len(set(pairs)) >= 0.99 * len(pairs)
    reason = "who, which campaign and when" if view.score("sent_at") >= SURE else "who and which campaign"
    is_told = is_unique or view.score("sent_at") >= SURE
    return _mean(who, campaign) * (1.0 if is_told else 0.6), reason + (", each once" if is_unique else "")


def _says_purchase(name: str) -> bool:
    meanings = set(read_name(name).meanings)
    return bool(meanings & {"price", "quantity", "order", "product", "discount"})


def _judge_referrals(view: _View) -> tuple[float, str] | None:
    if not view.score("customer_id") or not view.score("sponsor_id"):
        return None
    score, reason = _mean(view.score("customer_id"), view.score("sponsor_id")), "who was brought, and by whom"
    if view.group.subject == "referral" or "referee" in read_name(view.profile("customer_id").name).meanings:
        return joined(score, 0.3), reason
    is_profile = any(one.canonical in _TELLING["customers"] for one in candidates("customers", view.group))
    return None if is_profile else (score * 0.8, reason)


def _judge_calendar(view: _View) -> tuple[float, str] | None:
    if not view.score("name") or not view.score("starts_on"):
        return None
    about_events = view.group.subject == "event" or any(
        "event" in read_name(column).meanings for column in view.group.profiles
    )
    has_ids = any("id" in read_name(column).meanings for column in view.group.profiles)
    if not about_events and (has_ids or not view.score("ends_on")):
        return None
    return _mean(view.score("name"), view.score("starts_on")) * (1.0 if about_events else 0.7), "named days"


def _judge_category_spend(view: _View) -> tuple[float, str] | None:
    scores = [view.score(name) for name in ("customer_id", "category", "amount")]
    if not all(scores) or len(view.group.profiles) > 5 or any(p.kind == "date" for p in view.group.profiles.values()):
        return None
    return _mean(*scores), "who spent how much on which category"


def _judge_things(table: str, view: _View, is_event: bool) -> Role | None:
    key = CONTRACT[table].key[0]
    if key not in view.assigned:
        return None
    score, is_clear = _key_score(table, key, view)
    keyed = replace(view.assigned[key], best=replace(view.assigned[key].best, score=score))
    view = replace(view, assigned={**view.assigned, key: keyed})
    is_about = view.group.subject == ENTITY_OF[table]
    if not is_event and (view.profile(key).distinct_share >= 0.8 or (is_about and is_clear)):
        return _own_table(table, view, is_clear, is_about)
    return _table_inside(table, view) if score >= LIKELY else None


def _own_table(table: str, view: _View, is_clear: bool, is_about: bool) -> Role | None:
    """A file with one row per thing, or nearly: rows that repeat a key are merged later."""
    key = CONTRACT[table].key[0]
    attributes = [name for name in view.assigned if name != key]
    if not is_clear and sum(name in _TELLING[table] for name in attributes) < 2:
        return None
    profile = view.profile(key)
    if not attributes and (_is_bridge(table, view) or not (profile.is_key or is_about)):
        return None
    has_others = len(view.group.profiles) > 1
    confidence = view.score(key) * (1.0 if attributes else 0.7 if has_others else 0.3)
    confidence = min(0.99, joined(confidence, 0.3 if is_about else 0.0))
    if profile.is_key:
        reason = f"one row for each {profile.name}"
    elif profile.distinct_share >= 0.8:
        reason = f"nearly one row for each {profile.name}; repeated ones are merged"
    else:
        confidence *= 0.7
        reason = f"several rows for each {profile.name}; they are merged"
    return Role(table, view.group, view.assigned, confidence, reason) if confidence >= LEAST else None


def _is_bridge(table: str, view: _View) -> bool:
    """Whether a file has the ids of other things too, and so says what belongs to what."""
    own = view.profile(CONTRACT[table].key[0]).name
    others = [set(read_name(name).meanings) for name in view.group.profiles if name != own]
    return any("id" in meanings and meanings & (_WITH_IDS - {ENTITY_OF[table]}) for meanings in others)


def _table_inside(table: str, view: _View) -> Role | None:
    """A table that lies inside another: what is the same in every row of the same thing."""
    key = CONTRACT[table].key[0]
    keys = view.profile(key).texts
    kept = [
        name
        for name in view.assigned
        if name != key and view.score(name) >= LIKELY and is_same(keys, view.profile(name).texts)
    ]
    if not kept:
        return None
    confidence = 0.9 * _mean(view.score(key), max(view.score(name) for name in kept))
    assigned = {name: view.assigned[name] for name in (key, *kept)}
    return Role(table, view.group, assigned, confidence, "found in the rows of another table", is_derived=True)


def _key_score(table: str, key: str, view: _View) -> tuple[float, bool]:
    """How sure the key is, and whether its name alone says what the table is about."""
    best = view.assigned[key].best
    clear = best.score > LIKELY or view.group.subject == ENTITY_OF[table]
    if clear:
        return best.score, True
    telling = [name for name in view.assigned if name in _TELLING[table] and view.score(name) >= 0.7]
    score = best.score
    for _ in telling[:3]:
        score = joined(score, 0.2)
    return score, False


def evidence_weight(role: Role) -> float:
    """How much of a file speaks for a role: what decides between two tables of things with the same bare key."""
    telling = sum(role.assigned[name].best.score for name in role.assigned if name in _TELLING.get(role.table, ()))
    return telling + (0.6 if role.group.subject == ENTITY_OF[role.table] else 0.0)
