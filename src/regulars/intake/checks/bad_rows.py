"""What every check stands on: the data it may look at, and how a query of bad rows becomes a `CheckResult`.

Conditions on single rows of one table are counted together in one query; rows are fetched only to show a few.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from regulars.core.quality import CheckResult
from regulars.core.units import write
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.config import Settings
    from regulars.core.dataset import Engine
    from regulars.core.quality import Severity
    from regulars.intake.ingest import Ingested

PURCHASES = ("lines", "orders")
OFF = "off"
"""The word in `[checks]` that silences a check."""
MAX_EXAMPLES = 3
MAX_EXAMPLE_COLUMNS = 9
MAX_TEXT = 80
KEPT = "kept"

Example = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Context:
    """What the checks look at.

    Args:
        tables: The tables, read.
        rows: Their accepted rows, canonical columns; `statuses` has `is_success`.
        settings: The whole settings file.
        as_of: The date that "now" stands for; None where the data have no dates.
        engine: Counts.
    """

    tables: Mapping[str, Ingested]
    rows: Mapping[str, ir.Table]
    settings: Settings
    as_of: date | None
    engine: Engine

    def wants(self, check: str) -> bool:
        """Whether a check is not silenced."""
        return self.settings.checks.get(check) != OFF

    def has(self, table: str, *columns: str) -> bool:
        """Whether a table is mapped, with all of these columns."""
        return table in self.rows and set(columns) <= set(self.rows[table].columns)

    def has_key(self, table: str, column: str) -> bool:
        """Whether a column is mapped and is not the row number standing in for it."""
        return self.has(table, column) and column not in self.tables[table].survey.row_numbered

    @property
    def purchases(self) -> str:
        """The table that has one row per purchase attempt or, failing that, per line; "" where there is neither."""
        return next((name for name in ("orders", "lines") if name in self.rows), "")

    def revenue(self, rows: ir.Table) -> ir.FloatingValue | None:
        """The money of each row; None where no money is mapped."""
        return money.revenue(rows, self.settings.dataset.money)

    def write_money(self, value: float) -> str:
        """An amount in the currency of the data."""
        return write(round(float(value), 2), "money", self.settings.dataset.currency)

    def first(self, expr: ir.Table) -> dict[str, Any]:
        """The one row of an aggregate."""
        found: dict[str, Any] = self.engine.collect(expr, 1).to_pylist()[0]
        return found

    def fetch(self, expr: ir.Table, max_rows: int) -> list[dict[str, Any]]:
        """The first rows of an expression, no more than `max_rows` of them."""
        found: list[dict[str, Any]] = self.engine.collect(expr.limit(max_rows), max_rows).to_pylist()
        return found

    def result(
        self,
        check: str,
        table: str,
        column: str,
        rows: int,
        of: int,
        sentence: str,
        *,
        bad: ir.Table | None = None,
        change: str = "",
        severity: Severity = "warning",
        done: str = KEPT,
        unit: str = "rows",
        examples: tuple[Example, ...] | None = None,
    ) -> CheckResult:
        """What a check found.

        Args:
            check: Its name.
            table: The canonical table.
            column: The column, or "".
            rows: How many it found.
            of: How many it looked at.
            sentence: What is so, with its numbers.
            bad: The query that returns the bad rows.
            change: How to have it done otherwise.
            severity: How much it matters.
            done: What was done.
            unit: What `rows` counts.
            examples: Some of the rows; fetched from `bad` where they are not given.
        """
        if examples is None:
            examples = self.examples(bad, column) if bad is not None and rows else ()
        return CheckResult(
            check, table, column, rows, of, sentence, done, "reported", change, severity, unit, examples,
            self.engine.sql(bad) if bad is not None else "",
        )  # fmt: skip

    def examples(self, bad: ir.Table, column: str = "", order: Sequence[ir.Value] = ()) -> tuple[Example, ...]:
        """The first bad rows, as ordered: where each is from, the column in question, then the others."""
        names = [name for name in bad.columns if not name.startswith("_")]
        names.sort(key=lambda name: name != column)
        place = [name for name in ("_source", "_row") if name in bad.columns]
        shown = [*place, *names[: MAX_EXAMPLE_COLUMNS - len(place)]]
        rows = self.fetch(bad.order_by(*order, *(place or shown)).select(*shown), MAX_EXAMPLES)
        return tuple(as_example(row) for row in rows)


@dataclass(frozen=True)
class Check:
    """Checks that are made in one look at the data.

    Args:
        names: What each of them is called, and what it means in a line.
        find: What they find.
    """

    names: Mapping[str, str]
    find: Callable[[Context], Iterable[CheckResult]]


@dataclass(frozen=True)
class RowCheck:
    """A condition that bad rows of one table fulfil.

    Args:
        check: Name of the check.
        column: The column in question.
        bad: The condition; null is not bad.
        words: What is so, as in "the quantity is below zero".
        rule: The rule under `exclude` that would set the rows aside, or "".
        after: What to think of it, after the numbers.
        severity: How much it matters.
        done: What was done.
    """

    check: str
    column: str
    bad: ir.BooleanValue
    words: str
    rule: str = ""
    after: str = ""
    severity: Severity = "warning"
    done: str = KEPT


def count_rows(
    context: Context,
    table: str,
    rows: ir.Table,
    checks: Sequence[RowCheck],
    further: Mapping[str, ir.Scalar] | None = None,
    worth: ir.FloatingValue | None = None,
) -> tuple[list[CheckResult], dict[str, Any]]:
    """All row checks of one table, counted in one query.

    Args:
        context: The data.
        table: The canonical table.
        rows: Its rows, with `_source` and `_row`; the conditions are made of its columns.
        checks: The conditions.
        further: Sums to take in the same pass.
        worth: The money of each row, told with the rows found.

    Returns:
        What was found, and the further sums with `rows`, how many there are.
    """
    wanted = [check for check in checks if context.wants(check.check)]
    sums: dict[str, ir.Scalar] = {"rows": rows.count()}
    for place, check in enumerate(wanted):
        sums[f"_bad_{place}"] = check.bad.sum()
        if worth is not None:
            sums[f"_worth_{place}"] = worth.sum(where=check.bad)
    sums |= further or {}
    if len(sums) == 1:
        return [], {}
    counted = context.first(rows.aggregate(**sums))
    results: list[CheckResult] = []
    for place, check in enumerate(wanted):
        bad = int(counted[f"_bad_{place}"] or 0)
        if bad:
            amount = counted.get(f"_worth_{place}")
            results.append(_told(context, table, check, rows.filter(check.bad), bad, counted["rows"], amount))
    return results, counted


def _told(
    context: Context, table: str, check: RowCheck, bad: ir.Table, rows: int, of: int, worth: float | None
) -> CheckResult:
    sentence = f"{check.words} in {in_all(rows, of)}{worth_words(context, worth)}{check.after}"
    change = f"exclude = ['{check.rule}'] under [tables.{table}] sets them aside" if check.rule else ""
    return context.result(
        check.check, table, check.column, rows, of, sentence,
        bad=bad, change=change, severity=check.severity, done=check.done,
    )  # fmt: skip


# -- words ------------------------------------------------------------------------------------------


def number(value: float) -> str:
    """A number as a person reads it: thousands marked, no needless decimals.

    >>> number(1336), number(0.5), number(-3)
    ('1,336', '0.5', '−3')
    """
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def in_all(rows: int, of: int, unit: str = "rows") -> str:
    """How many of how many.

    >>> in_all(3, 1200), in_all(4, 4)
    ('3 of 1,200 rows', 'all 4 rows')
    """
    return f"all {number(of)} {unit}" if rows == of else f"{number(rows)} of {number(of)} {unit}"


def worth_words(context: Context, worth: float | None) -> str:
    """What the rows come to, to stand after their number; "" where that is nothing or not known."""
    if worth is None or not round(float(worth), 2):
        return ""
    return f" (together {context.write_money(worth)})"


def some(words: Sequence[str], most: int = 12) -> str:
    """A list that does not run on.

    >>> some(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"


def as_example(row: Mapping[str, object]) -> Example:
    """A row to be shown, every value as text; `_source` and `_row` lose their mark."""
    return tuple((name.removeprefix("_"), as_text(value)) for name, value in row.items())


def as_text(value: object) -> str:
    """A value as an example shows it, cut where it is long."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(round(value, 6))
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
