"""Where the nodes of a small network are drawn: linked ones near each other, the others apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ROUNDS = 300
_DIGITS = 4


def spring_layout(
    node_count: int, links: Sequence[tuple[int, int]], weights: Sequence[float] = ()
) -> NDArray[np.float64]:
    """Coordinates of the nodes, one row each, within −1 to 1.

    Nothing is drawn by chance: the nodes begin on a circle in their order, so the same network is the same picture.

    Source: Fruchterman & Reingold (1991), Software: Practice and Experience 21, pp. 1129-1164, with a weak pull to the
    middle, so that parts without a link do not drift away.

    Args:
        node_count: How many nodes; meant for a few hundred, as every pair is looked at in every round.
        links: Pairs of node numbers.
        weights: How strongly each link pulls; 1 where not given.

    >>> places = spring_layout(4, [(0, 1), (2, 3)])
    >>> near, far = np.linalg.norm(places[0] - places[1]), np.linalg.norm(places[0] - places[2])
    >>> bool(near < far)
    True
    """
    if node_count < 2:
        return np.zeros((node_count, 2))
    angle = 2 * np.pi * np.arange(node_count) / node_count
    at = np.column_stack([np.cos(angle), np.sin(angle)]) * (1 + 0.01 * np.arange(node_count) / node_count)[:, None]
    pull = np.zeros((node_count, node_count))
    for place, (one, other) in enumerate(links):
        pull[one, other] = pull[other, one] = weights[place] if len(weights) else 1.0
    ideal = 1.6 / np.sqrt(node_count)
    for turn in range(_ROUNDS):
        apart = at[:, None, :] - at[None, :, :]
        distance = np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1e-6)
        force = ideal**2 / distance**2 - pull * distance / ideal
        np.fill_diagonal(force, 0.0)
        move = (apart * force[..., None]).sum(axis=1) - 0.6 * at
        length = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        at = at + move / length * np.minimum(length, 0.15 * (1 - turn / _ROUNDS))
    at = at - (at.max(axis=0) + at.min(axis=0)) / 2
    scaled: NDArray[np.float64] = np.round(at / np.maximum(np.abs(at).max(axis=0), 1e-9), _DIGITS)
    return scaled
