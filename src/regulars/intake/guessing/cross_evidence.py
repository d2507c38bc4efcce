"""Evidence that one column alone cannot give: ids found again in another file, and sums that come out.

A sample holds the first rows of a file only, so ids that are missing in it prove nothing; ids that are there do.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT
from regulars.intake.guessing.candidates import Candidate
from regulars.intake.guessing.vocabulary import read_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.intake.guessing.candidates import FileGroup
    from regulars.intake.guessing.profiles import ColumnProfile

KEY_OF: dict[str, str] = {
    "customer_id": "customers",
    "sponsor_id": "customers",
    "product_id": "products",
    "campaign_id": "campaigns",
    "device_id": "devices",
    "status_id": "statuses",
}
"""Canonical id columns, and the table whose key each refers to."""


@dataclass(frozen=True)
class Key:
    """A column that identifies the rows of a canonical table, and another file where its values are found, if any."""

    table: str
    group: FileGroup
    column: str
    used_in: str = ""

    @property
    def profile(self) -> ColumnProfile:
        """Its values."""
        return self.group.profiles[self.column]


def with_use(keys: Sequence[Key], groups: Sequence[FileGroup]) -> list[Key]:
    """The keys, each with the first other file that uses its values."""
    return [replace(key, used_in=_first_use(key, groups)) for key in keys]


def _first_use(key: Key, groups: Sequence[FileGroup]) -> str:
    for group in groups:
        if group is not key.group:
            for name, profile in group.profiles.items():
                if not profile.is_key and _overlap(profile, key) >= 0.5:
                    return f"{name} of {group.sources[0]}"
    return ""


def with_links(found: Sequence[Candidate], table: str, group: FileGroup, keys: Sequence[Key]) -> list[Candidate]:
    """The candidates, raised where their values are found in the key they would refer to.

    A column whose name says nothing becomes a candidate only where its values are telling (not 1, 2, 3).
    """
    result = list(found)
    for key in keys:
        if key.group is group or key.table == table:
            continue
        for canonical in _references(table, key.table):
            for name, profile in group.profiles.items():
                weight = _overlap(profile, key)
                if weight:
                    reason = f"its values are found in {key.column} of {key.group.sources[0]}"
                    _raise_or_add(result, canonical, name, weight, reason)
    return result


def _references(table: str, key_table: str) -> tuple[str, ...]:
    return tuple(name for name in CONTRACT[table].names if KEY_OF.get(name) == key_table and name != "sponsor_id")


def _raise_or_add(found: list[Candidate], canonical: str, column: str, weight: float, reason: str) -> None:
    for place, candidate in enumerate(found):
        if candidate.canonical == canonical and candidate.column == column:
            if weight >= 0.5 or candidate.score >= 0.5:
                found[place] = candidate.raised(weight, reason)
            return
    if weight >= 0.5:
        found.append(Candidate(canonical, column, weight, (reason,)))


def _overlap(profile: ColumnProfile, key: Key) -> float:
    """How much it says that values of a column are found in a key, from 0 to 0.6."""
    if profile.kind in ("date", "decimal", "boolean", "band", "list", "empty"):
        return 0.0
    shared = len(profile.distinct & key.profile.distinct)
    share = shared / len(profile.distinct)
    enough = share >= 0.9 if key.group.is_complete else share >= 0.2 and shared >= 10
    if not enough:
        return 0.0
    is_telling = profile.kind != "integer" or (profile.largest or 0) >= 1000
    return 0.6 if is_telling and shared >= 3 else 0.2


def has_link(profile: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two columns have values in common, beyond a few by chance."""
    shared = len(profile.distinct & other.distinct)
    return shared >= 0.5 * min(len(profile.distinct), len(other.distinct)) > 0


def with_sums(found: Sequence[Candidate], profiles: Mapping[str, ColumnProfile]) -> list[Candidate]:
    """The candidates for money, raised where the sums come out and lowered where they cannot.

    amount − discount = paid; quantity × unit price = amount. An amount beside a discount that nothing tells apart from
    the sum after discount is not called sure.
    """
    result = list(found)
    columns = {
        name: [one.column for one in sorted(found, key=lambda one: -one.score) if one.canonical == name]
        for name in ("amount", "discount", "paid", "quantity", "unit_price")
    }
    told = _tell_discount(result, columns, profiles)
    for amount in columns["amount"]:
        told |= _tell_product(result, amount, columns["quantity"][:1], columns["unit_price"][:1], profiles)
    if columns["discount"]:
        unclear = [one for one in result if one.canonical == "amount" and one.column not in told]
        for one in unclear:
            if "gross" not in read_name(one.column).meanings:
                _lower(result, one, 0.8, "before or after the discount is not told")
    return result


def _tell_discount(
    found: list[Candidate], columns: Mapping[str, Sequence[str]], profiles: Mapping[str, ColumnProfile]
) -> set[str]:
    """Which sums are before and which after a discount; the columns of which that is told."""
    told: set[str] = set()
    money = tuple(dict.fromkeys((*columns["amount"], *columns["paid"])))
    for off in columns["discount"]:
        for listed, received in itertools.permutations(money, 2):
            if off not in (listed, received) and _is_difference(*_rows(profiles, listed, off, received)):
                for canonical, column in (("amount", listed), ("discount", off), ("paid", received)):
                    _raise_or_add(found, canonical, column, 0.7, f"{listed} − {off} = {received}")
                told |= {listed, received}
        for column in columns["amount"]:
            if column not in (off, *told) and _is_after_discount(*_rows(profiles, column, off)):
                _move_to_paid(found, column, f"{off} is larger in some rows, so it is what was left")
                told.add(column)
    return told


def _tell_product(
    found: list[Candidate],
    amount: str,
    quantities: Sequence[str],
    prices: Sequence[str],
    profiles: Mapping[str, ColumnProfile],
) -> set[str]:
    """Whether an amount is quantity times price; where it is not, it belongs to the whole order and not to the line."""
    for quantity, price in itertools.product(quantities, prices):
        if len({quantity, price, amount}) < 3:
            continue
        share = _product_share(*_rows(profiles, quantity, price, amount))
        if share is not None and share >= 0.95:
            for canonical, column in (("quantity", quantity), ("unit_price", price), ("amount", amount)):
                _raise_or_add(found, canonical, column, 0.6, f"{quantity} × {price} = {amount}")
            return {amount}
        if share is not None and share < 0.5:
            for one in [one for one in found if (one.canonical, one.column) == ("amount", amount)]:
                _lower(found, one, 0.4, f"not {quantity} × {price}")
    return set()


def _lower(found: list[Candidate], candidate: Candidate, factor: float, reason: str) -> None:
    lowered = replace(candidate, score=candidate.score * factor, reasons=(*candidate.reasons, reason))
    found[found.index(candidate)] = lowered


def _rows(profiles: Mapping[str, ColumnProfile], *columns: str) -> list[tuple[float, ...]]:
    """The numbers of several columns side by side, rows with a gap left out; one list per column."""
    numbers = [profiles[column].numbers for column in columns]
    rows = [row for row in zip(*numbers, strict=False) if None not in row]
    return [tuple(number for number in column if number is not None) for column in zip(*rows, strict=True)] or [
        () for _ in columns
    ]


def _is_difference(listed: Sequence[float], off: Sequence[float], received: Sequence[float]) -> bool:
    if len(listed) < 5 or sum(value != 0 for value in off) < 3:
        return False
    fits = sum(abs(one - two - left) < 0.011 for one, two, left in zip(listed, off, received, strict=True))
    return fits >= 0.95 * len(listed)


def _product_share(quantity: Sequence[float], price: Sequence[float], total: Sequence[float]) -> float | None:
    """Share of the rows in which the product comes out; None where too few rows can show it."""
    if len(quantity) < 5 or sum(value != 1 for value in quantity) < 3:
        return None
    fits = sum(abs(one * two - three) < 0.011 for one, two, three in zip(quantity, price, total, strict=True))
    return fits / len(quantity)


def _is_after_discount(value: Sequence[float], off: Sequence[float]) -> bool:
    """Whether more was taken off than is there, in some rows; discounts are written with either sign."""
    return sum(abs(taken) > left > 0 for left, taken in zip(value, off, strict=True)) >= 2


def _move_to_paid(found: list[Candidate], column: str, reason: str) -> None:
    amounts = [candidate for candidate in found if (candidate.canonical, candidate.column) == ("amount", column)]
    for candidate in amounts:
        found.remove(candidate)
    _raise_or_add(found, "paid", column, max((0.5, *(candidate.score * 0.8 for candidate in amounts))), reason)
