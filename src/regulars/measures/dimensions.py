"""What figures can be broken down by, each declared once: of a customer, of an order, or of a product bought.

`available` says which of them the data have; `labelled` gives rows the label of one. A missing label is "unknown", and
shown as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from regulars.core.contract import CUSTOMERS
from regulars.errors import DataError, closest
from regulars.measures import time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset

Grain = Literal["customer", "order", "item"]

UNKNOWN = "unknown"
AGE_BANDS: tuple[tuple[int, str], ...] = (
    (18, "under 18"), (25, "18–24"), (35, "25–34"), (45, "35–44"), (55, "45–54"), (65, "55–64"),
)  # fmt: skip
"""Ages below the number belong to the band; the oldest are "65 and over"."""
OLDEST_BAND = "65 and over"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02d}" for hour in range(24))
YEARS = tuple(str(year) for year in range(1900, 2101))
RELEASE_BANDS = ("before release", "week 1", "week 2", "weeks 3–4", "weeks 5–8", "later")
NEAR_BANDS = ("4–7 days before", "1–3 days before", "on the day", "1–3 days after", "4–7 days after", "other days")
SYSTEMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("iOS", ("iphone", "ipad", "ipod", "ios ")),
    ("macOS", ("macintosh", "macbook", "imac", "mac os")),
    ("Windows", ("windows",)),
    ("Android", ("android", "samsung", "xiaomi", "redmi", "oppo", "vivo", "huawei", "honor", "realme", "oneplus",
                 "motorola", "google pixel", "nokia", "sm-")),
)  # fmt: skip
"""Operating systems by words in the name of a device's model; the first that fits stands, another name says nothing."""
GENERATIONS = ("Silent", "Boomers", "X", "Millennials", "Z", "Alpha")


@dataclass(frozen=True)
class Dimension:
    """Something to break figures down by.

    Args:
        name: Column of a break-down and word of a setting.
        title: What the groups are, in words.
        grain: What has the label: a customer, an order, or an item of an order.
        needs: Columns that must be there: of the customer view, of `orders`, or of `products`; `side.column` names a
            column of a table joined to the orders (`devices.os`).
        label: The label as an expression of rows that have those columns.
        order: Labels in their natural order, where they have one.
        parts: Dimensions whose labels together make the label; see `crossed`.
        instead_of: A dimension that says the same more surely: this one is there only where the data lack that.
    """

    name: str
    title: str
    grain: Grain
    needs: tuple[str, ...]
    label: Callable[[ir.Table], ir.Value]
    order: tuple[str, ...] = ()
    parts: tuple[Dimension, ...] = ()
    instead_of: str = ""


def _column(name: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows[name]


def _age_band(rows: ir.Table) -> ir.Value:
    import ibis

    branches = [(rows.age < upper, label) for upper, label in AGE_BANDS]
    known = ibis.cases(*branches, else_=OLDEST_BAND)
    return ibis.ifelse(rows.age.isnull(), ibis.null("string"), known)


def by_words(text: ir.Value, words: Sequence[tuple[str, Sequence[str]]], other: str | None = None) -> ir.Value:
    """A label by words that stand in a text, in whatever case: the first that fits; missing where the text is.

    Args:
        text: The text.
        words: Label and the words that lead to it.
        other: The label of a text with none of the words.
    """
    import ibis

    plain = text.cast("string").lower()
    branches = []
    for label, some in words:
        has = plain.contains(some[0])
        for word in some[1:]:
            has = has | plain.contains(word)
        branches.append((has, label))
    rest = ibis.null("string") if other is None else ibis.literal(other)
    return ibis.ifelse(plain.isnull(), ibis.null("string"), ibis.cases(*branches, else_=rest))


def _system(rows: ir.Table) -> ir.Value:
    """The operating system, by words in the name of the device's model."""
    return by_words(rows.model, SYSTEMS)


def _weekday(rows: ir.Table) -> ir.Value:
    return rows.ordered_at.date().day_of_week.full_name()


def _hour(rows: ir.Table) -> ir.Value:
    return rows.ordered_at.hour().cast("string").lpad(2, "0")


def _release_distance(rows: ir.Table) -> ir.Value:
    """How long what was bought had been on sale."""
    import ibis

    age = time.days_between(rows.released_on, rows.ordered_at.date())
    bands = ibis.cases((age < 0, RELEASE_BANDS[0]), (age < 7, RELEASE_BANDS[1]), (age < 14, RELEASE_BANDS[2]),
                       (age < 28, RELEASE_BANDS[3]), (age < 56, RELEASE_BANDS[4]), else_=RELEASE_BANDS[5])  # fmt: skip
    return ibis.ifelse(age.isnull(), ibis.null("string"), bands)


def _plain(name: str, title: str, grain: Grain, column: str = "", order: tuple[str, ...] = ()) -> Dimension:
    return Dimension(name, title, grain, (column or name,), _column((column or name).rpartition(".")[2]), order)


DIMENSIONS: tuple[Dimension, ...] = (
    _plain("segment", "segment", "customer"),
    _plain("rfm_segment", "segment by recency, frequency and money", "customer"),
    Dimension(
        "cohort_year", "year of the first order", "customer", ("first_ordered_on",),
        lambda rows: rows.first_ordered_on.year().cast("string"), YEARS,
    ),
    _plain("generation", "generation", "customer", order=GENERATIONS),
    Dimension(
        "age_group", "age", "customer", ("age",), _age_band, (*(label for _, label in AGE_BANDS), OLDEST_BAND)
    ),
    _plain("age_band", "age band, as recorded", "customer"),
    _plain("gender", "gender", "customer"),
    _plain("income_band", "income band", "customer"),
    _plain("city", "city", "customer"),
    _plain("country", "country", "customer"),
    _plain("main_channel", "channel of most orders", "customer"),
    _plain("main_platform", "platform of most orders", "customer"),
    _plain("main_payment_method", "payment method of most orders", "customer"),
    _plain("channel", "channel", "order"),
    _plain("store", "store", "order", "store_id"),
    _plain("payment_method", "payment method", "order"),
    _plain("platform", "platform", "order", "devices.platform"),
    _plain("os", "operating system", "order", "devices.os"),
    Dimension(
        "os_of_model", "operating system by the device's model", "order", ("devices.model",), _system, instead_of="os"
    ),
    _plain("campaign_kind", "kind of promotion", "order", "campaigns.kind"),
    _plain("offer_complexity", "complexity of the offer", "order", "campaigns.complexity"),
    Dimension(
        "release_distance", "time since the release", "order", ("ordered_at", "products.released_on"),
        _release_distance, RELEASE_BANDS,
    ),
    Dimension("weekday", "day of the week", "order", ("ordered_at",), _weekday, WEEKDAYS),
    Dimension("hour", "hour of the day", "order", ("ordered_at",), _hour, HOURS),
    Dimension("year", "year", "order", ("ordered_at",), lambda rows: rows.ordered_at.year().cast("string"), YEARS),
    _plain("category", "category", "item", "products.category"),
    _plain("brand", "brand", "item", "products.brand"),
)  # fmt: skip
"""Every dimension, in the order in which a report shows them."""

_SIDES = {"devices": "device_id", "campaigns": "campaign_id", "products": "product_id"}
"""Tables joined to purchases for a label, and the key they are joined by."""


def find(name: str) -> Dimension:
    """The dimension of that name.

    Raises:
        DataError: There is none; the message has the closest.

    >>> find("weekday").order[:2]
    ('Monday', 'Tuesday')
    """
    for dimension in DIMENSIONS:
        if dimension.name == name:
            return dimension
    raise DataError(
        f"there is no dimension '{name}' to break down by", mend=closest(name, [one.name for one in DIMENSIONS])
    )


def available(data: Dataset, *grains: Grain) -> tuple[Dimension, ...]:
    """The dimensions that the data have, of the grains named (all where none is)."""
    return tuple(
        one for one in DIMENSIONS if one.grain in (grains or ("customer", "order", "item")) and _has(data, one)
    )


def trait(name: str) -> Dimension:
    """A column of the customers table that we have no name for, as a dimension.

    >>> trait("marital_status").title
    'marital status'
    """
    return _plain(name, name.replace("_", " "), "customer")


def traits(data: Dataset) -> tuple[Dimension, ...]:
    """Every column of text of the customers table that we have no name for, as a dimension."""
    if "customers" not in data.tables:
        return ()
    own = data.table("customers").schema()
    known = {name for one in DIMENSIONS for name in one.needs} | set(CUSTOMERS.names)
    names = [name for name, kind in own.items() if kind.is_string() or kind.is_boolean()]
    return tuple(trait(name) for name in names if name not in known and name in data.customers.columns)


def made(name: str, title: str, order: Sequence[str] = (), grain: Grain = "order") -> Dimension:
    """A label that the rows to be broken down bring along as a column of that name.

    >>> made("promotion", "kind of promotion").needs
    ('promotion',)
    """
    return _plain(name, title, grain, order=tuple(order))


def near_days(name: str, title: str, days: Collection[date]) -> Dimension:
    """How far the day of an order lies from the nearest of some days (holidays, launches), before it or after.

    >>> near_days("holiday_distance", "distance to a holiday", [date(2024, 12, 25)]).order[2]
    'on the day'
    """
    reach = ((2, 0, 0), (1, -3, -1), (3, 1, 3), (0, -7, -4), (4, 4, 7))
    bands = [
        (NEAR_BANDS[place], sorted({day + timedelta(days=off) for day in days for off in range(first, last + 1)}))
        for place, first, last in reach
    ]

    def label(rows: ir.Table) -> ir.Value:
        import ibis

        day = rows.ordered_at.date()
        known = ibis.cases(*[(day.isin(list(near)), band) for band, near in bands if near], else_=NEAR_BANDS[-1])
        return ibis.ifelse(day.isnull(), ibis.null("string"), known)

    return Dimension(name, title, "order", ("ordered_at",), label, NEAR_BANDS)


def crossed(one: Dimension, other: Dimension) -> Dimension:
    """Every combination of the groups of two dimensions, as in "2022 · voucher".

    >>> crossed(find("year"), find("campaign_kind")).name
    'year × campaign_kind'
    """
    return Dimension(
        f"{one.name} × {other.name}", f"{one.title} and {other.title}", other.grain, (), _column("group"),
        tuple(f"{left} · {right}" for left in one.order for right in other.order), (one, other),
    )  # fmt: skip


def is_of_customers(dimension: Dimension, rows: ir.Table) -> bool:
    """Whether a customer has one label whatever the row: it is looked up by the customer, not brought by the rows."""
    if dimension.parts:
        return all(is_of_customers(part, rows) for part in dimension.parts)
    return dimension.grain == "customer" and not set(dimension.needs) & set(rows.columns)


def labelled(data: Dataset, rows: ir.Table, dimension: Dimension, name: str = "group") -> ir.Table:
    """The rows with the label of a dimension as a further column of text; missing labels are "unknown".

    Args:
        data: Has the tables that the label is looked up in.
        rows: For a dimension of customers: rows with its column, or with `customer_key` or `customer_id`; of orders:
            rows with the columns of `orders`; of items: rows with `product_id`.
        dimension: What to label by.
        name: Name of the new column.

    Raises:
        DataError: The data do not have that dimension.
    """
    if dimension.parts:
        one, other = (f"{name}_of_{part.name}" for part in dimension.parts)
        both = labelled(data, labelled(data, rows, dimension.parts[0], one), dimension.parts[1], other)
        return both.mutate(**{name: both[one] + " · " + both[other]}).drop(one, other)
    brought = {need.rpartition(".")[2] for need in dimension.needs} <= set(rows.columns)
    if not brought and not _has(data, dimension):
        raise DataError(f"the data have no {dimension.title}", mend=f"map {', '.join(dimension.needs)}")
    needs = tuple(need for need in dimension.needs if need.rpartition(".")[2] not in rows.columns)
    added = list(dict.fromkeys(need.rpartition(".")[2] for need in needs))
    for need in needs:
        rows = _joined(data, rows, dimension, need)
    label = dimension.label(rows).cast("string").nullif("").fill_null(UNKNOWN)
    return rows.mutate(**{name: label}).drop(*[column for column in added if column != name])


def _joined(data: Dataset, rows: ir.Table, dimension: Dimension, need: str) -> ir.Table:
    """The rows with one column more, looked up by its key; rows without a match stay."""
    side, _, column = need.rpartition(".")
    if side:
        key, table = _SIDES[side], data.table(side)
    elif dimension.grain == "customer":
        key = "customer_key" if "customer_key" in rows.columns else "customer_id"
        table = data.customers
    else:
        raise DataError(f"these rows have no '{column}'", mend="break down rows of the orders")
    looked_up = table.select(_label_key=table[key], **{column: table[column]})
    return rows.left_join(looked_up, rows[key] == looked_up._label_key).drop("_label_key")


def _has(data: Dataset, dimension: Dimension) -> bool:
    if dimension.parts:
        return all(_has(data, part) for part in dimension.parts)
    if dimension.instead_of and _has(data, find(dimension.instead_of)):
        return False
    return all(_has_column(data, dimension, need) for need in dimension.needs)


def _has_column(data: Dataset, dimension: Dimension, need: str) -> bool:
    side, _, column = need.rpartition(".")
    if not side and dimension.grain == "customer":
        return column in data.customers.columns
    orders = () if data.summaries.missing("orders") else data.orders.columns
    if not side:
        return column in orders
    of_items = dimension.grain == "item" and not data.summaries.missing("order_items")
    has_key = _SIDES[side] in orders or of_items
    return side in data.tables and column in data.tables[side].columns and has_key
