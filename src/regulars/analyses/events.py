"""Events: what holidays, releases, campaigns and the user's own periods did to orders, customers and revenue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures.tables import Columns
from regulars.measures.trading import CLOSED, OPEN
from regulars.methods import effects as method
from regulars.methods import trading as days_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.occasions import Window
    from regulars.measures.trading import Trading
    from regulars.methods.effects import Placebo
    from regulars.models.events import Effect

MEASURES = ("orders", "customers", "revenue")
_FALSE_DISCOVERIES = 0.05
_MOST_AROUND_DAYS = 28
_MOST_DRAWN = 20
_LEAST_DAYS = 3


@dataclass(frozen=True)
class Events(Analysis):
    """Sales in each named period against what the same month and weekday would have given.

    Args:
        release_days: Days from a release that count as its window.
        around_days: Days before and after a period in which sales may have been brought forward or put off.
    """

    title = "Events"
    question = "What do holidays, releases and other named periods do to orders, customers and revenue?"
    chapter = "time and place"
    order = 20
    needs = Needs(summaries={"customer_days"})

    release_days: int = 14
    around_days: int = 7

    def __post_init__(self) -> None:
        if self.release_days < 1 or not 1 <= self.around_days <= _MOST_AROUND_DAYS:
            raise SettingsError(
                "[events] release_days or around_days is out of range",
                mend=f"use at least 1, and at most {_MOST_AROUND_DAYS} around",
            )

    def is_moot(self, data: Dataset) -> bool:
        """Without a country, a calendar, releases or dated campaigns there is no named period."""
        has_dates = any(
            name in data.tables and column in data.table(name).columns
            for name, column in (("calendar", "starts_on"), ("products", "released_on"), ("campaigns", "starts_on"))
        )
        return not has_dates and not data.settings.dataset.country

    def run(self, data: Dataset) -> Result:
        """Effects by name, by occurrence, and before and after."""
        days = days_of.read(data)
        windows = days_of.windows(data, days, self.release_days)
        if not windows:
            raise DataError(
                "no named period touches the data",
                mend="set [dataset] country, or map [tables.calendar], products.released_on or campaigns.starts_on",
            )
        story = _Story(self, data, days, windows)
        findings = story.findings()
        return self.result(
            tables=(story.effects_table(), story.around_table(), story.windows_table()),
            charts=story.charts(),
            findings=tuple(findings),
            actions=tuple(story.actions(findings)),
            caveats=tuple(story.caveats()),
            definitions=_DEFINITIONS,
        )


class _Story:
    """The effects, and what is told of them."""

    def __init__(self, settings: Events, data: Dataset, days: Trading, windows: Sequence[Window]) -> None:
        from regulars.models.intervals import adjusted_p_values

        self.settings, self.data, self.days = settings, data, days
        last = days.days[-1]
        self.past = [one for one in windows if one.first <= last]
        self.ahead = [one for one in windows if one.first > last]
        self.named = method.by_name(self.past)
        self.events = {name: method.places(found, days) for name, found in self.named.items()}
        self.measures = [name for name in MEASURES if name in days.values and days.values[name].sum() > 0]
        self.found: dict[str, list[Effect]] = {name: method.effects(days, name, self.events) for name in self.measures}
        told = [
            (name, place) for name in self.measures for place, one in enumerate(self.found[name]) if not one.why_not
        ]
        p_values = adjusted_p_values([self.found[name][place].p_value for name, place in told])
        self.adjusted = dict(zip(told, (float(one) for one in p_values), strict=True))
        self.placebo: Placebo = method.placebo(days, "orders", self.events)

    def _is_closed(self, name: str) -> bool:
        """Whether the company was closed on all days of an event."""
        places = self.events[name]
        return bool(len(places)) and bool((self.days.state[places] == CLOSED).all())

    def _why_not(self, name: str, one: Effect) -> str:
        return "closed on its days" if one.why_not and self._is_closed(name) else one.why_not

    @property
    def comparisons(self) -> int:
        """Effects that were judged."""
        return len(self.adjusted)

    def _differs(self, measure: str, place: int) -> bool:
        return self.adjusted.get((measure, place), 1.0) < _FALSE_DISCOVERIES

    # -- tables --------------------------------------------------------------------------------------

    def effects_table(self) -> Table:
        """One row per event and measure."""
        rows = [(name, measure, place, one) for measure in self.measures
                for place, (name, one) in enumerate(zip(self.named, self.found[measure], strict=True))]  # fmt: skip
        columns = Columns()
        columns.add("event", [name for name, *_ in rows], "text")
        columns.add("kind", [self.named[name][0].kind for name, *_ in rows], "text")
        columns.add("measure", [measure for _, measure, *_ in rows], "text")
        columns.add("occurrences", [len(self.named[name]) for name, *_ in rows], "count", "Times within the data.")
        columns.add("open_days", [one.day_count for *_, one in rows], "count", "Open days it rests on.")
        _add_effect(columns, [one for *_, one in rows])
        differs = [None if one.why_not else self._differs(measure, place) for _, measure, place, one in rows]
        columns.add("is_beyond_chance", differs, "", "After the correction for the number of effects judged.")
        why_not = [self._why_not(name, one) for name, _, _, one in rows]
        columns.add("why_not", why_not, "text", "Why an effect cannot be told.")
        note = (
            f"{self.comparisons} effects were judged; those beyond chance keep the share of false ones under 5 %. "
            f"The method was {self.placebo.words}."
        )
        return columns.table(
            "effects", "Events against what month and weekday would have given", source=self.days.queries, note=note,
            dimensions=("event", "kind", "measure"),
        )  # fmt: skip

    def around_table(self) -> Table:
        """One row per event: orders before, on and after its days."""
        around = self.settings.around_days
        shifts = {"before": (-around, -1), "after": (1, around)}
        parts: dict[tuple[str, str], Any] = {}
        own = {place for places in self.events.values() for place in places.tolist()}
        for place, (name, windows) in enumerate(self.named.items()):
            if not self._is_closed(name) and self.found["orders"][place].day_count < _LEAST_DAYS:
                continue
            parts[name, "on its days"] = self.events[name]
            for words, shift in shifts.items():
                near = method.places(windows, self.days, shift)
                parts[name, words] = near[[place not in own for place in near.tolist()]] if len(near) else near
        found = method.effects(self.days, "orders", {f"{name}|{words}": part for (name, words), part in parts.items()})
        columns = Columns()
        columns.add("event", [name for name, _ in parts], "text")
        columns.add(
            "days", [words if words == "on its days" else f"{around} days {words}" for _, words in parts], "text"
        )
        columns.add("open_days", [one.day_count for one in found], "count", "Open days it rests on.")
        _add_effect(columns, found)
        columns.add("why_not", [one.why_not for one in found], "text", "Why an effect cannot be told.")
        return columns.table(
            "around", "Orders before, on and after: were they brought forward?", source=self.days.queries,
            dimensions=("event", "days"),
            note="Fewer orders before or after a period with more of them: bought at another time, not more. These "
            f"intervals are for one comparison each. Events with under {_LEAST_DAYS} open days are left out.",
        )  # fmt: skip

    def windows_table(self) -> Table:
        """One row per occurrence: orders against what month and weekday would have given."""
        each = {
            f"{one.name}|{one.first}|{place}": method.places([one], self.days) for place, one in enumerate(self.past)
        }
        found = method.effects(self.days, "orders", each)
        columns = Columns()
        columns.add("event", [one.name for one in self.past], "text")
        columns.add("kind", [one.kind for one in self.past], "text")
        columns.add("starts_on", [one.first for one in self.past], "date")
        columns.add("ends_on", [one.last for one in self.past], "date")
        columns.add("open_days", [one.day_count for one in found], "count", "Open days it rests on.")
        _add_effect(columns, found)
        columns.add("why_not", [one.why_not for one in found], "text", "Why an effect cannot be told.")
        return columns.table(
            "windows", "Every occurrence: orders", source=self.days.queries, dimensions=("event", "kind"),
            note="One occurrence rests on few days: its interval is for itself alone.",
        )  # fmt: skip

    # -- words ---------------------------------------------------------------------------------------

    def _validated(self) -> str:
        return f"judged against days of the same weekday and month outside all named periods; {self.placebo.words}"

    def _beyond(self, measure: str) -> list[tuple[int, Effect]]:
        """The effects beyond chance on days with customers enough, the surest first."""
        buyers = self.days.values["customers"]
        least = self.data.min_customers
        found = [
            (place, one)
            for place, one in enumerate(self.found[measure])
            if self._differs(measure, place) and buyers[self.events[one.name]].sum() >= least
        ]
        return sorted(found, key=lambda row: (self.adjusted[measure, row[0]], row[1].name))

    def findings(self) -> list[Finding]:
        """The effects on the money, or on orders where there is none, that are beyond chance."""
        measure = "revenue" if "revenue" in self.measures else "orders"
        found = []
        for place, one in self._beyond(measure):
            orders = int(self.days.values["orders"][self.events[one.name]].sum())
            interval = (one.low - 1, one.high - 1)
            where = f"over {write_count(one.day_count, 'days')}" if one.day_count > 1 else "on one day"
            also = self._orders_words(place) if measure == "revenue" else ""
            sentence = (
                f"In “{one.name}” {measure} {'was' if measure == 'revenue' else 'were'} "
                f"{write(one.factor - 1, 'change_share')} ({write_interval(*interval, 'change_share')}) against what "
                f"month and weekday would have given, {where}{also}; beyond chance among {self.comparisons} effects."
            )
            extra = one.observed - one.expected
            found.append(
                Finding(
                    f"events.{measure}.{one.name}", sentence, one.factor - 1, "change_share", orders,
                    Evidence("effects", f"event = {one.name}, measure = {measure}"), "modelled", n_unit="orders",
                    interval=interval, at_stake=abs(round(extra, 2)) if measure == "revenue" else None,
                    is_good=one.factor > 1, validated=self._validated(),
                )
            )  # fmt: skip
        return found

    def _orders_words(self, place: int) -> str:
        one = self.found["orders"][place]
        return f", orders {write(one.factor - 1, 'change_share')}" if not one.why_not else ""

    def actions(self, findings: Sequence[Finding]) -> list[Action]:
        """What to plan for the next occurrence of what is known to matter."""
        found = []
        for finding in findings:
            name = finding.key.split(".", 2)[2]
            coming = next((one for one in self.ahead if one.name == name), None)
            if coming is None:
                continue
            measure = finding.key.split(".", 2)[1]
            one = self.found[measure][list(self.named).index(name)]
            each = (one.observed - one.expected) / len(self.named[name])
            what = "Have stock, staff and offers ready for" if one.factor > 1 else "Plan less for"
            found.append(
                Action(
                    f"events.plan.{name}",
                    f"{what} “{name}”, next {_when(coming.first, coming.last)}.",
                    f"So far {write(finding.value, 'change_share')} on like days of those months; the expected value "
                    "is the mean of what an occurrence brought beyond them.",
                    finding=finding.key, expected_value=round(each, 2) if measure == "revenue" else None,
                )
            )  # fmt: skip
        return found

    def charts(self) -> tuple[Chart, ...]:
        """Effects with their intervals, and every occurrence."""
        if not any(not one.why_not for one in self.found["orders"]):
            return ()
        beyond = self._beyond("orders")
        title = "No named period differs from its month beyond chance"
        if beyond:
            best = max((one for _, one in beyond), key=lambda one: (abs(one.factor - 1), one.name))
            title = f"“{best.name}” stands out most: orders {write(best.factor - 1, 'change_share')}"
        return (
            Chart(
                "effects_chart", title,
                "Orders on the days of each event, open days only, against what month and weekday would have given, "
                "with 95 % intervals",
                "interval", "around", "effect", "event", colour="days", low="effect_low", high="effect_high",
                max_marks=3 * _MOST_DRAWN,
            ),
        )  # fmt: skip

    def caveats(self) -> list[Caveat]:
        """What is not known, what was left out, and what cannot be told."""
        found = [Caveat(one, "warning") for one in days_of.lacks(self.data)]
        found += [Caveat(one) for one in self.days.notes]
        found.append(
            Caveat(
                "An event is compared with other days, not with a world without it: what else happens at the same time "
                "every year is part of its figure."
            )
        )
        untold = [one.name for one in self.found["orders"] if one.why_not]
        if untold:
            found.append(Caveat(f"No effect can be told of {len(untold)} named periods; the table says why of each."))
        if int((self.days.state == OPEN).sum()) < 60:
            found.append(Caveat("The history is short: few days stand beside each event.", "warning"))
        return found


def _when(first: date, last: date) -> str:
    return f"on {first:%Y-%m-%d}" if first == last else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _add_effect(columns: Columns, found: Sequence[Effect]) -> None:
    """What was sold, what was to be expected, and the effect with its interval."""
    told = [not one.why_not for one in found]
    columns.add("observed", [one.observed if ok else None for one, ok in zip(found, told, strict=True)], "",
                "Sold on its days.")  # fmt: skip
    expected = [round(one.expected, 4) if ok else None for one, ok in zip(found, told, strict=True)]
    columns.add("expected", expected, "", "What month and weekday would have given.")
    columns.add("effect", [one.factor - 1 for one in found], "change_share", "Observed ÷ expected − 1.")
    columns.add_interval("effect", [one.low - 1 for one in found], [one.high - 1 for one in found], "change_share")


_DEFINITIONS = {
    "effect": "Sales on an event's open days ÷ what the level of their month and their weekday would have given, − 1.",
    "event": "Occurrences under one name are judged together; public holidays on days that follow one another are one.",
    "beyond chance": "The adjusted p-value is under 5 % (Benjamini and Hochberg), over all events and measures.",
    "release": "The first days of products marked in a yes/no column, or of all products where releases are rare.",
    "left out": "Months without any sale, exclude_periods, and calendar rows of the kind closed, lockdown or missing.",
}
