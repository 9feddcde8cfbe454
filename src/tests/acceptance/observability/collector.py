"""Doubles of the vendors' servers: an OTLP/HTTP collector and a Sentry, which keep whatever they are sent."""

import gzip
import json
import threading
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """One exported span, its ids in hexadecimal."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    links: list[str]
    attributes: dict[str, Any]
    events: dict[str, dict[str, Any]]
    is_error: bool
    resource: dict[str, Any]
    started: int


class _Server:
    """Listens on a port of its own until it is closed."""

    def __init__(self) -> None:
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                match self.headers.get("Content-Encoding"):
                    case "gzip":
                        raw = gzip.decompress(raw)
                    case "deflate":
                        raw = zlib.decompress(raw)
                received(self.path, raw)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.port = self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _received(self, path: str, body: bytes) -> None:
        raise NotImplementedError


class Collector(_Server):
    """Takes traces as OpenTelemetry's collector does."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        super().__init__()
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        return sorted((span for span in list(self.spans) if span.trace_id == trace_id), key=lambda span: span.started)

    def linked_to(self, trace_id: str) -> list[ReceivedSpan]:
        return [span for span in list(self.spans) if trace_id in span.links]

    def _received(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces", path
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            described = _attributes(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans.extend(_span(each, described) for each in scope.spans)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One item of an envelope that Sentry was sent."""

    kind: str
    content: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """What the issue would be called."""
        if logged := self.content.get("logentry", {}).get("formatted"):
            return str(logged)
        return str(self.content["exception"]["values"][-1]["type"])


class Sentry(_Server):
    """Takes envelopes as Sentry does."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.bodies: list[str] = []
        super().__init__()
        self.dsn = f"http://public-key@127.0.0.1:{self.port}/1"

    def errors(self, title: str = "") -> list[Report]:
        return [each for each in list(self.reports) if each.kind == "event" and title in {"", each.title}]

    def transactions(self) -> list[Report]:
        return [each for each in list(self.reports) if each.kind == "transaction"]

    def _received(self, path: str, body: bytes) -> None:
        assert path == "/api/1/envelope/", path
        self.bodies.append(body.decode())
        _envelope, *lines = body.splitlines()
        for header, content in zip(lines[::2], lines[1::2], strict=True):
            kind = json.loads(header)["type"]
            if kind in {"event", "transaction"}:
                self.reports.append(Report(kind=kind, content=json.loads(content)))


def _span(sent: Any, resource: dict[str, Any]) -> ReceivedSpan:
    return ReceivedSpan(
        name=sent.name,
        kind=sent.kind,
        trace_id=sent.trace_id.hex(),
        span_id=sent.span_id.hex(),
        parent_id=sent.parent_span_id.hex(),
        links=[link.trace_id.hex() for link in sent.links],
        attributes=_attributes(sent.attributes),
        events={event.name: _attributes(event.attributes) for event in sent.events},
        is_error=sent.status.code == sent.status.STATUS_CODE_ERROR,
        resource=resource,
        started=sent.start_time_unix_nano,
    )


def _attributes(sent: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in sent}
