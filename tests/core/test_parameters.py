from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pytest

from regulars.core.parameters import build, read_text
from regulars.errors import RegularsError, SettingsError


@dataclass(frozen=True)
class Inner:
    size: int
    name: str = ""


@dataclass(frozen=True)
class Outer:
    levels: int = 5
    share: float = 0.5
    on: bool = False
    kind: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    cuts: tuple[float, ...] | None = None
    words: dict[str, int] = field(default_factory=dict)
    inner: Inner | None = None
    derived: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.levels > 100:
            raise ValueError("levels go up to 100")


def built(**values: Any) -> tuple[Outer | None, list[str]]:
    errors: list[RegularsError] = []
    return build(Outer, values, "outer", errors), [str(error) for error in errors]


def test_values_become_what_the_annotation_asks() -> None:
    found, errors = built(levels=7, share=1, on=True, names=["x"], cuts=[1, 2.5], words={"x": 1}, inner={"size": 3})
    assert not errors
    assert found == Outer(7, 1.0, True, "a", ("x",), (1.0, 2.5), {"x": 1}, Inner(3))
    assert isinstance(found.share, float)


def test_one_value_stands_for_a_list_of_one() -> None:
    assert built(names="x")[0] == Outer(names=("x",))


def test_dates_stay_text() -> None:
    assert built(names=[date(2024, 1, 31)])[0] == Outer(names=("2024-01-31",))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"levels": "7"}, "a whole number is expected"),
        ({"levels": 7.0}, "a whole number is expected"),
        ({"levels": True}, "a whole number is expected"),
        ({"share": True}, "a number is expected"),
        ({"share": "half"}, "a number is expected"),
        ({"on": 1}, "true or false is expected"),
        ({"kind": "c"}, "use one of: 'a', 'b'"),
        ({"kind": ["a"]}, "use one of"),
        ({"names": [1]}, "text is expected"),
        ({"cuts": ["x"]}, "a number is expected"),
        ({"words": 5}, "a table is expected"),
        ({"words": {"x": "y"}}, "a whole number is expected"),
        ({"inner": 5}, "a table is expected"),
        ({"inner": {"siez": 5}}, "did you mean 'size'"),
        ({"inner": {"name": "x"}}, "[outer.inner] lacks the setting 'size'"),
        ({"levles": 5}, "did you mean 'levels'"),
        ({"derived": 5}, "has no setting 'derived'"),
        ({"levels": 101}, "levels go up to 100"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(values: dict[str, Any], words: str) -> None:
    found, errors = built(**values)
    assert found is None
    assert words in "\n".join(errors)


def test_all_problems_are_told() -> None:
    assert len(built(levels="x", kind="c", nonsense=1, inner={"size": "y", "z": 1})[1]) == 5


def test_a_refused_dataclass_tells_its_own_error() -> None:
    @dataclass(frozen=True)
    class Picky:
        size: int = 1

        def __post_init__(self) -> None:
            raise SettingsError("too picky", mend="be kind")

    errors: list[RegularsError] = []
    assert build(Picky, {}, "picky", errors) is None
    assert errors[0].mend == "be kind"


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("0.5", 0.5), ("true", True), ("[1, 2]", [1, 2]), ('"7"', "7"), ("monthly", "monthly"),
     ("a = b", "a = b"), ("2024-01-31", date(2024, 1, 31)), ("", ""), ("1\nx = 2", 1)],
)  # fmt: skip
def test_words_of_the_command_line_are_read_as_toml(text: str, value: object) -> None:
    assert read_text(text) == value
