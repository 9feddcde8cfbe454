"""What a handler says of itself is what it does."""

import json
from http import HTTPStatus

import pytest
from django.test import RequestFactory
from rest_framework import serializers
from rest_framework.response import Response

from kit.api import AsyncAPIView, operation, operation_of
from kit.errors import DomainError

pytestmark = pytest.mark.asyncio


class OutOfStock(DomainError):
    """There is none left."""


class CupSerializer(serializers.Serializer):
    size = serializers.IntegerField(min_value=1)


class CupsView(AsyncAPIView):
    authentication_classes = permission_classes = ()
    refusals = {OutOfStock: HTTPStatus.CONFLICT}  # noqa: RUF012

    @operation(takes=CupSerializer, answers=CupSerializer, status=HTTPStatus.CREATED, location="me")
    async def post(self, _request, cup):
        """Make a cup."""
        return cup

    @operation(takes=CupSerializer, answers=CupSerializer)
    async def get(self, _request, cup):
        """Look for a cup."""
        return cup

    @operation()
    async def delete(self, _request):
        """Break all cups."""

    @operation(answers=CupSerializer)
    async def put(self, _request):
        """Ask for the impossible."""
        raise OutOfStock


async def answer(method, address="/cups/", body=None):
    request = RequestFactory().generic(method, address, data=json.dumps(body), content_type="application/json")
    response = await CupsView.as_view()(request)
    return response.status_code, json.loads(response.content or "null"), response


async def test_what_it_takes_is_validated_and_what_it_returns_is_shown():
    status, data, response = await answer("POST", body={"size": "3", "more": 1})
    assert (status, data) == (201, {"size": 3})
    assert response.headers["Location"] == "/api/users/me/"


async def test_the_answer_is_rendered_so_that_django_needs_no_thread_for_it():
    _, _, response = await answer("POST", body={"size": "3"})
    assert not hasattr(response, "render")
    assert response.headers["Content-Type"] == "application/json"


async def test_what_a_view_has_put_on_its_answer_stays_on_it():
    closed = []

    class CookieView(AsyncAPIView):
        permission_classes = ()

        async def get(self, _request):
            response = Response({})
            response.set_cookie("size", "1")
            response._resource_closers.append(lambda: closed.append(True))  # type: ignore[attr-defined]
            return response

    answered = await CookieView.as_view()(RequestFactory().get("/cups/"))
    answered.close()
    assert (answered.cookies["size"].value, closed) == ("1", [True])


async def test_a_get_takes_its_query_and_so_does_a_head():
    assert (await answer("GET", "/cups/?size=2"))[:2] == (200, {"size": 2})
    assert (await answer("HEAD", "/cups/?size=2"))[0] == 200


@pytest.mark.parametrize(("method", "address"), [("POST", "/cups/"), ("GET", "/cups/?size=x")])
async def test_what_it_does_not_take_is_a_problem(method, address):
    status, problem, _ = await answer(method, address, {"size": 0})
    assert (status, problem["type"]) == (400, "urn:problem:invalid-input")


async def test_without_an_answer_it_is_empty():
    status, data, response = await answer("DELETE")
    assert (status, data) == (204, None)
    assert "Content-Type" not in response.headers


async def test_a_refusal_has_its_status():
    status, problem, _ = await answer("PUT")
    assert (status, problem["type"]) == (409, "urn:problem:out-of-stock")


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "BREW"])
async def test_a_method_that_there_is_not_is_405_whoever_asks(method):
    class PrivateView(CupsView):
        permission_classes = AsyncAPIView.permission_classes

    response = await PrivateView.as_view()(RequestFactory().generic(method, "/cups/"))
    assert response.status_code == 405


async def test_a_view_says_what_it_does_and_head_is_as_get():
    assert operation_of(CupsView(), "POST").takes is CupSerializer
    assert operation_of(CupsView(), "HEAD") is operation_of(CupsView(), "GET") is not None
    assert operation_of(CupsView(), "PATCH") is None
