"""Campaign response: who was contacted, who answered, what it cost and brought, and who answers next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Audience
from regulars.errors import DataError, FitError, SettingsError
from regulars.measures import campaign_words as words
from regulars.measures import contacts as measures
from regulars.measures import dimensions as dims
from regulars.methods import campaign_tables as tables
from regulars.methods import response_history as history
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.breakdown import BreakDown

_MOST_CAMPAIGNS = 5_000
_MOST_PAIRED = 12
_LEARNT_FROM = 6
_FEWEST_ANSWERS = 20
_TESTED_SHARE = 0.3


@dataclass(frozen=True)
class CampaignResponse(Analysis):
    """Contacts to responses per campaign and group, answers before, and a response model tested on a later campaign.

    Args:
        campaigns_in_order: Campaigns from first to last, where the data have no dates for them.
        margin_share: What remains of the value of an answer after its cost; for the return on what a campaign cost.
        top_share: Share of all customers that the list of likely answers holds.
    """

    title = "Campaign response"
    question = "Who answers which campaigns, does it pay, and who will answer the next one?"
    chapter = "campaigns"
    order = 20
    needs = Needs(tables={"contacts"}, columns={"contacts": {"campaign_id"}})
    wants = Needs(customers={"segment", "rfm_segment"})

    campaigns_in_order: tuple[str, ...] = ()
    margin_share: float = 1.0
    top_share: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.margin_share <= 1 and 0 < self.top_share < 1):
            raise SettingsError(
                "[campaign_response] margin_share or top_share is out of range", mend="use 0.3 for 30 %"
            )

    def is_moot(self, data: Dataset) -> bool:
        """Without a word on who answered the question does not arise."""
        return "contacts" in data.tables and not _source(data)

    def run(self, data: Dataset) -> Result:
        """Campaigns, groups, answers before, and the model."""
        source = _source(data)
        if not source:
            raise DataError(
                "the contacts do not say who answered", table="contacts",
                mend="map responded, or the answers under [tables.responses]",
            )  # fmt: skip
        return _Study(self, data, source).tell()


def _source(data: Dataset) -> str:
    orders = () if data.summaries.missing("orders") else data.orders.columns
    return measures.source_of_answers(data.table("contacts").columns, "responses" in data.tables, orders)


class _Study:
    """The contacts with their answers, and what is asked of them."""

    def __init__(self, settings: CampaignResponse, data: Dataset, source: str) -> None:
        self.settings, self.data, self.source = settings, data, source
        name = f"campaign_response__contacts{f'_{data.as_of:%Y%m%d}' if data.as_of else ''}"
        responses = data.table("responses") if source == measures.FROM_RESPONSES else None
        orders = self._orders() if source == measures.FROM_ORDERS else None
        self.answered = measures.answered(data.table("contacts"), responses, orders)
        self.each = data.persist(self.answered, name)
        self.campaigns = self._campaigns()
        self.order = [row["campaign_id"] for row in self.campaigns]
        self.is_dated = all(row["day"] is not None for row in self.campaigns)
        self.is_ordered = self.is_dated or bool(settings.campaigns_in_order)

    def _orders(self) -> ir.Table:
        data = self.data
        sales = data.orders.filter(data.orders.is_sale & data.orders.campaign_id.notnull())
        ids = data.customers.select("customer_key", "customer_id")
        kept = ["campaign_id", "ordered_at", *(["revenue"] if "revenue" in sales.columns else [])]
        return sales.join(ids, "customer_key").select("customer_id", *kept)

    def _campaigns(self) -> list[dict[str, Any]]:
        """What is known of every campaign, from first to last."""
        data = self.data
        self.query = measures.by_campaign(self.each)
        rows: list[dict[str, Any]] = data.collect(self.query, _MOST_CAMPAIGNS).to_pylist()
        if not rows:
            raise DataError("there is no contact", table="contacts", mend="check the mapping of contacts")
        told = data.tables.get("campaigns")
        about = {}
        if told is not None:
            names = [one for one in ("name", "kind", "starts_on", "unit_cost") if one in told.columns]
            about = {
                row["campaign_id"]: row
                for row in data.collect(told.select("campaign_id", *names), _MOST_CAMPAIGNS).to_pylist()
            }
        given = {name: place for place, name in enumerate(self.settings.campaigns_in_order)}
        for row in rows:
            known = about.get(row["campaign_id"], {})
            row |= {
                "day": row.get("sent_on") or known.get("starts_on"), "kind": known.get("kind") or dims.UNKNOWN,
                "unit_cost": known.get("unit_cost"), "name": known.get("name") or str(row["campaign_id"]),
            }  # fmt: skip
        unknown = sorted(set(given) - {str(row["campaign_id"]) for row in rows})
        if unknown:
            raise SettingsError(
                f"[campaign_response] campaigns_in_order names {unknown[0]!r}, which no contact has",
                mend="use the ids of the contacts",
            )
        rows.sort(key=lambda row: (given.get(str(row["campaign_id"]), len(given)), str(row["day"] or ""),
                                   str(row["campaign_id"])))  # fmt: skip
        return rows

    def tell(self) -> Result:
        """The Result."""
        data = self.data
        placed = measures.with_place(self.each, self.order)
        groups = self._groups(placed)
        model = self._model(placed)
        found: list[Table | None] = [
            tables.campaigns(self.campaigns, self.settings.margin_share, data.min_customers, self.query),
            self._kinds(),
            groups.table,
            self._pairs(),
            *(model.tables if model else ()),
        ]
        told = [table for table in found if table is not None and table.to_arrow().num_rows]
        story = words.Story(data.currency, data.min_customers, told)
        audience = self._likely(model) if model else None
        findings = [*story.findings(groups), *(story.model(model.judged, model.validated) if model else [])]
        return self.settings.result(
            tables=tuple(told),
            charts=tuple(story.charts(self.is_dated, model.judged.winner if model else "")),
            findings=tuple(findings),
            actions=tuple(story.actions(findings, audience is not None)),
            audiences=(audience,) if audience else (), definitions=words.DEFINITIONS,
            caveats=tuple(story.caveats(self.source, self._strays(), model.reason if model else self.why_not)),
            model=model.fitted if model else None,
        )  # fmt: skip

    def _strays(self) -> int:
        """Answers of customers that the campaign was not sent to."""
        if self.source != measures.FROM_RESPONSES:
            return 0
        rows = measures.not_contacted(self.each, self.data.table("responses"))
        return int(self.data.collect(rows.count(), 1)[0][0].as_py())

    def _kinds(self) -> Table | None:
        kinds: dict[str, list[Any]] = {}
        for row in self.campaigns:
            kinds.setdefault(row["kind"], []).append(row["campaign_id"])
        if set(kinds) == {dims.UNKNOWN}:
            return None
        import ibis

        rows = self.each
        label = ibis.cases(*[(rows.campaign_id.isin(ids), kind) for kind, ids in sorted(kinds.items())], else_="")
        by = [dims.made("kind", "kind of campaign", sorted(kinds), "customer")]
        return break_down(
            self.data, rows.mutate(kind=label), by, [_RESPONSE], name="by_kind", title="Response by kind of campaign",
            cluster="customer_id", counts="contacts",
        ).table  # fmt: skip

    def _groups(self, placed: ir.Table) -> BreakDown:
        """Response by everything known of customers, and by what came before."""
        by = [*dims.available(self.data, "customer"), *dims.traits(self.data)]
        if self.is_ordered and len(self.order) > 1:
            numbers = [*(label for _, label in measures.CONTACT_NUMBERS), measures.LATEST_NUMBER]
            by.append(dims.made("contact_number", "how-manieth contact", numbers, "customer"))
            by.append(dims.made("answered_before", "campaigns answered before", measures.ANSWER_COUNTS, "customer"))
        return break_down(
            self.data, placed, by, [_RESPONSE], name="by_group", title="Response by group", cluster="customer_id",
            counts="contacts", note="Counted, not explained: groups also differ in which campaigns they were sent.",
        )  # fmt: skip

    def _pairs(self) -> Table | None:
        """Who has answered which before, for the campaigns with the most answers."""
        ranked = sorted(self.campaigns, key=lambda row: (-row["responders"], str(row["campaign_id"])))
        chosen = [row["campaign_id"] for row in ranked[:_MOST_PAIRED] if row["responders"]]
        if len(chosen) < 2:
            return None
        query = measures.pairs(self.each, chosen)
        rows = self.data.collect(query, _MOST_PAIRED**2).to_pylist()
        place = {one: number for number, one in enumerate(self.order)}
        if self.is_ordered:
            rows = [row for row in rows if place[row["earlier"]] < place[row["campaign"]]]
        rows.sort(key=lambda row: (place[row["campaign"]], place[row["earlier"]]))
        return tables.pairs(rows, self.is_ordered, self.data.min_customers, query)

    # -- who answers next -------------------------------------------------------------------------------

    why_not = "no response model was made: there are too few answers to learn from and to test on"

    def _model(self, placed: ir.Table) -> tables.Learnt | None:
        """The model, learnt on earlier campaigns and tested on the last; or on customers held out by a hash."""
        able = [
            row for row in self.campaigns
            if _FEWEST_ANSWERS <= row["responders"] <= row["contacts"] - _FEWEST_ANSWERS
        ]  # fmt: skip
        if not able:
            return None
        what = history.known(self.data, self.is_dated, self.is_ordered)
        if not what.names:
            self.why_not = "no response model was made: nothing is known of customers before a campaign"
            return None
        able = able[-_LEARNT_FROM:]
        queries, parts = [], []
        for row in able:
            contacts = placed.filter(placed.campaign_id == row["campaign_id"])
            query = history.rows_before(self.data, what, contacts, row["day"])
            queries.append(query)
            parts.append(history.collect(self.data, query, row["contacts"]))
        try:
            if self.is_ordered and len(able) > 1:
                found = tables.learn(parts[:-1], parts[-1], what, able[-1], tuple(queries), self.data.seed)
                return tables.with_test_within(found, parts[-1], able[-1], self.data.seed, _TESTED_SHARE)
            return tables.learn_apart(parts, what, able, tuple(queries), self.data.seed, _TESTED_SHARE)
        except FitError as problem:
            self.why_not = f"no response model was made: {problem.message}"
            return None

    def _likely(self, model: tables.Learnt) -> Audience | None:
        """The customers most likely to answer the next campaign."""
        import ibis

        data, what = self.data, model.what
        rows = what.view
        if what.has_past or "earlier_answers" in what.numbers:
            sums = self.each.group_by("customer_id").aggregate(
                earlier_answers=self.each.responded.sum().cast("int64"), earlier_contacts=self.each.count()
            )
            rows = rows.left_join(sums, "customer_id").drop("customer_id_right")
            rows = rows.mutate(
                earlier_answers=rows.earlier_answers.fill_null(0), earlier_contacts=rows.earlier_contacts.fill_null(0)
            )
        day: date | None = data.as_of
        query = history.rows_now(data, what, rows, day)
        tag = f"_{day:%Y%m%d}" if day else ""
        column = model.ranked_by
        keep = ["customer_id", *([column] if column else [])]
        scored = data.score(model.fitted, query, f"campaign_response__scores{tag}", keep)
        scored = scored.mutate(
            score=(scored[column].fill_null(0.0) if column else scored.response_probability).round(6)
        )
        cut = data.collect(scored.aggregate(cut=scored.score.quantile(1 - self.settings.top_share)), 1)["cut"][
            0
        ].as_py()
        top = scored.filter(scored.score >= cut)
        told = (100 * top.response_probability).round(1).cast("string") + " %"
        why = ibis.literal("chance of an answer ") + told
        if column:
            why = ibis.literal(f"{model.judged.winner}: ") + top.score.cast("string")
        members = top.select(customer_id=top.customer_id, reason=why, score=top.score)
        return Audience(
            "likely_to_answer", "Most likely to answer the next campaign",
            members.order_by(members.score.desc(), members.customer_id),
            f"Ranked by: {model.judged.winner}. Whether the campaign changes what they do is another question.",
        )  # fmt: skip


_RESPONSE = Figure("response_share", "share", "Answers ÷ contacts.", lambda rows: rows.responded, total="responders",
    is_proportion=True,
)  # fmt: skip
