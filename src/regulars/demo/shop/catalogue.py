"""The small tables of the world `shop`: products, campaigns, named periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from regulars.demo.draws import ChoiceTable, random_stream
from regulars.demo.shop import plan
from regulars.demo.shop.orders import PROMOTIONS, contact_number
from regulars.demo.shop.process import CATEGORY_COUNT, PROFILES, sale_periods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

CATALOGUE: Final = 100  # stream of random numbers
PRICE_SPREAD: Final = 0.45
PRODUCT_COUNT: Final = CATEGORY_COUNT * plan.PRODUCTS_PER_CATEGORY


@dataclass(frozen=True)
class Catalogue:
    """The products; product p is number p % 30 of category p // 30, and its id is p + 1.

    Attributes:
        list_pence: List price in pence before any rise.
        cost_pence: What one costs the company.
        choice: Place within the category; one row per profile and category.
    """

    list_pence: Integers
    cost_pence: Integers
    choice: ChoiceTable

    def prices(self, year: Integers) -> Integers:
        """List prices in pence, years × products."""
        levels = np.array(plan.PRICE_LEVELS)[year]
        return np.asarray(np.round(levels[:, None] * self.list_pence[None, :]).astype(np.int64))


def build_catalogue(seed: int) -> Catalogue:
    """Draw prices and popularity."""
    rng = random_stream(seed, CATALOGUE)
    size = (CATEGORY_COUNT, plan.PRODUCTS_PER_CATEGORY)
    medians = np.array([category.median_price for category in plan.CATEGORIES])
    pounds = medians[:, None] * rng.lognormal(0.0, PRICE_SPREAD, size=size)
    pence = np.maximum(np.round(pounds * 20).astype(np.int64) * 5 - 1, 29)  # prices end in 4 or 9
    popularity = rng.permuted(1.0 / np.arange(4, plan.PRODUCTS_PER_CATEGORY + 4) ** 0.8 * np.ones(size), axis=1)
    rank = np.argsort(np.argsort(pence, axis=1), axis=1)
    tier = rank * len(plan.SEGMENTS[0].tier_weights) // plan.PRODUCTS_PER_CATEGORY
    weights = np.array([profile.tier_weights for profile in PROFILES])[:, tier] * popularity[None, :, :]
    shares = np.array([category.cost_share for category in plan.CATEGORIES])[:, None]
    costs = np.round(pence * shares * rng.uniform(0.9, 1.1, size=size)).astype(np.int64)
    return Catalogue(
        list_pence=pence.ravel(),
        cost_pence=costs.ravel(),
        choice=ChoiceTable.of(weights.reshape(-1, plan.PRODUCTS_PER_CATEGORY)),
    )


def pairs() -> list[tuple[int, int]]:
    """The planted pairs, as product numbers: who buys the first often takes the second too."""
    places = {category.name: place for place, category in enumerate(plan.CATEGORIES)}
    size = plan.PRODUCTS_PER_CATEGORY
    return [(places[name] * size + first, places[name] * size + second) for name, first, second in plan.PAIRS]


def small_tables(catalogue: Catalogue) -> dict[str, Any]:
    """The small tables as Arrow tables, by file name."""
    number = np.arange(PRODUCT_COUNT)
    names = [category.name for category in plan.CATEGORIES]
    category = [names[place] for place in number // plan.PRODUCTS_PER_CATEGORY]
    products = pa.table(
        {
            "product_id": number + 1,
            "name": [f"{word} {place % plan.PRODUCTS_PER_CATEGORY + 1:02d}" for place, word in enumerate(category)],
            "category": category,
            "cost": catalogue.cost_pence / 100,
        }
    )
    return {"products.parquet": products, "campaigns.parquet": _campaigns(), "calendar.parquet": _calendar()}


def _campaigns() -> Any:
    rows = []
    for number in range(PROMOTIONS):
        quarter, kind = divmod(number, len(plan.KINDS))
        year, place = plan.FIRST_DAY.year + quarter // 4, quarter % 4
        starts = date(year, 1 + 3 * place, 1)
        ends = (date(year, 4 + 3 * place, 1) if place < 3 else date(year + 1, 1, 1)) - timedelta(days=1)
        name = f"{plan.KINDS[kind].capitalize()} {year} Q{place + 1}"
        rows.append((number + 1, name, plan.KINDS[kind], starts, ends, 0.0, plan.PROMOTION_COMPLEXITY[kind]))
    for number, contact in enumerate(plan.CONTACTS):
        ends = contact.sent_on + timedelta(days=plan.WINDOW_DAYS - 1)
        about = (contact_number(number), contact.name, contact.kind, contact.sent_on, ends, plan.CONTACT_COST, "simple")
        rows.append(about)
    names = ("campaign_id", "name", "kind", "starts_on", "ends_on", "unit_cost", "complexity")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def _calendar() -> Any:
    periods = sale_periods()
    closed = [
        date(year, month, day)
        for year in range(plan.FIRST_DAY.year, plan.LAST_DAY.year + 1)
        for month, day in plan.CLOSED_DAYS
    ]
    return pa.table(
        {
            "name": [period[0] for period in periods] + ["Closed"] * len(closed),
            "starts_on": [*(plan.FIRST_DAY + timedelta(days=period[1]) for period in periods), *closed],
            "ends_on": [*(plan.FIRST_DAY + timedelta(days=period[2]) for period in periods), *closed],
            "kind": ["sale"] * len(periods) + ["closed"] * len(closed),
        }
    )
