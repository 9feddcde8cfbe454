"""Static files in production: found under hashed names, never a path outside the folder, Django for everything else."""

import importlib
from typing import cast

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.management import call_command
from django.templatetags.static import static
from django.test import RequestFactory, override_settings
from structlog.testing import capture_logs

from core.static_files import DevelopmentHandler, HashedStorage, white_noise, with_static_files


async def django(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"x-from", b"django")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All files, collected once, for that takes three seconds."""
    collected = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=collected):
        call_command("collectstatic", interactive=False, verbosity=0)
    return collected


@pytest.fixture
def collected(settings, folder):
    settings.STATIC_ROOT = folder
    return folder


async def answer(path: str, *, method: str = "GET", headers=()) -> tuple[int, dict[str, str], bytes]:
    scope = {"type": "http", "path": path, "method": method, "headers": list(headers)}
    return await answer_of(with_static_files(django), scope)


async def answer_of(application, scope) -> tuple[int, dict[str, str], bytes]:
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "http.request", "body": b""})
    start = await communicator.receive_output()
    body, more = b"", True
    while more:
        message = await communicator.receive_output()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body


async def test_a_hashed_file_is_served_compressed_and_cached_for_ever(collected):
    url = HashedStorage(location=collected).url("admin/css/base.css")
    assert url != "/static/admin/css/base.css"
    status, headers, body = await answer(url, headers=[(b"accept-encoding", b"gzip")])
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert "immutable" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"
    assert len(body) == int(headers["content-length"])


async def test_a_head_request_gets_no_body_and_a_post_is_refused(collected):
    status, _, body = await answer("/static/admin/css/base.css", method="HEAD")
    assert (status, body) == (200, b"")
    assert (await answer("/static/admin/css/base.css", method="POST"))[0] == 405


@pytest.mark.parametrize(
    "path", ["/api/users/", "/static/nothing.css", "/static/../pyproject.toml", "/static/%2e%2e/manage.py", "/static/"]
)
async def test_everything_else_is_djangos(collected, path):
    status, headers, _ = await answer(path)
    assert (status, headers["x-from"]) == (404, "django")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/admin/css/base.css", 200), ("/static/nothing.css", 404), ("/static/", 404), ("/static/..", 404),
        ("/static/../", 404), ("/static/../../manage.py", 404), ("/static//etc/passwd", 404), ("/static/\0", 404),
        (f"/static/{'x' * 5000}", 404),
    ],
)  # fmt: skip
def test_in_development_a_path_that_leads_nowhere_or_outside_is_not_found(settings, path, status):
    settings.DEBUG = True
    request = RequestFactory().get("/")
    request.path = path
    response = DevelopmentHandler(cast("ASGIHandler", django)).get_response(request)
    assert response.status_code == status
    response.close()


async def test_without_collected_files_everything_is_djangos(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "nowhere"
    assert (await answer("/static/admin/css/base.css"))[1]["x-from"] == "django"


@pytest.fixture
def application(collected, settings, monkeypatch):
    """The server's, as it is when the files were there at its start."""
    # core.asgi sets it if it is not set, and all that later tests start would have a pool.
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")
    asgi = importlib.import_module("core.asgi")
    yield importlib.reload(asgi).application
    settings.STATIC_ROOT = collected / "nowhere"
    importlib.reload(asgi)


async def test_a_file_has_its_access_line_under_one_route_for_all_files(application):
    scope = {"type": "http", "path": "/static/admin/css/base.css", "method": "GET", "headers": []}
    with capture_logs() as lines:
        _, _, body = await answer_of(application, scope)
    (line,) = [line for line in lines if line["event"] == "request_finished"]
    assert (line["route"], line["status"], line["response_bytes"]) == ("static/<path:path>", 200, len(body))


def test_before_anything_was_collected_names_are_plain(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "nowhere"
    assert static("admin/css/base.css") == "/static/admin/css/base.css"


def test_the_wsgi_application_serves_them_as_well(collected):
    answered = []
    environ = {"PATH_INFO": "/static/admin/css/base.css", "REQUEST_METHOD": "GET"}
    body = white_noise(lambda *_: [])(environ, lambda status, headers: answered.append(status))
    assert answered == ["200 OK"]
    body.close()
