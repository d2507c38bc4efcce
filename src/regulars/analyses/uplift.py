"""Uplift: whom does a contact change, and whom should it leave alone?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Feature, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import SettingsError
from regulars.measures import uplift_tables as tables
from regulars.measures.uplift_tables import PER
from regulars.methods import experiments, targeted
from regulars.methods import uplift as method

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.units import Unit
    from regulars.methods.uplift import Learnt
    from regulars.models.policies import Gain, Offering, Policy

_FEATURES = (
    Feature(
        method.UPLIFT, "", "what the best contact adds to the outcome of the latest trusted experiment, per customer",
        "doubly robust learner, calibrated by cross-fitting; customers unlike those of the experiment are a guess",
    ),
    Feature(method.BEST, "text", "arm of that experiment that adds most", "the arm with the largest calibrated uplift"),
)  # fmt: skip
_CHANGES: Mapping[str, Unit] = {"share": "change_points", "money": "money", "number": ""}
_WORDS = {"share": "shares", "money": "money", "number": "numbers"}
_DEPTHS = tuple(step / 10 for step in range(1, 11))
EVERYONE, TARGETED, RESPONSE, RANDOM = "everyone", "who should pay", "best responders", "drawn by lot"


@dataclass(frozen=True)
class Uplift(Analysis):
    """Learners on trusted experiments, cross-fitted; without an experiment, what targeted campaigns can still tell.

    Args:
        contact_cost: What one contact costs; 0: the mean `unit_cost` of the campaigns, else 0.1.
        margin_share: Share of revenue that is profit before the contact's cost, where products have no cost.
    """

    title = "Uplift"
    question = "Whom does a contact change, whom should it leave alone, and would writing to fewer pay?"
    chapter = "campaigns"
    order = 20
    needs = Needs()
    wants = Needs(tables={"contacts", "campaigns", "customers"}, summaries={"customer_days"})
    provides = _FEATURES

    contact_cost: float = 0.0
    margin_share: float = 0.3

    def __post_init__(self) -> None:
        if self.contact_cost < 0 or not 0 < self.margin_share <= 1:
            raise SettingsError("[uplift] contact_cost or margin_share is out of range", mend="use 0.1 and 0.3, say")

    def is_moot(self, data: Dataset) -> bool:
        """There is nothing to say where nobody was contacted."""
        return not experiments.has_experiments(data) and not targeted.has_campaigns(data)

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with the uplift of the best contact; as it is where no experiment can tell."""
        view = data.customers
        rows = method.scored(data) if experiments.has_experiments(data) else None
        return view if rows is None else view.left_join(rows, "customer_id").drop("customer_id_right")

    def run(self, data: Dataset) -> Result:
        """Rankings, tenths and policies of every trusted experiment; lifts of targeted campaigns with their placebo."""
        learnt = method.learnt(data) if experiments.has_experiments(data) else ()
        story = _Story(self, data, learnt)
        lifts = targeted.lifts(data) if targeted.has_campaigns(data) else None
        parts = story.parts()
        if lifts is not None:
            parts["tables"] += lifts.tables
            parts["findings"] += lifts.findings
            parts["caveats"] += lifts.caveats
            parts["charts"] += lifts.charts
        if not parts["tables"]:
            parts["tables"].append(tables.rankings((), ()))
            parts["caveats"].append(Caveat("No experiment can be trusted, and no campaign can be weighed.", "warning"))
        return self.result(**{name: tuple(values) for name, values in parts.items()}, definitions=_DEFINITIONS)


_DEFINITIONS = {
    "uplift": "What the contact adds to a customer's outcome, beside not being contacted.",
    "Qini": "How far a ranking by uplift beats a random order: mean gain over all depths of contact; 0 is random.",
    "naive": "Contacted customers beside the others, as they are: it credits the campaign with whom it chose.",
    "placebo": "The same figure for the days before the campaign, when it cannot have done anything.",
    "difference in differences": "Change of the contacted from before to during, less the change of the others.",
}


class _Story:
    """Tables and findings of what was learnt from experiments."""

    def __init__(self, settings: Uplift, data: Dataset, learnt: tuple[Learnt, ...]) -> None:
        self.settings, self.data, self.learnt = settings, data, learnt
        self.cost = settings.contact_cost or self._unit_cost() or 0.1
        self.source = tuple(one.query for one in learnt)
        self.validated = "cross-fitted over five seeds: ranked by learners that had not seen the customer"

    def _unit_cost(self) -> float:
        campaigns = self.data.tables.get("campaigns")
        if campaigns is None or "unit_cost" not in campaigns.columns:
            return 0.0
        mean = self.data.collect(campaigns.aggregate(mean=campaigns.unit_cost.cast("float64").mean()), 1)["mean"][0]
        return round(float(mean.as_py() or 0.0), 6)

    def parts(self) -> dict[str, list[Any]]:
        """Everything of a Result, as lists."""
        found: dict[str, list[Any]] = {
            name: [] for name in ("tables", "charts", "findings", "actions", "audiences", "caveats")
        }
        if not self.learnt:
            return found
        rankings, tenths, told_apart = [], [], []
        for one in self.learnt:
            judged = method.judged(self.data, one)
            rankings += self._rankings(one, judged)
            tenths += self._tenths(one)
            told_apart += [
                (one.outcome.kind, arm, by_name["all learners"].beats_random) for arm, by_name in judged.items()
            ]
            found["findings"] += self._ranking_findings(one, judged)
        found["tables"].append(tables.rankings(rankings, self.source))
        for kind, words in _WORDS.items():
            ours = [row for one, row in tenths if one.outcome.kind == kind]
            if ours:
                found["tables"].append(tables.tenths(ours, words, _CHANGES[kind], self.source))
                found["charts"].append(
                    self._tenths_chart(words, [(arm, beats) for of, arm, beats in told_apart if of == kind])
                )
        self._money(found)
        self._offers(found)
        return found

    def _rankings(self, one: Learnt, judged: Mapping[str, Any]) -> list[tables.RankingRow]:
        return [
            tables.RankingRow(
                one.examined.trial.name, arm, one.outcome.name, name, found.qini, found.low, found.high, found.auuc
            )
            for arm, by_name in judged.items()
            for name, found in by_name.items()
        ]

    def _tenths(self, one: Learnt) -> list[tuple[Learnt, tables.TenthRow]]:
        import numpy as np

        from regulars.models.policies import mean_gain

        found = []
        for place, arm in enumerate(one.examined.arms):
            inside = one.of(place)
            uplift, scores = one.crossed.uplift[inside, place], one.crossed.scores[inside, place]
            order = np.argsort(-uplift, kind="stable")
            for tenth, members in enumerate(np.array_split(order, 10), start=1):
                if len(members) < max(self.data.min_customers, 2):
                    continue
                gain = mean_gain(scores[members])
                row = tables.TenthRow(
                    one.examined.trial.name, arm, one.outcome.name, tenth, len(members),
                    float(uplift[members].mean()), gain.value, gain.low, gain.high,
                )  # fmt: skip
                found.append((one, row))
        return found

    @staticmethod
    def _tenths_chart(words: str, told_apart: list[tuple[str, bool]]) -> Chart:
        able = [arm for arm, beats in told_apart if beats]
        title = "No ranking finds customers who are changed more than others"
        if able:
            title = (
                f"Customers ranked first are changed more than those ranked last by {', '.join(dict.fromkeys(able))}"
            )
        return Chart(
            f"tenths_{words}", title,
            f"Arm less control, in {words}, by tenth of predicted uplift (1: the largest), with the 95 % interval; "
            "customers the learners had not seen", "interval", f"tenths_{words}", "tenth", "effect", colour="arm",
            low="effect_low", high="effect_high",
        )  # fmt: skip

    def _ranking_findings(self, one: Learnt, judged: Mapping[str, Any]) -> list[Finding]:
        found = []
        for place, (arm, by_name) in enumerate(judged.items()):
            ranked, name = by_name["all learners"], one.outcome.name.replace("_", " ")
            n = int(one.of(place).sum())
            if n < self.data.min_customers:
                continue
            verdict = (
                f"can be told apart by how much {arm} changes {name}: ranking by uplift beats a random order"
                if ranked.beats_random
                else f"cannot be told apart by how much {arm} changes {name}: no ranking is beyond a random order"
            )
            sentence = (
                f"In the experiment {one.examined.trial.name}, customers {verdict} "
                f"(Qini {write(ranked.qini, 'score')}, {write_interval(ranked.low, ranked.high, 'score')})."
            )
            key = f"uplift.{_slug(one.examined.trial.name)}.{_slug(arm)}.{_slug(one.outcome.name)}.ranking"
            evidence = Evidence("rankings", f"{arm}, {one.outcome.name}, all learners")
            found.append(
                Finding(
                    key, sentence, ranked.qini, "score", n, evidence, "modelled", interval=(ranked.low, ranked.high),
                    is_good=True if ranked.beats_random else None, validated=self.validated,
                )
            )  # fmt: skip
        return found

    # -- money ----------------------------------------------------------------------------------------

    def _money(self, found: dict[str, list[Any]]) -> None:
        """What whom-to-contact rules bring, where an outcome is money."""
        paying = [one for one in method.deciding(self.learnt) if one.outcome.kind == "money"]
        if not paying:
            return
        rows, curve = [], []
        for one in paying:
            margin = method.profit_share(one.outcome, self.settings.margin_share)
            for place, arm in enumerate(one.examined.arms):
                by_name = self._policies(one, place, margin)
                rows += [_policy_row(one, arm, name, found_) for name, found_ in by_name.items()]
                curve += self._curve(one, place, margin)
                self._advise(found, one, place, by_name)
        note = (
            f"A contact costs {write(self.cost, 'money', self.data.currency)}; of revenue "
            f"{write(self.settings.margin_share, 'share')} is profit, where products have no cost."
        )
        found["tables"] += [tables.policies(rows, self.source, note), tables.curve(curve, self.source)]
        found["caveats"].append(Caveat(f"{note} Say `contact_cost` and `margin_share` if that is not so."))
        found["charts"].append(
            Chart(
                "profit_curve", _curve_title(curve),
                f"Profit per {PER:,} customers, by share contacted, the largest predicted uplift first; 95 % interval",
                "line",
                "profit_curve", "depth", "profit", colour="arm", low="profit_low", high="profit_high",
            )
        )  # fmt: skip
        self._audiences(found)

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

    def _advise(self, found: dict[str, list[Any]], one: Learnt, place: int, by_name: Mapping[str, Policy]) -> None:
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
        key = f"uplift.{_slug(trial)}.{_slug(arm)}.profit"
        found["findings"].append(
            Finding(
                key, sentence, whole.value, "money", n, Evidence("policies", f"{trial}, {arm}"), "modelled",
                interval=(whole.low, whole.high), at_stake=abs(everyone.profit.value) * n,
                is_good=_sign(everyone.profit.low, everyone.profit.high), validated=self.validated,
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
        audience = "worth_contacting" if self._is_scored(one) else ""
        found["actions"].append(
            Action(f"{key}.do", text, why, audience, key, value.value * n, (value.low * n, value.high * n))
        )

    # -- several contacts -----------------------------------------------------------------------------

    def _offers(self, found: dict[str, list[Any]]) -> None:
        """Which of several contacts for whom, beside the best single one for all."""
        told = method.offered(self.data, self.learnt, self.settings.margin_share, self.cost)
        for kind, words in _WORDS.items():
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
            found["tables"].append(tables.offers(rows, words, _CHANGES[kind], self.source, note))
            found["charts"].append(
                Chart(
                    f"best_contact_{words}", _offers_title(ours), f"{what} per {people}, with the 95 % interval",
                    "interval", f"best_contact_{words}", "rule", "value", low="value_low", high="value_high",
                    x_sort="data",
                )
            )  # fmt: skip
            for one, rules in ours:
                self._advise_offer(found, one, rules)

    def _advise_offer(self, found: dict[str, list[Any]], one: Learnt, rules: list[Offering]) -> None:
        each, single = rules[0], rules[1]
        name, trial, change = one.outcome.name.replace("_", " "), one.examined.trial.name, _CHANGES[one.outcome.kind]
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
        key = f"uplift.{_slug(trial)}.best_contact"
        n, value = one.size, each if each.gain.low > 0 else single
        found["findings"].append(
            Finding(
                key, sentence, better.value, change, n, Evidence(f"best_contact_{_WORDS[one.outcome.kind]}", trial),
                "modelled", interval=(better.low, better.high),
                at_stake=abs(value.profit.value) * n if is_money else None,
                is_good=_sign(each.gain.low, each.gain.high), validated=self.validated,
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
        audience = "worth_contacting" if value is each and self._is_scored(one) else ""
        worth = (value.profit.value * n, (value.profit.low * n, value.profit.high * n)) if is_money else (None, None)
        found["actions"].append(Action(f"{key}.do", text, why, audience, key, *worth))

    def _is_scored(self, one: Learnt) -> bool:
        return method.chosen(self.data) is one and method.UPLIFT in self.data.customers.columns

    def _audiences(self, found: dict[str, list[Any]]) -> None:
        """Customers of today by what the best contact should add, where they could be scored."""
        one = method.chosen(self.data)
        if one is None or not self._is_scored(one) or one.outcome.kind != "money":
            return
        import ibis

        margin = method.profit_share(one.outcome, self.settings.margin_share)
        view = self.data.customers
        rows = view.filter(view[method.UPLIFT].notnull())
        gain = (margin * rows[method.UPLIFT] - self.cost).round(6)
        listed = rows.select("customer_id", score=gain, contact=rows[method.BEST])
        for name, title, who, reason in (
            ("worth_contacting", "Customers whom a contact should pay for", listed.score > 0, "should pay: "),
            ("leave_alone", "Customers to leave alone", listed.score <= 0, "costs more than it should bring: "),
        ):
            members = listed.filter(who)
            members = members.select(
                "customer_id", reason=ibis.literal(reason) + members.contact, score=members.score,
                contact=members.contact,
            )  # fmt: skip
            members = members.order_by(members.score.desc(), members.customer_id)
            found["audiences"].append(Audience(name, title, members, "Expected gain of the best contact, after cost."))


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


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text.casefold()).strip("_") or "arm"
