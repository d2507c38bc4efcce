"""Online Retail: three stages stand out from a cloud of points and come back, and are no kinds of customers.

By the criteria that are usual (a silhouette above that of one normal cloud, and resampled customers who give the same
parts) three parts are the number to choose: best known on ten features are silhouette .254 against .162 and an adjusted
Rand index of .97 against .86. They are new, active and lapsed customers; as many customers who all buy by one process
show them as clearly, so that they are chosen, and told as stages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.analyses.conftest import dataset_of, read_online_retail

from regulars.core.config import EngineSettings
from regulars.engine.duckdb import DuckdbEngine
from regulars.measures import segments
from regulars.methods import segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.models.cluster_evidence import Choice


@pytest.fixture(scope="module")
def found(datasets: Path) -> Iterator[segmentation.Segmentation]:
    """What was learnt."""
    with DuckdbEngine(EngineSettings(threads=1, memory="2GB")) as engine:
        lines = read_online_retail(datasets / "online_retail" / "OnlineRetail.csv.gz")["valid"]
        learnt = segmentation.segmentation_of(dataset_of(engine, {"lines": lines}), segmentation.Plan())  # type: ignore[arg-type]
        assert learnt is not None
        yield learnt


@pytest.fixture(scope="module")
def choices(found: segmentation.Segmentation) -> dict[str, Choice]:
    """What the evidence says, by way of looking."""
    return {look.name: look.choice for look in found.looks}


def test_three_stages_are_chosen(choices: dict[str, Choice]) -> None:
    """Clearer beside one cloud than is known, and as stable."""
    choice = choices[segments.RHYTHM]
    assert (choice.count, choice.kind) == (3, "stages")
    three = choice.find(3)
    assert three is not None
    assert three.silhouette >= 0.254
    assert three.stage_excess >= 0.254 - 0.162 - 0.02  # the cloud is drawn
    assert three.stability >= 0.9


def test_customers_of_one_process_show_them_as_clearly(choices: dict[str, Choice]) -> None:
    choice = choices[segments.RHYTHM]
    three = choice.find(3)
    assert three is not None
    assert abs(three.excess) < 0.03
    assert "3 stages of coming and going" in choice.reason


def test_what_they_buy_and_when_makes_neither(choices: dict[str, Choice]) -> None:
    assert choices[segments.HABITS].kind == "none"


def test_every_customer_has_a_stage(found: segmentation.Segmentation) -> None:
    assert found.noun == "stage"
    assert len(found.names) - found.tree.has_extremes == 3
    assert set(found.labels) == set(range(len(found.names)))
