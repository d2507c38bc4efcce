"""Recommendations: what to offer each customer next, and what they are likely to buy again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.core.verb import Verb, VerbCall
from regulars.errors import DataError, SettingsError
from regulars.measures import recommendation_tables as tables
from regulars.measures.recommendation_tables import AGAIN, NEW

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.methods.judged_offers import JudgedOffers
    from regulars.methods.recommender import Recommender, Rules
    from regulars.methods.recommending import Counts, Interactions

_SHOWN = 3
_ON_MAP, _CUSTOMERS_ON_MAP = 150, 200
_INFOS = (
    ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
    ColumnInfo("kind", "text", "A first purchase of the item, or a repeat purchase."),
    ColumnInfo("rank", "", "1 is the likeliest."),
    ColumnInfo("product_id", "id", "What to offer."),
    ColumnInfo("item", "text", "What it is called."),
    ColumnInfo("score", "score", "Orders the offers of one kind; not a probability."),
    ColumnInfo("because", "text", "The customer's own item that speaks most for it; empty: it is what sells."),
)


@dataclass(frozen=True)
class RecommendOptions:
    """Options of `regulars recommend`."""

    customer: str = field(default="", metadata={"help": "The customer to make offers to."})
    all: bool = field(default=False, metadata={"help": "Offers for every customer; write them with --out."})
    places: int = field(default=10, metadata={"help": "Offers of each kind."})


@dataclass(frozen=True)
class Recommendations(Analysis):
    """New items by an item–item model blended with popularity; repeat purchases by the customer's own orders.

    Args:
        item: What an item is: `product_id`, or a column of the products (`category`, a trait).
        exclude: Ids of items that are never offered.
        in_stock: Leave out items that nobody bought in the last 60 days, or whose trait `in_stock` says no.
        margin_weight: How much the margin of an item counts beside the score of a first purchase, in standard
            deviations; 0: not at all.
        one_per_category: Offer each category once.
        price_range: Offers cost at most so many times, and at least one so-many-th, of what the customer usually pays
            for an item; 0: whatever they cost.
        scored: Customers with offers in the report, those who bought last first; `regulars recommend --all` makes them
            for everyone.
    """

    title = "Recommendations"
    question = "What should each customer be offered next, and what are they likely to buy again?"
    chapter = "products"
    order = 20
    needs = Needs(summaries={"customer_items", "item_stages"}, customers={"recency_days"})
    wants = Needs(customers={"segment", "rfm_segment"})
    verb = Verb("recommend", "Offers for one customer, or for all in batches.", RecommendOptions)

    item: str = "product_id"
    exclude: tuple[str, ...] = ()
    in_stock: bool = True
    margin_weight: float = 0.0
    one_per_category: bool = False
    price_range: float = 0.0
    scored: int = 100_000

    def __post_init__(self) -> None:
        if self.margin_weight < 0 or self.scored < 1 or 0 < self.price_range < 1 or self.price_range < 0:
            raise SettingsError(
                "[recommendations] margin_weight, price_range or scored is out of range",
                mend="use margin_weight = 0.5, price_range = 3, scored = 100000, say",
            )

    def run(self, data: Dataset) -> Result:
        """The test, offers for those who bought last, what sells, and the map."""
        from regulars.methods.judged_offers import JudgedOffers

        found, counted = self._prepared(data)
        judged = JudgedOffers(data, found, counted) if data.as_of else None
        recommender = self._fit(data, found, counted[found.cuts.last], judged)
        return _Story(self, data, found, counted, judged, recommender).tell()

    def perform(self, call: VerbCall) -> Result:
        """Offers for one customer or for all, by the model saved with the run, or by one fitted now."""
        from regulars.methods.judged_offers import JudgedOffers
        from regulars.methods.offers import restricted
        from regulars.methods.recommender import Recommender
        from regulars.methods.recommending import prepare

        options = call.options
        if bool(options.customer) == options.all:
            raise SettingsError(
                "name one customer, or ask for all", mend="use --customer ID, or --all with --out FOLDER"
            )
        if options.places < 1:
            raise SettingsError("--places is 1 or more", mend="use --places 10")
        data = call.load()
        saved = call.run_folder / "models" / self.name
        recommender = Recommender.load(saved) if (saved / "model.json").exists() else None
        if recommender is not None and recommender.item == self.item and recommender.rules.scores_as(self._rules):
            found = prepare(data, self.item)
            recommender = restricted(data, recommender, self._rules)
        else:
            found, counted = self._prepared(data)
            judged = JudgedOffers(data, found, counted)
            recommender = self._fit(data, found, counted[found.cuts.last], judged)
        view = data.customers
        if options.customer:
            view = view.filter(view.customer_id.cast("string") == options.customer)
        offers = everyones_offers(data, recommender, found, view, options.places)
        caveats = [
            Caveat(f"The model knows what was bought up to {recommender.as_of}."), *self.unmet_rules(data, recommender)
        ]  # fmt: skip
        if options.customer:
            rows = data.collect(offers.order_by("kind", "rank"), 3 * options.places)
            if not rows.num_rows:
                return self._for_a_stranger(data, recommender, found, options)
            own = Table("recommendations", f"Offers for {options.customer}", rows, _INFOS, (offers,))
            return self.result(tables=(own,), caveats=tuple(caveats))
        table = Table("recommendations", "Offers for every customer", offers, _INFOS)
        return self.result(tables=(table,), caveats=tuple(caveats))

    def _for_a_stranger(
        self, data: Dataset, recommender: Recommender, found: Interactions, options: RecommendOptions
    ) -> Result:
        from regulars.methods.offers import popular_by_group

        what, query = popular_by_group(data, found, options.places)
        rows = [row for row in data.collect(query).to_pylist() if row["group"] == "everyone"]
        names = dict(zip(recommender.ids, recommender.names, strict=True))
        said = f"Nothing is known of customer '{options.customer}': these items sell most."
        return self.result(tables=(tables.popular_table(what, rows, names, query),), caveats=(Caveat(said, "warning"),))

    def _prepared(self, data: Dataset) -> tuple[Interactions, dict[int, Counts]]:
        from regulars.methods.recommending import count_stages, prepare

        if self.item != "product_id" and self.item not in data.table("products").columns:
            raise DataError(f"the products have no column '{self.item}'", table="products", mend=f"map {self.item}")
        found = prepare(data, self.item)
        if not found.table.num_rows or not found.customers:
            raise DataError("nobody has bought an item", table="lines", mend="check product_id and quantity")
        return found, count_stages(data, found, (0, 1, 2))

    def _fit(self, data: Dataset, found: Interactions, counts: Counts, judged: JudgedOffers | None) -> Recommender:
        from regulars.methods.offers import fit
        from regulars.models import recommend as model

        blend = judged.blend if judged else model.USUAL_BLEND
        repeats = judged.repeats if judged else model.USUAL_REPEATS
        return fit(data, found, counts, blend, repeats, rules=self._rules, item=self.item)

    def unmet_rules(self, data: Dataset, recommender: Recommender) -> list[Caveat]:
        """Rules that are set and find nothing in the data to obey."""
        from regulars.methods.offer_rules import unmet

        return unmet(data, recommender)

    @property
    def _rules(self) -> Rules:
        from regulars.methods.recommender import Rules

        return Rules(self.one_per_category, self.price_range, self.exclude, self.margin_weight, self.in_stock)


def everyones_offers(
    data: Dataset, recommender: Recommender, found: Interactions, view: ir.Table, places: int
) -> ir.Table:
    """Both kinds of offer for the customers of a view, in the columns of the table; not yet computed."""
    import ibis
    import pyarrow as pa

    from regulars.methods.offers import again_offers, new_offers

    keys = view.select("customer_key", "customer_id")
    new = new_offers(data, recommender, found, keys, places, "recommend__new").drop("because_id")
    new = new.mutate(kind=ibis.literal(NEW))
    again = again_offers(data, recommender, found, keys, places)
    again = again.mutate(product_id=again.product_id.cast("string"))
    words = data.bring(pa.table({"_id": list(recommender.ids), "item": list(recommender.names)}), "recommend__names")
    again = again.left_join(words, again.product_id == words._id).drop("_id")
    again = again.mutate(
        item=again["item"].fill_null(again.product_id), kind=ibis.literal(AGAIN), because=ibis.null("string")
    )
    columns = ("customer_key", "kind", "rank", "product_id", "item", "score", "because")
    offers = ibis.union(new.select(*columns), again.select(*columns))
    return offers.inner_join(keys, "customer_key").select(*[info.name for info in _INFOS])


class _Story:
    """Tables, findings and lists from the recommender and how it did."""

    def __init__(
        self, settings: Recommendations, data: Dataset, found: Interactions, counted: Mapping[int, Counts],
        judged: JudgedOffers | None, recommender: Recommender,
    ) -> None:  # fmt: skip
        self.settings, self.data, self.found, self.counted = settings, data, found, counted
        self.judged, self.recommender = judged, recommender
        self.sources = (found.rows, found.items)

    def tell(self) -> Result:
        """The Result."""
        made: list[Table] = []
        rows = self.judged.rows if self.judged else []
        if rows:
            made.append(tables.judged_table(rows, self.sources, self._tested_words()))
        view = self._recent(self.data.customers)
        offers = everyones_offers(self.data, self.recommender, self.found, view, _SHOWN)
        offers = self.data.persist(offers, "recommend__offers")
        made += self._popular()
        made.append(Table("offers", "Offers for each customer", offers, _INFOS, dimensions=("kind",), is_shown=False))
        made += self._places()
        first = offers.filter((offers["rank"] == 1) & (offers.kind == NEW))
        reason = (first["item"] + ", as " + first.because + " was bought").fill_null(first["item"] + ", as it sells")
        audience = Audience(
            "next_item", "What to offer each customer first",
            first.select("customer_id", reason=reason, score=first.score, product_id=first.product_id),
            "The likeliest first purchase of an item for each customer, and which of their own items speaks for it.",
        )  # fmt: skip
        findings = self._findings()
        return self.settings.result(
            tables=tuple(made), charts=self._charts(made), findings=tuple(findings), actions=self._actions(findings),
            audiences=(audience,), caveats=tuple(self._caveats()), definitions=_DEFINITIONS, model=self.recommender,
        )  # fmt: skip

    def _recent(self, view: ir.Table) -> ir.Table:
        """At most about `scored` customers: those who bought last."""
        view = view.filter(view.recency_days.notnull())
        days = view.group_by("recency_days").aggregate(n=view.count())
        rows = self.data.collect(days.order_by("recency_days"), 100_000)
        total = rows["n"].to_numpy().cumsum()
        if not len(total) or total[-1] <= self.settings.scored:
            return view
        last = int((total <= self.settings.scored).sum())
        return view.filter(view.recency_days <= int(rows["recency_days"][max(last - 1, 0)].as_py()))

    def _popular(self) -> list[Table]:
        from regulars.methods.offers import popular_by_group

        what, query = popular_by_group(self.data, self.found, 10)
        names = dict(zip(self.recommender.ids, self.recommender.names, strict=True))
        return [tables.popular_table(what, self.data.collect(query).to_pylist(), names, query)]

    def _places(self) -> list[Table]:
        """Neighbours of the items, and the map of items and customers."""
        import numpy as np

        from regulars.models import recommend as model

        counts, r = self.counted[self.found.cuts.last].counts, self.recommender
        near = model.cosine(counts)
        order = np.argsort(-near, axis=1, kind="stable")[:, :5]
        rows = [
            (r.ids[one], r.names[one], r.ids[other], r.names[other], round(float(near[one, other]), 6))
            for one in range(len(near)) for other in order[one].tolist() if near[one, other] > 0
        ]  # fmt: skip
        at, buyers = model.latent_map(counts), np.diag(counts)
        if not at.any():
            return [tables.neighbours_table(rows, self.sources)]
        shown = np.lexsort((np.arange(len(buyers)), -buyers))[:_ON_MAP]
        placed = [
            {
                "what": "item", "name": r.names[one], "customers": round(float(buyers[one])),
                "x": float(at[one, 0]), "y": float(at[one, 1]),
            }
            for one in shown.tolist()
        ]  # fmt: skip
        if self.judged and self.judged.tested.customers:
            history = self.judged.tested.history[:_CUSTOMERS_ON_MAP][:, self.counted[self.found.cuts.last].places]
            sizes = np.asarray(history.sum(axis=1)).ravel()
            middle = np.round(history @ at / np.maximum(sizes, 1)[:, None], 4)
            placed += [
                {"what": "customer", "name": "", "customers": 1, "x": float(x), "y": float(y)}
                for (x, y), size in zip(middle, sizes, strict=True) if size
            ]  # fmt: skip
        return [tables.neighbours_table(rows, self.sources), tables.map_table(placed, self.sources)]

    def _tested_words(self) -> str:
        assert self.judged is not None  # noqa: S101  asked only where there is a test
        days = (self.found.cuts.ends[2] - self.found.cuts.ends[1]).days
        return (
            f"chosen on the {days} days before {self.found.cuts.ends[1]:%Y-%m-%d}, tested on "
            f"{self.judged.tested.customers:,} customers over the {days} days after it"
        )

    def _findings(self) -> list[Finding]:
        from regulars.models import intervals

        found = []
        for kind, key, words in (
            (NEW, "new", "bought an item for the first time"), (AGAIN, "again", "bought an item again"),
        ):  # fmt: skip
            used = self.judged.row(kind) if self.judged else None
            simple = self.judged.row(kind, simple=True) if self.judged else None
            if used is None or simple is None:
                continue
            low, high = (float(end) for end in intervals.share_interval(used["hits"], used["customers"]))
            beside = (
                "which is also the simplest rule" if used is simple else
                f"against {write(simple['hit_share'], 'share')} by the simplest rule ({simple['method']}; nDCG "
                f"{used['ndcg']:.3f} against {simple['ndcg']:.3f}: {used['beside_simple']})"
            )  # fmt: skip
            sentence = (
                f"Of {write_count(used['customers'], 'customers')} who {words} in the test period, "
                f"{write(used['hit_share'], 'share')} ({write_interval(low, high, 'share')}) bought one of the ten "
                f"they would have been offered, {beside}."
            )
            found.append(
                Finding(
                    f"recommendations.{key}_hit_share", sentence, used["hit_share"], "share", used["customers"],
                    Evidence("judged", kind), "modelled",
                    interval=(min(low, used["hit_share"]), max(high, used["hit_share"])),
                    validated=f"{self._tested_words()}, beside {simple['method']}",
                )
            )  # fmt: skip
        return found

    def _actions(self, findings: list[Finding]) -> tuple[Action, ...]:
        if not findings:
            return ()
        return (
            Action(
                "recommendations.offer", "Offer each customer the item listed for them; leave out some, drawn by lot.",
                "They may buy the item anyway: what the offer adds, only a trial shows.", "next_item", findings[0].key,
            ),
        )  # fmt: skip

    def _charts(self, made: list[Table]) -> tuple[Chart, ...]:
        have = {table.name for table in made}
        charts = []
        if "judged" in have:
            used = self.judged.row(NEW) if self.judged else None
            title = "Repeat purchases are foretold well, first purchases less so"
            if used is not None:
                title = f"Ten offers hold {write(used['recall'], 'share')} of the items bought for the first time"
            charts.append(
                Chart(
                    "judged", title, "Share of the items bought later that were among ten offers, by method",
                    "interval", "judged", "method", "recall", colour="kind", low="recall_low", high="recall_high",
                    x_sort="data",
                )
            )  # fmt: skip
        if "map" in have:
            charts.append(
                Chart(
                    "map", "Items with the same customers lie together, and customers near what they buy",
                    f"The {_ON_MAP} items with the most customers, and a sample of customers; only nearness counts",
                    "network", "map", "x", "y", colour="what", label="label",
                )
            )  # fmt: skip
        return tuple(charts)

    def _caveats(self) -> list[Caveat]:
        from regulars.measures.interactions import LARGEST_HISTORY
        from regulars.measures.items import MOST_ITEMS

        found = [
            Caveat(
                "An item that was offered and bought might have been bought anyway: the test measures foresight, "
                "not what an offer adds."
            ),
            *self.settings.unmet_rules(self.data, self.recommender),
        ]
        if not (self.judged and self.judged.is_made and self.judged.rows):
            text = "Too few customers bought in both test periods: offers are untested, and no finding is made of them."
            found.append(Caveat(text, "warning"))
        if self.found.large:
            found.append(
                Caveat(
                    f"{write_count(self.found.large, 'customers')} with more than {LARGEST_HISTORY:,} items are "
                    "left out of the counts; they get offers all the same."
                )
            )  # fmt: skip
        if self.found.share < 1:
            found.append(Caveat(f"Counts are from {write(self.found.share, 'share')} of the customers, by hash."))
        items = int(self.data.collect(self.found.items.count())[0][0].as_py())
        if items > MOST_ITEMS:
            found.append(
                Caveat(f"Of {items:,} items the {MOST_ITEMS:,} with the most customers are offered, and new ones.")
            )
        return found


_DEFINITIONS: Mapping[str, str] = {
    "recall@10": "Of the items a customer bought in the test period, the share among ten offers; mean over customers.",
    "nDCG@10": "The same, an early place counting more than a late one, beside the best possible order.",
    "coverage": "Share of the items that are offered to at least one customer.",
    "first purchases": "Items the customer had not bought before; scored apart from repeat purchases, as they are "
    "different offers.",
}
