"""Sponsor prospects: who is about to bring a first member, and which sponsors are rising."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_count
from regulars.errors import DataError, FitError, SettingsError
from regulars.measures import referral_prospects, sampling, validation_tables
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.models.prospects import Prospects
    from regulars.models.validation import Validation

_MODEL = "logistic model"
_LEARNT_CUSTOMERS = 100_000
"""At most about so many customers, by a hash of their id, are learnt from and tested on."""


@dataclass(frozen=True)
class SponsorProspects(Analysis):
    """A small model of who brings a first member within the window, tested on the last window.

    Args:
        window_days: Length of the window.
        listed_share: Share of the members who brought nobody so far that the list holds.
    """

    title = "Sponsor prospects"
    question = "Who is about to bring a first member, and which sponsors are rising?"
    chapter = "network"
    order = 30
    needs = Needs(
        columns={"referral_tree": {"brought_on"}},
        customers={"sponsored_count", "order_count", "recency_days", "tenure_days", "revenue_total"},
    )

    window_days: int = 180
    listed_share: float = 0.02

    def __post_init__(self) -> None:
        if self.window_days < 28:
            raise SettingsError(
                f"[sponsor_prospects] window_days = {self.window_days} is refused", mend="use 28 or more"
            )
        if not 0 < self.listed_share <= 1:
            raise SettingsError("[sponsor_prospects] listed_share lies between 0 and 1", mend="use 0.02 for 2 %")

    def run(self, data: Dataset) -> Result:
        """The model and its test, and two lists.

        Raises:
            DataError: The history is too short, or too few brought a first member in it.
        """
        from regulars.models.prospects import fit_prospects
        from regulars.models.validation import validate

        if data.as_of is None:
            raise DataError("without a date for now nobody can be about to do anything", mend="set as_of")
        split = data.as_of - timedelta(days=self.window_days)
        before = split - timedelta(days=self.window_days)
        tree = data.summary("referral_tree")
        learnt, _ = self._past(data, tree, before, split)
        seen, query = self._past(data, tree, split, data.as_of)
        if not learnt.num_rows or seen.num_rows < data.min_customers:
            raise DataError(
                f"two windows of {self.window_days} days before {data.as_of:%Y-%m-%d} have too few members",
                table="referrals", mend="take a longer history, or a shorter window_days",
            )  # fmt: skip
        try:
            model = fit_prospects(_features(learnt), learnt["becomes_sponsor"].to_numpy())
        except FitError as error:
            raise DataError(error.message, table="referrals", mend="take a longer history") from None
        came = seen["becomes_sponsor"].to_numpy().astype(float)
        if not 0 < came.sum() < came.size:
            raise DataError(
                f"nobody brought a first member in the last {self.window_days} days", table="referrals",
                mend="take a longer window_days",
            )  # fmt: skip
        features = _features(seen)
        rules = {"most orders": features["orders_log"], "latest order": -features["recency_log"]}
        judged = validate(came, model.predict(features), rules, model=_MODEL, main_measure="auc", seed=data.seed)
        return self._tell(data, tree, model, judged, split, query)

    def _past(self, data: Dataset, tree: ir.Table, day: date, until: date) -> tuple[pa.Table, ir.Table]:
        """Members who had brought nobody by a day, as known then, and whether they did in the window after."""
        view = data.at(day).customers
        query = referral_prospects.becoming(view, tree, day, until)
        count = int(data.collect(query.count(), 1)[0][0].as_py())
        if not count:
            return data.collect(query.limit(0)), query
        chosen = sampling.sample(query, _LEARNT_CUSTOMERS / count).order_by("customer_key")
        return data.collect(chosen, 2 * _LEARNT_CUSTOMERS), query

    def _tell(
        self, data: Dataset, tree: ir.Table, model: Prospects, judged: Validation, split: date, query: ir.Table
    ) -> Result:
        assert data.as_of is not None  # noqa: S101  seen to before
        now = referral_prospects.candidates(data.customers)
        scored = referral_prospects.scored(now, judged.winner, model.intercept, model.weights, _MODEL)
        count = int(data.collect(now.count(), 1)[0][0].as_py())
        listed = max(int(count * self.listed_share), 1)
        names = referral_prospects.listed(scored, listed)
        rising = referral_prospects.rising(tree, split, self.window_days)
        tables = [
            validation_tables.scores(
                "validation", "The test on the last window", {"a first member": judged}, (query,),
                ("auc", "top_decile_share"),
            ),
            _weights(model, query),
        ]  # fmt: skip
        return self.result(
            tables=tuple(tables),
            findings=tuple(self._findings(data, judged, split)),
            actions=(
                Action(
                    "sponsor_prospects.ask",
                    f"Ask the {write_count(listed, 'customers')} most likely to bring a member.",
                    "They are like those who brought a first member lately; ask a random half, to see what it does.",
                    "next_sponsors", "sponsor_prospects.auc",
                ),
            ),
            audiences=(
                Audience("next_sponsors", "Members about to bring a first member", names,
                         f"Ranked by {judged.winner}, which was tested on the last {self.window_days} days."),
                Audience("rising_sponsors", "Rising sponsors", rising,
                         f"They brought more in the last {self.window_days} days than in those before."),
            ),
            caveats=(Caveat(_used(judged)),),
            definitions={
                "about to bring": f"Brought nobody so far, and is likely to within {self.window_days} days.",
                "rising": f"Brought at least two members in the last {self.window_days} days, and more than in the "
                "window before.",
            },
            model=model,
        )  # fmt: skip

    def _findings(self, data: Dataset, judged: Validation, split: date) -> list[Finding]:
        score = judged.find_score(judged.winner, "auc")
        top = judged.find_score(judged.winner, "top_decile_share")
        if score.value is None or top.value is None or judged.customer_count < data.min_customers:
            return []
        sentence = (
            f"Ranked by {judged.winner}, the first tenth of the members held {write(top.value, 'share')} of those who "
            f"went on to bring a first member within {self.window_days} days."
        )
        interval = (top.low, top.high) if top.low is not None and top.high is not None else None
        if interval is not None:
            interval = (min(interval[0], top.value), max(interval[1], top.value))
        return [
            Finding(
                "sponsor_prospects.auc", sentence, top.value, "share", judged.customer_count, Evidence("validation"),
                "modelled", interval=interval, validated=validation_tables.words(judged, split, data.as_of or split),
            )
        ]  # fmt: skip


def _used(judged: Validation) -> str:
    told = {one.predictor: one.value for one in judged.scores if one.measure == "auc" and one.value is not None}
    figures = ", ".join(f"{name} {value:.3f}" for name, value in told.items())
    return (
        f"Ranking by {judged.winner}. Chance that one who brought a first member ranked above one who did not, on the "
        f"last window: {figures}. The model is used only where it is better than every simpler rule beyond chance."
    )


def _features(rows: pa.Table) -> dict[str, Any]:
    return {name: rows[name].to_numpy().astype(float) for name in referral_prospects.FEATURES}


def _weights(model: Prospects, query: ir.Table) -> Table:
    columns = Columns()
    columns.add("feature", list(referral_prospects.FEATURES.values()), "text")
    columns.add("weight", [model.weights[name] for name in referral_prospects.FEATURES], "score", "On the log-odds.")
    return columns.table(
        "weights", "What the model goes by", source=(query,),
        note=f"Learnt from {model.customer_count:,} members, {model.event_count:,} of whom brought a first member.",
    )  # fmt: skip
