"""The live cards: key figures and charts that are added up again from the cube whenever a filter changes.

A chart by a label heeds every filter but its own, so that the other values stay there to be chosen. What its marks
look like is fixed; only their values change, which is why a click is answered at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.questions import Condition
from regulars.core.result import ColumnInfo, Table
from regulars.core.units import MISSING, write
from regulars.present.dashboard.filters import (
    MEASURES,
    NOUNS,
    OTHERS,
    SALE,
    TITLES,
    UNKNOWN,
    Filters,
    first_day,
    last_day,
    month_text,
)  # fmt: skip
from regulars.present.words import write_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.chart import ChartKind
    from regulars.core.questions import Test
    from regulars.core.units import Unit
    from regulars.present.dashboard.filters import Choices
    from regulars.present.dashboard.saved_run import SavedRun

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
USUAL_MONTHS = 12
_SHOWN = 14
"""Bars of a chart; the table has them all."""
_FIRST_DAYS = 3
"""Data that begin this far into a month are taken to cover it."""


@dataclass(frozen=True)
class KeyFigure:
    """One figure beside its value in the period before."""

    title: str
    text: str
    before: str
    change: str
    is_good: bool | None
    meaning: str


@dataclass(frozen=True)
class LiveRow:
    """A row of a live card: label, value as number and text, its share, and the address that choosing it leads to."""

    label: str
    value: float | None
    text: str
    share: str
    is_on: bool
    is_partial: bool
    go: str


@dataclass(frozen=True)
class LiveCard:
    """A chart with its table, added up from the cube under the filters, the orders it rests on and its query."""

    name: str
    kind: ChartKind
    title: str
    subtitle: str
    heading: str
    value_heading: str
    meaning: str
    unit: Unit
    rows: tuple[LiveRow, ...]
    is_filter: bool
    has_shares: bool
    total: str = ""
    n: int = 0
    queries: tuple[str, ...] = ()

    @property
    def noun(self) -> str:
        """What the rows are, within a sentence."""
        return NOUNS.get(self.name, self.heading.lower())

    @property
    def is_broad(self) -> bool:
        """Whether it needs the whole width."""
        return self.kind == "line"

    @property
    def height(self) -> int:
        """How high it is, roughly: its rows."""
        return len(self.drawn)

    @property
    def drawn(self) -> list[dict[str, Any]]:
        """The rows as a chart reads them."""
        shown = self.rows if self.kind == "line" else self.rows[:_SHOWN]
        return [
            {
                "place": place, "label": one.label, "value": one.value, "text": one.text, "on": one.is_on,
                "partial": one.is_partial, "go": one.go,
            }
            for place, one in enumerate(shown)
        ]  # fmt: skip

    @property
    def more(self) -> int:
        """Rows that only the table has."""
        return len(self.rows) - len(self.drawn)


@dataclass(frozen=True)
class _Sums:
    """The measure by group, how many orders it rests on, and the query."""

    by_group: dict[Any, float | None]
    orders: int
    query: str


@dataclass(frozen=True)
class Live:
    """What the first page adds up."""

    figures: tuple[KeyFigure, ...]
    period: str
    before: str
    cards: tuple[LiveCard, ...]


class LiveBoard:
    """Adds up the live cards of one run.

    Args:
        run: The run.
        there: What there is to choose from.
    """

    def __init__(self, run: SavedRun, there: Choices) -> None:
        self._run = run
        self._there = there
        self._currency = run.currency

    def live(self, filters: Filters) -> Live:
        """Everything, under the filters."""
        now, before = self._windows(filters)
        return Live(
            figures=self._figures(filters, now, before),
            period=_span(now),
            before=self._before(before) if before else "",
            cards=tuple(self.card(name, filters) for name in self.names),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The cards there are."""
        if not self._there.months:
            return ()
        sizes = {name: min(len(values), _SHOWN) for name, values in self._there.labels.items()} | {"weekdays": 7}
        return ("months", *sorted(sizes, key=lambda name: -sizes[name]))  # those of like height lie beside each other

    def card(self, name: str, filters: Filters) -> LiveCard:
        """One card, under the filters."""
        if name == "months":
            return self._months(filters)
        return self._weekdays(filters) if name == "weekdays" else self._labels(name, filters)

    def measure(self, filters: Filters) -> str:
        """The measure that is shown."""
        return filters.measure or self._there.measures[0]

    # -- key figures --------------------------------------------------------------------------------

    def _windows(self, filters: Filters) -> tuple[tuple[str, str], tuple[str, str] | None]:
        """The months that the key figures are of, and as many before them where the data reach back that far."""
        months = self._there.months
        if filters.start or filters.end:
            start, end = filters.start or months[0], filters.end or months[-1]
        else:
            whole = [month for month in months if not self._is_partial(month)] or list(months)
            count = min(USUAL_MONTHS, max(1, len(whole) // 2))
            start, end = whole[-count], whole[-1]
        place = months.index(start)
        count = months.index(end) - place + 1
        return (start, end), ((months[place - count], months[place - 1]) if place >= count else None)

    def _before(self, window: tuple[str, str]) -> str:
        """The period before in words, with the months that had no sale at all."""
        empty = sum(window[0] <= month <= window[1] for month in self._there.empty_months)
        return f"{_span(window)}{f', {empty} of its months without any sale' if empty else ''}"

    def _is_partial(self, month: str) -> bool:
        """Whether the data hold only a part of a month, because they begin or end within it."""
        view = self._run.view
        begins, ends = view.data_from, max((day for day in (view.data_to, view.as_of) if day), default=None)
        return bool(
            (begins and month_text(begins) == month and begins.day > _FIRST_DAYS) or (ends and ends < last_day(month))
        )

    def _figures(self, filters: Filters, now: tuple[str, str], before: tuple[str, str] | None) -> tuple[KeyFigure, ...]:
        values = self._figure_values(filters, now)
        earlier = self._figure_values(filters, before) if before else {}
        told: tuple[tuple[str, str, Unit, str], ...] = (
            ("revenue", "Revenue", "money", "Money of the sales."),
            ("orders", "Orders", "orders", "Sales; attempts that failed do not count."),
            ("customers", "Customers", "customers", "Distinct customers with a sale."),
            ("new", "New customers", "customers", "Customers whose first sale ever was in the period."),
            ("revenue_per_order", "Revenue per order", "money", "Revenue divided by orders."),
            ("orders_per_customer", "Orders per customer", "", "Orders divided by distinct customers."),
        )
        return tuple(
            self._figure(title, unit, values[name], earlier.get(name), meaning)
            for name, title, unit, meaning in told
            if name in values
        )

    def _figure_values(self, filters: Filters, window: tuple[str, str]) -> dict[str, float | None]:
        reader = self._run.reader
        own = replace(filters, start=window[0], end=window[1])
        sums = ["orders", *(["revenue"] if "revenue" in reader.kinds("days") else [])]
        total = reader.totals("days", own.order_tests(), sums=sums).to_pylist()[0]
        tests: list[Test] = [SALE, *own.order_tests()]
        customers = reader.totals("orders", tests, distinct=["customer_key"]).to_pylist()[0]["distinct_customer_key"]
        orders = total["orders"] or 0.0
        values: dict[str, float | None] = {"orders": orders, "customers": float(customers)}
        if "revenue" in total:
            revenue = total["revenue"] or 0.0
            values |= {"revenue": revenue, "revenue_per_order": revenue / orders if orders else None}
        if "first_day" in reader.kinds("orders"):
            first = replace(own, start="", end="").order_tests()
            values["new"] = self._new(window, [SALE, *first])
        values["orders_per_customer"] = orders / customers if customers else None
        return values

    def _new(self, window: tuple[str, str], tests: Sequence[Test]) -> float:
        """Distinct customers whose first order fell into the window, with a sale in it that heeds the other filters."""
        span = (first_day(window[0]), last_day(window[1]))
        within: list[Test] = [Condition(name, "between", span) for name in ("first_day", "day")]
        rows = self._run.reader.totals("orders", [*tests, *within], distinct=["customer_key"])
        return float(rows["distinct_customer_key"][0].as_py())

    def _figure(self, title: str, unit: Unit, value: float | None, before: float | None, meaning: str) -> KeyFigure:
        change, is_good = MISSING, None
        if value is not None and before:
            change = write(value / before - 1, "change_share")
            is_good = None if value == before else value > before
        text = write_short(value, unit, self._currency) if value is not None else MISSING
        earlier = write_short(before, unit, self._currency) if before is not None else MISSING
        return KeyFigure(title, text, earlier, change, is_good, meaning)

    # -- cards --------------------------------------------------------------------------------------

    def _sums(self, by: str, filters: Filters, without: str) -> _Sums:
        """The measure by group, under every filter but one."""
        measure, tests = self.measure(filters), filters.order_tests(without)
        reader = self._run.reader
        if measure == "customers":
            asked: dict[str, Any] = {"where": [SALE, *tests], "by": [by], "distinct": ["customer_key"]}
            rows = reader.totals("orders", **asked).to_pylist()
            found: dict[Any, float | None] = {one[by]: float(one["distinct_customer_key"]) for one in rows}
            return _Sums(found, sum(one["rows"] for one in rows), reader.totals_text("orders", **asked))
        asked = {
            "where": tests,
            "by": [by],
            "sums": ["orders", *(["revenue"] if measure.startswith("revenue") else [])],
        }
        rows = reader.totals("days", **asked).to_pylist()
        if measure == "revenue_per_order":
            found = {one[by]: one["revenue"] / one["orders"] if one["orders"] else None for one in rows}
        else:
            found = {one[by]: one[measure] for one in rows}
        return _Sums(found, round(sum(one["orders"] or 0.0 for one in rows)), reader.totals_text("days", **asked))

    def _months(self, filters: Filters) -> LiveCard:
        sums = self._sums("month(day)", filters, "period")
        found = {month_text(day): value for day, value in sums.by_group.items()}
        measure = self.measure(filters)
        title, unit = MEASURES[measure]
        empty = None if measure == "revenue_per_order" else 0.0
        rows = []
        for month in self._there.months:
            value = None if month in self._there.empty_months else found.get(month, empty)
            is_on = (not filters.start or month >= filters.start) and (not filters.end or month <= filters.end)
            go = filters.toggled_month(month).address("/")
            rows.append(self._row(month, value, unit, None, is_on, go, is_partial=self._is_partial(month)))
        best = max((one for one in rows if one.value is not None and not one.is_partial and one.is_on),
                   key=lambda one: one.value or 0.0, default=None)  # fmt: skip
        were = "was" if title.startswith("Revenue") else "were"
        words = f"{title} {were} highest in {best.label}: {best.text}" if best and best.value else f"{title} by month"
        notes = ["hollow: not a whole month"] if any(one.is_partial for one in rows) else []
        notes += ["a gap: no sale at all"] if self._there.empty_months else []
        return self._card("months", "line", words, f"{title} by month", "Month", rows, filters, notes, sums)

    def _labels(self, name: str, filters: Filters) -> LiveCard:
        sums = self._sums(name, filters, name)
        found = sums.by_group
        measure = self.measure(filters)
        title, unit = MEASURES[measure]
        shares = measure in ("revenue", "orders")
        total = sum(value or 0.0 for value in found.values()) if shares else None
        chosen = filters.values(name)
        rows = [
            self._row(label, found.get(label, 0.0), unit, total, not chosen or label in chosen,
                      filters.toggled(name, label).address("/"))
            for label in self._there.labels[name]
        ]  # fmt: skip
        rows.sort(key=lambda one: (one.label == OTHERS, -(one.value or 0.0), one.label))
        lead = next((one for one in rows if one.label not in (OTHERS, UNKNOWN)), rows[0])
        called = f"{TITLES[name]} {lead.label}" if lead.label.isdecimal() else lead.label
        words = f"{title} by {NOUNS[name]}"
        if shares and lead.value:
            words = f"{called}: {lead.share} of {title.lower()}"
        elif lead.value:
            words = f"{title}: {called} comes first with {lead.text}"
        return self._card(name, "bar", words, f"{title} by {NOUNS[name]}", TITLES[name], rows, filters, [], sums, total)

    def _weekdays(self, filters: Filters) -> LiveCard:
        sums = self._sums("weekday(day)", filters, "")
        found = sums.by_group
        title, unit = MEASURES[self.measure(filters)]
        shares = self.measure(filters) in ("revenue", "orders")
        total = sum(value or 0.0 for value in found.values()) if shares else None
        rows = [
            self._row(label, found.get(place, 0.0), unit, total, True, "")
            for place, label in enumerate(WEEKDAYS, start=1)
        ]
        lead = max(rows, key=lambda one: one.value or 0.0)
        words = f"{lead.label} leads with {lead.share or lead.text}" if lead.value else f"{title} by day of the week"
        return self._card(
            "weekdays",
            "bar",
            words,
            f"{title} by day of the week",
            "Day",
            rows,
            filters,
            [],
            sums,
            total,
            is_filter=False,
        )

    def _row(
        self, label: str, value: float | None, unit: Unit, total: float | None, is_on: bool, go: str, *,
        is_partial: bool = False,
    ) -> LiveRow:  # fmt: skip
        text = MISSING if value is None else write_short(value, unit, self._currency)
        share = write((value or 0.0) / total, "share") if total else ""
        return LiveRow(label, value, text, share, is_on, is_partial, go)

    def _card(
        self, name: str, kind: ChartKind, title: str, subtitle: str, heading: str, rows: Sequence[LiveRow],
        filters: Filters, notes: Sequence[str], sums: _Sums, total: float | None = None, *, is_filter: bool = True,
    ) -> LiveCard:  # fmt: skip
        measure, unit = MEASURES[self.measure(filters)]
        heeded = replace(filters, start="", end="") if name == "months" else filters.with_values(name, ())
        words = heeded.words()
        parts = [subtitle, *notes, words or "whole base"]
        meaning = "Exact counts of the data. The chart heeds every filter but its own, so that others can be chosen."
        return LiveCard(
            name, kind, title, "; ".join(parts), heading, measure, meaning, unit, tuple(rows), is_filter,
            total is not None, write_short(total, unit, self._currency) if total is not None else "",
            sums.orders, (sums.query,),
        )  # fmt: skip


def _span(window: tuple[str, str]) -> str:
    return window[0] if window[0] == window[1] else f"{window[0]} to {window[1]}"


def as_table(card: LiveCard) -> tuple[Chart, Table]:
    """A live card as a chart and its table, for pictures and files."""
    import pyarrow as pa

    data = pa.table(
        {
            "label": pa.array([one.label for one in card.rows], pa.string()),
            "value": pa.array([one.value for one in card.rows], pa.float64()),
            "is_partial": pa.array([one.is_partial for one in card.rows], pa.bool_()),
        }
    )
    infos = (ColumnInfo("label", "text", title=card.heading), ColumnInfo("value", card.unit, title=card.value_heading))
    chart = Chart(
        card.name, card.title, card.subtitle, card.kind, card.name, "value" if card.kind == "bar" else "label",
        "label" if card.kind == "bar" else "value", x_sort="data", is_partial="is_partial",
    )  # fmt: skip
    return chart, Table(card.name, card.title, data, (*infos, ColumnInfo("is_partial", title="Incomplete")))
