"""Effects of the experiments that passed their examination: over all customers, and by group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import dimensions as dims
from regulars.measures import experiments as measures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.measures.experiments import Outcome
    from regulars.methods.experiments import Examined
    from regulars.models.experiments import ArmSums, Effect

LEVEL = 0.05
"""Adjusted p-values under this are beyond chance."""
SEGMENT_DIMENSIONS = (
    "gender", "age_group", "age_band", "generation", "income_band", "city", "country", "cohort_year",
)  # fmt: skip
"""Dimensions that an experiment cannot change."""
MOST_GROUPS = 12
MOST_NUMBERS = 8
"""Numbers known before the start that are cut into bands, the first ones of the experiment."""


@dataclass(frozen=True)
class Measured:
    """One arm beside the control in one outcome.

    Args:
        examined: The experiment.
        arm: The arm.
        outcome: The outcome.
        plain: Difference of means.
        adjusted: The same after regression on what was known before; None where nothing was.
        covariate: What it was regressed on.
        events: Units with a value other than zero, in the arm or control that has fewer.
        p_value: Of the difference that counts, adjusted for all that were tested in the experiment.
    """

    examined: Examined
    arm: str
    outcome: Outcome
    plain: Effect
    adjusted: Effect | None
    covariate: str
    events: int
    p_value: float

    @property
    def effect(self) -> Effect:
        """The one that counts: adjusted for the same behaviour before the start where that is known, else plain."""
        return self.adjusted if self.adjusted is not None and self.covariate == self.outcome.before else self.plain

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the difference stays after the correction for several arms and outcomes."""
        return self.p_value < LEVEL

    @property
    def n(self) -> int:
        """Units of the two arms."""
        return self.examined.counts[self.arm] + self.examined.counts[self.examined.control]


def effects(examined: Examined) -> list[Measured]:
    """Every arm in every outcome; p-values adjusted together (false discovery rate).

    Only for an experiment that is trusted: the others have no number to quote.
    """
    from regulars.models import experiments as model
    from regulars.models.intervals import adjusted_p_values

    trial, control = examined.trial, examined.sums[examined.control]
    found: list[Measured] = []
    for arm in examined.arms:
        treated = examined.sums[arm]
        for outcome in trial.outcomes:
            plain = model.compare(control, treated, outcome.name, below=outcome.below or None)
            covariate = outcome.before or (
                "" if outcome.below else model.best_covariate([control, treated], outcome.name, trial.numbers) or ""
            )
            if covariate and covariate not in {name for name in trial.numbers if control.covariance(name, name) > 0}:
                covariate = ""
            adjusted = model.compare(control, treated, outcome.name, covariate=covariate) if covariate else None
            events = min(examined.events[one][outcome.name] for one in (arm, examined.control))
            found.append(Measured(examined, arm, outcome, plain, adjusted, covariate, events, 1.0))
    p_values = adjusted_p_values([one.effect.p_value for one in found])
    return [
        Measured(one.examined, one.arm, one.outcome, one.plain, one.adjusted, one.covariate, one.events, float(p))
        for one, p in zip(found, p_values, strict=True)
    ]


@dataclass(frozen=True)
class GroupEffect:
    """An arm's effect in one group of customers.

    Args:
        dimension: What the groups are.
        group: Which.
        arm: The arm.
        n: Units of the two arms in the group.
        effect: None where there are too few.
        differs_p: Adjusted p-value that the effect is that of all other groups; NaN where not judged.
    """

    dimension: str
    group: str
    arm: str
    n: int
    effect: Effect | None
    differs_p: float


@dataclass(frozen=True)
class Grouping:
    """Groups of customers by something known before the start.

    Args:
        name: What they are groups by.
        needs: Columns that the rows to be labelled must have, beside `customer_id`.
        label: Rows with the label as a further column of that name.
    """

    name: str
    needs: tuple[str, ...]
    label: Callable[[ir.Table, str], ir.Table]


def groupings(data: Dataset, examined: Examined) -> list[Grouping]:
    """Labels of the experiment, dimensions that it cannot change, and its numbers in bands."""
    trial = examined.trial
    found = [Grouping(name, (name,), _own_label(name)) for name in trial.labels]
    if trial.settings.unit == "customer_id":
        names = [one.name for one in dims.available(data, "customer") if one.name in SEGMENT_DIMENSIONS]
        found += [Grouping(name, (), _looked_up(data, name)) for name in names if name not in trial.labels]
    numbers = trial.numbers[:MOST_NUMBERS]
    if numbers:
        cuts = data.collect(measures.band_cuts(examined.units, numbers), 1).to_pylist()[0]
        told = {name: measures.bands(cuts, name) for name in numbers}
        found += [Grouping(name, (name,), _banded(name, bands)) for name, bands in told.items() if bands]
    return found


def grouping(data: Dataset, examined: Examined, name: str) -> Grouping | None:
    """The grouping of that name, if there is one."""
    return next((one for one in groupings(data, examined) if one.name == name), None)


def _own_label(column: str) -> Callable[[ir.Table, str], ir.Table]:
    return lambda rows, name: rows.mutate(**{name: rows[column]})


def _looked_up(data: Dataset, dimension: str) -> Callable[[ir.Table, str], ir.Table]:
    return lambda rows, name: dims.labelled(data, rows, dims.find(dimension), name)


def _banded(column: str, bands: Sequence[tuple[float, str]]) -> Callable[[ir.Table, str], ir.Table]:
    return lambda rows, name: rows.mutate(**{name: measures.band(rows[column], bands)})


def by_group(data: Dataset, examined: Examined, outcome: Outcome) -> tuple[list[GroupEffect], list[ir.Table]]:
    """The effect in one outcome by group of customers, for everything known of them before the start."""
    keyed = examined.units.rename(customer_id="unit")
    columns = [one for one in (outcome.name, outcome.below) if one]
    pairs = [(outcome.name, outcome.below)] if outcome.below else []
    rows: list[GroupEffect] = []
    queries = []
    for one in groupings(data, examined):
        query = measures.arm_sums(one.label(keyed, "group"), columns, pairs, by=("group", "arm"))
        queries.append(query)
        rows += _groups(data.collect(query, 100_000).to_pylist(), one.name, examined, outcome, data.min_customers)
    return _judged(rows), queries


def _groups(
    found: list[dict[str, Any]], dimension: str, examined: Examined, outcome: Outcome, least: int
) -> list[GroupEffect]:
    from regulars.models import experiments as model

    sums: dict[tuple[str, str], ArmSums] = {
        (row["group"], row["arm"]): model.ArmSums(
            int(row["unit_count"]),
            {name: float(row[name] or 0.0) for name in (outcome.name, outcome.below) if name},
            {
                pair: float(row[measures.pair_name(*pair)] or 0.0)
                for pair in _pairs(outcome)
            },
        )
        for row in found
    }  # fmt: skip
    sizes: dict[str, int] = {}
    for (group, _), one in sums.items():
        sizes[group] = sizes.get(group, 0) + one.count
    groups = sorted(sizes, key=lambda group: (-sizes[group], group))[:MOST_GROUPS]
    rows: list[GroupEffect] = []
    for arm in examined.arms:
        ours = {}
        for group in groups:
            pair = [sums.get((group, name)) for name in (examined.control, arm)]
            n = sum(one.count for one in pair if one is not None)
            enough = all(one is not None and one.count >= least for one in pair)
            ours[group] = (
                n,
                model.compare(pair[0], pair[1], outcome.name, below=outcome.below or None)  # type: ignore[arg-type]
                if enough
                else None,
            )
        for group, (n, effect) in ours.items():
            others = [(m, one) for name, (m, one) in ours.items() if name != group and one is not None]
            rows.append(GroupEffect(dimension, group, arm, n, effect, _differs(effect, n, others)))
    return rows


def _pairs(outcome: Outcome) -> list[tuple[str, str]]:
    pairs = [(outcome.name, outcome.name)]
    if outcome.below:
        first, second = sorted((outcome.name, outcome.below))
        pairs += [(outcome.below, outcome.below), (first, second)]
    return pairs


def standard_error(effect: Effect) -> float:
    """The standard error of an effect, by its interval."""
    return (effect.high - effect.low) / (2 * 1.959964)


def _differs(effect: Effect | None, n: int, others: Sequence[tuple[int, Effect]]) -> float:
    """p-value that a group's effect is that of the other groups together, weighted by their size."""
    from scipy import stats

    if effect is None or not others or standard_error(effect) <= 0:
        return math.nan
    total = sum(m for m, _ in others)
    rest = sum(m * one.value for m, one in others) / total
    error = math.sqrt(standard_error(effect) ** 2 + sum((m / total * standard_error(one)) ** 2 for m, one in others))
    return float(2 * stats.norm.sf(abs(effect.value - rest) / error)) if n and error > 0 else math.nan


def _judged(rows: Sequence[GroupEffect]) -> list[GroupEffect]:
    from regulars.models.intervals import adjusted_p_values

    known = [place for place, row in enumerate(rows) if math.isfinite(row.differs_p)]
    adjusted = dict(zip(known, adjusted_p_values([rows[place].differs_p for place in known]), strict=True))
    return [
        GroupEffect(row.dimension, row.group, row.arm, row.n, row.effect, float(adjusted.get(place, math.nan)))
        for place, row in enumerate(rows)
    ]
