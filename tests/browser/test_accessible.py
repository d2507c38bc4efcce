"""axe finds no violation of WCAG A or AA in dashboard and report, light, dark and on a phone; nothing goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PAGES = (
    "/", "/?channel=website&from=2022-01", "/chapter/customers", "/chapter/value", "/chapter/segments?channel=website",
    "/customers", "/audience?c=recency_days&o=ge&v=30&x=in", "/quality", "/compare", "/nothing",
)  # fmt: skip
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


def violations(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    # a definition that is fading away is half as dark as its letters need
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => true)")
    found = axe.Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PAGES)
def test_the_dashboard_is_accessible(watch: Any, cinema: str, place: str, scheme: str) -> None:
    watched = watch(color_scheme=scheme)
    page = watched.open(cinema + place)
    if place == "/nothing":
        watched.problems.clear()  # the browser tells of the 404 that is asked for
    assert violations(page) == []


def test_a_phone_shows_everything_without_scrolling_sideways(watch: Any, cinema: str) -> None:
    watched = watch(viewport={"width": 390, "height": 844})
    for place in PAGES[:-1]:
        page = watched.open(cinema + place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place
    assert violations(page) == []


FEWER = """() => {
  // rows and marks like those before them would cost axe a minute and tell nothing new
  const thin = (parents, most) => document.querySelectorAll(parents).forEach((one) =>
    [...one.children].slice(most).forEach((more) => more.remove()))
  thin('tbody', 3)
  thin('svg g', 8)
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_accessible(watch: Any, cinema_run: Path, scheme: str) -> None:
    page = watch(color_scheme=scheme).open((cinema_run / "report.html").as_uri())
    page.evaluate(FEWER)
    assert page.locator("svg").count() > 5
    assert page.locator("table").count() > 10
    assert violations(page) == []
