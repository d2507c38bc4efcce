"""Rows that repeat another row of the same file exactly: told, and kept unless the user says otherwise.

Real orders repeat. Rows are compared as they stand in the file, in all its columns, before anything is set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.intake.checks.bad_rows import (
    MAX_EXAMPLE_COLUMNS,
    MAX_EXAMPLES,
    PURCHASES,
    Check,
    as_example,
    in_all,
    number,
    worth_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context
    from regulars.intake.ingest import Ingested


def _repeated_rows(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        is_event, is_dropped = table.survey.contract.is_event, table.survey.settings.duplicates == "drop"
        if is_event and not is_dropped and table.account.read:
            yield _told(context, name, table)


def _told(context: Context, name: str, table: Ingested) -> CheckResult:
    place = ["_source", "_row"] if len(table.survey.sources) > 1 else ["_row"]  # grouping by one file's name costs time
    repeats, of = _repeats(_candidates(table), place), table.account.read
    shown = context.fetch(repeats.mutate(_all=repeats["_more"].sum().over()).order_by(*place), MAX_EXAMPLES)
    if not shown:
        sentence = f"no row of {name} repeats another row of the same file exactly"
        return context.result(
            "repeated_rows", name, "", 0, of, sentence, bad=repeats, severity="note", done="nothing to do"
        )
    rows = int(shown[0]["_all"])
    columns = [*place, *(column for column in repeats.columns if not column.startswith("_"))][:MAX_EXAMPLE_COLUMNS]
    examples = [{"_source": table.survey.sources[0]} | {column: row[column] for column in columns} for row in shown]
    return context.result(
        "repeated_rows", name, "", rows, of,
        f"{in_all(rows, of)} {'repeats' if rows == 1 else 'repeat'} another row of the same file exactly"
        f"{_in_use(context, table, repeats, place, rows)}",
        bad=repeats, examples=tuple(as_example(row) for row in examples),
        done="kept: real purchases repeat" if name in PURCHASES else "kept",
        change=f'duplicates = "drop" under [tables.{name}] keeps one of each',
    )  # fmt: skip


def _candidates(table: Ingested) -> ir.Table:
    """The rows whose key stands in several rows: grouping by it alone is far less work than by all columns."""
    raw, cells = table.survey.rows, [table.survey.cell(name) for name in table.survey.contract.key]
    key = [cell.user_name for cell in cells if cell is not None and cell.user_name in raw.columns]
    if len(key) < len(cells):
        return raw
    counts = raw.group_by(key).aggregate(_rows=raw.count())
    several = counts.filter(counts["_rows"] > 1)
    return raw.semi_join(several, [raw[column].identical_to(several[column]) for column in key])


def _repeats(raw: ir.Table, place: Sequence[str]) -> ir.Table:
    """One row per content that stands in several rows: the first of them, and how many more there are."""
    content = [column for column in raw.columns if column not in ("_source", "_row")]
    by = [*(column for column in place if column != "_row"), *content]
    groups = raw.group_by(by).aggregate(_row=raw["_row"].min(), _more=raw.count() - 1)
    return groups.filter(groups["_more"] > 0)


def _in_use(context: Context, table: Ingested, repeats: ir.Table, place: Sequence[str], rows: int) -> str:
    """How many of the repeats are accepted, and what they are worth; equal rows have one fate."""
    import ibis

    settings = table.survey.settings
    if settings.basket is not None or settings.unpivot is not None:
        return ""  # one row of the file became several, so that its number is not that of one row
    revenue = context.revenue(table.numbered)
    worth = revenue if revenue is not None else ibis.literal(0.0)
    accepted = table.numbered.select(*place, _one=worth)
    used = accepted.join(repeats.select(*place, "_more"), place)
    found = context.first(used.aggregate(rows=used["_more"].sum(), worth=(used["_more"] * used["_one"]).sum()))
    count = int(found["rows"] or 0)
    return f"; {'all' if count == rows else number(count)} of them in use{worth_words(context, found['worth'])}"


CHECKS = (Check({"repeated_rows": "rows that repeat another row of the same file exactly"}, _repeated_rows),)
