"""Dates as people write them: the shapes found in a column become formats, never by a silent guess.

The engine groups a column's texts by their digits alone and tells how many rows have a first or a second number that
can only be a day. From that the formats follow; where a column could be day-first or month-first and nothing in it
decides, or it contradicts itself, it is left undecided and the user is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from regulars.core.units import write_count
from regulars.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.config import DateOrder

Numeric = Literal["excel", "seconds", "milliseconds", "microseconds"]
"""Dates written as one number: days since 1899-12-30, or time since 1970."""


@dataclass(frozen=True)
class Shape:
    """Texts of one shape in a column.

    Args:
        shape: The shape, as `shape_of` has it.
        rows: How many rows have it.
        example: One text; the least, where they are sorted.
        largest_first: The largest first number, where it has one or two digits.
        largest_second: The largest second number, likewise.
        proof: Rows whose first number can only be a day (13 to 31), whose second can, and whose first can only be a
            year; where it is not given, the largest numbers tell.
        last: The greatest text.
    """

    shape: str
    rows: int
    example: str
    largest_first: int | None = None
    largest_second: int | None = None
    proof: tuple[int, int, int] | None = None
    last: str = ""

    @property
    def proven(self) -> tuple[int, int, int]:
        """Rows that can only be day-first, month-first, and year-first."""
        if self.proof is not None:
            return self.proof
        first, second = self.largest_first or 0, self.largest_second or 0
        return self.rows * (12 < first <= 31), self.rows * (12 < second <= 31), self.rows * (first > 31)


@dataclass(frozen=True)
class Reading:
    """One way to read a text.

    Args:
        strptime: The format of the text without a numeric offset.
        is_utc: The format ends in Z, UTC or GMT.
        offset_length: Characters of the numeric offset at the end; 0 where there is none.
        length: Characters of the whole text, where nothing between its digits tells day, month and year apart.
    """

    strptime: str
    is_utc: bool = False
    offset_length: int = 0
    length: int = 0


@dataclass(frozen=True)
class DatePlan:
    """How a column of dates is read.

    Args:
        readings: What is tried, in order.
        numeric: Kinds of dates written as one number, by how many digits they have before the point.
        is_plain: Every text is an ISO date or instant without an offset, which the engine reads as it stands.
        rewrites: What is replaced before a text is read, as (pattern, replacement).
        unreadable: Rows whose shape is no date.
        order: Day-first or month-first, where it mattered; that of most rows where separators differ in it.
        evidence: What decided, in words.
        ambiguous: Rows that need `date_order` to be said; the plan is not usable while there are any.
        example: One of these.
    """

    readings: tuple[Reading, ...] = ()
    numeric: tuple[tuple[int, Numeric], ...] = ()
    is_plain: bool = False
    rewrites: tuple[tuple[str, str], ...] = ()
    unreadable: int = 0
    order: DateOrder = ""
    evidence: str = ""
    ambiguous: int = 0
    example: str = ""

    @property
    def formats(self) -> tuple[str, ...]:
        """The strptime formats, in order."""
        return tuple(dict.fromkeys(one.strptime for one in self.readings))

    @property
    def has_offset(self) -> bool:
        """Whether some texts carry an offset from UTC."""
        return any(one.is_utc or one.offset_length for one in self.readings)

    @property
    def has_short_year(self) -> bool:
        """Whether some years have two digits, which are read as 1969 to 2068."""
        return any("%y" in one.strptime for one in self.readings)


PLAIN = DatePlan(is_plain=True)
ISO = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?$"
"""The texts that `PLAIN` is for."""

_TIME = (
    r"(?:(?P<gap>T|,? +)(?P<clock>9{1,2}:99(?::99(?P<fraction>[.,]9{1,9})?)?|9{6}|9999)(?P<half> ?[ap]m)?)?"
    r"(?P<offset> ?(?:[zZ]|aaa|[+-]99(?::?99)?))?$"  # aaa: UTC or GMT
)
_DAY_NAME = r"^(?P<weekday>a{3,4}[.,]* +)?"
_YEAR = r"(?P<year>9999|99)"
_THEN = r"(?P<then>[-/., ]{1,2})"
_YEAR_FIRST = re.compile(r"^9999(?P<sep>[-/. ])(?:9{1,2}|(?P<month>a{3,4}))(?P=sep)9{1,2}" + _TIME)
_TIGHT_YEAR_FIRST = re.compile(r"^9{8}" + _TIME)
_TWO_FIRST = re.compile(_DAY_NAME + r"9{1,2}(?P<sep>[-/. ])9{1,2}(?P=sep)" + _YEAR + _TIME)
_TIGHT_TWO_FIRST = re.compile(r"^(?P<weekday>)9999(?P<sep>)" + _YEAR + _TIME)
_NAMED = re.compile(_DAY_NAME + r"9{1,2}(?P<sep>[-/. ]{1,2})(?P<month>a{3,4})" + _THEN + _YEAR + _TIME)
_NAMED_FIRST = re.compile(_DAY_NAME + r"(?P<month>a{3,4})(?P<sep>[-/. ]{1,2})9{1,2}" + _THEN + _YEAR + _TIME)
_MONTH_ONLY = re.compile(r"9999(?P<sep>[-/.])99")
_STAMPS = {6: "%Y%m", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_NUMERIC: dict[int, Numeric] = {5: "excel", 10: "seconds", 13: "milliseconds", 16: "microseconds"}
_WORDS = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "utc", "gmt",
})  # fmt: skip
_SPECIFIERS = frozenset("aAbBdHIjmMpSyYfz%")
_REWRITES = (
    (r"(?i)([ap])\.m\b\.?", r"\1m"),  # a.m., p.m.
    (r"([.,][0-9]{6})[0-9]+", r"\1"),  # parts of a second beyond a millionth
)

SHAPE_STEPS = (
    (r"[0-9]", "9"),
    (r"(?i)a\.?m\b\.?", "am"),
    (r"(?i)p\.?m\b\.?", "pm"),
    (r"[A-Za-z]{4,}", "aaaa"),
    (r"[A-Za-z]{3}", "aaa"),
)
"""Replacements, in order, that turn a text into its shape."""


def shape_of(text: str) -> str:
    """The shape of one text.

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
        formats: Formats that the user gave; then the shapes are asked for offsets only.

    Raises:
        SettingsError: A format is not understood.

    >>> plan([Shape("99/9/99 9:99", 10, "12/1/10 8:26", 12, 31)]).formats
    ('%m/%d/%y %H:%M',)
    >>> plan([Shape("99/99/9999", 10, "04/09/2012", 12, 12)]).ambiguous
    10
    """
    if formats:
        return _given(shapes, formats)
    orders, evidence = _decide(shapes, order)
    readings: list[Reading] = []
    numeric: list[tuple[int, Numeric]] = []
    undecided: list[Shape] = []
    unreadable = months = 0
    for shape in shapes:
        number, open_group = _as_number(shape), _group(shape)
        if number:
            numeric.append(number)
        elif open_group and open_group not in orders:
            undecided.append(shape)
        elif found := _reading(shape, orders):
            readings.append(found)
            months += shape.rows * ("%d" not in found.strptime)
        else:
            unreadable += shape.rows
    readings.sort(key=lambda one: "%Y" in one.strptime)  # %Y reads "21" as the year 21, so formats with %y come first
    asked = max(undecided, key=lambda shape: shape.rows, default=None)
    return DatePlan(
        readings=tuple(dict.fromkeys(readings)),
        numeric=tuple(dict.fromkeys(numeric)),
        rewrites=tuple(one for one in _REWRITES if any(re.search(one[0], shape.example) for shape in shapes)),
        unreadable=unreadable,
        order=next(iter(orders.values()), ""),
        evidence="; ".join(one for one in (evidence, _assumed(readings, months)) if one),
        ambiguous=sum(shape.rows for shape in undecided),
        example=asked.example if asked else "",
    )


def _assumed(readings: Sequence[Reading], months: int) -> str:
    """What is read into dates that do not say it."""
    told = []
    if any("%y" in one.strptime for one in readings):
        told.append("years of two digits are read as 1969 to 2068")
    if months:
        told.append(f"{write_count(months, 'rows')} with a month and no day, read as its first day")
    return "; ".join(told)


def _given(shapes: Sequence[Shape], formats: Sequence[str]) -> DatePlan:
    """The formats of the settings; how long an offset (%z) is written is seen in the column."""
    found = {offset[0] for shape in shapes if (offset := re.search(r" ?[+-]99(?::?99)?$", shape.shape))}
    readings: list[Reading] = []
    for one in formats:
        unknown = set(re.findall(r"%-?(.?)", one)) - _SPECIFIERS
        bare = one.removesuffix("%z")
        if unknown or "%z" in bare:
            raise SettingsError(
                f"the date format {one!r} is not understood",
                mend="write it as strptime does, as in %d.%m.%Y %H:%M, an offset (%z) last",
            )
        if bare == one:
            readings.append(Reading(one))
            continue
        readings += [Reading(f"{bare.rstrip()}{mark}", is_utc=True) for mark in ("Z", " Z", "UTC", " UTC", " GMT")]
        readings += [Reading(bare.rstrip(), offset_length=len(offset)) for offset in sorted(found)]
    return DatePlan(tuple(readings), evidence="formats given in the settings")


# -- day-first or month-first -----------------------------------------------------------------------

_Group = tuple[str, str]
"""Dates that begin with two short numbers: their separator and their year's shape. One group has one order."""


def _group(shape: Shape) -> _Group | None:
    match = _two_first(shape)
    return (match["sep"], match["year"]) if match else None


def _two_first(shape: Shape) -> re.Match[str] | None:
    """A date that begins with two short numbers, whose order the shape alone does not tell."""
    match = _TWO_FIRST.search(shape.shape) or (not _is_stamp(shape) and _TIGHT_TWO_FIRST.search(shape.shape))
    return match if match and _has_known_words(shape) else None


def _decide(shapes: Sequence[Shape], said: DateOrder) -> tuple[dict[_Group, DateOrder], str]:
    """The order of each group that has one, and what decided, in words.

    What the user said comes first, then what the numbers of a group prove; a group without any proof follows the
    others, where these agree, and dates with dots are day-first by convention.
    """
    groups: dict[_Group, list[Shape]] = {}
    for shape in sorted(shapes, key=lambda shape: -shape.rows):
        if group := _group(shape):
            groups.setdefault(group, []).append(shape)
    orders: dict[_Group, DateOrder] = {}
    words: list[str] = []
    for group, mixed in groups.items():
        order, why = said, f"date_order = {said!r} is set"
        if not said or (said == "year_first" and group[1] == "9999"):
            order, why = _proven(mixed, has_short_year=group[1] == "99")
        words.append(why)
        if order:
            orders[group] = order
    agreed = set(orders.values())
    for group, mixed in groups.items():
        if group in orders or any(sum(shape.proven[:2]) for shape in mixed):
            continue
        if group[0] == ".":
            orders[group] = "day_first"
            words.append("dates with dots are day-first by convention")
        elif len(agreed) == 1:
            orders[group] = next(iter(agreed))
            words.append("the others are read as these")
    return orders, "; ".join(dict.fromkeys(words))


def _proven(mixed: Sequence[Shape], *, has_short_year: bool) -> tuple[DateOrder, str]:
    """The order that the numbers of a group prove, and the evidence in words."""
    day_first, month_first, year_first = (sum(rows) for rows in zip(*(shape.proven for shape in mixed), strict=True))
    if has_short_year and year_first > day_first:
        return "year_first", f"in {write_count(year_first, 'rows')} the first number is above 31"
    if day_first and month_first:
        return "", f"{write_count(day_first, 'rows')} can only be day-first and {month_first:,} only month-first"
    if day_first:
        return "day_first", f"in {write_count(day_first, 'rows')} the first number is above 12, in none the second"
    if month_first:
        return "month_first", f"in {write_count(month_first, 'rows')} the second number is above 12, in none the first"
    return "", "neither number is above 12 in any row"


# -- from shapes to formats -------------------------------------------------------------------------


def _is_stamp(shape: Shape) -> bool:
    """Whether the digits begin with a year and a month, as in 20240131 and 202401."""
    for text in (shape.example, shape.last or shape.example):
        if not ("1900" <= text[:4] <= "2100" and "01" <= text[4:6] <= "12"):
            return False
    return bool(re.match(r"9{6}", shape.shape))


def _as_number(shape: Shape) -> tuple[int, Numeric] | None:
    """A date written as one number, by its digits before the point."""
    match = re.fullmatch(r"(9+)(?:[.,]9+)?", shape.shape)
    if not match or (len(match[1]) in _STAMPS and _is_stamp(shape)):
        return None
    kind = _NUMERIC.get(len(match[1]))
    return (len(match[1]), kind) if kind else None


def _has_known_words(shape: Shape) -> bool:
    return _WORDS.issuperset(re.findall(r"[a-z]{3,}", shape.example.lower()))


def _reading(shape: Shape, orders: dict[_Group, DateOrder]) -> Reading | None:
    """How a shape is read; None where it is no date."""
    text = shape.shape
    if _MONTH_ONLY.fullmatch(text):
        return Reading(f"%Y{text[4]}%m")
    if _is_stamp(shape):
        stamp = _STAMPS.get(len(text)) if re.fullmatch("9+", text) else None
        if stamp:
            return Reading(stamp, length=len(text))
        if match := _TIGHT_YEAR_FIRST.search(text):
            return _with_clock("%Y%m%d", match, shape)
    if not _has_known_words(shape):
        return None
    if match := _two_first(shape):
        year, sep = _year(match), match["sep"]
        parts = {
            "day_first": ("%d", "%m", year),
            "month_first": ("%m", "%d", year),
            "year_first": (year, "%m", "%d"),
        }
        return _with_clock(_day_name(match) + sep.join(parts[orders[sep, match["year"]]]), match, shape)
    if match := _YEAR_FIRST.search(text):
        sep = match["sep"]
        return _with_clock(f"%Y{sep}{_month(match) if match['month'] else '%m'}{sep}%d", match, shape)
    if match := _NAMED.search(text):
        day = f"%d{match['sep']}{_month(match)}{match['then']}{_year(match)}"
        return _with_clock(_day_name(match) + day, match, shape)
    if match := _NAMED_FIRST.search(text):
        day = f"{_month(match)}{match['sep']}%d{match['then']}{_year(match)}"
        return _with_clock(_day_name(match) + day, match, shape)
    return None


def _year(match: re.Match[str]) -> str:
    return "%Y" if match["year"] == "9999" else "%y"


def _month(match: re.Match[str]) -> str:
    return "%b" if match["month"] == "aaa" else "%B"


def _day_name(match: re.Match[str]) -> str:
    name = match["weekday"] or ""
    return name.replace("aaaa", "%A").replace("aaa", "%a")


def _with_clock(day: str, match: re.Match[str], shape: Shape) -> Reading | None:
    """The format of a day with the time of day and the offset behind it."""
    clock, offset = match["clock"], match["offset"] or ""
    length = len(shape.shape) if "%d%m" in day or "%m%d" in day else 0
    if clock is None:
        return None if offset else Reading(day, length=length)
    colon = ":" if ":" in clock else ""
    parts = ["%I" if match["half"] else "%H", "%M"]
    if clock.count(":") == 2 or len(clock) == 6:
        parts.append("%S")
    form = day + match["gap"] + colon.join(parts)
    if match["fraction"]:
        form += match["fraction"][0] + "%f"
    if match["half"]:
        form += match["half"][:-2] + "%p"
    if "9" in offset:
        return Reading(form, offset_length=len(offset), length=length)
    zone = shape.example[len(shape.example) - len(offset) :] if offset else ""
    return Reading(form + zone, is_utc=bool(offset), length=length)
