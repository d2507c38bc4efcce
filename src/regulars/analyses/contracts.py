"""Contracts: how long contracts and memberships last, which groups leave sooner, and who stands at the riskiest age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.contract import CUSTOMERS
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import contracts, dimensions
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.measures.dimensions import Dimension
    from regulars.models.survival import Survival

_WITHIN_DAYS = (30, 90, 180, 365, 730)
_CURVE_POINTS = 200
_MOST_CELLS = 1_000_000
_MOST_GROUPS = 12
_EVERYBODY = "all"
_PROFILE = frozenset({"generation", "age_group", "age_band", "gender", "income_band", "city", "country"})
_MOST_TRAITS = 10
_MONTH_DAYS = 30
_FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True)
class Contracts(Analysis):
    """Kaplan–Meier retention of contracts and memberships, by group, with log-rank tests.

    Args:
        told_days: The length that the finding and the break-downs tell.
    """

    title = "Contracts and memberships"
    question = "How long do contracts and memberships last, which groups leave sooner, and who may be next?"
    chapter = "value"
    order = 25
    needs = Needs(columns={"customers": {"joined_on", "left_on"}}, extras={"survival"})

    told_days: int = 365

    def __post_init__(self) -> None:
        if self.told_days < 1:
            raise SettingsError(f"[contracts] told_days = {self.told_days} is refused", mend="use 365, say")

    def run(self, data: Dataset) -> Result:
        """The curve of all contracts, retention by group with its test, and who stands at the riskiest age.

        Raises:
            DataError: No contract has begun by the as-of date.
        """
        if data.as_of is None:
            raise DataError("without a date for now no contract has a length", mend="set as_of under [dataset]")
        each = contracts.contracts(data.customers, data.as_of)
        whole = _read(data, each.mutate(group=_literal(_EVERYBODY)))
        if _EVERYBODY not in whole.curves:
            raise DataError("no contract has begun", table="customers", mend="check the mapping of joined_on")
        curve = whole.curves[_EVERYBODY]
        groups = [_read(data, dimensions.labelled(data, each, one), one) for one in _dimensions(data)]
        tested = _tested([one for one in groups if len(one.curves) > 1], data.min_customers)
        tables = [_within(curve, whole.query), _curve_table(curve, whole.query), _pace_table(curve, whole.query)]
        if tested:
            tables.append(_group_table(tested, self.told_days, data.min_customers))
        place = _riskiest(curve, data.min_customers)
        audiences = (_audience(each, place),) if place is not None else ()
        return self.result(
            tables=tuple(tables),
            charts=tuple(_charts(curve, self.told_days)),
            findings=tuple(_findings(self, curve, tested, data)),
            actions=_actions(place),
            audiences=audiences,
            caveats=(Caveat(_CAVEAT),),
            definitions=_DEFINITIONS,
        )


def _dimensions(data: Dataset) -> list[Dimension]:
    """Who customers are and what they signed, and nothing that came of it: a group must not be made by staying."""
    known = [one for one in dimensions.available(data, "customer") if one.name in _PROFILE]
    profile = data.table("customers")
    own = [
        name
        for name in profile.columns
        if CUSTOMERS.column(name) is None and profile[name].type().is_string() and name in data.customers.columns
    ]
    return [*known, *(dimensions.trait(name) for name in own[:_MOST_TRAITS])]


def _literal(text: str) -> ir.Value:
    import ibis

    return ibis.literal(text)


# -- reading and testing ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """The contracts of one dimension: their counts, and a curve per group."""

    dimension: Dimension | None
    rows: pa.Table
    curves: Mapping[str, Survival]
    query: ir.Table


@dataclass(frozen=True)
class _Tested:
    """A dimension with the adjusted p-value of "all groups end at the same pace"."""

    read: _Read
    p_value: float

    @property
    def differs(self) -> bool:
        """Whether the groups differ beyond chance."""
        return self.p_value < _FALSE_DISCOVERIES


def _read(data: Dataset, each: ir.Table, dimension: Dimension | None = None) -> _Read:
    from regulars.models.survival import fit_survival

    query = contracts.counted(each)
    rows = data.collect(query, _MOST_CELLS)
    groups = rows["group"].to_numpy(zero_copy_only=False)
    days, ended, running = (rows[name].to_numpy() for name in ("days", "ended", "running"))
    sizes = {name: int((ended + running)[groups == name].sum()) for name in dict.fromkeys(groups)}
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:_MOST_GROUPS]
    curves = {
        name: fit_survival(days[groups == name], ended[groups == name], running[groups == name]) for name in largest
    }
    return _Read(dimension, rows, curves, query)


def _tested(groups: Sequence[_Read], least: int) -> list[_Tested]:
    """Every dimension tested over its groups that are large enough, corrected for their number."""
    import numpy as np

    from regulars.models.contract_retention import log_rank_p_value
    from regulars.models.intervals import adjusted_p_values

    told, p_values = [], []
    for read in groups:
        labels = read.rows["group"].to_numpy(zero_copy_only=False)
        large = [name for name, curve in read.curves.items() if curve.at_risk[0] >= least]
        large = [name for name in large if name != dimensions.UNKNOWN]
        kept = np.isin(labels, large)
        columns = (read.rows[name].to_numpy()[kept] for name in ("days", "ended", "running"))
        p_value = log_rank_p_value(list(labels[kept]), *columns) if len(large) > 1 else float("nan")
        if np.isfinite(p_value):
            told.append(read)
            p_values.append(p_value)
    return [_Tested(read, float(p)) for read, p in zip(told, adjusted_p_values(p_values), strict=True)]


def _riskiest(curve: Survival, least: int) -> tuple[int, float] | None:
    """The month of a contract, counted from 0, in which most end, and their share; None where none stands out.

    A month stands out where its share is above that of all months together, beyond chance for the number of months.
    """
    from regulars.models.contract_retention import stands_out

    months = [one for one in _pace(curve) if one[1] >= least]
    place = stands_out([one[1] for one in months], [one[2] for one in months])
    return None if place is None else (months[place][0], months[place][3])


def _pace(curve: Survival) -> list[tuple[int, int, int, float]]:
    """Month of the contract, contracts that reached it, that ended in it, and the share of them."""
    import numpy as np

    last = int(curve.time[-1]) // _MONTH_DAYS
    found = []
    for month in range(last + 1):
        place = np.searchsorted(curve.time, month * _MONTH_DAYS)
        end = np.searchsorted(curve.time, (month + 1) * _MONTH_DAYS)
        if place == curve.time.size:
            break
        reached, ended = int(curve.at_risk[place]), int(curve.events[place:end].sum())
        at_end = curve.at(month * _MONTH_DAYS - 1)[0] if month else 0.0
        gone = curve.at((month + 1) * _MONTH_DAYS - 1)[0]
        found.append((month, reached, ended, (gone - at_end) / (1 - at_end) if at_end < 1 else 0.0))
    return found


# -- telling ------------------------------------------------------------------------------------------


def _stays(curve: Survival, days: float) -> tuple[float, float, float, float]:
    """Share that still runs after so many days, the ends of its interval, and how many were observed so long."""
    gone, low, high, observed = curve.at(days)
    return 1 - gone, 1 - high, 1 - low, observed


def _within(curve: Survival, query: ir.Table) -> Table:
    told = [days for days in _WITHIN_DAYS if days <= curve.time[-1]] or [int(curve.time[-1])]
    rows = [_stays(curve, days) for days in told]
    columns = Columns()
    columns.add("after_days", told, "days", "Length of the contract.", "after days")
    columns.add("retention_share", [one[0] for one in rows], "share", "Contracts that run at least so long.")
    columns.add_interval("retention_share", [one[1] for one in rows], [one[2] for one in rows], "share")
    columns.add("observed", [int(one[3]) for one in rows], "customers", "Contracts observed for longer than that.")
    return columns.table("retention", "How many contracts still run, by their length", source=(query,))


def _curve_table(curve: Survival, query: ir.Table) -> Table:
    step = max(1, -(-int(curve.time[-1]) // _CURVE_POINTS))
    told = list(range(0, int(curve.time[-1]) + 1, step))
    rows = [_stays(curve, days) for days in told]
    columns = Columns()
    columns.add("days", told, "days", "Days since the contract began.", "days since the start")
    columns.add("retention_share", [one[0] for one in rows], "share", "Contracts that run at least so long.")
    columns.add_interval("retention_share", [one[1] for one in rows], [one[2] for one in rows], "share")
    return columns.table("retention_curve", "Retention of contracts over time", source=(query,), dimensions=("days",))


def _pace_table(curve: Survival, query: ir.Table) -> Table:
    from regulars.models.intervals import share_interval

    rows = _pace(curve)
    low, high = share_interval([one[2] for one in rows], [max(one[1], 1) for one in rows])
    columns = Columns()
    columns.add("contract_month", [one[0] + 1 for one in rows], "count", "Month of the contract, of 30 days each.")
    columns.add("reached", [one[1] for one in rows], "customers", "Contracts that reached this month.")
    columns.add("ended", [one[2] for one in rows], "customers", "Contracts that ended in it.")
    share = [one[3] for one in rows]
    columns.add("end_share", share, "share", "Share of those who reached it that end in it.")
    columns.add_interval(
        "end_share", [min(a, b) for a, b in zip(low, share, strict=True)],
        [max(a, b) for a, b in zip(high, share, strict=True)], "share",
    )  # fmt: skip
    return columns.table("ends_by_month", "In which month contracts end", source=(query,))


def _group_table(tested: Sequence[_Tested], told_days: int, least: int) -> Table:
    rows = [
        (one, name, curve)
        for one in tested
        for name, curve in one.read.curves.items()
    ]  # fmt: skip
    few = [curve.at_risk[0] < least for *_, curve in rows]
    stays = [_stays(curve, told_days) for *_, curve in rows]
    columns = Columns()
    columns.add("dimension", [one.read.dimension.title if one.read.dimension else "" for one, *_ in rows], "text")
    columns.add("group", [name for _, name, _ in rows], "text")
    columns.add("customers", [int(curve.at_risk[0]) for *_, curve in rows], "customers", "Contracts that began.")

    def kept(place: int) -> list[float | None]:
        return [
            None if hide or stay[3] < least else stay[place] for hide, stay in zip(few, stays, strict=True)
        ]  # fmt: skip

    columns.add("retention_share", kept(0), "share", f"Contracts that run at least {told_days} days.")
    columns.add_interval("retention_share", kept(1), kept(2), "share")
    columns.add("median_days", [_median(curve) for *_, curve in rows], "days", "Half of the contracts end by then.")
    columns.add("p_value", [one.p_value for one, *_ in rows], "score", "Log-rank test of the dimension, adjusted.")
    columns.add("differs", [one.differs for one, *_ in rows], "", "Whether the groups differ beyond chance.")
    columns.add("too_few", few, "", f"Under {least} contracts: no share is told.")
    return columns.table(
        "by_group", "Retention by group", source=tuple(one.read.query for one in tested),
        dimensions=("dimension", "group"), measures=("customers",),
        note=f"{len(tested)} log-rank tests, corrected for their number (false discovery rate).",
    )  # fmt: skip


def _median(curve: Survival) -> float | None:
    import numpy as np

    place = int(np.searchsorted(curve.happened, 0.5))
    return float(curve.time[place]) if place < curve.time.size else None


def _charts(curve: Survival, told_days: int) -> list[Chart]:
    days = min(told_days, int(curve.time[-1]))
    share = _stays(curve, days)[0]
    return [
        Chart(
            "retention_curve", f"{write(share, 'share')} of contracts run at least {write_count(days, 'days')}",
            "Share of contracts that still run, by days since they began, with 95 % interval",
            "line", "retention_curve", "days", "retention_share", low="retention_share_low",
            high="retention_share_high",
        ),
        Chart(
            "ends_by_month", "In which month contracts end",
            "Share of the contracts that reached a month and end in it, with 95 % interval",
            "column", "ends_by_month", "contract_month", "end_share", low="end_share_low", high="end_share_high",
            x_sort="data",
        ),
    ]  # fmt: skip


def _findings(settings: Contracts, curve: Survival, tested: Sequence[_Tested], data: Dataset) -> list[Finding]:
    days = settings.told_days
    share, low, high, observed = _stays(curve, days)
    customers = int(curve.at_risk[0])
    if customers < data.min_customers or observed < data.min_customers or not low <= share <= high:
        return []
    found = [
        Finding(
            "contracts.retention",
            f"{write(share, 'share')} of contracts ({write_interval(low, high, 'share')}) run at least {days:,} days.",
            share, "share", customers, Evidence("retention_curve", f"days = {days}"), interval=(low, high),
        )
    ]  # fmt: skip
    found += [finding for one in tested if one.differs and (finding := _difference(one, days, data.min_customers))]
    return found


def _difference(tested: _Tested, days: int, least: int) -> Finding | None:
    """The group that stays longest against the one that leaves soonest."""
    from regulars.models.intervals import steady

    assert tested.read.dimension is not None  # noqa: S101  only the whole has none
    known = {
        name: (_stays(curve, days), int(curve.at_risk[0]))
        for name, curve in tested.read.curves.items()
        if curve.at_risk[0] >= least and name != dimensions.UNKNOWN and _stays(curve, days)[3] >= least
    }
    if len(known) < 2:
        return None
    best, worst = (pick(sorted(known), key=lambda name: known[name][0][0]) for pick in (max, min))
    (above, above_n), (below, below_n) = known[best], known[worst]
    gap = float(steady(above[0] - below[0]))
    error = (((above[2] - above[1]) ** 2 + (below[2] - below[1]) ** 2) ** 0.5) / 2
    title = tested.read.dimension.title
    sentence = (
        f"By {title}, contracts of '{best}' last longest: {write(above[0], 'share')} run at least {days:,} days, "
        f"against {write(below[0], 'share')} of '{worst}' (the groups differ beyond chance)."
    )
    return Finding(
        f"contracts.by_{tested.read.dimension.name}", sentence, gap, "change_points", above_n + below_n,
        Evidence("by_group", f"dimension = {title}"),
        interval=(gap - error, gap + error) if error == error else None,  # noqa: PLR0124  NaN is not equal to itself
    )  # fmt: skip


def _audience(each: ir.Table, place: tuple[int, float]) -> Audience:
    """Contracts that run and stand in, or a month before, the month in which most end."""
    import ibis

    month, share = place
    first = max(month - 1, 0) * _MONTH_DAYS
    last = (month + 1) * _MONTH_DAYS
    running = each.filter(~each.has_ended & (each.days >= first) & (each.days < last))
    reason = ibis.literal(f"the contract is near its {month + 1}. month, in which {write(share, 'share')} end")
    return Audience(
        "near_the_end", "Contracts near the month in which most end",
        running.select("customer_id", reason=reason, score=ibis.literal(share), contract_days=running.days),
        "Speak to them before that month, not after.",
    )  # fmt: skip


def _actions(place: tuple[int, float] | None) -> tuple[Action, ...]:
    if place is None:
        return ()
    return (
        Action(
            "contracts.near_the_end",
            f"Write to members before month {place[0] + 1} of their contract, and leave a part of them out to compare.",
            f"Of the contracts that reach that month {write(place[1], 'share')} end in it, more than in any other.",
            "near_the_end",
        ),
    )


_CAVEAT = (
    "Groups are compared as they are: customers who chose one or were given one may differ in more than the group "
    "itself."
)
_DEFINITIONS = {
    "contract": "From `joined_on` to `left_on`; without an end, or with one in the future, it still runs.",
    "retention": "Share of contracts that run at least so long (Kaplan–Meier: one that still runs counts up to now).",
    "log-rank test": "Whether groups end at the same pace over all their time; p-values are adjusted for their number.",
}
