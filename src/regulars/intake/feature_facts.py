"""How much is known of each feature of the customers, and its mean: one pass over the customer view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.analysis import FeatureFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset

_KEYS = ("customer_key", "customer_id")


def feature_facts(data: Dataset) -> Mapping[str, FeatureFact]:
    """For each feature of how many customers it is known, and the mean of those that are numbers."""
    view = data.customers
    names = [name for name in data.features if name in view.columns and name not in _KEYS]
    parts: dict[str, ir.Value] = {"customers": view.count().cast("int64")}
    for place, name in enumerate(names):
        parts[f"known_{place}"] = view[name].count().cast("int64")
        if _is_number(view[name]):
            parts[f"mean_{place}"] = view[name].cast("float64").mean().round(6)
    row = data.collect(view.aggregate(**parts), 1).to_pylist()[0]
    return {
        name: FeatureFact(row[f"known_{place}"], row["customers"], row.get(f"mean_{place}"))
        for place, name in enumerate(names)
    }


def _is_number(column: ir.Value) -> bool:
    kind = column.type()
    return bool(kind.is_numeric()) and not kind.is_boolean()
