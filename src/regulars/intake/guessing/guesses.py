"""What `regulars init` guessed about a folder of files: the mapping, how sure it is, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.config import ReaderSettings
from regulars.core.contract import CONTRACT
from regulars.intake.guessing.candidates import confidence_word

if TYPE_CHECKING:
    from regulars.core.config import BasketColumn, Unpivot
    from regulars.intake.guessing.date_evidence import DateEvidence


@dataclass(frozen=True)
class Mapped:
    """One canonical column and the user's column taken for it.

    Args:
        canonical: The canonical column.
        column: The user's name.
        confidence: From 0 to 1.
        reason: Why, in a few words.
        alternatives: Other columns of the user that fit too.
    """

    canonical: str
    column: str
    confidence: float
    reason: str
    alternatives: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """`sure`, `likely` or `a guess`."""
        return confidence_word(self.confidence)


@dataclass(frozen=True)
class ExcludeRule:
    """A rule that may be wanted under `exclude`, and what was seen that suggests it."""

    rule: str
    reason: str


@dataclass(frozen=True)
class LeftOut:
    """A column that is not used, and why."""

    column: str
    reason: str


@dataclass(frozen=True)
class Guess:
    """One canonical table and the files taken for it.

    Args:
        table: The canonical table.
        sources: The user's files.
        columns: The mapping.
        confidence: From 0 to 1, that these files are that table.
        reason: Why, in a few words.
        further: Columns kept under their own names.
        unpivot: Wide columns made long.
        basket: A product list inside a cell.
        reader: What must be said for the files to be read.
        exclude: Rules to consider.
        success: Ids of the statuses that are sales.
        codes: Columns of words that hold codes, by the canonical name, each with its codes.
        left_out: Columns that are not used.
        other_sources: Files that could be this table too.
        dates: What the values say about the dates of the mapped columns, by the user's name.
        notes: What else the user should know.
    """

    table: str
    sources: tuple[str, ...]
    columns: tuple[Mapped, ...]
    confidence: float
    reason: str
    further: tuple[str, ...] = ()
    unpivot: Unpivot | None = None
    basket: BasketColumn | None = None
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    exclude: tuple[ExcludeRule, ...] = ()
    success: tuple[str, ...] = ()
    codes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    other_sources: tuple[str, ...] = ()
    dates: tuple[tuple[str, DateEvidence], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """`sure`, `likely` or `a guess`."""
        return confidence_word(self.confidence)

    @property
    def mapping(self) -> dict[str, str]:
        """Canonical name → the user's name."""
        return {mapped.canonical: mapped.column for mapped in self.columns}

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns that the table cannot do without and for which none was found.

        A key may be missing where the row number can stand for it: contacts of an experiment need no customer.
        """
        if self.reader.format == "baskets":  # baskets without customers still tell what is bought together
            return ()
        made = {self.unpivot.name, self.unpivot.value} if self.unpivot else set()
        contract = CONTRACT[self.table]
        can_be_row_number = contract.key if contract.is_event else ()
        return tuple(
            name
            for name in contract.needed
            if name not in self.mapping and name not in made and name not in can_be_row_number
        )

    @property
    def is_active(self) -> bool:
        """Whether the table is written to be used; otherwise it is written as comments, to be looked at first."""
        return not self.missing and self.confidence >= 0.5


@dataclass(frozen=True)
class Unused:
    """A file that no table is taken from, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Guesses:
    """Everything guessed about a folder, in the order of the contract.

    Args:
        tables: One guess per canonical table that was found.
        unused: Files that serve no table.
        currency: ISO code of the currency whose sign was seen, or "".
        currency_reason: Where it was seen.
    """

    tables: tuple[Guess, ...]
    unused: tuple[Unused, ...] = ()
    currency: str = ""
    currency_reason: str = ""

    def table(self, name: str) -> Guess | None:
        """The guess for a canonical table, or None."""
        return next((guess for guess in self.tables if guess.table == name), None)

    def lines(self) -> list[str]:
        """What was guessed, a line per table, and the files that serve none."""
        found = []
        for guess in self.tables:
            doubtful = [mapped.column for mapped in guess.columns if mapped.word != "sure"]
            doubt = f"; look at {', '.join(doubtful)}" if doubtful else ""
            use = "" if guess.is_active else "; written as comments"
            found.append(
                f"{guess.table} ← {', '.join(guess.sources)}: {guess.word}, {len(guess.columns)} columns{doubt}{use}"
            )
        return [*found, *(f"not used: {unused.path}: {unused.reason}" for unused in self.unused)]
