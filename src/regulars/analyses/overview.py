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
from regulars.measures.key_figures import CUSTOMERS, RATIOS, SUMS, TOTALS, Figure
from regulars.models import changes, intervals
from regulars.models.changes import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.models.changes import Change

_ALPHA = 0.05
_SHARES = (
    Figure("returning_customer_share", "share", "Customers who had bought before ÷ customers who bought.", ""),
    Figure("success_share", "share", "Attempts that became sales ÷ attempts.", ""),
)


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
            tables.append(months.table())
            charts = months.charts()
            comparison = _Comparison(data, months, self.period)
            tables[:0] = comparison.tables()
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
            tables=tuple(table for table, _, _ in parts),
            charts=tuple(chart for _, chart, _ in parts if chart is not None),
            findings=tuple(finding for _, _, finding in parts if finding is not None),
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
        self.query = key_figures.whole_base(data.customers)
        self.base = {name: value for name, value in _first_row(data, self.query).items() if value is not None}
        self.queries: list[ir.Expr] = [self.query]
        if _has_attempts(data):
            attempts = key_figures.attempts(data.orders)
            self.queries.append(attempts)
            self.base |= {name: value for name, value in _first_row(data, attempts).items() if value is not None}
        if not self.base.get("customers"):
            tried = self.base.get("attempts", 0)
            raise DataError(
                f"none of {write_count(tried, 'orders')} is a sale" if tried else "there is no sale",
                table="orders",
                mend="check the mapping, and which statuses are successes",
            )
        low, high = intervals.share_interval(self.base["repeat_customers"], self.base["customers"])
        self.repeat_interval = float(low), float(high)

    @property
    def has_revenue(self) -> bool:
        """Whether any order has a value."""
        return "revenue" in self.base

    def table(self) -> Table:
        """The totals."""
        return overview_tables.totals(self.base, self.repeat_interval, tuple(self.queries))

    def findings(self) -> list[Finding]:
        """Size, repeat customers, and attempts that failed."""
        base, currency = self.base, self.data.currency
        customers, orders = int(base["customers"]), int(base["orders"])
        if customers < self.data.min_customers:
            return []
        revenue = base.get("revenue")
        worth = f" worth {write(revenue, 'money', currency)}" if revenue is not None else ""
        size = f"{write_count(customers, 'customers')} placed {write_count(orders, 'orders')}{worth} (exact counts)."
        share = base["repeat_customers"] / customers
        again = (
            f"{write(share, 'share')} ({write_interval(*self.repeat_interval, 'share')}) of {customers:,} customers "
            "bought more than once."
        )
        value, unit = (float(revenue), "money") if revenue is not None else (float(orders), "orders")
        told = [
            Finding("overview.whole", size, value, unit, customers, Evidence("whole"), at_stake=revenue),  # type: ignore[arg-type]
            Finding(
                "overview.repeat_customer_share", again, share, "share", customers, Evidence("whole"),
                interval=self.repeat_interval, at_stake=base.get("repeat_revenue"),
            ),
        ]  # fmt: skip
        return [*told, *self._attempts()]

    def _attempts(self) -> list[Finding]:
        base = self.base
        if "attempts" not in base:
            return []
        attempts, successes = int(base["attempts"]), int(base["successes"])
        ends = intervals.share_interval(successes, attempts)
        low, high = float(ends[0]), float(ends[1])
        lost = base.get("failed_revenue")
        money = self.data.currency
        would = f"; the others would have added {write(lost, 'money', money)} of revenue" if lost else ""
        sentence = (
            f"{write(successes / attempts, 'share')} ({write_interval(low, high, 'share')}) of {attempts:,} attempts to "
            f"buy became sales{would}."
        )
        return [
            Finding(
                "overview.success_share", sentence, successes / attempts, "share", attempts, Evidence("whole"),
                n_unit="count", interval=(low, high), at_stake=lost,
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


# -- over time ----------------------------------------------------------------------------------------


class _Months:
    """Sums by day, and by month what cannot be added up from days: the customers who bought."""

    def __init__(self, data: Dataset, whole: _Whole) -> None:
        self.data = data
        self.queries: list[ir.Expr] = []
        days = self._collect(key_figures.by_day(data.customer_days))
        self.cover = periods.coverage(days["day"], data.as_of, data.settings.dataset.excluded)
        self.sums = [name for name in SUMS if name in days and (whole.has_revenue or name == "order_count")]
        self.by_day: dict[str, tuple[list[Any], list[Any]]] = {name: (days["day"], days[name]) for name in self.sums}
        new = self._collect(key_figures.new_by_day(data.customers))
        self.by_day["new_customers"] = (new["day"], new["new_customers"])
        if _has_attempts(data):
            tried = self._collect(key_figures.attempts_by_day(data.orders))
            self.by_day |= {name: (tried["day"], tried[name]) for name in tried if name != "day"}

    def _collect(self, query: ir.Table) -> dict[str, list[Any]]:
        self.queries.append(query)
        columns: dict[str, list[Any]] = self.data.collect(query).to_pydict()
        return columns

    def over(self, name: str, grain: periods.Grain) -> Any:
        """The sum of a column in every period from the first sale to the last."""
        days, values = self.by_day[name]
        return periods.fold(days, values, self.cover.numbers(grain), grain)

    def table(self) -> Table:
        """Month by month."""
        values = {name: self.over(name, "month") for name in self.by_day}
        values[CUSTOMERS] = self._customers()
        told = key_figures.told([*TOTALS, *RATIOS], self.sums)
        return overview_tables.monthly(values, told, self.cover, tuple(self.queries))

    def _customers(self) -> Any:
        """Customers who bought, per month."""
        import numpy as np

        numbers, days = self.cover.numbers("month"), self.data.customer_days
        if len(numbers) <= cohorts.MASK_PERIODS:
            masks = cohorts.masks(days, "month", numbers[0], len(numbers))
            rows = self._collect(cohorts.active_by_mask(masks, ["cohort"], len(numbers)))
            return np.array([sum(rows[f"active_{place}"]) for place in range(len(numbers))])
        buyers = cohorts.cohorts(self.data.customers, "month")
        rows = self._collect(cohorts.active_by_row(days, buyers, ["cohort"], "month"))
        counts = np.zeros(len(numbers))
        np.add.at(counts, np.array(rows["period"]) - numbers[0], rows["active"])
        return counts

    def charts(self) -> list[Chart]:
        """Revenue, orders and customers by month."""
        first, last = self.cover.first, self.cover.last
        span = f"by month, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        drawn = [("orders", "Orders"), ("customers", "Customers who bought")]
        if "revenue" in self.sums:
            drawn.insert(0, ("revenue", f"Revenue in {self.data.currency}" if self.data.currency else "Revenue"))
        return [
            Chart(
                f"{name}_by_month", self._peak(name), f"{words} {span}",
                "line", "monthly", "month", name, is_partial="is_partial",
            )
            for name, words in drawn
        ]  # fmt: skip

    def _peak(self, name: str) -> str:
        """The best whole month, as a title."""
        rows = [row for row in self.table().to_arrow().to_pylist() if not row["is_partial"] and row[name] is not None]
        words = {"revenue": "Revenue was", "orders": "Orders were", "customers": "Customers who bought were"}[name]
        if not rows:
            return words.rsplit(" ", 1)[0]
        best = max(rows, key=lambda row: (row[name], row["month"]))
        value = write(best[name], "money" if name == "revenue" else "count", self.data.currency)
        return f"{words} highest in {periods.label(periods.number_of(best['month'], 'month'), 'month')}: {value}"

    def caveats(self) -> list[Caveat]:
        """Months that are not whole or not there, and sales after which the data are silent."""
        found = []
        for number in {self.cover.numbers("month")[0]: 0, self.cover.numbers("month")[-1]: 0}:
            why = self.cover.why_not_whole(number, "month")
            if why:
                found.append(
                    Caveat(f"{periods.label(number, 'month')} is not whole ({why}) and is compared with nothing.")
                )
        missing = self.cover.without_sales("month")
        if missing:
            names = ", ".join(periods.label(number, "month") for number in missing)
            found.append(Caveat(f"No sale at all in {names}: taken as missing, not as zero.", "warning"))
        return found


# -- beside other periods -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Slot:
    """One of the compared periods: its role, its number, and its sums."""

    role: str
    number: int
    label: str
    sums: dict[str, float]

    def total(self, figure: Figure) -> float:
        """The value of a total."""
        return self.sums[figure.above]

    def ratio(self, figure: Figure) -> Estimate:
        """The value of a ratio over customers, and its error."""
        s, below = self.sums, figure.below
        if not s[below]:
            return Estimate(None)
        squares, products = (
            (s[CUSTOMERS], s[figure.above])
            if below == CUSTOMERS
            else (s[f"{below}_squares"], s[f"{figure.above}_by_{below}"])
        )
        error = intervals.ratio_error(
            s[figure.above], s[below], s[f"{figure.above}_squares"], squares, products, s[CUSTOMERS]
        )
        return Estimate(s[figure.above] / s[below], float(error))

    def share(self, figure: Figure) -> tuple[float, float]:
        """A share of counts, as (how many, out of how many)."""
        if figure.name == "success_share":
            return self.sums["successes"], self.sums["attempts"]
        return self.sums[CUSTOMERS] - self.sums["new_customers"], self.sums[CUSTOMERS]


class _Comparison:
    """The last whole period beside the one before and the same one a year ago."""

    def __init__(self, data: Dataset, months: _Months, grain: Literal["month", "quarter", "year"]) -> None:
        self.data = data
        self.grain = grain
        self.cover = months.cover
        self.last = months.cover.last_whole(grain)
        self.totals = [Figure(CUSTOMERS, "customers", "", CUSTOMERS)]
        self.totals += [Figure("new_customers", "customers", "", "new_customers")]
        self.totals += key_figures.told(TOTALS, months.sums)
        self.ratios = key_figures.told(RATIOS, months.sums)
        self.shares = [one for one in _SHARES if one.name != "success_share" or "attempts" in months.by_day]
        self.query: ir.Table | None = None
        self.slots = self._slots(months)
        self.rows = self._changes()

    def _slots(self, months: _Months) -> list[_Slot]:
        if self.last is None:
            return []
        roles = {self.last: f"last whole {self.grain}", self.last - 1: f"{self.grain} before"}
        roles.setdefault(self.last - periods.PER_YEAR[self.grain], f"same {self.grain} last year")
        self.wanted = roles
        whole = [number for number in roles if self.cover.is_whole(number, self.grain)]
        self.query = key_figures.sums_of_periods(self.data.customer_days, self.grain, whole)
        rows = {row["period"]: row for row in self.data.collect(self.query).to_pylist()}
        start = self.cover.numbers(self.grain)[0]
        folded = {name: months.over(name, self.grain) for name in months.by_day if name not in months.sums}
        return [
            _Slot(
                roles[number], number, periods.label(number, self.grain),
                {name: float(value) for name, value in rows[number].items() if value is not None}
                | {name: float(values[number - start]) for name, values in folded.items()},
            )
            for number in whole
        ]  # fmt: skip

    def _changes(self) -> list[tuple[Figure, _Slot, Change]]:
        """Every figure of the last whole period against every other period."""
        found: list[tuple[Figure, _Slot, Change]] = []
        for other in self.slots[1:]:
            now = self.slots[0]
            found += [(one, other, changes.change_of_count(now.total(one), other.total(one))) for one in self.totals]
            for one in self.ratios:
                change = changes.change_of_points if one.unit == "share" else changes.change_of_ratio
                found.append((one, other, change(now.ratio(one), other.ratio(one))))
            found += [(one, other, changes.change_of_share(now.share(one), other.share(one))) for one in self.shares]
        return found

    def _value(self, slot: _Slot, figure: Figure) -> float | None:
        if figure in self.totals:
            return slot.total(figure)
        if figure in self.ratios:
            return slot.ratio(figure).value
        above, below = slot.share(figure)
        return above / below if below else None

    def tables(self) -> list[Table]:
        """The key figures, and their changes."""
        if self.query is None:
            return []
        figures = [*self.totals[2:], *self.ratios, *self.shares]
        rows = [
            {
                "role": slot.role,
                "period": slot.label,
                "customers": int(slot.sums[CUSTOMERS]),
                "new_customers": int(slot.sums["new_customers"]),
                **{figure.name: self._value(slot, figure) for figure in figures},
            }
            for slot in self.slots
        ]
        tables = [overview_tables.compared(rows, figures, (self.query,))]
        if self.rows:
            told = [(figure, f"{other.role}, {other.label}", change) for figure, other, change in self.rows]
            tables.append(overview_tables.changed(told, (self.query,)))
        return tables

    def findings(self) -> list[Finding]:
        """How the most telling total changed, and the ratios that changed beyond chance."""
        if not self.slots or min(slot.sums[CUSTOMERS] for slot in self.slots) < self.data.min_customers:
            return []
        main = next((one for one in self.totals if one.name == "revenue"), None)
        main = main or next(one for one in self.totals if one.name == "orders")
        totals = [row for row in self.rows if row[0] is main and row[2].value is not None]
        tested = [row for row in self.rows if row[2].p_value is not None]
        adjusted = intervals.adjusted_p_values([row[2].p_value or 0.0 for row in tested])
        beyond = [row for row, p_value in zip(tested, adjusted, strict=True) if p_value < _ALPHA]
        return [self._of_total(*row) for row in totals] + [self._of_ratio(*row, len(tested)) for row in beyond]

    def _key(self, figure: Figure, other: _Slot) -> str:
        against = "year_before" if other.number != self.slots[0].number - 1 else f"{self.grain}_before"
        return f"overview.{figure.name}_against_{against}"

    def _of_total(self, figure: Figure, other: _Slot, change: Change) -> Finding:
        now, before = self.slots[0], other
        value = change.value or 0.0
        moved = f"{write(abs(value), 'share')} {'more' if value >= 0 else 'less'} than"
        sentence = (
            f"{figure.name.capitalize()} in {now.label} came to {write(now.total(figure), figure.unit, self.data.currency)}, "
            f"{moved} in {before.label} (exact counts)."
        )
        is_money = figure.unit == "money"
        return Finding(
            self._key(figure, other), sentence, value, "change_share", int(now.sums["order_count"]),
            Evidence("changes", f"figure = {figure.name}, against = {before.label}"), n_unit="orders",
            at_stake=abs(round(now.total(figure) - before.total(figure), 4)) if is_money else None, is_good=value > 0,
        )  # fmt: skip

    def _of_ratio(self, figure: Figure, other: _Slot, change: Change, tested: int) -> Finding:
        now = self.slots[0]
        unit = "change_points" if change.is_points else "change_share"
        value, low, high = change.value or 0.0, change.low or 0.0, change.high or 0.0
        words = figure.name.replace("_", " ")
        sentence = (
            f"{words[0].upper()}{words[1:]} was {write(self._value(now, figure), figure.unit, self.data.currency)} in "
            f"{now.label}, {write(value, unit)} ({write_interval(low, high, unit)}) against {other.label}; beyond chance "
            f"among {tested} changes compared."
        )
        return Finding(
            self._key(figure, other), sentence, value, unit, int(now.sums[CUSTOMERS]),  # type: ignore[arg-type]
            Evidence("changes", f"figure = {words}, against = {other.label}"), interval=(low, high),
        )  # fmt: skip

    def caveats(self) -> list[Caveat]:
        """What the period could not be compared with, and why."""
        if self.last is None:
            return [Caveat(f"The data cover no {self.grain} whole, so none is compared with another.")]
        absent = [number for number in self.wanted if number not in {slot.number for slot in self.slots}]
        return [
            Caveat(
                f"{self.slots[0].label} is not compared with {periods.label(number, self.grain)}: "
                f"{self.cover.why_not_whole(number, self.grain)}."
            )
            for number in absent
        ]


# -- data without orders ------------------------------------------------------------------------------

_Part = tuple["Table", "Chart | None", "Finding | None"]


def _traits(data: Dataset) -> _Part:
    """How many customers there are, and what is known of them."""
    profiles = data.table("customers")
    query = key_figures.known_traits(profiles)
    known = _first_row(data, query)
    count = int(data.collect(profiles.count())[0][0].as_py())
    if not count:
        raise DataError("the customers table has no rows", table="customers", mend="name a source with rows")
    table = overview_tables.traits(count, known, (query,))
    sentence = f"{write_count(count, 'customers')} are known by their profiles (an exact count)."
    finding = Finding("overview.customers", sentence, float(count), "customers", count, Evidence("traits"))
    return table, None, finding if count >= data.min_customers else None


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
    whole = sum(amounts)
    if whole <= 0:
        return table, None, None
    share = amounts[0] / whole
    title = f"{rows[0]['category']} takes {write(share, 'share')} of what customers spend"
    chart = Chart(
        "spend_by_category", title, "Mean spend per customer by category, with 95 % intervals", "bar",
        "category_spend", "category", "mean_amount", low="mean_amount_low", high="mean_amount_high", x_sort="value",
    )  # fmt: skip
    sentence = (
        f"{count:,} customers spent {write(whole, 'money', data.currency)}, {write(share, 'share')} of it on "
        f"{rows[0]['category']} (exact counts)."
    )
    finding = Finding(
        "overview.top_category_share", sentence, share, "share", count, Evidence("category_spend", rows[0]["category"]),
        at_stake=amounts[0],
    )  # fmt: skip
    return table, chart, finding if count >= data.min_customers else None


def _campaigns(data: Dataset) -> _Part | None:
    """How many of the contacted answered, campaign by campaign."""
    if "contacts" not in data.tables:
        return None
    query = key_figures.responses_by_campaign(data.table("contacts"), data.tables.get("campaigns"))
    rows = [{**row, "campaign": row.get("name") or row.get("campaign_id")} for row in data.collect(query).to_pylist()]
    rows = sorted(
        ({**row, "campaign": str(row["campaign"] or "unnamed")} for row in rows), key=lambda row: row["campaign"]
    )
    contacts = sum(row["contacts"] for row in rows)
    if not contacts or "responses" not in rows[0]:
        return (overview_tables.campaigns(rows, None, None, (query,)), None, None) if contacts else None
    low, high = intervals.share_interval([row["responses"] for row in rows], [row["contacts"] for row in rows])
    table = overview_tables.campaigns(rows, low, high, (query,))
    best = max(rows, key=lambda row: (row["responses"] / row["contacts"], row["campaign"]))
    share = write(best["responses"] / best["contacts"], "share")
    chart = Chart(
        "response_by_campaign", f"{best['campaign']} was answered most often: {share}",
        "Responses ÷ contacts, with 95 % intervals", "interval", "campaigns", "response_share", "campaign",
        low="response_share_low", high="response_share_high",
    )  # fmt: skip
    responses = sum(row["responses"] for row in rows)
    ends = intervals.share_interval(responses, contacts)
    sentence = (
        f"{write(responses / contacts, 'share')} ({write_interval(float(ends[0]), float(ends[1]), 'share')}) of "
        f"{contacts:,} contacts were answered, over {len(rows)} campaigns."
    )
    finding = Finding(
        "overview.response_share", sentence, responses / contacts, "share", contacts, Evidence("campaigns"),
        n_unit="count", interval=(float(ends[0]), float(ends[1])),
    )  # fmt: skip
    return table, chart, finding if contacts >= data.min_customers else None


def _definitions(data: Dataset) -> dict[str, str]:
    terms = {
        "customers": "Customers with at least one sale in the period.",
        "new customers": "Customers whose first sale lies in the period.",
        "returning customers": "Customers of the period who had bought before it began.",
        "repeat customers": "Customers with two sales or more in the whole data.",
        "whole period": (
            "A calendar period from its first day to its last, as far as the data reach; the days without a sale that are "
            "usual here may be missing at its edge."
        ),
    }
    if data.money:
        terms["revenue"] = f"The money of the report: {data.money}."
    if _has_attempts(data):
        terms["attempt"] = "An order whatever its status; it is a sale where the status is a success."
    return terms
