from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.analysis import FeatureFact
from regulars.core.quality import DataQuality
from regulars.core.result import Action
from regulars.present.report.page import anchor, report_html
from regulars.present.report.terms import Terms
from regulars.present.run_view import EarlierRun, RunView

if TYPE_CHECKING:
    from collections.abc import Iterator

FORBIDDEN = {"script", "iframe", "object", "embed", "link", "base", "form", "img", "foreignobject"}
VOID = {"meta", "br", "hr", "img", "input", "link"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        yield self
        for part in self.parts:
            if isinstance(part, Element):
                yield from part.walk()

    def all(self, tag: str, name: str = "") -> list[Element]:
        return [
            one
            for one in self.walk()
            if one.tag == tag and (not name or name in one.attributes.get("class", "").split())
        ]

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(page: str) -> Element:
    reader = Reader()
    reader.feed(page)
    assert reader.open == [reader.root]
    return reader.root


@pytest.fixture(scope="module")
def text(view: RunView, engine: Any) -> str:
    return report_html(view, engine)


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return read(text)


@pytest.fixture(scope="module")
def hostile(hostile_view: RunView, engine: Any) -> Element:
    return read(report_html(hostile_view, engine))


def test_the_page_needs_no_network_and_no_script(page: Element, hostile: Element) -> None:
    for one in (page, hostile):
        policy = next(meta for meta in one.all("meta") if "http-equiv" in meta.attributes)
        assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        for element in one.walk():
            assert element.tag not in (
                "script",
                "iframe",
                "object",
                "embed",
                "link",
                "base",
                "form",
                "img",
                "foreignobject",
            )
            for name, value in element.attributes.items():
                assert not name.startswith("on")
                assert name not in ("src", "srcset", "action", "style") or element.tag == "svg"
                assert "href" not in name or value.startswith("#")
    style = page.all("style")[0].text
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_values_are_text(hostile: Element, hostile_view: RunView) -> None:
    value = hostile_view.dataset
    assert hostile.all("h1")[0].text == value
    assert hostile.all("title")[0].text.startswith(value)
    cells = [cell.text for cell in hostile.all("th") + hostile.all("td")]
    assert value in cells
    assert "</svg><img src=x onerror=alert(1)>" in cells
    assert max(len(cell) for cell in cells) < 200
    assert "\x00" not in hostile.text
    assert "\x1b" not in hostile.text


def test_text_of_another_direction_cannot_reach_out_of_its_cell(hostile: Element) -> None:
    texts = [cell for cell in hostile.all("th") + hostile.all("td") if "עברית" in cell.text]
    assert texts
    assert all(cell.attributes["dir"] == "auto" for cell in texts)


def test_ids_are_unique_and_every_reference_has_its_target(page: Element, hostile: Element) -> None:
    for one in (page, hostile):
        ids = [element.attributes["id"] for element in one.walk() if "id" in element.attributes]
        assert len(ids) == len(set(ids))
        for element in one.walk():
            for name in ("aria-describedby", "aria-labelledby"):
                assert set(element.attributes.get(name, "").split()) <= set(ids)
            if element.attributes.get("href"):
                assert element.attributes["href"][1:] in ids
            assert set(re.findall(r"url\(#([^)]+)\)", " ".join(element.attributes.values()))) <= set(ids)


def test_headings_are_in_order_and_the_language_is_said(page: Element) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    levels = [int(element.tag[1]) for element in page.walk() if re.fullmatch("h[1-6]", element.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(following <= level + 1 for level, following in itertools.pairwise(levels))


def test_the_chapters_stand_in_their_order(page: Element) -> None:
    titles = [one.text for one in page.all("h2")]
    assert titles == [
        "Read this first",
        "The most important findings",
        "What to do",
        "What changed since the last run",
        "Contents",
        "Customers",
        "Value",
        "Segments",
        "Campaigns",
        "Network",
        "Data quality",
        "What could not be answered",
        "Data dictionary",
        "How this was computed",
    ]


def test_the_header_says_what_every_reader_must_know(page: Element) -> None:
    header = page.all("header")[0].text
    for said in (
        "Harbour Gifts",
        "2010-12-01 to 2011-12-09",
        "As of",
        "GBP",
        "quantity × unit_price",
        "2011-12-09-0001",
    ):
        assert said in header


def test_the_five_findings_with_the_most_money_come_first(page: Element) -> None:
    ranked = page.all("ol", "ranked")[0]
    assert [one.text for one in ranked.all("p", "figure")] == ["£8.91 m", "54.0 %", "£2.31 m", "£820,000", "24.1 %"]
    first = re.sub(r"\s+", " ", ranked.all("p", "facts")[0].text)
    for said in ("observed", "exact count", "n = 18,532 orders", "£8.91 m at stake"):
        assert said in first
    assert {one.attributes["class"].split()[-1] for one in page.all("span", "grade")} == {
        "observed",
        "modelled",
        "randomised",
    }


def test_every_chart_has_a_name_and_its_table_after_it(page: Element, view: RunView) -> None:
    assert len(page.all("figure")) == sum(len(result.charts) for result in view.results)
    for figure in page.all("figure"):
        (svg,) = figure.all("svg")
        assert svg.attributes["role"] == "img"
        assert svg.attributes["aria-label"].startswith(re.sub(r" \(first.*\)$", "", figure.all("h4")[0].text))
    for article in page.all("article"):
        parts = [part for part in article.parts if isinstance(part, Element)]
        for part, following in itertools.pairwise(parts):
            if part.tag == "figure":
                assert following.tag == "figure" or following.all("table")


def test_evidence_that_is_not_shown_is_named_and_not_linked(view: RunView, engine: Any) -> None:
    result = view.results[0]
    hidden = replace(result.tables[0], is_shown=False)
    run = RunView("r", "Shop", results=(replace(result, tables=(hidden,), charts=()),))
    page = read(report_html(run, engine))
    assert "evidence in key_figures: revenue" in page.text
    assert not page.all("table")


def test_a_link_to_a_folded_table_leads_inside_the_fold(page: Element) -> None:
    fold = next(one for one in page.all("details", "figures") if "Segments: customers" in one.text)
    assert "rfm-segments" in [one.attributes.get("id") for one in fold.all("div")]


def test_tables_have_captions_scopes_units_and_queries(page: Element) -> None:
    for table in page.all("table"):
        assert table.all("caption") or table.all("th")[0].text in ("order_id",)
        for cell in table.all("thead")[0].all("th"):
            assert cell.attributes["scope"] == "col"
        for row in table.all("tbody")[0].all("tr"):
            assert len(row.all("th") + row.all("td")) == len(table.all("thead")[0].all("th"))
    segments = next(table for table in page.all("table") if "Segments: customers" in table.text)
    heads = [cell.text for cell in segments.all("thead")[0].all("th")]
    assert heads[2].endswith("%")
    assert heads[3].endswith("GBP")
    assert segments.all("tbody")[0].all("td")[0].attributes["class"] == "number"
    scores = next(one for one in page.all("details", "figures") if "Scores of every customer" in one.text)
    assert "first 15 of 4,338 rows" in scores.text
    assert "tables/rfm.scores.parquet" in scores.text
    assert "SELECT" in scores.all("pre")[0].text


def test_terms_are_defined_for_pointer_keyboard_and_screen_reader(page: Element) -> None:
    tips = {one.attributes["id"]: one.text for one in page.all("span", "tip")}
    terms = {one.text: tips[one.attributes["aria-describedby"]] for one in page.all("span", "term")}
    assert terms["Champions"] == "Customers who score 4 or 5 on recency, frequency and money."
    assert terms["cohorts"] == "Customers whose first order lies in the same month."
    assert terms["revenue"] == "Money from orders that count as a sale."
    assert all(one.attributes["tabindex"] == "0" for one in page.all("span", "term"))
    assert "average order value" in [term.text for term in page.all("dt")]


def test_a_stop_caveat_is_at_the_top_of_the_page_and_of_its_analysis(page: Element) -> None:
    assert "Nobody seems to leave" in page.all("section", "stops")[0].text
    article = next(one for one in page.all("article") if one.attributes.get("id") == "lifetime_value")
    parts = [part for part in article.parts if isinstance(part, Element)]
    assert [part.tag for part in parts[:3]] == ["h3", "p", "p"]
    assert parts[2].attributes["class"] == "caveat stop"


def test_actions_name_audience_size_and_expected_value(page: Element) -> None:
    action = page.all("ul", "actions")[0].all("li")[0].text
    for said in ("Write to the 592", "£31,000", "£12,000–£52,000", "620 customers", "audiences/rfm.at_risk.csv"):
        assert said in action


def test_data_quality_adds_up_and_checks_are_sorted_by_severity(page: Element) -> None:
    quality = next(one for one in page.all("section", "chapter") if one.attributes["aria-labelledby"] == "data-quality")
    assert "135,080 × no customer id" in quality.text
    assert quality.all("p", "lead")[0].text == (
        "Of 546,309 rows read for 2 tables, 402,184 were accepted as they are, 38 repaired and 144,087 set aside. "
        "The checks found 1 problem, 1 warning and 1 note."
    )
    assert [one.text for one in quality.all("span", "severity")] == ["problem", "warning", "note"]
    check = quality.all("div", "check")[0]
    for said in ("24.9 %", "They were set aside.", 'null_keys = "report"', "536414", "WHERE customer_id IS NULL"):
        assert said in check.text


def test_an_account_that_does_not_add_up_is_called_out(view: RunView, engine: Any) -> None:
    lost = replace(view.quality.accounts[0], accepted=1)
    run = RunView("r", "Shop", quality=DataQuality((lost,)))
    assert read(report_html(run, engine)).all("strong", "bad")[0].text == "no"


def test_what_could_not_be_answered_says_what_to_add(page: Element) -> None:
    part = next(one for one in page.all("section") if one.attributes.get("aria-labelledby") == "not-answered")
    for said in ("map it under [tables.campaigns]", 'pip install "regulars[forecast]"', "no pairs of items"):
        assert said in part.text


def test_a_run_without_results_dates_or_money_is_still_a_page(engine: Any) -> None:
    empty = read(report_html(RunView("r", "Shop"), engine))
    assert "No analysis made a finding" in empty.text
    assert "What changed" not in empty.text


def test_passwords_are_not_on_the_page(engine: Any) -> None:
    address = "postgresql://ann:s3cret@db/shop"
    run = RunView("r", "Shop", settings=f'[tables.lines]\nsource = "{address}"', fingerprints={address: "sha256:1"})
    assert "s3cret" not in report_html(run, engine)


def test_many_counts_that_changed_are_folded(view: RunView, engine: Any) -> None:
    finding = view.results[0].findings[0]
    now = tuple(replace(finding, key=f"k{place}", value=2.0) for place in range(20))
    before = tuple(replace(one, value=1.0) for one in now)
    result = replace(view.results[0], findings=now, charts=())
    earlier = EarlierRun("r0", "2011-11-09", "GBP", {"overview": before})
    changes = read(report_html(RunView("r", "Shop", "GBP", results=(result,), earlier=earlier), engine))
    section = next(one for one in changes.all("section") if one.attributes.get("aria-labelledby") == "changes")
    assert "12 more" in section.all("summary")[0].text
    assert len(section.all("li")) == 20


def test_the_same_run_is_the_same_page(text: str, view: RunView, engine: Any) -> None:
    assert report_html(view, engine) == text


def test_a_term_is_marked_once_per_text_and_only_as_a_word() -> None:
    marked = str(Terms().mark("A cohort, <b>cohorts</b> and cohortlike.", {"cohort": "Same month.", "b": ""}))
    assert marked.count('class="term "') == 1
    assert "&lt;b&gt;" in marked
    assert str(Terms().mark("a < b", {})) == "a &lt; b"


def test_anchors_are_plain() -> None:
    assert anchor("rfm", 'a"><script>') == "rfm-a-script"
    assert anchor("", "ü") == "part-part"


def _colours(style: str) -> list[dict[str, str]]:
    blocks = re.findall(r":root \{([^}]*--paper[^}]*--muted[^}]*)\}", style)
    return [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in blocks]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast_in_light_and_dark() -> None:
    style = (files("regulars.present.report") / "report.css").read_text(encoding="utf-8")
    light, dark = _colours(style)
    for theme in (light, dark):
        for name in ("ink", "muted", "accent", "observed", "modelled", "randomised", "bad"):
            for ground in ("paper", "panel"):
                bright, dim = sorted((_luminance(theme[name]), _luminance(theme[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{name} on {ground}"


def test_the_templates_are_part_of_the_package() -> None:
    names = {one.name for one in files("regulars.present.report").iterdir()}
    assert {
        "report.html.j2",
        "pieces.html.j2",
        "quality.html.j2",
        "appendix.html.j2",
        "changes.html.j2",
        "report.css",
    } <= names


def test_the_dictionary_says_how_much_is_known_and_the_mean(view: RunView, engine: Any) -> None:
    facts = {"recency_days": FeatureFact(30, 40, 12.5), "order_count": FeatureFact(40, 40, 1.789)}
    page = read(report_html(replace(view, feature_facts=facts), engine))
    part = next(one for one in page.all("section") if one.attributes.get("aria-labelledby") == "data-dictionary")
    assert part.all("p", "lead")[0].text.endswith(
        "Each of 40 customers has 2 features; 1 of them is known of every customer."
    )
    rows = [[cell.text for cell in row.all("td")] for row in part.all("tr")[1:]]
    assert [row[1:3] for row in rows] == [["75.0 %", "12.5"], ["100.0 %", "1.79"], ["–", "–"]]


def test_the_first_things_to_do_are_open_and_the_others_folded(view: RunView, engine: Any) -> None:
    first = view.results[0]
    many = tuple(Action(f"x.{place}", f"Do {place}.", "why", expected_value=float(place)) for place in range(12))
    page = read(report_html(replace(view, results=(replace(first, actions=many),)), engine))
    part = next(one for one in page.all("section") if one.attributes.get("aria-labelledby") == "actions")
    told = [one.all("p", "sentence")[0].text for one in part.all("li")]
    assert told == [f"Do {place}." for place in range(11, -1, -1)]
    assert part.all("summary")[0].text == "5 more things to do"
    assert len(part.all("details")[0].all("li")) == 5
