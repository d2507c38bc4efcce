"""What to offer each customer next: item–item weights from co-occurrence counts, popularity, and how they are judged.

The model is EASE: each item's purchase is foretold from all others by ridge regression, which has a closed form in the
item × item counts, so that its cost depends on the number of items and not on that of customers. Its scores are blended
with what sells now; the weight, like the penalty, is chosen on a period that the counts did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]
    Weights = NDArray[np.float32]
    Ints = NDArray[np.int64]

PLACES = 10
"""Offers for each customer, and the places that recall and nDCG look at."""
_GROUPS = 64
_KEY_BITS = 62
_NEVER = np.float32(-1e9)


@dataclass(frozen=True)
class Blend:
    """How new items are scored.

    Attributes:
        penalty: Ridge penalty of EASE; 0: popularity alone.
        window: Days over which popularity is counted.
        weight: Of the popularity, in standard deviations, beside the model's score.
    """

    penalty: float
    window: int
    weight: float

    @property
    def words(self) -> str:
        """The blend as it is written in a table."""
        if not self.penalty:
            return f"most bought in the last {self.window} days"
        model = f"item–item model (penalty {self.penalty:g})"
        return f"{model} + {self.weight:g} × popularity of {self.window} days" if self.weight else model


@dataclass(frozen=True)
class RepeatRule:
    """How items bought before are scored: own orders × popularity to a power.

    Attributes:
        half_life: Days after which an order counts half; 0: never less.
        window: Days over which popularity is counted.
        power: Of the popularity.
    """

    half_life: int
    window: int
    power: float

    @property
    def words(self) -> str:
        """The rule as it is written in a table."""
        own = f"own orders (half-life {self.half_life} days)" if self.half_life else "own orders"
        return f"{own} × popularity of {self.window} days ^ {self.power:g}" if self.power else own


PENALTIES = (200.0, 500.0, 1000.0)
BLENDS = tuple(
    Blend(penalty, window, weight) for penalty in PENALTIES for window, weight in ((28, 0.0), (14, 0.25), (14, 0.6),
    (28, 0.25), (28, 0.6))
)  # fmt: skip
"""The blends that are tried."""
POPULARITY = tuple(Blend(0.0, window, 1.0) for window in (14, 28, 60))
"""The simplest rule that could do the job: everyone is offered what sells."""
REPEATS = tuple(RepeatRule(half_life, 28, power) for half_life in (0, 90, 180) for power in (0.1, 0.25, 0.5))
"""The rules for repeat purchases that are tried."""
OWN_ORDERS = tuple(RepeatRule(half_life, 28, 0.0) for half_life in (0, 90, 180))
"""The simplest rule for repeat purchases."""
USUAL_BLEND = Blend(500.0, 28, 0.4)
USUAL_REPEATS = RepeatRule(180, 28, 0.25)


def co_occurrence(history: csr_matrix) -> Floats:
    """Customers who have both items, for every two items; on the diagonal those who have the item.

    Args:
        history: Customers × items, 1 where the customer has it.
    """
    counted: Floats = np.asarray((history.T @ history).todense(), dtype=np.float64)
    return counted


def ease(counts: Floats, penalty: float) -> Weights:
    """Item–item weights: what having the row's item says of the column's.

    Source: Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data", WWW '19, eq. 8.

    Args:
        counts: As `co_occurrence` gives.
        penalty: Of the ridge; larger for fewer customers per item.

    >>> counts = np.array([[10.0, 8.0, 1.0], [8.0, 9.0, 1.0], [1.0, 1.0, 6.0]])
    >>> weights = ease(counts, 5.0)
    >>> bool(weights[0, 1] > weights[0, 2]), float(weights[0, 0])
    (True, 0.0)
    """
    if not len(counts):
        return np.zeros((0, 0), dtype=np.float32)
    inverse = np.linalg.inv(counts + penalty * np.eye(len(counts)))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return np.asarray(np.round(weights, 7), dtype=np.float32)


def cosine(counts: Floats, shrinkage: float = 50.0) -> Weights:
    """Cosine of the items' columns, drawn to 0 where few customers have both: the neighbours that are shown.

    >>> counts = np.array([[100.0, 60.0], [60.0, 90.0]])
    >>> round(float(cosine(counts)[0, 1]), 3)
    0.345
    """
    each = np.diag(counts)
    scale = np.sqrt(np.outer(each, each))
    found = counts / np.where(scale == 0, 1.0, scale) * counts / (counts + shrinkage)
    np.fill_diagonal(found, 0.0)
    return np.asarray(found, dtype=np.float32)


def standard(values: Floats) -> Weights:
    """Values as standard deviations from their mean; zeros where they are all alike.

    >>> standard(np.array([1.0, 3.0])).tolist()
    [-1.0, 1.0]
    """
    spread = values.std() if len(values) else 0.0
    return np.asarray((values - values.mean()) / spread if spread else np.zeros(len(values)), dtype=np.float32)


def with_new_items(weights: Weights, categories: Ints, new_categories: Ints) -> Weights:
    """The weights with a column for every new item: the mean of its category, so that those who like it are offered it.

    Args:
        weights: Items × items.
        categories: Category number of every item; −1 where it has none.
        new_categories: The same of the new items.
    """
    columns = np.zeros((len(weights), len(new_categories)), dtype=np.float32)
    for category in np.unique(new_categories[new_categories >= 0]):
        alike = np.flatnonzero(categories == category)
        if alike.size:
            columns[:, new_categories == category] = weights[:, alike].mean(axis=1)[:, None]
    return np.hstack([weights, columns])


def score(history: csr_matrix, weights: Weights, extra: Weights) -> Weights:
    """Scores of every item for a batch of customers: the model's in their own spread, plus what is the same for all.

    Args:
        history: Customers × items.
        weights: Items × offered items; empty for popularity alone.
        extra: What is added for each offered item (popularity, margin).
    """
    if not weights.size:
        return np.broadcast_to(extra, (history.shape[0], len(extra))).copy()
    return in_own_spread(history, weights) + extra


def in_own_spread(history: csr_matrix, weights: Weights) -> Weights:
    """The model's scores, each customer's divided by their standard deviation; arguments as for `score`."""
    found: Weights = np.asarray(history.astype(np.float32) @ weights, dtype=np.float32)
    columns = max(found.shape[1], 1)
    # the variance as mean square less squared mean: one copy of the scores fewer than `std` makes
    mean = found.sum(axis=1) / np.float32(columns)
    square = (found * found).sum(axis=1) / np.float32(columns)
    spread = np.sqrt(np.maximum(square.astype(np.float64) - mean.astype(np.float64) ** 2, 0.0)).astype(np.float32)
    found /= np.where(spread < 1e-9, np.float32(1.0), spread)[:, None]
    return found


def alike(history: csr_matrix) -> tuple[Ints, Ints]:
    """Customers with the same items, of whom one is enough to score.

    Short histories are told apart by one number that holds all their items; long ones, which hardly ever agree, stand
    for themselves.

    Args:
        history: Customers × items, the items of each customer ascending.

    Returns:
        The rows to score, and for every row which of them has its items.

    >>> from scipy.sparse import csr_matrix
    >>> rows, of = alike(csr_matrix(np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])))
    >>> rows.tolist(), of.tolist()
    ([1, 0], [1, 0, 1])
    """
    rows, columns = history.shape
    bits = max(columns, 1).bit_length()
    lengths = np.diff(history.indptr)
    keys = -1 - np.arange(rows, dtype=np.int64)
    keys[lengths <= _KEY_BITS // bits] = 0
    for place in range(_KEY_BITS // bits):
        having = np.flatnonzero((lengths > place) & (keys >= 0))
        keys[having] |= (history.indices[history.indptr[having] + place].astype(np.int64) + 1) << (place * bits)
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    return first.astype(np.int64), same.astype(np.int64)


def best(scores: Weights, allowed: NDArray[np.bool_] | None, owned: csr_matrix | None, places: int) -> Ints:
    """The places of the highest scores of each row, highest first, ties by the lower place; −1 where none is left.

    The columns are dealt into groups. The so-many-th highest of the groups' maxima is no higher than the so-many-th
    score, so that whatever lies below it need not be sorted: a few dozen scores of a row are left.

    Args:
        scores: One row per customer; overwritten.
        allowed: Which columns may be offered at all; None for all.
        owned: Customers × columns that are left out; None for none.
        places: How many.

    >>> best(np.array([[0.1, 0.9, 0.5]], dtype=np.float32), np.array([True, True, False]), None, 3).tolist()
    [[1, 0, -1]]
    """
    rows, columns = scores.shape
    if allowed is not None:
        scores[:, ~allowed] = _NEVER
    if owned is not None:
        line = np.repeat(np.arange(rows), np.diff(owned.indptr))
        scores[line, owned.indices] = _NEVER
    groups = max(_GROUPS, 4 * places)
    if columns > 2 * groups:
        whole = columns // groups * groups
        heads = scores[:, :whole].reshape(rows, -1, groups).max(axis=1)
        least = np.partition(heads, groups - places, axis=1)[:, groups - places, None]
    else:
        least = np.full((rows, 1), _NEVER)
    line, place = np.divmod(np.flatnonzero(scores >= np.maximum(least, _NEVER / 2)), columns)
    counts = np.bincount(line, minlength=rows)
    rank = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    near = np.full((rows, max(int(counts.max(initial=0)), places)), _NEVER, dtype=np.float32)
    at = np.full(near.shape, -1, dtype=np.int64)
    near[line, rank], at[line, rank] = scores[line, place], place
    order = np.argsort(-near, axis=1, kind="stable")[:, :places]
    return np.asarray(np.take_along_axis(at, order, axis=1), dtype=np.int64)


def reasons(history: csr_matrix, weights: Weights, offered: Ints) -> Ints:
    """For every offer the item of the customer's own that speaks most for it; −1 where none does.

    Args:
        history: Customers × items.
        weights: Items × offered items.
        offered: As `best` gives.
    """
    found = np.full(offered.shape, -1, dtype=np.int64)
    lengths = np.diff(history.indptr)
    if not history.nnz or not weights.size:
        return found
    line = np.repeat(np.arange(len(offered)), lengths)
    having = np.flatnonzero(lengths)
    starts = history.indptr[:-1][having]
    for place in range(offered.shape[1]):
        column = np.maximum(offered[:, place], 0)
        said = weights[history.indices, column[line]]
        top = np.maximum.reduceat(said, starts)
        is_top = said == np.repeat(top, lengths[having])
        where = np.where(is_top, np.arange(len(said)), len(said))
        first = np.minimum.reduceat(where, starts)
        found[having, place] = np.where(top > 0, history.indices[first], -1)
    found[offered < 0] = -1
    return found


def constrained(
    offered: Ints, places: int, categories: Ints | None = None, prices: Floats | None = None,
    low: Floats | None = None, high: Floats | None = None,
) -> Ints:  # fmt: skip
    """The offers that the rules of the business leave, in order.

    Args:
        offered: More places than are wanted, as `best` gives.
        places: How many are wanted.
        categories: Category of every item, of which each is offered once; −1 counts as none.
        prices: Price of every item.
        low: Lowest price for each customer.
        high: Highest price for each customer.
    """
    rows = len(offered)
    kept = np.full((rows, places), -1, dtype=np.int64)
    filled = np.zeros(rows, dtype=np.int64)
    for place in range(offered.shape[1]):
        item = offered[:, place]
        fits = (item >= 0) & (filled < places)
        if prices is not None and low is not None and high is not None:
            price = prices[np.maximum(item, 0)]
            fits &= ~((price < low) | (price > high))  # an unknown price passes
        if categories is not None:
            category = categories[np.maximum(item, 0)]
            before = np.where(kept >= 0, categories[np.maximum(kept, 0)], -2)
            fits &= (category < 0) | ~(before == category[:, None]).any(axis=1)
        line = np.flatnonzero(fits)
        kept[line, filled[line]] = item[line]
        filled[line] += 1
    return kept


# -- how offers are judged ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hits:
    """How well offers met what was bought, one element per customer who bought anything of the kind.

    Attributes:
        recall: Of what was bought, the share among the offers.
        ndcg: Discounted gain of the hits, beside that of the best order.
        hit: Whether any offer was bought.
        offered: The offers.
    """

    recall: Floats
    ndcg: Floats
    hit: Floats
    offered: Ints


def judge(offered: Ints, bought: csr_matrix, counts: Ints) -> Hits:
    """Offers against what was bought later.

    Args:
        offered: One row per customer, as `best` gives.
        bought: Customers × items, 1 for what was bought later and could have been offered.
        counts: How many items each bought, those that no model holds included; at least 1.

    Source: nDCG with binary gains: Järvelin & Kekäläinen (2002), ACM TOIS 20, pp. 422-446.

    >>> from scipy.sparse import csr_matrix
    >>> hits = judge(np.array([[1, 0]]), csr_matrix(np.array([[1, 0, 1]])), np.array([2]))
    >>> float(hits.recall[0]), round(float(hits.ndcg[0]), 4)
    (0.5, 0.3869)
    """
    line = np.repeat(np.arange(len(offered)), offered.shape[1])
    flat = np.asarray(bought[line, np.maximum(offered, 0).ravel()]).ravel().reshape(offered.shape)
    met = (flat > 0) & (offered >= 0)
    discount = 1 / np.log2(np.arange(2, offered.shape[1] + 2))
    ideal = np.cumsum(discount)[np.clip(counts, 1, offered.shape[1]) - 1]
    return Hits(met.sum(axis=1) / np.maximum(counts, 1), (met * discount).sum(axis=1) / ideal,
                met.any(axis=1).astype(float), offered)  # fmt: skip


@dataclass(frozen=True)
class Mean:
    """A mean over customers with its bootstrap interval."""

    value: float
    low: float
    high: float


def bootstrap_mean(values: Floats, seed: int, draws: int = 1000, level: float = 0.95) -> Mean:
    """Mean over customers, or of the difference of two methods on the same customers (a paired bootstrap).

    Args:
        values: One per customer.
        seed: Of the draws.
        draws: How many.
        level: Coverage, 0-1.

    >>> mean = bootstrap_mean(np.array([0.0, 1.0] * 50), 1)
    >>> mean.value, mean.low < 0.5 < mean.high
    (0.5, True)
    """
    if not len(values):
        return Mean(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for start in range(0, draws, 50):
        weights = rng.poisson(1.0, (min(50, draws - start), len(values)))
        drawn[start : start + len(weights)] = weights @ values / np.maximum(weights.sum(axis=1), 1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    value = float(values.mean())
    return Mean(value, min(float(low), value), max(float(high), value))


def coverage(offered: Ints, items: int) -> float:
    """Share of the items that are offered to anyone.

    >>> coverage(np.array([[0, 1], [1, -1]]), 4)
    0.5
    """
    return len(np.unique(offered[offered >= 0])) / max(items, 1)


def popularity_bias(offered: Ints, popularity: Floats) -> float:
    """Mean popularity of what is offered, as a percentile of all items, 0-1: near 1, only what sells anyway.

    >>> popularity_bias(np.array([[2]]), np.array([1.0, 5.0, 9.0]))
    1.0
    """
    order = popularity.argsort().argsort() + 1
    shown = offered[offered >= 0]
    return float((order[shown] / len(popularity)).mean()) if shown.size else float("nan")


def latent_map(counts: Floats) -> Floats:
    """Two coordinates of every item such that items with the same customers lie together, each within −1 to 1.

    The leading singular vectors of the counts scaled by the items' own, after the first, which only tells popularity.

    Args:
        counts: As `co_occurrence` gives.
    """
    from scipy.sparse.linalg import eigsh

    each = np.sqrt(np.maximum(np.diag(counts), 1e-9))
    scaled = counts / np.outer(each, each)
    if len(scaled) < 5:
        return np.zeros((len(scaled), 2))
    _, vectors = eigsh(scaled, k=3, v0=np.ones(len(scaled)) / len(scaled))
    found = vectors[:, [1, 0]] / each[:, None]
    for axis in (0, 1):  # the sign of a vector is arbitrary: the item furthest out lies on the positive side
        found[:, axis] *= np.sign(found[np.abs(found[:, axis]).argmax(), axis]) or 1.0
    ranks = found.argsort(axis=0, kind="stable").argsort(axis=0)  # even out: a few items lie far from all others
    placed: Floats = np.round(2 * ranks / max(len(found) - 1, 1) - 1, 4)
    return placed


def as_history(lines: Any, items: Any, rows: int, columns: int) -> csr_matrix:
    """Customers × items, 1 where a customer has it, from row and column numbers."""
    from scipy.sparse import csr_matrix

    made = csr_matrix((np.ones(len(lines), dtype=np.float32), (lines, items)), shape=(rows, columns))
    made.sum_duplicates()
    made.data[:] = 1
    made.sort_indices()
    return made
