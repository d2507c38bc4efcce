"""Which of recency, frequency and money foretells value: a small regression on ranks, taken apart.

Each of the three is turned into its rank among the customers (0-1), so that no outlier rules; the model is linear in
the ranks, their squares and products, and foretells the rank of what each customer brings in the later period. What
a driver carries is what the model loses when that driver's values are shuffled among the customers (permutation
importance: Breiman 2001, Machine Learning 45, section 10), on customers that the fit did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.errors import FitError
from regulars.models.scores import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_CUSTOMERS: Final = 50
LARGEST_REFITTED: Final = 5_000
_FOLDS: Final = 2
_SHUFFLES: Final = 5
_RIDGE: Final = 1e-6
_TAILS: Final = (0.025, 0.975)
_LEAST_EXPLAINED: Final = 0.01


@dataclass(frozen=True)
class Told:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Drivers:
    """What the drivers carry together, alone, and beside each other.

    Attributes:
        customer_count: Customers judged.
        together: Share of the variance of the ranks that all drivers foretell, on customers the fit did not see.
        alone: The same with one driver only, by driver.
        carried: What is lost when a driver is shuffled, by driver.
        shares: That loss as a share of the sum of the losses, by driver; empty where next to nothing is foretold.
    """

    customer_count: int
    together: Told
    alone: Mapping[str, Told]
    carried: Mapping[str, Told]
    shares: Mapping[str, Told]

    @property
    def first(self) -> str:
        """The driver that carries most; "" where next to nothing is foretold."""
        return max(self.shares, key=lambda name: self.shares[name].value) if self.shares else ""

    @property
    def is_clear(self) -> bool:
        """Whether the first driver's interval lies above those of all others."""
        if not self.shares:
            return False
        first = self.first
        return all(self.shares[first].low > told.high for name, told in self.shares.items() if name != first)


def to_ranks(values: Floats) -> Floats:
    """Middle ranks, 0-1; equal values share theirs.

    Example:
        >>> to_ranks(np.array([5.0, 1.0, 5.0, 9.0])).tolist()
        [0.5, 0.125, 0.5, 0.875]
    """
    ranking = Ranking(values)
    sizes = ranking.add_up(np.ones(values.size))
    middle = (np.cumsum(sizes) - sizes / 2) / values.size
    return np.asarray(middle[ranking.group])


def find_drivers(
    drivers: Mapping[str, Floats], later_value: Floats, *, draw_count: int = 200, seed: int = 0
) -> Drivers:
    """Take the drivers apart on customers that each fit did not see (two folds), with bootstrap intervals.

    The intervals draw customers again (Poisson weights). Up to 5,000 customers each draw is fitted anew; above, the
    fits stay as they are, because a handful of coefficients is then known far better than the judging is.

    Args:
        drivers: Values of each driver as known on a day; one entry per customer.
        later_value: What each brought after it.
        draw_count: Bootstrap draws.
        seed: Seed of folds, shuffles and draws.

    Raises:
        FitError: Too few customers, or all brought the same.

    Example:
        >>> n = np.arange(400.0)
        >>> found = find_drivers({"a": n, "b": n % 7}, n + 1)
        >>> found.first, round(found.shares["a"].value, 2)
        ('a', 1.0)
    """
    size = later_value.size
    if size < LEAST_CUSTOMERS:
        raise FitError(f"{size:,} customers are too few; at least {LEAST_CUSTOMERS} are needed.")
    actual = to_ranks(later_value)
    if float(np.ptp(actual)) == 0:
        raise FitError("Everybody brought the same in the later period, so there is nothing to foretell.")
    generator = np.random.default_rng(seed)
    ranks = np.column_stack([to_ranks(values) for values in drivers.values()])
    judge = _Judge(ranks, actual, generator.permutation(size) % _FOLDS, generator)
    point = judge.explain(np.ones(size), _SHUFFLES)
    errors = judge.errors(np.ones(size), _SHUFFLES) if size > LARGEST_REFITTED else None
    rows = [point]
    for _ in range(draw_count):
        weight = generator.poisson(1.0, size).astype(np.float64)
        if judge.spread(weight) == 0:
            continue  # whoever brought anything is not in this draw, so that nothing could be foretold in it
        rows.append(judge.explain(weight, 1) if errors is None else judge.score(weight, errors))
    if len(rows) <= draw_count / 2:
        raise FitError("Too few brought anything in the later period for an interval.")
    table = np.vstack(rows)
    names = list(drivers)
    explained = table[:, 0]
    alone = {name: table[:, 1 + place] for place, name in enumerate(names)}
    carried = {name: explained - table[:, 1 + len(names) + place] for place, name in enumerate(names)}
    total = np.sum([np.maximum(loss, 0.0) for loss in carried.values()], axis=0)
    shares = {}
    if explained[0] >= _LEAST_EXPLAINED and (total > 0).all():
        shares = {name: _told(np.maximum(loss, 0.0) / total) for name, loss in carried.items()}
    return Drivers(
        customer_count=size,
        together=_told(explained),
        alone={name: _told(values) for name, values in alone.items()},
        carried={name: _told(loss) for name, loss in carried.items()},
        shares=shares,
    )


class _Judge:
    """Fits on one fold and judges on the other: all drivers, each alone, and each shuffled."""

    def __init__(self, ranks: Floats, actual: Floats, folds: NDArray[np.int64], generator: np.random.Generator) -> None:
        self.actual, self.folds = actual, folds
        count = ranks.shape[1]
        self.all = _terms(ranks)
        self.alone = [_terms(ranks[:, [place]]) for place in range(count)]
        self.shuffled = []
        for place in range(count):
            versions = []
            for _ in range(_SHUFFLES):
                moved = ranks.copy()
                for fold in range(_FOLDS):
                    inside = np.flatnonzero(folds == fold)
                    moved[inside, place] = ranks[generator.permutation(inside), place]
                versions.append(_terms(moved))
            self.shuffled.append(versions)

    def explain(self, weight: Floats, shuffles: int) -> Floats:
        """Share of the variance foretold: by all, by each alone, and with each shuffled; fitted with these weights."""
        return self.score(weight, self.errors(weight, shuffles))

    def score(self, weight: Floats, errors: Floats) -> Floats:
        """The same from squared errors, one column per prediction."""
        return np.asarray(1 - np.einsum("i,ij->j", weight, errors) / self.spread(weight))

    def spread(self, weight: Floats) -> float:
        """The weighted squares around the mean of what came; exactly 0 where all came to the same."""
        came = self.actual[weight > 0]
        if came.size == 0 or float(np.ptp(came)) == 0:
            return 0.0
        mean = np.einsum("i,i->", weight, self.actual) / weight.sum()
        return float(np.einsum("i,i->", weight, (self.actual - mean) ** 2))

    def errors(self, weight: Floats, shuffles: int) -> Floats:
        """Squared errors of each customer, foretold by the fits to the other fold; one column per prediction."""
        fits = self._fit(self.all, weight)
        columns = [self._miss(self.all, fits)]
        columns += [self._miss(terms, self._fit(terms, weight)) for terms in self.alone]
        for versions in self.shuffled:
            columns.append(np.mean([self._miss(terms, fits) for terms in versions[:shuffles]], axis=0))
        return np.column_stack(columns)

    def _fit(self, terms: Floats, weight: Floats) -> Floats:
        """Coefficients per fold, learnt from the customers outside it."""
        fits = []
        for fold in range(_FOLDS):
            outside = self.folds != fold
            own, heavy = terms[outside], terms[outside] * weight[outside, None]
            products = np.einsum("ij,ik->jk", own, heavy) + _RIDGE * np.eye(terms.shape[1])
            fits.append(np.linalg.solve(products, np.einsum("ij,i->j", heavy, self.actual[outside])))
        return np.asarray(fits)

    def _miss(self, terms: Floats, fits: Floats) -> Floats:
        foretold = np.einsum("ij,ij->i", terms, fits[self.folds])
        return np.asarray((self.actual - foretold) ** 2)


def _terms(ranks: Floats) -> Floats:
    """A constant, the ranks, their squares and their products."""
    count = ranks.shape[1]
    pairs = [ranks[:, i] * ranks[:, j] for i in range(count) for j in range(i, count)]
    return np.column_stack([np.ones(ranks.shape[0]), ranks, *pairs])


def _told(draws: Floats) -> Told:
    """The first entry is the value itself, the others are drawn; rounded, so that the order of adding cannot show."""
    value = round(float(draws[0]), 9)
    low, high = (round(float(end), 9) for end in np.quantile(draws[1:], _TAILS))
    return Told(value, min(low, value), max(high, value))


def by_group(
    drivers: Mapping[str, Floats], later_value: Floats, groups: Sequence[str], least: int, seed: int = 0
) -> dict[str, Drivers]:
    """The drivers within each group of at least `least` customers; groups that cannot be judged are left out."""
    labels = np.asarray(groups, dtype=object)
    found = {}
    for label in sorted(set(groups)):
        inside = labels == label
        if int(inside.sum()) < max(least, LEAST_CUSTOMERS):
            continue
        try:
            found[label] = find_drivers(
                {name: values[inside] for name, values in drivers.items()}, later_value[inside], seed=seed
            )
        except FitError:
            continue
    return found
