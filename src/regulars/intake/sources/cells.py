"""What a cell of text looks like: a number, a date, neither. Evidence for how a file is written, no more than that.

What a column is read as is decided later, over all its rows.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGN = r"[-+\u2212]?"
_CURRENCY = r"(?:[$£€¥₹₺₽]|[A-Z]{3}|R\$|kr|zł|CHF)?"
_GROUPS = r"\d{1,3}(?:[ .,'\u00a0\u202f]\d{3})+"
_NUMBER = re.compile(
    rf"\(?{_SIGN}{_CURRENCY}\s?{_SIGN}(?:\d+|{_GROUPS})?(?:[.,]\d+)?(?:[eE][-+]?\d{{1,3}})?\s?{_CURRENCY}\s?%?\)?"
)
_DATE = re.compile(
    r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- ./][A-Za-zé]{3,9}\.?[- ./,]{1,2}\d{2,4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{2,4}|\d{4}-\d{2}|\d{4}-?Q[1-4]|\d{4}-?W\d{2})"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s?(?:[AaPp]\.?[Mm]\.?)?\s?(?:Z|UTC|GMT|[-+]\d{2}:?\d{2})?)?"
    r"|\d{1,2}:\d{2}(?::\d{2})?"
)
_COMMA_DECIMAL = re.compile(r"(?:^|\D)(?:\d{1,3}(?:[. '\u00a0\u202f]\d{3})+,\d+|0,\d+|\d+,(?:\d{1,2}|\d{4,}))(?:\D|$)")
_DOT_DECIMAL = re.compile(r"(?:^|\D)(?:\d{1,3}(?:[, '\u00a0\u202f]\d{3})+\.\d+|0\.\d+|\d+\.(?:\d{1,2}|\d{4,}))(?:\D|$)")
_THOUSANDS = re.compile(r"\d{1,3}([., '\u00a0\u202f])\d{3}(?:\1\d{3})*(?:([.,])\d+)?(?:\D|$)")


def is_number(cell: str) -> bool:
    """Whether a cell looks like a number, in any common notation.

    >>> [is_number(cell) for cell in ("12", "1.234,5", "$1,000.00", "(3)", "12 %", "A1", "")]
    [True, True, True, True, True, False, False]
    """
    bare = cell.strip()
    return any(map(str.isdigit, bare)) and _NUMBER.fullmatch(bare) is not None


def is_typed(cell: str) -> bool:
    """Whether a cell looks like a number, a date or a time.

    >>> [is_typed(cell) for cell in ("12/1/10 8:26", "3 Jan 2020", "2020-01-01T10:00:00Z", "no")]
    [True, True, True, False]
    """
    bare = cell.strip()
    return is_number(bare) or _DATE.fullmatch(bare) is not None


def number_marks(cells: Sequence[str]) -> tuple[str, str]:
    """The decimal mark and the thousands mark that nearly all numbers agree on; "" where they do not, or show none.

    >>> number_marks(["1.234,50", "3,5"])
    (',', '.')
    >>> number_marks(["1,234"])
    ('', '')
    """
    decimals: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    for cell in cells:
        if _COMMA_DECIMAL.search(cell):
            decimals[","] += 1
        elif _DOT_DECIMAL.search(cell):
            decimals["."] += 1
    decimal = _agreed(decimals)
    if not decimal:
        return "", ""
    for cell in cells:
        match = _THOUSANDS.search(cell)
        if match and match[1] != decimal and match[2] in (None, decimal):
            thousands[" " if match[1] in "\u00a0\u202f" else match[1]] += 1
    return decimal, _agreed(thousands)


def _agreed(marks: Counter[str]) -> str:
    if not marks:
        return ""
    mark, count = marks.most_common(1)[0]
    return mark if count >= 0.95 * marks.total() else ""
