"""Drawing many rows at once: seeded streams, and choices from tables of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


def random_stream(seed: int, part: int, block: int = 0) -> np.random.Generator:
    """The random numbers of one part of the world and one block of buyers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part, block)))


@dataclass(frozen=True)
class ChoiceTable:
    """A table of weights that options are drawn from, one distribution per row."""

    cumulative: Floats
    option_count: int

    @classmethod
    def of(cls, weights: Floats) -> ChoiceTable:
        """Prepare the weights, rows × options; a row without any weight counts as even."""
        weights = np.atleast_2d(weights)
        weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, 1.0)
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        # Each row is lifted by its number, so that one search serves all rows.
        return cls((shares + np.arange(len(weights))[:, None]).ravel(), weights.shape[1])

    def draw(self, rows: Integers, rng: np.random.Generator) -> Integers:
        """Draw one option for each entry of ``rows`` from that row's distribution."""
        found = np.searchsorted(self.cumulative, rows + rng.random(len(rows)), side="right")
        return np.asarray(np.clip(found - rows * self.option_count, 0, self.option_count - 1))

    def draw_many(self, count: int, rng: np.random.Generator) -> Integers:
        """Draw ``count`` options from the first row, for tables that have no other."""
        return self.draw(np.zeros(count, dtype=np.int64), rng)


def draw_even_share(total: int, start: int, stop: int, whole: int) -> tuple[int, int]:
    """The part of ``total`` things that falls to positions ``start`` to ``stop`` of ``whole``.

    Neighbouring blocks meet without gap or overlap, so the parts add up to the total.

    >>> draw_even_share(10, 0, 3, 9), draw_even_share(10, 3, 9, 9)
    ((0, 3), (3, 10))
    """
    return total * start // whole, total * stop // whole
