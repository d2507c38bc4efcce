"""What the columns of a table look like: the evidence by which they are then read.

A first pass over the table tells which columns are plain, so that the engine reads them as they stand. Only what is
not plain is looked at again: once together for blanks and words for nothing, and once for each column of numbers or
dates, whose texts are grouped by their marks. Nothing is changed here; what cannot be decided is asked, not guessed.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from regulars.core.contract import CONTRACT, Column
from regulars.errors import DataError, RegularsError, SettingsError, closest, raise_all
from regulars.intake import dates, exclude, numbers, values
from regulars.intake.reshape import ENTRY, MADE
from regulars.intake.sources.header import RESERVED, free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings, TableSettings
    from regulars.core.contract import Kind, TableContract
    from regulars.core.dataset import Engine

MAX_MASKS = 2_000
"""More different masks than this are not looked at one by one."""
NO_PROOF = numbers.Proof()
NUMBERS = ("number", "money", "integer")
DATES = ("instant", "date")


@dataclass(frozen=True)
class Cell:
    """One column of a table: canonical and user's name, the value as it stands, and what is known of it.

    Args:
        column: The canonical column.
        user_name: The user's.
        given: The value as it stands.
        text: The text to be read; None where the source has typed the value already.
        is_own: The user's own name stands; what the values are decides how they are read.
        filled: Rows that have a text (known for texts only).
        blanks: Rows whose text has blanks around it.
        words: Rows whose text is a word for nothing.
        proof: What numbers prove about the decimal mark.
        number: How numbers are read.
        dates: How dates are read.
        is_whole: Every id is a whole number.
        decimals: Ids written as a decimal number.
        is_plain: Every text is as it should be, so that nothing more is to be looked at.
    """

    column: Column
    user_name: str
    given: ir.Value
    text: ir.StringValue | None = None
    is_own: bool = False
    filled: int = 0
    blanks: int = 0
    words: int = 0
    proof: numbers.Proof = NO_PROOF
    number: numbers.NumberPlan | None = None
    dates: dates.DatePlan | None = None
    is_whole: bool = False
    decimals: int = 0
    is_plain: bool = False

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.column.name

    @property
    def kind(self) -> Kind:
        """How the column is read."""
        return self.column.kind


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
    cells = [
        _cell(column, user_name, rows, is_own=contract.column(column.name) is None) for column, user_name in mapped
    ]
    row_numbered = _row_numbered(contract, cells)
    cells += _ruled(contract, settings, cells, rows)
    read, cells = _look(rows, cells, settings, engine)
    cells = _planned(rows, cells, settings, dataset, engine)
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
    return [_cell(Column(name, kind, ""), name, rows) for name, kind in kinds.items()]


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


# -- what the columns look like ---------------------------------------------------------------------


def _cell(column: Column, user_name: str, rows: ir.Table, *, is_own: bool = False) -> Cell:
    """A column before it is looked at: as text, unless the source has it typed as its kind asks."""
    given = rows[user_name]
    if is_own:
        column = replace(column, kind=_own_kind(given.type()))
    if _is_typed(column.kind, given.type()):
        return Cell(column, user_name, given, is_own=is_own)
    return Cell(column, user_name, given, values.filled(values.as_text(given)), is_own=is_own)


def _own_kind(kind: dt.DataType) -> Kind:
    if kind.is_boolean():
        return "boolean"
    if kind.is_numeric():
        return "number"
    if kind.is_timestamp():
        return "instant"
    return "date" if kind.is_date() else "text"


def _is_typed(wanted: Kind, kind: dt.DataType) -> bool:
    """Whether a source's type is what a kind of column asks for, so that nothing is to be read."""
    if kind.is_string():
        return False
    if wanted == "id":
        return bool(kind.is_signed_integer() or (kind.is_integer() and kind.nbytes < 8))
    if wanted in NUMBERS or wanted == "boolean":
        return bool(kind.is_numeric() or kind.is_boolean())
    if wanted in DATES:
        return bool(kind.is_timestamp() or kind.is_date())
    return True


def _look(rows: ir.Table, cells: list[Cell], settings: TableSettings, engine: Engine) -> tuple[int, list[Cell]]:
    """How many rows there are, and the cells with what one pass, and another for those not plain, tells of them."""
    words = settings.reader.null_values
    read, first = _sums(rows, [_first(cell, words) for cell in cells], engine)
    cells = [_settled(cell, found, settings) for cell, found in zip(cells, first, strict=True)]
    second = [_second(cell, words) for cell in cells]
    if not any(second):
        return read, cells
    _, again = _sums(rows, second, engine)
    return read, [_cleaned(cell, found, words) for cell, found in zip(cells, again, strict=True)]


def _sums(rows: ir.Table, wanted: Sequence[Mapping[str, ir.Value]], engine: Engine) -> tuple[int, list[dict[str, int]]]:
    """How many rows there are, and the sums of every cell, in one query."""
    sums = {f"{place}_{name}": value for place, one in enumerate(wanted) for name, value in one.items()}
    found = engine.collect(rows.aggregate(rows=rows.count(), **sums), 1).to_pylist()[0]
    return int(found["rows"]), [
        {name: int(found[f"{place}_{name}"] or 0) for name in one} for place, one in enumerate(wanted)
    ]


def _first(cell: Cell, null_words: Sequence[str]) -> dict[str, ir.Value]:
    """What is counted in the first pass: texts, and how many of them are plain for the kind of column."""
    text, kind = cell.text, cell.kind
    if text is None:
        return {}
    counts = {"filled": text.count()}
    if kind in NUMBERS or cell.is_own:
        counts["numbers"] = values.plain_number(text).count()
        counts["points"] = text.contains(".").sum()
        counts["three_behind"] = text.like("%.___").sum()
    if cell.is_own:
        counts |= _signs_of_numbers(text)
    if kind == "id":
        counts["plain"] = text.re_search(values.WHOLE).sum()
    elif kind in DATES:
        counts["plain"] = text.re_search(dates.ISO).sum()
    elif kind == "boolean":
        counts["plain"] = values.truth(text).count()
    elif kind == "text":
        counts["plain"] = values.is_tidy(text, null_words).sum()
    return counts


def _signs_of_numbers(text: ir.StringValue) -> dict[str, ir.Value]:
    return {"digits": text.re_search("[0-9]").sum(), "codes": text.re_search(values.CODE).sum()}


def _as_kind(cell: Cell, kind: Kind) -> Cell:
    return replace(cell, column=replace(cell.column, kind=kind))


def _settled(cell: Cell, found: Mapping[str, int], settings: TableSettings) -> Cell:
    """A cell after the first pass: plain, or still to be looked at."""
    if cell.text is None:
        return cell
    filled = found["filled"]
    cell = replace(cell, filled=filled)
    if cell.is_own and 2 * found["digits"] >= filled > 0 and not found["codes"]:
        cell = _as_kind(cell, "number")  # unless a closer look says otherwise
    if cell.kind in NUMBERS:
        # every point with three digits behind it could be a thousands mark
        is_doubtful = found["points"] and (found["three_behind"] == found["points"] or _mark_said(settings) == ",")
        if found["numbers"] < filled or is_doubtful:
            return cell
        proof = numbers.Proof(dot=found["points"])
        return replace(cell, number=numbers.PLAIN, proof=proof, is_plain=True)
    if found["plain"] < filled:
        return cell
    plan = dates.PLAIN if cell.kind in DATES else None
    return replace(cell, dates=plan, is_whole=cell.kind == "id", is_plain=True)


def _mark_said(settings: TableSettings) -> str:
    """The decimal mark that the settings give, in so many words or by the thousands mark; else ""."""
    return settings.reader.decimal or {",": ".", ".": ","}.get(settings.reader.thousands, "")


def _second(cell: Cell, null_words: Sequence[str]) -> dict[str, ir.Value]:
    """What is counted in the second pass, of the columns that are not plain."""
    text = cell.text
    if text is None or cell.is_plain:
        return {}
    clean, is_untidy = values.clean(text, null_words), ~values.is_tidy(text, null_words)
    counts = {
        "untidy": is_untidy.sum(),
        "blanks": is_untidy.ifelse(values.has_blanks(text), False).sum(),  # the test decides what is looked at closely
        "words": is_untidy.ifelse(clean.isnull(), False).sum(),
    }
    if cell.kind == "id":
        counts["whole"] = clean.re_search(values.WHOLE).sum()
        counts["decimals"] = clean.re_search(values.WHOLE_AS_DECIMAL).sum()
    if cell.is_own and cell.kind == "number":
        counts |= _signs_of_numbers(clean)
    return counts


def _cleaned(cell: Cell, found: Mapping[str, int], null_words: Sequence[str]) -> Cell:
    """A cell after the second pass; where there is nothing to clean its text stays as it is."""
    if cell.text is None or not found:
        return cell
    filled = cell.filled - found["words"]
    if "digits" in found and (found["digits"] < filled or found["codes"]):
        cell = _as_kind(cell, "text")
    is_whole = cell.kind == "id" and found["whole"] + found["decimals"] == filled
    return replace(
        cell,
        text=values.clean(cell.text, null_words) if found["untidy"] else cell.text,
        filled=filled,
        blanks=found["blanks"],
        words=found["words"],
        is_whole=is_whole,
        decimals=found["decimals"] if is_whole else 0,
    )


# -- how they are read ------------------------------------------------------------------------------


def _planned(
    rows: ir.Table, cells: list[Cell], settings: TableSettings, dataset: DatasetSettings, engine: Engine
) -> list[Cell]:
    """The cells with a plan for every column of numbers and dates that is not plain."""
    order = settings.reader.date_order or dataset.date_order
    masks: dict[int, list[dict[str, Any]]] = {}
    for place, cell in enumerate(cells):
        if cell.text is not None and not cell.is_plain and cell.kind in (*NUMBERS, *DATES):
            masks[place] = engine.collect(values.masks(rows, cell.text, MAX_MASKS), MAX_MASKS).to_pylist()
    for place, found in masks.items():
        cell = cells[place]
        if cell.kind in DATES:
            plan = dates.plan(values.shapes(found), order, settings.reader.date_formats)
            cells[place] = replace(cell, dates=plan)
        else:
            cells[place] = replace(cell, proof=numbers.prove(_as_masks(found)))
    elsewhere = _proven_mark(cells)
    for place, found in masks.items():
        if cells[place].kind in NUMBERS:
            cells[place] = _read_as_number(cells[place], _as_masks(found), settings, elsewhere)
    return cells


def _as_masks(found: Sequence[dict[str, Any]]) -> list[numbers.Mask]:
    return [numbers.Mask(row["mask"], row["rows"], row["least"]) for row in found]


def _proven_mark(cells: Sequence[Cell]) -> str:
    """The decimal mark that the columns of a table prove together, or ""."""
    dot, comma = sum(cell.proof.dot for cell in cells), sum(cell.proof.comma for cell in cells)
    return "," if comma > dot else "." if dot > comma else ""


def _read_as_number(cell: Cell, masks: Sequence[numbers.Mask], settings: TableSettings, elsewhere: str) -> Cell:
    """A cell with its plan; a column under the user's own name is text where any of its values is no number."""
    mark, evidence = numbers.decide_mark(cell.proof, _mark_said(settings), elsewhere)
    is_all = len(masks) < MAX_MASKS
    plan = numbers.plan(masks, mark, evidence, settings.reader.thousands, is_all=is_all)
    if cell.is_own and (plan.unreadable or not is_all):
        return _as_kind(cell, "text")
    return replace(cell, number=plan)
