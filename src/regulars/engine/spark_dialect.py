"""Where Spark would answer otherwise than DuckDB without a word: the same expression is written so that it does not.

Each rewrite here is a difference that was seen: a cast that cuts instead of rounding, a count that is null on no rows,
a decimal literal that turns a share into six digits, `$` that matches before a last line break. Whatever Ibis already
writes alike is left to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.backends.sql.dialects import PySpark

from regulars.engine.base import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir
    from pyspark.sql import SparkSession

JSON_ITEMS = "regulars_json_items"
"""An SQL function of the session: the elements of a JSON list, each as JSON text; null where it is no list."""
_JSON_ITEMS = (
    f"CREATE OR REPLACE TEMPORARY FUNCTION {JSON_ITEMS}(text STRING) RETURNS ARRAY<STRING> "
    "RETURN transform(TRY_CAST(try_parse_json(text) AS ARRAY<VARIANT>), item -> coalesce(to_json(item), 'null'))"
)
_ONLY_JAVA_READS = r"[dDfF]\s*$|[xXpP]"
"""Texts that Java takes for numbers and nobody else does: 12d, 0x1p3. Letters of "inf" and "nan" are let through."""


class RegularsSpark(PySpark):  # type: ignore[misc]
    """Spark SQL with only the escapes that Spark knows: others lose their backslash and become letters."""


RegularsSpark.ESCAPED_SEQUENCES = {
    character: written for character, written in PySpark.ESCAPED_SEQUENCES.items() if character not in "\a\v\f"
}


class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' Spark SQL, where it differs from what the same expression means on DuckDB."""

    __slots__ = ()
    dialect = RegularsSpark

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """A number with a point is a double; Spark reads it as a decimal, and decimals divide to six digits."""
        if dtype.is_floating():
            text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(float(value)), repr(float(value)))
            return self.cast(sge.convert(text), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """A number with a fraction is rounded to a whole one, not cut."""
        if op.arg.dtype.is_floating() and to.is_integer():
            return self.cast(self.f.anon.rint(arg), to)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_TryCast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """Text as a number: what only Java reads is none, and a whole number may be written with a fraction."""
        if op.arg.dtype.is_string() and (to.is_floating() or to.is_integer()):
            is_java = self.f.anon.rlike(arg, sge.convert(_ONLY_JAVA_READS))
            number = self._tried(self.if_(is_java, sge.Null(), arg), dt.float64)
            if to.is_floating():
                return number
            return self.f.coalesce(self._tried(arg, to), self._tried(self.f.anon.rint(number), to))
        if op.arg.dtype.is_floating() and to.is_integer():
            return self._tried(self.f.anon.rint(arg), to)
        return super().visit_TryCast(op, arg=arg, to=to)

    def _tried(self, arg: Any, to: Any) -> Any:
        return sge.TryCast(this=arg, to=self.type_mapper.from_ibis(to), safe=True)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
        """Rows for which something holds: none of none is 0, not null."""
        return self.f.anon.count_if(where) if where is not None else super().visit_CountStar(op, arg=arg, where=where)

    def visit_BitOr(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
        """All bits that any row has."""
        return self.f.anon.bit_or(arg if where is None else self.if_(where, arg, sge.Null()))

    def visit_BitAnd(self, op: Any, *, arg: Any, where: Any) -> Any:  # noqa: N802
        """The bits that every row has."""
        return self.f.anon.bit_and(arg if where is None else self.if_(where, arg, sge.Null()))

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: N802
        """The first instant or day of a period, of the type it was; Spark gives an instant with a zone."""
        return self.cast(super().visit_TimestampTruncate(op, arg=arg, unit=unit), op.dtype)

    visit_DateTruncate = visit_TimestampTruncate  # noqa: N815

    def visit_IntervalFromInteger(self, op: Any, *, arg: Any, unit: Any) -> Any:  # noqa: N802
        """So many days, hours, minutes or seconds; without a text in between."""
        place = {"D": 0, "h": 1, "m": 2, "s": 3}.get(unit.short)
        if place is None:
            return super().visit_IntervalFromInteger(op, arg=arg, unit=unit)
        return self.f.anon.make_dt_interval(*[arg if at == place else sge.convert(0) for at in range(place + 1)])

    def visit_ArrayIndex(self, op: Any, *, arg: Any, index: Any) -> Any:  # noqa: N802
        """The element at a place from 0; null beyond the end, where Spark stops the query."""
        return self.f.anon.get(arg, index)

    def visit_RegexSearch(self, op: Any, *, arg: Any, pattern: Any) -> Any:  # noqa: N802
        """Whether a pattern is found."""
        return self.f.anon.rlike(arg, _java_pattern(pattern))

    def visit_RegexExtract(self, op: Any, *, arg: Any, pattern: Any, index: Any) -> Any:  # noqa: N802
        """What a group of a pattern matched."""
        return self.f.anon.regexp_extract(arg, _java_pattern(pattern), index)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802
        """Every match replaced; groups have a backslash in the expression, a dollar in Java."""
        if isinstance(replacement, sge.Literal):
            text = str(replacement.this).replace("$", r"\$")
            replacement = sge.convert(re.sub(r"\\(\d)", r"$\1", text))
        return self.f.anon.regexp_replace(arg, _java_pattern(pattern), replacement)


def _java_pattern(pattern: Any) -> Any:
    """A pattern that means to Java what it means to RE2: `$` is the very end, `(?i)` is for every alphabet."""
    if not (isinstance(pattern, sge.Literal) and pattern.is_string):
        return pattern
    text = re.sub(r"(?<!\\)\$", r"\\z", str(pattern.this))  # in no pattern of the house does $ stand in brackets
    return sge.convert(text.replace("(?i)", "(?iu)"))


def connect(session: SparkSession) -> Any:
    """Ibis on a Spark session, with the compiler above."""
    from ibis.backends.pyspark import Backend

    Backend.register_options()
    backend = Backend()
    backend.compiler = SparkCompiler()
    backend.do_connect(session)
    backend.get_schema = lambda name, **_: _schema(session, name)
    session.sql(_JSON_ITEMS)
    return backend


def _schema(session: SparkSession, name: str) -> Any:
    """The columns of a table; what Spark calls a timestamp is an instant in UTC, which Ibis leaves open."""
    from ibis.backends.pyspark.datatypes import PySparkType
    from pyspark.sql.types import TimestampType

    kinds = {one.name: one.dataType for one in session.table(name).schema}
    return ibis.schema(
        {
            column: dt.Timestamp("UTC") if isinstance(kind, TimestampType) else PySparkType.to_ibis(kind)
            for column, kind in kinds.items()
        }
    )


# -- functions that Ibis lacks ----------------------------------------------------------------------


def _builtin(name: str, takes: tuple[str, ...], gives: str) -> Callable[..., Any]:
    """One of Spark's own functions, made known to Ibis."""
    stubs: dict[int, Callable[..., Any]] = {
        1: lambda value: None,
        2: lambda value, argument: None,
        3: lambda value, argument, further: None,
        6: lambda year, month, day, hour, minute, second: None,
    }
    wrapped: Callable[..., Any] = ibis.udf.scalar.builtin(stubs[len(takes)], name=name, signature=(takes, gives))
    return wrapped


_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _any_of(words: Sequence[str]) -> str:
    return "|".join(words)


_PARTS = {
    "Y": "([0-9]{4})", "y": "([0-9]{2})", "m": "(0?[1-9]|1[0-2])", "d": "(0?[1-9]|[12][0-9]|3[01])",
    "j": "([0-9]{1,3})", "H": "([01]?[0-9]|2[0-3])", "I": "(0?[1-9]|1[0-2])", "M": "([0-5]?[0-9])",
    "S": "([0-5]?[0-9])", "f": "([0-9]{1,6})", "p": "([ap]m)",
    "B": f"({_any_of(_MONTHS)})", "b": f"({_any_of([one[:3] for one in _MONTHS])})",
    "A": f"({_any_of(_DAYS)})", "a": f"({_any_of([one[:3] for one in _DAYS])})",
}  # fmt: skip
"""What each specifier of strptime matches; longer alternatives are tried where a shorter one leaves a rest."""


def strptime_pattern(form: str) -> tuple[str, dict[str, int]]:
    r"""A strptime format as a pattern for whole texts, and the group in which each specifier is found.

    >>> strptime_pattern("%H:%M")
    ('(?iu)^([01]?[0-9]|2[0-3])\\:([0-5]?[0-9])$', {'H': 1, 'M': 2})
    """
    pieces: list[str] = []
    places: dict[str, int] = {}
    for specifier, other in re.findall(r"%-?([A-Za-z%])|(.)", form, flags=re.DOTALL):
        if specifier in _PARTS:
            places[specifier] = len(places) + 1
            pieces.append(_PARTS[specifier])
        else:
            pieces.append(re.sub(r"([^A-Za-z0-9 ])", r"\\\1", other or specifier))
    return f"(?iu)^{''.join(pieces)}$", places


class SparkFunctions(Functions):
    """Spark's names for what Ibis lacks.

    Instants are taken apart by patterns and put together from numbers, so that they are read as strptime reads them;
    Java's own formats differ in years of two digits, in lengths and in names of months.
    """

    def __init__(self) -> None:
        text, instant = "string", "timestamp"
        numbers = ("int32", "int32", "int32", "int32", "int32", "decimal(16, 6)")
        self._make = _builtin("try_make_timestamp_ntz", numbers, instant)
        self._convert = _builtin("convert_timezone", (text, text, instant), instant)
        self._items = _builtin(JSON_ITEMS, (text,), "array<string>")
        self._keys = _builtin("json_object_keys", (text,), "array<string>")
        self._map = _builtin("from_json", (text, text), "map<string, string>")
        self._at = _builtin("try_element_at", ("map<string, string>", text), text)

    def instant(self, text: ir.StringValue, formats: Sequence[str]) -> ir.TimestampValue:
        """Text read by the first strptime format that fits; null where none does."""
        return ibis.coalesce(*[self._instant(text, one) for one in formats])

    def _instant(self, text: ir.StringValue, form: str) -> ir.TimestampValue:
        pattern, places = strptime_pattern(form)

        def part(specifier: str) -> ir.StringValue:
            return text.re_extract(pattern, places[specifier]).nullif("")

        def number(specifier: str, otherwise: int) -> ir.Value:
            return part(specifier).try_cast("int32") if specifier in places else ibis.literal(otherwise, "int32")

        year = number("Y", 1900)
        if "y" in places:
            short = number("y", 0)
            year = short + (short < 69).ifelse(2000, 1900)
        month = number("m", 1)
        for specifier in "bB":
            if specifier in places:
                name = part(specifier).lower().left(3)
                month = ibis.cases(*[(name == one[:3], place) for place, one in enumerate(_MONTHS, start=1)])
        hour = number("I", 0) % 12 if "I" in places else number("H", 0)
        if "p" in places and "I" in places:
            hour = hour + (part("p").lower() == "pm").ifelse(12, 0)
        second = number("S", 0).cast("decimal(16, 6)")
        if "f" in places:
            second = (part("S") + "." + part("f") if "S" in places else "0." + part("f")).cast("decimal(16, 6)")
        whole = [value.cast("int32") for value in (year, month, number("d", 1), hour, number("M", 0))]
        made = self._make(*whole, second)
        if "j" in places:
            made = made + (number("j", 1).cast("int64") - 1).as_interval("D")
        return made if places else ibis.null("timestamp")

    def local(self, utc: ir.TimestampValue, zone: str) -> ir.TimestampValue:
        """An instant in UTC as wall-clock time of a zone."""
        return self._convert("UTC", zone, utc)

    def json_entries(self, text: ir.StringValue, *, is_list: bool) -> ir.ArrayValue:
        """A JSON list's elements, or an object's keys, as an array of text; null where the text is malformed."""
        return self._items(text) if is_list else self._keys(text)

    def json_value(self, text: ir.StringValue, key: ir.StringValue) -> ir.StringValue:
        """The value of a key of a JSON object, as text; a list or an object as the JSON text it is."""
        return self._at(self._map(text, "map<string,string>"), key)
