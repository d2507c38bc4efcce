"""Rules that set rows aside: small, safe, never evaluated as code.

A rule is `COLUMN TEST [VALUE]`. COLUMN is a canonical name of the table or one of the user's own columns, in double
quotes where it has blanks or signs. The tests:

    =  !=  <  <=  >  >=            numbers, dates (2024-12-31) and texts
    is / is not                    texts, and `is empty`, `is not empty`
    starts with / ends with / contains
    in A, B, C / not in A, B, C

    order_id starts with C
    quantity <= 0
    ordered_at < 2010-01-01
    product_id in POST, DOT, "A, B"
    "Customer Type" is test

Texts are compared as they are, without the blanks around them; a VALUE may stand in quotes. Ids are texts, also where
they are numbers; only < and > measure them as numbers. A date without a time of day means the whole day. A missing
value matches `is empty` alone.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from regulars.errors import SettingsError, closest
from regulars.intake.values import NULL_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.contract import Kind

_RULE = re.compile(
    r"""\s*(?:"(?P<quoted>[^"]+)"|(?P<column>[^\s"<>=!]+))
    (?:\s*(?P<sign><=|>=|<>|!=|==|=|<|>)
      |\s+(?P<word>is\s+not\s+empty|is\s+empty|is\s+not|is|starts\s+with|ends\s+with|contains|not\s+in|in)(?=\s|$)
    )\s*(?P<value>.*?)\s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ORDERED = ("<", "<=", ">", ">=")
_SAME = {"==": "=", "is": "=", "<>": "!=", "is not": "!="}
_COMPARE: dict[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXT_TESTS: dict[str, Callable[[ir.StringValue, str], ir.BooleanValue]] = {
    "starts with": lambda text, value: text.startswith(value),
    "ends with": lambda text, value: text.endswith(value),
    "contains": lambda text, value: text.contains(value),
}


@dataclass(frozen=True)
class Rule:
    """One rule, read.

    >>> read_rule("order_id starts with C", "lines")
    Rule(text='order_id starts with C', column='order_id', test='starts with', values=('C',))
    """

    text: str
    column: str
    test: str
    values: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """How a column of the user's own is read for this rule: as what it is measured against."""
        if self.test not in _ORDERED:
            return "text"
        if _as_number(self.values[0]) is not None:
            return "number"
        return "text" if _as_date(self.values[0]) is None else "instant"

    def matches(self, column: ir.Value, kind: Kind) -> ir.BooleanValue:
        """Whether a row is set aside.

        Args:
            column: The column's values, typed.
            kind: What they are.

        Raises:
            SettingsError: The value does not fit the column.
        """
        if self.test == "is empty":
            return column.isnull()
        if self.test == "is not empty":
            return column.notnull()
        return self._test(column, kind).fill_null(False)

    def _test(self, column: ir.Value, kind: Kind) -> ir.BooleanValue:
        if self.test in _TEXT_TESTS:
            return _TEXT_TESTS[self.test](column.cast("string"), self.values[0])
        column, values = self._comparable(column, kind)
        if self.test == "in":
            return column.isin(values)
        if self.test == "not in":
            return column.notin(values)
        return _COMPARE[self.test](column, values[0])

    def _comparable(self, column: ir.Value, kind: Kind) -> tuple[ir.Value, list[ir.Value]]:
        """The column and the values in a form in which they can be compared."""
        import ibis

        if kind in ("id", "text") and self.test in _ORDERED:
            return column.cast("string").try_cast("float64"), self._numbers()
        if kind in ("id", "text"):
            return column.cast("string"), [ibis.literal(value) for value in self.values]
        if kind in ("instant", "date"):
            days = [self._fitting(_as_date(value), "a date like 2024-12-31") for value in self.values]
            if all(type(day) is date for day in days):
                return column.cast("date"), [ibis.literal(day, "date") for day in days]
            return column.cast("timestamp"), [ibis.literal(day, "timestamp") for day in days]
        if kind == "boolean":
            truths = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            return column, [
                ibis.literal(self._fitting(truths.get(value.lower()), "true or false")) for value in self.values
            ]
        return column, self._numbers()

    def _numbers(self) -> list[ir.Value]:
        import ibis

        return [ibis.literal(self._fitting(_as_number(value), "a number"), "float64") for value in self.values]

    def _fitting(self, value: object, wanted: str) -> object:
        if value is None:
            raise SettingsError(
                f"the rule '{self.text}' compares {self.column} with {', '.join(map(repr, self.values))}",
                column=self.column,
                mend=f"give {wanted}, as the column has it",
            )
        return value


def _as_number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _as_date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def read_rule(text: str, table: str) -> Rule:
    """A rule from its text.

    Raises:
        SettingsError: It is not of the form COLUMN TEST VALUE.

    >>> read_rule('"Customer Type" is  not test', "lines")
    Rule(text='"Customer Type" is  not test', column='Customer Type', test='!=', values=('test',))
    >>> read_rule('product_id not in POST, "A, B"', "lines").values
    ('POST', 'A, B')
    """
    match = _RULE.fullmatch(text)
    if match is None:
        mend = 'write COLUMN TEST VALUE, as in "quantity <= 0", a column with blanks in quotes'
        raise _not_understood(text, table, mend)
    word = re.sub(r"\s+", " ", (match["sign"] or match["word"]).lower())
    test, value = _SAME.get(word, word), match["value"]
    column = match["quoted"] or match["column"]
    if "empty" in test:
        if value:
            raise _not_understood(text, table, f"nothing may follow '{test}'")
        return Rule(text, column, test)
    if test in ("in", "not in"):
        items = next(csv.reader([value], skipinitialspace=True), [])
        values = tuple(item.strip() for item in items if item.strip())
    else:
        is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
        values = (value[1:-1],) if is_quoted else (value,) if value else ()
        if not is_quoted and test in ("=", "!=") and value.lower() in NULL_WORDS:
            mend = f"{value} is read as nothing: write '{column} is empty' or '{column} is not empty'"
            raise _not_understood(text, table, mend)
    if not values:
        raise _not_understood(text, table, f"say what {column} is compared with")
    return Rule(text, column, test, values)


def _not_understood(text: str, table: str, mend: str) -> SettingsError:
    return SettingsError(f"the rule {text!r} under exclude is not understood", table=table, mend=mend)


def pick(rule: Rule, columns: Mapping[str, tuple[ir.Value, Kind]], table: str) -> tuple[ir.Value, Kind]:
    """The column that a rule names, and what it holds.

    Raises:
        SettingsError: There is none of that name.
    """
    if rule.column in columns:
        return columns[rule.column]
    raise no_column(rule, table, list(columns))


def no_column(rule: Rule, table: str, known: Sequence[str]) -> SettingsError:
    """The error for a rule that names a column that is not there."""
    return SettingsError(
        f"the rule '{rule.text}' names a column that is not there",
        table=table,
        column=rule.column,
        mend=closest(rule.column, known),
    )
