"""What is said of campaigns and their answers: findings, charts, actions and caveats from the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.result import Table
    from regulars.methods.breakdown import BreakDown
    from regulars.models.validation import Validation

DEFINITIONS = {
    "response": "A contacted customer who answered, counted once per campaign.",
    "gains": "Share of all who answer that is reached, by the share of customers contacted, the best ranked first.",
    "AUC": "Chance that a customer who answered was ranked above one who did not; 0.5 is chance.",
    "return on cost": "(Value of the answers × margin − cost of the contacts) ÷ cost.",
}


@dataclass(frozen=True)
class Story:
    """The tables in words.

    Args:
        currency: Of all money.
        least: Under this many customers no finding is made.
        tables: All of the Result.
    """

    currency: str
    least: int
    tables: Sequence[Table]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table; none where it was not made."""
        return next((table.to_arrow().to_pylist() for table in self.tables if table.name == name), [])

    def findings(self, groups: BreakDown) -> list[Finding]:
        """The best and the worst campaign, the return on cost, the groups, and the answers before."""
        return [*self._campaigns(), *self._paid(), *self._groups(groups)]

    def _campaigns(self) -> list[Finding]:
        rows = [row for row in self.rows("campaigns") if row["response_share"] is not None]
        if not rows:
            return []
        top = max(rows, key=lambda row: (row["response_share"], row["campaign_id"]))
        low = min(rows, key=lambda row: (row["response_share"], row["campaign_id"]))
        ends = (top["response_share_low"], top["response_share_high"])
        sentence = (
            f"Campaign '{top.get('name') or top['campaign_id']}' was answered by "
            f"{write(top['response_share'], 'share')} ({write_interval(*ends, 'share')}) of "
            f"{top['contacts']:,} customers contacted"
        )
        if len(rows) > 1:
            sentence += (
                f", the most of {len(rows)} campaigns; '{low.get('name') or low['campaign_id']}' by the least, "
                f"{write(low['response_share'], 'share')}"
            )
        return [
            Finding(
                "campaign_response.best", sentence + ".", top["response_share"], "share", top["contacts"],
                Evidence("campaigns", f"campaign_id = {top['campaign_id']}"), n_unit="contacts", interval=ends,
                at_stake=top.get("value"),
            )
        ]  # fmt: skip

    def _paid(self) -> list[Finding]:
        rows = [row for row in self.rows("campaigns") if row.get("return_on_cost") is not None]
        if not rows:
            return []
        paid = [row for row in rows if row["return_on_cost_low"] > 0]
        lost = [row for row in rows if row["return_on_cost_high"] < 0]
        profit = round(sum(row["profit"] for row in rows), 4)
        sentence = (
            f"Counting every answer as the campaign's, {len(paid)} of {len(rows)} campaigns earned more than they cost "
            f"beyond chance and {len(lost)} less; {write(profit, 'money', self.currency)} in all."
        )
        return [
            Finding(
                "campaign_response.profit", sentence, profit, "money", sum(row["contacts"] for row in rows),
                Evidence("campaigns"), n_unit="contacts", at_stake=abs(profit), is_good=profit > 0,
            )
        ]  # fmt: skip

    def _groups(self, groups: BreakDown) -> list[Finding]:
        rows = groups.table.to_arrow().to_pylist()
        found = []
        before = {row["group"]: row for row in rows if row["dimension"] == "answered_before"}
        none, some = before.get("none"), before.get("one")
        if none and some and none["response_share"] is not None and some["response_share"] is not None:
            ends = (some["response_share_low"], some["response_share_high"])
            sentence = (
                f"Customers who had answered one campaign before answered the next in "
                f"{write(some['response_share'], 'share')} ({write_interval(*ends, 'share')}) of contacts, those who "
                f"had answered none in {write(none['response_share'], 'share')}."
            )
            found.append(
                Finding(
                    "campaign_response.answered_before", sentence, some["response_share"], "share", some["customers"],
                    Evidence("by_group", "dimension = answered_before"), interval=ends,
                )
            )  # fmt: skip
        told = [
            row for row in rows
            if row["response_share_differs"] == 1 and row["group"] != "unknown"
            and row["dimension"] not in ("answered_before", "contact_number")
        ]  # fmt: skip
        if told:
            top = max(told, key=lambda row: (row["response_share"], row["dimension"], row["group"]))
            ends = (top["response_share_low"], top["response_share_high"])
            sentence = (
                f"The group '{top['group']}' ({top['dimension'].replace('_', ' ')}) answers most: "
                f"{write(top['response_share'], 'share')} ({write_interval(*ends, 'share')}) of its contacts; "
                f"{len(told)} groups answer more than the rest beyond chance."
            )
            found.append(
                Finding(
                    "campaign_response.most_responsive", sentence, top["response_share"], "share", top["customers"],
                    Evidence("by_group", f"{top['dimension']} = {top['group']}"), interval=ends,
                )
            )  # fmt: skip
        return found

    def model(self, judged: Validation, validated: str) -> list[Finding]:
        """How well answers are foretold by what is used."""
        score = judged.find_score(judged.winner, "auc")
        top = [row for row in self.rows("gains") if row["prediction"] == judged.winner]
        if (
            judged.customer_count < self.least
            or score.value is None
            or score.low is None
            or score.high is None
            or not top
        ):
            return []
        tenth = min(top, key=lambda row: abs(row["contacted_share"] - 0.2))
        sentence = (
            f"Ranked by the {judged.winner}, the first {write(tenth['contacted_share'], 'share')} of customers hold "
            f"{write(tenth['reached_share'], 'share')} "
            f"({write_interval(tenth['reached_share_low'], tenth['reached_share_high'], 'share')}) of all who answer "
            f"(AUC {score.value:.3f}, {score.low:.3f}–{score.high:.3f})."
        )
        if not judged.winner.startswith("response"):
            sentence = sentence.replace("Ranked by the", "Ranked simply by the")
        return [
            Finding(
                "campaign_response.auc", sentence, score.value, "score", judged.customer_count, Evidence("gains"),
                "modelled", interval=(min(score.low, score.value), max(score.high, score.value)), validated=validated,
            )
        ]  # fmt: skip

    def _gains_title(self, used: str) -> str:
        top = min(
            (row for row in self.rows("gains") if row["prediction"] == used),
            key=lambda row: abs(row["contacted_share"] - 0.2),
        )
        return (
            f"The first {write(top['contacted_share'], 'share')} by {used} hold {write(top['reached_share'], 'share')} "
            "of those who answer"
        )

    def charts(self, is_dated: bool, used: str) -> list[Chart]:
        """Rates by campaign, rates over time, gains.

        Args:
            is_dated: Whether every campaign has a day.
            used: What customers are ranked by; "" where no prediction was made.
        """
        rows = self.rows("campaigns")
        what = "Share of those contacted who answered, with 95 % interval"
        told = [row for row in rows if row["response_share"] is not None]
        title = "Response by campaign, from first to last"
        if len(told) > 1:
            least, most = (pick(row["response_share"] for row in told) for pick in (min, max))
            title = f"Response differs from {write(least, 'share')} to {write(most, 'share')} between campaigns"
        names = [row.get("name") for row in rows]
        told_by = "name" if len(set(names)) == len(rows) and None not in names else "campaign_id"
        found = [
            Chart(
                "campaigns", title, what, "interval", "campaigns", told_by, "response_share",
                low="response_share_low", high="response_share_high", x_sort="data",
            )
        ]  # fmt: skip
        if is_dated and len({row["day"] for row in rows}) > 2:
            found.append(
                Chart(
                    "over_time", _time_title(told), what, "interval", "campaigns", "day", "response_share",
                    colour="kind", low="response_share_low", high="response_share_high",
                )
            )  # fmt: skip
        if self.rows("gains"):
            found.append(
                Chart(
                    "gains", self._gains_title(used),
                    "On contacts that the model did not see; chance would reach as large a share as is contacted",
                    "line", "gains", "contacted_share", "reached_share", colour="prediction", low="reached_share_low",
                    high="reached_share_high",
                )
            )  # fmt: skip
        return found

    @staticmethod
    def actions(findings: Sequence[Finding], has_list: bool) -> list[Action]:
        """Whom to contact next."""
        told = next((finding for finding in findings if finding.key == "campaign_response.auc"), None)
        if told is None or not has_list:
            return []
        return [
            Action(
                "campaign_response.next",
                "Send the next campaign to those most likely to answer, and keep a part of them out by lot.",
                "Who answers is foretold; what the campaign changes is seen only beside some who did not get it.",
                "likely_to_answer", told.key,
            )
        ]  # fmt: skip

    @staticmethod
    def caveats(source: str, strays: int, about_model: str) -> list[Caveat]:
        """Where answers come from, and what the model is worth."""
        found = [
            Caveat(f"An answer is {source}."),
            Caveat(
                "Whom a campaign was sent to was somebody's choice, so that rates of campaigns and groups differ in "
                "more than the campaign."
            ),
        ]
        if strays:
            found.append(Caveat(f"{strays:,} answers came from customers that the campaign was not sent to."))
        found.append(Caveat(f"{about_model[0].upper()}{about_model[1:].rstrip('.')}."))
        return found


def _time_title(rows: Sequence[dict[str, Any]]) -> str:
    """The latest campaign beside the one before it of its kind, where their intervals lie apart."""
    last = max(rows, key=lambda row: (row["day"], row["campaign_id"]), default=None)
    if last is None:
        return "Too few contacts to tell how campaigns were answered over time"
    share = write(last["response_share"], "share")
    before = [row for row in rows if row["kind"] == last["kind"] and row["day"] < last["day"]]
    if not before:
        return f"The latest campaign was answered by {share}, the first of its kind"
    other = max(before, key=lambda row: (row["day"], row["campaign_id"]))
    least, most = other["response_share_low"], other["response_share_high"]
    was = write(other["response_share"], "share")
    if last["response_share_low"] > most or last["response_share_high"] < least:
        return f"The latest campaign was answered by {share}, the one of its kind before by {was}"
    return f"The latest campaign was answered by {share}, about as the one of its kind before ({was})"
