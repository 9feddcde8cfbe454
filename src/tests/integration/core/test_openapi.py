"""The OpenAPI document: sound, complete, kept in docs/openapi.yaml, and served."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.urls import get_resolver

from core.openapi.views import document

ROOT = Path(__file__).resolve().parents[4]
OPENAPI = json.loads(document("json"))
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def resolved(node):
    while "$ref" in node:
        kind, name = node["$ref"].removeprefix("#/components/").split("/")
        node = OPENAPI["components"][kind][name]
    return node


def contents(operation):
    """Every body that the operation takes or answers."""
    for holder in [operation.get("requestBody", {}), *operation["responses"].values()]:
        yield from resolved(holder).get("content", {}).values()


def test_the_document_is_valid_and_made_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", tmp_path / "openapi.yaml")
    assert (tmp_path / "openapi.yaml").read_bytes() == document("yaml")


def test_the_committed_document_is_that_of_the_views():
    committed = (ROOT / "docs" / "openapi.yaml").read_bytes()
    assert committed == document("yaml"), "docs/openapi.yaml is out of date: run `make schema` and look at the diff"


def test_every_address_of_the_api_is_in_it():
    routes = {f"/{pattern}" for pattern in _routes(get_resolver().url_patterns) if pattern.startswith("api/")}
    assert {_as_template(route) for route in routes} - {"/api/docs/"} <= OPENAPI["paths"].keys()


@every_operation
def test_an_operation_has_a_name_a_summary_and_an_answer_that_is_good(operation):
    assert operation["operationId"]
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["tags"][0] in {tag["name"] for tag in OPENAPI["tags"]}
    assert [status for status in operation["responses"] if status.startswith("2")]


@every_operation
def test_every_error_is_a_problem_with_an_example(operation):
    errors = {status: resolved(each) for status, each in operation["responses"].items() if status >= "400"}
    assert {"400", "500"} <= errors.keys() or operation["tags"] == ["health"]
    for status, error in errors.items():
        (content,) = error["content"].items()
        assert content[0] == "application/problem+json"
        assert {example["value"]["status"] for example in content[1]["examples"].values()} == {int(status)}


@every_operation
def test_every_answer_says_its_request_id(operation):
    without = [
        status for status, each in operation["responses"].items() if "X-Request-ID" not in resolved(each)["headers"]
    ]
    assert set(without) <= {"413"}  # that is answered before the request has one


@every_operation
def test_who_must_be_somebody_may_be_refused(operation):
    assert ("security" in operation) <= ("401" in operation["responses"])


@every_operation
def test_examples_are_what_the_schemas_say(operation):
    for content in contents(operation):
        schema = {**content["schema"], "components": OPENAPI["components"]}
        examples = [each["value"] for each in content.get("examples", {}).values()]
        for example in examples or [content[key] for key in ("example",) if key in content]:
            jsonschema.validate(example, schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@every_operation
def test_what_people_send_and_get_has_an_example(operation):
    holders = [
        operation.get("requestBody", {}),
        *(each for status, each in operation["responses"].items() if status < "300"),
    ]
    for holder in holders:
        for content in resolved(holder).get("content", {}).values():
            is_this_document = content["schema"] == {"type": "object", "additionalProperties": {}}
            assert "examples" in content or "example" in content or is_this_document


def test_links_lead_to_operations():
    names = {operation["operationId"] for operation in OPERATIONS.values()}
    links = [
        link
        for operation in OPERATIONS.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert links
    assert {link["operationId"] for link in links} <= names


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("operation", "status", "name", "request_"),
    [
        ("POST /api/users/", 400, "InvalidInput", {"data": "{}"}),
        ("POST /api/auth/login/", 415, "UnsupportedMediaType", {"content_type": "text/plain", "data": "email: ada"}),
        ("GET /api/users/me/", 401, "Unauthorized", {}),
        ("GET /api/users/me/", 406, "NotAcceptable", {"headers": {"Accept": "text/csv"}}),
    ],
)
def test_an_error_is_answered_as_its_example_says(client, operation, status, name, request_):
    documented = resolved(OPERATIONS[operation]["responses"][str(status)])
    example = documented["content"]["application/problem+json"]["examples"][name]["value"]
    method, path = operation.split()
    headers = {"Host": "localhost", "X-Request-ID": example["request_id"], **request_.pop("headers", {})}
    sent = {"data": "", "content_type": "application/json", **request_}
    answer = client.generic(method, path, headers=headers, **sent)
    assert answer.status_code == status
    assert answer.json() == {**example, "instance": path}
    assert documented["headers"].keys() <= set(answer.headers)


@pytest.mark.parametrize("path", ["/api/users/me/", "/api/schema/"])
def test_what_comes_in_clear_is_answered_as_its_example_says(client, settings, path):
    settings.HTTPS_ONLY = True
    documented = resolved(OPERATIONS[f"GET {path}"]["responses"]["403"])
    example = documented["content"]["application/problem+json"]["examples"]["HttpsRequired"]["value"]
    answer = client.get(path, headers={"Host": "localhost", "X-Request-ID": example["request_id"]})
    assert answer.status_code == 403
    assert answer.json() == {**example, "instance": path}


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("", "*/*", "application/json"),
        ("", "application/yaml", "application/yaml"),
        ("?format=yaml", "*/*", "application/yaml"),
        ("?format=json", "text/html,*/*;q=0.8", "application/json"),
    ],
)
def test_it_is_served_as_json_and_as_yaml(client, query, accept, content_type):
    response = client.get(f"/api/schema/{query}", headers={"Accept": accept, "Host": "localhost"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == content_type
    assert yaml.safe_load(response.content) == OPENAPI


@pytest.mark.parametrize(("query", "accept", "status"), [("?format=xml", "*/*", 400), ("", "text/csv", 406)])
def test_what_it_cannot_be_is_a_problem(client, query, accept, status):
    response = client.get(f"/api/schema/{query}", headers={"Accept": accept, "Host": "localhost"})
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"


def test_the_page_loads_only_what_is_here(client):
    page = client.get("/api/docs/", headers={"Host": "localhost"})
    assert page.status_code == 200
    text = page.content.decode()
    assert 'data-schema="/api/schema/"' in text
    assets = [part.split('"')[0] for part in text.replace('href="', 'src="').split('src="')[1:]]
    assert len(assets) == 6
    for asset in assets:
        assert asset.startswith("/"), f"{asset} comes from elsewhere"
        assert asset.startswith("/api/schema/") or finders.find(asset.removeprefix("/static/"))
    assert "<script>" not in text
    assert "<style" not in text
    assert "style=" not in text


def _routes(patterns, prefix=""):
    for each in patterns:
        route = prefix + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _routes(each.url_patterns, route)
        else:
            yield route


def _as_template(route: str) -> str:
    """<int:user_id> as OpenAPI writes it: {user_id}."""
    parts = (part.split(":")[-1].rstrip(">") if part.startswith("<") else part for part in route.split("/"))
    return "/".join(f"{{{part}}}" if f":{part}>" in route else part for part in parts)
