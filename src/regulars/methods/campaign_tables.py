"""Tables about campaigns and their answers, and the response model with its test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.measures import sampling
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.methods.response_history import Known
    from regulars.models.response import ResponseModel
    from regulars.models.validation import Validation

MODEL = "response model"
_MOST_DRIVERS = 15
_DRAWS = 400


def campaigns(rows: Sequence[Mapping[str, Any]], margin: float, least: int, query: ir.Table) -> Table:
    """One row per campaign, from first to last: contacts, answers, rate, cost, value, and the return on the cost."""
    from regulars.models import intervals

    contacts = [row["contacts"] for row in rows]
    answers = [row["responders"] for row in rows]
    fine = [count >= least for count in contacts]
    low, high = intervals.share_interval(answers, contacts)
    columns = Columns()
    columns.add("campaign_id", [str(row["campaign_id"]) for row in rows], "id")
    if any(row["name"] != str(row["campaign_id"]) for row in rows):
        columns.add("name", [row["name"] for row in rows], "text", "", "campaign")
    columns.add("kind", [row["kind"] for row in rows], "text")
    columns.add("day", [row["day"] for row in rows], "date", "First day.")
    columns.add("contacts", contacts, "contacts", "Customers it was sent to.")
    columns.add("responders", answers, "customers", "Of them, who answered.")
    share = [one / count if ok else None for one, count, ok in zip(answers, contacts, fine, strict=True)]
    columns.add("response_share", share, "share", "Responders ÷ contacts.")
    columns.add_interval("response_share", _told(low, fine), _told(high, fine), "share")
    if any(row["valued"] for row in rows):
        values = [row["value"] if row["valued"] else None for row in rows]
        columns.add("value", values, "money", "What the answers brought.")
        each = [
            row["value"] / row["responders"] if row["valued"] and row["responders"] >= least else None for row in rows
        ]
        columns.add("value_per_answer", each, "money")
    if any(row["unit_cost"] is not None for row in rows):
        costs = [None if row["unit_cost"] is None else row["unit_cost"] * row["contacts"] for row in rows]
        columns.add("cost", costs, "money", "Cost of a contact × contacts.")
        columns.add(
            "cost_per_answer",
            [
                cost / one if cost is not None and one >= least else None
                for cost, one in zip(costs, answers, strict=True)
            ],
            "money",
        )
        _returns(columns, rows, costs, margin, least)
    return columns.table(
        "campaigns", "Campaigns: contacts, answers and what they brought", source=(query,),
        dimensions=("campaign_id", "kind"), measures=("contacts", "responders"),
        note="Answers are not the campaign's effect: some would have bought without it.",
    )  # fmt: skip


def _returns(
    columns: Columns, rows: Sequence[Mapping[str, Any]], costs: Sequence[float | None], margin: float, least: int
) -> None:
    """Profit and return on the cost, with the interval that the spread of answers gives."""
    from regulars.models import intervals

    gains: list[tuple[float | None, ...]] = []
    for row, cost in zip(rows, costs, strict=True):
        if not row["valued"] or not cost or row["contacts"] < least:
            gains.append((None, None, None, None))
            continue
        low, high = intervals.mean_interval(row["value"], row["value_squares"], row["contacts"])
        ends = [margin * float(end) * row["contacts"] / cost - 1 for end in (low, high)]
        gains.append((margin * row["value"] - cost, margin * row["value"] / cost - 1, *ends))
    columns.add("profit", [one[0] for one in gains], "money", f"Value × margin of {margin:.0%} − cost.")
    columns.add("return_on_cost", [one[1] for one in gains], "change_share", "Profit ÷ cost.")
    columns.add_interval("return_on_cost", [one[2] for one in gains], [one[3] for one in gains], "change_share")


def _told(values: Any, fine: Sequence[bool]) -> list[float | None]:
    return [float(one) if ok else None for one, ok in zip(values, fine, strict=True)]


def pairs(rows: Sequence[Mapping[str, Any]], is_ordered: bool, least: int, query: ir.Table) -> Table:
    """One row per pair of campaigns: the rate among those who had answered the other, and among those who had not."""
    from regulars.models import intervals

    yes = [(row["answered_both"], row["answered_earlier"]) for row in rows]
    no = [
        (row["answered"] - row["answered_both"], row["customers"] - row["answered_earlier"]) for row in rows
    ]  # fmt: skip
    columns = Columns()
    columns.add("campaign", [str(row["campaign"]) for row in rows], "id")
    columns.add("other", [str(row["earlier"]) for row in rows], "id", "", "earlier campaign" if is_ordered else "other")
    columns.add("customers", [row["customers"] for row in rows], "customers", "Contacted by both.")
    columns.add("answered_other", [one[1] for one in yes], "customers", "Of them, who answered the other one.")
    for name, counts in (("after_answer", yes), ("after_none", no)):
        fine = [one[1] >= least for one in counts]
        low, high = intervals.share_interval([one[0] for one in counts], [one[1] for one in counts])
        meaning = (
            "Response of those who " + ("answered" if name == "after_answer" else "did not answer") + " the other."
        )
        share = [one[0] / one[1] if ok else None for one, ok in zip(counts, fine, strict=True)]
        columns.add(f"response_{name}", share, "share", meaning)
        columns.add_interval(f"response_{name}", _told(low, fine), _told(high, fine), "share")
    return columns.table(
        "answered_before", "Who has answered which before", source=(query,), dimensions=("campaign", "other"),
        measures=("customers", "answered_other"),
    )  # fmt: skip


# -- the response model -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """The model and how it was tested.

    Args:
        fitted: Learnt on all the rows there are, for the next campaign.
        judged: The test of one that was learnt without the rows it was tested on.
        validated: The test in words.
        tables: Scores, gains and drivers.
        what: Its features.
    """

    fitted: ResponseModel
    judged: Validation
    validated: str
    tables: tuple[Table, ...]
    what: Known

    @property
    def reason(self) -> str:
        """Why the model or a rule is used."""
        return self.judged.reason.replace("AUC for buying again", "AUC")

    @property
    def ranked_by(self) -> str:
        """The column that customers are ranked by where a simple rule is used; "" for the model."""
        return _rules(self.what).get(self.judged.winner, "")


def with_test_within(
    found: Learnt, last: Mapping[str, Any], campaign: Mapping[str, Any], seed: int, share: float
) -> Learnt:
    """The same, with a second test: learnt on a part of the last campaign's customers, tested on the others.

    It tells how well answers could be foretold once a campaign has been tried on some; an easier question than the
    next campaign.
    """
    from dataclasses import replace

    from regulars.errors import FitError

    queries = found.tables[0].source
    try:
        within = learn_apart([last], found.what, [campaign], queries, seed, share)
    except FitError:
        return found
    told = replace(
        within.tables[0], name="validation_within", title="How well answers are foretold once some have been asked"
    )
    return replace(found, tables=(found.tables[0], told, *found.tables[1:]))


def learn(
    before: Sequence[Mapping[str, Any]], last: Mapping[str, Any], what: Known, campaign: Mapping[str, Any],
    queries: tuple[ir.Table, ...], seed: int,
) -> Learnt:  # fmt: skip
    """Learnt on earlier campaigns, tested on the last."""
    from regulars.methods.response_history import together

    names = (*what.names, "responded")
    words = f"learnt on {len(before)} earlier campaign{'s' if len(before) > 1 else ''}, tested on '{campaign['name']}'"
    past = together(before, names)
    return _learn(past, last, together([past, last], names), what, words, queries, seed)


def learn_apart(
    parts: Sequence[Mapping[str, Any]], what: Known, campaigns: Sequence[Mapping[str, Any]],
    queries: tuple[ir.Table, ...], seed: int, share: float,
) -> Learnt:  # fmt: skip
    """Learnt on some customers, tested on the others; the MD5 of a customer's id says which."""
    import hashlib

    import numpy as np

    from regulars.methods.response_history import together

    rows = together(parts, ("customer_id", *what.names, "responded"))
    cut = sampling.cut(share)
    digests = [hashlib.md5(str(one).encode(), usedforsecurity=False).hexdigest() for one in rows["customer_id"]]
    is_tested = np.array([digest[: len(cut)] < cut for digest in digests])
    learnt, tested = ({name: values[chosen] for name, values in rows.items()} for chosen in (~is_tested, is_tested))
    one = len(campaigns) == 1
    words = (
        f"learnt on {'one campaign' if one else f'{len(campaigns)} campaigns whose order is not known'}, tested on "
        f"{share:.0%} of the customers, held out by a hash of their id"
    )
    return _learn(learnt, tested, rows, what, words, queries, seed)


def _learn(
    past: Mapping[str, Any], later: Mapping[str, Any], every: Mapping[str, Any], what: Known, words: str,
    queries: tuple[ir.Table, ...], seed: int,
) -> Learnt:  # fmt: skip
    import numpy as np

    from regulars.errors import FitError
    from regulars.models import response
    from regulars.models.validation import validate

    def answers(rows: Mapping[str, Any]) -> Any:
        return rows["responded"].astype(float)

    came = answers(later)
    if not 0 < came.sum() < came.size:
        raise FitError("nobody or everybody of those it would be tested on answered", mend="take more campaigns")
    features = {name: past[name] for name in what.names}
    tested = response.fit(features, answers(past))
    predicted = tested.predict(later)["response_probability"]
    rules = {name: np.nan_to_num(later[column].astype(float)) for name, column in _rules(what).items()}
    judged = validate(
        came, predicted, {name: values for name, values in rules.items() if np.ptp(values) > 0}, model=MODEL,
        main_measure="auc", draw_count=_DRAWS, seed=seed,
    )  # fmt: skip
    fitted = response.fit({name: every[name] for name in what.names}, answers(every))
    rivals = [score for score in judged.scores if score.measure == "auc"]
    own = judged.find_score(MODEL, "auc")
    validated = (
        f"{words} ({came.size:,} contacts, {int(came.sum()):,} answers) beside "
        f"{', '.join(one.predictor for one in rivals if one.predictor != MODEL) or 'chance'}; used: {judged.winner}"
        + (f"; AUC of the model {own.value:.3f}" if own.value is not None else "")
    )
    ranked = {MODEL: predicted, **{one.predictor: rules[one.predictor] for one in rivals if one.predictor != MODEL}}
    found = (
        _scores(judged, queries, validated),
        _gains({name: response.gains(values, came) for name, values in ranked.items()}, came, queries),
        _drivers(fitted, queries),
    )
    return Learnt(fitted, judged, validated, found, what)


def _rules(what: Known) -> dict[str, str]:
    """The simplest rules, by the column they rank customers by."""
    found = {
        "most answers before": "earlier_answers",
        "highest past spend": "revenue_total",
        "highest income": "income",
    }
    spend = next((name for name in what.numbers if name.startswith("spend on ")), None)
    if spend:
        found[f"highest {spend}"] = spend
    return {name: column for name, column in found.items() if column in what.numbers}


def _scores(judged: Validation, queries: tuple[ir.Table, ...], validated: str) -> Table:
    scores = [score for score in judged.scores if score.measure == "auc"]
    columns = Columns()
    columns.add("prediction", [score.predictor for score in scores], "text", "What customers were ranked by.")
    columns.add("is_used", [score.predictor == judged.winner for score in scores], "", "", "used")
    columns.add("auc", [score.value for score in scores], "score", "Chance that who answered ranks above who did not.")
    columns.add_interval("auc", [score.low for score in scores], [score.high for score in scores], "score")
    return columns.table(
        "validation", "How well answers are foretold", source=queries, dimensions=("prediction",),
        note=f"{_sentence(validated)} {_sentence(judged.reason.replace('AUC for buying again', 'AUC'))}",
    )  # fmt: skip


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _gains(told: Mapping[str, Any], came: Any, queries: tuple[ir.Table, ...]) -> Table:
    rows = [(name, one, place) for name, one in told.items() for place in range(one.contacted.size)]
    columns = Columns()
    columns.add("prediction", [name for name, _, _ in rows], "text", "What customers were ranked by.")
    columns.add("contacted_share", [float(one.contacted[at]) for _, one, at in rows], "share", "The best ranked first.")
    columns.add("reached_share", [float(one.reached[at]) for _, one, at in rows], "share", "Of all who answered.")
    columns.add_interval(
        "reached_share", [float(one.low[at]) for _, one, at in rows], [float(one.high[at]) for _, one, at in rows],
        "share",
    )  # fmt: skip
    columns.add(
        "step_response_share", [float(one.response[at]) for _, one, at in rows], "share", "In this tenth alone."
    )
    return columns.table(
        "gains", "How many of the answers are reached, by how many are contacted", source=queries,
        dimensions=("prediction",), note=f"On {came.size:,} contacts that the model did not see; chance would reach as "
        "large a share as is contacted.",
    )  # fmt: skip


def _drivers(fitted: ResponseModel, queries: tuple[ir.Table, ...]) -> Table:
    """What the model goes by."""
    import numpy as np

    rows = [one for one in fitted.drivers[:_MOST_DRIVERS] if one[1]]
    columns = Columns()
    columns.add("feature", [name.replace("_", " ") for name, _ in rows], "text")
    columns.add(
        "odds_ratio", [float(np.exp(weight)) for _, weight in rows], "ratio",
        "Odds of an answer for one standard deviation more, or for having the value, the others being equal.",
    )  # fmt: skip
    return columns.table(
        "model", "What the response model goes by", source=queries,
        note="Associations between features that overlap; not what would happen if one changed.",
    )  # fmt: skip
