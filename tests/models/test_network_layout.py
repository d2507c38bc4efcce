"""Places in a network picture."""

from __future__ import annotations

import numpy as np

from regulars.models.network_layout import spring_layout


def test_linked_nodes_lie_nearer_than_others() -> None:
    links = [(a, b) for group in ((0, 1, 2), (3, 4, 5)) for a in group for b in group if a < b]
    at = spring_layout(6, links)
    distance = np.linalg.norm(at[:, None] - at[None], axis=2)
    within = [distance[a, b] for a, b in links]
    between = [distance[a, b] for a in range(3) for b in range(3, 6)]
    assert max(within) < min(between)
    assert np.abs(at).max() <= 1


def test_the_same_network_is_the_same_picture_and_small_ones_have_one() -> None:
    np.testing.assert_array_equal(spring_layout(4, [(0, 1)]), spring_layout(4, [(0, 1)]))
    assert spring_layout(0, []).shape == (0, 2)
    assert spring_layout(1, []).tolist() == [[0.0, 0.0]]
    assert np.isfinite(spring_layout(2, [(0, 1)])).all()
