"""Segments inside the engine: which features they are made from, their words, and every customer's segment.

An assignment is an expression of distances, so that millions of customers are assigned where they are, and alike on
every engine. What was learnt (a tree of centres) comes in as plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.models.clusters import Scale, Tree

RHYTHM, HABITS, PROFILE = "how they come and go", "how they shop", "who they are"
VIEWS: dict[str, tuple[str, ...]] = {
    RHYTHM: ("order_count", "recency_days", "revenue_per_order", "active_days", "tenure_days"),
    HABITS: (
        "order_count", "revenue_per_order", "items_per_order", "revenue_per_item", "discount_share", "campaign_share",
        "weekend_share", "evening_share", "online_share",
    ),
    PROFILE: ("category_spend_total", "category_entropy", "income", "age"),
}  # fmt: skip
"""Ways to look at customers; the one whose segments are clearest is taken."""
ORDER_SHARES = (
    "campaign_share", "weekend_share", "evening_share", "online_share", "discounted_order_share", "channel_share_",
    "platform_share_", "payment_method_share_",
)  # fmt: skip
"""How features begin that are orders of a kind ÷ orders."""
FEWEST_FEATURES = 2
TRAIT_VALUES = 6
"""So many of the commonest values of a trait in words become features of their own."""
_DECIMALS = 9


@dataclass(frozen=True)
class Words:
    """What a feature is called, what customers with little and with much of it are, and what may be done."""

    noun: str
    low: str
    high: str
    low_advice: str = ""
    high_advice: str = ""


WORDS: dict[str, Words] = {
    "order_count": Words(
        "orders", "occasional", "frequent", "Suggest a next order while they still remember.",
        "Thank them, and ask them to recommend you; they need no discount to come.",
    ),
    "recency_days": Words(
        "days silent", "recent", "lapsed", "", "Win back those worth it, once; then let them rest."
    ),
    "revenue_per_order": Words(
        "spend per order", "small spend", "large spend", "Offer sets and a free-delivery limit just above their order.",
        "Serve them personally; early access rather than discounts.",
    ),
    "active_days": Words("days active", "short-lived", "long-standing"),
    "tenure_days": Words("days known", "new", "long-known", "Welcome them, and explain the range."),
    "items_per_order": Words("items per order", "few items", "many items", "", "Offer large packs, and reorder lists."),
    "revenue_per_item": Words("price per item", "low-priced", "high-priced", "", "Show them quality and novelties."),
    "discount_share": Words(
        "discount", "full price", "deal-seeking", "Give no discounts: they buy without.",
        "Reach them with the deals you want to clear; do not expect full-price orders.",
    ),
    "campaign_share": Words("promotion use", "unprompted", "promotion-led"),
    "weekend_share": Words("weekend orders", "weekday", "weekend", "", "Reach them from Thursday on, for the weekend."),
    "evening_share": Words("evening orders", "daytime", "evening", "", "Send in the late afternoon."),
    "online_share": Words("online orders", "in-store", "online", "Reach them in the store.", "Reach them online."),
    "category_spend_total": Words("spend", "low spend", "high spend", "", "Serve them personally."),
    "category_entropy": Words("variety", "single-minded", "varied", "Offer the category next to theirs."),
    "income": Words("income", "lower income", "higher income"),
    "age": Words("age", "younger", "older"),
}  # fmt: skip


def words(name: str) -> Words:
    """The words of a feature; made from its name where it has none of its own.

    >>> words("weekend_share").high, words("brand_loyalty").high, words("Education=Master").high
    ('weekend', 'high brand loyalty', 'Education: Master')
    """
    column, is_value, value = name.partition("=")
    if is_value:
        plain = f"{column.replace('_', ' ')}: {value}"
        return Words(plain, f"not {plain}", plain)
    plain = name.replace("_", " ")
    return WORDS.get(name, Words(plain, f"low {plain}", f"high {plain}"))


def value(rows: ir.Table, name: str) -> ir.Value:
    """A feature as a number: a column, or whether a column has a value (`Education=Master`)."""
    column, is_value, wanted = name.partition("=")
    if is_value:
        return (rows[column].cast("string") == wanted).cast("int64").cast("float64")
    found = rows[column]
    return (found.cast("int64") if found.type().is_boolean() else found).cast("float64")


def commonest(rows: ir.Table, column: str) -> ir.Table:
    """The commonest values of a trait in words, as `value`."""
    known = rows.filter(rows[column].notnull())
    counts = known.group_by(value=known[column].cast("string")).aggregate(customers=known.count())
    return counts.order_by(counts.customers.desc(), counts.value).limit(TRAIT_VALUES)


def buyers(customers: ir.Table) -> ir.Table:
    """Customers with an order; all of them where there are no orders."""
    return customers.filter(customers.order_count > 0) if "order_count" in customers.columns else customers


def feature_rows(customers: ir.Table, names: Sequence[str]) -> ir.Table:
    """The features of each customer as numbers `f0`, `f1` …, with `customer_id` and `orders`, in a fixed order."""
    rows = customers.select(
        "customer_key", "customer_id", orders=_orders(customers),
        **{f"f{place}": value(customers, name) for place, name in enumerate(names)},
    )  # fmt: skip
    return rows.order_by("customer_id")


def _orders(rows: ir.Table) -> ir.Value:
    import ibis

    return rows.order_count.cast("float64") if "order_count" in rows.columns else ibis.literal(1.0)


# -- assignment ---------------------------------------------------------------------------------------


def with_segment(customers: ir.Table, tree: Tree, names: Sequence[str], column: str = "segment") -> ir.Table:
    """The customers with the name of their segment; null for those who never bought.

    Args:
        customers: Rows with the features of the tree, and `order_count` where there are orders.
        tree: What was learnt.
        names: Of its leaves, in order.
        column: Name of the new column.
    """
    import ibis

    numbered, leaf = with_leaf(customers, tree)
    name = ibis.cases(*[(numbered[leaf] == place, one) for place, one in enumerate(names)])
    if "order_count" in customers.columns:
        name = ibis.ifelse(numbered.order_count > 0, name, ibis.null("string"))
    return numbered.select(*customers.columns, **{column: name})


def with_leaf(customers: ir.Table, tree: Tree, path: str = "") -> tuple[ir.Table, str]:
    """The customers with the number of their leaf, and the name of that column.

    The nearest centre is that of the least |c|² − 2 c·z, rounded to nine decimals; of equals the lowest number.
    """
    import ibis

    label = f"_leaf{path}"
    scales = tree.preparation.scales
    raw = [f"_raw{path}_{place}" for place in range(len(scales))]
    rows = customers.mutate(**{one: _prepared(customers, scale) for one, scale in zip(raw, scales, strict=True)})
    clipped = [f"_z{path}_{place}" for place in range(len(scales))]
    rows = rows.mutate(
        **{
            one: rows[before].clip(lower=scale.low, upper=scale.high)
            for one, before, scale in zip(clipped, raw, scales, strict=True)
        }
    )
    scores = {f"_s{path}_{place}": _score(rows, clipped, centre) for place, centre in enumerate(tree.centres)}
    rows = rows.mutate(**scores)
    least = rows[next(iter(scores))] if len(scores) == 1 else ibis.least(*[rows[one] for one in scores])
    rows = rows.mutate(**{f"_least{path}": least})
    firsts = tree.first_leaves
    answers: list[ir.Value] = []
    for number, branch in enumerate(tree.branches):
        if branch is None:
            answers.append(ibis.literal(firsts[number], "int64"))
            continue
        rows, inner = with_leaf(rows, branch, f"{path}_{number}")
        answers.append(rows[inner] + firsts[number])
    nearest = ibis.cases(
        *[(rows[score] <= rows[f"_least{path}"], answer) for score, answer in zip(scores, answers, strict=True)],
        else_=answers[-1],
    )
    if tree.has_extremes:
        nearest = ibis.ifelse(_is_extreme(rows, raw, scales), ibis.literal(tree.leaf_count - 1, "int64"), nearest)
    return rows.mutate(**{label: nearest.cast("int64")}), label


def _prepared(rows: ir.Table, scale: Scale) -> ir.Value:
    import ibis

    number = value(rows, scale.name)
    if scale.kind == "log":
        moved = (ibis.greatest(number, 0.0) + 1.0).ln()
    elif scale.kind == "share":
        orders = _orders(rows)
        moved = (number * orders + scale.centre * scale.prior_orders) / (orders + scale.prior_orders).nullif(0.0)
    else:
        moved = number
    moved = ibis.ifelse(number.isnull(), ibis.null("float64"), moved)
    return ((moved - scale.centre) / scale.scale).fill_null(0.0)


def _score(rows: ir.Table, columns: Sequence[str], centre: Sequence[float]) -> ir.Value:
    score: ir.Value = rows[columns[0]] * (-2.0 * centre[0]) + sum(one * one for one in centre)
    for column, place in zip(columns[1:], centre[1:], strict=True):
        score = score + rows[column] * (-2.0 * place)
    return score.round(_DECIMALS)


def _is_extreme(rows: ir.Table, raw: Sequence[str], scales: Sequence[Scale]) -> ir.BooleanValue:
    import ibis

    beyond = ibis.literal(False)
    for column, scale in zip(raw, scales, strict=True):
        if scale.kind != "share":
            low, high = scale.extreme_ends
            beyond = beyond | (rows[column] > high) | (rows[column] < low)
    return beyond


# -- sums ---------------------------------------------------------------------------------------------


def sizes(assigned: ir.Table) -> ir.Table:
    """Customers, and money and its squares, of each segment."""
    revenue = money_of(assigned)
    sums = {"customers": assigned.count().cast("int64")}
    if revenue is not None:
        amount = revenue.fill_null(0.0).cast("float64")
        sums |= {"revenue": amount.sum().round(4), "revenue_squares": (amount * amount).sum().round(4)}
    return assigned.group_by("segment").aggregate(**sums)


def money_of(rows: ir.Table) -> ir.Value | None:
    """The money of a customer: revenue, or spend by category where there are no orders."""
    return next((rows[name] for name in ("revenue_total", "category_spend_total") if name in rows.columns), None)


def members(assigned: ir.Table, name: str, reason: str) -> ir.Table:
    """The customers of a segment as an audience, the highest money first."""
    import ibis

    inside = assigned.filter(assigned.segment == name)
    revenue = money_of(inside)
    score = ibis.literal(0.0) if revenue is None else revenue.cast("float64").fill_null(0.0).round(2)
    chosen = inside.select(customer_id=inside.customer_id, reason=ibis.literal(reason), score=score)
    return chosen.order_by(chosen.score.desc(), chosen.customer_id)
