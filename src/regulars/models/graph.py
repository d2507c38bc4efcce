"""Who brings whom, as a forest in arrays: circles, generations, and what stands below each member, at any depth.

Every member has at most one sponsor. Ancestors are found by doubling: knowing everyone's ancestor at distance d gives
everyone's at distance 2d, so that a chain of any length takes a few passes over the arrays, without recursion.
Source: pointer jumping as in JáJá (1992), An Introduction to Parallel Algorithms, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Places = NDArray[np.int32]
    Floats = NDArray[np.float64]

NOBODY = -1
"""The place of a sponsor that is not there."""


@dataclass(frozen=True)
class Forest:
    """Members and their sponsors, without circles.

    Attributes:
        ids: The members, rising; both those who were brought and those who brought.
        sponsor: Place in `ids` of each member's sponsor; `NOBODY` for those nobody brought.
    """

    ids: Ints
    sponsor: Ints

    @property
    def size(self) -> int:
        """How many members there are."""
        return int(self.ids.size)

    @cached_property
    def _steps(self) -> tuple[tuple[int, Places, Places], ...]:
        """For the distances 1, 2, 4, 8 …: who has an ancestor there, and whom.

        Everything that is added up along the lines takes these steps, so that they are found once; few members have
        distant ancestors, and so the later steps are short.
        """
        steps, distance = [], 1
        below = np.flatnonzero(self.sponsor != NOBODY).astype(np.int32)
        ancestor = self.sponsor.astype(np.int32)
        while below.size:
            steps.append((distance, below, ancestor[below]))
            farther = np.full(self.size, NOBODY, dtype=np.int32)
            farther[below] = ancestor[ancestor[below]]
            distance, ancestor = 2 * distance, farther
            below = below[ancestor[below] != NOBODY]
        return tuple(steps)

    @cached_property
    def generation(self) -> Ints:
        """How many sponsors stand above each member; 0 for those nobody brought."""
        above: Ints = (self.sponsor != NOBODY).astype(np.int64)
        for _, below, ancestor in self._steps:
            above[below] += above[ancestor]
        return above

    @cached_property
    def origin(self) -> Ints:
        """Place of the member at the top of each member's line; its own for those nobody brought."""
        top = np.where(self.sponsor == NOBODY, np.arange(self.size), self.sponsor)
        while not np.array_equal(higher := top[top], top):
            top = higher
        return np.asarray(top, dtype=np.int64)

    @cached_property
    def sponsored_count(self) -> Ints:
        """Members that each brought directly."""
        return np.bincount(self.sponsor[self.sponsor != NOBODY], minlength=self.size).astype(np.int64)

    @cached_property
    def downline_count(self) -> Ints:
        """Members below each, at any distance."""
        return np.rint(self.totals_below({"members": np.ones(self.size)})["members"]).astype(np.int64)

    @cached_property
    def downline_depth(self) -> Ints:
        """Generations below each; 0 where nobody was brought."""
        deepest = np.zeros(self.size, dtype=np.int64)
        for distance, below, ancestor in self._steps:
            np.maximum.at(deepest, ancestor, deepest[below] + distance)
        return deepest

    def totals_below(self, own: Mapping[str, ArrayLike], damping: float = 1.0) -> dict[str, Floats]:
        """Sums over everybody below each member, without the member's own.

        Args:
            own: For each measure, every member's own amount, in the order of `ids`.
            damping: What a generation of distance leaves of an amount; 1 leaves all of it.

        >>> plant([2, 3, 4], [1, 1, 2]).totals_below({"revenue": [0.0, 10.0, 5.0, 1.0]})["revenue"].tolist()
        [16.0, 1.0, 0.0, 0.0]
        """
        amounts = {name: np.asarray(values, dtype=np.float64) for name, values in own.items()}
        sums = dict(amounts)
        for distance, below, ancestor in self._steps:
            for name, values in sums.items():
                sums[name] = values + damping**distance * np.bincount(ancestor, values[below], self.size)
        return {name: values - amounts[name] for name, values in sums.items()}

    def totals_by_distance(self, own: ArrayLike, most: int) -> list[Floats]:
        """Sums over those exactly 1, 2 … `most` generations below each member.

        >>> [level.tolist() for level in plant([2, 3, 4], [1, 1, 2]).totals_by_distance([0.0, 10.0, 5.0, 1.0], 2)]
        [[15.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
        """
        known = self.sponsor != NOBODY
        values, levels = np.asarray(own, dtype=np.float64), []
        for _ in range(most):
            values = np.asarray(np.bincount(self.sponsor[known], values[known], self.size), dtype=np.float64)
            levels.append(values)
        return levels

    def line_of(self, place: int, most: int, widest: int = 0) -> Ints:
        """Places of a member and those below, generation by generation, `most` at most.

        Of those whom one sponsor brought the ones with the largest downline come first, and only the first `widest`
        (0: all) are taken.
        """
        order = np.argsort(self.sponsor, kind="stable")
        ordered = self.sponsor[order]
        found, level = [place], [place]
        while level and len(found) < most:
            below: list[int] = []
            for start, end in zip(
                np.searchsorted(ordered, level), np.searchsorted(ordered, level, side="right"), strict=True
            ):
                brought = order[start:end]
                brought = brought[np.lexsort((self.ids[brought], -self.downline_count[brought]))]
                below += brought[: widest or brought.size].tolist()
            level = below[: most - len(found)]
            found += level
        return np.array(found, dtype=np.int64)


def plant(members: ArrayLike, sponsors: ArrayLike) -> Forest:
    """The forest of a list of edges, one per sponsored member.

    Args:
        members: Who was brought; each at most once.
        sponsors: By whom.

    Raises:
        FitError: A member stands twice, or sponsors form a circle.

    >>> forest = plant([2, 3, 4], [1, 1, 2])
    >>> forest.ids.tolist(), forest.generation.tolist(), forest.downline_count.tolist()
    ([1, 2, 3, 4], [0, 1, 1, 2], [3, 1, 0, 0])
    """
    ids, below, above = _numbered(members, sponsors)
    if np.bincount(below, minlength=1).max(initial=0) > 1:
        raise FitError("A member has several sponsors.", mend="Keep one sponsor per member.")
    sponsor = np.full(ids.size, NOBODY, dtype=np.int64)
    sponsor[below] = above
    if _on_circle(sponsor).any():
        raise FitError("Sponsors form a circle.", mend="Leave one of its members without a sponsor.")
    return Forest(ids, sponsor)


def in_circles(members: ArrayLike, sponsors: ArrayLike) -> NDArray[np.bool_]:
    """Which edges lie on a circle of sponsors, of any length; those that only lead into one do not.

    Args:
        members: Who was brought; each at most once.
        sponsors: By whom.

    >>> in_circles([1, 2, 3, 9], [2, 3, 1, 1]).tolist()
    [True, True, True, False]
    """
    ids, below, above = _numbered(members, sponsors)
    sponsor = np.full(ids.size, NOBODY, dtype=np.int64)
    sponsor[below] = above
    return np.asarray(_on_circle(sponsor)[below])


def _numbered(members: ArrayLike, sponsors: ArrayLike) -> tuple[Ints, Ints, Ints]:
    """The distinct ids, rising, and the place among them of each edge's member and sponsor."""
    below, above = np.asarray(members, dtype=np.int64), np.asarray(sponsors, dtype=np.int64)
    ids, places = np.unique(np.concatenate([below, above]), return_inverse=True)
    return ids, places[: below.size], places[below.size :]


def _on_circle(sponsor: Ints) -> NDArray[np.bool_]:
    ancestor, distance = sponsor.copy(), 1
    while distance <= sponsor.size and (ancestor != NOBODY).any():
        known = ancestor != NOBODY
        ancestor[known] = ancestor[ancestor[known]]
        distance *= 2
    # after as many steps as there are members, whoever still has an ancestor has come to a circle, and all of it is met
    met = np.zeros(sponsor.size, dtype=np.bool_)
    met[ancestor[ancestor != NOBODY]] = True
    return met


# -- pictures -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawing:
    """Where the members of a few lines stand in a picture: a dot each, and a link to the sponsor where it is drawn.

    Attributes:
        place: Places in the forest.
        x: From left to right.
        y: 0 at the top, one less per generation.
        sponsor_x: Where the sponsor stands; NaN at the top of a line.
        sponsor_y: Likewise.
    """

    place: Ints
    x: Floats
    y: Floats
    sponsor_x: Floats
    sponsor_y: Floats


def draw_lines(forest: Forest, lines: list[Ints]) -> Drawing:
    """Lines as trees beside each other: leaves evenly spaced, every sponsor above the middle of those below.

    Args:
        forest: The forest.
        lines: For each line its places, generation by generation, the first at the top (`Forest.line_of`).

    >>> forest = plant([2, 3, 4], [1, 1, 2])
    >>> drawing = draw_lines(forest, [forest.line_of(0, 10)])
    >>> drawing.x.tolist(), drawing.y.tolist()
    ([0.5, 0.0, 1.0, 0.0], [0.0, -1.0, -1.0, -2.0])
    """
    parts, free = [], 0.0
    for line in lines:
        x, free = _across(forest, line, free)
        top = forest.generation[line[0]]
        parts.append((line, x, (top - forest.generation[line]).astype(np.float64)))
        free += 1.0
    place, x, y = (np.concatenate([part[index] for part in parts]) for index in range(3))
    above = np.concatenate(_links(forest, lines))
    drawn = above != NOBODY
    return Drawing(place, x, y, np.where(drawn, x[above], np.nan), np.where(drawn, y[above], np.nan))


def _links(forest: Forest, lines: list[Ints]) -> list[Ints]:
    """For each drawn member the row of the sponsor in the same line; `NOBODY` at its top."""
    rows, first = [], 0
    for line in lines:
        at = {int(one): row for row, one in enumerate(line, start=first)}
        rows.append(np.array([NOBODY, *(at[int(one)] for one in forest.sponsor[line[1:]])], dtype=np.int64))
        first += line.size
    return rows


def _across(forest: Forest, line: Ints, free: float) -> tuple[Floats, float]:
    """The horizontal place of each member of one line, and the first free place to its right."""
    row = {int(one): number for number, one in enumerate(line)}
    below: dict[int, list[int]] = {}
    for number, one in enumerate(line[1:], start=1):
        below.setdefault(row[int(forest.sponsor[one])], []).append(number)
    x = np.full(line.size, np.nan)
    waiting = [0]
    while waiting:
        number = waiting[-1]
        left = [one for one in below.get(number, ()) if np.isnan(x[one])]
        if left:
            waiting.append(left[0])
            continue
        waiting.pop()
        if number in below:
            x[number] = (x[below[number][0]] + x[below[number][-1]]) / 2
        else:
            x[number], free = free, free + 1.0
    return x, free
