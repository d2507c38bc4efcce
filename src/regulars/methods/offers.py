"""Offers for customers: the recommender fitted to all the data, and applied to them batch by batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regulars.measures import dimensions as dims
from regulars.measures import interactions as inter
from regulars.measures import items as measure
from regulars.measures.money import DECIMALS
from regulars.methods.recommender import Recommender, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import ibis.expr.types as ir
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.methods.recommending import Counts, Interactions
    from regulars.models.recommend import Blend, RepeatRule

_SCORES = 1_000_000
"""Scores (customer × item) that are made at a time: what stays near the processor."""
_ROWS = 500_000
"""Rows (customer × item) of histories that are read at a time: enough for many customers to be alike."""
_NEW_ITEMS = 200
_MOST_GONE = 1_000_000
_SINCE_DAYS = inter.WINDOWS[-1]


def fit(
    data: Dataset, found: Interactions, counts: Counts, blend: Blend, repeats: RepeatRule, *,
    rules: Rules | None = None, item: str = "product_id",
) -> Recommender:  # fmt: skip
    """The recommender of today.

    Args:
        data: Has the names, categories and costs of the products.
        found: As `recommending.prepare` gives.
        counts: Of the last stage.
        blend: How new items are scored.
        repeats: How items bought before are scored.
        rules: Of the business.
        item: What an item is.
    """
    import numpy as np

    from regulars.models import recommend as model

    rules, last = rules or Rules(), found.cuts.last
    new = _new_places(found, counts.places)
    places = np.concatenate([counts.places, new])
    described = _described(data, found)
    rows = [described[place] for place in places]
    numbers = {
        label: number for number, label in enumerate(sorted({row["category"] for row in rows if row["category"]}))
    }
    categories = np.array([numbers.get(row["category"], -1) for row in rows], dtype=np.int64)
    known = len(counts.places)
    weights = np.zeros((known, len(places)), dtype=np.float32)
    if blend.penalty:
        of_known = model.ease(counts.counts, blend.penalty)
        weights = model.with_new_items(of_known, categories[:known], categories[known:])
    popularity = found.column(f"popularity_{blend.window}_{last}")[places]
    extra = blend.weight * model.standard(popularity)
    margins = np.array([row["margin"] for row in rows], dtype=float)
    if rules.margin_weight and np.isfinite(margins).any():
        extra = extra + rules.margin_weight * model.standard(np.nan_to_num(margins, nan=float(np.nanmean(margins))))
    ids = tuple(row["id"] for row in rows)
    allowed = np.ones(len(ids), dtype=bool)
    if rules.in_stock:
        allowed = found.column(f"popularity_{_SINCE_DAYS}_{last}")[places] > 0
    recommender = Recommender(
        ids, tuple(row["name"] for row in rows), categories, np.array([row["price"] for row in rows], dtype=float),
        popularity, extra.astype(np.float32), allowed, weights.astype(np.float32), blend, repeats, rules,
        f"{data.as_of}", item,
    )  # fmt: skip
    return restricted(data, recommender, rules)


def restricted(data: Dataset, recommender: Recommender, rules: Rules) -> Recommender:
    """The recommender under the rules of today: what is excluded or not in stock now is not offered.

    Args:
        data: Has the stock of the products, where it is known.
        recommender: As `fit` gives, or one read from a run.
        rules: The rules of the business.
    """
    import numpy as np

    barred = set(rules.exclude)
    products = data.tables.get("products")
    if rules.in_stock and products is not None and "in_stock" in products.columns and recommender.item == "product_id":
        gone = _out_of_stock(products).select("product_id")
        barred |= {str(one) for one in data.collect(gone, _MOST_GONE)["product_id"].to_pylist()}
    allowed = recommender.allowed & np.array([one not in barred for one in recommender.ids], dtype=bool)
    return replace(recommender, allowed=allowed, rules=replace(rules, exclude=tuple(sorted(barred))))


def _out_of_stock(products: ir.Table) -> ir.Table:
    """The products whose trait `in_stock` says no."""
    return products.filter(products.in_stock.cast("string").strip().lower().isin(("false", "0", "no", "n")))


def _new_places(found: Interactions, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Items of the table that the last model does not hold: too new to have buyers enough."""
    import numpy as np

    others = np.setdiff1d(np.arange(found.table.num_rows), held)
    recent = found.column(f"popularity_14_{found.cuts.last}")[others]
    order = np.lexsort((others, -recent))
    return np.asarray(others[order][recent[order] > 0][:_NEW_ITEMS], dtype=np.int64)


def _described(data: Dataset, found: Interactions) -> list[dict[str, Any]]:
    """Id, name, category, price and margin of every item of the table."""
    import pyarrow as pa

    ids = found.table["product_id"]
    prices = found.table["price"].to_pylist() if "price" in found.table.column_names else [None] * len(ids)
    known: dict[Any, dict[str, Any]] = {}
    products = data.tables.get("products")
    wanted = [name for name in ("name", "category", "cost") if products is not None and name in products.columns]
    if products is not None and wanted:
        mine = data.bring(pa.table({"_item": ids.combine_chunks()}), "recommend__ids")
        if mine._item.type() == products.product_id.type():
            looked_up = products.semi_join(mine, products.product_id == mine._item).select("product_id", *wanted)
            rows = data.collect(looked_up, 4 * measure.MOST_ITEMS).to_pylist()
            known = {row["product_id"]: row for row in rows}
    found_rows = []
    for item, price in zip(ids.to_pylist(), prices, strict=True):
        row, value = known.get(item, {}), float("nan") if price is None else float(price)
        plain, category = str(item), row.get("category")
        name = str(row["name"]) if row.get("name") else f"{plain} ({category})" if category else plain
        cost = row.get("cost")
        found_rows.append(
            {
                "id": plain, "name": name, "category": category, "price": value,
                "margin": value - float(cost) if cost is not None else float("nan"),
            }
        )  # fmt: skip
    return found_rows


# -- everyone -------------------------------------------------------------------------------------------


def new_offers(
    data: Dataset, recommender: Recommender, found: Interactions, customers: ir.Table, places: int, name: str
) -> ir.Table:
    """New items for every customer given: `customer_key`, `rank`, `product_id`, `item`, `score`, `because`.

    Histories stream through in batches; customers without one are offered what sells. The engine keeps numbers, to
    which ids and names are joined where they are read: a sixth of the memory that the words would take.

    Args:
        data: The road to the engine.
        recommender: As `fit` gives.
        found: As `recommending.prepare` gives.
        customers: `customer_key` of those to be offered to.
        places: Offers for each.
        name: Begins the names of the tables in the engine.
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            ("customer_key", pa.int64()), ("rank", pa.int32()), ("place", pa.int32()), ("score", pa.float64()),
            ("because_place", pa.int32()),
        ]
    )  # fmt: skip
    rows = histories_of(data, recommender, found, customers)
    made = data.engine.bring(_batches(data, recommender, rows, places, schema), name, schema=schema)
    words = pa.table(
        {
            "_place": pa.array(range(len(recommender.ids)), pa.int32()), "product_id": pa.array(recommender.ids),
            "item": pa.array(recommender.names),
        }
    )  # fmt: skip
    items = data.bring(words, f"{name}__items")
    offers = made.inner_join(items, made.place == items._place).drop("place", "_place")
    own = items.view()  # joined to what comes of the same rows
    own = own.select(_own=own._place, because_id=own.product_id, because=own["item"])
    offers = offers.left_join(own, offers.because_place == own._own)
    return offers.select("customer_key", "rank", "product_id", "item", "score", "because_id", "because")


def histories_of(data: Dataset, recommender: Recommender, found: Interactions, customers: ir.Table) -> ir.Table:
    """`customer_key`, `place` (of the item in the recommender, missing where the customer has none) and `price`."""
    import numpy as np
    import pyarrow as pa

    known = pa.table({"_id": pa.array(recommender.ids[: recommender.known]), "place": np.arange(recommender.known)})
    places = data.bring(known, "recommend__places")
    bought = found.rows.select("customer_key", _product=found.rows.product_id.cast("string"))
    held = bought.inner_join(places, bought._product == places._id).select(_key=bought.customer_key, place=places.place)
    wanted = customers.select("customer_key").distinct()
    rows = wanted.left_join(held, wanted.customer_key == held._key).drop("_key")
    if recommender.rules.price_range and "revenue" in found.order_items.columns:
        items = measure.bought(found.order_items)
        usual = items.group_by(_buyer=items.customer_key).aggregate(
            price=items.revenue.sum().round(DECIMALS) / items.quantity.sum().cast("float64")
        )
        rows = rows.left_join(usual, rows.customer_key == usual._buyer).drop("_buyer")
    return rows.order_by("customer_key", "place")


def _batches(
    data: Dataset, recommender: Recommender, rows: ir.Table, places: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Offers as record batches, customers never parted."""
    import numpy as np
    import pyarrow as pa

    from regulars.models import recommend as model

    step = max(_SCORES // max(len(recommender.ids), 1), 1)
    for keys, history, prices in grouped(data.stream(rows, _ROWS), recommender.known):
        first, same = model.alike(history) if prices is None else (np.arange(len(keys)), np.arange(len(keys)))
        parts = [
            recommender.discover(history[chosen], places, prices[chosen] if prices is not None else None)
            for chosen in (first[start : start + step] for start in range(0, len(first), step))
        ]
        offered, score, because = (np.concatenate(one)[same] for one in zip(*parts, strict=True))
        line, rank = np.nonzero(offered >= 0)
        columns = [
            keys[line].astype(np.int64), (rank + 1).astype(np.int32), offered[line, rank].astype(np.int32),
            np.round(score[line, rank].astype(float), 5), because[line, rank].astype(np.int32),
        ]  # fmt: skip
        arrays = [pa.array(one) for one in columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def grouped(batches: Iterator[pa.RecordBatch], items: int) -> Iterator[tuple[Any, Any, Any]]:
    """Customers with their histories from rows in the order of customers: keys, a sparse matrix, usual prices.

    The last customer of a batch waits for the next, since more of the rows may be there.
    """
    import numpy as np

    from regulars.models import recommend as model

    waiting: dict[str, Any] = {}
    for batch in batches:
        columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names}
        if waiting:
            columns = {name: np.concatenate([waiting[name], values]) for name, values in columns.items()}
        keys = columns["customer_key"]
        whole = int(np.searchsorted(keys, keys[-1])) if len(keys) else 0
        waiting = {name: values[whole:] for name, values in columns.items()}
        if whole:
            yield _matrix(model, {name: values[:whole] for name, values in columns.items()}, items)
    if waiting and len(waiting["customer_key"]):
        yield _matrix(model, waiting, items)


def _matrix(model: Any, columns: Mapping[str, Any], items: int) -> tuple[Any, Any, Any]:
    import numpy as np

    keys, first, line = np.unique(columns["customer_key"], return_index=True, return_inverse=True)
    place = np.asarray(columns["place"], dtype=float)
    has = ~np.isnan(place)
    history = model.as_history(line[has], place[has].astype(np.int64), len(keys), items)
    prices = np.asarray(columns["price"], dtype=float)[first] if "price" in columns else None
    return keys, history, prices


def again_offers(
    data: Dataset, recommender: Recommender, found: Interactions, customers: ir.Table, places: int
) -> ir.Table:
    """What each customer is likeliest to buy again: `customer_key`, `rank`, `product_id`, `score`; in the engine.

    What is excluded or out of stock is left out, and each category is offered once where that is the rule. What the
    customer buys is in their price range.
    """
    import pyarrow as pa

    rule, rules = recommender.repeats, recommender.rules
    window = found.items[f"popularity_{rule.window}_{found.cuts.last}"]
    popular = found.items.select("product_id", popularity=window)
    if rules.exclude:
        barred = data.bring(pa.table({"_barred": pa.array(rules.exclude)}), "recommend__barred")
        popular = popular.anti_join(barred, popular.product_id.cast("string") == barred._barred)
    products = data.tables.get("products") if recommender.item == "product_id" else None
    if rules.one_per_category and products is not None and "category" in products.columns:
        kinds = products.select(_item=products.product_id, category=products.category.cast("string"))
        popular = popular.left_join(kinds, popular.product_id == kinds._item).drop("_item")
    chosen = found.rows.semi_join(customers.select("customer_key"), "customer_key")
    return inter.again(chosen, popular, rule.half_life, rule.power, places)


# -- what sells, for customers of whom nothing is known ---------------------------------------------------


def popular_by_group(data: Dataset, found: Interactions, places: int) -> tuple[str, ir.Table]:
    """What most orders of the last 60 days held, by segment if there is one: `group`, `rank`, `product_id`, `orders`.

    Returns:
        What the groups are, in words, and the rows.
    """
    from datetime import timedelta

    import ibis

    rows = measure.bought(found.order_items)
    since = found.cuts.ends[-1] - timedelta(days=_SINCE_DAYS)
    rows = rows.filter(rows.ordered_at.date() > ibis.literal(since, "date"))
    usable = {one.name: one for one in dims.available(data, "customer")}
    dimension = usable.get("segment") or usable.get("rfm_segment")
    rows = rows.select("customer_key", product_id=rows.product_id.cast("string"))
    everyone = rows.mutate(group=ibis.literal("everyone"))
    if dimension is not None:
        labelled = dims.labelled(data, rows, dimension).select("customer_key", "product_id", "group")
        everyone = ibis.union(everyone, labelled)
    counted = everyone.group_by("group", "product_id").aggregate(orders=everyone.count().cast("int64"))
    order = [counted.orders.desc(), counted.product_id]
    place = ibis.row_number().over(group_by=counted.group, order_by=order)
    ranked = counted.mutate(rank=(place + 1).cast("int32"))
    ranked = ranked.filter(ranked["rank"] <= places).order_by("group", "rank")
    return dimension.title if dimension else "everyone", ranked.select("group", "rank", "product_id", "orders")
