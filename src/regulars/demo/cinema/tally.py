"""Counting, block by block, what the drawn tickets of the world `cinema` came to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.demo.cinema import figures
from regulars.demo.cinema.process import RETURN_WINDOW_DAYS, SEGMENTS, month_of_day

if TYPE_CHECKING:
    from regulars.demo.cinema.customers import Buyers
    from regulars.demo.cinema.tickets import Attempts

_NEVER: Final = np.iinfo(np.int64).max


class Tally:
    """Counts, block by block, of what the drawn tickets came to.

    Attributes:
        counts: Plain counts of rows and of dirt, by name.
        first_successes: Buyers by kind of the first success, segment, kind that won them, and day of
            the first success.
        returned_in_month: Buyers by month of the first success and month of a later one.
        returned_in_window: Buyers by kind of the first success who succeeded again on a later day within
            ``RETURN_WINDOW_DAYS``; only those whose window ends within the data.
        segment_buyers: Buyers per kind that won them and segment.
    """

    def __init__(self) -> None:
        kinds, segments = len(figures.WON_BY), len(SEGMENTS)
        self.counts: Counter[str] = Counter()
        self.first_successes = np.zeros((kinds, segments, kinds, figures.DAY_COUNT), dtype=np.int64)
        self.returned_in_month = np.zeros((figures.MONTH_COUNT, figures.MONTH_COUNT), dtype=np.int64)
        self.returned_in_window = np.zeros(kinds, dtype=np.int64)
        self.segment_buyers = np.zeros((kinds, segments), dtype=np.int64)

    def add(self, buyers: Buyers, attempts: Attempts) -> None:
        """Count one block."""
        success = attempts.is_success
        paid = attempts.listed_cents - attempts.discount_cents
        np.add.at(self.segment_buyers, (buyers.won_by, buyers.segment), 1)
        self.counts.update(
            attempts=len(success),
            successes=int(success.sum()),
            failed_first_attempts=int((~success).sum()),
            retries=int(attempts.is_retry.sum()),
            buyers=len(buyers.customer_id),
            paid_cents=int(paid[success].sum()),
            paid_cents_with_failed=int(paid.sum()),
            listed_cents=int(attempts.listed_cents.sum()),
            discount_cents=int(attempts.discount_cents.sum()),
            attempts_without_campaign=int((attempts.campaign_kind == 0).sum()),
            attempts_without_device=int((attempts.device < 0).sum()),
        )
        self._add_returns(buyers, attempts.take(success))

    def _add_returns(self, buyers: Buyers, orders: Attempts) -> None:
        first_second = np.full(len(buyers.customer_id), _NEVER)
        np.minimum.at(first_second, orders.buyer, orders.second)
        is_first = orders.second == first_second[orders.buyer]
        first_kind = np.zeros(len(first_second), dtype=np.int64)
        first_kind[orders.buyer[is_first]] = orders.campaign_kind[is_first]
        bought = first_second != _NEVER
        first_day = np.where(bought, first_second // 86_400, 0)
        place = (first_kind[bought], buyers.segment[bought], buyers.won_by[bought], first_day[bought])
        np.add.at(self.first_successes, place, 1)
        self.counts["buyers_with_success"] += int(bought.sum())

        month = month_of_day()
        pairs = np.unique(orders.buyer * figures.MONTH_COUNT + month[orders.day])
        buyer, later_month = np.divmod(pairs, figures.MONTH_COUNT)
        np.add.at(self.returned_in_month, (month[first_day[buyer]], later_month), 1)

        since = orders.day - first_day[orders.buyer]
        complete = first_day[orders.buyer] + RETURN_WINDOW_DAYS < figures.DAY_COUNT
        within = orders.buyer[(since > 0) & (since <= RETURN_WINDOW_DAYS) & complete]
        np.add.at(self.returned_in_window, first_kind[np.unique(within)], 1)
