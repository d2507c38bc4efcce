"""What the documents show is true: settings load, links lead somewhere, commands exist."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from regulars.core import config
from regulars.core.analysis import Registry

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = Registry.discover().names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_settings_shown_are_settings(page: Path) -> None:
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        config.parse(tomllib.loads(block), NAMES, folder=ROOT)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/regulars.toml")), ids=lambda path: path.parent.name)
def test_examples_are_settings(path: Path) -> None:
    settings = config.load(path, NAMES)
    assert settings.tables
    assert "--data" in path.read_text(encoding="utf-8")


def test_every_analysis_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| {name} |" not in text] == []


def test_every_reader_setting_and_table_is_documented() -> None:
    from dataclasses import fields

    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for kind in (config.ReaderSettings, config.DatasetSettings, config.TableSettings):
        for field in fields(kind):
            if field.name not in ("online_channels", "evening_from_hour", "success"):
                assert field.name in text, field.name


def test_the_analysis_shown_in_contributing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert code is not None
    (tmp_path / "lapsed.py").write_text(code.group(1), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    lapsed = importlib.import_module("lapsed")
    orders = "".join(f"{n},{n % 40},2024-{1 + n % 9:02d}-01,{n % 9}\n" for n in range(400))
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n" + orders, encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(
        "[tables.orders]\nsource = 'orders.csv'\ncolumns = { order_id = 'order_id', customer_id = 'customer_id', "
        "ordered_at = 'ordered_at', amount = 'amount' }\n[dataset]\nas_of = '2025-12-31'\n",
        encoding="utf-8",
    )
    from regulars import pipeline

    data = pipeline.load(tmp_path / "regulars.toml")
    result = lapsed.Lapsed().run(data)
    assert result.analysis == "lapsed"
    assert result.findings[0].value == 40
