"""Starts the dashboard: on this machine alone unless told otherwise, and then only with a token."""

from __future__ import annotations

import re
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import missing_extras
from regulars.errors import MissingExtraError, RegularsError, SettingsError
from regulars.present.dashboard.security import Access, is_loopback
from regulars.present.run_folder import latest_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from regulars.core.questions import OpenReader

_SHORTEST_TOKEN = 16
_TOKEN = rf"[A-Za-z0-9._~-]{{{_SHORTEST_TOKEN},}}"
_MOST_AT_ONCE = 64


@dataclass(frozen=True)
class ServeOptions:
    """How the dashboard is served.

    Args:
        host: The address it listens on.
        port: The port; 0 takes a free one.
        token: What must be shown; made up where the address is not this machine's alone and none is given.
        names: Further names by which it may be called.
        mask_ids: Whether ids of customers are replaced by hashes.
        max_rows: Rows of one download at most.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    token: str = ""
    names: Sequence[str] = ()
    mask_ids: bool = False
    max_rows: int = 100_000


def access_of(options: ServeOptions) -> Access:
    """Who may ask.

    Raises:
        SettingsError: The token is too short to be safe.
    """
    token = options.token
    if token and not re.fullmatch(_TOKEN, token):
        raise SettingsError(
            "the token is not safe", mend=f"choose {_SHORTEST_TOKEN} letters and figures or more, or let one be made up"
        )
    is_local = is_loopback(options.host)
    if not is_local and not token:
        token = secrets.token_urlsafe(24)
    names = {"localhost", "127.0.0.1", "[::1]", options.host.lower(), *(name.lower() for name in options.names)}
    if ":" in options.host:
        names.add(f"[{options.host.strip('[]')}]")
    return Access(frozenset(names), token, any_address=options.host in ("0.0.0.0", "::"))  # noqa: S104  a comparison


def serve(path: Path, open_reader: OpenReader, options: ServeOptions, told: Callable[[str], None]) -> None:
    """Serve a run until it is stopped.

    Args:
        path: The run folder, or the folder of all runs, whose newest is then served.
        open_reader: Opens a reader on its files.
        options: How.
        told: Called with the address as soon as it answers.

    Raises:
        MissingExtraError: The extra `dashboard` is not installed.
        SourceError: There is no such run.
        RegularsError: The address cannot be listened on.
    """
    if missing_extras(["dashboard"]):
        raise MissingExtraError("dashboard", wanted_by="`regulars serve`")
    import uvicorn

    from regulars.present.dashboard.app import make_app
    from regulars.present.dashboard.saved_run import open_run

    if not (path / "run.json").is_file():
        path = latest_run(path) or path
    access = access_of(options)
    listening = _listen(options.host, options.port)
    run = open_run(path, open_reader, mask_ids=options.mask_ids)
    try:
        app = make_app(run, access, max_rows=options.max_rows)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, date_header=False, lifespan="off",
            limit_concurrency=_MOST_AT_ONCE, timeout_keep_alive=15,
        )  # fmt: skip
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        told(f"http://{shown}:{port}/" + (f"?token={access.token}" if access.token else ""))
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        listening.close()
        run.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(_MOST_AT_ONCE)  # from here on nobody is turned away, though answers come a little later
    except OSError as problem:
        listening.close()
        raise RegularsError(
            f"{host}:{port} cannot be listened on: {problem.strerror or problem}",
            mend="choose another --port or --host",
        ) from problem
    return listening
