"""Offers for customers: the recommender fitted to all the data, and applied to them batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures import dimensions as dims
from regulars.measures import interactions as inter
from regulars.measures import items as measure
from regulars.methods.recommender import Recommender, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.methods.recommending import Counts, Interactions
    from regulars.models.recommend import Blend, RepeatRule

_BATCH = 4096
_NEW_ITEMS = 200
_SINCE_DAYS = inter.WINDOWS[-1]


def fit(
    data: Dataset, found: Interactions, counts: Counts, blend: Blend, repeats: RepeatRule, *,
    exclude: Sequence[str] = (), in_stock: bool = True, margin_weight: float = 0.0, rules: Rules | None = None,
) -> Recommender:  # fmt: skip
    """The recommender of today.

    Args:
        data: Has the names, categories and costs of the products.
        found: As `recommending.prepare` gives.
        counts: Of the last stage.
        blend: How new items are scored.
        repeats: How items bought before are scored.
        exclude: Ids of items that are never offered.
        in_stock: Whether items that nobody bought in the last 60 days are left out.
        margin_weight: Standard deviations of margin added to the score of an item.
        rules: Further rules of the business.
    """
    import numpy as np

    from regulars.models import recommend as model

    last = found.cuts.last
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
    if margin_weight and np.isfinite(margins).any():
        extra = extra + margin_weight * model.standard(np.nan_to_num(margins, nan=float(np.nanmean(margins))))
    ids = tuple(row["id"] for row in rows)
    allowed = ~np.isin(np.array(ids, dtype=object), np.array(list(exclude), dtype=object))
    if in_stock:
        allowed &= found.column(f"popularity_{_SINCE_DAYS}_{last}")[places] > 0
        allowed &= np.array([row["in_stock"] for row in rows], dtype=bool)
    return Recommender(
        ids, tuple(row["name"] for row in rows), categories, np.array([row["price"] for row in rows], dtype=float),
        popularity, extra.astype(np.float32), allowed, weights.astype(np.float32), blend, repeats, rules or Rules(),
        f"{data.as_of}",
    )  # fmt: skip


def _new_places(found: Interactions, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Items of the table that the last model does not hold: too new to have buyers enough."""
    import numpy as np

    others = np.setdiff1d(np.arange(found.table.num_rows), held)
    recent = found.column(f"popularity_14_{found.cuts.last}")[others]
    order = np.lexsort((others, -recent))
    return np.asarray(others[order][recent[order] > 0][:_NEW_ITEMS], dtype=np.int64)


def _described(data: Dataset, found: Interactions) -> list[dict[str, Any]]:
    """Id, name, category, price, margin and stock of every item of the table."""
    import pyarrow as pa

    ids = found.table["product_id"]
    prices = found.table["price"].to_pylist() if "price" in found.table.column_names else [None] * len(ids)
    known: dict[Any, dict[str, Any]] = {}
    products = data.tables.get("products")
    wanted = [
        name for name in ("name", "category", "cost", "in_stock") if products is not None and name in products.columns
    ]
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
        stock = row.get("in_stock")
        found_rows.append(
            {
                "id": plain, "name": name, "category": category, "price": value,
                "margin": value - float(cost) if cost is not None else float("nan"),
                "in_stock": str(stock).strip().lower() not in ("false", "0", "no", "n"),
            }
        )  # fmt: skip
    return found_rows


# -- everyone -------------------------------------------------------------------------------------------

SCHEMA_COLUMNS = ("customer_key", "rank", "product_id", "item", "score", "because_id", "because")


def new_offers(
    data: Dataset, recommender: Recommender, found: Interactions, customers: ir.Table, places: int, name: str
) -> ir.Table:
    """New items for every customer given: `customer_key`, `rank`, `product_id`, `item`, `score`, `because`.

    Histories stream through in batches; customers without one are offered what sells.

    Args:
        data: The road to the engine.
        recommender: As `fit` gives.
        found: As `recommending.prepare` gives.
        customers: `customer_key` of those to be offered to.
        places: Offers for each.
        name: Name of the table in the engine.
    """
    import pyarrow as pa

    schema = pa.schema(
        [
            ("customer_key", pa.int64()), ("rank", pa.int32()), ("product_id", pa.string()), ("item", pa.string()),
            ("score", pa.float64()), ("because_id", pa.string()), ("because", pa.string()),
        ]
    )  # fmt: skip
    rows = histories_of(data, recommender, found, customers)
    return data.engine.bring(_batches(data, recommender, rows, places, schema), name, schema=schema)


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
            price=(items.revenue.sum() / items.quantity.sum()).round(4)
        )
        rows = rows.left_join(usual, rows.customer_key == usual._buyer).drop("_buyer")
    return rows.order_by("customer_key", "place")


def _batches(
    data: Dataset, recommender: Recommender, rows: ir.Table, places: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Offers as record batches, customers never parted."""
    import numpy as np
    import pyarrow as pa

    ids = np.array([*recommender.ids, None], dtype=object)
    names = np.array([*recommender.names, None], dtype=object)
    for keys, history, prices in grouped(data.stream(rows, 200_000), recommender.known):
        for start in range(0, len(keys), _BATCH):
            part = history[start : start + _BATCH]
            usual = prices[start : start + _BATCH] if prices is not None else None
            offered, score, because = recommender.discover(part, places, usual)
            shown = offered >= 0
            line, rank = np.nonzero(shown)
            item, reason = offered[shown], because[shown]
            columns = [
                keys[start : start + _BATCH][line], (rank + 1).astype(np.int32), ids[item], names[item],
                np.round(score[shown].astype(float), 5), ids[reason], names[reason],
            ]  # fmt: skip
            arrays = [pa.array(one, kind.type) for one, kind in zip(columns, schema, strict=True)]
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


def again_offers(recommender: Recommender, found: Interactions, customers: ir.Table, places: int) -> ir.Table:
    """What each customer is likeliest to buy again: `customer_key`, `rank`, `product_id`, `score`; in the engine."""
    rule = recommender.repeats
    window = found.items[f"popularity_{rule.window}_{found.cuts.last}"]
    popular = found.items.select("product_id", popularity=window)
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
