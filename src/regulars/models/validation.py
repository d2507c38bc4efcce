"""One honest yardstick for every prediction: a later period it did not see, beside the simplest rules.

Intervals come from a paired Poisson bootstrap: a draw gives every customer a weight (Poisson with mean 1), the same
one for the model and for every rule, so that their difference is judged on the same customers. Nothing is sorted
again (`regulars.models.scores`). Above 50,000 customers the draws are taken from a seeded sample of 50,000 and their
spread is shrunk by the root of the ratio of the sizes, so that a million customers cost what 50,000 do; the scores
themselves are always those of all customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from regulars.errors import RegularsError
from regulars.models.fits import normal_quantile
from regulars.models.scores import MEASURES, Measure, Outcomes, Ranking, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.models.cells import FloatArray

LARGEST_DRAWN: Final = 50_000
_FEWEST_CUSTOMERS: Final = 2


@dataclass(frozen=True)
class Score:
    """One measure of one prediction.

    Attributes:
        predictor: The model's or the rule's name.
        measure: Key of the measure, see `MEASURES`.
        value: None where the measure has no meaning (nobody bought, all predictions equal).
        low: Lower end of the bootstrap interval.
        high: Upper end of the bootstrap interval.
    """

    predictor: str
    measure: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """The model against one rule on one measure.

    Attributes:
        rule: The rule's name.
        measure: Key of the measure.
        value: Score of the model minus score of the rule; of the bias, the difference of the absolute values.
        low: Lower end of the paired bootstrap interval.
        high: Upper end of the paired bootstrap interval.
        verdict: "better" or "worse" where the interval excludes 0, otherwise "no difference"; of the model.
    """

    rule: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class CalibrationRow:
    """Customers of one tenth by prediction; ties stay together, so that a tenth may be larger or missing.

    Attributes:
        decile: 1 (lowest predictions) to 10.
        customer_count: Customers in it.
        mean_predicted: Mean of the predictions.
        mean_actual: Mean of what came.
        low: Lower end of the interval of `mean_actual`; None where it cannot be told.
        high: Upper end of the interval.
    """

    decile: int
    customer_count: int
    mean_predicted: float
    mean_actual: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Validation:
    """The table a report shows beside every prediction.

    Attributes:
        model: The model's name.
        customer_count: Customers judged.
        scores: Every measure of the model and of every rule.
        differences: The model against every rule on every measure.
        calibration: Predicted against actual by tenth of the model's predictions.
        main_measure: The measure that decides.
        winner: The model or the rule to use.
        reason: Why, in one sentence.
        draw_count: Bootstrap draws.
        drawn_count: Customers the draws were taken from.
        level: Coverage of the intervals, 0-1.
    """

    model: str
    customer_count: int
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    calibration: tuple[CalibrationRow, ...]
    main_measure: str
    winner: str
    reason: str
    draw_count: int
    drawn_count: int
    level: float

    def find_score(self, predictor: str, measure: str) -> Score:
        """One score by name."""
        return next(s for s in self.scores if (s.predictor, s.measure) == (predictor, measure))


def validate(
    actual: npt.ArrayLike,
    predicted: npt.ArrayLike,
    rules: Mapping[str, npt.ArrayLike] | None = None,
    *,
    model: str = "model",
    main_measure: str = "mean_absolute_error",
    draw_count: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> Validation:
    """Judge a prediction on what came, beside simpler rules.

    The winner by a stated rule: on the main measure the model is used where it is better than every rule and each
    interval of the difference excludes 0. Otherwise the best rule is used, the first named among equals. Without
    rules the model wins unopposed.

    Args:
        actual: What came in the later period; one value per customer.
        predicted: What the model foretold, in the same order.
        rules: Predictions of simpler rules by name (`regulars.models.simple_rules`).
        model: The model's name.
        main_measure: The measure that decides; a key of `MEASURES`.
        draw_count: Bootstrap draws.
        level: Coverage of the intervals, 0-1.
        seed: Seed of the draws.

    Raises:
        RegularsError: Missing values, columns of different length, no customers, or an unknown measure.

    Example:
        >>> actual = [0, 0, 1, 3] * 50
        >>> result = validate(actual, [0.1, 0.2, 1.0, 2.5] * 50, {"the average": [1.0] * 200})
        >>> result.winner
        'model'
    """
    if main_measure not in MEASURES:
        raise RegularsError(f"Unknown measure '{main_measure}'.", mend=f"Use one of: {', '.join(MEASURES)}.")
    came = _check(actual, "actual", None)
    given = {model: predicted, **(rules or {})}
    predictions = {name: _check(values, name, came.size) for name, values in given.items()}
    if rules and model in rules:
        raise RegularsError(f"The model and a rule are both named '{model}'.")
    points = _score_all(Outcomes(Ranking(came)), {name: Ranking(values) for name, values in predictions.items()})
    draws = _Draws(came, predictions, draw_count, level, seed)
    scores = tuple(
        Score(name, measure, value, *draws.find_interval(name, None, measure, value))
        for name, by_measure in points.items()
        for measure, value in by_measure.items()
    )
    differences = tuple(
        _compare(points, draws, model, rule, MEASURES[measure])
        for rule in predictions
        if rule != model
        for measure in MEASURES
    )
    winner, reason = _decide(points, differences, model, MEASURES[main_measure])
    return Validation(
        model=model,
        customer_count=came.size,
        scores=scores,
        differences=differences,
        calibration=calibrate(came, predictions[model], level),
        main_measure=main_measure,
        winner=winner,
        reason=reason,
        draw_count=draw_count,
        drawn_count=draws.size,
        level=level,
    )


_ScoresByName = dict[str, dict[str, float | None]]


def _score_all(outcomes: Outcomes, rankings: Mapping[str, Ranking]) -> _ScoresByName:
    return {name: score(outcomes, ranking) for name, ranking in rankings.items()}


class _Draws:
    """The scores of all predictions under the same bootstrap weights."""

    def __init__(
        self, actual: FloatArray, predictions: Mapping[str, FloatArray], draw_count: int, level: float, seed: int
    ) -> None:
        generator = np.random.default_rng(seed)
        rows = np.arange(actual.size)
        if actual.size > LARGEST_DRAWN:
            rows = np.sort(generator.choice(actual.size, LARGEST_DRAWN, replace=False))
        self.size = rows.size
        self.shrink = float(np.sqrt(rows.size / actual.size))
        self.tails = ((1 - level) / 2, (1 + level) / 2)
        came = Ranking(actual[rows])
        rankings = {name: Ranking(values[rows]) for name, values in predictions.items()}
        self.centre = _score_all(Outcomes(came), rankings)
        self.drawn: list[_ScoresByName] = []
        for _ in range(draw_count if self.size >= _FEWEST_CUSTOMERS else 0):
            weight = generator.poisson(1.0, self.size).astype(np.float64)
            if weight.any():
                self.drawn.append(_score_all(Outcomes(came, weight), rankings))

    def find_interval(
        self, name: str, rule: str | None, measure: str, value: float | None
    ) -> tuple[float | None, float | None]:
        """The interval around a score, or around the difference of two; None where too few draws have a value."""
        centre = self._take(self.centre, name, rule, measure)
        taken = [self._take(draw, name, rule, measure) for draw in self.drawn]
        usable = np.array([drawn for drawn in taken if drawn is not None])
        if value is None or centre is None or usable.size < max(2, 0.9 * len(taken)):
            return None, None
        low, high = (np.quantile(usable, self.tails) - centre) * self.shrink + value
        return float(low), float(high)

    @staticmethod
    def _take(scores: _ScoresByName, name: str, rule: str | None, measure: str) -> float | None:
        own = scores[name][measure]
        return own if rule is None else _subtract(own, scores[rule][measure], MEASURES[measure])


def _subtract(own: float | None, other: float | None, measure: Measure) -> float | None:
    """Model minus rule; of the bias, the difference of the absolute values."""
    if own is None or other is None:
        return None
    return abs(own) - abs(other) if measure.name == "bias_share" else own - other


def _compare(points: _ScoresByName, draws: _Draws, model: str, rule: str, measure: Measure) -> Difference:
    value = _subtract(points[model][measure.name], points[rule][measure.name], measure)
    low, high = draws.find_interval(model, rule, measure.name, value)
    verdict = "no difference"
    if low is not None and high is not None and (low > 0 or high < 0):
        verdict = "better" if (low > 0) == measure.higher_is_better else "worse"
    return Difference(rule, measure.name, value, low, high, verdict)


def _decide(
    points: _ScoresByName,
    differences: tuple[Difference, ...],
    model: str,
    measure: Measure,
) -> tuple[str, str]:
    """The winner by the stated rule, and why."""
    rivals = [d for d in differences if d.measure == measure.name]
    if not rivals:
        return model, f"{model} is used: no simpler rule was given to compare with."
    losses = {d.rule: _lose(points[d.rule][measure.name], measure) for d in rivals}
    best = min(losses, key=lambda rule: losses[rule])
    beside = next(d for d in rivals if d.rule == best)
    figures = f"{measure.title} {_write(points[model][measure.name])} against {_write(points[best][measure.name])}"
    if beside.low is not None:
        figures += f", difference {_write(beside.value)} ({_write(beside.low)} to {_write(beside.high)})"
    if all(d.verdict == "better" for d in rivals):
        return model, f"{model} is used: it does better than every simpler rule; beside the best, {best}: {figures}."
    return best, f"{best} is used: {model} is not shown to do better than every simpler rule; {figures}."


def _lose(value: float | None, measure: Measure) -> float:
    return np.inf if value is None else measure.lose(value)


def _write(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def calibrate(actual: FloatArray, predicted: FloatArray, level: float = 0.95) -> tuple[CalibrationRow, ...]:
    """Predicted against actual, by tenth of the predictions.

    The interval of the mean is normal, cut at 0 where nothing is negative; None below two customers or where all of a
    tenth did the same.

    Example:
        >>> rows = calibrate(np.array([0.0, 0.0, 1.0, 4.0] * 10), np.array([0.1, 0.1, 1.5, 3.0] * 10))
        >>> [(row.decile, row.customer_count, row.mean_actual) for row in rows]
        [(3, 20, 0.0), (7, 10, 1.0), (9, 10, 4.0)]
    """
    tenth = Ranking(predicted).find_tenths()
    width = normal_quantile(level)
    rows = []
    for decile in np.unique(tenth):
        members = actual[tenth == decile]
        mean = float(members.mean())
        low = high = None
        if members.size >= 2 and np.ptp(members) > 0:
            error = width * float(members.std(ddof=1)) / float(np.sqrt(members.size))
            low, high = mean - error, mean + error
            low = max(low, 0.0) if actual.min() >= 0 else low
        rows.append(
            CalibrationRow(int(decile), members.size, float(predicted[tenth == decile].mean()), mean, low, high)
        )
    return tuple(rows)


def _check(values: npt.ArrayLike, name: str, size: int | None) -> FloatArray:
    """One column of finite numbers, as long as the others."""
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or column.size == 0:
        raise RegularsError(f"'{name}' holds no customers to judge by.", mend="Give one value per customer.")
    if size is not None and column.size != size:
        raise RegularsError(f"'{name}' has {column.size:,} values, what came has {size:,}.")
    missing = int((~np.isfinite(column)).sum())
    if missing:
        raise RegularsError(f"'{name}' has missing or infinite values.", rows=missing, mend="Predict every customer.")
    return column
