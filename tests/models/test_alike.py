"""The process of customers who are alike: it is found again, and dresses a cloud without changing the rest."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.models.alike import Alike
from regulars.models.clusters import learn_preparation

TENURE = np.random.default_rng(1).integers(0, 900, 4000).astype(float)
KNOWN = Alike(1.2, 70.0, 1.5, 400.0, TENURE, np.ones(4000))


def test_the_process_is_found_again_from_what_it_drew() -> None:
    drawn = KNOWN.draw(np.random.default_rng(2))
    assert (drawn["recency_days"] + drawn["active_days"] == TENURE).all()
    assert (drawn["active_days"][drawn["order_count"] == 1] == 0).all()
    found = Alike.fit(drawn)
    assert found is not None
    assert found.rate_shape / found.rate_days == pytest.approx(1.2 / 70, rel=0.15)
    again = found.draw(np.random.default_rng(3))
    for name in ("order_count", "active_days", "recency_days"):
        assert again[name].mean() == pytest.approx(drawn[name].mean(), rel=0.08)
        assert again[name].std() == pytest.approx(drawn[name].std(), rel=0.12)


def test_where_nobody_leaves_nobody_leaves() -> None:
    drawn = Alike(2.0, 60.0, 0.0, 0.0, TENURE, np.ones(4000)).draw(np.random.default_rng(4))
    found = Alike.fit(drawn)
    assert found is not None
    again = found.draw(np.random.default_rng(5))
    assert again["recency_days"].mean() == pytest.approx(drawn["recency_days"].mean(), rel=0.1)


def test_customers_without_a_history_fit_no_process() -> None:
    none = np.full(50, np.nan)
    assert Alike.fit({"order_count": none, "active_days": none, "tenure_days": none}) is None


def test_means_over_few_orders_spread_wider() -> None:
    rng = np.random.default_rng(6)
    drawn = KNOWN.draw(rng)
    values = drawn | {"spend": rng.standard_normal(4000) / drawn["order_count"] ** 0.5}
    preparation = learn_preparation(values, drawn["order_count"])
    rows, _ = preparation.prepare(values, drawn["order_count"])
    found = Alike.fit(drawn)
    assert found is not None
    cloud = rng.standard_normal(rows.shape)
    dressed = found.dress(cloud, rows, preparation, rng)
    spend, orders = (preparation.names.index(name) for name in ("spend", "order_count"))
    few = dressed[:, orders] <= np.median(dressed[:, orders])
    assert dressed[few, spend].std() > 1.5 * dressed[~few, spend].std()
