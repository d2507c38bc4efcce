"""How well rankings by uplift find those whom a contact changes: tables, charts and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.chart import Chart
from regulars.core.result import Evidence, Finding, Pieces, key_part
from regulars.core.units import write, write_interval
from regulars.measures import uplift_tables as tables
from regulars.measures.uplift_tables import CHANGES, PER, WORDS
from regulars.methods import uplift as method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.core.dataset import Dataset
    from regulars.core.units import Unit
    from regulars.methods.uplift import Learnt
    from regulars.models.uplift import Ranked

USED = "all learners"
"""The ranking that is used."""
VALIDATED = "cross-fitted over five seeds: ranked by learners that had not seen the customer"
_TENTHS = 10


def rankings(data: Dataset, learnt: Sequence[Learnt]) -> Pieces:
    """Every ranking of every experiment, the effect by tenth of the used one, and whether it beats a random order."""
    source = tuple(one.query for one in learnt)
    judged = [(one, method.judged(data, one)) for one in learnt]
    found = Pieces([tables.rankings([row for pair in judged for row in _rows(*pair)], source)])
    for kind, words in WORDS.items():
        ours = [(one, by_arm) for one, by_arm in judged if one.outcome.kind == kind]
        if not ours:
            continue
        rows = [row for one, _ in ours for row in _tenths(data, one)]
        found.tables.append(tables.tenths(rows, words, CHANGES[kind], source))
        beaten = [(arm, one.outcome.name) for one, told in ours for arm, by in told.items() if by[USED].beats_random]
        found.charts.append(_tenths_chart(words, beaten))
    for one, by_arm in judged:
        found.findings += [
            _finding(data, one, arm, place, by_name[USED])
            for place, (arm, by_name) in enumerate(by_arm.items())
            if int(one.of(place).sum()) >= data.min_customers
        ]
    return found


def _rows(one: Learnt, judged: Mapping[str, Mapping[str, Ranked]]) -> list[tables.RankingRow]:
    return [
        tables.RankingRow(
            one.examined.trial.name, arm, one.outcome.name, name,
            PER * found.qini, PER * found.low, PER * found.high,
            PER * found.auuc, PER * found.auuc_low, PER * found.auuc_high,
        )
        for arm, by_name in judged.items()
        for name, found in by_name.items()
    ]  # fmt: skip


def _tenths(data: Dataset, one: Learnt) -> list[tables.TenthRow]:
    import numpy as np

    from regulars.models.policies import mean_gain

    found = []
    for place, arm in enumerate(one.examined.arms):
        inside = one.of(place)
        uplift, scores = one.crossed.uplift[inside, place], one.crossed.scores[inside, place]
        order = np.argsort(-uplift, kind="stable")
        for tenth, members in enumerate(np.array_split(order, _TENTHS), start=1):
            if len(members) < max(data.min_customers, 2):
                continue
            gain = mean_gain(scores[members])
            row = tables.TenthRow(
                one.examined.trial.name, arm, one.outcome.name, tenth, len(members),
                float(uplift[members].mean()), gain.value, gain.low, gain.high,
            )  # fmt: skip
            found.append(row)
    return found


def _tenths_chart(words: str, beaten: Sequence[tuple[str, str]]) -> Chart:
    title = f"In {words}, no ranking finds customers who are changed more than others"
    if beaten:
        told = ", ".join(f"{arm} ({outcome.replace('_', ' ')})" for arm, outcome in dict.fromkeys(beaten))
        title = f"Customers ranked first are changed more than those ranked last by {told}"
    return Chart(
        f"tenths_{words}", title,
        f"Arm less control, in {words}, by tenth of predicted uplift (1: the largest), with the 95 % interval; "
        "customers the learners had not seen", "interval", f"tenths_{words}", "tenth", "effect", colour="arm",
        low="effect_low", high="effect_high",
    )  # fmt: skip


def _finding(data: Dataset, one: Learnt, arm: str, place: int, ranked: Ranked) -> Finding:
    name, trial = one.outcome.name.replace("_", " "), one.examined.trial.name
    verdict = (
        f"can be told apart by how much {arm} changes {name}: ranking by uplift beats a random order"
        if ranked.beats_random
        else f"cannot be told apart by how much {arm} changes {name}: no ranking is beyond a random order"
    )
    unit: Unit = "money" if one.outcome.kind == "money" else "score"
    value, low, high = (PER * end for end in (ranked.qini, ranked.low, ranked.high))
    sentence = (
        f"In the experiment {trial}, customers {verdict} (Qini {write(value, unit, data.currency)} per {PER:,} "
        f"customers, {write_interval(low, high, unit, data.currency)})."
    )
    return Finding(
        f"uplift.{key_part(trial)}.{key_part(arm)}.{key_part(one.outcome.name)}.ranking", sentence, value, unit,
        int(one.of(place).sum()), Evidence("rankings", f"{arm}, {one.outcome.name}, {USED}"), "modelled",
        interval=(low, high), is_good=True if ranked.beats_random else None, validated=VALIDATED,
    )  # fmt: skip
