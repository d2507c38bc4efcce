"""Hillstrom's e-mail experiment: who is changed, beside the best learners written out here in plain scikit-learn.

Q is the mean over depths φ of φ × effect in the top φ, less half the effect over all, × 1000. The rivals were the best
of those tried: an X-learner with boosting for visits of women's mail, two least-squares lines for its spend.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars import pipeline
from regulars.methods import uplift as method
from regulars.models import policies
from regulars.models import uplift as model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.methods.uplift import Learnt

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "hillstrom" / "regulars.toml"
MENS, WOMENS = "Mens E-Mail", "Womens E-Mail"
SEEDS, FOLDS = 5, 5


@pytest.fixture(scope="module")
def data(datasets: Path) -> Iterator[Dataset]:
    found = pipeline.load(EXAMPLE, data=datasets / "hillstrom")
    yield found
    found.engine.close()


@pytest.fixture(scope="module")
def result(data: Dataset) -> Result:
    return data.run("uplift")


@pytest.fixture(scope="module")
def learnt(data: Dataset) -> dict[str, Learnt]:
    return {one.outcome.name: one for one in method.learnt(data)}


@pytest.fixture(scope="module")
def profile(data: Dataset) -> dict[str, list[Any]]:
    """What is known of each customer before the mail, in the order that the learners have them in."""
    found: dict[str, list[Any]] = data.collect(data.table("customers").order_by("customer_id"), 70_000).to_pydict()
    return found


def features(profile: dict[str, list[Any]], labels: tuple[str, ...]) -> np.ndarray:
    columns = [np.array(profile[name], dtype=float) for name in ("recency", "history", "mens", "womens", "newbie")]
    for name in labels:
        values = np.array(profile[name], dtype=str)
        columns += [(values == one).astype(float) for one in np.unique(values)]
    return np.column_stack(columns)


def crossed(
    learn: Callable[..., np.ndarray], make: Callable[[], Any], x: np.ndarray, t: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Predicted uplift of units that the learner had not seen, mean over five seeds of five folds."""
    from sklearn.model_selection import StratifiedKFold

    uplift = np.zeros(len(y))
    for seed in range(SEEDS):
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, t):
            uplift[test] += learn(make, x[train], t[train], y[train], x[test]) / SEEDS
    return uplift


def x_learner(make: Callable[[], Any], x: np.ndarray, t: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    sent, kept = t == 1, t == 0
    with_it, without = make().fit(x[sent], y[sent]), make().fit(x[kept], y[kept])
    gained = make().fit(x[sent], y[sent] - without.predict(x[sent]))
    missed = make().fit(x[kept], with_it.predict(x[kept]) - y[kept])
    found: np.ndarray = t.mean() * missed.predict(new) + (1 - t.mean()) * gained.predict(new)
    return found


def t_learner(make: Callable[[], Any], x: np.ndarray, t: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    found: np.ndarray = make().fit(x[t == 1], y[t == 1]).predict(new) - make().fit(x[t == 0], y[t == 0]).predict(new)
    return found


def boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=15, random_state=0)


def line() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


@pytest.mark.parametrize(
    ("outcome", "learn", "make", "labels", "best", "least"),
    [
        ("visit", x_learner, boosting, ("zip_code", "channel"), 7.49, 5.8),
        ("spend", t_learner, line, ("zip_code", "channel", "history_segment"), 82.0, 70.0),
    ],
)
def test_womens_mail_is_ranked_no_worse_than_by_the_best_learner(
    learnt: dict[str, Learnt], profile: dict[str, list[Any]], outcome: str, learn: Any, make: Any,
    labels: tuple[str, ...], best: float, least: float,
) -> None:  # fmt: skip
    one = learnt[outcome]
    place = one.examined.arms.index(WOMENS)
    inside = one.of(place)
    t, y = (one.arm[inside] == place + 1).astype(float), one.y[inside]
    rival = crossed(learn, make, features(profile, labels)[inside], t, y)
    ours, theirs = (
        model.rank(values, t, y, seed=7, draws=400) for values in (one.crossed.uplift[inside, place], rival)
    )
    assert 1000 * theirs.qini == pytest.approx(best, rel=0.1)  # the rival is as good as the best that was measured
    assert 1000 * ours.qini > least
    assert ours.beats_random
    worse = theirs.draws - ours.draws  # the same customers in every draw
    assert np.quantile(worse, 0.025) < 0, "the rival is better beyond chance"


def test_the_top_of_the_ranking_gains_most(learnt: dict[str, Learnt]) -> None:
    one = learnt["visit"]
    place = one.examined.arms.index(WOMENS)
    inside = one.of(place)
    order = np.argsort(-one.crossed.uplift[inside, place], kind="stable")
    curve = model.uplift_curve((one.arm[inside] == place + 1).astype(float)[order], one.y[inside][order])
    assert curve[-1] == pytest.approx(0.0452, abs=5e-5)
    top = policies.mean_gain(one.crossed.scores[inside, place][order][: round(0.3 * len(order))])
    assert 0.06 < curve[29] < top.high
    assert top.low < 0.0738 < top.high


@pytest.mark.parametrize("outcome", ["visit", "spend"])
def test_mens_mail_cannot_be_ranked_and_that_is_said(result: Result, outcome: str) -> None:
    finding = result.finding(f"uplift.mail.mens_e_mail.{outcome}.ranking")
    assert finding.interval is not None
    assert finding.interval[0] < 0
    assert "cannot be told apart" in finding.sentence


def test_profit_by_rule_and_depth(result: Result) -> None:
    told = {(row["arm"], row["policy"]): row for row in result.table("policies").to_arrow().to_pylist()}
    everyone = told[MENS, "everyone"]
    assert everyone["profit"] == pytest.approx(1000 * (0.3 * 0.7698 - 0.1), abs=2)
    assert everyone["profit_high"] - everyone["profit"] == pytest.approx(1960 * 0.044, abs=2)
    for arm in (MENS, WOMENS):
        depths = [row for row in result.table("profit_curve").to_arrow().to_pylist() if row["arm"] == arm]
        assert [round(row["depth"], 1) for row in depths] == [step / 10 for step in range(1, 11)]
        assert depths[-1]["profit"] == told[arm, "everyone"]["profit"]
        fitted = told[arm, "who should pay"]
        assert fitted["against_everyone_low"] <= 0 <= fitted["against_everyone_high"]


def test_mailing_everyone_is_advised_where_nothing_beats_it(result: Result) -> None:
    rules = {row["rule"]: row for row in result.table("best_contact_money").to_arrow().to_pylist()}
    chosen, single = rules["the best contact for each"], rules[f"{MENS} for all"]
    assert chosen["against_best_low"] < 0 < chosen["against_best_high"]
    assert single["value"] == pytest.approx(131, abs=3)
    assert single["against_best"] == 0.0
    assert rules[f"{WOMENS} for all"]["against_best_high"] < 0
    assert [action.sentence for action in result.actions] == [f"Send {MENS} to everyone."]
