from __future__ import annotations

import shutil
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The machine's own Chromium, without a head."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Any]:
    """Starts the dashboard of a run folder on a free port; gives its address."""
    pytest.importorskip("starlette", reason="the extra `dashboard` is not installed")
    import uvicorn

    from regulars.engine.run_reader import RunReader
    from regulars.present.dashboard.app import make_app
    from regulars.present.dashboard.saved_run import open_run
    from regulars.present.dashboard.server import ServeOptions, access_of

    running: list[tuple[Any, threading.Thread, Any]] = []

    def start(folder: Path) -> str:
        run = open_run(folder, RunReader)
        app = make_app(run, access_of(ServeOptions()), max_rows=100_000)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread, run))
        while not server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, thread, run in running:
        server.should_exit = True
        thread.join(10)
        run.close()


@pytest.fixture(scope="session")
def cinema(serve: Any, cinema_run: Path) -> str:
    return str(serve(cinema_run))


class Watched:
    """A page whose console and requests are watched."""

    def __init__(self, context: Any, base: str) -> None:
        self.problems: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda one: self._told(one))
        self.page.on("pageerror", lambda one: self.problems.append(f"error: {one}"))
        self.page.on("request", lambda one: self._asked(one.url, base))
        self.page.on("requestfailed", lambda one: self._failed(one))

    def _told(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def _asked(self, url: str, base: str) -> None:
        if not url.startswith((base, "data:", "blob:", "file:", "about:")):
            self.problems.append(f"left the machine: {url}")

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url} {request.failure}")

    def open(self, url: str) -> Any:
        self.page.goto(url)
        self.drawn()
        return self.page

    def drawn(self) -> None:
        """Wait until every chart that can be seen is drawn, scrolling to each."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        charts = self.page.locator(":is(.canvas.live, .canvas.chart):visible")
        for place in range(charts.count()):
            chart = charts.nth(place)
            chart.scroll_into_view_if_needed()
            chart.locator("svg").first.wait_for()


@pytest.fixture
def watch(browser: Any, cinema: str) -> Iterator[Any]:
    """Makes watched pages; the test fails where one had a problem."""
    made: list[Watched] = []
    contexts: list[Any] = []

    def make(base: str = cinema, **options: Any) -> Watched:
        context = browser.new_context(accept_downloads=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        made.append(Watched(context, base))
        return made[-1]

    yield make
    for context in contexts:
        context.close()
    assert [problem for one in made for problem in one.problems] == []
