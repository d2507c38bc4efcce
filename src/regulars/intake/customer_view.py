"""The customer view: one row per customer, put together from the summaries and the profile.

The sums that the features are made from are counted here; what a feature is stands in `intake.features`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Feature
from regulars.core.contract import CUSTOMERS
from regulars.intake.features import COUNTS, DECLARED
from regulars.measures import money, time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings
    from regulars.core.units import Unit

SHARED_VALUES = 6
"""So many of the most frequent channels, platforms and payment methods get a share of their own."""


@dataclass(frozen=True)
class Parts:
    """What the view is made from; None for what the data cannot give.

    `keep` computes a part at once, so that grouping and joining need not both be in memory.
    `store_count` is how many stores the days remember as bits; 0 where they do not.
    """

    tables: Mapping[str, ir.Table]
    settings: DatasetSettings
    as_of: date | None
    orders: ir.Table | None
    customer_days: ir.Table | None
    customer_categories: ir.Table | None
    customer_keys: ir.Table | None
    collect: Callable[[ir.Expr, int], Any]
    keep: Callable[[ir.Table, str], ir.Table]
    referral_tree: ir.Table | None = None
    store_count: int = 0


def _generation(year: ir.IntegerValue) -> ir.StringValue:
    """Generations as the Pew Research Center bounds them."""
    import ibis

    bounds = ((1945, "Silent"), (1964, "Boomers"), (1980, "X"), (1996, "Millennials"), (2012, "Z"), (9999, "Alpha"))
    return ibis.cases(*[(year <= last, name) for last, name in bounds])


def build(parts: Parts) -> tuple[ir.Table, list[Feature]]:
    """The view and what its columns are. Grain: one row per customer known from purchases or profiles."""
    sums = _sums(parts)
    profile = _profile(parts)
    joined, extra = _joined(parts, sums, profile)
    if parts.store_count:
        joined = joined.mutate(store_count=_bits(joined.store_mask, parts.store_count))
    columns: dict[str, ir.Value] = {}
    features: list[Feature] = []
    for declared in DECLARED:
        if not set(declared.made_from) <= set(joined.columns):
            continue
        if any(name.endswith("_on") for name in declared.made_from) and parts.as_of is None:
            continue
        value = declared.formula(joined, parts.as_of)
        columns[declared.feature.name] = value.fill_null(0) if declared.feature.name in COUNTS else value
        features.append(declared.feature)
    shares, share_features = _share_columns(joined, extra)
    people, people_features = _people(joined, parts)
    user_id = joined.customer_id if "customer_id" in joined.columns else joined.customer_key
    view = joined.select(customer_key=joined.customer_key, customer_id=user_id, **columns, **shares, **people)
    ids = [
        Feature("customer_key", "id", "number of the customer within this run", "assigned on the way in"),
        Feature("customer_id", "id", "the customer's own id", "as in the data"),
    ]
    return view, [*ids, *features, *share_features, *people_features]


def _bits(mask: ir.IntegerValue, width: int) -> ir.IntegerValue:
    """How many of the lowest bits are set."""
    count = mask & 1
    for place in range(1, width):
        count = count + ((mask >> place) & 1)
    return count


# -- sums per customer ------------------------------------------------------------------------------


def _sums(parts: Parts) -> ir.Table | None:
    """One row per customer with a sale: the sums that the features are made from."""
    if parts.customer_days is not None:
        days = parts.customer_days
        sums = {name: days[name].sum() for name in days.columns if name not in ("customer_key", "day", "store_mask")}
        if parts.store_count:
            sums["store_mask"] = days.store_mask.bit_or()
        return days.group_by("customer_key").aggregate(
            first_ordered_on=days.day.min(),
            last_ordered_on=days.day.max(),
            visit_day_count=days.count(),
            weekend_order_count=time.is_weekend(days.day).ifelse(days.order_count, 0).cast("int32").sum(),
            **sums,
        )
    if parts.orders is None:
        return None
    sales = parts.orders.filter(parts.orders.is_sale)
    sums = {
        name: sales[name].sum() for name in ("quantity", "list_amount", "discount", "revenue") if name in sales.columns
    }
    return sales.group_by("customer_key").aggregate(order_count=sales.count(), **sums)


@dataclass(frozen=True)
class _Mix:
    """A column of the orders whose values get shares: the values, most frequent first."""

    column: str
    values: tuple[str, ...]


def _mix(parts: Parts) -> tuple[ir.Table | None, list[_Mix]]:
    """Counts per customer that need the orders themselves: stores, channels, platforms, payment methods, failures."""
    orders = parts.orders
    if orders is None:
        return None, []
    devices = parts.tables.get("devices")
    if "device_id" in orders.columns and devices is not None and "platform" in devices.columns:
        orders = orders.left_join(devices.select("device_id", "platform"), "device_id").drop("device_id_right")
    counts: dict[str, ir.Value] = {}
    if "store_id" in orders.columns and not parts.store_count:
        counts["store_count"] = orders.store_id.nunique(where=orders.is_sale)
    if "status_id" in orders.columns:
        counts["failed_attempt_count"] = (~orders.is_sale).cast("int64").sum()
    mixes: list[_Mix] = []
    for column in ("channel", "platform", "payment_method"):
        if column in orders.columns:
            values = _frequent(parts, orders, column)
            mixes.append(_Mix(column, values))
            counts |= {
                _counter(column, rank): ((orders[column] == value) & orders.is_sale).cast("int64").sum().fill_null(0)
                for rank, value in enumerate(values)
            }
    online = next((mix.column for mix in mixes if mix.column in ("channel", "platform")), "")
    if online:
        names = [name.casefold() for name in parts.settings.online_channels]
        counts["online_order_count"] = (
            (orders[online].lower().isin(names) & orders.is_sale).cast("int64").sum().fill_null(0)
        )
    if not counts:
        return None, []
    return orders.group_by("customer_key").aggregate(**counts), mixes


def _counter(column: str, rank: int) -> str:
    return f"{column}_count_{rank}"


def _frequent(parts: Parts, orders: ir.Table, column: str) -> tuple[str, ...]:
    known = orders.filter(orders[column].notnull() & orders.is_sale)
    counts = known.group_by(value=known[column].cast("string")).aggregate(rows=known.count())
    top = counts.order_by(counts.rows.desc(), counts.value).limit(SHARED_VALUES)
    return tuple(parts.collect(top, SHARED_VALUES)["value"].to_pylist())


def _variety(parts: Parts) -> ir.Table | None:
    """Categories per customer: how many, and their entropy as ln S − Σ x ln x ÷ S, in one pass."""
    rows = parts.customer_categories
    if rows is None:
        return None
    measure = "revenue" if "revenue" in rows.columns else "quantity"
    rows = rows.filter(rows[measure] > 0)
    value = rows[measure]
    total = value.sum()
    spend = {"category_spend_total": total.round(money.DECIMALS)} if "category_spend" in parts.tables else {}
    return rows.group_by("customer_key").aggregate(
        category_count=rows.category.nunique(),
        category_entropy=(total.ln() - (value * value.ln()).sum() / total).round(9),
        **spend,
    )


def _network(parts: Parts) -> ir.Table | None:
    """Where each customer stands in the network of referrals."""
    tree = parts.referral_tree
    if tree is None:
        return None
    return tree.select("customer_key", "sponsored_count", "downline_count", "referral_generation")


def _with_key(parts: Parts, rows: ir.Table, column: str) -> ir.Table:
    """Rows keyed by the user's customer id, keyed by our number instead."""
    if parts.customer_keys is None:
        return rows.rename(customer_key=column)
    keys = parts.customer_keys.rename(**{column: "customer_id"}) if column != "customer_id" else parts.customer_keys
    return rows.join(keys, column).drop(column)


def _profile(parts: Parts) -> ir.Table | None:
    """The customers table, keyed by our number."""
    customers = parts.tables.get("customers")
    if customers is None:
        return None
    return _with_key(parts, customers.mutate(own_id=customers.customer_id), "customer_id").rename(customer_id="own_id")


def _joined(parts: Parts, sums: ir.Table | None, profile: ir.Table | None) -> tuple[ir.Table, list[_Mix]]:
    """Sums, profile and counts side by side: one row per customer."""
    mix, mixes = _mix(parts)
    counted = {"counts": mix, "variety": _variety(parts), "network": _network(parts)}
    beside = {name: part for name, part in counted.items() if part is not None}
    if sums is not None and (beside or profile is not None):
        sums = parts.keep(sums, "sums")
    joined = _all_known(sums, profile)
    for name, part in beside.items():
        traits = [column for column in part.columns if column != "customer_key" and column in joined.columns]
        joined = joined.drop(*traits)  # a trait cannot take the name of what is computed
        joined = joined.left_join(parts.keep(part, name), "customer_key").drop("customer_key_right")
    if parts.customer_keys is not None:
        joined = joined.drop("customer_id") if "customer_id" in joined.columns else joined
        joined = joined.left_join(parts.customer_keys, "customer_key").drop("customer_key_right")
    elif "customer_id" in joined.columns:
        joined = joined.drop("customer_id")  # its own number is the id
    return joined, mixes


def _all_known(sums: ir.Table | None, profile: ir.Table | None) -> ir.Table:
    """Who bought, or has a profile, or both."""
    if sums is None or profile is None:
        known = profile if sums is None else sums
        assert known is not None  # noqa: S101  there are no data without either
        return known
    both = sums.outer_join(profile, "customer_key")
    key = both.customer_key.coalesce(both.customer_key_right)
    return both.mutate(customer_key=key).drop("customer_key_right")


# -- shares of channels, platforms and payment methods ----------------------------------------------


def _share_columns(joined: ir.Table, mixes: list[_Mix]) -> tuple[dict[str, ir.Value], list[Feature]]:
    import ibis

    columns: dict[str, ir.Value] = {}
    features: list[Feature] = []
    for mix in mixes:
        counts = [joined[_counter(mix.column, rank)] for rank in range(len(mix.values))]
        if not counts:
            continue
        words = mix.column.replace("_", " ")
        most = counts[0] if len(counts) == 1 else ibis.greatest(*counts)
        main = ibis.cases(
            *[((count == most) & (most > 0), value) for count, value in zip(counts, mix.values, strict=True)]
        )
        columns[f"main_{mix.column}"] = main
        features.append(
            Feature(
                f"main_{mix.column}",
                "text",
                f"{words} of most orders",
                f"most frequent {words}; ties go to the commoner one",
            )
        )
        for name, value, count in zip(_slugs(mix), mix.values, counts, strict=True):
            columns[name] = count / joined.order_count.nullif(0)
            features.append(
                Feature(name, "share", f"share of orders by {words} {value}", "orders of that kind ÷ orders")
            )
    return columns, features


def _slugs(mix: _Mix) -> list[str]:
    """Column names from the user's values: letters, digits and underscores only, none twice."""
    names: list[str] = []
    for value in mix.values:
        slug = re.sub(r"[^a-z0-9]+", "_", value.casefold()).strip("_")[:40] or "other"
        name = f"{mix.column}_share_{slug}"
        while name in names:
            name += "_2"
        names.append(name)
    return names


# -- who they are -----------------------------------------------------------------------------------


def _people(joined: ir.Table, parts: Parts) -> tuple[dict[str, ir.Value], list[Feature]]:
    """Age, generation, and the profile columns and traits as they are."""
    columns: dict[str, ir.Value] = {}
    features: list[Feature] = []
    age, year = _age_and_birth_year(joined, parts)
    if age is not None:
        columns["age"] = age
        features.append(Feature("age", "years", "age at the as-of date", "as of − date of birth, whole years"))
    if year is not None:
        columns["generation"] = _generation(year)
        features.append(
            Feature(
                "generation",
                "text",
                "generation by year of birth",
                "Silent ≤ 1945, Boomers ≤ 1964, X ≤ 1980, Millennials ≤ 1996, Z ≤ 2012",
            )
        )
    profile = parts.tables.get("customers")
    for name in profile.columns if profile is not None else ():
        column = CUSTOMERS.column(name)
        if name in columns or name == "customer_id" or name in {feature.name for feature in features}:
            continue
        if name in {declared.feature.name for declared in DECLARED} | {"customer_key"}:
            continue  # a trait cannot take the name of a computed feature; `check` reports it
        columns[name] = joined[name]
        unit: Unit = (
            "money" if column and column.kind == "money" else "date" if column and column.kind == "date" else ""
        )
        features.append(
            Feature(name, unit, column.meaning if column else "as in the customers table", "as in the data")
        )
    return columns, features


def _age_and_birth_year(joined: ir.Table, parts: Parts) -> tuple[ir.Value | None, ir.Value | None]:
    have = set(parts.tables["customers"].columns) if "customers" in parts.tables else set()
    if "birth_date" in have and parts.as_of is not None:
        return (time.days_between(joined.birth_date, parts.as_of) / 365.2425).floor().cast(
            "int64"
        ), joined.birth_date.year()
    if "birth_year" in have and parts.as_of is not None:
        return parts.as_of.year - joined.birth_year, joined.birth_year
    if "age" in have:
        return joined.age, None if parts.as_of is None else (parts.as_of.year - joined.age).floor().cast("int64")
    return None, None
