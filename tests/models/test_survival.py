from __future__ import annotations

import numpy as np
import pytest

from regulars.errors import FitError
from regulars.models.survival import fit_survival


def test_worked_out_by_hand() -> None:
    """Freireich et al. (1963), 6-MP arm: 21 patients; the estimate is printed in every textbook of survival."""
    time = [6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 34, 35]
    events = [3, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    censored = [0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1]
    fit = fit_survival(time, events, censored)
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for when, survival in printed.items():
        share, low, high, _ = fit.at(when)
        assert 1 - share == pytest.approx(survival, abs=0.0006)
        assert low < share < high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(5), 0
    for _ in range(200):
        event, end = rng.exponential(50, 150), rng.uniform(0, 100, 150)
        seen = np.minimum(event, end)
        hit = (event <= end).astype(float)
        _, low, high, _ = fit_survival(seen, hit, 1 - hit).at(40.0)
        covered += low <= 1 - np.exp(-40 / 50) <= high
    assert 178 <= covered <= 199


def test_nobody_is_refused() -> None:
    with pytest.raises(FitError, match="at least one"):
        fit_survival([], [], [])
