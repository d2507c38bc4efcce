"""The guesser behind `regulars init`: from samples of files to canonical tables, with how sure it is and why.

No engine is needed: names, values and what files have in common are weighed in plain Python over samples of about a
thousand rows. A guess that is called sure must be right; what is not sure is said, so that the user looks there first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT
from regulars.intake.candidates import Assigned, Candidate, FileGroup, assign, candidates, group_files, joined
from regulars.intake.cross_evidence import KEY_OF, Key, has_link, key_use, with_links, with_sums
from regulars.intake.guesses import ExcludeRule, Guess, Guesses, LeftOut, Mapped, Unused
from regulars.intake.profiles import FileSample
from regulars.intake.roles import THINGS, Role, evidence_weight, judge
from regulars.intake.suggestions import currency_seen, exclude_rules, left_out, number_notes, success_ids, traits
from regulars.intake.wide_columns import find_basket, find_category_spend, find_responses, unpivoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.config import BasketColumn, Unpivot

__all__ = ["ExcludeRule", "FileSample", "Guess", "Guesses", "LeftOut", "Mapped", "Unused", "guess"]

_EVENTS = ("lines", "orders", "contacts", "referrals", "category_spend")


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
    tables = tuple(_as_guess(role, chosen, roles) for role in chosen)
    currency, reason = currency_seen([role.group for role in chosen] or list(groups))
    return Guesses(tables, _unused(groups, chosen, roles), currency, reason)


def _find_keys(groups: Sequence[FileGroup]) -> list[Key]:
    """The columns that identify things, by each file alone; ids in other files are then held against them."""
    keys: list[Key] = []
    for group in groups:
        roles = [judge(table, group, _assigned(table, group, [])) for table in THINGS]
        for role in _one_per_key([role for role in roles if role is not None]):
            if not role.is_derived:
                keys.append(Key(role.table, group, role.column(CONTRACT[role.table].key[0])))
    return keys


def _assigned(table: str, group: FileGroup, keys: Sequence[Key]) -> dict[str, Assigned]:
    found = candidates(table, group)
    if table in ("lines", "orders"):
        found = with_sums(_with_only_date(found), group.profiles)
    found = with_links(found, table, group, keys)
    found = _with_use(found, table, group, keys)
    assigned = assign(found)
    return _name_as_key(assigned, table, group) if table in ("products", "campaigns") else assigned


def _with_only_date(found: list[Candidate]) -> list[Candidate]:
    """Where a file has one date only, that is when it happened."""
    dates = [one for one in found if one.canonical == "ordered_at"]
    if len(dates) != 1:
        return found
    return [one.raised(0.4, "the only date") if one is dates[0] else one for one in found]


def _with_use(found: list[Candidate], table: str, group: FileGroup, keys: Sequence[Key]) -> list[Candidate]:
    """A key is surer where another file uses its values."""
    if table not in THINGS:
        return found
    key = CONTRACT[table].key[0]
    own = [one for one in keys if one.group is group and one.table == table]
    result: list[Candidate] = []
    for candidate in found:
        used = [one for one in own if candidate.canonical == key and candidate.column == one.column]
        place = key_use(used[0]) if used else ""
        result.append(candidate.raised(0.5, f"used in {place}") if place else candidate)
    return result


def _name_as_key(assigned: dict[str, Assigned], table: str, group: FileGroup) -> dict[str, Assigned]:
    """Where a product has a name and no id, the name identifies it."""
    key = CONTRACT[table].key[0]
    if key in assigned or "name" not in assigned or not group.profiles[assigned["name"].best.column].is_key:
        return assigned
    name = assigned["name"]
    best = replace(name.best, canonical=key, score=min(name.best.score, 0.8), reasons=("no id, and every name is there once",))
    return {key: Assigned(best, name.alternatives), **{one: kept for one, kept in assigned.items() if one != "name"}}


def _one_per_key(roles: Sequence[Role]) -> list[Role]:
    """A column identifies one sort of thing: of two tables with the same key, the one that more columns speak for."""
    best: dict[str, Role] = {}
    for role in roles:
        column = role.column(CONTRACT[role.table].key[0])
        if column not in best or evidence_weight(role) > evidence_weight(best[column]):
            best[column] = role
    return list(best.values())
