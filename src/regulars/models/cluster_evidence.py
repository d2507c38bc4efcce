"""How many segments there are, or stages, if any: five criteria, each beside data that have none.

Every criterion finds "segments" in any cloud of points. So all are computed a second time on draws from one normal
cloud with the same means, spreads, skewness and correlations, which has no segments by construction; where features
come from a history of orders, those of the cloud come from one process of buying and leaving (`models.alike`). And
they are found again and again on resampled customers, because what does not come back is no segment.

There are three answers. Segments are clearer than both. Stages (new, active, lapsed) are clearer than one cloud, but no
clearer than customers of one process: they tell where a customer stands, not what kind it is. Else there are neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from regulars.models.clusters import adjusted_rand, find_centres, inertia, nearest
from regulars.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from regulars.models.alike import Alike
    from regulars.models.clusters import Preparation

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Kind = Literal["segments", "stages", "none"]

LARGEST_SAMPLE = 2_000
"""Customers that the criteria are computed on."""
SILHOUETTE_SAMPLE = 1_000
"""Of those, so many for the silhouette, which needs the distance of each to each."""
NULL_DRAWS = 6
RESAMPLES = 6
CLOUD_DRAWS = 3
"""Draws of one cloud beside those of the process, where there are histories."""
LEAST_STABILITY = 0.8
"""Adjusted Rand index between the segments and those of resampled customers: below it they do not hold."""
LEAST_EXCESS = 0.07
"""Silhouette above that of structureless data: below it the segments are no clearer than arbitrary parts."""
LEAST_SHARE = 0.01
"""The smallest segment holds at least this share."""
MOST_STAGES = 5
"""A customer's life has few stages; more would be slices of what differs by degrees."""
MOST_TOLD = 4
"""Orders, and items of a single order, that are told apart; so many and more are alike."""
_LEAST_TOLD = 0.02
"""Customers who bought equally little are a cloud of their own from this share on."""
_STANDARD_ERRORS = 3.0
_MOST_SKEW, _NO_SKEW = 3.0, 0.05
_HEAPED = 0.1
"""A feature with so many customers on one value keeps its values in the cloud: heaps are no segments."""


@dataclass(frozen=True)
class Criteria:
    """The evidence for one number of segments.

    Args:
        count: How many segments.
        inertia: Sum of squared distances to the own centre, per customer.
        silhouette: Mean of (distance to the next segment − to the own) ÷ the larger of the two.
        calinski_harabasz: Variance between segments ÷ variance within, each by its degrees of freedom.
        gap: Mean log inertia of structureless data − log inertia.
        gap_error: Its standard error.
        stability: Mean adjusted Rand index with the segments of resampled customers.
        smallest_share: Share of the customers in the smallest segment.
        null_silhouette: Mean silhouette of structureless data.
        null_spread: Standard deviation of that between draws.
        null_stability: Stability of structureless data.
        cloud_silhouette: Mean silhouette of one cloud, histories or not; the same where there are no histories.
    """

    count: int
    inertia: float
    silhouette: float
    calinski_harabasz: float
    gap: float
    gap_error: float
    stability: float
    smallest_share: float
    null_silhouette: float
    null_spread: float
    null_stability: float
    cloud_silhouette: float

    @property
    def excess(self) -> float:
        """Silhouette above that of structureless data."""
        return self.silhouette - self.null_silhouette

    @property
    def excess_error(self) -> float:
        """Standard error of that: of one silhouette, and of the mean of the draws."""
        return float(self.null_spread * np.sqrt(1 + 1 / NULL_DRAWS))

    @property
    def stage_excess(self) -> float:
        """Silhouette above that of one cloud."""
        return self.silhouette - self.cloud_silhouette

    @property
    def holds(self) -> bool:
        """Whether that many segments are clearer than chance, come back, and none is tiny."""
        return self._comes_back and self.excess >= max(LEAST_EXCESS, _STANDARD_ERRORS * self.null_spread)

    @property
    def is_stage(self) -> bool:
        """Whether that many parts come back and are clearer than one cloud, but not clearer than customers alike."""
        is_clear = self.count <= MOST_STAGES and self.stage_excess >= LEAST_EXCESS
        return is_clear and self._comes_back and not self.holds

    @property
    def _comes_back(self) -> bool:
        return self.stability >= LEAST_STABILITY and self.smallest_share >= LEAST_SHARE


@dataclass(frozen=True)
class Choice:
    """How many segments or stages, and why.

    Args:
        count: The number; 1 where there are neither.
        kind: Which of them.
        reason: Why, in a sentence.
        criteria: The evidence for every number tried.
        sample_size: Customers it was computed on.
    """

    count: int
    kind: Kind
    reason: str
    criteria: tuple[Criteria, ...]
    sample_size: int

    @property
    def clearness(self) -> tuple[int, float]:
        """What several ways of looking are ranked by: segments before stages, and the clearer first."""
        found = self.find(self.count)
        if self.kind == "none" or found is None:
            return 0, 0.0
        return (2, found.excess) if self.kind == "segments" else (1, found.stage_excess)

    def find(self, count: int) -> Criteria | None:
        """The evidence for one number, where it was tried."""
        return next((one for one in self.criteria if one.count == count), None)


def weigh(
    matrix: Floats, counts: Sequence[int], seed: int, alike: tuple[Alike, Preparation] | None = None,
    little: Ints | None = None,
) -> Choice:  # fmt: skip
    """The evidence for each number of segments, and the number that it speaks for.

    Data without segments are one cloud; where the customers' histories are known they are those of customers who all
    buy and leave by one process and differ by degrees only, since these show stages (new, active, lapsed) that are
    clearer than any cloud's. Who bought one item once has the same few features as all who did: heaps of those who
    bought equally little stay heaps in the cloud, so that they are no segments either.

    The rule: a number counts where its silhouette exceeds that of structureless data by at least 0.07 and three
    standard deviations, its stability is at least 0.8 and its smallest segment holds 1 %. Of those that count, the
    smallest is taken whose excess is within one standard error of the largest, so that a plateau gives its beginning.
    Where none counts, up to five that are as clear and as stable beside one cloud of points are stages, the number
    with the largest silhouette: by their excess over customers of one process none is better than another.

    Sources: silhouette: Rousseeuw (1987), Journal of Computational and Applied Mathematics 20; variance ratio:
    Caliński & Harabasz (1974), Communications in Statistics 3; gap: Tibshirani, Walther & Hastie (2001), Journal of
    the Royal Statistical Society B 63 (here with a normal reference), as the rule of one standard error; stability:
    Hennig (2007), Computational Statistics & Data Analysis 52.

    Args:
        matrix: Prepared features, one row per customer.
        counts: The numbers to try, from 2.
        seed: Of starts, draws and resamples.
        alike: The process that the customers' histories would come from if they were all alike, where they are known,
            and how the features were prepared.
        little: A number for each customer by how little was bought (`bought_little`), where there are orders.
    """
    rng = np.random.default_rng(seed)
    taken = np.arange(len(matrix))
    if len(matrix) > LARGEST_SAMPLE:
        taken = np.sort(rng.choice(len(matrix), LARGEST_SAMPLE, replace=False))
    rows = matrix[taken]
    tried = [count for count in counts if 2 <= count <= len(np.unique(rows, axis=0)) and count <= len(rows) // 10]
    strata = None if little is None else _strata(little[taken])
    nulls = [structureless(rows, rng, strata) for _ in range(NULL_DRAWS)]
    clouds: list[Floats] = []
    if alike is not None:
        process, preparation = alike[0].take(taken), alike[1]
        if {"recency_days", "active_days", "tenure_days"} & set(preparation.names):  # else there are no stages
            clouds = [structureless(rows, rng) for _ in range(CLOUD_DRAWS)]
        nulls = [process.dress(null, rows, preparation, rng) for null in nulls]
    shown = np.linspace(0, len(rows) - 1, min(len(rows), SILHOUETTE_SAMPLE)).astype(int)
    distances = [_distances(one[shown]) for one in (rows, *nulls, *clouds)]
    picks = [rng.integers(0, len(rows), len(rows)) for _ in range(RESAMPLES)]
    with one_thread():
        criteria = tuple(_judge(count, rows, nulls, clouds, distances, shown, picks, seed) for count in tried)
    return Choice(*_choose(criteria), criteria, len(rows))


def _choose(criteria: Sequence[Criteria]) -> tuple[int, Kind, str]:
    if not criteria:
        return 1, "none", "there are too few different customers to part"
    best = _first_of_best([one for one in criteria if one.holds])
    if best:
        reason = (
            f"{best.count} segments stand out most: silhouette {best.silhouette:.2f} against "
            f"{best.null_silhouette:.2f} for data without segments, and resampled customers give the same segments "
            f"(adjusted Rand {best.stability:.2f})"
        )
        return best.count, "segments", reason
    best = max((one for one in criteria if one.is_stage), key=lambda one: (one.silhouette, -one.count), default=None)
    if best:
        reason = (
            f"{best.count} stages of coming and going stand out from one cloud (silhouette {best.silhouette:.2f} "
            f"against {best.cloud_silhouette:.2f}) and come back when customers are resampled (adjusted Rand "
            f"{best.stability:.2f}), but customers who all buy and leave by one process, and differ by degrees only, "
            f"show them as clearly ({best.null_silhouette:.2f})"
        )
        return best.count, "stages", reason
    closest = max(criteria, key=lambda one: one.excess)
    reason = (
        f"no number of segments is clearer than data without any and comes back when customers are resampled; the "
        f"nearest is {closest.count}, with silhouette {closest.silhouette:.2f} against {closest.null_silhouette:.2f} "
        f"and adjusted Rand {closest.stability:.2f}"
    )
    return 1, "none", reason


def _first_of_best(holding: Sequence[Criteria]) -> Criteria | None:
    """The smallest number whose excess is within one standard error of the largest."""
    if not holding:
        return None
    best = max(holding, key=lambda one: one.excess)
    return min((one for one in holding if one.excess >= best.excess - best.excess_error), key=lambda one: one.count)


def bought_little(orders: Floats, items_per_order: Floats | None = None) -> Ints:
    """A number for each customer by how little was bought: 1 to 4 items once, then two, three, four orders and more.

    >>> bought_little(np.array([1.0, 1.0, 2.0, 9.0]), np.array([1.0, 7.0, 1.0, 1.0])).tolist()
    [0, 3, 4, 6]
    """
    told = np.clip(np.nan_to_num(orders, nan=1.0), 1, MOST_TOLD).astype(np.int64)
    items = np.full(len(told), float(MOST_TOLD)) if items_per_order is None else items_per_order
    once = np.clip(np.nan_to_num(items, nan=float(MOST_TOLD)), 1, MOST_TOLD).astype(np.int64) - 1
    numbers: Ints = np.where(told == 1, once, told + MOST_TOLD - 2)
    return numbers


def _strata(little: Ints) -> Ints:
    """The same numbers from 0 without gaps, too few customers together with those who bought next to nothing more."""
    sizes = np.bincount(little)
    names, number, inside = np.zeros(len(sizes), dtype=np.int64), 0, 0
    least = max(_LEAST_TOLD * len(little), 1.0)
    for level, size in enumerate(sizes):
        names[level] = number
        inside += int(size)
        if inside >= least:
            number, inside = number + 1, 0
    if inside < least and number:
        names[names == number] = number - 1
    strata: Ints = names[little]
    return strata


def structureless(rows: Floats, rng: np.random.Generator, strata: Ints | None = None) -> Floats:
    """As many rows of one cloud with the same means, spreads, skewness and correlations; of one in each stratum.

    Normal rows are bent to the skewness of each feature (Pearson type III, by the cube of Wilson & Hilferty, 1931,
    Proceedings of the National Academy of Sciences 17): a plain normal cloud would let the mere skewness of
    independent features pass for segments in every corner.
    """
    heaped = [place for place in range(rows.shape[1]) if _largest_heap(rows[:, place]) >= _HEAPED * len(rows)]
    if strata is None:
        return _cloud(rows, rng, heaped)
    drawn = np.empty_like(rows)
    for number in range(int(strata.max()) + 1):
        inside = strata == number
        if inside.any():
            drawn[inside] = _cloud(rows[inside], rng, heaped)
    return drawn


def _largest_heap(column: Floats) -> int:
    return int(np.unique(column, return_counts=True)[1].max())


def _cloud(rows: Floats, rng: np.random.Generator, heaped: Sequence[int]) -> Floats:
    means, spreads = rows.mean(axis=0), rows.std(axis=0)
    spreads = np.where(spreads > 0, spreads, 1.0)
    standard = (rows - means) / spreads
    values, vectors = np.linalg.eigh(np.atleast_2d(standard.T @ standard / len(rows)))
    signs = np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))] < 0, -1.0, 1.0)
    drawn = rng.standard_normal(rows.shape) @ (vectors * signs * np.sqrt(np.maximum(values, 0.0))).T
    skew = np.clip((standard**3).mean(axis=0), -_MOST_SKEW, _MOST_SKEW)
    bent = np.abs(skew) > _NO_SKEW
    g = np.where(bent, skew, 1.0)
    drawn = np.where(bent, 2 / g * (np.maximum(1 + g * drawn / 6 - g**2 / 36, 0.0) ** 3 - 1), drawn)
    cloud: Floats = np.clip(means + drawn * spreads, rows.min(axis=0), rows.max(axis=0))
    for place in heaped:
        values, counts = np.unique(rows[:, place], return_counts=True)
        ranks = cloud[:, place].argsort(kind="stable").argsort(kind="stable")
        cloud[:, place] = np.repeat(values, counts)[ranks]
    return cloud


def _distances(rows: Floats) -> NDArray[np.float32]:
    squares = (rows**2).sum(axis=1)
    squared = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    distances: NDArray[np.float32] = np.sqrt(np.maximum(squared, 0.0)).astype(np.float32)
    return distances


def silhouette(distances: NDArray[np.float32], labels: Ints, count: int) -> float:
    """Mean silhouette from all distances; customers alone in their segment count 0.

    >>> places = np.array([0.0, 1.0, 10.0, 11.0], dtype=np.float32)
    >>> round(silhouette(np.abs(places[:, None] - places[None, :]), np.array([0, 0, 1, 1]), 2), 3)
    0.9
    """
    members = np.eye(count, dtype=np.float32)[labels]
    sizes = members.sum(axis=0)
    sums = (distances @ members).astype(float)
    rows = np.arange(len(labels))
    own_size = sizes[labels]
    own = sums[rows, labels] / np.maximum(own_size - 1, 1)
    means = sums / np.maximum(sizes, 1)
    means[:, sizes == 0] = np.inf
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    larger = np.maximum(own, other)
    width = np.where((own_size > 1) & (larger > 0), (other - own) / np.where(larger > 0, larger, 1), 0.0)
    return float(width.mean())


def _judge(
    count: int, rows: Floats, nulls: Sequence[Floats], clouds: Sequence[Floats],
    distances: Sequence[NDArray[np.float32]], shown: Ints, picks: Sequence[Ints], seed: int,
) -> Criteria:  # fmt: skip
    centres = find_centres(rows, count, seed)
    labels = nearest(rows, centres)
    within = inertia(rows, centres)
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())
    size = len(rows)
    null_within, null_silhouettes, null_stability = [], [], []
    for number, null in enumerate(nulls):
        null_centres = find_centres(null, count, seed, starts=2)
        null_labels = nearest(null, null_centres)
        null_within.append(np.log(inertia(null, null_centres)))
        null_silhouettes.append(silhouette(distances[number + 1], null_labels[shown], count))
        if number < len(nulls) // 2:
            null_stability.append(_stability(null, null_labels, count, picks[:1], seed))
    cloud_silhouettes = [
        silhouette(far, nearest(cloud, find_centres(cloud, count, seed, starts=2))[shown], count)
        for cloud, far in zip(clouds, distances[1 + len(nulls) :], strict=True)
    ]
    floor = max(within, 1e-12 * total)
    return Criteria(
        count=count,
        inertia=within / size,
        silhouette=silhouette(distances[0], labels[shown], count),
        calinski_harabasz=((total - within) / (count - 1)) / (floor / (size - count)),
        gap=float(np.mean(null_within) - np.log(floor)),
        gap_error=float(np.std(null_within) * np.sqrt(1 + 1 / len(nulls))),
        stability=_stability(rows, labels, count, picks, seed),
        smallest_share=float(np.bincount(labels, minlength=count).min() / size),
        null_silhouette=float(np.mean(null_silhouettes)),
        null_spread=float(np.std(null_silhouettes, ddof=1)),
        null_stability=float(np.mean(null_stability)),
        cloud_silhouette=float(np.mean(cloud_silhouettes or null_silhouettes)),
    )


def _stability(rows: Floats, labels: Ints, count: int, picks: Sequence[Ints], seed: int) -> float:
    """Mean agreement of the labels with those that resampled customers give."""
    found = [
        adjusted_rand(labels, nearest(rows, find_centres(rows[pick], count, seed + 1 + number, starts=2)))
        for number, pick in enumerate(picks)
    ]
    return float(np.mean(found))
