"""What goes together: made-up shops whose rules are known, odd data, a basket of ten thousand items, the cinema."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.analyses.baskets import Baskets
from regulars.errors import DataError, SettingsError
from regulars.measures import items

if TYPE_CHECKING:
    import pyarrow as pa


def shop(orders: int = 600, seed: int = 4, pair_share: float = 0.5) -> pa.Table:
    """Orders of independent items 0–19, but whoever takes 0 takes 1 more often, from shop "north" above all."""
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    taken = rng.random((orders, 20)) < 0.12
    north = rng.random(orders) < 0.5
    taken[:, 1] |= taken[:, 0] & (rng.random(orders) < np.where(north, 2 * pair_share, 0.0))
    order, item = np.nonzero(taken)
    day = np.datetime64("2024-01-01", "us") + (order * 10).astype("timedelta64[h]")
    return pa.table(
        {
            "order_id": [f"o{one}" for one in order],
            "customer_id": [f"c{one % 200}" for one in order],
            "ordered_at": day,
            "product_id": [f"p{one:02d}" for one in item],
            "quantity": np.ones(len(order)),
            "paid": np.full(len(order), 2.5),
            "store_id": [("north" if north[one] else "south") for one in order],
        }
    )


def test_the_planted_pair_is_found_and_nothing_else(make_dataset: Any, checks: Any) -> None:
    result = Baskets(support=0.01).run(make_dataset({"lines": shop()}))
    checks.tidy(result)
    rules = checks.rows(result, "rules")
    assert {(row["antecedent"], row["consequent"]) for row in rules} == {("p00", "p01"), ("p01", "p00")}
    assert rules[0]["extra_value"] == pytest.approx(rules[0]["extra_orders"] * 2.5)
    rule = next(one for one in result.findings if "→" in one.key)
    assert rule.n_unit == "orders"
    assert rule.interval is not None
    groups = {(row["group"], row["rule"]): row for row in checks.rows(result, "by_group")
              if row["dimension"] == "store"}  # fmt: skip
    surer = next(name for _, name in groups)
    assert groups["north", surer]["differs"] == 1
    assert groups["south", surer]["differs"] == -1
    nodes = [row for row in checks.rows(result, "network") if row["item"]]
    assert {row["item"] for row in nodes} == {"p00", "p01"}


def test_the_audience_has_one_half_and_not_the_other(make_dataset: Any) -> None:
    data = make_dataset({"lines": shop()})
    result = Baskets(support=0.01).run(data)
    rows = data.collect(result.audiences[0].members).to_pylist()
    bought: dict[str, set[str]] = {}
    for row in shop().to_pylist():
        bought.setdefault(row["customer_id"], set()).add(row["product_id"])
    assert rows
    for row in rows:
        owned = bought[row["customer_id"]] & {"p00", "p01"}
        assert owned == {"p00", "p01"} - {row["offer"]}
        assert row["reason"].endswith(f"never {row['offer']}")


def test_order_of_rows_and_returns_do_not_matter(make_dataset: Any, checks: Any) -> None:
    import pyarrow as pa

    lines = shop()
    result = Baskets(support=0.01).run(make_dataset({"lines": lines}))
    checks.alike(result, Baskets(support=0.01).run(make_dataset({"lines": checks.shuffled(lines)})))
    given_back = lines.slice(0, 50).set_column(4, "quantity", pa.array(np.full(50, -1.0)))
    given_back = given_back.set_column(3, "product_id", pa.array(["p99"] * 50))
    data = make_dataset({"lines": pa.concat_tables([lines, given_back])})
    assert checks.rows(Baskets(support=0.01).run(data), "rules")[0] == checks.rows(result, "rules")[0]


def test_items_taken_together_by_category(make_dataset: Any, checks: Any) -> None:
    products = [{"product_id": f"p{one:02d}", "category": "AB"[one % 2]} for one in range(20)]
    data = make_dataset({"lines": shop(), "products": products})
    steps = checks.rows(Baskets(item="category", support=0.01).run(data), "sizes")
    assert steps
    with pytest.raises(DataError, match="no column 'colour'"):
        Baskets(item="colour").run(data)


def test_rules_by_what_they_earn(make_dataset: Any, checks: Any) -> None:
    """Two planted pairs: 0 → 1 on more orders, 2 → 3 with the dearer and better earning consequent."""
    import pyarrow as pa

    rng = np.random.default_rng(8)
    taken = rng.random((2000, 8)) < 0.15
    taken[:, 1] |= taken[:, 0] & (rng.random(2000) < 0.6)
    taken[:, 3] |= taken[:, 2] & (rng.random(2000) < 0.4)
    order, item = np.nonzero(taken)
    price = np.array([1.0, 1.0, 1.0, 50.0, 1, 1, 1, 1])[item]
    day = np.datetime64("2024-01-01", "us") + (order * 2).astype("timedelta64[h]")
    columns = [[f"o{one}" for one in order], [f"c{one % 200}" for one in order], day, [f"p{one}" for one in item],
               np.full(len(order), 2.0), 2 * price]  # fmt: skip
    names = ("order_id", "customer_id", "ordered_at", "product_id", "quantity", "paid")
    lines = pa.table(dict(zip(names, columns, strict=True)))
    products = [{"product_id": f"p{one}", "cost": 30.0 if one == 3 else 0.25} for one in range(8)]
    data = make_dataset({"lines": lines, "products": products})
    first = {
        by: checks.rows(Baskets(support=0.01, rank_by=by).run(data), "rules")[0]
        for by in ("orders", "revenue", "margin")
    }
    assert {first["orders"]["antecedent"], first["orders"]["consequent"]} == {"p0", "p1"}
    assert (first["revenue"]["antecedent"], first["revenue"]["consequent"]) == ("p2", "p3")
    dear = first["margin"]
    assert (dear["antecedent"], dear["consequent"]) == ("p2", "p3")
    assert dear["extra_value"] == pytest.approx(dear["extra_orders"] * 100)
    assert dear["extra_margin"] == pytest.approx(dear["extra_orders"] * (100 - 2 * 30))
    with pytest.raises(DataError, match="cost of the products") as lacking:
        Baskets(rank_by="margin").run(make_dataset({"lines": lines}))
    assert (lacking.value.table, lacking.value.column) == ("products", "cost")
    with pytest.raises(DataError, match="money of the order lines") as lacking:
        Baskets(rank_by="revenue").run(make_dataset({"lines": lines.drop(["paid"])}))
    assert (lacking.value.table, lacking.value.column) == ("lines", "paid")


def test_chance_gives_no_rule_and_says_so(make_dataset: Any) -> None:
    result = Baskets(support=0.01).run(make_dataset({"lines": shop(pair_share=0.0, seed=9)}))
    assert not [one for one in result.findings if "→" in one.key]
    assert any("no strong rules" in one.sentence for one in result.caveats)
    assert not result.audiences


def test_few_customers_give_no_finding(make_dataset: Any) -> None:
    rows = [
        {"order_id": f"o{order}", "customer_id": f"c{order}", "ordered_at": "2024-01-01", "product_id": product,
         "quantity": 1.0, "paid": 1.0}
        for order in range(12) for product in ("a", "b")
    ]  # fmt: skip
    assert not Baskets().run(make_dataset({"lines": rows})).findings


def test_one_product_an_order_is_moot(make_dataset: Any) -> None:
    rows = [
        {"customer_id": f"c{n}", "ordered_at": "2024-01-01", "product_id": "a", "paid": 1.0, "quantity": 1.0}
        for n in range(9)
    ]
    assert Baskets().is_moot(make_dataset({"orders": rows}))
    assert not Baskets().is_moot(make_dataset({"lines": shop(50)}))


def test_a_basket_of_ten_thousand_items_costs_nothing(make_dataset: Any) -> None:
    import pyarrow as pa

    lines = shop(20_000)
    size = 10_000
    huge = pa.table(
        {
            "order_id": ["huge"] * size,
            "customer_id": ["reseller"] * size,
            "ordered_at": np.full(size, np.datetime64("2024-01-01", "us")),
            "product_id": [f"p{one:02d}" for one in range(size)],
            "quantity": np.ones(size),
            "paid": np.full(size, 2.5),
            "store_id": ["north"] * size,
        }
    )
    seconds = {}
    for name, rows in (("without", lines), ("with", pa.concat_tables([lines, huge]))):
        times = []
        for _ in range(3):
            data = make_dataset({"lines": rows})
            data.summary("order_items")
            began = time.process_time()
            data.summary("item_pairs")
            times.append(time.process_time() - began)
        seconds[name] = min(times)
        pairs = data.collect(data.summary("item_pairs").count())[0][0].as_py()
        assert pairs <= 20 * 19 // 2  # none of the fifty million
    assert seconds["with"] < 1.5 * seconds["without"] + 0.1
    result = Baskets(support=0.01).run(data)
    assert any(f"more than {items.LARGEST_BASKET} items are left out" in one.sentence for one in result.caveats)


@pytest.mark.parametrize("values", [{"support": 0.0}, {"confidence": 1.5}, {"longest": 1}, {"least_orders": 0}])
def test_settings_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Baskets(**values)
