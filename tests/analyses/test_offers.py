from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regulars.analyses.offers import Offers
from regulars.errors import DataError, SettingsError
from regulars.models.preference import shrink

MakeDataset = Callable[..., Any]


def world() -> dict[str, Any]:
    """Women spend 30 on wine and 10 on bread, men 10 and 30; ten of each have no cheese, all others buy it for 20."""
    people = [{"customer_id": f"c{n:03}", "gender": "f" if n % 2 else "m"} for n in range(100)]
    spend = []
    for n, one in enumerate(people):
        wine = (30.0 if n % 2 else 10.0) + n % 5  # people differ a little, so that there is a spread
        amounts = {"wine": wine, "bread": 44.0 - wine, "cheese": 0.0 if n < 20 else 20.0}
        spend += [{"customer_id": one["customer_id"], "category": name, "amount": amounts[name]} for name in amounts]
    return {"customers": people, "category_spend": spend}


def rows(result: Any, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_preferences_without_any_order(make_dataset: MakeDataset) -> None:
    result = Offers().run(make_dataset(world()))
    wine = rows(result, "preferences", dimension="gender", group="f", category="wine")[0]
    assert wine["spend_share"] == pytest.approx(50 * 32 / (50 * 44 + 40 * 20))
    assert wine["differs"] == 1
    assert 1 < wine["shrunk_index"] <= wine["index"]
    assert rows(result, "preferences", dimension="gender", group="m", category="wine")[0]["differs"] == -1
    assert "spends" in result.finding("offers.preference").sentence


def test_the_next_best_category_is_one_not_bought(make_dataset: MakeDataset) -> None:
    result = Offers().run(make_dataset(world()))
    members = result.audiences[0].members.to_pyarrow().to_pylist()
    assert {row["customer_id"] for row in members} == {f"c{n:03}" for n in range(20)}
    assert {(row["next_category"], row["score"]) for row in members} == {("cheese", 0.8)}
    assert members[0]["reason"] == "offer cheese: not bought yet, and bought by 80 % of those who buy the same"


def test_nothing_is_proposed_where_everybody_buys_every_category(make_dataset: MakeDataset) -> None:
    tables = world()
    assert [one.key for one in Offers().run(make_dataset(tables)).actions] == ["offers.next"]
    for row in tables["category_spend"]:
        row["amount"] = row["amount"] or 20.0
    result = Offers().run(make_dataset(tables))
    assert result.findings
    assert result.audiences[0].members.to_pyarrow().num_rows == 0
    assert result.actions == ()


def test_an_uncertain_index_is_drawn_to_as_all() -> None:
    told = shrink(np.array([2.0, 2.0, 0.5, np.nan]), np.array([0.1, 2.0, 0.1, 0.1]))
    assert told.index[0] == pytest.approx(2.0, abs=0.05)
    assert 1 < told.index[1] < 1.5
    assert np.isnan(told.index[3])
    alike = shrink(np.array([1.1, 0.9]), np.array([0.2, 0.2]))
    assert (alike.index.tolist(), alike.spread) == ([1.0, 1.0], 0.0)


def test_two_categories_are_needed(make_dataset: MakeDataset) -> None:
    tables = world()
    tables["category_spend"] = [row for row in tables["category_spend"] if row["category"] == "wine"]
    with pytest.raises(DataError, match="two categories"):
        Offers().run(make_dataset(tables))
    with pytest.raises(SettingsError, match="categories"):
        Offers(categories=1)
