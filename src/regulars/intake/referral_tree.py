"""The shared summary `referral_tree`: everybody in the network, with sponsor, generation and how many stand below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Engine

MOST_LINKS = 50_000_000
"""So many links are taken in as two whole numbers each (16 bytes)."""


def make(engine: Engine, referrals: ir.Table, keys: ir.Table | None, name: str) -> ir.Table:
    """One row per member who was brought or brought somebody.

    `customer_key`, `customer_id`, `sponsor_key` (missing for those nobody brought), `brought_on` (where it is known),
    `referral_generation` (sponsors above), `sponsored_count` (brought directly), `downline_count` (below, at any
    distance), `downline_depth` (generations below), `origin_key` (who stands at the top of the line).

    Args:
        engine: Hands over the links, and takes the rows in.
        referrals: `customer_id`, `sponsor_id` and perhaps `joined_on`, one row per sponsored member, without circles.
        keys: `customer_id` and `customer_key`; None where ids are whole numbers and their own keys.
        name: Of the table in the engine.
    """
    import pyarrow as pa

    from regulars.models.graph import NOBODY, plant

    links = _numbered(referrals, keys)
    rows = engine.collect(links.select("customer_key", "sponsor_key").order_by("customer_key"), MOST_LINKS)
    forest = plant(rows["customer_key"].to_numpy(), rows["sponsor_key"].to_numpy())
    columns = {
        "customer_key": forest.ids,
        "referral_generation": forest.generation,
        "sponsored_count": forest.sponsored_count,
        "downline_count": forest.downline_count,
        "downline_depth": forest.downline_depth,
        "origin_key": forest.ids[forest.origin],
    }
    arrays = {column: pa.array(values, pa.int64()) for column, values in columns.items()}
    arrays["sponsor_key"] = pa.array(forest.ids[forest.sponsor], pa.int64(), mask=forest.sponsor == NOBODY)
    placed = engine.bring(pa.table(arrays), f"{name}_places")
    tree = _with_ids(placed, keys)
    if "brought_on" in links.columns:
        days = links.select("customer_key", "brought_on")
        tree = tree.left_join(days, "customer_key").drop("customer_key_right")
    return engine.persist(tree, name)


def _numbered(referrals: ir.Table, keys: ir.Table | None) -> ir.Table:
    """The links between customer keys, with the day where it is known."""
    days = {"brought_on": referrals.joined_on} if "joined_on" in referrals.columns else {}
    links = referrals.select("customer_id", "sponsor_id", **days)
    if keys is None:
        return links.rename(customer_key="customer_id", sponsor_key="sponsor_id")
    links = links.inner_join(keys.select("customer_id", "customer_key"), "customer_id").drop("customer_id")
    sponsors = keys.select(sponsor_id="customer_id", sponsor_key="customer_key")
    return links.inner_join(sponsors, "sponsor_id").drop("sponsor_id")


def _with_ids(placed: ir.Table, keys: ir.Table | None) -> ir.Table:
    if keys is None:
        return placed.mutate(customer_id=placed.customer_key)
    return placed.inner_join(keys.select("customer_id", "customer_key"), "customer_key")
