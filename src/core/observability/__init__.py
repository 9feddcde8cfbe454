"""Where vendors are plugged in: logging, error reports, traces. The other rooms know only structlog and kit.span."""

from django.conf import settings


def start() -> None:
    """Begin to trace this process, if it is to be; doing it again changes nothing. Not before a fork."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT and settings.OTEL_SDK_DISABLED.lower() != "true":
        from core.observability import tracing  # noqa: PLC0415 -- importing it takes a third of a second

        tracing.start(environment=settings.ENVIRONMENT, release=settings.RELEASE)


def stop() -> None:
    """Send what is still to be sent, because this process is about to end."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT and settings.OTEL_SDK_DISABLED.lower() != "true":
        from core.observability import tracing  # noqa: PLC0415 -- likewise

        tracing.stop()
    if settings.SENTRY_CONFIG_DSN:
        from core.observability import sentry  # noqa: PLC0415 -- for symmetry: the module itself imports nothing

        sentry.flush()
