"""Groups of customers that gain by a contact, and groups that it harms or does not pay for: whom to leave alone."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.result import Audience, Caveat, Evidence, Finding, Pieces, key_part
from regulars.core.units import write, write_count, write_interval
from regulars.measures import uplift_tables as tables
from regulars.measures.uplift_tables import CHANGES, WORDS
from regulars.methods import experiment_effects
from regulars.methods import uplift as method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.dataset import Dataset
    from regulars.methods.experiment_effects import GroupEffect
    from regulars.methods.uplift import Learnt

HARMED, COSTLY, GAINS, UNKNOWN = "harmed", "does not pay", "gains", "no effect shown"
_MOST_FINDINGS = 5


@dataclass(frozen=True)
class Group:
    """A group of customers and what an arm does to it.

    Args:
        learnt: The experiment and outcome.
        row: The group.
        effect: What the arm adds to a customer's outcome.
        low: Lower end of the effect's 95 % interval, which holds for all groups of the experiment at once.
        high: Upper end.
        verdict: Harmed, does not pay (its gain is beyond chance under the cost), gains, or no effect shown.
    """

    learnt: Learnt
    row: GroupEffect
    effect: float
    low: float
    high: float
    verdict: str

    @property
    def is_left_alone(self) -> bool:
        """Whether the contact is beyond chance a loss."""
        return self.verdict in (HARMED, COSTLY)


def groups(data: Dataset, learnt: Sequence[Learnt], margin: float, cost: float) -> Pieces:
    """The effect by group of every experiment, in the outcome it is decided by.

    Args:
        data: The data.
        learnt: What was learnt of the experiments.
        margin: Profit per unit of money, where the outcome is no margin itself.
        cost: Of one contact; counts only where the outcome is money.
    """
    found, queries = [], []
    for one in method.deciding(tuple(learnt)):
        rows, asked = experiment_effects.by_group(data, one.examined, one.outcome)
        found += _judged(one, rows, method.profit_share(one.outcome, margin), cost)
        queries += asked
    pieces = Pieces()
    for kind, words in WORDS.items():
        ours = [group for group in found if group.learnt.outcome.kind == kind]
        if ours:
            pieces.tables.append(tables.groups([_row(one) for one in ours], words, CHANGES[kind], tuple(queries)))
    alone = sorted((one for one in found if one.is_left_alone), key=lambda one: (-one.row.n, one.row.group))
    pieces.findings += [_finding(data, one, cost) for one in alone[:_MOST_FINDINGS]]
    if found:
        pieces.caveats.append(_summary(found, alone))
    if alone:
        pieces.audiences.append(_audience(data, alone, margin, cost))
    return pieces


def _judged(one: Learnt, rows: Sequence[GroupEffect], margin: float, cost: float) -> list[Group]:
    """The groups with an effect, with intervals that hold for all of them at once (Bonferroni)."""
    from scipy import stats

    told = [(row, row.effect) for row in rows if row.effect is not None]
    width = float(stats.norm.ppf(1 - 0.025 / max(len(told), 1)))
    found = []
    for row, effect in told:
        value, half = effect.value, width * experiment_effects.standard_error(effect)
        low, high = value - half, value + half
        verdict = GAINS if low > 0 else UNKNOWN
        if one.outcome.kind == "money" and margin * high < cost:
            verdict = COSTLY
        if high < 0:
            verdict = HARMED
        found.append(Group(one, row, value, low, high, verdict))
    return sorted(found, key=lambda group: (group.effect, group.row.group))


def _row(one: Group) -> tables.GroupRow:
    return tables.GroupRow(
        one.learnt.examined.trial.name, one.row.arm, one.learnt.outcome.name, one.row.dimension, one.row.group,
        one.row.n, one.effect, one.low, one.high, one.verdict,
    )  # fmt: skip


def _finding(data: Dataset, one: Group, cost: float) -> Finding:
    kind, trial, currency = one.learnt.outcome.kind, one.learnt.examined.trial.name, data.currency
    name, value = one.learnt.outcome.name.replace("_", " "), one.effect
    ends = write_interval(one.low, one.high, CHANGES[kind], currency)
    what = "lowers" if one.verdict == HARMED else "adds too little to"
    pay = f", and a contact costs {write(cost, 'money', currency)}" if one.verdict == COSTLY else ""
    sentence = (
        f"In the experiment {trial}, {one.row.arm} {what} {name} of customers with "
        f"{one.row.dimension.replace('_', ' ')} '{one.row.group}': {write(value, CHANGES[kind], currency)} a customer "
        f"({ends}, corrected for the number of groups){pay}. Leave them alone."
    )
    key = ".".join(key_part(part) for part in (trial, one.row.arm, one.row.dimension, one.row.group))
    return Finding(
        f"uplift.{key}.leave_alone", sentence, value, CHANGES[kind], one.row.n,
        Evidence(f"groups_{WORDS[kind]}", f"{one.row.dimension} = {one.row.group}, {one.row.arm}"), "randomised",
        interval=(one.low, one.high), is_good=False,
    )  # fmt: skip


def _summary(found: Sequence[Group], alone: Sequence[Group]) -> Caveat:
    gaining = sum(one.verdict == GAINS for one in found)
    unknown = sum(one.verdict == UNKNOWN for one in found)
    told = f"{len(alone)} should be left alone beyond chance" if alone else "none should be left alone beyond chance"
    return Caveat(
        f"Of {write_count(len(found), 'groups')} of customers compared, {told}; {gaining} gain, and for {unknown} no "
        "effect is shown, which is not to say that there is none."
    )


def _audience(data: Dataset, alone: Sequence[Group], margin: float, cost: float) -> Audience:
    """Customers of today in groups to be left alone, each in the one where a contact loses most."""
    import ibis

    rows = data.customers.select("customer_id")
    for one in {id(group.learnt): group.learnt for group in alone}.values():
        if method.is_scorable(data, one.examined):
            features = method.features_today(data, one)
            fresh = features.select("customer_id", *[name for name in features.columns if name not in rows.columns])
            rows = rows.left_join(fresh, "customer_id").drop("customer_id_right")
    labels: dict[tuple[str, str], str] = {}  # each dimension once, however many of its groups are told
    told = []
    for group in sorted(alone, key=functools.partial(_loss, margin=margin, cost=cost), reverse=True):
        key = (group.learnt.examined.trial.name, group.row.dimension)
        if key not in labels:
            grouping = experiment_effects.grouping(data, group.learnt.examined, group.row.dimension)
            if grouping is None or not set(grouping.needs) <= set(rows.columns):
                continue
            labels[key] = f"_group_{len(labels)}"
            rows = grouping.label(rows, labels[key])
        reason = f"{group.row.arm}: {group.verdict}, {group.row.dimension.replace('_', ' ')} {group.row.group}"
        told.append((labels[key], group.row.group, reason, round(_loss(group, margin, cost), 6)))
    if told:
        within = [(rows[column] == label, reason, score) for column, label, reason, score in told]
        rows = rows.mutate(
            reason=ibis.cases(*((who, reason) for who, reason, _ in within), else_=ibis.null("string")),
            score=ibis.cases(*((who, score) for who, _, score in within), else_=ibis.null("float64")),
        )
    else:
        rows = rows.mutate(reason=ibis.null("string"), score=ibis.null("float64"))
    members = rows.filter(rows.reason.notnull()).select("customer_id", "reason", "score")
    return Audience(
        "groups_to_leave_alone", "Customers of groups that a contact harms or does not pay for",
        members.order_by(members.score.desc(), members.customer_id),
        "What not contacting one of them spares, by the effect on the group.",
    )  # fmt: skip


def _loss(one: Group, margin: float, cost: float) -> float:
    """What contacting one customer of the group loses."""
    if one.learnt.outcome.kind != "money":
        return -one.effect
    return cost - method.profit_share(one.learnt.outcome, margin) * one.effect
