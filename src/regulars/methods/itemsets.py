"""Item sets counted in the engine: pairs from the shared summary, longer ones by joining what survived.

Only candidates whose every part is frequent are counted (`models.baskets.extend`). How many rows a step will make is
known before it is made, since it is the sum of counts already taken: beyond `MOST_PLACES` the longer sets are counted
from a higher support, which is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import items

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.models.baskets import ItemSets

MOST_PLACES = 5_000_000
"""Rows (basket × set) that a step may make."""
MOST_CANDIDATES = 200_000
"""Sets that may be looked at to find those of one size."""
MOST_SETS = 2_000_000
"""Frequent sets of one size that may be brought here."""


@dataclass(frozen=True)
class Baskets:
    """What is counted, whatever an item is taken to be.

    Args:
        counted: As `measures.items.counts` gives.
        laid_out: As `measures.items.baskets` gives.
        pairs: As `measures.items.pairs` gives.
        order_items: One row per order and item.
        name: Begins the names of tables kept for it.
    """

    counted: ir.Table
    laid_out: ir.Table
    pairs: ir.Table
    order_items: ir.Table
    name: str = "baskets"


@dataclass(frozen=True)
class Counted:
    """Frequent item sets of every size.

    Args:
        levels: Sets of one item, of two, and so on.
        least: Baskets a set must occur on.
        longer_least: The same for sets of three and more; higher where there would be too many.
        queries: The queries behind the counts.
    """

    levels: tuple[ItemSets, ...]
    least: int
    longer_least: int
    queries: tuple[ir.Table, ...]


def baskets_of(data: Dataset, item: str) -> Baskets:
    """The baskets of the data, by product or by a column of the products table.

    Args:
        data: Gives the shared summaries.
        item: `product_id`, or a column of the products: `category`, `brand`, a trait.
    """
    order_items = data.summary("order_items")
    if item == "product_id":
        counted, laid_out, pairs = (data.summary(name) for name in ("item_counts", "basket_items", "item_pairs"))
        return Baskets(counted, laid_out, pairs, order_items)
    name = f"baskets_{item}_{data.as_of:%Y%m%d}" if data.as_of else f"baskets_{item}"
    rows = data.persist(items.by_column(order_items, data.table("products"), item), f"{name}__order_items")
    counted = data.persist(items.counts(rows), f"{name}__counts")
    laid_out = data.persist(items.baskets(rows, counted), f"{name}__items")
    return Baskets(counted, laid_out, data.persist(items.pairs(laid_out), f"{name}__pairs"), rows, name)


@dataclass(frozen=True)
class ItemWords:
    """What the paired items are called, by item key.

    Args:
        names: As a person reads it: the name, else the id, with the category where there is no name.
        ids: The user's own id, as text.
        values: Mean revenue per order that holds the item; empty where there is no money.
        margins: The same less quantity × cost, where the cost of products is known; 0 for an item without a cost.
        item_count: How many items there are in all, those not paired included.
        query: Where it was read from.
    """

    names: dict[int, str]
    ids: dict[int, str]
    values: dict[int, float]
    margins: dict[int, float]
    item_count: int
    query: ir.Table


def item_words(data: Dataset, baskets: Baskets, item: str) -> ItemWords:
    """Names, ids and values of the items that are paired; arguments as for `baskets_of`."""
    counted = baskets.counted
    rows = counted.filter(counted.item_key < items.MOST_ITEMS)
    products = data.tables.get("products")
    labels = [name for name in ("name", "category", "cost") if products is not None and name in products.columns]
    if item == "product_id" and labels and products is not None:
        looked_up = products.select(
            _label_key=products.product_id, **{f"label_{name}": products[name] for name in labels}
        )
        rows = rows.left_join(looked_up, rows.product_id == looked_up._label_key).drop("_label_key")
    query = rows.order_by("item_key")
    found = data.collect(query, items.MOST_ITEMS).to_pylist()
    ids = {row["item_key"]: str(row["product_id"]) for row in found}
    names = {}
    for row in found:
        plain, name, category = str(row["product_id"]), row.get("label_name"), row.get("label_category")
        names[row["item_key"]] = str(name) if name else f"{plain} ({category})" if category else plain
    repeated = {name for name, count in Counter(names.values()).items() if count > 1}
    names = {key: f"{name} [{ids[key]}]" if name in repeated else name for key, name in names.items()}
    values = {row["item_key"]: (row["revenue"] or 0.0) / row["order_count"] for row in found if "revenue" in row}
    margins = {
        row["item_key"]: (row["revenue"] - row["quantity"] * float(row["label_cost"])) / row["order_count"]
        for row in found if row.get("label_cost") is not None and row.get("revenue") is not None
    }  # fmt: skip
    return ItemWords(names, ids, values, margins, int(data.collect(counted.count())[0][0].as_py()), query)


def count_itemsets(data: Dataset, baskets: Baskets, least: int, longest: int) -> Counted:
    """Every set of up to `longest` items that occurs on at least `least` baskets.

    Args:
        data: The road to the engine.
        baskets: What is counted.
        least: Baskets a set must occur on.
        longest: Items of a set at most.

    Raises:
        BudgetError: There are more than `MOST_SETS` frequent pairs.
    """
    import numpy as np

    singles = items.occurrences(items.single_places(baskets.laid_out))
    query = singles.filter(singles.order_count >= least).order_by("set_key")
    rows = data.collect(query, items.MOST_ITEMS)
    sets = rows["set_key"].to_numpy().astype(np.int64)[:, None]
    levels = [_level(sets, rows, len(sets))]
    pairs = baskets.pairs.filter(baskets.pairs.order_count >= least).order_by("item", "other")
    rows = data.collect(pairs, MOST_SETS)
    sets = np.column_stack([rows["item"].to_numpy(), rows["other"].to_numpy()]).astype(np.int64)
    levels.append(_level(sets, rows, len(levels[0].counts) * (len(levels[0].counts) - 1) // 2))
    steps = _Steps(data, baskets, least)
    while len(levels) < longest and len(levels[-1].counts):
        longer = steps.count_longer(levels[-1])
        if longer is None:
            break
        levels.append(longer)
    steps.forget()
    kept = tuple(level for place, level in enumerate(levels) if level.candidates or not place)
    return Counted(kept, least, steps.least, (query, pairs, *steps.queries))


class _Steps:
    """The steps from pairs to longer sets, each made from the places of the one before."""

    def __init__(self, data: Dataset, baskets: Baskets, least: int) -> None:
        self.data, self.baskets, self.least = data, baskets, least
        self.queries: list[ir.Table] = []
        self._places: ir.Table | None = None
        self._keys: Any = None

    def count_longer(self, level: ItemSets) -> ItemSets | None:
        """The frequent sets of one item more; None where none is possible."""
        import numpy as np

        from regulars.models import baskets as model

        self.least = affordable(level, self.least)
        strong = np.flatnonzero(level.counts >= self.least)
        candidates, parents = model.extend(level.items[strong])
        if not len(candidates):
            return None
        parents = strong[parents]
        if self._places is None:
            prefixes = np.unique(parents)
            self._places = self._step(level.items[prefixes, 0], level.items[prefixes, 1], prefixes, 2)
            self._keys = np.arange(len(level.counts))
        previous = self._name(level.size)
        places = self._step(self._keys[parents], candidates[:, -1], np.arange(len(candidates)), level.size + 1)
        self.data.engine.drop(previous)
        counted = items.occurrences(places)
        query = counted.filter(counted.order_count >= self.least).order_by("set_key")
        self.queries.append(query)
        rows = self.data.collect(query, MOST_SETS)
        self._places, self._keys = places, rows["set_key"].to_numpy().astype(np.int64)
        return _level(candidates[self._keys], rows, len(candidates))

    def forget(self) -> None:
        """Drop what was kept on the way."""
        for size in range(2, 30):
            self.data.engine.drop(self._name(size))
            self.data.engine.drop(f"{self._name(size)}__candidates")

    def _step(self, parents: Any, added: Any, keys: Any, size: int) -> ir.Table:
        import numpy as np
        import pyarrow as pa

        rows = {"parent": parents, "item": added, "set_key": keys}
        wanted = self.data.bring(
            pa.table({name: np.asarray(values, dtype=np.int64) for name, values in rows.items()}),
            f"{self._name(size)}__candidates",
        )
        before = items.single_places(self.baskets.laid_out) if self._places is None else self._places
        return self.data.persist(items.longer_places(before, self.baskets.laid_out, wanted), self._name(size))

    def _name(self, size: int) -> str:
        return f"{self.baskets.name}__places_{size}"


def affordable(level: ItemSets, least: int) -> int:
    """The least count, from `least` upwards, from which the next step stays within its budget.

    Args:
        level: The sets to extend.
        least: Where to begin.
    """
    from regulars.models.baskets import joined_count

    while True:
        strong = level.counts >= least
        if joined_count(level.items[strong]) <= MOST_CANDIDATES and level.counts[strong].sum() <= MOST_PLACES:
            return least
        least = least * 5 // 4 + 1


def _level(sets: Any, rows: pa.Table, candidates: int) -> ItemSets:
    import numpy as np

    from regulars.models.baskets import ItemSets

    counts = rows["order_count"].to_numpy().astype(np.int64)
    return ItemSets(sets, counts, rows["revenue"].to_numpy().astype(float), candidates)
