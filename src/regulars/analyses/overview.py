"""Overview: how the business is doing, and whether that is more or less than before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError
from regulars.measures import cohorts, key_figures, overview_tables, periods
from regulars.measures.key_figures import CUSTOMERS, PEOPLE, RATIOS, SHARES, SUMS, TOTALS
from regulars.models import intervals
from regulars.models.changes import PeriodSums

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.core.units import Unit
    from regulars.measures.key_figures import Figure
    from regulars.models.changes import Change

_ALPHA = 0.05


@dataclass(frozen=True)
class Overview(Analysis):
    """Key figures of the last whole period beside the period before and the same period last year.

    Args:
        period: Which periods are compared.
    """

    title = "Overview"
    question = "How is the business doing, against the period before and the same period last year?"
    chapter = "customers"
    order = 0

    period: Literal["month", "quarter", "year"] = "month"

    def run(self, data: Dataset) -> Result:
        """Key figures and what they were month by month; where there are no orders, what there is instead."""
        if data.summaries.missing("orders"):
            return self._without_orders(data)
        whole = _Whole(data)
        tables, charts, findings, caveats = [whole.table()], [], whole.findings(), whole.caveats()
        if data.summaries.missing("customer_days"):
            caveats.append(Caveat("The orders have no dates, so nothing can be said over time: map ordered_at."))
        else:
            months = _Months(data, whole)
            comparison = _Comparison(data, months, self.period)
            tables = [*comparison.tables(), *tables, months.table]
            charts = months.charts()
            findings += comparison.findings()
            caveats += comparison.caveats() + months.caveats()
        return self.result(
            tables=tuple(tables),
            charts=tuple(charts),
            findings=tuple(findings),
            caveats=tuple(caveats),
            definitions=_definitions(data),
        )

    def _without_orders(self, data: Dataset) -> Result:
        """What there is of customers who are known by their profiles alone."""
        parts = [part for part in (_traits(data), _categories(data), _campaigns(data)) if part is not None]
        return self.result(
            tables=tuple(part.table for part in parts),
            charts=tuple(part.chart for part in parts if part.chart is not None),
            findings=tuple(part.finding for part in parts if part.finding is not None),
            caveats=(Caveat("The data have no orders: what customers are is told, not what they do."),),
            definitions={"customer": "A row of the customers table."},
        )


# -- all the data -------------------------------------------------------------------------------------


class _Whole:
    """The whole data: totals of all customers, and of attempts where statuses are mapped.

    Raises:
        DataError: There is no sale.
    """

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.queries: list[ir.Table] = [key_figures.whole_base(data.customers)]
        if _has_attempts(data):
            self.queries.append(key_figures.attempts(data.orders))
        rows = [_first_row(data, query) for query in self.queries]
        self.base = {name: value for row in rows for name, value in row.items() if value is not None}
        if not self.base.get("customers"):
            tried = self.base.get("attempts", 0)
            raise DataError(
                f"none of {write_count(tried, 'orders')} is a sale" if tried else "there is no sale",
                table="orders",
                mend="check the mapping, and which statuses are successes",
            )
        self.has_revenue = "revenue" in self.base
        self.repeat_interval = _share_interval(self.base["repeat_customers"], self.base["customers"])

    def table(self) -> Table:
        """The totals."""
        return overview_tables.totals(self.base, self.repeat_interval, tuple(self.queries))

    def findings(self) -> list[Finding]:
        """Size, repeat customers, and attempts that failed."""
        base = self.base
        customers, orders = int(base["customers"]), int(base["orders"])
        if customers < self.data.min_customers:
            return []
        revenue = base.get("revenue")
        worth = "" if revenue is None else f" worth {write(revenue, 'money', self.data.currency)}"
        size = f"{write_count(customers, 'customers')} placed {write_count(orders, 'orders')}{worth} (exact counts)."
        unit: Unit = "orders" if revenue is None else "money"
        share = base["repeat_customers"] / customers
        again = (
            f"{write(share, 'share')} ({write_interval(*self.repeat_interval, 'share')}) of {customers:,} customers "
            "bought more than once."
        )
        value = float(orders if revenue is None else revenue)
        return [
            Finding("overview.whole", size, value, unit, customers, Evidence("whole"), at_stake=revenue),
            Finding(
                "overview.repeat_customer_share", again, share, "share", customers, Evidence("whole"),
                interval=self.repeat_interval, at_stake=base.get("repeat_revenue"),
            ),
            *self._attempts(),
        ]  # fmt: skip

    def _attempts(self) -> list[Finding]:
        base = self.base
        if "attempts" not in base:
            return []
        attempts, share = int(base["attempts"]), base["successes"] / base["attempts"]
        interval = _share_interval(base["successes"], attempts)
        lost = base.get("failed_revenue")
        would = f"; the others would have added {write(lost, 'money', self.data.currency)} of revenue" if lost else ""
        sentence = (
            f"{write(share, 'share')} ({write_interval(*interval, 'share')}) of {attempts:,} attempts to buy became "
            f"sales{would}."
        )
        return [
            Finding(
                "overview.success_share", sentence, share, "share", attempts, Evidence("whole"),
                n_unit="count", interval=interval, at_stake=lost,
            )
        ]  # fmt: skip

    def caveats(self) -> list[Caveat]:
        """Too few customers, or no money."""
        found = []
        customers = int(self.base["customers"])
        if customers < self.data.min_customers:
            found.append(Caveat(f"Too few for findings: {write_count(customers, 'customers')} with a sale."))
        if not self.has_revenue:
            found.append(Caveat("No order has a value, so nothing is said of money: map paid or amount.", "warning"))
        return found


def _has_attempts(data: Dataset) -> bool:
    return "statuses" in data.tables and "status_id" in data.orders.columns


def _first_row(data: Dataset, query: ir.Table) -> dict[str, Any]:
    rows: list[dict[str, Any]] = data.collect(query, 1).to_pylist()
    return rows[0]


def _share_interval(successes: float, trials: float) -> tuple[float, float]:
    low, high = intervals.share_interval(successes, trials)
    return float(low), float(high)


# -- over time ----------------------------------------------------------------------------------------


class _Months:
    """Sums by day, and by month what cannot be added up from days: the customers who bought."""

    def __init__(self, data: Dataset, whole: _Whole) -> None:
        self.data = data
        self.queries: list[ir.Table] = []
        days = self._collect(key_figures.by_day(data.customer_days))
        self.cover = periods.coverage(days["day"], data.as_of, data.settings.dataset.excluded)
        names = [name for name in SUMS if name in days and (whole.has_revenue or name != "revenue")]
        self.by_day: dict[str, tuple[list[Any], list[Any]]] = {name: (days["day"], days[name]) for name in names}
        new = self._collect(key_figures.new_by_day(data.customers))
        self.by_day["new_customers"] = (new["day"], new["new_customers"])
        if _has_attempts(data):
            tried = self._collect(key_figures.attempts_by_day(data.orders))
            self.by_day |= {name: (tried["day"], tried[name]) for name in tried if name != "day"}
        self.table = self._table()

    def _collect(self, query: ir.Table) -> dict[str, list[Any]]:
        self.queries.append(query)
        columns: dict[str, list[Any]] = self.data.collect(query).to_pydict()
        return columns

    def over(self, name: str, grain: periods.Grain) -> Any:
        """The sum of a column in every period from the first sale to the last."""
        days, values = self.by_day[name]
        return periods.fold(days, values, self.cover.numbers(grain), grain)

    def _table(self) -> Table:
        values = {name: self.over(name, "month") for name in self.by_day}
        values[CUSTOMERS] = self._customers()
        told = key_figures.told([*TOTALS, *RATIOS], self.by_day)
        return overview_tables.monthly(values, told, self.cover, tuple(self.queries))

    def _customers(self) -> Any:
        """Customers who bought, per month."""
        import numpy as np

        numbers, days = self.cover.numbers("month"), self.data.customer_days
        if len(numbers) <= cohorts.MASK_PERIODS:
            masks = self.data.summary("month_masks")
            rows = self._collect(cohorts.active_by_mask(masks, ["cohort"], len(numbers)))
            return np.array([sum(rows[f"active_{place}"]) for place in range(len(numbers))])
        buyers = cohorts.cohorts(self.data.customers, "month")
        rows = self._collect(cohorts.active_by_row(days, buyers, ["cohort"], "month"))
        counts = np.zeros(len(numbers))
        np.add.at(counts, np.array(rows["period"]) - numbers[0], rows["active"])
        return counts

    def charts(self) -> list[Chart]:
        """Revenue, orders and customers by month."""
        money = f"Revenue in {self.data.currency}" if self.data.currency else "Revenue"
        drawn = {"revenue": money, "orders": "Orders", "customers": "Customers who bought"}
        span = f"by month, {self.cover.first:%Y-%m-%d} to {self.cover.last:%Y-%m-%d}"
        return [
            Chart(
                f"{name}_by_month", self._peak(name), f"{words} {span}",
                "line", "monthly", "month", name, is_partial="is_partial",
            )
            for name, words in drawn.items()
            if name != "revenue" or name in self.by_day
        ]  # fmt: skip

    def _peak(self, name: str) -> str:
        """The best whole month, as a title."""
        words = {"revenue": "Revenue was", "orders": "Orders were", "customers": "Customers were"}[name]
        rows = [row for row in self.table.to_arrow().to_pylist() if not row["is_partial"] and row[name] is not None]
        if not rows:
            return words.split(" ", 1)[0]
        best = max(rows, key=lambda row: (row[name], row["month"]))
        value = write(best[name], "money" if name == "revenue" else "count", self.data.currency)
        month = periods.label(periods.number_of(best["month"], "month"), "month")
        return f"{words} highest in {month}: {value}"

    def caveats(self) -> list[Caveat]:
        """Where the data begin, and months that are not whole or not there."""
        cover = self.cover
        found = [Caveat(f"The data begin on {cover.first:%Y-%m-%d}: whoever bought before counts as new at first.")]
        numbers = cover.numbers("month")
        for number in sorted({numbers[0], numbers[-1]}):
            why = cover.why_not_whole(number, "month")
            if why:
                found.append(
                    Caveat(f"{periods.label(number, 'month')} is not whole ({why}) and compared with nothing.")
                )
        missing = cover.without_sales("month")
        if missing:
            names = ", ".join(periods.label(number, "month") for number in missing)
            found.append(Caveat(f"No sale at all in {names}: taken as missing, not as zero.", "warning"))
        return found


# -- beside other periods -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slot:
    """One of the compared periods."""

    role: str
    number: int
    label: str
    sums: PeriodSums


class _Comparison:
    """The last whole period beside the one before and the same one a year ago."""

    def __init__(self, data: Dataset, months: _Months, grain: Literal["month", "quarter", "year"]) -> None:
        self.data = data
        self.grain = grain
        self.months = months
        self.cover = months.cover
        self.figures = key_figures.told((*PEOPLE, *TOTALS, *RATIOS, *SHARES), months.by_day)
        self.roles: dict[int, str] = {}
        last = months.cover.last_whole(grain)
        if last is not None:
            self.roles = {last: f"last whole {grain}", last - 1: f"{grain} before"}
            self.roles.setdefault(last - periods.PER_YEAR[grain], f"same {grain} last year")
        whole = [number for number in self.roles if self.cover.is_whole(number, grain)]
        self.query = key_figures.sums_of_periods(data.customer_days, grain, whole)
        self.slots = self._slots(whole)
        self.changes: list[tuple[Figure, _Slot, Change]] = [
            (one, other, self.slots[0].sums.change(other.sums, one.kind, one.above, one.below))
            for other in self.slots[1:]
            for one in self.figures
        ]

    def _slots(self, whole: list[int]) -> list[_Slot]:
        if not whole:
            return []
        rows = {row["period"]: row for row in self.data.collect(self.query).to_pylist()}
        start = self.cover.numbers(self.grain)[0]
        slots = []
        for number in whole:
            folded = {name: float(self.months.over(name, self.grain)[number - start]) for name in self.months.by_day}
            sums = folded | {name: float(value) for name, value in rows[number].items() if value is not None}
            sums["returning_customers"] = sums[CUSTOMERS] - sums["new_customers"]
            slots.append(_Slot(self.roles[number], number, periods.label(number, self.grain), PeriodSums(sums)))
        return slots

    def tables(self) -> list[Table]:
        """The key figures, and their changes."""
        if not self.slots:
            return []
        rows = [
            {"role": slot.role, "period": slot.label}
            | {one.name: slot.sums.value(one.above, one.below) for one in self.figures}
            for slot in self.slots
        ]
        source = (self.query, *self.months.queries)
        tables = [overview_tables.compared(rows, self.figures, source)]
        if self.changes:
            told = [(figure, f"{other.role}, {other.label}", change) for figure, other, change in self.changes]
            tables.append(overview_tables.changed(told, source))
        return tables

    def findings(self) -> list[Finding]:
        """How the most telling total changed, and the ratios that changed beyond chance."""
        if not self.changes or min(slot.sums.sums[CUSTOMERS] for slot in self.slots) < self.data.min_customers:
            return []
        main = "revenue" if "revenue" in self.months.by_day else "orders"
        totals = [row for row in self.changes if row[0].name == main and row[2].value is not None]
        tested = [row for row in self.changes if row[2].p_value is not None]
        adjusted = intervals.adjusted_p_values([row[2].p_value or 0.0 for row in tested])
        beyond = [row for row, p_value in zip(tested, adjusted, strict=True) if p_value < _ALPHA]
        return [self._of_total(*row) for row in totals] + [self._of_ratio(*row, len(tested)) for row in beyond]

    def _key(self, figure: Figure, other: _Slot) -> str:
        against = f"{self.grain}_before" if other.number == self.slots[0].number - 1 else "year_before"
        return f"overview.{figure.name}_against_{against}"

    def _written(self, slot: _Slot, figure: Figure) -> str:
        return write(slot.sums.value(figure.above, figure.below), figure.unit, self.data.currency)

    def _of_total(self, figure: Figure, other: _Slot, change: Change) -> Finding:
        now = self.slots[0]
        value = change.value or 0.0
        sentence = (
            f"{figure.name.capitalize()} in {now.label} came to {self._written(now, figure)}, "
            f"{write(abs(value), 'share')} {'more' if value >= 0 else 'less'} than in {other.label} (exact counts)."
        )
        difference = now.sums.sums[figure.above] - other.sums.sums[figure.above]
        return Finding(
            self._key(figure, other), sentence, value, "change_share", int(now.sums.sums["order_count"]),
            Evidence("changes", f"figure = {figure.name}, against = {other.label}"), n_unit="orders",
            at_stake=abs(round(difference, 4)) if figure.unit == "money" else None, is_good=value > 0,
        )  # fmt: skip

    def _of_ratio(self, figure: Figure, other: _Slot, change: Change, tested: int) -> Finding:
        now = self.slots[0]
        unit: Unit = "change_points" if change.is_points else "change_share"
        value, low, high = change.value or 0.0, change.low or 0.0, change.high or 0.0
        words = figure.name.replace("_", " ")
        counted = figure.below if figure.kind == "share" else CUSTOMERS
        sentence = (
            f"{words[0].upper()}{words[1:]} was {self._written(now, figure)} in {now.label}, {write(value, unit)} "
            f"({write_interval(low, high, unit)}) against {other.label}; beyond chance among {tested} changes compared."
        )
        return Finding(
            self._key(figure, other), sentence, value, unit, int(now.sums.sums[counted]),
            Evidence("changes", f"figure = {words}, against = {other.label}"),
            n_unit="customers" if counted == CUSTOMERS else "count", interval=(low, high),
        )  # fmt: skip

    def caveats(self) -> list[Caveat]:
        """What the period could not be compared with, and why."""
        if not self.slots:
            return [Caveat(f"The data cover no {self.grain} whole, so none is compared with another.")]
        absent = {number: self.cover.why_not_whole(number, self.grain) for number in self.roles}
        return [
            Caveat(f"{self.slots[0].label} is not compared with {periods.label(number, self.grain)}: {why}.")
            for number, why in absent.items()
            if why
        ]


# -- data without orders ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """One thing that is known of customers without orders."""

    table: Table
    chart: Chart | None = None
    finding: Finding | None = None


def _traits(data: Dataset) -> _Part:
    """How many customers there are, and what is known of them."""
    query = key_figures.known_traits(data.table("customers"))
    known = _first_row(data, query)
    count = known["customer_id"]
    if not count:
        raise DataError("the customers table has no rows", table="customers", mend="name a source with rows")
    sentence = f"{write_count(count, 'customers')} are known by their profiles (an exact count)."
    finding = Finding("overview.customers", sentence, float(count), "customers", count, Evidence("traits"))
    table = overview_tables.traits(count, known, (query,))
    return _Part(table, None, finding if count >= data.min_customers else None)


def _categories(data: Dataset) -> _Part | None:
    """What customers spend on each category."""
    if data.summaries.missing("customer_categories"):
        return None
    query = key_figures.spend_by_category(data.summary("customer_categories"))
    rows = data.collect(query.order_by(query.amount.desc(), query.category)).to_pylist()
    count = int(data.collect(data.customers.count())[0][0].as_py())
    if not rows or not count:
        return None
    amounts, squares = [row["amount"] for row in rows], [row["amount_squares"] for row in rows]
    low, high = intervals.mean_interval(amounts, squares, [count] * len(rows))
    table = overview_tables.categories(rows, count, low, high, (query,))
    whole, top = sum(amounts), rows[0]["category"]
    if whole <= 0:
        return _Part(table)
    share = write(amounts[0] / whole, "share")
    chart = Chart(
        "spend_by_category", f"{top} takes {share} of what customers spend",
        "Mean spend per customer by category, with 95 % intervals", "bar", "category_spend", "category", "mean_amount",
        low="mean_amount_low", high="mean_amount_high", x_sort="value",
    )  # fmt: skip
    spent = write(whole, "money", data.currency)
    finding = Finding(
        "overview.top_category_share", f"{count:,} customers spent {spent}, {share} of it on {top} (exact counts).",
        amounts[0] / whole, "share", count, Evidence("category_spend", f"category = {top}"), at_stake=amounts[0],
    )  # fmt: skip
    return _Part(table, chart, finding if count >= data.min_customers else None)


def _campaigns(data: Dataset) -> _Part | None:
    """How many of the contacted answered, campaign by campaign."""
    if "contacts" not in data.tables:
        return None
    query = key_figures.responses_by_campaign(data.table("contacts"), data.tables.get("campaigns"))
    found = [row for row in data.collect(query).to_pylist() if row["contacts"]]
    named = [{**row, "campaign": str(row.get("name") or row.get("campaign_id") or "unnamed")} for row in found]
    rows = sorted(named, key=lambda row: str(row["campaign"]))
    if not rows or "responses" not in rows[0]:
        return _Part(overview_tables.campaigns(rows, None, None, (query,))) if rows else None
    low, high = intervals.share_interval([row["responses"] for row in rows], [row["contacts"] for row in rows])
    best = max(rows, key=lambda row: (row["responses"] / row["contacts"], row["campaign"]))
    share = write(best["responses"] / best["contacts"], "share")
    chart = Chart(
        "response_by_campaign", f"Campaign “{best['campaign']}” was answered most often: {share}",
        "Responses ÷ contacts, with 95 % intervals", "interval", "campaigns", "response_share", "campaign",
        low="response_share_low", high="response_share_high",
    )  # fmt: skip
    contacts, responses = sum(row["contacts"] for row in rows), sum(row["responses"] for row in rows)
    interval = _share_interval(responses, contacts)
    sentence = (
        f"{write(responses / contacts, 'share')} ({write_interval(*interval, 'share')}) of {contacts:,} contacts were "
        f"answered, over {len(rows)} campaigns."
    )
    finding = Finding(
        "overview.response_share", sentence, responses / contacts, "share", contacts, Evidence("campaigns"),
        n_unit="count", interval=interval,
    )  # fmt: skip
    table = overview_tables.campaigns(rows, low, high, (query,))
    return _Part(table, chart, finding if contacts >= data.min_customers else None)


def _definitions(data: Dataset) -> dict[str, str]:
    terms = {
        "customers": "Customers with at least one sale in the period.",
        "new customers": "Customers whose first sale lies in the period.",
        "returning customers": "Customers of the period who had bought before it began.",
        "repeat customers": "Customers with two sales or more in the whole data.",
        "whole period": (
            "A calendar period from its first day to its last, as far as the data reach; the days without a sale that "
            "are usual here may be missing at its edge."
        ),
    }
    if data.money:
        terms["revenue"] = f"The money of the report: {data.money}."
    if _has_attempts(data):
        terms["attempt"] = "An order whatever its status; it is a sale where the status is a success."
    return terms
