"""The published figures of the online cinema-ticket seller that the world `cinema` imitates.

The transactions themselves were never published, only their aggregates; these are the ones the
world is drawn to. Figures that are our own, because nobody printed them, say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

FIRST_DAY: Final = date(2019, 1, 1)
LAST_DAY: Final = date(2022, 12, 31)
DAY_COUNT: Final = (LAST_DAY - FIRST_DAY).days + 1
MONTH_COUNT: Final = 48

ATTEMPTS: Final = 154_725
BUYERS: Final = 119_477
REGISTERED_CUSTOMERS: Final = 131_400
DEVICES: Final = 126_459
FILMS: Final = 253
THEATRES: Final = 179
CAMPAIGNS: Final = 211


@dataclass(frozen=True)
class Month:
    """One active month: attempts, successes and revenue of the successes in US dollars."""

    year_month: str
    attempts: int
    successes: int
    revenue: float
    published: bool = True

    @property
    def success_share(self) -> float:
        """Successes per attempt."""
        return self.successes / self.attempts

    @property
    def mean_paid(self) -> float:
        """Mean final price of a success."""
        return self.revenue / self.successes


# The 34 published months, and our own values for the 11 others, chosen so that all 45 add up to the
# published totals (154,725 attempts, 133,618 successes, 1,032,032 dollars).
MONTHS: Final = (
    Month("2019-01", 2_019, 1_359, 5_745.31),
    Month("2019-02", 1_626, 1_427, 12_506.32),
    Month("2019-03", 1_004, 866, 7_431.67),
    Month("2019-04", 4_069, 3_190, 25_588.01),
    Month("2019-05", 4_430, 3_617, 26_278.63),
    Month("2019-06", 4_387, 3_604, 26_842.98),
    Month("2019-07", 3_872, 3_165, 23_369.61),
    Month("2019-08", 5_444, 4_514, 31_245.52),
    Month("2019-09", 3_278, 2_772, 19_576.39),
    Month("2019-10", 5_284, 4_336, 29_090.05),
    Month("2019-11", 2_722, 2_355, 19_577.73),
    Month("2019-12", 1_651, 1_409, 12_025.12),
    Month("2020-01", 1_289, 1_122, 11_344.25),
    Month("2020-02", 1_092, 930, 7_458.88),
    Month("2020-03", 330, 291, 2_654.0, published=False),
    Month("2020-05", 80, 71, 648.0, published=False),
    Month("2020-06", 190, 168, 1_532.0, published=False),
    Month("2020-07", 300, 265, 2_417.0, published=False),
    Month("2020-08", 250, 221, 2_016.0, published=False),
    Month("2020-09", 619, 501, 3_751.90),
    Month("2020-10", 1_488, 1_269, 9_157.50),
    Month("2020-11", 932, 807, 5_549.56),
    Month("2020-12", 2_124, 1_811, 12_669.32),
    Month("2021-01", 1_137, 988, 7_110.78),
    Month("2021-02", 600, 529, 4_824.0, published=False),
    Month("2021-03", 6_127, 5_236, 43_845.30),
    Month("2021-04", 2_690, 2_355, 19_737.62),
    Month("2021-05", 320, 282, 2_572.0, published=False),
    Month("2021-06", 60, 53, 483.0, published=False),
    Month("2021-07", 25, 22, 201.0, published=False),
    Month("2021-10", 120, 106, 967.0, published=False),
    Month("2021-11", 430, 379, 3_456.0, published=False),
    Month("2021-12", 1_367, 1_178, 9_504.75),
    Month("2022-01", 564, 479, 3_988.26),
    Month("2022-02", 4_206, 3_463, 27_702.36),
    Month("2022-03", 4_713, 3_884, 29_177.85),
    Month("2022-04", 5_403, 4_603, 36_934.43),
    Month("2022-05", 13_209, 11_365, 85_733.12),
    Month("2022-06", 8_640, 7_430, 59_906.76),
    Month("2022-07", 17_740, 15_613, 118_733.06),
    Month("2022-08", 5_531, 5_046, 37_666.70),
    Month("2022-09", 7_864, 7_205, 59_043.68),
    Month("2022-10", 9_810, 8_923, 64_596.91),
    Month("2022-11", 8_280, 7_571, 53_610.37),
    Month("2022-12", 7_409, 6_838, 63_751.41),
)

WEEKDAY_ATTEMPTS: Final = (16_689, 14_791, 16_278, 19_094, 26_429, 34_430, 26_936)  # Monday first
FAILED_STATUS_ATTEMPTS: Final = {
    -5: 12_079,
    -3: 3_602,
    -2: 2_612,
    -6: 1_103,
    -1: 904,
    -4: 478,
    -7: 251,
}

# Kinds of campaign, "none" first; the order is used throughout the world.
WON_BY: Final = ("none", "direct discount", "voucher", "reward point")
NEW_BUYERS: Final = (31_884, 46_150, 5_284, 3_148)
RETURNED_WITHIN_90_DAYS: Final = (0.09585, 0.08280, 0.11469, 0.04320)
CAMPAIGN_SHARE: Final = 0.592
DISCOUNT_SHARE_OF_LIST: Final = 0.14
# Published discount per new buyer, per kind: only their ratios are used.
DISCOUNT_PER_NEW_BUYER: Final = (0.0, 2.965, 1.372, 5.465)

PAYMENT_METHODS: Final = {  # the first two shares are published, the others our own
    "money in app": 0.48,
    "bank account": 0.31,
    "debit card": 0.10,
    "credit card": 0.08,
    "other": 0.03,
}
FEMALE_ATTEMPT_SHARE: Final = 71_388 / 154_647
MALE_ATTEMPT_SHARE: Final = 67_522 / 154_647

# Hours are published as "9 to 23, peak at 19"; the shape in between is our own.
HOUR_WEIGHTS: Final = {
    9: 2.0, 10: 3.5, 11: 5.0, 12: 6.0, 13: 6.0, 14: 6.0, 15: 6.5, 16: 7.0,
    17: 8.5, 18: 10.5, 19: 12.5, 20: 11.0, 21: 8.0, 22: 5.0, 23: 2.5,
}  # fmt: skip

# Shares counted in the half of the dimension tables that is public.
SENTINEL_1970_SHARE: Final = 1_927 / 52_054
SENTINEL_1980_SHARE: Final = 738 / 52_054
NEW_YEAR_1990_SHARE: Final = 381 / 52_054
PLACEHOLDER_MODEL_SHARE: Final = 1_572 / 55_639
EMPTY_MODEL_SHARE: Final = 120 / 55_639
SURPLUS_DEVICE_ROW_SHARE: Final = 559 / 55_639
WEBSITE_DEVICE_SHARE: Final = 542 / 55_639
