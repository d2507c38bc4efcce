"""States and flows of customers from their months as bits of one integer.

Customers with the same months are one row, so the arrays are as long as there are different histories, not customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]


def count_flows(
    cohort: Counts, mask: Counts, customers: Counts, origin: int, numbers: Sequence[int], patience: int
) -> dict[str, Counts]:
    """Customers per month by when they bought; arrays with one entry per month.

    Args:
        cohort: Number of the month of the first order.
        mask: Bit k stands for an order in the month origin + k.
        customers: Customers with that cohort and mask.
        origin: Number of the month of the lowest bit.
        numbers: The months that count, rising; "before" is the one before in this list.
        patience: So many months without an order make a customer dormant.

    Returns:
        `new` bought for the first time; `active` bought in the month; `again` also in the month before; `returning`
        also in one of the `patience` months before; `alive` bought in the month or in one of the `patience` − 1 before;
        `second` bought for the first time in the month before, and again in this one.

    Example:
        >>> one = np.array([1])
        >>> flows = count_flows(one * 10, one * 0b101, one, origin=10, numbers=[10, 11, 12], patience=2)
        >>> flows["active"].tolist(), flows["again"].tolist(), flows["returning"].tolist()
        ([1, 0, 1], [0, 0, 0], [0, 0, 1])
    """
    bits = [np.int64(1 << (number - origin)) for number in numbers]

    def any_of(first: int, last: int) -> NDArray[np.bool_]:
        window = sum(int(bit) for bit in bits[max(first, 0) : max(last + 1, 0)])
        return np.asarray((mask & np.int64(window)) != 0)

    def total(chosen: NDArray[np.bool_]) -> int:
        return int(customers[chosen].sum())

    names = ("new", "active", "again", "returning", "alive", "second")
    flows = {name: np.zeros(len(bits), dtype=np.int64) for name in names}
    for place, number in enumerate(numbers):
        active = any_of(place, place)
        again = active & any_of(place - 1, place - 1)
        flows["new"][place] = total(cohort == number)
        flows["active"][place] = total(active)
        flows["again"][place] = total(again)
        flows["returning"][place] = total(active & any_of(place - patience, place - 1))
        flows["alive"][place] = total(any_of(place - patience + 1, place))
        flows["second"][place] = total(again & (cohort == numbers[place - 1])) if place else 0
    return flows
