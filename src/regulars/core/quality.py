"""What was found out about the data on the way in, and what was done.

Nothing of a user's data is lost or changed in silence: for every table the rows accepted, repaired and set aside add
up to the rows read, and every check says how many rows it found, shows some, says what was done and how to change
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["reported", "repaired", "set aside", "asked"]
"""What was done about the rows of a check. `asked`: nothing could be decided without the user."""
Severity = Literal["note", "warning", "problem"]


@dataclass(frozen=True)
class CheckResult:
    """One check on one table.

    Args:
        check: Its name; also the key in `[checks]` that changes what is done.
        table: The canonical table.
        column: The column, or "".
        rows: How many rows it found (or groups, days, values: `unit` says).
        of: How many it looked at.
        sentence: What is so, in plain words with its numbers.
        done: What was done.
        outcome: The same in one word.
        change: How to have it done otherwise.
        severity: How much it matters.
        unit: What `rows` counts.
        examples: Some of the rows, as (column, value) pairs.
        sql: The query that returns them.
    """

    check: str
    table: str
    column: str
    rows: int
    of: int
    sentence: str
    done: str
    outcome: Outcome = "reported"
    change: str = ""
    severity: Severity = "note"
    unit: str = "rows"
    examples: tuple[tuple[tuple[str, str], ...], ...] = ()
    sql: str = ""

    @property
    def share(self) -> float | None:
        """The rows found as a share of those looked at; None where nothing was looked at."""
        return self.rows / self.of if self.of else None


@dataclass(frozen=True)
class Account:
    """Where the rows of one table went. `reasons` counts the rows set aside, `repairs` the rows repaired."""

    table: str
    sources: tuple[str, ...]
    read: int
    accepted: int
    repaired: int
    set_aside: int
    reasons: tuple[tuple[str, int], ...] = ()
    repairs: tuple[tuple[str, int], ...] = ()
    unmapped: tuple[str, ...] = ()

    @property
    def balances(self) -> bool:
        """Whether accepted + repaired + set aside = read."""
        return self.accepted + self.repaired + self.set_aside == self.read


@dataclass(frozen=True)
class DataQuality:
    """All accounts and checks of one load."""

    accounts: tuple[Account, ...] = ()
    checks: tuple[CheckResult, ...] = ()

    def account(self, table: str) -> Account:
        """The account of a table.

        Raises:
            KeyError: The table was not read.
        """
        for account in self.accounts:
            if account.table == table:
                return account
        raise KeyError(table)
