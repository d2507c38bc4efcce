"""What the columns of a table look like: the evidence by which they are then read.

One pass over the table counts what every mapped column could be; one more for each column of dates groups its shapes.
Nothing is changed here, and what cannot be decided is asked, not guessed.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.contract import CONTRACT, Column
from regulars.errors import DataError, RegularsError, SettingsError, closest
from regulars.intake import dates, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings, TableSettings
    from regulars.core.contract import TableContract
    from regulars.core.dataset import Engine

MAX_SHAPES = 2_000
"""A column with more shapes than this is no column of dates."""


@dataclass(frozen=True)
class Cell:
    """One column of a table: canonical and user's name, the text or value as it stands, and what is known of it."""

    column: Column
    user_name: str
    given: ir.Value
    text: ir.StringValue | None
    number: values.NumberEvidence | None = None
    mark: str = "."
    mark_evidence: str = ""
    ids: values.IdEvidence | None = None
    dates: dates.DatePlan | None = None

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.column.name


@dataclass(frozen=True)
class Survey:
    """A table of the user's, looked at but not yet read.

    `rows` has the user's columns and `_source`, `_row`, perhaps `_problem` (why a row cannot be read at all).
    `row_numbered` are the columns for which the row's number stands in.
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

    def cell(self, name: str) -> Cell | None:
        """The column of that canonical name."""
        return next((cell for cell in self.cells if cell.name == name), None)


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
        SettingsError: A mapped column is not there (all of them together).
    """
    contract = CONTRACT[name]
    mapped = _mapped(contract, settings, rows)
    cells = [_look(column, user_name, rows, settings) for column, user_name in mapped]
    cells = _counted(rows, cells, settings, engine)
    cells = [_dated(cell, rows, settings, dataset, engine) for cell in cells]
    used = {user_name for _, user_name in mapped} | _reshaped(settings)
    problems = [
        DataError(
            f"'{cell.user_name}' could be day-first or month-first: {cell.dates.evidence}, "
            f"as in '{_example(cell, rows, engine)}'",
            table=name,
            column=cell.user_name,
            rows=cell.dates.ambiguous,
            mend='say date_order = "day_first" or "month_first" under [dataset], '
            f"or reader = {{ date_order = … }} under [tables.{name}]",
        )
        for cell in cells
        if cell.dates is not None and cell.dates.ambiguous
    ]
    return Survey(
        contract=contract,
        settings=settings,
        rows=rows,
        cells=tuple(cells),
        sources=sources,
        is_text=is_text,
        unmapped=tuple(column for column in rows.columns if column not in used and not column.startswith("_")),
        row_numbered=_row_numbered(contract, cells),
        problems=tuple(problems),
    )


def _mapped(contract: TableContract, settings: TableSettings, rows: ir.Table) -> list[tuple[Column, str]]:
    """Each canonical column with the user's, the further ones under their own names.

    Raises:
        SettingsError: A column is not there.
    """
    there = [column for column in rows.columns if not column.startswith("_")]
    errors: list[RegularsError] = []
    mapped: list[tuple[Column, str]] = []
    for name, user_name in settings.columns.items():
        if user_name not in there:
            message = f"the file has no column '{user_name}', to which {name} is mapped"
            errors.append(SettingsError(message, table=contract.name, column=user_name, mend=closest(user_name, there)))
            continue
        mapped.append((contract.column(name) or Column(name, "text", "as in the data"), user_name))
    taken = set(settings.columns.values()) | _reshaped(settings)
    for pattern in settings.further:
        found = [column for column in there if fnmatch.fnmatchcase(column, pattern)]
        if not found:
            message = f"the file has no column '{pattern}', listed under further"
            errors.append(SettingsError(message, table=contract.name, column=pattern, mend=closest(pattern, there)))
        mapped += [(_own(contract, column), column) for column in found if column not in taken]
        taken |= set(found)
    if settings.unpivot:
        for name in (settings.unpivot.name, settings.unpivot.value):
            mapped.append((contract.column(name) or Column(name, "text", "as in the data"), f"__{name}"))
    if settings.basket:
        mapped += [
            (contract.column(name) or Column(name, "text", ""), f"__{name}")
            for name in ("product_id", "quantity", "unit_price")
            if f"__{name}" in rows.columns
        ]
    if errors:
        from regulars.errors import raise_all

        raise_all(errors)
    return mapped


def _own(contract: TableContract, column: str) -> Column:
    """A further column: a number or a text, as it turns out; a canonical one where it has the canonical name."""
    return contract.column(column) or Column(column, "text", "as in the data")


def _reshaped(settings: TableSettings) -> set[str]:
    """The user's columns that were turned into rows before the survey."""
    return {settings.basket.column} if settings.basket else set()


def _row_numbered(contract: TableContract, cells: list[Cell]) -> tuple[str, ...]:
    """Keys without a column. An order line needs no order id: it is one order per customer and day."""
    have = {cell.name for cell in cells}
    missing = [name for name in contract.key if name not in have]
    if contract.name in ("lines", "orders"):
        missing = [
            name for name in missing if name == "order_id" and (contract.name == "orders" or "customer_id" not in have)
        ]
        missing += ["customer_id"] if "customer_id" not in have else []
    if contract.name in ("calendar", "category_spend", "referrals"):
        missing = []
    return tuple(
        name for name in missing if name in ("order_id", "customer_id", "product_id", "campaign_id", "device_id")
    )


def _look(column: Column, user_name: str, rows: ir.Table, settings: TableSettings) -> Cell:
    given = rows[user_name]
    kind = given.type()
    as_text = kind.is_string() or (column.kind == "id" and kind.is_floating())
    as_text = as_text or (column.kind in ("instant", "date") and kind.is_numeric())
    text = values.clean(given.cast("string"), settings.reader.null_values) if as_text else None
    return Cell(column, user_name, given, text)


def _counted(rows: ir.Table, cells: list[Cell], settings: TableSettings, engine: Engine) -> list[Cell]:
    """The evidence that one pass gives: numbers and ids."""
    from dataclasses import replace

    sums: dict[str, ir.Value] = {}
    for place, cell in enumerate(cells):
        if cell.text is None:
            continue
        evidence: Mapping[str, ir.Value] = {}
        if cell.column.kind in ("number", "money", "integer") or _is_further(cell):
            evidence = values.number_evidence(cell.text)
        elif cell.column.kind == "id":
            evidence = values.id_evidence(cell.text)
        sums |= {f"{place}_{name}": value for name, value in evidence.items()}
    if not sums:
        return cells
    found = engine.collect(rows.aggregate(**sums), 1).to_pylist()[0]
    counted: list[Cell] = []
    for place, cell in enumerate(cells):
        mine = {key.partition("_")[2]: int(value or 0) for key, value in found.items() if key.startswith(f"{place}_")}
        if "plain" in mine:
            counted.append(replace(cell, number=values.NumberEvidence(**mine)))
        elif mine:
            counted.append(replace(cell, ids=values.IdEvidence(**mine)))
        else:
            counted.append(cell)
    proven = [cell.number for cell in counted if cell.number and not _is_further(cell)]
    elsewhere = "," if sum(one.comma_decimal for one in proven) > sum(one.dot_decimal for one in proven) else ""
    return [_marked(cell, settings.reader.decimal, elsewhere) for cell in counted]


def _is_further(cell: Cell) -> bool:
    """A column under the user's own name, whose kind its values decide."""
    return cell.column.meaning == "as in the data"


def _marked(cell: Cell, said: str, elsewhere: str) -> Cell:
    from dataclasses import replace

    if cell.number is None:
        return cell
    mark, evidence = values.decimal_mark(cell.number, said, elsewhere)
    if _is_further(cell):
        if cell.number.plain < cell.number.filled or not cell.number.filled:
            return replace(cell, number=None)
        return replace(cell, column=Column(cell.name, "number", "as in the data"), mark=mark)
    return replace(cell, mark=mark, mark_evidence=evidence)


def _dated(cell: Cell, rows: ir.Table, settings: TableSettings, dataset: DatasetSettings, engine: Engine) -> Cell:
    from dataclasses import replace

    if cell.column.kind not in ("instant", "date") or cell.text is None:
        return cell
    found = engine.collect(values.shapes(rows, cell.text).limit(MAX_SHAPES), MAX_SHAPES).to_pylist()
    shapes = sorted((dates.Shape(**row) for row in found), key=lambda shape: (-shape.rows, shape.shape))
    order = settings.reader.date_order or dataset.date_order
    return replace(cell, dates=dates.plan(shapes, order, settings.reader.date_formats))


def _example(cell: Cell, rows: ir.Table, engine: Engine) -> str:
    assert cell.text is not None  # noqa: S101  only text is ambiguous
    found = engine.collect(rows.select(text=cell.text).filter(lambda t: t.text.notnull()).limit(1), 1)
    return str(found["text"][0]) if found.num_rows else ""
