"""Surveyed columns as typed ones, with the reasons to set a row aside and the repairs made on it.

A condition is made only where the survey found that it can hold, so that a clean table costs nothing more than to be
read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.errors import RegularsError, raise_all
from regulars.intake import exclude, repairs, values
from regulars.intake.evidence import DATES, NUMBERS
from regulars.intake.merging import file_number, row_key
from regulars.intake.reshape import BASKET_PROBLEMS
from regulars.intake.sources.staging import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings
    from regulars.core.contract import Kind
    from regulars.core.dataset import Engine
    from regulars.engine.base import Functions
    from regulars.intake.evidence import Cell
    from regulars.intake.survey import Survey

DOMAINS = {
    "customer_id": "customer",
    "sponsor_id": "customer",
    "order_id": "order",
    "product_id": "product",
    "campaign_id": "campaign",
    "device_id": "device",
    "status_id": "status",
    "store_id": "store",
}
"""Ids that name the same thing in several tables, and so must be of one type in all of them."""
DAMAGED = "the row has too many or too few cells, or cannot be told apart into its cells"
BITS = 62
"""Repairs are noted in bits of whole numbers, so many in each."""
_WORDS = {"instant": "a date", "date": "a date", "boolean": "yes or no", "integer": "a whole number"}


@dataclass
class Reading:
    """A table while it is being read: typed columns, and reasons and repairs, in the order in which they come first."""

    columns: dict[str, ir.Value] = field(default_factory=dict)
    reasons: list[tuple[str, ir.BooleanValue]] = field(default_factory=list)
    repairs: list[tuple[str, ir.BooleanValue]] = field(default_factory=list)


def read(
    survey: Survey,
    whole: Collection[str],
    dataset: DatasetSettings,
    engine: Engine,
    functions: Functions,
    as_of: date | None,
) -> Reading:
    """The typed columns of a table.

    A damaged row is set aside as that; then the user's own rules come, since what they name is no fault of the data;
    then what is missing or cannot be read.

    Raises:
        RegularsError: A rule does not fit its column (all of them together).
    """
    reading = Reading()
    if PROBLEM in survey.rows.columns:
        problem = survey.rows[PROBLEM]
        in_cells = BASKET_PROBLEMS if survey.is_reshaped else ()
        reading.reasons += [(text, (problem == text).fill_null(False)) for text in in_cells]
        reading.reasons.append((DAMAGED, problem.notnull()))
    for cell in survey.cells:
        reading.columns[cell.name] = _value(cell, whole, dataset, functions)
    for name in survey.row_numbered:
        reading.columns[name] = _row_number(survey, name, reading, whole)
    ruled = {cell.user_name: (_value(cell, whole, dataset, functions), cell.kind) for cell in survey.ruled}
    _excluded(survey, reading, ruled)
    for cell in survey.cells:
        _judge(cell, survey, reading)
    if not survey.contract.is_event:
        _mend(survey, reading, as_of, engine)
    return reading


# -- one column -------------------------------------------------------------------------------------


def _value(cell: Cell, whole: Collection[str], dataset: DatasetSettings, functions: Functions) -> ir.Value:
    """A column as its kind asks; null where a value cannot be read so."""
    kind, text = cell.kind, cell.text
    if text is None:
        return _typed_value(cell, whole, dataset, functions)
    if kind == "id":
        if DOMAINS.get(cell.name) in whole:
            return values.whole_number(text)
        return values.whole_number(text).cast("string") if cell.decimals else text
    if kind in NUMBERS:
        assert cell.number is not None  # noqa: S101  planned in the survey
        value = values.number(text, cell.number)
        return values.exact_integer(value) if kind == "integer" else value
    if kind in DATES:
        assert cell.dates is not None  # noqa: S101  planned in the survey
        value = values.instant(text, cell.dates, functions, dataset.timezone)
        return value.cast("date") if kind == "date" else value
    return values.truth(text) if kind == "boolean" else text


def _typed_value(cell: Cell, whole: Collection[str], dataset: DatasetSettings, functions: Functions) -> ir.Value:
    """A column that the source has typed already."""
    kind, given = cell.kind, cell.given
    if kind == "id":
        return given.cast("int64" if DOMAINS.get(cell.name) in whole else "string")
    if kind in NUMBERS:
        value = given.cast("float64") if kind != "integer" or not given.type().is_integer() else given.cast("int64")
        if value.type().is_floating():
            value = values.finite(value)
        return values.exact_integer(value) if kind == "integer" and value.type().is_floating() else value
    if kind in DATES:
        if given.type().is_timestamp() and given.type().timezone:
            given = functions.local(given.cast("timestamp('UTC')").cast("timestamp"), dataset.timezone)
        return given.cast("timestamp" if kind == "instant" else "date")
    if kind == "boolean":
        return given if given.type().is_boolean() else values.truth(values.as_text(given))
    return values.as_text(given)


def _row_number(survey: Survey, name: str, reading: Reading, whole: Collection[str]) -> ir.Value:
    """What stands in for an id: the order's, else the row's number, which goes on from file to file."""
    if name == "customer_id" and "order_id" in reading.columns:
        number = reading.columns["order_id"]
    elif len(survey.sources) > 1:
        number = file_number(survey.rows, survey.sources) * 10**12 + survey.rows["_row"]
    else:
        number = survey.rows["_row"]
    return number.cast("int64" if DOMAINS[name] in whole else "string")


def _judge(cell: Cell, survey: Survey, reading: Reading) -> None:
    """A row without a needed value is set aside; an optional value that cannot be read is emptied, and counted."""
    value = reading.columns[cell.name]
    words = f"{cell.name} cannot be read as {_WORDS.get(cell.kind, 'a number')}"
    if cell.column.needed and (cell.text is None or cell.filled < survey.read):
        there = cell.text if cell.text is not None else value
        reading.reasons.append((f"{cell.name} is missing", there.isnull()))
    if _can_be_unreadable(cell):
        if cell.column.needed:
            reading.reasons.append((words, value.isnull()))
        else:
            reading.repairs.append((f"{words}: emptied", _known(cell).notnull() & value.isnull()))
    if cell.text is None or cell.kind not in ("id", "text"):
        return
    given = values.as_text(cell.given)
    if cell.decimals:
        is_decimal = cell.text.re_search(values.WHOLE_AS_DECIMAL).fill_null(False)
        reading.repairs.append((f"{cell.name} written as a decimal number", is_decimal))
    if cell.blanks:
        has_blanks = values.has_blanks(given).fill_null(False)
        reading.repairs.append((f"{cell.name} with blanks around it: taken off", has_blanks))


def _can_be_unreadable(cell: Cell) -> bool:
    if cell.kind in ("id", "text"):
        return False
    if cell.kind in DATES:
        return cell.text is not None
    if cell.text is None:
        return cell.given.type().is_floating() or (cell.kind == "boolean" and cell.given.type().is_numeric())
    if cell.kind in ("number", "money"):
        assert cell.number is not None  # noqa: S101  planned in the survey
        return bool(cell.number.unreadable or cell.number.guard)
    return cell.kind == "integer" or not cell.is_plain


def _known(cell: Cell) -> ir.Value:
    """What there is to read: the text, or the value of a typed source, whose NaN is nothing."""
    import ibis

    if cell.text is not None:
        return cell.text
    if not cell.given.type().is_floating():
        return cell.given
    return cell.given.isnan().ifelse(ibis.null("float64"), cell.given.cast("float64"))


# -- rules and repairs ------------------------------------------------------------------------------


def _excluded(survey: Survey, reading: Reading, ruled: dict[str, tuple[ir.Value, Kind]]) -> None:
    kinds: dict[str, Kind] = {cell.name: cell.kind for cell in survey.cells}
    by_name = {name: (value, kinds.get(name, "id")) for name, value in reading.columns.items()}
    by_user_name = {cell.user_name: by_name[cell.name] for cell in reversed(survey.cells)}
    columns = {**ruled, **by_user_name, **by_name}
    errors: list[RegularsError] = []
    for text in survey.settings.exclude:
        try:
            rule = exclude.read_rule(text, survey.contract.name)
            condition = rule.matches(*exclude.pick(rule, columns, survey.contract.name))
            reading.reasons.append((f"excluded by the rule '{text}'", condition))
        except RegularsError as problem:
            errors.append(problem)
    raise_all(errors)


def _mend(survey: Survey, reading: Reading, as_of: date | None, engine: Engine) -> None:
    """Values that cannot be true."""
    for cell in survey.cells:
        is_short = values.has_short_year(cell.text, cell.dates) if cell.text is not None and cell.dates else None
        for repair in repairs.find(cell.name, reading.columns[cell.name], survey.rows, as_of, engine, is_short):
            reading.repairs.append((repair.words, repair.applies))
            reading.columns[cell.name] = repair.value


# -- the typed table --------------------------------------------------------------------------------


def typed(survey: Survey, reading: Reading) -> ir.Table:
    """The canonical columns, where the row is from, its first `_reason` (from 1; 0 is none), its repairs in bits."""
    import ibis

    none = ibis.literal(0, "int32")
    codes = [(condition, ibis.literal(place, "int32")) for place, (_, condition) in enumerate(reading.reasons, start=1)]
    hidden: dict[str, ir.Value] = {name: survey.rows[name] for name in row_key(survey.rows)}
    hidden["_reason"] = ibis.cases(*codes, else_=none) if codes else none
    for number in range(max(1, -(-len(reading.repairs) // BITS))):
        bits: ir.Value = ibis.literal(0, "int64")
        for place, (_, condition) in enumerate(reading.repairs[number * BITS : (number + 1) * BITS]):
            bits = bits + condition.cast("int64") * (1 << place)
        hidden[f"_repairs{number}"] = bits
    return survey.rows.select(**reading.columns, **hidden)


def has_repair(table: ir.Table, place: int) -> ir.BooleanValue:
    """Whether a row of a typed table has the repair of that place in the list."""
    return (table[f"_repairs{place // BITS}"] & (1 << place % BITS)) != 0


def has_repairs(table: ir.Table) -> ir.BooleanValue:
    """Whether a row of a typed table has any repair."""
    import ibis

    return ibis.or_(*[table[name] != 0 for name in table.columns if name.startswith("_repairs")])
