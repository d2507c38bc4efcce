from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from regulars.core.analysis import Analysis, Feature, Needs, Registry, in_order, missing_extras
from regulars.errors import ManyErrors, RegularsError, SettingsError


def feature(name: str) -> Feature:
    return Feature(name, "score", "", "")


def analysis(
    name: str,
    provides: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    wants: tuple[str, ...] = (),
    **attributes: Any,
) -> type[Analysis]:
    @dataclass(frozen=True)
    class Made(Analysis):
        levels: int = 5
        title = name

    Made.name = name
    Made.provides = tuple(map(feature, provides))
    Made.needs = Needs(customers=set(needs))
    Made.wants = Needs(customers=set(wants))
    for key, value in attributes.items():
        setattr(Made, key, value)
    return Made


def registry(*made: type[Analysis]) -> Registry:
    return Registry({one.name: (lambda one=one: one) for one in made})  # type: ignore[misc]


def test_an_analysis_is_found_by_its_name_and_made_with_its_parameters() -> None:
    found = registry(analysis("b"), analysis("a"))
    assert found.names == ("a", "b")
    assert found.make("a", {"levels": 7}).levels == 7  # type: ignore[attr-defined]
    with pytest.raises(SettingsError, match="no analysis 'c'"):
        found.get("c")
    with pytest.raises(SettingsError, match="did you mean 'levels'"):
        found.make("a", {"level": 7})


def test_parameters_are_checked_together_and_only_where_they_are_set() -> None:
    def fail() -> type[Analysis]:
        raise AssertionError

    found = Registry({"a": lambda: analysis("a"), "b": lambda: analysis("b"), "c": fail})
    with pytest.raises(ManyErrors) as raised:
        found.check({"a": {"level": 7}, "b": {"levels": "x"}})
    assert len(raised.value.errors) == 2


def test_analyses_stand_in_reading_order() -> None:
    made = registry(
        analysis("z", chapter="customers", order=20), analysis("a", chapter="network"),
        analysis("c", chapter="customers", order=10), analysis("b", chapter="customers", order=10),
    )  # fmt: skip
    assert [one.name for one in made.make_all({})] == ["b", "c", "z", "a"]


def names(*made: type[Analysis], present: tuple[str, ...] = ()) -> list[str]:
    return [one.name for one in in_order([one() for one in made], present)]


def test_what_provides_a_column_runs_before_what_needs_or_wants_it() -> None:
    first, second, third = (
        analysis("a", ("x",)),
        analysis("b", ("y",), needs=("x",)),
        analysis("c", ("z",), wants=("y",)),
    )
    for order in ((third, second, first), (second, third, first), (first, second, third)):
        assert names(*order) == ["a", "b", "c"]


def test_what_provides_nothing_is_left_out_and_what_is_there_needs_no_one() -> None:
    assert names(analysis("a"), analysis("b", ("y",), needs=("recency_days", "nowhere"))) == ["b"]
    assert names(analysis("b", ("y",), needs=("x",)), analysis("a", ("x",)), present=("x",)) == ["b", "a"]


def test_an_analysis_may_need_what_it_provides() -> None:
    assert names(analysis("a", ("x",), wants=("x",))) == ["a"]


def test_circles_and_double_columns_are_refused() -> None:
    with pytest.raises(RegularsError, match="in a circle: a, b"):
        names(analysis("a", ("x",), needs=("y",)), analysis("b", ("y",), needs=("x",)))
    with pytest.raises(RegularsError, match="'x' is provided by both a and b"):
        names(analysis("a", ("x",)), analysis("b", ("x",)))


def test_missing_extras_are_those_whose_modules_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.core.analysis.EXTRAS", {"here": ("json",), "gone": ("json", "no_such_module")})
    assert missing_extras(["here", "gone"]) == ["gone"]


def test_every_file_of_the_house_holds_one_analysis() -> None:
    found = Registry.discover()
    assert all(found.get(name).name == name for name in found.names)


def test_discovery_imports_no_analysis() -> None:
    code = (
        "import sys; from regulars.core.analysis import Registry; names = Registry.discover().names; "
        "print(sorted(m for m in sys.modules if m.startswith('regulars.analyses.')), 'ibis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"
