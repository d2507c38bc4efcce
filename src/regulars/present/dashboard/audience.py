"""The audience builder: conditions on the features of customers, with size and value, exclusions, and the list as CSV.

Conditions stand in the address as four lists of equal length: `c` the feature, `o` how it is compared, `v` the value,
`x` whether those who fulfil it are kept or left out. Conditions of one feature with "is" are alternatives; everything
else must hold together; whoever fulfils any exclusion is out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from regulars.core.questions import Condition, NotAll
from regulars.core.units import name_words, write
from regulars.errors import closest
from regulars.present.dashboard.filters import RefusedError
from regulars.present.words import write_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from regulars.core.questions import Kind, Operator, Test
    from regulars.present.dashboard.filters import Filters
    from regulars.present.dashboard.saved_run import SavedRun

MOST_CLAUSES = 30
OPERATORS: dict[str, tuple[Operator, str]] = {
    "is": ("is", "is"),
    "not": ("is not", "is not"),
    "ge": ("at least", "at least"),
    "le": ("at most", "at most"),
    "known": ("known", "is known"),
    "unknown": ("unknown", "is not known"),
}
"""How an address writes each comparison, what it asks, and how it reads."""
_LIMITS = ("ge", "le")
_WITHOUT_VALUE = ("known", "unknown")
_HIDDEN = ("customer_key",)
_SCORES = ("expected_value", "revenue_total", "order_count")
_LIST_COLUMNS = 24
_MOST_OPTIONS = 60
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Clause:
    """One condition as the address has it."""

    column: str
    operator: str
    value: str = ""
    is_exclusion: bool = False


@dataclass(frozen=True)
class FeatureChoice:
    """A feature to choose: its name, words, meaning and kind, and its values where they are few."""

    name: str
    words: str
    meaning: str
    kind: Kind
    values: tuple[str, ...]


@dataclass(frozen=True)
class AudienceSize:
    """How many customers an audience has, of how many, and what they are worth: title, figure and meaning each."""

    count: int
    of: int
    silent: int
    facts: tuple[tuple[str, str, str], ...]


def audience_address(clauses: Sequence[Clause], filters: Filters, path: str = "/audience") -> str:
    """The address of an audience."""
    pairs: list[tuple[str, str]] = []
    for one in clauses:
        pairs += [("c", one.column), ("o", one.operator), ("v", one.value), ("x", "out" if one.is_exclusion else "in")]
    query = "&".join(part for part in (urlencode(pairs), filters.query()) if part)
    return f"{path}?{query}" if query else path


class AudienceBuilder:
    """Builds audiences from the customer view of one run."""

    def __init__(self, run: SavedRun) -> None:
        self._run = run
        self._kinds = {
            name: kind
            for name, kind in run.reader.kinds("customers").items()
            if kind != "other" and name not in _HIDDEN
        }
        self.choices = tuple(self._choice(name, kind) for name, kind in self._kinds.items())
        self._everyone = self._count([])

    def _choice(self, name: str, kind: Kind) -> FeatureChoice:
        feature = self._run.features.get(name)
        values: tuple[str, ...] = ()
        if kind == "text" and name != "customer_id":
            rows = self._run.reader.totals("customers", [Condition(name, "known")], by=[name])
            if rows.num_rows <= _MOST_OPTIONS:
                values = tuple(rows[name].to_pylist())
        elif kind == "flag":
            values = ("yes", "no")
        return FeatureChoice(name, name_words(name), feature.meaning if feature else "", kind, values)

    def read(self, pairs: Iterable[tuple[str, str]]) -> tuple[Clause, ...]:
        """The conditions of an address; rows of the form that were left empty are passed over.

        Raises:
            RefusedError: The lists differ in length, a feature or comparison is not known, or a value does not fit.
        """
        lists: dict[str, list[str]] = {name: [] for name in "covx"}
        for name, value in pairs:
            if name in lists:
                lists[name].append(value)
        if len({len(values) for values in lists.values()}) > 1:
            raise RefusedError(400, "The conditions of the address are not whole.", "build the audience again")
        if len(lists["c"]) > MOST_CLAUSES:
            raise RefusedError(400, f"An audience takes at most {MOST_CLAUSES} conditions.")
        clauses = [
            Clause(column, operator, value.strip(), out == "out")
            for column, operator, value, out in zip(*(lists[name] for name in "covx"), strict=True)
            if column and (value.strip() or operator in _WITHOUT_VALUE)
        ]
        for one in clauses:
            self._condition(one)
        return tuple(clauses)

    def tests(self, clauses: Sequence[Clause], filters: Filters) -> list[Test]:
        """The conditions and the filters of the page as one question; customers who may not be contacted are out."""
        kept = [one for one in clauses if not one.is_exclusion]
        tests: list[Test] = [*filters.customer_tests(), *self._together(kept)]
        tests += [NotAll((self._condition(one),)) for one in clauses if one.is_exclusion]
        return [*tests, *self._contactable()]

    def _contactable(self) -> list[Test]:
        if self._kinds.get("contactable") != "flag":
            return []
        return [NotAll((Condition("contactable", "is", (False,)),))]

    def _together(self, clauses: Sequence[Clause]) -> list[Test]:
        """The conditions, those of one feature with "is" taken as alternatives."""
        tests: list[Test] = []
        same: dict[str, list[Any]] = {}
        for one in clauses:
            condition = self._condition(one)
            if one.operator == "is":
                same.setdefault(one.column, []).extend(condition.values)
            else:
                tests.append(condition)
        return [*(Condition(column, "is", tuple(values)) for column, values in same.items()), *tests]

    def _condition(self, clause: Clause) -> Condition:
        kind = self._kinds.get(clause.column)
        if kind is None:
            raise RefusedError(400, f"There is no feature “{clause.column[:80]}”.", closest(clause.column, self._kinds))
        if clause.operator not in OPERATORS:
            raise RefusedError(400, f"“{clause.operator[:80]}” is no comparison.", closest(clause.operator, OPERATORS))
        if clause.operator in _LIMITS and kind in ("text", "flag"):
            raise RefusedError(400, f"{clause.column} has no order, so no least or greatest value.", "choose is")
        operator = OPERATORS[clause.operator][0]
        if clause.operator in _WITHOUT_VALUE:
            return Condition(clause.column, operator)
        return Condition(clause.column, operator, (_value(clause, kind),))

    # -- answers ------------------------------------------------------------------------------------

    def size(self, clauses: Sequence[Clause], filters: Filters) -> AudienceSize:
        """How many customers there are and what they are worth."""
        tests = self.tests(clauses, filters)
        worth = [name for name in ("revenue_total", "expected_value", "order_count") if name in self._kinds]
        row = self._run.reader.totals("customers", tests, sums=worth).to_pylist()[0]
        silent = 0
        if self._contactable():
            silent = self._count([*tests[:-1], Condition("contactable", "is", (False,))])
        facts = []
        for name in worth:
            feature = self._run.features.get(name)
            unit = feature.unit if feature else ""
            total = row[name] or 0.0
            meaning = feature.meaning if feature else ""
            told = write_short(total, unit, self._run.currency)
            facts.append((f"{name_words(name)}, all together", told, meaning))
            if row["rows"]:
                mean = write(total / row["rows"], "money" if unit == "money" else "", self._run.currency)
                facts.append((f"{name_words(name)}, per customer", mean, meaning))
        return AudienceSize(row["rows"], self._everyone, silent, tuple(facts))

    def _count(self, tests: Sequence[Test]) -> int:
        return int(self._run.reader.totals("customers", tests)["rows"][0].as_py())

    @property
    def score(self) -> str:
        """The feature that an audience is ordered by, the greatest first; "" where the view has none."""
        return next((name for name in _SCORES if name in self._kinds), "")

    def order(self) -> list[str]:
        """How an audience is ordered, without ties."""
        return [*([f"-{self.score}"] if self.score else []), "customer_id"]

    def reason(self, clauses: Sequence[Clause], filters: Filters) -> str:
        """Why the customers are in, in words."""
        parts = [self.clause_words(one) for one in clauses]
        if filters.is_set:
            parts.append(f"a sale with {filters.words()}")
        text = "; ".join(parts) or "every customer"
        return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"

    def clause_words(self, clause: Clause) -> str:
        """A condition in words."""
        value = "" if clause.operator in _WITHOUT_VALUE else f" {clause.value}"
        words = f"{name_words(clause.column)} {OPERATORS[clause.operator][1]}{value}"
        return f"without {words}" if clause.is_exclusion else words

    def columns(self, clauses: Sequence[Clause]) -> list[str]:
        """Columns of the list beside id, reason and score: those asked about, and the usual ones."""
        usual = ["rfm_segment", "segment", "order_count", "revenue_total", "recency_days", "last_ordered_on"]
        wanted = dict.fromkeys([*(one.column for one in clauses), *usual])
        return [name for name in wanted if name in self._kinds and name not in ("customer_id", self.score)][
            :_LIST_COLUMNS
        ]


def _value(clause: Clause, kind: Kind) -> Any:
    """The value of a condition in the type of its feature."""
    text = clause.value
    if kind == "number":
        if text.lstrip("-").isdecimal() and len(text) <= 19:
            return int(text)
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or abs(number) > 1e15:
            raise RefusedError(400, f"{clause.column} is compared with a number, and “{text[:80]}” is none.")
        return number
    if kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise RefusedError(
                400, f"{clause.column} is compared with a date, and “{text[:80]}” is none.", "write it as 2021-03-31"
            ) from None
    if kind == "flag":
        if text.lower() not in ("yes", "no", "true", "false"):
            raise RefusedError(400, f"{clause.column} is yes or no, and “{text[:80]}” is neither.")
        return text.lower() in ("yes", "true")
    return text
