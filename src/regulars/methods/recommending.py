"""Recommendations from the summaries: counts brought here, the blend chosen on one period and judged on the next.

Customers × items are read in batches and only two numbers a row are kept; beyond `MOST_ROWS` a portable sample of the
customers is counted instead, which is told. Judging takes at most so many customers, again by the hash of their id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from regulars.measures import interactions as inter
from regulars.measures import items as measure
from regulars.measures import sampling

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from regulars.core.dataset import Dataset
    from regulars.models.recommend import Blend, Hits, RepeatRule

MOST_ROWS = 20_000_000
"""Rows (customer × item) that the counts are made from."""
MOST_PAIRS = 1_000_000_000
"""Pairs of items that may be counted."""
_JUDGED_ROWS = 1_500_000


@dataclass(frozen=True)
class Interactions:
    """What customers bought, staged, in the engine and as counts.

    Args:
        cuts: When stages end.
        order_items: One row per order and item.
        rows: As `measures.interactions.customer_items` gives.
        items: As `measures.interactions.item_stages` gives.
        held: Histories over the items of the models.
        table: The items of the models, here, by `item_key`.
        customers: Customers whose histories were counted.
        large: Customers left out for having too many items.
        share: Share of the customers that was counted.
    """

    cuts: inter.Cuts
    order_items: ir.Table
    rows: ir.Table
    items: ir.Table
    held: ir.Table
    table: pa.Table
    customers: int
    large: int
    share: float

    def column(self, name: str) -> NDArray[np.float64]:
        """A numeric column of the items."""
        found: NDArray[np.float64] = self.table[name].to_numpy(zero_copy_only=False).astype(float)
        return found

    def of_stage(self, stage: int) -> NDArray[np.int64]:
        """Places in `table` of the items that the model of a stage holds."""
        import numpy as np

        held = (self.column(f"rank_{stage}") < measure.MOST_ITEMS) & (self.column(f"buyers_{stage}") > 0)
        return np.flatnonzero(held)


def prepare(data: Dataset, item: str = "product_id") -> Interactions:
    """The staged interactions of the data; the shared summaries where an item is a product.

    Args:
        data: The road to the engine.
        item: `product_id`, or a column of the products.
    """
    assert data.as_of is not None  # noqa: S101  an analysis that needs dates has one
    cuts = inter.usual_cuts(data.as_of)
    order_items = data.summary("order_items")
    if item == "product_id":
        rows, items = data.summary("customer_items"), data.summary("item_stages")
    else:
        name = f"recommend_{item}_{data.as_of:%Y%m%d}"
        grouped = measure.by_column(order_items, data.table("products"), item)
        order_items = data.persist(grouped, f"{name}__order_items")
        rows = data.persist(inter.customer_items(order_items, cuts), f"{name}__rows")
        items = data.persist(inter.item_stages(order_items, rows, cuts), f"{name}__items")
    kept = inter.modelled(items).order_by("item_key")
    table = data.collect(kept, 3 * measure.MOST_ITEMS)
    held = inter.histories(rows, inter.modelled(items))
    sizes = data.collect(inter.history_sizes(held), 1).to_pylist()[0]
    count = int(data.collect(held.count())[0][0].as_py())
    share = min(1.0, MOST_ROWS / max(count, 1), MOST_PAIRS / max(sizes["pairs"] or 0, 1))
    counted = inter.without_large(held) if sizes["large"] else held
    if share < 1:
        chosen = sampling.sample(data.customers.select("customer_id", "customer_key"), share)
        counted = counted.semi_join(chosen, "customer_key")
    customers = int(sizes["customers"] or 0)
    return Interactions(cuts, order_items, rows, items, counted, table, customers, int(sizes["large"] or 0), share)


def read_histories(data: Dataset, held: ir.Table, table: pa.Table) -> tuple[Any, Any, Any, int]:
    """Histories as arrays: customer number, place of the item, first stage; and how many customers.

    Args:
        data: The road to the engine.
        held: `customer_key`, `item_key`, `first_stage`.
        table: The items, sorted by `item_key`.
    """
    import numpy as np

    parts: dict[str, list[Any]] = {"customer_key": [], "item_key": [], "first_stage": []}
    for batch in data.stream(held.select(*parts), 1_000_000):
        for name, arrays in parts.items():
            arrays.append(batch.column(name).to_numpy(zero_copy_only=False))
    if not parts["item_key"]:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty, 0
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    found, customers = np.unique(joined["customer_key"], return_inverse=True)
    places = np.searchsorted(table["item_key"].to_numpy(), joined["item_key"])
    return customers, places, joined["first_stage"], len(found)


@dataclass(frozen=True)
class Counts:
    """Co-occurrence counts of the items of one stage.

    Args:
        stage: The stage.
        places: Places in the table of items.
        counts: Customers with both items, up to the end of the stage.
    """

    stage: int
    places: NDArray[np.int64]
    counts: NDArray[np.float64]


def count_stages(data: Dataset, found: Interactions, stages: tuple[int, ...]) -> dict[int, Counts]:
    """The counts as of the end of each stage; those counted from a sample are scaled to all customers."""
    from regulars.models import recommend as model

    customers, places, first, total = read_histories(data, found.held, found.table)
    made = {}
    for stage in stages:
        kept = first <= stage
        history = model.as_history(customers[kept], places[kept], total, found.table.num_rows)
        held = found.of_stage(stage)
        made[stage] = Counts(stage, held, model.co_occurrence(history[:, held]) / found.share)
    return made


# -- judging --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tested:
    """Customers who bought in a stage and before it.

    Args:
        stage: The stage whose purchases are foretold.
        history: Customers × all items of the table, known before.
        later: Customers × all items of the table, first bought in the stage.
        later_counts: How many items each first bought in the stage, those beyond the models included.
        rows: Every customer and item bought before: customer number, own orders by half-life, popularity, bought again.
        customers: How many are judged.
        of: How many there are.
    """

    stage: int
    history: csr_matrix
    later: csr_matrix
    later_counts: NDArray[np.int64]
    rows: dict[str, Any]
    customers: int
    of: int


def find_tested(data: Dataset, found: Interactions, stage: int, most: int) -> Tested:
    """The customers to judge on, at most about `most` of them, by the hash of their id."""
    import numpy as np

    from regulars.models import recommend as model

    rows = found.rows
    before = sum((rows[f"orders_{one}"] for one in range(1, stage)), rows["orders_0"])
    rows = rows.mutate(before=before, now=rows[f"orders_{stage}"])
    each = rows.group_by("customer_key").aggregate(
        had=(rows.before > 0).cast("int64").sum(), now=rows.now.sum(), items=rows.count()
    )
    active = each.filter((each.had > 0) & (each.now > 0))
    sums = active.aggregate(customers=active.count().cast("int64"), items=active["items"].sum().cast("int64"))
    sizes = data.collect(sums, 1).to_pylist()[0]
    share = min(most / max(sizes["customers"], 1), _JUDGED_ROWS / max(sizes["items"] or 0, 1))
    view = data.customers.select("customer_id", "customer_key")
    chosen = sampling.sample(view.semi_join(active, "customer_key"), share).select("customer_key")
    mine = rows.semi_join(chosen, "customer_key").filter(lambda t: (t.before > 0) | (t.now > 0))
    past = {
        f"own_{half}": sum(
            (mine[f"{prefix}{one}"].cast("float64") for one in range(1, stage)), mine[f"{prefix}0"].cast("float64")
        )
        for half, prefix in _PREFIXES.items()
    }
    window = {f"popular_{one}": found.items[f"popularity_{one}_{stage - 1}"] for one in inter.WINDOWS}
    sides = found.items.select("item_key", _item=found.items.product_id, **window)
    mine = mine.select("customer_key", "product_id", "before", "now", **past)
    mine = mine.inner_join(sides, mine.product_id == sides._item).drop("_item", "product_id")
    seen = data.collect(mine.order_by("customer_key", "item_key"), 2 * _JUDGED_ROWS + 100_000)
    arrays = {name: seen[name].to_numpy(zero_copy_only=False) for name in seen.column_names}
    keys, line = np.unique(arrays["customer_key"], return_inverse=True)
    table_keys = found.table["item_key"].to_numpy()
    place = np.minimum(np.searchsorted(table_keys, arrays["item_key"]), max(len(table_keys) - 1, 0))
    held = table_keys[place] == arrays["item_key"] if len(table_keys) else np.zeros(len(place), dtype=bool)
    had, new = arrays["before"] > 0, (arrays["before"] == 0) & (arrays["now"] > 0)
    shape = (len(keys), found.table.num_rows)
    history = model.as_history(line[had & held], place[had & held], *shape)
    later = model.as_history(line[new & held], place[new & held], *shape)
    past_rows = {name: values[had] for name, values in arrays.items()} | {"line": line[had]}
    counts = np.bincount(line[new], minlength=len(keys))
    return Tested(stage, history, later, counts, past_rows, len(keys), int(sizes["customers"]))


_PREFIXES = {0: "orders_", **{half: f"decayed_{half}_" for half in inter.HALF_LIVES}}


@dataclass(frozen=True)
class Models:
    """EASE by penalty for one set of counts, each made once, and what it said of the tested customers."""

    counts: Counts
    weights: dict[float, Any] = field(default_factory=dict)
    scores: dict[Any, Any] = field(default_factory=dict)

    def get(self, penalty: float) -> Any:
        """The weights of that penalty."""
        from regulars.models import recommend as model

        if penalty not in self.weights:
            self.weights[penalty] = model.ease(self.counts.counts, penalty)
        return self.weights[penalty]


def judge_blend(found: Interactions, models: Models, tested: Tested, blend: Blend, is_cosine: bool = False) -> Hits:
    """Offers of new items by one blend, on the customers who bought a new item."""
    import numpy as np

    from regulars.models import recommend as model

    held, stage = models.counts.places, tested.stage - 1
    who = np.flatnonzero(tested.later_counts > 0)
    popular = found.column(f"popularity_{blend.window}_{stage}")[held]
    in_stock = found.column(f"popularity_{inter.WINDOWS[-1]}_{stage}")[held] > 0
    history = tested.history[who][:, held]
    history.sort_indices()
    if is_cosine:
        weights = model.cosine(models.counts.counts)
    else:
        weights = models.get(blend.penalty) if blend.penalty else np.zeros((0, 0), dtype=np.float32)
    extra = (blend.weight * model.standard(popular)).astype(np.float32)
    name = "cosine" if is_cosine else blend.penalty
    offered = []
    for start in range(0, len(who), 2000):
        batch = history[start : start + 2000]
        if weights.size:
            key = (name, tested.stage, start)
            if key not in models.scores:  # shared by the blends of one penalty
                models.scores[key] = model.in_own_spread(batch, weights)
            scores = models.scores[key] + extra
        else:
            scores = model.score(batch, weights, extra)
        offered.append(model.best(scores, in_stock, batch, model.PLACES))
    places = np.concatenate(offered) if offered else np.empty((0, model.PLACES), dtype=np.int64)
    later = tested.later[who][:, held].tocsr()
    return model.judge(places, later, tested.later_counts[who])


def judge_repeats(tested: Tested, rule: RepeatRule) -> Hits:
    """Offers of items bought before by one rule, on the customers who bought one of theirs again."""
    import numpy as np

    from regulars.models import recommend as model

    rows = tested.rows
    popular = rows[f"popular_{rule.window}"].astype(float)
    score = np.round(rows[f"own_{rule.half_life}"].astype(float) * popular**rule.power, 9)
    score = np.where(popular > 0, score, -1.0)
    order = np.lexsort((rows["item_key"], -popular, -score, rows["line"]))
    line = rows["line"][order]
    starts = np.searchsorted(line, np.arange(tested.customers))
    rank = np.arange(len(line)) - starts[line]
    shown = (rank < model.PLACES) & (score[order] >= 0)
    again = rows["now"][order] > 0
    counts = np.bincount(line[again], minlength=tested.customers)
    who = np.flatnonzero(counts > 0)
    hits = np.zeros((tested.customers, model.PLACES), dtype=bool)
    hits[line[shown & again], rank[shown & again]] = True
    offered = np.full((tested.customers, model.PLACES), -1, dtype=np.int64)
    offered[line[shown], rank[shown]] = rows["item_key"][order][shown]
    discount = 1 / np.log2(np.arange(2, model.PLACES + 2))
    ideal = np.cumsum(discount)[np.clip(counts[who], 1, model.PLACES) - 1]
    met = hits[who]
    return model.Hits(
        met.sum(axis=1) / counts[who], (met * discount).sum(axis=1) / ideal, met.any(axis=1).astype(float),
        offered[who],
    )  # fmt: skip


def choose(candidates: tuple[Any, ...], judged: list[Hits]) -> int:
    """The place of the candidate with the highest mean nDCG; the earlier of equal ones."""
    means = [round(float(hits.ndcg.mean()), 9) if len(hits.ndcg) else 0.0 for hits in judged]
    return max(range(len(candidates)), key=lambda place: (means[place], -place))
