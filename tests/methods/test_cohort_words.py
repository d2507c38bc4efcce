"""The years of first orders beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.methods import cohort_words

YEARS = [2019, 2019, 2020, 2022, 2022]
SIZES = np.array([500.0, 500.0, 900.0, 600.0, 400.0])
WHOLE = np.array([True, True, True, True, False])


def test_the_last_year_stands_beside_the_first() -> None:
    told = cohort_words.years(YEARS, np.array([20.0, 20.0, 9.0, 60.0, 0.0]), SIZES, WHOLE, "month", 30)[0]
    assert (told.value, told.n, told.is_good) == (pytest.approx(0.06), 1600, True)
    assert told.interval is not None
    assert 0 < told.interval[0] < 0.06 < told.interval[1]
    assert "1,000 customers who first bought in 2019, 4.0 %" in told.sentence
    assert "of the 600 of 2022, 10.0 %: +6.0 pp" in told.sentence


def test_what_chance_may_explain_is_said_and_one_year_is_nothing() -> None:
    alike = cohort_words.years(YEARS, np.array([20.0, 20.0, 9.0, 25.0, 0.0]), SIZES, WHOLE, "month", 30)[0]
    assert "which chance alone may explain" in alike.sentence
    assert alike.is_good is None
    assert cohort_words.years([2019] * 5, SIZES / 10, SIZES, WHOLE, "month", 30) == []
    assert cohort_words.years(YEARS, SIZES / 10, SIZES, WHOLE, "month", 5000) == []
