"""Wide columns made long, and product lists in a cell made lines, before the columns are read."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from regulars.errors import SettingsError, closest

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.config import BasketColumn, TableSettings, Unpivot
    from regulars.engine.base import Functions

UNREADABLE_BASKET = "the product list cannot be read"
EMPTY_BASKET = "the product list is empty"


def reshape(rows: ir.Table, settings: TableSettings, table: str, functions: Functions) -> ir.Table:
    """The rows as the settings ask: one row per unpivoted column, or per product in a cell.

    New columns are called `__NAME` after the canonical column they are for. A product list that cannot be read leaves
    its row in place, with `_problem` saying so.

    Raises:
        SettingsError: A column that is to be reshaped is not there.
    """
    if settings.unpivot:
        return _unpivoted(rows, settings.unpivot, table)
    if settings.basket:
        return _unpacked(rows, settings.basket, table, functions)
    return rows


def _unpivoted(rows: ir.Table, unpivot: Unpivot, table: str) -> ir.Table:
    there = [column for column in rows.columns if not column.startswith("_")]
    wanted: list[str] = []
    for pattern in unpivot.columns:
        found = [column for column in there if fnmatch.fnmatchcase(column, pattern) and column not in wanted]
        if not found:
            raise SettingsError(
                f"unpivot names '{pattern}', and the file has no such column",
                table=table,
                column=pattern,
                mend=closest(pattern, there),
            )
        wanted += found
    name, value = f"__{unpivot.name}", f"__{unpivot.value}"
    texts = rows.mutate(**{column: rows[column].cast("string") for column in wanted})
    long = texts.pivot_longer(wanted, names_to=name, values_to=value)
    if not unpivot.strip:
        return long
    start = len(unpivot.strip)
    return long.mutate(**{name: long[name].startswith(unpivot.strip).ifelse(long[name].substr(start), long[name])})


def _unpacked(rows: ir.Table, basket: BasketColumn, table: str, functions: Functions) -> ir.Table:
    import ibis

    if basket.column not in rows.columns:
        there = [column for column in rows.columns if not column.startswith("_")]
        raise SettingsError(
            f"basket names '{basket.column}', and the file has no such column",
            table=table,
            column=basket.column,
            mend=closest(basket.column, there),
        )
    is_list = bool(basket.product)
    cell = rows[basket.column].cast("string")
    packed = rows.mutate(__entry=functions.json_entries(cell, is_list=is_list))
    readable = packed.filter(packed["__entry"].notnull() & (packed["__entry"].length() > 0)).unnest("__entry")
    entry = readable["__entry"].cast("string")
    text = readable[basket.column].cast("string")
    if is_list:
        found = {
            "product_id": functions.json_value(entry, ibis.literal(basket.product)),
            **({"quantity": functions.json_value(entry, ibis.literal(basket.quantity))} if basket.quantity else {}),
            **(
                {"unit_price": functions.json_value(entry, ibis.literal(basket.unit_price))}
                if basket.unit_price
                else {}
            ),
        }
    else:
        found = {"product_id": entry, "quantity": functions.json_value(text, entry)}
    has_problem = "_problem" in rows.columns
    lines = readable.mutate(
        **{f"__{name}": value for name, value in found.items()},
        _problem=readable["_problem"] if has_problem else ibis.null("string"),
    ).drop("__entry")
    broken = packed.filter(packed["__entry"].isnull() | (packed["__entry"].length() == 0))
    why = broken["__entry"].isnull().ifelse(UNREADABLE_BASKET, EMPTY_BASKET)
    broken = broken.mutate(
        **{f"__{name}": ibis.null("string") for name in found},
        _problem=ibis.coalesce(broken["_problem"], why) if has_problem else why,
    ).drop("__entry")
    return lines.union(broken.select(*lines.columns))
