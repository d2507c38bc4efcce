"""The demo world `profiles`: one wide row per customer, no orders; spend by category, answers to six campaigns.

The columns are those of a widely taught file of a food retailer. Four kinds of customers are planted, and a model of
who answers the last campaign; ``truth.json`` has both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.draws import ChoiceTable, draw_even_share, random_stream
from regulars.demo.profiles import plan
from regulars.demo.table_files import TableFiles
from regulars.demo.world import SETTINGS_FILE, TRUTH_FILE, Truth, World, prepare_directory, rows_to_draw, write_truth

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DEFAULT_ROWS: Final = 2_240
SMALLEST_ROWS: Final = 200
BLOCK_ROWS: Final = 50_000
PEOPLE: Final = 200  # stream of random numbers
CUSTOMERS_FILE: Final = "customers.csv"
TRUTH_CUSTOMERS_FILE: Final = "truth_customers.parquet"
AUC_SAMPLE: Final = 200_000

SETTINGS: Final = """\
# The demo world "profiles": made-up customers in one wide file, without orders. What was planted is in truth.json.

[dataset]
name = "Profiles"
currency = "EUR"

# Who they are. Further columns come along as traits; Z_CostContact and Z_Revenue are constants and are left out.
[tables.customers]
source = "customers.csv"
columns = { customer_id = "ID", birth_year = "Year_Birth", income = "Income", joined_on = "Dt_Customer" }
further = ["Education", "Marital_Status", "Kidhome", "Teenhome", "Recency", "Num*", "Complain"]

# What they spend, from the columns MntWines, MntFruits ...
[tables.category_spend]
source = "customers.csv"
columns = { customer_id = "ID" }
unpivot = { columns = ["Mnt*"], name = "category", value = "amount", strip = "Mnt" }

# Which of the five earlier campaigns they answered, and the last one (Response).
[tables.contacts]
source = "customers.csv"
columns = { customer_id = "ID" }
unpivot = { columns = ["AcceptedCmp*", "Response"], name = "campaign_id", value = "responded", strip = "Accepted" }
"""


@dataclass(frozen=True)
class ProfilesWorld:
    """The world `profiles`; see ``World`` for its face."""

    name: str = "profiles"
    title: str = "A food retailer's customers in one wide file without orders: spend by category, answers to campaigns"

    def write(self, directory: Path, *, rows: int | None = None, seed: int = 7) -> Truth:
        """Write the file, the settings and the truth.

        Args:
            directory: Where to write; made if it is not there.
            rows: How many customers; 2,240 by default.
            seed: The same seed gives the same bytes (with the same numpy and pyarrow).

        Returns:
            What was planted and written.

        Raises:
            RegularsError: A file of the same name is there already, or ``rows`` is too small.
        """
        wanted = rows_to_draw(self.name, rows, DEFAULT_ROWS, SMALLEST_ROWS)
        prepare_directory(directory, [CUSTOMERS_FILE, TRUTH_CUSTOMERS_FILE, SETTINGS_FILE, TRUTH_FILE])
        spend = np.zeros((len(plan.KINDS), len(plan.CATEGORIES)))
        kinds, answers = np.zeros(len(plan.KINDS), np.int64), np.zeros(len(plan.EARLIER_CAMPAIGNS) + 1, np.int64)
        chances: list[Floats] = []
        blocks = -(-wanted // BLOCK_ROWS)
        with TableFiles(directory, delimiters={CUSTOMERS_FILE: ";"}) as files:
            for block in range(blocks):
                start, stop = draw_even_share(wanted, block, block + 1, blocks)
                table, kind, chance = _draw(start, stop - start, random_stream(seed, PEOPLE, block))
                files.append(CUSTOMERS_FILE, table)
                truth = {"customer_id": table["ID"], "segment": _names().take(pa.array(kind))}
                files.append(TRUTH_CUSTOMERS_FILE, pa.table(truth | {"response_probability": chance}))
                kinds += np.bincount(kind, minlength=len(plan.KINDS))
                for place, name in enumerate(plan.CATEGORIES):
                    spend[:, place] += np.bincount(kind, weights=table[name].to_numpy(), minlength=len(plan.KINDS))
                answers += [int(table[name].to_numpy().sum()) for name in (*plan.EARLIER_CAMPAIGNS, "Response")]
                chances.append(chance[:AUC_SAMPLE])
            row_counts = {CUSTOMERS_FILE: files.row_counts[CUSTOMERS_FILE]}
        facts = {
            "world": self.name,
            "seed": seed,
            "rows_asked_for": rows,
            "row_counts": row_counts,
            "segments": {
                "k": len(plan.KINDS),
                "customers": dict(zip(_names().to_pylist(), kinds.tolist(), strict=True)),
                "profiles": [asdict(kind) for kind in plan.KINDS],
                "mean_spend": {
                    kind.name: dict(
                        zip(
                            plan.CATEGORIES,
                            np.round(spend[place] / max(kinds[place], 1), 2).tolist(),
                            strict=True,
                        )
                    )
                    for place, kind in enumerate(plan.KINDS)
                },
            },
            "answers": dict(zip((*plan.EARLIER_CAMPAIGNS, "Response"), answers.tolist(), strict=True)),
            "response": {
                "definition": "log-odds of Response; a customer's chance is in truth_customers.parquet; no model can "
                "be expected to rank better than the chances themselves do (best_auc)",
                "intercept": plan.INTERCEPT,
                "per_day_since_purchase_from_49": plan.RECENCY_SLOPE,
                "per_earlier_campaign_answered": plan.ACCEPTED_SLOPE,
                "per_day_since_joining_from_350": plan.MEMBERSHIP_SLOPE,
                "with_partner": plan.PARTNER_SLOPE,
                "best_auc": round(_expected_auc(np.concatenate(chances)[:AUC_SAMPLE]), 4),
            },
        }
        return write_truth(directory, facts, SETTINGS)


def _names() -> Any:
    return pa.array([kind.name for kind in plan.KINDS])


def _draw(start: int, count: int, rng: np.random.Generator) -> tuple[Any, Integers, Floats]:
    """A block of customers: their rows, kinds, and chances of answering the last campaign."""
    kind = ChoiceTable.of(np.array([one.share for one in plan.KINDS])).draw_many(count, rng)

    def of_kind(name: str) -> Any:
        return np.array([getattr(one, name) for one in plan.KINDS])[kind]

    income = np.round(of_kind("income") * rng.lognormal(0.0, plan.INCOME_SPREAD, size=count))
    size = (count, len(plan.CATEGORIES))
    spend = np.round(of_kind("spend") * rng.lognormal(0.0, plan.SPREAD, size=size)).astype(np.int64)
    children = (rng.random((count, 2)) < of_kind("children")).astype(np.int64)
    purchases = rng.poisson(of_kind("purchases"))
    marital = ChoiceTable.of(np.array(plan.MARITAL_SHARES)).draw_many(count, rng)
    education = ChoiceTable.of(np.array([one.educations for one in plan.KINDS])).draw(kind, rng)
    birth_year = np.clip(np.round(rng.normal(of_kind("birth_year"), plan.BIRTH_YEAR_SPREAD)), 1936, 1996)
    first, last = np.datetime64(plan.FIRST_JOINED), np.datetime64(plan.LAST_JOINED)
    joined = first + rng.integers(int((last - first).astype(np.int64)) + 1, size=count)
    recency = rng.integers(plan.DAYS_SINCE_PURCHASE, size=count)
    eagerness = rng.lognormal(-(plan.EAGERNESS_SPREAD**2) / 2, plan.EAGERNESS_SPREAD, size=count)
    accepted = rng.random((count, len(plan.EARLIER_CAMPAIGNS))) < of_kind("accepted") * eagerness[:, None]
    has_partner = (marital == plan.MARITAL_STATUSES.index("Together")) | (
        marital == plan.MARITAL_STATUSES.index("Married")
    )
    log_odds = (
        plan.INTERCEPT
        + plan.RECENCY_SLOPE * (recency - 49)
        + plan.ACCEPTED_SLOPE * accepted.sum(axis=1)
        + plan.MEMBERSHIP_SLOPE * ((last - joined).astype(np.int64) - 350)
        + plan.PARTNER_SLOPE * has_partner
    )
    chance = 1.0 / (1.0 + np.exp(-log_odds))
    response = rng.random(count) < chance
    purchase_names = ("NumDealsPurchases", "NumWebPurchases", "NumCatalogPurchases", "NumStorePurchases")
    table = pa.table(
        {
            "ID": start + 1 + np.arange(count),
            "Year_Birth": birth_year.astype(np.int64),
            "Education": pa.array(plan.EDUCATIONS).take(pa.array(education)),
            "Marital_Status": pa.array(plan.MARITAL_STATUSES).take(pa.array(marital)),
            "Income": pa.array(income.astype(np.int64), mask=rng.random(count) < plan.UNKNOWN_INCOME_SHARE),
            "Kidhome": children[:, 0],
            "Teenhome": children[:, 1],
            "Dt_Customer": joined,
            "Recency": recency,
            **{name: spend[:, place] for place, name in enumerate(plan.CATEGORIES)},
            **{name: purchases[:, place] for place, name in enumerate(purchase_names)},
            "NumWebVisitsMonth": rng.poisson(of_kind("visits")),
            **{name: accepted[:, place].astype(np.int64) for place, name in enumerate(plan.EARLIER_CAMPAIGNS)},
            "Complain": (rng.random(count) < plan.COMPLAINT_SHARE).astype(np.int64),
            "Z_CostContact": np.full(count, 3),
            "Z_Revenue": np.full(count, 11),
            "Response": response.astype(np.int64),
        }
    )
    return table, kind, chance


def _expected_auc(chances: Floats) -> float:
    """The expected area under the curve of a ranking by the true chances.

    >>> round(_expected_auc(np.array([0.1, 0.9])), 3)
    0.988
    """
    p = np.sort(chances)
    below = np.concatenate([[0.0], np.cumsum(1.0 - p)[:-1]])
    # a positive at p beats the negatives below it; pairs of a customer with itself do not count
    return float((p * below).sum() / (p.sum() * (1.0 - p).sum() - (p * (1.0 - p)).sum()))


WORLD: Final[World] = ProfilesWorld()
