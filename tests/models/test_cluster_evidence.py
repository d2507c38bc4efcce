from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from regulars.models.cluster_evidence import bought_little, silhouette, structureless, weigh
from regulars.models.clusters import adjusted_rand, find_centres, learn_preparation, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = npt.NDArray[np.float64]
SIZE = 1500


def prepared(rows: Floats) -> Floats:
    values = {f"f{place}": column for place, column in enumerate(rows.T)}
    found = learn_preparation(values, np.ones(len(rows)))
    return found.prepare(values, np.ones(len(rows)))[0]


def heaped(rng: np.random.Generator) -> Floats:
    orders = rng.geometric(0.8, SIZE).astype(float)
    return np.column_stack([orders, rng.exponential(300, SIZE), rng.lognormal(0, 0.4, SIZE)])


STRUCTURELESS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "one normal cloud": lambda rng: rng.multivariate_normal(np.zeros(5), np.eye(5) + 0.5, SIZE),
    "a long cloud": lambda rng: rng.standard_normal((SIZE, 5)) * [4, 2, 1, 1, 1],
    "a cube": lambda rng: rng.random((SIZE, 4)),
    "skewed, independent": lambda rng: rng.lognormal(0, 1, (SIZE, 5)),
    "very skewed": lambda rng: rng.gamma(0.5, 1, (SIZE, 5)),
    "most bought once": heaped,
}


@pytest.mark.parametrize("name", STRUCTURELESS)
def test_data_without_segments_have_none(name: str) -> None:
    choice = weigh(prepared(STRUCTURELESS[name](np.random.default_rng(4))), range(2, 9), seed=0)
    assert (choice.count, choice.kind) == (1, "none"), choice.reason
    assert "no number of segments" in choice.reason


@pytest.mark.parametrize("count", [3, 5])
def test_planted_segments_are_counted_and_found(count: int) -> None:
    rng = np.random.default_rng(count)
    truth = rng.choice(count, SIZE, p=rng.dirichlet(np.full(count, 8.0)))
    centres = 4.5 * np.eye(6)[:count]  # 4.5 · √2 standard deviations apart
    rows = prepared(centres[truth] + rng.standard_normal((SIZE, 6)))
    choice = weigh(rows, range(2, 9), seed=0)
    assert (choice.count, choice.kind) == (count, "segments"), choice.reason
    assert adjusted_rand(truth, nearest(rows, find_centres(rows, count, seed=0))) > 0.95
    used = choice.find(count)
    assert used is not None
    assert used.holds
    assert used.gap > 3 * used.gap_error


def once_or_twice(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Customers of one kind, most of whom buy few products of a short price list, once."""
    orders = 1 + rng.poisson(rng.gamma(0.5, 1.4, SIZE)).astype(float)
    items = np.array([(1 + rng.poisson(rng.gamma(0.5, 1.6, int(one)))).mean() for one in orders])
    spend = np.array([rng.choice(18 * np.exp(rng.normal(0, 0.6, 100)), max(round(one), 1)).mean() for one in items])
    return orders, items, spend


def test_who_bought_equally_little_is_no_segment() -> None:
    """One order of one item is one point in all features but the price: a heap, and no kind of customer."""
    found = []
    for seed in range(4):
        orders, items, spend = once_or_twice(np.random.default_rng(seed))
        rows = prepared(np.column_stack([orders, items * spend, items, spend]))
        plain = weigh(rows, range(2, 9), seed=0)
        choice = weigh(rows, range(2, 9), seed=0, little=bought_little(orders, items))
        assert (choice.count, choice.kind) == (1, "none"), choice.reason
        found.append(max(one.excess for one in plain.criteria) - max(one.excess for one in choice.criteria))
    assert np.mean(found) > 0.02


def test_segments_are_found_among_those_who_bought_little() -> None:
    rng = np.random.default_rng(5)
    orders, kind = 1.0 + rng.poisson(0.4, SIZE), rng.integers(0, 3, SIZE)
    rows = prepared(np.column_stack([orders, 5 * np.eye(3)[kind] + rng.standard_normal((SIZE, 3))]))
    choice = weigh(rows, range(2, 9), seed=0, little=bought_little(orders))
    assert choice.kind == "segments", choice.reason
    labels = nearest(rows, find_centres(rows, choice.count, seed=0))
    shares = [np.bincount(kind[labels == number]).max() / (labels == number).sum() for number in range(choice.count)]
    assert min(shares) > 0.95  # parted by orders too, it may be; no group mixes two kinds


def test_the_same_seed_gives_the_same_evidence() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 3))
    assert weigh(rows, [2, 3], seed=5) == weigh(rows, [2, 3], seed=5)


def test_silhouette_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import pairwise_distances, silhouette_score

    rng = np.random.default_rng(1)
    rows, labels = rng.standard_normal((200, 3)), rng.integers(0, 4, 200)
    mine = silhouette(pairwise_distances(rows).astype(np.float32), labels, 4)
    assert mine == pytest.approx(silhouette_score(rows, labels), abs=1e-5)


def test_the_cloud_without_segments_has_the_same_shape() -> None:
    rng = np.random.default_rng(2)
    one = rng.gamma(2, 1, 20_000)
    rows = np.column_stack([one, one + rng.standard_normal(20_000), rng.integers(0, 2, 20_000)])
    cloud = structureless(rows, rng)
    assert cloud.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=0.05)
    assert cloud.std(axis=0) == pytest.approx(rows.std(axis=0), rel=0.05)
    assert np.corrcoef(cloud.T)[0, 1] == pytest.approx(np.corrcoef(rows.T)[0, 1], abs=0.03)
    assert set(cloud[:, 2]) == {0.0, 1.0}  # heaps stay heaps


def test_too_few_customers_are_not_parted() -> None:
    assert weigh(np.zeros((50, 2)), range(2, 5), seed=0).count == 1
