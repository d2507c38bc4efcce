"""The customers that saved segments are to be told for: those of a file, or those of the last months of the data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.errors import DataError, SourceError
from regulars.measures import segments, windows
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from pathlib import Path

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.methods.saved_segments import SavedSegments

_MOST_SCORED = 5_000_000


def read(path: Path) -> Any:
    """A file of customers and their features, as Arrow.

    Raises:
        SourceError: It cannot be read.
    """
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path) if path.suffix == ".parquet" else pc.read_csv(path)
    except (OSError, pa.ArrowInvalid) as problem:
        raise SourceError(f"{path} cannot be read: {problem}", mend="give a CSV or Parquet file") from problem


def scored(saved: SavedSegments, rows: Any) -> Table:
    """The segment, and the one to come, of each customer.

    Args:
        saved: The segments.
        rows: Arrow with `customer_id` and the features.

    Raises:
        DataError: A feature is missing (all that are missing are named), or is no number.
    """
    import pyarrow as pa

    if "customer_id" not in rows.column_names:
        raise DataError("the file has no column customer_id", mend="add the customers' own ids")
    columns = {}
    for name in (one for one in saved.columns if one in rows.column_names):
        try:
            columns[name] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as problem:
            raise DataError(
                f"a feature of the file is no number: {problem}", column=name, mend="leave missing values empty"
            ) from None
    told = saved.score(columns)
    table = Columns()
    table.add("customer_id", rows["customer_id"].to_pylist(), "id", "The customer's own id.", "customer")
    table.add("segment", told["segment"], "text", "The nearest of the saved segments or stages.")
    if "next_segment" in told:
        table.add("next_segment", told["next_segment"], "text", f"Foretold by: {saved.rule}.")
        table.add("next_probability", told["next_probability"], "share", "Chance of it.")
    return table.table("scores", "Customers by saved segment", customer_column="customer_id")


def features_now(saved: SavedSegments, data: Dataset) -> Any:
    """The features of the last months of the data, or of all of them, as the saved segments count them.

    Raises:
        DataError: The data have no dates.
    """
    if data.as_of is None:
        raise DataError("the data have no dates", mend="map ordered_at")
    if not saved.months:
        rows = segments.buyers(data.customers)
        names = [name for name in saved.columns if name in rows.columns]
        return data.collect(rows.select("customer_id", *names).order_by("customer_id"), _MOST_SCORED)
    now = windows.trailing(data.as_of, saved.months)
    eve = now.first - timedelta(days=1)
    before = windows.trailing(eve, saved.months)
    rows = windows.behaviour(days(data), data.customers, (before, now))
    rows = rows.filter(rows.window == 1)
    names = [name for name in saved.columns if name in rows.columns]
    rows = rows.select(customer_id=rows.own_id, **{name: rows[name] for name in names})
    return data.collect(rows.order_by("customer_id"), _MOST_SCORED)


def days(data: Dataset) -> ir.Table:
    """The customer days, with orders through an online channel."""
    return windows.with_online(data.customer_days, data.orders, data.settings.dataset.online_channels)
