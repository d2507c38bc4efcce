"""What the documents show is true: settings load, links lead somewhere, every block of Python and of commands runs."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from regulars.core import config
from regulars.core.analysis import Registry

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = Registry.discover().names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not re.search(r"(^|/)(reference/|questions/index|add-an-analysis)", target):  # drawn when the site is built
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
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


# -- every block runs ---------------------------------------------------------------------------------

BLOCKS = re.compile(r"^```(python|sh)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
WITH_BLOCKS = [page for page in PAGES if BLOCKS.search(page.read_text(encoding="utf-8"))]
ORDINARY = [page for page in WITH_BLOCKS if page.name not in ("CONTRIBUTING.md", "spark.md")]


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the documents take it to be: exports, to work in."""
    folder = tmp_path / "exports"
    folder.mkdir()
    orders = "".join(
        f"{n},c{n * n % 83},2023-{1 + n % 12:02d}-{1 + n * 7 % 28:02d},{5 + n % 50}.50\n" for n in range(900)
    )
    (folder / "orders.csv").write_text("order_id,customer_id,ordered_at,paid\n" + orders, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ORDINARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_run(page: Path, company: Path) -> None:
    run_blocks(page, company, {})


def test_blocks_for_spark_run(company: Path, spark: object) -> None:
    from regulars import pipeline

    path, _ = pipeline.init(company / "exports", "")
    (company / "regulars.toml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (company / "exports" / "orders.csv").rename(company / "orders.csv")
    names = run_blocks(ROOT / "docs" / "spark.md", company, {"spark": spark})
    assert names["data"].collect(names["data"].customers.count(), 1)[0][0].as_py() > 0
    names["data"].engine.close()


def run_blocks(page: Path, company: Path, names: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks of a page from top to bottom, those of Python with one set of names."""
    from regulars import pipeline

    text = page.read_text(encoding="utf-8")
    if "regulars init exports/" not in text and not (company / "exports" / "regulars.toml").exists():
        pipeline.init(company / "exports", "")
    for kind, block in BLOCKS.findall(text):
        if kind == "python":
            exec(compile(block, str(page), "exec"), names)
        else:
            for line in block.splitlines():
                run_line(shlex.split(line, comments=True))
    return names


def run_line(words: list[str]) -> None:
    """Run a command of ours; of others' commands see whether what they name is there."""
    from documentation.reference import commands

    if not words:
        return
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        return
    assert words[0] == "regulars", f"a test must know how to run {words}"
    name, arguments = words[1], words[2:]
    command = dict(commands())[name]
    if name == "serve":  # it would wait for visitors: its words are read, and it is not started
        command.make_context(name, arguments)
        return
    if name == "demo":  # the same with fewer rows
        arguments += ["--rows", "800"]
    command.main(["--quiet", *arguments] if name in ("run", "demo") else arguments, standalone_mode=False)


# -- what is written of each question -----------------------------------------------------------------


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "questions").glob("*.md")), ids=lambda path: path.stem)
def test_what_is_written_of_a_question_is_whole(page: Path) -> None:
    from documentation.questions import SECTIONS, sections

    assert page.stem in NAMES
    written = sections(page.read_text(encoding="utf-8"))
    assert tuple(written) == SECTIONS
    assert all(len(text) > 60 for text in written.values())
    assert written["When not to believe it"].count("\n- ") >= 1


def test_every_setting_says_what_it_means() -> None:
    from documentation import markdown, questions

    from regulars.core.experiment import ExperimentSettings

    kinds = [
        config.DatasetSettings, config.EngineSettings, config.TableSettings, config.ReaderSettings,
        config.BasketColumn, config.Unpivot, ExperimentSettings, *questions.all_kinds(),
    ]  # fmt: skip
    silent = [f"{kind.__name__}: {row[0]}" for kind in kinds for row in markdown.settings(kind, "") if not row[3]]
    assert silent == []


def test_every_command_and_option_says_what_it_does() -> None:
    from documentation.reference import commands

    told = dict(commands())
    assert {"init", "check", "run", "list", "show", "serve", "export", "demo"} <= set(told)
    silent = [name for name, command in told.items() if not command.help]
    silent += [f"{name} {one.name}" for name, command in told.items() for one in command.params if not one.help]
    assert silent == []


def test_the_glossary_has_terms_of_every_analysis_that_defines_some() -> None:
    from documentation import glossary, questions

    empty = [kind.name for kind in questions.all_kinds() if not glossary.definitions(kind)]
    source = {name: (ROOT / "src/regulars/analyses" / f"{name}.py").read_text(encoding="utf-8") for name in empty}
    assert [name for name in empty if "definitions=" in source[name]] == []
