"""What went wrong, where, and how to mend it.

Every error a user can meet is a `RegularsError`: it carries the place (table, column, rows) and the mend, so that the
command line, Python and the run folder all say the same. `exit_code` is what the command line returns; a scheduler
can act on it without reading the text.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class RegularsError(Exception):
    """A problem with a place and a mend.

    Args:
        message: What is wrong, in one sentence.
        table: The canonical table concerned.
        column: The user's column, or the canonical one where the user named none.
        rows: How many rows are concerned.
        mend: What to do about it, in one sentence.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        table: str | None = None,
        column: str | None = None,
        rows: int | None = None,
        mend: str | None = None,
    ) -> None:
        self.message = message
        self.table = table
        self.column = column
        self.rows = rows
        self.mend = mend
        super().__init__(str(self))

    def __str__(self) -> str:
        place = [
            f"table {self.table}" if self.table else "",
            f"column {self.column}" if self.column else "",
            f"{self.rows:,} rows" if self.rows is not None else "",
        ]
        where = ", ".join(part for part in place if part)
        text = f"{self.message} ({where})" if where else self.message
        return f"{text}\n  → {self.mend}" if self.mend else text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from `args` by default, which here is the finished text.
        return _rebuild, (type(self), self.__dict__)


def _rebuild(kind: type[RegularsError], state: dict[str, object]) -> RegularsError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, str(error))
    return error


class SettingsError(RegularsError):
    """The settings file or a command-line option is wrong. Exit code 2."""

    exit_code = 2


class SourceError(RegularsError):
    """A file or database cannot be read as asked. Exit code 3."""

    exit_code = 3


class DataError(RegularsError):
    """The data were read but cannot answer: no usable rows, a broken key, an ambiguous date. Exit code 4."""

    exit_code = 4


class MissingExtraError(RegularsError):
    """An optional part of the program is not installed. Exit code 5."""

    exit_code = 5

    def __init__(self, extra: str, *, wanted_by: str) -> None:
        self.extra = extra
        super().__init__(
            f"{wanted_by} needs the extra '{extra}', which is not installed",
            mend=f'pip install "regulars[{extra}]"',
        )


class BudgetError(RegularsError):
    """More rows or bytes were asked for than the stated budget allows. Exit code 6."""

    exit_code = 6


class OutputError(RegularsError):
    """The run folder cannot be written: no room, no right, a name taken. Exit code 7."""

    exit_code = 7


class FitError(RegularsError):
    """A model could not be fitted to these data; the message is the stated reason. Exit code 1."""


class ManyErrors(RegularsError):
    """Several problems found in one look, told together.

    The exit code is that of the first.
    """

    def __init__(self, errors: Iterable[RegularsError]) -> None:
        self.errors = tuple(errors)
        self.exit_code = self.errors[0].exit_code if self.errors else 1
        lines = "\n".join(f"- {error}" for error in self.errors)
        super().__init__(f"{len(self.errors)} problems:\n{lines}")


def raise_all(errors: list[RegularsError]) -> None:
    """Raise nothing, the one error, or all of them together.

    >>> raise_all([])
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ManyErrors(errors)


def closest(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest known word, or all of them where none is close.

    >>> closest("recensy_days", ["recency_days", "order_count"])
    "did you mean 'recency_days'?"
    >>> closest("x", ["b", "a"])
    'known: a, b'
    """
    names = sorted(known)
    matches = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else f"known: {', '.join(names)}"
