"""What a column looks like: the evidence by which it is then read.

A first pass over the table tells which columns are plain, so that the engine reads them as they stand. Only what is
not plain is looked at again: once together for blanks and words for nothing, and once for each column of numbers or
dates, whose texts are grouped by their marks. Nothing is changed here; what cannot be decided is asked, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regulars.intake import dates, numbers, values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings, TableSettings
    from regulars.core.contract import Column, Kind
    from regulars.core.dataset import Engine
    from regulars.intake.wording import Wording

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


def new_cell(
    column: Column, user_name: str, rows: ir.Table, *, is_own: bool = False, wording: Wording | None = None
) -> Cell:
    """A column before it is looked at: as text, unless the source has it typed as its kind asks.

    Where its values stand for something it is always a text: what they stand for is then read.
    """
    given = rows[user_name]
    if wording is not None:
        column = replace(column, kind="text") if is_own else column
        return Cell(column, user_name, given, wording.of(values.filled(values.as_text(given))), is_own=is_own)
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


def look(rows: ir.Table, cells: list[Cell], settings: TableSettings, engine: Engine) -> tuple[int, list[Cell]]:
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


def plan_cells(
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
