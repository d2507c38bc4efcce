"""Who is changed by a contact: uplift learners on a randomised experiment, cross-fitted, and how well they rank.

Every learner predicts, for each unit and arm, what the arm adds to the outcome beside the control. What counts is the
mean of all learners over all seeds, so that no learner is picked by the data it is judged on. Sources: Künzel, Sekhon,
Bickel & Yu (2019), Metalearners for estimating heterogeneous treatment effects, PNAS 116 (S-, T- and X-learner);
Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects, Electronic Journal of
Statistics 17 (doubly robust learner); Radcliffe (2007), Using control groups to target on predicted lift (Qini).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.models.intervals import steady
from regulars.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Regressor = Callable[[], Any]

SEEDS = 5
"""Cross-fitting is repeated over so many seeds: one alone gives another ranking each time."""
FOLDS = 3
LEARNERS = ("S", "T", "X", "DR")
BOOSTED_EVENTS = 1000
"""Trees are grown only where every arm has so many units with an outcome other than zero; else only lines."""
LONG_TAIL = 1.0
"""Numbers more skewed than this are learnt from as logarithms too."""
GRID = np.arange(1, 101) / 100
_BOOTSTRAPS = 100


def _linear() -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=10.0)


def _boosted() -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=20, learning_rate=0.2, max_leaf_nodes=8, min_samples_leaf=50, early_stopping=False, random_state=0
    )


@dataclass(frozen=True)
class Encoding:
    """Features as a matrix: numbers standardised, those with a long tail as logarithms too, one column per label value.

    Args:
        numbers: Names of the numbers.
        logged: Those of them with a long tail, such as amounts of money: a few large values would rule a line.
        means: Means of the numbers, then of the logarithms.
        spreads: Their standard deviations; 1 where one does not vary.
        labels: For each label its values.
    """

    numbers: tuple[str, ...]
    logged: tuple[str, ...]
    means: Floats
    spreads: Floats
    labels: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, numbers: Mapping[str, Floats], labels: Mapping[str, Any]) -> Encoding:
        """The encoding of these columns."""
        columns = {name: np.nan_to_num(np.asarray(values, dtype=float)) for name, values in numbers.items()}
        logged = tuple(name for name, values in columns.items() if _has_long_tail(values))
        each = [*columns.values(), *(np.log1p(columns[name]) for name in logged)]
        return cls(
            tuple(numbers), logged, np.array([values.mean() for values in each]),
            np.array([values.std() or 1.0 for values in each]),
            {name: tuple(sorted({str(value) for value in values})) for name, values in labels.items()},
        )  # fmt: skip

    def matrix(self, columns: Mapping[str, Any]) -> Floats:
        """One row per unit; a value that was not seen before is none of the known ones."""
        plain = {name: np.nan_to_num(np.asarray(columns[name], dtype=float)) for name in self.numbers}
        each = [*plain.values(), *(np.log1p(np.maximum(plain[name], 0.0)) for name in self.logged)]
        parts = [(values - mean) / spread for values, mean, spread in zip(each, self.means, self.spreads, strict=True)]
        for name, values in self.labels.items():
            given = np.asarray([str(value) for value in columns[name]], dtype=object)
            parts += [(given == value).astype(float) for value in values]
        return np.column_stack(parts) if parts else np.zeros((len(next(iter(columns.values()))), 0))


def _has_long_tail(values: Floats) -> bool:
    """Whether numbers, none below zero and more than a yes or no, are skewed to the right."""
    spread = float(values.std())
    if not spread or values.min() < 0 or len(np.unique(values)) < 3:
        return False
    return float((((values - values.mean()) / spread) ** 3).mean()) > LONG_TAIL


# -- the learners -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fold:
    """What one arm's learners, fitted on some units, predict for others."""

    uplift: dict[str, Floats]
    control: Floats
    treated: Floats
    share: float


def _fit_arm(base: Regressor, x: Floats, t: Floats, y: Floats, new: Floats) -> _Fold:
    """All learners with one kind of regressor; `t` is 1 in the arm, and its share is the propensity."""
    share = float(t.mean())
    is_treated = t == 1
    zero, one = base().fit(x[~is_treated], y[~is_treated]), base().fit(x[is_treated], y[is_treated])
    at_zero, at_one = zero.predict(new), one.predict(new)
    own_zero, own_one = zero.predict(x), one.predict(x)
    both = base().fit(_with_arm(x, t), y)
    single = both.predict(_with_arm(new, np.ones(len(new)))) - both.predict(_with_arm(new, np.zeros(len(new))))
    gained = base().fit(x[is_treated], y[is_treated] - own_zero[is_treated]).predict(new)
    missed = base().fit(x[~is_treated], own_one[~is_treated] - y[~is_treated]).predict(new)
    robust = base().fit(x, doubly_robust(y, t, own_zero, own_one, share)).predict(new)
    uplift = {"T": at_one - at_zero, "S": single, "X": share * missed + (1 - share) * gained, "DR": robust}
    return _Fold(uplift, at_zero, at_one, share)


def _with_arm(x: Floats, t: Floats) -> Floats:
    """Features, the arm, and their products: without these a line has the same uplift for everyone."""
    return np.column_stack([x, t, x * t[:, None]])


def doubly_robust(y: Floats, t: Floats, at_zero: Floats, at_one: Floats, share: float) -> Floats:
    """A score per unit whose mean is the effect, whatever the two predictions are worth.

    >>> float(doubly_robust(np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.zeros(2), np.zeros(2), 0.5).mean())
    1.0
    """
    result: Floats = at_one - at_zero + t * (y - at_one) / share - (1 - t) * (y - at_zero) / (1 - share)
    return result


@dataclass(frozen=True)
class CrossFit:
    """Predictions for units that the learners had not seen, mean over the seeds.

    Args:
        by_learner: For each learner, units × arms.
        uplift: Mean of the learners, units × arms.
        scores: Doubly robust scores, units × arms; NaN for units of other arms.
        response: Predicted outcome if contacted, units × arms: what a response model would rank by.
        values: Doubly robust scores of the outcome itself, units × (1 + arms), the control first: their mean over any
            units is what the outcome would be if all of them were in that arm.
        has_trees: Whether trees were grown beside the lines.
    """

    by_learner: dict[str, Floats]
    uplift: Floats
    scores: Floats
    response: Floats
    values: Floats
    has_trees: bool


def cross_fit(x: Floats, arm: Whole, y: Floats, arms: int, seed: int, with_trees: bool | None = None) -> CrossFit:
    """Every learner on every arm, cross-fitted over several seeds.

    Args:
        x: Features, units × columns.
        arm: 0 for the control, 1 … `arms` for the others.
        y: The outcome.
        arms: How many arms beside the control.
        seed: Seeds the folds.
        with_trees: Whether to grow trees too; None: where every arm has events enough.
    """
    events = min(int((y[arm == one] != 0).sum()) for one in range(arms + 1))
    trees = events >= BOOSTED_EVENTS if with_trees is None else with_trees
    bases: dict[str, Regressor] = {"linear": _linear, **({"trees": _boosted} if trees else {})}

    def fitted(part: _Part) -> _Fold:
        ours = part.train & ((arm == 0) | (arm == part.arm))
        with one_thread():
            return _fit_arm(bases[part.kind], x[ours], (arm[ours] == part.arm).astype(float), y[ours], x[part.test])

    parts = [
        _Part(folds == place, folds != place, one, kind)
        for folds in (_folds(arm, np.random.default_rng([seed, turn])) for turn in range(SEEDS))
        for place in range(FOLDS)
        for one in range(1, arms + 1)
        for kind in bases
    ]
    names = [f"{learner} {kind}" for kind in bases for learner in LEARNERS]
    sums = {name: np.zeros((len(y), arms)) for name in names}
    scores, response = np.full((len(y), arms), np.nan), np.zeros((len(y), arms))
    values = np.zeros((len(y), arms + 1))
    for part in parts:
        fold, test, column = fitted(part), part.test, part.arm - 1
        for learner, found in fold.uplift.items():
            sums[f"{learner} {part.kind}"][test, column] += found / SEEDS
        if part.kind == "linear":
            response[test, column] += fold.treated / SEEDS
            told = [(0, fold.control)] if part.arm == 1 else []
            for place, predicted in [*told, (part.arm, fold.treated)]:
                left = (arm[test] == place) * (y[test] - predicted) / (arm[part.train] == place).mean()
                values[test, place] += (predicted + left) / SEEDS
            inside = test & ((arm == 0) | (arm == part.arm))
            among = inside[test]
            own = doubly_robust(
                y[inside], (arm[inside] == part.arm).astype(float), fold.control[among], fold.treated[among], fold.share
            )
            scores[inside, column] = np.nan_to_num(scores[inside, column]) + own / SEEDS
    mean = np.mean([sums[name] for name in names], axis=0)
    return CrossFit(sums, mean, scores, response, values, trees)


@dataclass(frozen=True)
class _Part:
    """One fit of the cross-fitting: whom it is told of and learns from, which arm, and by what."""

    test: Any
    train: Any
    arm: int
    kind: str


def _folds(arm: Whole, rng: np.random.Generator) -> Whole:
    """Folds with the same share of every arm."""
    folds = np.zeros(len(arm), dtype=np.int64)
    for one in np.unique(arm):
        members = np.flatnonzero(arm == one)
        folds[rng.permutation(members)] = np.arange(len(members)) % FOLDS
    return folds


# -- how well it ranks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranked:
    """How well a ranking finds those whom the contact changes.

    Args:
        qini: Mean over depths φ of φ × effect in the top φ, less half the effect over all: 0 for a random order.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
        auuc: Mean over depths of φ × effect in the top φ.
        auuc_low: Lower end of its 95 % bootstrap interval.
        auuc_high: Upper end.
        draws: Qini of each bootstrap draw, for paired comparisons.
    """

    qini: float
    low: float
    high: float
    auuc: float
    auuc_low: float
    auuc_high: float
    draws: Floats

    @property
    def beats_random(self) -> bool:
        """Whether the interval excludes a random order."""
        return self.low > 0


def rank(uplift: Floats, t: Floats, y: Floats, seed: int, draws: int = _BOOTSTRAPS) -> Ranked:
    """A ranking judged on an experiment.

    Args:
        uplift: What units are ranked by, the largest first; equal values in the order given.
        t: 1 in the arm, 0 in the control.
        y: The outcome.
        seed: Seeds the bootstrap; the same seed draws the same units for every ranking of the same units.
        draws: Bootstrap draws; 0 for no interval.
    """
    order = np.argsort(-uplift, kind="stable")
    t, y = t[order], y[order]
    value, area = _qini(t, y, np.ones(len(y)))
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, 2))
    for place in range(draws):
        weights = rng.poisson(1.0, len(y)).astype(float)  # one weight per unit, whatever the ranking
        drawn[place] = _qini(t, y, weights[order])
    (low, high), (auuc_low, auuc_high) = _ends(drawn[:, 0], value), _ends(drawn[:, 1], area)
    value, low, high, area, auuc_low, auuc_high = (
        float(steady(np.asarray(one))) for one in (value, low, high, area, auuc_low, auuc_high)
    )
    return Ranked(value, low, high, area, auuc_low, auuc_high, drawn[:, 0])


def _ends(drawn: Floats, value: float) -> tuple[float, float]:
    """The 95 % interval of bootstrap draws, which holds the value itself; NaN without draws."""
    if not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile(drawn, (0.025, 0.975))
    return min(float(low), value), max(float(high), value)


def _qini(t: Floats, y: Floats, weights: Floats) -> tuple[float, float]:
    curve = uplift_curve(t, y, weights)
    area = float(np.mean(GRID * curve))
    return area - float(curve[-1]) / 2, area


def uplift_curve(t: Floats, y: Floats, weights: Floats | None = None) -> Floats:
    """The effect among the top 1 %, 2 % … 100 % of units that are in order, the first first."""
    weights = np.ones(len(y)) if weights is None else weights
    total = np.cumsum(weights)
    ends = np.minimum(np.searchsorted(total, GRID * total[-1] - 1e-9), len(y) - 1)
    treated, control = np.cumsum(weights * t)[ends], np.cumsum(weights * (1 - t))[ends]
    with_it, without = np.cumsum(weights * t * y)[ends], np.cumsum(weights * (1 - t) * y)[ends]
    curve: Floats = with_it / np.maximum(treated, 1e-9) - without / np.maximum(control, 1e-9)
    return np.where((treated > 0) & (control > 0), curve, 0.0)


@dataclass(frozen=True)
class Calibration:
    """How far predicted differences between units are true ones.

    Source: Chernozhukov, Demirer, Duflo & Fernández-Val (2018), NBER working paper 24678 (best linear predictor).

    Args:
        effect: The effect over all units.
        effect_error: Its standard error.
        mean: Mean prediction.
        slope: True difference per predicted difference, held within 0–1.
        slope_low: Lower end of its 95 % interval, not held.
        slope_high: Upper end.
    """

    effect: float
    effect_error: float
    mean: float
    slope: float
    slope_low: float
    slope_high: float

    def apply(self, uplift: Floats) -> Floats:
        """Predictions as effects that can be believed on average."""
        return self.effect + self.slope * (uplift - self.mean)


def calibrate(uplift: Floats, scores: Floats) -> Calibration:
    """Regression of doubly robust scores on predictions that the learners had not been fitted to.

    >>> found = calibrate(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.5, 2.0, 2.5]))
    >>> found.effect, found.slope
    (1.75, 0.5)
    """
    centred = uplift - uplift.mean()
    spread = float(centred @ centred)
    effect, n = float(scores.mean()), len(scores)
    if spread <= 1e-18 * n:
        return Calibration(effect, float(scores.std(ddof=1) / np.sqrt(n)), float(uplift.mean()), 0.0, 0.0, 0.0)
    slope = float(centred @ scores) / spread
    left = scores - effect - slope * centred
    error = float(np.sqrt((centred**2) @ (left**2))) / spread
    return Calibration(
        effect, float(scores.std(ddof=1) / np.sqrt(n)), float(uplift.mean()), float(np.clip(slope, 0, 1)),
        slope - 1.96 * error, slope + 1.96 * error,
    )  # fmt: skip


# -- scoring ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UpliftFit:
    """Learners fitted on all units of an experiment, calibrated by what cross-fitting found; scores batches of rows.

    Args:
        encoding: How rows become features.
        pairs: For each arm, the fitted regressors that a doubly robust score was learnt by.
        calibrations: For each arm.
        arms: Names of the arms.
        keep: Columns handed on as they are.
    """

    encoding: Encoding
    pairs: tuple[tuple[Any, ...], ...]
    calibrations: tuple[Calibration, ...]
    arms: tuple[str, ...]
    keep: tuple[str, ...] = ()

    def uplift(self, columns: Mapping[str, Any]) -> Floats:
        """Calibrated uplift, rows × arms."""
        x = self.encoding.matrix(columns)
        with one_thread():
            raw = [np.mean([model.predict(x) for model in models], axis=0) for models in self.pairs]
        return np.column_stack([one.apply(values) for one, values in zip(self.calibrations, raw, strict=True)])

    def predict(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """The best arm of every row and what it adds."""
        uplift = self.uplift(columns)
        best = uplift.argmax(axis=1)
        names = np.asarray(self.arms, dtype=object)
        return {"uplift_of_contact": steady(uplift.max(axis=1)), "best_contact": names[best].tolist()}


def fit_all(
    encoding: Encoding, x: Floats, arm: Whole, y: Floats, crossed: CrossFit, names: tuple[str, ...]
) -> UpliftFit:
    """The doubly robust learner on all units, with what cross-fitting told of how far to believe it."""
    pairs, calibrations = [], []
    for one in range(1, len(names) + 1):
        inside = (arm == 0) | (arm == one)
        scores = crossed.scores[inside, one - 1]
        bases = [_linear, _boosted] if crossed.has_trees else [_linear]
        with one_thread():
            pairs.append(tuple(base().fit(x[inside], scores) for base in bases))
        used = [name for name in crossed.by_learner if name.startswith("DR")]
        own = np.mean([crossed.by_learner[name] for name in used], axis=0)[inside, one - 1]
        calibrations.append(calibrate(own, scores))
    return UpliftFit(encoding, tuple(pairs), tuple(calibrations), names)
