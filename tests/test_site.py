"""The documentation site: it builds without a warning, every link and anchor leads somewhere, nothing is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from documentation import questions, reference

from regulars.core.analysis import Registry

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    pytest.importorskip("mkdocs", reason="the group `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.add(found["id"] or "")
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        if tag == "link" and found.get("rel") != "canonical":
            self.loaded.append(found.get("href") or "")
        if tag in ("script", "img", "iframe"):
            self.loaded.append(found.get("src") or "")


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


def test_links_and_anchors_lead_somewhere(pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            if not target.exists() or (
                anchor and target in pages and anchor not in pages[target].ids | {"__codelineno"}
            ):
                lost.append(f"{path.name}: {link}")
    assert lost == []


def test_nothing_is_fetched_from_the_network(pages: dict[Path, Page], site: Path) -> None:
    assert {one for page in pages.values() for one in page.loaded if urlsplit(one).netloc} == set()
    assert "fonts.googleapis" not in "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.html"))


def test_every_question_has_a_page(site: Path) -> None:
    for name in Registry.discover().names:
        text = (site / "questions" / f"{name}.html").read_text(encoding="utf-8")
        assert "When not to believe it" in text
        assert f"regulars show {name}" in text


def test_every_command_and_setting_is_on_its_page(site: Path) -> None:
    from dataclasses import fields

    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name, command in reference.commands():
        assert f'id="regulars-{name}"' in commands
        for option in command.params:
            assert all(f"<code>{word}</code>" in commands for word in option.opts if word.startswith("-"))
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    for kind in questions.all_kinds():
        section = settings.partition(f'<h2 id="{kind.name}">')[2].partition("<h2 ")[0]
        assert section, kind.name
        assert all(f"<code>{field.name}</code>" in section for field in fields(kind))


def test_a_new_analysis_gets_its_page(tmp_path: Path) -> None:
    from dataclasses import dataclass

    from regulars.core.analysis import Analysis, Needs

    @dataclass(frozen=True)
    class Lapsed(Analysis):
        """Customers silent for long.

        Args:
            patience: So many gaps.
        """

        title = "Lapsed"
        question = "Who lapsed?"
        needs = Needs(customers={"recency_days"})
        patience: float = 3.0

    Lapsed.name = "overview"  # where its source is looked for
    text = questions.page(Lapsed, tmp_path / "lapsed.md")
    assert "Who lapsed?" in text
    assert "| `patience` | `3.0` | number | So many gaps. |" in text
    assert "`recency_days`" in text
    assert "## When not to believe it" in text
