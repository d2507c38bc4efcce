"""The demo world `cinema`: an online seller of cinema tickets, 2019 to 2022.

Five tables with the columns of a real seller and a sixth of films, drawn to its published figures
(``figures``) from a stated process (``process``), spoilt as the real tables are
(``dirt``). Buyers are drawn in blocks and written as they come, so memory does not grow with
the size asked for.

The amounts are in US dollars: at 7.76 a purchase of about two seats they fit nothing else, the
country being Vietnam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from regulars.demo.cinema import dirt, figures, truth
from regulars.demo.cinema.catalogue import build_catalogue, small_tables
from regulars.demo.cinema.customers import (
    GENDER_CODES,
    Sizes,
    count_arrivals,
    deal_ids,
    draw_buyers,
    draw_occasions,
    split_blocks,
)
from regulars.demo.cinema.draws import CUSTOMERS, PEOPLE, TICKETS
from regulars.demo.cinema.process import build_process
from regulars.demo.cinema.tables import (
    CUSTOMERS_FILE,
    DEVICES_FILE,
    TICKETS_FILE,
    TRUTH_CUSTOMERS_FILE,
    UNQUOTED_FILES,
    customer_table,
    device_table,
    truth_table,
)
from regulars.demo.cinema.tally import Tally
from regulars.demo.cinema.tickets import TicketDrawer
from regulars.demo.draws import random_stream
from regulars.demo.table_files import TableFiles
from regulars.demo.world import SETTINGS_FILE, TRUTH_FILE, Truth, World, prepare_directory, write_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.demo.cinema.catalogue import Catalogue
    from regulars.demo.cinema.process import Process

SMALL_FILES: Final = ("campaign.csv", "status_detail.csv", "film.csv")

SETTINGS: Final = """\
# The demo world "cinema": made-up data of real shape. What was planted is in truth.json.

[dataset]
name = "Cinema"
currency = "USD"
as_of = "last_order"
timezone = "Asia/Ho_Chi_Minh"
country = "VN"
exclude_periods = ["2020-04-01/2020-04-30", "2021-08-01/2021-09-30"]   # closed: no data

# A ticket is an order; there are no order lines.
[tables.orders]
source = "ticket_history.csv"
columns = { order_id = "ticket_id", customer_id = "customer_id", ordered_at = "time", \
amount = "original_price", discount = "discount_value", paid = "final_price", store_id = "theater_name", \
payment_method = "paying_method", device_id = "device_number", campaign_id = "campaign_id", \
status_id = "status_id", product_id = "movie_name" }

[tables.customers]
source = "customer.csv"
columns = { customer_id = "user_id", gender = "usergender", birth_date = "dob" }

[tables.customers.values]       # what the codes of a column stand for; "" is nothing known
gender = { "0" = "", "1" = "male", "2" = "female" }

[tables.products]
source = "film.csv"
columns = { product_id = "film_name", name = "film_name", category = "genre", released_on = "released_on" }
further = ["blockbuster"]

[tables.campaigns]
source = "campaign.csv"
columns = { campaign_id = "campaign_code", kind = "campaign_type" }

[tables.devices]
source = "device_detail.csv"
columns = { device_id = "device_id", model = "model", platform = "platform" }

[tables.statuses]
source = "status_detail.csv"
columns = { status_id = "status_id", description = "description", error_group = "error_group" }
"""


@dataclass(frozen=True)
class CinemaWorld:
    """The world `cinema`; see ``World`` for its face."""

    name: str = "cinema"
    title: str = "An online seller of cinema tickets: one-time buyers, campaigns, failed payments, closed months"

    def write(self, directory: Path, *, rows: int | None = None, seed: int = 7) -> Truth:
        """Write the tables, the settings and the truth.

        Args:
            directory: Where to write; made if it is not there.
            rows: About how many attempts to draw; the number of buyers is exact, what they buy is
                chance. By default the published size, 154,725.
            seed: The same seed gives the same bytes (with the same numpy and pyarrow).

        Returns:
            What was planted and written.

        Raises:
            RegularsError: A file of the same name is there already, or ``rows`` is too small.
        """
        sizes = Sizes.of(figures.ATTEMPTS if rows is None else rows)
        file_names = [TICKETS_FILE, CUSTOMERS_FILE, DEVICES_FILE, *SMALL_FILES]
        prepare_directory(directory, [*file_names, TRUTH_CUSTOMERS_FILE, SETTINGS_FILE, TRUTH_FILE])
        catalogue = build_catalogue(seed)
        process = build_process(catalogue.blockbuster_days)
        tally = Tally()
        with TableFiles(directory, UNQUOTED_FILES) as files:
            for file_name, table in small_tables(catalogue).items():
                files.append(file_name, table)
            for tables in _draw_blocks(process, catalogue, sizes, seed, tally):
                for file_name, table in tables.items():
                    files.append(file_name, table)
            row_counts = {name: files.row_counts[name] for name in file_names}
        facts = {
            "world": self.name,
            "seed": seed,
            "rows_asked_for": rows,
            "row_counts": row_counts,
            "gender_codes": GENDER_CODES,
            "process": truth.describe_process(process, catalogue),
            "drawn": truth.describe_draw(tally),
            "retention": truth.describe_retention(process, tally),
            "returned_within_90_days": truth.describe_returns(process, tally),
            "dirt": truth.describe_dirt(tally),
        }
        return write_truth(directory, facts, SETTINGS)


def _draw_blocks(
    process: Process,
    catalogue: Catalogue,
    sizes: Sizes,
    seed: int,
    tally: Tally,
) -> Iterator[dict[str, Any]]:
    """Draw the buyers block by block; yields each block's rows by file name and counts them."""
    arrived_by_day = count_arrivals(process, sizes.buyers, seed)
    drawer = TicketDrawer(process, catalogue, sizes, seed)
    for block in split_blocks(sizes.buyers):
        rng = random_stream(seed, CUSTOMERS, block.number)
        ids, others = deal_ids(block, sizes, rng)
        first, last = block.part_of(sizes.lost_customers)
        is_registered = dirt.lose_customers(block.size, last - first, rng)
        registered = np.concatenate([ids[is_registered], others])
        tally.counts["buyers_missing_from_customers"] += last - first

        rng_people = random_stream(seed, PEOPLE, block.number)
        buyers = draw_buyers(process, block, arrived_by_day, ids, rng_people)
        occasions = draw_occasions(process, buyers, rng_people)
        first_ticket = tally.counts["attempts"]
        attempts = drawer.draw(block, buyers, occasions, random_stream(seed, TICKETS, block.number))
        tally.add(buyers, attempts)
        yield {
            TICKETS_FILE: drawer.ticket_table(attempts, buyers, first_ticket),
            CUSTOMERS_FILE: customer_table(registered, rng, tally),
            DEVICES_FILE: device_table(block, sizes, seed, tally),
            TRUTH_CUSTOMERS_FILE: truth_table(process, buyers, attempts, is_registered),
        }


WORLD: Final[World] = CinemaWorld()
