"""Columns that hold more than one fact: wide columns to be made long, and product lists inside a cell."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from regulars.core.config import BasketColumn, Unpivot
from regulars.intake.guessing.vocabulary import name_score, read_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.intake.guessing.profiles import ColumnProfile

_FIRST_WORD = re.compile(r"[^\W\d_]+?(?=[A-Z_\- .\d]|$)")


def find_category_spend(profiles: Mapping[str, ColumnProfile]) -> Unpivot | None:
    """Three or more columns of money that differ by a category, such as `MntWines` and `MntFruits`."""
    for prefix, columns in _families(profiles, least=3):
        meanings = {meaning for column in columns for meaning in read_name(column).meanings[:1]}
        if meanings <= {"spend", "amount", "sales", "revenue"} and all(
            profiles[column].is_numeric and profiles[column].kind != "boolean" for column in columns
        ):
            return Unpivot(_pattern(prefix, columns, profiles), "category", "amount", prefix)
    return None


def find_responses(profiles: Mapping[str, ColumnProfile]) -> Unpivot | None:
    """Two or more yes-or-no columns, one for each campaign: `AcceptedCmp1`, `AcceptedCmp2`, and a last `Response`."""
    asked = {"accept", "response", "convert", "campaign"}
    for prefix, columns in _families(profiles, least=2):
        if not all(profiles[column].kind == "boolean" for column in columns):
            continue
        meanings = set(read_name(columns[0]).meanings)
        if not (meanings & asked and ("campaign" in meanings or any(column[-1].isdigit() for column in columns))):
            continue
        single = [
            name
            for name, profile in profiles.items()
            if name not in columns
            and profile.kind == "boolean"
            and read_name(name).meanings in (("response",), ("accept",))
        ]
        return Unpivot((*_pattern(prefix, columns, profiles), *single), "campaign_id", "responded", prefix)
    return None


def unpivoted(unpivot: Unpivot | None, columns: Sequence[str]) -> frozenset[str]:
    """The columns that an unpivot takes."""
    if unpivot is None:
        return frozenset()
    return frozenset(column for column in columns if any(fnmatchcase(column, one) for one in unpivot.columns))


def _families(profiles: Mapping[str, ColumnProfile], least: int) -> list[tuple[str, list[str]]]:
    """Columns whose names begin alike, with the longest beginning that ends at a word."""
    families: dict[str, list[str]] = defaultdict(list)
    for name in profiles:
        if match := _FIRST_WORD.match(name):
            families[match[0]].append(name)
    result = [(_common_start(columns), columns) for columns in families.values() if len(columns) >= least]
    return [(prefix, columns) for prefix, columns in result if prefix and prefix not in columns]


def _common_start(columns: Sequence[str]) -> str:
    first, last = min(columns), max(columns)  # what these two share, all between them share
    common = next((first[:end] for end in range(len(first), 0, -1) if last.startswith(first[:end])), "")
    for end in range(len(common), 0, -1):
        if all(_is_word_end(column, end) for column in columns):
            return common[:end]
    return ""


def _is_word_end(name: str, end: int) -> bool:
    before, after = name[end - 1], name[end : end + 1]
    return bool(after) and (not before.isalnum() or after.isupper() or (after.isdigit() and not before.isdigit()))


def _pattern(prefix: str, columns: Sequence[str], profiles: Mapping[str, ColumnProfile]) -> tuple[str, ...]:
    """`Mnt*` where that means just these columns, else each by name."""
    pattern = f"{as_pattern(prefix)}*"
    if unpivoted(Unpivot((pattern,), "", ""), tuple(profiles)) == frozenset(columns):
        return (pattern,)
    return tuple(as_pattern(column) for column in columns)


def as_pattern(name: str) -> str:
    """A name as the pattern that stands for it alone: settings read `*`, `?` and `[` in lists of columns as wildcards.

    >>> as_pattern("Income [EUR]?")
    'Income [[]EUR][?]'
    """
    return re.sub(r"([*?[])", r"[\1]", name)


def find_basket(profiles: Mapping[str, ColumnProfile]) -> BasketColumn | None:
    """A column with a product list in each cell, and which keys of its entries say product, quantity and price."""
    for name, profile in profiles.items():
        entry = _first_entry(profile) if profile.kind == "list" else None
        if entry is None:
            continue
        if entry == {}:
            return BasketColumn(name)
        keys = [str(key) for key in entry]
        product = _best_key("product_id", keys)
        if product:
            return BasketColumn(name, product, _best_key("quantity", keys), _best_key("unit_price", keys))
    return None


def _first_entry(profile: ColumnProfile) -> dict[str, Any] | None:
    """The first object of the first list that can be read; an empty one where cells are maps of product to count."""
    for text in profile.filled[:50]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return value[0]
        if isinstance(value, dict) and value and all(isinstance(one, int | float) for one in value.values()):
            return {}
    return None


def _best_key(canonical: str, keys: Sequence[str]) -> str:
    bare = {"product_id": ("id", "code", "name"), "quantity": ("count", "n"), "unit_price": ()}[canonical]
    scored = [(name_score("lines", canonical, key), -place, key) for place, key in enumerate(keys)]
    best = max(scored, default=(0.0, 0, ""))
    if best[0] >= 0.5:
        return best[2]
    return next((key for key in keys if key.lower() in bare), "")
