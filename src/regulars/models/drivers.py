"""What a change of revenue is made of: the contributions of its factors, which add up to it exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Sequence


def contributions(before: Sequence[float], after: Sequence[float]) -> list[float] | None:
    """How much each factor of a product contributed to its change; None where a factor is not above zero.

    The change of x₁ · x₂ · … is parted by the logarithmic mean of the two products, L = (V₁ − V₀) ÷ ln(V₁ ÷ V₀): factor
    k contributes L · ln(x₁ₖ ÷ x₀ₖ). The parts add up to the change without a remainder, and do not depend on the order
    of the factors.

    Source: additive logarithmic mean Divisia index (LMDI-I), Ang (2005), Energy Policy 33, pp. 867-871.

    Args:
        before: The factors in the earlier period.
        after: The same factors in the later one.

    >>> [round(one, 2) for one in contributions([100, 2.0], [110, 2.2])]
    [21.0, 21.0]
    """
    if min(*before, *after) <= 0:
        return None
    first, last = math.prod(before), math.prod(after)
    ratio = math.log(last / first)
    mean = first if abs(ratio) < 1e-12 else (last - first) / ratio
    return [float(intervals.steady(mean * math.log(now / then))) for then, now in zip(before, after, strict=True)]
