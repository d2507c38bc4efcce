"""Periods in which something goes missing more than usual, from counts per week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import periods

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

LEVEL = 0.001
"""A week stands out where its share is above that of the others at this level, corrected for the number of weeks."""


@dataclass(frozen=True)
class Break:
    """A run of weeks in which a label goes missing more than usual.

    Args:
        step: Where it goes missing.
        first: Monday of the first week.
        last: Sunday of the last.
        attempts: All attempts of these weeks.
        missing: Of them, without the label for that reason.
        usual_share: Share of the attempts of the other weeks.
    """

    step: str
    first: date
    last: date
    attempts: int
    missing: int
    usual_share: float


def find_breaks(rows: Sequence[dict[str, Any]]) -> list[Break]:
    """The runs of weeks, from rows with `number` (the week), `step` and `attempts`.

    A week is judged against all weeks that do not stand out themselves, which takes two passes.

    >>> weeks = [{"number": n, "step": None, "attempts": 100} for n in range(20)]
    >>> weeks += [{"number": n, "step": "lost", "attempts": 80} for n in (7, 8)]
    >>> [(one.step, one.missing) for one in find_breaks(weeks)]
    [('lost', 160)]
    """
    import numpy as np
    from scipy.special import bdtrc

    from regulars.models import intervals

    weeks = sorted({row["number"] for row in rows})
    place = {week: at for at, week in enumerate(weeks)}
    total = np.zeros(len(weeks))
    for row in rows:
        total[place[row["number"]]] += row["attempts"]
    found = []
    for step in sorted({row["step"] for row in rows if row["step"] is not None}):
        missing = np.zeros(len(weeks))
        for row in rows:
            if row["step"] == step:
                missing[place[row["number"]]] += row["attempts"]
        stands = np.zeros(len(weeks), dtype=bool)
        for _ in range(2):
            usual_missing = missing[~stands].sum() - np.where(stands, 0.0, missing)
            usual_total = total[~stands].sum() - np.where(stands, 0.0, total)
            # the others are many: their share is taken as known, and that of one week may be of few attempts
            share = np.maximum(usual_missing, 1.0) / np.maximum(usual_total, 1.0)
            p_values = bdtrc(missing - 1, total.astype(int), np.minimum(share, 1.0))
            stands = (intervals.adjusted_p_values(np.where(missing > 0, p_values, 1.0)) < LEVEL) & (usual_total > 0)
        usual = float(missing[~stands].sum() / total[~stands].sum()) if (~stands).any() else 0.0
        for run in _runs([week for week, out in zip(weeks, stands, strict=True) if out], place):
            at = [place[week] for week in run]
            found.append(
                Break(step, periods.start_of(run[0], "week"), periods.end_of(run[-1], "week"), int(total[at].sum()),
                      int(missing[at].sum()), usual)
            )  # fmt: skip
    return sorted(found, key=lambda one: (one.first, one.step))


def _runs(weeks: Sequence[int], place: dict[int, int]) -> list[list[int]]:
    """Weeks that follow one another among those there are."""
    runs: list[list[int]] = []
    for week in weeks:
        if runs and place[week] - place[runs[-1][-1]] == 1:
            runs[-1].append(week)
        else:
            runs.append([week])
    return runs
