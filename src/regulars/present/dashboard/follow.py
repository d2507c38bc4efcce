"""Which tables can follow the filters, found out by adding up: those that can be made again from customers.

A table that declares dimensions and additive measures follows if the sums over a table of one row per customer (the
customer view, or one of the same Result) give exactly its own figures while nothing is filtered. That is tried once,
when a run is opened, so that no card ever shows a figure that means something else than its heading. A table by month
follows the period by leaving out rows. Every other table is of the whole base, and says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.questions import Among
from regulars.present.dashboard.filters import UNKNOWN, Filters, first_day, last_day
from regulars.present.dashboard.saved_run import SavedTable, with_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from regulars.core.questions import Test
    from regulars.core.result import Table
    from regulars.present.dashboard.saved_run import SavedResult, SavedRun

COUNT = "customers"
_PERIODS = ("month", "week", "day", "quarter")
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Recipe:
    """How a table is added up from customers.

    Args:
        source: The table of one row per customer, in the reader.
        dimensions: The table's dimension → the column of the source.
        sums: The table's measure → the column of the source; the number of customers has none.
        shares: The table's column → the measure whose share of all it is.
        means: The table's column → the measure that it is, per customer.
    """

    source: str
    dimensions: Mapping[str, str]
    sums: Mapping[str, str]
    shares: Mapping[str, str]
    means: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it gives."""
        return (*self.dimensions, COUNT, *self.sums, *self.shares, *self.means)


class Followers:
    """The tables of a run that can follow the filters."""

    def __init__(self, run: SavedRun) -> None:
        self._run = run
        self._recipes: dict[tuple[str, str], Recipe] = {}
        for saved in run.results.values():
            for table in saved.tables.values():
                recipe = self._find(saved, table)
                if recipe:
                    self._recipes[saved.result.analysis, table.table.name] = recipe

    def recipe(self, analysis: str, table: str) -> Recipe | None:
        """How a table is added up from customers, or None where it cannot be."""
        return self._recipes.get((analysis, table))

    def filtered(self, analysis: str, saved: SavedTable, filters: Filters) -> SavedTable | None:
        """A table under the filters; None where it cannot follow them, or where nothing is filtered."""
        if not filters.is_set:
            return None
        recipe = self.recipe(analysis, saved.table.name)
        if recipe:
            return with_rows(saved, self._added_up(recipe, saved, filters.customer_tests()))
        if self._is_of_customers(saved):
            tests = self.customer_tests(saved, filters)
            rows = self._run.reader.rows(saved.key, saved.table.data.column_names, tests, limit=15)
            count = self._run.reader.totals(saved.key, tests)["rows"][0].as_py()
            return SavedTable(_replaced(saved, rows), count, saved.queries, saved.file, saved.key)
        column = self._period_column(saved)
        if column and (filters.start or filters.end) and not filters.labels:
            return with_rows(saved, _within(saved.table.data, column, filters))
        return None

    def customer_tests(self, saved: SavedTable, filters: Filters) -> list[Test]:
        """The filters as conditions on a table of one row per customer."""
        tests = filters.customer_tests()
        if not tests or "customer_key" in self._run.reader.kinds(saved.key):
            return tests
        return [Among("customer_id", "customers", tuple(tests))]

    def _is_of_customers(self, saved: SavedTable) -> bool:
        return bool(saved.key) and saved.table.customer_column == "customer_id" and self._run.has("orders")

    def _period_column(self, saved: SavedTable) -> str:
        for name in saved.table.dimensions:
            if name in _PERIODS and saved.table.info(name).unit in ("month", "date") and not saved.key:
                return name
        return ""

    # -- finding recipes ----------------------------------------------------------------------------

    def _find(self, result: SavedResult, saved: SavedTable) -> Recipe | None:
        table = saved.table
        if saved.key or not table.dimensions or COUNT not in table.measures or not self._run.has("orders"):
            return None
        own = [one.key for one in result.tables.values() if one.key and one.table.customer_column == "customer_id"]
        for source in ("customers", *own):
            recipe = self._recipe(source, table)
            if recipe and self._agrees(recipe, saved):
                return self._with_ratios(recipe, saved)
        return None

    def _recipe(self, source: str, table: Table) -> Recipe | None:
        columns = self._run.reader.kinds(source)
        named = {}
        alone = [table.name.removeprefix("by_")] if len(table.dimensions) == 1 else []
        for name in table.dimensions:
            found = [one for one in (name, f"rfm_{name}", *alone) if one in columns]
            if not found:
                return None
            named[name] = found[0]
        sums = {}
        for name in table.measures:
            found = [one for one in (name, f"{name}_total") if columns.get(one) == "number"]
            if name != COUNT and found:
                sums[name] = found[0]
        return Recipe(source, named, sums, {}, {})

    def _agrees(self, recipe: Recipe, saved: SavedTable) -> bool:
        """Whether adding up everybody gives the groups and customers of the table; sums that do not are left out."""
        stored, made = _by_group(saved.table.data, recipe), _by_group(self._added_up(recipe, saved, []), recipe)
        known = {group: row for group, row in stored.items() if row[COUNT]}
        if not known or set(known) - set(made):
            return False
        if any(known[group][COUNT] != made[group][COUNT] for group in known):
            return False
        for name in list(recipe.sums):
            if not all(_same(known[group][name], made[group][name]) for group in known):
                del recipe.sums[name]  # type: ignore[attr-defined]
        return True

    def _with_ratios(self, recipe: Recipe, saved: SavedTable) -> Recipe:
        """The recipe with the shares and means of the table that its sums give exactly."""
        measures = [COUNT, *recipe.sums]
        names = set(saved.table.data.column_names)
        shares = {f"{name.removesuffix('s') if name == COUNT else name}_share": name for name in measures}
        means = {f"mean_{name}": name for name in recipe.sums}
        tried = Recipe(
            recipe.source, recipe.dimensions, recipe.sums,
            {column: name for column, name in shares.items() if column in names},
            {column: name for column, name in means.items() if column in names},
        )  # fmt: skip
        stored, made = _by_group(saved.table.data, tried), _by_group(self._added_up(tried, saved, []), tried)
        wrong = {
            column
            for column in (*tried.shares, *tried.means)
            for group, row in stored.items()
            if row[COUNT] and not _same(row[column], made[group][column])
        }
        return Recipe(
            tried.source, tried.dimensions, tried.sums,
            {column: name for column, name in tried.shares.items() if column not in wrong},
            {column: name for column, name in tried.means.items() if column not in wrong},
        )  # fmt: skip

    def _added_up(self, recipe: Recipe, saved: SavedTable, tests: Sequence[Test]) -> pa.Table:
        """The table made from the customers that fulfil the tests, its groups in the order they had."""
        import pyarrow as pa

        kinds = self._run.reader.kinds(recipe.source)
        wanted: list[Test] = list(tests)
        if tests and "customer_key" not in kinds:
            wanted = [Among("customer_id", "customers", tuple(tests))]
        rows = self._run.reader.totals(
            recipe.source, wanted, list(recipe.dimensions.values()), list(dict.fromkeys(recipe.sums.values()))
        ).to_pylist()
        data = saved.table.data
        unknown = UNKNOWN if UNKNOWN in data.column(next(iter(recipe.dimensions))).to_pylist() else None
        found = {
            tuple(unknown if row[name] is None else _plain(row[name]) for name in recipe.dimensions.values()): row
            for row in rows
        }
        stored = data.select(list(recipe.dimensions)).to_pylist()
        groups = [tuple(row.values()) for row in stored]
        columns: dict[str, list[Any]] = {name: [row[name] for row in stored] for name in recipe.dimensions}
        matched = [found.get(tuple(_plain(value) for value in group)) for group in groups]
        columns[COUNT] = [row["rows"] if row else 0 for row in matched]
        for name, column in recipe.sums.items():
            columns[name] = [(row[column] or 0.0) if row else 0.0 for row in matched]
        for name, measure in recipe.shares.items():
            total = sum(columns[measure])
            columns[name] = [value / total if total else None for value in columns[measure]]
        for name, measure in recipe.means.items():
            columns[name] = [
                value / count if count else None for value, count in zip(columns[measure], columns[COUNT], strict=True)
            ]
        kept = [name for name in data.column_names if name in columns]
        types = {name: data.schema.field(name).type for name in recipe.dimensions}
        return pa.table({name: pa.array(columns[name], types.get(name)) for name in kept})


def _replaced(saved: SavedTable, rows: pa.Table) -> Any:
    from dataclasses import replace

    return replace(saved.table, data=rows)


def _by_group(rows: pa.Table, recipe: Recipe) -> dict[tuple[Any, ...], dict[str, Any]]:
    names = [name for name in recipe.columns if name in rows.column_names]
    return {tuple(_plain(row[name]) for name in recipe.dimensions): row for row in rows.select(names).to_pylist()}


def _plain(value: Any) -> Any:
    """A value by which groups of two tables are matched, whatever type of number each table has."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _same(stored: Any, made: Any) -> bool:
    if stored is None or made is None:
        return stored is None and made is None
    return math.isclose(float(stored), float(made), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _within(rows: pa.Table, column: str, filters: Filters) -> pa.Table:
    """The rows whose period begins within the chosen months."""
    import pyarrow as pa

    low = first_day(filters.start) if filters.start else None
    high = last_day(filters.end) if filters.end else None
    days = [value.date() if hasattr(value, "date") else value for value in rows.column(column).to_pylist()]
    kept = [day is not None and (low is None or day >= low) and (high is None or day <= high) for day in days]
    return rows.filter(pa.array(kept, pa.bool_()))
