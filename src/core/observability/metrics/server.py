"""/metrics on a port of its own: for workers, which serve nothing else, and for networks that keep it inside.

Several processes of a host may listen on the same port (SO_REUSEPORT): whichever the kernel chooses answers for all,
and when one dies, the others go on.
"""

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from core.observability.metrics.exposition import exposition, may_ask

log = structlog.get_logger(__name__)


class _Server(ThreadingHTTPServer):
    allow_reuse_port = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line what would be a traceback on standard error: mostly a scraper that has gone."""
        del request
        log.warning("scrape_broken_off", client=client_address[0], reason=repr(sys.exception()))


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "die-hard", ""
    timeout = 10  # seconds that a silent client may hold a thread

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, b"", "text/plain")
        elif not may_ask(self.headers.get("Authorization", "")):
            self._answer(HTTPStatus.UNAUTHORIZED, b"", "text/plain")
        else:
            self._expose()

    def _expose(self) -> None:
        try:
            answer = exposition(accept=self.headers.get("Accept", ""))
        except Exception:
            log.exception("scrape_failed")
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"", "text/plain")
        else:
            self._answer(HTTPStatus.OK, *answer)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing: a scrape every few seconds is no news."""


def start(*, host: str, port: int) -> ThreadingHTTPServer | None:
    """Serve in a thread until the process ends. A port that is taken is said, and costs nothing but the metrics."""
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        log.error("metrics_port_unavailable", host=host, port=port, reason=str(error))  # noqa: TRY400 -- the reason is all
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    log.info("metrics_served", host=host, port=server.server_address[1])
    return server
