"""Churn: who is about to leave, what is at stake, and whether a voucher to keep them should pay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import btyd_cells, churn, holdout, sampling
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.models.silence import Judgement

_TESTED_CUSTOMERS = 50_000
_FALLBACK_COST_SHARE = 0.1
_INFOS = (
    ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
    ColumnInfo("status", "text", "In rhythm, late, probably gone, or gone."),
    ColumnInfo("recency_days", "days", "Days since the last order."),
    ColumnInfo("limit_days", "days", "Silence from which the customer counts as gone."),
    ColumnInfo("silence_share", "ratio", "Silence ÷ limit."),
    ColumnInfo("gone_on", "date", "The day on which, staying silent, the customer counts or counted as gone."),
    ColumnInfo("stay_probability", "share", "Chance of still being a customer."),
    ColumnInfo("value_at_stake", "money", "Value of a year if active × the chance of having left."),
    ColumnInfo("voucher_gain", "money", "Response share × value at stake − cost of the voucher."),
)

_KEPT = (*(info.name for info in _INFOS), "revenue_total")
"""What is read of the customers at risk."""


@dataclass(frozen=True)
class Churn(Analysis):
    """Customers without a contract: silence against their own rhythm, the day they count as gone, and what is at stake.

    Args:
        window_days: A customer comes back, in the test, by buying within so many days.
        gone_after_gaps: Silence of so many of the customer's own mean gaps counts as gone, where no model tells it.
        gone_below_share: In the test the model gives up under this probability of being active.
        voucher_cost: What a voucher costs per customer written to; 0: a tenth of the mean visit.
        response_share: Share of those who left whom a voucher brings back; an assumption.
    """

    title = "Churn"
    question = "Who is about to leave, what is at stake, and is it worth a voucher to keep them?"
    chapter = "value"
    order = 20
    needs = Needs(
        summaries={"customer_days"},
        customers={
            "visit_day_count", "active_days", "tenure_days", "recency_days", "last_ordered_on", "revenue_total",
        },
    )  # fmt: skip
    wants = Needs(customers={"active_probability", "expected_value", "silence_limit_days"})

    window_days: int = 90
    gone_after_gaps: float = 3.0
    gone_below_share: float = 0.5
    voucher_cost: float = 0.0
    response_share: float = 0.05

    def __post_init__(self) -> None:
        if self.window_days < holdout.SHORTEST_DAYS:
            raise SettingsError(
                f"[churn] window_days = {self.window_days} is refused", mend=f"use {holdout.SHORTEST_DAYS} or more"
            )
        for name in ("gone_below_share", "response_share"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"[churn] {name} lies between 0 and 1", mend="use 0.05 for 5 %")
        if self.gone_after_gaps <= 0 or self.voucher_cost < 0:
            raise SettingsError("[churn] gone_after_gaps or voucher_cost is out of range", mend="use 3 gaps, say")

    def run(self, data: Dataset) -> Result:
        """Customers by status and by silence, the test, every customer's risk, and the list of those at risk."""
        buyers = btyd_cells.buyers(data.customers)
        sums = data.collect(churn.gap_sums(buyers), 1).to_pylist()[0]
        if not sums["customers"] or data.as_of is None:
            raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
        if not sums["gaps"]:
            raise DataError(
                "nobody has bought on two days, so that there is no rhythm to measure silence against",
                table="orders", mend="take a longer history",
            )  # fmt: skip
        judged, split, test_query = self._judge(data, sums["first"])
        cost = self.voucher_cost or round(_FALLBACK_COST_SHARE * max(sums["revenue"], 0.0) / sums["visits"], 2)
        yardstick = self._yardstick(judged, sums, set(data.customers.columns), data)
        risky = data.persist(
            churn.with_risk(buyers, yardstick, cost, self.response_share).select(*_KEPT),
            f"churn__risky_{data.as_of:%Y%m%d}",
        )
        story = _Story(self, data, judged, split, yardstick, cost)
        return story.tell(risky, test_query)

    def _yardstick(
        self, judged: Judgement | None, sums: Mapping[str, Any], columns: set[str], data: Dataset
    ) -> churn.Yardstick:
        from regulars.models.silence import BANDS, MODEL, SILENCE

        told = {"active_probability", "silence_limit_days"} <= columns and judged is not None and judged.used == MODEL
        if told:
            view = data.customers
            told = bool(data.collect(view.filter(view.silence_limit_days.notnull()).limit(1).count())[0][0].as_py())
        kept = judged.kept if judged else (1.0, 1.0, 0.5, 0.25, 0.0)
        return churn.Yardstick(
            told, judged is not None and judged.used == SILENCE, self.gone_after_gaps,
            sums["days"] / sums["gaps"], BANDS, kept,
        )  # fmt: skip

    def _judge(self, data: Dataset, longest: int) -> tuple[Judgement | None, date | None, ir.Table | None]:
        """The yardsticks of silence on the last days of the data."""
        from datetime import timedelta

        from regulars.models.silence import Past, judge_silence

        assert data.as_of is not None  # noqa: S101  seen to before
        first = data.as_of - timedelta(days=int(longest))
        split = holdout.split_day(first, data.as_of, self.window_days, self.window_days)
        if split is None:
            return None, None, None
        query = holdout.histories(data.customer_days, split, data.as_of)
        count = int(data.collect(data.customers.count())[0][0].as_py())
        chosen = sampling.sample(data.customers.select("customer_key", "customer_id"), _TESTED_CUSTOMERS / count)
        days = data.customer_days.semi_join(chosen, "customer_key")  # the others' histories are not even added up
        seen = holdout.histories(days, split, data.as_of).order_by("customer_key")
        rows = data.collect(seen.select(*btyd_cells.KEYS, "later_visits"), 2 * _TESTED_CUSTOMERS)
        if rows.num_rows < data.min_customers:
            return None, None, None
        visits, active, tenure, later = (column.to_numpy().astype(float) for column in rows.columns)
        past = Past(visits, active, tenure, (later > 0).astype(float))
        judged = judge_silence(past, self.gone_after_gaps, self.gone_below_share, float(self.window_days), data.seed)
        return (judged, split, query) if judged else (None, None, None)


class _Story:
    """Tables, findings and lists from the customers with their risk."""

    def __init__(
        self, settings: Churn, data: Dataset, judged: Judgement | None, split: date | None,
        yardstick: churn.Yardstick, cost: float,
    ) -> None:  # fmt: skip
        self.settings, self.data, self.judged, self.split = settings, data, judged, split
        self.yardstick, self.cost = yardstick, cost

    def tell(self, risky: ir.Table, test_query: ir.Table | None) -> Result:
        """The Result."""
        status_query = churn.by_status(risky)
        rows = {row["status"]: row for row in self.data.collect(status_query).to_pylist()}
        band_query = churn.by_band(risky, self.yardstick.bands)
        bands = {row["band"]: row for row in self.data.collect(band_query).to_pylist()}
        tables = [self._statuses(rows, status_query), self._bands(bands, band_query, test_query)]
        if self.judged is not None and test_query is not None:
            tables.append(self._test(test_query))
        tables.append(
            Table(
                "risk", "Every customer's risk", risky.select(*[one.name for one in _INFOS]), _INFOS,
                dimensions=("status",), customer_column="customer_id", is_shown=False,
            )
        )  # fmt: skip
        findings = self._findings(rows)
        actions = [
            Action(
                "churn.write", f"Write to those at risk for whom a voucher should pay ({finding.n:,}).",
                "Their expected gain is above the cost of the voucher; keep a part of them out, to see what it brings.",
                "at_risk", finding.key, finding.value,
            )
            for finding in findings
            if finding.key == "churn.voucher_gain" and finding.value > 0
        ]  # fmt: skip
        audience = Audience(
            "at_risk", "Customers at risk, the largest expected gain first", churn.at_risk(risky, self.data.currency),
            "They are silent for longer than usual for them, and not yet long gone.",
        )  # fmt: skip
        return self.settings.result(
            tables=tuple(tables), charts=self._charts(), findings=tuple(findings), actions=tuple(actions),
            audiences=(audience,), caveats=tuple(self._caveats()), definitions=self._definitions(),
        )  # fmt: skip

    def _statuses(self, rows: Mapping[str, Any], query: ir.Table) -> Table:
        from regulars.models import intervals

        told = [status for status in churn.STATUSES if status in rows]
        total = sum(rows[status]["customers"] for status in told)
        stake = [rows[status]["value_at_stake"] for status in told]
        counts = [rows[status]["customers"] for status in told]
        low, high = intervals.mean_interval(stake, [rows[one]["value_at_stake_squares"] for one in told], counts)
        columns = Columns()
        columns.add("status", told, "text")
        columns.add("customers", counts, "customers")
        columns.add("customer_share", [count / total for count in counts], "share", "Share of all with an order.")
        columns.add("revenue", [rows[status]["revenue"] for status in told], "money", "What they brought so far.")
        columns.add("value_at_stake", stake, "money", "Value of a year if active × the chance of having left.")
        means = [one / count for one, count in zip(stake, counts, strict=True)]
        columns.add("mean_value_at_stake", means, "money", "Per customer.")
        columns.add_interval("mean_value_at_stake", low.clip(0), high, "money")
        columns.add(
            "vouchers", [rows[one]["vouchers"] for one in told], "customers", "At risk, and a voucher should pay."
        )
        columns.add("voucher_gain", [rows[one]["voucher_gain"] for one in told], "money", "Their expected gain.")
        return columns.table(
            "statuses", "Customers by how long they are silent", source=(query,), dimensions=("status",),
            measures=("customers", "revenue", "value_at_stake"),
        )  # fmt: skip

    def _bands(self, rows: Mapping[int, Any], query: ir.Table, test_query: ir.Table | None) -> Table:
        ends = [*self.yardstick.bands, None]
        names = [f"up to {ends[0]:g}", *(f"{a:g}–{b:g}" for a, b in pairwise(self.yardstick.bands))]
        columns = Columns()
        columns.add("silence", [*names, f"over {ends[-2]:g}"], "text", "Silence as a multiple of the limit.")
        for name, unit, meaning in (
            ("customers", "customers", "Customers today."),
            ("revenue", "money", "What they brought so far."),
            ("value_at_stake", "money", "Value of a year if active × the chance of having left."),
        ):
            columns.add(name, [rows.get(place, {}).get(name, 0) for place in range(len(ends))], unit, meaning)  # type: ignore[arg-type]
        if self.judged is not None:
            window = self.settings.window_days
            columns.add(
                "tested", self.judged.customers.astype(int), "customers", "Customers as silent on the day of the test."
            )
            columns.add("return_share", self.judged.share, "share", f"Of those, bought within the {window} days after.")
            columns.add_interval("return_share", self.judged.low, self.judged.high, "share")
        sources = (query,) if test_query is None else (query, test_query)
        return columns.table("silence", "Who comes back, by silence", source=sources, dimensions=("silence",))

    def _test(self, query: ir.Table) -> Table:
        assert self.judged is not None  # noqa: S101  asked only where there is a test
        validation = self.judged.validation
        scores = [score for score in validation.scores if score.measure == "auc"]
        columns = Columns()
        columns.add("yardstick", [score.predictor for score in scores], "text", "What customers were ranked by.")
        columns.add("is_used", [score.predictor == self.judged.used for score in scores], "", "", "used")
        columns.add(
            "auc",
            [score.value for score in scores],
            "score",
            "Chance that who came back ranks above who did not.",
        )
        columns.add_interval("auc", [score.low for score in scores], [score.high for score in scores], "score")
        return columns.table("validation", "The test on a later period", source=(query,), note=validation.reason)

    def _charts(self) -> tuple[Chart, ...]:
        if self.judged is None:
            return ()
        return (
            Chart(
                "return_by_silence", self._title(),
                f"Share who bought within {self.settings.window_days} days, by silence as a multiple of the limit",
                "interval", "silence", "silence", "return_share", low="return_share_low", high="return_share_high",
                x_sort="data",
            ),
        )  # fmt: skip

    def _title(self) -> str:
        """What the shares show; that they fall with silence only where each is below the one before."""
        assert self.judged is not None  # noqa: S101  asked only where there is a test
        known = [float(share) for share in self.judged.share if math.isfinite(share)]
        if len(known) > 1 and all(later <= earlier for earlier, later in pairwise(known)):
            return "The longer the silence, the fewer come back"
        if known:
            first, last = write(known[0], "share"), write(known[-1], "share")
            return f"{first} of the least silent come back, {last} of the most silent"
        return "Who comes back, by silence"

    @property
    def _validated(self) -> str:
        assert self.judged is not None  # noqa: S101  asked only where there is a test
        rivals = [s.predictor for s in self.judged.validation.scores if s.measure == "auc"]
        value = self.judged.validation.find_score(self.judged.used, "auc").value
        return (
            f"ranked as of {self.split:%Y-%m-%d}, tested on {self.judged.validation.customer_count:,} customers over "
            f"the {self.settings.window_days} days after by {', '.join(rivals)}; used: {self.judged.used} "
            f"(AUC {value:.3f})"
        )

    def _findings(self, rows: Mapping[str, Any]) -> list[Finding]:
        """Only where the yardstick was tested, and there are customers enough."""
        if self.judged is None:
            return []
        found = []
        at_risk = [rows[status] for status in churn.AT_RISK if status in rows]
        count = sum(row["customers"] for row in at_risk)
        stake = round(sum(row["value_at_stake"] for row in at_risk), 4)
        currency, least = self.data.currency, self.data.min_customers
        if count >= least:
            interval = self._stake_interval(at_risk, stake, count)
            ends = f" ({write_interval(*interval, 'money', currency)})" if interval else ""
            sentence = (
                f"{write_count(count, 'customers')} are late or probably gone; {write(stake, 'money', currency)}{ends} "
                "of the value of a year is at stake with them."
            )
            found.append(
                Finding(
                    "churn.value_at_stake", sentence, stake, "money", count,
                    Evidence("statuses", "late, probably gone"), "modelled", interval=interval,
                    at_stake=stake, is_good=False, validated=self._validated,
                )
            )  # fmt: skip
        found += self._returns()
        vouchers = sum(row["vouchers"] for row in at_risk)
        if vouchers >= least:
            gain = round(sum(row["voucher_gain"] for row in at_risk), 4)
            sentence = (
                f"A voucher at {write(self.cost, 'money', currency)} a head should pay for "
                f"{write_count(vouchers, 'customers')} of those at risk: {write(gain, 'money', currency)} in "
                f"all after its cost, if it brings back {write(self.settings.response_share, 'share')} of those who "
                "left (an assumption)."
            )
            found.append(
                Finding(
                    "churn.voucher_gain", sentence, gain, "money", vouchers, Evidence("statuses", "vouchers"),
                    "modelled", at_stake=gain, validated=self._validated + "; the response is assumed, not tested",
                )
            )  # fmt: skip
        return found

    @staticmethod
    def _stake_interval(rows: Sequence[Mapping[str, Any]], stake: float, count: int) -> tuple[float, float] | None:
        from regulars.models import intervals

        low, high = intervals.mean_interval(stake, sum(row["value_at_stake_squares"] for row in rows), count)
        return (max(float(low) * count, 0.0), float(high) * count) if low <= high else None

    def _returns(self) -> list[Finding]:
        """What silence beyond the limit meant in the test."""
        from regulars.models import intervals

        assert self.judged is not None  # noqa: S101  asked only where there is a test
        j, least = self.judged, self.data.min_customers
        beyond, back = float(j.customers[3:].sum()), float(j.returned[3:].sum())
        within, within_back = float(j.customers[:2].sum()), float(j.returned[:2].sum())
        if beyond < least or within < least:
            return []
        low, high = (float(end) for end in intervals.share_interval(back, beyond))
        sentence = (
            f"Of customers silent beyond their limit, {write(back / beyond, 'share')} "
            f"({write_interval(low, high, 'share')}) bought within the next {self.settings.window_days} days, against "
            f"{write(within_back / within, 'share')} of those up to half of it."
        )
        return [
            Finding(
                "churn.return_beyond_limit", sentence, back / beyond, "share", int(beyond), Evidence("silence"),
                interval=(min(low, back / beyond), high),
            )
        ]  # fmt: skip

    def _caveats(self) -> list[Caveat]:
        found = [Caveat("The data tell no end of a contract: leaving is silence, and customers may still come back.")]
        if self.judged is None:
            text = "The history is too short or too small to test silence on a later period: no finding is made of it."
            found.append(Caveat(text, "warning"))
        else:
            found.append(Caveat(f"Ranking: {self.judged.validation.reason}"))
        set_by = "as set" if self.settings.voucher_cost else "a tenth of the mean visit, as none is set"
        response = write(self.settings.response_share, "share")
        found.append(
            Caveat(
                f"A voucher is taken to cost {write(self.cost, 'money', self.data.currency)} ({set_by}) for everyone "
                f"written to, and to bring back {response} of those who left: assumptions that only a trial can test."
            )
        )
        return found

    def _definitions(self) -> dict[str, str]:
        gaps = f"{self.settings.gone_after_gaps:g}"
        limit = f"{gaps} typical gaps" if self.yardstick.is_alike else f"{gaps} of the customer's own mean gaps"
        if self.yardstick.uses_model:
            limit = f"the silence at which the model gives the customer up, else {limit}"
        return {
            "limit": f"Silence from which a customer counts as gone: {limit}; one-time buyers take the typical gap.",
            "status": "In rhythm: up to half the limit; late: up to it; probably gone: up to twice; gone: beyond.",
            "chance of staying": (
                "The model's probability of being active."
                if self.yardstick.uses_model
                else "How likely a return was in the test at such a silence, beside the band where it was likeliest."
            ),
            "value at stake": "Expected value of a year if active × (1 − chance of staying).",
            "gain of a voucher": "Response share × value at stake − cost, for every customer written to.",
        }
