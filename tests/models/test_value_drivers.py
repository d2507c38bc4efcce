from __future__ import annotations

import numpy as np
import pytest

from regulars.errors import FitError
from regulars.models.value_drivers import find_drivers


def made(size: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What comes is 3 parts a, 1 part b and noise; c has nothing to do with it."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.random((3, size))
    return {"a": a, "b": b, "c": c}, 3 * a + b + rng.normal(0, 1, size)


def test_what_matters_carries_and_what_does_not_carries_nothing() -> None:
    drivers, later = made(2000)
    found = find_drivers(drivers, later, draw_count=60)
    assert found.first == "a"
    assert found.is_clear
    assert found.shares["a"].low > 0.75
    assert found.shares["c"].high < 0.03
    assert found.alone["a"].value < found.together.value


def test_more_customers_make_the_intervals_narrower() -> None:
    few, many = (find_drivers(*made(size), draw_count=60).together for size in (300, 3000))
    assert many.high - many.low < (few.high - few.low) / 2


def test_noise_foretells_nothing_and_no_driver_is_named() -> None:
    rng = np.random.default_rng(1)
    found = find_drivers({"a": rng.random(500), "b": rng.random(500)}, rng.random(500), draw_count=20)
    assert found.first == ""
    assert not found.is_clear


def test_the_same_seed_gives_the_same_answer() -> None:
    drivers, later = made(400)
    assert find_drivers(drivers, later, draw_count=20, seed=3) == find_drivers(drivers, later, draw_count=20, seed=3)


def test_too_few_customers_and_equal_outcomes_are_refused() -> None:
    with pytest.raises(FitError, match="too few"):
        find_drivers({"a": np.arange(10.0)}, np.arange(10.0))
    with pytest.raises(FitError, match="same"):
        find_drivers({"a": np.arange(100.0)}, np.zeros(100))
