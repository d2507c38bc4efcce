"""The demo world `shop`: the files agree with each other, with the plan and with the truth beside them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from regulars import pipeline
from regulars.demo.shop import plan
from regulars.demo.shop.process import build_process, movement_matrix, segment_shares
from regulars.demo.shop.world import ShopWorld
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 500_000  # two blocks
SEGMENTS = [segment.name for segment in plan.SEGMENTS]


class Files:
    """A written world, asked in SQL and independently of the code that wrote it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.facts: dict[str, Any] = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
        self._connection = duckdb.connect()
        for name in ("customers", "contacts", "products", "campaigns", "calendar", "truth_customers"):
            self._connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{directory}/{name}.parquet'")
        self._connection.execute(f"CREATE TABLE lines AS SELECT * FROM '{directory}/lines-*.parquet'")
        self._connection.execute("""
            CREATE TABLE orders AS SELECT order_id, min(customer_id) customer_id, min(ordered_at) ordered_at,
                sum(paid) paid, min(campaign_id) campaign_id, count(*) lines FROM lines GROUP BY order_id
        """)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def contact(self, name: str) -> dict[str, Any]:
        """A campaign of the truth."""
        return next(one for one in self.facts["contacts"]["campaigns"] if one["name"] == name)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(ShopWorld().write(tmp_path_factory.mktemp("shop"), rows=ROWS).directory)


def test_sizes_and_sums_are_those_of_the_truth(files: Files) -> None:
    drawn = files.facts["drawn"]
    assert files.one("SELECT count(*) FROM lines") == drawn["lines"] == pytest.approx(ROWS, rel=0.05)
    assert files.one("SELECT count(*) FROM orders") == drawn["orders"]
    assert files.one("SELECT sum(paid) FROM lines") == pytest.approx(drawn["paid"])
    assert files.one("SELECT count(DISTINCT customer_id) FROM lines") == drawn["customers_with_orders"]


def test_keys_are_unique_and_references_hold(files: Files) -> None:
    for table, key in (("lines", "(order_id, product_id)"), ("customers", "customer_id"), ("campaigns", "campaign_id")):
        assert files.one(f"SELECT count(*) - count(DISTINCT {key}) FROM {table}") == 0
    for column, table in (("customer_id", "customers"), ("product_id", "products"), ("campaign_id", "campaigns")):
        assert (
            files.one(f"SELECT count(*) FROM lines ANTI JOIN {table} USING ({column}) WHERE {column} IS NOT NULL") == 0
        )
    assert files.one("SELECT count(*) FROM contacts ANTI JOIN customers USING (customer_id)") == 0


def test_an_order_has_one_buyer_time_and_place_and_money_adds_up(files: Files) -> None:
    for column in ("customer_id", "ordered_at", "channel", "payment_method"):
        query = f"SELECT count(*) FROM (SELECT 1 FROM lines GROUP BY order_id HAVING count(DISTINCT {column}) > 1)"
        assert files.one(query) == 0
    assert files.one("SELECT max(abs(amount - unit_price * quantity)) FROM lines") < 1e-6
    assert files.one("SELECT max(abs(amount - discount - paid)) FROM lines") < 1e-6
    assert files.one("SELECT count(*) FROM lines WHERE (store_id IS NULL) <> (channel <> 'store')") == 0


def test_customers_buy_only_while_they_are_there_and_never_on_closed_days(files: Files) -> None:
    away = """SELECT count(*) FROM orders JOIN truth_customers USING (customer_id)
        WHERE ordered_at::DATE < joined_on OR ordered_at::DATE >= left_on"""
    assert files.one(away) == 0
    closed = "SELECT count(*) FROM orders, calendar WHERE kind = 'closed' AND ordered_at::DATE = starts_on"
    assert files.one(closed) == 0


def test_orders_per_segment_are_as_planned(files: Files) -> None:
    """A Poisson count lies within five standard deviations of its expectation."""
    process = build_process()
    query = "SELECT segment_2023H1, count(*), sum(orders_2023H1), sum(pace) FROM truth_customers WHERE "
    query += "joined_on < '2023-01-01' AND (left_on IS NULL OR left_on >= '2023-07-01') GROUP BY 1"
    found = {row[0]: row[1:] for row in files.rows(query)}
    for place, name in enumerate(SEGMENTS):
        _, orders, pace = found[name]
        expected = pace * process.half_year_totals[place, 2]
        assert abs(orders - expected) < 5 * expected**0.5


def test_movement_keeps_shares_and_is_drawn_as_planted(files: Files) -> None:
    assert segment_shares() @ movement_matrix() == pytest.approx(segment_shares())
    counts = np.sum([turn["counts"] for turn in files.facts["movement"]["turns"]], axis=0)
    share = counts / counts.sum(axis=1, keepdims=True)
    error = np.sqrt(movement_matrix() * (1 - movement_matrix()) / counts.sum(axis=1, keepdims=True))
    assert (np.abs(share - movement_matrix()) <= 5 * error + 1e-12).all()
    turn = files.facts["movement"]["turns"][-1]
    query = """SELECT segment_2024H1, segment_2024H2, count(*) FROM truth_customers
        WHERE orders_2024H1 > 0 AND orders_2024H2 > 0 GROUP BY 1, 2"""
    found = {(row[0], row[1]): row[2] for row in files.rows(query)}
    assert turn["counts"] == [[found.get((one, other), 0) for other in SEGMENTS] for one in SEGMENTS]


def test_movers_are_the_only_ones_who_move(files: Files) -> None:
    names = ", ".join(f"segment_{half}" for half in plan.HALF_YEARS)
    assert (
        files.one(f"SELECT count(*) FROM truth_customers WHERE NOT is_mover AND len(list_distinct([{names}])) > 1") == 0
    )


def test_seasons_of_categories_are_as_planned(files: Files) -> None:
    for category in files.facts["seasons"]["categories"]:
        query = f"""SELECT month(ordered_at), sum(quantity) FROM lines JOIN products USING (product_id)
            WHERE category = '{category["category"]}' GROUP BY 1 ORDER BY 1"""
        quantity = np.array([row[1] for row in files.rows(query)], dtype=float)
        days = np.array([31, 28 + 1 / 3, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
        index = quantity / days / (quantity / days).mean()
        # the number of customers present drifts a little over a year, and quantities come in twos
        assert index == pytest.approx(category["quantity_index_by_month"], abs=0.12), category["category"]
    garden = next(one for one in files.facts["seasons"]["categories"] if one["category"] == "garden")
    assert 5 in garden["peak_months"]
    assert 1 in garden["trough_months"]


def test_the_clean_experiment_is_balanced_and_has_the_planted_effect(files: Files) -> None:
    truth = files.contact("Autumn discount 2024")
    rows = f"contacts WHERE campaign_id = {truth['campaign_id']}"
    query = f"""SELECT arm, count(*) AS size, avg(orders_before), avg(orders_after), avg(responded::INT),
        avg(spend_after), var_samp(orders_after) / count(*), var_samp(responded::INT) / count(*),
        var_samp(spend_after) / count(*), var_samp(orders_before) / count(*) FROM {rows} GROUP BY 1"""
    found = {row[0]: row[1:] for row in files.rows(query)}
    control, treated = found["control"], found["discount"]
    assert control[0] + treated[0] == truth["customers"]
    assert files.one(f"SELECT count(*) - count(DISTINCT customer_id) FROM {rows}") == 0
    assert abs(treated[1] - control[1]) < 4 * (treated[8] + control[8]) ** 0.5
    planted = next(arm for arm in truth["arms"] if arm["arm"] == "discount")
    for place, name in ((2, "effect_on_orders"), (3, "effect_on_buyer_share"), (4, "effect_on_paid")):
        error = (control[place + 3] + treated[place + 3]) ** 0.5
        assert abs(treated[place] - control[place] - planted[name]) < 4 * error, name
    assert planted["effect_on_orders"] > 0.2
    by_segment = {one["segment"]: one["effect_on_orders"] for one in planted["by_segment"]}
    assert by_segment["deal_hunter"] > 0.5
    assert by_segment["online_connoisseur"] < 0


def test_the_contaminated_experiment_is_broken_in_three_ways(files: Files) -> None:
    truth = files.contact("Summer test 2024")
    rows = f"contacts WHERE campaign_id = {truth['campaign_id']}"
    both = f"SELECT count(*) FROM (SELECT 1 FROM {rows} GROUP BY customer_id HAVING count(DISTINCT arm) = 2)"
    assert files.one(both) == truth["customers_in_both_arms"] > 100
    before = {row[0]: row[1] for row in files.rows(f"SELECT arm, avg(orders_before) FROM {rows} GROUP BY 1")}
    assert before["discount"] > 1.1 * before["control"]
    made_up = f"SELECT max(abs(spend_after - 1.15 * spend_before)) FROM {rows} AND arm = 'discount'"
    assert files.one(made_up) < 1e-9
    assert files.one(f"SELECT max(abs(spend_after - 1.15 * spend_before)) FROM {rows} AND arm = 'control'") > 1


def test_mailings_go_to_better_customers_and_responders_answer_with_money(files: Files) -> None:
    truth = files.contact("Mailing autumn 2023")
    rows = f"contacts WHERE campaign_id = {truth['campaign_id']}"
    assert files.one(f"SELECT count(*) FROM {rows} AND responded <> (response_value > 0)") == 0
    assert files.one(f"SELECT count(*) FROM {rows} AND arm IS NOT NULL") == 0
    answers = """SELECT home_segment, avg(responded::INT) FROM contacts JOIN truth_customers USING (customer_id)
        JOIN campaigns USING (campaign_id) WHERE kind = 'mailing' GROUP BY 1"""
    share = dict(files.rows(answers))
    assert share["deal_hunter"] > 2 * share["online_connoisseur"]


def test_contacts_say_what_the_lines_say(files: Files) -> None:
    query = """SELECT count(*) FROM contacts c WHERE arm = 'control' AND abs(spend_after - coalesce((
            SELECT sum(paid) FROM orders o WHERE o.customer_id = c.customer_id AND o.ordered_at::DATE >= c.sent_at::DATE
            AND o.ordered_at::DATE < c.sent_at::DATE + 28), 0)) > 0.01"""
    assert files.one(query) == 0


def test_planted_pairs_are_bought_together(files: Files) -> None:
    for pair in files.facts["drawn"]["pairs"]:
        query = f"""SELECT avg((b.order_id IS NOT NULL)::INT) FROM (SELECT order_id FROM lines WHERE product_id =
            {pair["if_bought"]}) a LEFT JOIN (SELECT order_id FROM lines WHERE product_id = {pair["also_added"]}) b
            USING (order_id)"""
        assert pair["share"] - 0.06 < files.one(query) < pair["share"] + 0.2


def test_passers_by_come_once_or_twice(tmp_path: Path) -> None:
    files = Files(ShopWorld(passer_by_share=0.6).write(tmp_path, rows=100_000).directory)
    drawn = files.facts["drawn"]
    assert drawn["lines"] == pytest.approx(100_000, rel=0.05)
    assert drawn["passers_by"] == pytest.approx(19_200, rel=0.01)
    most = """SELECT max(n) FROM (SELECT count(*) n FROM orders JOIN truth_customers USING (customer_id)
        WHERE home_segment = 'passer_by' GROUP BY customer_id)"""
    assert files.one(most) == 2


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def digests(name: str, seed: int) -> dict[str, str]:
        ShopWorld().write(tmp_path / name, rows=5_000, seed=seed)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / name).iterdir()}

    first = digests("a", 7)
    assert digests("b", 7) == first
    other = digests("c", 8)
    assert other["lines-2022H1.parquet"] != first["lines-2022H1.parquet"]


def test_too_small_a_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match="cannot be drawn with 100 rows"):
        ShopWorld().write(tmp_path, rows=100)


def test_the_settings_read_every_table_without_a_row_set_aside(tmp_path: Path) -> None:
    truth = ShopWorld().write(tmp_path, rows=5_000)
    quality = pipeline.check(pipeline.read_settings(tmp_path / "regulars.toml"))
    accounts = {account.table: account for account in quality.accounts}
    assert set(accounts) == {"lines", "customers", "products", "campaigns", "contacts", "calendar"}
    assert accounts["lines"].read == truth.facts["drawn"]["lines"]
    assert all(account.set_aside == 0 for account in accounts.values())
    assert not [check for check in quality.checks if check.severity != "note"]
