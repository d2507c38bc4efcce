"""How good a prediction is, in seven numbers that answer seven different questions.

All of them take a weight per customer, so that a bootstrap draw costs no sorting: ranks are found once, as groups of
equal predictions, and a draw only adds up weights within the groups. Customers with equal predictions share their rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.models.cells import add_up, weigh

if TYPE_CHECKING:
    from regulars.models.cells import FloatArray, IntArray

TOP_SHARE: Final = 0.1


@dataclass(frozen=True)
class Measure:
    """One way to judge a prediction.

    Attributes:
        name: Its key in scores.
        title: Its name for readers.
        higher_is_better: Whether more is better. Of the bias, the smaller absolute value is better.
    """

    name: str
    title: str
    higher_is_better: bool

    def lose(self, score: float) -> float:
        """The score as a loss: the smaller the better."""
        return abs(score) if self.name == "bias_share" else -score if self.higher_is_better else score


MEASURES: Final = {
    measure.name: measure
    for measure in (
        Measure("bias_share", "aggregate bias", higher_is_better=False),
        Measure("mean_absolute_error", "mean absolute error", higher_is_better=False),
        Measure("root_mean_square_error", "root mean square error", higher_is_better=False),
        Measure("rank_correlation", "rank correlation (Spearman)", higher_is_better=True),
        Measure("normalised_gini", "normalised Gini", higher_is_better=True),
        Measure("top_decile_share", "share brought by the top tenth", higher_is_better=True),
        Measure("auc", "AUC for buying again", higher_is_better=True),
    )
}
"""What every prediction is judged by.

- bias_share: sum of the predictions / sum of what came, minus 1.
- mean_absolute_error: mean of |predicted − actual|. It rewards predicting the median, which is 0 where most buy
  nothing: read it beside the bias.
- root_mean_square_error: root of the mean of (predicted − actual)²; ruled by the few largest customers.
- rank_correlation: Spearman's, −1 to 1.
- normalised_gini: Gini of what came, in the order of the predictions, over that in the order of what came. 0 is chance,
  1 the perfect order.
- top_decile_share: share of what came that the tenth with the highest predictions brought.
- auc: probability that a customer who bought again was predicted more than one who did not.
"""


class Ranking:
    """Customers in groups of equal values, the groups in rising order."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values
        _, groups = np.unique(values, return_inverse=True)
        self.group: IntArray = groups
        self.group_count = int(groups.max()) + 1

    def add_up(self, weight: FloatArray) -> FloatArray:
        """The sum of a weight in each group."""
        return add_up(self.group, weight, self.group_count)

    def find_tenths(self) -> IntArray:
        """The tenth of each customer by middle rank, 1 (lowest) to 10; ties stay together."""
        ranks = _find_middle_ranks(self.add_up(np.ones(self.group.size)))
        return np.asarray(1 + np.minimum(9, (10 * ranks).astype(np.int64))[self.group])


class Outcomes:
    """What came, under one weight per customer: all that does not depend on a prediction.

    Args:
        ranking: What came, as a ranking.
        weight: Weight of each customer; 1 each by default.
    """

    def __init__(self, ranking: Ranking, weight: FloatArray | None = None) -> None:
        self.actual = ranking.values
        self.weight = np.ones(self.actual.size) if weight is None else weight
        self.amount = self.weight * self.actual
        self.bought = self.weight * (self.actual > 0)
        self.size, self.total = float(self.weight.sum()), float(self.amount.sum())
        ranks = _find_middle_ranks(ranking.add_up(self.weight))
        self.rank = ranks[ranking.group]
        self.gini = 2 * weigh(self.amount, self.rank) / self.total - 1 if self.total > 0 else 0.0
        self.rank_spread = weigh(self.weight, (self.rank - 0.5) ** 2)


def score(outcomes: Outcomes, ranking: Ranking) -> dict[str, float | None]:
    """All measures of one prediction; None where a measure has no meaning (nobody bought, all values equal).

    Args:
        outcomes: What came, weighed.
        ranking: The predictions.

    Example:
        >>> actual, predicted = np.array([0.0, 0.0, 1.0, 3.0]), np.array([0.1, 0.4, 0.4, 2.0])
        >>> scores = score(Outcomes(Ranking(actual)), Ranking(predicted))
        >>> round(scores["bias_share"], 3), round(scores["mean_absolute_error"], 3), scores["auc"]
        (-0.275, 0.525, 0.875)
    """
    weight, total = outcomes.weight, outcomes.total
    error = ranking.values - outcomes.actual
    sizes, amounts = ranking.add_up(weight), ranking.add_up(outcomes.amount)
    ranks = _find_middle_ranks(sizes)
    return {
        "bias_share": weigh(weight, ranking.values) / total - 1 if total > 0 else None,
        "mean_absolute_error": weigh(weight, np.abs(error)) / outcomes.size,
        "root_mean_square_error": float(np.sqrt(weigh(weight, error**2) / outcomes.size)),
        "rank_correlation": _correlate_ranks(outcomes, ranking, sizes, ranks),
        "normalised_gini": (2 * weigh(amounts, ranks) / total - 1) / outcomes.gini if outcomes.gini > 1e-12 else None,
        "top_decile_share": _capture_top(sizes, amounts) if total > 0 else None,
        "auc": _compare_pairs(sizes, ranking.add_up(outcomes.bought)),
    }


def _find_middle_ranks(sizes: FloatArray) -> FloatArray:
    """The middle rank of each group, 0-1."""
    ranks: FloatArray = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    return ranks


def _correlate_ranks(outcomes: Outcomes, ranking: Ranking, sizes: FloatArray, ranks: FloatArray) -> float | None:
    """Spearman's correlation: Pearson's between the middle ranks."""
    spread = weigh(sizes, (ranks - 0.5) ** 2) * outcomes.rank_spread
    together = weigh(ranking.add_up(outcomes.weight * (outcomes.rank - 0.5)), ranks - 0.5)
    return together / float(np.sqrt(spread)) if spread > 0 else None


def _capture_top(sizes: FloatArray, amounts: FloatArray) -> float:
    """Share of what came from the top tenth; the group on the border counts in part."""
    border = TOP_SHARE * sizes.sum()
    reached = np.interp(border, np.append(0.0, np.cumsum(sizes[::-1])), np.append(0.0, np.cumsum(amounts[::-1])))
    return float(reached / amounts.sum())


def _compare_pairs(sizes: FloatArray, buyers: FloatArray) -> float | None:
    """Of all pairs of a buyer and a non-buyer, the share with the buyer predicted higher; ties count half."""
    others = sizes - buyers
    pairs = float(buyers.sum() * others.sum())
    return weigh(buyers, np.cumsum(others) - others / 2) / pairs if pairs > 0 else None
