"""Groups whose months or weekdays differ from those of all groups together, beyond chance and corrected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.result import Action, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.measures import dimensions as dims
from regulars.measures import seasonality
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.measures.dimensions import Dimension
    from regulars.measures.periods import Coverage

MOST_GROUPS = 30
FALSE_DISCOVERIES = 0.05
_MOST_ROWS = 200_000
_LEAST_MONTHS = 6
_LEAST_OFF = 0.05
_MOST_TOLD = 5
_STOCKED = ("category", "brand")
_VALIDATED = (
    "the spread of the group's share within months or over years, beside all groups together, makes the interval"
)
FROM_THE_HISTORY = ("segment", "rfm_segment")
"""Groups that are made from when a customer bought: their months would tell how they were made."""


@dataclass(frozen=True)
class OwnSeason:
    """One group in one month of the year or on one weekday, against all groups.

    Attributes:
        dimension: What the groups are.
        group: Which one.
        slot: The month of the year or the weekday.
        is_month: Which of the two.
        count: Purchases.
        expected: Purchases at the group's usual share.
        index: The one over the other.
        low: Lower end of the 95 % interval, or None.
        high: Upper end.
        p_value: Of 1, not adjusted; None where not judged.
        is_steady: Months: on the same side of the usual share in every year.
        place: Of the slot in its order.
    """

    dimension: str
    group: str
    slot: str
    is_month: bool
    count: int
    expected: float
    index: float
    low: float | None
    high: float | None
    p_value: float | None
    is_steady: bool
    place: int

    @property
    def when(self) -> str:
        """The slot in a sentence."""
        return f"in {self.slot}" if self.is_month else f"on {self.slot}s"

    def key(self, analysis: str) -> str:
        """Key of its finding."""
        return f"{analysis}.{self.dimension}.{self.group}.{self.slot}".replace(" ", "_")


@dataclass(frozen=True)
class OwnSeasons:
    """All that were judged, with the p-values adjusted for their number.

    Attributes:
        found: One per group and slot.
        adjusted: One per entry of `found`; 1 where not judged.
        has_years: Whether months of the year were seen in two years or more.
        queries: Where they are from.
    """

    found: tuple[OwnSeason, ...]
    adjusted: tuple[float, ...]
    has_years: bool
    queries: tuple[ir.Table, ...]

    @property
    def judged(self) -> int:
        """How many were compared."""
        return sum(one.p_value is not None for one in self.found)

    def beyond_chance(self) -> list[OwnSeason]:
        """Those that differ beyond chance, by at least 5 %, months in every year alike; the most purchases first."""
        kept = [
            one
            for one, p_value in zip(self.found, self.adjusted, strict=True)
            if p_value < FALSE_DISCOVERIES and abs(one.index - 1) >= _LEAST_OFF and one.is_steady
        ]
        return sorted(kept, key=lambda one: (-abs(one.count - one.expected), one.group, one.place))

    def tables(self) -> list[Table]:
        """One row per group and slot."""
        if not self.found:
            return []
        keep = self.beyond_chance()
        columns = Columns()
        rows = [*keep, *(one for one in self.found if one not in keep)]
        columns.add("dimension", [one.dimension for one in rows], "name")
        columns.add("group", [one.group for one in rows], "text")
        columns.add("period", [one.slot for one in rows], "text", "Month of the year, or weekday.")
        columns.add("purchases", [one.count for one in rows], "count", "Orders of the group, or items of a category.")
        columns.add("expected", [round(one.expected, 2) for one in rows], "", "At the group's usual share of all.")
        columns.add("against_usual", [one.index - 1 for one in rows], "change_share", "Purchases ÷ expected − 1.")
        columns.add_interval(
            "against_usual", [None if one.low is None else one.low - 1 for one in rows],
            [None if one.high is None else one.high - 1 for one in rows], "change_share",
        )  # fmt: skip
        columns.add(
            "is_beyond_chance",
            [one in keep for one in rows],
            "",
            "After the correction, at least 5 % off, months every year alike.",
        )
        table = columns.table(
            "own_seasons", "Groups with seasons of their own", source=self.queries,
            dimensions=("dimension", "group", "period"), measures=("purchases",),
            note=f"{self.judged} differences were judged; those marked keep the share of false ones under 5 %.",
        )  # fmt: skip
        return [table]

    def findings(self, analysis: str) -> list[Finding]:
        """The largest differences, in words.

        Args:
            analysis: Name that the keys begin with.
        """
        found = []
        for one in self.beyond_chance()[:_MOST_TOLD]:
            interval = ((one.low or one.index) - 1, (one.high or one.index) - 1)
            seen = "" if not one.is_month or self.has_years else " (in the one year that the data hold)"
            sentence = (
                f"{one.dimension.capitalize()} “{one.group}” had {write(one.index - 1, 'change_share')} "
                f"({write_interval(*interval, 'change_share')}) purchases {one.when} against its usual share of all "
                f"purchases then{seen}; beyond chance among {self.judged} differences."
            )
            found.append(
                Finding(
                    one.key(analysis), sentence, one.index - 1, "change_share", one.count,
                    Evidence("own_seasons", f"group = {one.group}, period = {one.slot}"), "modelled", n_unit="count",
                    interval=interval, validated=_VALIDATED,
                )
            )  # fmt: skip
        return found

    def actions(self, analysis: str) -> list[Action]:
        """Stock for categories, marketing for groups of customers: one action for all seasons of a group."""
        groups: dict[tuple[str, str], list[OwnSeason]] = {}
        for one in self.beyond_chance()[:_MOST_TOLD]:
            groups.setdefault((one.dimension, one.group), []).append(one)
        found = []
        for (dimension, group), seasons in groups.items():
            more, fewer = ([one for one in seasons if (one.index > 1) is wanted] for wanted in (True, False))
            if dimension in _STOCKED:
                parts = [f"{word} {_joined(some)}" for word, some in (("more", more), ("less", fewer)) if some]
                what = f"Order “{group}” by its own season: {' and '.join(parts)}."
            else:
                parts = [f"{word} {_joined(some)}" for word, some in (("best", more), ("not", fewer)) if some]
                what = f"Write to {dimension} “{group}” on its own days: {', '.join(parts)}."
            why = "; ".join(
                f"{one.slot} {write(one.index - 1, 'change_share')} against its usual share, "
                f"{abs(one.count - one.expected):,.0f} purchases {'more' if one.index > 1 else 'fewer'} in the data"
                for one in seasons
            )
            key = f"{analysis}.{dimension}.{group}.plan".replace(" ", "_")
            found.append(Action(key, what, f"{why}.", finding=seasons[0].key(analysis)))
        return found


def _joined(seasons: Sequence[OwnSeason]) -> str:
    return " and ".join(one.when for one in sorted(seasons, key=lambda one: (one.is_month, one.place)))


def own_seasons(data: Dataset, by: Sequence[Dimension], cover: Coverage, least: int) -> OwnSeasons:
    """Judge all groups of all dimensions together.

    Args:
        data: The data.
        by: What to break down by: of products, of orders or of customers.
        cover: Says which months are whole; others are left out.
        least: Purchases under which a cell is not judged.
    """
    from regulars.models.intervals import adjusted_p_values
    from regulars.models.seasonal_index import LEAST_MONTHS

    whole = [number for number in cover.numbers("month") if cover.is_whole(number, "month")]
    has_years = len(whole) >= LEAST_MONTHS
    found: list[OwnSeason] = []
    queries: list[ir.Table] = []
    for dimension in by if len(whole) >= _LEAST_MONTHS else ():
        rows = _rows(data, dimension)
        largest = data.collect(seasonality.largest_groups(rows, MOST_GROUPS), MOST_GROUPS)["group"].to_pylist()
        groups = sorted(one for one in largest if one is not None)
        if len(groups) < 2:
            continue
        rows = rows.filter(rows.group.isin(groups))
        query = seasonality.by_group_and_weekday(rows)
        queries.append(query)
        counted = _kept(data, query, whole)
        slots = [row["weekday"] for row in counted]
        found += _judge(dimension, groups, counted, slots, [row["month"] for row in counted], dims.WEEKDAYS, least)
        if dimension.name not in FROM_THE_HISTORY:
            query = seasonality.by_group(rows, "month" if has_years else "week")
            queries.append(query)
            counted = _kept(data, query, whole)
            slots = [row["month"] % 12 for row in counted]
            blocks = [row["month"] // 12 if has_years else 0 for row in counted]
            found += _judge(dimension, groups, counted, slots, blocks, seasonality.MONTHS, least)
    p_values = adjusted_p_values(
        [1.0 if one.p_value is None else one.p_value for one in found if one.p_value is not None]
    )
    judged = iter(p_values.tolist())
    adjusted = tuple(next(judged) if one.p_value is not None else 1.0 for one in found)
    return OwnSeasons(tuple(found), adjusted, has_years, tuple(queries))


def _rows(data: Dataset, dimension: Dimension) -> ir.Table:
    rows = data.summary("order_items") if dimension.grain == "item" else data.orders.filter(data.orders.is_sale)
    return dims.labelled(data, rows, dimension).select("group", "ordered_at")


def _kept(data: Dataset, query: ir.Table, whole: Sequence[int]) -> list[dict[str, Any]]:
    rows = data.collect(query.filter(query.month.isin(list(whole))), _MOST_ROWS).to_pylist()
    return sorted(rows, key=lambda row: tuple(str(row[key]) for key in sorted(row)))


def _judge(
    dimension: Dimension, groups: Sequence[str], rows: Sequence[dict[str, Any]], slots: Sequence[int],
    blocks: Sequence[int], names: Sequence[str], least: int,
) -> list[OwnSeason]:  # fmt: skip
    """The rows as group × unit, judged."""
    import numpy as np

    from regulars.models.seasonal_index import relative_indices

    if not rows:
        return []
    keys = [
        (block, slot, row["month"], row.get("week", 0)) for row, slot, block in zip(rows, slots, blocks, strict=True)
    ]
    units = sorted(set(keys))
    at = {unit: place for place, unit in enumerate(units)}
    values: NDArray[np.float64] = np.zeros((len(groups), len(units)))
    for row, key in zip(rows, keys, strict=True):
        values[groups.index(row["group"]), at[key]] += row["count"]
    place_of_slot = np.array([slot for _, slot, *_ in units])
    number_of_block = np.array([block for block, *_ in units])
    judged = relative_indices(values, place_of_slot, number_of_block)
    found = []
    for row_place, group in enumerate(groups):
        for slot in sorted(set(place_of_slot.tolist())):
            count = float(values[row_place, place_of_slot == slot].sum())
            expected, index = float(judged.expected[row_place, slot]), float(judged.index[row_place, slot])
            if not np.isfinite(index):
                continue
            is_told = min(count, expected) >= least and bool(np.isfinite(judged.p_value[row_place, slot]))
            low, high, p_value = (
                float(end[row_place, slot]) if is_told else None for end in (judged.low, judged.high, judged.p_value)
            )
            is_month = len(names) == len(seasonality.MONTHS)
            is_steady = not is_month or bool(judged.is_steady[row_place, slot])
            found.append(
                OwnSeason(
                    dimension.title, group, names[slot], is_month, int(count), expected, index, low, high, p_value,
                    is_steady, slot,
                )
            )  # fmt: skip
    return found
