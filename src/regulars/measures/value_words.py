"""What is said of the value of customers: findings, charts, caveats and definitions from plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.measures import validation_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.models.concentration import Concentration
    from regulars.models.validation import Validation
    from regulars.models.value_prediction import Judged


@dataclass(frozen=True)
class Words:
    """The assumptions that every sentence rests on.

    Args:
        currency: Of all money.
        horizon_days: How far ahead value is counted.
        margin_share: What remains of revenue after its cost.
        yearly_discount_share: Discount rate per year.
        gone_below_share: Probability of being active under which a customer counts as gone.
        top_share: Share of the customers that count as the most valuable.
        used: The model or the rule that value is foretold by.
    """

    currency: str
    horizon_days: int
    margin_share: float
    yearly_discount_share: float
    gone_below_share: float
    top_share: float
    used: str

    @property
    def what(self) -> str:
        """What is foretold."""
        return "revenue" if self.margin_share == 1 else "margin"

    def total(
        self, count: int, total: float, interval: tuple[float, float] | None, judged: Validation, validated: str
    ) -> Finding:
        """What all of today's customers are expected to bring, and how far off such a total was in the test."""
        ends = f" ({write_interval(*interval, 'money', self.currency)})" if interval else ""
        bias = judged.find_score(judged.winner, "bias_share")
        off = ""
        if bias.value is not None and bias.low is not None and bias.high is not None and not bias.low <= 0 <= bias.high:
            side = "high" if bias.value > 0 else "low"
            off = f"; in the test the sum came out {write(abs(bias.value), 'share')} too {side}"
        sentence = (
            f"Today's {write_count(count, 'customers')} are expected to bring "
            f"{write(total, 'money', self.currency)}{ends} of {self.what} in the next "
            f"{self.horizon_days} days, by {self.used}{off}."
        )
        return Finding(
            "lifetime_value.expected_total", sentence, total, "money", count, Evidence("by_group", "cohort_year"),
            "modelled", interval=interval, at_stake=total, validated=validated,
        )  # fmt: skip

    def concentrated(self, spread: Concentration) -> Finding:
        """What the top customers brought; an exact count."""
        one, ten, twenty = (write(spread.top(share), "share") for share in (0.01, 0.1, 0.2))
        sentence = (
            f"The top 10 % of customers brought {ten} of the revenue so far (the top 1 %: {one}, the top 20 %: "
            f"{twenty}; Gini {spread.gini:.2f})."
        )
        return Finding(
            "lifetime_value.top_tenth_share", sentence, spread.top(0.1), "share", spread.customer_count,
            Evidence("concentration", "customer_share = 0.1"), at_stake=round(spread.top(0.1) * spread.total, 4),
        )  # fmt: skip

    def slipped(self, count: int, revenue: float) -> Finding:
        """The valuable customers who slip away."""
        sentence = (
            f"{write_count(count, 'customers')} of the {write(self.top_share, 'share')} who brought the most have been "
            f"silent for longer than their rhythm explains; they brought {write(revenue, 'money', self.currency)}."
        )
        return Finding(
            "lifetime_value.valuable_slipping", sentence, float(count), "customers", count,
            Evidence("customers", "recency_days above silence_limit_days"), at_stake=revenue, is_good=False,
        )  # fmt: skip

    def actions(self, findings: Sequence[Finding]) -> tuple[Action, ...]:
        """What to do about those who slip away."""
        if not any(finding.key == "lifetime_value.valuable_slipping" for finding in findings):
            return ()
        return (
            Action(
                "lifetime_value.win_back", "Write personally to the valuable customers who slip away.",
                "They brought much, and not all of them are lost yet.", "valuable_slipping",
                "lifetime_value.valuable_slipping",
            ),
        )  # fmt: skip

    def charts(self, spreads: Mapping[str, Concentration], judged: Judged | None) -> list[Chart]:
        """The Pareto curve, new customers by month, and the calibration."""
        charts = []
        if spreads:
            name, spread = next(iter(spreads.items()))
            charts.append(
                Chart(
                    "pareto", f"The top 20 % of customers bring {write(spread.top(0.2), 'share')}",
                    "Share of revenue by share of customers, the most valuable first", "line", "concentration",
                    "customer_share", name,
                )
            )  # fmt: skip
        charts.append(
            Chart(
                "new_customers", "What customers are expected to bring, by the month of their first order",
                f"Mean {self.what} expected over {self.horizon_days} days, with 95 % interval", "line",
                "new_customers", "month", "mean_expected_value", low="mean_expected_value_low",
                high="mean_expected_value_high",
            )
        )  # fmt: skip
        if judged:
            charts.append(validation_tables.calibration_chart("calibration_orders", judged.orders, "orders"))
            charts.append(validation_tables.calibration_chart("calibration_value", judged.value, "revenue"))
        return charts

    def caveats(self, judged: Judged | None, tested_days: int) -> list[Caveat]:
        """What was tested and what not, and what is assumed."""
        found = []
        if judged is None:
            found.append(
                Caveat(
                    "The history is too short or too small to test a prediction on a later part of it: every "
                    "customer's own past rate is used, and no finding is made of it.", "warning",
                )
            )  # fmt: skip
        else:
            found += [Caveat(f"Orders: {judged.orders.reason}"), Caveat(f"Value: {judged.value.reason}")]
            found += self._ranking(judged.value)
            if tested_days < self.horizon_days:
                found.append(
                    Caveat(
                        f"The test spans {tested_days} days; the {self.horizon_days} days told reach further than was "
                        "tested."
                    )
                )
        if self.margin_share == 1:
            found.append(Caveat("No margin is set ([lifetime_value] margin_share): value is told as revenue."))
        return found

    @staticmethod
    def _ranking(judged: Validation) -> list[Caveat]:
        """Where a rule errs least but the model ranks customers better, both are said."""
        if judged.winner == judged.model:
            return []
        beside = [one for one in judged.differences if (one.rule, one.measure) == (judged.winner, "normalised_gini")]
        if not beside or beside[0].verdict != "better":
            return []
        own, other = (judged.find_score(name, "normalised_gini").value for name in (judged.model, judged.winner))
        return [
            Caveat(
                f"{judged.winner} errs least in money, while {judged.model} puts customers in a better order "
                f"(normalised Gini {own:.2f} against {other:.2f})."
            )
        ]

    def definitions(self) -> dict[str, str]:
        """The terms used."""
        return {
            "expected orders": f"Days with an order expected over the next {self.horizon_days} days.",
            "expected value": (
                f"Expected orders × expected spend per visit × a margin of {write(self.margin_share, 'share')}, "
                f"discounted at {write(self.yearly_discount_share, 'share')} a year."
            ),
            "probability of being active": (
                "That the customer has not left for good, given the orders, their timing and the silence since."
            ),
            "Gini coefficient": "0 where all customers bring the same, 1 where one brings everything.",
            "silence limit": (
                "Days of silence after which the probability of being active is under "
                f"{write(self.gone_below_share, 'share')}."
            ),
        }
