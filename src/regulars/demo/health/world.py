"""The demo world `health`: a distributor of health products in five centres, whose members bring members.

An order has a total and a list of products in a cell, and no price per product; dates are written in four ways; a
half-year is missing; most members pay nothing online. A tree of sponsors with planted stars, kinds of members, and
products that go together are told in ``truth.json`` and ``truth_members.parquet``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from regulars.demo.draws import draw_even_share
from regulars.demo.health import plan
from regulars.demo.health.members import NOBODY, draw_members, member_ids, member_table, truth_table
from regulars.demo.health.orders import draw_orders, product_table
from regulars.demo.table_files import TableFiles
from regulars.demo.world import SETTINGS_FILE, TRUTH_FILE, Truth, World, prepare_directory, rows_to_draw, write_truth

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.demo.health.members import Floats, Integers, Members

DEFAULT_ROWS: Final = 2_400_000
SMALLEST_ROWS: Final = 2_000
BLOCK_MEMBERS: Final = 50_000
MEMBERS_FILE, ORDERS_FILE, PRODUCTS_FILE = "members.csv", "orders.csv", "products.csv"
TRUTH_MEMBERS_FILE: Final = "truth_members.parquet"
TOLD_STARS: Final = 20

SETTINGS: Final = """\
# The demo world "health": made-up members of a distributor. What was planted is in truth.json.

[dataset]
name = "Health"
currency = "EUR"
money = "amount"                  # most pay in the centre, so that what was paid online is not the money
exclude_periods = ["2020-07-01/2020-12-31"]   # this half-year is not in the export

[tables.customers]
source = "members.csv"
columns = { customer_id = "member_id", sponsor_id = "sponsor_id", joined_on = "joined", gender = "gender", \
birth_year = "birth_year", city = "centre" }

# One row per order: its total, and below the products of its list. No price per product is known.
[tables.orders]
source = "orders.csv"
columns = { order_id = "order_no", customer_id = "member_id", ordered_at = "payment_date", amount = "total_amount", \
paid = "paid_online", store_id = "centre" }
reader = { date_order = "day_first" }

[tables.lines]
source = "orders.csv"
columns = { order_id = "order_no", customer_id = "member_id", ordered_at = "payment_date", store_id = "centre" }
basket = { column = "product_json" }
reader = { date_order = "day_first" }

[tables.products]
source = "products.csv"
columns = { product_id = "product_id", name = "name", category = "family" }
"""


@dataclass
class _Counted:
    """What the drawn data come to."""

    orders: int = 0
    lines: int = 0
    cut_off: int = 0
    single_item_members: int = 0


@dataclass(frozen=True)
class HealthWorld:
    """The world `health`; see ``World`` for its face."""

    name: str = "health"
    title: str = "A distributor of health products whose members bring members: product lists in cells, planted stars"

    def write(self, directory: Path, *, rows: int | None = None, seed: int = 7) -> Truth:
        """Write the tables, the settings and the truth.

        Args:
            directory: Where to write; made if it is not there.
            rows: About how many products on orders; 2.4 million by default, with 578 thousand members.
            seed: The same seed gives the same bytes (with the same numpy and pyarrow).

        Returns:
            What was planted and written.

        Raises:
            RegularsError: A file of the same name is there already, or ``rows`` is too small.
        """
        wanted = rows_to_draw(self.name, rows, DEFAULT_ROWS, SMALLEST_ROWS)
        names = [MEMBERS_FILE, ORDERS_FILE, PRODUCTS_FILE]
        prepare_directory(directory, [*names, TRUTH_MEMBERS_FILE, SETTINGS_FILE, TRUTH_FILE])
        members = draw_members(round(wanted * plan.MEMBERS_PER_LINE), seed)
        revenue, orders, counted = np.zeros(members.count), np.zeros(members.count, np.int64), _Counted()
        blocks = -(-members.count // BLOCK_MEMBERS)
        with TableFiles(directory) as files:
            files.append(PRODUCTS_FILE, product_table())
            for block in range(blocks):
                start, stop = draw_even_share(members.count, block, block + 1, blocks)
                files.append(MEMBERS_FILE, member_table(members, start, stop, seed, block))
                files.append(TRUTH_MEMBERS_FILE, truth_table(members, start, stop))
                drawn = draw_orders(members, start, stop, counted.orders, seed, block)
                files.append(ORDERS_FILE, drawn.table)
                revenue += np.bincount(drawn.member, drawn.total, members.count)
                orders += np.bincount(drawn.member, minlength=members.count)
                read = np.bincount(drawn.member, drawn.lines * (1 - drawn.is_cut_off), members.count)
                counted.single_item_members += int((read == 1).sum())
                counted.orders += drawn.member.size
                counted.lines += int(drawn.lines.sum())
                counted.cut_off += int(drawn.is_cut_off.sum())
            row_counts = {name: files.row_counts[name] for name in names}
        facts = {
            "world": self.name,
            "seed": seed,
            "rows_asked_for": rows,
            "row_counts": row_counts,
            "drawn": asdict(counted) | {"revenue": round(float(revenue.sum()), 2), "members": members.count},
            "missing": {"from": plan.MISSING_FROM, "to": plan.MISSING_TO},
            "kinds": [asdict(kind) for kind in plan.KINDS],
            "pairs": {
                "products": [[f"H{a + 1:03d}", f"H{b + 1:03d}"] for a, b in plan.PAIRS],
                "share": plan.PAIR_SHARE,
            },
            "network": _network(members, revenue, orders),
        }
        return write_truth(directory, facts, SETTINGS)


def _network(members: Members, revenue: Floats, orders: Integers) -> dict[str, Any]:
    """The tree as drawn: generations, and the stars who brought most."""
    generation = np.zeros(members.count, np.int64)
    sponsor = members.sponsor
    for number in range(members.count):  # a sponsor always stands before whom he or she brought
        if sponsor[number] != NOBODY:
            generation[number] = generation[sponsor[number]] + 1
    brought = np.bincount(sponsor[sponsor != NOBODY], minlength=members.count)
    linked = (sponsor != NOBODY) | (brought > 0)
    top = np.lexsort((np.arange(members.count), -brought))[:TOLD_STARS]
    return {
        "sponsored_share": plan.SPONSORED_SHARE,
        "star_share": plan.STAR_SHARE,
        "by_star_share": plan.BY_STAR_SHARE,
        "star_orders": plan.STAR_ORDERS,
        "stars": int(members.is_star.sum()),
        "sponsored": int((sponsor != NOBODY).sum()),
        "generations": [
            {
                "generation": number,
                "members": int((linked & (generation == number)).sum()),
                "revenue": round(float(revenue[linked & (generation == number)].sum()), 2),
            }
            for number in range(int(generation.max()) + 1)
        ],
        "most_brought": dict(zip(member_ids(top).to_pylist(), brought[top].tolist(), strict=True)),
        "mean_orders": {
            "stars": round(float(orders[members.is_star].mean()), 4),
            "others": round(float(orders[~members.is_star].mean()), 4),
        },
    }


WORLD: Final[World] = HealthWorld()
