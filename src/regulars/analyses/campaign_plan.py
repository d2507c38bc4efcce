"""Campaign plan: whom to contact next, with what and when, under the budget there is?"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.core.verb import Verb
from regulars.errors import DataError, SettingsError, closest
from regulars.measures import campaign_plan as measures
from regulars.measures.tables import Columns
from regulars.methods import experiments, trading
from regulars.methods import uplift as method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.core.verb import VerbCall
    from regulars.measures.campaign_plan import Costs, Occasion

_STEPS = 10
_MOST_OCCASIONS = 6
_INFOS = {
    "customer_id": ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
    "plan": ColumnInfo("plan", "text", "Win back, second purchase, reward the loyal, or the best contact."),
    "offer": ColumnInfo("offer", "text", "What to send: the best contact of the experiment, or the plan."),
    "send_on": ColumnInfo("send_on", "date", "When to send it."),
    "occasion": ColumnInfo("occasion", "text", "What it is timed to."),
    "gain": ColumnInfo("gain", "money", "What the contact should add, before its cost."),
    "profit": ColumnInfo("profit", "money", "After its cost."),
    "is_held_out": ColumnInfo("is_held_out", "", "Drawn to be left alone, so that the next run can measure the plan."),
    "segment": ColumnInfo("segment", "text", "The customer's segment."),
}


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class PlanOptions:
    """What the settings `[campaign_plan]` and the command `regulars plan` share."""

    budget: float = _option(0.0, "Most that the contacts may cost in all; 0 for as many as pay.")
    contact_cost: float = _option(0.0, "Cost of one contact; 0 for the mean unit_cost of the campaigns, else 0.1.")
    margin_share: float = _option(0.3, "Share of revenue that is profit before the contact's cost.")
    holdout_share: float = _option(0.1, "Share drawn to be left alone, so that the next run can measure the plan.")
    rest_days: int = _option(14, "Customers contacted within so many days are left in peace.")
    lead_days: int = _option(5, "A contact goes out so many days before it should work.")
    horizon_days: int = _option(60, "The plan looks so many days ahead.")


@dataclass(frozen=True)
class CampaignPlan(Analysis, PlanOptions):
    """A plan that stays within its budget, reaches nobody who must not be reached, and can be measured afterwards.

    Args:
        budget: Most that the contacts may cost in all; 0: as many as pay.
        contact_cost: Cost of one contact; 0: the mean `unit_cost` of the campaigns, else 0.1.
        margin_share: Share of revenue that is profit, where products have no cost.
        holdout_share: Share drawn to be left alone.
        rest_days: Customers contacted within so many days are left in peace.
        lead_days: A contact goes out so many days before it should work.
        horizon_days: The plan looks so many days ahead.
        response_share: Share who answer, where no experiment tells; an assumption.
        excluding: Columns of the customer view that keep a customer out where they are true.
    """

    title = "Campaign plan"
    question = "Whom should the next campaign reach, with what and when, under this budget?"
    chapter = "campaigns"
    order = 40
    needs = Needs()
    wants = Needs(
        customers={
            "expected_value", "active_probability", "silence_limit_days", "segment", "rfm_segment",
            method.UPLIFT, method.BEST,
        },
        extras={"forecast"},
    )  # fmt: skip
    verb = Verb("plan", "Whom to contact with what and when, under a budget.", PlanOptions)

    response_share: float = 0.05
    excluding: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("budget", "contact_cost", "rest_days", "lead_days"):
            if getattr(self, name) < 0:
                raise SettingsError(f"[campaign_plan] {name} is below 0", mend="use 0 or more")
        for name in ("margin_share", "response_share"):
            if not 0 < getattr(self, name) <= 1:
                raise SettingsError(f"[campaign_plan] {name} lies between 0 and 1", mend="use 0.3 for 30 %")
        if not 0 <= self.holdout_share < 1 or self.horizon_days < 1:
            raise SettingsError("[campaign_plan] holdout_share or horizon_days is out of range", mend="use 0.1 and 60")

    def is_moot(self, data: Dataset) -> bool:
        """There is nothing to plan where neither purchases nor an experiment tell what a contact could bring."""
        columns = set(data.customers.columns)
        return not {"visit_day_count", "revenue_per_order"} <= columns and method.UPLIFT not in columns

    def perform(self, call: VerbCall) -> Result:
        """`regulars plan`: an option that is given stands before the settings."""
        given = {
            one.name: getattr(call.options, one.name)
            for one in dataclasses.fields(PlanOptions)
            if getattr(call.options, one.name) != one.default
        }
        data = call.load()
        data.provide(data.registry.make_all(data.settings.analyses))
        return replace(self, **given).run(data)

    def run(self, data: Dataset) -> Result:
        """The plan by kind, its profit by depth, when to send, and the lists."""
        if self.is_moot(data):
            raise DataError(
                "neither purchases nor an experiment tell what a contact could bring", mend="map orders, or contacts"
            )
        unknown = [name for name in self.excluding if name not in data.customers.columns]
        if unknown:
            raise DataError(
                f"'{unknown[0]}' (excluding) is no column of the customer view", table="customers",
                mend=closest(unknown[0], data.customers.columns),
            )  # fmt: skip
        return _Planner(self, data).result()


class _Planner:
    """Builds the plan step by step."""

    def __init__(self, settings: CampaignPlan, data: Dataset) -> None:
        self.settings, self.data = settings, data
        self.learnt = self._experiment()
        self.costs = self._costs()

    def _experiment(self) -> method.Learnt | None:
        """The experiment that customers were scored by, where its outcome is money."""
        if method.UPLIFT not in self.data.customers.columns or not experiments.has_experiments(self.data):
            return None
        one = method.chosen(self.data)
        return one if one is not None and one.outcome.kind == "money" else None

    def _costs(self) -> Costs:
        settings, campaigns = self.settings, self.data.tables.get("campaigns")
        cost = settings.contact_cost
        if not cost and campaigns is not None and "unit_cost" in campaigns.columns:
            mean = campaigns.aggregate(mean=campaigns.unit_cost.cast("float64").mean())
            cost = round(float(self.data.collect(mean, 1)["mean"][0].as_py() or 0.0), 6)
        is_margin = self.learnt is not None and self.learnt.outcome.name.startswith("margin")
        responses = dict.fromkeys((measures.WIN_BACK, measures.SECOND, measures.LOYAL), settings.response_share)
        return measures.Costs(cost or 0.1, 1.0 if is_margin else settings.margin_share, responses)

    def result(self) -> Result:
        """The Result."""
        data, settings = self.data, self.settings
        candidates, paying = self._candidates()
        most = self._most(paying)
        chosen = measures.within(paying, most)
        occasions = self._occasions()
        if data.as_of is not None:
            chosen = measures.with_time(chosen, data.as_of, occasions, settings.lead_days, settings.horizon_days)
        chosen = data.persist(chosen, f"campaign_plan__chosen_{self._stamp}")
        query = measures.by_plan(chosen, self.costs.contact)
        plans = data.collect(query, 100).to_pylist()
        depth, depth_query = self._depth(paying)
        rivals = self._rivals(candidates, sum(row["contacted"] for row in plans), plans)
        tables = [
            self._plan_table(plans, query),
            _depth_table(depth, depth_query, self.costs.contact),
            rivals,
            *([_occasion_table(occasions, query)] if occasions else []),
        ]
        tables.append(self._list(chosen))
        findings = self._findings(plans, chosen)
        return settings.result(
            tables=tuple(tables), charts=tuple(self._charts(depth)), findings=tuple(findings),
            actions=tuple(self._actions(findings)), audiences=tuple(self._audiences(chosen, plans)),
            caveats=tuple(self._caveats()), definitions=_DEFINITIONS,
        )  # fmt: skip

    @property
    def _stamp(self) -> str:
        return f"{self.data.as_of:%Y%m%d}_{abs(self.settings.budget):.0f}" if self.data.as_of else "undated"

    def _candidates(self) -> tuple[ir.Table, ir.Table]:
        """Everyone who may be contacted with what a contact should bring, and those whom it should pay for."""
        data, settings = self.data, self.settings
        contacts = data.tables.get("contacts")
        dated = contacts is not None and "sent_at" in contacts.columns and data.as_of is not None
        view = data.customers
        if data.as_of is not None:
            rows = measures.allowed(
                view, contacts if dated else None, data.as_of, settings.rest_days, settings.excluding
            )
        else:
            from datetime import date

            rows = measures.allowed(view, None, date(1, 1, 1), 0, settings.excluding)
        rows = measures.with_plan(rows)
        told = (method.UPLIFT, method.BEST) if self.learnt is not None else ("", "")
        rows = data.persist(measures.with_profit(rows, self.costs, *told), f"campaign_plan__candidates_{self._stamp}")
        return rows, measures.paying(rows, settings.holdout_share)

    def _most(self, paying: ir.Table) -> int:
        """Contacts that the budget allows; rounded down, so that it is never exceeded."""
        if not self.settings.budget:
            return int(self.data.collect(paying.aggregate(n=paying.count().cast("int64")), 1)["n"][0].as_py())
        return int(self.settings.budget / self.costs.contact + 1e-9)

    def _occasions(self) -> list[Occasion]:
        """Holidays, launches and named days ahead, the nearest first."""
        data = self.data
        if data.as_of is None:
            return []
        first, last = data.as_of + timedelta(days=1), data.as_of + timedelta(days=self.settings.horizon_days)
        found = {(day, name) for day, name in trading.holiday_names(data, first, last)}
        for table, name, day in (("calendar", "name", "starts_on"), ("products", "name", "released_on")):
            rows = data.tables.get(table)
            if rows is None or not {name, day} <= set(rows.columns):
                continue
            ahead = rows.filter((rows[day] >= first) & (rows[day] <= last)).select(name=rows[name], day=rows[day])
            listed = data.collect(ahead.distinct().order_by("day", "name").limit(_MOST_OCCASIONS), _MOST_OCCASIONS)
            found |= {(row["day"], str(row["name"])) for row in listed.to_pylist()}
        return [measures.Occasion(name, day) for day, name in sorted(found)[:_MOST_OCCASIONS]]

    # -- tables ---------------------------------------------------------------------------------------

    def _plan_table(self, plans: Sequence[Mapping[str, Any]], query: ir.Table) -> Table:
        columns = Columns()
        columns.add("plan", [row["plan"] for row in plans], "text")
        columns.add("offer", [row["offer"] for row in plans], "text", "What to send.")
        columns.add("contacted", [row["contacted"] for row in plans], "customers")
        columns.add("held_out", [row["held_out"] for row in plans], "customers", "Left alone, to compare with.")
        columns.add("cost", [row["cost"] for row in plans], "money")
        columns.add("gain", [row["gain"] for row in plans], "money", "Expected, before the cost.")
        columns.add("profit", [row["profit"] for row in plans], "money", "Expected, after the cost.")
        return columns.table(
            "plans", "The plan", source=(query,), dimensions=("plan", "offer"),
            measures=("contacted", "held_out", "cost", "gain", "profit"), note=self._basis(),
        )  # fmt: skip

    def _basis(self) -> str:
        if self.learnt is not None:
            return f"Gains are those of the experiment {self.learnt.examined.trial.name}, customer by customer."
        share = write(self.settings.response_share, "share")
        return f"No experiment tells what a contact brings: it is assumed that {share} answer."

    def _depth(self, paying: ir.Table) -> tuple[list[tuple[int, float]], ir.Table]:
        """Expected profit of the first so many contacts."""
        free = paying.filter(~paying.is_held_out)
        count = int(self.data.collect(free.aggregate(n=free.count().cast("int64")), 1)["n"][0].as_py())
        steps = sorted({max(count * step // _STEPS, 1) for step in range(1, _STEPS + 1)}) if count else [0]
        query = measures.by_depth(paying, steps)
        row = self.data.collect(query, 1).to_pylist()[0]
        return [(most, float(row[f"profit_{place}"])) for place, most in enumerate(steps)], query

    def _rivals(self, candidates: ir.Table, contacts: int, plans: Sequence[Mapping[str, Any]]) -> Table:
        """The plan beside simpler rules with as many contacts."""
        value = next((name for name in ("expected_value", "revenue_total") if name in candidates.columns), "")
        names, profits, queries = ["the plan"], [sum(row["profit"] for row in plans)], []
        for name, column in (("top value", value), ("drawn by lot", "")):
            if name == "top value" and not value:
                continue
            query = measures.rival(candidates, column, contacts, self.settings.holdout_share)
            queries.append(query)
            names.append(name)
            profits.append(float(self.data.collect(query, 1)["profit"][0].as_py() or 0.0))
        columns = Columns()
        columns.add("rule", names, "text", "Whom to contact first.")
        columns.add("contacts", [contacts] * len(names), "customers")
        columns.add("profit", profits, "money", "Expected by the same gains, after the cost.")
        return columns.table("rules", "The plan beside simpler rules", source=tuple(queries))

    def _list(self, chosen: ir.Table) -> Table:
        names = [name for name in _INFOS if name in chosen.columns]
        return Table(
            "contacts", "Every customer of the plan", chosen.select(*names), tuple(_INFOS[name] for name in names),
            dimensions=("plan",), customer_column="customer_id", is_shown=False,
        )  # fmt: skip

    def _charts(self, depth: Sequence[tuple[int, float]]) -> list[Chart]:
        if len(depth) < 2:
            return []
        return [
            Chart(
                "profit_by_depth", _depth_title(depth, self.data.currency),
                "Expected profit after cost, by number of contacts, the most profitable first", "line", "depth",
                "contacts", "profit",
            )
        ]  # fmt: skip

    # -- what is said ---------------------------------------------------------------------------------

    def _findings(self, plans: Sequence[Mapping[str, Any]], chosen: ir.Table) -> list[Finding]:
        data, currency = self.data, self.data.currency
        contacted = sum(row["contacted"] for row in plans)
        cost, profit = sum(row["cost"] for row in plans), round(sum(row["profit"] for row in plans), 4)
        if contacted < data.min_customers:
            return []
        error = self._error(chosen, contacted)
        interval = (round(profit - error, 4), round(profit + error, 4)) if error is not None else None
        ends = f" ({write_interval(*interval, 'money', currency)})" if interval else ""
        within = f" of {write(self.settings.budget, 'money', currency)}" if self.settings.budget else ""
        sentence = (
            f"Contacting {write_count(contacted, 'customers')} for {write(cost, 'money', currency)}{within} should "
            f"bring {write(profit, 'money', currency)} after the cost{ends}. {self._basis()}"
        )
        validated = (
            f"gain of customers with as high a score in the experiment {self.learnt.examined.trial.name}, who were not "
            "learnt from"
            if self.learnt is not None
            else "not tested: the share of answers is assumed, and the hold-out group will tell"
        )
        return [
            Finding(
                "campaign_plan.profit", sentence, profit, "money", contacted, Evidence("plans"), "modelled",
                interval=interval, at_stake=profit, validated=validated,
            )
        ]  # fmt: skip

    def _error(self, chosen: ir.Table, contacted: int) -> float | None:
        """Half the 95 % interval of the profit, from the experiment's customers with as high a score."""
        one = self.learnt
        if one is None:
            return None
        import numpy as np

        from regulars.models.uplift import calibrate

        sent = chosen.filter(~chosen.is_held_out)
        query = sent.group_by("offer").aggregate(n=sent.count().cast("int64"), least=sent[method.UPLIFT].min())
        offers = {row["offer"]: row for row in self.data.collect(query.order_by("offer"), 1000).to_pylist()}
        values = np.column_stack(
            [
                calibrate(one.crossed.uplift[one.of(place), place], one.crossed.scores[one.of(place), place]).apply(
                    one.crossed.uplift[:, place]
                )
                for place in range(len(one.examined.arms))
            ]
        )
        spread = 0.0
        for place, arm in enumerate(one.examined.arms):
            if arm not in offers:
                continue
            alike = one.of(place) & (values.argmax(axis=1) == place) & (values[:, place] >= offers[arm]["least"])
            scores = one.crossed.scores[alike, place]
            if len(scores) < self.data.min_customers:
                return None
            share = offers[arm]["n"] / contacted
            spread += share**2 * float(scores.var(ddof=1)) / len(scores)
        return contacted * self.costs.margin * 1.96 * float(np.sqrt(spread))

    def _actions(self, findings: Sequence[Finding]) -> list[Action]:
        found = []
        for one in findings:
            if one.value <= 0:
                continue
            is_shown = one.interval is not None and one.interval[0] > 0
            when = ", each on the day listed" if self.data.as_of is not None else ""
            sentence = f"Contact the {write_count(one.n, 'customers')} of the plan{when}."
            why = "They should pay for their cost; the hold-out group stays without, so that the next run can tell."
            if not is_shown:
                sentence = f"Contact the {write_count(one.n, 'customers')} of the plan, as a test{when}."
                why = "That they pay is not beyond doubt yet; the hold-out group stays without, and will tell."
            found.append(Action("campaign_plan.send", sentence, why, "plan_contacts", one.key, one.value, one.interval))
        return found

    def _audiences(self, chosen: ir.Table, plans: Sequence[Mapping[str, Any]]) -> list[Audience]:
        import ibis

        used = {row["plan"] for row in plans if row["contacted"]}
        further = [name for name in ("plan", "offer", "send_on", "occasion") if name in chosen.columns]

        def listed(rows: ir.Table, reason: str) -> ir.Table:
            members = rows.select("customer_id", reason=ibis.literal(reason) + rows.plan, score=rows.profit, **{
                name: rows[name] for name in further
            })  # fmt: skip
            return members.order_by(members.score.desc(), members.customer_id)

        sent = chosen.filter(~chosen.is_held_out)
        found = [Audience("plan_contacts", "All contacts of the plan", listed(sent, "plan: "), "A contact should pay.")]
        found += [
            Audience(
                f"plan_{plan.replace(' ', '_')}", f"Contacts: {plan}", listed(sent.filter(sent.plan == plan), "plan: "),
                "A contact should pay.",
            )
            for plan in measures.PLANS
            if plan in used
        ]  # fmt: skip
        held = listed(chosen.filter(chosen.is_held_out), "held out of: ")
        found.append(
            Audience("plan_hold_out", "Hold-out group: leave alone", held, "Drawn by lot, to measure the plan against.")
        )
        return found

    def _caveats(self) -> list[Caveat]:
        cost, currency = write(self.costs.contact, "money", self.data.currency), self.data.currency
        found = [
            Caveat(
                f"A contact is taken to cost {cost}, and {write(self.settings.margin_share, 'share')} of revenue to be "
                f"profit where products have no cost ({currency or 'no currency is set'})."
            )
        ]
        if self.learnt is None:
            found.append(Caveat(f"{self._basis()} Only an experiment, or the hold-out group, can tell.", "warning"))
        found += [Caveat(text) for text in trading.lacks(self.data)]
        return found


_DEFINITIONS = {
    "win back": "Bought on two days or more, and silent for longer than their limit.",
    "second purchase": "Bought on one day.",
    "reward the loyal": "Bought on three days or more, and in rhythm.",
    "hold-out group": "Drawn among those whom the plan would reach, by their own ids: the same in every run.",
    "profit": "What the contact should add × margin − cost of the contact.",
}


def _depth_title(depth: Sequence[tuple[int, float]], currency: str) -> str:
    """What all contacts bring, and how much of it the best half."""
    most, whole = depth[-1]
    half = depth[len(depth) // 2 - 1]
    told = f"All {most:,} contacts that pay bring {write(whole, 'money', currency)}"
    return f"{told}; the best {half[0]:,} of them {write(half[1] / whole, 'share')} of that" if whole > 0 else told


def _depth_table(depth: Sequence[tuple[int, float]], query: ir.Table, cost: float) -> Table:
    columns = Columns()
    columns.add("contacts", [most for most, _ in depth], "customers", "The most profitable first.")
    columns.add("cost", [round(most * cost, 4) for most, _ in depth], "money")
    columns.add("profit", [profit for _, profit in depth], "money", "Expected, after the cost.")
    return columns.table("depth", "Profit by number of contacts", source=(query,))


def _occasion_table(occasions: Sequence[Occasion], query: ir.Table) -> Table:
    columns = Columns()
    columns.add("occasion", [one.name for one in occasions], "text")
    columns.add("day", [one.day for one in occasions], "date")
    return columns.table("occasions", "What contacts can be timed to", source=(query,))
