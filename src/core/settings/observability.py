"""Logs, error reports and traces. Sentry and OpenTelemetry cost nothing unless they are told where to report to."""

from core.settings import environment
from core.settings.application import ENVIRONMENT
from core.settings.environment import dsn, levels, ratio, text, url

LOG_LEVEL = text(
    "LOG_LEVEL",
    default="INFO",
    one_of=environment.LOG_LEVELS,
    purpose="least severity logged",
)
LOG_LEVELS = levels("LOG_LEVELS", purpose="other levels for some loggers, e.g. outbox=DEBUG,django.db=INFO")
LOG_FORMAT = text(
    "LOG_FORMAT", default="json", one_of=("console", "json"), purpose="console for people, json for machines"
)
LOGGING_CONFIG = None  # core.observability.logs configures logging, once, for every kind of process

SENTRY_CONFIG_DSN = dsn("SENTRY_CONFIG_DSN", default="", purpose="where errors are reported; empty: nowhere")
SENTRY_CONFIG_ENVIRONMENT = (
    text("SENTRY_CONFIG_ENVIRONMENT", default="", purpose="environment shown in Sentry; empty: ENVIRONMENT")
    or ENVIRONMENT
)
SENTRY_CONFIG_SAMPLE_RATE = ratio(
    "SENTRY_CONFIG_SAMPLE_RATE", default=1.0, purpose="share of the errors that are reported"
)
SENTRY_CONFIG_TRACES_SAMPLE_RATE = ratio(
    "SENTRY_CONFIG_TRACES_SAMPLE_RATE", default=0.0, purpose="share of requests and tasks whose trace goes to Sentry"
)
RELEASE = text("RELEASE", default="", purpose="what is running, e.g. what `git describe` says; in reports and traces")

# Only whether there is one is asked here. This and the other standard OTEL_* variables are read by the SDK itself.
OTEL_EXPORTER_OTLP_ENDPOINT = url(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    schemes=("http", "https"),
    default="",
    purpose="OTLP/HTTP collector that gets the traces; empty: nowhere",
)
OTEL_SDK_DISABLED = text("OTEL_SDK_DISABLED", default="false", purpose="true: no traces, whatever else is set")
