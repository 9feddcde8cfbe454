"""A Sentry that takes whatever it is sent."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def sentry_double() -> Iterator[tuple[str, list[str]]]:
    """Its DSN, and the envelopes as text."""
    envelopes: list[str] = []

    class Ingest(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                raw = gzip.decompress(raw)
            envelopes.append(raw.decode(errors="replace"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ingest)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://key@127.0.0.1:{server.server_port}/1", envelopes
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
