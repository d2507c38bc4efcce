"""Which of the user's columns could be which canonical column: names and values weighed together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from regulars.core.config import ReaderSettings
from regulars.core.contract import CONTRACT
from regulars.intake.guessing.profiles import ColumnProfile, FileSample, profile_column
from regulars.intake.guessing.vocabulary import name_score, read_name, subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.core.contract import Column

SURE, LIKELY, LEAST = 0.85, 0.6, 0.35
"""From which confidence on a guess is called sure or likely; below the last it is not made."""

_NAMELESS = re.compile(r"(?:column|col|field|f|v|c|unnamed:?)[ _]?\d+", re.IGNORECASE)
_EXPERIMENT = frozenset((
    "control", "treatment", "treated", "test", "testgroup", "holdout", "placebo", "variant", "baseline", "kontrolle",
    "kontrollgruppe", "temoin",
))  # fmt: skip
_NO_CONTACT = re.compile(r"no[ _-]?(?:e-?mail|mail|contact|offer|campaign|treatment)|none|[ab]", re.IGNORECASE)


def confidence_word(confidence: float) -> str:
    """The word for a confidence.

    >>> confidence_word(0.9), confidence_word(0.7), confidence_word(0.4)
    ('sure', 'likely', 'a guess')
    """
    return "sure" if confidence >= SURE else "likely" if confidence >= LIKELY else "a guess"


def joined(one: float, other: float) -> float:
    """Two independent reasons for the same thing, as one confidence.

    >>> round(joined(0.6, 0.5), 2)
    0.8
    """
    return 1 - (1 - one) * (1 - other)


@dataclass(frozen=True)
class FileGroup:
    """Files with the same columns, taken as the parts of one table.

    Args:
        sources: Their paths.
        profiles: The user's columns, in order.
        subject: What the files are about, by their own name.
        n_rows: Rows of all of them, where known.
        has_names: Whether the columns have names at all.
        reader: How they are read, where it must be said.
    """

    sources: tuple[str, ...]
    profiles: Mapping[str, ColumnProfile]
    subject: str = ""
    n_rows: int | None = None
    has_names: bool = True
    reader: ReaderSettings = field(default_factory=ReaderSettings)

    @property
    def sampled_rows(self) -> int:
        """Rows in the sample."""
        return max((len(profile.texts) for profile in self.profiles.values()), default=0)

    @property
    def is_complete(self) -> bool:
        """Whether the sample is the whole file."""
        return self.n_rows is not None and self.n_rows <= self.sampled_rows


def group_files(files: Sequence[FileSample]) -> tuple[FileGroup, ...]:
    """The files in groups of equal columns, in the order in which they came."""
    groups: dict[tuple[frozenset[str], str, ReaderSettings], list[FileSample]] = {}
    for file in files:
        suffix = "".join(PurePosixPath(file.path).suffixes[-2:]).lower().removesuffix(".gz")
        groups.setdefault((frozenset(file.columns), suffix, file.reader), []).append(file)
    return tuple(_as_group(members) for members in groups.values())


def _as_group(files: Sequence[FileSample]) -> FileGroup:
    first = files[0]
    names = tuple(dict.fromkeys(first.columns))
    columns = {name: [value for file in files[:5] for value in file.values(name)] for name in names}
    reader, has_names = first.reader, True
    if names and _is_data(names):
        columns = {f"column_{place}": [name, *columns[name]] for place, name in enumerate(names, start=1)}
        reader, has_names = replace(reader, header=False), False
    elif names and all(_NAMELESS.fullmatch(name) for name in names):
        has_names = False
    counts = [file.n_rows for file in files]
    return FileGroup(
        sources=tuple(file.path for file in files),
        profiles={name: profile_column(name, values) for name, values in columns.items()},
        subject=subject_of(PurePosixPath(first.path).name.split(".")[0]),
        n_rows=None if None in counts else sum(count for count in counts if count is not None),
        has_names=has_names,
        reader=reader,
    )


def _is_data(names: Sequence[str]) -> bool:
    """Whether the header is a row of data: no name means anything, and most are numbers or dates."""
    header = [profile_column(name, [name]) for name in names]
    numbers = sum(profile.is_numeric or profile.kind == "date" for profile in header)
    return numbers * 2 > len(names) and not any(read_name(name).meanings for name in names)


@dataclass(frozen=True)
class Candidate:
    """One of the user's columns that could be a canonical one."""

    canonical: str
    column: str
    score: float
    reasons: tuple[str, ...]

    def raised(self, by: float, reason: str) -> Candidate:
        """The same with one more reason."""
        return replace(self, score=joined(self.score, by), reasons=(*self.reasons, reason))


def candidates(table: str, group: FileGroup) -> list[Candidate]:
    """Every column that could be a column of the table, by its name and values alone."""
    found: list[Candidate] = []
    for column in CONTRACT[table].columns:
        for name, profile in group.profiles.items():
            by_name = _score_of_name(table, column, name, group)
            if by_name <= 0:
                continue
            by_values, reason = value_fit(column, profile)
            score = min(by_name * by_values, 0.99)
            if profile.is_constant and profile.is_numeric and not CONTRACT[table].is_event:
                score *= 0.3  # a number that never changes describes nothing
            if score >= 0.2:
                words = "named so" if by_name >= SURE else "by its name" if by_name >= 0.5 else "name fits a little"
                words = words if group.has_names else "by its values alone"
                found.append(Candidate(column.name, name, score, tuple(filter(None, (words, reason)))))
    return found


def _score_of_name(table: str, column: Column, name: str, group: FileGroup) -> float:
    if not group.has_names:
        return _score_without_name(column.name, group.profiles[name])
    if column.kind not in ("id", "text") and "id" in read_name(name).meanings:
        return 0.0
    return name_score(table, column.name, name, group.subject)


def _score_without_name(canonical: str, profile: ColumnProfile) -> float:
    """What values alone can say: never enough to be more than a guess."""
    is_id = profile.number.has_leading_zeros or profile.kind in ("hex_id", "code")
    if canonical == "ordered_at":
        return 0.45 if profile.dates.coding in ("text", "typed", "yyyymmdd") else 0.0
    if canonical == "customer_id":
        return 0.4 if is_id and profile.distinct_share < 0.95 else 0.0
    if canonical in ("amount", "quantity") and not is_id and profile.is_numeric and not profile.dates.coding:
        return 0.4 if (profile.kind == "decimal") == (canonical == "amount") else 0.0
    return 0.0


def value_fit(column: Column, profile: ColumnProfile) -> tuple[float, str]:
    """How well the values fit a canonical column, and what they are in a few words.

    0: they cannot be it; 1: nothing speaks against it; above 1: they say more than the name does.
    """
    if profile.kind == "empty":
        return 0.6, "no value in the sample"
    special = _SPECIAL.get(column.name)
    if special is not None:
        return special(profile)
    if column.kind == "id":
        return _fit_id(profile)
    if column.kind in ("number", "money"):
        return _fit_number(profile)
    if column.kind in ("instant", "date"):
        return _fit_date(profile)
    if column.kind == "boolean":
        return (1.0, "yes or no") if profile.kind == "boolean" else (0.0, "")
    return _fit_text(profile)


def _fit_id(profile: ColumnProfile) -> tuple[float, str]:
    fits = {"date": 0.0, "list": 0.0, "decimal": 0.0, "band": 0.1, "boolean": 0.4, "text": 0.85}
    fit = fits.get(profile.kind, 1.0)
    if profile.kind == "text" and profile.mean_length > 60:
        fit = 0.2
    words = {"integer": "whole numbers", "hex_id": "hexadecimal ids", "code": "codes", "category": "repeated texts"}
    return fit, "a value of its own in every row" if profile.is_key and fit > 0.5 else words.get(profile.kind, "")


def _fit_number(profile: ColumnProfile) -> tuple[float, str]:
    if not profile.is_numeric or profile.number.has_leading_zeros:
        return 0.0, ""
    if profile.dates.coding == "yyyymmdd":
        return 0.1, ""
    sign = f"with the sign of {profile.number.signs[0]}" if profile.number.signs else ""
    comma = "decimal comma" if profile.number.decimal == "," else ""
    return 1.0, ", ".join(filter(None, (sign, comma))) or "numbers"


def _fit_date(profile: ColumnProfile) -> tuple[float, str]:
    if profile.dates.coding in ("", "typed"):
        return (1.0, "dates") if profile.dates.coding else (0.0, "")
    return (1.0 if profile.dates.coding == "text" else 0.95), profile.dates.words


def _fit_text(profile: ColumnProfile) -> tuple[float, str]:
    fits = {"date": 0.05, "list": 0.0, "decimal": 0.1, "boolean": 0.3, "integer": 0.6, "hex_id": 0.5, "band": 0.6}
    fit = fits.get(profile.kind, 1.0)
    count = len(profile.distinct)
    return fit, f"{count:,} different values" if profile.kind == "category" else ""


def _fit_age(profile: ColumnProfile) -> tuple[float, str]:
    numbers = profile.present_numbers
    if not numbers or profile.dates.coding:
        return 0.0, ""
    plausible = sum(0 <= number <= 120 for number in numbers) / len(numbers)
    return (1.0 if plausible >= 0.95 and max(numbers) > 12 else 0.1), f"{min(numbers):g} to {max(numbers):g}"


def _fit_birth_year(profile: ColumnProfile) -> tuple[float, str]:
    numbers = profile.present_numbers
    if profile.kind != "integer" or not numbers:
        return 0.0, ""
    plausible = sum(1850 <= number <= 2030 for number in numbers) / len(numbers)
    return (1.0 if plausible >= 0.95 else 0.0), f"{min(numbers):g} to {max(numbers):g}"


def _fit_band(profile: ColumnProfile) -> tuple[float, str]:
    if profile.kind == "band":
        return 1.0, f"bands like {profile.filled[0][:20]}"
    return (0.9, "few texts") if profile.kind == "category" and len(profile.distinct) <= 30 else (0.0, "")


def _fit_gender(profile: ColumnProfile) -> tuple[float, str]:
    return (1.0 if len(profile.distinct) <= 8 else 0.1), f"{len(profile.distinct)} different values"


def _fit_arm(profile: ColumnProfile) -> tuple[float, str]:
    arms = {value.lower() for value in profile.distinct}
    if not 2 <= len(arms) <= 12:
        return 0.0, ""
    words = {word for arm in arms for word in re.split(r"[\W_\d]+", arm)}
    if words & _EXPERIMENT or any(_NO_CONTACT.fullmatch(arm) for arm in arms):
        return 1.4, f"arms like {min(profile.distinct)[:30]}"
    asked = set(read_name(profile.name).meanings) & {"arm"}
    return (0.7, "few values") if asked and profile.kind in ("boolean", "category", "integer") else (0.3, "")


def _fit_discount(profile: ColumnProfile) -> tuple[float, str]:
    fit, reason = _fit_number(profile)
    numbers = profile.present_numbers
    looks_like_shares = (
        bool(numbers)
        and 0 < max(numbers) <= 1
        and len(profile.distinct) <= 25
        and all(abs(100 * number - round(100 * number)) < 1e-9 for number in numbers)
    )
    return (0.5, "could be shares instead of money") if looks_like_shares else (fit, reason)


def _fit_name(profile: ColumnProfile) -> tuple[float, str]:
    fit, reason = _fit_text(profile)
    return (0.2 if profile.is_numeric else fit), reason


_SPECIAL = {
    "age": _fit_age,
    "birth_year": _fit_birth_year,
    "age_band": _fit_band,
    "income_band": _fit_band,
    "gender": _fit_gender,
    "arm": _fit_arm,
    "discount": _fit_discount,
    "name": _fit_name,
    "description": _fit_name,
    "city": _fit_name,
    "country": _fit_name,
}


@dataclass(frozen=True)
class Assigned:
    """The column chosen for a canonical one, and which others came close."""

    best: Candidate
    alternatives: tuple[str, ...] = ()


def assign(found: Sequence[Candidate]) -> dict[str, Assigned]:
    """At most one column for every canonical one and the other way round, the clearest first.

    Where a second column fits about as well, the choice is not called sure.
    """
    ranked = sorted(found, key=lambda candidate: -candidate.score)
    chosen: dict[str, Candidate] = {}
    taken: set[str] = set()
    for candidate in ranked:
        if candidate.score >= LEAST and candidate.canonical not in chosen and candidate.column not in taken:
            chosen[candidate.canonical] = candidate
            taken.add(candidate.column)
    return {canonical: _beside_others(best, ranked, taken) for canonical, best in chosen.items()}


def _beside_others(best: Candidate, ranked: Sequence[Candidate], taken: set[str]) -> Assigned:
    others = [
        one for one in ranked if one.canonical == best.canonical and one.column not in taken and one.score >= LEAST
    ]
    if others and best.score >= SURE and others[0].score >= best.score - 0.06:
        best = replace(best, score=0.75, reasons=(*best.reasons, "another fits as well"))
    return Assigned(best, tuple(one.column for one in others[:3]))
