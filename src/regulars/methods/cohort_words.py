"""What is said of the years in which customers first bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.result import Evidence, Finding
from regulars.core.units import write, write_interval

if TYPE_CHECKING:
    from collections.abc import Sequence


def years(years_of: Sequence[int], active: Any, sizes: Any, is_judged: Any, grain: str, least: int) -> list[Finding]:
    """Customers who first bought in the last year beside those of the first: how many bought again a period later.

    Args:
        years_of: Per cohort, the year of the first order.
        active: Per cohort, how many bought again in the period after.
        sizes: Per cohort, its customers.
        is_judged: Whether a cohort has seen that period whole.
        grain: The period.
        least: Under this many customers of a year nothing is said.
    """
    import numpy as np

    from regulars.models import intervals

    of = np.asarray(years_of)
    told = [year for year in np.unique(of).tolist() if sizes[(of == year) & is_judged].sum() >= max(least, 1)]
    if len(told) < 2:
        return []
    first, last = told[0], told[-1]
    backs, counts = (
        [float(values[(of == year) & is_judged].sum()) for year in (first, last)] for values in (active, sizes)
    )
    shares = [back / count for back, count in zip(backs, counts, strict=True)]
    low, high = (float(end) for end in intervals.share_difference_interval(backs[1], counts[1], backs[0], counts[0]))
    difference = shares[1] - shares[0]
    chance = "" if low > 0 or high < 0 else ", which chance alone may explain"
    sentence = (
        f"Of the {counts[0]:,.0f} customers who first bought in {first}, {write(shares[0], 'share')} bought again in "
        f"the {grain} after; of the {counts[1]:,.0f} of {last}, {write(shares[1], 'share')}: "
        f"{write(difference, 'change_points')} ({write_interval(low, high, 'change_points')}){chance}."
    )
    return [
        Finding(
            "cohorts.years", sentence, difference, "change_points", int(sum(counts)),
            Evidence("retention", "period_index = 1"), interval=(low, high),
            is_good=difference > 0 if not chance else None,
        )
    ]  # fmt: skip
