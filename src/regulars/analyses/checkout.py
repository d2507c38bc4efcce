"""Checkout: how attempts to buy end, what is lost when they fail, and whether those customers come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import regulars.measures.checkout as measures
from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures.tables import Columns
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.breakdown import BreakDown
    from regulars.models.matching import Matched

_MOST_STATUSES = 40
_MOST_CELLS = 200_000
_MOST_GROUPS = 6
_ALIKE = ("payment_method", "platform", "channel", "campaign_kind")
_NOT_GROUPS = ("cohort_year", "city", "main_payment_method", "main_platform", "main_channel", "rfm_segment", "segment")
"""Segments are made from sales, so that success rates by them would only say so."""


@dataclass(frozen=True)
class Checkout(Analysis):
    """Attempts to sales by status, error, payment method, device and hour; what is lost and comes back.

    Args:
        return_days: A customer comes back by another attempt on a later day within so many days.
        contact_days: Those whose last attempt failed within so many days are put on the list.
    """

    title = "Checkout"
    question = "Where do attempts to buy fail, what is lost by it, and do those customers come back?"
    chapter = "time and place"
    order = 50
    needs = Needs(tables={"statuses"}, columns={"orders": {"status_id", "ordered_at"}})

    return_days: int = 90
    contact_days: int = 30

    def __post_init__(self) -> None:
        if self.return_days < 1 or self.contact_days < 1:
            raise SettingsError("[checkout] return_days or contact_days is out of range", mend="use whole days")

    def run(self, data: Dataset) -> Result:
        """Statuses, groups, occasions that failed, and the comparison with those who got through."""
        return _Study(self, data).tell()


class _Study:
    """The attempts with their status, and what is asked of them."""

    def __init__(self, settings: Checkout, data: Dataset) -> None:
        if data.as_of is None:
            raise DataError("the attempts have no date", table="orders", mend="map ordered_at")
        self.settings, self.data, self.as_of = settings, data, data.as_of
        tag = f"_{self.as_of:%Y%m%d}"
        self.attempts = data.persist(
            measures.with_status(data.orders, data.table("statuses")), f"checkout__attempts{tag}"
        )
        self.query = self.attempts.group_by("status", "error_group").aggregate(
            attempts=self.attempts.count().cast("int64")
        )
        self.statuses = sorted(
            data.collect(self.query).to_pylist(), key=lambda row: (-row["attempts"], row["status"], row["error_group"])
        )
        failed = sum(row["attempts"] for row in self.statuses if row["error_group"] != measures.SUCCESS)
        if not failed:
            raise DataError("no attempt failed", table="orders", mend="check the statuses: which are a success?")
        self.failed = data.persist(
            measures.whole(measures.occasions(self.attempts), self.as_of), f"checkout__occasions{tag}"
        )

    def tell(self) -> Result:
        """The Result."""
        groups = self._groups()
        lost = self._lost()
        statuses = self._statuses()
        returns, matched = self._returns()
        tables = [statuses, groups.table, lost.table, returns]
        findings = self._findings(statuses, groups, lost, matched)
        return self.settings.result(
            tables=tuple(tables), charts=tuple(self._charts(lost)), findings=tuple(findings),
            actions=self._actions(findings), audiences=(self._audience(),), caveats=_CAVEATS, definitions=_DEFINITIONS,
        )  # fmt: skip

    def _statuses(self) -> Table:
        """One row per status, its share of attempts with an interval by customer."""
        import ibis

        kept = self.statuses[:_MOST_STATUSES]
        figures = [
            Figure(f"status_{place}", "share", row["status"], _is("status", row["status"]), is_proportion=True)
            for place, row in enumerate(kept)
        ]
        everything = self.attempts.mutate(everything=ibis.literal("all attempts"))
        broken = break_down(
            self.data, everything, [dims.made("everything", "all attempts")], figures, name="all", title="All"
        )
        shares = broken.rows("everything")[0]
        places = range(len(kept))
        columns = Columns()
        columns.add("status", [row["status"] for row in kept], "text")
        columns.add("error_group", [row["error_group"] for row in kept], "text", "Who or what made it fail.")
        columns.add("attempts", [row["attempts"] for row in kept], "orders")
        columns.add("attempt_share", [shares[f"status_{place}"] for place in places], "share", "Of all attempts.")
        ends = ([shares[f"status_{place}_{end}"] for place in places] for end in ("low", "high"))
        columns.add_interval("attempt_share", next(ends), next(ends), "share")
        return columns.table(
            "statuses", "How attempts end", source=(self.query,), dimensions=("status", "error_group"),
            measures=("attempts",),
        )  # fmt: skip

    def _error_groups(self) -> list[str]:
        counts: dict[str, int] = {}
        for row in self.statuses:
            if row["error_group"] != measures.SUCCESS:
                counts[row["error_group"]] = counts.get(row["error_group"], 0) + row["attempts"]
        return sorted(counts, key=lambda one: (-counts[one], one))[:_MOST_GROUPS]

    def _groups(self) -> BreakDown:
        """Success and kinds of error by everything there is to break down by."""
        by = [one for one in dims.available(self.data, "customer", "order") if one.name not in _NOT_GROUPS]
        figures = [Figure("success_share", "share", "Sales ÷ attempts.", lambda rows: rows.is_sale, is_proportion=True)]
        figures += [
            Figure(f"failed_{_slug(group)}_share", "share", f"Attempts failed by: {group}.", _is("error_group", group),
                   is_proportion=True)
            for group in self._error_groups()
        ]  # fmt: skip
        return break_down(
            self.data, self.attempts, by, figures, name="by_group", title="Where attempts fail", counts="orders",
        )  # fmt: skip

    def _lost(self) -> BreakDown:
        """Occasions that failed, and what came back, over all and by error."""
        import ibis

        value = "revenue" in self.attempts.columns
        figures = [
            Figure(f"back_{hours}h_share", "share", f"With a sale within {hours} hours of the first failure.",
                   _back(hours), is_proportion=True)
            for hours in measures.HOURS_BACK
        ]  # fmt: skip
        if value:
            figures.append(
                Figure("value_per_occasion", "money", "The largest failed attempt of the day.", lambda rows: rows.value,
                       total="value")
            )  # fmt: skip
            figures.append(
                Figure("lost_share", "share", "Of that value, on occasions without a sale within a day.",
                       lambda rows: (~measures.recovered(rows, measures.DAY)).ifelse(rows.value, 0.0),
                       lambda rows: rows.value, total="lost", is_proportion=True)
            )  # fmt: skip
        rows = self.failed.mutate(everything=ibis.literal("all failures"))
        by = [dims.made("everything", "all failures"), dims.made("error_group", "who or what failed")]
        by += [dims.made("status", "status"), dims.find("year")]
        by += [one for one in dims.available(self.data, "order") if one.name in ("payment_method", "platform")]
        return break_down(
            self.data, rows, by, figures, name="failures", title="Occasions that failed, and what came back",
            counts="orders", note="An occasion is a customer's day with a failed attempt; its value counts once.",
        )  # fmt: skip

    def _returns(self) -> tuple[Table, Matched | None]:
        """Those whose first day failed beside alike customers who got through."""
        from regulars.models.matching import compare, side

        rows, alike = self.attempts, []
        for dimension in dims.available(self.data, "order"):
            if dimension.name in _ALIKE:
                rows = dims.labelled(self.data, rows, dimension, f"alike_{dimension.name}")
                alike.append(f"alike_{dimension.name}")
        query = measures.first_days(rows, alike, self.as_of, self.settings.return_days)
        cells: dict[tuple[Any, ...], dict[str, tuple[int, int]]] = {}
        for row in self.data.collect(query, _MOST_CELLS).to_pylist():
            key = tuple(str(row[name]) for name in row if name not in ("fate", "customers", "returned"))
            cells.setdefault(key, {})[row["fate"]] = (row["customers"], row["returned"])
        through = [cells[key].get(measures.FATES[0], (0, 0)) for key in sorted(cells)]
        found: list[tuple[str, Matched | None]] = []
        for fate in measures.FATES[1:]:
            ours = [cells[key].get(fate, (0, 0)) for key in sorted(cells)]
            enough = min(sum(one[0] for one in ours), sum(one[0] for one in through)) >= self.data.min_customers
            sides = []
            for group in (ours, through):
                back = [one[1] for one in group]
                sides.append(side([one[0] for one in group], back, back))  # of 0 and 1 the squares are the same
            found.append((fate, compare(sides[0], sides[1]) if enough else None))
        columns = Columns()
        columns.add("first_day", [fate for fate, _ in found], "text", "How the customer's first day ended.")
        for name, unit, meaning in _MATCHED:
            columns.add(name, [getattr(one, _ENDS.get(name, name)) if one else None for _, one in found], unit, meaning)
        words = ", ".join(["the quarter of the first attempt", *(dims.find(one[6:]).title for one in alike)])
        table = columns.table(
            "returns", "Do those whose first day failed come back, beside alike customers who got through?",
            source=(query,), dimensions=("first_day",), note=f"Alike: {words}. Observed, not drawn by lot.",
        )  # fmt: skip
        return table, found[1][1]

    def _charts(self, lost: BreakDown) -> list[Chart]:
        found = [
            Chart(
                "statuses", f"{write(1 - self._success(), 'share')} of attempts fail",
                "Share of attempts by how they end, with 95 % interval", "bar", "statuses", "status", "attempt_share",
                low="attempt_share_low", high="attempt_share_high", x_sort="data",
            )
        ]  # fmt: skip
        if any(row["back_24h_share"] is not None for row in self._lost_rows):
            found.append(
                Chart(
                    "failures", _back_title(lost),
                    "Share of failed occasions with a sale within 24 hours, with 95 % interval", "interval", "failures",
                    "group", "back_24h_share", low="back_24h_share_low", high="back_24h_share_high", x_sort="data",
                    colour="dimension",
                )
            )  # fmt: skip
        return found

    def _success(self) -> float:
        total = sum(row["attempts"] for row in self.statuses)
        sold = sum(row["attempts"] for row in self.statuses if row["error_group"] == measures.SUCCESS)
        return float(sold / total)

    def _findings(self, statuses: Table, groups: BreakDown, lost: BreakDown, matched: Matched | None) -> list[Finding]:
        self._lost_rows = lost.rows("everything")
        found: list[Finding] = []
        rows = [row for row in statuses.to_arrow().to_pylist() if row["error_group"] != measures.SUCCESS]
        top = rows[0] if rows else None
        if top and top["attempt_share"] is not None:
            ends = (top["attempt_share_low"], top["attempt_share_high"])
            sentence = (
                f"{write(self._success(), 'share')} of {sum(row['attempts'] for row in self.statuses):,} attempts "
                f"became a sale; the most frequent failure, '{top['status']}', ended "
                f"{write(top['attempt_share'], 'share')} ({write_interval(*ends, 'share')}) of them."
            )
            found.append(
                Finding(
                    "checkout.top_failure", sentence, top["attempt_share"], "share",
                    sum(row["attempts"] for row in self.statuses), Evidence("statuses", f"status = {top['status']}"),
                    n_unit="orders", interval=ends, is_good=False,
                )
            )  # fmt: skip
        return [*found, *self._loss(), *self._worst(groups), *self._gone(matched)]

    def _loss(self) -> list[Finding]:
        row: Mapping[str, Any] = self._lost_rows[0] if self._lost_rows else {}
        if row.get("back_24h_share") is None:
            return []
        ends = (row["back_24h_share_low"], row["back_24h_share_high"])
        sentence = (
            f"After a failure {write(row['back_24h_share'], 'share')} ({write_interval(*ends, 'share')}) of "
            f"{write_count(row['orders'], 'occasions')} are made good by a sale within a day"
        )
        if row.get("lost"):
            value = write(row["lost"], "money", self.data.currency)
            sentence += f"; {value} of orders that failed were not"
        return [
            Finding(
                "checkout.back_within_a_day", sentence + ".", row["back_24h_share"], "share", row["customers"],
                Evidence("failures", "dimension = everything"), interval=ends, at_stake=row.get("lost"),
            )
        ]  # fmt: skip

    def _worst(self, groups: BreakDown) -> list[Finding]:
        rows = [row for row in groups.table.to_arrow().to_pylist() if row["success_share_differs"] == -1]
        rows = [row for row in rows if row["group"] != dims.UNKNOWN]
        if not rows:
            return []
        low = min(rows, key=lambda row: (row["success_share"], row["dimension"], row["group"]))
        ends = (low["success_share_low"], low["success_share_high"])
        sentence = (
            f"Attempts succeed least in the group '{low['group']}' ({low['dimension'].replace('_', ' ')}): "
            f"{write(low['success_share'], 'share')} ({write_interval(*ends, 'share')}); "
            f"{len(rows)} groups are below the rest beyond chance."
        )
        return [
            Finding(
                "checkout.worst_group", sentence, low["success_share"], "share", low["customers"],
                Evidence("by_group", f"{low['dimension']} = {low['group']}"), interval=ends, is_good=False,
            )
        ]  # fmt: skip

    def _gone(self, matched: Matched | None) -> list[Finding]:
        if matched is None or matched.count < self.data.min_customers:
            return []
        ends = (matched.low, matched.high)
        beyond = "" if matched.low > 0 or matched.high < 0 else ", which chance alone may explain"
        sentence = (
            f"{write(1 - matched.value, 'share')} of customers whose first day ended in a failure did not try again on "
            f"a later day within {self.settings.return_days} days, against "
            f"{write(1 - matched.other, 'share')} of alike "
            f"customers who got through: {write(matched.difference, 'change_points')} "
            f"({write_interval(*ends, 'change_points')}) in coming back{beyond}."
        )
        return [
            Finding(
                "checkout.return_after_failure", sentence, matched.difference, "change_points", matched.count,
                Evidence("returns", f"first_day = {measures.FATES[2]}"), interval=ends, is_good=matched.difference >= 0,
            )
        ]  # fmt: skip

    def _actions(self, findings: list[Finding]) -> tuple[Action, ...]:
        key = "checkout.back_within_a_day"
        if not any(finding.key == key for finding in findings):
            return ()
        return (
            Action(
                "checkout.help", "Write to those whose last attempt failed lately: what went wrong, and how to pay.",
                "They wanted to buy and have bought nothing since.", "failed_and_waiting", key,
            ),
        )  # fmt: skip

    def _audience(self) -> Audience:
        members = measures.waiting(self.attempts, self.data.customers, self.as_of, self.settings.contact_days)
        return Audience(
            "failed_and_waiting", "The last attempt failed, and nothing since", members,
            f"Their last attempt of the past {self.settings.contact_days} days did not go through.",
        )  # fmt: skip


def _is(column: str, value: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows[column] == value


def _back_title(lost: BreakDown) -> str:
    share = lost.rows("everything")[0]["back_24h_share"]
    apart = sum(bool(row["back_24h_share_differs"]) for row in lost.table.to_arrow().to_pylist())
    told = f"{apart} groups differ" if apart > 1 else "one group differs" if apart else "no group differs"
    return f"{write(share, 'share')} of failures are made good within a day; {told} from the rest beyond chance"


def _back(hours: int) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: measures.recovered(rows, hours)


def _slug(text: str) -> str:
    return "".join(one if one.isalnum() else "_" for one in text.casefold())


_MATCHED: tuple[tuple[str, Any, str], ...] = (
    ("matched", "customers", "Customers with at least two alike who got through."),
    ("unmatched", "customers", "Those without, left out."),
    ("share", "share", "Came back."),
    ("other_share", "share", "Alike customers who got through and came back."),
    ("difference", "change_points", "Share less other share."),
    ("difference_low", "change_points", "Lower end of the 95 % interval of the difference."),
    ("difference_high", "change_points", "Upper end."),
    ("naive", "change_points", "The difference without matching."),
)
_ENDS = {
    "matched": "count", "unmatched": "left_out", "share": "value", "other_share": "other",
    "difference_low": "low", "difference_high": "high", "naive": "plain_difference",
}  # fmt: skip
_CAVEATS = (
    Caveat("Who fails is not drawn by lot: alike customers are alike in what is recorded, and may differ otherwise."),
    Caveat("Failures of the last seven days are left out of what came back: their time is not over."),
)
_DEFINITIONS = {
    "attempt": "An order as it was tried; a sale where its status is a success.",
    "occasion": "A customer's day with a failed attempt; trying again on that day does not count twice.",
    "lost": "Value of occasions without a sale of the same customer within 24 hours of the first failure.",
    "alike": "The same quarter of the first attempt and the same payment method, platform, channel and promotion.",
}
