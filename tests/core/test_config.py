from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import DatasetSettings, EngineSettings, load, parse
from regulars.errors import ManyErrors, RegularsError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def refused(raw: dict[str, Any], tmp_path: Path) -> str:
    with pytest.raises(RegularsError) as raised:
        parse(raw, ["rfm"], folder=tmp_path)
    assert raised.value.exit_code == 2
    return str(raised.value)


def lines(**settings: Any) -> dict[str, Any]:
    return {"tables": {"lines": {"source": "a.csv", **settings}}}


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "regulars.toml"
    path.write_text(
        """
        [dataset]
        name = "Shop é"
        as_of = 2024-12-31
        exclude_periods = ["2020-04-01/2021-12-31", "2022-01-05"]
        [engine]
        memory = "8GB"
        [tables.lines]
        source = "a.csv"
        columns = { order_id = "No" }
        reader = { decimal = ",", null_values = ["-"] }
        basket = { column = "Products" }
        [checks]
        repeated_rows = "off"
        [rfm]
        levels = 7
        """,
        encoding="utf-8",
    )
    settings = load(path, ["rfm"], overrides={"rfm.levels": 3, "tables.lines.duplicates": "drop"})
    assert settings.dataset.name == "Shop é"
    assert settings.dataset.as_of == "2024-12-31"
    assert settings.dataset.excluded == (
        (date(2020, 4, 1), date(2021, 12, 31)),
        (date(2022, 1, 5), date(2022, 1, 5)),
    )
    assert settings.tables["lines"].source == ("a.csv",)
    assert settings.tables["lines"].duplicates == "drop"
    assert settings.tables["lines"].reader.null_values == ("-",)
    assert settings.checks == {"repeated_rows": "off"}
    assert settings.analyses == {"rfm": {"levels": 3}}
    assert (settings.folder, settings.path) == (tmp_path, path)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    settings = parse({}, [], folder=tmp_path)
    assert settings.dataset == DatasetSettings()
    assert settings.engine == EngineSettings()
    assert not settings.tables


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"rmf": {}}, "did you mean 'rfm'"),
        ({"dataset": 5}, "'dataset' is a value, not a section"),
        ({"rfm": 5}, "'rfm' is a value, not a section"),
        ({"tables": {"lines": 5}}, "tables.lines is a value, not a section"),
        ({"tables": {"line": {"source": "a"}}}, "did you mean 'lines'"),
        ({"tables": {"lines": {}}}, "lacks the setting 'source'"),
        ({"tables": {"lines": {"source": []}}}, "names no source"),
        ({"checks": {"orphan_keys": 0}}, '[checks] orphan_keys = 0 is refused'),
        ({"dataset": {"timezone": "Mars"}}, "timezone"),
        ({"dataset": {"timezone": "Europe"}}, "timezone"),
        ({"dataset": {"timezone": "../../etc/passwd"}}, "timezone"),
        ({"dataset": {"as_of": "today"}}, "is not a date"),
        ({"dataset": {"exclude_periods": ["2024-02-01/2024-01-01"]}}, "swap the two dates"),
        ({"dataset": {"date_order": "dmy"}}, "'day_first'"),
        ({"engine": {"memory": "lots"}}, 'write "60%" or "8GB"'),
        ({"engine": {"threads": -1}}, "threads is below 0"),
        ({"engine": {"kind": "pandas"}}, "'duckdb', 'spark'"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(raw: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in refused(raw, tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"columns": {"order": "No"}}, "did you mean 'order_id'"),
        ({"further": ["x"]}, "takes no further columns"),
        ({"reader": {"decimal": ";"}}, "'.', ','"),
        ({"reader": {"decimal": ",", "thousands": ","}}, "both ','"),
        ({"reader": {"seperator": ";"}}, "has no setting 'seperator'"),
        ({"duplicates": "merge"}, "'keep', 'drop'"),
        ({"success": ["1"]}, "write it under [tables.statuses]"),
        ({"basket": {"column": "b"}, "columns": {"quantity": "q"}}, "maps 'quantity', which basket makes"),
        ({"unpivot": {"columns": ["a"], "name": "amount", "value": "amount"}}, "both the names and the values"),
        ({"unpivot": {"columns": ["a"], "name": "channel", "value": "amount"}, "basket": {"column": "b"}}, "leave one"),
    ],
)  # fmt: skip
def test_settings_of_a_table_that_do_not_go_together_are_refused(
    settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words in refused(lines(**settings), tmp_path)


def test_a_product_list_makes_order_lines_only(tmp_path: Path) -> None:
    raw = {"tables": {"customers": {"source": "a", "basket": {"column": "b"}}}}
    assert "write it under [tables.lines]" in refused(raw, tmp_path)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    raw = {"dataset": {"nam": "x", "seed": "y"}, "engine": {"threads": -1}, "rmf": {}, **lines(columns={"x": "y"})}
    with pytest.raises(ManyErrors) as raised:
        parse(raw, ["rfm"], folder=tmp_path)
    assert len(raised.value.errors) == 5


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no settings file"):
        load(tmp_path / "none.toml", [])
    for content, words in ((b"[dataset\n", "not valid TOML"), (b"name = '\xff'", "not valid TOML")):
        (tmp_path / "bad.toml").write_bytes(content)
        with pytest.raises(SettingsError, match=words):
            load(tmp_path / "bad.toml", [])
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, [])


@pytest.mark.parametrize("key", ["levels", "dataset.name.x"])
def test_an_override_names_a_section(key: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[dataset]\nname = "x"\n')
    with pytest.raises(SettingsError, match="--set"):
        load(tmp_path / "a.toml", [], overrides={key: 1})


def test_sources_may_lie_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    assert load(tmp_path / "a.toml", [], data=tmp_path / "data").folder == tmp_path / "data"
