"""Uplift: whom does a contact change, and whom should it leave alone?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Feature, Needs
from regulars.core.result import Audience, Caveat, Pieces
from regulars.errors import SettingsError
from regulars.measures import uplift_tables as tables
from regulars.methods import experiments, targeted, uplift_groups, uplift_policies, uplift_rankings
from regulars.methods import uplift as method

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.methods.uplift import Learnt

_FEATURES = (
    Feature(
        method.UPLIFT, "", "what the best contact adds to the outcome of the latest trusted experiment, per customer",
        "doubly robust learner, calibrated by cross-fitting; customers unlike those of the experiment are a guess",
    ),
    Feature(method.BEST, "text", "arm of that experiment that adds most", "the arm with the largest calibrated uplift"),
)  # fmt: skip
_WORTH = "worth_contacting"


@dataclass(frozen=True)
class Uplift(Analysis):
    """Learners on trusted experiments, cross-fitted; without an experiment, what targeted campaigns can still tell.

    Args:
        contact_cost: What one contact costs; 0: the mean `unit_cost` of the campaigns, else 0.1.
        margin_share: Share of revenue that is profit before the contact's cost, where products have no cost.
        fit_customers: So many customers of an experiment are learnt from at most, drawn by their own ids; effects by
            group are told of all, and everyone is scored.
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
    fit_customers: int = method.FIT_CUSTOMERS

    def __post_init__(self) -> None:
        if self.contact_cost < 0 or not 0 < self.margin_share <= 1:
            raise SettingsError("[uplift] contact_cost or margin_share is out of range", mend="use 0.1 and 0.3, say")
        if self.fit_customers < method.FEWEST_TO_FIT:
            raise SettingsError(
                f"[uplift] fit_customers is {self.fit_customers:,}", mend=f"use {method.FEWEST_TO_FIT:,} or more"
            )

    def is_moot(self, data: Dataset) -> bool:
        """There is nothing to say where nobody was contacted."""
        return not experiments.has_experiments(data) and not targeted.has_campaigns(data)

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with the uplift of the best contact; as it is where no experiment can tell."""
        view = data.customers
        rows = method.scored(data, self.fit_customers) if experiments.has_experiments(data) else None
        return view if rows is None else view.left_join(rows, "customer_id").drop("customer_id_right")

    def run(self, data: Dataset) -> Result:
        """Rankings, tenths, groups and policies of every trusted experiment; lifts of targeted campaigns."""
        learnt = method.learnt(data, self.fit_customers) if experiments.has_experiments(data) else ()
        pieces = self._of_experiments(data, learnt) if learnt else Pieces()
        if targeted.has_campaigns(data):
            pieces.add(targeted.lifts(data))
        if not pieces.tables:
            pieces.tables.append(tables.rankings((), ()))
            pieces.caveats.append(Caveat("No experiment can be trusted, and no campaign can be weighed.", "warning"))
        return self.result(**pieces.parts, definitions=_DEFINITIONS)

    def _of_experiments(self, data: Dataset, learnt: tuple[Learnt, ...]) -> Pieces:
        cost = self.contact_cost or method.unit_cost(data) or 0.1
        scored = method.chosen(data, self.fit_customers)
        if method.UPLIFT not in data.customers.columns:
            scored = None
        pieces = uplift_rankings.rankings(data, learnt)
        pieces.add(uplift_groups.groups(data, learnt, self.margin_share, cost))
        pieces.add(uplift_policies.Advice(data, learnt, cost, self.margin_share, _WORTH, scored).pieces())
        if scored is not None and scored.outcome.kind == "money":
            margin = method.profit_share(scored.outcome, self.margin_share)
            pieces.audiences += _audiences(data.customers, margin, cost)
        return pieces


def _audiences(view: ir.Table, margin: float, cost: float) -> list[Audience]:
    """Customers of today by what the best contact should add."""
    import ibis

    rows = view.filter(view[method.UPLIFT].notnull())
    gain = (margin * rows[method.UPLIFT] - cost).round(6)
    listed = rows.select("customer_id", score=gain, contact=rows[method.BEST])
    found = []
    for name, title, who, reason in (
        (_WORTH, "Customers whom a contact should pay for", listed.score > 0, "should pay: "),
        ("leave_alone", "Customers to leave alone", listed.score <= 0, "costs more than it should bring: "),
    ):
        members = listed.filter(who)
        members = members.select(
            "customer_id", reason=ibis.literal(reason) + members.contact, score=members.score, contact=members.contact
        )
        members = members.order_by(members.score.desc(), members.customer_id)
        found.append(Audience(name, title, members, "Expected gain of the best contact, after cost."))
    return found


_DEFINITIONS = {
    "uplift": "What the contact adds to a customer's outcome, beside not being contacted.",
    "Qini": "How far a ranking by uplift beats a random order: mean gain over all depths of contact; 0 is random.",
    "area under the uplift curve": "The same without taking off what a random order would give; also called AUUC.",
    "harmed": "The 95 % interval of the effect, corrected for the number of groups, lies below 0.",
    "naive": "Contacted customers beside the others, as they are: it credits the campaign with whom it chose.",
    "placebo": "The same figure for the days before the campaign, when it cannot have done anything.",
    "difference in differences": "Change of the contacted from before to during, less the change of the others.",
}
