"""What the values of a sample say about each column, before anyone asks what the column is for.

Works on texts and on typed values alike, in plain Python: a sample has about a thousand rows.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.config import ReaderSettings
from regulars.intake.guessing.date_evidence import DateEvidence, read_numbers, read_texts, read_typed
from regulars.intake.values import FALSE_WORDS, NULL_WORDS, TRUE_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

ColumnKind = Literal[
    "empty", "date", "boolean", "integer", "decimal", "band", "hex_id", "code", "list", "category", "text"
]  # fmt: skip
"""What the values are. `code` is short text with digits (an id); `band` a range of numbers ("45-54", "65+")."""

_BOOLEAN = frozenset((*TRUE_WORDS, *FALSE_WORDS))
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[ '’.,\u00a0\u202f]\d{3})+|\d+)(?:[.,]\d+)?(?:[eE][+-]?\d+)?|[+-]?[.,]\d+")
_HEX = re.compile(r"[0-9a-fA-F]{16,64}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_END = r"[$€£]?\d[\d.,]* ?[km]?"
_BAND = re.compile(
    rf"(?:(?:(?:under|over|less than|more than|up to|below|above|bis|unter|über) ?|[<>≤≥]=? ?){_END}"
    rf"|{_END} ?(?:(?:-|–|to|bis|a|à) ?{_END}|\+|(?:and|or|und) (?:over|above|more|older|under|mehr)))"
    r"(?: ?(?:years?|jahre))?",
    re.IGNORECASE,
)
_LONGEST_NUMBER = 40
_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "JPY", "₹": "INR"}
_CODES = frozenset(["EUR", "USD", "GBP", "CHF", "JPY", "INR", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "BRL"])
_SIGNED = re.compile(
    r"(?P<before>[£€$¥₹]|[A-Z]{3} ?)?\s*(?P<number>[+\-−(]?[\d.,].*?\)?)\s*(?P<after>[£€$¥₹]|[A-Z]{3})?"
)


@dataclass(frozen=True)
class FileSample:
    """The first rows of one file.

    Args:
        path: The file as the settings will name it.
        columns: Its columns, in order.
        rows: A pyarrow table, or one mapping per row; about a thousand rows, texts or typed values.
        n_rows: Rows of the whole file, where known.
        reader: What had to be said to read it (sheet, member …); written into the settings.
    """

    path: str
    columns: tuple[str, ...]
    rows: Any
    n_rows: int | None = None
    reader: ReaderSettings = field(default_factory=ReaderSettings)

    def values(self, column: str) -> list[Any]:
        """The values of a column in order; a name that occurs twice gives the first."""
        if hasattr(self.rows, "column_names"):
            return list(self.rows.column(self.rows.column_names.index(column)).to_pylist())
        return [row.get(column) if isinstance(row, Mapping) else None for row in self.rows]


@dataclass(frozen=True)
class NumberEvidence:
    """How the numbers of a column are written.

    `decimal` is "" where no value shows it; `is_undecided` where every mark could be either ("1,234"). `signs` are the
    currency codes seen with the numbers.
    """

    decimal: Literal["", ".", ","] = ""
    is_undecided: bool = False
    has_leading_zeros: bool = False
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnProfile:
    """What the values of one column say.

    Args:
        name: The user's name.
        kind: What the values are.
        texts: Every value as trimmed text, "" where it is empty; in the order of the rows.
        numbers: Every value as a number, None where it is none; empty where the column is not numeric.
        dates: What the values say about dates.
        number: How the numbers are written.
    """

    name: str
    kind: ColumnKind
    texts: tuple[str, ...]
    numbers: tuple[float | None, ...] = ()
    dates: DateEvidence = field(default_factory=DateEvidence)
    number: NumberEvidence = field(default_factory=NumberEvidence)

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The values that are not empty."""
        return tuple(text for text in self.texts if text)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The different values."""
        return frozenset(self.filled)

    @property
    def empty_share(self) -> float:
        """Share of the rows without a value."""
        return 1 - len(self.filled) / len(self.texts) if self.texts else 1.0

    @property
    def distinct_share(self) -> float:
        """Different values per filled row: 1 where no value repeats."""
        return len(self.distinct) / len(self.filled) if self.filled else 0.0

    @property
    def is_key(self) -> bool:
        """Whether every row has a value of its own."""
        return bool(self.filled) and self.empty_share <= 0.01 and self.distinct_share >= 0.995

    @property
    def is_constant(self) -> bool:
        """Whether every row says the same, in more than a handful of rows."""
        return len(self.texts) >= 20 and len(self.distinct) <= 1

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return bool(self.numbers)

    @cached_property
    def present_numbers(self) -> tuple[float, ...]:
        """The numbers that are there."""
        return tuple(number for number in self.numbers if number is not None)

    @property
    def smallest(self) -> float | None:
        """The smallest number."""
        return min(self.present_numbers, default=None)

    @property
    def largest(self) -> float | None:
        """The largest number."""
        return max(self.present_numbers, default=None)

    @property
    def mean_length(self) -> float:
        """Mean length of the filled texts."""
        return sum(map(len, self.filled)) / len(self.filled) if self.filled else 0.0


def profile_column(name: str, values: Sequence[Any]) -> ColumnProfile:
    """The profile of one column.

    >>> profile_column("price", ["1,50", "2,25", None]).number.decimal
    ','
    >>> profile_column("age", ["45-54", "65+"]).kind, profile_column("flag", [0, 1, 1]).kind
    ('band', 'boolean')
    """
    typed = [value for value in values if value is not None]
    texts = tuple(_as_text(value) for value in values)
    filled = [text for text in texts if text]
    if not filled:
        return ColumnProfile(name, "empty", texts)
    if all(isinstance(value, date) for value in typed):
        return ColumnProfile(name, "date", texts, dates=read_typed(typed))
    if all(isinstance(value, list | dict) for value in typed) or _are_lists(filled):
        return ColumnProfile(name, "list", texts)
    dates = read_texts(filled)
    if dates.share >= 0.9:
        return ColumnProfile(name, "date", texts, dates=dates)
    number = _number_evidence(filled)
    numbers = tuple(_read_number(text, number.decimal) for text in texts)
    read = [value for value in numbers if value is not None]
    is_numeric = len(read) >= 0.97 * len(filled)
    if len(set(filled)) <= 2 and {text.lower() for text in filled} <= _BOOLEAN:
        return ColumnProfile(name, "boolean", texts, numbers if is_numeric else (), number=number)
    if is_numeric:
        kind: ColumnKind = "integer" if all(value.is_integer() for value in read) else "decimal"
        return ColumnProfile(name, kind, texts, numbers, read_numbers(read), number)
    return ColumnProfile(name, _text_kind(filled), texts, number=number)


def _as_text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if (
        isinstance(value, float | Decimal) and value == value.to_integral_value()
        if isinstance(value, Decimal)
        else False
    ):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.hex()
    text = str(value).strip()
    return "" if text.lower() in NULL_WORDS else text


def _are_lists(filled: Sequence[str]) -> bool:
    looks = [text for text in filled if text[0] in "[{" and text[-1] in "]}"]
    return len(looks) >= 0.8 * len(filled)


def _text_kind(filled: Sequence[str]) -> ColumnKind:
    count = len(filled)
    if sum(len(text) <= _LONGEST_NUMBER and bool(_BAND.fullmatch(text)) for text in filled) >= 0.7 * count:
        return "band"
    if sum(bool(_HEX.fullmatch(text)) for text in filled) >= 0.9 * count:
        return "hex_id"
    with_digits = sum(any(letter.isdigit() for letter in text) and " " not in text for text in filled)
    if with_digits >= 0.8 * count and max(map(len, filled)) <= 64:
        return "code"
    distinct = len(set(filled))
    if distinct <= max(20, 0.2 * count) and max(map(len, filled)) <= 80:
        return "category"
    return "text"


def _number_evidence(filled: Sequence[str]) -> NumberEvidence:
    """How numbers are written, by the values that show it."""
    comma = point = unclear = zeros = 0
    signs: Counter[str] = Counter()
    for text in filled:
        if text.isdigit():
            zeros += len(text) > 1 and text[0] == "0"
            continue
        bare, sign = _without_sign(text)
        if sign:
            signs[sign] += 1
        last = max(bare.rfind(","), bare.rfind("."))
        if last < 0 or not _NUMBER.fullmatch(bare):
            continue
        mark, tail = bare[last], bare[last + 1 :]
        other = "." if mark == "," else ","
        if other in bare or (len(tail) != 3 and bare.count(mark) == 1):  # 1.234,5 or 2,55: the last mark is the decimal
            comma, point = comma + (mark == ","), point + (mark == ".")
        elif bare.count(mark) > 1:  # 1.234.567: the mark stands between thousands
            comma, point = comma + (mark == "."), point + (mark == ",")
        else:
            unclear += 1
    decimal: Literal["", ".", ","] = "," if comma > point else "." if point else ""
    return NumberEvidence(
        decimal, bool(unclear) and not decimal, zeros > 0, tuple(code for code, _ in signs.most_common())
    )


def _without_sign(text: str) -> tuple[str, str]:
    """The number without its currency sign, and the currency's code."""
    match = _SIGNED.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if not match:
        return text, ""
    sign = (match["before"] or match["after"] or "").strip()
    code = _SIGNS.get(sign, sign if sign in _CODES else "")
    return (match["number"].strip(), code) if code else (text, "")


def _read_number(text: str, decimal: str) -> float | None:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
        return float(text)
    bare, _ = _without_sign(text)
    bare = bare.replace("−", "-")
    if bare.startswith("(") and bare.endswith(")"):  # bookkeepers' negative
        bare = f"-{bare[1:-1]}"
    if not _NUMBER.fullmatch(bare):
        return None
    thousands = "." if decimal == "," else ","
    plain = re.sub(r"[ '’\u00a0\u202f]", "", bare)
    if decimal or plain.count(thousands) != 1 or len(plain.rpartition(thousands)[2]) == 3:
        plain = plain.replace(thousands, "")
    try:
        number = float(plain.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_same(keys: Sequence[str], values: Sequence[str]) -> bool:
    """Whether the same key always comes with the same value, but for one in ten; also where no key repeats.

    >>> is_same(["a", "a", "b"], ["x", "x", "y"]), is_same(["a", "a", "b"], ["x", "y", "y"])
    (True, False)
    """
    seen: dict[str, set[str]] = {}
    repeats: Counter[str] = Counter()
    for key, value in zip(keys, values, strict=True):
        if key and value:
            seen.setdefault(key, set()).add(value)
            repeats[key] += 1
    repeated = [key for key, count in repeats.items() if count > 1]
    return sum(len(seen[key]) > 1 for key in repeated) <= 0.1 * len(repeated)
