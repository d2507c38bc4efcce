"""What became of the rows on the way in: each reason and each repair, with examples as they stood in the source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from regulars.intake import merging, values
from regulars.intake.checks.bad_rows import MAX_EXAMPLES, Check, as_example, in_all, number, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.quality import CheckResult, Outcome, Severity
    from regulars.intake.checks.bad_rows import Context, Example
    from regulars.intake.ingest import Ingested

MAX_OUTCOMES = 2000
MAX_COLUMNS = 8
PROBLEM_SHARE = 0.1
"""A warning about more of the rows than this is a problem."""


@dataclass(frozen=True)
class Kind:
    """A kind of reason or repair, known by the words in it.

    Args:
        check: Name of the check.
        meaning: What it is, in a line.
        words: Words of the reason.
        change: How to have it done otherwise; `{table}` is the table.
        severity: How much it matters.
    """

    check: str
    meaning: str
    words: str
    change: str
    severity: Severity = "warning"


REASONS = (
    Kind("excluded_by_rule", "rows set aside by a rule under `exclude`", "excluded by the rule",
         "change exclude under [tables.{table}]", "note"),
    Kind("unreadable_product_list", "product lists in a cell that cannot be read or are empty", "the product list",
         "mend the cell in the source, or map basket under [tables.{table}]"),
    Kind("malformed_row", "rows with too many or too few cells", "too many or too few cells",
         "set reader.delimiter or reader.quote under [tables.{table}], or mend the rows", "problem"),
    Kind("missing_key", "rows without a value they need", " is missing",
         "map another column under [tables.{table}], or fill it in the source"),
    Kind("unreadable_value", "values that cannot be read as their type asks", " cannot be read as ",
         "set reader.decimal, date_formats or null_values under [tables.{table}]"),
    Kind("overlapping_files", "rows that stand in two files", merging.IN_ANOTHER_FILE,
         "name files whose periods do not overlap under [tables.{table}]", "note"),
    Kind("repeated_rows", "", merging.EXACT_REPEAT, 'duplicates = "keep" under [tables.{table}] keeps them'),
    Kind("contradicting_keys", "rows that contradict a later row of the same key", merging.CONTRADICTS,
         "mend the source of [tables.{table}], or put the row that is right last"),
)  # fmt: skip
REPAIRS = (
    Kind("merged_rows", "several rows of one key that agree", merging.MERGED_WORDS, "", "note"),
    Kind("unreadable_value", "", " cannot be read as ",
         "set reader.decimal, date_formats or null_values under [tables.{table}]"),
    Kind("decimal_ids", "ids written as decimal numbers", "written as a decimal number", "", "note"),
    Kind("blanks", "values with blanks around them", "with blanks around it", "", "note"),
    Kind("sentinel_dates", "dates of birth that stand for not known", "stands for not known", "fill it in the source"),
    Kind("impossible_ages", "ages under 0 or over 110", "makes an age", "mend them in the source"),
    Kind("impossible_ages", "", "age under 0", "mend them in the source"),
)  # fmt: skip
_OTHER = Kind("other_outcomes", "rows set aside or repaired for another reason", "", "", "warning")


def _accounts(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        account = table.account
        outcomes = [Outcomes("set aside", reason, rows) for reason, rows in account.reasons]
        outcomes += [Outcomes("repaired", repair, rows) for repair, rows in account.repairs]
        wanted = [one for one in outcomes if context.wants(one.kind.check)]
        shown = _examples(context, table, wanted) if wanted else {}
        for one in wanted:
            yield _told(context, table, one, shown[one])
        yield from _unmapped(context, name, table)


@dataclass(frozen=True)
class Outcomes:
    """Rows of one table that had one fate for one reason, in the words of the account."""

    outcome: Outcome
    words: str
    rows: int

    @property
    def kind(self) -> Kind:
        """What the words are about."""
        kinds = REASONS if self.outcome == "set aside" else REPAIRS
        return next((kind for kind in kinds if kind.words in self.words), _OTHER)

    def is_of(self, outcome: str, reason: str) -> bool:
        """Whether a row of the quarantine is one of them; a row may have several repairs, and one reason."""
        return outcome == self.outcome and (reason == self.words or (outcome == "repaired" and self.words in reason))


def _told(context: Context, table: Ingested, one: Outcomes, examples: tuple[Example, ...]) -> CheckResult:
    kind, of, query = one.kind, table.account.read, table.set_aside
    is_its = query.reason == one.words if one.outcome == "set aside" else query.reason.contains(one.words)
    column = next((cell.name for cell in table.survey.cells if one.words.startswith(f"{cell.name} ")), "")
    repair = one.words.partition(": ")[2] or "read so"
    result = context.result(
        kind.check, table.name, column, one.rows, of, _sentence(context, table, one),
        bad=query.filter((query.outcome == one.outcome) & is_its), examples=examples,
        severity="problem" if kind.severity == "warning" and one.rows > PROBLEM_SHARE * of else kind.severity,
        done="set aside in quarantine" if one.outcome == "set aside" else repair,
        change=kind.change.format(table=table.name),
    )  # fmt: skip
    return replace(result, outcome=one.outcome)


def _sentence(context: Context, table: Ingested, one: Outcomes) -> str:
    rows = in_all(one.rows, table.account.read)
    if one.kind.check == "excluded_by_rule":
        return f"the rule {one.words.removeprefix('excluded by the rule ')} sets aside {rows}"
    if one.kind.check == "contradicting_keys":
        return _repeated_keys(context, table, one.rows)
    if one.kind.check == "merged_rows":
        return f"the same {_key(table)} stands in several rows that agree, in {rows}"
    if one.kind.check == "repeated_rows":
        return f"the row {one.words}, in {rows}"
    return f"{one.words.rpartition(': ')[0] or one.words}, in {rows}"


def _key(table: Ingested) -> str:
    return " and ".join(name for name in table.survey.contract.key if table.survey.cell(name) is not None)


def _repeated_keys(context: Context, table: Ingested, rows: int) -> str:
    """How many keys stand in several rows, and how many of those rows contradict a later one."""
    cells = [cell for name in table.survey.contract.key if (cell := table.survey.cell(name)) is not None]
    keys = table.survey.rows.select(**{cell.name: cell.given for cell in cells})
    counts = keys.group_by(*keys.columns).aggregate(_rows=keys.count())
    words = table.survey.settings.reader.null_values
    is_key = [values.clean(counts[cell.name].cast("string"), words) != "" for cell in cells]  # nor missing
    repeated = counts.filter(counts["_rows"] > 1, *is_key)
    found = context.first(repeated.aggregate(keys=repeated.count(), rows=repeated["_rows"].sum()))
    surplus = int(found["rows"] or 0) - found["keys"]
    return (
        f"the same {_key(table)} stands in several rows: {number(found['keys'])} are repeated, in {number(surplus)} "
        f"rows too many; {number(rows)} of these contradict a later row, whose values are used"
    )


def _examples(context: Context, table: Ingested, wanted: list[Outcomes]) -> dict[Outcomes, tuple[Example, ...]]:
    """For every reason and repair the first rows: found by their numbers alone, and then fetched as they stood."""
    import ibis

    fates = table.set_aside.select("source", "row", "outcome", "reason")
    place = ibis.row_number().over(group_by=["outcome", "reason"], order_by=["source", "row"])
    first = fates.mutate(_place=place).filter(lambda t: t["_place"] < MAX_EXAMPLES)
    chosen = context.fetch(first.order_by("_place", "source", "row", "outcome", "reason").drop("_place"), MAX_OUTCOMES)
    picked = {one: [row for row in chosen if one.is_of(row["outcome"], row["reason"])][:MAX_EXAMPLES] for one in wanted}
    rows = table.set_aside.drop("outcome", "reason")
    places = {(row["source"], row["row"]) for its in picked.values() for row in its}
    is_one = rows.row.isin([row for _, row in places]) & rows.source.isin([source for source, _ in places])
    stood = context.fetch(rows.filter(is_one).select(*rows.columns[:MAX_COLUMNS]), MAX_OUTCOMES)
    shown = {(row["source"], row["row"]): as_example(row) for row in stood}
    return {
        one: tuple(shown[row["source"], row["row"]] for row in its if (row["source"], row["row"]) in shown)
        for one, its in picked.items()
    }


def _unmapped(context: Context, name: str, table: Ingested) -> Iterator[CheckResult]:
    """Columns that neither this table nor another one of the same source uses."""
    siblings = [other for other in context.tables.values() if other.survey.sources == table.survey.sources]
    columns = [column for column in table.account.unmapped if not any(_uses(other, column) for other in siblings)]
    if not columns:
        return
    contract = table.survey.contract
    of = len(table.account.unmapped) + len(table.survey.cells)
    further = f", or list them under further of [tables.{name}]" if contract.further else ""
    yield context.result(
        "unmapped_columns", name, "", len(columns), of,
        f"{name} has columns that are not used: {some(columns, 20)} ({in_all(len(columns), of, 'columns')})",
        severity="note", done="left out", unit="columns", change=f"map them under [tables.{name}]{further}",
    )  # fmt: skip


def _uses(table: Ingested, column: str) -> bool:
    """Whether a table is read from a column of the user's, as a value, a product list or one of many made rows."""
    basket, unpivot = table.survey.settings.basket, table.survey.settings.unpivot
    return (
        any(cell.user_name == column for cell in table.survey.cells)
        or (basket is not None and basket.column == column)
        or (unpivot is not None and any(fnmatchcase(column, pattern) for pattern in unpivot.columns))
    )


CHECKS = (
    Check(
        {
            **{kind.check: kind.meaning for kind in (*REASONS, *REPAIRS, _OTHER) if kind.meaning},
            "unmapped_columns": "columns of the source that are not used",
        },
        _accounts,
    ),
)
