"""What to do first: the actions of a run by the money they concern, those for one list of customers together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from regulars.core.result import Action, Result

FIRST = 7
"""So many actions are shown at once; the others stand below them, folded."""


@dataclass(frozen=True)
class RankedAction:
    """An action and the Result it belongs to.

    Args:
        result: Where it is from.
        action: What to do.
        stake: Money that its finding concerns, where the action itself is not told with an expected value.
        also: Further actions for the same list of customers.
    """

    result: Result
    action: Action
    stake: float | None = None
    also: tuple[Action, ...] = ()

    @property
    def money(self) -> float | None:
        """What it is ranked by: the value expected, else the money at stake; None where neither is told."""
        return self.action.expected_value if self.action.expected_value is not None else self.stake


def rank_actions(results: Iterable[Result], sizes: Mapping[tuple[str, str], int]) -> list[RankedAction]:
    """All actions, those with the most money first; those without follow in the order of the report.

    Actions of one Result for the same audience are told as one; an action for an audience without anybody is left out.

    Args:
        results: In the order of the report.
        sizes: Customers of each audience, by analysis and name.
    """
    found: list[RankedAction] = []
    for result in results:
        stakes = {finding.key: finding.at_stake for finding in result.findings}
        places: dict[str, int] = {}
        for action in result.actions:
            if sizes.get((result.analysis, action.audience)) == 0:
                continue
            if action.audience and action.audience in places:
                first = found[places[action.audience]]
                found[places[action.audience]] = RankedAction(
                    first.result, first.action, first.stake, (*first.also, action)
                )
                continue
            if action.audience:
                places[action.audience] = len(found)
            stake = stakes.get(action.finding)
            found.append(RankedAction(result, action, abs(stake) if stake and math.isfinite(stake) else None))
    return sorted(found, key=_rank)


def _rank(one: RankedAction) -> tuple[bool, float]:
    money = one.money
    is_told = money is not None and math.isfinite(money)
    return (not is_told, -abs(money) if money is not None and is_told else 0.0)
