"""A table of the user's before it is read: which columns are mapped to which, and what each looks like."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT, Column
from regulars.errors import DataError, RegularsError, SettingsError, closest, raise_all
from regulars.intake import exclude, wording
from regulars.intake.evidence import Cell, look, new_cell, plan_cells
from regulars.intake.reshape import ENTRY, MADE
from regulars.intake.sources.header import RESERVED, free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings, TableSettings
    from regulars.core.contract import Kind, TableContract
    from regulars.core.dataset import Engine


@dataclass(frozen=True)
class Survey:
    """A table of the user's, looked at but not yet read.

    Args:
        contract: What the table is to become.
        settings: Its section of the settings.
        rows: The user's columns, `_source` and `_row`, perhaps `_problem` (why a row cannot be read at all) and, where
            rows were made of one, `_entry`.
        cells: The mapped columns.
        sources: The files, as shown.
        is_text: The source has text only, so that the typed rows are worth keeping.
        unmapped: The user's columns that are not used.
        row_numbered: Columns for which the row's number stands in.
        problems: What must be said before the table can be read.
        ruled: Columns that only the rules under `exclude` name, by the user's name.
        read: Rows there are; where rows were made of one, those that were made.
        read_before: Rows of the source.
        renamed: Further columns whose own name is taken, with the name they have here.
        worded: Columns whose values stand for something.
    """

    contract: TableContract
    settings: TableSettings
    rows: ir.Table
    cells: tuple[Cell, ...]
    sources: tuple[str, ...]
    is_text: bool
    unmapped: tuple[str, ...]
    row_numbered: tuple[str, ...] = ()
    problems: tuple[RegularsError, ...] = field(default=())
    ruled: tuple[Cell, ...] = ()
    read: int = 0
    read_before: int = 0
    renamed: tuple[tuple[str, str], ...] = ()
    worded: tuple[wording.Wording, ...] = ()

    @property
    def is_reshaped(self) -> bool:
        """Whether several rows were made of one."""
        return ENTRY in self.rows.columns

    def cell(self, name: str) -> Cell | None:
        """The column of that canonical name."""
        return next((cell for cell in self.cells if cell.name == name), None)


def users_columns(rows: ir.Table) -> list[str]:
    """The columns that are the user's own."""
    return [name for name in rows.columns if name not in RESERVED and name != ENTRY and not name.startswith(MADE)]


def survey(
    name: str,
    settings: TableSettings,
    rows: ir.Table,
    *,
    sources: tuple[str, ...],
    is_text: bool,
    dataset: DatasetSettings,
    engine: Engine,
) -> Survey:
    """The evidence for every mapped column of one table.

    Args:
        name: The canonical table.
        settings: Its section of the settings.
        rows: The user's rows, with `_source` and `_row`.
        sources: The files, as shown.
        is_text: Whether the source has text only (then the typed rows are worth keeping).
        dataset: The section `[dataset]`.
        engine: Counts.

    Raises:
        SettingsError: A mapped column is not there, or a rule is not understood (all of them together).
    """
    contract = CONTRACT[name]
    if ENTRY in rows.columns:
        rows = engine.persist(rows, f"reshaped_{name}")
    mapped, renamed = _mapped(contract, settings, rows)
    worded = wording.wordings(settings, mapped, rows, name, engine) if settings.values else {}
    cells = [
        new_cell(column, user_name, rows, is_own=contract.column(column.name) is None, wording=worded.get(column.name))
        for column, user_name in mapped
    ]
    row_numbered = _row_numbered(contract, cells)
    cells += _ruled(contract, settings, cells, rows)
    read, cells = look(rows, cells, settings, engine)
    cells = plan_cells(rows, cells, settings, dataset, engine)
    cells, ruled = cells[: len(mapped)], cells[len(mapped) :]
    used = {user_name for _, user_name in mapped} | ({settings.basket.column} if settings.basket else set())
    return Survey(
        contract=contract,
        settings=settings,
        rows=rows,
        cells=tuple(cells),
        sources=sources,
        is_text=is_text,
        unmapped=tuple(column for column in users_columns(rows) if column not in used | _unpivoted(settings, rows)),
        row_numbered=row_numbered,
        problems=tuple(
            _asked(name, cell) for cell in (*cells, *ruled) if cell.dates is not None and cell.dates.ambiguous
        ),
        ruled=tuple(ruled),
        read=read,
        read_before=_read_before(rows, engine) if ENTRY in rows.columns else read,
        renamed=renamed,
        worded=tuple(worded.values()),
    )


def _read_before(rows: ir.Table, engine: Engine) -> int:
    firsts = rows.filter(rows[ENTRY] == 0)
    return int(engine.collect(firsts.count(), 1)[0][0].as_py())


def _asked(table: str, cell: Cell) -> DataError:
    """What must be said about a column of dates that can be read two ways."""
    assert cell.dates is not None  # noqa: S101  asked of dates only
    return DataError(
        f"'{cell.user_name}' could be day-first or month-first: {cell.dates.evidence}, as in '{cell.dates.example}'",
        table=table,
        column=cell.user_name,
        rows=cell.dates.ambiguous,
        mend='say date_order = "day_first" or "month_first" under [dataset], '
        f"or reader = {{ date_order = … }} under [tables.{table}]",
    )


# -- which columns ----------------------------------------------------------------------------------


def _mapped(
    contract: TableContract, settings: TableSettings, rows: ir.Table
) -> tuple[list[tuple[Column, str]], tuple[tuple[str, str], ...]]:
    """Each canonical column with the user's, the further ones under their own names.

    Returns:
        The columns, and the further ones whose own name is taken with their new name.

    Raises:
        SettingsError: A column is not there.
    """
    there = users_columns(rows)
    errors: list[RegularsError] = []
    mapped: list[tuple[Column, str]] = []
    for name, user_name in settings.columns.items():
        if user_name in there:
            mapped.append((contract.column(name) or Column(name, "text", "as in the data"), user_name))
        else:
            message = f"the file has no column '{user_name}', to which {name} is mapped"
            errors.append(SettingsError(message, table=contract.name, column=user_name, mend=closest(user_name, there)))
    made = [column for column in rows.columns if column.startswith(MADE)]
    for column in made:
        name = column.removeprefix(MADE)
        mapped.append((contract.column(name) or Column(name, "text", "as in the data"), column))
    further, missing = _further(settings, there)
    errors += [
        SettingsError(
            f"the file has no column '{pattern}', listed under further",
            table=contract.name,
            column=pattern,
            mend=closest(pattern, there),
        )
        for pattern in missing
    ]
    raise_all(errors)
    taken = {column.name.casefold() for column, _ in mapped}
    renamed: list[tuple[str, str]] = []
    for user_name in further:
        own = free_name(user_name.strip("_"), there.index(user_name) + 1, taken)
        if own != user_name:
            renamed.append((user_name, own))
        mapped.append((contract.column(own) or Column(own, "text", "as in the data"), user_name))
    return mapped, tuple(renamed)


def _further(settings: TableSettings, there: Sequence[str]) -> tuple[list[str], list[str]]:
    """The user's columns kept beside the mapped ones, and the patterns that no column fits."""
    used = set(settings.columns.values()) | ({settings.basket.column} if settings.basket else set())
    used |= {name for name in there if settings.unpivot and _fits(name, settings.unpivot.columns)}
    missing = [pattern for pattern in settings.further if not any(_fits(name, [pattern]) for name in there)]
    return [name for name in there if _fits(name, settings.further) and name not in used], missing


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _unpivoted(settings: TableSettings, rows: ir.Table) -> set[str]:
    patterns = settings.unpivot.columns if settings.unpivot else ()
    return {name for name in users_columns(rows) if _fits(name, patterns)}


def _ruled(contract: TableContract, settings: TableSettings, cells: Sequence[Cell], rows: ir.Table) -> list[Cell]:
    """The user's columns that rules alone name; compared with a number or a date they are read as such.

    Raises:
        SettingsError: A rule is not understood, or names a column that is not there (all together).
    """
    there = users_columns(rows)
    mapped = {name for cell in cells for name in (cell.name, cell.user_name)}
    errors: list[RegularsError] = []
    kinds: dict[str, Kind] = {}
    for text in settings.exclude:
        try:
            rule = exclude.read_rule(text, contract.name)
            if rule.column in there and rule.column not in mapped:
                kinds[rule.column] = rule.kind if kinds.get(rule.column, "text") == "text" else kinds[rule.column]
            elif rule.column not in mapped:
                raise exclude.no_column(rule, contract.name, [*(cell.name for cell in cells), *there])
        except RegularsError as problem:
            errors.append(problem)
    raise_all(errors)
    return [new_cell(Column(name, kind, ""), name, rows) for name, kind in kinds.items()]


_NUMBERED = {
    "lines": ("order_id", "customer_id"),
    "orders": ("order_id", "customer_id"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "campaigns": ("campaign_id",),
    "contacts": ("customer_id",),
    "devices": ("device_id",),
    "category_spend": ("customer_id",),
}
"""Ids for which the row's number stands in, where no column is mapped to them."""


def _row_numbered(contract: TableContract, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Ids without a column.

    Lines need no order id where they have a customer: they are then one order per customer and day.

    Raises:
        SettingsError: Another column that the table cannot be used without is not mapped.
    """
    have = {cell.name for cell in cells}
    standing = [name for name in _NUMBERED.get(contract.name, ()) if name not in have]
    if contract.name == "lines" and "customer_id" in have:
        standing = []
    lacking = [name for name in contract.key if name in contract.needed and name not in (*have, *standing)]
    raise_all(
        [
            SettingsError(
                f"[tables.{contract.name}] maps no column to {name}",
                table=contract.name,
                mend=f'add columns = {{ {name} = "…" }}',
            )
            for name in lacking
        ]
    )
    return tuple(standing)
