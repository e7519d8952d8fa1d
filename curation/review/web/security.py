"""Who may talk to the page: only a browser on this machine that has opened the printed address.

The address carries a token, which is exchanged for a cookie that scripts cannot read and that other sites
cannot make a browser send. The Host header is checked, so that a foreign name that leads here is of no use,
and so is the origin of whatever changes something. What goes wrong is told in one line that holds nothing of
a record.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from curation.decisions import Role
from curation.errors import place
from curation.lang import Lang

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Go with every response."""

READING = ("GET", "HEAD")
"""Methods that change nothing."""


@dataclass
class Session:
    """A browser that has shown the token, and who sits at it; `role` is None before they have said."""

    lang: Lang
    name: str = ""
    role: Role | None = None


@dataclass
class Gate:
    """Stands before the page and lets through what may pass, with its `Session` in the request's state.

    Attributes:
        app: the page.
        port: where it is served.
        lang: language of a new session.
        token: what the printed address carries.
    """

    app: App
    port: int
    lang: Lang
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _sessions: dict[str, Session] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers do not tell ports apart, so two runs need two."""
        return f"govtune_review_{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *_encoded(HEADERS.items())]
            await send(message)

        try:
            await self._serve(scope, receive, sending)
        except Exception as error:  # its message may hold a record's text
            print(f"govtune: internal error: {place(error)}", file=sys.stderr)
            if not started:
                await _answer(sending, 500, "internal error; the terminal says where")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") not in self._hosts:
            await _answer(send, 403, "refused: not the host name that the terminal shows")
        elif scope["method"] not in READING and not self._is_own(headers):
            await _answer(send, 403, "refused: the request comes from another site")
        elif scope["path"] == "/" and self._is_token(scope["query_string"]):
            await self._let_in(send)
        elif (session := self._sessions.get(self._cookie(headers))) is None:
            await _answer(
                send, 403, "请打开终端里显示的完整地址。 Open the whole address that the terminal shows."
            )
        else:
            scope.setdefault("state", {})["session"] = session
            await self.app(scope, receive, send)

    @property
    def _hosts(self) -> tuple[str, str]:
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def _is_own(self, headers: dict[str, str]) -> bool:
        """The request comes from the page itself. A browser says so in Sec-Fetch-Site, which no page can
        forge; the referrer policy makes it send the origin `null` with a form."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in ("same-origin", "none"):
            return False
        if origin == "null":
            return site is not None
        return origin is None or origin == f"http://{headers['host']}"

    def _is_token(self, query: bytes) -> bool:
        given = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        return secrets.compare_digest(given.encode(), self.token.encode())

    async def _let_in(self, send: Send) -> None:
        """A cookie for the token, and on to the address without it, which may stay in the history."""
        number = secrets.token_urlsafe(32)
        self._sessions[number] = Session(self.lang)
        cookie = f"{self.cookie}={number}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", {"Location": "/", "Set-Cookie": cookie})

    def _cookie(self, headers: dict[str, str]) -> str:
        # Other programs on this machine set cookies, too, and http.cookies gives up at an odd one.
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        return next((value for name, _, value in pairs if name == self.cookie), "")


async def _answer(send: Send, status: int, line: str, headers: dict[str, str] | None = None) -> None:
    body = (line + "\n").encode()
    said = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body)), **(headers or {})}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(said.items())})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers]
