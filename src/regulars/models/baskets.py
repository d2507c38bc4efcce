"""Association rules: "who has A in the basket has B more often than others", from counts of item sets.

Thresholds are compared in integers, so that a rule that lies exactly on one is kept. A rule is told only where it is
beyond chance, corrected for every rule that could have been found (not merely those that were), and where no shorter
rule says the same. Rules are never ranked by lift: it is largest where a handful of orders happened to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

FALSE_DISCOVERIES = 0.05
"""Share of false ones among the rules that are told, at most (in expectation)."""


@dataclass(frozen=True)
class ItemSets:
    """Item sets of one size that occur often enough.

    Attributes:
        items: One row per set, item keys ascending.
        counts: On how many baskets each occurs.
        revenue: Revenue of the set's items on those baskets.
        candidates: How many sets of this size could have been found.
    """

    items: Ints
    counts: Ints
    revenue: Floats
    candidates: int

    @property
    def size(self) -> int:
        """How many items a set has."""
        return int(self.items.shape[1])


@dataclass(frozen=True)
class Rules:
    """Rules with one item as the consequence, one array element per rule.

    Attributes:
        antecedents: The items that must be there, ascending.
        consequents: The item that then is there more often.
        counts: Baskets with all of them.
        antecedent_counts: Baskets with the antecedent.
        consequent_counts: Baskets with the consequent.
        revenue: Revenue of all their items on the baskets with all of them.
        basket_count: All baskets.
        compared: How many rules were looked at, those too rare included.
        p_values: Fisher's exact test, one-sided, of no more baskets together than by chance; adjusted.
        best_shorter: The highest confidence of any shorter rule for the same consequent (of none: its share).
        gain_p_values: The same test within the baskets of the best rule of one item less, adjusted.
    """

    antecedents: tuple[tuple[int, ...], ...]
    consequents: Ints
    counts: Ints
    antecedent_counts: Ints
    consequent_counts: Ints
    revenue: Floats
    basket_count: int
    compared: int
    p_values: Floats
    best_shorter: Floats
    gain_p_values: Floats

    def __len__(self) -> int:
        return len(self.antecedents)

    @property
    def support(self) -> Floats:
        """Share of all baskets that hold antecedent and consequent."""
        return self.counts / self.basket_count

    @property
    def confidence(self) -> Floats:
        """Share of the baskets with the antecedent that hold the consequent."""
        return self.counts / self.antecedent_counts

    def confidence_interval(self) -> tuple[Floats, Floats]:
        """The 95 % interval of the confidence, taking the baskets as independent."""
        from regulars.models.intervals import share_interval

        return share_interval(self.counts, self.antecedent_counts)

    @property
    def lift(self) -> Floats:
        """Confidence ÷ share of the consequent among all baskets."""
        chance: Floats = self.antecedent_counts * self.consequent_counts.astype(float) / self.basket_count
        return self.counts / chance

    @property
    def extra_baskets(self) -> Floats:
        """Baskets with both beyond those expected by chance: leverage × baskets."""
        chance: Floats = self.antecedent_counts * self.consequent_counts.astype(float) / self.basket_count
        return self.counts - chance

    @property
    def leverage(self) -> Floats:
        """Support less the support expected by chance (Piatetsky-Shapiro 1991)."""
        return self.extra_baskets / self.basket_count

    @property
    def conviction(self) -> Floats:
        """How much less often the rule fails than by chance (Brin et al. 1997); NaN where it never fails."""
        fails = (self.antecedent_counts - self.counts).astype(float)
        expected = self.antecedent_counts * (1 - self.consequent_counts / self.basket_count)
        return expected / np.where(fails == 0, np.nan, fails)

    @property
    def zhang(self) -> Floats:
        """Zhang's measure, −1 (never together) to 1 (always together) (Zhang 2000)."""
        both, a, b = (
            self.support,
            self.antecedent_counts / self.basket_count,
            self.consequent_counts / self.basket_count,
        )
        scale = np.maximum(both * (1 - a), a * (b - both))
        return (both - a * b) / np.where(scale == 0, np.nan, scale)

    @property
    def is_beyond_chance(self) -> NDArray[np.bool_]:
        """Whether antecedent and consequent share more baskets than by chance."""
        return self.p_values < FALSE_DISCOVERIES

    @property
    def says_more(self) -> NDArray[np.bool_]:
        """Whether the rule is surer, beyond chance, than every shorter one for the same consequent."""
        return (self.confidence > self.best_shorter) & (self.gain_p_values < FALSE_DISCOVERIES)

    def take(self, places: NDArray[np.int64]) -> Rules:
        """The rules at these places."""
        arrays = {
            name: getattr(self, name)[places]
            for name in (
                "consequents", "counts", "antecedent_counts", "consequent_counts", "revenue", "p_values",
                "best_shorter", "gain_p_values",
            )
        }  # fmt: skip
        kept = tuple(self.antecedents[place] for place in places)
        return Rules(antecedents=kept, basket_count=self.basket_count, compared=self.compared, **arrays)


def least_count(share: float, total: int) -> int:
    """The least whole count that is at least a share of a total, exactly, and never under 1.

    >>> least_count(0.001, 9835), least_count(0.8, 10), least_count(0.1, 30)
    (10, 8, 3)
    """
    return max(-(-_exact(share).numerator * total // _exact(share).denominator), 1)


def _exact(share: float) -> Fraction:
    """A share as the decimal number that was written."""
    return Fraction(str(share))


def extend(sets: Ints) -> tuple[Ints, Ints]:
    """Sets of one item more whose every part is among the sets (Agrawal & Srikant 1994, section 2.1.1).

    Args:
        sets: One row per set, items ascending.

    Returns:
        The longer sets, sorted, and for each the row of the set it extends by its last item.

    >>> longer, parents = extend(np.array([[0, 1], [0, 2], [1, 2], [1, 3]]))
    >>> longer.tolist(), parents.tolist()
    ([[0, 1, 2]], [0])
    """
    size = sets.shape[1]
    if not len(sets):
        return np.empty((0, size + 1), dtype=np.int64), np.empty(0, dtype=np.int64)
    known, order, after = _partners(sets)
    first = np.repeat(np.arange(len(known)), after)
    offset = np.arange(after.sum()) - np.repeat(np.cumsum(after) - after, after)
    second = first + 1 + offset
    longer = np.column_stack([known[first], known[second][:, -1]])
    keep = np.ones(len(longer), dtype=bool)
    for place in range(size - 1):  # the other two parts are the sets it was made of
        keep &= find(known, np.delete(longer, place, axis=1)) >= 0
    return longer[keep], order[first[keep]]


def joined_count(sets: Ints) -> int:
    """How many longer sets `extend` would look at, before it does.

    >>> joined_count(np.array([[0, 1], [0, 2], [0, 3], [1, 2]]))
    3
    """
    return int(_partners(sets)[2].sum()) if len(sets) else 0


def _partners(sets: Ints) -> tuple[Ints, Ints, Ints]:
    """The sets sorted, the order that sorts them, and how many after each agree with it in all but the last item."""
    order = np.lexsort(sets.T[::-1])
    known = sets[order]
    is_start = np.r_[True, (np.diff(known[:, :-1], axis=0) != 0).any(axis=1)]
    starts = np.flatnonzero(is_start)
    lengths = np.diff(np.r_[starts, len(known)])
    return known, order, np.repeat(starts + lengths, lengths) - np.arange(len(known)) - 1


def find(sets: Ints, wanted: Ints) -> Ints:
    """Row of each wanted set among sets that are sorted; −1 where it is not there.

    >>> find(np.array([[0, 1], [0, 2]]), np.array([[0, 2], [1, 2]])).tolist()
    [1, -1]
    """
    if not len(sets):
        return np.full(len(wanted), -1)
    keys, looked_up = _keys(sets), _keys(wanted)
    places = np.minimum(np.searchsorted(keys, looked_up), len(keys) - 1)
    return np.where(keys[places] == looked_up, places, -1)


def _keys(sets: Ints) -> NDArray[np.bytes_]:
    """Each row as bytes that sort as the numbers do (never ending in a zero byte, which NumPy would drop)."""
    wide = np.ascontiguousarray(sets + 1, dtype=">u4")
    padded = np.column_stack([wide, np.ones(len(wide), dtype=">u4")]).astype(">u4")
    return np.ascontiguousarray(padded).view(f"S{4 * padded.shape[1]}").ravel()


def find_rules(levels: Sequence[ItemSets], basket_count: int, confidence: float) -> Rules:
    """Every rule with one consequent of at least that confidence.

    Ten baskets; bread on 5, butter on 4, both on 4:

    >>> one = ItemSets(np.array([[0], [1]]), np.array([5, 4]), np.zeros(2), 2)
    >>> two = ItemSets(np.array([[0, 1]]), np.array([4]), np.zeros(1), 1)
    >>> rules = find_rules([one, two], 10, 0.9)
    >>> rules.antecedents, rules.consequents.tolist(), rules.lift.tolist()
    (((1,),), [0], [2.0])

    Args:
        levels: Item sets of one item, of two, and so on; every part of a set is among the shorter ones.
        basket_count: All baskets.
        confidence: Least confidence, 0-1, compared in integers.

    Source: rules and confidence: Agrawal, Imielinski & Swami (1993); the test within the shorter rule's baskets: Webb
    (2007), Machine Learning 68, section 3; the correction over all possible rules: the same, section 4.
    """
    from regulars.models.intervals import adjusted_p_values

    share = _exact(confidence)
    parts = [_rules_of(levels, place) for place in range(1, len(levels))]
    compared = sum(level.candidates * level.size for level in levels[1:])
    joined = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0) for name in _PARTS}
    antecedents = [row for part in parts for row in part["antecedents"]]
    both, a, b = (joined[name].astype(np.int64) for name in ("counts", "antecedent_counts", "consequent_counts"))
    chance = upper_tail(both, np.full_like(both, basket_count), b, a)
    parent, parent_both = joined["parent_counts"].astype(np.int64), joined["parent_both"].astype(np.int64)
    is_pair = parent == 0  # the shorter rule of a pair is none at all: every basket
    within = upper_tail(both, np.where(is_pair, basket_count, parent), np.where(is_pair, b, parent_both), a)
    best = np.where(np.isnan(joined["best_shorter"]), b / max(basket_count, 1), joined["best_shorter"])
    # rules that were too rare to be counted are compared too, with a p-value of 1: they only raise the number of tests
    scale = max(compared / max(len(both), 1), 1.0)
    chance, within = (np.minimum(adjusted_p_values(one) * scale, 1.0) for one in (chance, within))
    kept = np.flatnonzero(_at_least(both, a, share))
    rules = Rules(
        tuple(tuple(int(one) for one in row) for row in antecedents), joined["consequents"].astype(np.int64), both, a,
        b, joined["revenue"].astype(float), basket_count, compared, chance, best, within,
    )  # fmt: skip
    return rules.take(kept)


_PARTS = (
    "consequents", "counts", "antecedent_counts", "consequent_counts", "revenue", "parent_counts", "parent_both",
    "best_shorter",
)  # fmt: skip


def _at_least(part: Ints, whole: Ints, share: Fraction) -> NDArray[np.bool_]:
    """Whether part ÷ whole ≥ share, in integers."""
    return part * share.denominator >= whole * share.numerator


def _rules_of(levels: Sequence[ItemSets], place: int) -> dict[str, NDArray[Any]]:
    """The rules of the sets of one size: for each, every item once as the consequent."""
    level, shorter, single = levels[place], levels[place - 1], levels[0]
    single_counts = np.zeros(int(single.items.max(initial=-1)) + 1, dtype=np.int64)
    single_counts[single.items[:, 0]] = single.counts
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in (*_PARTS, "antecedents")}
    known, order = _sorted(shorter)
    for drop in range(level.size):
        antecedent = np.delete(level.items, drop, axis=1)
        consequent = level.items[:, drop]
        parent, parent_both, best = _shorter(levels, place, antecedent, consequent)
        found["antecedents"].append(antecedent)
        found["consequents"].append(consequent)
        found["counts"].append(level.counts)
        found["antecedent_counts"].append(shorter.counts[order[find(known, antecedent)]])
        found["consequent_counts"].append(single_counts[consequent])
        found["revenue"].append(level.revenue)
        found["parent_counts"].append(parent)
        found["parent_both"].append(parent_both)
        found["best_shorter"].append(best)
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def _shorter(
    levels: Sequence[ItemSets], place: int, antecedent: Ints, consequent: Ints
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """For each rule, the surest rule of one item less: its antecedent's count, its count, and the highest confidence.

    A pair has none: counts 0 and a confidence that is NaN, for the consequent's own share. For longer rules every
    shorter antecedent is looked at, down to one item.
    """
    rows = len(antecedent)
    counts, both = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    best = np.full(rows, np.nan)
    size = antecedent.shape[1]
    if size == 1:
        return counts, both, best
    nearest = np.full(rows, -1.0)
    for mask in range(1, 2**size - 1):
        chosen = [place for place in range(size) if mask >> place & 1]
        part = antecedent[:, chosen]
        whole = np.sort(np.column_stack([part, consequent]), axis=1)
        a_known, a_order = _sorted(levels[len(chosen) - 1])
        w_known, w_order = _sorted(levels[len(chosen)])
        a = levels[len(chosen) - 1].counts[a_order[find(a_known, part)]]
        ab = levels[len(chosen)].counts[w_order[find(w_known, whole)]]
        confidence = ab / a
        best = np.fmax(best, confidence)
        if len(chosen) == size - 1:
            surer = confidence > nearest
            nearest = np.where(surer, confidence, nearest)
            counts, both = np.where(surer, a, counts), np.where(surer, ab, both)
    return counts, both, best


def _sorted(level: ItemSets) -> tuple[Ints, Ints]:
    order = np.lexsort(level.items.T[::-1])
    return level.items[order], order


def upper_tail(both: Ints, total: Ints, marked: Ints, drawn: Ints) -> Floats:
    """P(at least `both` marked among those drawn) of the hypergeometric distribution: Fisher's exact test, one-sided.

    The probability of the count itself by log-gamma, its neighbours by their ratios, away from the middle until they
    no longer count: a hundred times faster than one call per rule, and exact to about ten digits.

    >>> round(float(upper_tail(np.array([4]), np.array([10]), np.array([5]), np.array([4]))[0]), 6)
    0.02381

    Args:
        both: Baskets with both.
        total: All baskets.
        marked: Baskets with the consequent.
        drawn: Baskets with the antecedent.
    """
    from scipy.special import gammaln

    k, n, m, d = (np.asarray(one, dtype=float) for one in (both, total, marked, drawn))
    if not k.size:
        return np.empty(0)
    is_high = k > m * d / np.maximum(n, 1)
    # upwards from k where k lies above the mean, else downwards from k − 1 and the complement
    start = np.where(is_high, k, k - 1)

    def choose(whole: Floats, part: Floats) -> Floats:
        return np.asarray(gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1))

    low, high = np.maximum(m + d - n, 0), np.minimum(m, d)
    inside = np.clip(start, low, high)
    first = np.exp(choose(m, inside) + choose(n - m, d - inside) - choose(n, d))
    first = np.where((start < low) | (start > high), 0.0, first)
    total_mass, term, x = first.copy(), first.copy(), inside.copy()
    live = np.flatnonzero(first > 0)
    while live.size:
        at, up = x[live], is_high[live]
        mm, dd, nn = m[live], d[live], n[live]
        rising = (mm - at) * (dd - at) / ((at + 1) * (nn - mm - dd + at + 1))
        falling = at * (nn - mm - dd + at) / np.maximum((mm - at + 1) * (dd - at + 1), 1)
        term[live] *= np.where(up, rising, falling)
        total_mass[live] += term[live]
        x[live] += np.where(up, 1, -1)
        live = live[term[live] > total_mass[live] * 1e-13]
    return np.clip(np.where(is_high, total_mass, 1 - total_mass), 0.0, 1.0)


def in_order(rules: Rules, worth: Mapping[int, float] | None = None) -> Ints:
    """Places of the rules, those with the most baskets beyond chance first; ties by the items themselves.

    Args:
        rules: The rules.
        worth: What a basket with the consequent is worth, by item; those beyond chance are weighted by it.
    """
    extra = rules.extra_baskets
    if worth is not None:
        extra = extra * np.array([worth.get(int(one), 0.0) for one in rules.consequents])
    extra = np.round(extra, 6)
    return np.array(
        sorted(range(len(rules)), key=lambda k: (-extra[k], rules.antecedents[k], int(rules.consequents[k]))),
        dtype=np.int64,
    )
