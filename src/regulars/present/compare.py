"""What changed since an earlier run, beyond chance.

Findings are matched by analysis and key. Where both have an interval, the difference is tested, and because many are
tested at once the false discovery rate is held. Exact counts have no chance in them: they are told as changed without a
test. What cannot be compared is listed with the reason.

Two runs of a growing data set share customers, so their estimates usually go up and down together. The test takes
them as independent, which then errs on the careful side: it may miss a change, it seldom invents one.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from regulars.core.result import Finding, Result
    from regulars.present.run_view import EarlierRun

NORMAL_975 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: half the width of a 95 % interval in standard errors."""

FALSE_DISCOVERY_RATE = 0.05


@dataclass(frozen=True)
class Change:
    """One finding that is in both runs with another value; `interval` and the p-values are None for an exact count."""

    analysis: str
    title: str
    before: Finding
    now: Finding
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None

    @property
    def difference(self) -> float:
        """Now minus before, in the unit of the finding."""
        return self.now.value - self.before.value


@dataclass(frozen=True)
class Incomparable:
    """A finding that is in both runs and cannot be compared, and why."""

    analysis: str
    title: str
    key: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """What changed since an earlier run.

    Args:
        run_id: The earlier run.
        as_of: The date it was made for.
        compared: Findings of both runs that could be compared.
        tested: Those of them with an interval on both sides.
        beyond_chance: Tested findings that changed after the correction, the most money at stake first.
        counts: Exact counts with another value, the most money at stake first.
        appeared: Findings of this run that the earlier one lacks, as (title, finding).
        gone: Findings of the earlier run that this one lacks, as (analysis, finding).
        incomparable: Findings of both runs that cannot be compared.
        false_discovery_rate: The share of false alarms that is put up with among the changes told.
    """

    run_id: str
    as_of: str
    compared: int
    tested: int
    beyond_chance: tuple[Change, ...]
    counts: tuple[Change, ...]
    appeared: tuple[tuple[str, Finding], ...]
    gone: tuple[tuple[str, Finding], ...]
    incomparable: tuple[Incomparable, ...]
    false_discovery_rate: float = FALSE_DISCOVERY_RATE


def compare_runs(
    earlier: EarlierRun,
    results: Sequence[Result],
    currency: str,
    false_discovery_rate: float = FALSE_DISCOVERY_RATE,
) -> Comparison:
    """Every finding of this run beside the same finding of an earlier one.

    Args:
        earlier: The earlier run.
        results: The results of this run.
        currency: The currency of this run; money in another one is not compared.
        false_discovery_rate: The share of false alarms that is put up with among the changes told.
    """
    before = {(name, one.key): one for name, findings in earlier.findings.items() for one in findings}
    changes: list[Change] = []
    incomparable: list[Incomparable] = []
    appeared: list[tuple[str, Finding]] = []
    seen: set[tuple[str, str]] = set()
    for result, now in sorted(_findings(results), key=lambda pair: (pair[0].analysis, pair[1].key)):
        place = (result.analysis, now.key)
        seen.add(place)
        then = before.get(place)
        if then is None:
            appeared.append((result.title, now))
            continue
        why = _why_not(then, now, result, earlier, currency)
        if why:
            incomparable.append(Incomparable(result.analysis, result.title, now.key, why))
        else:
            changes.append(_change(result, then, now))
    tested = [change for change in changes if change.p_value is not None]
    from regulars.models.intervals import adjusted_p_values  # brings SciPy, which a report without a comparison spares

    adjusted = adjusted_p_values([change.p_value or 0.0 for change in tested]).tolist()
    told = [
        replace(one, adjusted_p_value=p) for one, p in zip(tested, adjusted, strict=True) if p <= false_discovery_rate
    ]
    counts = [change for change in changes if change.p_value is None and not _is_same(change)]
    return Comparison(
        run_id=earlier.run_id,
        as_of=earlier.as_of,
        compared=len(changes),
        tested=len(tested),
        beyond_chance=_by_money(told),
        counts=_by_money(counts),
        appeared=tuple(appeared),
        gone=tuple((place[0], one) for place, one in sorted(before.items()) if place not in seen),
        incomparable=tuple(incomparable),
        false_discovery_rate=false_discovery_rate,
    )


def _findings(results: Iterable[Result]) -> Iterable[tuple[Result, Finding]]:
    return ((result, finding) for result in results for finding in result.findings)


def _why_not(before: Finding, now: Finding, result: Result, earlier: EarlierRun, currency: str) -> str:
    if before.unit != now.unit:
        return "it is counted in another unit now"
    if now.unit == "money" and earlier.currency != currency:
        return f"the currency was {earlier.currency or 'not stated'} and is {currency or 'not stated'} now"
    if not (math.isfinite(before.value) and math.isfinite(now.value)):
        return "one of the two values is missing"
    if (before.interval is None) != (now.interval is None):
        return "only one of the two has an interval"
    if now.interval is None and now.grade != "observed":
        return "it is an estimate without an interval"
    settings = earlier.parameters.get(result.analysis)
    if settings is not None and settings != plain_parameters(result):
        return "the analysis ran with other settings"
    return ""


def plain_parameters(result: Result) -> dict[str, object]:
    """The settings an analysis ran with, as they read when they come back from a file."""
    return dict(json.loads(json.dumps(dict(result.parameters), default=str, sort_keys=True)))


def _change(result: Result, before: Finding, now: Finding) -> Change:
    if before.interval is None or now.interval is None:
        return Change(result.analysis, result.title, before, now)
    low, high = difference_interval(now.value, now.interval, before.value, before.interval)
    p_value = difference_p_value(now.value, now.interval, before.value, before.interval)
    return Change(result.analysis, result.title, before, now, (low, high), p_value)


def difference_interval(
    now: float, now_interval: tuple[float, float], before: float, before_interval: tuple[float, float]
) -> tuple[float, float]:
    """The 95 % interval of a difference of two independent estimates, from their own 95 % intervals.

    The method of variance estimates recovery (Zou & Donner 2008, Statistics in Medicine 27, eq. 10): each end takes the
    sides of the two intervals that face it, so that intervals need not be symmetric.

    >>> low, high = difference_interval(0.30, (0.27, 0.33), 0.20, (0.16, 0.24))
    >>> round(low, 3), round(high, 3)
    (0.05, 0.15)
    """
    difference = now - before
    low = difference - math.hypot(now - now_interval[0], before_interval[1] - before)
    high = difference + math.hypot(now_interval[1] - now, before - before_interval[0])
    return low, high


def difference_p_value(
    now: float, now_interval: tuple[float, float], before: float, before_interval: tuple[float, float]
) -> float:
    """The two-sided p-value of no difference, from the standard errors that the facing sides of the intervals imply.

    >>> round(difference_p_value(0.30, (0.27, 0.33), 0.20, (0.16, 0.24)), 5)
    9e-05
    >>> difference_p_value(1.0, (1.0, 1.0), 1.0, (1.0, 1.0))
    1.0
    """
    if now >= before:
        spread = math.hypot(now - now_interval[0], before_interval[1] - before)
    else:
        spread = math.hypot(now_interval[1] - now, before - before_interval[0])
    distance = abs(now - before)
    if distance == 0 or not math.isfinite(spread):
        return 1.0
    if spread == 0:
        return 0.0
    return math.erfc(distance / (spread / NORMAL_975) / math.sqrt(2))


def _is_same(change: Change) -> bool:
    return math.isclose(change.before.value, change.now.value, rel_tol=1e-9, abs_tol=1e-12)


def _by_money(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda one: (-abs(one.now.at_stake or 0.0), one.analysis, one.now.key)))
