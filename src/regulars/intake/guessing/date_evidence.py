"""What a sample says about a column being dates, and about the order of day and month.

The reading itself is that of `dates`, so that what `init` says is what a run will do. A column such as 03/04/2021 can
be day-first or month-first, and the wrong choice moves every purchase: it is never guessed, and a column without a
proof is called undecided.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from regulars.intake import dates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Order = Literal["", "day_first", "month_first", "undecided", "contradictory"]
Coding = Literal["", "typed", "text", "yyyymmdd", "excel", "seconds", "milliseconds"]

_LONGEST = 45
_PLAIN_NUMBER = re.compile(r"\d+([.,]\d+)?")
_TWO_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{2}(?:\d{2})?(?!\d)")


@dataclass(frozen=True)
class DateEvidence:
    """What the values of a column say about dates.

    Args:
        share: Share of the filled values that read as dates.
        coding: How they are written; numbers (`yyyymmdd`, `excel`, `seconds`, `milliseconds`) are dates only where the
            name agrees.
        order: Which part stands first; "" where that is no question.
        proof_count: Values that fit that order only (where contradictory: day-first only).
        against_count: Where contradictory: values that fit month-first only.
        formats: The formats that fit, as strptime writes them.
        evidence: What decided, in words.
        has_offset: Whether offsets from UTC were seen.
        example: One value as it stands.
    """

    share: float = 0.0
    coding: Coding = ""
    order: Order = ""
    proof_count: int = 0
    against_count: int = 0
    formats: tuple[str, ...] = ()
    evidence: str = ""
    has_offset: bool = False
    example: str = ""

    @property
    def words(self) -> str:
        """The evidence in a few words."""
        start = _CODED.get(self.coding, "dates")
        if self.example:
            start += f" like {self.example}"
        if self.order == "undecided":
            return f"{start}, day first or month first: the sample does not say"
        if self.order == "contradictory":
            return f"{start}, {self.proof_count:,} of them day first only and {self.against_count:,} month first only"
        if not self.order:
            return start
        values = "value" if self.proof_count == 1 else "values"
        proof = f"proven by {self.proof_count:,} {values}" if self.proof_count else self.evidence
        return f"{start}, {self.order.replace('_', ' ')} ({proof})"


_CODED = {
    "yyyymmdd": "numbers",
    "excel": "Excel day numbers",
    "seconds": "seconds since 1970",
    "milliseconds": "milliseconds since 1970",
}


def read_typed(values: Iterable[date]) -> DateEvidence:
    """The evidence of values that came as dates already.

    >>> read_typed([date(2024, 1, 31)]).coding
    'typed'
    """
    has_offset = any(isinstance(value, datetime) and value.tzinfo is not None for value in values)
    return DateEvidence(1.0, "typed", has_offset=has_offset)


def read_texts(values: Sequence[str]) -> DateEvidence:
    """The evidence of filled texts.

    >>> read_texts(["03/04/2021", "25/04/2021"]).words
    'dates like 03/04/2021, day first (proven by 1 value)'
    >>> read_texts(["03/04/2021", "05/04/2021"]).order, read_texts(["13/04/2021", "05/25/2021"]).order
    ('undecided', 'contradictory')
    """
    pairs = [(value, dates.shape_of(value)) for value in values if _may_be_date(value)]
    counts = Counter(shape for _, shape in pairs)
    if not counts:
        return DateEvidence()
    shapes = [_shape(shape, count, pairs) for shape, count in counts.most_common(50)]
    plan = dates.plan(shapes)
    read = sum(shape.rows for shape in shapes) - plan.unreadable
    if not read:
        return DateEvidence()
    starts = [(int(found[1]), int(found[2])) for value in values if (found := _TWO_FIRST.match(value))]
    day_first, month_first = sum(one > 12 for one, _ in starts), sum(two > 12 for _, two in starts)
    order: Order = plan.order if plan.order in ("day_first", "month_first") else ""
    if plan.ambiguous:
        order = "contradictory" if day_first and month_first else "undecided"
    return DateEvidence(
        share=read / len(values),
        coding="text",
        order=order,
        proof_count=month_first if order == "month_first" else day_first,
        against_count=month_first if order == "contradictory" else 0,
        formats=plan.formats,
        evidence=plan.evidence,
        has_offset=plan.has_offset,
        example=pairs[0][0][:40],
    )


def _may_be_date(value: str) -> bool:
    """Whether a text is worth a look: short, and no plain number."""
    return len(value) <= _LONGEST and value[0].isalnum() and not _PLAIN_NUMBER.fullmatch(value)


def _shape(shape: str, count: int, pairs: Sequence[tuple[str, str]]) -> dates.Shape:
    of_shape = [value for value, other in pairs if other == shape]
    starts = [(int(found[1]), int(found[2])) for value in of_shape if (found := _TWO_FIRST.match(value))]
    return dates.Shape(
        shape,
        count,
        min(of_shape),
        max((first for first, _ in starts), default=None),
        max((second for _, second in starts), default=None),
    )


def read_numbers(values: Sequence[float]) -> DateEvidence:
    """Which coding of dates numbers could be; they are dates only where the column's name agrees.

    >>> read_numbers([20210403, 20210405]).coding, read_numbers([1617443200, 1617529600]).coding
    ('yyyymmdd', 'seconds')
    >>> read_numbers([44289.5, 44290]).coding, read_numbers([3, 4]).coding
    ('excel', '')
    """
    codings: tuple[tuple[Coding, Callable[[float], bool]], ...] = (
        ("yyyymmdd", _is_yyyymmdd),
        ("milliseconds", lambda value: 1e12 <= value < 5e12),
        ("seconds", lambda value: 1e9 <= value < 5e9),
        ("excel", lambda value: 10_000 <= value < 75_000),
    )
    for coding, fits in codings:
        share = sum(map(fits, values)) / len(values) if values else 0.0
        if share >= 0.95:
            first = values[0]
            return DateEvidence(share, coding, example=f"{first:.0f}" if float(first).is_integer() else str(first))
    return DateEvidence()


def _is_yyyymmdd(value: float) -> bool:
    whole = int(value)
    if value != whole or not 19_000_101 <= whole <= 21_001_231:
        return False
    try:
        date(whole // 10000, whole // 100 % 100, whole % 100)
    except ValueError:
        return False
    return True
