"""Forecast: what will be sold next, in total and by group, how sure that is, and what a planned event would change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, FitError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures import forecast_tables as tables
from regulars.measures import periods, stock
from regulars.methods import effects, forecasting, group_lines, what_if
from regulars.methods import trading as days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.trading import Trading
    from regulars.methods.forecasting import Line
    from regulars.methods.group_lines import Groups
    from regulars.models.forecast import Competition
    from regulars.models.group_forecast import GroupForecasts
    from regulars.models.prediction_intervals import Widths

    Floats = NDArray[np.float64]

NAIVE = "seasonal naive"
_FEWEST_CUTS = 2
_SHORT_DAYS = 28
_WITHIN = 3.0
_SHOWN_PAST = 3


@dataclass(frozen=True)
class Forecast(Analysis):
    """Sales and orders ahead by the method that did best on later periods it had not seen.

    Args:
        grain: By day, week or month; `auto` takes the finest with sales enough.
        horizon: Days, weeks or months ahead; 0: a quarter (a year by month), at most an eighth of the history; four
            weeks where the tests tell the quarter no better than within a factor of three.
        origins: Times at which the history is cut for the tests.
        by: What is forecast in parts that add up to the whole, of those that the data have.
        groups: Groups of each told apart at most; the rest is one.
        what_if: Planned events: `2023-01-20/2023-01-26 like Lunar New Year`, or `2023-03-01/2023-03-07 +20 %`.
    """

    title = "Forecast"
    question = "What will be sold next, in total and by group, and how sure is that?"
    chapter = "time and place"
    order = 30
    needs = Needs(summaries={"customer_days"})

    grain: Literal["auto", "day", "week", "month"] = "auto"
    horizon: int = 0
    origins: int = 5
    by: tuple[str, ...] = ("category", "store", "segment")
    groups: int = 30
    what_if: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.horizon < 0 or self.origins < _FEWEST_CUTS or self.groups < 1:
            raise SettingsError(
                "[forecast] horizon, origins or groups is out of range", mend="use origins of 2 or more"
            )
        for text in self.what_if:
            what_if.parse(text)

    def run(self, data: Dataset) -> Result:
        """The competition, its winner's forecast with intervals, and the parts."""
        wanted = [dims.find(name) for name in self.by]
        there = dims.available(data)
        days = days_of.read(data)
        grain = forecasting.grain_of(days) if self.grain == "auto" else self.grain
        measures = [name for name in ("revenue", "orders") if name in days.values and days.values[name].sum() > 0]
        if not measures:
            raise DataError("there is nothing above 0 to forecast", table="orders", mend="check the measures")
        line = self._line(data, days, grain, measures[0])
        told = [_Told(self, days, line, name) for name in measures]
        parts = [_Parts(self, data, days, line, told[0], one) for one in wanted if one in there]
        story = _Story(self, data, days, line, told, [part for part in parts if part.groups is not None])
        return self.result(
            tables=tuple(story.tables()),
            charts=tuple(story.charts()),
            findings=tuple(story.findings()),
            actions=tuple(story.actions()),
            caveats=tuple(story.caveats()),
            definitions=_DEFINITIONS,
        )

    def _line(self, data: Dataset, days: Trading, grain: str, measure: str) -> Line:
        """The places ahead: as set, else a quarter by day where the tests tell it well enough, else four weeks."""
        windows = days_of.windows(data, days)
        line = forecasting.line_of(data, days, windows, grain, self.horizon)
        if self.horizon or grain != "day" or line.horizon <= _SHORT_DAYS:
            return line
        if forecasting.is_within(line, days.values[measure], self.origins, _WITHIN):
            return line
        return forecasting.line_of(data, days, windows, grain, _SHORT_DAYS)


class _Told:
    """The forecast of one measure.

    Raises:
        DataError: The history is too short to test on a part of itself, or nothing can be fitted.
    """

    def __init__(self, settings: Forecast, days: Trading, line: Line, measure: str) -> None:
        import numpy as np

        from regulars.models import forecast as model
        from regulars.models.prediction_intervals import fit_widths

        self.measure, self.line = measure, line
        self.values: Floats = np.maximum(line.fold(days.values[measure]), 0.0)
        cuts = forecasting.cuts_of(line, settings.origins)
        try:
            if len(cuts) < _FEWEST_CUTS:
                raise FitError(f"{line.past} {line.grain}s are too few to test {line.horizon} ahead at two times")
            has_extra = forecasting.has_extra()
            self.judged: Competition = model.compete(self.values, line.times, cuts, line.horizon, has_extra)
            self.ahead: Floats = model.predict(self.values, line.times, self.judged.winner, line.horizon, has_extra)
        except FitError as error:
            raise DataError(error.message, table="orders", mend="take a longer history, or a smaller horizon") from None
        self.widths: Widths = fit_widths(self.judged.predicted, self.judged.actual)

    @property
    def unit(self) -> Any:
        """Unit of the measure."""
        return tables.UNITS[self.measure]

    def rows(self) -> list[dict[str, Any]]:
        """One row per step ahead."""
        ends = {level: self.widths.interval(self.ahead, level / 100) for level in (80, 95)}
        return [
            {
                "measure": self.measure,
                "starts_on": start,
                "forecast": float(self.ahead[step]),
                **{f"{end}_{level}": float(ends[level][side][step])
                   for level in ends for side, end in enumerate(("low", "high"))},
                "is_closed": bool(self.ahead[step] == 0),
            }
            for step, start in enumerate(self.line.ahead)
        ]  # fmt: skip

    def sum_of(self, steps: NDArray[np.bool_]) -> tuple[float, float, float]:
        """The sum of some steps ahead with its 95 % interval, from sums over as many steps in the tests."""
        from regulars.models.prediction_intervals import block_sums, sum_interval

        total = float(self.ahead[steps].sum())
        told, came = block_sums(self.judged.predicted, self.judged.actual, int(steps.sum()))
        return total, *sum_interval(told, came, total, 0.95)

    def before(self) -> float | None:
        """As many steps just before, where all were observed."""
        import numpy as np

        recent = slice(self.line.past - self.line.horizon, self.line.past)
        known = np.asarray(self.line.times.is_open | self.line.times.is_closed)[recent]
        return float(self.values[recent].sum()) if known.all() else None

    @property
    def validated(self) -> str:
        """How the winner did, in one sentence."""
        score, naive = self.judged.score(self.judged.winner), self.judged.score(NAIVE)
        covered = self.widths.coverage[0.95]
        return (
            f"tested at {len(self.judged.cuts)} times on the {self.line.horizon} {self.line.grain}s after each, beside "
            f"{', '.join(one.method for one in self.judged.scores if one.method != self.judged.winner)}; used: "
            f"{self.judged.winner} (scaled error {score.mase:.2f} against {naive.mase:.2f} of repeating the last "
            f"season); its 95 % intervals held {write(covered, 'share')} of {self.widths.scored} forecasts left out of "
            "setting them"
        )


class _Parts:
    """The groups of one dimension, adding up to the whole."""

    def __init__(
        self, settings: Forecast, data: Dataset, days: Trading, line: Line, whole: _Told, dimension: dims.Dimension
    ) -> None:
        from regulars.models.group_forecast import forecast_groups

        self.whole = whole
        self.groups: Groups | None = group_lines.groups_of(data, dimension, days, line, whole.measure, settings.groups)
        if self.groups is not None:
            self.found: GroupForecasts = forecast_groups(
                self.groups.values, line.times, whole.judged.cuts, line.horizon, whole.judged.predicted, whole.ahead
            )

    def rows(self) -> list[dict[str, Any]]:
        """One row per group."""
        from regulars.models.prediction_intervals import block_sums, sum_interval

        assert self.groups is not None  # noqa: S101  others are left out
        whole = float(self.whole.ahead.sum())
        line = self.whole.line
        recent = self.groups.values[:, line.past - line.horizon :].sum(axis=1)
        rows = []
        for place, name in enumerate(self.groups.names):
            total = float(self.found.ahead[place].sum())
            told, came = block_sums(self.found.at_cuts[:, place, :], self.found.actual[:, place, :], line.horizon)
            low, high = sum_interval(told, came, total, 0.95)
            naive = float(self.found.naive_error[place])
            rows.append(
                {
                    "dimension": self.groups.dimension.title,
                    "group": name,
                    "forecast": total,
                    "low": low,
                    "high": high,
                    "share": total / whole if whole > 0 else None,
                    "change": total / recent[place] - 1 if recent[place] > 0 and self.whole.before() else None,
                    "method": self.found.method[place],
                    "error": float(self.found.error[place]) / naive if naive > 0 else None,
                }
            )
        return rows

    def is_of(self, dimension: str) -> bool:
        """Whether the groups are those of a dimension."""
        return self.groups is not None and self.groups.dimension.name == dimension

    def step_rows(self) -> list[dict[str, Any]]:
        """One row per group and step."""
        assert self.groups is not None  # noqa: S101  others are left out
        return [
            {"dimension": self.groups.dimension.title, "group": name, "starts_on": start, "forecast": float(value)}
            for name, row in zip(self.groups.names, self.found.ahead, strict=True)
            for start, value in zip(self.whole.line.ahead, row, strict=True)
        ]


class _Story:
    """What is told of it."""

    def __init__(
        self, settings: Forecast, data: Dataset, days: Trading, line: Line, told: Sequence[_Told],
        parts: Sequence[_Parts],
    ) -> None:  # fmt: skip
        self.settings, self.data, self.days, self.line, self.told, self.parts = settings, data, days, line, told, parts
        self.plans = [what_if.parse(text) for text in settings.what_if]
        self.source = days.queries
        self.last = line.ahead[-1] if line.grain == "day" else periods.end_of(
            periods.number_of(line.ahead[-1], line.grain), line.grain  # type: ignore[arg-type]
        )  # fmt: skip

    # -- tables --------------------------------------------------------------------------------------

    def tables(self) -> list[Table]:
        """Sums, steps, groups, plans, and the tests."""
        main = self.told[0]
        found = [tables.sums(self._sum_rows(), self.source)]
        if self.plans:
            found.append(tables.what_if(self._plan_rows(), self.source))
        if self.parts:
            source = (*self.source, *(part.groups.query for part in self.parts if part.groups is not None))
            rows = [row for part in self.parts for row in part.rows()]
            found.append(tables.groups(rows, main.measure, main.unit, source))
            rows = [row for part in self.parts for row in part.step_rows()]
            found.append(tables.group_steps(rows, main.measure, main.unit, source))
        found.append(tables.tests(self._test_rows(), main.validated[0].upper() + main.validated[1:] + ".", self.source))
        found.append(tables.coverage(self._coverage_rows(), self.source))
        found.append(tables.steps([row for one in self.told for row in one.rows()], self.line.grain, self.source))
        shown = min(_SHOWN_PAST * self.line.horizon, self.line.past)
        counted = self.line.times.is_open | self.line.times.is_closed
        recent = [
            float(value) if known else None for value, known in zip(main.values[-shown:], counted[-shown:], strict=True)
        ]
        starts = self.line.starts[self.line.past - shown : self.line.past]
        found.append(tables.outlook(starts, recent, main.rows(), main.measure, self.source))
        return found

    def _spans(self) -> list[tuple[str, date, date, Any]]:
        """The whole horizon, and by day its whole weeks and months."""
        import numpy as np

        ahead = self.line.ahead
        spans = [("whole horizon", ahead[0], self.last, np.ones(len(ahead), dtype=bool))]
        for grain in ("month", "week") if self.line.grain == "day" else ():
            numbers = [periods.number_of(day, grain) for day in ahead]
            for number in sorted(set(numbers)):
                first, last = periods.start_of(number, grain), periods.end_of(number, grain)
                if first >= ahead[0] and last <= ahead[-1]:
                    spans.append((grain, first, last, np.array([one == number for one in numbers])))
        return spans

    def _sum_rows(self) -> list[dict[str, Any]]:
        rows = []
        for one in self.told:
            for period, first, last, steps in self._spans():
                total, low, high = one.sum_of(steps)
                rows.append({"measure": one.measure, "period": period, "starts_on": first, "ends_on": last,
                             "forecast": total, "low": low, "high": high})  # fmt: skip
        return rows

    def _test_rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for one in self.told:
            for score in one.judged.scores:
                rows.append(
                    {"measure": one.measure, "method": score.method, "is_used": score.method == one.judged.winner,
                     "mase": score.mase, "least": min(score.by_cut), "most": max(score.by_cut), "bias": score.bias,
                     "why_not": ""}
                )  # fmt: skip
            for method, why in one.judged.failed.items():
                rows.append({"measure": one.measure, "method": method, "is_used": False, "mase": None, "least": None,
                             "most": None, "bias": None, "why_not": why})  # fmt: skip
        return rows

    def _coverage_rows(self) -> list[dict[str, Any]]:
        return [
            {"measure": one.measure, "level": level, "covered": one.widths.coverage[level],
             "widened": one.widths.widened[level], "scored": one.widths.scored}
            for one in self.told for level in one.widths.reach
        ]  # fmt: skip

    def _plan_rows(self) -> list[dict[str, Any]]:
        import numpy as np

        named = effects.by_name(days_of.windows(self.data, self.days, ahead=0))
        events = {name: effects.places(found, self.days) for name, found in named.items()}
        rows = []
        for plan in self.plans:
            steps = np.array([self._touches(plan, place) for place in range(self.line.horizon)])
            for one in self.told:
                found = {effect.name: effect for effect in effects.effects(self.days, one.measure, events)}
                factor, low, high = plan.factor(found)
                without = float((one.ahead * steps).sum())
                rows.append(
                    {"plan": plan.words, "measure": one.measure, "starts_on": plan.first, "ends_on": plan.last,
                     "without": without, "with_it": without * factor, "difference": without * (factor - 1),
                     "low": without * (low - 1) if plan.like else None,
                     "high": without * (high - 1) if plan.like else None}
                )  # fmt: skip
        return rows

    def _touches(self, plan: what_if.Plan, place: int) -> float:
        """The share of a step's days that a plan covers."""
        first = self.line.ahead[place]
        last = self.line.ahead[place + 1] - timedelta(days=1) if place + 1 < self.line.horizon else self.last
        shared = (min(last, plan.last) - max(first, plan.first)).days + 1
        return max(shared, 0) / ((last - first).days + 1)

    # -- words ---------------------------------------------------------------------------------------

    def findings(self) -> list[Finding]:
        """What is ahead of each measure, where there are customers enough."""
        view = self.data.customers
        customers = int(self.data.collect((view.order_count > 0).cast("int64").sum(), 1)[0][0].as_py() or 0)
        if customers < self.data.min_customers:
            return []
        rows = [row for part in self.parts for row in part.rows() if part.is_of("category")]
        orders = int(self.days.values["orders"].sum())
        return [
            *[self._finding(one) for one in self.told],
            *stock.findings(rows, self.told[0].measure, self._ahead(), orders, self.data.currency),
        ]

    def _ahead(self) -> str:
        return f"the next {self.line.horizon} {self.line.grain}s"

    def _finding(self, one: _Told) -> Finding:
        import numpy as np

        total, low, high = one.sum_of(np.ones(self.line.horizon, dtype=bool))
        before = one.before()
        currency = self.data.currency
        ends = f" ({write_interval(low, high, one.unit, currency)})" if np.isfinite(low) else ""
        against = ""
        if before:
            change = write(abs(total / before - 1), "share")
            against = f", {change} {'more' if total >= before else 'less'} than in the {self.line.horizon} just before"
        sentence = (
            f"{one.measure.capitalize()} of the next {self.line.horizon} {self.line.grain}s (to {self.last:%Y-%m-%d}) "
            f"{'is' if one.measure == 'revenue' else 'are'} expected at {write(total, one.unit, currency)}{ends}"
            f"{against}."
        )
        return Finding(
            f"forecast.{one.measure}_ahead", sentence, total, one.unit, int(self.days.values["orders"].sum()),
            Evidence("sums", f"measure = {one.measure}, period = whole horizon"), "modelled", n_unit="orders",
            interval=(low, high) if np.isfinite(low) else None,
            at_stake=round(total, 2) if one.measure == "revenue" else None, validated=one.validated,
        )  # fmt: skip

    def actions(self) -> list[Action]:
        """How to plan with an interval, and with the groups."""
        findings = self.findings()
        if not findings:
            return []
        found = [
            Action(
                "forecast.plan_stock", "Plan cash by the lower end of the forecast, and stock of what "
                "must not run out by the upper end.",
                "In the tests the intervals held as often as the table of their coverage says.",
                finding=next((one.key for one in findings if one.key == "forecast.stock"), findings[0].key),
            )
        ]  # fmt: skip
        names = [part.groups.dimension.title for part in self.parts if part.groups is not None]
        if names:
            told = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
            found.append(
                Action(
                    "forecast.plan_groups", f"Plan each {told} by its own forecast, not by its share of the whole.",
                    "The groups add up to the whole, so plans made by group do as well.", finding=findings[0].key,
                )
            )  # fmt: skip
        return found

    def charts(self) -> list[Chart]:
        """As it was, and what is ahead."""
        import numpy as np

        main = self.told[0]
        total, low, high = main.sum_of(np.ones(self.line.horizon, dtype=bool))
        ends = f" ({write_interval(low, high, main.unit, self.data.currency)})" if np.isfinite(low) else ""
        return [
            Chart(
                "outlook_chart",
                f"{write(total, main.unit, self.data.currency)}{ends} ahead to {self.last:%Y-%m-%d}",
                f"{main.measure.capitalize()} by {self.line.grain}, the forecast with its 95 % interval; method: "
                f"{main.judged.winner}",
                "line", "outlook", "starts_on", main.measure, colour="part", low="low_95", high="high_95",
            )
        ]  # fmt: skip

    def caveats(self) -> list[Caveat]:
        """What was left out or is not known, and where the tests say little."""
        found = [Caveat(one, "warning") for one in days_of.lacks(self.data)] if self.line.grain == "day" else []
        found += [Caveat(one) for one in self.days.notes]
        if not forecasting.has_extra():
            found.append(
                Caveat('AutoTheta, AutoETS and MSTL compete as well with the extra: pip install "regulars[forecast]".')
            )
        for one in self.told:
            if one.judged.winner == NAIVE:
                text = f"No method beat repeating the last season for {one.measure}: that is what is told."
                found.append(Caveat(text, "warning"))
        if self.line.times.year and self.line.past < 2 * self.line.times.year:
            found.append(
                Caveat("Under two years of history: a season of the year cannot be told, and is not in the forecast.")
            )
        if not self.settings.horizon and self.line.grain == "day" and self.line.horizon == _SHORT_DAYS:
            text = "Four weeks are foretold: the tests tell a longer time no better than within a factor of three."
            found.append(Caveat(text))
        if len(self.told[0].judged.cuts) < self.settings.origins:
            count = len(self.told[0].judged.cuts)
            found.append(Caveat(f"The history leaves room for {count} of {self.settings.origins} tests."))
        missing = [plan for plan in self.plans if plan.last < self.line.ahead[0] or plan.first > self.last]
        found += [Caveat(f"The plan {plan.words} of {plan.first} lies outside the days ahead.") for plan in missing]
        found.append(
            Caveat("A forecast carries on what was: what never happened before, and what is decided now, is not in it.")
        )
        return found


_DEFINITIONS = {
    "scaled error": "Mean absolute error ÷ that of repeating the last season within the past (MASE).",
    "season and level": "Ratios of the season to a moving average, times a smoothed level with a damped trend.",
    "seasonal regression": "Log-linear season beside a bending trend; its level smoothed on with a damped trend.",
    "interval": "As wide as errors were in the tests, widened where tests left out were covered too seldom.",
    "adds up": "Groups are moved in proportion to the variance of their errors until they add up to the whole.",
    "closed": "Weekdays never sold on, days the calendar says are closed, and holidays if past ones were: zero.",
    "named period": "A holiday, release or own period that came at least twice before and differed: put on ahead.",
}
