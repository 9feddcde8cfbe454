"""The OpenAPI document at /api/schema/ and the page that shows it. What it says is made from the views."""

from typing import Any

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Die Hard",
    "DESCRIPTION": (
        "Accounts whose every action is an event: recorded in the transaction of the change, delivered once.\n\n"
        "JSON in UTF-8 both ways; times are ISO 8601. Every error is `application/problem+json` (RFC 9457): tell "
        "errors apart by `type`; where the status says it all, it is `about:blank`."
    ),
    "VERSION": "1",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "OAS_VERSION": "3.1.1",
    "TAGS": [
        {"name": "users", "description": "Accounts."},
        {"name": "auth", "description": "Signing in."},
        {"name": "events", "description": "Who did what, when."},
        {"name": "schema", "description": "This document."},
        {"name": "health", "description": "For those who run it."},
    ],
    "SCHEMA_PATH_PREFIX": "/api",
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "GET_MOCK_REQUEST": "core.openapi.operation.asked_for",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.openapi.probes.add_probes",
        "core.openapi.links.add_links",
    ],
}
