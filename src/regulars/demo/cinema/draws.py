"""What the world `cinema` draws with: its streams of random numbers, and the ids of its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

# One stream of random numbers per part of the world, so that a change in one part leaves the others.
CATALOGUE, ARRIVALS, PEOPLE, CUSTOMERS, TICKETS, DEVICES = range(6)


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
