"""What every request passes before Streamlit or our own routes see it.

- Another site's page can neither call us nor open our socket, and a name that is not ours is not served
  (a foreign page could otherwise point its own name at this machine).
- Streamlit's upload and media addresses know no person; here they ask for a session.
- Every reply carries the headers that keep pages to themselves: nothing loads from anywhere else.

These are plain ASGI wrappers, because they must also stand before the socket.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION_COOKIE = "muniment_session"

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_SIGNED_IN_ONLY = ("/_stcore/upload_file/", "/media/")
_CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check", "/auth/", "/oauth2callback")
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Guard:
    """Refuses what is not ours to answer, and sets the headers of what is."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str] | None,
        policy: str,
        signed_in: Callable[[str | None], bool],
    ) -> None:
        """Stand before `app`.

        Args:
            app: What answers the requests that pass.
            hosts: Names that requests may be addressed to; None accepts every name.
            policy: The Content-Security-Policy.
            signed_in: Whether a session token belongs to somebody now; asked in a worker thread.
        """
        self._app = app
        self._hosts = hosts
        self._policy = policy
        self._signed_in = signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            status, words = refusal
            response = PlainTextResponse(f"{words}\n", status_code=status)
            await response(scope, receive, self._with_headers(scope, send))

    async def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and host_name(host) not in self._hosts:
            return 421, "This address is not served here."
        origin = headers.get("origin")
        # Checked before Streamlit does, which would ask an outside service for this machine's address.
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "Requests from other sites are refused."
        path: str = scope["path"]
        if path.startswith(_CLOSED):
            return 404, "Not found."
        if path.startswith(_SIGNED_IN_ONLY):
            token = cookie_of(headers.get("cookie"))
            if not await run_in_threadpool(self._signed_in, token):
                return 401, "Sign in first."
        return None

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                if scope["path"].startswith("/media/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return sending


def cookie_of(header: str | None) -> str | None:
    """The session token in a Cookie header, if there is one."""
    if not header:
        return None
    try:
        found = SimpleCookie(header).get(SESSION_COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def host_name(host: str) -> str:
    """The name in a Host header, without its port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def hosts_for(address: str) -> frozenset[str] | None:
    """Names that a server bound to `address` answers to; None (any name) when other machines may reach it."""
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = address == "localhost"
    return frozenset({*_LOCAL_NAMES, address}) if loopback else None


def content_security_policy(own_scripts: Iterable[str]) -> str:
    """A policy under which pages load from this server alone and run no inline script but the ones named.

    Streamlit writes its styles into the page, so inline styles stay allowed; scripts are let in by hash.
    """
    shell = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    inline = [*_INLINE_SCRIPT.findall(shell), *own_scripts]
    hashes = " ".join(f"'sha256-{_sha256_base64(script)}'" for script in inline)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _sha256_base64(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
