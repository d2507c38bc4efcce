"""What was decided while a table was read, told: how its dates and numbers are read, what stands in for an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.core.units import write_count
from regulars.intake import wording
from regulars.intake.evidence import DATES
from regulars.intake.exclude import read_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.quality import Account
    from regulars.intake.evidence import Cell
    from regulars.intake.survey import Survey


def of(survey: Survey, account: Account) -> Iterator[CheckResult]:
    """Everything that was decided for one table, as checks."""
    yield from _ids(survey, account)
    yield from _reshaped(survey, account)
    yield from _renamed(survey)
    yield from _idle_rules(survey, account)
    for one in survey.worded:
        yield from wording.notices(one, survey.contract.name, survey.read)
    for cell in survey.cells:
        yield from _read_so(survey, cell)
        yield from _doubtful_numbers(survey, cell)


def _ids(survey: Survey, account: Account) -> Iterator[CheckResult]:
    table = survey.contract.name
    for name in survey.row_numbered:
        is_of_order = name == "customer_id" and survey.cell("order_id") is not None
        one, done = ("order", "the order's id stands in") if is_of_order else ("row", "the row number stands in")
        yield CheckResult(
            "row_number_as_id", table, name, account.read, account.read,
            f"no column is mapped to {name}, so each {one} is its own", done, "repaired",
            f"map {name} under [tables.{table}], where the file has it", "warning",
        )  # fmt: skip


def _reshaped(survey: Survey, account: Account) -> Iterator[CheckResult]:
    if not survey.is_reshaped:
        return
    from_what = "one for each product of a list" if survey.settings.basket else "one for each wide column"
    yield CheckResult(
        "reshaped", survey.contract.name, "", account.read, survey.read_before,
        f"{write_count(survey.read_before, 'rows')} of the source make {account.read:,}, {from_what}; these count",
        "read so", unit="rows made",
    )  # fmt: skip


def _renamed(survey: Survey) -> Iterator[CheckResult]:
    if survey.renamed:
        told = ", ".join(f"'{old}' is called '{new}'" for old, new in survey.renamed)
        yield CheckResult(
            "column_names", survey.contract.name, "", len(survey.renamed), len(survey.cells),
            f"further columns have names that are taken, or begin with an underscore: {told}", "read so",
            change="rename them in the file, or map them", unit="columns",
        )  # fmt: skip


def _idle_rules(survey: Survey, account: Account) -> Iterator[CheckResult]:
    """Rules that set no row aside may be misspelt."""
    used = {reason for reason, _ in account.reasons}
    for text in survey.settings.exclude:
        if account.read and f"excluded by the rule '{text}'" not in used:
            rule = read_rule(text, survey.contract.name)
            yield CheckResult(
                "rule_without_rows", survey.contract.name, rule.column, 0, account.read,
                f"the rule '{text}' sets no row aside", "nothing to do",
                change="look at how it is written, or leave it out", severity="note",
            )  # fmt: skip


def _read_so(survey: Survey, cell: Cell) -> Iterator[CheckResult]:
    table, of = survey.contract.name, survey.read
    if cell.kind in DATES and cell.dates is not None and cell.dates.evidence:
        order = cell.dates.order.replace("_", "-")
        yield CheckResult(
            "date_order", table, cell.user_name, cell.filled, of,
            f"dates are read {order}: {cell.dates.evidence}" if order else cell.dates.evidence, "read so",
            change="set date_order",
        )  # fmt: skip
    if cell.number is not None and cell.number.evidence:
        is_guess = "nothing tells" in cell.number.evidence
        yield CheckResult(
            "decimal_mark", table, cell.user_name, cell.filled, of,
            f"numbers are read with the decimal mark '{cell.number.mark}': {cell.number.evidence}", "read so",
            change="set reader.decimal", severity="warning" if is_guess else "note",
        )  # fmt: skip
    if cell.words:
        yield CheckResult(
            "words_for_nothing", table, cell.user_name, cell.words, of,
            f"{write_count(cell.words, 'cells')} with only blanks, or a word for nothing such as null or NA",
            "read as missing",
        )  # fmt: skip


def _doubtful_numbers(survey: Survey, cell: Cell) -> Iterator[CheckResult]:
    plan, table = cell.number, survey.contract.name
    if plan is None:
        return
    if plan.percent:
        yield CheckResult(
            "percentages", table, cell.user_name, plan.percent, survey.read,
            f"{write_count(plan.percent, 'values')} in per cent, from which no {cell.name} can be told",
            "emptied", "repaired",
            "map a column of amounts", "warning",
        )  # fmt: skip
    if len(plan.currencies) > 1:
        yield CheckResult(
            "currencies", table, cell.user_name, cell.filled, survey.read,
            f"amounts are in several currencies: {', '.join(plan.currencies)}", "added up as they stand",
            change="turn them into one currency, or exclude the others", severity="problem",
        )  # fmt: skip
