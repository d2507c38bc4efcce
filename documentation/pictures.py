"""The pictures of report and dashboard in README and documents: `python -m documentation.pictures RUN`, with Chromium.

RUN is the run folder of the cinema demo (`regulars demo`). Each page is taken as it stands in the light; the first page
of the dashboard in the dark and as it prints, too.
"""

from __future__ import annotations

import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGES = Path(__file__).parent.parent / "docs" / "images"
WIDTH = 1280
PAGES = (
    ("dashboard", "dashboard", 1320, {}),
    ("dashboard-dark", "dashboard", 1320, {"color_scheme": "dark"}),
    ("dashboard-print", "dashboard", 1320, {"media": "print"}),
    ("report", "report", 1500, {}),
    ("report-dark", "report", 1500, {"color_scheme": "dark"}),
    ("report-print", "report", 1500, {"media": "print"}),
)


def served(run: Path) -> Iterator[str]:
    """The address of the dashboard of a run, while it is asked for."""
    import uvicorn

    from regulars.engine.run_reader import RunReader
    from regulars.present.dashboard.app import make_app
    from regulars.present.dashboard.saved_run import open_run
    from regulars.present.dashboard.server import ServeOptions, access_of

    saved = open_run(run, RunReader)
    app = make_app(saved, access_of(ServeOptions()), max_rows=100_000)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)
    saved.close()


def take(page: Any, address: str, name: str, height: int, media: dict[str, str]) -> None:
    """The top of a page as a picture, once its charts are drawn."""
    page.emulate_media(**media)
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.goto(address)
    charts = page.locator(":is(.canvas.live, .canvas.chart):visible")
    for place in range(min(3, charts.count())):
        charts.nth(place).scroll_into_view_if_needed()
        charts.nth(place).locator("svg").first.wait_for()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=IMAGES / f"{name}.png")


def main(run: Path) -> None:
    """Take every picture anew."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    for dashboard in served(run):
        addresses = {"dashboard": dashboard, "report": (run / "report.html").as_uri()}
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            for name, what, height, media in PAGES:
                take(page, addresses[what], name, height, {"color_scheme": "light", "media": "screen"} | media)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
