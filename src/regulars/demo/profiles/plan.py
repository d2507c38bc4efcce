"""What is planted in the world `profiles`: kinds of customers, and who answers the last campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CATEGORIES: Final = ("MntWines", "MntFruits", "MntMeatProducts", "MntFishProducts", "MntSweetProducts", "MntGoldProds")
EARLIER_CAMPAIGNS: Final = (
    "AcceptedCmp3", "AcceptedCmp4", "AcceptedCmp5", "AcceptedCmp1", "AcceptedCmp2",
)  # fmt: skip
"""In the order in which the file has them."""
EDUCATIONS: Final = ("Basic", "2n Cycle", "Graduation", "Master", "PhD")
MARITAL_STATUSES: Final = ("Single", "Together", "Married", "Divorced", "Widow")


@dataclass(frozen=True)
class Kind:
    """A kind of customer; amounts are medians of log-normal distributions with a spread of ``SPREAD``.

    Attributes:
        name: Its name.
        share: Share of the customers.
        spend: Spent in two years, per category.
        income: Yearly income.
        birth_year: Mean of a normal distribution with a spread of 7 years.
        children: Chance of small children at home, and of teenagers.
        purchases: Mean number of purchases with a deal, on the web, from the catalogue and in the store.
        visits: Mean number of visits to the website a month.
        educations: Shares of ``EDUCATIONS``.
        accepted: Chance of having answered each earlier campaign, before the personal factor.
    """

    name: str
    share: float
    spend: tuple[float, ...]
    income: float
    birth_year: float
    children: tuple[float, float]
    purchases: tuple[float, float, float, float]
    visits: float
    educations: tuple[float, ...]
    accepted: tuple[float, ...]


KINDS: Final = (
    Kind(
        "affluent_couple", 0.25, (650.0, 40.0, 420.0, 60.0, 42.0, 70.0), 76_000.0, 1966.0, (0.03, 0.12),
        (1.2, 5.0, 6.0, 8.5), 2.5, (0.0, 0.08, 0.52, 0.17, 0.23), (0.10, 0.13, 0.22, 0.18, 0.03),
    ),
    Kind(
        "young_family", 0.35, (28.0, 5.0, 22.0, 7.0, 5.0, 14.0), 34_000.0, 1977.0, (0.85, 0.15),
        (2.2, 2.2, 0.6, 3.2), 7.0, (0.06, 0.11, 0.50, 0.16, 0.17), (0.08, 0.01, 0.0, 0.01, 0.002),
    ),
    Kind(
        "parent_of_teenagers", 0.25, (380.0, 9.0, 110.0, 12.0, 9.0, 42.0), 54_000.0, 1961.0, (0.15, 0.95),
        (4.5, 6.0, 2.8, 7.0), 5.8, (0.0, 0.05, 0.42, 0.20, 0.33), (0.06, 0.10, 0.02, 0.04, 0.015),
    ),
    Kind(
        "fresh_and_sweet", 0.15, (110.0, 95.0, 150.0, 130.0, 100.0, 110.0), 61_000.0, 1970.0, (0.20, 0.25),
        (1.6, 4.2, 4.0, 8.0), 4.0, (0.02, 0.16, 0.60, 0.12, 0.10), (0.07, 0.04, 0.05, 0.05, 0.01),
    ),
)  # fmt: skip
SPREAD: Final = 0.40
INCOME_SPREAD: Final = 0.16
BIRTH_YEAR_SPREAD: Final = 7.0
MARITAL_SHARES: Final = (0.21, 0.26, 0.39, 0.10, 0.04)
EAGERNESS_SPREAD: Final = 0.8
"""Spread of the logarithm of the personal factor on answering: who has answered answers again."""
UNKNOWN_INCOME_SHARE: Final = 0.01
COMPLAINT_SHARE: Final = 0.01
FIRST_JOINED, LAST_JOINED = "2012-07-30", "2014-06-29"
DAYS_SINCE_PURCHASE: Final = 100

# The log-odds of answering the last campaign (`Response`).
INTERCEPT: Final = -2.55
RECENCY_SLOPE: Final = -0.026
"""Per day since the last purchase, from 49 days on."""
ACCEPTED_SLOPE: Final = 1.25
"""Per earlier campaign answered."""
MEMBERSHIP_SLOPE: Final = 0.0028
"""Per day since joining, from 350 days on."""
PARTNER_SLOPE: Final = -0.9
"""For customers who live with a partner."""
