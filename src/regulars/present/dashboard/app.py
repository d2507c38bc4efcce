"""The dashboard as a web application: addresses, and what answers each. Every answer only reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from regulars.errors import DataError, RegularsError
from regulars.present.dashboard.bundle import vega_module, vega_version
from regulars.present.dashboard.cards import picture
from regulars.present.dashboard.filters import RefusedError
from regulars.present.dashboard.live import as_table
from regulars.present.dashboard.security import Guard
from regulars.present.dashboard.site import Site
from regulars.present.scene import LIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from regulars.present.dashboard.saved_run import SavedRun
    from regulars.present.dashboard.security import Access

_STATIC = {
    "dashboard.css": ("text/css", "dashboard.css"),
    "report.css": ("text/css", "../../report/report.css"),
    "dashboard.js": ("text/javascript", "dashboard.js"),
    "icon.svg": ("image/svg+xml", "icon.svg"),
}
_NARROWEST, _BROADEST, _WIDTH_STEP = 300, 960, 20
_PICTURES = BoundedSemaphore(2)
"""Pictures drawn at once: each takes a processor and some hundred megabytes."""


def make_app(run: SavedRun, access: Access, *, max_rows: int) -> Any:
    """The application of one run.

    Args:
        run: The run.
        access: Who may ask.
        max_rows: Rows of one download at most.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    site = Site(run, max_rows)
    answers = _Answers(site)
    routes: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", partial(answers.page, site.overview)),
        ("/chapter/{name:str}", answers.chapter),
        ("/customers", partial(answers.page, site.customers)),
        ("/audience", partial(answers.page, site.audience)),
        ("/quality", partial(answers.page, site.quality)),
        ("/compare", partial(answers.page, site.compare)),
        ("/chart/{analysis:str}/{name:str}.json", answers.spec),
        ("/chart/{analysis:str}/{name:str}.png", answers.picture),
        ("/live/{name:str}.png", answers.live_picture),
        ("/live/{name:str}.csv", answers.live_csv),
        ("/table/{analysis:str}/{name:str}.csv", answers.table_csv),
        ("/list/{analysis:str}/{name:str}.csv", answers.saved_list),
        ("/audience/list.csv", answers.audience_csv),
        ("/static/{name:str}", answers.static),
        (f"/vega-{vega_version()}.js", answers.vega),
    ]

    def refused(request: Request, problem: Exception) -> Response:
        return answers.refusal(problem)

    app = Starlette(
        routes=[Route(path, _plain(endpoint), methods=["GET"]) for path, endpoint in routes],
        exception_handlers={RegularsError: refused, HTTPException: refused, Exception: refused},
    )
    return Guard(app, access, answers.plain)


def _plain(endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An endpoint as a plain function, which runs on a thread of its own."""

    def answer(request: Request) -> Response:
        return endpoint(request)

    return answer


class _Answers:
    """What each address answers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._run = site.run
        self._vega = ""

    # -- pages --------------------------------------------------------------------------------------

    def page(self, make: Callable[[list[tuple[str, str]]], str], request: Request) -> Response:
        return _html(make(request.query_params.multi_items()))

    def chapter(self, request: Request) -> Response:
        return _html(self._site.chapter(request.path_params["name"], request.query_params.multi_items()))

    def refusal(self, problem: Exception) -> Response:
        """An error as a page in plain words; what the program itself did wrong is not shown."""
        from starlette.exceptions import HTTPException

        if isinstance(problem, RefusedError):
            return _html(self._site.refusal(problem.status, problem.message, problem.mend or ""), problem.status)
        if isinstance(problem, DataError):
            return _html(self._site.refusal(400, problem.message, problem.mend or ""), 400)
        if isinstance(problem, HTTPException):
            told = "There is no such page." if problem.status_code == 404 else problem.detail
            return _html(self._site.refusal(problem.status_code, told, ""), problem.status_code)
        told = "The dashboard could not answer that. The terminal it runs in says why."
        return _html(self._site.refusal(500, told, ""), 500)

    def plain(self, status: int, sentence: str) -> Any:
        """The answer to one who may not ask: nothing of the run is in it."""
        from starlette.responses import PlainTextResponse

        return PlainTextResponse(sentence + "\n", status_code=status)

    # -- charts -------------------------------------------------------------------------------------

    def spec(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        analysis, name = request.path_params["analysis"], request.path_params["name"]
        filters = self._site.filters(request.query_params.multi_items())
        path = f"/chapter/{self._chapter_of(analysis)}"
        width = _width(request.query_params.get("wide", ""))
        return JSONResponse(self._site.cards.spec(analysis, name, filters, path, width))

    def _chapter_of(self, analysis: str) -> str:
        from regulars.present.report.page import anchor

        return next((anchor(one.chapter) for one in self._run.view.results if anchor(one.analysis) == analysis), "")

    def picture(self, request: Request) -> Response:
        analysis, name = request.path_params["analysis"], request.path_params["name"]
        filters = self._site.filters(request.query_params.multi_items())
        with _PICTURES:
            return _png(self._site.cards.picture(analysis, name, filters), f"{analysis}-{name}")

    def live_picture(self, request: Request) -> Response:
        chart, table = as_table(self._live_card(request))
        with _PICTURES:
            return _png(picture(chart, table, table.data.num_rows, self._run.currency), chart.name)

    def _live_card(self, request: Request) -> Any:
        name = request.path_params["name"]
        filters = self._site.filters(request.query_params.multi_items())
        if name not in self._site.board.names:
            raise RefusedError(404, "There is no such chart in this run.")
        return self._site.board.card(name, filters)

    # -- files --------------------------------------------------------------------------------------

    def live_csv(self, request: Request) -> Response:
        _, table = as_table(self._live_card(request))
        return self._csv(table.data, table.name)

    def table_csv(self, request: Request) -> Response:
        filters = self._site.filters(request.query_params.multi_items())
        saved, table = self._site.cards.find_table(request.path_params["analysis"], request.path_params["name"])
        shown = self._site.followers.filtered(saved.result.analysis, table, filters) or table
        rows = shown.table.data
        if shown.key:
            self._refuse_more(shown.row_count)
            tests = self._site.followers.customer_tests(shown, filters)
            order = [shown.table.customer_column] if shown.table.customer_column else []
            rows = self._run.reader.rows(shown.key, rows.column_names, tests, order, self._site.max_rows)
        return self._csv(rows, f"{saved.result.analysis}.{table.table.name}")

    def audience_csv(self, request: Request) -> Response:
        pairs = request.query_params.multi_items()
        filters = self._site.filters(pairs)
        builder = self._site.audiences
        if builder is None:
            raise RefusedError(404, "This run has no table of customers.")
        clauses = builder.read(pairs)
        self._refuse_more(builder.size(clauses, filters).count)
        columns = ["customer_id", *([builder.score] if builder.score else []), *builder.columns(clauses)]
        rows = self._run.reader.rows(
            "customers", columns, builder.tests(clauses, filters), builder.order(), self._site.max_rows
        )
        return self._csv(_with_reason(rows, builder.reason(clauses, filters), builder.score), "audience")

    def saved_list(self, request: Request) -> Response:
        from starlette.responses import FileResponse

        file = self._site.cards.audience_file(request.path_params["analysis"], request.path_params["name"])
        path = (self._run.path / file).resolve()
        if self._run.is_masked:
            raise RefusedError(403, "The list holds ids of customers, and this dashboard hides them.")
        if not path.is_relative_to(self._run.path) or not path.is_file():
            raise RefusedError(404, "The list is not in the run folder any more.", "make the run again")
        self._refuse_more(self._run.files.get(file) or 0)
        return FileResponse(path, media_type="text/csv", filename=path.name)

    def _refuse_more(self, rows: int) -> None:
        most = self._site.max_rows
        if rows > most:
            raise RefusedError(
                413,
                f"The list has {rows:,} rows, and one download gives at most {most:,}.",
                "narrow it, take the file from the run folder, or start the dashboard with a larger --max-rows",
            )

    def _csv(self, rows: Any, name: str) -> Response:
        """Rows as a CSV file that no spreadsheet executes."""
        import tempfile

        from starlette.responses import Response

        from regulars.present.export import file_names, write_csv

        with tempfile.TemporaryDirectory(prefix="regulars-download-") as folder:
            path = Path(folder) / "rows.csv"
            write_csv(rows.to_batches(), path, tuple(rows.column_names))
            content = path.read_bytes()
        file = f"{next(file_names([name]))}.csv"
        return Response(
            content,
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{file}"'},
        )

    # -- our own files ------------------------------------------------------------------------------

    def static(self, request: Request) -> Response:
        from starlette.responses import Response

        found = _STATIC.get(request.path_params["name"])
        if found is None:
            raise RefusedError(404, "There is no such page.")
        kind, file = found
        text = (Path(__file__).parent / "static" / file).read_text(encoding="utf-8")
        text = text.replace("VEGA_MODULE", f"/vega-{vega_version()}.js")
        return Response(text, media_type=kind, headers={"cache-control": "no-cache"})

    def vega(self, request: Request) -> Response:
        import gzip

        from starlette.responses import Response

        if not self._vega:
            self._vega = vega_module()
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            if not hasattr(self, "_packed"):
                self._packed = gzip.compress(self._vega.encode(), 6)
            return Response(self._packed, media_type="text/javascript", headers={**headers, "content-encoding": "gzip"})
        return Response(self._vega, media_type="text/javascript", headers=headers)


def _width(text: str) -> int:
    """The pixels that a page has for a chart, in steps, so that few drawings are kept.

    Raises:
        RefusedError: It is no number.
    """
    if not text:
        return LIVE.width
    if not (text.isdecimal() and text.isascii() and len(text) <= 5):
        raise RefusedError(400, "The width of a chart is a number of pixels.", "write it as in wide=720")
    return min(max(int(text) // _WIDTH_STEP * _WIDTH_STEP, _NARROWEST), _BROADEST)


def _with_reason(rows: Any, reason: str, score: str) -> Any:
    """The list as every audience has it: customer_id, reason, score, then the rest."""
    import pyarrow as pa

    scores = rows[score] if score else pa.nulls(rows.num_rows, pa.float64())
    columns = {"customer_id": rows["customer_id"], "reason": pa.array([reason] * rows.num_rows, pa.string())}
    rest = {name: rows[name] for name in rows.column_names if name not in ("customer_id", score)}
    return pa.table({**columns, "score": scores, **rest})


def _html(text: str, status: int = 200) -> Response:
    from starlette.responses import HTMLResponse

    return HTMLResponse(text.encode("utf-8", "replace"), status_code=status)


def _png(content: bytes, name: str) -> Response:
    from starlette.responses import Response

    from regulars.present.export import file_names

    file = f"{next(file_names([name]))}.png"
    return Response(content, media_type="image/png", headers={"content-disposition": f'attachment; filename="{file}"'})
