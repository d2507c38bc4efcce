"""Offers in a made-up shop with two tastes: reasons, strangers, new items, and a model read by another process."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.recommendations import Recommendations, RecommendOptions
from regulars.core.verb import VerbCall
from regulars.errors import DataError, SettingsError
from regulars.methods.recommender import Recommender, Rules

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.dataset import Dataset

ITEMS, CUSTOMERS, DAYS = 40, 300, 240
LAST_DAY = date(2024, 1, 1).toordinal() + DAYS - 1


def shop(seed: int = 1) -> pa.Table:
    """Customers of taste 0 take items 0–19, those of taste 1 items 20–39, with one in ten from the others."""
    rng = np.random.default_rng(seed)
    rows = CUSTOMERS * 14
    customer = rng.integers(0, CUSTOMERS, rows)
    taste = (customer % 2 + (rng.random(rows) < 0.1)) % 2
    item = (20 * taste + 20 * rng.random(rows) ** 1.5).astype(int)
    day = rng.integers(0, DAYS, rows)
    return lines(customer, item, day)


def lines(customer: Any, item: Any, day: Any) -> pa.Table:
    at = np.datetime64("2024-01-01", "us") + np.asarray(day).astype("timedelta64[D]")
    return pa.table(
        {
            "order_id": [f"{one}-{when}" for one, when in zip(customer, day, strict=True)],
            "customer_id": [f"c{one}" for one in customer],
            "ordered_at": at,
            "product_id": [f"p{one:02d}" for one in item],
            "quantity": np.ones(len(at)),
            "paid": 1.0 + np.asarray(item) % 5,
        }
    )


PRODUCTS = [{"product_id": f"p{one:02d}", "category": f"k{one // 20}"} for one in range(ITEMS + 1)]


@pytest.fixture
def data(make_dataset: Any) -> Dataset:
    return make_dataset({"lines": shop(), "products": PRODUCTS})  # type: ignore[no-any-return]


def taste_of(item: str) -> int:
    return int(item[1:]) // 20


def test_offers_follow_the_taste_and_are_new(data: Dataset, checks: Any) -> None:
    result = Recommendations().run(data)
    checks.tidy(result)
    bought: dict[str, set[str]] = {}
    for row in shop().to_pylist():
        bought.setdefault(row["customer_id"], set()).add(row["product_id"])
    offers = data.collect(result.table("offers").data).to_pylist()
    new = [row for row in offers if row["kind"] == "first purchases"]
    again = [row for row in offers if row["kind"] == "repeat purchases"]
    assert {row["customer_id"] for row in new} == set(bought)
    assert not [row for row in new if row["product_id"] in bought[row["customer_id"]]]
    assert not [row for row in again if row["product_id"] not in bought[row["customer_id"]]]
    fits = [taste_of(row["product_id"]) == int(row["customer_id"][1:]) % 2 for row in new]
    assert np.mean(fits) > 0.8
    assert all(row["because"].split(" ")[0] in bought[row["customer_id"]] for row in new if row["because"])


def test_the_model_is_better_than_what_sells_and_says_so(data: Dataset, checks: Any) -> None:
    result = Recommendations().run(data)
    rows = {row["method"]: row for row in checks.rows(result, "judged") if row["kind"] == "first purchases"}
    used = next(row for row in rows.values() if row["is_used"])
    assert used["beside_simple"] == "better"
    assert 0 < used["coverage"] <= 1
    assert 0 < used["popularity"] <= 1
    finding = result.finding("recommendations.new_hit_share")
    assert finding.grade == "modelled"
    assert "tested on" in finding.validated


def test_order_of_rows_does_not_matter(data: Dataset, make_dataset: Any, checks: Any) -> None:
    other = make_dataset({"lines": checks.shuffled(shop()), "products": PRODUCTS[::-1]})
    one, two = Recommendations().run(data), Recommendations().run(other)
    checks.alike(one, two)
    for mine, theirs in zip(one.audiences, two.audiences, strict=True):
        rows = [one_data.collect(members.order_by("customer_id")).to_pylist()
                for one_data, members in ((data, mine.members), (other, theirs.members))]  # fmt: skip
        assert rows[0] == rows[1]


def test_rules_of_the_business(data: Dataset) -> None:
    def offered(**settings: Any) -> list[dict[str, Any]]:
        table = Recommendations(**settings).run(data).table("offers").data
        return [row for row in data.collect(table).to_pylist() if row["kind"] == "first purchases"]

    assert "p00" in {row["product_id"] for row in offered()}
    assert "p00" not in {row["product_id"] for row in offered(exclude=("p00",))}
    by_customer: dict[str, list[int]] = {}
    for row in offered(one_per_category=True):
        by_customer.setdefault(row["customer_id"], []).append(taste_of(row["product_id"]))
    assert all(len(set(tastes)) == len(tastes) for tastes in by_customer.values())
    paid: dict[str, list[float]] = {}
    for row in shop().to_pylist():
        paid.setdefault(row["customer_id"], []).append(row["paid"])
    for row in offered(price_range=1.4):
        usual, price = np.mean(paid[row["customer_id"]]), 1.0 + int(row["product_id"][1:]) % 5
        assert usual / 1.41 <= price <= usual * 1.41


def test_rules_of_the_business_hold_for_repeat_purchases(make_dataset: Any) -> None:
    products = [one | {"in_stock": "no" if one["product_id"] == "p01" else "yes"} for one in PRODUCTS]
    data = make_dataset({"lines": shop(), "products": products})

    def offered(**settings: Any) -> list[dict[str, Any]]:
        table = Recommendations(**settings).run(data).table("offers").data
        return [row for row in data.collect(table).to_pylist() if row["kind"] == "repeat purchases"]

    assert "p01" in {row["product_id"] for row in offered(in_stock=False)}
    rows = offered(exclude=("p00",), one_per_category=True)
    assert rows
    assert not {"p00", "p01"} & {row["product_id"] for row in rows}
    by_customer: dict[str, list[int]] = {}
    for row in rows:
        by_customer.setdefault(row["customer_id"], []).append(taste_of(row["product_id"]))
    assert all(len(set(tastes)) == len(tastes) for tastes in by_customer.values())


def test_what_is_out_of_stock_is_not_offered(make_dataset: Any) -> None:
    rows = [row for row in shop().to_pylist() if row["product_id"] != "p00" or row["ordered_at"].month < 4]
    data = make_dataset({"lines": pa.Table.from_pylist(rows, shop().schema), "products": PRODUCTS})
    for in_stock in (True, False):
        table = Recommendations(in_stock=in_stock).run(data).table("offers").data
        offered = {row["product_id"] for row in data.collect(table).to_pylist() if row["kind"] == "first purchases"}
        assert ("p00" in offered) is not in_stock


def test_margin_draws_offers_to_what_earns_more(make_dataset: Any) -> None:
    products = [one | {"cost": 0.0 if int(one["product_id"][1:]) % 5 == 4 else 0.9 + int(one["product_id"][1:]) % 5}
                for one in PRODUCTS]  # fmt: skip
    data = make_dataset({"lines": shop(), "products": products})
    shares = []
    for weight in (0.0, 5.0):
        table = Recommendations(margin_weight=weight).run(data).table("offers").data
        new = [row for row in data.collect(table).to_pylist() if row["kind"] == "first purchases"]
        shares.append(np.mean([int(row["product_id"][1:]) % 5 == 4 for row in new]))
    assert shares[1] > shares[0] + 0.3


def test_rules_that_find_nothing_to_obey_are_told(make_dataset: Any, tmp_path: Path) -> None:
    rules = Recommendations(margin_weight=1.0, price_range=2.0, one_per_category=True)

    def warned(data: Dataset, settings: Recommendations) -> dict[str, str]:
        told = [one.sentence for one in settings.run(data).caveats if one.severity == "warning"]
        asked = settings.perform(VerbCall(RecommendOptions(customer="c7"), lambda: data, tmp_path))
        assert {one for one in told if "not obeyed" in one} <= {one.sentence for one in asked.caveats}
        return {one.split("] ")[1].split(" ")[0]: one for one in told if "not obeyed" in one}

    told = warned(make_dataset({"lines": shop().drop(["paid"])}), rules)
    assert set(told) == {"margin_weight", "price_range", "one_per_category"}
    assert all("(table lines, column paid or" in told[name] for name in ("margin_weight", "price_range"))
    assert "(table products, column category)" in told["one_per_category"]
    count = len(PRODUCTS)
    empty = pa.table(
        {
            "product_id": [one["product_id"] for one in PRODUCTS], "category": pa.nulls(count, pa.string()),
            "cost": pa.nulls(count, pa.float64()),
        }
    )  # fmt: skip
    dull = make_dataset({"lines": shop(), "products": empty})
    assert set(warned(dull, rules)) == {"margin_weight", "one_per_category"}
    assert "(table products, column cost)" in warned(dull, rules)["margin_weight"]
    assert not warned(dull, Recommendations())
    whole = [one | {"cost": 0.5, "in_stock": "yes"} for one in PRODUCTS]
    full = make_dataset({"lines": shop(), "products": whole})
    assert not warned(full, rules)

    def notes(data: Dataset) -> list[str]:
        return [one.sentence for one in Recommendations().run(data).caveats if "column in_stock" in one.sentence]

    assert len(notes(dull)) == 1
    assert not notes(full)


def call(data: Dataset, folder: Path, **options: Any) -> VerbCall:
    return VerbCall(RecommendOptions(**options), lambda: data, folder)


def test_one_customer_a_stranger_and_everyone(data: Dataset, tmp_path: Path) -> None:
    own = Recommendations().perform(call(data, tmp_path, customer="c7", places=4)).tables[0].to_arrow().to_pylist()
    assert [row["rank"] for row in own if row["kind"] == "first purchases"] == [1, 2, 3, 4]
    stranger = Recommendations().perform(call(data, tmp_path, customer="nobody"))
    assert stranger.tables[0].name == "popular"
    assert "Nothing is known" in stranger.caveats[0].sentence
    everyone = Recommendations().perform(call(data, tmp_path, all=True, places=2)).tables[0]
    rows = data.collect(everyone.data).to_pylist()
    assert len({row["customer_id"] for row in rows}) == CUSTOMERS
    with pytest.raises(SettingsError, match="one customer"):
        Recommendations().perform(call(data, tmp_path))


def test_a_new_item_is_offered_to_those_who_like_its_kind(make_dataset: Any) -> None:
    """Sold for a week, to few: beyond what the model holds, so that it stands on its category alone."""
    from regulars.measures import items as measure

    few = lines([1, 3, 5], [ITEMS, ITEMS, ITEMS], [DAYS - 3, DAYS - 2, DAYS - 1])
    products = [*PRODUCTS[:-1], {"product_id": f"p{ITEMS}", "category": "k1"}]
    held, measure.MOST_ITEMS = measure.MOST_ITEMS, ITEMS
    try:
        from regulars.methods import offers, recommending

        data = make_dataset({"lines": pa.concat_tables([shop(), few]), "products": products})
        found = recommending.prepare(data)
        counts = recommending.count_stages(data, found, (2,))[2]
    finally:
        measure.MOST_ITEMS = held
    from regulars.models.recommend import USUAL_BLEND, USUAL_REPEATS, as_history

    assert len(counts.places) == ITEMS
    recommender = offers.fit(data, found, counts, USUAL_BLEND, USUAL_REPEATS)
    assert f"p{ITEMS}" in recommender.ids
    assert recommender.known == ITEMS
    place = recommender.ids.index(f"p{ITEMS}")
    likes = [[recommender.ids.index(f"p{one:02d}") for one in items] for items in ((1, 2, 3), (21, 22, 23))]
    history = as_history(np.repeat([0, 1], 3), np.concatenate(likes), 2, recommender.known)
    scores = history @ recommender.weights
    assert scores[1, place] > scores[0, place]
    offered, _, because = recommender.discover(history, len(recommender.ids))
    ranks = [offered[line].tolist().index(place) for line in (0, 1)]
    assert ranks[1] < ranks[0]  # offered to both, sooner to those who like its kind
    reason = int(because[1, ranks[1]])
    assert reason in likes[1]
    gone = offers.restricted(data, recommender, Rules(exclude=(f"p{ITEMS}",)))
    assert place not in gone.discover(history, len(recommender.ids))[0]


def test_new_customers_are_offered_their_taste_and_strangers_what_sells(make_dataset: Any, tmp_path: Path) -> None:
    """One order yesterday is a history; who never bought is offered what sold most lately, and gets no reason."""
    newcomers = lines([900, 901], [1, 21], [DAYS - 1, DAYS - 1])
    every = pa.concat_tables([shop(), newcomers])
    data = make_dataset({"lines": every, "products": PRODUCTS, "customers": [{"customer_id": "never bought"}]})
    table = Recommendations().perform(call(data, tmp_path, all=True, places=5)).tables[0]
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in data.collect(table.data).to_pylist():
        if row["kind"] == "first purchases":
            rows.setdefault(row["customer_id"], []).append(row)
    for name, taste, own in (("c900", 0, "p01"), ("c901", 1, "p21")):
        offered = [row["product_id"] for row in rows[name]]
        assert len(offered) == len(set(offered)) == 5
        assert own not in offered
        assert sum(taste_of(one) == taste for one in offered) >= 4
        assert all(own in row["because"] for row in rows[name] if row["because"])
    stranger = [row["product_id"] for row in rows["never bought"]]
    assert len(stranger) == 5
    assert not any(row["because"] for row in rows["never bought"])
    bought = [(row["product_id"], row["ordered_at"].toordinal()) for row in every.to_pylist()]
    for since in (30, DAYS):
        recent = [item for item, day in bought if day > LAST_DAY - since]
        mean = np.mean([recent.count(item) for item in stranger])
        assert mean > 1.3 * len(recent) / ITEMS  # whatever the days are that popularity is counted over


def test_saved_here_and_read_by_another_process(data: Dataset, tmp_path: Path) -> None:
    model = Recommendations().run(data).model
    assert isinstance(model, Recommender)
    model.save(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".arrow", ".arrow", ".json"]
    code = (
        "import json, sys, numpy as np; from pathlib import Path\n"
        "from regulars.methods.recommender import Recommender; from regulars.models.recommend import as_history\n"
        "r = Recommender.load(Path(sys.argv[1])); h = as_history(np.array([0, 0]), np.array([1, 2]), 1, r.known)\n"
        "offered, score, because = r.discover(h, 5)\n"
        "print(json.dumps([[r.ids[i] for i in offered[0]], score[0].tolist(), because[0].tolist()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    from regulars.models.recommend import as_history

    offered, score, because = model.discover(as_history(np.array([0, 0]), np.array([1, 2]), 1, model.known), 5)
    there = json.loads(done.stdout)
    assert there[0] == [model.ids[one] for one in offered[0]]
    assert there[1] == pytest.approx(score[0].tolist())
    assert there[2] == because[0].tolist()


def test_from_the_shell_for_one_for_all_and_under_other_rules(tmp_path: Path) -> None:
    """A run, and then the command: one customer, a stranger, everybody into a file, and what is refused."""
    import pyarrow.parquet as pq

    pq.write_table(shop(), tmp_path / "lines.parquet")
    products = [one | {"cost": 0.0 if int(one["product_id"][1:]) % 5 == 4 else 5.5} for one in PRODUCTS]
    pq.write_table(pa.Table.from_pylist(products), tmp_path / "products.parquet")
    (tmp_path / "regulars.toml").write_text(
        '[dataset]\nname = "Shop"\n[tables.lines]\nsource = "lines.parquet"\ncolumns = { order_id = "order_id", '
        'customer_id = "customer_id", ordered_at = "ordered_at", product_id = "product_id", quantity = "quantity", '
        'paid = "paid" }\n[tables.products]\nsource = "products.parquet"\n'
        'columns = { product_id = "product_id", category = "category", cost = "cost" }\n',
        encoding="utf-8",
    )
    tool = [sys.executable, "-c", "from regulars.cli import main; main()"]

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*tool, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    done = typed("run", "regulars.toml", "--only", "recommendations", "--quiet")
    assert done.returncode == 0, done.stderr
    one = typed("recommend", "--customer", "c7", "--places", "3", "--json")
    assert one.returncode == 0, one.stderr
    assert "c7" in one.stdout
    stranger = typed("recommend", "--customer", "nobody")
    assert "Nothing is known of customer 'nobody'" in stranger.stdout + stranger.stderr
    firsts = []
    for folder, more in (("plain", ()), ("margin", ("--set", "recommendations.margin_weight=5"))):
        everyone = typed("recommend", "--all", "--places", "2", "--out", folder, *more)
        assert everyone.returncode == 0, everyone.stderr
        rows = pq.read_table(tmp_path / folder / "recommendations.parquet").to_pylist()
        assert len({row["customer_id"] for row in rows}) == CUSTOMERS
        assert {row["rank"] for row in rows} == {1, 2}
        new = [row for row in rows if row["kind"] == "first purchases"]
        firsts.append(np.mean([int(row["product_id"][1:]) % 5 == 4 for row in new]))
    assert firsts[1] > firsts[0] + 0.2  # the model saved with the run was scored without margins
    refused = typed("recommend", "--all", "--customer", "c7")
    assert refused.returncode == SettingsError.exit_code
    assert "name one customer, or ask for all" in refused.stderr
    assert typed("recommend").returncode == SettingsError.exit_code


def test_a_short_history_gives_offers_and_no_finding(make_dataset: Any) -> None:
    rows = [row for row in shop().to_pylist() if row["ordered_at"].month == 8]
    result = Recommendations().run(make_dataset({"lines": pa.Table.from_pylist(rows, shop().schema)}))
    assert not result.findings
    assert any("untested" in one.sentence for one in result.caveats)


def test_settings_and_columns_that_are_not_there_are_refused(data: Dataset) -> None:
    with pytest.raises(SettingsError):
        Recommendations(price_range=0.5)
    with pytest.raises(DataError, match="no column 'colour'"):
        Recommendations(item="colour").run(data)
