"""A planned event in the settings: on which days, and like which event of the past or by how much."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from regulars.errors import SettingsError, closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.models.events import Effect

_SHAPE = re.compile(r"(\d{4}-\d\d-\d\d)(?:/(\d{4}-\d\d-\d\d))?\s+(?:like\s+(.+)|([+\-−]\s*\d+(?:\.\d+)?)\s*%)")


@dataclass(frozen=True)
class Plan:
    """A planned event.

    Args:
        first: Its first day.
        last: Its last day.
        like: The name of the past event it is taken to be like, or "".
        change: The change of sales it is taken to bring, where it is not like any.
    """

    first: date
    last: date
    like: str = ""
    change: float = 0.0

    @property
    def words(self) -> str:
        """What it is taken to be."""
        return f"like “{self.like}”" if self.like else f"{100 * self.change:+g} %".replace("-", "−")

    def factor(self, effects: Mapping[str, Effect]) -> tuple[float, float, float]:
        """The factor on sales with its interval; a change that was set has none.

        Raises:
            SettingsError: There is no such event in the past, or nothing can be told of it.
        """
        if not self.like:
            return 1 + self.change, 1 + self.change, 1 + self.change
        found = effects.get(self.like)
        if found is None:
            raise SettingsError(
                f"[forecast] what_if: there is no event '{self.like}' in the past",
                mend=closest(self.like, list(effects)),
            )
        if found.why_not:
            raise SettingsError(
                f"[forecast] what_if: of '{self.like}' nothing can be told: {found.why_not}",
                mend="say by how much: +20 %",
            )
        return found.factor, found.low, found.high


def parse(text: str) -> Plan:
    """A plan as it is written in the settings.

    Raises:
        SettingsError: It is not understood.

    >>> parse("2023-01-20/2023-01-26 like Lunar New Year").like
    'Lunar New Year'
    >>> parse("2023-03-01 +20 %").change
    0.2
    """
    found = _SHAPE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        first = date.fromisoformat(found[1])
        last = date.fromisoformat(found[2]) if found[2] else first
    except ValueError as error:
        raise SettingsError(
            f"[forecast] what_if = {text!r} is not understood",
            mend='write "2023-01-20/2023-01-26 like Lunar New Year" or "2023-01-20/2023-01-26 +20 %"',
        ) from error
    if last < first:
        raise SettingsError(f"[forecast] what_if = {text!r} ends before it starts", mend="swap the two dates")
    change = float(found[4].replace(" ", "").replace("−", "-")) / 100 if found[4] else 0.0
    if change <= -1:
        raise SettingsError(f"[forecast] what_if = {text!r} takes away more than there is", mend="use at least −99 %")
    return Plan(first, last, (found[3] or "").strip(), change)
