"""Moves corrected for customers who stand in the wrong segment of a window, because they ordered little in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import sampling, thinning, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.measures.windows import Window
    from regulars.methods.segmentation import Segmentation
    from regulars.models.misplacement import Confusion, TrueMoves

_REFERENCE_WINDOWS, _MOVED_CUSTOMERS = 10_000, 20_000
_CLOCKS = frozenset({"recency_days", "tenure_days", "active_days"})
"""Where segments rest on these, few orders do not misplace a customer: they are what the segment is about."""


@dataclass(frozen=True)
class Correction:
    """What the correction knows.

    Args:
        confusion: How customers with few orders are misplaced.
        query: Where it was counted.
        misplaced_share: Expected share of customers in the wrong segment of a window.
        by_turn: The corrected moves of each turn.
        together: Of all turns.
    """

    confusion: Confusion
    query: ir.Table
    misplaced_share: float
    by_turn: dict[int, TrueMoves]
    together: TrueMoves


def correct(
    data: Dataset, found: Segmentation, days: ir.Table, assigned: ir.Table, moved: ir.Table, spans: Sequence[Window],
    names: Sequence[str],
) -> Correction | None:  # fmt: skip
    """The corrected moves; None where it cannot be known how many are misplaced.

    Args:
        data: Executes, and seeds.
        found: The segments.
        days: `customer_days`, as the features were counted from.
        assigned: Rows of `windows.behaviour` with `segment`.
        moved: Rows of `windows.moves`.
        spans: The windows.
        names: The segments, in the order of the matrices.
    """
    import numpy as np

    from regulars.models import misplacement

    if not found.holds or _CLOCKS & set(found.tree.features):
        return None
    confusion, query = _confusion(data, found, days, assigned, spans, names)
    rows = _sampled(data, moved)
    code = {name: place for place, name in enumerate(names)}
    source, target = (np.array([code[one] for one in rows[end].to_pylist()], dtype=np.int64) for end in _ENDS)
    levels = [rows[name].to_numpy(zero_copy_only=False).astype(np.int64) for name in ("before", "after")]
    turn, customer = (rows[name].to_numpy(zero_copy_only=False) for name in ("turn", "customer_key"))
    numbers = np.unique(customer, return_inverse=True)[1].ravel().astype(np.int64)

    def made(inside: Any) -> TrueMoves | None:
        parts = (part[inside] for part in (numbers, source, levels[0], target, levels[1]))
        return misplacement.solve(misplacement.Turns(*parts), confusion, data.seed)

    together = made(np.ones(len(source), dtype=bool))
    if together is None:
        return None
    by_turn = {number: moves for number in windows.turns(spans) if (moves := made(turn == number)) is not None}
    customers = np.zeros((confusion.levels, len(names)))
    np.add.at(customers, (levels[0], source), 1.0)
    return Correction(confusion, query, confusion.misplaced(customers), by_turn, together)


_ENDS = ("source", "target")


def _sampled(data: Dataset, moved: ir.Table) -> Any:
    """Customers who bought in both windows of a turn, a sample of at most so many, with all their turns."""
    rows = moved.filter((moved.orders_before > 0) & (moved.orders_after > 0))
    rows = rows.select(
        "customer_key", "turn", "source", "target", customer_id=rows.own_id,
        before=thinning.level(rows.orders_before), after=thinning.level(rows.orders_after),
    )  # fmt: skip
    count = int(data.collect(rows.customer_key.nunique())[0][0].as_py())
    rows = sampling.sample(rows, _MOVED_CUSTOMERS / max(count, 1), "moved")
    most = 2 * _MOVED_CUSTOMERS * max(int(data.collect(rows.turn.nunique())[0][0].as_py()), 1)
    return data.collect(rows.order_by("customer_id", "turn").drop("customer_id"), most)


def _confusion(
    data: Dataset, found: Segmentation, days: ir.Table, assigned: ir.Table, spans: Sequence[Window],
    names: Sequence[str],
) -> tuple[Confusion, ir.Table]:  # fmt: skip
    import numpy as np

    from regulars.models.misplacement import Confusion

    stamp = f"{data.as_of:%Y%m%d}"
    every = thinning.certain(assigned, len(spans))
    occurs = np.zeros((thinning.LEVELS, len(names)), dtype=bool)
    for row in data.collect(thinning.occurring(every), 100_000).to_pylist():
        occurs[row["order_count"] - 1 :, names.index(row["certain"])] = True
    chosen = every.filter(every.order_count >= thinning.CERTAIN_ORDERS)
    count = int(data.collect(chosen.count())[0][0].as_py())
    chosen = sampling.sample(
        chosen.mutate(customer_id=chosen.own_id), _REFERENCE_WINDOWS / max(count, 1), "reference"
    )  # fmt: skip
    chosen = data.persist(chosen.drop("customer_id"), f"segment_movement__references_{stamp}")
    thinned = found.assign(thinning.thinned(days, chosen, spans))
    query = thinned.group_by("order_count", "certain", "segment").aggregate(customers=thinned.count().cast("int64"))
    query = query.order_by("order_count", "certain", "segment")
    counts = np.zeros((thinning.LEVELS, len(names), len(names)))
    for row in data.collect(query, 100_000).to_pylist():
        counts[row["order_count"] - 1, names.index(row["certain"]), names.index(row["segment"])] = row["customers"]
    return Confusion(counts, occurs), query
