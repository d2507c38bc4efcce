"""Experiments: what did the arms of each experiment bring, and can the experiment be trusted?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding, key_part
from regulars.core.units import write, write_count, write_interval
from regulars.errors import SettingsError
from regulars.measures.tables import Columns
from regulars.methods import experiment_effects, experiments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.core.units import Unit
    from regulars.measures.experiments import Outcome, OutcomeKind
    from regulars.methods.experiment_effects import GroupEffect, Measured
    from regulars.methods.experiments import Examined

_UNITS: Mapping[OutcomeKind, Unit] = {"share": "share", "money": "money", "number": ""}
_CHANGES: Mapping[OutcomeKind, Unit] = {"share": "change_points", "money": "money", "number": ""}
_WORDS: Mapping[OutcomeKind, str] = {"share": "shares", "money": "money", "number": "numbers"}


@dataclass(frozen=True)
class Experiments(Analysis):
    """Arms beside their control, once the assignment has stood its examination.

    Experiments are declared as `[experiments.NAME]`, or found from the arms of the contacts. One that fails the
    examination gives no number: neither its arms' means nor an effect is told.

    Args:
        by_group: Whether the effect in the first outcome is told by group of customers.
    """

    title = "Experiments"
    question = "What did the arms of each experiment bring, and can the experiment be trusted?"
    chapter = "campaigns"
    order = 10
    needs = Needs()
    wants = Needs(tables={"contacts", "products"}, summaries={"customer_days", "order_items"})

    by_group: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.by_group, bool):
            raise SettingsError("[experiments] by_group is true or false", mend="write by_group = true")

    def is_moot(self, data: Dataset) -> bool:
        """There is nothing to say where no contact has an arm and no experiment is declared."""
        return not experiments.has_experiments(data)

    def run(self, data: Dataset) -> Result:
        """The examination of every experiment, and the effects of those that can be trusted."""
        found = experiments.examined(data) if experiments.has_experiments(data) else ()
        trusted = [one for one in found if one.is_trusted]
        measured = [row for one in trusted for row in experiment_effects.effects(one)]
        groups: list[tuple[Examined, Outcome, list[GroupEffect], list[ir.Table]]] = []
        if self.by_group:
            for one in trusted:
                outcome = one.trial.outcomes[0]
                groups.append((one, outcome, *experiment_effects.by_group(data, one, outcome)))
        tables = [_checks(found), *_effects(trusted, measured), *_groups(groups)]
        if any(one.balances for one in found):
            tables.append(_balances(found))
        findings = _findings(data, measured)
        return self.result(
            tables=tuple(tables), charts=tuple(_charts(data, tables, measured)), findings=tuple(findings),
            actions=tuple(_actions(measured, findings)), caveats=tuple(_caveats(found, measured, groups)),
            definitions=_DEFINITIONS,
        )  # fmt: skip


_DEFINITIONS = {
    "effect": "Mean of the arm less mean of the control, over all assigned, whether they were reached or not.",
    "adjusted effect": "The same after taking out what was known of the customers before the start (CUPED).",
    "beyond chance": "The p-value, adjusted for all arms and outcomes of the experiment, is under 5 %.",
    "smallest effect": "The difference that would have been seen with a probability of 80 %.",
    "withheld": "An experiment that fails its examination gives no number: neither means nor effects.",
}


# -- tables -------------------------------------------------------------------------------------------


def _checks(found: Sequence[Examined]) -> Table:
    rows = [(one, check) for one in found for check in one.checks]
    columns = Columns()
    columns.add("experiment", [one.trial.name for one, _ in rows], "text")
    columns.add("check", [check.name for _, check in rows], "text", "What was looked at before any effect.")
    columns.add("verdict", [check.verdict for _, check in rows], "text", "Passed, failed, or not judged.")
    columns.add("found", [check.sentence for _, check in rows], "text", "What was found.")
    columns.add("concerned", [check.n for _, check in rows], "customers", "How many it concerns.")
    return columns.table(
        "examination", "Can the experiments be trusted?", source=_sources(found), dimensions=("experiment", "verdict"),
        note="An experiment with a check that failed gives no effect.",
    )  # fmt: skip


def _sources(found: Sequence[Examined]) -> tuple[ir.Expr, ...]:
    return tuple(query for one in found for query in one.queries)


def _balances(found: Sequence[Examined]) -> Table:
    rows = [(one, balance) for one in found for balance in one.balances]
    columns = Columns()
    columns.add("experiment", [one.trial.name for one, _ in rows], "text")
    columns.add("known_before", [balance.name for _, balance in rows], "name", "Known before the start.")
    columns.add(
        "difference", [balance.difference for _, balance in rows], "",
        "Largest difference of an arm from the control: in standard deviations, of a label in points of share.",
    )  # fmt: skip
    columns.add("p_value", [balance.p_value for _, balance in rows], "", "Of no difference.")
    return columns.table("balance", "Were the arms alike before the start?", source=_sources(found))


def _effects(trusted: Sequence[Examined], measured: Sequence[Measured]) -> list[Table]:
    tables = []
    for kind, words in _WORDS.items():
        rows = [row for row in measured if row.outcome.kind == kind]
        if rows:
            tables.append(_effect_table(kind, words, rows, trusted))
    return tables


def _effect_table(kind: OutcomeKind, words: str, rows: Sequence[Measured], trusted: Sequence[Examined]) -> Table:
    unit, change = _UNITS[kind], _CHANGES[kind]
    columns = Columns()
    columns.add("experiment", [row.examined.trial.name for row in rows], "text")
    columns.add("outcome", [row.outcome.name for row in rows], "name")
    columns.add("arm", [row.arm for row in rows], "text")
    columns.add("customers", [row.examined.counts[row.arm] for row in rows], "customers", "In the arm.")
    columns.add("arm_mean", [row.plain.treated for row in rows], unit, "Mean of the arm.")
    columns.add("control_mean", [row.plain.control for row in rows], unit, "Mean of the control.")
    columns.add("effect", [row.plain.value for row in rows], change, "Arm less control.")
    columns.add_interval("effect", [row.plain.low for row in rows], [row.plain.high for row in rows], change)
    columns.add("relative_effect", [row.plain.relative for row in rows], "change_share", "Effect ÷ control.")
    columns.add_interval(
        "relative_effect", [row.plain.relative_low for row in rows], [row.plain.relative_high for row in rows],
        "change_share",
    )  # fmt: skip
    nothing = float("nan")
    adjusted = [row.adjusted for row in rows]
    columns.add(
        "adjusted_effect", [one.value if one else nothing for one in adjusted], change,
        "After taking out what was known before the start.",
    )  # fmt: skip
    columns.add_interval(
        "adjusted_effect", [one.low if one else nothing for one in adjusted],
        [one.high if one else nothing for one in adjusted], change,
    )  # fmt: skip
    columns.add("adjusted_for", [row.covariate for row in rows], "name", "What was taken out.")
    columns.add("t", [row.effect.statistic for row in rows], "", "Welch's t of the effect that counts.")
    columns.add("p_value", [row.p_value for row in rows], "", "Adjusted for all arms and outcomes of the experiment.")
    columns.add("is_beyond_chance", [row.is_beyond_chance for row in rows], "", "", "beyond chance")
    columns.add("smallest_effect", [row.effect.smallest for row in rows], change, "Seen with a probability of 80 %.")
    return columns.table(
        words, f"What the arms brought, in {words}", source=_sources(trusted),
        dimensions=("experiment", "outcome", "arm"), note="Randomised: these differences are effects.",
    )  # fmt: skip


def _groups(groups: Sequence[tuple[Examined, Outcome, list[GroupEffect], list[ir.Table]]]) -> list[Table]:
    tables = []
    for kind, words in _WORDS.items():
        ours = [one for one in groups if one[1].kind == kind and one[2]]
        rows = [(examined, outcome, row) for examined, outcome, found, _ in ours for row in found]
        if not rows:
            continue
        change, nothing = _CHANGES[kind], float("nan")
        effects = [row.effect for *_, row in rows]
        columns = Columns()
        columns.add("experiment", [one.trial.name for one, *_ in rows], "text")
        columns.add("outcome", [outcome.name for _, outcome, _ in rows], "name")
        columns.add("arm", [row.arm for *_, row in rows], "text")
        columns.add("dimension", [row.dimension for *_, row in rows], "name")
        columns.add("group", [row.group for *_, row in rows], "text")
        columns.add("customers", [row.n for *_, row in rows], "customers", "Of the arm and the control.")
        columns.add("effect", [one.value if one else nothing for one in effects], change, "Arm less control.")
        columns.add_interval(
            "effect", [one.low if one else nothing for one in effects],
            [one.high if one else nothing for one in effects], change,
        )  # fmt: skip
        columns.add("differs_p_value", [row.differs_p for *_, row in rows], "", "That all groups gain alike, adjusted.")
        columns.add("too_few", [one is None for one in effects], "", "Too few customers: no figure is told.")
        tables.append(
            columns.table(
                f"groups_{words}", f"Effects by group of customers, in {words}",
                source=tuple(query for *_, queries in ours for query in queries),
                dimensions=("experiment", "dimension", "group", "arm"),
                note="Groups differ beyond chance where the adjusted p-value is under 5 %.",
            )
        )  # fmt: skip
    return tables


# -- what is said -------------------------------------------------------------------------------------


def _effects_title(rows: Sequence[Measured], words: str, currency: str) -> str:
    """The clearest difference, and how many there are."""
    beyond = [row for row in rows if row.is_beyond_chance]
    if not beyond:
        return f"No difference in {words} is beyond chance"
    top = max(beyond, key=lambda row: (abs(row.effect.statistic), row.arm))
    change = write(top.effect.value, _CHANGES[top.outcome.kind], currency)
    return (
        f"{top.arm} changed {top.outcome.name.replace('_', ' ')} by {change}; {len(beyond)} of {len(rows)} differences "
        f"in {words} are beyond chance"
    )


def _charts(data: Dataset, tables: Sequence[Table], measured: Sequence[Measured]) -> list[Chart]:
    there = {table.name for table in tables}
    charts = []
    for kind, words in _WORDS.items():
        rows = [row for row in measured if row.outcome.kind == kind]
        if words not in there:
            continue
        charts.append(
            Chart(
                f"effects_{words}", _effects_title(rows, words, data.currency),
                "Arm less control, with the 95 % interval", "interval", words, "outcome",
                "effect", colour="arm", low="effect_low", high="effect_high", x_sort="data",
            )
        )  # fmt: skip
    return charts


def _findings(data: Dataset, measured: Sequence[Measured]) -> list[Finding]:
    found = []
    for row in measured:
        kind, effect, trial = row.outcome.kind, row.effect, row.examined.trial
        unit, change, currency = _UNITS[kind], _CHANGES[kind], data.currency
        name = row.outcome.name.replace("_", " ")
        ends = write_interval(effect.low, effect.high, change, currency)
        how = f" (adjusted for {row.covariate.replace('_', ' ')})" if effect is not row.plain else ""
        verdict = (
            f"changed {name} by {write(effect.value, change, currency)} a customer ({ends}){how}, from "
            f"{write(effect.control, unit, currency)} of {row.examined.control}"
            if row.is_beyond_chance
            else f"changed {name} by no more than chance would: {write(effect.value, change, currency)} ({ends}){how}; "
            f"an effect of {write(effect.smallest, change, currency)} would have been seen"
        )
        found.append(
            Finding(
                f"experiments.{key_part(trial.name)}.{key_part(row.arm)}.{key_part(row.outcome.name)}",
                f"In the experiment {trial.name}, {row.arm} {verdict}.",
                effect.value, change, row.n, Evidence(_WORDS[kind], f"{trial.name}, {row.arm}, {row.outcome.name}"),
                "randomised", interval=(min(effect.low, effect.value), max(effect.high, effect.value)),
                at_stake=effect.value * row.n if kind == "money" and row.is_beyond_chance else None,
                is_good=(effect.value > 0) if row.is_beyond_chance else None,
            )
        )  # fmt: skip
    return found


def _actions(measured: Sequence[Measured], findings: Sequence[Finding]) -> list[Action]:
    """For the first outcome of each experiment: of several arms that are better, the best; every arm that is worse."""
    told = [
        (row, finding)
        for row, finding in zip(measured, findings, strict=True)
        if row.outcome is row.examined.trial.outcomes[0] and row.is_beyond_chance
    ]
    actions = []
    for row, finding in told:
        good = row.effect.value > 0
        rivals = [other for other, _ in told if other.examined is row.examined and other.effect.value > 0]
        if good and row is not max(rivals, key=lambda one: one.effect.value):
            continue
        sentence = f"{'Roll out' if good else 'Stop'} {row.arm} of the experiment {row.examined.trial.name}."
        why = "The effect is beyond chance; weigh it against what a contact costs, and keep a hold-out group."
        if good and len(rivals) > 1:
            why = f"Of {len(rivals)} arms whose effect is beyond chance it has the largest; keep a hold-out group."
        actions.append(Action(f"{finding.key}.decide", sentence, why, "", finding.key))
    return actions


def _caveats(
    found: Sequence[Examined], measured: Sequence[Measured],
    groups: Sequence[tuple[Examined, Outcome, list[GroupEffect], list[ir.Table]]],
) -> list[Caveat]:  # fmt: skip
    from regulars.models.experiments import FEW_EVENTS

    caveats = []
    for one in found:
        if one.is_trusted:
            continue
        reasons = " ".join(check.sentence for check in one.failures)
        text = f"The experiment {one.trial.name} cannot be trusted, and its effect is withheld. {reasons}"
        caveats.append(Caveat(text, "stop"))
    if not found:
        caveats.append(Caveat("No contact belongs to an experiment with two arms or more.", "warning"))
    for one in found:
        unjudged = [check.sentence for check in one.checks if check.verdict == "not judged"]
        if one.is_trusted and unjudged:
            caveats.append(Caveat(f"Of the experiment {one.trial.name} it is taken on trust: {' '.join(unjudged)}"))
        if one.is_trusted and one.trial.first and any(name.name == "orders" for name in one.trial.outcomes):
            text = f"Purchases of {one.trial.name} count from {one.trial.first} to {one.trial.last}."
            caveats.append(Caveat(text))
    few = sorted({row.outcome.name for row in measured if row.events < FEW_EVENTS})
    if few:
        caveats.append(
            Caveat(
                f"Fewer than {FEW_EVENTS} customers of an arm have {', '.join(few)} other than zero: the test is then "
                "careful, and misses effects more often than it says.", "warning",
            )
        )  # fmt: skip
    if measured:
        looked = write_count(sum(len(rows) for _, _, rows, _ in groups), "effects by group")
        caveats.append(
            Caveat(f"{len(measured)} effects and {looked} were tested; p-values are adjusted for how many there are.")
        )
    return caveats
