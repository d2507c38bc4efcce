"""Wide columns made long, and product lists in a cell made lines, before the columns are read.

The user's columns stay on every row that is made, so that each can be shown as it stood in the source.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from regulars.errors import RegularsError, SettingsError, closest, raise_all
from regulars.intake import values
from regulars.intake.sources.staging import PROBLEM

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.config import BasketColumn, TableSettings, Unpivot
    from regulars.engine.base import Functions

UNREADABLE_BASKET = "the product list cannot be read"
EMPTY_BASKET = "the product list is empty"
NO_PRODUCT = "an entry of the product list names no product"
REPEATED_PRODUCT = "the product list names a product twice"
BASKET_PROBLEMS = (UNREADABLE_BASKET, EMPTY_BASKET, NO_PRODUCT, REPEATED_PRODUCT)

MADE = "_made_"
"""Begins the names of the columns that are made here, before the canonical name."""
ENTRY = "_entry"
"""Which of the rows made of one row of the source it is, from 0."""
_CELL, _PART, _IS_LISTED = f"{MADE}cell", f"{MADE}part", f"{MADE}is_listed"


def reshape(rows: ir.Table, settings: TableSettings, table: str, functions: Functions) -> ir.Table:
    """The rows as the settings ask: one row per unpivoted column, or per product in a cell.

    A product list that cannot be read leaves its row in place, with `_problem` saying so.

    Raises:
        SettingsError: A column that is to be reshaped is not there, or has a name that is needed here.
    """
    if not settings.unpivot and not settings.basket:
        return rows
    _refuse_own_names(rows, table)
    if settings.unpivot:
        return _unpivoted(rows, settings.unpivot, table)
    assert settings.basket is not None  # noqa: S101  one of the two is set
    return _unpacked(rows, settings.basket, table, functions)


def _refuse_own_names(rows: ir.Table, table: str) -> None:
    taken = [name for name in rows.columns if name.lower() == ENTRY or name.lower().startswith(MADE)]
    raise_all(
        [
            SettingsError(
                f"the file has a column '{name}', a name that is needed here",
                table=table,
                column=name,
                mend="rename it in the file",
            )
            for name in taken
        ]
    )


def _there(rows: ir.Table) -> list[str]:
    return [name for name in rows.columns if name not in ("_source", "_row", PROBLEM)]


# -- wide columns -----------------------------------------------------------------------------------


def _unpivoted(rows: ir.Table, unpivot: Unpivot, table: str) -> ir.Table:
    import ibis

    wanted = _wanted(rows, unpivot, table)
    names = [name.removeprefix(unpivot.strip) or name for name in wanted]
    name, value = f"{MADE}{unpivot.name}", f"{MADE}{unpivot.value}"
    long = rows.mutate(**{value: ibis.array([values.as_text(rows[column]) for column in wanted])})
    long = long.unnest(value, offset=ENTRY)
    return long.mutate(**{name: ibis.array(names)[long[ENTRY].cast("int64")]})


def _wanted(rows: ir.Table, unpivot: Unpivot, table: str) -> list[str]:
    there = _there(rows)
    wanted: list[str] = []
    errors: list[RegularsError] = []
    for pattern in unpivot.columns:
        found = [column for column in there if column == pattern or fnmatch.fnmatchcase(column, pattern)]
        if not found:
            errors.append(_no_column("unpivot", pattern, there, table))
        wanted += [column for column in found if column not in wanted]
    raise_all(errors)
    return wanted


def _no_column(setting: str, name: str, there: list[str], table: str) -> SettingsError:
    message = f"{setting} names '{name}', and the file has no such column"
    return SettingsError(message, table=table, column=name, mend=closest(name, there))


# -- product lists ----------------------------------------------------------------------------------


def _unpacked(rows: ir.Table, basket: BasketColumn, table: str, functions: Functions) -> ir.Table:
    """One row per product of a list; a list that cannot be read, or is empty, keeps one row."""
    import ibis

    there = _there(rows)
    if basket.column not in there:
        raise _no_column("basket", basket.column, there, table)
    cell = rows[basket.column].cast("string")
    listed = functions.json_entries(cell, is_list=True)
    named = functions.json_entries(cell, is_list=False) if not basket.product else ibis.null("array<string>")
    entries = ibis.coalesce(listed, named)
    problem = ibis.cases(
        (cell.isnull() | (cell.strip() == ""), EMPTY_BASKET),
        (entries.isnull(), UNREADABLE_BASKET),
        (entries.length() == 0, EMPTY_BASKET),
        (named.notnull() & (named.unique().length() < named.length()), REPEATED_PRODUCT),
        else_=ibis.null("string"),
    )
    if PROBLEM in rows.columns:
        problem = ibis.coalesce(rows[PROBLEM], problem)
    is_read = problem.isnull()
    packed = rows.mutate(
        **{
            PROBLEM: problem,
            _CELL: is_read.ifelse(cell, ibis.null("string")),  # malformed text would abort what looks into it
            _PART: is_read.ifelse(entries, ibis.array([ibis.null("string")])),
            _IS_LISTED: listed.notnull(),
        }
    )
    lines = packed.unnest(_PART, offset=ENTRY)
    found = _objects(lines, basket, functions) if basket.product else _pairs(lines, functions)
    lines = lines.mutate(**{f"{MADE}{name}": value for name, value in found.items()})
    nameless = lines[f"{MADE}product_id"].isnull().ifelse(NO_PRODUCT, ibis.null("string"))
    return lines.mutate(**{PROBLEM: ibis.coalesce(lines[PROBLEM], nameless)}).drop(_CELL, _PART, _IS_LISTED)


def _objects(lines: ir.Table, basket: BasketColumn, functions: Functions) -> dict[str, ir.StringValue]:
    """What the entries of a list of objects say, by the keys that the settings give."""
    import ibis

    keys = {"product_id": basket.product, "quantity": basket.quantity, "unit_price": basket.unit_price}
    found = {name: functions.json_value(lines[_PART], ibis.literal(key)) for name, key in keys.items() if key}
    return {**found, "product_id": _named(found["product_id"])}


def _pairs(lines: ir.Table, functions: Functions) -> dict[str, ir.StringValue]:
    """Products with their quantities, `{"P1": 2}`, or without, `["P1", "P2"]`: then each entry is one piece."""
    import ibis

    part, is_listed, nothing = lines[_PART], lines[_IS_LISTED], ibis.null("string")
    wrapped = ibis.literal('{"entry": ') + is_listed.ifelse(part, nothing) + ibis.literal("}")  # JSON, to be unquoted
    listed = _named(functions.json_value(wrapped, ibis.literal("entry")))
    quantity = functions.json_value(lines[_CELL], is_listed.ifelse(nothing, part))
    return {"product_id": is_listed.ifelse(listed, part.nullif("")), "quantity": is_listed.ifelse("1", quantity)}


def _named(product: ir.StringValue) -> ir.StringValue:
    """A product; null where nothing stands in its place, or a list or an object."""
    import ibis

    return product.re_search(r"^\s*$|^null$|^\{.*\}$|^\[.*\]$").ifelse(ibis.null("string"), product)
