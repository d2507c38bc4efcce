"""Seasonality: how sales move over years, months, weekdays and hours, and which groups have seasons of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import FitError
from regulars.measures import dimensions as dims
from regulars.measures import periods, seasonality, trading
from regulars.measures import seasonality_tables as tables
from regulars.measures import seasonality_words as words
from regulars.methods import trading as days_of
from regulars.methods.effects import calendar
from regulars.methods.own_seasons import own_seasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.trading import Trading
    from regulars.models.seasonal_index import Indices
    from regulars.models.weekdays import Weekdays

_WEEK, _YEAR_DAYS = 7, 365
_MOST_OWN = 5
_YEARS_OF_HOURS = 25


@dataclass(frozen=True)
class Seasonality(Analysis):
    """Trend, seasons of the year, the week and the day, and what differs by group.

    Args:
        by: What seasons are compared by, of those that the data have.
    """

    title = "Seasonality"
    question = "What seasonal trends should inform stock and marketing?"
    chapter = "time and place"
    order = 10
    needs = Needs(summaries={"customer_days"})

    by: tuple[str, ...] = ("category", "segment", "gender", "age_group")

    def run(self, data: Dataset) -> Result:
        """Tables of every grain, peaks and troughs in words, and what to do in them."""
        wanted = [dims.find(name) for name in self.by]
        there = dims.available(data)
        days = days_of.read(data)
        parts: tuple[_Year | _Week | _Day, ...] = (_Year(data, days), _Week(data, days), _Day(data, days))
        own = own_seasons(data, [one for one in wanted if one in there], days.cover, data.min_customers)
        trend = _Trend(data, days)
        is_enough = _customers(data) >= data.min_customers
        findings = (
            words.by_year(days, data.currency)
            + [finding for part in parts for finding in part.findings()]
            + own.findings(self.name)
        )
        actions = [action for part in parts for action in part.actions()] + own.actions(self.name)
        return self.result(
            tables=tuple(table for part in (trend, *parts, own) for table in part.tables()),
            charts=tuple(chart for part in (trend, *parts) for chart in part.charts()),
            findings=tuple(findings) if is_enough else (),
            actions=tuple(actions) if is_enough else (),
            caveats=tuple(_caveats(days, parts)),
            definitions=_DEFINITIONS,
        )


def _customers(data: Dataset) -> int:
    view = data.customers
    return int(data.collect((view.order_count > 0).cast("int64").sum(), 1)[0][0].as_py() or 0)


def _caveats(days: Trading, parts: Sequence[Any]) -> list[Caveat]:
    found = [Caveat(one) for one in days.notes]
    cover = days.cover
    for number in sorted({cover.numbers("month")[0], cover.numbers("month")[-1]}):
        why = cover.why_not_whole(number, "month")
        if why:
            label = periods.label(number, "month")
            found.append(Caveat(f"{label} is not whole ({why}): it is shown, and compared with nothing."))
    return found + [Caveat(part.why_not, "warning") for part in parts if part.why_not]


# -- months --------------------------------------------------------------------------------------------


class _Year:
    """Months of the year against the average month."""

    def __init__(self, data: Dataset, days: Trading) -> None:
        self.data, self.days = data, days
        self.measures = [name for name in ("revenue", "orders") if name in days.values and days.values[name].sum() > 0]
        self.found: dict[str, Indices] = {}
        self.why_not = ""
        for measure in self.measures:
            try:
                self.found[measure] = self._indices(measure)
            except FitError as error:
                self.why_not = f"Months are not compared: {error.message}."

    def _indices(self, measure: str) -> Indices:
        import numpy as np

        from regulars.models.seasonal_index import LEAST_MONTHS, YEAR, month_indices, months_of_one_year

        months, weekdays = calendar(self.days)
        months = months - 1  # months since the year 0, as periods count them
        numbers = self.days.cover.numbers("month")
        whole = np.array([one for one in numbers if self.days.cover.is_whole(one, "month")], dtype=np.int64)
        values = self.days.values[measure]
        if len(whole) >= LEAST_MONTHS and len(set((whole % YEAR).tolist())) == YEAR:
            totals = np.array([values[(months == number) & self.days.is_open].sum() for number in whole])
            return month_indices(totals, whole)
        return months_of_one_year(values, self.days.is_open, months, weekdays, whole[-YEAR:])

    def tables(self) -> list[Table]:
        """Years, months, and the months of the year."""
        found = [
            tables.by_period(self.days, "year", "years", "Year by year"),
            tables.by_period(self.days, "month", "months", "Month by month"),
        ]
        if self.found:
            found.append(tables.months_of_year(self.found, self.days.queries))
        return found

    def charts(self) -> list[Chart]:
        """Months of the year with their intervals."""
        if not self.found:
            return []
        measure = next(iter(self.found))
        title = self._words(measure, 1) or self._words(measure, -1) or "No month differs from the average beyond chance"
        kind = "of a year" if self.found[measure].is_season else "of the year that the data hold"
        both = " and ".join(name for name in self.found)
        return [
            Chart(
                "months_of_year_chart", title, f"{both.capitalize()} of a month against the average month {kind}, "
                "with 95 % intervals",
                "interval", "months_of_year", "month", "against_average",
                colour="measure" if len(self.found) > 1 else "",
                low="against_average_low", high="against_average_high", x_sort="data",
            )
        ]  # fmt: skip

    def _words(self, measure: str, sign: int) -> str:
        indices = self.found[measure]
        run = indices.run_of(sign)
        if not run:
            return ""
        value, low, high = indices.interval(run)
        name = seasonality.named([int(indices.months[place]) for place in run])
        ends = write_interval(low - 1, high - 1, "change_share")
        return f"{name}: {measure} {write(value - 1, 'change_share')} ({ends}) against an average month"

    def findings(self) -> list[Finding]:
        """The peak and the trough of the year."""
        if not self.found:
            return []
        measure = next(iter(self.found))
        indices = self.found[measure]
        found = []
        for key, sign in (("peak", 1), ("trough", -1)):
            run = indices.run_of(sign)
            if not run:
                continue
            value, low, high = indices.interval(run)
            orders = self._orders(indices, run)
            years = int(indices.years[run].min())
            seen = f"seen in {years} years or more" if indices.is_season else "in the one year that the data hold"
            found.append(
                Finding(
                    f"seasonality.{key}_months", f"{self._words(measure, sign)}, {seen}.", value - 1, "change_share",
                    orders, Evidence("months_of_year", f"measure = {measure}"), "modelled", n_unit="orders",
                    interval=(low - 1, high - 1), at_stake=self._stake(measure, value, len(run)), is_good=None,
                    validated=_VALIDATED if indices.is_season else _ONE_YEAR,
                )
            )  # fmt: skip
        return found

    def _orders(self, indices: Indices, run: Sequence[int]) -> int:
        months, _ = calendar(self.days)
        chosen = {int(indices.months[place]) for place in run}
        inside = [(month - 1) % 12 in chosen for month in months.tolist()]
        return int(self.days.values["orders"][inside].sum())

    def _stake(self, measure: str, value: float, months: int) -> float | None:
        """Money of the run beyond as many average months."""
        if measure != "revenue":
            return None
        return abs(round((value - 1) * months * self._average_month(), 2))

    def _average_month(self) -> float:
        counted = float(self.days.is_open.sum())
        return float(self.days.values["revenue"][self.days.is_open].sum()) / counted * _YEAR_DAYS / 12

    def actions(self) -> list[Action]:
        """Stock for the peak, offers for the trough."""
        found = []
        texts = {
            "peak": ("Have stock and staff for {} ready before it begins, and save discounts for other months.",
                     "What sells anyway needs goods, not discounts."),
            "trough": ("Place offers to regular customers in {}, and buy less for it.",
                       "In these months customers need a reason to come; a trial tells whether an offer is one."),
        }  # fmt: skip
        for finding in self.findings():
            key = finding.key.rpartition(".")[2].removesuffix("_months")
            run = finding.sentence.partition(":")[0]
            what, why = texts[key]
            stake = finding.at_stake if key == "peak" else None
            found.append(Action(f"seasonality.{key}", what.format(run), why, "", finding.key, stake))
        return found


# -- weekdays ------------------------------------------------------------------------------------------


class _Week:
    """Weekdays against the average open day."""

    def __init__(self, data: Dataset, days: Trading) -> None:
        from regulars.models.weekdays import fit_weekdays

        self.data, self.days = data, days
        self.found: dict[str, Weekdays] = {}
        self.why_not = ""
        months, weekdays = calendar(days)
        for measure in ("orders", "revenue"):
            if measure in days.values and days.values[measure].sum() > 0:
                try:
                    self.found[measure] = fit_weekdays(days.values[measure], days.is_open, months, weekdays)
                except FitError as error:
                    self.why_not = f"Weekdays are not compared: {error.message}."
        self.run = self.found["orders"].busiest() if "orders" in self.found else []

    @property
    def name(self) -> str:
        """The busiest weekdays, in words."""
        kinds = self.found["orders"].weekday
        first, last = (dims.WEEKDAYS[int(kinds[place])] for place in (self.run[0], self.run[-1]))
        return f"{first}s" if first == last else f"{first} to {last}"

    def tables(self) -> list[Table]:
        """The weekdays."""
        return [tables.weekdays(self.found, self.days.closed_weekdays, self.days.queries)] if self.found else []

    def charts(self) -> list[Chart]:
        """Weekdays with their intervals."""
        if not self.found:
            return []
        title = "No weekday stands out beyond chance"
        if self.run:
            title = f"{self.name} bring {write(self.found['orders'].share_of(self.run)[0], 'share')} of a week's orders"
        return [
            Chart(
                "weekdays_chart", title, "Against the average open day of a week, with 95 % intervals", "interval",
                "weekdays", "weekday", "against_average", colour="measure" if len(self.found) > 1 else "",
                low="against_average_low", high="against_average_high", x_sort="data",
            )
        ]  # fmt: skip

    def findings(self) -> list[Finding]:
        """The busiest weekdays together."""
        if not self.run:
            return []
        share, low, high = self.found["orders"].share_of(self.run)
        orders = int(self.days.values["orders"][self.days.is_open].sum())
        sentence = (
            f"{self.name} bring {write(share, 'share')} ({write_interval(low, high, 'share')}) of a week's orders; "
            f"{'each of these days is' if len(self.run) > 1 else 'they are'} busier than every other, beyond chance."
        )
        return [
            Finding(
                "seasonality.busiest_weekdays", sentence, share, "share", orders,
                Evidence("weekdays", "measure = orders"), "modelled", n_unit="orders", interval=(low, high),
                validated=_WEEKS,
            )
        ]  # fmt: skip

    def actions(self) -> list[Action]:
        """Staff for the busy days, offers for the quiet ones."""
        if not self.run:
            return []
        index, kinds = self.found["orders"].index, self.found["orders"].weekday
        quiet = int(index.argmin())
        off = write(float(index[quiet]) - 1, "change_share")
        return [
            Action(
                "seasonality.quiet_weekday",
                f"Put off-peak offers on {dims.WEEKDAYS[int(kinds[quiet])]}s, and none on {self.name}.",
                f"{dims.WEEKDAYS[int(kinds[quiet])]}s stand {off} against an average day, and have room; a trial tells "
                "whether purchases move or are added.",
                finding="seasonality.busiest_weekdays",
            )
        ]  # fmt: skip


# -- hours ---------------------------------------------------------------------------------------------


class _Day:
    """Hours of the day, and weekday by hour."""

    def __init__(self, data: Dataset, days: Trading) -> None:
        import numpy as np

        from regulars.models.weekdays import hour_shares

        self.data, self.days = data, days
        self.query: ir.Table = trading.by_hour(data.orders)
        rows = data.collect(self.query, _YEARS_OF_HOURS * _YEAR_DAYS * 24)
        self.counts = np.zeros((len(days.state), 24))
        at = [days.place(day) for day in rows["day"].to_pylist()]
        self.counts[at, rows["hour"].to_numpy()] = rows["orders"].to_numpy()
        self.counts[~days.is_open] = 0
        self.has_time = int((self.counts.sum(axis=0) > 0).sum()) > 1
        self.why_not = "" if self.has_time else "The orders have no time of day, so hours are not told."
        _, weekdays = calendar(days)
        self.by_weekday = np.stack([self.counts[weekdays == day].sum(axis=0) for day in range(7)])
        self.open_days = [int((days.is_open & (weekdays == day)).sum()) for day in range(7)]
        self.share, self.low, self.high = hour_shares(self.counts)
        self.peak = int(self.share.argmax())

    def tables(self) -> list[Table]:
        """Hours, and weekday by hour."""
        if not self.has_time:
            return []
        counts = self.counts.sum(axis=0).astype(int).tolist()
        return [
            tables.hours(self.share, self.low, self.high, counts, (self.query,)),
            tables.weekday_hours(self.by_weekday, self.open_days, (self.query,)),
        ]

    def charts(self) -> list[Chart]:
        """The heat map of weekday and hour."""
        if not self.has_time:
            return []
        day, hour = divmod(int(self.by_weekday.argmax()), 24)
        title = f"The busiest hours are around {dims.WEEKDAYS[day]}, {hour} h"
        return [
            Chart(
                "weekday_hours_chart", title, "Orders per open day, by weekday and hour of the order", "heatmap",
                "weekday_hours", "hour", "weekday", colour="orders_per_day", label="orders_per_day", x_sort="data",
            )
        ]  # fmt: skip

    def findings(self) -> list[Finding]:
        """The busiest hour."""
        orders = int(self.counts.sum())
        if not self.has_time or orders < self.data.min_customers:
            return []
        share = float(self.share[self.peak])
        interval = (float(self.low[self.peak]), float(self.high[self.peak]))
        sentence = (
            f"The busiest hour begins at {self.peak} h: {write(share, 'share')} ({write_interval(*interval, 'share')}) "
            f"of {orders:,} orders."
        )
        return [
            Finding(
                "seasonality.busiest_hour", sentence, share, "share", orders,
                Evidence("hours", f"hour = {self.peak:02d}"), n_unit="orders", interval=interval,
            )
        ]  # fmt: skip

    def actions(self) -> list[Action]:
        """When to send."""
        if not self.findings():
            return []
        return [
            Action(
                "seasonality.send_before_peak", f"Let messages arrive before {self.peak} h, when people buy.",
                "It is when customers are at it anyway; a trial tells whether the hour of sending matters.",
                finding="seasonality.busiest_hour",
            )
        ]  # fmt: skip


# -- trend and groups ----------------------------------------------------------------------------------


class _Trend:
    """The series taken apart: trend, season of the week and of the year, remainder."""

    def __init__(self, data: Dataset, days: Trading) -> None:
        import numpy as np

        from regulars.models.seasonal import decompose

        self.data, self.days = data, days
        self.measure = "revenue" if "revenue" in days.values and days.values["revenue"].sum() > 0 else "orders"
        values = days.values[self.measure]
        known = days.is_open & (values > 0)
        self.is_told = int(known.sum()) >= 4 * _WEEK
        if not self.is_told:
            return
        found = decompose(np.where(known, np.log(np.where(known, values, 1.0)), np.nan), (_WEEK, _YEAR_DAYS))
        self.has_year = _YEAR_DAYS in found.seasons
        self.parts = {"trend": np.exp(found.trend)}
        self.parts |= {
            f"season_of_{'week' if period == _WEEK else 'year'}": np.exp(season)
            for period, season in found.seasons.items()
        }
        self.parts["remainder"] = np.exp(found.remainder)
        self.strength = found.strength

    def tables(self) -> list[Table]:
        """By week for the eye, by day for the rest."""
        if not self.is_told:
            return []
        week = self.parts.get("season_of_week", 1.0)
        drawn = {"as it was": self.days.values[self.measure], "trend": self.parts["trend"] * week}
        if self.has_year:
            drawn["trend and season"] = drawn["trend"] * self.parts["season_of_year"]
        return [
            tables.decomposition(self.days, self.measure, drawn),
            tables.daily(self.days, self.measure, self.parts),
        ]

    def charts(self) -> list[Chart]:
        """What was, and the trend in it."""
        if not self.is_told:
            return []
        names = {0: "trend", _WEEK: "week", _YEAR_DAYS: "year"}
        strong = [f"{name} {self.strength[key]:.2f}" for key, name in names.items() if key in self.strength]
        span = f"{self.days.first:%Y-%m} to {self.days.days[-1]:%Y-%m}"
        return [
            Chart(
                "trend_chart", self._trend_title(),
                f"{self.measure.capitalize()} of an open day by week, {span}; strength of the parts (0–1): "
                f"{', '.join(strong)}",
                "line", "decomposition", "week", "per_day", colour="part",
            )
        ]  # fmt: skip

    def _trend_title(self) -> str:
        """The first day of the trend beside the last."""
        import numpy as np

        known = self.parts["trend"][np.isfinite(self.parts["trend"])]
        unit = tables.UNITS[self.measure]
        first, last = (write(round(float(known[place]), 2), unit, self.data.currency) for place in (0, -1))
        return f"The trend of {self.measure} a day went from {first} to {last}"


_VALIDATED = "the spread of the same month over the years, beside a trend that may bend once a year, makes the interval"
_ONE_YEAR = "one year only: the interval is the spread of its days; whether it comes back cannot be tested"
_WEEKS = "levels of the months taken off; days near each other are not taken as independent"
_DEFINITIONS = {
    "average month": "The mean of the twelve months of a year, or of those the data hold.",
    "average day": "The mean open day of a week, levels of the months taken off.",
    "trend, season": "Loess (STL, one season after the other) on logarithms of open days; closed days are gaps.",
    "strength": "1 − variance of the remainder ÷ variance of part and remainder; 0 is none, 1 is everything.",
    "own season": "A group's purchases in a month or on a weekday ÷ what its usual share of all purchases would give.",
    "left out": "Months without any sale, exclude_periods, and calendar rows of the kind closed, lockdown or missing.",
}
