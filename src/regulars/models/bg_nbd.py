"""BG/NBD and MBG/NBD: a customer may leave right after an order.

Orders are Poisson with gamma-distributed rates (shape r, rate alpha); after an order a customer leaves with a
probability of their own, beta-distributed (a, b). In BG/NBD the coin is tossed after repeat orders only, so that a
one-time buyer never leaves; in MBG/NBD it is tossed after the first order too. The two differ in nothing else: with
`tosses` for the coins tossed so far (x, or x + 1) the same formulas serve both.

Sources: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2);
Batislam, Denizel & Filiztekin (2007), International Journal of Research in Marketing 24(3);
Hoppe & Wagner (2007), Marketing ZFP 29.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from regulars.models.btyd import OrderFit
from regulars.models.cells import add_up, weigh
from regulars.models.nbd import DropoutModel, prepare_gamma_ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from regulars.models.cells import Cells, FloatArray, History
    from regulars.models.likelihood import Objective

_NODES: Final = 48
_FALL: Final = 26.0
_ROWS_AT_ONCE: Final = 20_000


@dataclass(frozen=True)
class BgNbdFit(OrderFit):
    """A fitted BG/NBD with parameters r, alpha, a and b.

    Limit: the probability of being active is 1 for every one-time buyer. Rank by expected orders.
    """

    model: ClassVar[str] = "BG/NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    first_tosses: ClassVar[int] = 0

    def _expected_orders(self, history: History, horizon: FloatArray) -> FloatArray:
        """What an active customer will order does not depend on recency: it is worked out once per orders and age."""
        r, alpha, a, b = self.values
        first, every = _distinct(history.orders, history.age, horizon)
        orders, age, ahead = history.orders[first], history.age[first], horizon[first]
        distinct, inverse = np.unique(orders, return_inverse=True)
        nodes, weights, mean = _leaving_nodes(a, b + distinct + self.first_tosses)
        expected = np.empty(orders.size)
        for start in range(0, expected.size, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            which = inverse[rows]
            expected[rows] = _expected_until_leaving(
                r + orders[rows], ahead[rows] / (alpha + age[rows]), nodes[which], weights[which], mean[which]
            )
        return self._active_probability(history) * expected[every]

    def _active_probability(self, history: History) -> FloatArray:
        r, alpha, a, b = self.values
        orders, recency, age = history
        tosses = orders + self.first_tosses
        tossed = tosses > 0
        odds_left = np.full(orders.shape, -np.inf)
        odds_left[tossed] = np.log(a / (b + tosses[tossed] - 1)) + (r + orders[tossed]) * (
            np.log(alpha + age[tossed]) - np.log(alpha + recency[tossed])
        )
        return np.asarray(np.exp(-np.logaddexp(0.0, odds_left)))

    def _draw_orders(
        self, generator: np.random.Generator, shape: tuple[int, int], history: History, horizon: FloatArray
    ) -> FloatArray:
        r, alpha, a, b = self.values
        active = generator.random(shape) < self._active_probability(history)
        rates = generator.gamma(np.broadcast_to(r + history.orders, shape)) / (alpha + history.age)
        leaving = generator.beta(a, np.broadcast_to(b + history.orders + self.first_tosses, shape))
        ordered = generator.poisson(rates * horizon)
        until_left = generator.geometric(np.clip(leaving, 1e-12, 1.0))
        return np.where(active, np.minimum(ordered, until_left), 0).astype(np.float64)


@dataclass(frozen=True)
class MbgNbdFit(BgNbdFit):
    """A fitted MBG/NBD with parameters r, alpha, a and b. One-time buyers may have left, too."""

    model: ClassVar[str] = "MBG/NBD"
    first_tosses: ClassVar[int] = 1


class _BetaGeometric(DropoutModel):
    """The likelihood that BG/NBD and MBG/NBD share."""

    times: ClassVar[tuple[str, ...]] = ("alpha",)
    first_tosses: ClassVar[int]

    def _first_start(self, rate: float) -> FloatArray:
        return np.array([0.5, 0.4 / rate, 1.0, 3.0])

    def _objective(self, cells: Cells) -> Objective:
        total = float(cells.count.sum())
        sum_gamma_ratio = prepare_gamma_ratio(cells)
        ages, age_of = np.unique(cells.age, return_inverse=True)
        count_at_age = add_up(age_of, cells.count)
        ordered_at_age = add_up(age_of, cells.count * cells.orders)
        could_leave = cells.orders + self.first_tosses > 0
        count, orders = cells.count[could_leave], cells.orders[could_leave]
        age_of = age_of[could_leave]
        lasts, last_of = np.unique(cells.recency[could_leave], return_inverse=True)
        tosses, tosses_of = np.unique(orders + self.first_tosses, return_inverse=True)
        count_at_tosses = add_up(tosses_of, count, tosses.size)

        def log_likelihood(position: FloatArray) -> tuple[float, FloatArray]:
            r, alpha, a, b = np.exp(position)
            gammas, gammas_r = sum_gamma_ratio(r)
            betas, betas_a, betas_b = _sum_beta_ratio(count_at_tosses, tosses, a, b)
            log_age, log_last = np.log(alpha + ages), np.log(alpha + lasts)
            shapes_at_age = r * count_at_age + ordered_at_age
            silence = log_age[age_of] - log_last[last_of]
            odds = np.log(a / (b + tosses - 1))[tosses_of] + (r + orders) * silence
            left = count / (1 + np.exp(-np.clip(odds, -700, 700)))
            value = gammas + betas + total * r * position[1] - weigh(shapes_at_age, log_age)
            value += weigh(count, np.logaddexp(0.0, odds))
            by_r = gammas_r + total * position[1] - weigh(count_at_age, log_age) + weigh(left, silence)
            left_by_time = left * (r + orders)
            by_alpha = (
                total * r / alpha
                - weigh(shapes_at_age, 1 / (alpha + ages))
                + weigh(left_by_time, (1 / (alpha + ages))[age_of])
                - weigh(left_by_time, (1 / (alpha + lasts))[last_of])
            )
            by_a = betas_a + float(left.sum()) / a
            by_b = betas_b - weigh(left, (1 / (b + tosses - 1))[tosses_of])
            return value, np.array([r * by_r, alpha * by_alpha, a * by_a, b * by_b])

        return log_likelihood


@dataclass(frozen=True)
class BgNbd(_BetaGeometric):
    """The BG/NBD model (Fader, Hardie & Lee 2005, equation 6).

    Example:
        >>> from regulars.models.cells import Cells
        >>> cells = Cells([0, 1, 2, 6, 9], [0, 2, 3, 5, 9], [10] * 5, [700, 150, 80, 40, 30])
        >>> BgNbd().fit(cells).predict_active_probability(0, 0, 10).tolist()
        [1.0]
    """

    fit_type: ClassVar[type[OrderFit]] = BgNbdFit
    first_tosses: ClassVar[int] = 0


@dataclass(frozen=True)
class MbgNbd(_BetaGeometric):
    """The MBG/NBD model (Batislam et al. 2007; Hoppe & Wagner 2007)."""

    fit_type: ClassVar[type[OrderFit]] = MbgNbdFit
    first_tosses: ClassVar[int] = 1


def _sum_beta_ratio(count: FloatArray, tosses: FloatArray, a: float, b: float) -> tuple[float, float, float]:
    """Sum over customers of ln(B(a, b + tosses) / B(a, b)), and its derivatives by a and b."""
    from scipy.special import gammaln, psi

    value = gammaln(a + b) + gammaln(b + tosses) - gammaln(b) - gammaln(a + b + tosses)
    both = psi(a + b) - psi(a + b + tosses)
    return weigh(count, value), weigh(count, both), weigh(count, both + psi(b + tosses) - psi(b))


def _leaving_nodes(a: float, stays: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes and weights to average over a probability of leaving p ~ Beta(a, stays); one row per `stays`.

    The trapezoidal rule over logit p, where the integrand is smooth on the whole line whatever the parameters. It
    averages functions that vanish at p = 0 and p = 1; the weights hold the beta density.

    Returns:
        Nodes p, their weights, and the mean of p.
    """
    from scipy.special import betaln, expit

    rise, decline = 1 + a, 1 + stays[:, None]
    mode = np.log(rise / decline)

    def fall(at: FloatArray) -> FloatArray:
        density = rise * at - (rise + decline) * np.logaddexp(0.0, at)
        top: FloatArray = rise * mode - (rise + decline) * np.logaddexp(0.0, mode)
        return top - density

    low = mode - _reach(lambda distance: fall(mode - distance), mode.shape)
    high = mode + _reach(lambda distance: fall(mode + distance), mode.shape)
    logits = low + (high - low) * np.linspace(0.0, 1.0, _NODES)
    step = (high - low) / (_NODES - 1)
    nodes = expit(logits)
    density = -a * np.logaddexp(0.0, -logits) - stays[:, None] * np.logaddexp(0.0, logits)
    weights = step * np.exp(density - betaln(a, stays)[:, None])
    return nodes, weights, a / (a + stays)


def _distinct(*columns: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The distinct rows of columns of one length: where each first stands, and which of them every row is.

    >>> first, every = _distinct(np.array([1.0, 2.0, 1.0]), np.array([5.0, 5.0, 5.0]))
    >>> first.tolist(), every.tolist()
    ([0, 1], [0, 1, 0])
    """
    key = np.zeros(columns[0].size, dtype=np.intp)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        _, key = np.unique(key * values.size + place, return_inverse=True)
    _, first, every = np.unique(key, return_index=True, return_inverse=True)
    return first, every


def _reach(fall: Callable[[FloatArray], FloatArray], shape: tuple[int, ...]) -> FloatArray:
    """How far from its top a log-density has fallen far enough to be left out; one distance per row."""
    near, far = np.zeros(shape), np.ones(shape)
    while (short := fall(far) < _FALL).any():
        far = np.where(short, far * 2, far)
    for _ in range(30):
        middle = (near + far) / 2
        short = fall(middle) < _FALL
        near, far = np.where(short, middle, near), np.where(short, far, middle)
    return far


def _expected_until_leaving(
    shape: FloatArray, ahead: FloatArray, nodes: FloatArray, weights: FloatArray, mean: FloatArray
) -> FloatArray:
    """Expected orders of active customers, their own rates and leaving probabilities averaged out.

    With rate L and leaving probability p it is (1 - exp(-L p t)) / p. L ~ Gamma(shape, alpha + age) is averaged
    in closed form (`ahead` is t / (alpha + age)), p over the nodes. The line between the values at p = 0 and p = 1 is
    taken out first and averaged exactly.
    """
    at_zero = shape * ahead
    slope = -np.expm1(-shape * np.log1p(ahead)) - at_zero
    until_left = -np.expm1(-shape[:, None] * np.log1p(nodes * ahead[:, None])) / nodes
    rest = until_left - at_zero[:, None] - nodes * slope[:, None]
    expected: FloatArray = at_zero + mean * slope + (weights * rest).sum(axis=1)
    return expected
