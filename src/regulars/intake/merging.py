"""Rows that repeat: in two files whose periods overlap, within one file, or under a key that should stand once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

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
NOT_CONTENT = ("_source", "_row")
"""Columns of a source that say nothing of what a row is about."""


# -- the same row twice -----------------------------------------------------------------------------


def repeats(
    rows: ir.Table,
    when: ir.Value | None,
    contract: TableContract,
    settings: TableSettings,
    sources: Sequence[str],
    engine: Engine,
) -> ir.Table | None:
    """The rows that repeat another one and are not to count: `_source`, `_row`, `_entry` and why; None where none do.

    A row that stands in two files counts once, in the first of them; the n-th repeat in one file answers the n-th in
    another. Repeats within a file are kept, since real orders repeat, unless `duplicates = "drop"`. Rows are compared
    as they stand in the source, with all their columns.

    Args:
        rows: The user's rows.
        when: Their date: files whose periods do not overlap have no row in common.
        contract: A table with one row per key is left alone here: its keys are merged.
        settings: Says what to do with repeats within a file.
        sources: The files, in their order.
        engine: Computes, and keeps what was found.
    """
    is_dropped = settings.duplicates == "drop"
    if not contract.is_event or not (is_dropped or len(sources) > 1):
        return None
    candidates = rows
    if not is_dropped and when is not None:
        common = _common_periods(rows, when, engine)
        if not common:
            return None
        candidates = rows.filter(_within(when, common))
    found = engine.persist(_repeated(candidates, sources, is_dropped=is_dropped), f"repeats_{contract.name}")
    return found if engine.collect(found.count(), 1)[0][0].as_py() else None


def _common_periods(rows: ir.Table, when: ir.Value, engine: Engine) -> list[tuple[Any, Any]]:
    """The periods that two files have in common; (None, None) for rows without a date, where two files have some."""
    dated = rows.select(source=rows["_source"], when=when)
    ends = dated.group_by("source").aggregate(
        first=dated.when.min(), last=dated.when.max(), undated=dated.when.isnull().sum()
    )
    files = engine.collect(ends, 1_000_000).to_pylist()
    common: list[tuple[Any, Any]] = []
    reached = None  # how far the files so far go
    for file in sorted((one for one in files if one["first"] is not None), key=lambda one: one["first"]):
        if reached is not None and file["first"] <= reached:
            common.append((file["first"], min(file["last"], reached)))
        reached = file["last"] if reached is None else max(reached, file["last"])
    if sum(file["undated"] > 0 for file in files) > 1:
        common.append((None, None))
    return list(dict.fromkeys(common))


def _within(when: ir.Value, periods: Sequence[tuple[Any, Any]]) -> ir.BooleanValue:
    import ibis

    kind = when.type()
    return ibis.or_(
        *[
            when.isnull() if first is None else when.between(ibis.literal(first, kind), ibis.literal(last, kind))
            for first, last in periods
        ]
    )


def _repeated(rows: ir.Table, sources: Sequence[str], *, is_dropped: bool) -> ir.Table:
    import ibis

    content = [f"c{place}" for place in range(len(rows.columns)) if rows.columns[place] not in NOT_CONTENT]
    named = rows.select(
        **{f"c{place}": rows[name] for place, name in enumerate(rows.columns) if name not in NOT_CONTENT},
        **{name: rows[name] for name in row_key(rows)},
        _file=file_number(rows, sources),
    )
    numbered = named.mutate(_nth=ibis.row_number().over(group_by=[*content, "_file"], order_by="_row"))
    first = numbered.mutate(_first=numbered["_file"].min().over(group_by=[*content, "_nth"]))
    why = ibis.cases(
        (first["_first"] != first["_file"], IN_ANOTHER_FILE),
        (ibis.literal(is_dropped) & (first["_nth"] > 0), EXACT_REPEAT),
        else_=ibis.null("string"),
    )
    found = first.mutate(_why=why)
    return found.filter(found["_why"].notnull()).select(*row_key(rows), "_why")


def row_key(rows: ir.Table) -> list[str]:
    """The columns that say which row of the source it is."""
    return [name for name in ("_source", "_row", "_entry") if name in rows.columns]


def file_number(rows: ir.Table, sources: Sequence[str]) -> ir.IntegerValue:
    """The place of a row's file among the sources."""
    import ibis

    if len(sources) < 2:
        return ibis.literal(0, "int64")
    return ibis.cases(
        *[(rows["_source"] == source, ibis.literal(place, "int64")) for place, source in enumerate(sources)],
        else_=ibis.literal(len(sources), "int64"),
    )


def mark(
    typed: ir.Table,
    noted: ir.Table,
    reasons: list[str],
    texts: Sequence[str] = (IN_ANOTHER_FILE, EXACT_REPEAT),
) -> ir.Table:
    """The typed rows, those that are noted with their reason, where they have none yet; reasons are added to the list.

    Args:
        typed: The rows, with `_reason`.
        noted: The rows to mark: their key, and as `_why` one of the texts.
        reasons: Texts of the reasons so far.
        texts: The reasons that may come.
    """
    import ibis

    names = row_key(typed)
    right = noted.select(_why=noted["_why"], **{f"{name}_of": noted[name] for name in names})
    joined = typed.left_join(right, [typed[name] == right[f"{name}_of"] for name in names])
    codes = []
    for why in texts:
        reasons.append(why)
        codes.append(((joined["_reason"] == 0) & (joined["_why"] == why), ibis.literal(len(reasons), "int32")))
    marked = joined.mutate(_reason=ibis.cases(*codes, else_=joined["_reason"]))
    return marked.select(*typed.columns)


# -- one row per key --------------------------------------------------------------------------------


def one_row_per_key(
    typed: ir.Table, contract: TableContract, sources: Sequence[str], reasons: list[str], engine: Engine
) -> ir.Table:
    """The typed rows of a table that has one row per key, repeated keys merged; a new reason is added to the list.

    The last row of a key is kept, with the last value of every column that is not missing. Earlier rows that say
    otherwise are set aside, those that do not are merged.
    """
    key = [name for name in contract.key if name in typed.columns]
    accepted = typed.filter(typed["_reason"] == 0)
    counts = accepted.group_by(key).aggregate(_rows=accepted.count())
    repeated = counts.filter(counts["_rows"] > 1)
    if not key or not engine.collect(repeated.count(), 1)[0][0].as_py():
        return typed
    several = _merged(accepted.semi_join(repeated, key), key, sources, reasons)
    others = [typed.filter(typed["_reason"] != 0), accepted.anti_join(repeated, key)]
    rows = others[0].union(others[1]).union(several.select(*typed.columns))
    return engine.persist(rows, f"read_{contract.name}")


def _merged(rows: ir.Table, key: Sequence[str], sources: Sequence[str], reasons: list[str]) -> ir.Table:
    import ibis

    content = [name for name in rows.columns if not name.startswith("_") and name not in key]
    order = [file_number(rows, sources), *(rows[name] for name in row_key(rows)[1:])]
    placed = rows.mutate(_place=ibis.row_number().over(order_by=order))
    last = placed.group_by(key).aggregate(
        _last=placed["_place"].max(),
        **{f"_of_{name}": placed[name].argmax(placed["_place"], where=placed[name].notnull()) for name in content},
    )
    joined = placed.inner_join(last, key)
    agrees = ibis.and_(
        ibis.literal(True), *[joined[name].isnull() | (joined[name] == joined[f"_of_{name}"]) for name in content]
    )
    is_last = joined["_place"] == joined["_last"]
    reasons.append(CONTRADICTS)
    kept, merged, contradicts = (ibis.literal(code, "int32") for code in (0, MERGED, len(reasons)))
    return joined.mutate(
        _reason=ibis.cases((is_last, kept), (agrees, merged), else_=contradicts),
        **{name: is_last.ifelse(joined[f"_of_{name}"], joined[name]) for name in content},
    )
