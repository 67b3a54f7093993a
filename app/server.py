"""The web server: Streamlit's pages, our own routes and the guard before both, in this process.

Nothing here makes an outgoing request, and Streamlit is told to make none: no usage figures, no file
watcher, no look-up of this machine's outside address.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp
from streamlit import config as streamlit_config

from app import routes, state
from app.guards import Guard, content_security_policy, hosts_for
from app.theme import streamlit_options
from app.widgets import GO_SCRIPT, SLASH_SCRIPT
from storage.errors import Refused

if TYPE_CHECKING:
    from app.wiring import Services

_MAIN = Path(__file__).parent / "main.py"
_GRACE_S = 5
_ROOM_FOR_TOO_LARGE = 5
"""How many times the limit the browser may send, so that the page can name a file that is too large."""


def reserve(address: str, port: int) -> socket.socket:
    """Take the address before any long work: nobody is answered there until `serve`.

    Raises:
        Refused: it is taken, or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address, port))
    except OSError as error:
        taken.close()
        raise Refused(
            f"{address}:{port} cannot be used ({error.strerror}); choose another with MUNIMENT_PORT"
        ) from error
    return taken


def serve(services: Services, listener: socket.socket, *, address: str, port: int) -> None:
    """Serve the pages on a reserved socket until the process is told to stop."""
    server = uvicorn.Server(
        uvicorn.Config(
            build(services, address=address),
            host=address,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            # A client could otherwise write its own address into the audit log.
            proxy_headers=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    server.run(sockets=[listener])


def build(services: Services, *, address: str = "127.0.0.1") -> ASGIApp:
    """The whole web application over the services; the pages of this process use the same ones."""
    state.install(services)
    configure_streamlit(max_upload_mb=_ROOM_FOR_TOO_LARGE * services.settings.max_file_mb)
    guard = Middleware(
        Guard,
        hosts=hosts_for(address),
        policy=content_security_policy([GO_SCRIPT, SLASH_SCRIPT]),
        signed_in=lambda token: services.accounts.actor_for(token) is not None,
    )
    return st.App(_MAIN, routes=routes.routes(services), middleware=[guard])


def configure_streamlit(*, max_upload_mb: int) -> None:
    """Set every option of Streamlit that matters here; files and environment cannot override them."""
    options: dict[str, Any] = {
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "client.toolbarMode": "minimal",
        "client.allowedOrigins": [],
        "client.showSidebarNavigation": False,
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        "secrets.files": [],
        "server.enableAgentApi": False,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "strict",
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.maxUploadSize": max_upload_mb,
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        **streamlit_options(),
    }
    streamlit_config.get_config_options(force_reparse=True, options_from_flags=options)
    # Streamlit prints a script's error with its message, which may hold a document's words.
    _quiet(("streamlit.error_util", "streamlit.runtime.scriptrunner.exec_code"))


def _quiet(names: Sequence[str]) -> None:
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
