"""What a request is counted as: by the template of its route, never by what somebody made up."""

import pytest
from structlog.testing import capture_logs

from core import access
from core.access import with_access_log
from core.observability import metrics
from core.observability.metrics import requests
from kit import measure


class Notebook:
    def __init__(self):
        self.seen = {}
        self.levels = []

    def observe(self, name, value, labels):
        self.seen[name] = (value, labels)

    def gauge(self, name, value, labels):
        self.levels.append(value)


@pytest.fixture
def notes(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr(measure, "_meters", [notebook])
    monkeypatch.setattr(requests, "_in_flight", 0)
    return notebook


async def ask(application, *, method: str = "POST", path: str = "/api/users/7/") -> None:
    scope = {"type": "http", "method": method, "path": path, "headers": []}

    async def receive():
        return {"type": "http.request", "body": b"y" * 30}

    async def send(message):
        pass

    await with_access_log(application)(scope, receive, send)


async def test_a_request_is_told_with_its_template_status_sizes_and_duration(notes):
    async def answer(scope, receive, send):
        await receive()
        assert notes.levels == [1]
        scope["die_hard.exchange"].route = "api/users/<int:pk>/"
        await send({"type": "http.response.start", "status": 201})
        await send({"type": "http.response.body", "body": b"x" * 50, "more_body": True})
        await send({"type": "http.response.body", "body": b"x" * 20})

    await ask(answer)
    where = {"method": "POST", "route": "api/users/<int:pk>/"}
    seconds, labels = notes.seen["http.request_seconds"]
    assert labels == {**where, "status": "2xx"}
    assert 0 <= seconds < 60
    assert notes.seen["http.request_bytes"] == (30, where)
    assert notes.seen["http.response_bytes"] == (70, where)
    assert notes.levels == [1, 0]


async def test_what_breaks_is_counted_and_not_in_flight_any_more(notes):
    async def break_off(scope, receive, send):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await ask(break_off, path="/slow/")
    assert notes.seen["http.request_seconds"][1] == {"method": "POST", "route": "none", "status": "5xx"}
    assert notes.levels == [1, 0]


async def test_an_answer_that_breaks_off_is_a_failure_however_well_it_began(notes):
    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise ArithmeticError

    with capture_logs() as lines, pytest.raises(ArithmeticError):
        await ask(stream)
    assert notes.seen["http.request_seconds"][1]["status"] == "5xx"
    (line,) = [line for line in lines if line["event"] == "request_finished"]
    assert (line["status"], line["broken_off"]) == (200, True)


async def test_who_does_not_wait_for_the_end_of_an_answer_is_no_failure_of_ours(notes):
    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        scope["die_hard.exchange"].is_disconnected = True

    await ask(stream)
    assert notes.seen["http.request_seconds"][1]["status"] == "2xx"


async def test_who_has_gone_before_the_answer_is_no_failure_of_ours(notes):
    async def wait(scope, receive, send):
        await receive()
        scope["die_hard.exchange"].is_disconnected = True

    await ask(wait)
    assert notes.seen["http.request_seconds"][1]["status"] == "4xx"


async def test_a_span_that_cannot_be_opened_leaves_nothing_in_flight(notes, monkeypatch):
    def broken(name, **_):
        raise ArithmeticError(name)

    monkeypatch.setattr(access, "span", broken)
    with pytest.raises(ArithmeticError):
        await ask(None)
    assert notes.levels in ([], [1, 0])


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_are_counted_under_their_own_names(notes, path):
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    await ask(answer, method="GET", path=path)
    assert notes.seen["http.request_seconds"][1] == {"method": "GET", "route": path, "status": "2xx"}


@pytest.mark.parametrize(
    ("method", "label"), [("GET", "GET"), ("PROPFIND", "other"), ("get", "other"), ("X" * 999, "other")]
)
def test_a_made_up_method_is_counted_as_other(notes, method, label):
    requests.ended(
        method=method, route="none", status=200, is_disconnected=False, seconds=0.1, request_bytes=0, response_bytes=0
    )
    assert notes.seen["http.request_seconds"][1]["method"] == label


def test_without_metrics_there_is_no_page_for_them(client, monkeypatch, settings):
    monkeypatch.setattr(metrics, "_on", False)
    settings.DEBUG = True
    assert client.get("/metrics").status_code == 404


def test_without_a_token_the_web_server_has_no_metrics_unless_debug(client, monkeypatch, settings):
    monkeypatch.setattr(metrics, "_on", True)
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
