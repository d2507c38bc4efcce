"""Unit prices from order totals: the smallest squares that no price below zero allows.

Where orders have a total and a list of products but no price per product, the totals are sums of unknown prices:
total = Σ quantity × price. The engine counts the normal equations (Σ q_i q_j and Σ q_i × total), so that the fit
costs the same for a thousand orders and a hundred million.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regulars.errors import FitError

Floats = NDArray[np.float64]
RIDGE = 1e-9
"""Share of the mean diagonal added to the equations, so that products always bought together share their price."""


@dataclass(frozen=True)
class UnitPrices:
    """Estimated prices, in the order of the products given.

    Args:
        price: Price of one, never below zero.
        standard_error: Of the price; NaN where the price is held at zero.
        residual_deviation: Root mean square of total − estimate, in money.
        order_count: Orders fitted.
    """

    price: Floats
    standard_error: Floats
    residual_deviation: float
    order_count: int


def fit_unit_prices(gram: Floats, moment: Floats, total_square: float, order_count: int) -> UnitPrices:
    """Non-negative least squares from the normal equations (Lawson & Hanson 1974, ch. 23).

    Args:
        gram: Σ over orders of q_i q_j, products × products.
        moment: Σ over orders of q_i × total, per product.
        total_square: Σ over orders of total².
        order_count: Orders that were summed.

    Raises:
        FitError: There are no more orders than products, or no product.

    >>> quantities = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]])
    >>> totals = quantities @ np.array([3.0, 5.0])
    >>> fit = fit_unit_prices(quantities.T @ quantities, quantities.T @ totals, float(totals @ totals), 3)
    >>> fit.price.round(4).tolist()
    [3.0, 5.0]
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    products = len(moment)
    if products == 0 or order_count <= products:
        raise FitError(f"{order_count} orders are too few to tell the prices of {products} products")
    ridged = gram + RIDGE * float(np.trace(gram)) / products * np.eye(products)
    try:
        lower = np.linalg.cholesky(ridged)
    except np.linalg.LinAlgError as problem:
        raise FitError("the quantities do not tell the products apart") from problem
    # ‖A p − t‖² and ‖Lᵀ p − L⁻¹ Aᵀ t‖² differ by a constant, and the second is products × products
    price, _ = nnls(lower.T, solve_triangular(lower, moment, lower=True), maxiter=30 * products)
    squares = max(total_square - 2 * float(price @ moment) + float(price @ gram @ price), 0.0)
    free = price > 0
    variance = squares / max(order_count - int(free.sum()), 1)
    error = np.full(products, np.nan)
    if free.any():
        inverse = np.linalg.inv(ridged[np.ix_(free, free)])
        error[free] = np.sqrt(np.maximum(variance * np.diag(inverse), 0.0))
    return UnitPrices(price, error, float(np.sqrt(squares / order_count)), order_count)
