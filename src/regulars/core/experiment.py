"""An experiment as the settings file declares it: `[experiments.NAME]`.

What an experiment is belongs to the data, as a table does: several analyses read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from regulars.errors import SettingsError


@dataclass(frozen=True)
class ExperimentSettings:
    """One experiment: who was in which arm, and what counts as the outcome.

    Args:
        table: Canonical table that says who was in which arm: `contacts`, or `customers` where the arm is a trait.
        unit: Column of what was assigned to the arms, one row each: the customer.
        arm: Column with the arm.
        control: The arm that the others are compared with; empty: an arm called control, none, hold-out or the like.
        campaign: Only the rows of this campaign, where the table has several.
        starts_on: First day that counts for what was bought; empty: of the campaign, else the first contact.
        ends_on: Last day that counts; empty: of the campaign, else four weeks.
        outcomes: Columns of the table measured after the assignment, the most important first. What was bought is added
            where the table of purchases reaches that far.
        covariates: Columns of the table, or features of the customer view, known before the start. They check that the
            arms were alike and make the intervals narrower.
        shares: What share of all was meant for each arm, by arm; empty: not said.
        outcome_at: Column with the instant at which the outcome was measured, where the table has it.
        money: The outcome that is money, for what a contact brings; empty: revenue, where there is one.
    """

    table: str = "contacts"
    unit: str = "customer_id"
    arm: str = "arm"
    control: str = ""
    campaign: str = ""
    starts_on: str = ""
    ends_on: str = ""
    outcomes: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    outcome_at: str = ""
    money: str = ""

    def __post_init__(self) -> None:
        if self.table not in ("contacts", "customers"):
            raise SettingsError(
                f"[experiments] table = {self.table!r} is refused", mend="use contacts or customers: one row per unit"
            )
        days = [self._day(name) for name in ("starts_on", "ends_on")]
        if days[0] and days[1] and days[1] < days[0]:
            raise SettingsError("[experiments] ends_on lies before starts_on", mend="swap the two dates")
        both = sorted(set(self.outcomes) & set(self.covariates))
        if both:
            raise SettingsError(
                f"[experiments] {', '.join(both)} is both an outcome and a covariate", mend="leave it in one of the two"
            )
        if self.shares and (min(self.shares.values()) <= 0 or abs(sum(self.shares.values()) - 1) > 1e-6):
            raise SettingsError("[experiments] shares do not add up to 1", mend="write { A = 0.5, B = 0.5 }")

    def _day(self, name: str) -> date | None:
        text = getattr(self, name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError as problem:
            raise SettingsError(
                f"[experiments] {name} = {text!r} is not a date", mend="write it as 2024-12-31"
            ) from problem

    @property
    def first_day(self) -> date | None:
        """First day that counts, where it is said."""
        return self._day("starts_on")

    @property
    def last_day(self) -> date | None:
        """Last day that counts, where it is said."""
        return self._day("ends_on")
