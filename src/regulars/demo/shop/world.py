"""The demo world `shop`: a retailer with stores and a website, three years, any size.

Customers in four planted segments buy in twelve categories with planted seasons, move between segments at the turns
of half-years, and are contacted by mailings and experiments, one of them a bad one (``plan`` has every number). Blocks
of customers are drawn and written as they come, so memory does not grow with the size asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from regulars.demo.draws import draw_even_share, random_stream
from regulars.demo.shop import plan, truth
from regulars.demo.shop.catalogue import build_catalogue, small_tables
from regulars.demo.shop.contacts import contact_table
from regulars.demo.shop.lines import draw_lines, line_tables
from regulars.demo.shop.orders import draw_orders
from regulars.demo.shop.people import customer_table, draw_people, truth_table
from regulars.demo.shop.process import build_process, lines_per_customer
from regulars.demo.shop.tally import Tally
from regulars.demo.table_files import TableFiles
from regulars.demo.world import SETTINGS_FILE, TRUTH_FILE, Truth, World, prepare_directory, rows_to_draw, write_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from regulars.demo.shop.orders import Orders

DEFAULT_ROWS: Final = 400_000
SMALLEST_ROWS: Final = 2_000
BLOCK_LINES: Final = 400_000  # about what is held in memory at a time
PEOPLE, BUYING, TRAITS = 101, 102, 103  # streams of random numbers

LINE_FILES: Final = tuple(f"lines-{name}.parquet" for name in plan.HALF_YEARS)
CUSTOMERS_FILE: Final = "customers.parquet"
CONTACTS_FILE: Final = "contacts.parquet"
TRUTH_CUSTOMERS_FILE: Final = "truth_customers.parquet"
SMALL_FILES: Final = ("products.parquet", "campaigns.parquet", "calendar.parquet")

SETTINGS: Final = """\
# The demo world "shop": made-up data. What was planted is in truth.json and truth_customers.parquet.

[dataset]
name = "Shop"
currency = "GBP"
as_of = "last_order"
timezone = "Europe/London"
country = "GB"

# One row per product on an order; one file per half-year. `paid` is amount less discount.
[tables.lines]
source = "lines-*.parquet"
columns = { order_id = "order_id", customer_id = "customer_id", ordered_at = "ordered_at", product_id = "product_id", \
quantity = "quantity", unit_price = "unit_price", amount = "amount", discount = "discount", paid = "paid", \
store_id = "store_id", channel = "channel", payment_method = "payment_method", campaign_id = "campaign_id" }

# Four answers of a survey, 1 to 7, come along as traits.
[tables.customers]
source = "customers.parquet"
columns = { customer_id = "customer_id", gender = "gender", birth_date = "birth_date", income = "income", \
city = "city", joined_on = "joined_on", contactable = "contactable" }
further = ["price_sensitivity", "quality_focus", "convenience", "brand_loyalty"]

# With cost, so that margin and profit can be told.
[tables.products]
source = "products.parquet"
columns = { product_id = "product_id", name = "name", category = "category", cost = "cost" }

# Promotions that anybody can use (three a quarter), and campaigns that contact customers.
[tables.campaigns]
source = "campaigns.parquet"
columns = { campaign_id = "campaign_id", name = "name", kind = "kind", starts_on = "starts_on", ends_on = "ends_on", \
unit_cost = "unit_cost", complexity = "complexity" }

# One row per customer contacted; `arm` where it was an experiment. What they ordered and spent in the 28 days before
# and in the 28 days from the contact on comes along.
[tables.contacts]
source = "contacts.parquet"
columns = { customer_id = "customer_id", campaign_id = "campaign_id", sent_at = "sent_at", arm = "arm", \
responded = "responded", response_value = "response_value" }
further = ["orders_before", "spend_before", "orders_after", "spend_after"]

# Sales that come back every year, and closed days.
[tables.calendar]
source = "calendar.parquet"
columns = { name = "name", starts_on = "starts_on", ends_on = "ends_on", kind = "kind" }
"""


@dataclass(frozen=True)
class ShopWorld:
    """The world `shop`; see ``World`` for its face.

    Attributes:
        passer_by_share: Share of the order lines that come from customers who buy once or twice and belong to no
            segment. None by default; with 0.6 there is about one customer to four lines.
    """

    name: str = "shop"
    title: str = "A retailer with stores and a website: segments, seasons, promotions, experiments good and bad"
    passer_by_share: float = 0.0

    def write(self, directory: Path, *, rows: int | None = None, seed: int = 7) -> Truth:
        """Write the tables, the settings and the truth.

        Args:
            directory: Where to write; made if it is not there.
            rows: About how many order lines to draw; 400,000 by default.
            seed: The same seed gives the same bytes (with the same numpy and pyarrow).

        Returns:
            What was planted and written.

        Raises:
            RegularsError: A file of the same name is there already, or ``rows`` is too small.
        """
        wanted = rows_to_draw(self.name, rows, DEFAULT_ROWS, SMALLEST_ROWS)
        file_names = [*LINE_FILES, CUSTOMERS_FILE, CONTACTS_FILE, *SMALL_FILES]
        prepare_directory(directory, [*file_names, TRUTH_CUSTOMERS_FILE, SETTINGS_FILE, TRUTH_FILE])
        tally = Tally()
        process = build_process()
        with TableFiles(directory) as files:
            catalogue = build_catalogue(seed)
            for file_name, table in small_tables(catalogue).items():
                files.append(file_name, table)
            for file_name, table in self._draw_blocks(wanted, seed, tally):
                files.append(file_name, table)
            row_counts = {name: files.row_counts[name] for name in file_names}
        facts = {
            "world": self.name,
            "seed": seed,
            "rows_asked_for": rows,
            "passer_by_share": self.passer_by_share,
            "row_counts": row_counts,
            "first_day": str(plan.FIRST_DAY),
            "last_day": str(plan.LAST_DAY),
            "half_years": [
                {"name": name, "starts_on": str(start)}
                for name, start in zip(plan.HALF_YEARS, plan.HALF_YEAR_STARTS, strict=True)
            ],
            "drawn": truth.describe_draw(tally),
            "segments": truth.describe_segments(tally),
            "movement": truth.describe_movement(tally),
            "seasons": truth.describe_seasons(process, tally),
            "contacts": truth.describe_contacts(tally),
        }
        return write_truth(directory, facts, SETTINGS)

    def _draw_blocks(self, rows: int, seed: int, tally: Tally) -> Iterator[tuple[str, Any]]:
        """Draw the customers block by block; yields rows by file name and counts them."""
        process, catalogue = build_process(), build_catalogue(seed)
        per_customer, per_passer_by = lines_per_customer(process)
        passers_by = round(rows * self.passer_by_share / per_passer_by)
        customers = passers_by + max(round(rows * (1.0 - self.passer_by_share) / per_customer), 1)
        blocks = max(round(rows / BLOCK_LINES), 1)
        for block in range(blocks):
            start, stop = draw_even_share(customers, block, block + 1, blocks)
            passing = np.subtract(*draw_even_share(passers_by, block, block + 1, blocks)[::-1])
            people = draw_people(start, stop - start, int(passing), random_stream(seed, PEOPLE, block))
            rng = random_stream(seed, BUYING, block)
            orders, contacted = draw_orders(process, people, rng)
            lines = draw_lines(process, catalogue, orders, rng)
            first_order = tally.counts["orders"]
            per_half = tally.add(process, people, orders, lines, contacted)
            yield from line_tables(people, orders, lines, first_order)
            paid = np.bincount(lines.order, weights=lines.paid, minlength=orders.count).astype(np.int64)
            for found in contacted:
                if len(found.customer):
                    yield CONTACTS_FILE, contact_table(people, orders, paid, found)
            first_day = _first_days(orders, people.count)
            join_day = np.where(people.is_passer_by, first_day, people.join_day)
            yield CUSTOMERS_FILE, customer_table(people, join_day, random_stream(seed, TRAITS, block))
            yield TRUTH_CUSTOMERS_FILE, truth_table(people, join_day, per_half)


def _first_days(orders: Orders, count: int) -> NDArray[np.int64]:
    """Day of each customer's first order; orders stand in the order of their time."""
    first = np.full(count, plan.DAY_COUNT)
    first[orders.customer[::-1]] = orders.day[::-1]
    return first


WORLD: Final[World] = ShopWorld()
