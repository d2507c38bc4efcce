"""Maximum likelihood with exact gradients, and a plain refusal where there is no maximum.

Every model here gives one thing, its log-likelihood with the gradient by log-parameter. Searching, checking
and measuring the uncertainty are the same for all of them and stand here once.

Method: BFGS from several starts on coarse cells, then Newton steps with Levenberg damping on the full cells. The
Hessian is the central difference of the exact gradient. Convergence is judged in units of log-likelihood (the gain that
one more Newton step promises), which does not depend on the scale of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from regulars.errors import FitError
from regulars.models.cells import BoolArray, FloatArray

Objective = Callable[[FloatArray], tuple[float, FloatArray]]
"""Log-parameters to the log-likelihood and its gradient."""

BOUND: Final = float(np.log(1e4))
"""Distances along the directions stay within ± this (time and money are scaled to a mean of 1 beforehand)."""

# Gains are in units of log-likelihood: a gain of 1e-7 moves no parameter by more than 1/2000 of its standard error.
_NEAR: Final = 1e-4  # promised gain at which the search over coarse cells ends
_CLOSE: Final = 1e-5  # promised gain at which a borrowed Hessian has done its work
_PROMISED_GAIN: Final = 1e-7  # promised gain at which the climb ends
_UNSEEN_GAIN: Final = 1e-5  # the same where rounding hides the gain
_SAME_MAXIMUM: Final = 0.01  # starts within this of the best have found the same maximum
_NO_GAIN: Final = 0.05  # a proper maximum this little above the limit is the limit
_SMALL_GAIN: Final = 2.0  # a maximum without proper errors and this little above the limit is the limit
_SEARCH_STEPS: Final = 100
_NEWTON_STEPS: Final = 60
_HALVINGS: Final = 30
_LARGEST_STEP: Final = 2.0  # of a log-parameter
_DIFFERENCE: Final = 1e-4  # of a log-parameter, for the Hessian
_LARGEST_LOG_ERROR: Final = 4.0  # a parameter less certain than a factor of e^4 is not determined
_LARGE: Final = float(np.log(30.0))  # a parameter may be held from here on
_LEAST_SHARE: Final = 0.1  # ... if it takes at least this part in the undetermined direction
_MORE_HISTORY: Final = "Take a longer history or more customers, or use a simpler rule."


class NobodyLeaves(FitError):
    """The data show no customer leaving, so that a model of leaving customers has nothing to learn from."""


@dataclass(frozen=True)
class Maximum:
    """Where the log-likelihood is highest, and how sure that is.

    Attributes:
        position: Log-parameters.
        covariance: Of the log-parameters: the inverse of the negative Hessian, with what is held taken as known.
        log_likelihood: At the maximum.
        held: Which parameters have no limit that the data know of: any large (or small) value does as well.
        gradient_norm: Largest absolute derivative per customer over the free log-parameters.
        starts_agreed: How many of the starts led to the same maximum.
        start_count: How many starts were made.
    """

    position: FloatArray
    covariance: FloatArray
    log_likelihood: float
    held: tuple[int, ...]
    gradient_norm: float
    starts_agreed: int
    start_count: int


def maximise(
    objective: Objective,
    coarse: Objective,
    starts: FloatArray,
    *,
    directions: FloatArray,
    customer_count: float,
    model: str,
    limit: float | None = None,
) -> Maximum:
    """The maximum of a log-likelihood within the bounds.

    Args:
        objective: The log-likelihood over all cells.
        coarse: The same over fewer cells; used to find the neighbourhood of the maximum.
        starts: One row of log-parameters per start.
        directions: The search goes along these combinations of log-parameters (columns). Where customers are all alike,
            several parameters grow together without limit; along a direction of its own that costs nothing.
        customer_count: Customers, to state the gradient per customer.
        model: The model's name for messages.
        limit: The log-likelihood of the limit of this model in which nobody leaves, where it has one.

    Raises:
        NobodyLeaves: The likelihood is no higher than that of the limit.
        FitError: The search does not settle, or the data do not determine the parameters.
    """
    objective, coarse = _turn(objective, directions), _turn(coarse, directions)
    found = [_search(coarse, start) for start in np.linalg.solve(directions, starts.T).T]
    found = [(value, position) for value, position in found if np.isfinite(value)]
    if not found:
        raise FitError(
            f"{model}: the likelihood cannot be computed from any starting point.",
            mend="Look for extreme values among orders, recency and age.",
        )
    best_value, best = max(found, key=lambda pair: pair[0])
    agreed = sum(bool(value > best_value - _SAME_MAXIMUM) for value, _ in found)
    fixed = np.zeros(best.size, dtype=bool)
    nearby = _climb(coarse, best, fixed)
    summit = _climb(objective, nearby.position, fixed, nearby.hessian)
    for _ in range(best.size):
        _refuse_limit(summit, limit, model)
        covariance = _invert(summit.curvature)
        if summit.settled and covariance is not None:
            everything = np.zeros((best.size, best.size))
            everything[np.ix_(summit.free, summit.free)] = covariance
            return Maximum(
                position=directions @ summit.position,
                covariance=directions @ everything @ directions.T,
                log_likelihood=summit.value,
                held=tuple(int(i) for i in np.flatnonzero((directions != 0) @ ~summit.free)),
                gradient_norm=float(np.abs(summit.gradient[summit.free]).max(initial=0.0)) / customer_count,
                starts_agreed=agreed,
                start_count=len(starts),
            )
        fixed |= _without_limit(summit, model)
        summit = _climb(objective, summit.position, fixed)
    raise FitError(f"{model}: the search for the best parameters did not settle.", mend=_MORE_HISTORY)


def _turn(objective: Objective, directions: FloatArray) -> Objective:
    """The same log-likelihood, told by the distances along the directions."""

    def turned(position: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = objective(directions @ position)
        return value, directions.T @ gradient

    return turned


@dataclass(frozen=True)
class _Summit:
    """Where a climb ended: the log-likelihood with its derivatives, and which parameters were free to move."""

    settled: bool
    position: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    free: BoolArray

    @property
    def curvature(self) -> FloatArray:
        """The negative Hessian of the free parameters."""
        return -self.hessian[np.ix_(self.free, self.free)]


def _refuse_limit(summit: _Summit, limit: float | None, model: str) -> None:
    """Refuse a model of leaving customers that says no more than the model in which nobody leaves."""
    if limit is None:
        return
    proper = bool(summit.free.all()) and _invert(summit.curvature) is not None
    gain = summit.value - limit
    if gain < (_NO_GAIN if proper else _SMALL_GAIN):
        raise NobodyLeaves(
            f"{model}: the data show nobody leaving; that customers may leave adds only "
            f"{max(0.0, gain):.2f} to the log-likelihood.",
            mend="Use NBD, the limit in which nobody leaves.",
        )


def _without_limit(summit: _Summit, model: str) -> BoolArray:
    """The parameter that may grow without limit at no cost in likelihood, so that it can be held where it is."""
    weakest = np.zeros(summit.position.size)
    if np.isfinite(summit.curvature).all():
        weakest[summit.free] = np.abs(np.linalg.eigh(summit.curvature)[1][:, 0])
    weakest[np.abs(summit.position) < _LARGE] = 0.0
    chosen = int(np.argmax(weakest))
    if weakest[chosen] < _LEAST_SHARE:
        raise FitError(f"{model}: the data do not determine the parameters.", mend=_MORE_HISTORY)
    return np.asarray(np.arange(weakest.size) == chosen)


def _search(objective: Objective, start: FloatArray) -> tuple[float, FloatArray]:
    """A quasi-Newton search (BFGS with halved steps) for the neighbourhood of a maximum.

    Written out, because the numerical library behind SciPy's own wakes its threads for systems of four equations, which
    takes a hundred times longer than the search on a busy machine.
    """
    position = np.clip(start, -BOUND, BOUND)
    value, gradient = objective(position)
    inverse = np.eye(start.size) / max(1e-12, float(np.abs(gradient).max()))
    for _ in range(_SEARCH_STEPS):
        free = ~_resting(position, gradient)
        step = np.where(free, inverse @ np.where(free, gradient, 0.0), 0.0)
        promised = float(step @ gradient)
        step *= min(1.0, _LARGEST_STEP / max(1e-12, float(np.abs(step).max())))
        for _ in range(_HALVINGS):
            moved = np.clip(position + step, -BOUND, BOUND)
            new_value, new_gradient = objective(moved)
            if np.isfinite(new_value) and new_value > value:
                break
            step /= 2
        else:
            break
        inverse = _update_inverse(inverse, moved - position, gradient - new_gradient)
        position, value, gradient = moved, new_value, new_gradient
        if promised < _NEAR:
            break
    return float(value), position


def _update_inverse(inverse: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The inverse curvature after a step and the fall of the gradient along it (BFGS update)."""
    bend = float(step @ change)
    if bend <= 1e-12 * float(np.abs(step).max() * np.abs(change).max()):
        return inverse
    turn = np.eye(step.size) - np.outer(step, change) / bend
    updated: FloatArray = turn @ inverse @ turn.T + np.outer(step, step) / bend
    return updated


def find_hessian(objective: Objective, position: FloatArray) -> FloatArray:
    """The matrix of second derivatives, from central differences of the exact gradient.

    Example:
        >>> square = lambda at: (-float(at @ at), -2 * at)
        >>> find_hessian(square, np.array([1.0, 2.0])).round(6).tolist()
        [[-2.0, 0.0], [0.0, -2.0]]
    """
    rows = []
    for step in np.eye(position.size) * _DIFFERENCE:
        rows.append((objective(position + step)[1] - objective(position - step)[1]) / (2 * _DIFFERENCE))
    hessian = np.array(rows)
    symmetric: FloatArray = (hessian + hessian.T) / 2
    return symmetric


def _resting(position: FloatArray, gradient: FloatArray) -> BoolArray:
    """Which parameters rest on a bound that the gradient pushes against."""
    at_top = (position >= BOUND - 1e-9) & (gradient >= 0)
    at_bottom = (position <= -BOUND + 1e-9) & (gradient <= 0)
    return at_top | at_bottom


def _climb(objective: Objective, position: FloatArray, fixed: BoolArray, borrowed: FloatArray | None = None) -> _Summit:
    """Damped Newton steps until one more promises nothing.

    A Hessian borrowed from coarse cells serves for the first steps, because it costs eight gradients to find one.
    """
    value, gradient = objective(position)
    damping, settled, own = 0.0, False, borrowed is None
    hessian = find_hessian(objective, position) if borrowed is None else borrowed
    for _ in range(_NEWTON_STEPS):
        free = ~(fixed | _resting(position, gradient))
        step = _newton_step(-hessian[np.ix_(free, free)], gradient[free], damping)
        moved, promised = position.copy(), np.inf
        if step is not None:
            moved[free] = np.clip(position[free] + step, -BOUND, BOUND)
            promised = float(step @ gradient[free]) / 2
        new_value, new_gradient = objective(moved) if step is not None else (-np.inf, gradient)
        better = bool(np.isfinite(new_value) and new_value > value)
        # The last step may promise less than the digits of the log-likelihood can show.
        settled = own and damping == 0.0 and promised < (_PROMISED_GAIN if better else _UNSEEN_GAIN)
        if better or settled:
            position, value, gradient = moved, new_value, new_gradient
        if settled:
            break
        if better and not own:
            own = promised < _CLOSE
            hessian = find_hessian(objective, position) if own else hessian
        elif better or not own:
            damping = 0.0 if damping < 1e-3 else damping / 10
            hessian, own = find_hessian(objective, position), True
        else:
            damping = max(1e-6, damping * 10)
            if damping > 1e10:
                break
    free = ~(fixed | _resting(position, gradient))
    return _Summit(settled, position, float(value), gradient, hessian, free)


def _newton_step(curvature: FloatArray, slope: FloatArray, damping: float) -> FloatArray | None:
    """The step of a damped Newton iteration, or None where the curvature is not that of a hill."""
    size = np.abs(np.diag(curvature)).max(initial=1e-12)
    try:
        root = np.linalg.cholesky(curvature + damping * size * np.eye(slope.size))
    except np.linalg.LinAlgError:
        return None
    step: FloatArray = np.linalg.solve(root.T, np.linalg.solve(root, slope))
    longest = np.abs(step).max(initial=0.0)
    return step if longest <= _LARGEST_STEP else step * (_LARGEST_STEP / longest)


def _invert(curvature: FloatArray) -> FloatArray | None:
    """The covariance that a curvature implies, or None where it implies none worth the name."""
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:
        return None
    covariance = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    errors = np.sqrt(np.abs(np.diag(covariance)))
    return covariance if np.isfinite(covariance).all() and (errors <= _LARGEST_LOG_ERROR).all() else None
