"""The commented settings file that `regulars init` writes: the mapping as it was guessed, with how sure and why.

The file is meant to be read and mended by a person: what is not sure says so beside the line, and what could not be
decided stands there as a comment that asks. Names of files and columns come from outside, so each is written as a TOML
string that can hold anything, and in comments without what would end the line or hide a part of it.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from regulars.core.config import ReaderSettings
from regulars.core.contract import CONTRACT
from regulars.intake.guessing.wide_columns import as_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from regulars.intake.guessing.guesses import Guess, Guesses, Mapped

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_COMMENT_COLUMN = 44
_WIDTH = 118
_MANY_SOURCES = 6


def settings_text(guesses: Guesses, name: str) -> str:
    """The text of `regulars.toml`.

    Args:
        guesses: What was guessed about the folder.
        name: Name of the company or data set.

    Returns:
        TOML that `regulars.core.config.load` accepts, whatever the names in it.
    """
    known = [*(source for guess in guesses.tables for source in guess.sources), *(one.path for one in guesses.unused)]
    parts = [_heading(guesses), _dataset(guesses, name), *(_table(guess, known) for guess in guesses.tables)]
    if not guesses.tables:
        parts.append(_EXAMPLE)
    if guesses.unused:
        parts.append(
            ["# Files that no table is taken from:", *_bullets((one.path, one.reason) for one in guesses.unused)]
        )
    parts.append(
        [
            "# Every analysis has a section of its own for its settings; `regulars list` names them. For example:",
            "#[rfm]",
            "#levels = 5",
        ]
    )
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


# -- TOML -------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    r"""A TOML string.

    Raises:
        ValueError: The text holds half a character (a file name that is not UTF-8), which TOML cannot express.

    >>> quoted('a "b"\\c'), quoted("line\u202eend")
    ('"a \\"b\\"\\\\c"', '"line\\u202Eend"')
    """
    if not is_writable(text):
        raise ValueError("half a character cannot be written")
    return f'"{"".join(map(_escaped, text))}"'


def is_writable(text: str) -> bool:
    """Whether TOML can express a text: it knows no half characters."""
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04X}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08X}"


def _plain(text: str, most: int = 200) -> str:
    """A text for a comment: on one line, nothing invisible, not endless."""
    shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(map(_value, value)) + "]"


def _line(key: str, value: Any, comment: str = "", *, is_comment: bool = False) -> str:
    """One setting with what there is to say about it; as a comment where it cannot be written or is not to be used."""
    try:
        start = f"{key} = {_value(value)}"
    except ValueError:
        start, is_comment = f"{key} = {_plain(str(value))}", True
        comment = "cannot be written in TOML: rename it"
    if is_comment:
        start = f"#{start}"
    return f"{start:<{_COMMENT_COLUMN}}  # {_plain(comment, 300)}" if comment else start


def _list_lines(key: str, values: Sequence[str], comment: str = "") -> list[str]:
    """A list on one line where it fits, else one line for each value."""
    writable = [value for value in values if is_writable(value)]
    short = _line(key, writable, comment)
    if len(short) <= _WIDTH or len(writable) < 2:
        return [short]
    head = f"{key} = [" + (f"  # {_plain(comment, 300)}" if comment else "")
    return [head, *(f"    {quoted(value)}," for value in writable), "]"]


def _wrapped(start: str, words: Iterable[str]) -> list[str]:
    """Words after a start, as comment lines that are not too long."""
    lines, line = [], start
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH and line != start:
            lines.append(line.rstrip())
            line = "#    "
        line += f" {_plain(word)},"
    return [*lines, line.rstrip(",")]


def _sentence(text: str) -> list[str]:
    return textwrap.wrap(_plain(text, 400), _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _bullets(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"#   {_plain(name)}: {_plain(reason, 300)}" for name, reason in pairs]


# -- sections ---------------------------------------------------------------------------------------


def _heading(guesses: Guesses) -> list[str]:
    doubtful = sum(mapped.word != "sure" for guess in guesses.tables for mapped in guess.columns)
    lines = [
        "# What each file and column is, as guessed from names and values of the first rows.",
        "# On the left is the name that regulars knows, on the right your own; behind it how sure that is, and why.",
        "# A setting with a # right before it is not in use: take the # away to use it.",
        "# Then: `regulars check` says what the data look like, and `regulars run` writes the report.",
    ]
    if doubtful:
        lines.insert(2, f"# Look first at the lines that do not say sure: {doubtful} of them.")
    return lines


def _dataset(guesses: Guesses, name: str) -> list[str]:
    lines = ["[dataset]", _line("name", name if is_writable(name) else _plain(name))]
    if guesses.currency:
        sure = "likely" if guesses.currency in ("USD", "JPY") else "sure"
        other = "; other countries write it too" if sure == "likely" else ""
        lines.append(_line("currency", guesses.currency, f"{sure}: {guesses.currency_reason}{other}"))
    else:
        why = f" ({guesses.currency_reason})" if guesses.currency_reason else ""
        lines.append(_line("currency", "", f"the ISO code of all money, such as EUR or GBP; it was not found{why}"))
    lines += [
        _line("as_of", "last_order", 'the day that "now" stands for: the last order, or a date such as "2024-12-31"'),
        *_money_lines(guesses),
        _line(
            "timezone", "Europe/London", "times with an offset are turned into this zone's; else UTC", is_comment=True
        ),
        _line("country", "GB", "for public holidays", is_comment=True),
        _line(
            "exclude_periods",
            ["2020-04-01/2021-12-31"],
            "days that are not in the data, or not to count",
            is_comment=True,
        ),
    ]
    return lines


def _money_lines(guesses: Guesses) -> list[str]:
    """Which column is the money: the default said, and the choice as a comment."""
    mapped = {one.canonical: one.column for guess in guesses.tables for one in guess.columns if _is_purchase(guess)}
    amount = mapped.get("amount") or (f"quantity × {mapped['unit_price']}" if "unit_price" in mapped else "")
    figures = {"paid": mapped.get("paid", ""), "amount": amount}
    if amount and "discount" in mapped:
        figures = {
            "paid": figures["paid"],
            "amount_less_discount": f"{amount} − {mapped['discount']}",
            "amount": amount,
        }
    there = {key: text for key, text in figures.items() if text}
    if not there:
        return ["# money: no column of money was found"]
    first, *others = there
    comment = f"which figure is the money; now {there[first]}"
    if others:
        comment += "; or " + ", ".join(f'"{key}" ({there[key]})' for key in others)
    return [_line("money", first, comment, is_comment=True)]


def _is_purchase(guess: Guess) -> bool:
    return guess.table in ("lines", "orders") and guess.is_active


def _table(guess: Guess, known: Sequence[str]) -> list[str]:
    contract = CONTRACT[guess.table]
    start = f"{guess.table}: one row for each {contract.grain}. {guess.word.capitalize()}: {guess.reason}."
    notes = [line for note in guess.notes for line in _sentence(f"{note}.")]
    lines = [*_sentence(start), *notes, *_notes_above(guess), f"[tables.{guess.table}]"]
    lines += _list_or_one("source", _as_patterns(guess.sources, known))
    if guess.other_sources:
        lines += _wrapped("#   could be this table too:", guess.other_sources[:10])
    lines += _reader_lines(guess)
    if guess.basket:
        lines.append(_line("basket", _set_fields(guess.basket), "a product list in a cell: one line for each entry"))
    if guess.unpivot:
        lines.append(_line("unpivot", _set_fields(guess.unpivot), "one row for each of these columns"))
    if guess.further:
        lines += _list_lines("further", [as_pattern(name) for name in guess.further], "kept under their own names")
    lines += _success_lines(guess)
    lines += _exclude_lines(guess)
    lines += ["", f"[tables.{guess.table}.columns]", *_column_lines(guess)]
    lines += _code_lines(guess)
    if guess.left_out:
        lines += ["# Columns that are not used:", *_bullets((one.column, one.reason) for one in guess.left_out)]
    writable = any(is_writable(source) for source in guess.sources)
    return lines if guess.is_active and writable else [_commented(line) for line in lines]


def _commented(line: str) -> str:
    return line if line.startswith("#") else f"#{line}"


def _notes_above(guess: Guess) -> list[str]:
    if guess.missing:
        return [f"# Not in use: nothing was found for {', '.join(guess.missing)}. Fill it in and take the # away."]
    if not guess.is_active:
        return ["# Not in use, for it is only a guess. Take the # away where it is right."]
    return []


def _list_or_one(key: str, values: Sequence[str]) -> list[str]:
    return [_line(key, values[0])] if len(values) == 1 else _list_lines(key, values)


def _as_patterns(sources: Sequence[str], known: Sequence[str]) -> list[str]:
    """Many files as one pattern, where it means just these of all that are known."""
    first = PurePosixPath(sources[0])
    pattern = f"{as_pattern(first.parent.as_posix())}/*{first.suffix}".removeprefix("./")
    if len(sources) > _MANY_SOURCES and {one for one in known if fnmatchcase(one, pattern)} == set(sources):
        return [pattern]
    return list(sources)


def _set_fields(settings: Any) -> dict[str, Any]:
    """The fields of a settings dataclass that are set."""
    found = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in found.items()
        if value not in ("", (), None)
    }


def _reader_lines(guess: Guess) -> list[str]:
    """How the file is read; as a comment that asks where the order of day and month is open."""
    said = _set_fields(guess.reader)
    lines = [_line("reader", said, "how the file is read")] if guess.reader != ReaderSettings() else []
    for column, dates in guess.dates:
        if dates.order in ("undecided", "contradictory"):
            asked = _line("reader", {**said, "date_order": "day_first"}, "or month_first", is_comment=True)
            words = (
                f"PLEASE SAY: {column} has {dates.words}. `regulars check` looks at every row; if they are silent too:"
            )
            return [*lines, *_sentence(words), asked]
    return lines


def _success_lines(guess: Guess) -> list[str]:
    if guess.table != "statuses":
        return []
    if guess.success:
        return _list_lines(
            "success", guess.success, "the statuses that are sales, by what they say; the others are attempts"
        )
    if "is_success" in guess.mapping:
        return []
    by_group = "now those without an error_group; or list them" if "error_group" in guess.mapping else "PLEASE SAY"
    return [_line("success", ["…"], f"which statuses are sales: {by_group}", is_comment=True)]


def _exclude_lines(guess: Guess) -> list[str]:
    """Rows that could be set aside: only said, for setting rows aside is the user's choice."""
    if not guess.exclude:
        return []
    return [
        _line("exclude", [one.rule for one in guess.exclude], "rows to set aside, if you agree:", is_comment=True),
        *_bullets((one.rule, one.reason) for one in guess.exclude),
    ]


def _column_lines(guess: Guess) -> list[str]:
    lines = [_mapping_line(mapped) for mapped in guess.columns]
    contract = CONTRACT[guess.table]
    for name in guess.missing:
        column = contract.column(name)
        lines.append(_line(name, "", f"needed: {column.meaning if column else ''}"))
    made = {guess.unpivot.name, guess.unpivot.value} if guess.unpivot else set()
    made |= {"product_id", "quantity"} if guess.basket else set()
    open_names = [name for name in contract.names if name not in {*guess.mapping, *guess.missing, *made}]
    if guess.table == "lines" and "order_id" in open_names and "customer_id" in guess.mapping:
        lines.append("# Without an order_id, what a customer buys on one day is one order.")
    if open_names:
        lines += _wrapped("# Nothing was found for:", open_names)
    return lines


def _code_lines(guess: Guess) -> list[str]:
    """Codes that could have words: only said, for nobody but the user knows them."""
    if not guess.codes:
        return []
    return [
        "# Codes may have words, which report and lists then say; a code that is not named stays as it is:",
        f"#[tables.{guess.table}.values]",
        *(_line(name, {quoted(code): "…" for code in codes}, is_comment=True) for name, codes in guess.codes),
    ]


def _mapping_line(mapped: Mapped) -> str:
    others = f"; or {', '.join(mapped.alternatives)}" if mapped.alternatives else ""
    key = mapped.canonical if _BARE_KEY.fullmatch(mapped.canonical) else quoted(mapped.canonical)
    return _line(key, mapped.column, f"{mapped.word}: {mapped.reason}{others}")


_EXAMPLE = [
    "# No table was recognised. Say what the files are, as in:",
    "#[tables.lines]",
    '#source = "sales.csv"',
    "#",
    "#[tables.lines.columns]",
    '#order_id = "Invoice"',
    '#customer_id = "Customer"',
    '#ordered_at = "Date"',
    '#product_id = "Article"',
    '#quantity = "Quantity"',
    '#unit_price = "Price"',
]
