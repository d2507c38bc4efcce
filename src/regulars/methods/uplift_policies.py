"""Whom to contact with what, and what that brings: rules beside contacting everyone, and what is advised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding, Pieces, key_part
from regulars.core.units import write, write_interval
from regulars.measures import uplift_tables as tables
from regulars.measures.uplift_tables import CHANGES, PER, WORDS
from regulars.methods import uplift as method
from regulars.methods.uplift_rankings import VALIDATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.methods.uplift import Learnt
    from regulars.models.policies import Gain, Offering, Policy

_DEPTHS = tuple(step / 10 for step in range(1, 11))
EVERYONE, TARGETED, RESPONSE, RANDOM = "everyone", "who should pay", "best responders", "drawn by lot"


@dataclass
class Advice:
    """Rules for whom to contact with what, judged by the experiments.

    Args:
        data: The data.
        learnt: What was learnt of the experiments.
        cost: Of one contact.
        margin: Share of revenue that is profit, where products have no cost.
        audience: The list of customers whom a contact should pay for, where they could be scored; else "".
        scored: The experiment that customers of today are scored by.
    """

    data: Dataset
    learnt: tuple[Learnt, ...]
    cost: float
    margin: float
    audience: str = ""
    scored: Learnt | None = None
    found: Pieces = field(default_factory=Pieces)

    def pieces(self) -> Pieces:
        """Tables, charts, findings and actions."""
        self._money()
        self._offers()
        return self.found

    @property
    def _source(self) -> tuple[ir.Expr, ...]:
        return tuple(one.query for one in self.learnt)

    def _list_for(self, one: Learnt) -> str:
        return self.audience if one is self.scored else ""

    def _money(self) -> None:
        """What whom-to-contact rules bring, where an outcome is money."""
        paying = [one for one in method.deciding(self.learnt) if one.outcome.kind == "money"]
        if not paying:
            return
        rows, curve = [], []
        for one in paying:
            margin = method.profit_share(one.outcome, self.margin)
            for place, arm in enumerate(one.examined.arms):
                by_name = self._policies(one, place, margin)
                rows += [_policy_row(one, arm, name, found_) for name, found_ in by_name.items()]
                curve += self._curve(one, place, margin)
                self._advise(one, place, by_name)
        note = (
            f"A contact costs {write(self.cost, 'money', self.data.currency)}; of revenue "
            f"{write(self.margin, 'share')} is profit, where products have no cost."
        )
        self.found.tables += [tables.policies(rows, self._source, note), tables.curve(curve, self._source)]
        self.found.caveats.append(Caveat(f"{note} Set [uplift] contact_cost and margin_share if that is not so."))
        self.found.charts.append(
            Chart(
                "profit_curve", _curve_title(curve),
                f"Profit per {PER:,} customers, by share contacted, the largest predicted uplift first; 95 % interval",
                "line",
                "profit_curve", "depth", "profit", colour="arm", low="profit_low", high="profit_high",
            )
        )  # fmt: skip

    def _policies(self, one: Learnt, place: int, margin: float) -> dict[str, Policy]:
        import numpy as np

        from regulars.models.policies import expected_gains, policy, top

        inside = one.of(place)
        scores, response = one.crossed.scores[inside, place], one.crossed.response[inside, place]
        chosen = expected_gains(one.crossed, margin, self.cost, self.data.seed)[inside, place + 1] > 0
        by_lot = np.random.default_rng([self.data.seed, place]).permutation(len(scores)) < chosen.sum()
        rules = {
            EVERYONE: np.ones(len(scores), dtype=bool),
            TARGETED: chosen,
            RESPONSE: top(response, float(chosen.mean())),
            RANDOM: by_lot,
        }
        return {name: policy(who, scores, margin, self.cost) for name, who in rules.items()}

    def _curve(self, one: Learnt, place: int, margin: float) -> list[tables.PolicyRow]:
        from regulars.models.policies import policy, top

        inside = one.of(place)
        uplift, scores = one.crossed.uplift[inside, place], one.crossed.scores[inside, place]
        return [
            _policy_row(one, one.examined.arms[place], "top", policy(top(uplift, depth), scores, margin, self.cost))
            for depth in _DEPTHS
        ]

    def _advise(self, one: Learnt, place: int, by_name: Mapping[str, Policy]) -> None:
        arm, trial, currency = one.examined.arms[place], one.examined.trial.name, self.data.currency
        everyone, chosen = by_name[EVERYONE], by_name[TARGETED]
        n = int(one.of(place).sum())
        if n < self.data.min_customers:
            return
        whole, gain = (_scaled(one) for one in (everyone.profit, chosen.gain))
        rest = "no customer is found whom it would pay to leave out"
        if chosen.share < 1:
            rest = (
                f"choosing {write(chosen.share, 'share')} of them by uplift changes that by "
                f"{write(gain.value, 'money', currency)} "
                f"({write_interval(gain.low, gain.high, 'money', currency)})"
            )
        sentence = (
            f"Contacting everyone with {arm} brings {write(whole.value, 'money', currency)} per {PER:,} customers "
            f"after costs ({write_interval(whole.low, whole.high, 'money', currency)}); {rest}."
        )
        key = f"uplift.{key_part(trial)}.{key_part(arm)}.profit"
        self.found.findings.append(
            Finding(
                key, sentence, whole.value, "money", n, Evidence("policies", f"{trial}, {arm}"), "modelled",
                interval=(whole.low, whole.high), at_stake=abs(everyone.profit.value) * n,
                is_good=_sign(everyone.profit.low, everyone.profit.high), validated=VALIDATED,
            )
        )  # fmt: skip
        if chosen.gain.low > 0 and chosen.share > 0:
            text, why = (
                f"With {arm}, contact only the {write(chosen.share, 'share')} who should pay.",
                ("Their expected gain is above the cost, and leaving out the others is beyond chance better."),
            )
            value = chosen.profit
        elif everyone.profit.low > 0:
            text, why = f"With {arm}, contact everyone.", "No rule to leave customers out is beyond chance better."
            value = everyone.profit
        else:
            text, why = (
                f"Do not roll out {arm} yet; test it on more customers.",
                ("It is not shown to bring more than it costs, neither for everyone nor for those chosen."),
            )
            value = everyone.profit
        if len(one.examined.arms) > 1:
            return  # which of several contacts to send is one decision, not one for each
        audience = self._list_for(one)
        self.found.actions.append(
            Action(f"{key}.do", text, why, audience, key, value.value * n, (value.low * n, value.high * n))
        )

    def _offers(self) -> None:
        """Which of several contacts for whom, beside the best single one for all."""
        told = method.offered(self.data, self.learnt, self.margin, self.cost)
        for kind, words in WORDS.items():
            ours = [(one, rules) for one, rules in told if one.outcome.kind == kind]
            if not ours:
                continue
            what = "Profit after the cost" if kind == "money" else "What is added to the outcome"
            people = f"{PER:,} customers" if kind == "money" else "customer"
            note = (
                f"{what} per {people}, against contacting nobody. Each customer is decided on by learners that had "
                "not seen them, and what a rule brings is judged by doubly robust scores."
            )
            rows = [_offer_row(one, rule) for one, rules in ours for rule in rules]
            self.found.tables.append(tables.offers(rows, words, CHANGES[kind], self._source, note))
            self.found.charts.append(
                Chart(
                    f"best_contact_{words}", _offers_title(ours), f"{what} per {people}, with the 95 % interval",
                    "interval", f"best_contact_{words}", "rule", "value", low="value_low", high="value_high",
                    x_sort="data",
                )
            )  # fmt: skip
            for one, rules in ours:
                self._advise_offer(one, rules)

    def _advise_offer(self, one: Learnt, rules: list[Offering]) -> None:
        each, single = rules[0], rules[1]
        name, trial, change = one.outcome.name.replace("_", " "), one.examined.trial.name, CHANGES[one.outcome.kind]
        is_money, currency = one.outcome.kind == "money", self.data.currency
        what = f"per {PER:,} customers after costs" if is_money else f"of {name} a customer"
        profit, better = (_scaled(value, PER if is_money else 1) for value in (each.profit, each.gain))
        ends = write_interval(profit.low, profit.high, change, currency)
        gain = f"{write(better.value, change, currency)} ({write_interval(better.low, better.high, change, currency)})"
        verdict = (
            "choosing by customer is better beyond chance" if each.gain.low > 0
            else "choosing by customer is worse beyond chance" if each.gain.high < 0
            else "choosing by customer is not shown to be better"
        )  # fmt: skip
        sentence = (
            f"In the experiment {trial}, giving each customer the contact that should add most brings "
            f"{write(profit.value, change, currency)} {what} ({ends}). Against {single.name}, the best single choice, "
            f"that is {gain}: {verdict}."
        )
        key = f"uplift.{key_part(trial)}.best_contact"
        n, value = one.size, each if each.gain.low > 0 else single
        self.found.findings.append(
            Finding(
                key, sentence, better.value, change, n, Evidence(f"best_contact_{WORDS[one.outcome.kind]}", trial),
                "modelled", interval=(better.low, better.high),
                at_stake=abs(value.profit.value) * n if is_money else None,
                is_good=_sign(each.gain.low, each.gain.high), validated=VALIDATED,
            )
        )  # fmt: skip
        if value is each:
            text, why = "Send each customer the contact that adds most for them.", "It beats any single contact."
        elif single.profit.low > 0:
            text, why = f"Send {_arm(single)} to everyone.", "No choice by customer is beyond chance better."
        else:
            text, why = (
                f"Do not roll out the contacts of {trial} yet; test them on more customers.",
                "None is shown to bring more than it costs.",
            )
        audience = self._list_for(one) if value is each else ""
        worth = (value.profit.value * n, (value.profit.low * n, value.profit.high * n)) if is_money else (None, None)
        self.found.actions.append(Action(f"{key}.do", text, why, audience, key, *worth))


def _scaled(gain: Gain, by: int = PER) -> Gain:
    return replace(gain, value=gain.value * by, low=gain.low * by, high=gain.high * by)


def _ends(gain: Gain) -> tuple[float, float, float]:
    return gain.value, gain.low, gain.high


def _policy_row(one: Learnt, arm: str, name: str, found: Policy) -> tables.PolicyRow:
    whole, gain = _ends(_scaled(found.profit)), _ends(_scaled(found.gain))
    return tables.PolicyRow(one.examined.trial.name, arm, name, round(found.share, 6), *whole, *gain)


def _curve_title(rows: list[tables.PolicyRow]) -> str:
    best = {
        arm: max((row for row in rows if row.arm == arm), key=lambda row: row.profit)
        for arm in dict.fromkeys(row.arm for row in rows)
    }
    told = ", ".join(f"{write(row.contacted_share, 'share')} with {arm}" for arm, row in best.items())
    return f"Profit was highest where so many were contacted: {told}"


def _arm(rule: Offering) -> str:
    return rule.name.removesuffix(" for all")


def _offer_row(one: Learnt, rule: Offering) -> tables.OfferRow:
    names = ("nobody", *one.examined.arms)
    parts = [f"{name} {write(share, 'share')}" for name, share in zip(names, rule.shares, strict=True) if share]
    by = PER if one.outcome.kind == "money" else 1
    return tables.OfferRow(
        one.examined.trial.name, one.outcome.name, rule.name, ", ".join(parts), round(1 - rule.shares[0], 6),
        *_ends(_scaled(rule.profit, by)), *_ends(_scaled(rule.gain, by)),
    )  # fmt: skip


def _offers_title(told: list[tuple[Learnt, list[Offering]]]) -> str:
    better = sum(rules[0].gain.low > 0 for _, rules in told)
    if len(told) == 1:
        best = told[0][1][1].name
        return f"Choosing the contact by customer {'beats' if better else 'is not shown to beat'} {best}"
    return f"Choosing the contact by customer beats the best single one in {better} of {len(told)} experiments"


def _sign(low: float, high: float) -> bool | None:
    return True if low > 0 else False if high < 0 else None
