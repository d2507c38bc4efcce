"""Lifecycle: how many customers are new, come back, wake up or sleep, and how long a next purchase takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import lifecycle, periods
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.periods import Coverage
    from regulars.models.survival import Survival

    Counts = NDArray[np.int64]

_STATES = ("new", "returning", "resurrected", "pausing", "dormant")
_WITHIN_DAYS = (7, 14, 30, 60, 90, 180, 365, 730)
_TOLD_DAYS = 90
_GAP_BANDS = (1, 3, 7, 14, 30, 60, 90, 180, 365)
_CURVE_POINTS = 120
_MOST_MASKS = 5_000_000
"""Different histories of months that are taken in: a few hundred thousand at five million customers."""


@dataclass(frozen=True)
class Lifecycle(Analysis):
    """States of customers per month with the flows between them, the second purchase, and the time between purchases.

    Args:
        patience_months: So many months with sales without an order make a customer dormant. 1 counts everyone who skips
            a month.
        gap_customers: The time between purchases is read from at most about so many customers, chosen by a hash of
            their id.
    """

    title = "Lifecycle"
    question = "How many customers are new, come back, wake up or fall asleep, and when does a second purchase come?"
    chapter = "customers"
    order = 30
    needs = Needs(
        summaries={"customer_days"},
        customers={"first_ordered_on", "last_ordered_on", "visit_day_count", "active_days", "tenure_days"},
    )

    patience_months: int = 3
    gap_customers: int = 100_000

    def __post_init__(self) -> None:
        if not 1 <= self.patience_months <= 24:
            raise SettingsError(
                f"[lifecycle] patience_months = {self.patience_months} is refused", mend="use 1 to 24 months"
            )
        if self.gap_customers < 1:
            raise SettingsError(f"[lifecycle] gap_customers = {self.gap_customers} is refused", mend="use 1 or more")

    def run(self, data: Dataset) -> Result:
        """One row per month with states and flows, the second-purchase curve, and the time between purchases."""
        days = data.collect(data.customer_days.select("day").distinct(), 100_000)["day"].to_pylist()
        if not days:
            raise DataError("there is no sale, so there is no lifecycle", table="orders", mend="check the mapping")
        cover = periods.coverage(days, data.as_of, data.settings.dataset.excluded)
        months = _months(cover, self.patience_months)
        flows = _count(data, months, cover)
        second, second_query = _second(data)
        tables = [flows.table(), flows.buyers(), flows.last_orders]
        tables += [_within(second, second_query), _curve(second, second_query)]
        charts = [_state_chart(flows), _curve_chart(second)]
        gaps = _gaps(data, self.gap_customers)
        if gaps is not None:
            tables.append(gaps.table())
            charts.append(gaps.chart())
        findings = [*flows.findings(data), *_second_findings(second, data), *(gaps.findings(data) if gaps else ())]
        return self.result(
            tables=tuple(tables),
            charts=tuple(charts),
            findings=tuple(findings),
            caveats=tuple(flows.caveats() + ([] if gaps is None else gaps.caveats())),
            definitions=_definitions(self.patience_months),
        )


# -- months -------------------------------------------------------------------------------------------


def _months(cover: Coverage, patience: int) -> lifecycle.Months:
    """The last months with sales that fit into a mask."""
    last = cover.numbers("month")[-1]
    without = set(cover.without_sales("month"))
    origin = max(cover.numbers("month")[0], last - lifecycle.MOST_MONTHS + 1)
    return lifecycle.Months(origin, tuple(one for one in range(origin, last + 1) if one not in without), patience)


@dataclass(frozen=True)
class _Flows:
    """Customers per month by what they do; arrays with one entry per month told."""

    months: lifecycle.Months
    cover: Coverage
    sums: dict[str, Counts]
    known: Counts
    first_place: int
    query: ir.Table
    last_orders: Table

    def column(self, name: str) -> Counts:
        """A state or a flow, as customers per month with sales."""
        s = self.sums
        resurrected = s["active"] - s["new"] - s["returning"]
        pausing = s["alive"] - s["active"]
        before_alive, before_active = _before(s["alive"]), _before(s["active"])
        fell_asleep = before_alive + s["new"] + resurrected - s["alive"]
        skipped = before_active - s["again"]
        columns = {
            "new": s["new"], "returning": s["returning"], "resurrected": resurrected, "pausing": pausing,
            "dormant": self.known - s["alive"], "active": s["active"],
            "new_to_returning": s["second"], "active_to_returning": s["again"] - s["second"],
            "pausing_to_returning": s["returning"] - s["again"], "dormant_to_resurrected": resurrected,
            "active_to_quiet": skipped, "to_dormant": fell_asleep,
        }  # fmt: skip
        return columns[name]

    @property
    def places(self) -> range:
        """The places of the months that are told."""
        return range(self.first_place, len(self.months.numbers))

    def is_partial(self, place: int) -> bool:
        """Whether the data do not cover the month whole."""
        return not self.cover.is_whole(self.months.numbers[place], "month")

    @property
    def last_whole(self) -> int | None:
        """The place of the last whole month that has one before it."""
        whole = [place for place in self.places if not self.is_partial(place) and place > 0]
        return whole[-1] if whole else None

    def table(self) -> Table:
        """One row per month."""
        places = list(self.places)
        columns = Columns()
        starts = [periods.start_of(self.months.numbers[place], "month") for place in places]
        columns.add("month", starts, "month", "Months without any sale are left out.")
        for name, meaning in _MEANINGS.items():
            columns.add(name, self.column(name)[places], "customers", meaning, name.replace("_", " "))
        growth = self.column("new") + self.column("resurrected") - self.column("to_dormant")
        columns.add("net_growth", growth[places], "count", "New + resurrected − fallen asleep.", "net growth")
        columns.add(
            "is_partial", [self.is_partial(place) for place in places], "", "Not covered whole.", "not complete"
        )
        return columns.table(
            "months", "Customers by month and state", source=(self.query,), dimensions=("month",),
            note="Every customer known at the end of a month is in one of the five states.",
        )  # fmt: skip

    def buyers(self) -> Table:
        """One row per month and state of those who bought in it."""
        states = ("new", "returning", "resurrected")
        rows = [(place, state) for place in self.places for state in states]
        columns = Columns()
        starts = [periods.start_of(self.months.numbers[place], "month") for place, _ in rows]
        columns.add("month", starts, "month", "Months without any sale are left out.")
        columns.add("state", [state for _, state in rows], "text", "What those who bought are.")
        columns.add("customers", [int(self.column(state)[place]) for place, state in rows], "customers")
        columns.add("is_partial", [self.is_partial(place) for place, _ in rows], "", "Not covered whole.")
        return columns.table(
            "buyers", "Customers who bought, by month and state", source=(self.query,), dimensions=("month", "state"),
            is_shown=False,
        )  # fmt: skip

    def findings(self, data: Dataset) -> list[Finding]:
        """The balance of the last whole month, and who is dormant after it."""
        place = self.last_whole
        if place is None:
            return []
        value = {name: int(self.column(name)[place]) for name in _MEANINGS}
        number = self.months.numbers[place]
        where = Evidence("months", f"month = {periods.start_of(number, 'month'):%Y-%m}")
        name, known = periods.label(number, "month"), int(self.known[place])
        found = []
        if value["active"] >= data.min_customers:
            net = value["new"] + value["resurrected"] - value["to_dormant"]
            moved = f"grew by {net:,}" if net > 0 else f"shrank by {-net:,}" if net < 0 else "stayed as it was"
            sentence = (
                f"In {name} the base {moved}: {write_count(value['new'], 'customers')} new and "
                f"{value['resurrected']:,} resurrected, while {value['to_dormant']:,} fell asleep."
            )
            is_good = None if net == 0 else net > 0
            found.append(Finding("lifecycle.net_growth", sentence, float(net), "count", known, where, is_good=is_good))
        return found + self._sleepers(number, data)

    def _sleepers(self, number: int, data: Dataset) -> list[Finding]:
        """Who was dormant after a month and has not come back since."""
        since = lifecycle.dormant_since(number, self.months)
        rows = [
            row for row in self.last_orders.to_arrow().to_pylist() if row["month"] <= periods.end_of(since, "month")
        ]
        count = sum(row["customers"] for row in rows)
        if count < data.min_customers:
            return []
        money = round(sum(row["revenue"] or 0.0 for row in rows), 4) if rows and "revenue" in rows[0] else None
        brought = f"; they brought {write(money, 'money', data.currency)} so far" if money is not None else ""
        sentence = (
            f"{write_count(count, 'customers')}, {write(count / int(self.known[-1]), 'share')} of all, are dormant: "
            f"their last order was in {periods.label(since, 'month')} or before{brought}."
        )
        where = Evidence("last_orders", f"month up to {periods.start_of(since, 'month'):%Y-%m}")
        return [
            Finding(
                "lifecycle.dormant", sentence, float(count), "customers", count, where, at_stake=money, is_good=False
            )
        ]

    def caveats(self) -> list[Caveat]:
        """Unfinished, missing and left-out months."""
        found = []
        last = self.months.numbers[-1]
        if not self.cover.is_whole(last, "month"):
            why = self.cover.why_not_whole(last, "month")
            found.append(Caveat(f"{periods.label(last, 'month')} is not whole ({why}): its counts will rise."))
        missing = self.cover.without_sales("month")
        if missing:
            names = ", ".join(periods.label(one, "month") for one in missing)
            found.append(Caveat(f"No sale at all in {names}: skipped, so that it makes nobody dormant.", "warning"))
        if self.first_place:
            first = periods.label(self.months.numbers[self.first_place], "month")
            found.append(Caveat(f"States and flows are told from {first} on; the months before it are too many."))
        begin = f"The data begin on {self.cover.first:%Y-%m-%d}: who had bought before is counted as new."
        return [*found, Caveat(begin)]


_MEANINGS = {
    "new": "First order in the month.",
    "returning": "Bought, and also in one of the months of patience before.",
    "resurrected": "Bought after having been dormant.",
    "pausing": "Did not buy, and is not dormant yet.",
    "dormant": "No order for the months of patience or more.",
    "active": "New + returning + resurrected.",
    "new_to_returning": "New in the month before, bought again.",
    "active_to_returning": "Returning or resurrected in the month before, bought again.",
    "pausing_to_returning": "Paused in the month before, bought again.",
    "dormant_to_resurrected": "Dormant at the end of the month before, bought again.",
    "active_to_quiet": "Bought in the month before, not in this one.",
    "to_dormant": "Became dormant in the month: fell asleep.",
}


def _before(values: Counts) -> Counts:
    import numpy as np

    return np.append(np.zeros(1, dtype=np.int64), values[:-1])


def _count(data: Dataset, months: lifecycle.Months, cover: Coverage) -> _Flows:
    import numpy as np

    from regulars.models.month_masks import count_flows

    is_short = len(cover.numbers("month")) <= lifecycle.MOST_MONTHS
    masks = data.summary("month_masks") if is_short else None
    query = lifecycle.masks(data.customer_days, months) if masks is None else lifecycle.counted(masks)
    rows = data.collect(query, _MOST_MASKS)
    cohort, mask, customers = (rows[name].to_numpy() for name in ("cohort", "mask", "customers"))
    sums = count_flows(cohort, mask, customers, months.origin, months.numbers, months.patience)
    older = int(customers[cohort < months.numbers[0]].sum())
    first_place = months.patience if older else 0  # the states of the first months rest on months without a bit
    known = np.cumsum(sums["new"]) + older
    return _Flows(months, cover, sums, known, min(first_place, len(months.numbers) - 1), query, _last_orders(data))


def _last_orders(data: Dataset) -> Table:
    """One row per month in which customers bought for the last time."""
    query = lifecycle.last_months(data.customers).order_by("number")
    rows = data.collect(query)
    columns = Columns()
    starts = [periods.start_of(number, "month") for number in rows["number"].to_pylist()]
    columns.add("month", starts, "month", "The month of the last order.")
    columns.add("customers", rows["customers"].to_pylist(), "customers", "Customers silent since.")
    if "revenue" in rows.column_names:
        columns.add("revenue", rows["revenue"].to_pylist(), "money", "What they have brought so far.")
    return columns.table(
        "last_orders", "Customers by month of their last order", source=(query,), dimensions=("month",)
    )


def _state_chart(flows: _Flows) -> Chart:
    place = flows.last_whole
    title = "Customers who bought, by month"
    if place is not None and flows.column("active")[place] > 0:
        share = flows.column("new")[place] / flows.column("active")[place]
        name = periods.label(flows.months.numbers[place], "month")
        title = f"{write(float(share), 'share')} of those who bought in {name} were new"
    return Chart(
        "active_customers", title, "Customers with an order, by month and by what they are",
        "area", "buyers", "month", "customers", colour="state", is_partial="is_partial",
    )  # fmt: skip


# -- the second purchase ------------------------------------------------------------------------------


def _second(data: Dataset) -> tuple[Survival, ir.Table]:
    from regulars.models.survival import fit_survival

    query = lifecycle.second_visits(data.customers, data.customer_days).order_by("days")
    rows = data.collect(query)
    return fit_survival(*(rows[name].to_numpy() for name in ("days", "events", "censored"))), query


def _within(second: Survival, query: ir.Table) -> Table:
    told = [(days, *second.at(days)) for days in _WITHIN_DAYS if days <= second.time[-1] or days == _WITHIN_DAYS[0]]
    columns = Columns()
    columns.add("within_days", [one[0] for one in told], "days", "Days since the first order.", "within days")
    columns.add("share", [one[1] for one in told], "share", "With a second day with an order by then.")
    columns.add_interval("share", [one[2] for one in told], [one[3] for one in told], "share")
    columns.add("observed", [int(one[4]) for one in told], "customers", "Still observed without one at that time.")
    return columns.table(
        "second_purchase", "Share of customers who buy a second time, by days since the first order", source=(query,),
        note="Kaplan–Meier: who has not bought again yet counts up to today.",
    )  # fmt: skip


def _curve(second: Survival, query: ir.Table) -> Table:
    import numpy as np

    last = float(second.time[-1])
    step = max(1, int(np.ceil(last / _CURVE_POINTS)))
    told = [(days, *second.at(days)) for days in range(0, int(last) + 1, step)]
    columns = Columns()
    columns.add("days", [one[0] for one in told], "days", "Days since the first order.", "days since the first order")
    columns.add("share", [one[1] for one in told], "share", "With a second day with an order by then.")
    columns.add_interval("share", [one[2] for one in told], [one[3] for one in told], "share")
    return columns.table(
        "second_purchase_curve", "The second purchase over time", source=(query,), dimensions=("days",)
    )


def _curve_chart(second: Survival) -> Chart:
    share = second.at(_TOLD_DAYS)[0]
    return Chart(
        "second_purchase_curve", f"{write(share, 'share')} buy a second time within {_TOLD_DAYS} days",
        "Share of customers with a second day with an order, by days since the first, with 95 % interval",
        "line", "second_purchase_curve", "days", "share", low="share_low", high="share_high",
    )  # fmt: skip


def _second_findings(second: Survival, data: Dataset) -> list[Finding]:
    share, low, high, observed = second.at(_TOLD_DAYS)
    customers = int(second.at_risk[0])
    if customers < data.min_customers or observed < data.min_customers or not low <= share <= high:
        return []
    sentence = (
        f"{write(share, 'share')} of customers ({write_interval(low, high, 'share')}) buy a second time within "
        f"{_TOLD_DAYS} days of their first order."
    )
    year, *_, still = second.at(365)
    if still >= data.min_customers and year > 0:
        early = next(int(t) for t, h in zip(second.time, second.happened, strict=True) if h >= year / 2)
        sentence = (
            sentence[:-1] + f"; half of those who do so within a year have done so after {write_count(early, 'days')}."
        )
    return [
        Finding(
            f"lifecycle.second_purchase_{_TOLD_DAYS}_days", sentence, share, "share", customers,
            Evidence("second_purchase", f"within_days = {_TOLD_DAYS}"), interval=(low, high),
        )
    ]  # fmt: skip


# -- the time between purchases -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Gaps:
    """How many pairs of visits in a row lie so many days apart."""

    days: Any
    visits: Any
    customers: int
    read_share: float
    query: ir.Table

    @property
    def median(self) -> float:
        """Half of the gaps are at most this."""
        from regulars.models.survival import weighted_quantiles

        return float(weighted_quantiles(self.days, self.visits, [0.5])[0])

    def table(self) -> Table:
        """One row per band of gaps."""
        import numpy as np

        place = np.searchsorted(_GAP_BANDS, self.days)
        counts = np.bincount(place, self.visits, len(_GAP_BANDS) + 1).astype(int)
        lower = (0, *_GAP_BANDS)
        names = [
            f"{low + 1}–{high}" if high > low + 1 else str(high) for low, high in zip(lower, _GAP_BANDS, strict=False)
        ]
        columns = Columns()
        columns.add(
            "gap_days",
            [*names, f"over {_GAP_BANDS[-1]}"],
            "text",
            "From one day with an order to the next.",
            "days since the one before",
        )
        columns.add("visits", counts, "count", "Pairs of visits in a row.")
        columns.add("visit_share", counts / counts.sum(), "share", "Share of all pairs.", "share of purchases")
        columns.add("cumulative_share", counts.cumsum() / counts.sum(), "share", "Up to the upper end of the band.")
        return columns.table(
            "gaps", "Days between one purchase and the next", source=(self.query,),
            note="Gaps that have ended; who has not come back yet is in the second-purchase curve only.",
        )  # fmt: skip

    def chart(self) -> Chart:
        """The bands, in order."""
        return Chart(
            "gaps", f"Half of all repeat purchases come within {write_count(self.median, 'days')}",
            "Share of purchases by days since the one before", "column", "gaps", "gap_days", "visit_share",
            x_sort="data",
        )  # fmt: skip

    def findings(self, data: Dataset) -> list[Finding]:
        """The median and the upper quarter."""
        from regulars.models.survival import weighted_quantiles

        if self.customers < data.min_customers:
            return []
        middle, long = weighted_quantiles(self.days, self.visits, [0.5, 0.9]).tolist()
        sentence = (
            f"Half of all repeat purchases come within {write_count(middle, 'days')} of the one before, and nine in "
            f"ten within {long:,.0f}."
        )
        return [Finding("lifecycle.median_gap_days", sentence, middle, "days", self.customers, Evidence("gaps"))]

    def caveats(self) -> list[Caveat]:
        """Whether all were read."""
        if self.read_share >= 1:
            return []
        return [
            Caveat(
                "The time between purchases is read from a sample of the repeat customers "
                f"({write(self.read_share, 'share')}), chosen by a hash of their id."
            )
        ]


def _gaps(data: Dataset, most: int) -> _Gaps | None:
    """The gaps; None where nobody has bought on two days."""
    customers = data.customers
    repeat = int(data.collect(customers.filter(customers.visit_day_count >= 2).count())[0][0].as_py())
    if not repeat:
        return None
    share = min(1.0, most / repeat)
    query = lifecycle.gaps(customers, data.customer_days, share).order_by("gap_days")
    rows = data.collect(query)
    if not rows.num_rows:
        return None
    return _Gaps(rows["gap_days"].to_numpy(), rows["visits"].to_numpy(), repeat, share, query)


def _definitions(patience: int) -> dict[str, str]:
    return {
        "new": "First order in the month.",
        "returning": f"Bought in the month, and also in one of the {patience} months before.",
        "resurrected": f"Bought in the month, after {patience} months or more without an order.",
        "pausing": f"Bought before, not in the month, and without an order for fewer than {patience} months.",
        "dormant": f"No order for {patience} months with sales or more, this one included.",
        "second purchase": "A second day with an order; two orders on one day are one visit.",
    }
