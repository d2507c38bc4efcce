"""The checks: what in a user's data may mislead, found by queries, told in words, and silenced by name.

A family of checks is one module with its `CHECKS`; adding one is adding it to `FAMILIES`. No check changes a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.errors import SettingsError, closest, raise_all
from regulars.intake.checks import accounts as check_accounts
from regulars.intake.checks import codes as check_codes
from regulars.intake.checks import dates as check_dates
from regulars.intake.checks import keys as check_keys
from regulars.intake.checks import lacks as check_lacks
from regulars.intake.checks import outliers as check_outliers
from regulars.intake.checks import references as check_references
from regulars.intake.checks import repeats as check_repeats
from regulars.intake.checks import rows as check_rows
from regulars.intake.checks import statuses as check_statuses
from regulars.intake.checks import values as check_values
from regulars.intake.checks.bad_rows import OFF, Context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from regulars.core.quality import CheckResult
    from regulars.errors import RegularsError

__all__ = ["CHECKS", "Context", "run", "silence", "verify"]

ON = "on"

FAMILIES = (
    *check_accounts.CHECKS,
    *check_repeats.CHECKS,
    *check_keys.CHECKS,
    *check_codes.CHECKS,
    *check_references.CHECKS,
    *check_statuses.CHECKS,
    *check_rows.CHECKS,
    *check_dates.CHECKS,
    *check_values.CHECKS,
    *check_outliers.CHECKS,
    *check_lacks.CHECKS,
)

ON_THE_WAY: Mapping[str, str] = {
    "other_files": "files beside the data that are passed over",
    "empty_files": "files without a row",
    "sheet": "which sheet of a workbook is read",
    "encoding": "how the letters of a file are read",
    "header": "which row has the names of the columns",
    "title_rows": "rows above the names of the columns",
    "column_names": "names of columns that are missing, repeated or reserved",
    "blank_lines": "lines without content",
    "ragged_rows": "rows with another number of cells than the others",
    "open_quotes": "quotes that nothing closes",
    "loose_quotes": "quotes inside quoted cells that are not doubled",
    "no_objects": "lines that are no JSON objects",
    "reshaped": "rows made of product lists or of wide columns",
    "rule_without_rows": "rules under `exclude` that set no row aside",
    "values_in_words": "values read as what the settings say they stand for",
    "values_without_word": "values that `values` names no word for, beside others that have one",
    "words_without_rows": "values with a word under `values` that occur nowhere",
    "words_for_nothing": "cells that hold only blanks or a word for nothing",
    "percentages": "percentages where amounts should be",
    "currencies": "amounts in several currencies",
    "row_number_as_id": "keys without a column, for which the row number stands in",
    "date_order": "how dates that could be day-first or month-first are read",
    "decimal_mark": "how numbers with a comma are read",
    "sponsor_links": "sponsors of customers that cannot be followed: themselves, unknown, later, or in a circle",
}
"""What is noticed while files are opened and read, before any check."""

CHECKS: Mapping[str, str] = {
    **ON_THE_WAY,
    **{name: meaning for family in FAMILIES for name, meaning in family.names.items()},
}
"""Every check by name, with what it means in a line."""


def verify(words: Mapping[str, str]) -> None:
    """Whether the section `[checks]` can be followed.

    Args:
        words: The section: name of a check -> "off" or "on".

    Raises:
        SettingsError: A name or a word is not known (all of them together).
    """
    errors: list[RegularsError] = []
    for name, word in words.items():
        if name not in CHECKS:
            errors.append(SettingsError(f"[checks] has no check '{name}'", mend=closest(name, CHECKS)))
        elif word not in (OFF, ON):
            errors.append(SettingsError(f'[checks] {name} = "{word}" is not understood', mend=f'write {name} = "off"'))
    raise_all(errors)


def run(context: Context) -> Sequence[CheckResult]:
    """What all checks that are not silenced find.

    Args:
        context: The data.

    Raises:
        SettingsError: `[checks]` names what is not known.
    """
    verify(context.settings.checks)
    found: list[CheckResult] = []
    for family in FAMILIES:
        if any(context.wants(name) for name in family.names):
            found += family.find(context)
    return silence(found, context.settings.checks)


def silence(results: Iterable[CheckResult], words: Mapping[str, str]) -> tuple[CheckResult, ...]:
    """The results without those of checks that are "off"."""
    return tuple(result for result in results if words.get(result.check) != OFF)
