"""Text read as values: numbers, dates, ids and truth values, by the evidence of the whole column.

Evidence is gathered in one pass over the table; then each column becomes one expression, null where the text cannot
be read as asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from regulars.intake import dates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.engine.base import Functions

NULL_WORDS = ("", "null", "nan", "na", "n/a", "none", "nil", "#n/a", "\\n", "nat", "<na>")
"""Texts that mean "nothing", compared without case."""
TRUE_WORDS = ("1", "true", "t", "yes", "y", "1.0")
FALSE_WORDS = ("0", "false", "f", "no", "n", "0.0")

WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
WHOLE_AS_DECIMAL = r"^-?(0|[1-9][0-9]{0,14})\.0+$"
_CURRENCY = r"^\(?\s*[+-]?\s*(?:[A-Z]{2,3}|[$£€¥₹])?\s*|\s*(?:[A-Z]{2,3}|[$£€¥₹])?\s*\)?$"
_GROUPED = {
    ".": r"^[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?$",
    ",": r"^[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]*)(,[0-9]*)?([eE][+-]?[0-9]{1,3})?$",
}


def clean(text: ir.StringValue, null_words: Sequence[str] = ()) -> ir.StringValue:
    """Text without blanks around it; null where it means nothing."""
    import ibis

    words = (*NULL_WORDS, *(word.strip().casefold() for word in null_words))
    bare = text.strip()
    return ibis.ifelse(bare.lower().isin(words), ibis.null("string"), bare)


# -- numbers ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NumberEvidence:
    """What a column of numbers looks like.

    `filled`: texts; `plain`: those a cast reads; `comma_decimal`, `dot_decimal`: those whose last mark can only be a
    decimal mark; `grouped`: those whose comma or dot could be either (three digits behind it).
    """

    filled: int
    plain: int
    comma_decimal: int
    dot_decimal: int
    grouped: int


def number_evidence(text: ir.StringValue) -> dict[str, ir.IntegerScalar]:
    """The sums of `NumberEvidence` for a cleaned column."""
    bare = text.re_replace(r"[^0-9,.]+$", "")
    return {
        "filled": text.count(),
        "plain": text.try_cast("float64").count(),
        "comma_decimal": bare.re_search(r"^[^,]*,([0-9]{1,2}|[0-9]{4,})$|\..*,[0-9]*$").sum(),
        "dot_decimal": bare.re_search(r"^[^.]*\.([0-9]{1,2}|[0-9]{4,})$|,.*\.[0-9]*$").sum(),
        "grouped": bare.re_search(r"^[^,.]*[,][0-9]{3}$").sum(),
    }


def decimal_mark(evidence: NumberEvidence, said: str, elsewhere: str) -> tuple[str, str]:
    """The decimal mark of a column and what decided it, in words.

    Args:
        evidence: Of the column.
        said: The mark the settings give, or "".
        elsewhere: The mark that other columns of the same table prove, or "".

    >>> decimal_mark(NumberEvidence(10, 3, 7, 0, 0), "", "")
    (',', '7 values have a comma where only a decimal mark can stand')
    """
    if said:
        return said, f"decimal = {said!r} is set"
    if evidence.comma_decimal > evidence.dot_decimal:
        return ",", f"{evidence.comma_decimal:,} values have a comma where only a decimal mark can stand"
    if evidence.dot_decimal or not evidence.grouped:
        return ".", ""
    if elsewhere == ",":
        return ",", "other columns of the file have decimal commas"
    return ".", f"{evidence.grouped:,} values like '1,234' are read with a thousands mark"


def number(text: ir.StringValue, evidence: NumberEvidence, mark: str) -> ir.FloatingValue:
    """A cleaned column as numbers; null where it is not one.

    Currency signs and blanks are taken off, brackets mean minus, and thousands marks must stand where they belong:
    `1,5` is not silently 15.
    """
    import ibis

    if evidence.plain == evidence.filled and not (mark == "," and evidence.dot_decimal):
        return text.try_cast("float64")
    bare = text.re_replace(_CURRENCY, "").re_replace("[ \u00a0\u202f']", "")
    minus = text.re_search(r"^\(.*\)$|^[^0-9]*-") & ~bare.startswith("-")
    fits = bare.re_search(_GROUPED[mark]) & bare.re_search("[0-9]")
    plain = bare.replace(".", "").replace(",", ".") if mark == "," else bare.replace(",", "")
    value = ibis.ifelse(fits, plain, ibis.null("string")).try_cast("float64")
    return ibis.ifelse(minus, -value, value)


# -- ids and truth values ---------------------------------------------------------------------------


@dataclass(frozen=True)
class IdEvidence:
    """What a column of ids looks like: texts, whole numbers as they are written, whole numbers written with `.0`."""

    filled: int
    whole: int
    whole_as_decimal: int

    @property
    def is_whole(self) -> bool:
        """Whether every id is a whole number, so that the number says all that the text does."""
        return self.filled == self.whole + self.whole_as_decimal


def id_evidence(text: ir.StringValue) -> dict[str, ir.IntegerScalar]:
    """The sums of `IdEvidence` for a cleaned column."""
    return {
        "filled": text.count(),
        "whole": text.re_search(WHOLE).sum(),
        "whole_as_decimal": text.re_search(WHOLE_AS_DECIMAL).sum(),
    }


def whole_number(text: ir.StringValue) -> ir.IntegerValue:
    """A cleaned column as whole numbers; `17850.0` is 17850."""
    import ibis

    bare = ibis.ifelse(text.re_search(WHOLE_AS_DECIMAL), text.re_replace(r"\.0+$", ""), text)
    return ibis.ifelse(bare.re_search(WHOLE), bare, ibis.null("string")).try_cast("int64")


def truth(text: ir.StringValue) -> ir.BooleanValue:
    """A cleaned column as true and false; null where it is neither."""
    import ibis

    low = text.lower()
    return ibis.cases((low.isin(TRUE_WORDS), True), (low.isin(FALSE_WORDS), False), else_=ibis.null("boolean"))


# -- dates ------------------------------------------------------------------------------------------


def shapes(rows: ir.Table, text: ir.StringValue) -> ir.Table:
    """The shapes of a cleaned column: one row per shape, as `dates.Shape` has them."""
    shape = text
    for pattern, replacement in dates.SHAPE_STEPS:
        shape = shape.re_replace(pattern, replacement)
    return (
        rows.select(text=text, shape=shape)
        .filter(lambda t: t.text.notnull())
        .group_by("shape")
        .aggregate(
            rows=lambda t: t.count(),
            example=lambda t: t.text.min(),
            largest_first=lambda t: t.text.re_extract(r"^([0-9]{1,2})[^0-9]", 1).try_cast("int64").max(),
            largest_second=lambda t: (
                t.text.re_extract(r"^[0-9]{1,2}[^0-9]([0-9]{1,2})[^0-9]", 1).try_cast("int64").max()
            ),
        )
    )


def instant(text: ir.StringValue, plan: dates.DatePlan, functions: Functions, zone: str) -> ir.TimestampValue:
    """A cleaned column as wall-clock instants of a zone; null where no format fits.

    A value with an offset is turned to the zone's wall-clock time; one without is taken as it stands.
    """
    import ibis

    found: list[ir.TimestampValue] = []
    if plan.formats:
        found.append(
            _with_offset(text, plan, functions, zone) if plan.has_offset else functions.instant(text, plan.formats)
        )
    for digits, kind in plan.numeric:
        value = ibis.ifelse(
            text.re_search(f"^[0-9]{{{digits}}}([.,][0-9]+)?$"), text.replace(",", "."), ibis.null("string")
        )
        found.append(_from_number(value.try_cast("float64"), kind, functions, zone))
    return ibis.coalesce(*found) if found else ibis.null("timestamp")


def _from_number(value: ir.FloatingValue, kind: dates.Numeric, functions: Functions, zone: str) -> ir.TimestampValue:
    import ibis

    epoch = ibis.literal(datetime(1970, 1, 1), "timestamp")
    if kind == "excel":
        seconds = ((value - 25569) * 86400).round().cast("int64")  # 25,569 days from 1899-12-30 to 1970-01-01
        return epoch + seconds.as_interval("s")
    seconds = (value / (1000 if kind == "milliseconds" else 1)).floor().cast("int64")
    return functions.local(epoch + seconds.as_interval("s"), zone)


def _with_offset(text: ir.StringValue, plan: dates.DatePlan, functions: Functions, zone: str) -> ir.TimestampValue:
    import ibis

    mark = r" ?([zZ]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)$"
    has = text.re_search(r":[0-9]{2}([.,][0-9]+)?" + mark)
    bare = functions.instant(ibis.ifelse(has, text.re_replace(mark, ""), text), plan.formats)
    sign = text.re_search(r"-[0-9]{2}:?([0-9]{2})?$").ifelse(-1, 1)
    hours = text.re_extract(r"[+-]([0-9]{2}):?[0-9]{0,2}$", 1).try_cast("int64").fill_null(0)
    minutes = text.re_extract(r"[+-][0-9]{2}:?([0-9]{2})$", 1).try_cast("int64").fill_null(0)
    utc = bare - (sign * (hours * 60 + minutes)).as_interval("m")
    return ibis.ifelse(has, functions.local(utc, zone), bare)
