"""Dates as people write them: the shapes found in a column become formats, never by a silent guess.

The engine groups a column's values by shape (every digit a 9, every word of letters `aaa` or `aaaa`) and tells how
large the first and the second number get. From that alone the formats follow; where a column could be day-first or
month-first and nothing in it decides, it is left undecided and the user is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.config import DateOrder

Numeric = Literal["excel", "seconds", "milliseconds"]
"""Dates written as one number: days since 1899-12-30, seconds or milliseconds since 1970."""


@dataclass(frozen=True)
class Shape:
    """Values of one shape in a column: how many, an example, and the largest first and second number."""

    shape: str
    rows: int
    example: str
    largest_first: int | None = None
    largest_second: int | None = None


@dataclass(frozen=True)
class DatePlan:
    """How a column of dates is read.

    Args:
        formats: strptime formats, tried in order.
        numeric: Kinds of dates written as one number, by how many digits they have before the point.
        has_offset: Whether some values carry an offset from UTC.
        unreadable: Rows whose shape is no date.
        order: Day-first or month-first, where it mattered.
        evidence: What decided, in words.
        ambiguous: Rows that need `date_order` to be said; the plan is not usable while there are any.
    """

    formats: tuple[str, ...]
    numeric: tuple[tuple[int, Numeric], ...] = ()
    has_offset: bool = False
    unreadable: int = 0
    order: DateOrder = ""
    evidence: str = ""
    ambiguous: int = 0


_TIME = (
    r"(?:[ T]+(?P<time>9{1,2}:99(?::99(?P<fraction>[.,]9+)?)?)(?P<half> ?[ap]m)?)?"
    r"(?P<offset> ?(?:[zZ]|aaa|[+-]99(?::?99)?))?"  # aaa: UTC or GMT
)
_YEAR_FIRST = re.compile(r"9999(?P<sep>[-/. ])9{1,2}(?P=sep)9{1,2}" + _TIME)
_TWO_FIRST = re.compile(r"9{1,2}(?P<sep>[-/. ])9{1,2}(?P=sep)(?P<year>9999|99)" + _TIME)
_NAMED = re.compile(r"9{1,2}(?P<sep>[-/. ])(?P<month>a{3,4})(?P=sep)(?P<year>9999|99)" + _TIME)
_NAMED_FIRST = re.compile(r"(?P<month>a{3,4}) 9{1,2}(?P<comma>,?) (?P<year>9999|99)" + _TIME)
_MONTH_WORDS = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}


SHAPE_STEPS = (
    (r"[0-9]", "9"),
    (r"(?i)a\.?m\.?$", "am"),
    (r"(?i)p\.?m\.?$", "pm"),
    (r"[A-Za-z]{4,}", "aaaa"),
    (r"[A-Za-z]{3}", "aaa"),
)
"""Replacements, in order, that turn a value into its shape; the engine makes the same ones."""


def shape_of(text: str) -> str:
    """The shape of one value.

    >>> shape_of("12/1/10 8:26"), shape_of("3 March 2024 5:00 p.m."), shape_of("2024-05-01T05:17:31Z")
    ('99/9/99 9:99', '9 aaaa 9999 9:99 pm', '9999-99-99T99:99:99Z')
    """
    for pattern, replacement in SHAPE_STEPS:
        text = re.sub(pattern, replacement, text)
    return text


def plan(shapes: Sequence[Shape], order: DateOrder = "", formats: Sequence[str] = ()) -> DatePlan:
    """How to read a column, from its shapes.

    Args:
        shapes: The shapes found, with their counts.
        order: What the user said about day and month; "" where nothing.
        formats: Formats that the user gave; then the shapes are not looked at.

    >>> plan([Shape("99/9/99 9:99", 10, "12/1/10 8:26", 12, 31)]).formats
    ('%m/%d/%y %H:%M',)
    >>> plan([Shape("99/99/9999", 10, "04/09/2012", 12, 12)]).ambiguous
    10
    """
    if formats:
        return DatePlan(
            tuple(formats), has_offset=any("%z" in one for one in formats), evidence="formats given in the settings"
        )
    chosen, evidence, undecided = _decide(shapes, order)
    read: list[str] = []
    numeric: list[tuple[int, Numeric]] = []
    unreadable, ambiguous, has_offset = 0, 0, False
    for shape in shapes:
        number = _as_number(shape)
        if number:
            numeric.append(number)
            continue
        found = _format(shape, chosen)
        if found is None:
            unreadable += shape.rows
        elif found == "":
            ambiguous += shape.rows
        else:
            read.append(found)
            has_offset = has_offset or bool(_offset(shape.shape))
    read.sort(key=lambda one: "%Y" in one)  # %Y reads "21" as the year 21, so formats with %y come first
    return DatePlan(
        tuple(dict.fromkeys(read)),
        tuple(dict.fromkeys(numeric)),
        has_offset,
        unreadable,
        chosen,
        evidence,
        ambiguous if undecided else 0,
    )


def _decide(shapes: Sequence[Shape], order: DateOrder) -> tuple[DateOrder, str, bool]:
    """Day-first or month-first: what the user said, else what the numbers prove, else nothing."""
    mixed = [shape for shape in shapes if _TWO_FIRST.fullmatch(shape.shape)]
    if not mixed:
        return "", "", False
    if order:
        return order, f"date_order = {order!r} is set", False
    day_first = sum(shape.rows for shape in mixed if (shape.largest_first or 0) > 12)
    month_first = sum(shape.rows for shape in mixed if (shape.largest_second or 0) > 12)
    highest_first = max(shape.largest_first or 0 for shape in mixed)
    highest_second = max(shape.largest_second or 0 for shape in mixed)
    if day_first and not month_first:
        return (
            "day_first",
            f"the first number goes up to {highest_first}, the second never above 12",
            False,
        )
    if month_first and not day_first:
        return (
            "month_first",
            f"the second number goes up to {highest_second}, the first never above 12",
            False,
        )
    if not day_first and all("." in shape.shape.split(" ")[0] for shape in mixed):
        return "day_first", "dates with dots are day-first by convention", False
    why = "both numbers go above 12 in some rows" if day_first else "neither number goes above 12 in any row"
    return "", why, True


def _format(shape: Shape, order: DateOrder) -> str | None:
    """The strptime format of a shape; "" where it needs an order that is not known, None where it is no date."""
    text = shape.shape
    if re.fullmatch(r"9{8}", text):
        return _eight_digits(shape)
    if re.fullmatch(r"9{6}", text) and "190001" <= shape.example <= "210012":
        return "%Y%m"
    if match := _YEAR_FIRST.fullmatch(text):
        sep = match["sep"]
        return f"%Y{sep}%m{sep}%d" + _clock(match, text)
    if match := _TWO_FIRST.fullmatch(text):
        year = "%Y" if len(match["year"]) == 4 else "%y"
        sep = match["sep"]
        days = {
            "day_first": f"%d{sep}%m{sep}{year}",
            "month_first": f"%m{sep}%d{sep}{year}",
            "year_first": f"%y{sep}%m{sep}%d",
        }
        return days[order] + _clock(match, text) if order else ""
    if match := _NAMED.fullmatch(text):
        if not _has_month(shape.example):
            return None
        sep = match["sep"]
        return f"%d{sep}{_month(match)}{sep}{'%Y' if len(match['year']) == 4 else '%y'}" + _clock(match, text)
    if match := _NAMED_FIRST.fullmatch(text):
        if not _has_month(shape.example):
            return None
        return f"{_month(match)} %d{match['comma']} {'%Y' if len(match['year']) == 4 else '%y'}" + _clock(match, text)
    return None


def _eight_digits(shape: Shape) -> str | None:
    if "19000101" <= shape.example <= "21001231":
        return "%Y%m%d"
    return "%d%m%Y" if "1900" <= shape.example[4:] <= "2100" else None


def _as_number(shape: Shape) -> tuple[int, Numeric] | None:
    """A date written as one number, by its digits before the point."""
    match = re.fullmatch(r"(9+)(?:[.,]9+)?", shape.shape)
    if not match:
        return None
    digits = len(match[1])
    kinds: dict[int, Numeric] = {5: "excel", 10: "seconds", 13: "milliseconds"}
    return (digits, kinds[digits]) if digits in kinds else None


def _has_month(example: str) -> bool:
    return any(word[:3].lower() in _MONTH_WORDS for word in re.findall(r"[A-Za-z]{3,}", example))


def _month(match: re.Match[str]) -> str:
    return "%b" if match["month"] == "aaa" else "%B"


def _clock(match: re.Match[str], text: str) -> str:
    """The format of the time of day; the offset is taken off before parsing."""
    clock = match["time"]
    if clock is None:
        return ""
    gap = "T" if "T" in text[: match.start("time")] else " "
    hour = "%I" if match["half"] else "%H"
    parts = f"{hour}:%M" + (":%S" if clock.count(":") == 2 else "") + (".%f" if match["fraction"] else "")
    half = match["half"]
    return gap + parts + ("" if half is None else " %p" if half.startswith(" ") else "%p")


def _offset(shape: str) -> str:
    for pattern in (_YEAR_FIRST, _TWO_FIRST, _NAMED, _NAMED_FIRST):
        if match := pattern.fullmatch(shape):
            return match["offset"] or ""
    return ""
