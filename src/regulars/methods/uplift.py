"""Uplift learnt from the experiments that can be trusted, and applied to the customers of today."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.measures import experiments as measures
from regulars.measures import sampling
from regulars.methods import experiments

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.measures.experiments import Outcome
    from regulars.methods.experiments import Examined
    from regulars.models.policies import Offering
    from regulars.models.uplift import CrossFit, Encoding, UpliftFit

FIT_CUSTOMERS = 70_000
"""So many customers of an experiment are learnt from at most; beyond it a sample drawn by their ids."""
FEWEST_TO_FIT = 1_000
UPLIFT, BEST = "uplift_of_contact", "best_contact"


@dataclass(frozen=True)
class Learnt:
    """What was learnt of one experiment and outcome.

    Args:
        examined: The experiment.
        outcome: The outcome.
        arm: 0 for the control, 1 … for the arms in their order, one per unit.
        y: The outcome, one per unit.
        x: The features.
        encoding: How they were made.
        crossed: Predictions for units not seen.
        query: What was asked of the engine.
    """

    examined: Examined
    outcome: Outcome
    arm: Any
    y: Any
    x: Any
    encoding: Encoding
    crossed: CrossFit
    query: ir.Table

    @property
    def size(self) -> int:
        """Units learnt from."""
        return len(self.y)

    def of(self, place: int) -> Any:
        """Which units belong to an arm (by its place) or the control."""
        return (self.arm == 0) | (self.arm == place + 1)


_KNOWN: weakref.WeakKeyDictionary[Dataset, dict[int, tuple[Learnt, ...]]] = weakref.WeakKeyDictionary()


def learnt(data: Dataset, most: int = 0) -> tuple[Learnt, ...]:
    """For every trusted experiment with something known before: its first outcome, and the one that is money.

    Args:
        data: The data.
        most: So many customers of an experiment are learnt from at most; 0: as `[uplift] fit_customers` says.
    """
    most = most or int(data.settings.analyses.get("uplift", {}).get("fit_customers", FIT_CUSTOMERS))
    known = _KNOWN.setdefault(data, {})
    if most not in known:
        trusted = [one for one in experiments.examined(data) if one.is_trusted]
        able = [one for one in trusted if one.trial.numbers or one.trial.labels]
        known[most] = tuple(row for one in able for row in _learn(data, one, most))
    return known[most]


def money_outcome(examined: Examined) -> Outcome | None:
    """The outcome that says what a contact brings: margin where it is known, else money."""
    wanted = examined.trial.settings.money
    ratios = [one for one in examined.trial.outcomes if one.kind == "money" and not one.below]
    named = [one for one in ratios if one.name == (wanted or "margin")]
    return next(iter([*named, *ratios]), None)


def _learn(data: Dataset, one: Examined, most: int) -> list[Learnt]:
    import numpy as np

    from regulars.models.uplift import Encoding, cross_fit

    trial = one.trial
    money = money_outcome(one)
    outcomes = list(dict.fromkeys([trial.outcomes[0], *([money] if money else [])]))
    outcomes = [outcome for outcome in outcomes if not outcome.below]
    units = one.units.rename(customer_id="unit")
    drawn = sampling.sample(units, most / max(sum(one.counts.values()), 1), "uplift")
    names = list(dict.fromkeys([*(outcome.name for outcome in outcomes), *trial.numbers]))
    query = drawn.select("customer_id", "arm", *names, *trial.labels).order_by("customer_id")
    rows = data.collect(query, 2 * most)
    numbers = {name: rows[name].to_numpy().astype(float) for name in trial.numbers}
    labels = {name: rows[name].to_pylist() for name in trial.labels}
    encoding = Encoding.learn(numbers, labels)
    x = encoding.matrix({**numbers, **labels})
    places = {arm: place for place, arm in enumerate((one.control, *one.arms))}
    arm = np.array([places[name] for name in rows["arm"].to_pylist()], dtype=np.int64)
    found = []
    for outcome in outcomes:
        y = rows[outcome.name].to_numpy().astype(float)
        crossed = cross_fit(x, arm, y, len(one.arms), data.seed)
        found.append(Learnt(one, outcome, arm, y, x, encoding, crossed, query))
    return found


# -- the customers of today ---------------------------------------------------------------------------


def chosen(data: Dataset, most: int = 0) -> Learnt | None:
    """What customers are scored by: the latest experiment whose covariates today's customers have, by money if told."""
    able = [one for one in learnt(data, most) if is_scorable(data, one.examined)]
    if not able:
        return None
    latest = max(able, key=lambda one: (str(one.examined.trial.first or ""), one.examined.trial.name)).examined
    ours = [one for one in able if one.examined is latest]
    return next((one for one in ours if one.outcome.kind == "money"), ours[0])


def is_scorable(data: Dataset, one: Examined) -> bool:
    """Whether customers of today have what was known of those of the experiment."""
    before = {outcome.before for outcome in one.trial.outcomes}
    columns = set(data.customers.columns)
    return all(name in before or name in columns for name in (*one.trial.numbers, *one.trial.labels))


def fit(one: Learnt) -> UpliftFit:
    """Learners fitted on all units, to score customers by."""
    from regulars.models.uplift import fit_all

    return fit_all(one.encoding, one.x, one.arm, one.y, one.crossed, one.examined.arms)


def features_today(data: Dataset, one: Learnt) -> ir.Table:
    """One row per customer with the features of the experiment, as they are today."""
    trial, view = one.examined.trial, data.customers
    rows = view.select(unit="customer_id")
    before = [outcome.before.removesuffix("_before") for outcome in trial.outcomes if outcome.before]
    if before and data.as_of is not None:
        sales = data.orders.filter(data.orders.is_sale)
        start = data.as_of - timedelta(days=trial.length - 1)
        rows = measures.joined(rows, measures.bought(sales, start, data.as_of, before, "_before"), view)
    numbers = [name for name in trial.numbers if name not in rows.columns]
    rows = measures.with_features(rows, view, numbers, trial.labels) if numbers or trial.labels else rows
    return rows.rename(customer_id="unit").select("customer_id", *trial.numbers, *trial.labels)


def scored(data: Dataset, most: int = 0) -> ir.Table | None:
    """`customer_id`, the uplift of the best contact and which that is; None where no experiment can tell."""
    one = chosen(data, most)
    if one is None:
        return None
    stamp = f"{data.as_of:%Y%m%d}" if data.as_of else "undated"
    rows = features_today(data, one)
    return data.score(fit(one), rows, f"uplift__scored_{stamp}", keep=("customer_id",))


def judged(data: Dataset, one: Learnt) -> Mapping[str, Any]:
    """For each arm of what was learnt: every ranking's Qini, by the name of what it ranks by."""
    from regulars.models.uplift import rank

    found: dict[str, Any] = {}
    for place, arm in enumerate(one.examined.arms):
        inside = one.of(place)
        t, y = (one.arm[inside] == place + 1).astype(float), one.y[inside]
        used = {"all learners": one.crossed.uplift, "response model": one.crossed.response}
        found[arm] = {name: rank(values[inside, place], t, y, data.seed) for name, values in used.items()}
        for name, values in one.crossed.by_learner.items():
            found[arm][name] = rank(values[inside, place], t, y, data.seed, draws=0)
    return found


def deciding(found: tuple[Learnt, ...]) -> list[Learnt]:
    """For every experiment what is decided by: the outcome that says what a contact brings, else its first."""
    told: dict[str, Learnt] = {}
    for one in found:
        name = one.examined.trial.name
        if name not in told or one.outcome == money_outcome(one.examined):
            told[name] = one
    return list(told.values())


def offered(
    data: Dataset, found: tuple[Learnt, ...], margin: float, cost: float
) -> list[tuple[Learnt, list[Offering]]]:
    """For every experiment with several arms, by money where it is told: which contact for whom, and what that brings.

    Args:
        data: The data.
        found: What was learnt.
        margin: Profit per unit of money, where the outcome is no margin itself.
        cost: Of one contact; counts only where the outcome is money.
    """
    from regulars.models.policies import offerings

    told = []
    for one in deciding(found):
        if len(one.examined.arms) < 2 or one.size < data.min_customers:
            continue
        rate, price = (profit_share(one.outcome, margin), cost) if one.outcome.kind == "money" else (1.0, 0.0)
        told.append((one, offerings(one.crossed, one.examined.arms, rate, price, data.seed)))
    return told


def unit_cost(data: Dataset) -> float:
    """Mean cost of a contact over the campaigns; 0 where it is not known."""
    campaigns = data.tables.get("campaigns")
    if campaigns is None or "unit_cost" not in campaigns.columns:
        return 0.0
    mean = data.collect(campaigns.aggregate(mean=campaigns.unit_cost.cast("float64").mean()), 1)["mean"][0]
    return round(float(mean.as_py() or 0.0), 6)


def profit_share(outcome: Outcome, margin: float) -> float:
    """Profit per unit of an outcome that is money: all of a margin, of revenue so much."""
    return 1.0 if outcome.name.startswith("margin") else margin
