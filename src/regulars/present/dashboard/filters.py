"""The filters of a page: read from its address, checked against what the run has, and written back into addresses.

Everything a reader chose stands in the address, so that a link shows another person the same page, and two tabs never
see each other's filters.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from regulars.core.questions import Among, Condition
from regulars.errors import RegularsError, closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from regulars.core.questions import Test
    from regulars.core.units import Unit
    from regulars.present.dashboard.saved_run import SavedRun

TITLES = {
    "segment": "Segment",
    "rfm_segment": "RFM segment",
    "channel": "Channel",
    "store": "Store",
    "campaign": "Campaign",
}
"""The labels that can be filtered by, in the order in which they are shown."""
NOUNS = {name: title if title.isupper() or title.startswith("RFM") else title.lower() for name, title in TITLES.items()}
OTHERS = "all others"
"""The label of everything beyond the labels that the cube names."""
UNKNOWN = "unknown"
"""How cube and tables name the group whose label is missing."""
MEASURES: dict[str, tuple[str, Unit]] = {
    "revenue": ("Revenue", "money"),
    "orders": ("Orders", "orders"),
    "customers": ("Customers", "customers"),
    "revenue_per_order": ("Revenue per order", "money"),
}
SALE = Condition("is_sale", "is", (True,))
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_MOST_VALUES = 50
_LONGEST_VALUE = 200


class RefusedError(RegularsError):
    """What was asked for cannot be answered; `status` is the answer's code, the message says why in plain words."""

    def __init__(self, status: int, message: str, mend: str = "") -> None:
        super().__init__(message, mend=mend or None)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.status, self.message, self.mend or "")


@dataclass(frozen=True)
class Choices:
    """What there is to choose from.

    Args:
        months: The months between the first and the last order, as "2021-03".
        empty_months: Those of them without a single sale.
        labels: Filter → its values, those with the most orders first.
        measures: What can be shown.
    """

    months: tuple[str, ...] = ()
    empty_months: frozenset[str] = frozenset()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    measures: tuple[str, ...] = ()


def choices(run: SavedRun) -> Choices:
    """What a run's cube has to choose from."""
    if not run.has("days"):
        return Choices()
    kinds = run.reader.kinds("days")
    by_month = {one["month(day)"]: one for one in run.reader.totals("days", by=["month(day)"]).to_pylist()}
    months = _months(min(by_month), max(by_month)) if by_month else ()
    labels = {}
    for name in TITLES:
        if name in kinds:
            rows = run.reader.totals("days", by=[name], sums=["orders"]).to_pylist()
            labels[name] = tuple(one[name] for one in sorted(rows, key=lambda one: (-one["orders"], one[name])))
    has_money = "revenue" in kinds
    return Choices(
        months=months,
        empty_months=frozenset(set(months) - {month_text(day) for day in by_month}),
        labels={name: values for name, values in labels.items() if len(values) > 1},
        measures=tuple(name for name in MEASURES if has_money or not name.startswith("revenue")),
    )


def _months(first: date, last: date) -> tuple[str, ...]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return tuple(month_text(first, place) for place in range(count))


def month_text(day: date, later: int = 0) -> str:
    """The month of a day, or one so many months later.

    >>> month_text(date(2021, 11, 5), 2)
    '2022-01'
    """
    number = day.year * 12 + day.month - 1 + later
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def first_day(month: str) -> date:
    """The first day of a month."""
    return date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> date:
    """The last day of a month.

    >>> last_day("2024-02")
    datetime.date(2024, 2, 29)
    """
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, monthrange(year, number)[1])


@lru_cache(4096)
def _encoded(name: str, value: str) -> str:
    """A parameter of an address; kept, because a page writes the same ones a hundred times."""
    return urlencode([(name, value)])


@dataclass(frozen=True)
class Filters:
    """What is chosen: months from and to (either may be ""), values by label, and the measure shown."""

    start: str = ""
    end: str = ""
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    measure: str = ""

    @property
    def is_set(self) -> bool:
        """Whether anything is filtered."""
        return bool(self.start or self.end or self.labels)

    def values(self, name: str) -> tuple[str, ...]:
        """The chosen values of a label; none where it is not filtered."""
        return dict(self.labels).get(name, ())

    def with_values(self, name: str, values: Sequence[str]) -> Filters:
        """The same with other values of one label."""
        labels = {**dict(self.labels), name: tuple(values)}
        return replace(self, labels=tuple((key, labels[key]) for key in TITLES if labels.get(key)))

    def toggled(self, name: str, value: str) -> Filters:
        """The same with one label set to a value alone, or freed of it where it was that already."""
        return self.with_values(name, () if self.values(name) == (value,) else (value,))

    def toggled_month(self, month: str) -> Filters:
        """The same with the period set to one month, or freed where it was that already."""
        if (self.start, self.end) == (month, month):
            return replace(self, start="", end="")
        return replace(self, start=month, end=month)

    def query(self) -> str:
        """The part of an address that says all this, or "" where nothing is chosen."""
        pairs = [("from", self.start), ("to", self.end)]
        pairs += [(name, value) for name, values in self.labels for value in values]
        pairs += [("measure", self.measure)]
        return "&".join(_encoded(*pair) for pair in pairs if pair[1])

    def address(self, path: str) -> str:
        """An address that keeps what is chosen."""
        query = self.query()
        return f"{path}?{query}" if query else path

    # -- as conditions ------------------------------------------------------------------------------

    def period(self) -> list[Test]:
        """The chosen months, as conditions on `day`."""
        tests: list[Test] = []
        if self.start:
            tests.append(Condition("day", "at least", (first_day(self.start),)))
        if self.end:
            tests.append(Condition("day", "at most", (last_day(self.end),)))
        return tests

    def label_tests(self, without: str = "") -> list[Test]:
        """The chosen labels, as conditions on the orders or days; one may be left out."""
        return [Condition(name, "is", values) for name, values in self.labels if name != without]

    def order_tests(self, without: str = "") -> list[Test]:
        """Everything that is chosen, as conditions on the orders or days; one label, or "period", may be left out."""
        return [*([] if without == "period" else self.period()), *self.label_tests(without)]

    def customer_tests(self) -> list[Test]:
        """Everything that is chosen, as conditions on customers: those with a sale that fulfils all of it."""
        if not self.is_set:
            return []
        return [Among("customer_key", "orders", (SALE, *self.order_tests()))]

    def words(self) -> str:
        """What is chosen, to be read."""
        parts = []
        if self.start or self.end:
            parts.append(self.start if self.start == self.end else f"{self.start or 'start'} to {self.end or 'end'}")
        parts += [f"{NOUNS[name]} {' or '.join(values)}" for name, values in self.labels]
        return "; ".join(parts)


def read(pairs: Iterable[tuple[str, str]], there: Choices) -> Filters:
    """The filters of an address; parameters that are not filters are left to others.

    Args:
        pairs: The parameters of the address, in order.
        there: What the run has to choose from.

    Raises:
        RefusedError: A month, a value or a measure is not among what there is.
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if value and (name in TITLES or name in ("from", "to", "measure")):
            found.setdefault(name, []).append(value)
    months = {name: _month(name, found.get(name, []), there) for name in ("from", "to")}
    if months["from"] and months["to"] and months["from"] > months["to"]:
        raise RefusedError(400, "The period ends before it begins.", "choose a later month to end with")
    measure = _one("measure", found.get("measure", []))
    if measure and measure not in there.measures:
        raise RefusedError(400, f"There is no measure {_quoted(measure)}.", closest(measure, there.measures))
    filters = Filters(months["from"], months["to"], measure=measure)
    for name in TITLES:
        filters = filters.with_values(name, _values(name, found.get(name, []), there))
    return filters


def _month(name: str, values: list[str], there: Choices) -> str:
    month = _one(name, values)
    if month and not _MONTH.fullmatch(month):
        raise RefusedError(400, f"{_quoted(month)} is no month.", "write it as in 2021-03")
    if month and month not in there.months:
        span = f"{there.months[0]} to {there.months[-1]}" if there.months else "none"
        raise RefusedError(400, f"The data have no {month}.", f"they have {span}")
    return month


def _one(name: str, values: list[str]) -> str:
    if len(set(values)) > 1:
        raise RefusedError(400, f"The address names several values of {_quoted(name)}.", "name one")
    return values[0] if values else ""


def _values(name: str, values: list[str], there: Choices) -> tuple[str, ...]:
    known = there.labels.get(name, ())
    chosen = tuple(dict.fromkeys(values))
    if len(chosen) > _MOST_VALUES:
        raise RefusedError(400, f"The address names more than {_MOST_VALUES} values of {_quoted(name)}.")
    for value in chosen:
        if value not in known:
            raise RefusedError(400, f"The data have no {NOUNS[name]} {_quoted(value)}.", closest(value, known))
    return chosen


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '…'}”"


def bounded(pairs: Sequence[tuple[str, Any]], most: int = 400, longest: int = 4_000) -> None:
    """Refuse an address with more or longer parameters than any page writes.

    Raises:
        RefusedError: It is.
    """
    if len(pairs) > most or any(len(str(name)) + len(str(value)) > longest for name, value in pairs):
        raise RefusedError(414, "The address is longer than any page of this dashboard writes.", "shorten it")
