"""One customer: who it is, what it bought and when, and what every table with a column of customers says about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.questions import Condition, mask
from regulars.core.result import ColumnInfo, Table
from regulars.core.units import name_words, write
from regulars.present.dashboard.filters import RefusedError
from regulars.present.draw import chart_spec
from regulars.present.scene import LIVE
from regulars.present.tables import view_of

if TYPE_CHECKING:
    import pyarrow as pa

    from regulars.core.units import Unit
    from regulars.present.dashboard.saved_run import SavedRun, SavedTable
    from regulars.present.tables import TableView

MOST_ORDERS = 200
_MOST_ROWS = 30
_LONGEST_ID = 200
_HIDDEN = ("customer_key", "customer_id")
_HEADLINES = ("rfm_segment", "segment", "revenue_total", "order_count", "last_ordered_on", "expected_value")
_UNITS: dict[str, Unit] = {
    "day": "date", "revenue": "money", "discount": "money", "list_amount": "money", "quantity": "items",
    "order_id": "id", "product_id": "id",
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One feature of a customer, written; with its meaning."""

    title: str
    text: str
    meaning: str


@dataclass(frozen=True)
class CustomerPage:
    """What is shown of one customer.

    Args:
        customer_id: The id, masked where ids are.
        headlines: The few facts that come first.
        facts: Every other known feature.
        timeline: Its orders, the newest first; None where the data have none.
        chart: The orders over time, as a specification; None where there is nothing to draw.
        tables: Title of the analysis → what its tables with a column of customers say.
    """

    customer_id: str
    headlines: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    timeline: TableView | None
    chart: dict[str, Any] | None
    tables: tuple[tuple[str, TableView], ...]


class Lookup:
    """Finds customers of one run."""

    def __init__(self, run: SavedRun) -> None:
        self._run = run

    def find(self, typed: str) -> CustomerPage:
        """The page of a customer.

        Raises:
            RefusedError: There is no such customer, or the id is none.
        """
        typed = typed.strip()
        if not typed or len(typed) > _LONGEST_ID:
            raise RefusedError(400, f"An id of a customer has 1 to {_LONGEST_ID} characters.")
        for candidate in self._candidates(typed):
            rows = self._run.reader.rows("customers", where=[Condition("customer_id", "is", (candidate,))], limit=1)
            if rows.num_rows:
                return self._page(rows.to_pylist()[0])
        raise RefusedError(404, f"There is no customer “{typed}” in this run.", "ids are compared letter by letter")

    def _candidates(self, typed: str) -> list[Any]:
        if self._run.is_masked:
            return [typed, mask(self._run.secret, typed)]
        if self._run.reader.kinds("customers").get("customer_id") == "number":
            return [int(typed)] if typed.isdecimal() and len(typed) <= 18 else []
        return [typed]

    def _page(self, row: dict[str, Any]) -> CustomerPage:
        known = {name: value for name, value in row.items() if name not in _HIDDEN and value is not None}
        timeline, chart = self._timeline(row.get("customer_key"))
        return CustomerPage(
            customer_id=str(row["customer_id"]),
            headlines=tuple(self._fact(name, known[name]) for name in _HEADLINES if name in known),
            facts=tuple(self._fact(name, value) for name, value in known.items() if name not in _HEADLINES),
            timeline=timeline,
            chart=chart,
            tables=tuple(self._tables(row["customer_id"])),
        )

    def _fact(self, name: str, value: Any) -> Fact:
        feature = self._run.features.get(name)
        unit = feature.unit if feature else ""
        return Fact(name_words(name), write(value, unit, self._run.currency), feature.meaning if feature else "")

    def _timeline(self, key: Any) -> tuple[TableView | None, dict[str, Any] | None]:
        """The orders of a customer, and a chart of them."""
        if key is None or not self._run.has("orders"):
            return None, None
        kinds = self._run.reader.kinds("orders")
        shown = [name for name in kinds if name not in ("customer_key", "first_day", "segment", "rfm_segment")]
        if self._run.is_masked:
            shown = [name for name in shown if name != "order_id"]  # made of the customer's id where the data have none
        tests = [Condition("customer_key", "is", (key,))]
        order = ["-day", *(["order_id"] if "order_id" in kinds else [])]
        rows = self._run.reader.rows("orders", shown, tests, order, MOST_ORDERS)
        count = self._run.reader.totals("orders", tests)["rows"][0].as_py()
        if not rows.num_rows:
            return None, None
        infos = tuple(ColumnInfo(name, _UNITS.get(name, "text"), title=_TITLES.get(name, "")) for name in shown)
        table = Table("orders", "Orders, the newest first", rows, infos)
        view = replace(self._view(table), total_rows=count)
        return view, self._chart(table, "revenue" if "revenue" in kinds else "quantity")

    def _chart(self, table: Table, value: str) -> dict[str, Any] | None:
        if value not in table.data.column_names or table.data.num_rows < 2:
            return None
        import pyarrow.compute as pc

        kinds = pc.if_else(table.data["is_sale"], "bought", "attempt that was no sale")
        table = replace(table, data=table.data.append_column("outcome", kinds))
        colour = "outcome" if len(set(kinds.to_pylist())) > 1 else ""
        chart = Chart("orders", "Orders over time", "", "scatter", "orders", "day", value, colour=colour)
        return chart_spec(chart, table, table.data, currency=self._run.currency, look=LIVE)

    def _tables(self, customer_id: Any) -> list[tuple[str, TableView]]:
        """What the tables with a column of customers say about one of them."""
        found = []
        for saved in self._run.results.values():
            for table in saved.tables.values():
                column = _customers_of(table.table)
                rows = self._rows(table, column, customer_id) if column else None
                if rows is not None and rows.num_rows:
                    rows = rows.drop_columns([column]) if rows.num_columns > 1 else rows
                    found.append((saved.result.title, self._view(replace(table.table, data=rows))))
        return found

    def _rows(self, table: SavedTable, column: str, customer_id: Any) -> pa.Table:
        """The first rows about a customer, in the order of the columns beside the id."""
        import pyarrow as pa
        import pyarrow.compute as pc

        data = table.table.data
        order = [name for name in data.column_names if name != column][:2]
        if not table.key:
            own = pc.equal(data.column(column).cast(pa.string()), str(customer_id))
            return data.filter(own).sort_by([(name, "ascending") for name in order]).slice(0, _MOST_ROWS)
        test = Condition(column, "is", (self._as_kind(customer_id, table.key, column),))
        return self._run.reader.rows(table.key, data.column_names, [test], order, _MOST_ROWS)

    def _as_kind(self, customer_id: Any, table: str, column: str) -> Any:
        """The id in the type of another table's column."""
        if self._run.reader.kinds(table).get(column) == "text":
            return str(customer_id)
        return customer_id

    def _view(self, table: Table) -> TableView:
        return view_of(table, table.data, table.data.num_rows, self._run.currency)


def _customers_of(table: Table) -> str:
    """The column that says which customer a row is about, one row each or several; "" where there is none."""
    if table.customer_column:
        return table.customer_column
    is_named = table.info("customer_id").unit == "id" and "customer_id" in table.data.column_names
    return "customer_id" if is_named else ""


_TITLES = {"is_sale": "sale", "order_id": "order", "product_id": "product"}
