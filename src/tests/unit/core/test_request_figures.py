"""What a request is counted as: by the template of its route, never by what somebody made up."""

import asyncio

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import ResolverMatch

from core.observability import metrics
from core.observability.metrics import requests
from core.observability.metrics.requests import measured, route_of
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
    monkeypatch.setattr(metrics, "_on", True)
    monkeypatch.setattr(requests, "_in_flight", 0)
    return notebook


def answering(response):
    def answer(request):
        request.resolver_match = ResolverMatch(lambda: None, (), {"pk": 7}, route="api/users/<int:pk>/")
        return response

    return answer


def test_a_request_is_told_with_its_template_status_sizes_and_duration(rf, notes):
    measured(answering(HttpResponse(b"x" * 70, status=201)))(rf.post("/api/users/7/", b"y" * 30, "text/plain"))
    seconds, labels = notes.seen["http.request_seconds"]
    assert labels == {"method": "POST", "route": "api/users/<int:pk>/", "status": "2xx"}
    assert 0 <= seconds < 60
    assert notes.seen["http.request_bytes"] == (30, {"method": "POST", "route": "api/users/<int:pk>/"})
    assert notes.seen["http.response_bytes"][0] == 70
    assert notes.levels == [1, 0]


def test_a_streamed_answer_has_no_size(rf, notes):
    measured(answering(StreamingHttpResponse([b"x"])))(rf.get("/"))
    assert "http.response_bytes" not in notes.seen


async def test_a_client_that_has_gone_is_counted_and_not_in_flight_any_more(rf, notes):
    async def never(request):
        await asyncio.Event().wait()

    answering_never = asyncio.create_task(measured(never)(rf.get("/slow/")))
    await asyncio.sleep(0.01)
    assert notes.levels == [1]
    answering_never.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering_never
    assert notes.seen["http.request_seconds"][1] == {"method": "GET", "route": "none", "status": "4xx"}
    assert notes.levels == [1, 0]


@pytest.mark.parametrize(
    ("path", "route"),
    [("/livez", "/livez"), ("/metrics", "/metrics"), ("/livez/", "none"), ("/wp-login.php", "none"), ("/", "none")],
)
def test_what_no_route_takes_is_counted_as_one(rf, path, route):
    assert route_of(rf.get(path)) == route


@pytest.mark.parametrize(
    ("method", "label"), [("GET", "GET"), ("PROPFIND", "other"), ("get", "other"), ("X" * 999, "other")]
)
def test_a_made_up_method_is_counted_as_other(rf, notes, method, label):
    request = rf.get("/")
    request.method = method
    measured(answering(HttpResponse()))(request)
    assert notes.seen["http.request_seconds"][1]["method"] == label


@pytest.mark.parametrize("announced", ["", "many", "-1", "²", "9" * 5000])
def test_a_nonsensical_length_is_none(rf, notes, announced):
    request = rf.get("/")
    request.META["CONTENT_LENGTH"] = announced
    measured(answering(HttpResponse()))(request)
    assert notes.seen["http.request_bytes"][0] == 0


def test_without_metrics_there_is_no_middleware(monkeypatch):
    monkeypatch.setattr(metrics, "_on", False)
    view = answering(HttpResponse())
    assert measured(view) is view


def test_without_metrics_there_is_no_page_for_them(client, monkeypatch, settings):
    monkeypatch.setattr(metrics, "_on", False)
    settings.DEBUG = True
    assert client.get("/metrics").status_code == 404


def test_without_a_token_the_web_server_has_no_metrics_unless_debug(client, monkeypatch, settings):
    monkeypatch.setattr(metrics, "_on", True)
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
