"""Drawing many rows at once: seeded streams, choices from tables of weights, device ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# One stream of random numbers per part of the world, so that a change in one part leaves the others.
CATALOGUE, ARRIVALS, PEOPLE, CUSTOMERS, TICKETS, DEVICES = range(6)


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


def mix_bits(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter numbers over 64 bits, one to one (the finaliser of SplitMix64, Steele et al. 2014)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def hexadecimal_ids(numbers: Integers, seed: int) -> NDArray[np.bytes_]:
    """An id of 32 hexadecimal digits for each number; different numbers give different ids.

    The ids are worked out, not stored, so that a device can be named anywhere at no cost in memory.

    >>> ids = hexadecimal_ids(np.array([5, 6, 5]), seed=7)
    >>> len(ids[0]), bool(ids[0] == ids[2]), bool(ids[0] == ids[1])
    (32, True, False)
    """
    offset = mix_bits(np.array([seed], dtype=np.uint64))
    first = mix_bits(numbers.astype(np.uint64) + offset)
    second = mix_bits(first ^ np.uint64(0xD6E8FEB86659FD93))
    digits = np.stack([first, second], axis=1).astype(">u8").tobytes().hex()
    return np.frombuffer(digits.encode("ascii"), dtype="S32")
