"""A table while its files are gathered: what all readers need, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.errors import SourceError, closest
from regulars.intake.sources import places
from regulars.intake.sources.places import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from regulars.core.config import ReaderSettings
    from regulars.core.quality import Severity
    from regulars.intake.sources.archives import Part
    from regulars.intake.sources.dialect import Dialect
    from regulars.intake.sources.staging import Staging


@dataclass(frozen=True)
class Loaded:
    """What is in the engine now.

    Args:
        columns: The user's columns.
        is_text: Whether all of them are text.
        sources: The files, in the order of their parts.
        dialect: Of the first file, where it is delimited.
        has_problems: Whether there is a column `_problem`.
        is_view: Whether the rows stay in their files, and bring `_path` and `_row` along.
    """

    columns: tuple[str, ...]
    is_text: bool
    sources: tuple[SourceFile, ...]
    dialect: Dialect | None = None
    has_problems: bool = False
    is_view: bool = False


@dataclass
class Work:
    """A table while it is read: where it goes, how it is read, and what was noticed."""

    table: str
    name: str
    reader: ReaderSettings
    folder: Path
    staging: Staging
    notes: list[CheckResult] = field(default_factory=list)

    def note(
        self,
        check: str,
        sentence: str,
        done: str,
        *,
        rows: int = 0,
        of: int = 0,
        change: str = "",
        is_warning: bool = False,
        unit: str = "rows",
    ) -> None:
        """Remember what was decided or noticed."""
        severity: Severity = "warning" if is_warning else "note"
        self.notes.append(
            CheckResult(check, self.table, "", rows, of, sentence, done, "reported", change, severity, unit)
        )

    def note_passed_over(self, source: str, names: Sequence[str]) -> None:
        """Remember the files beside the data."""
        if names:
            some = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            self.note(
                "other_files",
                f"{source}: {len(names)} files are no data ({some})",
                "they are passed over",
                rows=len(names),
                change="name the files one by one",
                unit="files",
            )

    def note_renamed(self, shown: str, renamed: Iterable[tuple[str, str]]) -> None:
        """Remember columns whose names had to change."""
        pairs = list(renamed)
        if pairs:
            told = ", ".join(f"'{old}' is now '{new}'" if old else f"a nameless one is '{new}'" for old, new in pairs)
            self.note(
                "column_names",
                f"{shown}: columns have names that are missing, repeated or reserved",
                told,
                rows=len(pairs),
                change="name them in the file's header",
                is_warning=True,
                unit="columns",
            )


def source_file(part: Part, rows: int | None = None) -> SourceFile:
    """A file with its size and fingerprint."""
    size, digest = places.fingerprint(part.path)
    return SourceFile(part.shown, size, digest, rows)


def several(names: Sequence[str]) -> str:
    """One name, and how many more.

    >>> several(["a.csv"]), several(["a.csv", "b.csv", "c.csv"])
    ('a.csv', 'a.csv and 2 more files')
    """
    more = len(names) - 1
    return names[0] if not more else f"{names[0]} and {more} more {'file' if more == 1 else 'files'}"


def same_columns(files: Sequence[tuple[str, Sequence[str], bool]]) -> None:
    """Refuse files that do not have the same columns; their order may differ where they have names.

    Raises:
        SourceError: A file lacks a column of the first one, or has another.
    """
    first_shown, first, _ = files[0]
    for shown, columns, named in files[1:]:
        if not named and len(columns) != len(first):
            raise SourceError(
                f"{shown} has {len(columns)} columns without names, {first_shown} has {len(first)}",
                mend="read them as two sources, or give both a header",
            )
        missing = [name for name in first if name not in columns]
        further = [name for name in columns if name not in first]
        if missing:
            hint = closest(missing[0], further) if further else "add it"
            raise SourceError(
                f"{shown} has no column '{missing[0]}', which {first_shown} has",
                column=missing[0],
                mend=f"{hint} (the files of a table must have the same columns; rename it in one of them)",
            )
        if further:
            raise SourceError(
                f"{shown} has the column '{further[0]}', which {first_shown} has not",
                column=further[0],
                mend="take it out, or add it to the other files: the files of a table must have the same columns",
            )


def refuse_no_rows(sources: Sequence[SourceFile], columns: Sequence[str]) -> None:
    """Refuse sources that have columns but no row.

    Raises:
        SourceError: There is no row in any of them.
    """
    if not any(source.rows for source in sources):
        raise SourceError(
            f"{sources[0].path} has only a header and no rows: {', '.join(columns[:10])}",
            mend="export it anew, or set reader = { header = false } where that row is data",
        )
