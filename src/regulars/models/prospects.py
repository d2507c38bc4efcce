"""Who will do something for the first time: a logistic model small enough to be written as an expression."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

FEWEST_EVENTS = 20
"""Fewer customers who did it teach nothing."""


@dataclass(frozen=True)
class Prospects:
    """A fitted model: log-odds = intercept + Σ weight × feature.

    Attributes:
        intercept: Log-odds where all features are 0.
        weights: One per feature, in the units of the feature.
        event_count: Customers who did it, of those learnt from.
        customer_count: Customers learnt from.
    """

    intercept: float
    weights: dict[str, float]
    event_count: int
    customer_count: int

    def predict(self, features: Mapping[str, ArrayLike]) -> Floats:
        """The probability for each row of the features."""
        odds = np.full(len(np.asarray(next(iter(features.values())))), self.intercept)
        for name, weight in self.weights.items():
            odds = odds + weight * np.asarray(features[name], dtype=np.float64)
        return np.asarray(1 / (1 + np.exp(-odds)))

    def save(self, folder: Path) -> None:
        """Write the model as JSON into a folder."""
        (folder / "prospects.json").write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def fit_prospects(features: Mapping[str, ArrayLike], happened: ArrayLike) -> Prospects:
    """Fit by penalised maximum likelihood on standardised features (ridge, strength 1).

    Args:
        features: One column per feature, without missing values.
        happened: Whether each customer did it, 0 or 1.

    Raises:
        FitError: Too few did it, or all did.

    >>> x = np.repeat([0.0, 1.0], 500)
    >>> fit = fit_prospects({"x": x}, np.tile([0, 0, 0, 1], 250) * x)
    >>> low, high = fit.predict({"x": [0.0, 1.0]})
    >>> bool(low < 0.02 and 0.23 < high < 0.27)
    True
    """
    from sklearn.linear_model import LogisticRegression

    labels = np.asarray(happened, dtype=np.int64)
    if min(labels.sum(), labels.size - labels.sum()) < FEWEST_EVENTS:
        raise FitError(
            f"{int(labels.sum())} of {labels.size:,} customers did it; at least {FEWEST_EVENTS} who did, and as many "
            "who did not, are needed to learn from."
        )
    columns = np.column_stack([np.asarray(values, dtype=np.float64) for values in features.values()])
    middle, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    fit = LogisticRegression(C=1.0, max_iter=1000).fit((columns - middle) / scale, labels)
    weights = fit.coef_[0] / scale
    named = {name: float(f"{weight:.9g}") for name, weight in zip(features, weights, strict=True)}
    intercept = float(fit.intercept_[0] - (weights * middle).sum())
    return Prospects(float(f"{intercept:.9g}"), named, int(labels.sum()), int(labels.size))
