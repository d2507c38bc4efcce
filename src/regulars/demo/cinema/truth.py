"""The truth of the world `cinema`, in words and numbers: what ``truth.json`` says.

Beside every share that was realised stands the one the process expects, with the standard error of
their difference.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.demo.cinema import catalogue as catalogue_room
from regulars.demo.cinema import dirt, figures, tickets
from regulars.demo.cinema import process as process_room
from regulars.demo.cinema.expectations import expected_retention, return_probability_in_window
from regulars.demo.cinema.process import (
    RETRY_SHARE,
    RETURN_FACTORS,
    RETURN_WINDOW_DAYS,
    SEGMENT_SHARES,
    SEGMENTS,
    Process,
    active_months,
    month_number,
    month_of_day,
    won_by_shares,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from regulars.demo.cinema.catalogue import Catalogue
    from regulars.demo.cinema.tally import Tally


def describe_retention(process: Process, tally: Tally) -> dict[str, Any]:
    """Retention by months since the first success, over all cohorts and per cohort."""
    first_successes = tally.first_successes.sum(axis=0)
    expected, variance = expected_retention(process, first_successes)
    sizes = np.bincount(month_of_day(), weights=first_successes.sum(axis=(0, 1)), minlength=figures.MONTH_COUNT)
    by_month = []
    for distance in range(1, figures.MONTH_COUNT):
        first = np.arange(figures.MONTH_COUNT - distance)
        customers = int(sizes[first].sum())
        returned = int(tally.returned_in_month[first, first + distance].sum())
        by_month.append(
            {"months_after": distance}
            | _compare(
                customers,
                returned,
                float(expected[first, first + distance].sum()),
                float(variance[first, first + distance].sum()),
            )
        )
    cohorts = [
        {
            "first_month": str(np.datetime64("2019-01", "M") + number),
            "customers": int(sizes[number]),
            "returned": tally.returned_in_month[number, number + 1 :].tolist(),
            "expected_returned": np.round(expected[number, number + 1 :], 3).tolist(),
        }
        for number in range(figures.MONTH_COUNT)
        if sizes[number] > 0
    ]
    return {
        "definition": "calendar months after the month of the first successful order; successful orders "
        "only; over all cohorts: those whose month lies within the data; per cohort: 1, 2, ... months after",
        "all_cohorts": by_month,
        "cohorts": cohorts,
    }


def describe_returns(process: Process, tally: Tally) -> dict[str, Any]:
    """Returns within the window, by the kind of campaign of the first successful order."""
    probability = return_probability_in_window(process)
    complete = slice(0, figures.DAY_COUNT - RETURN_WINDOW_DAYS)
    kinds = []
    for place, kind in enumerate(figures.WON_BY):
        weights = tally.first_successes[place, :, :, complete]
        chances = probability[:, :, complete]
        kinds.append(
            {"won_by": kind, "return_factor": RETURN_FACTORS[place]}
            | _compare(
                int(weights.sum()),
                int(tally.returned_in_window[place]),
                float((weights * chances).sum()),
                float((weights * chances * (1.0 - chances)).sum()),
            )
        )
    return {
        "definition": f"another successful order on a later day within {RETURN_WINDOW_DAYS} days of the first "
        "successful one; only buyers whose window ends within the data; won_by is the campaign of that first order",
        "warning": "the shares mix the effect of the campaign (return_factor) with the kind of buyer it attracts",
        "kinds": kinds,
    }


def _compare(customers: int, returned: int, expected: float, variance: float) -> dict[str, Any]:
    """A share as expected and as realised; None where there is nobody to count."""
    if customers == 0:
        return {
            "customers": 0,
            "returned": 0,
            "expected_share": None,
            "realised_share": None,
            "standard_error": None,
        }
    return {
        "customers": customers,
        "returned": returned,
        "expected_share": round(expected / customers, 6),
        "realised_share": round(returned / customers, 6),
        "standard_error": round(variance**0.5 / customers, 6),
    }


def describe_process(process: Process, catalogue: Catalogue) -> dict[str, Any]:
    """The parameters of the process, as planted."""
    return {
        "segments": [
            asdict(segment) | {"share_by_won_by": {kind: row[place] for kind, row in _by_kind(SEGMENT_SHARES)}}
            for place, segment in enumerate(SEGMENTS)
        ],
        "won_by": [
            {"won_by": kind, "share_of_buyers": round(float(share), 6), "return_factor": factor}
            for (kind, share), factor in zip(_by_kind(won_by_shares()), RETURN_FACTORS, strict=True)
        ],
        "months": [
            {
                "month": month.year_month,
                "expected_share_of_attempts": round(month.attempts / figures.ATTEMPTS, 6),
                "published": month.published,
                "success_share": round(month.success_share, 6),
                "mean_paid": round(month.mean_paid, 4),
                "market_factor": round(float(process.market_factors[month_number(month.year_month)]), 6),
            }
            for month in figures.MONTHS
        ],
        "events": _describe_events(catalogue),
        "tickets": {
            "retry_share": RETRY_SHARE,
            "home_theatre_share": tickets.HOME_THEATRE_SHARE,
            "website_opens_on": str(tickets.WEBSITE_OPENS),
            "website_final_share": tickets.WEBSITE_FINAL_SHARE,
            "mean_discount_share_of_list": {
                kind: round(float(share), 6) for kind, share in _by_kind(tickets.mean_discount_shares())
            },
        },
    }


def _by_kind(values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return zip(figures.WON_BY, values, strict=True)


def _describe_events(catalogue: Catalogue) -> dict[str, Any]:
    first_day = np.datetime64(figures.FIRST_DAY, "D")
    return {
        "definition": "the factor by which a day's demand is higher than on a like weekday of the same month; "
        "where a holiday meets a release, both factors multiply",
        "holidays": {
            "demand_factor": process_room.HOLIDAY_FACTOR,
            "periods": [
                {"name": name, "starts_on": str(first), "ends_on": str(last)}
                for name, first, last in process_room.HOLIDAYS
            ],
        },
        "releases": {
            "demand_factor": process_room.RELEASE_FACTOR,
            "days": process_room.RELEASE_DAYS,
            "weight_among_films": catalogue_room.BLOCKBUSTER_PULL,
            "blockbusters_released_on": [str(first_day + day) for day in catalogue.blockbuster_days],
        },
    }


def describe_draw(tally: Tally) -> dict[str, Any]:
    """Totals of the drawn data and the make-up of its buyers."""
    counts = tally.counts
    return {
        "attempts": counts["attempts"],
        "successes": counts["successes"],
        "buyers": counts["buyers"],
        "buyers_with_success": counts["buyers_with_success"],
        "paid_successes": counts["paid_cents"] / 100,
        "paid_with_failed_attempts": counts["paid_cents_with_failed"] / 100,
        "listed": counts["listed_cents"] / 100,
        "discount": counts["discount_cents"] / 100,
        "failed_first_attempts": counts["failed_first_attempts"],
        "failed_then_paid_same_day": counts["retries"],
        "buyers_by_segment": {
            segment.name: int(count) for segment, count in zip(SEGMENTS, tally.segment_buyers.sum(axis=0), strict=True)
        },
        "buyers_by_won_by": {
            kind: int(count) for kind, count in zip(figures.WON_BY, tally.segment_buyers.sum(axis=1), strict=True)
        },
    }


def describe_dirt(tally: Tally) -> dict[str, Any]:
    """How much of every kind of dirt is in the tables."""
    counts = tally.counts
    named = {key: counts[key] for key in sorted(counts) if key.startswith(("birth_dates_", "device_rows_"))}
    return named | {
        "missing_months": [
            str(np.datetime64("2019-01", "M") + int(number)) for number in np.flatnonzero(~active_months())
        ],
        "attempts_without_campaign": counts["attempts_without_campaign"],
        "attempts_without_device": counts["attempts_without_device"],
        "device_break": {
            "starts_on": str(dirt.DEVICE_BREAK[0]),
            "ends_on": str(dirt.DEVICE_BREAK[1]),
            "share_lost": dirt.DEVICE_BREAK_SHARE,
            "share_lost_elsewhere": dirt.DEVICE_TRICKLE_SHARE,
        },
        "buyers_missing_from_customers": counts["buyers_missing_from_customers"],
    }
