"""Errors become problems, whoever raised them."""

import json
from http import HTTPStatus

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions, serializers

from core.errors import problem_details, problem_response
from kit.api import AsyncAPIView
from kit.errors import DomainError


class OutOfStock(DomainError):
    """There is no {what} left."""


class Overlooked(DomainError):
    """Nobody gave this a status."""


class View(AsyncAPIView):
    refusals = {OutOfStock: HTTPStatus.CONFLICT}  # noqa: RUF012


def answer(error):
    view, request = View(), RequestFactory().get("/api/things/")
    view.setup(request)
    return problem_response(error, {"view": view, "request": request})


def document(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Content-Length"] == str(len(response.content))
    return json.loads(response.content)


def test_a_domain_error_has_the_status_its_view_gives_it():
    response = answer(OutOfStock(what="tea"))
    assert response.status_code == 409
    assert document(response) == {
        "type": "urn:problem:out-of-stock",
        "title": "Out of stock",
        "status": 409,
        "detail": "There is no tea left.",
        "instance": "/api/things/",
    }


@pytest.mark.parametrize("error", [Overlooked(), ValueError("secret"), KeyError("x")])
def test_what_nobody_foresaw_is_left_to_django(error):
    assert answer(error) is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Http404("secret"), 404),
        (PermissionDenied("secret"), 403),
        (exceptions.NotFound(), 404),
        (exceptions.MethodNotAllowed("PUT"), 405),
        (exceptions.NotAcceptable(), 406),
        (exceptions.UnsupportedMediaType("text/csv"), 415),
        (exceptions.ParseError("not JSON"), 400),
        (OperationalError("secret"), 503),
        (InterfaceError("secret"), 503),
    ],
)
def test_an_error_has_its_status_and_says_nothing_of_the_inside(error, status):
    body = document(answer(error))
    assert (body["status"], body["type"], body["title"]) == (status, "about:blank", HTTPStatus(status).phrase)
    assert body["detail"]
    assert "secret" not in json.dumps(body)


def test_headers_that_belong_to_an_error_are_kept():
    error = exceptions.NotAuthenticated()
    vars(error)["auth_header"] = "Bearer"  # REST framework's views do so
    assert answer(error).headers["WWW-Authenticate"] == "Bearer"
    assert answer(exceptions.Throttled(wait=3)).headers["Retry-After"] == "3"
    assert answer(OperationalError()).headers["Retry-After"] == "5"


class Line(serializers.Serializer):
    amount = serializers.IntegerField(min_value=1)
    code = serializers.CharField()
    message = serializers.CharField()


class Order(serializers.Serializer):
    address = Line()
    lines = Line(many=True)
    message = serializers.DictField(child=serializers.IntegerField())


def test_field_errors_are_flat_however_deep_they_are():
    good = {"amount": 1, "code": "x", "message": "y"}
    order = Order(data={"address": {**good, "amount": 0}, "lines": [good, {"amount": "x"}], "message": {"k": "v"}})
    with pytest.raises(exceptions.ValidationError) as caught:
        order.is_valid(raise_exception=True)
    errors = document(answer(caught.value))["errors"]
    assert {(error["field"], error["code"]) for error in errors} == {
        ("address.amount", "min_value"),
        ("lines.1.amount", "invalid"),
        ("lines.1.code", "required"),
        ("lines.1.message", "required"),
        ("message.k", "invalid"),
    }
    assert all(error["detail"] for error in errors)


def test_an_error_of_the_whole_has_no_field():
    errors = document(answer(exceptions.ValidationError("too late")))["errors"]
    assert errors == [{"field": "", "code": "invalid", "detail": "too late"}]


def through(response, path="/api/things/"):
    return problem_details(lambda _: response)(RequestFactory().get(path))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
def test_an_error_page_becomes_a_problem(status):
    page = HttpResponse("<h1>secret</h1>", status=status, headers={"Allow": "GET", "Content-Language": "en"})
    closers = vars(page)["_resource_closers"]
    closers.append(page.flush)
    response = through(page)
    assert document(response)["status"] == response.status_code == status
    assert response.headers["Allow"] == "GET"
    assert b"secret" not in response.content
    # Closing the page itself would tell Django that the request has finished.
    assert not page.closed
    assert vars(response)["_resource_closers"] == closers


@pytest.mark.parametrize("path", ["/admin/login/", "/static/x.css"])
def test_people_get_pages(path):
    page = HttpResponse("<h1>Not here</h1>", status=404)
    assert through(page, path) is page


@pytest.mark.parametrize("status", [200, 204, 302])
def test_answers_are_left_alone(status):
    page = HttpResponse(status=status)
    assert through(page) is page


@pytest.mark.asyncio
async def test_it_does_the_same_within_asgi():
    async def view(_):
        return HttpResponse("no", status=404)

    assert document(await problem_details(view)(RequestFactory().get("/x")))["status"] == 404
