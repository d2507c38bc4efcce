"""The large tables of the world `cinema`, block by block, and the files they go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.cinema import dirt, figures
from regulars.demo.cinema.catalogue import PLACEHOLDER_MODEL
from regulars.demo.cinema.customers import draw_birth_dates, draw_genders
from regulars.demo.cinema.draws import DEVICES
from regulars.demo.cinema.process import DAYS_PER_MONTH, SEGMENTS
from regulars.demo.cinema.tickets import device_ids
from regulars.demo.draws import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.demo.cinema.customers import Block, Buyers, Sizes
    from regulars.demo.cinema.process import Process
    from regulars.demo.cinema.tally import Tally
    from regulars.demo.cinema.tickets import Attempts

    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

TICKETS_FILE: Final = "ticket_history.csv"
CUSTOMERS_FILE: Final = "customer.csv"
DEVICES_FILE: Final = "device_detail.csv"
TRUTH_CUSTOMERS_FILE: Final = "truth_customers.parquet"

# Names, codes and numbers of these files need no quotes; models and descriptions may hold commas.
UNQUOTED_FILES: Final = frozenset({TICKETS_FILE, CUSTOMERS_FILE, "campaign.csv", "film.csv"})


def customer_table(ids: Integers, rng: np.random.Generator, tally: Tally) -> Any:
    """The rows of customer.csv for these ids, with dirty birth dates."""
    ids = np.sort(ids)
    genders = draw_genders(len(ids), rng)
    births = dirt.spoil_birth_dates(draw_birth_dates(len(ids), rng), genders, rng)
    tally.counts.update(dirt.count_birth_dirt(births))
    return pa.table({"user_id": ids, "usergender": genders, "dob": births})


def device_table(block: Block, sizes: Sizes, seed: int, tally: Tally) -> Any:
    """The block's part of the devices, with its surplus rows."""
    rng = random_stream(seed, DEVICES, block.number)
    second = sizes.buyers + np.arange(*block.part_of(sizes.second_devices))
    website = sizes.buyers + sizes.second_devices + np.arange(*block.part_of(sizes.website_devices))
    devices = np.concatenate([np.arange(block.start, block.stop), second, website])
    first, last = block.part_of(sizes.surplus_device_rows)
    surplus = rng.integers(len(devices), size=last - first)  # a few devices get two rows too many
    devices = rng.permutation(np.concatenate([devices, devices[surplus]]))
    is_website = devices >= sizes.buyers + sizes.second_devices
    models = dirt.draw_models(is_website, rng)
    tally.counts.update(
        device_rows_surplus=last - first,
        device_rows_placeholder_model=int((models == PLACEHOLDER_MODEL).sum()),
        device_rows_without_model=int((models == np.array(None)).sum()),
    )
    platforms = pa.array(["mobile", "website"]).take(pa.array(is_website.astype(np.int64)))
    return pa.table(
        {"device_id": device_ids(devices, seed), "model": pa.array(models, pa.string()), "platform": platforms}
    )


def truth_table(process: Process, buyers: Buyers, attempts: Attempts, is_registered: Flags) -> Any:
    """One row per buyer: what was planted, and how much they bought."""
    first_day = np.datetime64(figures.FIRST_DAY, "D")
    count = len(buyers.customer_id)
    rates = process.daily_rates[buyers.segment, buyers.won_by] * DAYS_PER_MONTH
    return pa.table(
        {
            "customer_id": buyers.customer_id,
            "segment": pa.array([segment.name for segment in SEGMENTS]).take(pa.array(buyers.segment)),
            "won_by": pa.array(figures.WON_BY).take(pa.array(buyers.won_by)),
            "arrived_on": first_day + buyers.arrival_day,
            "active_until_on": first_day + buyers.last_active_day,
            "orders_per_month": rates,
            "attempts_count": np.bincount(attempts.buyer, minlength=count),
            "orders_count": np.bincount(attempts.buyer[attempts.is_success], minlength=count),
            "is_in_customer_table": is_registered,
        }
    )
