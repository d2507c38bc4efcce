"""The shared summary `referral_tree`: everybody in the network, with sponsor, generation and how many stand below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Engine

MOST_LINKS = 50_000_000
"""So many links are taken in as two whole numbers each (16 bytes)."""


def make(engine: Engine, links: ir.Table, name: str) -> ir.Table:
    """One row per member who was brought or brought somebody.

    `customer_key`, `sponsor_key` (missing for those nobody brought), `referral_generation` (sponsors above),
    `sponsored_count` (brought directly), `downline_count` (below, at any distance), `downline_depth` (generations
    below), `origin_key` (who stands at the top of the line).

    Args:
        engine: Hands over the links, and takes the rows in.
        links: `customer_key` and `sponsor_key`, one row per sponsored member, without circles.
        name: Of the table in the engine.
    """
    import pyarrow as pa

    from regulars.models.graph import NOBODY, plant

    rows = engine.collect(links.select("customer_key", "sponsor_key").order_by("customer_key"), MOST_LINKS)
    forest = plant(rows["customer_key"].to_numpy(), rows["sponsor_key"].to_numpy())
    columns: dict[str, Any] = {
        "customer_key": forest.ids,
        "referral_generation": forest.generation,
        "sponsored_count": forest.sponsored_count,
        "downline_count": forest.downline_count,
        "downline_depth": forest.downline_depth,
        "origin_key": forest.ids[forest.origin],
    }
    arrays = {column: pa.array(values, pa.int64()) for column, values in columns.items()}
    arrays["sponsor_key"] = pa.array(forest.ids[forest.sponsor], pa.int64(), mask=forest.sponsor == NOBODY)
    return engine.bring(pa.table(arrays), name)
