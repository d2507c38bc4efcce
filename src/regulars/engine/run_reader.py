"""Reads the tables of a run folder for pages: read-only, without any way out, every value bound.

The Parquet files are taken into a database file of its own in a temporary folder once, which is then opened read-only,
with external access off and the settings locked. Whatever a page asks for, the run's files cannot be touched.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.core.questions import MASK_LENGTH, Among, NotAll
from regulars.engine.coded_table import MOST_VALUES, CodedTable, coded
from regulars.engine.duckdb_files import identifier
from regulars.errors import DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb
    import pyarrow as pa

    from regulars.core.questions import Kind, Test

_MARKS = re.compile(r'"(?:[^"]|"")*"|\?')
"""The marks of bound values in a query, and the quoted names that may hold the same character."""
_COMPARISONS = {"at least": ">=", "at most": "<="}
MOST_HELD = 10_000_000
"""Rows of a table held in memory at most: about 150 MB for orders with every label."""
_NUMBERS = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "REAL")


class RunReader:
    """The tables of one run.

    Args:
        files: Table → its Parquet file.
        secret: Where given, ids of customers are replaced by a hash with this secret, in every table.
        masked: Table → the columns that hold ids of customers.
        held: Table → what is asked of it at every click, which is held in memory and then answered in milliseconds:
            columns of few values, numbers to add up, and `customer_key`. Where the table has more than `MOST_HELD`
            rows, or a column more values than a code can name, the database answers; the figures are the same.
        memory: The most memory the reader may take.

    Raises:
        SourceError: A file cannot be read.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        secret: str = "",
        masked: Mapping[str, Sequence[str]] | None = None,
        held: Mapping[str, Sequence[str]] | None = None,
        memory: str = "2GB",
    ) -> None:
        import duckdb

        self.folder = Path(tempfile.mkdtemp(prefix="regulars-serve-"))
        try:
            self._take_in(files, secret, masked or {}, memory)
            self._connection = duckdb.connect(
                str(self.folder / "run.duckdb"),
                read_only=True,
                config={
                    "enable_external_access": "false",
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                    "memory_limit": memory,
                    "lock_configuration": "true",
                },
            )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._kinds = {name: self._read_kinds(name) for name in files}
        found = {name: self._coded(name, columns) for name, columns in (held or {}).items() if name in files}
        self._held = {name: table for name, table in found.items() if table is not None}

    def _take_in(
        self, files: Mapping[str, Path], secret: str, masked: Mapping[str, Sequence[str]], memory: str
    ) -> None:
        import duckdb

        options = {
            "memory_limit": memory, "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"
        }  # fmt: skip
        with duckdb.connect(str(self.folder / "run.duckdb"), config=options) as connection:
            for name, path in files.items():
                try:
                    relation = connection.read_parquet(str(path))
                    if secret and masked.get(name):
                        relation = relation.project(_masking(relation, masked[name], secret))
                    if "customer_key" in relation.columns:
                        relation = relation.order("customer_key")  # one customer's rows lie together
                    relation.create(name)
                except duckdb.Error as problem:
                    raise SourceError(
                        f"{path} cannot be read: {str(problem).splitlines()[0]}", mend="make the run again"
                    ) from problem

    def _read_kinds(self, table: str) -> dict[str, Kind]:
        described = self._connection.execute(f"DESCRIBE {identifier(table)}").fetchall()
        return {str(name): _kind(str(type_)) for name, type_, *_ in described}

    def _coded(self, table: str, columns: Sequence[str]) -> CodedTable | None:
        """The named columns of a table as codes, or None where that would take more memory than is held."""
        kinds = {name: self._kinds[table][name] for name in columns if name in self._kinds[table]}
        people = "customer_key" if kinds.get("customer_key") == "number" else ""
        sums = [name for name, kind in kinds.items() if kind == "number" and name != people]
        unfit = [f"isnan(CAST({identifier(name)} AS DOUBLE))" for name in sums]
        unfit += [f"{identifier(people)} IS NULL"] if people else []
        query = f"SELECT count(*) AS size, count_if({' OR '.join(unfit) or 'false'}) AS unfit FROM {identifier(table)}"  # noqa: S608
        counted = self._fetch(query, ()).to_pylist()[0]
        if counted["unfit"] or not 0 < counted["size"] <= MOST_HELD:
            return None
        values = {}
        for name in (one for one in kinds if one not in (people, *sums)):
            found = self._fetch(
                f"SELECT DISTINCT {identifier(name)} FROM {identifier(table)} ORDER BY 1 NULLS LAST LIMIT ?",  # noqa: S608
                [MOST_VALUES + 1],
            )
            if found.num_rows > MOST_VALUES:
                return None
            values[name] = found.column(0).combine_chunks()
        chosen = [
            *map(identifier, values), *(f"CAST({identifier(name)} AS DOUBLE) AS {identifier(name)}" for name in sums),
            *([identifier(people)] if people else []),
        ]  # fmt: skip
        with self._cursor() as cursor:
            rows = cursor.execute(f"SELECT {', '.join(chosen)} FROM {identifier(table)}")  # noqa: S608
            return coded(counted["size"], values, sums, people, rows.to_arrow_reader(1 << 17))

    # -- what there is ------------------------------------------------------------------------------

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables."""
        return tuple(self._kinds)

    def kinds(self, table: str) -> Mapping[str, Kind]:
        """The columns of a table, and what each holds."""
        return self._kinds.get(table, {})

    # -- questions ----------------------------------------------------------------------------------

    def rows(
        self,
        table: str,
        columns: Sequence[str] = (),
        where: Sequence[Test] = (),
        order: Sequence[str] = (),
        limit: int = 100,
    ) -> pa.Table:
        """The first rows of a table; see `Reader.rows`."""
        chosen = ", ".join(self._column(table, name) for name in columns) or "*"
        text, values = self._where(table, where)
        ordered = ", ".join(
            f"{self._column(table, name.removeprefix('-'))} {'DESC' if name.startswith('-') else 'ASC'} NULLS LAST"
            for name in order
        )
        query = f"SELECT {chosen} FROM {identifier(table)}{text}{f' ORDER BY {ordered}' if ordered else ''} LIMIT ?"  # noqa: S608
        return self._fetch(query, [*values, limit])

    def totals(
        self,
        table: str,
        where: Sequence[Test] = (),
        by: Sequence[str] = (),
        sums: Sequence[str] = (),
        distinct: Sequence[str] = (),
    ) -> pa.Table:
        """One row per combination of `by`; see `Reader.totals`."""
        held = self._held.get(table)
        if held and held.answers(where, by, sums, distinct):
            return held.totals(where, by, sums, distinct)
        return self._fetch(*self._totals(table, where, by, sums, distinct))

    def totals_text(
        self,
        table: str,
        where: Sequence[Test] = (),
        by: Sequence[str] = (),
        sums: Sequence[str] = (),
        distinct: Sequence[str] = (),
    ) -> str:
        """The query of `totals`; see `Reader.totals_text`."""
        query, values = self._totals(table, where, by, sums, distinct)
        for name in self.tables:
            query = query.replace(f"FROM {identifier(name)}", f"FROM 'cube/{name}.parquet'")
        written = map(_literal, values)
        return _MARKS.sub(lambda found: next(written) if found[0] == "?" else found[0], query)

    def _totals(
        self, table: str, where: Sequence[Test], by: Sequence[str], sums: Sequence[str], distinct: Sequence[str]
    ) -> tuple[str, list[Any]]:
        groups = [self._grouping(table, name) for name in by]
        parts = [
            *(f"{expression} AS {identifier(name)}" for name, expression in zip(by, groups, strict=True)),
            "CAST(count(*) AS BIGINT) AS rows",
            *(f"CAST(sum({self._column(table, name)}) AS DOUBLE) AS {identifier(name)}" for name in sums),
            *(
                f"CAST(count(DISTINCT {self._column(table, name)}) AS BIGINT) AS {identifier(f'distinct_{name}')}"
                for name in distinct
            ),
        ]
        text, values = self._where(table, where)
        grouped = ", ".join(str(place) for place in range(1, len(by) + 1))
        tail = f" GROUP BY {grouped} ORDER BY {grouped}" if by else ""
        return f"SELECT {', '.join(parts)} FROM {identifier(table)}{text}{tail}", values  # noqa: S608

    def close(self) -> None:
        """Give back memory and the temporary folder."""
        self._connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- texts of queries ---------------------------------------------------------------------------

    def _fetch(self, query: str, values: Sequence[Any]) -> pa.Table:
        with self._cursor() as cursor:
            return cursor.execute(query, list(values)).to_arrow_table()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of its own, so that several threads may ask at once."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def _column(self, table: str, name: str) -> str:
        """A column's quoted name; only those that the table has.

        Raises:
            DataError: The table does not have it.
        """
        if name not in self.kinds(table):
            raise DataError(f"there is no column '{name}'", table=table)
        return identifier(name)

    def _grouping(self, table: str, name: str) -> str:
        """A column to group by, or the month of one (`month(day)`), or its weekday (1 is Monday)."""
        for function, expression in (
            ("month", "CAST(date_trunc('month', {}) AS DATE)"), ("weekday", "CAST(isodow({}) AS INTEGER)")
        ):  # fmt: skip
            if name.startswith(f"{function}(") and name.endswith(")"):
                return expression.format(self._column(table, name[len(function) + 1 : -1]))
        return self._column(table, name)

    def _where(self, table: str, tests: Sequence[Test]) -> tuple[str, list[Any]]:
        if not tests:
            return "", []
        texts, values = [], []
        for test in tests:
            text, bound = self._test(table, test)
            texts.append(text)
            values += bound
        return f" WHERE {' AND '.join(texts)}", values

    def _test(self, table: str, test: Test) -> tuple[str, list[Any]]:
        if isinstance(test, NotAll):
            inner = [self._test(table, one) for one in test.conditions]
            together = " AND ".join(text for text, _ in inner)
            return f"NOT coalesce({together}, false)", [value for _, bound in inner for value in bound]
        column = self._column(table, test.column)
        if isinstance(test, Among):
            text, values = self._where(test.table, test.conditions)
            key = self._column(test.table, test.column)
            return f"{column} IN (SELECT {key} FROM {identifier(test.table)}{text})", values  # noqa: S608
        if test.operator in ("known", "unknown"):
            return f"{column} IS {'NOT ' if test.operator == 'known' else ''}NULL", []
        if test.operator == "between":
            return f"{column} BETWEEN ? AND ?", list(test.values)
        if test.operator in _COMPARISONS:
            return f"{column} {_COMPARISONS[test.operator]} ?", list(test.values)
        marks = ", ".join("?" for _ in test.values)
        if test.operator == "is not":
            return f"({column} IS NULL OR {column} NOT IN ({marks}))", list(test.values)
        return f"{column} IN ({marks})", list(test.values)


def _literal(value: Any) -> str:
    """A bound value as it would be written into a query, to be read."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "NULL"}[value]
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return f"DATE '{value}'"
    return "'" + str(value).replace("'", "''") + "'"


def _masking(relation: Any, columns: Sequence[str], secret: str) -> str:
    """The columns of a relation with ids replaced by hashes; the secret is ours and holds only hexadecimal digits."""
    int(secret, 16)
    return ", ".join(
        f"CASE WHEN {identifier(name)} IS NOT NULL THEN "
        f"substr(sha256('{secret}' || CAST({identifier(name)} AS VARCHAR)), 1, {MASK_LENGTH}) END AS {identifier(name)}"
        if name in columns
        else identifier(name)
        for name in relation.columns
    )


def _kind(type_: str) -> Kind:
    if type_.startswith(("DATE", "TIMESTAMP")):
        return "date"
    if type_ == "BOOLEAN":
        return "flag"
    if type_ == "VARCHAR":
        return "text"
    is_plain = "[" not in type_ and "(" not in type_.replace("DECIMAL(", "")
    return "number" if is_plain and any(word in type_ for word in _NUMBERS) else "other"
