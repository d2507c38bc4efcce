"""Who may ask, and what a browser may do with the answer.

Only reading is allowed. The name in the request must be one of ours, which stops a foreign page from reaching the
server through a name of its own. Beyond this machine a token is demanded. No script or style runs but our files.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "regulars_token"
LONGEST_QUERY = 16_000
LONGEST_PATH = 1_000
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Args:
        names: Names and addresses by which the server may be called.
        token: What must be shown, or "" where everybody on this machine may ask.
        any_address: Whether any address in figures may be called, because the server listens on all of them.
    """

    names: frozenset[str]
    token: str = ""
    any_address: bool = False

    def knows(self, host: str) -> bool:
        """Whether the name in a request is one of ours.

        >>> Access(frozenset({"localhost"})).knows("localhost:8000"), Access(frozenset()).knows("evil.example")
        (True, False)
        """
        name = _without_port(host).lower()
        return name in self.names or (self.any_address and is_address(name))


def is_address(name: str) -> bool:
    """Whether a name is an address in figures.

    >>> is_address("192.168.1.7"), is_address("example.com")
    (True, False)
    """
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    return is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


class Guard:
    """Stands before the application: turns away what may not ask, and sends the headers with every answer.

    Args:
        app: The application.
        access: Who may ask.
        plain: Makes the answer to one who is turned away: status and sentence in, application out.
    """

    def __init__(self, app: App, access: Access, plain: Callable[[int, str], App]) -> None:
        self._app = app
        self._access = access
        self._plain = plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given),
                    *([] if b"cache-control" in given else [(b"cache-control", b"no-store")]),
                ]
            await send(message)

        await self._answer(scope, headers)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope, headers: dict[str, str]) -> App:
        """The application, or what is said to one who is turned away."""
        if scope["method"] not in ("GET", "HEAD"):
            return self._plain(405, "This dashboard only shows; nothing can be changed through it.")
        if len(scope["query_string"]) > LONGEST_QUERY or len(scope["path"]) > LONGEST_PATH:
            return self._plain(414, "The address is longer than any page of this dashboard writes.")
        if not self._access.knows(headers.get("host", "")):
            return self._plain(421, "This dashboard does not answer to that name. Call it by the address it was given.")
        if not self._access.token:
            return self._app
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in pairs if name == "token"), None)
        if given is not None and self._is_token(given):
            rest = urlencode([pair for pair in pairs if pair[0] != "token"])
            return _redirect_with_cookie(f"/{scope['path'].lstrip('/')}" + (f"?{rest}" if rest else ""), given)
        bearer = headers.get("authorization", "")
        shown = bearer[7:] if bearer.lower().startswith("bearer ") else _cookie(headers.get("cookie", ""))
        if self._is_token(shown):
            return self._app
        return self._plain(401, "A token is needed. Open the address that was printed when the dashboard started.")

    def _is_token(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(), self._access.token.encode())


def _cookie(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _redirect_with_cookie(place: str, token: str) -> App:
    """Remembers the token, so that it stands in no further address."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"location", place.encode("utf-8", "replace")),
            (b"set-cookie", f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/".encode()),
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return answer
