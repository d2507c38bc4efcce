"""The guesser behind `regulars init`: from samples of files to canonical tables, with how sure it is and why.

No engine is needed: names, values and what files have in common are weighed in plain Python over samples of about a
thousand rows. A guess that is called sure must be right; what is not sure is said, so that the user looks there first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT
from regulars.intake.guessing import suggestions
from regulars.intake.guessing.candidates import LIKELY, Assigned, Candidate, FileGroup, assign, candidates, group_files
from regulars.intake.guessing.cross_evidence import Key, has_link, with_links, with_sums, with_use
from regulars.intake.guessing.guesses import ExcludeRule, Guess, Guesses, LeftOut, Mapped, Unused
from regulars.intake.guessing.profiles import FileSample
from regulars.intake.guessing.roles import THINGS, Role, evidence_weight, judge
from regulars.intake.guessing.vocabulary import read_name
from regulars.intake.guessing.wide_columns import find_basket, find_category_spend, find_responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.config import Unpivot

__all__ = ["ExcludeRule", "FileSample", "Guess", "Guesses", "LeftOut", "Mapped", "Unused", "guess"]

_PURCHASES = ("lines", "orders")
_NO_ID = "there is no id, and no name is there twice"
_OTHER_EVENTS = ("contacts", "referrals", "calendar", "category_spend")


def guess(files: Sequence[FileSample]) -> Guesses:
    """Which canonical tables the files hold, and which of their columns are which.

    Args:
        files: Samples, about a thousand rows each. Files with the same columns are taken as parts of one table.

    Returns:
        One guess for every canonical table found, the files that serve none, and the currency where its sign was seen.

    >>> rows = [{"InvoiceNo": "1", "StockCode": "A", "CustomerID": "7", "InvoiceDate": "2024-05-01", "Quantity": "2"}]
    >>> found = guess([FileSample("sales.csv", tuple(rows[0]), rows)])
    >>> found.tables[0].table, found.tables[0].mapping["customer_id"]
    ('lines', 'CustomerID')
    """
    groups = group_files(files)
    keys = _find_keys(groups)
    roles = [role for group in groups for role in _roles_of(group, keys)]
    chosen = _choose(roles)
    currency, reason = suggestions.currency_seen([role.group for role in chosen] or groups)
    tables = tuple(_as_guess(role, chosen, roles) for role in chosen)
    return Guesses(tables, _unused(groups, chosen, roles), currency, reason)


# -- columns ----------------------------------------------------------------------------------------


def _find_keys(groups: Sequence[FileGroup]) -> list[Key]:
    """The columns that identify things, by each file alone; ids in other files are then held against them."""
    keys: list[Key] = []
    for group in groups:
        roles = [judge(table, group, _assigned(table, group, [])) for table in THINGS]
        for role in _one_per_key([role for role in roles if role is not None and not role.is_derived]):
            keys.append(Key(role.table, group, role.column(CONTRACT[role.table].key[0])))
    return with_use(keys, groups)


def _assigned(table: str, group: FileGroup, keys: Sequence[Key]) -> dict[str, Assigned]:
    found = candidates(table, group)
    if table in _PURCHASES:
        found = with_sums(_with_only_date(found), group.profiles)
    found = with_links(found, table, group, keys)
    if table not in THINGS:
        return assign(found)
    key = CONTRACT[table].key[0]
    assigned = assign(found)
    if key not in assigned and (table == "products" or (table == "campaigns" and group.subject == "campaign")):
        assigned = _name_as_key(assigned, key, group)
    return _with_use_of_key(assigned, key, [one for one in keys if one.group is group and one.table == table])


def _with_only_date(found: list[Candidate]) -> list[Candidate]:
    """Where a file has one date only, that is when it happened."""
    dates = [one for one in found if one.canonical == "ordered_at"]
    if len(dates) != 1:
        return found
    return [one.raised(0.4, "the only date") if one is dates[0] else one for one in found]


def _name_as_key(assigned: dict[str, Assigned], key: str, group: FileGroup) -> dict[str, Assigned]:
    """Where a product has a name and no id, the name identifies it."""
    name = assigned.get("name")
    if (
        name is None
        or not group.profiles[name.best.column].is_key
        or "name" not in read_name(name.best.column).meanings
    ):
        return assigned
    best = replace(name.best, canonical=key, score=min(name.best.score, 0.8), reasons=(_NO_ID,))
    return {key: replace(name, best=best), **{one: kept for one, kept in assigned.items() if one != "name"}}


def _has_name_as_key(role: Role) -> bool:
    return _NO_ID in role.assigned[CONTRACT[role.table].key[0]].best.reasons


def _with_use_of_key(assigned: dict[str, Assigned], key: str, keys: Sequence[Key]) -> dict[str, Assigned]:
    """A key is surer where another file uses its values."""
    chosen = assigned.get(key)
    used_in = next((one.used_in for one in keys if chosen and one.column == chosen.best.column), "")
    if chosen is None or not used_in:
        return assigned
    return {**assigned, key: replace(chosen, best=chosen.best.raised(0.5, f"used as {used_in}"))}


# -- tables -----------------------------------------------------------------------------------------


def _roles_of(group: FileGroup, keys: Sequence[Key]) -> list[Role]:
    """Every table that a group of files can be; several may hold at once."""
    purchases = _purchase_roles(group, keys)
    others = [judge(table, group, _assigned(table, group, keys)) for table in _OTHER_EVENTS]
    events = [role for role in others if role is not None]
    if not any(role.confidence >= LIKELY for role in events):
        events = purchases + events
    else:  # what is clearly something else is not also a doubtful list of purchases
        events = [role for role in purchases if role.confidence >= 0.5] + events
    is_event = any(role.confidence >= 0.5 for role in events)
    things = [judge(table, group, _assigned(table, group, keys), is_event=is_event) for table in THINGS]
    found = [role for role in things if role is not None and not (role.is_derived and _has_name_as_key(role))]
    roles = [*events, *_one_per_key(found)]
    customers = next((role for role in roles if role.table == "customers" and not role.is_derived), None)
    if customers is not None:
        roles += _wide_roles(customers)
    return roles


def _purchase_roles(group: FileGroup, keys: Sequence[Key]) -> list[Role]:
    """Lines or orders; both only where an order carries its products in one cell."""
    orders = judge("orders", group, _assigned("orders", group, keys))
    basket = find_basket(group.profiles)
    if basket is not None and orders is not None:
        on_lines = {
            name: assigned
            for name, assigned in _assigned("lines", group, keys).items()
            if name not in ("product_id", "quantity", "unit_price", "amount", "discount", "paid")
        }
        reason = f"product lists in {basket.column}"
        return [orders, Role("lines", group, on_lines, orders.confidence, reason, basket=basket)]
    lines = judge("lines", group, _assigned("lines", group, keys))
    if lines is not None and (orders is None or lines.confidence >= 0.5):
        return [lines]
    return [orders] if orders is not None else []


def _wide_roles(customers: Role) -> list[Role]:
    """The tables that lie in the wide columns of a customers file."""
    profiles = customers.group.profiles
    key = {"customer_id": customers.assigned["customer_id"]}
    found: tuple[tuple[str, Unpivot | None, str], ...] = (
        ("contacts", find_responses(profiles), "a yes-or-no column for each campaign"),
        ("category_spend", find_category_spend(profiles), "a column of money for each category"),
    )
    return [
        Role(table, customers.group, key, min(0.8, customers.confidence), reason, unpivot=unpivot)
        for table, unpivot, reason in found
        if unpivot is not None
    ]


def _one_per_key(roles: Sequence[Role]) -> list[Role]:
    """A column identifies one sort of thing: of two tables with the same key, the one that more columns speak for."""
    best: dict[str, Role] = {}
    for role in roles:
        column = role.column(CONTRACT[role.table].key[0])
        if column not in best or evidence_weight(role) > evidence_weight(best[column]):
            best[column] = role
    return list(best.values())


def _choose(roles: Sequence[Role]) -> list[Role]:
    """The best role for every canonical table, in the order of the contract."""
    chosen: dict[str, Role] = {}
    for table in CONTRACT:
        options = [role for role in roles if role.table == table]
        if table == "statuses":
            options = [_weighed_by_use(role, chosen) for role in options]
        if options:
            chosen[table] = _best(options, chosen)
    if "lines" in chosen and "orders" in chosen and not _belong_together(chosen["lines"], chosen["orders"]):
        del chosen["orders" if chosen["lines"].confidence >= chosen["orders"].confidence - 0.1 else "lines"]
    if "statuses" not in chosen and (derived := _statuses_in(chosen)):
        chosen["statuses"] = derived
    return [chosen[table] for table in CONTRACT if table in chosen]


def _best(options: Sequence[Role], chosen: dict[str, Role]) -> Role:
    """The surest; among equals a file of its own, the file that the purchases come from, the one with more columns."""
    surest = max(role.confidence for role in options)
    used = [role.group for role in chosen.values()]

    def rank(role: Role) -> tuple[bool, bool, int, int, float]:
        together = any(group is role.group for group in used)
        return not role.is_derived, together, len(role.assigned), role.group.n_rows or 0, role.confidence

    return max((role for role in options if role.confidence >= surest - 0.06), key=rank)


def _belong_together(lines: Role, orders: Role) -> bool:
    """Whether the orders are those of the lines; else they would count purchases twice."""
    if lines.group is orders.group:
        return True
    in_lines, in_orders = lines.column("order_id"), orders.column("order_id")
    if not in_lines or not in_orders:
        return False
    return has_link(lines.group.profiles[in_lines], orders.group.profiles[in_orders])


def _weighed_by_use(statuses: Role, chosen: dict[str, Role]) -> Role:
    """Statuses that no purchase refers to are statuses of something else."""
    key = statuses.group.profiles[statuses.column("status_id")]
    for role in (chosen[table] for table in _PURCHASES if table in chosen):
        column = role.column("status_id")
        if column and has_link(role.group.profiles[column], key):
            return statuses
    has_purchases = any(table in chosen for table in _PURCHASES)
    return replace(statuses, confidence=statuses.confidence * 0.45) if has_purchases else statuses


def _statuses_in(chosen: dict[str, Role]) -> Role | None:
    """Where orders say "paid" or "cancelled" in words, those words are the table of statuses."""
    for role in (chosen[table] for table in _PURCHASES if table in chosen):
        status = role.assigned.get("status_id")
        if status is None or role.group.profiles[status.best.column].kind != "category":
            continue
        is_good, is_bad = suggestions.success_words(role.group.profiles[status.best.column].distinct)
        if is_good:
            confidence = min(status.best.score, 0.8 if is_bad else 0.45)
            return Role("statuses", role.group, {"status_id": status}, confidence, "the order's status in words", True)
    return None


# -- what is handed on ------------------------------------------------------------------------------


def _as_guess(role: Role, chosen: Sequence[Role], roles: Sequence[Role]) -> Guess:
    most = 0.99 if role.confidence >= LIKELY else role.confidence  # nothing is sure in a table that is a guess
    mapped = tuple(
        Mapped(
            canonical,
            assigned.best.column,
            round(min(assigned.best.score, most), 2),
            ", ".join(assigned.best.reasons),
            assigned.alternatives,
        )
        for canonical, assigned in role.assigned.items()
    )
    order = CONTRACT[role.table].names
    dates = {column.name for column in CONTRACT[role.table].columns if column.kind in ("instant", "date")}
    mapped = tuple(sorted(mapped, key=lambda one: order.index(one.canonical)))
    siblings = [other for other in chosen if other.group is role.group]
    others = [other for other in roles if other.table == role.table and other.group is not role.group]
    further = suggestions.further(role, siblings)
    return Guess(
        table=role.table,
        sources=role.group.sources,
        columns=mapped,
        confidence=round(role.confidence, 2),
        reason=role.reason,
        further=further,
        unpivot=role.unpivot,
        basket=role.basket,
        reader=role.group.reader,
        exclude=suggestions.exclude_rules(role),
        success=suggestions.success_ids(role),
        codes=suggestions.codes(role),
        left_out=suggestions.left_out(role, chosen, roles, further) if role is siblings[0] else (),
        other_sources=tuple(dict.fromkeys(source for other in others for source in other.group.sources)),
        dates=tuple((one.column, role.group.profiles[one.column].dates) for one in mapped if one.canonical in dates),
        notes=suggestions.number_notes(role),
    )


def _unused(groups: Sequence[FileGroup], chosen: Sequence[Role], roles: Sequence[Role]) -> tuple[Unused, ...]:
    unused: list[Unused] = []
    for group in groups:
        if any(role.group is group for role in chosen):
            continue
        could_be = [role for role in roles if role.group is group]
        reason = "its columns fit none of the tables"
        if could_be:
            best = max(could_be, key=lambda role: role.confidence)
            taken = next((role.group.sources[0] for role in chosen if role.table == best.table), "")
            reason = f"could be {best.table} too" + (f", but {taken} fits better" if taken else "")
            if best.table in _PURCHASES and not taken:
                reason = f"could be {best.table} too, but purchases are taken from another file and would count twice"
        unused += [Unused(source, reason) for source in group.sources]
    return tuple(unused)
