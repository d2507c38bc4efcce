"""Customers grouped by k-means: features made comparable, centres found, and every customer given the nearest one.

What is learnt is a handful of numbers per feature and segment, so that an engine can assign millions of customers by
an expression, and a file of JSON keeps it all. Segments may be parted again with a preparation of their own, which
makes a tree; its leaves are numbered in reading order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from regulars.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Kind = Literal["plain", "log", "share"]

SKEWED_ABOVE = 1.0
"""A feature without negative values and more skewed than this is taken as its logarithm."""
SAME_ABOVE = 0.95
"""Of two features correlated more closely than this the later one says nothing new, and is left out."""
TAIL = 0.01
"""Values beyond this share at either end are drawn in to it, so that a few cannot stretch the scale."""
EXTREME_BEYOND = 3.0
"""A value so many standard deviations beyond that end makes a customer extreme."""
RARE_BELOW = 0.01
"""Extreme customers get a leaf of their own while they are fewer than this share; more are a segment like any other."""
_MOST_ORDERS = 20.0
_DIGITS = 9


@dataclass(frozen=True)
class Scale:
    """How one feature is made comparable.

    A share of n orders (weekend orders ÷ orders) is first drawn towards the mean of all by `prior_orders` orders,
    because a single order says little of a habit: (share · n + mean · prior) ÷ (n + prior).

    Args:
        name: The feature.
        kind: As it is, as log(1 + x), or as a share of the customer's orders.
        centre: What becomes 0.
        scale: What becomes 1.
        low: Smallest prepared value; lower ones become it.
        high: Greatest prepared value.
        prior_orders: For a share: how many orders the mean of all counts for.
        missing_share: How many customers had no value; they are put at the centre.
    """

    name: str
    kind: Kind
    centre: float
    scale: float
    low: float
    high: float
    prior_orders: float = 0.0
    missing_share: float = 0.0

    @property
    def extreme_ends(self) -> tuple[float, float]:
        """Prepared values below and above which a customer is extreme."""
        return self.low - EXTREME_BEYOND, self.high + EXTREME_BEYOND

    def prepare(self, values: Floats, orders: Floats) -> Floats:
        """Prepared values before the ends are drawn in; 0 where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.kind == "log":
                moved = np.log1p(np.maximum(values, 0.0))
            elif self.kind == "share":
                moved = (values * orders + self.centre * self.prior_orders) / (orders + self.prior_orders)
            else:
                moved = values
            prepared = (moved - self.centre) / self.scale
        return np.where(np.isfinite(prepared), prepared, 0.0)


@dataclass(frozen=True)
class Preparation:
    """All features that are used, and those that are not and why.

    Args:
        scales: The features, in order.
        left_out: Name and reason of each feature that is not used.
    """

    scales: tuple[Scale, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The features that are used."""
        return tuple(one.name for one in self.scales)

    def prepare(self, values: Mapping[str, Floats], orders: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """One row per customer and one column per feature; and which customers are extreme."""
        raw = np.column_stack([one.prepare(values[one.name], orders) for one in self.scales])
        low, high = (np.array([getattr(one, end) for one in self.scales]) for end in ("low", "high"))
        least, most = np.array([one.extreme_ends for one in self.scales]).T
        can_be = np.array([one.kind != "share" for one in self.scales])
        extreme = ((raw > most) | (raw < least)) & can_be
        return np.clip(raw, low, high), extreme.any(axis=1)


def learn_preparation(values: Mapping[str, Floats], orders: Floats, shares: Sequence[str] = ()) -> Preparation:
    """How each feature is to be prepared.

    Skewed ones are taken as logarithms; the scale is the standard deviation after the outermost hundredth at either
    end was drawn in (Winsorised), which a few extreme customers cannot stretch. A share s of n orders has the
    noise s (1 − s) ÷ (n − 1) even where all customers are alike; what its variance between customers has beyond that
    is their true spread, which becomes 1. Where none is left (within three standard errors) the feature is chance and
    is not used.

    Args:
        values: Features by name, in order of their weight for a reader; NaN where missing.
        orders: Orders of each customer; ones where there are no orders.
        shares: Which features are shares of a customer's orders.

    >>> amounts = np.arange(100.0); same = np.ones(100)
    >>> prepared = learn_preparation({"spend": amounts, "twice": 2 * amounts, "one": same}, same)
    >>> prepared.names, prepared.left_out
    (('spend',), (('twice', 'says the same as spend'), ('one', 'is the same for nearly everyone')))
    """
    scales: list[Scale] = []
    left_out: list[tuple[str, str]] = []
    kept: list[Floats] = []
    for name, column in values.items():
        scale, reason = _learn_share(name, column, orders) if name in shares else _learn_scale(name, column)
        if scale is None:
            left_out.append((name, reason))
            continue
        prepared = np.clip(scale.prepare(column, orders), scale.low, scale.high)
        twin = next((other for other, seen in zip(scales, kept, strict=True) if _is_same(prepared, seen)), None)
        if twin is not None:
            left_out.append((name, f"says the same as {twin.name.replace('_', ' ')}"))
            continue
        scales.append(scale)
        kept.append(prepared)
    return Preparation(tuple(scales), tuple(left_out))


def _is_same(one: Floats, other: Floats) -> bool:
    if not (one.std() and other.std()):
        return False
    return bool(abs(np.corrcoef(one, other)[0, 1]) >= SAME_ABOVE)


def _learn_scale(name: str, column: Floats) -> tuple[Scale | None, str]:
    known = column[np.isfinite(column)]
    if known.size < 2:
        return None, "has no values"
    kind: Kind = "log" if known.min() >= 0 and _skewness(known) > SKEWED_ABOVE else "plain"
    moved = np.log1p(known) if kind == "log" else known
    ends = np.quantile(moved, [TAIL, 1 - TAIL])
    drawn = np.clip(moved, *ends)
    centre, spread = float(drawn.mean()), float(drawn.std())
    if spread <= 1e-9 * max(1.0, abs(centre)):
        return None, "is the same for nearly everyone"
    low, high = (ends - centre) / spread
    missing = 1 - known.size / column.size
    return _scale(name, kind, centre, spread, low, high, 0.0, missing), ""


def _learn_share(name: str, column: Floats, orders: Floats) -> tuple[Scale | None, str]:
    usable = np.isfinite(column) & (orders > 0)
    share, n = column[usable], orders[usable]
    if share.size < 2:
        return None, "has no values"
    if share.max() - share.min() <= 1e-12:
        return None, "is the same for nearly everyone"
    several = n >= 2
    if several.sum() < 2:
        return None, "cannot be told from chance, since nearly all have bought once"
    own, m = share[several], n[several]
    weight = np.minimum(m, _MOST_ORDERS)
    mean = float(np.average(own, weights=weight))
    noise = own * (1 - own) / (m - 1)
    surplus = (own - mean) ** 2 - noise
    true_spread = float(np.average(surplus, weights=weight))
    error = float(np.sqrt((weight**2 * (surplus - true_spread) ** 2).sum()) / weight.sum())
    if true_spread <= max(3 * error, 1e-4):
        return None, "differs between customers no more than by chance"
    spread = true_spread**0.5
    prior = float(np.average(noise * m, weights=weight)) / true_spread
    drawn = (share * n + mean * prior) / (n + prior)
    low, high = (np.quantile(drawn, [TAIL, 1 - TAIL]) - mean) / spread
    if high - low <= 1e-9:
        return None, "is the same for nearly everyone"
    missing = 1 - share.size / column.size
    return _scale(name, "share", mean, spread, low, high, prior, missing), ""


def _skewness(values: Floats) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def _scale(name: str, kind: Kind, *numbers: float) -> Scale:
    return Scale(name, kind, *[round(float(one), _DIGITS) for one in numbers])


# -- k-means ------------------------------------------------------------------------------------------


def find_centres(matrix: Floats, count: int, seed: int, starts: int = 5) -> Floats:
    """The centres of k-means, the largest segment first.

    Source: Lloyd (1982), IEEE Transactions on Information Theory 28, with the starts of Arthur & Vassilvitskii
    (2007), k-means++; the best of several starts.

    Args:
        matrix: Prepared features, one row per customer; at least `count` rows.
        count: How many centres.
        seed: Of the starts.
        starts: How many.

    >>> two = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [5.0, 5.0]])
    >>> find_centres(two, 2, seed=0).round(2).tolist()
    [[0.03, 0.03], [5.0, 5.0]]
    """
    centres = matrix.mean(axis=0, keepdims=True) if count == 1 else _fit(matrix, count, seed, starts)
    sizes = np.bincount(nearest(matrix, centres), minlength=count)
    order = np.lexsort((*centres.T[::-1], -sizes))
    steady: Floats = centres[order].round(_DIGITS)
    return steady


def _fit(matrix: Floats, count: int, seed: int, starts: int) -> Floats:
    import warnings

    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct customers than centres: the spare centres stay empty
        fitted = KMeans(count, n_init=starts, random_state=seed, max_iter=100).fit(matrix)
    centres: Floats = fitted.cluster_centers_.astype(float)
    return centres


def nearest(matrix: Floats, centres: Floats) -> Ints:
    """The number of the nearest centre for each row; the lowest of equals."""
    scores = (centres**2).sum(axis=1) - 2 * matrix @ centres.T
    labels: Ints = scores.round(_DIGITS).argmin(axis=1)
    return labels


def inertia(matrix: Floats, centres: Floats) -> float:
    """Sum of squared distances to the nearest centre."""
    return float(((matrix - centres[nearest(matrix, centres)]) ** 2).sum())


def adjusted_rand(one: Ints, other: Ints) -> float:
    """How far two groupings of the same customers agree: 1 wholly, 0 no more than by chance.

    Source: Hubert & Arabie (1985), Journal of Classification 2, eq. 5.

    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    first, second = (np.unique(labels, return_inverse=True)[1].ravel() for labels in (one, other))
    width = int(second.max()) + 1
    table = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width).reshape(-1, width)
    together = _pairs(table).sum()
    rows, columns, every = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum(), _pairs(np.array(one.size))
    expected = rows * columns / every
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _pairs(counts: Any) -> Any:
    return counts * (counts - 1) / 2.0


# -- the tree -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """Segments, some of them parted again.

    Args:
        preparation: Of the features at this node.
        centres: One per branch, in prepared features.
        branches: A tree where a branch was parted again, None where it is a leaf.
        has_extremes: Whether extreme customers have a leaf of their own, the last.
    """

    preparation: Preparation
    centres: tuple[tuple[float, ...], ...]
    branches: tuple[Tree | None, ...]
    has_extremes: bool = False

    @property
    def leaf_count(self) -> int:
        """How many leaves there are."""
        return sum(1 if one is None else one.leaf_count for one in self.branches) + int(self.has_extremes)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that an assignment reads."""
        names = dict.fromkeys(self.preparation.names)
        for branch in self.branches:
            names |= dict.fromkeys(branch.features if branch else ())
        return tuple(names)

    @property
    def first_leaves(self) -> tuple[int, ...]:
        """The number of the first leaf of each branch."""
        sizes = [1 if one is None else one.leaf_count for one in self.branches]
        return tuple(int(one) for one in np.cumsum([0, *sizes[:-1]]))

    def assign(self, values: Mapping[str, Floats], orders: Floats) -> Ints:
        """The number of each customer's leaf, from 0.

        Raises:
            DataError: A feature is missing; the message names all that are.
        """
        missing = [name for name in self.features if name not in values]
        if missing:
            raise DataError(
                f"the customers lack {', '.join(missing)}, which the segments are made from",
                mend="give every feature a column of that name; a single missing value may stay empty",
            )
        matrix, extreme = self.preparation.prepare(values, orders)
        branch = nearest(matrix, np.array(self.centres))
        leaves = np.array(self.first_leaves)[branch]
        for number, inner in enumerate(self.branches):
            inside = branch == number
            if inner is not None and inside.any():
                own = {name: column[inside] for name, column in values.items()}
                leaves[inside] += inner.assign(own, orders[inside])
        return np.where(extreme, self.leaf_count - 1, leaves) if self.has_extremes else leaves

    def to_content(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {
            "scales": [asdict(one) for one in self.preparation.scales],
            "left_out": [list(one) for one in self.preparation.left_out],
            "centres": [list(one) for one in self.centres],
            "branches": [one.to_content() if one else None for one in self.branches],
            "has_extremes": self.has_extremes,
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Tree:
        """The tree that `to_content` wrote.

        Raises:
            DataError: It is none.
        """
        try:
            left_out = tuple((str(name), str(reason)) for name, reason in content["left_out"])
            return cls(
                Preparation(tuple(Scale(**one) for one in content["scales"]), left_out),
                tuple(tuple(float(number) for number in one) for one in content["centres"]),
                tuple(cls.from_content(one) if one else None for one in content["branches"]),
                bool(content["has_extremes"]),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise DataError("the saved segments cannot be read", mend="run the analysis again") from problem
