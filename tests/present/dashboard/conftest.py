from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.present.dashboard.saved_run import SavedRun

pytest.importorskip("starlette", reason="the extra `dashboard` is not installed")


def opened(path: Path, *, mask_ids: bool = False) -> SavedRun:
    from regulars.engine.run_reader import RunReader
    from regulars.present.dashboard.saved_run import open_run

    return open_run(path, RunReader, mask_ids=mask_ids)


def client_of(run: SavedRun, *, max_rows: int = 100_000, **options: Any) -> Any:
    from starlette.testclient import TestClient

    from regulars.present.dashboard.app import make_app
    from regulars.present.dashboard.server import ServeOptions, access_of

    app = make_app(run, access_of(ServeOptions(**options)), max_rows=max_rows)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def run(cinema_run: Path) -> Iterator[SavedRun]:
    one = opened(cinema_run)
    yield one
    one.close()


@pytest.fixture(scope="session")
def client(run: SavedRun) -> Any:
    return client_of(run)


@pytest.fixture(scope="session")
def hostile(hostile_run: Path) -> Iterator[Any]:
    one = opened(hostile_run)
    yield client_of(one)
    one.close()


@pytest.fixture(scope="session")
def make_client() -> Any:
    return client_of


@pytest.fixture(scope="session")
def open_saved() -> Any:
    return opened
