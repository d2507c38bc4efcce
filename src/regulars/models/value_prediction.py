"""Orders and value to expect of customers: models and the simplest rules side by side, and which of them is used.

Everything is learnt from counted histories. What is learnt on an earlier period is judged on the later one
(`regulars.models.validation`); the winner there is the one that is used, be it a model or a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.errors import FitError, RegularsError
from regulars.models.bg_nbd import BgNbd, MbgNbd
from regulars.models.cells import UNITS_PER_YEAR, Cells, History, SpendCells
from regulars.models.gamma_gamma import GammaGamma
from regulars.models.order_models import fit_best
from regulars.models.pareto_nbd import ParetoNbd
from regulars.models.validation import validate

if TYPE_CHECKING:
    from regulars.models.btyd import OrderFit
    from regulars.models.cells import FloatArray
    from regulars.models.gamma_gamma import GammaGammaFit
    from regulars.models.validation import Validation

AVERAGE: Final = "the average"
THRESHOLD: Final = "recency threshold"
PAST_RATE: Final = "past rate"
RULES: Final = (AVERAGE, THRESHOLD, PAST_RATE)
"""The simple rules, simplest first; what they say stands in `regulars.models.simple_rules`."""

_MODELS: Final = (ParetoNbd(), BgNbd(), MbgNbd())

PATIENCE_DAYS: Final = 91.0
"""Longest silence of a customer whom the recency threshold takes for one."""

LEAST_AGE_DAYS: Final = 7.0
"""Ages below this count as this in the past rate, so that two orders in two days do not promise one a day."""


@dataclass(frozen=True)
class Rates:
    """What the simple rules have learnt of an amount: orders, or spend on them.

    Attributes:
        of_all: Amount per day of all customers.
        of_recent: Amount per day of those who were silent for `PATIENCE_DAYS` at most.
    """

    of_all: float
    of_recent: float

    @classmethod
    def learn(cls, cells: Cells, amount: FloatArray) -> Rates:
        """The rates over counted histories; `amount` is that of all customers of a cell together."""
        recent = cells.age - cells.recency <= PATIENCE_DAYS
        return cls(_rate(amount, cells.count * cells.age), _rate(amount[recent], (cells.count * cells.age)[recent]))

    def predict(self, rule: str, history: History, horizon: float) -> FloatArray:
        """What a rule expects over the horizon: the amount itself, or for the past rate the orders."""
        if rule == AVERAGE:
            return np.full(history.age.size, self.of_all * horizon)
        if rule == THRESHOLD:
            return np.where(history.age - history.recency <= PATIENCE_DAYS, self.of_recent * horizon, 0.0)
        return np.asarray(history.orders / np.maximum(history.age, LEAST_AGE_DAYS) * horizon)


def _rate(amount: FloatArray, time: FloatArray) -> float:
    total = float(time.sum())
    return float(amount.sum()) / total if total > 0 else 0.0


@dataclass(frozen=True)
class Learnt:
    """Models and rules learnt from one set of histories, in days.

    Attributes:
        order_fit: The model of orders; None where none could be fitted.
        spend_fit: The model of spend; None where it could not be fitted.
        order_rates: What the rules know of orders.
        value_rates: What the rules know of spend on repeat orders.
        notes: Which model was chosen, or why there is none.
    """

    order_fit: OrderFit | None
    spend_fit: GammaGammaFit | None
    order_rates: Rates
    value_rates: Rates
    notes: tuple[str, ...]

    @property
    def order_model(self) -> str:
        """Name of the model of orders, or ""."""
        return self.order_fit.model if self.order_fit else ""

    @property
    def value_model(self) -> str:
        """Name of the model of value, or ""."""
        return f"{self.order_fit.model} × {self.spend_fit.model}" if self.order_fit and self.spend_fit else ""

    def predict_orders(self, name: str, history: History, horizon: float) -> FloatArray:
        """Orders over the horizon by the model or the rule of that name; one value per history."""
        if name in RULES or self.order_fit is None:
            return self.order_rates.predict(name, history, horizon)
        return self.order_fit.predict_orders(*history, horizon)

    def predict_value(self, name: str, history: History, mean_spend: FloatArray, horizon: float) -> FloatArray:
        """Undiscounted revenue over the horizon; one value per history."""
        return self.predict_value_factor(name, history, horizon) * self.predict_spend(name, history, mean_spend)

    def predict_value_factor(
        self, name: str, history: History, horizon: float, yearly_discount_share: float = 0.0
    ) -> FloatArray:
        """What expected spend is multiplied by: discounted orders, or of two of the rules the value itself."""
        if name in RULES or self.order_fit is None:
            plain = self.value_rates.predict(name, history, horizon)
            return plain * discount_factor(horizon, yearly_discount_share)
        return self.order_fit.predict_discounted_orders(*history, horizon, yearly_discount_share)

    def predict_spend(self, name: str, history: History, mean_spend: FloatArray) -> FloatArray:
        """Spend per order: under the model, the customer's own mean (past rate), or 1 (the other rules)."""
        if name == PAST_RATE:
            return mean_spend
        if name in RULES or self.spend_fit is None:
            return np.ones_like(mean_spend)
        return self.spend_fit.predict_spend(history.orders + 1, mean_spend)


def discount_factor(horizon: float, yearly_discount_share: float) -> float:
    """Present value of 1 that comes evenly over the horizon, in days.

    Example:
        >>> round(discount_factor(365.25, 0.1), 4)
        0.9538
    """
    rate = float(np.log1p(yearly_discount_share)) / UNITS_PER_YEAR["day"] * horizon
    return float(-np.expm1(-rate) / rate) if rate > 0 else 1.0


def learn(cells: Cells, repeat_spend: FloatArray, spend_cells: SpendCells | None, model: str = "") -> Learnt:
    """Fit models and rules to counted histories; a model that cannot be fitted leaves a note, not an error.

    Args:
        cells: Histories in days.
        repeat_spend: Spend on repeat orders of all customers of each cell.
        spend_cells: Mean spend per visit; None where nobody spent anything.
        model: Name of the model of orders to fit, where it was chosen before; "" takes the best by Akaike's criterion.
    """
    order_fit: OrderFit | None = None
    spend_fit: GammaGammaFit | None = None
    notes = []
    try:
        asked = tuple(one for one in _MODELS if one.fit_type.model == model)
        best = fit_best(cells, asked or _MODELS)
        wanted = [attempt.fit for attempt in best.attempts if attempt.fit and attempt.model == model]
        order_fit = wanted[0] if wanted else best.fit
        notes.append(best.note)
    except FitError as error:
        notes.append(error.message)
    try:
        if spend_cells is not None:
            spend_fit = GammaGamma().fit(spend_cells)
    except FitError as error:
        notes.append(error.message)
    order_rates = Rates.learn(cells, cells.count * cells.orders)
    return Learnt(order_fit, spend_fit, order_rates, Rates.learn(cells, repeat_spend), tuple(notes))


@dataclass(frozen=True)
class Judged:
    """What a later period says of what was learnt on the earlier one.

    Attributes:
        orders: The model of orders beside the rules.
        value: The same for revenue.
    """

    orders: Validation
    value: Validation


def judge(
    learnt: Learnt,
    history: History,
    mean_spend: FloatArray,
    later_orders: FloatArray,
    later_revenue: FloatArray,
    horizon: float,
    *,
    seed: int = 0,
    draw_count: int = 200,
) -> Judged | None:
    """Models and rules on what came after the day they were learnt; None where nobody bought after it.

    Args:
        learnt: From the histories up to that day.
        history: Customers as known that day.
        mean_spend: Their mean spend per visit.
        later_orders: Visits of each after it.
        later_revenue: Revenue of each after it.
        horizon: Length of the later period in days.
        seed: Seed of the draws.
        draw_count: Bootstrap draws.
    """
    if not later_orders.size or later_orders.sum() <= 0:
        return None
    orders = {rule: learnt.predict_orders(rule, history, horizon) for rule in RULES}
    value = {rule: learnt.predict_value(rule, history, mean_spend, horizon) for rule in RULES}
    if learnt.order_model:
        orders = {learnt.order_model: learnt.predict_orders(learnt.order_model, history, horizon), **orders}
    if learnt.value_model:
        value = {learnt.value_model: learnt.predict_value(learnt.value_model, history, mean_spend, horizon), **value}
    return Judged(
        _validate(later_orders, orders, seed, draw_count), _validate(later_revenue, value, seed + 1, draw_count)
    )


def _validate(actual: FloatArray, predictions: dict[str, FloatArray], seed: int, draw_count: int) -> Validation:
    """The first prediction beside the others; without a model the rules beside the simplest of them."""
    first, *others = predictions
    return validate(
        actual, predictions[first], {name: predictions[name] for name in others}, model=first, seed=seed,
        draw_count=draw_count,
    )  # fmt: skip


def find_silence_limit(fit: OrderFit, orders: FloatArray, recency: FloatArray, share: float) -> FloatArray:
    """Days of silence after which the probability of being active falls under a share; NaN where it never does.

    Args:
        fit: A model in days.
        orders: Repeat orders of each customer.
        recency: Days from the first order to the last.
        share: The share, 0-1.

    Found by halving up to ten years; under a model in which nobody leaves, or for one-time buyers where they cannot
    leave (BG/NBD), there is no such day.
    """
    if not 0 < share < 1:
        raise RegularsError(f"The probability at which a customer counts as gone lies between 0 and 1, not at {share}.")
    low, high = np.zeros(orders.size), np.full(orders.size, 3652.0)
    is_gone = fit.predict_active_probability(orders, recency, recency + high) < share
    while float((high - low).max(initial=0.0)) > 0.5:
        middle = (low + high) / 2
        gone = fit.predict_active_probability(orders, recency, recency + middle) < share
        high, low = np.where(gone, middle, high), np.where(gone, low, middle)
    return np.where(is_gone, np.ceil(high), np.nan)


def score_histories(
    learnt: Learnt,
    cells: Cells,
    winners: tuple[str, str],
    horizon: float,
    yearly_discount_share: float,
    gone_below_share: float,
) -> dict[str, FloatArray]:
    """What is expected of each distinct history; one value per cell, NaN where it cannot be told.

    Args:
        learnt: Models and rules.
        cells: The histories, in days.
        winners: What orders and what value are foretold by.
        horizon: Days ahead.
        yearly_discount_share: Discount rate per year.
        gone_below_share: A customer counts as gone when the probability of being active is under this.

    Returns:
        `active_probability`, `expected_orders`, `value_factor` (what spend is multiplied by), `silence_limit_days`.
    """
    fit, nothing = learnt.order_fit, np.full(cells.cell_count, np.nan)
    columns = {
        "active_probability": fit.predict_active_probability(*cells.history) if fit else nothing,
        "expected_orders": learnt.predict_orders(winners[0], cells.history, horizon),
        "value_factor": learnt.predict_value_factor(winners[1], cells.history, horizon, yearly_discount_share),
        "silence_limit_days": (
            find_silence_limit(fit, cells.orders, cells.recency, gone_below_share) if fit else nothing
        ),
    }
    return {name: np.round(values, 9) for name, values in columns.items()}
