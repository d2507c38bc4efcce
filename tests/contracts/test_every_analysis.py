"""What every analysis must do, written once and run for all that there are."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from regulars import pipeline
from regulars.core.analysis import CHAPTERS, Registry
from regulars.demo.world import worlds
from regulars.errors import DataError, RegularsError

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table

NAMES = Registry.discover().names
ROWS = 6000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small cinema."""
    folder = tmp_path_factory.mktemp("cinema") / "world"
    worlds()["cinema"].write(folder, rows=ROWS)
    return folder


@pytest.fixture(scope="module")
def data(world: Path) -> Dataset:
    return pipeline.load(world / "regulars.toml")


@pytest.fixture(scope="module")
def again(world: Path) -> Dataset:
    return pipeline.load(world / "regulars.toml")


@pytest.fixture(scope="module")
def shuffled(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The same cinema with the rows of every table in another order."""
    folder = tmp_path_factory.mktemp("shuffled")
    rng = np.random.default_rng(5)
    for path in sorted(world.glob("*.csv")):
        names = path.read_text(encoding="utf-8").split("\n", 1)[0].replace('"', "").split(",")
        options = pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        table = pc.read_csv(path, convert_options=options)
        if path.stem == "ticket_history":  # in the others the later of two rows of a key counts
            table = table.take(pa.array(rng.permutation(table.num_rows)))
        pc.write_csv(table, folder / path.name)
    (folder / "regulars.toml").write_text((world / "regulars.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return pipeline.load(folder / "regulars.toml")


def result_of(data: Dataset, name: str) -> Result:
    """The Result, or a skip where these data or this installation cannot answer."""
    data.provide(data.registry.make_all({}))
    analysis = data.registry.make(name, {})
    missing = data.missing(analysis.needs)
    if analysis.is_moot(data) or missing:
        pytest.skip("; ".join(one.what for one in missing) or "the question does not arise")
    return analysis.run(data)


def rows_of(table: Table, data: Dataset) -> list[dict[str, Any]]:
    """The rows in an order of their own."""
    arrow = table.data if table.is_arrow else data.collect(table.data, 1_000_000)
    return sorted(arrow.to_pylist(), key=lambda row: json.dumps(row, default=str, sort_keys=True))


def assert_alike(left: Any, right: Any, where: str) -> None:
    if isinstance(left, float) and isinstance(right, float):
        assert left == pytest.approx(right, rel=1e-9, abs=1e-9, nan_ok=True), where
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key, value in left.items():
            assert_alike(value, right[key], f"{where}.{key}")
    else:
        assert left == right, where


def assert_same(left: Result, right: Result, first: Dataset, second: Dataset) -> None:
    assert [finding.key for finding in left.findings] == [finding.key for finding in right.findings]
    for one, other in zip(left.findings, right.findings, strict=True):
        assert one.sentence == other.sentence
    assert [table.name for table in left.tables] == [table.name for table in right.tables]
    for table, twin in zip(left.tables, right.tables, strict=True):
        mine, theirs = rows_of(table, first), rows_of(twin, second)
        assert len(mine) == len(theirs), table.name
        for row, twin_row in zip(mine, theirs, strict=True):
            assert_alike(row, twin_row, table.name)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name: str) -> None:
    analysis = Registry.discover().get(name)
    assert analysis.name == name
    assert analysis.title
    assert analysis.question.endswith("?")
    assert analysis.chapter in CHAPTERS
    assert analysis.__doc__
    analysis()  # every parameter has a default


@pytest.mark.parametrize("name", NAMES)
def test_same_input_same_result(name: str, data: Dataset, again: Dataset) -> None:
    assert_same(result_of(data, name), result_of(again, name), data, again)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_rows_does_not_matter(name: str, data: Dataset, shuffled: Dataset) -> None:
    assert_same(result_of(data, name), result_of(shuffled, name), data, shuffled)


@pytest.mark.parametrize("name", NAMES)
def test_findings_can_be_checked(name: str, data: Dataset) -> None:
    result = result_of(data, name)
    tables = {table.name for table in result.tables}
    assert len({finding.key for finding in result.findings}) == len(result.findings)
    for finding in result.findings:
        assert finding.key.startswith(f"{name}."), finding.key
        assert finding.evidence.table in tables, finding.key
        assert math.isfinite(finding.value), finding.key
        assert finding.n > 0, finding.key
        assert finding.sentence.endswith("."), finding.sentence
        if finding.interval is not None:
            low, high = finding.interval
            assert low <= finding.value <= high, finding.key
        if finding.grade == "modelled":
            assert finding.validated, f"{finding.key} is modelled and does not say how it was validated"
        if finding.grade != "randomised":
            words = finding.sentence.lower()
            assert not any(word in words for word in ("because of", "caused", "thanks to", "led to")), finding.sentence


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_described_and_charts_draw_them(name: str, data: Dataset) -> None:
    result = result_of(data, name)
    assert result.tables
    assert len({table.name for table in result.tables}) == len(result.tables)
    for table in result.tables:
        names = list(table.data.column_names if table.is_arrow else table.data.columns)
        assert [column.name for column in table.columns] == names, table.name
        assert set(table.dimensions) | set(table.measures) <= set(names)
        for row in rows_of(table, data):
            assert not any(isinstance(value, float) and not math.isfinite(value) for value in row.values()), table.name
        assert not table.is_arrow or table.source or not table.data.num_rows, f"{table.name} does not show its query"
    for chart in result.charts:
        table = result.table(chart.table)
        assert set(chart.columns) <= {column.name for column in table.columns}, chart.name
        assert chart.title, chart.name
        assert chart.subtitle, chart.name


@pytest.mark.parametrize("name", NAMES)
def test_audiences_hold_customers_with_a_reason(name: str, data: Dataset) -> None:
    result = result_of(data, name)
    known = {action.audience for action in result.actions if action.audience}
    assert known <= {audience.name for audience in result.audiences}
    for audience in result.audiences:
        assert audience.members.columns[:3] == ("customer_id", "reason", "score"), audience.name
        rows = data.collect(audience.members, 1_000_000).to_pylist()
        assert len({row["customer_id"] for row in rows}) == len(rows), f"{audience.name} names a customer twice"
        assert all(row["reason"] for row in rows)


HEADER = "order_id,customer_id,ordered_at,amount\n"
TINY = {
    "no orders": "",
    "one customer": "1,7,2024-01-05 10:00:00,12.5\n",
    "two on a day": "1,7,2024-01-05 10:00:00,12.5\n2,7,2024-01-05 11:00:00,1\n",
    "nothing but zero": "1,7,2024-01-05 10:00:00,0\n2,8,2024-02-05 11:00:00,0\n",
    "money missing": "1,7,2024-01-05 10:00:00,\n2,8,2024-02-05 11:00:00,\n",
    "refunds larger": "1,7,2024-01-05 10:00:00,5\n2,7,2024-02-05 11:00:00,-50\n",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", TINY)
def test_odd_data_give_an_answer_or_a_reason(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(HEADER + TINY[kind], encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(
        "[tables.orders]\nsource = 'orders.csv'\ncolumns = { order_id = 'order_id', customer_id = 'customer_id', "
        "ordered_at = 'ordered_at', amount = 'amount' }\n",
        encoding="utf-8",
    )
    settings = tmp_path / "regulars.toml"
    if kind == "no orders":
        with pytest.raises(RegularsError, match="no rows"):
            pipeline.load(settings)
        return
    tiny = pipeline.load(settings)
    try:
        result = tiny.run(name)
    except DataError:
        return  # the reason is stated; a stack trace of any other kind fails the test
    for table in result.tables:
        for row in rows_of(table, tiny):
            assert not any(isinstance(value, float) and not math.isfinite(value) for value in row.values()), table.name
    assert not result.findings, "a finding on two customers"
