"""What is planted in the world `shop`: segments, movement, seasons, sales, experiments and mailings, as numbers.

Nothing is computed here; ``process`` turns the plan into rates and shares, and ``truth.json`` repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

FIRST_DAY: Final = date(2022, 1, 1)
LAST_DAY: Final = date(2024, 12, 31)
DAY_COUNT: Final = (LAST_DAY - FIRST_DAY).days + 1
YEARS: Final = 3
HALF_YEARS: Final = ("2022H1", "2022H2", "2023H1", "2023H2", "2024H1", "2024H2")
HALF_YEAR_STARTS: Final = (
    date(2022, 1, 1), date(2022, 7, 1), date(2023, 1, 1), date(2023, 7, 1), date(2024, 1, 1), date(2024, 7, 1),
)  # fmt: skip
PRICE_LEVELS: Final = (1.0, 1.0, 1.03)  # list prices by year: they rise once, in 2024


@dataclass(frozen=True)
class Profile:
    """How a kind of customer buys.

    Attributes:
        name: Name of the kind.
        share: Share of the customers.
        orders_per_half_year: Expected orders in a half-year of full presence, seasons and sales apart.
        items_per_order: Expected items of an order, at least one.
        double_share: Share of items bought in twos.
        weekday_weights: Monday to Sunday; how readily this kind buys on each day. Their mean is 1.
        evening_share: Share of orders from 18 h on.
        channel_shares: Store, website, app.
        promotion_share: Share of orders that use one of the promotions of the quarter.
        promotion_kinds: Among those: discount, voucher, points.
        tier_weights: How readily each quarter of a category's products by price is chosen, cheapest first.
        tastes: Factor on categories, where it is not 1.
        scores: Means of the four survey scores (``SCORES``), 1 to 7.
        mean_birth_year: Of a normal distribution with a spread of 9 years.
        median_income: Of a log-normal distribution with a spread of 0.3.
        women_share: Share of women.
        answer_share: Chance that an order within the window of a mailing uses its offer.
    """

    name: str
    share: float
    orders_per_half_year: float
    items_per_order: float
    double_share: float
    weekday_weights: tuple[float, ...]
    evening_share: float
    channel_shares: tuple[float, float, float]
    promotion_share: float
    promotion_kinds: tuple[float, float, float]
    tier_weights: tuple[float, float, float, float]
    tastes: dict[str, float]
    scores: tuple[float, float, float, float]
    mean_birth_year: float
    median_income: float
    women_share: float
    answer_share: float


SCORES: Final = ("price_sensitivity", "quality_focus", "convenience", "brand_loyalty")
CHANNELS: Final = ("store", "website", "app")
KINDS: Final = ("discount", "voucher", "points")

SEGMENTS: Final = (
    Profile(
        "weekly_regular", 0.30, 18.0, 2.2, 0.10, (1.30, 1.30, 1.30, 1.30, 1.30, 0.25, 0.25), 0.15,
        (0.92, 0.05, 0.03), 0.06, (0.2, 0.2, 0.6), (1.2, 1.2, 1.0, 0.6),
        {"bakery": 2.5, "dairy": 2.0}, (3.5, 3.5, 4.0, 5.5), 1961.0, 31_000.0, 0.52, 0.15,
    ),
    Profile(
        "weekend_family", 0.20, 9.0, 8.0, 0.35, (0.40, 0.40, 0.40, 0.40, 0.60, 2.80, 2.00), 0.20,
        (0.90, 0.07, 0.03), 0.12, (0.4, 0.4, 0.2), (1.2, 1.1, 1.0, 0.7),
        {"household": 1.8, "toys": 2.0, "frozen": 1.6}, (4.5, 3.5, 5.5, 4.5), 1981.0, 44_000.0, 0.58, 0.22,
    ),
    Profile(
        "deal_hunter", 0.25, 7.0, 4.0, 0.30, (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), 0.45,
        (0.45, 0.20, 0.35), 0.80, (0.6, 0.3, 0.1), (2.6, 1.2, 0.4, 0.2),
        {"personal_care": 2.0, "confectionery": 1.6}, (6.2, 2.3, 4.2, 2.2), 1990.0, 23_000.0, 0.55, 0.50,
    ),
    Profile(
        "online_connoisseur", 0.25, 6.0, 1.5, 0.02, (1.1, 1.1, 1.1, 1.1, 0.9, 0.8, 0.9), 0.75,
        (0.04, 0.70, 0.26), 0.04, (0.4, 0.3, 0.3), (0.1, 0.3, 1.2, 2.6),
        {"wine": 4.0, "delicatessen": 3.0}, (1.8, 6.3, 5.8, 4.0), 1977.0, 66_000.0, 0.42, 0.08,
    ),
)  # fmt: skip

PASSER_BY: Final = Profile(
    "passer_by", 0.0, 1.0, 2.5, 0.15, (1.0, 1.0, 1.0, 1.0, 1.0, 1.2, 0.8), 0.30,
    (0.60, 0.30, 0.10), 0.20, (0.5, 0.4, 0.1), (1.0, 1.0, 1.0, 1.0),
    {}, (4.0, 4.0, 4.0, 3.0), 1979.0, 36_000.0, 0.50, 0.0,
)  # fmt: skip
"""A customer who comes once and not again (or, one in four, twice); only where they are asked for."""

PERSONAL_SPREAD: Final = 0.15
"""Spread of the logarithm of a customer's own rate around the segment's."""

MOVER_SHARE: Final = 0.15
"""Customers who move between segments at all; the others stay where they are for good."""
MOVER_FLOWS: Final = (
    (0.0, 0.04, 0.07, 0.00),
    (0.04, 0.0, 0.03, 0.01),
    (0.03, 0.03, 0.0, 0.06),
    (0.04, 0.01, 0.02, 0.0),
)
"""Share of all movers that goes from segment (row) to segment (column) at the turn of each half-year. What leaves a
segment equals what enters it, so that shares and matrix are the same at every turn; the flows are not symmetric."""

PRESENT_AT_START: Final = 0.75
"""Customers of the first day; the others join evenly over the three years."""
LEAVING_PER_HALF_YEAR: Final = 0.05
"""Chance of leaving for good within half a year, the same for every segment."""

UNKNOWN_GENDER_SHARE: Final = 0.03
UNKNOWN_INCOME_SHARE: Final = 0.04
NOT_CONTACTABLE_SHARE: Final = 0.04
BIRTH_YEAR_SPREAD: Final = 9.0
INCOME_SPREAD: Final = 0.3
SCORE_SPREAD: Final = 0.7
HOME_STORE_SHARE: Final = 0.92

CITIES: Final = {
    "Leeds": 0.22,
    "Bristol": 0.18,
    "York": 0.14,
    "Norwich": 0.13,
    "Cardiff": 0.12,
    "Bath": 0.11,
    "Ely": 0.10,
}
STORES_PER_CITY: Final = 2
PAYMENT_METHODS: Final = ("card", "cash", "wallet")
STORE_PAYMENTS: Final = (0.62, 0.28, 0.10)
ONLINE_PAYMENTS: Final = (0.55, 0.0, 0.45)

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ORDER_SEASON: Final = (0.84, 0.86, 0.94, 1.00, 1.02, 0.98, 0.94, 0.92, 0.98, 1.04, 1.16, 1.32)
"""Factor on everybody's orders by month; their mean is 1."""


@dataclass(frozen=True)
class Category:
    """A category of products.

    Attributes:
        name: Name of the category.
        weight: How often an item is of it, tastes and seasons apart.
        median_price: Of its products, in pounds.
        season: Factor on its weight by month; flat where nothing is planted.
        cost_share: Cost of a product as a share of its list price.
    """

    name: str
    weight: float
    median_price: float
    season: tuple[float, ...]
    cost_share: float


_FLAT: Final = (1.0,) * 12
CATEGORIES: Final = (
    Category("bakery", 1.2, 2.4, _FLAT, 0.48),
    Category("dairy", 1.1, 2.0, _FLAT, 0.58),
    Category("fruit", 1.1, 2.6, (0.8, 0.8, 0.9, 1.0, 1.2, 1.4, 1.4, 1.3, 1.0, 0.8, 0.7, 0.7), 0.52),
    Category("frozen", 0.8, 3.8, (0.7, 0.7, 0.8, 0.9, 1.1, 1.5, 1.7, 1.5, 1.0, 0.8, 0.7, 0.6), 0.50),
    Category("pantry", 1.2, 2.9, _FLAT, 0.50),
    Category("household", 0.9, 4.6, _FLAT, 0.47),
    Category("personal_care", 0.8, 4.2, _FLAT, 0.42),
    Category("confectionery", 0.8, 3.1, (0.7, 1.1, 1.2, 1.2, 0.8, 0.7, 0.6, 0.7, 0.9, 1.1, 1.3, 1.7), 0.40),
    Category("wine", 0.5, 11.5, (0.8, 0.8, 0.9, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 1.0, 1.2, 1.5), 0.55),
    Category("delicatessen", 0.5, 7.8, _FLAT, 0.50),
    Category("garden", 0.4, 12.0, (0.2, 0.4, 1.2, 2.2, 2.4, 1.7, 1.1, 0.9, 0.8, 0.6, 0.3, 0.2), 0.45),
    Category("toys", 0.4, 14.5, (0.5, 0.5, 0.6, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8, 1.2, 2.1, 2.5), 0.50),
)
PRODUCTS_PER_CATEGORY: Final = 30
PAIRS: Final = (("bakery", 0, 1), ("dairy", 2, 3), ("pantry", 0, 5), ("frozen", 4, 7), ("household", 3, 8))
"""Category, and the places in it of two products: whoever buys the first often takes the second too."""
PAIR_SHARE: Final = 0.40


@dataclass(frozen=True)
class Sale:
    """A named period that raises (or does not raise) everybody's orders, every year.

    Attributes:
        name: Its name.
        month: Month of its first day.
        day: Day of the month of its first day.
        days: How long it lasts.
        factor: Factor on orders.
    """

    name: str
    month: int
    day: int
    days: int
    factor: float


SALES: Final = (
    Sale("Spring sale", 4, 8, 7, 1.35),
    Sale("Summer sale", 7, 15, 10, 1.25),
    Sale("Anniversary", 10, 5, 7, 1.0),  # announced every year, and nothing happens
    Sale("Black week", 11, 20, 8, 1.6),
)
CLOSED_DAYS: Final = ((1, 1), (12, 25))
"""Month and day on which nothing is sold, in stores or online."""

PROMOTION_DISCOUNTS: Final = (0.15, 0.10, 0.05)
"""Discount on the list value by kind (``KINDS``)."""
PROMOTION_COMPLEXITY: Final = ("simple", "medium", "complicated")
CONTACT_COST: Final = 0.20
WINDOW_DAYS: Final = 28
QUALIFYING_DAYS: Final = 90
"""A contact goes to customers who bought within so many days before it."""


@dataclass(frozen=True)
class Offer:
    """One arm of an experiment, or the offer of a mailing.

    Attributes:
        arm: Name of the arm.
        discount: Discount on every order within the window; 0 leaves the usual promotions as they are.
        factors: Factor on the order rate within the window, per segment.
    """

    arm: str
    discount: float
    factors: tuple[float, float, float, float]


@dataclass(frozen=True)
class Contact:
    """A campaign that contacts customers.

    Attributes:
        name: Its name.
        kind: What it offers.
        sent_on: When; its window is this day and the 27 after it.
        offers: The arms; one for a mailing without control.
        design: ``randomised``, ``contaminated`` (arms chosen by past spend, customers in both, one outcome made up)
            or ``targeted`` (no control; the better customers are contacted).
    """

    name: str
    kind: str
    sent_on: date
    offers: tuple[Offer, ...]
    design: str


_NOTHING: Final = (1.0, 1.0, 1.0, 1.0)
_CONTROL: Final = Offer("control", 0.0, _NOTHING)
_MAILING: Final = Offer("", 0.0, (1.10, 1.10, 1.10, 1.10))

CONTACTS: Final = (
    Contact("Mailing spring 2022", "mailing", date(2022, 5, 9), (_MAILING,), "targeted"),
    Contact("Mailing autumn 2022", "mailing", date(2022, 9, 19), (_MAILING,), "targeted"),
    Contact("Mailing spring 2023", "mailing", date(2023, 5, 8), (_MAILING,), "targeted"),
    Contact("Mailing autumn 2023", "mailing", date(2023, 9, 18), (_MAILING,), "targeted"),
    Contact(
        "Spring offers 2024", "voucher", date(2024, 3, 4),
        (_CONTROL, Offer("voucher", 0.10, (1.0, 1.1, 1.6, 0.9)), Offer("points", 0.05, (1.35, 1.2, 1.0, 1.1))),
        "randomised",
    ),
    Contact(
        "Summer test 2024", "discount", date(2024, 5, 13),
        (_CONTROL, Offer("discount", 0.20, _NOTHING)),
        "contaminated",
    ),
    Contact(
        "Autumn discount 2024", "discount", date(2024, 9, 2),
        (_CONTROL, Offer("discount", 0.20, (1.05, 1.3, 2.2, 0.85))),
        "randomised",
    ),
    Contact("Mailing November 2024", "mailing", date(2024, 10, 21), (_MAILING,), "targeted"),
)  # fmt: skip
TARGETED_SHARES: Final = (0.15, 0.60)
"""Share of qualifying customers contacted by a mailing: those with at most the typical number of orders before it, and
those with more."""
CONTAMINATED_SHARES: Final = (0.30, 0.70)
"""Share treated in the contaminated experiment, likewise."""
BOTH_ARMS_SHARE: Final = 0.30
MADE_UP_FACTOR: Final = 1.15
"""In the contaminated experiment ``spend_after`` of a treated row is this times its ``spend_before``."""
