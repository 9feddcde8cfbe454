"""The REST API's framework. Tokens are opaque, hashed in the database, expiring and revocable."""

from datetime import timedelta

from core.settings.accounts import AUTH_TOKEN_SECONDS

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "core.errors.problem_response",
    "DEFAULT_SCHEMA_CLASS": "core.openapi.operation.OperationSchema",
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {
    "TOKEN_TTL": timedelta(seconds=AUTH_TOKEN_SECONDS),
    "AUTO_REFRESH": False,
    "AUTH_HEADER_PREFIX": "Bearer",
}
# Bodies over this are answered with 413 before they are read, see core.body_limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 * 2**20
