"""The members of the world `health`: when they joined, who brought them, and of which kind they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from regulars.demo.draws import ChoiceTable, random_stream
from regulars.demo.health import plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

NOBODY = -1
_TREE, _PROFILE = 201, 202  # streams of random numbers


@dataclass(frozen=True)
class Members:
    """All members, in the order in which they joined.

    Attributes:
        joined: Day of joining, counted from the first day of the world.
        sponsor: Number of the sponsor; `NOBODY` for those nobody brought.
        is_star: Whether the member is a planted star.
        kind: Place in `plan.KINDS`.
        centre: Place in `plan.CENTRES`.
    """

    joined: Integers
    sponsor: Integers
    is_star: NDArray[np.bool_]
    kind: Integers
    centre: Integers

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.joined.size)


def day_count() -> int:
    """Days of the world."""
    return int((np.datetime64(plan.LAST_DAY) - np.datetime64(plan.FIRST_DAY)).astype(np.int64)) + 1


def draw_members(count: int, seed: int) -> Members:
    """So many members, about 20 bytes each in memory; a sponsor joined before whom he or she brought."""
    rng = random_stream(seed, _TREE)
    joined = np.sort(rng.integers(0, day_count() - 30, count))
    is_star = rng.random(count) < plan.STAR_SHARE
    is_star[: max(count // 1000, 1)] = True  # somebody has to begin
    earlier = np.searchsorted(joined, joined, side="left")  # members who joined on an earlier day
    stars = np.flatnonzero(is_star)
    ready = np.searchsorted(stars, earlier, side="left")
    by_star = (rng.random(count) < plan.BY_STAR_SHARE) & (ready > 0)
    anybody = (rng.random(count) * earlier).astype(np.int64)
    star = stars[(rng.random(count) * np.maximum(ready, 1)).astype(np.int64).clip(0, stars.size - 1)]
    brought = (rng.random(count) < plan.SPONSORED_SHARE) & (earlier > 0)
    sponsor = np.where(brought, np.where(by_star, star, anybody), NOBODY)
    kind = ChoiceTable.of(np.array([one.share for one in plan.KINDS])).draw_many(count, rng)
    centre = ChoiceTable.of(np.array(plan.CENTRE_SHARES)).draw_many(count, rng)
    return Members(joined, sponsor, is_star, kind, centre)


def member_ids(numbers: Integers) -> Any:
    """The ids as the company writes them: MB0000001."""
    return pa.array([f"MB{number + 1:07d}" for number in numbers.tolist()])


def member_table(members: Members, start: int, stop: int, seed: int, block: int) -> pa.Table:
    """The rows of some members; nobody's sponsor is the text "null" as often as it is empty."""
    rng = random_stream(seed, _PROFILE, block)
    chosen = slice(start, stop)
    sponsor, size = members.sponsor[chosen], stop - start
    names = np.array(member_ids(np.maximum(sponsor, 0)).to_pylist(), dtype=object)
    names[sponsor == NOBODY] = np.where(rng.random(int((sponsor == NOBODY).sum())) < 0.5, "null", "")
    birth_year = np.clip(np.round(rng.normal(1976, 13, size)), 1930, 2003).astype(np.int64)
    return pa.table(
        {
            "member_id": member_ids(np.arange(start, stop)),
            "sponsor_id": pa.array(names.tolist(), pa.string()),
            "joined": np.datetime64(plan.FIRST_DAY) + members.joined[chosen],
            "gender": pa.array(["F", "M", None]).take(
                pa.array(ChoiceTable.of(np.array([0.64, 0.31, 0.05])).draw_many(size, rng))
            ),
            "birth_year": birth_year,
            "centre": pa.array(plan.CENTRES).take(pa.array(members.centre[chosen])),
        }
    )


def truth_table(members: Members, start: int, stop: int) -> pa.Table:
    """What was planted of some members."""
    chosen = slice(start, stop)
    kinds = pa.array([one.name for one in plan.KINDS])
    return pa.table(
        {
            "member_id": member_ids(np.arange(start, stop)),
            "is_star": members.is_star[chosen],
            "kind": kinds.take(pa.array(members.kind[chosen])),
        }
    )
