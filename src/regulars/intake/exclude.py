"""Rules that set rows aside: small, safe, never evaluated as code.

A rule is `COLUMN TEST [VALUE]`. COLUMN is a canonical name of the table or one of the user's own columns (in double
quotes where it has blanks). The tests:

    =  !=  <  <=  >  >=            numbers, dates (2024-12-31) and texts
    is / is not                    texts, and `is empty`, `is not empty`
    starts with / ends with / contains
    in A, B, C / not in A, B, C

    order_id starts with C
    quantity <= 0
    product_id in POST, DOT, M
    "Customer Type" is test
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.errors import SettingsError, closest

if TYPE_CHECKING:
    from collections.abc import Callable

    import ibis.expr.types as ir

_RULE = re.compile(
    r"""\s*(?:"(?P<quoted>[^"]+)"|(?P<column>\S+))\s+
    (?P<test>is\s+not\s+empty|is\s+empty|is\s+not|is|starts\s+with|ends\s+with|contains|not\s+in|in|<=|>=|!=|=|<|>)
    (?:\s+(?P<value>.*\S))?\s*""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[ir.Value, ir.Value], ir.BooleanValue]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "is": lambda a, b: a == b,
    "is not": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Rule:
    """One rule, read.

    >>> read_rule("order_id starts with C", "lines")
    Rule(text='order_id starts with C', column='order_id', test='starts with', value='C')
    """

    text: str
    column: str
    test: str
    value: str

    def matches(self, column: ir.Value) -> ir.BooleanValue:
        """Whether a row is set aside; a missing value matches only `is empty`.

        Raises:
            SettingsError: The value does not fit the column.
        """
        if self.test == "is empty":
            return column.isnull() if not column.type().is_string() else column.isnull() | (column.strip() == "")
        if self.test == "is not empty":
            return column.notnull() if not column.type().is_string() else column.notnull() & (column.strip() != "")
        return self._test(column).fill_null(False)

    def _test(self, column: ir.Value) -> ir.BooleanValue:
        text = column.cast("string")
        if self.test == "starts with":
            return text.startswith(self.value)
        if self.test == "ends with":
            return text.endswith(self.value)
        if self.test == "contains":
            return text.contains(self.value)
        if self.test in ("in", "not in"):
            found = text.isin([item.strip() for item in self.value.split(",")])
            return found if self.test == "in" else ~found
        return _COMPARE[self.test](column, self._literal(column))

    def _literal(self, column: ir.Value) -> ir.Value:
        import ibis

        kind = column.type()
        try:
            if kind.is_numeric():
                return ibis.literal(float(self.value))
            if kind.is_temporal():
                from datetime import datetime

                return ibis.literal(datetime.fromisoformat(self.value), "timestamp")
            if kind.is_boolean():
                return ibis.literal({"true": True, "false": False}[self.value.lower()])
        except (ValueError, KeyError) as problem:
            raise SettingsError(
                f"the rule '{self.text}' compares {self.column} with {self.value!r}",
                column=self.column,
                mend="give a number, a date like 2024-12-31, or true/false, as the column has it",
            ) from problem
        return ibis.literal(self.value)


def read_rule(text: str, table: str) -> Rule:
    """A rule from its text.

    Raises:
        SettingsError: It is not of the form COLUMN TEST VALUE.

    >>> read_rule('"Customer Type" is  not test', "lines").test
    'is not'
    """
    match = _RULE.fullmatch(text)
    test = re.sub(r"\s+", " ", match["test"]) if match else ""
    value = ((match["value"] or "") if match else "").strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if match is None or (not value and "empty" not in test):
        raise SettingsError(
            f"the rule {text!r} under exclude is not understood",
            table=table,
            mend='write COLUMN TEST VALUE, as in "quantity <= 0"',
        )
    return Rule(text, match["quoted"] or match["column"], test, value)


def pick(rule: Rule, canonical: dict[str, ir.Value], raw: ir.Table, table: str) -> ir.Value:
    """The column that a rule names: canonical (typed) first, else the user's own.

    Raises:
        SettingsError: There is none of that name.
    """
    if rule.column in canonical:
        return canonical[rule.column]
    if rule.column in raw.columns and not rule.column.startswith("_"):
        return raw[rule.column]
    raise SettingsError(
        f"the rule '{rule.text}' names a column that is not there",
        table=table,
        column=rule.column,
        mend=closest(rule.column, [*canonical, *(name for name in raw.columns if not name.startswith("_"))]),
    )
