"""Segments of any customers: the features looked at in several ways, the evidence, a second round, and names.

Shared by the analyses that make segments. A seeded, portable sample is learnt from; every customer is assigned inside
the engine (`measures.segments.with_segment`).
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from regulars.errors import DataError, closest
from regulars.measures import sampling, segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.models.alike import Alike
    from regulars.models.cluster_evidence import Choice, Kind
    from regulars.models.clusters import Floats, Ints, Preparation, Tree

LEARNT_CUSTOMERS = 20_000
"""Customers, by the hash of their id, that centres are found on."""
EVERYONE = "All customers"
EXCEPTIONAL = "Exceptional"
DISTINGUISHES = 0.5
"""Difference from all others, in standard deviations, from which a feature is part of a segment's name."""
_ALONE = 0.9
_SUB_COUNTS = range(2, 7)


@dataclass(frozen=True)
class Plan:
    """What a user may set.

    Args:
        features: Features of the customer view to use; empty: each way of looking is tried, the clearest is taken.
        traits: Further columns of the customer view that join the features.
        count: How many segments; 0: as the evidence says.
        most: The largest number tried.
        split_above_share: A segment with more than this share of the customers is parted again, where its parts hold.
        split: Names of segments to part again whatever their size.
        names: Own names for the proposed ones.
    """

    features: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    count: int = 0
    most: int = 10
    split_above_share: float = 0.5
    split: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """One way of looking at the customers, and what the evidence says of it."""

    name: str
    preparation: Preparation
    matrix: Floats
    choice: Choice


@dataclass(frozen=True)
class Round:
    """A segment that was looked at again: its share, and what came of it."""

    segment: str
    share: float
    parts: int
    reason: str


@dataclass(frozen=True)
class Segmentation:
    """What was learnt.

    Args:
        tree: The segments.
        names: Of its leaves.
        proposed: The names the rule gave them.
        look: The way of looking that was taken.
        looks: All that were tried.
        rounds: Segments that were looked at again.
        features: Every feature that could be used, of all looks.
        values: Those features of the sample.
        orders: Orders of each customer of the sample.
        labels: Leaf of each customer of the sample.
        sample: The query of the sample.
        customers: How many customers there are.
    """

    tree: Tree
    names: tuple[str, ...]
    proposed: tuple[str, ...]
    look: Look
    looks: tuple[Look, ...]
    rounds: tuple[Round, ...]
    features: tuple[str, ...]
    values: Mapping[str, Floats]
    orders: Floats
    labels: Ints
    sample: ir.Table
    customers: int

    @property
    def holds(self) -> bool:
        """Whether there are groups to tell apart: segments, or stages."""
        return self.tree.leaf_count > 1

    @property
    def kind(self) -> Kind:
        """Segments (kinds of customers), stages of a customer's life, or none."""
        return self.look.choice.kind

    @property
    def noun(self) -> str:
        """What one of the groups is called: "segment", or "stage"."""
        return "stage" if self.kind == "stages" else "segment"

    def effects(self) -> Floats:
        """Difference of each segment (row) from all others in each feature used (column), in standard deviations."""
        return effect_sizes(self.look.matrix, self.labels, self.tree.leaf_count)

    def assign(self, customers: ir.Table) -> ir.Table:
        """The customers with their segment."""
        return segments.with_segment(customers, self.tree, self.names)


_LEARNT: weakref.WeakKeyDictionary[Dataset, dict[str, Segmentation | None]] = weakref.WeakKeyDictionary()


def segmentation_of(data: Dataset, plan: Plan) -> Segmentation | None:
    """The segments of all customers, learnt once for each dataset and plan; None where there are too few customers.

    Raises:
        DataError: A feature is not there, or none differs between customers.
    """
    kept = _LEARNT.setdefault(data, {})
    key = repr(plan)
    if key not in kept:
        bare = data.customers.drop(*[name for name in ("segment",) if name in data.customers.columns])
        kept[key] = learn(data, segments.buyers(bare), plan)
    return kept[key]


def learn(data: Dataset, customers: ir.Table, plan: Plan) -> Segmentation | None:
    """The segments of some customers.

    Args:
        data: Executes, and seeds.
        customers: The customers, with `customer_key`, `customer_id` and their features.
        plan: What the user set.

    Returns:
        None where there are fewer than three times the least number of customers.

    Raises:
        DataError: A feature is not there, or fewer than two differ between customers.
    """
    from regulars.models.alike import HISTORY
    from regulars.models.clusters import RARE_BELOW

    views = _views(data, customers, plan)
    names = tuple(dict.fromkeys(name for view in views.values() for name in view))
    count = int(data.collect(customers.count())[0][0].as_py())
    if count < 3 * data.min_customers or not names:
        return None
    has_history = set(HISTORY) <= set(customers.columns)
    read = tuple(dict.fromkeys((*names, *(HISTORY if has_history else ()))))
    sample = segments.feature_rows(sampling.sample(customers, LEARNT_CUSTOMERS / count), read)
    rows = data.collect(sample, 2 * LEARNT_CUSTOMERS)
    every = {name: _numbers(rows[f"f{place}"]) for place, name in enumerate(read)}
    values, orders = {name: every[name] for name in names}, _numbers(rows["orders"])
    history = {name: every[name] for name in HISTORY} if has_history else {}
    process = _process(history)
    looks: list[Look] = []
    for name, view in views.items():
        if name == segments.RHYTHM and looks and not has_history:
            continue  # within a window it tells when somebody bought: only where nothing else is known
        look = _look(name, {one: values[one] for one in view}, orders, process, data, plan)
        looks += [look] if look is not None else []
    if not looks:
        raise DataError(
            "fewer than two features differ between customers, so that there is nothing to part them by",
            table="customers", mend="map more columns, or name traits under [segments]",
        )  # fmt: skip
    look = max(looks, key=lambda one: one.choice.clearness)
    _, extreme = look.preparation.prepare(values, orders)
    has_extremes = bool(0 < extreme.mean() < RARE_BELOW) and look.choice.count > 1
    tree = _grown(look, has_extremes, values, orders, data.seed)
    proposed = _names(tree, look, values, orders)
    tree, rounds = _second_round(tree, proposed, look, values, orders, history, data, plan)
    proposed = _names(tree, look, values, orders) if any(one.parts > 1 for one in rounds) else proposed
    own = tuple(plan.names.get(name, name) for name in proposed)
    if len(set(own)) < len(own):
        raise DataError("two segments would have the same name", mend="give each its own under [segments] names")
    labels = tree.assign(values, orders)
    return Segmentation(tree, own, proposed, look, tuple(looks), rounds, names, values, orders, labels, sample, count)


def _numbers(column: Any) -> Floats:
    """A column as numbers, nine digits, so that the order of an engine's sums cannot show."""
    import numpy as np

    from regulars.models.intervals import steady

    values = column.to_numpy(zero_copy_only=False).astype(float)
    known = np.isfinite(values)
    values[known] = steady(values[known])
    found: Floats = values
    return found


def _views(data: Dataset, customers: ir.Table, plan: Plan) -> dict[str, tuple[str, ...]]:
    """The ways of looking, each with the features that are there; traits join every one of them."""
    have = set(customers.columns)
    for name in (*plan.features, *plan.traits):
        if name not in have:
            raise DataError(f"the customer view has no '{name}'", table="customers", mend=closest(name, sorted(have)))
    traits = tuple(one for trait in plan.traits for one in _trait_features(data, customers, trait))
    if plan.features:
        return {"the chosen features": tuple(dict.fromkeys((*plan.features, *traits)))}
    looks: tuple[str, ...] = (segments.PROFILE,)
    if "order_count" in have:
        looks = (segments.RHYTHM, segments.HABITS) if "active_days" in have else (segments.HABITS, segments.RHYTHM)
    views = {look: (*[one for one in segments.VIEWS[look] if one in have], *traits) for look in looks}
    kept: dict[str, tuple[str, ...]] = {}
    for look, names in views.items():
        if len(names) >= segments.FEWEST_FEATURES and names not in kept.values():
            kept[look] = names
    return kept


def _trait_features(data: Dataset, customers: ir.Table, trait: str) -> tuple[str, ...]:
    kind = customers[trait].type()
    if kind.is_numeric() or kind.is_boolean():
        return (trait,)
    found = data.collect(segments.commonest(customers, trait), segments.TRAIT_VALUES)
    return tuple(f"{trait}={one}" for one in found["value"].to_pylist())


def _look(
    name: str, values: Mapping[str, Floats], orders: Floats, process: Alike | None, data: Dataset, plan: Plan
) -> Look | None:
    from regulars.models.cluster_evidence import weigh
    from regulars.models.clusters import learn_preparation

    known = data.features
    shares = [one for one in values if one in known and known[one].unit == "share" and _counts_orders(one)]
    preparation = learn_preparation(values, orders, shares if orders.max() > 1 else ())
    if len(preparation.scales) < segments.FEWEST_FEATURES:
        return None
    matrix, _ = preparation.prepare(values, orders)
    alike, little = _reference(process, preparation), _little(values, orders)
    choice = weigh(matrix, range(2, max(plan.most, plan.count) + 1), data.seed, alike=alike, little=little)
    if plan.count:
        asked = choice.find(plan.count)
        kind: Kind = "stages" if asked and asked.is_stage else "segments"
        reason = f"as set; on the evidence alone: {choice.reason}"
        choice = replace(choice, count=plan.count, kind=kind, reason=reason)
    return Look(name, preparation, matrix, choice)


def _process(history: Mapping[str, Floats]) -> Alike | None:
    """The process that histories come from where customers are all alike; None where there are no histories."""
    from regulars.models.alike import Alike

    return Alike.fit(history) if history else None


def _reference(process: Alike | None, preparation: Preparation) -> tuple[Alike, Preparation] | None:
    """The process, where features tell of histories."""
    from regulars.models.alike import HISTORY

    return (process, preparation) if process is not None and set(HISTORY) & set(preparation.names) else None


def _little(values: Mapping[str, Floats], orders: Floats) -> Ints | None:
    """By how little each customer bought, where there are orders."""
    from regulars.models.cluster_evidence import bought_little

    return bought_little(orders, values.get("items_per_order")) if "order_count" in values else None


def _counts_orders(name: str) -> bool:
    return name.startswith(segments.ORDER_SHARES)


def _grown(look: Look, has_extremes: bool, values: Mapping[str, Floats], orders: Floats, seed: int) -> Tree:
    from regulars.models.clusters import Tree, find_centres

    centres = find_centres(look.matrix, look.choice.count, seed)
    return Tree(look.preparation, _tuples(centres), (None,) * len(centres), has_extremes)


def _tuples(centres: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(one) for one in row) for row in centres)


def _second_round(
    tree: Tree, names: Sequence[str], look: Look, values: Mapping[str, Floats], orders: Floats,
    history: Mapping[str, Floats], data: Dataset, plan: Plan,
) -> tuple[Tree, tuple[Round, ...]]:  # fmt: skip
    """Segments too broad are looked at again, prepared anew on their own customers."""
    from regulars.models.cluster_evidence import weigh
    from regulars.models.clusters import Tree, find_centres, learn_preparation

    if tree.leaf_count < 2:
        return tree, ()
    labels = tree.assign(values, orders)
    branches, rounds = list(tree.branches), []
    for number, name in enumerate(names[: len(branches)]):
        inside = labels == number
        share = float(inside.mean())
        is_named = name in plan.split or plan.names.get(name, "") in plan.split
        is_too_broad = look.choice.kind == "segments" and not plan.count and share > plan.split_above_share
        if not is_named and not is_too_broad:
            continue  # who sets the number gets that number; a stage is broad because many are at it
        own = {one: values[one][inside] for one in look.preparation.names}
        shares = [one.name for one in look.preparation.scales if one.kind == "share"]
        preparation = learn_preparation(own, orders[inside], shares)
        if inside.sum() < 3 * data.min_customers or not preparation.scales:
            rounds.append(Round(name, share, 1, "its customers are too few, or too alike, to be parted"))
            continue
        matrix, _ = preparation.prepare(own, orders[inside])
        alike = _reference(_process({one: column[inside] for one, column in history.items()}), preparation)
        little = _little(own, orders[inside])
        choice = weigh(matrix, _SUB_COUNTS, data.seed, alike=alike, little=little)
        parts = choice.count if is_named or choice.kind == "segments" else 1
        rounds.append(Round(name, share, parts, choice.reason))
        if parts > 1:
            centres = find_centres(matrix, parts, data.seed)
            branches[number] = Tree(preparation, _tuples(centres), (None,) * parts)
    return replace(tree, branches=tuple(branches)), tuple(rounds)


# -- names --------------------------------------------------------------------------------------------


def effect_sizes(matrix: Floats, labels: Ints, count: int) -> Floats:
    """Difference of each group's mean from that of all others ÷ the pooled standard deviation (Cohen's d)."""
    import numpy as np

    found = np.zeros((count, matrix.shape[1]))
    for number in range(count):
        inside = labels == number
        if inside.sum() < 2 or (~inside).sum() < 2:
            continue
        one, other = matrix[inside], matrix[~inside]
        degrees = len(matrix) - 2
        pooled = np.sqrt((one.var(axis=0) * len(one) + other.var(axis=0) * len(other)) / degrees)
        found[number] = (one.mean(axis=0) - other.mean(axis=0)) / np.where(pooled > 0, pooled, np.inf)
    return found


def _names(tree: Tree, look: Look, values: Mapping[str, Floats], orders: Floats) -> tuple[str, ...]:
    """A name for each leaf from what distinguishes it most; a part has the segment's name before its own."""
    if tree.leaf_count < 2:
        return (EVERYONE,)
    first = replace(tree, branches=(None,) * len(tree.branches))
    labels = first.assign(values, orders)
    once = _bought_once(labels, values, len(tree.branches))
    outer = _named(look.matrix, labels, look.preparation.names, len(tree.branches), once)
    names: list[str] = []
    for number, branch in enumerate(tree.branches):
        if branch is None:
            names.append(outer[number])
            continue
        inside = labels == number
        own = {one: values[one][inside] for one in branch.preparation.names}
        matrix, _ = branch.preparation.prepare(own, orders[inside])
        inner = branch.assign(own, orders[inside])
        parts = _named(matrix, inner, branch.preparation.names, branch.leaf_count, [False] * branch.leaf_count)
        names += [f"{outer[number]}: {one[0].lower()}{one[1:]}" for one in parts]
    return (*names, EXCEPTIONAL) if tree.has_extremes else tuple(names)


def _bought_once(labels: Ints, values: Mapping[str, Floats], count: int) -> list[bool]:
    if "order_count" not in values:
        return [False] * count
    return [bool((values["order_count"][labels == number] <= 1).mean() >= _ALONE) for number in range(count)]


def _named(
    matrix: Floats, labels: Ints, features: Sequence[str], count: int, once: Sequence[bool]
) -> list[str]:  # fmt: skip
    """The two or more words that distinguish each group most, until no two groups have the same."""
    effects = effect_sizes(matrix, labels, count)
    for length in (2, 3, 4):
        names = [_name(row, features, is_once, length) for row, is_once in zip(effects, once, strict=True)]
        if len(set(names)) == count:
            return names
    return [f"{name} ({number + 1})" if names.count(name) > 1 else name for number, name in enumerate(names)]


def _name(effects: Floats, features: Sequence[str], is_once: bool, length: int) -> str:
    ranked = sorted(range(len(features)), key=lambda place: (-abs(effects[place]), place))
    telling = [place for place in ranked if abs(effects[place]) >= DISTINGUISHES]
    words = ["one-time"] if is_once else []
    for place in telling:
        if is_once and features[place] in ("order_count", "active_days"):
            continue
        told = segments.words(features[place])
        words.append(told.high if effects[place] > 0 else told.low)
    name = ", ".join(dict.fromkeys(words[:length])) or "average"
    return name[0].upper() + name[1:]
