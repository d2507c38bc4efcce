"""Recency, frequency and money as scores, and the named segments that lie on them; each term defined once.

A score of s says that at least (s − 1) ÷ levels of the buyers are strictly worse. So equal customers get equal scores,
the worst always get 1, and where many customers are equal some scores are given to nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from regulars.errors import SettingsError
from regulars.measures import stats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

USUAL_LEVELS = 5
MAX_LEVELS = 9
"""Scores are one digit each, so that "543" can be read."""

_CUT_DECIMALS = 6

AudienceKind = Literal["", "win_back", "reward", "second_purchase"]


@dataclass(frozen=True)
class Segment:
    """A named segment: the customers whose scores lie in all three ranges, unless an earlier segment has them.

    Args:
        name: What it is called.
        recency: Lowest and highest recency score; the highest is the most recent.
        frequency_monetary: Lowest and highest mean of frequency and monetary score, halves rounded up.
        frequency: Lowest and highest frequency score, to keep one-time buyers apart; empty: any.
        advice: What to do with these customers, in a few words.
        audience: The list that they go on: `win_back`, `reward`, `second_purchase`, or none.
    """

    name: str
    recency: tuple[int, ...]
    frequency_monetary: tuple[int, ...]
    frequency: tuple[int, ...] = ()
    advice: str = ""
    audience: AudienceKind = ""

    def holds(self, recency: int, frequency: int, monetary: int) -> bool:
        """Whether these scores lie in the ranges."""
        ranges = (
            (self.recency, recency),
            (self.frequency_monetary, frequency_monetary(frequency, monetary)),
            (self.frequency, frequency),
        )
        return all(not bounds or bounds[0] <= score <= bounds[-1] for bounds, score in ranges)

    @property
    def words(self) -> str:
        """The ranges in words."""
        parts = [
            ("recency", self.recency),
            ("frequency and money", self.frequency_monetary),
            ("frequency", self.frequency),
        ]
        return ", ".join(f"{name} {_range_words(bounds)}" for name, bounds in parts if bounds)


def _range_words(bounds: tuple[int, ...]) -> str:
    low, high = bounds[0], bounds[-1]
    return str(low) if low == high else f"{low}–{high}"


def frequency_monetary(frequency: int, monetary: int) -> int:
    """The mean of the two scores, halves rounded up.

    >>> frequency_monetary(2, 5), frequency_monetary(1, 1)
    (4, 1)
    """
    return (frequency + monetary + 1) // 2


USUAL_SEGMENTS: tuple[Segment, ...] = (
    Segment("Champions", (4, 5), (4, 5), (), "thank them, give early access; no discount is needed", "reward"),
    Segment("Loyal", (3, 5), (3, 5), (2, 5), "offer what goes with what they buy; a loyalty programme"),
    Segment("New", (5, 5), (1, 1), (), "welcome them, and suggest a second order", "second_purchase"),
    Segment("Promising", (4, 4), (1, 1), (), "remind them; a small reason for a second order", "second_purchase"),
    Segment("Potential loyalists", (4, 5), (2, 3), (), "recommend, bundle; a loyalty programme", "second_purchase"),
    Segment("About to sleep", (3, 3), (1, 1), (), "show what is new and popular; renew the contact"),
    Segment("Need attention", (3, 3), (2, 3), (), "a limited offer that fits what they bought"),
    Segment("Cannot lose them", (1, 2), (5, 5), (), "talk to them in person; find out what went wrong", "win_back"),
    Segment("At risk", (1, 2), (3, 4), (), "write personally, renew the offer that they used to take", "win_back"),
    Segment("Hibernating", (2, 2), (1, 2), (), "an occasional, cheap reminder"),
    Segment("Lost", (1, 1), (1, 2), (), "no cost on them beyond a last attempt"),
)  # fmt: skip
"""The usual names on five levels, in the order of their precedence. They cover every combination of scores."""


def usual_segments(levels: int) -> tuple[Segment, ...]:
    """The usual segments with their ranges on so many levels.

    A score belongs to the fifth in which its middle lies. A lower bound on frequency stays as it is: it parts those who
    bought least from the rest.

    >>> usual_segments(5) == USUAL_SEGMENTS
    True
    >>> usual_segments(10)[0].recency
    (7, 10)
    """
    if levels == USUAL_LEVELS:
        return USUAL_SEGMENTS
    fifths = {score: (2 * score - 1) * USUAL_LEVELS // (2 * levels) + 1 for score in range(1, levels + 1)}

    def on_levels(bounds: tuple[int, ...]) -> tuple[int, ...]:
        inside = [score for score, fifth in fifths.items() if bounds[0] <= fifth <= bounds[-1]]
        return (inside[0], inside[-1]) if inside else (0, 0)

    return tuple(
        Segment(
            one.name,
            on_levels(one.recency),
            on_levels(one.frequency_monetary),
            (one.frequency[0], levels) if one.frequency else (),
            one.advice,
            one.audience,
        )
        for one in USUAL_SEGMENTS
    )


def check_levels(levels: int) -> None:
    """Refuse a number of scores that cannot be written as one digit each.

    Raises:
        SettingsError: With the numbers that can.
    """
    if not 2 <= levels <= MAX_LEVELS:
        raise SettingsError(f"[rfm] levels = {levels} is refused", mend=f"use 2 to {MAX_LEVELS}")


def check_cuts(name: str, cuts: Sequence[float], levels: int) -> None:
    """Refuse cut points that do not rise or do not make so many levels; none at all are well.

    Raises:
        SettingsError: With the name of the setting.
    """
    if not cuts:
        return
    if len(cuts) != levels - 1:
        raise SettingsError(
            f"[rfm] {name} has {len(cuts)} cut points", mend=f"levels = {levels} needs {levels - 1} of them"
        )
    if list(cuts) != sorted(set(cuts)):
        raise SettingsError(f"[rfm] {name} = {list(cuts)} does not rise", mend="write the cut points in rising order")


def check_segments(segments: Sequence[Segment], levels: int) -> None:
    """Refuse segments without a name of their own, with ranges that are none, or that leave scores out.

    Raises:
        SettingsError: With the segment, or the first combination of scores that no segment holds.
    """
    if not segments:
        return
    names = [one.name for one in segments]
    unfit = next((name for name in names if names.count(name) > 1 or not name.strip()), None)
    if unfit is not None:
        raise SettingsError(f"[rfm] segments: {unfit!r} is not a name of its own", mend="name every segment once")
    for one in segments:
        for bounds in filter(None, (one.recency, one.frequency_monetary, one.frequency)):
            if len(bounds) > 2 or not 1 <= bounds[0] <= bounds[-1] <= levels:
                raise SettingsError(
                    f"[rfm] segment {one.name!r}: {list(bounds)} is no range of scores",
                    mend=f"write the lowest and the highest score, from 1 to {levels}",
                )
    bare = [scores for scores in combinations(levels) if segment_of(segments, *scores) is None]
    if bare:
        r, f, m = bare[0]
        raise SettingsError(
            f"[rfm] segments leave out {len(bare)} combinations of scores, such as recency {r}, frequency {f}, "
            f"money {m}",
            mend=f"add a last segment with recency = [1, {levels}] and frequency_monetary = [1, {levels}]",
        )


def combinations(levels: int) -> Iterator[tuple[int, int, int]]:
    """Every combination of recency, frequency and monetary score."""
    scores = range(1, levels + 1)
    return ((r, f, m) for r in scores for f in scores for m in scores)


def segment_of(segments: Sequence[Segment], recency: int, frequency: int, monetary: int) -> Segment | None:
    """The first segment that holds these scores."""
    return next((one for one in segments if one.holds(recency, frequency, monetary)), None)


@dataclass(frozen=True)
class Cuts:
    """Where the scores change: customers up to the k-th cut lie on its near side.

    `recency` in days, ascending: up to the first is the best score. `frequency` in orders and `monetary` in money,
    ascending: up to the first is score 1.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]

    @property
    def levels(self) -> int:
        """How many scores there are."""
        return len(self.recency) + 1


def buyers(customers: ir.Table) -> ir.Table:
    """The customers who have bought, with 0 where no order of theirs has a value."""
    bought = customers.filter(customers.order_count > 0)
    return bought.mutate(revenue_total=bought.revenue_total.fill_null(0.0))


def quantiles(buyers: ir.Table, count: int, levels: int) -> ir.Table:
    """One row with the exact cut points of the three measures, as arrays; `as_cuts` reads it."""
    return buyers.aggregate(
        silence=stats.cut_points(-buyers.recency_days, count, levels),
        frequency=stats.cut_points(buyers.order_count, count, levels),
        monetary=stats.cut_points(buyers.revenue_total, count, levels),
    )


def as_cuts(row: Mapping[str, Sequence[float]]) -> Cuts:
    """The cut points of `quantiles`. Days and orders are whole numbers, so their cuts are whole numbers too.

    Recency counts the other way: of −recency a customer above the cut is strictly better, so in days the cut is the
    largest whole number below it.
    """
    days = sorted(math.ceil(round(-one, _CUT_DECIMALS)) - 1 for one in row["silence"])
    orders = [math.floor(round(one, _CUT_DECIMALS)) for one in row["frequency"]]
    return Cuts(tuple(days), tuple(orders), tuple(round(one, _CUT_DECIMALS) for one in row["monetary"]))


def with_scores(customers: ir.Table, cuts: Cuts, segments: Sequence[Segment]) -> ir.Table:
    """The customers with their scores and segment; null for those who never bought. Same rows."""
    import ibis

    levels = cuts.levels
    buys = customers.order_count > 0
    silence = _cuts_passed(customers.recency_days, cuts.recency)
    scored = customers.mutate(
        recency_score=_if(buys, levels - silence),
        frequency_score=_if(buys, 1 + _cuts_passed(customers.order_count, cuts.frequency)),
        monetary_score=_if(buys, 1 + _cuts_passed(customers.revenue_total.fill_null(0.0), cuts.monetary)),
    )
    r, f, m = scored.recency_score, scored.frequency_score, scored.monetary_score
    middle = ((f + m + 1) // 2).cast("int64")
    return scored.mutate(
        rfm_score=r.cast("string") + f.cast("string") + m.cast("string"),
        rfm_segment=ibis.cases(*[(_inside(one, r, f, middle), one.name) for one in segments]),
    )


def _cuts_passed(value: ir.NumericValue, cuts: Sequence[float]) -> ir.IntegerValue:
    """How many cut points lie strictly below the value."""
    passed = [(value > cut).cast("int64") for cut in cuts]
    total = passed[0]
    for one in passed[1:]:
        total = total + one
    return total


def _if(condition: ir.BooleanValue, score: ir.IntegerValue) -> ir.IntegerValue:
    import ibis

    return ibis.ifelse(condition, score.cast("int64"), ibis.null("int64"))


def _inside(
    segment: Segment, recency: ir.IntegerValue, frequency: ir.IntegerValue, middle: ir.IntegerValue
) -> ir.BooleanValue:
    ranges = ((segment.recency, recency), (segment.frequency_monetary, middle), (segment.frequency, frequency))
    checks = [score.between(bounds[0], bounds[-1]) for bounds, score in ranges if bounds]
    inside = checks[0]
    for one in checks[1:]:
        inside = inside & one
    return inside


def cells(scored: ir.Table) -> ir.Table:
    """One row per combination of scores: customers, and per measure its sums, least and greatest value.

    Everything that is said about scores and segments is added up from these few hundred rows.
    """
    bought = buyers(scored)
    values = {
        "recency_days": bought.recency_days,
        "order_count": bought.order_count,
        "revenue": bought.revenue_total,
    }
    sums: dict[str, ir.Value] = {"one_order_customers": (bought.order_count == 1).cast("int64").sum()}
    for name, value in values.items():
        sums |= stats.moments(name, value)
        sums |= {f"{name}_least": value.min().cast("float64"), f"{name}_greatest": value.max().cast("float64")}
    keys = ("recency_score", "frequency_score", "monetary_score", "rfm_segment")
    return bought.group_by(*keys).aggregate(customers=bought.count(), **sums)
