"""The fitted recommender: what it holds, how it offers, and how it is kept in files and read back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from regulars.errors import FitError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from regulars.models.recommend import Blend, RepeatRule

_FORMAT = 2
_WORDS = ("ids", "names")
_NUMBERS = ("categories", "prices", "popularity", "extra", "allowed")


@dataclass(frozen=True)
class Rules:
    """The rules of the business for what is offered.

    Args:
        one_per_category: Whether each category is offered once.
        price_range: Offers cost at most so many times, and at least one so-many-th, of what the customer usually pays
            for an item; 0: whatever they cost.
        exclude: Ids of items that are never offered.
        margin_weight: Standard deviations of margin added to the score of an item.
        in_stock: Whether items that nobody bought in the last 60 days are left out, and those that the products' trait
            `in_stock` says are gone.
    """

    one_per_category: bool = False
    price_range: float = 0.0
    exclude: tuple[str, ...] = ()
    margin_weight: float = 0.0
    in_stock: bool = True

    def scores_as(self, other: Rules) -> bool:
        """Whether a model fitted under these rules serves under the others, which only leave out more or less."""
        return (self.margin_weight, self.in_stock) == (other.margin_weight, other.in_stock)


@dataclass(frozen=True)
class Recommender:
    """Item–item weights, popularity and rules, with the user's own item ids.

    Args:
        ids: Id of every item as text; those that histories are read by come first, new ones after.
        names: How each is written.
        categories: Number of its category; −1 where it has none.
        prices: What one costs; NaN where unknown.
        popularity: Orders in the days of the blend.
        extra: What is added to every customer's score.
        allowed: Whether it may be offered: in stock, not excluded.
        weights: Items of the history × all items.
        blend: How new items are scored.
        repeats: How items bought before are scored.
        rules: The rules of the business.
        as_of: The day the data were known to, as text.
        item: What an item is: `product_id`, or a column of the products.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    categories: NDArray[np.int64]
    prices: NDArray[np.float64]
    popularity: NDArray[np.float64]
    extra: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    weights: NDArray[np.float32]
    blend: Blend
    repeats: RepeatRule
    rules: Rules = field(default_factory=Rules)
    as_of: str = ""
    item: str = "product_id"

    @property
    def known(self) -> int:
        """How many items histories are read by; the others are new."""
        return len(self.weights)

    def discover(
        self, history: csr_matrix, places: int, usual_price: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
        """New items for a batch of customers.

        Args:
            history: Customers × known items.
            places: How many for each.
            usual_price: What each customer usually pays for an item; NaN where unknown.

        Returns:
            The items (−1 where none is left), their scores, and the item of the customer's own that speaks most for
            each (−1: it is offered because it sells).
        """
        import numpy as np
        from scipy.sparse import csr_matrix

        from regulars.models import recommend as model

        scores = model.score(history, self.weights if self.blend.penalty else self.weights[:0], self.extra)
        kept = scores.copy()
        owned = csr_matrix((history.data, history.indices, history.indptr), shape=(history.shape[0], len(self.ids)))
        is_bound = self.rules.one_per_category or (self.rules.price_range > 0 and usual_price is not None)
        offered = model.best(scores, self.allowed, owned, min(places * (10 if is_bound else 1), len(self.ids)))
        if is_bound:
            wide = self.rules.price_range
            offered = model.constrained(
                offered, places, self.categories if self.rules.one_per_category else None,
                self.prices if wide and usual_price is not None else None,
                usual_price / wide if wide and usual_price is not None else None,
                usual_price * wide if wide and usual_price is not None else None,
            )  # fmt: skip
        offered = offered[:, :places]
        line = np.arange(len(offered))[:, None]
        scored = np.where(offered >= 0, kept[line, np.maximum(offered, 0)], np.float32(0))
        because = model.reasons(history, self.weights if self.blend.penalty else self.weights[:0], offered)
        return offered, scored, because

    def save(self, folder: Path) -> None:
        """Write `model.json`, `items.arrow` and `weights.arrow` into a folder."""
        import numpy as np
        import pyarrow as pa
        from pyarrow import feather

        told = {
            "format": _FORMAT, "model": "recommender", "blend": asdict(self.blend), "repeats": asdict(self.repeats),
            "rules": asdict(self.rules), "as_of": self.as_of, "item": self.item,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        columns = {name: pa.array(getattr(self, name)) for name in (*_WORDS, *_NUMBERS)}
        feather.write_feather(pa.table(columns), folder / "items.arrow", compression="zstd")
        flat = pa.array(np.ascontiguousarray(self.weights).ravel())
        rows = pa.FixedSizeListArray.from_arrays(flat, len(self.ids)) if len(self.ids) else flat
        feather.write_feather(pa.table({"weights": rows}), folder / "weights.arrow", compression="zstd")

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """The recommender that `save` wrote.

        Raises:
            FitError: The folder does not hold one.
        """
        import numpy as np
        from pyarrow import feather

        from regulars.models.recommend import Blend, RepeatRule

        try:
            told = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            items = feather.read_table(folder / "items.arrow")
            rows = feather.read_table(folder / "weights.arrow")["weights"].combine_chunks()
        except (OSError, ValueError) as problem:
            raise FitError(f"{folder} holds no saved recommender: {problem}", mend="run `regulars run` again") from None
        if told.get("format") != _FORMAT or told.get("model") != "recommender":
            raise FitError(f"{folder} holds no recommender of a known format", mend="run `regulars run` again")
        words: dict[str, Any] = {name: tuple(items[name].to_pylist()) for name in _WORDS}
        numbers = {name: items[name].to_numpy() for name in _NUMBERS}
        rules = Rules(**{**told["rules"], "exclude": tuple(told["rules"]["exclude"])})
        weights = rows.flatten().to_numpy(zero_copy_only=False) if len(rows) else np.zeros(0)
        return cls(
            **words, **numbers, weights=weights.reshape(-1, max(len(items), 1)).astype(np.float32),
            blend=Blend(**told["blend"]), repeats=RepeatRule(**told["repeats"]), rules=rules,
            as_of=told["as_of"], item=told["item"],
        )  # fmt: skip
