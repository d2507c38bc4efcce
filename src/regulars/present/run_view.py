"""What is shown of one run: everything the report, the run folder and the dashboard draw from, and nothing else.

The run itself (engine, settings objects, analyses) stays outside, so that what is shown can be tested with invented
values and drawn again from files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import CHAPTERS
from regulars.core.quality import DataQuality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from regulars.core.analysis import Feature, FeatureFact, Missing
    from regulars.core.result import Finding, Result


@dataclass(frozen=True)
class SwitchedOff:
    """An analysis that did not run because the data or the installation lack what it needs."""

    analysis: str
    title: str
    missing: tuple[Missing, ...]


@dataclass(frozen=True)
class Failed:
    """An analysis that ran and stopped with an error."""

    analysis: str
    title: str
    message: str


@dataclass(frozen=True)
class EarlierRun:
    """The findings of an earlier run, by analysis, and the settings each analysis ran with."""

    run_id: str
    as_of: str
    currency: str
    findings: Mapping[str, tuple[Finding, ...]]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dataset: str = ""


@dataclass(frozen=True)
class RunView:
    """What is shown of one run.

    Args:
        run_id: Name of the run, and of its folder.
        dataset: Name of the company or data set.
        currency: ISO code of the currency of all money.
        as_of: The date that "now" stands for; None where the data have no dates.
        data_from: First day with data.
        data_to: Last day with data.
        money: Which columns are the money, in words.
        results: What the analyses found, in any order.
        quality: What was found out about the data on the way in.
        features: The columns of the customer view.
        feature_facts: Of how many customers each feature is known, and its mean.
        switched_off: Analyses that did not run, and what is missing.
        failed: Analyses that stopped with an error.
        earlier: The run to compare with.
        settings: The settings file as text.
        versions: Program or library → version.
        timings: Step → seconds.
        fingerprints: Source → fingerprint of its contents.
        row_counts: Table or summary → rows.
        min_customers: Under this many customers no finding is made.
    """

    run_id: str
    dataset: str
    currency: str = ""
    as_of: date | None = None
    data_from: date | None = None
    data_to: date | None = None
    money: str = ""
    results: tuple[Result, ...] = ()
    quality: DataQuality = field(default_factory=DataQuality)
    features: tuple[Feature, ...] = ()
    feature_facts: Mapping[str, FeatureFact] = field(default_factory=dict)
    switched_off: tuple[SwitchedOff, ...] = ()
    failed: tuple[Failed, ...] = ()
    earlier: EarlierRun | None = None
    settings: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    row_counts: Mapping[str, int] = field(default_factory=dict)
    min_customers: int = 30

    @property
    def chapters(self) -> tuple[tuple[str, tuple[Result, ...]], ...]:
        """The chapters that have results, in reading order; results within one keep their order."""
        known = [*CHAPTERS, *sorted({result.chapter for result in self.results} - set(CHAPTERS))]
        by_chapter = {name: tuple(one for one in self.results if one.chapter == name) for name in known}
        return tuple((name, results) for name, results in by_chapter.items() if results)
