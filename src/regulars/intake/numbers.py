"""Numbers as people write them: what the marks in a column mean follows from its values, never from a silent guess.

The engine groups a column's texts by their mask (every digit a 9). A text is a number under a decimal mark where
`pattern` matches it. One that is a number under the comma alone proves the comma, and the other way round; what is a
number under both, like `1,234`, proves nothing and is told.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from regulars.core.units import write_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MINUS = ("-", "−")
_BLANKS = " \u00a0\u2007\u2009\u202f"
_APOSTROPHES = "'’"
_SIGNS = {
    "$": "USD", "£": "GBP", "€": "EUR", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₴": "UAH",
    "₪": "ILS", "฿": "THB", "₫": "VND", "₦": "NGN", "₱": "PHP",
}  # fmt: skip
_WORDS = {
    "US$": "USD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD",
    "R$": "BRL", "Rs.": "INR", "Rs": "INR", "Fr.": "CHF", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "lei": "RON",
    "kr.": "kr", "kr": "kr",
}  # fmt: skip
_CODES = (
    "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "RUB", "TRY", "KRW", "UAH", "ILS", "THB", "VND", "NGN", "PHP",
    "CAD", "AUD", "NZD", "HKD", "SGD", "BRL", "MXN", "ARS", "CLP", "COP", "PEN", "PLN", "CZK", "HUF", "RON", "BGN",
    "DKK", "NOK", "SEK", "ISK", "ZAR", "EGP", "MAD", "KES", "AED", "SAR", "QAR", "KWD", "PKR", "BDT", "LKR", "IDR",
    "MYR", "TWD",
)  # fmt: skip
CURRENCIES: dict[str, str] = {**_WORDS, **{code: code for code in _CODES}, **_SIGNS}
"""What may stand beside a number, with the currency's code; a text comes before any that is part of it."""
_CURRENCY = f"(?:{'|'.join(map(re.escape, CURRENCIES))})"


@dataclass(frozen=True)
class Mask:
    """The texts of a column that differ in their digits only: how many rows have one, and the least of them."""

    mask: str
    rows: int
    least: str


@dataclass(frozen=True)
class Proof:
    """How many rows are numbers under the decimal point alone, under the comma alone, and under both differently."""

    dot: int = 0
    comma: int = 0
    either: int = 0
    example: str = ""


@dataclass(frozen=True)
class NumberPlan:
    """How a column of numbers is read.

    Args:
        mark: The decimal mark.
        removed: Texts taken off before the rest is read: currencies, thousands marks, blanks, signs.
        guard: The pattern that a text must match for them to be taken off; "" where every text of the column does.
        is_plain: The engine reads every text as it stands.
        unreadable: Rows that are no numbers.
        percent: Those of them that are percentages.
        currencies: The currencies named, by code.
        evidence: What decided about the mark, in words; "" where there was nothing to decide.
    """

    mark: str = "."
    removed: tuple[str, ...] = ()
    guard: str = ""
    is_plain: bool = False
    unreadable: int = 0
    percent: int = 0
    currencies: tuple[str, ...] = ()
    evidence: str = ""


PLAIN = NumberPlan(is_plain=True)


@cache
def pattern(mark: str, thousands: str = "") -> str:
    """What a number looks like, given the decimal mark and the thousands mark (any usual one, where none is given).

    Thousands marks must stand where they belong. Minus is a sign before the number or its currency, behind either, or
    brackets around it all.

    >>> texts = ("1,234.5", "1 234", "$-3", "(7.00)", "3 EUR-", "1,5", "0,123", "12 34", "5 %", "-3-", "(1")
    >>> [text for text in texts if re.search(pattern("."), text)]
    ['1,234.5', '1 234', '$-3', '(7.00)', '3 EUR-']
    """
    usual = [other for other in (",", ".", " ", "'") if other != mark]
    others = [thousands] if thousands else usual
    between = [{" ": f"[{_BLANKS}]", "'": f"[{_APOSTROPHES}]"}.get(other, re.escape(other)) for other in others]
    whole = ["[0-9]+", *(f"[1-9][0-9]{{0,2}}(?:{one}[0-9]{{3}})+" for one in between)]
    if "," in others:
        whole.append("[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")  # lakh and crore: 1,23,456
    point = re.escape(mark)
    body = f"(?:(?:{'|'.join(whole)})(?:{point}[0-9]*)?|{point}[0-9]+)"
    blank, minus = f"[{_BLANKS}]?", f"[{''.join(reversed(MINUS))}]"
    before, after = f"(?:{_CURRENCY}{blank})?", f"(?:{blank}{_CURRENCY})?"
    forms = (
        f"(?:{minus}|[+])?{blank}{before}{body}{after}",
        f"{_CURRENCY}{blank}{minus}{blank}{body}",
        f"{before}{body}{after}{blank}{minus}",
        rf"\({before}{body}{after}\)",
    )
    return f"^(?:{'|'.join(forms)})$"


def prove(masks: Sequence[Mask]) -> Proof:
    """What a column proves about its decimal mark.

    >>> prove([Mask("9,99", 7, "2,55"), Mask("9,999", 2, "1,234"), Mask("99", 5, "10")])
    Proof(dot=0, comma=7, either=2, example='1,234')
    """
    dot, comma, either = _sorted_by_mark(masks)
    example = max(either, key=lambda mask: mask.rows).least if either else ""
    return Proof(_rows(dot), _rows(comma), _rows(either), example)


def _sorted_by_mark(masks: Sequence[Mask]) -> tuple[list[Mask], list[Mask], list[Mask]]:
    dot: list[Mask] = []
    comma: list[Mask] = []
    either: list[Mask] = []
    for mask in masks:
        is_dot, is_comma = _is_number(mask.least, "."), _is_number(mask.least, ",")
        if is_dot != is_comma:
            (dot if is_dot else comma).append(mask)
        elif is_dot and ("," in mask.mask or "." in mask.mask):
            either.append(mask)
    return dot, comma, either


def _rows(masks: Iterable[Mask]) -> int:
    return sum(mask.rows for mask in masks)


def _is_number(text: str, mark: str, thousands: str = "") -> bool:
    if _with_exponent(mark).fullmatch(text):
        return math.isfinite(float(text.replace(",", ".")))
    return bool(re.search(pattern(mark, thousands), text))


def _with_exponent(mark: str) -> re.Pattern[str]:
    point = re.escape(mark)
    return re.compile(f"[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)[eE][+-]?[0-9]{{1,3}}")


def decide_mark(proof: Proof, said: str, elsewhere: str) -> tuple[str, str]:
    """The decimal mark of a column and what decided it, in words.

    Args:
        proof: What the column proves.
        said: The mark that the settings give, or "".
        elsewhere: The mark that other columns of the same table prove, or "".

    >>> decide_mark(Proof(comma=7), "", "")
    (',', '7 values can only be read with a decimal comma')
    >>> decide_mark(Proof(either=3, example="1,234"), "", ",")
    (',', '3 values like 1,234 are read as other columns of the table prove: with a decimal comma')
    """
    if said:
        return said, f"decimal = {said!r} is set"
    if proof.comma > proof.dot:
        against = f", {proof.dot:,} only with a decimal point" if proof.dot else ""
        return ",", f"{write_count(proof.comma, 'values')} can only be read with a decimal comma{against}"
    if proof.comma:
        dots = write_count(proof.dot, "values")
        return ".", f"{dots} can only be read with a decimal point, {proof.comma:,} only with a comma"
    if proof.dot or not proof.either:
        return ".", ""
    like = f"{write_count(proof.either, 'values')} like {proof.example}"
    if elsewhere:
        words = {",": "comma", ".": "point"}[elsewhere]
        return elsewhere, f"{like} are read as other columns of the table prove: with a decimal {words}"
    return ".", (f"{like} have three digits behind the mark, and nothing tells a thousands mark from a decimal one")


def plan(
    masks: Sequence[Mask], mark: str, evidence: str = "", thousands: str = "", *, is_all: bool = True
) -> NumberPlan:
    """How to read a column, given its decimal mark.

    Args:
        masks: Its masks.
        mark: The decimal mark.
        evidence: What decided it.
        thousands: The thousands mark that the settings give, or "".
        is_all: Whether the masks are all that there are.

    >>> plan([Mask("$9,999.99", 4, "$1,234.50"), Mask("99 %", 1, "10 %")], ".").removed
    ('$', ',')
    """
    read = [mask for mask in masks if _is_number(mask.mask, mark, thousands)]
    unread = [mask for mask in masks if mask not in read]
    is_even = all(_is_number(mask.least, mark, thousands) for mask in read)  # 0,123 and 1,234 have one mask
    tokens = [token for mask in read for token in _tokens(mask.mask, mark)]
    names = sorted({CURRENCIES[token] for token in tokens if token in CURRENCIES})
    return NumberPlan(
        mark=mark,
        removed=tuple(sorted(dict.fromkeys(tokens), key=lambda token: (-len(token), token))),
        guard="" if is_all and is_even and not unread else pattern(mark, thousands),
        unreadable=_rows(unread),
        percent=_rows(mask for mask in unread if "%" in mask.mask),
        currencies=tuple(names),
        evidence=evidence,
    )


def _tokens(mask: str, mark: str) -> list[str]:
    """What stands in a readable mask beside digits and the decimal mark."""
    if _with_exponent(mark).fullmatch(mask):
        return []
    found = re.findall(_CURRENCY, mask)
    return [*found, *(one for one in re.sub(_CURRENCY, "", mask) if one not in ("9", mark))]
