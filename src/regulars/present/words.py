"""Findings in words: which come first, how well each is known, and how a change is told.

Report, dashboard and terminal say the same thing in the same words because they all take them from here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.units import MISSING, UNIT_WORDS, name_words, write, write_count, write_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regulars.core.analysis import Feature, FeatureFact
    from regulars.core.quality import CheckResult, DataQuality
    from regulars.core.result import Action, Finding, Result, Table
    from regulars.present.compare import Change, Comparison
    from regulars.present.run_view import RunView

GRADE_MEANINGS = {
    "observed": "Counted in the data. It says what is, not why.",
    "modelled": "A fitted model says so. It is an estimate, and no proof of a cause.",
    "randomised": "Shown by an experiment with random assignment. Only here may a cause be claimed.",
}
"""What each grade means, in the words that the report prints beside it."""

_SEVERITIES = {"problem": 0, "warning": 1, "note": 2}
_GRADE_ORDER = {"randomised": 0, "observed": 1, "modelled": 2}
_COUNTED = {"", "count", "customers", "contacts", "orders", "items", "money", "per_month"}
_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
"""A column's name as programs write it; names of a single word read well as they are."""
_POINTS = {"share", "change_share", "change_points"}
_SCALES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


@dataclass(frozen=True)
class RankedFinding:
    """A finding and the Result it belongs to."""

    result: Result
    finding: Finding


def rank_findings(results: Iterable[Result]) -> list[RankedFinding]:
    """All findings, those with the most money at stake first.

    Findings without money follow, the better known and the larger first; the order is the same in every run.
    """
    ranked = [RankedFinding(result, finding) for result in results for finding in result.findings]
    return sorted(ranked, key=_rank)


def _rank(one: RankedFinding) -> tuple[bool, float, int, int, str, str]:
    finding = one.finding
    stake = abs(finding.at_stake) if finding.at_stake is not None else math.nan
    has_stake = math.isfinite(stake)
    return (
        not has_stake,
        -stake if has_stake else 0.0,
        _GRADE_ORDER[finding.grade],
        -finding.n,
        one.result.analysis,
        finding.key,
    )


def rank_checks(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """The checks of the data, the gravest first, then by the share of rows that they concern."""

    def rank(check: CheckResult) -> tuple[int, float, str, str, str]:
        return _SEVERITIES[check.severity], -(check.share or 0.0), check.table, check.check, check.column

    return sorted(checks, key=rank)


def quality_sentences(quality: DataQuality) -> list[str]:
    """Where the rows went over all tables, and what the checks found; nothing where no table was read."""
    accounts = quality.accounts
    if not accounts:
        return []
    read, accepted, repaired, aside = (
        sum(getattr(one, name) for one in accounts) for name in ("read", "accepted", "repaired", "set_aside")
    )
    told = (
        f"Of {read:,} rows read for {_counted(len(accounts), 'table')}, {accepted:,} were accepted as they are, "
        f"{repaired:,} repaired and {aside:,} set aside."
    )
    grave = [
        _counted(sum(check.severity == one for check in quality.checks), one) for one in ("problem", "warning", "note")
    ]
    found = f"The checks found {', '.join(grave[:2])} and {grave[2]}." if quality.checks else "No check found anything."
    return [told, found]


def mean_words(fact: FeatureFact | None, feature: Feature, currency: str) -> str:
    """The mean of a feature; of a count with two decimals."""
    if fact is None or fact.mean is None:
        return MISSING
    return write(fact.mean, "ratio" if feature.unit in _COUNTED - {"money"} else feature.unit, currency)


def dictionary_sentences(view: RunView) -> list[str]:
    """How many features each customer has, and how many of them are known of every customer."""
    facts = view.feature_facts.values()
    if not facts:
        return []
    customers = max(fact.customers for fact in facts)
    whole = sum(fact.known == fact.customers for fact in facts)
    known = f"{whole:,} of them {'is' if whole == 1 else 'are'} known of every customer"
    return [f"Each of {customers:,} customers has {len(facts):,} features; {known}."]


def write_short(value: object, unit: str = "", currency: str = "", full_below: float = 1e6) -> str:
    """A value for a headline or a small cell: large amounts in thousands, millions or billions.

    Args:
        value: The value.
        unit: What it is counted in.
        currency: ISO code, for money.
        full_below: Amounts below this are written in full.

    >>> write_short(8911407.904, "money", "GBP"), write_short(8911.407, "money", "GBP")
    ('£8.91 m', '£8,911')
    >>> write_short(0.366, "share"), write_short(4338, "customers"), write_short(None, "money")
    ('36.6 %', '4,338', '–')
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return write(value, unit, currency)
    if unit not in _COUNTED or abs(value) < 1000:
        return write(value, unit, currency)
    scale, letter = next(((s, w) for s, w in _SCALES if abs(value) >= max(full_below, s)), (1.0, ""))
    scaled = abs(value) / scale
    digits = f"{scaled:,.0f}" if not letter or scaled >= 100 else f"{scaled:.{1 if scaled >= 10 else 2}f}"
    number = f"{digits} {letter}".rstrip()
    if unit != "money":
        return f"{'−' if value < 0 else ''}{number}"
    whole = write(math.copysign(1.0, value), "money", currency)
    return whole.replace("1.00", number)


def value_words(finding: Finding, currency: str) -> str:
    """The value of a finding as its headline."""
    word = UNIT_WORDS.get(finding.unit, "") if finding.unit in ("days", "years", "per_month") else ""
    return f"{write_short(finding.value, finding.unit, currency)} {word}".rstrip()


def interval_words(finding: Finding, currency: str) -> str:
    """How exactly the value is known: its 95 % interval, or that it is a count."""
    if finding.interval is None:
        return "exact count" if finding.grade == "observed" else "no interval"
    return f"95 % interval {_interval(finding.interval, finding.unit, currency)}"


def _interval(interval: tuple[float, float], unit: str, currency: str) -> str:
    low, high = interval
    if unit in _COUNTED and max(abs(low), abs(high)) >= 1000:
        parts = write_short(low, unit, currency), write_short(high, unit, currency)
        return f"{parts[0]} to {parts[1]}" if "−" in parts[0] + parts[1] else f"{parts[0]}–{parts[1]}"
    if unit in ("change_share", "change_points"):  # a dash between two signs cannot be read
        return f"{write(low, unit).rpartition(' ')[0]} to {write(high, unit)}"
    return write_interval(low, high, unit, currency)


def money_interval_words(interval: tuple[float, float], currency: str) -> str:
    """A 95 % interval of money."""
    return f"95 % interval {_interval(interval, 'money', currency)}"


def n_words(finding: Finding) -> str:
    """How many customers, orders … a finding rests on."""
    return write_count(finding.n, "" if finding.n_unit == "count" else finding.n_unit)


def evidence_words(finding: Finding, result: Result, features: Iterable[Feature] = ()) -> str:
    """The rows that a finding rests on, with columns named as in the headings of their table.

    Args:
        finding: The finding.
        result: The Result that it is of.
        features: The columns of the customer view, for a finding that rests on that.
    """
    headings = {one.name: name_words(one.name) for one in features}
    for table in sorted(result.tables, key=lambda one: one.name == finding.evidence.table):  # its own table decides
        names = table.data.column_names if table.is_arrow else table.data.columns
        headings |= {name: name_words(name) for name in _names_in(table)}
        headings |= {name: table.info(name).heading for name in names}
    return _NAME.sub(lambda found: headings.get(found[0], found[0]), finding.evidence.rows)


def _names_in(table: Table) -> set[str]:
    """The names of columns that are values of a table: its dimensions, features or outcomes."""
    if not table.is_arrow:
        return set()
    columns = [one.name for one in table.columns if one.unit == "name" and one.name in table.data.column_names]
    return {value for name in columns for value in table.data.column(name).to_pylist() if value}


def stake_words(finding: Finding, currency: str) -> str:
    """The money a finding concerns, or "" where none can be said."""
    if finding.at_stake is None or not math.isfinite(finding.at_stake):
        return ""
    return f"{write_short(abs(finding.at_stake), 'money', currency)} at stake"


def says_count(action: Action, count: int) -> bool:
    """Whether the words of an action tell already how many customers it is about."""
    return re.search(rf"(?<![\d.,]){count:,}(?![\d.,]*\d)", f"{action.sentence} {action.why}") is not None


def grade_words(finding: Finding) -> str:
    """The sentence of a grade: how a finding is known, and for a model how it was validated."""
    sentence = f"{finding.grade.capitalize()}: {GRADE_MEANINGS[finding.grade]}"
    if finding.validated:
        return f"{sentence} Validated: {finding.validated.rstrip('.')}."
    return f"{sentence} It has not been validated on a later period." if finding.grade == "modelled" else sentence


def header_notes(view: RunView) -> list[tuple[str, str]]:
    """What every page says before anything else: whose data, which period, as of when, which money, which run."""
    period = f"{write(view.data_from, 'date')} to {write(view.data_to, 'date')}"
    notes = [
        ("Data", period if view.data_from or view.data_to else "without dates"),
        ("As of", write(view.as_of, "date")),
        ("Currency", view.currency or MISSING),
        ("Money", view.money or MISSING),
        ("Run", view.run_id),
    ]
    return [(term, text) for term, text in notes if text]


def label(key: str, analysis: str) -> str:
    """A finding's key as words, where its sentence would be too long.

    >>> label("rfm.champions_share", "rfm")
    'champions share'
    """
    return key.removeprefix(f"{analysis}.").replace("_", " ").replace(".", " ")


def change_words(change: Change, currency: str) -> str:
    """One change since an earlier run, as a sentence with the size of the change and, where tested, its interval."""
    before, now = change.before, change.now
    name = label(now.key, change.analysis)
    moved = "rose" if change.difference > 0 else "fell"
    start, end = write_short(before.value, now.unit, currency), write_short(now.value, now.unit, currency)
    size = _difference(change.difference, change)
    sentence = f"{name[:1].upper()}{name[1:]} {moved} from {start} to {end}"
    if not size:
        return f"{sentence}."
    if change.interval is None:
        return f"{sentence} ({size})."
    low, high = (_difference(end, change) for end in change.interval)
    return f"{sentence} ({size}, 95 % interval {low} to {high})."


def _difference(difference: float, change: Change) -> str:
    unit = change.now.unit
    if unit in _POINTS:
        return write(difference, "change_points")
    if unit in _COUNTED:
        return write(difference / abs(change.before.value), "change_share") if change.before.value else ""
    sign = "+" if difference > 0 else ""
    return f"{sign}{write(difference, unit)} {UNIT_WORDS.get(unit, '')}".rstrip()


def comparison_words(comparison: Comparison) -> str:
    """How many findings were compared, how many of them were tested, and what the correction was."""
    parts = [
        f"{_counted(comparison.compared, 'finding')} of this run could be compared with run {comparison.run_id}"
        + (f" (as of {comparison.as_of})" if comparison.as_of else ""),
        f"{comparison.tested:,} {'has' if comparison.tested == 1 else 'have'} an interval and "
        f"{'was' if comparison.tested == 1 else 'were'} tested, corrected for testing many "
        f"(Benjamini–Hochberg, false discovery rate {write(comparison.false_discovery_rate, 'share')})",
        f"{len(comparison.beyond_chance):,} changed beyond chance",
        f"{len(comparison.counts):,} exact {'count' if len(comparison.counts) == 1 else 'counts'} changed",
    ]
    return "; ".join(parts) + "."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_SECRETS = ("password", "passwd", "secret", "token", "api_key")


def without_passwords(text: str) -> str:
    """A text whose passwords are left out: those in an address, and those that a settings file gives by name.

    >>> without_passwords("postgresql://ann:s3cret@db/shop")
    'postgresql://ann:…@db/shop'
    >>> without_passwords('password = "s3cret"')
    'password = "…"'
    """
    if "://" in text:
        text = re.sub(r"(://[^/\s:@\"']*:)[^@\s\"']+(?=@)", r"\g<1>…", text)
    folded = text.casefold()  # looking for the names first is a hundred times quicker than trying each word
    if not any(name in folded for name in _SECRETS):
        return text
    names = "|".join(_SECRETS)
    return re.sub(rf"(?im)(\b\w*(?:{names})\w*\s*=\s*)([\"']).*?\2", r"\g<1>\g<2>…\g<2>", text)
