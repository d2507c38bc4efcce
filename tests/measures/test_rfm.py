from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from regulars.errors import SettingsError
from regulars.measures import rfm
from regulars.measures.rfm import Cuts, Segment

if TYPE_CHECKING:
    from regulars.engine.duckdb import DuckdbEngine


@pytest.mark.parametrize("levels", range(2, rfm.MAX_LEVELS + 1))
def test_the_usual_segments_leave_nobody_out(levels: int) -> None:
    segments = rfm.usual_segments(levels)
    assert all(rfm.segment_of(segments, *scores) for scores in rfm.combinations(levels))


def test_every_usual_segment_can_be_reached() -> None:
    found = {rfm.segment_of(rfm.USUAL_SEGMENTS, *scores).name for scores in rfm.combinations(5)}  # type: ignore[union-attr]
    assert found == {one.name for one in rfm.USUAL_SEGMENTS}


@pytest.mark.parametrize(
    ("scores", "name"),
    [
        ((5, 5, 5), "Champions"),
        ((4, 4, 3), "Champions"),  # 3.5 is rounded up
        ((5, 3, 3), "Loyal"),
        ((5, 1, 5), "Potential loyalists"),  # one large order makes nobody loyal
        ((5, 1, 1), "New"),
        ((4, 1, 1), "Promising"),
        ((3, 2, 2), "Need attention"),
        ((3, 1, 1), "About to sleep"),
        ((1, 5, 5), "Cannot lose them"),
        ((2, 3, 4), "At risk"),
        ((2, 1, 2), "Hibernating"),
        ((1, 1, 1), "Lost"),
    ],
)
def test_segments_of_scores(scores: tuple[int, int, int], name: str) -> None:
    found = rfm.segment_of(rfm.USUAL_SEGMENTS, *scores)
    assert found is not None
    assert found.name == name


def scored(engine: DuckdbEngine, rows: dict[str, list[object]], levels: int = 5) -> pa.Table:
    customers = engine.bring(pa.table(rows), "customers")
    buyers = rfm.buyers(customers)
    count = engine.collect(buyers.count(), 1)[0][0].as_py()
    cuts = rfm.as_cuts(engine.collect(rfm.quantiles(buyers, count, levels), 1).to_pylist()[0])
    view = rfm.with_scores(customers, cuts, rfm.usual_segments(levels))
    return engine.collect(view.order_by("customer_id"), 10_000)


def test_five_customers_by_hand(engine: DuckdbEngine) -> None:
    found = scored(
        engine,
        {
            "customer_id": ["a", "b", "c", "d", "e", "never"],
            "recency_days": [0, 10, 20, 30, 40, None],
            "order_count": [1, 3, 2, 5, 4, 0],
            "revenue_total": [50.0, 40.0, 30.0, 20.0, 10.0, None],
        },
    )
    assert found["rfm_score"].to_pylist() == ["515", "434", "323", "252", "141", None]
    # a: one order, so not loyal; b and c: 4 and 3 of frequency and money, so loyal; d: 4; e: 2.5, up to 3
    assert found["rfm_segment"].to_pylist() == ["Potential loyalists", "Champions", "Loyal", "At risk", "At risk", None]


def test_ties_by_hand(engine: DuckdbEngine) -> None:
    # ten customers: six bought once, two twice. Two orders are more than 6 of 10 have: 3/5 are worse, so score 4.
    orders = [1, 1, 1, 1, 1, 1, 2, 2, 5, 9]
    # recency: three bought today (7 of 10 are worse: score 4), seven long ago (nobody is worse: score 1)
    recency = [0, 0, 0, 90, 90, 90, 90, 90, 90, 90]
    found = scored(
        engine,
        {
            "customer_id": [f"c{number}" for number in range(10)],
            "recency_days": recency,
            "order_count": orders,
            "revenue_total": [7.5] * 10,
        },
    )
    assert found["frequency_score"].to_pylist() == [1, 1, 1, 1, 1, 1, 4, 4, 5, 5]
    assert found["recency_score"].to_pylist() == [4, 4, 4, 1, 1, 1, 1, 1, 1, 1]
    assert found["monetary_score"].to_pylist() == [1] * 10


@pytest.mark.parametrize("levels", [2, 3, 5, 9])
@pytest.mark.parametrize("count", [1, 4, 23, 500])
def test_a_score_says_how_many_are_worse(engine: DuckdbEngine, levels: int, count: int) -> None:
    rng = np.random.default_rng(levels * count)
    measures = {
        "recency_days": rng.geometric(0.02, count) - 1,
        "order_count": rng.geometric(0.5, count),
        "revenue_total": np.round(rng.lognormal(3, 1, count), 2),
    }
    found = scored(engine, {"customer_id": np.arange(count), **measures}, levels)  # type: ignore[dict-item]
    goodness = {
        "recency_score": -measures["recency_days"],
        "frequency_score": measures["order_count"],
        "monetary_score": measures["revenue_total"],
    }
    for name, values in goodness.items():
        worse = (values[None, :] < values[:, None]).sum(axis=1)
        assert found[name].to_pylist() == (1 + worse * levels // count).tolist(), name


def test_own_cuts_hold_what_lies_on_them(engine: DuckdbEngine) -> None:
    customers = engine.bring(
        pa.table(
            {
                "customer_id": ["a", "b", "c"],
                "recency_days": [7, 8, 31],
                "order_count": [1, 2, 3],
                "revenue_total": [100.0, 100.01, 900.0],
            }
        ),
        "customers",
    )
    view = rfm.with_scores(customers, Cuts((7, 30), (1, 2), (100, 500)), rfm.usual_segments(3))
    assert engine.collect(view.order_by("customer_id"), 9)["rfm_score"].to_pylist() == ["311", "222", "133"]


def test_missing_money_counts_as_none(engine: DuckdbEngine) -> None:
    found = scored(
        engine,
        {"customer_id": ["a", "b"], "recency_days": [1, 2], "order_count": [1, 1], "revenue_total": [None, 3.0]},
    )
    assert found["monetary_score"].to_pylist() == [1, 3]


@pytest.mark.parametrize(
    ("segments", "word"),
    [
        ((Segment("a", (1, 5), (1, 5)), Segment("a", (1, 5), (1, 5))), "name of its own"),
        ((Segment(" ", (1, 5), (1, 5)),), "name of its own"),
        ((Segment("a", (0, 5), (1, 5)),), "no range"),
        ((Segment("a", (4, 2), (1, 5)),), "no range"),
        ((Segment("a", (1, 6), (1, 5)),), "no range"),
        ((Segment("a", (2, 5), (1, 5)),), "leave out 25 combinations"),
    ],
)
def test_segments_that_do_not_do(segments: tuple[Segment, ...], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        rfm.check_segments(segments, 5)


def test_cuts_that_do_not_do() -> None:
    with pytest.raises(SettingsError, match="has 2 cut points"):
        rfm.check_cuts("recency_cuts", (1, 2), 5)
    with pytest.raises(SettingsError, match="does not rise"):
        rfm.check_cuts("recency_cuts", (1, 3, 3, 4), 5)
    with pytest.raises(SettingsError, match="levels = 1"):
        rfm.check_levels(1)
