"""Forests of sponsors against plain loops, at any depth and breadth, and circles of any length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import FitError
from regulars.models.graph import NOBODY, Forest, draw_lines, in_circles, plant


@st.composite
def edges(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Members numbered in an order of their own, each with a sponsor or none."""
    size = draw(st.integers(2, 40))
    names = draw(st.permutations(range(100, 100 + size)))
    sponsors = [draw(st.integers(0, place - 1)) if draw(st.booleans()) else None for place in range(1, size)]
    pairs = [(names[place + 1], names[one]) for place, one in enumerate(sponsors) if one is not None]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


@given(edges(), st.randoms(use_true_random=False))
def test_everything_below_is_what_plain_loops_find(given: tuple[list[int], list[int]], random: object) -> None:
    members, sponsors = given
    forest = plant(members, sponsors)
    above = dict(zip(members, sponsors, strict=True))
    own = {one: float(one % 7) for one in forest.ids.tolist()}
    totals = dict.fromkeys(own, 0.0)
    counts, depths, generation = dict.fromkeys(own, 0), dict.fromkeys(own, 0), {}
    for one, amount in own.items():
        up, distance = one, 0
        while up in above:
            up, distance = above[up], distance + 1
            totals[up] += amount
            counts[up] += 1
            depths[up] = max(depths[up], distance)
        generation[one] = distance
    assert forest.generation.tolist() == [generation[one] for one in own]
    assert forest.downline_count.tolist() == [counts[one] for one in own]
    assert forest.downline_depth.tolist() == [depths[one] for one in own]
    assert forest.totals_below({"own": list(own.values())})["own"].tolist() == pytest.approx(list(totals.values()))
    levels = forest.totals_by_distance(list(own.values()), 45)
    assert np.sum(levels, axis=0).tolist() == pytest.approx(list(totals.values()))


@given(edges())
def test_the_network_adds_up(given: tuple[list[int], list[int]]) -> None:
    forest = plant(*given)
    own = np.arange(forest.size, dtype=float)
    tops = forest.sponsor == NOBODY
    below = forest.totals_below({"own": own})["own"]
    assert below[tops].sum() + own[tops].sum() == pytest.approx(own.sum())
    assert (forest.sponsor[forest.origin] == NOBODY).all()
    assert forest.sponsored_count.sum() == len(given[0])


@pytest.mark.parametrize("length", [2, 3, 64, 1001])
def test_a_circle_of_any_length_is_found_and_what_leads_into_it_is_not(length: int) -> None:
    ring = np.arange(length)
    members = np.concatenate([ring, [length, length + 1, length + 3]])
    sponsors = np.concatenate([np.roll(ring, 1), [0, length, length + 2]])
    assert in_circles(members, sponsors).tolist() == [True] * length + [False, False, False]
    with pytest.raises(FitError, match="circle"):
        plant(members, sponsors)


def test_a_chain_and_a_star_of_a_million() -> None:
    size = 1_000_000
    chain = plant(np.arange(1, size), np.arange(size - 1))
    assert (chain.generation[-1], chain.downline_count[0], chain.downline_depth[0]) == (size - 1, size - 1, size - 1)
    assert chain.totals_below({"one": np.ones(size)})["one"][10] == size - 11
    star = plant(np.arange(1, size), np.zeros(size - 1))
    assert (star.sponsored_count[0], star.downline_depth[0], star.generation.max()) == (size - 1, 1, 1)


def test_two_sponsors_are_refused() -> None:
    with pytest.raises(FitError, match="several sponsors"):
        plant([1, 1], [2, 3])


def test_nobody_is_no_network() -> None:
    assert plant([], []).size == 0
    assert in_circles([], []).size == 0


def test_a_line_is_taken_generation_by_generation_the_largest_first() -> None:
    forest = plant([2, 3, 4, 5, 6], [1, 1, 3, 3, 2])
    assert forest.ids[forest.line_of(0, 10)].tolist() == [1, 3, 2, 4, 5, 6]
    assert forest.ids[forest.line_of(0, 3)].tolist() == [1, 3, 2]


def test_a_deep_line_is_drawn_without_recursion() -> None:
    forest = Forest(np.arange(5000), np.arange(-1, 4999))
    drawing = draw_lines(forest, [forest.line_of(0, 5000)])
    assert drawing.y.min() == -4999
    assert set(drawing.x.tolist()) == {0.0}


def test_lines_stand_beside_each_other() -> None:
    forest = plant([2, 3, 12], [1, 1, 11])
    drawing = draw_lines(forest, [forest.line_of(0, 9), forest.line_of(3, 9)])
    assert drawing.x.tolist() == [0.5, 0.0, 1.0, 3.0, 3.0]
    assert drawing.sponsor_x.tolist()[1:3] == [0.5, 0.5]
