"""The customers that saved segments are to be told for: those of a file, or those of the last months of the data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.errors import DataError, SourceError
from regulars.measures import windows

if TYPE_CHECKING:
    from pathlib import Path

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
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


def features_now(saved: SavedSegments, data: Dataset) -> Any:
    """The features of the last months of the data, as the saved segments count them.

    Raises:
        DataError: The data have no dates.
    """
    if data.as_of is None:
        raise DataError("the data have no dates", mend="map ordered_at")
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
