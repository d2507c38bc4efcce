"""Checks of labels: one thing spelt in several ways, and words that stand for "not known"."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from regulars.intake.checks.bad_rows import Check, in_all, number, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

MAX_VALUES = 1000
"""A column with more different values than this is no category; only its most frequent values are looked at."""
FREE_TEXT = ("name", "description", "model")
"""Columns whose values are names of single things: their spelling is not compared."""
PLACEHOLDERS = frozenset(
    (
        "unknown", "not known", "undefined", "unspecified", "not specified", "not available", "not provided", "not set",
        "notset", "missing", "n.a.", "n.a", "n / a", "tbd", "tba", "test", "testing", "dummy", "xxx", "xx", "x", "-",
        "--", "---", "?", "??", "???", ".", "..", "...", "_", "#", "*",
    )
)  # fmt: skip


def _labels(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        columns = _label_columns(context, name)
        if not columns:
            continue
        counts = _counted(context, table.rows, columns)
        users = {cell.name: cell.user_name for cell in table.survey.cells}
        for column, values in counts.items():
            if column not in FREE_TEXT and len(values) <= MAX_VALUES:
                yield from _spellings(context, name, column, values)
            yield from _placeholders(context, name, column, users.get(column, column), values)


def _label_columns(context: Context, name: str) -> list[str]:
    """Columns of text that put rows into groups, and names of single things."""
    table = context.tables[name]
    kinds = {cell.name: cell.column.kind for cell in table.survey.cells}
    return [
        column
        for column in table.rows.columns
        if table.rows[column].type().is_string()
        and (kinds.get(column) == "text" or (column == "store_id" and context.has_key(name, column)))
    ]


def _counted(context: Context, rows: ir.Table, columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """The most frequent values of each column with their rows, in one query."""
    import ibis

    parts = []
    for column in columns:
        filled = rows.filter(rows[column].notnull())
        values = filled.group_by(value=filled[column]).aggregate(rows=filled.count())
        top = values.order_by(values.rows.desc(), "value").limit(MAX_VALUES + 1)
        parts.append(top.select(column=ibis.literal(column), value=top.value, rows=top.rows))
    found = context.fetch(ibis.union(*parts) if len(parts) > 1 else parts[0], (MAX_VALUES + 1) * len(columns))
    counts: dict[str, dict[str, int]] = {column: {} for column in columns}
    for row in sorted(found, key=lambda row: (-row["rows"], row["value"])):
        counts[row["column"]][row["value"]] = row["rows"]
    return counts


def bare(text: str) -> str:
    """A text without case, blanks and the like, so that spellings of one thing are equal.

    >>> bare("New  York") == bare("new york") == bare("NEWYORK")
    True
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _spellings(context: Context, name: str, column: str, values: Mapping[str, int]) -> Iterator[CheckResult]:
    groups: dict[str, list[str]] = {}
    for value in values:
        groups.setdefault(bare(value), []).append(value)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return
    lesser = [value for group in several for value in group[1:]]
    rows, of = sum(values[value] for value in lesser), sum(values.values())
    listed = some([" / ".join(f"'{value}' ({number(values[value])})" for value in group) for group in several], 6)
    things = "one value" if len(several) == 1 else f"{number(len(several))} values"
    table = context.tables[name].numbered
    yield context.result(
        "several_spellings", name, column, rows, of,
        f"{things} of {column} {'is' if len(several) == 1 else 'are'} spelt in several ways, different only in case or "
        f"blanks: {listed}; the rarer spellings are in {in_all(rows, of)}",
        bad=table.filter(table[column].isin(lesser)), done="kept: each spelling counts as a value of its own",
        change="mend the spelling in the source",
    )  # fmt: skip


def _placeholders(
    context: Context, name: str, column: str, user_name: str, values: Mapping[str, int]
) -> Iterator[CheckResult]:
    own = {_joined(text) for text in (column, user_name, f"{name.removesuffix('s')}{column}", f"{name}{column}")}
    found = [value for value in values if value.strip().casefold() in PLACEHOLDERS or _joined(value) in own]
    if not found:
        return
    rows, table = sum(values[value] for value in found), context.tables[name].numbered
    of = table.count()
    total = int(context.first(table.aggregate(rows=of))["rows"])
    listed = some([f"'{value}' ({number(values[value])})" for value in found])
    words = ", ".join(f'"{value}"' for value in found)
    yield context.result(
        "placeholder_values", name, column, rows, total,
        f"{column} has words that stand for a value that is not known: {listed}, in {in_all(rows, total)}",
        bad=table.filter(table[column].isin(found)), done="kept as values of their own", severity="note",
        change=f"reader = {{ null_values = [{words}] }} under [tables.{name}] reads them as empty",
    )  # fmt: skip


def _joined(text: str) -> str:
    """Letters and digits alone: `device_model`, `Device Model` and `devicemodel` are one."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


CHECKS = (
    Check(
        {
            "several_spellings": "values that differ only in case or blanks",
            "placeholder_values": "words for a value that is not known: 'unknown', '?', the column's own name",
        },
        _labels,
    ),
)
