"""Checks of the calendar of purchases: months and days without any, strays, days that stand for "not known"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from regulars.core.units import write
from regulars.intake.checks.bad_rows import Check, in_all, number, some
from regulars.intake.checks.purchase_days import PurchaseDays, runs, without_strays
from regulars.intake.repairs import SENTINEL_SHARE, SENTINEL_TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult, Severity
    from regulars.intake.checks.bad_rows import Context

MAX_DAYS = 100_000
SPARSE_SHARE = 0.7
"""Where fewer of the open days than this have a purchase, an empty day means little."""
LONG_RUN_DAYS = 7
MIN_DAYS = 10
"""Fewer days with purchases than this tell nothing of the days between them."""
EDGE_DAYS = 2
"""A month that starts or ends this many open days early is still whole."""
MIN_SENTINEL_ROWS = 10
_DAY = timedelta(days=1)
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class _Calendar:
    """The days of the purchases, and the query that counts them."""

    context: Context
    table: str
    counts: ir.Table
    days: PurchaseDays

    def result(
        self,
        check: str,
        rows: int,
        of: int,
        sentence: str,
        unit: str,
        *,
        shown: Iterable[str] = (),
        change: str = "",
        severity: Severity = "note",
        done: str = "kept",
    ) -> CheckResult:
        """A result of one of the checks; its query is the purchases counted by day."""
        return self.context.result(
            check, self.table, "ordered_at", rows, of, sentence, bad=self.counts, change=change, severity=severity,
            done=done, unit=unit, examples=tuple(((unit.removesuffix("s"), text),) for text in [*shown][:3]),
        )  # fmt: skip


def _calendar(context: Context) -> Iterator[CheckResult]:
    name = context.purchases
    if not name or not context.has(name, "ordered_at"):
        return
    counts = _by_day(context.rows[name], "ordered_at")
    if context.as_of is not None:
        counts = counts.filter(counts.day <= context.as_of)
    found = {row["day"]: row["rows"] for row in context.fetch(counts.order_by("day"), MAX_DAYS)}
    if not found:
        return
    main, strays = without_strays(found)
    calendar = _Calendar(context, name, counts.order_by("day"), PurchaseDays(main, context.settings.dataset.excluded))
    if strays:
        yield _strays(calendar, strays, sum(found.values()))
    yield _missing_months(calendar)
    if len(calendar.days.rows) < MIN_DAYS:
        return
    yield from _closed_weekdays(calendar)
    yield from _missing_days(calendar)
    yield from _partial_months(calendar)


def _by_day(rows: ir.Table, column: str) -> ir.Table:
    days = rows.select(day=rows[column].cast("date")).filter(lambda t: t.day.notnull())
    return days.group_by("day").aggregate(rows=days.count())


def _strays(calendar: _Calendar, strays: dict[date, int], of: int) -> CheckResult:
    days, rows = calendar.days, sum(strays.values())
    listed = some([f"{day} ({number(count)})" for day, count in strays.items()], 6)
    return calendar.result(
        "stray_dates", rows, of,
        f"the date is far from all others, which lie between {days.first} and {days.last}, in {in_all(rows, of)}: "
        f"{listed}",
        "rows", shown=map(str, strays), severity="problem",
        change=f"exclude = ['ordered_at < {days.first}', 'ordered_at >= {days.last + _DAY}'] under "
        f"[tables.{calendar.table}] sets them aside",
    )  # fmt: skip


def _missing_months(calendar: _Calendar) -> CheckResult:
    days = calendar.days
    missing, of = days.missing_months, len(days.months)
    span = f"{write(days.first, 'month')} to {write(days.last, 'month')}"
    if not missing:
        return calendar.result(
            "missing_months", 0, of, f"every month from {span} has purchases", "months", done="nothing to do"
        )
    names = [write(month, "month") for month in missing]
    unexplained = [write(month, "month") for month in days.unexplained_months]
    known = ""
    if len(unexplained) < len(missing):
        known = f"; all{f' but {some(unexplained)}' if unexplained else ''} are listed under exclude_periods"
    return calendar.result(
        "missing_months", len(missing), of,
        f"there is no purchase at all in {in_all(len(missing), of, 'months')} from {span}: {some(names, 24)}{known}",
        "months", shown=names, severity="warning" if unexplained else "note",
        change="add the missing files; or list the months under exclude_periods of [dataset], where there were none"
        if unexplained else "",
    )  # fmt: skip


def _closed_weekdays(calendar: _Calendar) -> Iterator[CheckResult]:
    closed = calendar.days.closed_weekdays
    if closed:
        there = [day for day in calendar.days.rows if day.weekday() in closed]
        seldom = f" (except on {some([str(day) for day in there], 3)})" if there else ""
        names = [_WEEKDAYS[weekday] for weekday in closed]
        yield calendar.result(
            "closed_weekdays", len(closed), 7, f"there are no purchases on {' and '.join(names)}{seldom}", "weekdays",
            done="these days are not counted as missing",
        )  # fmt: skip


def _missing_days(calendar: _Calendar) -> Iterator[CheckResult]:
    days = calendar.days
    missing, of = days.missing_days, len(days.open_days)
    if not missing:
        return
    if len(missing) > (1 - SPARSE_SHARE) * of:
        sentence = f"purchases are sparse: there are none on {in_all(len(missing), of, 'days')}"
        yield calendar.result("missing_days", len(missing), of, sentence, "days")
        return
    found = sorted(runs(missing, days.open_days), key=lambda run: (run[0] - run[1], run[0]))
    names = [f"{start} to {end}" if start != end else str(start) for start, end in found]
    is_long = (found[0][1] - found[0][0]).days + 1 >= LONG_RUN_DAYS
    yield calendar.result(
        "missing_days", len(missing), of,
        f"there is no purchase on {in_all(len(missing), of, 'open days')}: {some(names, 6)}",
        "days", shown=names, severity="warning" if is_long else "note",
        change="add what is missing; or list closed times under exclude_periods of [dataset]",
    )  # fmt: skip


def _partial_months(calendar: _Calendar) -> Iterator[CheckResult]:
    days = calendar.days
    usual_gap = max(1.0, len(days.open_days) / len(days.rows))
    tolerated = max(EDGE_DAYS, 3 * usual_gap)
    before = days.open_between(days.first.replace(day=1), days.first - _DAY)
    month_end = (days.last.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    after = days.open_between(days.last + _DAY, month_end)
    starts = [write(days.first, "month")] if len(before) > tolerated else []
    ends = [write(days.last, "month")] if len(after) > tolerated else []
    words = [f"{month} starts on {days.first}" for month in starts] + [f"{month} ends on {days.last}" for month in ends]
    partial = sorted({*starts, *ends})
    if partial:
        yield calendar.result(
            "partial_months", len(partial), len(days.months),
            f"{' and '.join(words)}, so {'these months are' if len(partial) > 1 else 'that month is'} not whole",
            "months", shown=partial, done="marked as incomplete where months are compared",
        )  # fmt: skip


def _stand_in_days(context: Context) -> Iterator[CheckResult]:
    """A day that far too many rows share: it stands for "not known", or for the day of a migration."""
    for name, column in ((context.purchases, "ordered_at"), ("customers", "joined_on"), ("referrals", "joined_on")):
        if not name or not context.has(name, column):
            continue
        counts = _by_day(context.rows[name], column)
        counts = counts.mutate(of=counts.rows.sum().over())
        top = context.fetch(counts.order_by(counts.rows.desc(), "day"), 10)
        if len(top) < 10:
            continue
        of = int(top[0]["of"])
        least = max(MIN_SENTINEL_ROWS, SENTINEL_SHARE * of, SENTINEL_TIMES * top[-1]["rows"])
        for row in top:
            if row["rows"] > least:
                rows = context.tables[name].numbered
                bad = rows.filter(rows[column].cast("date") == row["day"])
                yield context.result(
                    "stand_in_dates", name, column, row["rows"], of,
                    f"{column} is {row['day']} in {in_all(row['rows'], of)}, far more than on ordinary days: "
                    "a stand-in for dates that are not known, or the day of a migration",
                    bad=bad, change=f"exclude = ['{column} = {row['day']}'] under [tables.{name}] sets them aside",
                )  # fmt: skip


CHECKS = (
    Check(
        {
            "stray_dates": "a few purchases dated far from all others",
            "missing_months": "months without a purchase between the first and the last",
            "closed_weekdays": "weekdays that never have a purchase",
            "missing_days": "days without a purchase on which there should be some",
            "partial_months": "a first or last month that is not whole",
        },
        _calendar,
    ),
    Check({"stand_in_dates": "days that far too many purchases or registrations share"}, _stand_in_days),
)
