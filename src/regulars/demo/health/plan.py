"""Every number that the world `health` plants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_DAY: Final = "2018-01-01"
LAST_DAY: Final = "2021-12-31"
MISSING_FROM, MISSING_TO = "2020-07-01", "2020-12-31"
"""A half-year that is not in the export."""

MEMBERS_PER_LINE: Final = 0.2408
"""Members for every product on an order: 578 thousand for 2.4 million."""

SPONSORED_SHARE: Final = 0.7
"""Share of the members, after the first, who were brought by a member."""
STAR_SHARE: Final = 0.005
BY_STAR_SHARE: Final = 0.5
"""Share of the sponsored whom a star brought; the others were brought by anybody who was there before."""
STAR_ORDERS: Final = 5.0
"""A star orders so many times as often as another member of the same kind."""

CENTRES: Final = ("Harbour", "Hillside", "Meadow", "Old Town", "Station")
CENTRE_SHARES: Final = (0.35, 0.25, 0.18, 0.14, 0.08)

PAYS_ONLINE_SHARE: Final = 0.12
"""Share of the orders paid online; of the others the online payment is 0, though the order counts."""
NOT_PRODUCTS_SHARE: Final = 0.002
"""Share of the product lists that are cut off in the middle."""


@dataclass(frozen=True)
class Kind:
    """A kind of member.

    Attributes:
        name: What it is called in the truth.
        share: Of the members.
        orders: Mean number of orders in four years of membership, beside the first.
        items: Mean number of further products on an order.
        quantity: Mean number of further pieces of a product.
        favourites: Weights of the product families.
    """

    name: str
    share: float
    orders: float
    items: float
    quantity: float
    favourites: tuple[float, ...]


FAMILIES: Final = ("vitamins", "protein", "skin care", "teas", "household")
KINDS: Final = (
    Kind("triers", 0.62, 0.4, 0.15, 0.1, (4.0, 1.0, 2.0, 2.0, 1.0)),
    Kind("families", 0.30, 4.1, 2.2, 0.5, (3.0, 1.0, 2.0, 1.0, 4.0)),
    Kind("athletes", 0.08, 7.4, 1.4, 2.5, (1.0, 8.0, 0.5, 0.5, 0.2)),
)
PRODUCTS_PER_FAMILY: Final = 24
PRICE_MEDIAN, PRICE_SPREAD = 18.0, 0.6
PAIRS: Final = ((0, 1), (24, 25), (48, 49))
"""Products of which the second joins the first with the probability below."""
PAIR_SHARE: Final = 0.6

DATE_FORMAT_SHARES: Final = (0.55, 0.25, 0.12, 0.08)
"""Day first with slashes; year first with dashes; eight digits; the day number of a spreadsheet."""
