"""Logs and error reports. Sentry costs nothing unless a DSN is set."""

from core.settings.application import ENVIRONMENT
from core.settings.environment import secret, text

LOG_LEVEL = text(
    "LOG_LEVEL",
    default="INFO",
    one_of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    purpose="least severity logged",
)
LOG_FORMAT = text(
    "LOG_FORMAT", default="json", one_of=("console", "json"), purpose="console for people, json for machines"
)
LOGGING_CONFIG = None  # core.observability.logs configures logging, once, for every kind of process

SENTRY_CONFIG_DSN = secret("SENTRY_CONFIG_DSN", default="", purpose="where errors are reported; empty: nowhere")
SENTRY_CONFIG_ENVIRONMENT = (
    text("SENTRY_CONFIG_ENVIRONMENT", default="", purpose="environment shown in Sentry; empty: ENVIRONMENT")
    or ENVIRONMENT
)
