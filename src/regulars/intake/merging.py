"""Rows that repeat: in two files whose periods overlap, within one file, or under a key that should stand once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.config import TableSettings
    from regulars.core.contract import TableContract
    from regulars.core.dataset import Engine

IN_ANOTHER_FILE = "the same row stands in another file"
EXACT_REPEAT = "repeats another row of the same file exactly"
CONTRADICTS = "contradicts a later row of the same key"
MERGED = -1
"""The `_reason` of a row that says nothing its key's kept row does not: neither set aside nor a row of its own."""
MERGED_WORDS = "the key stands in several rows that agree: merged"


def merge(
    typed: ir.Table,
    contract: TableContract,
    settings: TableSettings,
    sources: tuple[str, ...],
    reasons: list[str],
    engine: Engine,
) -> ir.Table:
    """The typed rows with repeats marked; new reasons are added to the list.

    Event tables keep exact repeats within a file unless `duplicates = "drop"`: real orders repeat. A row that stands
    in two files counts once. A table with one row per key keeps, column by column, the last value that is not
    missing; earlier rows that say otherwise are set aside.
    """
    if len(sources) > 1:
        typed = _one_file_each(typed, reasons)
    if contract.is_event:
        if settings.duplicates == "drop":
            typed = _dropped_repeats(typed, reasons)
        return engine.persist(typed, f"read_{contract.name}") if len(sources) > 1 else typed
    key = [name for name in contract.key if name in typed.columns]
    if not key:
        return typed
    accepted = typed.filter(typed["_reason"] == 0)
    distinct = accepted.select(*key).distinct().count()
    counts = engine.collect(accepted.aggregate(rows=accepted.count()).mutate(keys=distinct.as_scalar()), 1).to_pylist()[
        0
    ]
    if counts["rows"] == counts["keys"]:
        return typed
    return engine.persist(_merged(typed, key, reasons), f"read_{contract.name}")


def _values(typed: ir.Table) -> list[str]:
    return [name for name in typed.columns if not name.startswith("_")]


def _mark(typed: ir.Table, condition: ir.BooleanValue, reasons: list[str], reason: str) -> ir.Table:
    """Rows that have no reason yet get this one where the condition holds."""
    import ibis

    reasons.append(reason)
    code = ibis.literal(len(reasons), "int16")
    return typed.mutate(_reason=((typed["_reason"] == 0) & condition).ifelse(code, typed["_reason"]))


def _one_file_each(typed: ir.Table, reasons: list[str]) -> ir.Table:
    """A row is kept in the first file that has it; the n-th repeat in one file answers the n-th in another."""
    import ibis

    numbered = typed.mutate(_nth=ibis.row_number().over(group_by=["_content", "_source"], order_by="_row"))
    first = numbered.mutate(_first=numbered["_source"].min().over(group_by=["_content", "_nth"]))
    return _mark(first, first["_first"] != first["_source"], reasons, IN_ANOTHER_FILE).drop(
        "_nth", "_first", "_content"
    )


def _dropped_repeats(typed: ir.Table, reasons: list[str]) -> ir.Table:
    import ibis

    numbered = typed.mutate(
        _nth=ibis.row_number().over(group_by=[*_values(typed), "_source", "_reason"], order_by="_row")
    )
    return _mark(numbered, numbered["_nth"] > 0, reasons, EXACT_REPEAT).drop("_nth")


def _merged(typed: ir.Table, key: list[str], reasons: list[str]) -> ir.Table:
    """One row per key with the last value of every column; other rows are merged where they agree, else set aside."""
    import ibis

    content = [name for name in _values(typed) if name not in key]
    order = typed.mutate(_place=ibis.row_number().over(order_by=["_source", "_row"]), _is_kept=typed["_reason"] == 0)
    accepted = order.filter(order["_is_kept"])
    last = accepted.group_by(key).aggregate(
        _last=accepted["_place"].max(),
        **{
            f"_of_{name}": accepted[name].argmax(accepted["_place"], where=accepted[name].notnull()) for name in content
        },
    )
    joined = order.left_join(last, key)
    agrees = ibis.literal(True)
    for name in content:
        agrees = agrees & (joined[name].isnull() | (joined[name] == joined[f"_of_{name}"])).fill_null(True)
    is_last = joined["_place"] == joined["_last"]
    reasons.append(CONTRADICTS)
    kept, merged, contradicts = (ibis.literal(code, "int16") for code in (0, MERGED, len(reasons)))
    rows = joined.mutate(
        _reason=(~joined["_is_kept"]).ifelse(
            joined["_reason"], is_last.ifelse(kept, agrees.ifelse(merged, contradicts))
        )
    )
    latest = {name: (rows["_reason"] == 0).ifelse(rows[f"_of_{name}"], rows[name]) for name in content}
    return rows.select(
        **{name: rows[name] for name in key},
        **latest,
        **{name: rows[name] for name in ("_source", "_row", "_reason", "_repairs")},
    )
