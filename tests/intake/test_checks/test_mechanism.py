from __future__ import annotations

import ast
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.core.config import EngineSettings
from regulars.engine.duckdb import DuckdbEngine
from regulars.errors import RegularsError, SettingsError
from regulars.intake.checks import running as checks

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from regulars.core.quality import CheckResult

    Check = Callable[..., dict[str, list[CheckResult]]]
    MakeContext = Callable[..., checks.Context]


def lines(count: int = 40, **columns: object) -> list[dict[str, object]]:
    """Ordinary order lines, one a day, two customers; a function is called with the number of the row."""
    start = datetime(2024, 1, 1, 12)
    rows: list[dict[str, object]] = []
    for place in range(count):
        row = {
            "order_id": 1000 + place,
            "customer_id": f"c{place % 2}",
            "ordered_at": start + timedelta(days=place),
            "product_id": f"p{place % 7}",
            "quantity": 1 + place % 3,
            "unit_price": 10,
        }
        row |= {name: value(place) if callable(value) else value for name, value in columns.items()}
        rows.append({name: value for name, value in row.items() if value is not None})
    return rows


# -- the mechanism ----------------------------------------------------------------------------------


def test_ordinary_rows_raise_no_warning(check: Check, engine: DuckdbEngine) -> None:
    found = check(engine, {"lines": lines()})
    assert {name for name, its in found.items() for one in its if one.severity != "note"} == set()


def test_a_result_has_count_share_examples_query_and_a_way_to_change_it(check: Check, engine: DuckdbEngine) -> None:
    rows = lines(quantity=lambda place: -2 if place in (3, 5, 8, 9) else 1)
    (result,) = check(engine, {"lines": rows})["negative_quantity"]
    assert (result.rows, result.of, result.share) == (4, 40, 0.1)
    assert result.sentence.startswith("the quantity is below zero in 4 of 40 rows (together −80.00)")
    assert [dict(example)["row"] for example in result.examples] == ["4", "6", "9"]
    assert dict(result.examples[0]) | {"source": "lines.csv", "quantity": "-2"} == dict(result.examples[0])
    assert (result.outcome, result.done) == ("reported", "kept")
    assert result.change == "exclude = ['quantity < 0'] under [tables.lines] sets them aside"


def test_the_query_of_a_result_returns_its_rows(check: Check, engine: DuckdbEngine) -> None:
    rows = lines(quantity=lambda place: 0 if place in (3, 5) else 1)
    (result,) = check(engine, {"lines": rows})["zero_quantity"]
    assert len(engine.connection.sql(result.sql).fetchall()) == result.rows == 2


@pytest.mark.parametrize(
    ("rule", "check_name"),
    [
        ("quantity < 0", "negative_quantity"),
        ("unit_price = 0", "zero_price"),
        ("order_id starts with C", "cancellations"),
    ],
)
def test_the_way_to_change_it_works(check: Check, engine: DuckdbEngine, rule: str, check_name: str) -> None:
    rows = lines(
        quantity=lambda place: -1 if place == 3 else 1,
        unit_price=lambda place: 0 if place == 5 else 10,
        order_id=lambda place: f"C{place}" if place == 7 else 1000 + place,
    )
    (result,) = check(engine, {"lines": rows})[check_name]
    assert rule in result.change
    found = check(engine, {"lines": rows}, lines={"exclude": [rule]})
    assert check_name not in found
    (told,) = found["excluded_by_rule"]
    assert (told.outcome, told.rows, told.severity) == ("set aside", 1, "note")


def test_one_query_counts_all_conditions_on_the_rows_of_a_table(
    context: MakeContext, engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = context(engine, {"lines": lines(amount=10, discount=1, paid=9)})
    asked: list[int] = []
    collect = engine.collect
    monkeypatch.setattr(engine, "collect", lambda expr, most: (asked.append(most), collect(expr, most))[1])
    family = next(one for one in checks.FAMILIES if "negative_quantity" in one.names)
    results = {result.check for result in family.find(ready)}
    assert results == {"constant_column"}
    assert len(asked) == 1


def test_markup_in_the_data_stays_text(check: Check, engine: DuckdbEngine) -> None:
    rows = lines(
        product_id=lambda place: "<script>{0}" if place == 4 else f"p{place}", quantity=lambda p: -1 if p == 4 else 1
    )
    found = check(engine, {"lines": rows})
    assert dict(found["negative_quantity"][0].examples[0])["product_id"] == "<script>{0}"


def test_no_checks_without_rows_that_need_any(check: Check, engine: DuckdbEngine) -> None:
    found = check(engine, {"lines": [{"customer_id": "a", "ordered_at": "2024-01-01"}]})
    assert not [name for name in found if not name.startswith("lacks_")]


# -- names and silence ------------------------------------------------------------------------------


def test_a_check_that_is_off_is_silent(check: Check, engine: DuckdbEngine) -> None:
    rows = lines(quantity=lambda place: -1 if place == 3 else 1)
    assert "negative_quantity" in check(engine, {"lines": rows}, checks={"negative_quantity": "on"})
    found = check(engine, {"lines": rows}, checks={"negative_quantity": "off", "lacks_cost": "off"})
    assert "negative_quantity" not in found
    assert "lacks_cost" not in found
    assert "lacks_category" in found


def test_every_check_can_be_off_at_once(
    context: MakeContext, engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = dict.fromkeys(checks.CHECKS, "off")
    ready = context(engine, {"lines": lines(quantity=-1)}, checks=off)
    monkeypatch.setattr(engine, "collect", lambda *_: pytest.fail("a silenced check asks nothing"))
    assert checks.run(ready) == ()


def test_unknown_names_and_words_are_refused_together() -> None:
    with pytest.raises(RegularsError) as problem:
        checks.verify({"negative_quantiti": "off", "zero_price": "quiet"})
    assert "did you mean 'negative_quantity'?" in str(problem.value)
    assert 'zero_price = "quiet" is not understood' in str(problem.value)
    with pytest.raises(SettingsError):
        checks.verify({"no_such_thing": "off"})
    checks.verify({"zero_price": "off", "date_order": "off", "missing_months": "on"})


def test_every_result_that_the_source_can_make_has_a_name_that_can_be_silenced() -> None:
    intake = Path(checks.__file__).parent.parent
    names = set()
    for path in intake.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in ("note", "CheckResult", "RowCheck", "Kind", "Lack", "Reference"):
                    names.add(node.args[0].value)
    assert len(names) > 50
    assert names - set(checks.CHECKS) == set()
    assert all(meaning and not meaning.endswith(".") for meaning in checks.CHECKS.values())


def test_no_name_has_two_owners() -> None:
    names = [name for family in checks.FAMILIES for name in family.names]
    assert len(names) == len(set(names))


def test_the_names_are_listed_without_heavy_imports() -> None:
    code = "import sys, regulars.intake.checks.running; sys.exit('ibis' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- nothing is changed -----------------------------------------------------------------------------


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "C3", "x"]),
            st.sampled_from(["a", "b", "unknown"]),
            st.dates(date(1969, 1, 1), date(2030, 1, 1)),
            st.integers(-5, 5),
            st.sampled_from(["0", "1.5", "-2", "1e9", "oops", ""]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_checks_change_no_row_and_no_money(context: MakeContext, rows: list[tuple[object, ...]]) -> None:
    names = ("order_id", "customer_id", "ordered_at", "quantity", "unit_price")
    with DuckdbEngine(EngineSettings(memory="1GB", threads=1)) as engine:
        try:
            ready = context(engine, {"lines": [dict(zip(names, row, strict=True)) for row in rows]})
        except RegularsError:
            return  # dates that could be read two ways are refused before any check
        table = ready.tables["lines"]

        def state() -> list[pa.Table]:
            return [engine.collect(one.order_by("_row"), 100) for one in (table.numbered, table.aside)]

        before, kept = state(), sorted(engine.backend.list_tables())
        results = checks.run(ready)
        assert state() == before
        assert sorted(engine.backend.list_tables()) == kept
        assert table.account.balances
        told = sum(one.rows for one in results if one.outcome == "set aside")
        assert told == table.account.set_aside
        assert all(0 <= one.rows <= one.of for one in results)
        assert all(len(one.examples) <= 3 for one in results)


def test_every_query_can_be_said_to_spark(
    context: MakeContext, engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compilers = pytest.importorskip("ibis.backends.sql.compilers.pyspark")
    options = SimpleNamespace(treat_nan_as_null=False)
    monkeypatch.setattr(type(ibis.options), "pyspark", options, raising=False)  # set by the backend, which is an extra
    rows = lines(200, campaign_id="k1", status_id=lambda place: place % 2, city=None, discount=1, paid=9)
    rows[3] |= {"quantity": -90_000, "order_id": "C3"}
    rows[4] |= {"quantity": 90_000, "product_id": rows[3]["product_id"], "customer_id": rows[3]["customer_id"]}
    tables = {
        "lines": [*rows, rows[0]],
        "customers": [
            {"customer_id": "c0", "joined_on": "2024-02-01", "city": "Ulm"},
            {"customer_id": "c9", "city": "ULM"},
        ],
        "products": [{"product_id": "p1", "released_on": "2025-01-01", "cost": 1}],
        "statuses": [{"status_id": 0, "error_group": "bank"}, {"status_id": 1, "error_group": ""}],
    }
    ready = context(engine, tables)
    said: list[str] = []
    collect = engine.collect

    def compile_and_collect(expr: Any, most: int) -> pa.Table:
        said.append(compilers.compiler.to_sqlglot(expr.as_table()).sql(dialect="spark"))
        return collect(expr, most)

    monkeypatch.setattr(engine, "collect", compile_and_collect)
    results = checks.run(ready)
    assert "cancelling_pairs" in {one.check for one in results}
    assert len(said) > 20
    assert not [query for query in said if "APPROX" in query.upper() or "HASH(" in query.upper()]
