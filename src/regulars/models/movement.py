"""Moves between segments: shares with intervals, net flows beyond chance, what foretells the next one, and drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

STAY, MAJORITY, TRANSITION, FOREST = "stays", "the commonest", "most likely move", "random forest"
"""The rules that foretell the next segment, the simplest first."""
_TREES, _LEAST_LEAF, _REPEATS = 100, 20, 3
_IMPORTANCE_ROWS = 2_000


def net_flow_p_values(counts: Floats) -> Floats:
    """p-value of each pair's flows being equal both ways, adjusted for the number of pairs; NaN on the diagonal.

    Source: McNemar (1947), Psychometrika 12: (a − b)² ÷ (a + b) for the two off-diagonal counts.

    >>> net_flow_p_values(np.array([[90.0, 30.0], [10.0, 70.0]])).round(4).tolist()
    [[nan, 0.0016], [0.0016, nan]]
    """
    from scipy.special import ndtr

    size = len(counts)
    upper = np.triu_indices(size, 1)
    one, other = counts[upper], counts.T[upper]
    both = one + other
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(both > 0, 2 * ndtr(-np.abs(one - other) / np.sqrt(both)), 1.0)
    found = np.full((size, size), np.nan)
    found[upper] = intervals.adjusted_p_values(raw)
    lower = (upper[1], upper[0])
    found[lower] = found[upper]
    return found


# -- the next segment ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """Customers of one or several turns.

    Args:
        features: One row per customer and turn.
        source: Number of the segment before.
        target: Number of the state after; the last state is being silent.
    """

    features: Floats
    source: Ints
    target: Ints


@dataclass(frozen=True)
class Accuracy:
    """How often a rule was right on the later turn, with its 95 % interval."""

    rule: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Foretold:
    """What foretells the next segment, judged on a turn it did not see.

    Args:
        accuracies: Of every rule.
        winner: The rule to use: the forest only where it beats the best simple rule beyond chance.
        advantage: Share right of the forest less that of the best simple rule, with its interval.
        transition: Most likely next state of each segment.
        transition_shares: Share of each next state, by segment (rows).
        forest: The fitted classifier, trained on all turns but the last.
        confusion: Told (columns) against came (rows), by the winner, on the last turn.
        importance: Fall in the share right when a feature is shuffled, for each feature, by the forest.
        calibration: Chance told by the winner for its choice, share right, low, high and count, in bands.
        test_size: Customers of the last turn.
    """

    accuracies: tuple[Accuracy, ...]
    winner: str
    advantage: tuple[float, float, float]
    transition: Ints
    transition_shares: Floats
    forest: Any
    confusion: Ints
    importance: Floats
    calibration: tuple[tuple[float, float, float, float, int], ...]
    test_size: int

    def find(self, rule: str) -> Accuracy:
        """One rule's accuracy."""
        return next(one for one in self.accuracies if one.rule == rule)


def foretell(train: Past, test: Past, states: int, seed: int) -> Foretold:
    """Learn what comes next from earlier turns, and judge it on the last one beside the simplest rules.

    Args:
        train: Turns before the last.
        test: The last turn.
        states: How many states there are, being silent included.
        seed: Of the forest.
    """
    from sklearn.ensemble import RandomForestClassifier

    counts = np.zeros((states - 1, states))
    np.add.at(counts, (train.source, train.target), 1.0)
    shares = (counts + counts.sum(axis=0) / counts.sum()) / (counts.sum(axis=1, keepdims=True) + 1)
    transition: Ints = shares.argmax(axis=1)
    commonest = int(counts.sum(axis=0).argmax())
    forest = RandomForestClassifier(_TREES, min_samples_leaf=_LEAST_LEAF, random_state=seed, n_jobs=1)
    forest.fit(train.features, train.target)
    chance = chances(forest, test.features, states)
    told = {
        STAY: test.source, MAJORITY: np.full(test.target.size, commonest), TRANSITION: transition[test.source],
        FOREST: chance.argmax(axis=1),
    }  # fmt: skip
    accuracies = tuple(_accuracy(rule, guess == test.target) for rule, guess in told.items())
    simple = max(accuracies[:3], key=lambda one: one.share)
    advantage = _advantage(told[FOREST] == test.target, told[simple.rule] == test.target)
    winner = FOREST if advantage[1] > 0 else simple.rule
    guess = told[winner]
    confusion = np.zeros((states, states), dtype=np.int64)
    np.add.at(confusion, (test.target, guess), 1)
    of_winner = chance if winner == FOREST else shares[test.source]
    calibration = _calibration(of_winner[np.arange(guess.size), guess], guess == test.target)
    importance = _importance(forest, test, states, seed)
    return Foretold(
        accuracies, winner, advantage, transition, shares, forest, confusion, importance, calibration, test.target.size
    )


def chances(forest: Any, features: Floats, states: int) -> Floats:
    """The forest's chance of every state; 0 for one it never saw."""
    found = np.zeros((len(features), states))
    found[:, forest.classes_.astype(int)] = forest.predict_proba(features)
    return found


def _accuracy(rule: str, right: NDArray[np.bool_]) -> Accuracy:
    low, high = intervals.share_interval(float(right.sum()), float(right.size))
    return Accuracy(rule, float(right.mean()), float(low), float(high))


def _advantage(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Difference of two rules on the same customers, with its interval."""
    difference = one.astype(float) - other.astype(float)
    half = 1.96 * float(difference.std(ddof=1)) / np.sqrt(difference.size)
    middle = float(difference.mean())
    return middle, middle - half, middle + half


def _calibration(told: Floats, right: NDArray[np.bool_]) -> tuple[tuple[float, float, float, float, int], ...]:
    edges = np.unique(np.quantile(told, np.linspace(0, 1, 6)))
    bands = np.searchsorted(edges[1:-1], told, side="right") if edges.size > 2 else np.zeros(told.size, int)
    rows = []
    for band in np.unique(bands):
        inside = bands == band
        low, high = intervals.share_interval(float(right[inside].sum()), float(inside.sum()))
        rows.append(
            (float(told[inside].mean()), float(right[inside].mean()), float(low), float(high), int(inside.sum()))
        )
    return tuple(rows)


def _importance(forest: Any, test: Past, states: int, seed: int) -> Floats:
    """Permutation importance: Breiman (2001), Machine Learning 45, section 10."""
    rng = np.random.default_rng(seed)
    shown = np.linspace(0, test.target.size - 1, min(_IMPORTANCE_ROWS, test.target.size)).astype(int)
    features, target = test.features[shown], test.target[shown]
    whole = (chances(forest, features, states).argmax(axis=1) == target).mean()
    fall = np.zeros(features.shape[1])
    for place in range(features.shape[1]):
        for _ in range(_REPEATS):
            mixed = features.copy()
            mixed[:, place] = rng.permutation(mixed[:, place])
            fall[place] += whole - (chances(forest, mixed, states).argmax(axis=1) == target).mean()
    return fall / _REPEATS


@dataclass(frozen=True)
class NextSegment:
    """Tells the next state of each customer, batch by batch.

    Args:
        rule: Which rule tells it.
        features: Columns read, in order.
        segments: Names of the segments, in order.
        states: Names of the states after: the segments, then being silent.
        shares: Share of each next state, by segment.
        forest: The classifier, where the forest is the rule.
    """

    rule: str
    features: tuple[str, ...]
    segments: tuple[str, ...]
    states: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    forest: Any = None

    def predict(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """`next_segment` and the chance of it, from the features and `segment`."""
        source = np.array([self.segments.index(name) for name in columns["segment"]], dtype=np.int64)
        shares = np.array(self.shares)
        if self.rule == FOREST:
            matrix = matrix_of(columns, self.features)
            chance = chances(self.forest, matrix, len(self.states)) if len(matrix) else np.zeros((0, len(self.states)))
            told = chance.argmax(axis=1)
        else:
            chance = shares[source]
            told = source if self.rule == STAY else chance.argmax(axis=1)
            if self.rule == MAJORITY:
                told = np.full(source.size, int(shares.sum(axis=0).argmax()))
        picked = chance[np.arange(source.size), told]
        return {"next_segment": [self.states[one] for one in told], "next_probability": picked}


def matrix_of(columns: Mapping[str, Any], features: Sequence[str]) -> Floats:
    """Features side by side; what is missing becomes −1, which no feature is."""
    rows = np.column_stack([np.asarray(columns[name], dtype=float) for name in features])
    found: Floats = np.where(np.isfinite(rows), rows, -1.0)
    return found
