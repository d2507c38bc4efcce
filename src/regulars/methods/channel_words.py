"""What is said of where and how people buy: the share of each way, and what the last year changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.result import Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.measures.dimensions import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.core.result import Table

    Rows = Sequence[Mapping[str, Any]]

_NOT_TOLD = ("store", "payment_kind")
"""Dimensions whose shares are in the tables alone: too many, or the same again more coarsely."""
_FOLLOWING = 2


def shares(labels: Table, years: Table, titles: Mapping[str, str], least: int) -> list[Finding]:
    """For each way of buying: its largest label, the next ones, and whether the last year changed them.

    Args:
        labels: One row per dimension and label, with the orders, the largest first.
        years: One row per dimension, label and year.
        titles: Dimension → its title.
        least: Under this many customers no finding is made.
    """
    from regulars.models import intervals

    rows, by_year = labels.to_arrow().to_pylist(), years.to_arrow().to_pylist()
    found = []
    for name, title in titles.items():
        known = [row for row in rows if row["dimension"] == name and row["label"] != UNKNOWN]
        if name in _NOT_TOLD or len(known) < 2 or known[0]["customers"] < least:
            continue
        top = known[0]
        orders = round(top["orders"] / top["order_share"])
        low, high = (float(end) for end in intervals.share_interval(top["orders"], orders))
        others = " and ".join(
            f"'{row['label']}' {write(row['order_share'], 'share')}" for row in known[1 : 1 + _FOLLOWING]
        )
        unknown = next((row for row in rows if (row["dimension"], row["label"]) == (name, UNKNOWN)), None)
        sentence = (
            f"By {title}, '{top['label']}' has {write(top['order_share'], 'share')} "
            f"({write_interval(low, high, 'share')}) of {write_count(orders, 'orders')}, then {others}"
            f"{_not_known(unknown)}{_change(name, by_year)}."
        )
        found.append(
            Finding(
                f"channels.share_{name}", sentence, top["order_share"], "share", orders,
                Evidence("labels", f"dimension = {name}, label = {top['label']}"), n_unit="orders",
                interval=(min(low, top["order_share"]), max(high, top["order_share"])),
            )
        )  # fmt: skip
    return found


def _not_known(unknown: Mapping[str, Any] | None) -> str:
    return f"; of {write(unknown['order_share'], 'share')} it is not known" if unknown else ""


def _change(name: str, by_year: Rows) -> str:
    rows = [row for row in by_year if row["dimension"] == name]
    if len({row["year"] for row in rows}) < 2:
        return ""
    last, told = _differing(rows)
    if not told:
        return f"; no share of {last} differs from the years before beyond chance"
    top = _largest(told, rows)
    return (
        f"; in {last} '{top['label']}' had {write(top['order_share'], 'share')} against "
        f"{write(_before(top, rows), 'share')} in the years before, beyond chance"
    )


def changed(years: Table, titles: Mapping[str, str], least: int) -> list[Finding]:
    """The largest change of the last year against the years before, over all ways of buying."""
    rows = years.to_arrow().to_pylist()
    last, told = _differing(rows)
    if not told or len({row["year"] for row in rows}) < 2:
        return []
    top = _largest(told, rows)
    if top["year_orders"] < least:
        return []
    ends = (top["order_share_low"], top["order_share_high"])
    sentence = (
        f"In {last} '{top['label']}' ({titles[top['dimension']]}) had {write(top['order_share'], 'share')} "
        f"({write_interval(*ends, 'share')}) of the sales, against {write(_before(top, rows), 'share')} in the years "
        f"before; {len(told)} shares of {last} differ beyond chance."
    )
    return [
        Finding(
            "channels.changed", sentence, top["order_share"], "share", top["year_orders"],
            Evidence("by_year", f"label = {top['label']}"), n_unit="orders", interval=ends,
        )
    ]  # fmt: skip


def _differing(rows: Rows) -> tuple[str, Rows]:
    """The last year, and its shares that differ from the years before beyond chance."""
    last = max((row["year"] for row in rows), default="")
    return last, [row for row in rows if row["year"] == last and row["differs"] and row["label"] != UNKNOWN]


def _largest(told: Rows, rows: Rows) -> Mapping[str, Any]:
    return max(told, key=lambda row: (abs(row["order_share"] - _before(row, rows)), row["dimension"], row["label"]))


def _before(row: Mapping[str, Any], rows: Rows) -> float:
    """The share of the same label over all years before."""
    same = [one for one in rows if (one["dimension"], one["label"]) == (row["dimension"], row["label"])]
    others = [one for one in same if one["year"] != row["year"] and one["order_share"] is not None]
    orders = sum(one["year_orders"] for one in others)
    return float(sum(one["order_share"] * one["year_orders"] for one in others)) / orders if orders else 0.0
