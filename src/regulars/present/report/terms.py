"""Terms with their definitions, shown on hover and on focus without a script.

A term is a focusable word that is described by a hidden text beside it; the style sheet shows the text while the word
is pointed at or focused, and a screen reader reads it as the word's description.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from regulars.present.tables import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Terms:
    """Marks words that have a definition; one for a whole page, so that no id occurs twice."""

    def __init__(self) -> None:
        self._ids: Iterator[int] = count(1)

    def tip(self, words: str, meaning: str, kind: str = "") -> Markup:
        """Words with their definition; the words alone where there is none.

        Args:
            words: What is read.
            meaning: What it means.
            kind: A further class for the style sheet.
        """
        if not meaning:
            return escape(clean(words))
        place = f"d{next(self._ids)}"
        return Markup(
            '<span class="tipped"><span class="term {}" tabindex="0" aria-describedby="{}">{}</span>'
            '<span class="tip" role="tooltip" id="{}">{}</span></span>'
        ).format(kind, place, clean(words), place, clean(meaning))

    def mark(self, text: str, definitions: Mapping[str, str]) -> Markup:
        """A text in which the first mention of each defined term has its definition."""
        text = clean(text)
        if not definitions:
            return escape(text)
        meanings = {clean(term).lower(): meaning for term, meaning in definitions.items() if term}
        longest_first = sorted(meanings, key=len, reverse=True)
        pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(s?)(?!\w)", re.IGNORECASE)
        parts: list[Markup] = []
        seen: set[str] = set()
        end = 0
        for found in pattern.finditer(text):
            term = found[1].lower()
            if term in seen:
                continue
            seen.add(term)
            parts += [escape(text[end : found.start()]), self.tip(found[0], meanings[term])]
            end = found.end()
        return Markup("").join([*parts, escape(text[end:])])
