"""Every page answers, holds what it should, and what a visitor does with addresses stays harmless."""

from __future__ import annotations

import csv
import hashlib
import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.present.dashboard.saved_run import SavedRun

PAGES = (
    "/", "/chapter/customers", "/chapter/value", "/chapter/segments", "/customers", "/audience", "/quality", "/compare",
)  # fmt: skip


def test_every_page_answers_with_the_run_and_the_date(client: Any, run: SavedRun) -> None:
    for page in PAGES:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert run.view.run_id in answer.text
        assert "Data to 2022-12-31" in answer.text


def test_every_chart_and_file_that_a_page_names_is_there(client: Any) -> None:
    seen: set[str] = set()
    for page in PAGES:
        text = client.get(page).text
        seen |= set(re.findall(r'(?:data-spec|src|href)="(/[^"#]+)"', text.replace("&amp;", "&")))
    drawn = [place for place in seen if ".png" not in place]
    assert len([place for place in drawn if ".json" in place]) > 8
    for place in drawn:
        assert client.get(place).status_code == 200, place


def test_cards_tell_grade_n_interval_date_run_and_give_query_csv_and_png(client: Any, run: SavedRun) -> None:
    text = client.get("/chapter/segments").text
    card = re.search(r'<section class="card[^>]*>.*?</section>', text, flags=re.DOTALL).group(0)
    for part in (
        "observed",
        "n = ",
        "data to 2022-12-31",
        run.view.run_id,
        "Copy query",
        ".csv",
        ".png",
        'role="tooltip"',
    ):
        assert part in card, part


def test_live_cards_tell_the_same_and_their_query_gives_their_figures(client: Any, run: SavedRun) -> None:
    import duckdb

    address = "/?from=2022-01&channel=website&measure={}"
    for measure in ("orders", "customers"):
        text = client.get(address.format(measure)).text
        cards = re.findall(r'<section class="card" id="live-([^"]+)".*?</section>', text, flags=re.DOTALL)
        assert {"months", "store", "channel", "weekdays"} <= set(cards)
        card = re.search(r'<section class="card" id="live-store".*?</section>', text, flags=re.DOTALL).group(0)
        for part in ("observed", "exact count", "data to 2022-12-31", run.view.run_id, "Copy query", ".csv", ".png"):
            assert part in card, part
        query = html.unescape(re.search(r"<code>(.*?)</code>", card, flags=re.DOTALL).group(1))
        rows = duckdb.sql(query.replace("'cube/", f"'{run.path}/cube/")).to_arrow_table().to_pylist()
        counted = {one["store"]: one.get("distinct_customer_key", one.get("orders")) for one in rows}
        shown = csv.DictReader(client.get(address.format(measure).replace("/?", "/live/store.csv?")).text.splitlines())
        told = {row["label"]: float(row["value"]) for row in shown}
        assert {name: value for name, value in told.items() if value} == counted
        orders = int(re.search(r"n = ([\d,]+) orders", card).group(1).replace(",", ""))
        assert orders == sum(one.get("orders", one["rows"]) for one in rows) > 0


def test_every_filter_of_the_data_is_offered_and_works_on_every_page(client: Any) -> None:
    whole = client.get("/audience").text
    for name in ("from", "to", "rfm_segment", "channel", "store", "campaign"):
        field = re.search(rf'<select name="{name}".*?</select>', whole, flags=re.DOTALL).group(0)
        value = html.unescape(re.findall(r"<option(?: value=\"([^\"]+)\")?>([^<]+)</option>", field)[1][1])
        for page in ("/", "/chapter/segments", "/audience"):
            text = client.get(page, params={name: value}).text
            assert "Filtered: " in text, (page, name)
            assert f'href="/quality?{name}=' in text, (page, name)  # the menu takes it along
        size = re.search(r'<h2 id="size"[^>]*>([\d,]+)', client.get("/audience", params={name: value}).text)
        everyone = re.search(r'<h2 id="size"[^>]*>([\d,]+)', whole)
        assert int(size.group(1).replace(",", "")) < int(everyone.group(1).replace(",", "")), name


def test_a_card_under_filters_counts_those_who_match_and_not_those_of_the_finding(client: Any) -> None:
    text = client.get("/chapter/segments?channel=website").text
    card = re.search(r'<section class="card[^>]*id="rfm-segments".*?</section>', text, flags=re.DOTALL).group(0)
    size = re.search(r'<h2 id="size"[^>]*>([\d,]+)', client.get("/audience?channel=website").text).group(1)
    assert f"n = {size} customers" in card
    assert "exact counts" in card
    assert "interval" not in re.sub(r'<span class="tip.*?</span>', "", card.split('class="facts"')[1].split("</p>")[0])


def test_faces_of_one_picture_are_shown_one_at_a_time(client: Any, cinema_run: Path) -> None:
    text = client.get("/chapter/customers").text
    cards = re.findall(r'<section class="card.*?</section>', text, flags=re.DOTALL)
    card = next(one for one in cards if "<fieldset" in one and "cohorts-" in one)
    words = re.findall(r'<input type="radio"[^>]*>([^<]+)</label>', card)
    assert words == ["retention share", "active", "revenue"]
    assert len(re.findall(r'<div class="face" hidden>', card)) == 2
    assert len(re.findall(r'data-spec="', card)) == 3
    report = (cinema_run / "report.html").read_text(encoding="utf-8")
    assert report.count("buy again in the month after their first order") >= 1
    assert "have brought the most" not in report.split('id="cohorts"')[1].split("</figure>")[0]


def test_a_picture_is_drawn_with_its_title(client: Any) -> None:
    answer = client.get("/live/rfm_segment.png?channel=website")
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["content-disposition"] == 'attachment; filename="rfm_segment.png"'


def test_no_page_has_a_script_a_style_or_a_handler_of_its_own(client: Any, hostile: Any) -> None:
    for one in (client, hostile):
        for page in (*PAGES, "/nothing", "/?from=x"):
            text = one.get(page).text
            assert re.findall(r"<script(?![^>]* src=)", text) == [], page
            assert "<style" not in text
            assert re.findall(r"<[^>]*\s(?:style|on\w+)=", re.sub(r'"[^"]*"', '""', text)) == [], page


def test_headers_forbid_everything_that_is_not_ours(client: Any) -> None:
    for page in ("/", "/nothing", "/audience/list.csv", "/static/dashboard.js"):
        policy = client.get(page).headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert client.get(page).headers["x-content-type-options"] == "nosniff"


def test_vegas_script_is_a_module_that_exports_one_name(client: Any) -> None:
    address = re.search(r'from "(/vega-[^"]+)"', client.get("/static/dashboard.js").text).group(1)
    text = client.get(address).text
    assert text.rstrip().rstrip(";").endswith("as vegaEmbed}")
    assert "window.vega" not in text


# -- who may ask --------------------------------------------------------------------------------------


def test_another_name_is_not_answered(client: Any) -> None:
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert "name" in answer.text
    assert client.get("/", headers={"host": "127.0.0.1:8321"}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_nothing_but_reading_is_allowed(client: Any, method: str) -> None:
    assert getattr(client, method)("/audience").status_code == 405


def test_another_address_demands_a_token(run: SavedRun, make_client: Any) -> None:
    from regulars.present.dashboard.server import ServeOptions, access_of

    made_up = access_of(ServeOptions(host="0.0.0.0"))
    assert len(made_up.token) >= 32
    assert made_up.any_address
    assert access_of(ServeOptions(host="0.0.0.0")).token != made_up.token
    assert not access_of(ServeOptions()).token
    token = "a-token-of-some-length"
    client = make_client(run, host="0.0.0.0", token=token)
    assert client.get("/").status_code == 401
    assert run.view.run_id not in client.get("/").text
    assert client.get("/?token=wrong-token-of-length").status_code == 401
    assert client.get("/", headers={"authorization": f"Bearer {token}"}).status_code == 200
    welcome = client.get(f"/?token={token}&channel=website", follow_redirects=False)
    assert welcome.status_code == 303
    assert welcome.headers["location"] == "/?channel=website"
    assert "HttpOnly" in welcome.headers["set-cookie"]
    assert client.get("/").status_code == 200  # the cookie is remembered
    assert (
        client.get("//evil.example/?token=" + token, follow_redirects=False)
        .headers.get("location", "/")
        .startswith("/")
    )


def test_a_short_token_is_refused() -> None:
    from regulars.errors import SettingsError
    from regulars.present.dashboard.server import ServeOptions, access_of

    for token in ("short", "with spaces in the token", "with;semicolon-in-it"):
        with pytest.raises(SettingsError):
            access_of(ServeOptions(token=token))


def test_masked_ids_show_nowhere(cinema_run: Path, open_saved: Any, make_client: Any) -> None:
    import duckdb

    ids = [str(one) for (one,) in duckdb.sql(
        f"SELECT customer_id FROM '{cinema_run}/cube/customers.parquet'"
    ).fetchall()]  # fmt: skip
    run = open_saved(cinema_run, mask_ids=True)
    client = make_client(run)
    try:
        pages = (*PAGES, "/audience/list.csv", f"/customers?id={ids[0]}")
        texts = [client.get(page).text for page in pages]
        for saved in run.results.values():
            texts += [
                client.get(f"/table/{saved.result.analysis}/{name}.csv").text
                for name, table in saved.tables.items() if table.key
            ]  # fmt: skip
        shown = "\n".join(re.sub(r'name="id" value="[^"]*"', "", text) for text in texts)
        numbers = set(re.findall(r"(?<![\w.])\d{6,}(?!\w)", shown))  # not within a fraction or a hash
        leaked = numbers & set(ids)
        assert [shown[max(0, shown.index(one) - 80) : shown.index(one) + 20] for one in leaked] == []
        page = client.get(f"/customers?id={ids[0]}")
        assert page.status_code == 200
        hidden = re.search(r"Customer <bdi>([0-9a-f]{12})</bdi>", page.text).group(1)
        assert client.get(f"/customers?id={hidden}").status_code == 200
        assert any(client.get(f"/list/{one.result.analysis}/{each['name']}.csv").status_code == 403
                   for one in run.results.values() for each in one.audiences)  # fmt: skip
    finally:
        run.close()


def test_downloads_are_bounded(run: SavedRun, make_client: Any) -> None:
    client = make_client(run, max_rows=50)
    answer = client.get("/audience/list.csv")
    assert answer.status_code == 413
    assert "at most 50" in answer.text
    assert client.get("/audience/list.csv?c=revenue_total&o=ge&v=80&x=in").status_code == 200
    large = next((one.result.analysis, name) for one in run.results.values()
                 for name, table in one.tables.items() if table.key)  # fmt: skip
    assert client.get(f"/table/{large[0]}/{large[1]}.csv").status_code == 413


# -- what must be refused, in plain words ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nothing", 404),
        ("/chapter/nothing", 404),
        ("/chapter/..%2f..%2fetc%2fpasswd", 404),
        ("/static/..%2f..%2fapp.py", 404),
        ("/static/%2e%2e/app.py", 404),
        ("/list/rfm/..%2f..%2fresults.csv", 404),
        ("/table/rfm/%00.csv", 404),
        ("/chart/rfm/nothing.json", 404),
        ("/chart/rfm/revenue_by_segment.json?wide=nonsense", 400),
        ("/chart/rfm/revenue_by_segment.json?wide=-720", 400),
        ("/chart/rfm/revenue_by_segment.json?wide=999999", 400),
        ("/chart/rfm/revenue_by_segment.json?wide=٧٢٠", 400),
        ("/compare?with=../../etc", 404),
        ("/compare?with=%2e%2e%2f", 404),
        ("/customers?id=nobody", 404),
        ("/customers?id=" + "9" * 300, 400),
        ("/?from=2022-13", 400),
        ("/?from=1999-01", 400),
        ("/?from=2022-05&to=2022-01", 400),
        ("/?from=2022-01&from=2022-02", 400),
        ("/?channel=';DROP TABLE orders;--", 400),
        ("/?measure=profit", 400),
        ("/audience?c=recency_days&o=ge", 400),
        ("/audience?c=nothing&o=is&v=1&x=in", 400),
        ("/audience?c=recency_days&o=xx&v=1&x=in", 400),
        ("/audience?c=recency_days&o=ge&v=1 OR 1=1&x=in", 400),
        ("/audience?c=recency_days&o=ge&v=nan&x=in", 400),
        ("/audience?c=last_ordered_on&o=ge&v=soon&x=in", 400),
        ("/audience?c=rfm_segment&o=ge&v=A&x=in", 400),
        ("/audience?" + "&".join("c=recency_days&o=ge&v=1&x=in" for _ in range(31)), 400),
        ("/?" + "&".join(f"a{number}=1" for number in range(500)), 414),
        ("/?x=" + "y" * 20_000, 414),
        ("/" + "y" * 2_000, 414),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_plain_words(client: Any, address: str, status: int) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert len(answer.text) < 20_000


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path} {path.stat().st_mtime_ns}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


names = st.sampled_from(
    ["c", "o", "v", "x", "from", "to", "measure", "id", "with", "rfm_segment", "channel", "token", ""]
)
values = st.one_of(
    st.text(max_size=60), st.sampled_from(["2022-01", "website", "recency_days", "ge", "in", "../../run.json", "1e999"])
)
places = st.sampled_from(
    [*PAGES, "/audience/list.csv", "/live/months.csv", "/table/rfm/segments.csv", "/table/{}/{}.csv", "/list/{}/{}.csv",
     "/chart/{}/{}.json", "/chapter/{}", "/static/{}", "/{}"]
)  # fmt: skip


def test_whatever_is_asked_no_answer_is_an_error_of_ours_and_no_file_changes(client: Any, cinema_run: Path) -> None:
    before = fingerprint(cinema_run)

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(places, st.lists(st.tuples(names, values), max_size=8), st.text(max_size=30), st.text(max_size=30))
    def ask(place: str, pairs: list[tuple[str, str]], first: str, second: str) -> None:
        from urllib.parse import quote, urlencode

        path = place.replace("{}", quote(first, safe="", errors="replace"), 1)
        path = path.replace("{}", quote(second, safe="", errors="replace"), 1)
        answer = client.get(f"{path}?{urlencode(pairs, errors='replace')}", follow_redirects=False)
        assert answer.status_code < 500, (path, pairs)

    ask()
    assert fingerprint(cinema_run) == before


# -- hostile values -----------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_do_nothing(hostile: Any) -> None:
    text = "".join(hostile.get(page).text for page in ("/", "/audience", "/customers", "/quality"))
    assert "<script>document" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;document" in text
    assert "<b>Shop" not in text
    assert len(hostile.get("/").text) < 400_000


def test_a_filter_on_a_hostile_name_finds_its_orders(hostile: Any) -> None:
    for name in ("<script>document.title='owned'</script>", "it's \"quoted\" & 'done'", "🦄🎟️ très", "\u202eעברית שלום"):
        answer = hostile.get("/live/months.csv", params={"store": name})
        assert answer.status_code == 200, name


def test_a_spreadsheet_executes_nothing(hostile: Any) -> None:
    text = hostile.get("/audience/list.csv").text
    assert "'=HYPERLINK(0)" in text
    assert not re.search(r'(^|,)"?=HYPER', text, flags=re.MULTILINE)


# -- two at once --------------------------------------------------------------------------------------


def test_eight_visitors_see_their_own_filters_only(client: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    asked = [f"/live/months.csv?from=2022-{1 + number % 12:02d}&channel={('mobile', 'website')[number % 2]}"
             for number in range(24)]  # fmt: skip
    alone = {place: client.get(place).text for place in asked}
    with ThreadPoolExecutor(8) as pool:
        together = dict(zip(asked, pool.map(lambda place: client.get(place).text, asked), strict=True))
    assert together == alone


def test_two_runs_are_compared(client: Any) -> None:
    others = re.findall(r"<option>([^<]+)</option>", client.get("/compare").text)
    assert len(others) == 1
    page = client.get(f"/compare?with={others[0]}").text
    assert "could be compared" in page
    assert "Counts that are different" in page
