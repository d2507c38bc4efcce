"""Settings become dataclasses: one mechanism for the settings file, the command line and Python.

A dataclass is its own schema: field names are the keys, annotations the types, defaults the defaults. Unknown keys
are refused with the closest match, and all problems are told at once.
"""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from regulars.errors import RegularsError, SettingsError, closest

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], section: str, errors: list[RegularsError]) -> T | None:
    """A settings dataclass from the values of one section.

    Args:
        kind: The dataclass.
        values: Keys and values as TOML or the command line gives them.
        section: Where they came from, for the messages.
        errors: Problems are added here; the caller raises them all together.

    Returns:
        The dataclass, or None where a value was refused.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Rfm:
    ...     levels: int = 5
    >>> build(Rfm, {"levels": 7}, "rfm", [])
    Rfm(levels=7)
    >>> problems = []
    >>> build(Rfm, {"level": 7}, "rfm", problems)
    >>> print(problems[0].message)
    [rfm] has no setting 'level'
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    found: list[RegularsError] = []
    ready: dict[str, Any] = {}
    for key, value in values.items():
        if key not in fields:
            found.append(SettingsError(f"[{section}] has no setting '{key}'", mend=closest(key, fields)))
            continue
        try:
            ready[key] = convert(value, hints[key], f"{section}.{key}", found)
        except (TypeError, ValueError) as problem:
            found.append(SettingsError(f"[{section}] {key} = {value!r} is refused", mend=str(problem)))
    missing = [name for name, field in fields.items() if _is_required(field) and name not in values]
    found.extend(SettingsError(f"[{section}] lacks the setting '{name}'", mend=f"add {name} = …") for name in missing)
    errors.extend(found)
    if found:
        return None
    try:
        return kind(**ready)
    except (RegularsError, ValueError) as problem:
        errors.append(problem if isinstance(problem, RegularsError) else SettingsError(f"[{section}] {problem}"))
        return None


def apart(values: Mapping[str, Any], kind: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """A section's own settings, and its named sub-sections: `[experiments.letter]` beside `[experiments]`.

    A sub-table is a named sub-section unless the section has a setting of that name.

    Args:
        values: Keys and values of the section.
        kind: The dataclass of a sub-section; a name of one of its settings is refused as the name of a sub-section,
            since the heading with the name was most likely forgotten.

    Returns:
        The section's own values, and the sub-sections by name.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Trial:
    ...     arm: str = "arm"
    >>> apart({"level": 0.9, "letter": {"arm": "group"}}, Trial)
    ({'level': 0.9}, {'letter': {'arm': 'group'}})
    """
    settings = {field.name for field in dataclasses.fields(kind)}
    named = {name: value for name, value in values.items() if isinstance(value, dict) and name not in settings}
    return {name: value for name, value in values.items() if name not in named}, named


def build_named(kind: type[T], named: Mapping[str, Any], section: str, errors: list[RegularsError]) -> dict[str, T]:
    """The named sub-sections of a section, each a settings dataclass; arguments as `build`.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Trial:
    ...     arm: str = "arm"
    >>> build_named(Trial, {"letter": {"arm": "group"}}, "experiments", [])
    {'letter': Trial(arm='group')}
    """
    built = {name: build(kind, values, f"{section}.{name}", errors) for name, values in named.items()}
    return {name: one for name, one in built.items() if one is not None}


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def convert(value: Any, hint: Any, where: str, errors: list[RegularsError]) -> Any:
    """One value as its annotation asks; lists become tuples, sub-tables dataclasses.

    Raises:
        TypeError, ValueError: The value does not fit; the message says what would.
    """
    origin = get_origin(hint)
    if origin is Literal:
        return _choice(value, get_args(hint))
    if origin in (Union, types.UnionType):
        return _any_of(value, get_args(hint), where, errors)
    if origin is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(convert(item, get_args(hint)[0], where, errors) for item in items)
    if origin is dict:
        if not isinstance(value, dict):
            raise TypeError("a table is expected: { name = value, … }")
        inner = get_args(hint)[1]
        return {str(key): convert(item, inner, f"{where}.{key}", errors) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise TypeError("a table is expected: { name = value, … }")
        return build(hint, value, where, errors)  # type: ignore[arg-type]
    return _scalar(value, hint)


def _choice(value: Any, allowed: tuple[Any, ...]) -> Any:
    if value in allowed:
        return value
    raise ValueError(f"use one of: {', '.join(repr(choice) for choice in allowed)}")


def _any_of(value: Any, hints: tuple[Any, ...], where: str, errors: list[RegularsError]) -> Any:
    if value is None and type(None) in hints:
        return None
    problems: list[str] = []
    for hint in hints:
        if hint is type(None):
            continue
        try:
            return convert(value, hint, where, errors)
        except (TypeError, ValueError) as problem:
            problems.append(str(problem))
    raise ValueError(" or ".join(problems))


def _scalar(value: Any, hint: Any) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and hasattr(value, "isoformat"):  # TOML dates are dates; settings keep their text
        return value.isoformat()
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    raise TypeError(f"{words.get(hint, getattr(hint, '__name__', str(hint)))} is expected")


def read_text(text: str) -> Any:
    """A value typed on the command line (`--set rfm.levels=7`), read as TOML; what is not TOML is text.

    >>> read_text("7"), read_text("true"), read_text("[1, 2]"), read_text("monthly")
    (7, True, [1, 2], 'monthly')
    """
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
