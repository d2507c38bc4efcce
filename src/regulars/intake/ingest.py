"""From a surveyed table to the contract: every row is accepted, repaired or set aside, and the three add up.

The columns become typed expressions; each row gets the first reason there is to set it aside, and one bit per repair.
A table read from text is computed once and kept; typed files stay where they are and are read through a view.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.quality import Account, CheckResult
from regulars.errors import RegularsError, raise_all
from regulars.intake import exclude, merging, repairs, values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings
    from regulars.core.dataset import Engine
    from regulars.engine.base import Functions
    from regulars.intake.survey import Cell, Survey

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

HIDDEN = ("_source", "_row", "_reason", "_repairs")
"""Columns of a table being read that say where a row is from and what became of it."""


@dataclass(frozen=True)
class Ingested:
    """One table, read.

    Args:
        name: The canonical table.
        survey: What was found out about it beforehand.
        rows: Accepted and repaired rows, canonical columns.
        numbered: The same with `_source` and `_row`, for checks that show examples.
        aside: The rows set aside, typed like `numbered`.
        set_aside: Rows set aside or repaired as they stood in the source: `source`, `row`, `outcome`, `reason`, the
            user's columns. This is what the quarantine file holds.
        account: What became of the rows.
        checks: What was noticed on the way.
    """

    name: str
    survey: Survey
    rows: ir.Table
    numbered: ir.Table
    aside: ir.Table
    set_aside: ir.Table
    account: Account
    checks: tuple[CheckResult, ...] = ()


@dataclass
class _Reading:
    """A table while it is being read: typed columns, reasons and repairs in their order."""

    columns: dict[str, ir.Value] = field(default_factory=dict)
    reasons: list[tuple[str, ir.BooleanValue]] = field(default_factory=list)
    repairs: list[tuple[str, ir.BooleanValue]] = field(default_factory=list)


def whole_number_domains(surveys: Mapping[str, Survey]) -> set[str]:
    """Kinds of id that are whole numbers wherever they occur, so that numbers can stand for them."""
    seen: dict[str, bool] = {}
    for survey in surveys.values():
        for cell in survey.cells:
            domain = DOMAINS.get(cell.name)
            if domain is None:
                continue
            whole = cell.ids.is_whole if cell.ids is not None else cell.given.type().is_integer()
            seen[domain] = seen.get(domain, True) and whole
    return {domain for domain, whole in seen.items() if whole}


def ingest(
    survey: Survey,
    whole: set[str],
    dataset: DatasetSettings,
    engine: Engine,
    functions: Functions,
    as_of: date | None = None,
) -> Ingested:
    """One table as the contract has it.

    Args:
        survey: The table, looked at.
        whole: Kinds of id that are whole numbers everywhere.
        dataset: The section `[dataset]`.
        engine: Computes.
        functions: What differs between engines.
        as_of: "Now", for ages; known once the purchases are read.

    Raises:
        RegularsError: A rule does not fit its column, or a date could be read two ways (all problems together).
    """
    raise_all(list(survey.problems))
    reading = _read(survey, whole, dataset, functions)
    _empty_impossible(survey, reading, as_of, engine)
    typed = _typed(survey, reading)
    name = survey.contract.name
    if survey.is_text or not survey.contract.is_event or len(survey.sources) > 1:
        typed = engine.persist(typed, f"read_{name}")
    reasons, mended = [reason for reason, _ in reading.reasons], [repair for repair, _ in reading.repairs]
    typed = merging.merge(typed, survey.contract, survey.settings, survey.sources, reasons, engine)
    account = _account(survey, typed, reasons, mended, engine)
    accepted, aside = typed.filter(typed["_reason"] == 0), typed.filter(typed["_reason"] > 0)
    if survey.is_text and account.set_aside and survey.contract.is_event:
        # every later pass reads the accepted rows, so they are parted from the others once
        is_noted = (typed["_reason"] > 0) | (typed["_repairs"] > 0)
        outcomes = engine.persist(typed.filter(is_noted), f"outcomes_{name}")
        accepted = engine.persist(accepted, f"accepted_{name}")
        typed, aside = outcomes, outcomes.filter(outcomes["_reason"] > 0)
        engine.drop(f"read_{name}")
    return Ingested(
        name=name,
        survey=survey,
        rows=accepted.drop(*HIDDEN),
        numbered=accepted.drop("_reason", "_repairs"),
        aside=aside.drop("_reason", "_repairs"),
        set_aside=_set_aside(survey, typed, reasons, mended),
        account=account,
        checks=tuple(_noticed(survey, account)),
    )


# -- cells to values --------------------------------------------------------------------------------


def _read(survey: Survey, whole: set[str], dataset: DatasetSettings, functions: Functions) -> _Reading:
    reading = _Reading()
    if "_problem" in survey.rows.columns:
        problem = survey.rows["_problem"]
        for text in ("the product list cannot be read", "the product list is empty"):
            reading.reasons.append((text, (problem == text).fill_null(False)))
        reading.reasons.append(("the row has too many or too few cells", problem.notnull()))
    for cell in survey.cells:
        reading.columns[cell.name] = _value(cell, whole, dataset, functions)
    for name in survey.row_numbered:
        reading.columns[name] = reading.columns.get("order_id", survey.rows["_row"])
    _excluded(survey, reading)
    for cell in survey.cells:
        _judge(cell, reading)
    return reading


def _value(cell: Cell, whole: set[str], dataset: DatasetSettings, functions: Functions) -> ir.Value:
    """One column as its kind asks; null where a value cannot be read so."""
    kind = cell.column.kind
    if cell.text is None:
        return _typed_value(cell, whole, dataset, functions)
    if kind == "id":
        return values.whole_number(cell.text) if DOMAINS.get(cell.name) in whole else cell.text
    if kind in ("number", "money", "integer"):
        assert cell.number is not None  # noqa: S101  counted in the survey
        value = values.number(cell.text, cell.number, cell.mark)
        return value.round().cast("int64") if kind == "integer" else value
    if kind in ("instant", "date"):
        assert cell.dates is not None  # noqa: S101  shaped in the survey
        value = values.instant(cell.text, cell.dates, functions, dataset.timezone)
        return value.date() if kind == "date" else value
    if kind == "boolean":
        return values.truth(cell.text)
    return cell.text


def _typed_value(cell: Cell, whole: set[str], dataset: DatasetSettings, functions: Functions) -> ir.Value:
    """A column that the source has typed already."""
    kind, given = cell.column.kind, cell.given
    if kind == "id":
        return given.cast("int64" if DOMAINS.get(cell.name) in whole else "string")
    if kind in ("number", "money"):
        return given.cast("float64")
    if kind == "integer":
        return given.cast("int64")
    if kind in ("instant", "date"):
        if given.type().is_timestamp() and given.type().timezone:
            given = functions.local(given.cast("timestamp('UTC')").cast("timestamp"), dataset.timezone)
        return given.cast("timestamp" if kind == "instant" else "date")
    if kind == "boolean":
        return given if given.type().is_boolean() else given != 0
    return given.cast("string")


def _excluded(survey: Survey, reading: _Reading) -> None:
    """The user's own rules come first: what they set aside is not a fault of the data."""
    errors: list[RegularsError] = []
    for text in survey.settings.exclude:
        try:
            rule = exclude.read_rule(text, survey.contract.name)
            column = exclude.pick(rule, reading.columns, survey.rows, survey.contract.name)
            reading.reasons.append((f"excluded by the rule '{text}'", rule.matches(column)))
        except RegularsError as problem:
            errors.append(problem)
    raise_all(errors)


def _judge(cell: Cell, reading: _Reading) -> None:
    """A row without a needed value is set aside; an optional value that cannot be read is emptied, and counted."""
    value = reading.columns[cell.name]
    if cell.column.needed:
        if cell.text is not None:
            reading.reasons.append((f"{cell.name} is missing", cell.text.isnull()))
            reading.reasons.append((f"{cell.name} cannot be read as {_words(cell)}", value.isnull()))
        else:
            reading.reasons.append((f"{cell.name} is missing", value.isnull()))
    elif cell.text is not None and cell.column.kind not in ("text", "id"):
        reading.repairs.append(
            (f"{cell.name} cannot be read as {_words(cell)}: emptied", cell.text.notnull() & value.isnull())
        )
    if cell.ids is not None and cell.ids.whole_as_decimal and cell.ids.is_whole and cell.text is not None:
        reading.repairs.append(
            (f"{cell.name} written as a decimal number", cell.text.re_search(values.WHOLE_AS_DECIMAL).fill_null(False))
        )
    if cell.text is not None and cell.given.type().is_string():
        bare = cell.given.strip()
        trimmed = (bare.length() != cell.given.length()) & cell.text.notnull()
        reading.repairs.append((f"{cell.name} with blanks around it: taken off", trimmed.fill_null(False)))


def _empty_impossible(survey: Survey, reading: _Reading, as_of: date | None, engine: Engine) -> None:
    for name, value in list(reading.columns.items()):
        for words, condition in (
            repairs.find(name, value, survey.rows, as_of, engine) if not survey.contract.is_event else ()
        ):
            reading.repairs.append((words, condition))
            reading.columns[name] = condition.ifelse(
                reading.columns[name].nullif(reading.columns[name]), reading.columns[name]
            )


def _words(cell: Cell) -> str:
    words = {
        "instant": "a date",
        "date": "a date",
        "boolean": "yes or no",
        "integer": "a whole number",
        "id": "a whole number",
    }
    return words.get(cell.column.kind, "a number")


def _typed(survey: Survey, reading: _Reading) -> ir.Table:
    """The canonical columns, `_source`, `_row`, the first `_reason` (from 1; 0 is none) and the bits of `_repairs`."""
    import ibis

    reason: ir.Value = ibis.literal(0, "int16")
    if reading.reasons:
        reason = ibis.cases(
            *[
                (condition, ibis.literal(place, "int16"))
                for place, (_, condition) in enumerate(reading.reasons, start=1)
            ],
            else_=ibis.literal(0, "int16"),
        )
    bits: ir.Value = ibis.literal(0, "int64")
    for place, (_, condition) in enumerate(reading.repairs[:62]):
        bits = bits + condition.ifelse(ibis.literal(1 << place, "int64"), ibis.literal(0, "int64"))
    hidden = {"_source": survey.rows["_source"], "_row": survey.rows["_row"], "_reason": reason, "_repairs": bits}
    if len(survey.sources) > 1:
        users = [column for column in survey.rows.columns if not column.startswith("_")]
        cells = [survey.rows[column].cast("string").fill_null("") for column in users]
        hidden["_content"] = ibis.literal("\x1f").join(cells).hexdigest("md5")
    return survey.rows.select(**reading.columns, **hidden)


# -- what became of the rows ------------------------------------------------------------------------


def _account(survey: Survey, typed: ir.Table, reasons: list[str], mended: list[str], engine: Engine) -> Account:
    counts = typed.group_by("_reason", "_repairs").aggregate(rows=typed.count())
    found = engine.collect(counts, 1_000_000).to_pylist()
    by_reason = [0] * (len(reasons) + 1)
    by_repair = [0] * len(mended)
    repaired = merged = 0
    for row in found:
        if row["_reason"] == merging.MERGED:
            merged += row["rows"]
            continue
        by_reason[row["_reason"]] += row["rows"]
        if row["_reason"] == 0 and row["_repairs"]:
            repaired += row["rows"]
            for place in range(len(mended)):
                by_repair[place] += row["rows"] if row["_repairs"] >> place & 1 else 0
    counted = [*zip(mended, by_repair, strict=True), (merging.MERGED_WORDS, merged)]
    read = sum(by_reason) + merged
    account = Account(
        table=survey.contract.name,
        sources=survey.sources,
        read=read,
        accepted=by_reason[0] - repaired,
        repaired=repaired + merged,
        set_aside=sum(by_reason[1:]),
        reasons=tuple((reason, rows) for reason, rows in zip(reasons, by_reason[1:], strict=True) if rows),
        repairs=tuple((words, rows) for words, rows in counted if rows),
        unmapped=survey.unmapped,
    )
    if not account.balances:
        raise RegularsError("the rows do not add up", table=account.table, rows=account.read, mend="please report this")
    return account


def _set_aside(survey: Survey, typed: ir.Table, reasons: list[str], mended: list[str]) -> ir.Table:
    """The rows set aside or repaired, as they stood in the source, with what was done."""
    import ibis

    outcomes = (
        typed.filter((typed["_reason"] > 0) | ((typed["_reason"] == 0) & (typed["_repairs"] > 0)))
        .select(*HIDDEN)
        .distinct()
    )
    why = _text_of(outcomes["_reason"], [f"{text}" for text in reasons])
    done: ir.Value = ibis.literal("")
    for place, text in enumerate(mended):
        has_bit = (outcomes["_repairs"] // (1 << place)) % 2 == 1
        done = done + has_bit.ifelse(f"{text}; ", "")
    is_aside = outcomes["_reason"] > 0
    outcomes = outcomes.mutate(
        outcome=is_aside.ifelse("set aside", "repaired"), reason=is_aside.ifelse(why, done)
    ).drop("_reason", "_repairs")
    raw = survey.rows
    users = [column for column in raw.columns if not column.startswith("_")]
    joined = outcomes.join(raw, ["_source", "_row"])
    taken = {"source", "row", "outcome", "reason"}
    return joined.select(
        source=joined["_source"],
        row=joined["_row"],
        outcome=joined.outcome,
        reason=joined.reason,
        **{(f"{column} (as read)" if column in taken else column): joined[column] for column in users},
    ).order_by("source", "row")


def _text_of(code: ir.IntegerValue, texts: list[str]) -> ir.Value:
    """The text that a code from 1 on stands for."""
    import ibis

    return (
        ibis.cases(*[(code == place, text) for place, text in enumerate(texts, start=1)], else_="")
        if texts
        else ibis.literal("")
    )


def _noticed(survey: Survey, account: Account) -> list[CheckResult]:
    """What the survey decided, told: how dates and numbers were read, and which ids the row number stands in for."""
    table = survey.contract.name
    found: list[CheckResult] = []
    for name in survey.row_numbered:
        found.append(
            CheckResult(
                "row_number_as_id", table, name, account.read, account.read,
                f"no column is mapped to {name}, so each row is its own", "the row number stands in", "repaired",
                f"map {name} under [tables.{table}], where the file has it", "warning",
            )
        )  # fmt: skip
    for cell in survey.cells:
        if cell.dates is not None and cell.dates.order:
            found.append(
                CheckResult(
                    "date_order", table, cell.user_name, account.read, account.read,
                    f"dates are read {cell.dates.order.replace('_', '-')}: {cell.dates.evidence}", "read so",
                    change="set date_order",
                )
            )  # fmt: skip
        if cell.mark_evidence:
            found.append(
                CheckResult(
                    "decimal_mark", table, cell.user_name, account.read, account.read,
                    f"numbers are read with the decimal mark '{cell.mark}': {cell.mark_evidence}", "read so",
                    change="set reader.decimal",
                )
            )  # fmt: skip
    return found
