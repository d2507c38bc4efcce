from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from regulars.models.misplacement import Confusion, Turns, solve
from regulars.models.movement import net_flow_p_values

LEVELS, SIZE, WINDOWS = 4, 3, 5
TRUE = np.array([[0.90, 0.06, 0.04], [0.03, 0.95, 0.02], [0.00, 0.08, 0.92]])
LASTING = np.linalg.matrix_power(TRUE, 1000)[0]
"""Shares of the segments that the moves leave as they are, so that movers are one in three of each at every turn."""
RIGHT = (0.75, 0.90, 0.97, 1.0)


def mislabel(level: int) -> Any:
    """Share of each label by true segment: the next segment takes two thirds of the misplaced."""
    wrong = 1 - RIGHT[level]
    return RIGHT[level] * np.eye(SIZE) + wrong * (2 * np.roll(np.eye(SIZE), 1, 1) + np.roll(np.eye(SIZE), 2, 1)) / 3


def confusion_of(counts: Any) -> Confusion:
    """A confusion in which every number of orders occurs in every segment."""
    return Confusion(counts, np.ones(counts.shape[:2], dtype=bool))


def world(rng: np.random.Generator, customers: int = 800, references: int = 400) -> tuple[Turns, Turns, Confusion]:
    """Customers of whom one in three moves at all (so that a customer's moves hang together); the moves are `TRUE`."""
    mover = rng.random(customers) < 1 / 3
    often = np.eye(SIZE) + 3 * (TRUE - np.eye(SIZE))  # of those who move at all
    kind, level = np.zeros((2, customers, WINDOWS), dtype=np.int64)
    kind[:, 0] = rng.choice(SIZE, size=customers, p=LASTING)
    for window in range(1, WINDOWS):
        drawn = (rng.random(customers)[:, None] > often[kind[:, window - 1]].cumsum(axis=1)).sum(axis=1)
        kind[:, window] = np.where(mover, np.minimum(drawn, SIZE - 1), kind[:, window - 1])
    level[:] = rng.choice(LEVELS, size=level.shape, p=[0.1, 0.2, 0.2, 0.5])
    chances = np.stack([mislabel(one) for one in range(LEVELS)])[level, kind].cumsum(axis=2)
    label = np.minimum((rng.random(level.shape)[:, :, None] > chances).sum(axis=2), SIZE - 1)
    number = np.arange(customers).repeat(WINDOWS - 1)
    before, after = np.s_[:, :-1], np.s_[:, 1:]
    counted = Turns(number, label[before].ravel(), level[before].ravel(), label[after].ravel(), level[after].ravel())
    truly = Turns(number, kind[before].ravel(), counted.source_level, kind[after].ravel(), counted.target_level)
    seen = [[rng.multinomial(references, row) for row in mislabel(one)] for one in range(LEVELS - 1)]
    return counted, truly, confusion_of(np.array(seen, dtype=float))


def test_intervals_cover_the_moves_that_were_made() -> None:
    worlds, inside, naive = 120, np.zeros((SIZE, SIZE), dtype=int), []
    total = np.zeros((SIZE, SIZE))
    for seed in range(worlds):
        counted, _, confusion = world(np.random.default_rng(seed))
        made = solve(counted, confusion, seed=0)
        assert made is not None
        share, low, high = made.shares()
        inside += (low <= TRUE) & (high >= TRUE)
        total += share / worlds
        naive.append(np.mean(counted.source == counted.target))
    from scipy.stats import binom

    least = binom.ppf(0.005, worlds, 0.95)
    exact = TRUE > 0
    assert (inside[exact] >= least).all(), inside
    assert (inside[~exact] >= least).all(), inside  # may well be every one: an interval may end at 0
    assert (inside[exact] < worlds).any()  # no interval that always covers
    assert total == pytest.approx(TRUE, abs=0.01)
    assert np.mean(naive) < LASTING @ np.diag(TRUE) - 0.05  # as counted, far too many move


def test_certain_customers_are_counted_as_they_are() -> None:
    turns = Turns(np.arange(4), np.array([0, 0, 1, 1]), np.full(4, 3), np.array([0, 1, 1, 1]), np.full(4, 3))
    made = solve(turns, world(np.random.default_rng(0))[2], seed=0)
    assert made is not None
    assert made.moves[:2, :2].tolist() == [[1, 1], [0, 2]]
    up = np.array([[False, True, True], [False, False, True], [False, False, False]])
    assert made.part(up)[0] == pytest.approx(0.25)
    assert made.difference(up, up.T)[0] == pytest.approx(0.25)


def test_without_references_nothing_is_corrected() -> None:
    turns = Turns(*(np.zeros(5, dtype=np.int64) for _ in range(5)))
    assert solve(turns, confusion_of(np.zeros((3, 2, 2))), seed=0) is None
    guessing = np.full((3, 2, 2), 50.0)  # labels that say nothing cannot be solved
    assert solve(turns, confusion_of(guessing), seed=0) is None


def test_levels_that_no_reference_reaches_follow_from_the_others() -> None:
    counts = np.zeros((4, 2, 2))
    counts[:3, 0] = [[600, 400], [800, 200], [900, 100]]
    counts[:, 1, 1] = 1000
    shares = confusion_of(counts).shares()
    assert shares[:3, 0, 1] == pytest.approx([0.4, 0.2, 0.1], abs=0.01)
    assert shares[3, 0, 1] == pytest.approx(0.05, abs=0.005)
    assert shares[4].tolist() == np.eye(2).tolist()
    assert confusion_of(counts).misplaced(np.array([[100.0, 0], [0, 50], [0, 0], [0, 0], [0, 50]])) == pytest.approx(
        0.2, abs=0.005
    )


def test_a_number_of_orders_that_does_not_occur_misplaces_nobody() -> None:
    counts = np.array([[[30.0, 70.0], [0.0, 100.0]]])
    shares = Confusion(counts, np.array([[False, True]])).shares()
    assert shares[0].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_net_flows_that_misplacement_alone_makes_are_no_flows() -> None:
    """Nobody moves; but the first segment is misplaced before and not after, so that it seems to grow."""
    rng = np.random.default_rng(3)
    size, level = 2_000, np.zeros(2_000, dtype=np.int64)
    true = rng.integers(0, 2, size)
    source = np.where((true == 0) & (rng.random(size) < 0.2), 1, true)
    chances = np.array([[[80.0, 20.0], [0.0, 100.0]], [[100.0, 0.0], [0.0, 100.0]]])
    turns = Turns(np.arange(size), source, level, true, level + 1)
    made = solve(turns, confusion_of(chances), seed=0)
    assert made is not None
    share, p_values = made.net_flows()
    counted = np.zeros((2, 2))
    np.add.at(counted, (source, true), 1)
    assert net_flow_p_values(counted)[0, 1] < 1e-6
    assert p_values[0, 1] > 0.05
    assert share[0, 1] == pytest.approx(0, abs=0.02)
    assert np.isnan(np.diag(p_values)).all()


def test_net_flows_that_are_made_are_found() -> None:
    counted = [(0, 0, 700), (0, 1, 130), (1, 0, 100), (1, 1, 570)]
    source, target = (np.repeat([row[place] for row in counted], [row[2] for row in counted]) for place in (0, 1))
    low = np.zeros(len(source), dtype=np.int64)
    certain = confusion_of(np.array([[[500.0, 0.0], [0.0, 500.0]]]))
    made = solve(Turns(np.arange(len(source)), source, low, target, low), certain, seed=0)
    assert made is not None
    share, p_values = made.net_flows()
    assert share[0, 1] == pytest.approx(30 / 1500)
    assert share[1, 0] == -share[0, 1]
    assert p_values[0, 1] == pytest.approx(net_flow_p_values(np.array([[700.0, 130], [100, 570]]))[0, 1], rel=0.02)
