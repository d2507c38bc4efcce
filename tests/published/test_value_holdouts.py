"""Held-out periods of CDNOW and Online Retail, from the raw files through the whole way to the analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline

if TYPE_CHECKING:
    from regulars.core.result import Result

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def cdnow(datasets: Path) -> Result:
    data = pipeline.load(EXAMPLES / "cdnow" / "regulars.toml", data=datasets / "cdnow")
    return data.registry.make("lifetime_value", {"test_days": 273}).run(data)


@pytest.fixture(scope="module")
def online_retail(datasets: Path) -> Result:
    data = pipeline.load(EXAMPLES / "online-retail" / "regulars.toml", data=datasets / "online_retail")
    return data.registry.make("lifetime_value", {"test_days": 162}).run(data)


def scores(result: Result, foretold: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = result.table("validation").to_arrow().to_pylist()
    return {(row["prediction"], row["measure"]): row for row in rows if row["foretold"] == foretold}


def winner(result: Result, foretold: str) -> str:
    return next(row["prediction"] for row in scores(result, foretold).values() if row["is_used"])


def test_cdnow_orders_are_not_worse_than_the_best_model_known(cdnow: Result) -> None:
    used = winner(cdnow, "orders")
    error = scores(cdnow, "orders")[used, "mean absolute error"]
    assert error["value_low"] <= 0.794 <= error["value_high"] or error["value"] < 0.794
    assert scores(cdnow, "orders")["past rate", "mean absolute error"]["value"] == pytest.approx(1.038, abs=0.0006)
    assert scores(cdnow, "orders")[used, "auc"]["value"] > 0.76
    assert "23,570 customers" in cdnow.finding("lifetime_value.expected_total").validated


def test_cdnow_spend_is_not_worse_than_the_best_model_known(cdnow: Result) -> None:
    used = winner(cdnow, "revenue")
    assert used.endswith("Gamma-Gamma")
    assert scores(cdnow, "revenue")[used, "mean absolute error"]["value"] < 31.75
    assert scores(cdnow, "revenue")[used, "normalised gini"]["value"] > 0.70


def test_online_retail_uses_the_limit_in_which_nobody_leaves(online_retail: Result) -> None:
    assert winner(online_retail, "orders") == "NBD"
    told = scores(online_retail, "orders")
    assert told["NBD", "mean absolute error"]["value"] == pytest.approx(1.367, abs=0.0006)
    assert told["NBD", "auc"]["value"] == pytest.approx(0.726, abs=0.0006)
    assert told["past rate", "mean absolute error"]["value"] == pytest.approx(1.416, abs=0.0006)


def test_online_retail_money_goes_by_the_simple_rule_and_both_are_said(online_retail: Result) -> None:
    assert winner(online_retail, "revenue") == "past rate"
    told = scores(online_retail, "revenue")
    model = "NBD × Gamma-Gamma"
    assert told["past rate", "mean absolute error"]["value"] < told[model, "mean absolute error"]["value"]
    assert told[model, "normalised gini"]["value"] > told["past rate", "normalised gini"]["value"]
    assert any("better order" in caveat.sentence for caveat in online_retail.caveats)
