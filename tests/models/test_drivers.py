from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.models.drivers import contributions

FACTORS = st.lists(st.floats(0.01, 1e4), min_size=4, max_size=4)


def test_by_hand() -> None:
    """From 2 × 3 = 6 to 4 × 3 = 12 all of the change is the first factor's."""
    assert contributions([2, 3], [4, 3]) == [pytest.approx(6.0), 0.0]
    assert contributions([2, 3], [4, 0]) is None


@given(FACTORS, FACTORS)
def test_the_parts_add_up_to_the_change(before: list[float], after: list[float]) -> None:
    parts = contributions(before, after)
    assert parts is not None
    scale = max(math.prod(before), math.prod(after), *(abs(one) for one in parts))
    assert sum(parts) == pytest.approx(math.prod(after) - math.prod(before), abs=1e-7 * scale)


@given(FACTORS, FACTORS)
def test_backwards_is_the_opposite(before: list[float], after: list[float]) -> None:
    there, back = contributions(before, after), contributions(after, before)
    assert there is not None
    assert back is not None
    assert there == pytest.approx([-one for one in back], rel=1e-6, abs=1e-9)
