"""A table held in memory as small codes, so that adding it up under filters takes about a millisecond.

Each column is an array of one- or two-byte codes into its sorted values. A condition is first decided once for each
value, then for all rows by comparing codes with the few ranges of codes that fulfil it. Groups are counted by their
codes, and distinct people in a bitmap, for which the rows of one person must lie together.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.core.questions import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from regulars.core.questions import Test

MOST_VALUES = 60_000
"""Different values of a column at most, so that a code fits into two bytes."""
_PEOPLE_AT_ONCE = 1 << 16
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "month": lambda day: day.replace(day=1),
    "weekday": lambda day: day.isoweekday(),
}


@dataclass(frozen=True)
class CodedColumn:
    """A column as codes.

    Args:
        codes: One code per row.
        values: The value of each code, ascending; a missing one is `None` and the last.
    """

    codes: np.ndarray
    values: tuple[Any, ...]

    @property
    def known(self) -> int:
        """How many codes stand for a value that is not missing."""
        return len(self.values) - (self.values[-1:] == (None,))

    def fulfilling(self, test: Condition) -> np.ndarray:
        """For each code whether its value fulfils a condition, as SQL decides it: a missing value hardly ever does."""
        known, found = self.known, np.zeros(len(self.values), dtype=bool)
        if test.operator == "unknown":
            found[known:] = True
        elif test.operator in ("is", "is not"):
            asked = set(test.values)
            found[:known] = [value in asked for value in self.values[:known]]
            if test.operator == "is not":
                found = ~found
        else:
            low, high = 0, known
            if test.operator in ("at least", "between"):
                low = bisect_left(self.values, test.values[0], hi=known)
            if test.operator in ("at most", "between"):
                high = bisect_right(self.values, test.values[-1], hi=known)
            found[low:high] = True
        return found

    def rows(self, fulfilling: np.ndarray) -> np.ndarray:
        """For each row whether its code is among the fulfilling ones."""
        bounded = np.concatenate(([False], fulfilling, [False]))
        edges = np.flatnonzero(bounded[1:] != bounded[:-1]).tolist()
        found = np.zeros(len(self.codes), dtype=bool)
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            found |= (self.codes >= low) & (self.codes < high) if high - low > 1 else self.codes == low
        return found

    def by(self, group: Callable[[Any], Any]) -> Grouping:
        """The rows grouped by what a function makes of the values."""
        made = [None if value is None else group(value) for value in self.values]
        values = sorted({value for value in made if value is not None}) + [None] * (None in made)
        places = {value: place for place, value in enumerate(values)}
        return Grouping(self.codes, np.array([places[value] for value in made], dtype=np.intp), tuple(values))


@dataclass(frozen=True)
class Grouping:
    """Rows in groups: a code per row, the group of each code, and the value of each group, ascending."""

    codes: np.ndarray
    group_of: np.ndarray
    values: tuple[Any, ...]

    def of(self, rows: np.ndarray | slice) -> np.ndarray:
        """The group of each of these rows."""
        found: np.ndarray = self.group_of[self.codes[rows]]
        return found


class CodedTable:
    """A table of coded columns.

    Args:
        size: Its rows.
        columns: What conditions and groups may name.
        sums: What can be added up; NaN where a value is missing.
        people: The distinct column and, for each row, the number of its person; ascending from 0.
    """

    def __init__(
        self,
        size: int,
        columns: Mapping[str, CodedColumn],
        sums: Mapping[str, np.ndarray],
        people: tuple[str, np.ndarray] | None = None,
    ) -> None:
        self._size = size
        self._columns = columns
        self._sums = sums
        self._gaps = {name for name, values in sums.items() if np.isnan(values).any()}
        self._groupings = {name: column.by(lambda value: value) for name, column in columns.items()}
        for name, column in columns.items():
            if isinstance(column.values[0], date):
                self._groupings |= {f"{word}({name})": column.by(function) for word, function in _FUNCTIONS.items()}
        self._people_name, self._people = people or ("", np.zeros(0, dtype=np.int32))

    def answers(self, where: Sequence[Test], by: Sequence[str], sums: Sequence[str], distinct: Sequence[str]) -> bool:
        """Whether a question is one that the codes can answer."""
        return (
            len(by) <= 1
            and all(self._decides(test) for test in where)
            and all(name in self._groupings for name in by)
            and all(name in self._sums for name in sums)
            and all(name == self._people_name for name in distinct)
        )

    def _decides(self, test: Test) -> bool:
        """Whether a test is a plain condition with values of the kind that the column has."""
        if not isinstance(test, Condition) or test.column not in self._columns:
            return False
        column = self._columns[test.column]
        return all(type(value) is type(column.values[0]) for value in test.values) if column.known else True

    def totals(
        self, where: Sequence[Test], by: Sequence[str], sums: Sequence[str], distinct: Sequence[str]
    ) -> pa.Table:
        """One row per group that has rows; see `Reader.totals`."""
        import pyarrow as pa

        rows = self._rows(where)
        values: Sequence[Any] = (None,)
        groups = np.zeros(self._count(rows), dtype=np.intp)
        if by:
            grouping = self._groupings[by[0]]
            groups, values = grouping.of(rows), grouping.values
        counts = np.bincount(groups, minlength=len(values)) if by else np.array([len(groups)])
        kept = np.flatnonzero(counts) if by else np.arange(1)
        found = {by[0]: pa.array([values[place] for place in kept.tolist()])} if by else {}
        found["rows"] = pa.array(counts[kept], pa.int64())
        for name in sums:
            added, known = _added(self._sums[name][rows], groups, len(values), has_gaps=name in self._gaps)
            empty = (counts if known is None else known)[kept] == 0
            found[name] = pa.array(added[kept], pa.float64(), mask=empty)
        for name in distinct:
            people = _distinct(self._people[rows], groups, len(values))
            found[f"distinct_{name}"] = pa.array(people[kept], pa.int64())
        return pa.table(found)

    def _rows(self, where: Sequence[Test]) -> np.ndarray | slice:
        """The places of the rows that fulfil everything."""
        fulfilled: np.ndarray | None = None
        for test in where:
            assert isinstance(test, Condition)  # noqa: S101  asked for only where the codes can answer
            column = self._columns[test.column]
            values = column.fulfilling(test)
            if not values.all():
                rows = column.rows(values)
                fulfilled = rows if fulfilled is None else fulfilled & rows
        return slice(None) if fulfilled is None else np.flatnonzero(fulfilled)

    def _count(self, rows: np.ndarray | slice) -> int:
        return len(rows) if isinstance(rows, np.ndarray) else self._size


def coded(
    size: int,
    values: Mapping[str, pa.Array],
    sums: Sequence[str],
    people: str,
    batches: Iterable[pa.RecordBatch],
) -> CodedTable:
    """A table as codes, read batch by batch, so that no more of it than a batch is ever there as it was.

    Args:
        size: Its rows.
        values: Column → its different values, ascending, a missing one last; at most `MOST_VALUES`.
        sums: Columns of numbers.
        people: The column whose distinct values are counted and by which the rows are ordered, or "".
        batches: The rows, with all these columns.
    """
    import pyarrow.compute as pc

    codes = {
        name: np.empty(size, dtype=np.uint8 if len(found) <= 1 << 8 else np.uint16) for name, found in values.items()
    }
    added = {name: np.empty(size, dtype=np.float64) for name in sums}
    numbers = np.empty(size if people else 0, dtype=np.int32)
    place, last, number = 0, None, -1
    for batch in batches:
        there = slice(place, place + batch.num_rows)
        place = there.stop
        for name, array in codes.items():
            array[there] = pc.index_in(batch.column(name), value_set=values[name]).to_numpy(zero_copy_only=False)
        for name, array in added.items():
            array[there] = batch.column(name).to_numpy(zero_copy_only=False)
        if people:
            keys = batch.column(people).to_numpy(zero_copy_only=False)
            numbers[there] = number + np.cumsum(np.diff(keys, prepend=keys[0]) != 0) + (keys[0] != last)
            last, number = keys[-1], int(numbers[place - 1])
    columns = {name: CodedColumn(array, tuple(values[name].to_pylist())) for name, array in codes.items()}
    return CodedTable(size, columns, added, (people, numbers) if people else None)


def _added(
    values: np.ndarray, groups: np.ndarray, size: int, *, has_gaps: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """The sum of each group, and where values may be missing how many of it are not."""
    if not has_gaps:
        return np.bincount(groups, values, size), None
    there = ~np.isnan(values)
    return np.bincount(groups[there], values[there], size), np.bincount(groups[there], minlength=size)


def _distinct(people: np.ndarray, groups: np.ndarray, size: int) -> np.ndarray:
    """The distinct people of each group; the rows of one person lie together.

    They are counted in a bitmap of people and groups, so many people at a time, which bounds its memory.
    """
    is_new = np.ones(len(people), dtype=bool)
    np.not_equal(people[1:], people[:-1], out=is_new[1:])
    if size <= 1:
        return np.full(size, np.count_nonzero(is_new))
    found = np.zeros(size, dtype=np.int64)
    numbers = np.cumsum(is_new, dtype=np.intp) - 1
    count = int(numbers[-1]) + 1 if len(numbers) else 0
    edges = np.searchsorted(numbers, [*range(0, count, _PEOPLE_AT_ONCE), count])
    for low, high in pairwise(edges):
        width = int(numbers[high - 1] - numbers[low]) + 1
        seen = np.zeros(size * width, dtype=bool)
        seen[groups[low:high] * width + (numbers[low:high] - numbers[low])] = True
        found += np.count_nonzero(seen.reshape(size, width), axis=1)
    return found
