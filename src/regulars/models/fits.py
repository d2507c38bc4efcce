"""What every fit by maximum likelihood carries: its parameters, how sure they are, and its way to a file and back."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FORMAT = 1
_STEP = 1e-4


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Coverage of the interval, 0-1.
    """

    value: float
    low: float
    high: float
    level: float = 0.95


def interval_of_parameter(value: float, spread: float, level: float) -> Estimate:
    """An interval on the log scale, for a parameter that cannot be negative.

    Args:
        value: The estimate.
        spread: Its standard error, in the same unit.
        level: Coverage, 0-1.

    Example:
        >>> estimate = interval_of_parameter(100.0, 10.0, 0.95)
        >>> round(estimate.low, 1), round(estimate.high, 1)
        (82.2, 121.7)
    """
    factor = float(np.exp(normal_quantile(level) * spread / value))
    return Estimate(value, value / factor, value * factor, level)


def interval_of_total(value: float, spread: float, level: float) -> Estimate:
    """An interval for a total to come that cannot be negative: that of a gamma distribution.

    Near a normal interval for a large total, and still sound where the spread is larger than the total.

    Args:
        value: The expected total.
        spread: Its standard error, in the same unit.
        level: Coverage, 0-1.

    Example:
        >>> estimate = interval_of_total(100.0, 10.0, 0.95)
        >>> round(estimate.low, 1), round(estimate.high, 1)
        (81.4, 120.5)
        >>> round(interval_of_total(0.5, 0.8, 0.95).high, 2)
        2.81
    """
    from scipy.special import gammaincinv

    check_level(level)
    if value <= 0 or spread <= 0:
        return Estimate(value, value, value, level)
    shape, scale = (value / spread) ** 2, spread * spread / value
    low, high = (float(gammaincinv(shape, tail)) * scale for tail in ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(low, value), max(high, value), level)


def check_level(level: float) -> None:
    """Refuse a coverage outside 0-1."""
    if not 0 < level < 1:
        raise FitError(f"The level of an interval lies between 0 and 1, not at {level}.")


def normal_quantile(level: float) -> float:
    """Half the width of a two-sided normal interval in standard errors.

    Example:
        >>> round(normal_quantile(0.95), 3)
        1.96
    """
    from scipy.special import ndtri

    check_level(level)
    return float(ndtri((1 + level) / 2))


@dataclass(frozen=True)
class Fit(ABC):
    """A frozen fit.

    Attributes:
        values: The parameters, in the order of `names`.
        covariance: Of the logarithms of the parameters: the inverse of the negative Hessian.
        held: Parameters that have no limit that the data know of: any large (or small) value does as well, and
            they have no interval. It happens where customers are all alike.
        log_likelihood: At the maximum.
        customer_count: Customers the fit has seen.
        gradient_norm: Largest absolute derivative by a free log-parameter, per customer.
        starts_agreed: How many starts of the search led to this maximum.
        start_count: How many starts were made.
    """

    model: ClassVar[str]
    names: ClassVar[tuple[str, ...]]

    values: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    held: tuple[str, ...]
    log_likelihood: float
    customer_count: int
    gradient_norm: float
    starts_agreed: int
    start_count: int

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def standard_errors(self) -> dict[str, float | None]:
        """Standard errors by name, by the delta method from the log scale; None for held parameters."""
        return {
            name: None if name in self.held else value * float(np.sqrt(self.covariance[i][i]))
            for i, (name, value) in enumerate(self.parameters.items())
        }

    def find_intervals(self, level: float = 0.95) -> dict[str, Estimate | None]:
        """Intervals of the parameters on the log scale; None for held parameters."""
        return {
            name: None if error is None else interval_of_parameter(self.parameters[name], error, level)
            for name, error in self.standard_errors.items()
        }

    def find_spread(self, quantity: Callable[[Self], float]) -> float:
        """Standard error of anything computed from the fit (delta method over the log-parameters)."""
        slope = np.zeros(len(self.values))
        for i in range(slope.size):
            slope[i] = (quantity(self._moved(i, _STEP)) - quantity(self._moved(i, -_STEP))) / (2 * _STEP)
        return float(np.sqrt(max(0.0, float(slope @ np.array(self.covariance) @ slope))))

    def _moved(self, index: int, step: float) -> Self:
        """The same fit with one log-parameter moved."""
        values = list(self.values)
        values[index] *= float(np.exp(step))
        return dataclasses.replace(self, values=tuple(values))

    def to_json(self) -> str:
        """The fit as text; `from_json` reads it back to the last digit."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps({"format": _FORMAT, "model": self.model, "names": self.names, **fields}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The fit that `to_json` wrote.

        Raises:
            FitError: The text is not such a fit.
        """
        content = read_json(text)
        if content["model"] != cls.model:
            raise FitError(f"This is a saved {content['model']} fit, not a {cls.model} fit.")
        return cls.from_content(content)

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """The fit from the content that `read_json` gave."""
        wanted = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in wanted if name not in content]
        if missing:
            raise FitError(f"The saved fit lacks {', '.join(missing)}.", mend="Fit and save the model again.")
        if len(content["values"]) != len(cls.names):
            raise FitError(f"A {cls.model} fit has {len(cls.names)} parameters.", mend="Fit and save the model again.")
        return cls(**{name: _freeze_lists(content[name]) for name in wanted})

    def save(self, path: Path) -> None:
        """Write the fit to a JSON file, or as `fit.json` into a folder."""
        file = path / "fit.json" if path.is_dir() else path
        file.write_text(self.to_json() + "\n", encoding="utf-8")


def read_json(text: str) -> dict[str, Any]:
    """The content of a saved fit.

    Raises:
        FitError: The text is not JSON, or not a fit of a known format.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise FitError(f"The saved fit is not readable JSON: {error}.", mend="Fit and save it again.") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT or "model" not in content:
        raise FitError("This JSON is not a saved fit of a known format.", mend="Fit and save the model again.")
    return content


def _freeze_lists(value: Any) -> Any:
    """Lists from JSON as tuples."""
    return tuple(_freeze_lists(v) for v in value) if isinstance(value, list) else value
