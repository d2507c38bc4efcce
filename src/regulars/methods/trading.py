"""The days of a company and their named periods, read from its data once and alike by every question about time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import missing_extras
from regulars.errors import DataError
from regulars.measures import occasions, trading
from regulars.measures.occasions import CAMPAIGN, CLOSED_KINDS, EXCLUDED_KINDS, Window

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.measures.trading import Trading

_MOST_WINDOWS = 5_000
_AHEAD_DAYS = 800
_YEAR_DAYS = 366
_RARE_SHARE = 0.5


def read(data: Dataset) -> Trading:
    """Sales per day with what each day is: open, closed, left out or not over.

    Raises:
        DataError: There is no sale with a date.
    """
    query = trading.by_day(data.customer_days).order_by("day")
    sums = data.collect(query).to_pydict()
    if not sums["day"]:
        raise DataError("there is no sale with a date", table="orders", mend="check the mapping of ordered_at")
    ends = trading.last_hours(data.orders).order_by("day")
    hours = data.collect(ends).to_pydict()
    first, last = sums["day"][0], max(sums["day"][-1], data.as_of or sums["day"][-1])
    excluded = [*data.settings.dataset.excluded, *_periods(data, EXCLUDED_KINDS)]
    closed = {day for day, _ in holiday_names(data, first, last)} | closed_days(data)
    return trading.trading(
        sums, data.as_of, excluded, closed, dict(zip(hours["day"], hours["hour"], strict=True)), (query, ends)
    )


def closed_days(data: Dataset) -> set[date]:
    """Days that the calendar says are closed, in the past and ahead."""
    return {
        first + timedelta(days=more)
        for first, last in _periods(data, CLOSED_KINDS)
        for more in range((last - first).days + 1)
    }


def holiday_names(data: Dataset, first: date, last: date) -> list[tuple[date, str]]:
    """Public holidays of the country, by the extra `forecast`; none without it or without a country."""
    country = data.settings.dataset.country
    if not country or missing_extras(["forecast"]):
        return []
    import holidays

    years = range(first.year, last.year + 1)
    try:
        found = holidays.country_holidays(country, years=years, language="en_US")
    except NotImplementedError:
        return []
    return sorted((day, name) for day, name in found.items() if first <= day <= last)


def windows(data: Dataset, days: Trading, release_days: int = 14, ahead: int = _AHEAD_DAYS) -> list[Window]:
    """Every named period that touches the data or the days ahead: holidays, calendar, releases, campaigns.

    Args:
        data: Has the tables.
        days: The days there are.
        release_days: How long a product counts as new.
        ahead: Days after the data for which holidays are wanted.
    """
    last = days.days[-1] + timedelta(days=ahead)
    around = timedelta(days=_YEAR_DAYS)  # holidays are known by more years than the data have
    named: dict[date, str] = dict(holiday_names(data, days.first - around, last + around))
    found = occasions.holiday_windows(named)
    found += [one for one in _calendar(data) if one.kind.lower() not in (*CLOSED_KINDS, *EXCLUDED_KINDS)]
    found += _releases(data, days, release_days)
    found += _campaigns(data)
    return sorted(
        (one for one in found if one.last >= days.first and one.first <= last),
        key=lambda one: (one.first, one.last, one.kind, one.name),
    )


def lacks(data: Dataset) -> list[str]:
    """Which named periods the data or the installation lack, in sentences."""
    found = []
    if not data.settings.dataset.country:
        found.append("No country is set, so public holidays are not known: set [dataset] country.")
    elif missing_extras(["forecast"]):
        found.append('Public holidays are not known without the extra: pip install "regulars[forecast]".')
    elif not _knows_country(data.settings.dataset.country):
        found.append(f"The public holidays of {data.settings.dataset.country!r} are not known: use an ISO code.")
    return found


def _knows_country(country: str) -> bool:
    import holidays

    return country in holidays.list_supported_countries()


def _periods(data: Dataset, kinds: tuple[str, ...]) -> list[tuple[date, date]]:
    """Rows of the calendar of some kinds, as (first day, last day)."""
    return [(one.first, one.last) for one in _calendar(data) if one.kind.lower() in kinds]


def _calendar(data: Dataset) -> list[Window]:
    if "calendar" not in data.tables:
        return []
    rows = _rows(data, data.table("calendar"))
    return [
        Window(
            str(row["name"]), str(row.get("kind") or "own period"), row["starts_on"], max(_end(row), row["starts_on"])
        )
        for row in rows
        if row.get("name") and row.get("starts_on")
    ]  # fmt: skip


def _end(row: dict[str, Any]) -> date:
    end: date = row.get("ends_on") or row["starts_on"]
    return end


def _releases(data: Dataset, days: Trading, length: int) -> list[Window]:
    """Releases that are marked in the products, or all where they are rare; each mark is a name."""
    if "products" not in data.tables or "released_on" not in data.table("products").columns:
        return []
    products = data.table("products")
    marks = [name for name in products.columns if products[name].type().is_boolean() or name in _marks(data, products)]
    rows = products.filter(products.released_on >= days.first).select("released_on", *marks).distinct()
    found = _rows(data, rows)
    if marks:
        named = {mark: [row["released_on"] for row in found if _is_yes(row[mark])] for mark in marks}
    else:
        named = {"": [row["released_on"] for row in found]}
    result = []
    for mark, released in named.items():
        one = occasions.release_windows(sorted(set(released)), f"release of a {mark}" if mark else "release", length)
        within = sum(window.length for window in one if window.first <= days.days[-1])
        if within <= _RARE_SHARE * len(days.state):
            result += one
    return result


def _marks(data: Dataset, products: ir.Table) -> set[str]:
    """Further columns of text that only say yes or no."""
    known = {"product_id", "name", "category", "brand", "cost", "released_on"}
    texts = [name for name in products.columns if name not in known and products[name].type().is_string()]
    found = set()
    for name in texts:
        values = products.select(value=products[name].lower()).distinct().limit(4)
        words = {row["value"] for row in data.collect(values, 4).to_pylist()} - {None, ""}
        if words and words <= {"true", "false", "yes", "no", "1", "0", "t", "f", "y", "n"}:
            found.add(name)
    return found


def _is_yes(value: object) -> bool:
    return value is True or str(value).lower() in ("true", "yes", "1", "t", "y")


def _campaigns(data: Dataset) -> list[Window]:
    if "campaigns" not in data.tables or "starts_on" not in data.table("campaigns").columns:
        return []
    rows = _rows(data, data.table("campaigns"))
    return [
        Window(f"campaign {row.get('name') or row['campaign_id']}", CAMPAIGN, row["starts_on"], _end(row))
        for row in rows
        if row.get("starts_on") and _end(row) >= row["starts_on"]
    ]


def _rows(data: Dataset, table: ir.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data.collect(table, _MOST_WINDOWS).to_pylist()
    return sorted(rows, key=lambda row: str(sorted((key, str(value)) for key, value in row.items())))
