"""How well offers foretell: blend and rule are chosen on one period and judged on the next, beside simple rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures.recommendation_tables import AGAIN, NEW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.core.dataset import Dataset
    from regulars.methods.recommending import Counts, Interactions
    from regulars.models.recommend import Hits

_TESTED, _CHOSEN_ON = 3000, 1000


class JudgedOffers:
    """The blend and the rule chosen on the last but one period, and how they and the simple rules did on the last."""

    def __init__(self, data: Dataset, found: Interactions, counted: Mapping[int, Counts]) -> None:
        from regulars.methods import recommending as method
        from regulars.models import recommend as model

        self.blend, self.repeats = model.USUAL_BLEND, model.USUAL_REPEATS
        self.rows: list[dict[str, Any]] = []
        self.is_made = False
        least = data.min_customers
        chosen_on = method.find_tested(data, found, 1, _CHOSEN_ON)
        self.tested = method.find_tested(data, found, 2, _TESTED)
        if min(chosen_on.customers, self.tested.customers) < least or not len(counted[0].places):
            self.blend = self.blend if len(counted[2].places) else model.POPULARITY[1]
            return
        self.is_made = True
        early, late = method.Models(counted[0]), method.Models(counted[1])
        every = (*model.POPULARITY, *model.BLENDS)
        hits = [method.judge_blend(found, early, chosen_on, one) for one in every]
        if len(hits[0].ndcg) >= least:
            self.blend = every[method.choose(every, hits)]
        simple = model.POPULARITY[method.choose(model.POPULARITY, hits[: len(model.POPULARITY)])]
        plain = model.Blend(self.blend.penalty or 500.0, 28, 0.0)
        named = {self.blend.words: self.blend, simple.words: simple, plain.words: plain}
        new = {words: method.judge_blend(found, late, self.tested, one) for words, one in named.items()}
        new["nearest items (cosine)"] = method.judge_blend(found, late, self.tested, plain, is_cosine=True)
        if self._is_worse(new[self.blend.words], new[simple.words], data.seed):
            self.blend = simple
        popularity = found.column(f"popularity_28_{1}")[counted[1].places]
        self._add(NEW, new, self.blend.words, simple.words, data, len(popularity), popularity)
        every_rule = (*model.OWN_ORDERS, *model.REPEATS)
        hits = [method.judge_repeats(chosen_on, one) for one in every_rule]
        own = model.OWN_ORDERS[method.choose(model.OWN_ORDERS, hits[: len(model.OWN_ORDERS)])]
        if len(hits[0].ndcg) >= least:
            self.repeats = every_rule[method.choose(every_rule, hits)]
        again = {one.words: method.judge_repeats(self.tested, one) for one in (self.repeats, own)}
        if self._is_worse(again[self.repeats.words], again[own.words], data.seed):
            self.repeats = own
        self._add(AGAIN, again, self.repeats.words, own.words, data, 0, popularity)

    @staticmethod
    def _is_worse(one: Hits, other: Hits, seed: int) -> bool:
        from regulars.models import recommend as model

        return bool(model.bootstrap_mean(one.ndcg - other.ndcg, seed).high < 0)

    def _add(
        self, kind: str, hits: Mapping[str, Hits], used: str, simple: str, data: Dataset, items: int, popularity: Any
    ) -> None:
        from regulars.models import recommend as model

        for words, one in hits.items():
            if len(one.ndcg) < data.min_customers:
                continue
            row: dict[str, Any] = {
                "kind": kind, "method": words, "is_used": words == used, "customers": len(one.ndcg),
                "is_simple": words == simple, "hit_share": float(one.hit.mean()), "hits": int(one.hit.sum()),
            }  # fmt: skip
            for name in ("recall", "ndcg"):
                mean = model.bootstrap_mean(getattr(one, name), data.seed)
                row |= {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
            if words != simple:
                beside = model.bootstrap_mean(one.ndcg - hits[simple].ndcg, data.seed)
                row["beside_simple"] = "better" if beside.low > 0 else "worse" if beside.high < 0 else "no difference"
            if items:
                row["coverage"] = model.coverage(one.offered, items)
                row["popularity"] = model.popularity_bias(one.offered, popularity)
            self.rows.append(row)

    def row(self, kind: str, *, simple: bool = False) -> dict[str, Any] | None:
        """The row of the method used, or of the simplest rule."""
        key = "is_simple" if simple else "is_used"
        return next((row for row in self.rows if row["kind"] == kind and row[key]), None)
