"""One group of customers against another, like with like: the engine counts by stratum, a small model compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import stats
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.core.units import Unit
    from regulars.models.matching import Matched

FALSE_DISCOVERIES = 0.05
_MOST_STRATA = 100_000


@dataclass(frozen=True)
class Trait:
    """What is compared: a number of each row; rows without one do not count for it."""

    name: str
    unit: Unit
    meaning: str
    value: Callable[[ir.Table], ir.Value]


@dataclass(frozen=True)
class Compared:
    """A trait, how the groups compare in it, and the p-value adjusted for the number of traits."""

    trait: Trait
    matched: Matched
    p_value: float

    @property
    def differs(self) -> bool:
        """Whether the groups differ beyond chance."""
        return self.p_value < FALSE_DISCOVERIES


def compare_matched(
    data: Dataset, rows: ir.Table, is_first: ir.BooleanValue, strata: dict[str, ir.Value], traits: Sequence[Trait]
) -> tuple[list[Compared], ir.Table]:
    """Every trait of the first group against the others of the same stratum; and the query that counted.

    Args:
        data: Computes.
        rows: One row per customer.
        is_first: Which rows are of the first group.
        strata: What has to be alike: a few labels each, by name.
        traits: What is compared.

    Returns:
        The traits for which both groups have values in some stratum, the largest standardised difference first.
    """
    import numpy as np

    from regulars.models.intervals import adjusted_p_values
    from regulars.models.matching import compare, side

    values = {f"v{place}": trait.value(rows).cast("float64") for place, trait in enumerate(traits)}
    labels = {f"s{place}": label for place, label in enumerate(strata.values())}
    kept = rows.select(is_first=is_first.fill_null(False), **labels, **values)
    sums: dict[str, ir.Value] = {}
    for name in values:
        sums |= {f"{name}_count": kept[name].count().cast("int64"), **stats.moments(name, kept[name].fill_null(0.0))}
    query = kept.group_by("is_first", *labels).aggregate(**sums)
    counted = data.collect(query.order_by("is_first", *labels), _MOST_STRATA)
    flags = counted["is_first"].to_numpy(zero_copy_only=False)
    keys = [tuple(row[name] for name in labels) for row in counted.select(list(labels)).to_pylist()]
    place_of = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    places = np.array([place_of[key] for key in keys], dtype=np.int64)

    def of(name: str, part: str, first: bool) -> Any:
        chosen = flags == first
        return np.bincount(places[chosen], counted[f"{name}{part}"].to_numpy()[chosen], len(place_of))

    found = []
    for name, trait in zip(values, traits, strict=True):
        first, second = (
            side(of(name, "_count", one), of(name, "", one), of(name, "_squares", one)) for one in (True, False)
        )
        matched = compare(first, second)
        if matched is not None and matched.p_value == matched.p_value:
            found.append((trait, matched))
    p_values = adjusted_p_values([matched.p_value for _, matched in found])
    told = [Compared(trait, matched, float(p)) for (trait, matched), p in zip(found, p_values, strict=True)]
    return sorted(told, key=lambda one: (-abs(one.matched.standardised), one.trait.name)), query


def table(
    compared: Sequence[Compared], name: str, title: str, sides: tuple[str, str], alike: str, source: ir.Table
) -> Table:
    """One row per trait: both groups, the difference with its interval, and whether it is beyond chance.

    Args:
        compared: As `compare_matched` gives them.
        name: Of the table.
        title: Of the table.
        sides: What the first and the second group are called.
        alike: What was made alike, in words.
        source: The query that counted.
    """
    matched = [one.matched for one in compared]
    columns = Columns()
    columns.add("trait", [one.trait.meaning for one in compared], "text")
    columns.add("value", [one.value for one in matched], "", f"Mean of {sides[0]}.", sides[0])
    columns.add("other", [one.other for one in matched], "", f"Mean of {sides[1]}, of the same strata.", sides[1])
    columns.add("difference", [one.difference for one in matched], "", "The first less the second.")
    columns.add_interval("difference", [one.low for one in matched], [one.high for one in matched], "")
    columns.add("standardised", [one.standardised for one in matched], "score", "Difference in standard deviations.")
    columns.add("plain_difference", [one.plain_difference for one in matched], "", "Without making them alike.")
    columns.add("customers", [one.count for one in matched], "customers", f"{sides[0].capitalize()} compared.")
    columns.add("others", [one.other_count for one in matched], "customers", f"{sides[1].capitalize()} compared.")
    columns.add("left_out", [one.left_out for one in matched], "customers", "With nobody alike to compare with.")
    columns.add("differs", [one.differs for one in compared], "", "Beyond chance, for the number of traits.")
    return columns.table(
        name, title, source=(source,),
        note=f"Compared with customers alike in {alike}; {len(compared)} traits, corrected for their number.",
    )  # fmt: skip
