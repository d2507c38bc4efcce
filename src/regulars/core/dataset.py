"""The data of a company as of a date: tables, shared summaries, the customer view, and the road to the engine.

An analysis sees nothing else. Expressions are executed only through the verbs here, which the engine fulfils.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from regulars.core.analysis import EXTRAS, Missing, Registry, in_order, missing_extras
from regulars.core.quality import DataQuality
from regulars.errors import DataError, MissingExtraError, RegularsError, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.analysis import Analysis, Feature, Needs
    from regulars.core.config import Settings
    from regulars.core.result import Result

MAX_ROWS = 200_000
"""Rows that `collect` brings into Python unless more are asked for by name."""


class Predicts(Protocol):
    """A fitted model that can be applied to rows."""

    def predict(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """New columns for one batch: NumPy arrays by name in, arrays of the same length by name out."""


class Engine(Protocol):
    """What the house asks of a backend; `engine/` fulfils it."""

    kind: str

    def collect(self, expr: ir.Expr, max_rows: int) -> pa.Table:
        """The rows of an expression, or a `BudgetError` where there are more than `max_rows`."""

    def stream(self, expr: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows in batches of at most `rows`."""

    def persist(self, expr: ir.Table, name: str) -> ir.Table:
        """The same rows, computed once and kept in the engine under that name."""

    def bring(self, rows: pa.Table | Iterator[pa.RecordBatch], name: str, schema: pa.Schema | None = None) -> ir.Table:
        """Arrow rows taken into the engine under that name."""

    def write_parquet(self, expr: ir.Table, path: Path) -> int:
        """The rows written to a Parquet file; how many there were."""

    def sql(self, expr: ir.Expr) -> str:
        """The query of an expression, laid out to be read."""

    def drop(self, name: str) -> None:
        """Forget a kept table."""

    def close(self) -> None:
        """Give back memory and files."""


class Summaries(Protocol):
    """The shared summaries, each computed when first asked for and then kept."""

    names: tuple[str, ...]

    def get(self, name: str) -> ir.Table:
        """The summary of that name."""

    def missing(self, name: str) -> str:
        """Why the data cannot give that summary, or "" where they can."""


class Dataset:
    """The data of one company as of one date.

    Args:
        engine: Computes.
        settings: The whole settings file.
        tables: Canonical tables, accepted rows only.
        summaries: `orders`, `customer_days`, `customers`, and those made on request.
        features: What each column of the customer view is.
        as_of: The date that "now" stands for; None where the data have no dates.
        money: Which columns are the money, in words.
        quality: What was found out on the way in.
        rebuild: Makes the same data as they were known at an earlier date.
        registry: The analyses.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        settings: Settings,
        tables: Mapping[str, ir.Table],
        summaries: Summaries,
        features: Sequence[Feature],
        as_of: date | None,
        money: str = "",
        quality: DataQuality | None = None,
        rebuild: Callable[[date], Dataset] | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.tables = dict(tables)
        self.summaries = summaries
        self.features = {feature.name: feature for feature in features}
        self.as_of = as_of
        self.money = money
        self.quality = quality or DataQuality()
        self.registry = registry or Registry.discover()
        self._rebuild = rebuild
        self._earlier: dict[date, Dataset] = {}
        self._customers: ir.Table | None = None
        self._has_provided = False

    # -- what there is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the company."""
        return self.settings.dataset.name

    @property
    def currency(self) -> str:
        """ISO code of the currency of all money."""
        return self.settings.dataset.currency

    @property
    def seed(self) -> int:
        """Seeds everything drawn at random."""
        return self.settings.dataset.seed

    @property
    def min_customers(self) -> int:
        """Under this many customers no finding is made."""
        return self.settings.dataset.min_customers

    def table(self, name: str) -> ir.Table:
        """A canonical table.

        Raises:
            DataError: The data do not have it.
        """
        if name not in self.tables:
            raise DataError(f"the data have no table '{name}'", table=name, mend=f"map it under [tables.{name}]")
        return self.tables[name]

    def summary(self, name: str) -> ir.Table:
        """A shared summary, computed when first asked for."""
        return self.summaries.get(name)

    @property
    def orders(self) -> ir.Table:
        """One row per purchase attempt; `is_sale` marks the sales."""
        return self.summary("orders")

    @property
    def customer_days(self) -> ir.Table:
        """One row per customer and day with a sale."""
        return self.summary("customer_days")

    @property
    def customers(self) -> ir.Table:
        """The customer view: one row per customer, with every column provided so far."""
        return self._customers if self._customers is not None else self.summary("customers")

    def missing(self, needs: Needs) -> list[Missing]:
        """What an analysis needs and these data or this installation lack."""
        found = [
            Missing(f"the extra '{extra}' ({', '.join(EXTRAS[extra])})", f'pip install "regulars[{extra}]"')
            for extra in missing_extras(needs.extras)
        ]
        found += [
            Missing(f"the table '{table}'", f"map it under [tables.{table}]")
            for table in sorted(needs.tables)
            if table not in self.tables
        ]
        no_purchases = self.summaries.missing("orders")
        if no_purchases and self._needs_purchases(needs):
            return [*found, Missing("purchases", no_purchases)]
        for table, columns in sorted(needs.columns.items()):
            have = self._columns(table)
            found += [
                Missing(f"the column '{column}' of '{table}'", f"map {column} under [tables.{_home(table)}]")
                for column in sorted(columns)
                if column not in have
            ]
        for name in sorted(needs.summaries):
            why = self.summaries.missing(name)
            if why:
                found.append(Missing(f"the summary '{name}'", why))
        found += [self._missing_feature(name) for name in sorted(needs.customers) if name not in self.customers.columns]
        return found

    def _needs_purchases(self, needs: Needs) -> bool:
        """Whether something is missing that only purchases could give, to be told once instead of piece by piece."""
        absent = [name for name in needs.customers if name not in self.customers.columns]
        return bool(
            absent or "orders" in needs.columns or any(self.summaries.missing(name) for name in needs.summaries)
        )

    def _columns(self, table: str) -> tuple[str, ...]:
        if table in self.summaries.names:
            return () if self.summaries.missing(table) else tuple(self.summary(table).columns)
        return tuple(self.tables[table].columns) if table in self.tables else ()

    def _missing_feature(self, name: str) -> Missing:
        for other in self.registry.names:
            try:
                provider = self.registry.get(other)
            except ImportError:
                continue
            if any(feature.name == name for feature in provider.provides):
                return Missing(
                    f"the customer feature '{name}'",
                    f"the analysis '{other}' provides it, and could not here",
                )
        return Missing(f"the customer feature '{name}'", "`regulars list --features` says what it is made from")

    # -- the road to the engine ---------------------------------------------------------------------

    def collect(self, expr: ir.Expr, max_rows: int = MAX_ROWS) -> pa.Table:
        """The rows of an expression as Arrow.

        Raises:
            BudgetError: There are more than `max_rows`.
        """
        return self.engine.collect(expr, max_rows)

    def stream(self, expr: ir.Table, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """The rows of an expression in batches."""
        return self.engine.stream(expr, rows)

    def persist(self, expr: ir.Table, name: str) -> ir.Table:
        """An expression computed once and kept in the engine."""
        return self.engine.persist(expr, name)

    def bring(self, rows: pa.Table, name: str) -> ir.Table:
        """Arrow rows taken into the engine."""
        return self.engine.bring(rows, name)

    def score(self, fit: Predicts, expr: ir.Table, name: str, keep: Sequence[str]) -> ir.Table:
        """A fitted model applied to every row, batch by batch, never all at once.

        Args:
            fit: The model.
            expr: The rows, with the columns that the model reads.
            name: Name of the resulting table in the engine.
            keep: Columns carried over beside those the model adds.
        """
        import pyarrow as pa

        batches = (
            pa.RecordBatch.from_pydict(
                {column: batch.column(column) for column in keep}
                | {key: pa.array(values) for key, values in fit.predict(_as_arrays(batch)).items()}
            )
            for batch in self.stream(expr)
        )
        first = next(batches, None)
        if first is None:
            raise DataError("there are no rows to score", mend="check that the table has rows")

        def rest() -> Iterator[pa.RecordBatch]:
            yield first
            yield from batches

        return self.engine.bring(rest(), name, schema=first.schema)

    def at(self, day: date) -> Dataset:
        """The same data as they were known at the end of an earlier day; built once and kept.

        Raises:
            DataError: The data have no dates, or none as early as that.
        """
        if self._rebuild is None:
            raise DataError("these data cannot be taken back to an earlier date", mend="map ordered_at")
        if day not in self._earlier:
            self._earlier[day] = self._rebuild(day)
        return self._earlier[day]

    # -- running ------------------------------------------------------------------------------------

    def provide(self, analyses: Sequence[Analysis]) -> None:
        """Let every analysis that can add its columns to the customer view.

        Columns that are expressions of the view stay expressions, and cost only those who read them; a view that other
        tables were joined to is computed once.
        """
        if self._has_provided:
            return
        view = self.customers
        for analysis in in_order(analyses, view.columns):
            if self.missing(analysis.needs):
                continue
            self._customers = analysis.provide(self)
            lost = {feature.name for feature in analysis.provides} - set(self._customers.columns)
            if len(lost) == len(analysis.provides):
                continue  # these data could not give any of them; who needs one is told so
            if lost:
                names = ", ".join(sorted(lost))
                raise RegularsError(f"the analysis '{analysis.name}' says it provides {names}, and did not")
            self.features |= {feature.name: feature for feature in analysis.provides}
        if self._customers is not None and _reads_others(self._customers, view):
            name = f"customers_provided_{self.as_of:%Y%m%d}" if self.as_of else "customers_provided"
            self._customers = self.persist(self._customers, name)
        self._has_provided = True

    def run(self, name: str, **parameters: Any) -> Result:
        """One analysis, by name, with the settings of the file and any parameters given here.

        Raises:
            SettingsError: The name or a parameter is not known.
            MissingExtraError: It needs an extra that is not installed.
            DataError: The data lack what it needs; the message says what to add.
        """
        self.provide(self.registry.make_all(self.settings.analyses))
        analysis = self.registry.make(name, {**self.settings.analyses.get(name, {}), **parameters})
        missing = self.missing(analysis.needs)
        if missing:
            absent = missing_extras(analysis.needs.extras)
            if absent:
                raise MissingExtraError(absent[0], wanted_by=f"the analysis '{name}'")
            raise DataError(
                f"the analysis '{name}' needs {'; '.join(one.what for one in missing)}",
                mend="; ".join(one.mend for one in missing),
            )
        return analysis.run(self)

    def feature(self, name: str) -> Feature:
        """What a column of the customer view is.

        Raises:
            DataError: There is no such column; the message has the closest.
        """
        if name not in self.features:
            raise DataError(f"the customer view has no '{name}'", table="customers", mend=closest(name, self.features))
        return self.features[name]


def _reads_others(view: ir.Table, base: ir.Table) -> bool:
    """Whether a view was joined with anything, beyond columns computed from the one it began as."""
    from ibis.expr.operations import JoinChain

    return bool(set(view.op().find(JoinChain)) - set(base.op().find(JoinChain)))


def _home(table: str) -> str:
    return "lines or [tables.orders]" if table == "orders" else table


def _as_arrays(batch: pa.RecordBatch) -> dict[str, Any]:
    return {name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names}
