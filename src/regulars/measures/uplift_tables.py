"""Tables of uplift from numbers: rankings, tenths of the customers, ways to choose whom to contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.core.units import Unit
    from regulars.measures.experiments import OutcomeKind

PER = 1000
"""Money is told per so many customers of the base: of one it is a matter of cents."""
CHANGES: Mapping[OutcomeKind, Unit] = {"share": "change_points", "money": "money", "number": ""}
"""What an effect on an outcome of each kind is counted in."""
WORDS: Mapping[OutcomeKind, str] = {"share": "shares", "money": "money", "number": "numbers"}
"""The kinds of outcome in words, as tables are named by them."""
_PROFIT = f"Per {PER:,} customers of the base, after costs."


@dataclass(frozen=True)
class RankingRow:
    """How well one ranking finds those who are changed, per `PER` customers."""

    experiment: str
    arm: str
    outcome: str
    ranking: str
    qini: float
    low: float
    high: float
    auuc: float
    auuc_low: float
    auuc_high: float


@dataclass(frozen=True)
class TenthRow:
    """A tenth of the customers, by predicted uplift, the largest first."""

    experiment: str
    arm: str
    outcome: str
    tenth: int
    customers: int
    predicted: float
    effect: float
    low: float
    high: float


@dataclass(frozen=True)
class GroupRow:
    """What an arm does to a group of customers."""

    experiment: str
    arm: str
    outcome: str
    dimension: str
    group: str
    customers: int
    effect: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class PolicyRow:
    """A way to choose whom to contact, and what it brings per `PER` customers of the base, after costs."""

    experiment: str
    arm: str
    policy: str
    contacted_share: float
    profit: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


@dataclass(frozen=True)
class OfferRow:
    """A rule that gives each customer one of several contacts, and what it brings."""

    experiment: str
    outcome: str
    rule: str
    contacts: str
    contacted_share: float
    value: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


def rankings(rows: Sequence[RankingRow], source: tuple[ir.Expr, ...]) -> Table:
    """Every ranking beside a random order (0)."""
    columns = _named(rows)
    columns.add("ranking", [row.ranking for row in rows], "text", "What customers are ranked by.")
    columns.add("qini", [row.qini for row in rows], "score", f"Per {PER:,} customers; 0 for a random order.")
    columns.add_interval("qini", [row.low for row in rows], [row.high for row in rows], "score")
    columns.add("auuc", [row.auuc for row in rows], "score", f"Area under the uplift curve, per {PER:,} customers.")
    columns.add_interval("auuc", [row.auuc_low for row in rows], [row.auuc_high for row in rows], "score")
    return columns.table(
        "rankings", "Does a ranking find those whom the contact changes?", source=source,
        dimensions=("experiment", "arm", "outcome"),
        note="Judged on customers that the learners had not seen; \"all learners\" is what is used.",
    )  # fmt: skip


def tenths(rows: Sequence[TenthRow], words: str, change: Unit, source: tuple[ir.Expr, ...]) -> Table:
    """The effect by tenth of predicted uplift."""
    columns = _named(rows)
    columns.add("tenth", [row.tenth for row in rows], "count", "1: the largest predicted uplift.")
    columns.add("customers", [row.customers for row in rows], "customers", "Of the arm and the control.")
    columns.add("predicted", [row.predicted for row in rows], change, "Mean predicted uplift.")
    columns.add("effect", [row.effect for row in rows], change, "What was seen in the experiment.")
    columns.add_interval("effect", [row.low for row in rows], [row.high for row in rows], change)
    return columns.table(
        f"tenths_{words}", f"Effect by tenth of predicted uplift, in {words}", source=source,
        dimensions=("experiment", "arm", "outcome"),
    )  # fmt: skip


def groups(rows: Sequence[GroupRow], words: str, change: Unit, source: tuple[ir.Expr, ...]) -> Table:
    """The effect by group, the least first."""
    columns = _named(rows)
    columns.add("dimension", [row.dimension for row in rows], "name", "Known before the start.")
    columns.add("group", [row.group for row in rows], "text")
    columns.add("customers", [row.customers for row in rows], "customers", "Of the arm and the control.")
    columns.add("effect", [row.effect for row in rows], change, "Arm less control.")
    columns.add_interval("effect", [row.low for row in rows], [row.high for row in rows], change)
    columns.add("verdict", [row.verdict for row in rows], "text", "What the contact does to the group.")
    return columns.table(
        f"groups_{words}", f"Who gains by the contact, and who should be left alone: by group, in {words}",
        source=source, dimensions=("experiment", "arm", "outcome", "dimension", "verdict"),
        note="Randomised. The intervals hold for all groups of an experiment at once (Bonferroni); a group does not "
        "pay where its gain × margin lies beyond chance under the cost of a contact.",
    )  # fmt: skip


def policies(rows: Sequence[PolicyRow], source: tuple[ir.Expr, ...], note: str) -> Table:
    """What each way of choosing brings, beside contacting everyone."""
    columns = Columns()
    columns.add("experiment", [row.experiment for row in rows], "text")
    columns.add("arm", [row.arm for row in rows], "text")
    columns.add("policy", [row.policy for row in rows], "text", "Whom to contact.")
    columns.add("contacted_share", [row.contacted_share for row in rows], "share", "Of all customers.")
    columns.add("profit", [row.profit for row in rows], "money", _PROFIT)
    columns.add_interval("profit", [row.low for row in rows], [row.high for row in rows], "money")
    columns.add("against_everyone", [row.gain for row in rows], "money", "Profit less that of contacting everyone.")
    columns.add_interval("against_everyone", [row.gain_low for row in rows], [row.gain_high for row in rows], "money")
    return columns.table(
        "policies", "Whom to contact: what each rule brings", source=source, dimensions=("experiment", "arm"), note=note
    )


def curve(rows: Sequence[PolicyRow], source: tuple[ir.Expr, ...]) -> Table:
    """Profit by how many are contacted, the largest predicted uplift first."""
    columns = Columns()
    columns.add("experiment", [row.experiment for row in rows], "text")
    columns.add("arm", [row.arm for row in rows], "text")
    columns.add("depth", [row.contacted_share for row in rows], "share", "Share of customers contacted.")
    columns.add("profit", [row.profit for row in rows], "money", _PROFIT)
    columns.add_interval("profit", [row.low for row in rows], [row.high for row in rows], "money")
    return columns.table("profit_curve", "Profit by depth of contact", source=source, dimensions=("experiment", "arm"))


def offers(rows: Sequence[OfferRow], words: str, change: Unit, source: tuple[ir.Expr, ...], note: str) -> Table:
    """The best contact for each customer beside every single one for all."""
    columns = Columns()
    columns.add("experiment", [row.experiment for row in rows], "text")
    columns.add("outcome", [row.outcome for row in rows], "name")
    columns.add("rule", [row.rule for row in rows], "text", "Who gets which contact.")
    columns.add("contacts", [row.contacts for row in rows], "text", "Share of customers that get each.")
    columns.add("contacted_share", [row.contacted_share for row in rows], "share", "Of all customers.")
    columns.add("value", [row.value for row in rows], change, "Against no contact; see the note.")
    columns.add_interval("value", [row.low for row in rows], [row.high for row in rows], change)
    columns.add("against_best", [row.gain for row in rows], change, "Less that of the best single contact for all.")
    columns.add_interval("against_best", [row.gain_low for row in rows], [row.gain_high for row in rows], change)
    return columns.table(
        f"best_contact_{words}", f"Which contact for whom: what each rule brings, in {words}", source=source,
        dimensions=("experiment", "outcome"), note=note,
    )  # fmt: skip


def _named(rows: Sequence[Any]) -> Columns:
    columns = Columns()
    for name in ("experiment", "arm", "outcome"):
        columns.add(name, [getattr(row, name) for row in rows], "text")
    return columns
