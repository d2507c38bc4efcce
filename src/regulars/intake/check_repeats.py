"""Rows that repeat another row of the same file exactly: told, and kept unless the user says otherwise.

Real orders repeat. Rows are compared as they stand in the file, in all its columns, before anything is set aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.intake.bad_rows import (
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
    from regulars.intake.bad_rows import Context
    from regulars.intake.ingest import Ingested

_SUMS = ("_more", "_used", "_worth")


def _repeated_rows(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        is_event, is_dropped = table.survey.contract.is_event, table.survey.settings.duplicates == "drop"
        if is_event and not is_dropped and table.account.read:
            yield _told(context, name, table)


def _told(context: Context, name: str, table: Ingested) -> CheckResult:
    repeats, of = _repeats(table.survey.rows), table.account.read
    counted = repeats if _is_reshaped(table) else _with_use(context, repeats, table.numbered)
    sums = {f"_all{column}": counted[column].sum().over() for column in _SUMS if column in counted.columns}
    shown = context.fetch(counted.mutate(**sums).order_by("_source", "_row"), MAX_EXAMPLES)
    if not shown:
        sentence = f"no row of {name} repeats another row of the same file exactly"
        return context.result(
            "repeated_rows", name, "", 0, of, sentence, bad=repeats, severity="note", done="nothing to do"
        )
    rows = int(shown[0]["_all_more"])
    return context.result(
        "repeated_rows", name, "", rows, of,
        f"{in_all(rows, of)} {'repeats' if rows == 1 else 'repeat'} another row of the same file exactly"
        f"{_in_use(context, rows, shown[0])}",
        bad=repeats, examples=_examples(repeats, shown),
        done="kept: real purchases repeat" if name in PURCHASES else "kept",
        change=f'duplicates = "drop" under [tables.{name}] keeps one of each',
    )  # fmt: skip


def _is_reshaped(table: Ingested) -> bool:
    """Whether one row of the file became several, so that its number is not that of one row."""
    return table.survey.settings.basket is not None or table.survey.settings.unpivot is not None


def _repeats(raw: ir.Table) -> ir.Table:
    """One row per content that stands in several rows: the first of them, and how many more there are."""
    content = [column for column in raw.columns if column != "_row"]
    groups = raw.group_by(content).aggregate(_row=raw["_row"].min(), _more=raw.count() - 1)
    return groups.filter(groups["_more"] > 0)


def _with_use(context: Context, repeats: ir.Table, accepted: ir.Table) -> ir.Table:
    """The repeats with how many of them are in use, and what those are worth; equal rows have one fate."""
    import ibis

    revenue = context.revenue(accepted)
    worth = revenue if revenue is not None else ibis.literal(0.0)
    in_use = accepted.select("_source", "_row", _is_used=ibis.literal(1), _one=worth)
    joined = repeats.left_join(in_use, ["_source", "_row"])
    joined = joined.mutate(_used=joined["_more"] * joined["_is_used"], _worth=joined["_more"] * joined["_one"])
    return joined.select(*repeats.columns, "_used", "_worth")


def _in_use(context: Context, rows: int, sums: dict[str, Any]) -> str:
    if "_all_used" not in sums:
        return ""
    used = int(sums["_all_used"] or 0)
    worth = worth_words(context, sums["_all_worth"])
    return f"; {'all' if used == rows else number(used)} of them in use{worth}"


def _examples(repeats: ir.Table, rows: Sequence[dict[str, Any]]) -> tuple[tuple[tuple[str, str], ...], ...]:
    columns = ["_source", "_row", *(column for column in repeats.columns if not column.startswith("_"))]
    return tuple(as_example({column: row[column] for column in columns[:MAX_EXAMPLE_COLUMNS]}) for row in rows)


CHECKS = (Check({"repeated_rows": "rows that repeat another row of the same file exactly"}, _repeated_rows),)
