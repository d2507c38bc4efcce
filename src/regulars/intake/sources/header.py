"""Whether the first row of a table has the names, by evidence; and names made unique.

A first row is a header where its cells differ in kind from the cells below them. Where nothing tells the two apart the
first row is taken for a header, and that is said.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from regulars.intake.sources.cells import is_typed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

RESERVED = frozenset({"_source", "_row", "_part", "_problem", "_path"})
"""Names that this program gives to columns of its own."""
_ENOUGH = 0.8


def has_header(rows: Sequence[Sequence[str]], width: int) -> tuple[bool, str]:
    """Whether the first row has the names, and the evidence in words ("" where there is no doubt).

    >>> has_header([["id", "paid"], ["1", "2.50"], ["2", "3.00"]], 2)
    (True, '')
    >>> has_header([["1", "2.50"], ["2", "3.00"]], 2)
    (False, 'the first row is read as data: it has a number or a date where the rows below have one')
    """
    first, body = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if len(row) == width]
    if not any(first):
        return False, "the first row is read as data: it is empty"
    if not body:
        typed = any(map(is_typed, first))
        return not typed, "the only row is read as data: it has a number or a date" if typed else ""
    names = unequal = 0
    for place, cell in enumerate(first[:width]):
        below = [row[place].strip() for row in body if row[place].strip()]
        if not below or not cell:
            continue
        verdict = _verdict(cell, below)
        names += verdict > 0
        unequal += verdict < 0
    if names > unequal:
        return True, ""
    if unequal > names:
        return False, "the first row is read as data: it has a number or a date where the rows below have one"
    repeats = _recurs(first, body, width)
    if repeats or len(set(first)) < len(first):
        return False, "the first row is read as data: its cells occur again in the rows below"
    return True, "the first row is read as the names, though nothing tells it from the rows below"


def _verdict(cell: str, below: Sequence[str]) -> int:
    """1 where a cell is of another kind than those below it, -1 where it is of the same telling kind, else 0."""
    typed = sum(map(is_typed, below)) >= _ENOUGH * len(below)
    if typed:
        return -1 if is_typed(cell) else 1
    lengths = Counter(map(len, below))
    length, same = lengths.most_common(1)[0]
    with_digit = sum(any(map(str.isdigit, text)) for text in below) >= _ENOUGH * len(below)
    has_digit = any(map(str.isdigit, cell))
    if with_digit and same >= _ENOUGH * len(below) and length > 2:  # codes of one length
        return -1 if has_digit and len(cell) == length else 1
    if with_digit:
        return 0 if has_digit else 1
    return 0


def _recurs(first: Sequence[str], body: Sequence[Sequence[str]], width: int) -> bool:
    return any(cell and any(row[place].strip() == cell for row in body) for place, cell in enumerate(first[:width]))


def unique_names(given: Sequence[str], width: int) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Names for so many columns, unique without regard to case, and the (given, new) pairs of those that changed.

    A missing name becomes `column_3`; a repeated one, or one that this program needs, gets `_2`, `_3`, …

    >>> unique_names(["id", "ID", ""], 3)
    (('id', 'ID_2', 'column_3'), (('ID', 'ID_2'), ('', 'column_3')))
    """
    wanted = [name.replace("\ufeff", "").strip() for name in given]
    wanted += [""] * (width - len(wanted))
    names: list[str] = []
    taken = set(RESERVED)
    later = {name.casefold() for name in wanted if name}
    for place, name in enumerate(wanted, start=1):
        names.append(free_name(name, place, taken, later))
    changed = tuple((old, new) for old, new in zip(wanted, names, strict=True) if old != new) if given else ()
    return tuple(names), changed


def free_name(name: str, place: int, taken: set[str], others: Collection[str] = ()) -> str:
    """A name that is not taken, and, where it has to be another than the one given, is none of the others either.

    Args:
        name: The name given, or "".
        place: Number of the column, for a column without a name.
        taken: Names in lower case; the new one is added.
        others: Names in lower case that other columns have been given.
    """
    base = name or f"column_{place}"
    new, number = base, 2
    while new.casefold() in taken or (new != name and new.casefold() in others):
        new, number = f"{base}_{number}", number + 1
    taken.add(new.casefold())
    return new
