from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from regulars.analyses.rfm import Rfm
from regulars.core import parameters
from regulars.errors import DataError, RegularsError, SettingsError
from regulars.measures.rfm import Segment

if TYPE_CHECKING:
    import pyarrow as pa

    from regulars.core.dataset import Dataset

# as of 2024-05-31: a bought 3 times, the last today; b twice, 30 days ago; c once, 121 days ago
ORDERS = [
    {"customer_id": "a", "ordered_at": "2024-03-01", "amount": 100.0},
    {"customer_id": "a", "ordered_at": "2024-04-01", "amount": 100.0},
    {"customer_id": "a", "ordered_at": "2024-05-31", "amount": 100.0},
    {"customer_id": "b", "ordered_at": "2024-02-01", "amount": 40.0},
    {"customer_id": "b", "ordered_at": "2024-05-01", "amount": 60.0},
    {"customer_id": "c", "ordered_at": "2024-01-31", "amount": 100.0},
]
SEGMENTS = (
    Segment("Best", (2, 2), (2, 2), advice="thank them", audience="reward"),
    Segment("Gone", (1, 1), (1, 2), advice="write", audience="win_back"),
    Segment("Rest", (1, 2), (1, 2)),
)
TWO_LEVELS: dict[str, Any] = {
    "levels": 2, "recency_cuts": (60,), "frequency_cuts": (2,), "monetary_cuts": (150,), "segments": SEGMENTS,
}  # fmt: skip


@pytest.fixture
def small(make_dataset: Any) -> Dataset:
    data: Dataset = make_dataset({"orders": ORDERS}, currency="EUR", min_customers=1)
    return data


def test_segments_by_hand(small: Dataset, checks: Any) -> None:
    result = Rfm(**TWO_LEVELS).run(small)
    checks.tidy(result)
    rows = {row["segment"]: row for row in checks.rows(result, "segments")}
    assert [(name, row["customers"], row["revenue"]) for name, row in rows.items()] == [
        ("Best", 1, 300.0),
        ("Gone", 1, 100.0),
        ("Rest", 1, 100.0),
    ]
    assert rows["Best"]["revenue_share"] == pytest.approx(0.6)
    profiles = {row["segment"]: row for row in checks.rows(result, "profiles")}
    assert profiles["Rest"]["mean_recency_days"] == 30
    assert profiles["Gone"]["mean_order_count"] == 1
    assert profiles["Best"]["mean_revenue"] == 300
    assert profiles["Best"]["mean_revenue_low"] is None  # one customer has no interval


def test_findings_actions_and_audiences(small: Dataset) -> None:
    result = Rfm(**TWO_LEVELS).run(small)
    assert result.finding("rfm.reward_revenue_share").value == pytest.approx(0.6)
    assert result.finding("rfm.win_back_revenue").at_stake == 100.0
    assert "€100.00" in result.finding("rfm.win_back_revenue").sentence
    assert [(action.audience, action.finding) for action in result.actions] == [
        ("win_back", "rfm.win_back_revenue"),
        ("reward", "rfm.reward_revenue_share"),
    ]
    members = {one.name: small.collect(one.members).to_pylist() for one in result.audiences}
    assert members["reward"][0]["customer_id"] == "a"
    assert members["reward"][0]["reason"] == "Best: 3 orders, the last 0 days ago"
    assert members["win_back"][0]["reason"] == "Gone: 1 order, 121 days ago"
    assert members["win_back"][0]["score"] == 100.0


def test_too_few_keep_their_count_and_get_no_finding(make_dataset: Any, checks: Any) -> None:
    result = Rfm().run(make_dataset({"orders": ORDERS}))
    assert not result.findings
    assert not result.actions
    assert all(row["too_few"] for row in checks.rows(result, "segments"))
    assert any("Too few customers" in caveat.sentence for caveat in result.caveats)


def test_a_second_order_is_for_those_with_one(make_dataset: Any, checks: Any) -> None:
    # n0 to n5 and b are fresh and small, and b has bought twice
    late = [{"customer_id": f"n{number}", "ordered_at": "2024-05-30", "amount": 1.0} for number in range(6)]
    data = make_dataset({"orders": [*ORDERS, *late]}, min_customers=1)
    fresh = Segment("Fresh", (2, 2), (1, 1), audience="second_purchase")
    result = Rfm(**{**TWO_LEVELS, "segments": (fresh, *SEGMENTS)}).run(data)
    assert checks.rows(result, "segments")[0]["customers"] == 7
    members = data.collect(result.audiences[-1].members).to_pylist()
    assert [row["customer_id"] for row in members] == [f"n{number}" for number in range(6)]
    assert result.finding("rfm.second_purchase_customers").value == 6


def test_provides_columns_to_buyers_alone(make_dataset: Any) -> None:
    data = make_dataset({"orders": ORDERS, "customers": [{"customer_id": name} for name in "abcd"]})
    data.provide([Rfm(**TWO_LEVELS)])
    names = [feature.name for feature in Rfm.provides]
    rows = {row["customer_id"]: row for row in data.collect(data.customers).to_pylist()}
    assert len(rows) == 4
    assert [rows["a"][name] for name in names] == [2, 2, 2, "222", "Best"]
    assert [rows["d"][name] for name in names] == [None] * 5
    assert data.feature("rfm_segment").unit == "text"


def test_runs_with_its_own_settings_after_others_were_provided(make_dataset: Any, checks: Any) -> None:
    data = make_dataset({"orders": ORDERS})
    before = Rfm(levels=3).run(data)
    data.provide([Rfm(**TWO_LEVELS)])
    checks.alike(before, Rfm(levels=3).run(data))


def test_recency_counts_from_as_of(make_dataset: Any, checks: Any) -> None:
    result = Rfm(**TWO_LEVELS).run(make_dataset({"orders": ORDERS}, as_of=date(2024, 8, 31)))
    recency = {row["segment"]: row["mean_recency_days"] for row in checks.rows(result, "profiles")}
    assert recency["Rest"] is None
    assert recency["Gone"] == pytest.approx((92 + 122 + 213) / 3)


def test_order_of_rows_does_not_matter(make_dataset: Any, checks: Any) -> None:
    one = make_dataset({"orders": ORDERS}, min_customers=1)
    table = one.collect(one.tables["orders"])
    checks.alike(Rfm().run(one), Rfm().run(make_dataset({"orders": checks.shuffled(table)}, min_customers=1)))


@pytest.mark.parametrize("amounts", [[None, None, None], [0.0, 0.0, 0.0], [5.0, -50.0, 1.0]])
def test_odd_money(make_dataset: Any, checks: Any, amounts: list[float | None]) -> None:
    rows = [{"customer_id": f"c{n}", "ordered_at": "2024-01-05", "amount": one} for n, one in enumerate(amounts)]
    result = Rfm().run(make_dataset({"orders": rows}, min_customers=1))
    checks.tidy(result)
    assert any("no revenue in total" in caveat.sentence for caveat in result.caveats)
    assert all(row["revenue_share"] is None for row in checks.rows(result, "segments"))


def test_one_customer(make_dataset: Any, checks: Any) -> None:
    checks.tidy(Rfm().run(make_dataset({"orders": ORDERS[:1]}, min_customers=1)))


def test_nobody_bought(make_dataset: Any) -> None:
    tables = {
        "orders": [{**ORDERS[0], "status_id": "-5"}],
        "statuses": [{"status_id": "1", "is_success": True}, {"status_id": "-5", "is_success": False}],
    }
    data = make_dataset(tables)
    data.provide([Rfm()])  # the view stays whole
    with pytest.raises(DataError, match="no customer with an order"):
        Rfm().run(data)


def test_scores_of_customers_stay_in_the_engine(small: Dataset) -> None:
    table = Rfm().run(small).table("scores")
    assert not table.is_arrow
    assert not table.is_shown
    assert table.customer_column == "customer_id"
    assert sorted(small.collect(table.data)["customer_id"].to_pylist()) == ["a", "b", "c"]


def test_settings_of_segments_from_a_file() -> None:
    errors: list[RegularsError] = []
    rules = [
        {"name": "Good", "recency": [3, 5], "frequency_monetary": [3, 5], "audience": "reward", "advice": "thank"},
        {"name": "Others", "recency": [1, 5], "frequency_monetary": [1, 5]},
    ]
    analysis = parameters.build(Rfm, {"segments": rules, "recency_cuts": [7, 30, 90, 365]}, "rfm", errors)
    assert not errors
    assert analysis is not None
    assert [one.name for one in analysis.rules] == ["Good", "Others"]
    assert analysis.recency_cuts == (7.0, 30.0, 90.0, 365.0)
    assert parameters.build(Rfm, {"segments": [{**rules[0], "recencie": [1]}]}, "rfm", errors) is None
    assert "recency" in str(errors[0])


def test_settings_that_are_refused() -> None:
    for values in ({"levels": 10}, {"recency_cuts": (1.0, 2.0)}, {"segments": (Segment("a", (5, 5), (1, 5)),)}):
        with pytest.raises(SettingsError):
            Rfm(**values)  # type: ignore[arg-type]


def test_online_retail(make_dataset: Any, checks: Any, online_retail: dict[str, pa.Table]) -> None:
    result = Rfm().run(make_dataset({"lines": online_retail["valid"]}, currency="GBP"))
    checks.tidy(result)
    rows = checks.rows(result, "segments")
    assert sum(row["customers"] for row in rows) == 4338
    assert sum(row["revenue"] for row in rows) == pytest.approx(8_911_407.904, abs=1e-3)
    assert sum(checks.column(result, "grid", "customers")) == 4338
    cuts = checks.rows(result, "cut_points")
    once = next(row for row in cuts if row["measure"] == "frequency" and row["score"] == 1)
    assert (once["greatest"], once["customers"]) == (1.0, 1493)  # all one-time buyers, and they alone
    for measure in ("recency", "frequency", "monetary"):
        assert sum(row["customers"] for row in cuts if row["measure"] == measure) == 4338
    finding = result.finding("rfm.reward_revenue_share")
    assert finding.interval is not None
    assert finding.interval[0] < finding.value < finding.interval[1]
