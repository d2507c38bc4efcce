"""Small pieces of Markdown that the drawn pages are made of, and how docstrings are read."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HEADING = re.compile(r"^(Args|Returns|Raises|Source|Sources):", flags=re.MULTILINE)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A table; a bar inside a cell does not end it.

    >>> print(table(["a"], [["x|y"]]))
    | a |
    |---|
    | x\|y |
    """
    lines = [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or "–"


def summary(item: Any) -> str:
    """The docstring up to its sections, in one paragraph per paragraph."""
    text = inspect.getdoc(item) or ""
    return _HEADING.split(text)[0].strip()


def arguments(item: Any) -> dict[str, str]:
    """What the section `Args` of a docstring says of each argument.

    >>> def add(a, b):
    ...     '''Sum.
    ...
    ...     Args:
    ...         a: The first,
    ...             whatever it is.
    ...         b: The second.
    ...     '''
    >>> arguments(add)
    {'a': 'The first, whatever it is.', 'b': 'The second.'}
    """
    text = inspect.getdoc(item) or ""
    found = re.search(r"^Args:\n((?:[ ]{4}.*\n?|\n)+)", text, flags=re.MULTILINE)
    told: dict[str, str] = {}
    name = ""
    for line in found[1].splitlines() if found else ():
        start = re.match(r"^    (\w+): (.*)", line)
        if start:
            name = start[1]
            told[name] = start[2].strip()
        elif name and line.strip():
            told[name] += " " + line.strip()
    return told


def settings(kind: type, where: str) -> list[list[str]]:
    """Rows of (setting, default, what it takes, what it says), one per field of a settings class."""
    told, hints = arguments(kind), get_type_hints(kind)
    return [
        [
            f"`{one.name}`" if not where else f"`{where}{one.name}`",
            _default(one),
            type_words(hints[one.name]),
            told.get(one.name) or one.metadata.get("help", ""),
        ]
        for one in dataclasses.fields(kind)
    ]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return toml(field.default)
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return toml(made) if isinstance(made, list | tuple | dict) else "as found"
    return "must be said"


def toml(value: Any) -> str:
    """A default as it would be written in the settings file.

    >>> toml(True), toml(()), toml(("a", "b")), toml("")
    ('`true`', '`[]`', '`["a", "b"]`', '`""`')
    """
    return f"`{_toml(value)}`" if value is not None else "as found"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return "{}" if value == {} else f"{value}"


_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def type_words(hint: Any) -> str:
    """An annotation in plain words.

    >>> type_words(int), type_words(tuple[str, ...]), type_words(Literal["a", "b"])
    ('whole number', 'list of text', '`"a"`, `"b"`')
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f'`"{one}"`' for one in inner)
    if origin is tuple:
        return f"list of {type_words(inner[0])}"
    if origin is dict:
        return "table of name = value"
    if inner:
        return " or ".join(type_words(one) for one in inner if one is not type(None))
    return _WORDS.get(hint, "table")
