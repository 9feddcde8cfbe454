"""Requests that nobody would write by hand, made by schemathesis from the OpenAPI document, against the real server."""
