"""Value drivers: which of recency, frequency and money foretells what customers bring next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, FitError, SettingsError
from regulars.measures import btyd_cells, holdout, sampling
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.models.value_drivers import Drivers

_DRIVERS = {"recency": "recency_days", "frequency": "order_count", "money": "revenue_total"}
_TRAITS = {"gender": "gender", "generation": "generation"}
"""Columns that do not change with what is bought, so that they may be read today."""
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class ValueDrivers(Analysis):
    """Permutation importance of recency, frequency and money for the revenue of a later period.

    Args:
        test_days: Length of the later period; 0: a third of the history, at most a year.
        customers: At most about so many customers are judged, chosen by a hash of their id.
    """

    title = "Value drivers"
    question = "Of recency, frequency and money, which should targeting put first?"
    chapter = "value"
    order = 30
    needs = Needs(summaries={"customer_days"}, customers={"tenure_days", "visit_day_count", "revenue_total"})

    test_days: int = 0
    customers: int = 20_000

    def __post_init__(self) -> None:
        if self.test_days < 0 or self.customers < 1:
            raise SettingsError("[value_drivers] test_days or customers is out of range", mend="use whole numbers")

    def run(self, data: Dataset) -> Result:
        """What the three carry together, alone and beside each other, over all customers and by group."""
        from regulars.models.value_drivers import by_group, find_drivers

        past = _past(self, data)
        values = {name: past.rows[column].to_numpy().astype(float) for name, column in _DRIVERS.items()}
        later = past.rows["later_revenue"].to_numpy().astype(float)
        try:
            found = find_drivers(values, later, seed=data.seed)
        except FitError as error:
            raise DataError(error.message, table="orders", mend="take a longer history") from None
        groups = {}
        for words, labels in _groups(past.rows).items():
            groups[words] = by_group(values, later, labels, data.min_customers, data.seed)
        tables = [_table(found, past.query), _by_group(groups, past.query)]
        return self.result(
            tables=tuple(tables),
            charts=(_chart(found, past),) if found.shares else (),
            findings=tuple(_findings(found, past, data)),
            caveats=tuple(_caveats(found, past)),
            definitions=_DEFINITIONS,
        )


@dataclass(frozen=True)
class _Past:
    """Customers as known on a day, and what they brought after it."""

    rows: pa.Table
    split: date
    end: date
    later_total: float
    customer_count: int
    query: ir.Table


def _past(settings: ValueDrivers, data: Dataset) -> _Past:
    """The table of the test.

    Raises:
        DataError: The history is too short to be parted.
    """
    buyers = btyd_cells.buyers(data.customers)
    longest = data.collect(buyers.tenure_days.max(), 1)[0][0].as_py()
    if longest is None or data.as_of is None:
        raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
    first = data.as_of - timedelta(days=int(longest))
    split = holdout.split_day(first, data.as_of, 365, settings.test_days)
    if split is None:
        raise DataError(
            f"{longest} days of history are too few to learn on a part of them and test on the rest",
            table="orders", mend=f"take at least {3 * holdout.SHORTEST_DAYS} days",
        )  # fmt: skip
    name = f"value_drivers__past_{data.as_of:%Y%m%d}"
    query = holdout.histories(data.customer_days, split, data.as_of)
    kept = data.persist(query, name)
    sums = data.collect(kept.aggregate(n=kept.count(), later=kept.later_revenue.sum().round(4)), 1).to_pylist()[0]
    view = data.customers
    chosen = sampling.sample(view, settings.customers / max(sums["n"], 1))
    traits = [name for name in _TRAITS if name in view.columns]
    seen = kept.join(chosen.select("customer_key", *traits), "customer_key").order_by("customer_key")
    rows = data.collect(seen, 2 * settings.customers + 1000)
    data.engine.drop(name)
    return _Past(rows, split, data.as_of, sums["later"] or 0.0, sums["n"], query)


def _groups(rows: pa.Table) -> dict[str, list[str]]:
    """What customers are parted by: how often they had bought by then, and traits."""
    visits = rows["visit_day_count"].to_pylist()
    groups = {"visits so far": ["one visit" if one == 1 else "several visits" for one in visits]}
    for name, words in _TRAITS.items():
        if name in rows.column_names:
            groups[words] = [str(one) if one is not None else _UNKNOWN for one in rows[name].to_pylist()]
    return groups


# -- telling ------------------------------------------------------------------------------------------


def _table(found: Drivers, query: ir.Table) -> Table:
    names = [*_DRIVERS, "all together"]
    columns = Columns()
    columns.add("driver", names, "text")
    shares = [found.shares.get(name) for name in names]
    columns.add("importance_share", [one and one.value for one in shares], "share", "Of what the three carry.")
    columns.add_interval(
        "importance_share", [one and one.low for one in shares], [one and one.high for one in shares], "share"
    )
    carried = [found.carried.get(name) for name in names]
    columns.add("loss", [one and one.value for one in carried], "score", "Lost of what is foretold when shuffled.")
    columns.add_interval("loss", [one and one.low for one in carried], [one and one.high for one in carried], "score")
    alone = [found.alone.get(name, found.together) for name in names]
    columns.add("foretold_share", [one.value for one in alone], "share", "Foretold with this alone.", "alone foretells")
    columns.add_interval("foretold_share", [one.low for one in alone], [one.high for one in alone], "share")
    return columns.table(
        "drivers", "What foretells the value of the next period", source=(query,), dimensions=("driver",),
        note="Foretold: share of the variance of ranks by later revenue, on customers that the fit did not see.",
    )  # fmt: skip


def _by_group(groups: Mapping[str, Mapping[str, Drivers]], query: ir.Table) -> Table:
    rows: list[tuple[Any, ...]] = [
        (words, label, found.customer_count, found.together.value, name, found.shares.get(name), found.alone[name])
        for words, parts in groups.items()
        for label, found in parts.items()
        for name in _DRIVERS
    ]
    columns = Columns()
    columns.add("by", [row[0] for row in rows], "text", "What customers are parted by.")
    columns.add("group", [row[1] for row in rows], "text")
    columns.add("customers", [row[2] for row in rows], "customers", "Customers judged.")
    columns.add("foretold_share", [row[3] for row in rows], "share", "Foretold by all three.")
    columns.add("driver", [row[4] for row in rows], "text")
    columns.add("importance_share", [row[5] and row[5].value for row in rows], "share", "Of what the three carry.")
    columns.add_interval(
        "importance_share", [row[5] and row[5].low for row in rows], [row[5] and row[5].high for row in rows], "share"
    )
    columns.add("alone_share", [row[6].value for row in rows], "share", "Foretold with this driver alone.")
    return columns.table(
        "drivers_by_group", "What foretells value, by group", source=(query,), dimensions=("by", "group", "driver"),
        note="Groups with too few customers, or in which next to nothing is foretold, have no shares.",
    )  # fmt: skip


def _chart(found: Drivers, past: _Past) -> Chart:
    title = (
        f"{found.first.capitalize()} carries most of what foretells value" if found.is_clear else "What foretells value"
    )
    return Chart(
        "drivers", title,
        f"Share of importance for revenue from {past.split + timedelta(days=1):%Y-%m-%d} to {past.end:%Y-%m-%d}, "
        "with 95 % interval",
        "bar", "drivers", "driver", "importance_share", low="importance_share_low", high="importance_share_high",
        x_sort="value",
    )  # fmt: skip


def _findings(found: Drivers, past: _Past, data: Dataset) -> list[Finding]:
    """The plain answer."""
    if found.customer_count < data.min_customers or not found.shares:
        return []
    told = found.shares[found.first]
    interval = (told.low, told.high)
    rest = sorted((name for name in found.shares if name != found.first), key=lambda name: -found.shares[name].value)
    others = " and ".join(f"{name} {write(found.shares[name].value, 'share')}" for name in rest)
    sentence = (
        f"{found.first.capitalize()} first: it carries {write(told.value, 'share')} "
        f"({write_interval(*interval, 'share')}) of what recency, frequency and money foretell of the next "
        f"{(past.end - past.split).days} days' revenue; {others}."
    )
    if not found.is_clear:
        sentence = sentence.replace(" first: it carries", " is ahead, though not beyond chance: it carries")
    best = max(found.alone, key=lambda name: found.alone[name].value)
    if best != found.first:
        sentence += f" Alone, {best} foretells most."
    validated = (
        f"known up to {past.split:%Y-%m-%d}, judged on {found.customer_count:,} customers' revenue to "
        f"{past.end:%Y-%m-%d} by fits that did not see them; together the three foretell "
        f"{write(found.together.value, 'share')} of the variance of ranks, {best}, the best alone, "
        f"{write(found.alone[best].value, 'share')}"
    )
    return [
        Finding(
            "value_drivers.first", sentence, told.value, "share", found.customer_count,
            Evidence("drivers", f"driver = {found.first}"), "modelled", interval=interval,
            at_stake=round(past.later_total, 4), validated=validated,
        )
    ]  # fmt: skip


def _caveats(found: Drivers, past: _Past) -> list[Caveat]:
    notes = [
        Caveat(
            "The three overlap (who buys often has mostly bought lately, and spent more): importance tells what is "
            "lost without one beside the others, not what would happen if it changed."
        )
    ]
    if not found.shares:
        notes.append(Caveat("Next to nothing of the later revenue is foretold by the three.", "warning"))
    if past.rows.num_rows < past.customer_count:
        notes.append(
            Caveat(
                f"Judged on {past.rows.num_rows:,} of {past.customer_count:,} customers, chosen by a hash of their id."
            )
        )
    return notes


_DEFINITIONS = {
    "recency": "Days from the last order to the day of the split; fewer are better.",
    "frequency": "Orders up to that day.",
    "money": "Revenue up to that day.",
    "importance": "What the model loses of what it foretells when a driver's values are shuffled among customers.",
    "alone": "What a model with that driver only foretells.",
}
