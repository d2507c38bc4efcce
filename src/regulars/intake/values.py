"""Text read as values: the expressions that the engine computes, cheap where the whole column is plain.

How a column is read is decided in `survey`, from the evidence of all its rows; here each decision becomes one
expression, null where a text cannot be read as asked.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from regulars.intake import dates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.engine.base import Functions
    from regulars.intake.dates import DatePlan, Numeric, Reading
    from regulars.intake.numbers import NumberPlan

NULL_WORDS = ("null", "nan", "na", "n/a", "none", "nil", "#n/a", "\\n", "nat", "<na>")
"""Texts that mean "nothing", compared without case."""
TRUE_WORDS = ("1", "true", "t", "yes", "y", "1.0", "ja", "j", "oui", "si", "sí", "sim")
FALSE_WORDS = ("0", "false", "f", "no", "n", "0.0", "nein", "non", "nee", "não")

WHOLE = r"^(?:0|-?[1-9][0-9]{0,17})$"
WHOLE_AS_DECIMAL = r"^(?:0|-?[1-9][0-9]{0,14})\.0+$"
CODE = r"^[-+]?(?:0[0-9]|[0-9]{16})"
"""Digits that are a name rather than a number: a leading zero, or more of them than a number keeps."""
_BLANK = r"\s\x{0b}\x{85}\x{a0}\x{1680}\x{2000}-\x{200d}\x{2028}\x{2029}\x{202f}\x{205f}\x{2060}\x{3000}\x{feff}"
BLANK_ENDS = f"^[{_BLANK}]+|[{_BLANK}]+$"
_BLANK_END = f"^[{_BLANK}]|[{_BLANK}]$"
_SIGN, _ESCAPED = r"([!-/:-@\[-`{-~])", r"\\\1"
_EARLIEST = datetime(1000, 1, 1)  # a year of fewer digits is a slip


# -- texts ------------------------------------------------------------------------------------------


def as_text(given: ir.Value) -> ir.StringValue:
    """A value of a typed source as text; whole numbers without a fraction, whatever their type."""
    import ibis

    if not given.type().is_floating():
        return given.cast("string")
    return ibis.coalesce(exact_integer(given).cast("string"), finite(given).cast("string"))


def filled(given: ir.StringValue) -> ir.StringValue:
    """Text as it stands; null where it is empty."""
    return given.nullif("")


def is_tidy(given: ir.StringValue, null_words: Sequence[str] = ()) -> ir.BooleanValue:
    """Whether `clean` leaves a text as it is."""
    return ~given.re_search(f"(?i){_BLANK_END}|{_one_of((*NULL_WORDS, *null_words))}")


def clean(given: ir.StringValue, null_words: Sequence[str] = ()) -> ir.StringValue:
    """Text without blanks around it; null where it means nothing."""
    import ibis

    bare = given.re_replace(BLANK_ENDS, "")
    is_nothing = bare.re_search(f"(?i){_one_of(('', *NULL_WORDS, *null_words))}")
    cleaned = is_nothing.ifelse(ibis.null("string"), bare)
    return is_tidy(given, null_words).ifelse(given, cleaned)  # nearly all are, and the test is the cheaper part


def has_blanks(given: ir.StringValue) -> ir.BooleanValue:
    """Whether something stands between blanks, which `clean` takes off."""
    return given.re_search(f"^[{_BLANK}]+[^{_BLANK}]|[^{_BLANK}][{_BLANK}]+$")


def _one_of(words: Sequence[str]) -> str:
    """A pattern for whole texts; a list of words would become a join for each column."""
    return f"^(?:{'|'.join(re.sub(_SIGN, _ESCAPED, word.strip()) for word in words)})$"


def masks(rows: ir.Table, text: ir.StringValue, most: int) -> ir.Table:
    """The texts of a column that differ in their digits only: one row per mask, those of most rows first.

    Beside what `numbers.Mask` has: the greatest text, and for dates how many rows have a number from 13 to 31 at the
    start (`day_at_0`), at the third (`day_at_2`) and at the fourth character (`day_at_3`), and how many begin with one
    above 31 (`year_at_0`).
    """
    texts = rows.select(text=text).filter(lambda t: t.text.notnull())
    texts = texts.group_by("text").aggregate(rows=texts.count())
    at = {place: texts.text.substr(place, 2).try_cast("int64") for place in (0, 2, 3)}
    counted = texts.select(
        mask=texts.text.translate("0123456789", "9999999999"),
        text=texts.text,
        rows=texts.rows,
        **{f"day_at_{place}": texts.rows * at[place].between(13, 31).cast("int64") for place in at},
        year_at_0=texts.rows * (at[0] > 31).cast("int64"),
    )
    sums = ("rows", "day_at_0", "day_at_2", "day_at_3", "year_at_0")
    grouped = counted.group_by("mask").aggregate(
        least=counted.text.min(), last=counted.text.max(), **{name: counted[name].sum() for name in sums}
    )
    return grouped.order_by(grouped.rows.desc(), grouped.mask).limit(most)


# -- numbers, ids, truth values ---------------------------------------------------------------------


def plain_number(text: ir.StringValue) -> ir.FloatingValue:
    """A text as the engine reads numbers; null where it does not, or where the number is not finite."""
    return finite(text.try_cast("float64"))


def finite(value: ir.FloatingValue) -> ir.FloatingValue:
    """A number; null where it is none (NaN) or has no end."""
    import ibis

    return (value.isnan() | value.isinf()).ifelse(ibis.null("float64"), value)


def number(text: ir.StringValue, plan: NumberPlan) -> ir.FloatingValue:
    """A column as numbers, as planned; `1,5` is not silently 15."""
    import ibis

    if plan.is_plain:
        return text.try_cast("float64")
    comma = plan.mark == ","
    quick = plain_number(text.contains(".").ifelse(ibis.null("string"), text.replace(",", ".")) if comma else text)
    if not plan.removed:
        return quick
    bare = text
    for token in plan.removed:
        bare = bare.replace(token, "")
    value = plain_number(bare.replace(",", ".") if comma else bare)
    if any(sign in plan.removed for sign in ("-", "−", "(")):
        is_minus = text.contains("-") | text.contains("−") | text.startswith("(")
        value = is_minus.ifelse(-value, value)
    if plan.guard:
        value = text.re_search(plan.guard).ifelse(value, ibis.null("float64"))
    return ibis.coalesce(quick, value)


def whole_number(text: ir.StringValue) -> ir.IntegerValue:
    """Texts that are known to be whole numbers, perhaps written with `.0`, as such."""
    return text.try_cast("int64")


def exact_integer(value: ir.FloatingValue) -> ir.IntegerValue:
    """Whole numbers; null where there is a fraction, or more digits than a number keeps."""
    import ibis

    whole = value.try_cast("int64")
    return ((whole.cast("float64") == value) & (value.abs() < 2**53)).ifelse(whole, ibis.null("int64"))


def truth(text: ir.StringValue) -> ir.BooleanValue:
    """Text as true and false; null where it is neither."""
    import ibis

    is_true, is_false = (text.re_search(f"(?i){_one_of(words)}") for words in (TRUE_WORDS, FALSE_WORDS))
    return ibis.cases((is_true, True), (is_false, False), else_=ibis.null("boolean"))


# -- dates ------------------------------------------------------------------------------------------


def instant(text: ir.StringValue, plan: DatePlan, functions: Functions, zone: str) -> ir.TimestampValue:
    """Text as wall-clock instants of a zone; null where nothing planned fits.

    A text with an offset, and a number of seconds since 1970, is turned to the zone's wall-clock time; what has no
    offset is taken as it stands.
    """
    import ibis

    if plan.is_plain:
        return text.try_cast("timestamp")
    if plan.unreadable:
        text = text.re_search("[0-9]").ifelse(text, ibis.null("string"))  # engines read `epoch` and `infinity`
    for pattern, replacement in plan.rewrites:
        text = text.re_replace(pattern, replacement)
    found = [_local(text, plan, functions)] if any(_is_local(one) for one in plan.readings) else []
    found += [_read(text, one, functions, zone) for one in plan.readings if not _is_local(one)]
    found += [_from_number(text, digits, kind, functions, zone) for digits, kind in plan.numeric]
    if not found:
        return ibis.null("timestamp")
    value = ibis.coalesce(*found)
    return (value >= ibis.literal(_EARLIEST, "timestamp")).ifelse(value, ibis.null("timestamp"))


def has_short_year(text: ir.StringValue, plan: DatePlan) -> ir.BooleanValue | None:
    """Where a date has a year of two digits; None where none has."""
    if not plan.has_short_year:
        return None
    return ~text.re_search("[0-9]{4}") | text.re_search("^[0-9]{6}$")


def _is_local(reading: Reading) -> bool:
    return not (reading.is_utc or reading.offset_length or reading.length)


def _local(text: ir.StringValue, plan: DatePlan, functions: Functions) -> ir.TimestampValue:
    return functions.instant(text, [one.strptime for one in plan.readings if _is_local(one)])


def _read(text: ir.StringValue, reading: Reading, functions: Functions, zone: str) -> ir.TimestampValue:
    """A text that must have a certain length, or that carries an offset."""
    import ibis

    bare = text
    if reading.length:
        bare = (text.length() == reading.length).ifelse(text, ibis.null("string"))
    if not reading.offset_length:
        value = functions.instant(bare, [reading.strptime])
        return functions.local(value, zone) if reading.is_utc else value
    value = functions.instant(bare.left(bare.length() - reading.offset_length), [reading.strptime])
    offset = bare.right(reading.offset_length).strip()
    sign = ibis.cases((offset.startswith("-"), -1), (offset.startswith("+"), 1), else_=ibis.null("int64"))
    hours = offset.substr(1, 2).try_cast("int64")
    minutes = ibis.literal(0) if reading.offset_length < 5 else offset.right(2).try_cast("int64")
    return functions.local(value - (sign * (hours * 60 + minutes)).as_interval("m"), zone)


def _from_number(
    text: ir.StringValue, digits: int, kind: Numeric, functions: Functions, zone: str
) -> ir.TimestampValue:
    """A date written as one number of so many digits before the point."""
    import ibis

    is_one = text.re_search(f"^[0-9]{{{digits}}}([.,][0-9]+)?$")
    value = is_one.ifelse(text.replace(",", "."), ibis.null("string")).try_cast("float64")
    epoch = ibis.literal(datetime(1970, 1, 1), "timestamp")
    if kind == "excel":
        seconds = ((value - 25569) * 86400).round().cast("int64")  # 25,569 days from 1899-12-30 to 1970-01-01
        return epoch + seconds.as_interval("s")
    parts = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}[kind]
    return functions.local(epoch + (value / parts).floor().cast("int64").as_interval("s"), zone)


def shapes(found: Sequence[Mapping[str, Any]]) -> list[dates.Shape]:
    """The rows of `masks` as shapes of dates."""
    made: list[dates.Shape] = []
    for row in found:
        mask = row["mask"]
        is_behind_two = mask[1:2] == "9" and mask[2:3] != "9"  # 12/31/2024; else 1/31/2024 or 12312024
        second = row["day_at_3"] if is_behind_two else row["day_at_2"]
        proof = (row["day_at_0"] or 0, second or 0, row["year_at_0"] or 0)
        made.append(dates.Shape(dates.shape_of(mask), row["rows"], row["least"], proof=proof, last=row["last"]))
    return made
