"""Whether segments learnt earlier still describe the customers of the last window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import sampling, segments
from regulars.methods import movement_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.methods.segmentation import Segmentation

_ROWS = 20_000


def drift(data: Dataset, found: Segmentation, latest: ir.Table) -> tuple[Table, float]:
    """The agreement of the old segments with those found anew, and the distances to the centres then and now.

    Args:
        data: Executes, and seeds.
        found: The segments, learnt on the windows before.
        latest: The customers of the last window, with their features.

    Returns:
        The table, and the agreement (adjusted Rand).
    """
    import numpy as np

    from regulars.models.clusters import adjusted_rand, find_centres, inertia, nearest
    from regulars.models.threads import one_thread

    count = int(data.collect(latest.count())[0][0].as_py())
    used = found.look.preparation.names
    query = segments.feature_rows(sampling.sample(latest, _ROWS / max(count, 1)), used)
    rows = data.collect(query, 3 * _ROWS)
    values = {name: rows[f"f{place}"].to_numpy(zero_copy_only=False).astype(float) for place, name in enumerate(used)}
    orders = rows["orders"].to_numpy(zero_copy_only=False).astype(float)
    centres = np.array(found.tree.centres)
    matrix = found.tree.preparation.prepare(values, orders)[0].round(9)
    with one_thread():
        anew = find_centres(matrix, len(centres), data.seed)
    agreement = adjusted_rand(nearest(matrix, centres), nearest(matrix, anew))
    before = inertia(found.look.matrix, centres) / len(found.look.matrix)
    now = inertia(matrix, centres) / len(matrix)
    names = (
        "agreement of the segments with those found anew in the last window (adjusted Rand)",
        "mean squared distance to the own centre, windows before", "the same, last window",
    )  # fmt: skip
    return movement_tables.drift(names, round(agreement, 9), round(before, 9), round(now, 9), query), agreement
