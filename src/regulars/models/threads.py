"""Many small fits run on one thread each: several on one fit would wait for each other longer than they work.

On a busy machine they do so a hundred times as long. Fits that do not need each other run side by side instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager


Given = TypeVar("Given")
Found = TypeVar("Found")


def one_thread() -> AbstractContextManager[object]:
    """Numerical libraries keep to one thread inside this."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def side_by_side(work: Callable[[Given], Found], given: Iterable[Given]) -> list[Found]:
    """What the work finds for each, in their order; as many at once as there are processors, each on one thread.

    The answers do not depend on how many those are. The work must be of its own: it changes nothing that others read.

    >>> side_by_side(lambda number: number * number, [1, 2, 3])
    [1, 4, 9]
    """
    import os
    from concurrent.futures import ThreadPoolExecutor

    # OpenMP's limit holds for the thread that sets it, BLAS's for the process: so both, outside and in each worker
    with one_thread(), ThreadPoolExecutor(os.cpu_count() or 1, initializer=one_thread) as workers:
        return list(workers.map(work, given))
