"""A small table of a Result from its columns, each described where its values are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.result import ColumnInfo, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.units import Unit


class Columns:
    """Columns with their values, in order; NaN becomes missing, and so does a column without any value.

    >>> columns = Columns()
    >>> columns.add("month", ["2020-01"], "text")
    >>> columns.add("revenue", [float("nan")], "money", "What customers paid.")
    >>> columns.table("monthly", "Revenue by month").to_arrow().to_pylist()
    [{'month': '2020-01', 'revenue': None}]
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._infos: list[ColumnInfo] = []

    def add(self, name: str, values: Sequence[Any] | Any, unit: Unit = "", meaning: str = "", title: str = "") -> None:
        """One more column; `values` is a list or an array."""
        self._values[name] = values
        self._infos.append(ColumnInfo(name, unit, meaning, title))

    def add_interval(self, name: str, low: Any, high: Any, unit: Unit) -> None:
        """The ends of the 95 % interval of a column, as `name_low` and `name_high`."""
        words = name.replace("_", " ")
        self.add(f"{name}_low", low, unit, "Lower end of the 95 % interval.", f"{words}, from")
        self.add(f"{name}_high", high, unit, "Upper end of the 95 % interval.", f"{words}, to")

    def table(self, name: str, title: str, **more: Any) -> Table:
        """The table; further arguments are those of `Table`."""
        import pyarrow as pa

        arrays = {column: pa.array(values, from_pandas=True) for column, values in self._values.items()}
        data = {
            column: array.cast(pa.float64()) if pa.types.is_null(array.type) else array
            for column, array in arrays.items()
        }
        return Table(name, title, pa.table(data), tuple(self._infos), **more)
