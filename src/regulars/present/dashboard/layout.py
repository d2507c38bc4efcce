"""Where cards stand: side by side in two stacks of about the same height, or alone over the whole width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Placed(Protocol):
    """A card as far as its place goes."""

    @property
    def is_broad(self) -> bool:
        """Whether it needs the whole width."""

    @property
    def height(self) -> int:
        """How high it is, roughly, in whatever all cards of the page are counted in."""


@dataclass(frozen=True)
class Band:
    """Cards beside each other: the left stack and the right one; a card that stands alone is in `left`."""

    left: tuple[Any, ...]
    right: tuple[Any, ...] = ()


def bands(cards: Iterable[Placed]) -> list[Band]:
    """Cards in bands from top to bottom, so that no stack is much longer than the other and none is empty.

    Cards keep their order, but that a narrow one without another beside it waits for the next narrow one; the last
    of all, where it finds none, takes the whole width.

    Args:
        cards: The cards, in reading order.
    """
    found: list[Band] = []
    waiting: list[Placed] = []
    for card in cards:
        if not card.is_broad:
            waiting.append(card)
            continue
        if len(waiting) > 1:
            found.append(_side_by_side(waiting))
            waiting = []
        found.append(Band((card,)))
    return [*found, _side_by_side(waiting)] if waiting else found


def _side_by_side(cards: Sequence[Placed]) -> Band:
    """Two stacks, each card put on the shorter one."""
    stacks: tuple[list[Placed], list[Placed]] = ([], [])
    heights = [0, 0]
    for card in cards:
        shorter = 0 if heights[0] <= heights[1] else 1
        stacks[shorter].append(card)
        heights[shorter] += card.height
    return Band(tuple(stacks[0]), tuple(stacks[1]))
