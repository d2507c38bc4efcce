"""What people do: click to filter, from mouse and keyboard, look up, take a list, share a link, print."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def figure(page: Any, title: str) -> str:
    return str(page.locator(f".figures-strip div:has(dt:has-text('{title}')) .value").first.inner_text())


def test_a_click_on_a_mark_filters_the_page_and_once_more_frees_it(watch: Any, cinema: str) -> None:
    page = watch().open(cinema + "/")
    whole = figure(page, "Orders")
    chart = page.locator("[data-live=channel]")
    chart.scroll_into_view_if_needed()
    bar = chart.locator("svg g.mark-rect.role-mark path").nth(1)
    bar.click(force=True)
    page.wait_for_url("**/?channel=*")
    page.locator(".chosen").wait_for()
    part = figure(page, "Orders")
    assert int(part.replace(",", "")) < int(whole.replace(",", ""))
    assert page.locator("#channel").input_value() in page.url
    page.locator("[data-live=channel] svg g.mark-rect.role-mark path").nth(1).click(force=True)
    page.locator(".chosen").wait_for(state="detached")
    assert figure(page, "Orders") == whole
    page.go_back()
    page.locator(".chosen").wait_for()
    assert figure(page, "Orders") == part


def test_a_row_header_does_the_same_from_the_keyboard(watch: Any, cinema: str) -> None:
    page = watch().open(cinema + "/")
    button = page.locator("#live-channel button.row").first
    name = button.inner_text()
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/?channel={name}")
    page.locator(".chosen").wait_for()
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == name
    assert page.locator("#live-channel button.row").first.get_attribute("aria-pressed") == "true"


def test_filters_go_along_to_other_pages_and_two_tabs_keep_their_own(watch: Any, cinema: str) -> None:
    one, other = watch().open(cinema + "/?channel=website"), watch().open(cinema + "/?channel=mobile")
    one.locator(".menu.wide >> text=Segments").click()
    one.wait_for_url("**/chapter/segments?channel=website")
    assert "channel website" in one.locator(".chosen").inner_text()
    assert "channel mobile" in other.locator(".chosen").inner_text()
    one.reload()
    assert "channel website" in one.locator(".chosen").inner_text()


def test_a_mark_of_an_analysis_leads_to_the_customers_it_is_made_of(watch: Any, cinema: str) -> None:
    watched = watch()
    page = watched.open(cinema + "/chapter/segments")
    page.locator(".clickable[data-kind=heatmap] svg g.mark-rect.role-mark path").first.click(force=True)
    page.wait_for_url("**/audience?**")
    page.locator("h1:has-text('Audience builder')").wait_for()
    assert page.locator("#answer tbody tr").count() > 0
    page.locator("#answer button.row").first.click()
    page.wait_for_url("**/customers?id=*")


def test_a_picture_turns_its_faces_by_mouse_and_keyboard_and_keeps_the_chosen_one(watch: Any, cinema: str) -> None:
    page = watch().open(cinema + "/chapter/customers")
    card = page.locator(".card:has(.faces)").first
    seen = card.locator(".face:visible")
    share = seen.locator("h4").inner_text()
    assert seen.count() == 1
    card.locator(".faces label").nth(1).click()
    seen.locator("svg").first.wait_for()
    count = seen.locator("h4").inner_text()
    page.keyboard.press("ArrowRight")
    seen.locator("svg").first.wait_for()
    revenue = seen.locator("h4").inner_text()
    assert len({share, count, revenue}) == 3
    page.locator("#channel").select_option("website")
    page.locator(".chosen").wait_for()
    assert page.locator(".card:has(.faces)").first.locator(".face:visible h4").inner_text() == revenue


def test_the_query_of_a_live_card_is_copied(watch: Any, cinema: str) -> None:
    watched = watch(permissions=["clipboard-read", "clipboard-write"])
    page = watched.open(cinema + "/?channel=website")
    card = page.locator("#live-store")
    card.locator("[data-copy]").click()
    page.locator("#told:has-text('copied')").wait_for()
    assert "FROM 'cube/days.parquet'" in page.evaluate("navigator.clipboard.readText()")


def test_look_up_shows_timeline_scores_and_segment(watch: Any, cinema: str, cinema_run: Path) -> None:
    import duckdb

    found = duckdb.sql(
        f"SELECT customer_id, order_count FROM '{cinema_run}/cube/customers.parquet' "
        "ORDER BY order_count DESC NULLS LAST, customer_id LIMIT 1"
    ).fetchone()
    watched = watch()
    page = watched.open(cinema + "/customers")
    page.fill("#id", str(found[0]))
    page.keyboard.press("Enter")
    page.locator(f"h1:has-text('{found[0]}')").wait_for()
    watched.drawn()
    text = page.locator("main").inner_text()
    for part in ("Timeline", "Recency, frequency, money", "RFM segment", "Every customer's risk"):
        assert part in text, part
    assert page.locator("#timeline ~ .scroll tbody tr, [aria-labelledby=orders-caption] tbody tr").count() >= found[1]


def test_an_audience_grows_live_and_is_taken_away(watch: Any, cinema: str, tmp_path: Path) -> None:
    page = watch().open(cinema + "/audience")
    from playwright.sync_api import expect

    everyone = page.locator("#size").inner_text()
    row = page.locator(".clause").first  # the last is another one as soon as a spare one is added
    row.locator("[name=c]").select_option("order_count")
    row.locator("[name=o]").select_option("ge")
    row.locator("[name=v]").fill("2")
    expect(page.locator("#size")).not_to_have_text(everyone)
    expect(page.locator(".clause")).to_have_count(2)
    count = int(page.locator("#size").inner_text().split(" ")[0].replace(",", ""))
    with page.expect_download() as waited:
        page.locator("text=Take the list as CSV").click()
    path = tmp_path / "list.csv"
    waited.value.save_as(path)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count > 10
    assert min(int(one["order_count"]) for one in rows) == 2


def test_a_shared_address_shows_the_same(watch: Any, cinema: str) -> None:
    first = watch().open(cinema + "/")
    first.locator("#live-rfm_segment button.row").first.click()
    first.locator(".chosen").wait_for()
    second = watch().open(first.url)
    assert second.locator(".figures-strip").inner_text() == first.locator(".figures-strip").inner_text()
    assert second.locator("#live-months tbody").inner_text() == first.locator("#live-months tbody").inner_text()


def test_a_definition_shows_on_hover_and_on_focus(watch: Any, cinema: str) -> None:
    page = watch().open(cinema + "/")
    term = page.locator(".figures-strip .term").first
    tip = page.locator(".figures-strip .tip").first
    assert not tip.is_visible()
    term.focus()
    tip.wait_for(state="visible")


def test_pages_print(watch: Any, cinema: str, cinema_run: Path, tmp_path: Path) -> None:
    watched = watch()
    for number, place in enumerate((cinema + "/", cinema + "/chapter/segments", (cinema_run / "report.html").as_uri())):
        page = watched.open(place)
        page.emulate_media(media="print")
        wide = page.evaluate(
            "[...document.querySelectorAll('svg')]"
            ".filter(one => one.getBoundingClientRect().right > innerWidth + 1).length"
        )
        assert wide == 0, place
        page.pdf(path=tmp_path / f"{number}.pdf", format="A4")
        assert (tmp_path / f"{number}.pdf").stat().st_size > 20_000
        page.emulate_media(media="screen")


def test_the_browser_keeps_no_global_of_vega(watch: Any, cinema: str) -> None:
    page = watch().open(cinema + "/")
    assert page.evaluate("[typeof vega, typeof vegaEmbed, typeof vegaLite]") == ["undefined"] * 3


def test_no_script_of_the_data_runs(watch: Any, serve: Any, hostile_run: Path) -> None:
    base = serve(hostile_run)
    watched = watch(base)
    for place in ("/", "/chapter/customers", "/chapter/segments", "/audience", "/customers", "/quality"):
        page = watched.open(base + place)
        assert "owned" not in page.title()
        for chart in page.locator(".live svg, .chart svg").all()[:3]:
            chart.hover(force=True)
        assert page.evaluate("document.querySelectorAll('main script, main img, #vg-tooltip-element img').length") == 0
    page = watched.open(base + "/")
    page.locator("#live-store button.row").first.click()
    page.locator(".chosen").wait_for()
    assert "owned" not in page.title()
