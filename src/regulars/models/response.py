"""Who answers a campaign: a logistic model on what was known before it, and its gains.

Numbers that are skewed and never negative enter as ln(1 + x); all are standardised; missing values get the mean and a
mark of their own; text becomes one column per frequent value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.errors import FitError
from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_VALUES = 12
_FEWEST_ROWS_OF_A_VALUE = 20
_SKEWED = 1.0
_STRENGTH = 1.0
"""Inverse of the ridge penalty on standardised columns; so that a rare value gets no coefficient of its own."""


@dataclass(frozen=True)
class Column:
    """How one feature enters the model.

    Args:
        name: The feature.
        is_logged: Whether ln(1 + x) is taken.
        mean: Taken off, and put in for missing values.
        spread: Divided by.
        values: For text: the values that have a column of their own.
        has_missing: Whether a mark says that the value was missing.
    """

    name: str
    is_logged: bool = False
    mean: float = 0.0
    spread: float = 1.0
    values: tuple[str, ...] = ()
    has_missing: bool = False

    @property
    def names(self) -> list[str]:
        """The columns it becomes."""
        if self.values:
            return [f"{self.name}: {value}" for value in self.values]
        return [self.name, *([f"{self.name} missing"] if self.has_missing else [])]

    def expand(self, values: NDArray[Any]) -> list[Floats]:
        """The columns of new rows."""
        if self.values:
            text = np.array(["" if one is None else str(one) for one in values])
            return [(text == value).astype(float) for value in self.values]
        numbers = np.asarray(values, dtype=float)
        missing = ~np.isfinite(numbers)
        if self.is_logged:
            numbers = np.log1p(np.maximum(np.where(missing, 0.0, numbers), 0.0))
        scaled = np.where(missing, 0.0, (numbers - self.mean) / self.spread)
        return [scaled, *([missing.astype(float)] if self.has_missing else [])]


@dataclass(frozen=True)
class ResponseModel:
    """A fitted model; `predict` gives the probability of an answer.

    Args:
        columns: How the features enter.
        weights: One per entered column: change of the log odds per standard deviation, or for having the value.
        constant: Log odds of the average row.
    """

    columns: tuple[Column, ...]
    weights: tuple[float, ...]
    constant: float

    @property
    def drivers(self) -> list[tuple[str, float]]:
        """Entered columns with their weight, the strongest first."""
        names = [name for column in self.columns for name in column.names]
        return sorted(zip(names, self.weights, strict=True), key=lambda one: (-abs(one[1]), one[0]))

    def predict(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """`response_probability` of every row."""
        parts = [part for column in self.columns for part in column.expand(columns[column.name])]
        score = self.constant + np.column_stack(parts) @ np.array(self.weights)
        return {"response_probability": 1 / (1 + np.exp(-np.clip(score, -30, 30)))}

    def save(self, folder: Path) -> None:
        """The model as JSON."""
        told = {
            "columns": [vars(column) for column in self.columns],
            "weights": list(self.weights),
            "constant": self.constant,
        }
        (folder / "response.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def fit(features: Mapping[str, NDArray[Any]], responded: Floats) -> ResponseModel:
    """The model of rows.

    Source: ridge-penalised logistic regression, Le Cessie & Van Houwelingen (1992), Applied Statistics 41, pp. 191-201.

    Args:
        features: One array per feature; numbers, or text (object arrays).
        responded: 0 or 1 per row.

    Raises:
        FitError: Nobody or everybody answered, or no feature tells rows apart.

    >>> spend = np.arange(200.0)
    >>> model = fit({"spend": spend}, (spend > 120).astype(float))
    >>> (np.diff(model.predict({"spend": spend})["response_probability"]) > 0).all().item()
    True
    """
    from sklearn.linear_model import LogisticRegression

    if not 0 < responded.sum() < responded.size:
        raise FitError("nobody answered, or everybody did", mend="take more campaigns")
    columns = tuple(column for name, values in features.items() if (column := _describe(name, values)) is not None)
    if not columns:
        raise FitError("no feature tells the customers apart", mend="map more of their profile")
    rows = np.column_stack([part for column in columns for part in column.expand(features[column.name])])
    fitted = LogisticRegression(C=_STRENGTH, max_iter=1000).fit(rows, responded)
    weights = tuple(float(one) for one in intervals.steady(fitted.coef_[0]))
    return ResponseModel(columns, weights, float(intervals.steady(fitted.intercept_[0])))


def _describe(name: str, values: NDArray[Any]) -> Column | None:
    """How a feature enters; None where it is constant."""
    if values.dtype == object:
        text = np.array([str(one) for one in values if one is not None])
        found, counts = np.unique(text, return_counts=True)
        order = np.lexsort((found, -counts))[:_MOST_VALUES]
        kept = tuple(sorted(str(found[place]) for place in order if counts[place] >= _FEWEST_ROWS_OF_A_VALUE))
        return Column(name, values=kept) if kept and (len(found) > 1 or text.size < values.size) else None
    numbers = np.asarray(values, dtype=float)
    known = numbers[np.isfinite(numbers)]
    if known.size < 2 or np.ptp(known) == 0:
        return None
    spread = known.std()
    skewness = float((((known - known.mean()) / spread) ** 3).mean())
    is_logged = bool(known.min() >= 0 and skewness > _SKEWED)
    if is_logged:
        known = np.log1p(known)
    mean, spread = (float(intervals.steady(one)) for one in (known.mean(), known.std()))
    return Column(name, is_logged, mean, spread, has_missing=bool(known.size < numbers.size))


@dataclass(frozen=True)
class Gains:
    """Customers in the order of a prediction: who is reached when the first share of them is contacted.

    Args:
        contacted: Share contacted, 0.1 to 1.
        reached: Share of all who answered that are among them.
        low: Lower end of its 95 % interval.
        high: Upper end.
        response: Share of those in this step alone who answered.
    """

    contacted: Floats
    reached: Floats
    low: Floats
    high: Floats
    response: Floats


def gains(predicted: Floats, responded: Floats, steps: int = 10) -> Gains:
    """The gains of a prediction; customers with equal predictions count as mixed, so that their order cannot matter.

    >>> told = gains(np.array([4.0, 3, 2, 1]), np.array([1.0, 1, 0, 0]), steps=2)
    >>> told.reached.tolist()
    [1.0, 1.0]
    """
    values, groups = np.unique(-predicted, return_inverse=True)
    sizes = np.bincount(groups, minlength=values.size).astype(float)
    answers = np.bincount(groups, weights=responded, minlength=values.size)
    depth = np.concatenate([[0.0], sizes.cumsum()])
    hits = np.concatenate([[0.0], answers.cumsum()])
    cuts = np.linspace(0, depth[-1], steps + 1)
    at = np.interp(cuts, depth, hits)
    total = hits[-1]
    low, high = intervals.share_interval(at[1:], np.full(steps, total))
    reached = intervals.steady(at[1:] / total)
    response = intervals.steady(np.diff(at) / np.diff(cuts))
    return Gains(cuts[1:] / cuts[-1], reached, np.fmin(low, reached), np.fmax(high, reached), response)
